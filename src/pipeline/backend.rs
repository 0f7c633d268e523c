//! What the API sees of the running pipeline.

use super::shared::Shared;
use crate::api::Backend;
use crate::config::SearchConfig;
use crate::search::IndexView;
use crate::segment::Segmenter;
use crate::source::http::HttpIntake;
use crate::trend::{KeySeries, SeriesRequest, TrendError};
use chrono_tz::Tz;
use serde_json::{Value, json};
use std::time::Duration;

impl Backend for Shared {
    fn index(&self) -> Option<IndexView> {
        self.live().map(|live| IndexView {
            searcher: live.searcher,
            fields: live.fields,
            generation: live.generation,
        })
    }

    fn segmenter(&self) -> &Segmenter {
        &self.stages.segmenter
    }

    fn zone(&self) -> Tz {
        self.config.time.zone
    }

    fn search_config(&self) -> &SearchConfig {
        &self.config.search
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    fn intake(&self) -> Option<&HttpIntake> {
        self.http_intake.as_ref()
    }

    fn not_ready(&self) -> Vec<&'static str> {
        // lag and disk trouble are told by `status` and the metrics: they do not take the API away
        if self.live().is_some() {
            Vec::new()
        } else {
            vec!["recovering"]
        }
    }

    fn status(&self) -> Value {
        let model = self.stages.model.reference();
        let mut status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ready": self.not_ready().is_empty(),
            "model": {"name": model.name, "version": model.version},
            "sources": self.config.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(),
        });
        if let (Value::Object(status), Ok(Value::Object(health))) = (&mut status, serde_json::to_value(self.health())) {
            status.extend(health);
        }
        status
    }

    fn series(&self, request: &SeriesRequest) -> Option<Result<Vec<KeySeries>, TrendError>> {
        self.live().map(|live| live.trend.read().series(request))
    }

    fn watermark_ms(&self) -> Option<i64> {
        self.health().record_hour_ms
    }

    fn alerts(&self, state: Option<&str>, rule: Option<&str>) -> Option<Result<Vec<Value>, String>> {
        self.live().map(|live| {
            live.projection
                .lock()
                .alerts(state, rule)
                .map_err(|error| error.to_string())
        })
    }

    fn alert(&self, id: &str) -> Option<Result<Option<Value>, String>> {
        self.live()
            .map(|live| live.projection.lock().alert(id).map_err(|error| error.to_string()))
    }

    fn metrics_text(&self) -> String {
        self.show_gauges();
        self.metrics.render()
    }

    fn observe_request(&self, route: &str, code: u16, duration: Duration) {
        self.metrics
            .http_request_duration_seconds
            .with_label_values(&[route, &code.to_string()])
            .observe(duration.as_secs_f64());
    }
}
