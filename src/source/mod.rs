//! Source: where records come from.
//!
//! Comes in: Kafka topics (what is pushed by [`http`] goes to one first), files, standard input. Goes out: [`RawRecord`](crate::item::RawRecord)s through the hour
//! [`gate`], in step of record time. Can fail: [`SourceError`]. Metrics: `qingting_record_bytes_total`,
//! `qingting_consumer_lag_messages`, `qingting_source_last_event_timestamp_seconds`.

mod event;
pub mod file;
pub mod gate;
pub mod http;
pub mod kafka;

pub use event::{SourceError, SourceEvent};
