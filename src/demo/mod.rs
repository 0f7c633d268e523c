//! The demo: shows the product at work on an invented story, with a real Kafka client and an in-process broker.
//!
//! Comes in: a story (ten weeks of an invented company's customers). Goes out: what the pipeline made of it, told in
//! plain Chinese from the answers of its HTTP API. Can fail: the broker does not start, the pipeline stops, or the
//! expected alert did not fire (or another one did), which is an error too. It moves no metric of its own.

mod broker;
mod client;
mod names;
mod progress;
mod settings;
mod show;
pub mod story;
mod tell;
mod verdict;

#[cfg(test)]
mod formats_tests;

pub use show::{DemoError, Report, STORY_END_MS, STORY_SEED, ShowOptions, show};
