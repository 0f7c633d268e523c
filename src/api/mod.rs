//! The API stage: HTTP over the last commit.
//!
//! Comes in: requests of the pinned interface (`docs/search.md`, `/openapi.json`). Goes out: JSON. Can fail: with
//! [`ApiError`], always as `{"error":{"code","message","at","suggestion"}}`. Moves
//! `qingting_http_request_duration_seconds` through [`Backend::observe_request`].
//!
//! Searches and everything else that may wait run on blocking threads; as many searches as `[search] concurrency` run at
//! once, one more waits a moment and is then refused with 429. Bodies, query strings and durations are bounded. There
//! are no files to serve; the one request that writes is the intake, which hands a body to Kafka.

mod error;
mod handlers;
mod openapi;
mod parameters;
mod server;

#[cfg(test)]
mod tests;

pub use error::ApiError;
pub use openapi::document as openapi_document;
pub use server::{router, serve};

use crate::config::SearchConfig;
use crate::search::IndexView;
use crate::segment::Segmenter;
use crate::source::http::HttpIntake;
use crate::trend::{KeySeries, SeriesRequest, TrendError};
use chrono_tz::Tz;
use std::time::Duration;

/// What the API needs of the running pipeline. Every method may be called from any thread at any time; those that
/// return the index or read a store may block, and are called on blocking threads.
pub trait Backend: Send + Sync + 'static {
    /// The index at its last commit; `None` while recovering, which answers 503.
    fn index(&self) -> Option<IndexView>;
    fn segmenter(&self) -> &Segmenter;
    /// Zone of dates, days and weeks.
    fn zone(&self) -> Tz;
    fn search_config(&self) -> &SearchConfig;
    /// The injected clock, ms UTC.
    fn now_ms(&self) -> i64;
    /// Takes what is pushed; `None` where no source does.
    fn intake(&self) -> Option<&HttpIntake>;
    /// Reasons of the pinned list: `recovering` `lag` `disk` `kafka`; empty = ready.
    fn not_ready(&self) -> Vec<&'static str>;
    /// `GET /api/v1/status`.
    fn status(&self) -> serde_json::Value;
    /// Counts that the trend engine keeps; `None` while recovering. [`TrendError::NoSeries`] makes the API count in
    /// the index.
    fn series(&self, request: &SeriesRequest) -> Option<Result<Vec<KeySeries>, TrendError>>;
    /// Record time that all partitions have reached, ms UTC.
    fn watermark_ms(&self) -> Option<i64>;
    /// Alert records, newest first; `None` while recovering. An error is one line.
    fn alerts(&self, state: Option<&str>, rule: Option<&str>) -> Option<Result<Vec<serde_json::Value>, String>>;
    fn alert(&self, id: &str) -> Option<Result<Option<serde_json::Value>, String>>;
    /// Prometheus text.
    fn metrics_text(&self) -> String;
    /// One answered request. `route` is the matched pattern or `unmatched`, never the path.
    fn observe_request(&self, route: &str, code: u16, duration: Duration);
}
