//! The dead_letter stage.
