//! The search stage.
