//! The checkpoint stage.
