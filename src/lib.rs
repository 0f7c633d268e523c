//! 倾听: listens to what customers say in Chinese. One folder per stage, in the data's order; see `docs/architecture.md`.

pub mod clock;
pub mod config;
pub mod item;
mod nearest;
mod one_line;

pub mod source;

pub mod format;

pub mod normalize;

pub mod segment;

pub mod classify;

pub mod enrich;

pub mod index;

pub mod search;

pub mod trend;

pub mod alert;

pub mod notify;

pub mod dead_letter;

pub mod checkpoint;

pub mod pipeline;

pub mod privacy;

pub mod api;

pub mod telemetry;

pub mod demo;

pub mod cli;
