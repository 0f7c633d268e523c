//! The classify stage.
