//! The api stage.
