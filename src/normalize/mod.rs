//! The normalize stage.
