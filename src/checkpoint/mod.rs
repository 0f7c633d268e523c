//! The checkpoint stage.

pub mod steps;
#[cfg(feature = "crash-test")]
pub mod watched_directory;
