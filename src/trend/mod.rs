//! The trend stage.
