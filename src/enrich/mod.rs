//! The enrich stage.
