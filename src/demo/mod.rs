//! The demo stage.
