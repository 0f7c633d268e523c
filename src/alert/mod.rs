//! The alert stage.
