//! The index stage.

pub mod schema;
