//! One customer's words, as the item that is sent and as what it does to the state.

use super::{DAY_MS, Effect};
use serde_json::{Value, json};

#[derive(Clone)]
pub(super) struct Voice {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) published: i64,
    pub(super) collected: i64,
    pub(super) product: &'static str,
    pub(super) brand: &'static str,
    pub(super) region: &'static str,
    pub(super) author: u64,
    pub(super) text: String,
    pub(super) rating: i64,
    pub(super) time: TimeKind,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum TimeKind {
    Usable,
    Absent,
    Future,
}

impl Voice {
    pub(super) fn value(&self) -> Value {
        let native = self.id.rsplit(':').next().unwrap_or_default();
        let mut value = json!({
            "schema": "qingting.item/1", "id": self.id, "native_id": native, "version": self.version,
            "source": {"kind": "review", "platform": "jd", "format": "item", "role": "review"},
            "author": {"id": format!("u{}", self.author), "type": "customer", "region": self.region},
            "subject": {"brand": self.brand, "product": self.product},
            "rating": {"overall": self.rating, "raw": self.rating.to_string(), "scale": "1-5"},
            "text": self.text,
            "published_at": self.published, "published_precision": "second", "published_inferred": false,
            "collected_at": self.collected, "lang": "zh", "script": "Hans", "flags": [],
        });
        match self.time {
            TimeKind::Usable => {}
            TimeKind::Absent => {
                value["published_at"] = Value::Null;
                value["published_precision"] = json!("none");
            }
            TimeKind::Future => value["published_at"] = json!(self.collected + 40 * DAY_MS),
        }
        value
    }

    pub(super) fn effect(&self) -> Effect {
        Effect {
            id: self.id.clone(),
            version: self.version,
            delete: false,
            event_ms: (self.time == TimeKind::Usable).then_some(self.published),
            product: self.product,
        }
    }
}
