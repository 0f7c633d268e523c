//! What one alive document counts as: a pure function of the analyzed record, its source and its record time.

use super::dims::{Dimension, is_voice, write_rating};
use crate::index::{polarity_sign, rating_tenths, usable_event_time};
use crate::item::{AnalyzedRecord, Precision, RecordPosition};

/// Whether a contribution is added or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Plus,
    Minus,
}

impl Sign {
    pub(super) fn unit(self) -> i32 {
        match self {
            Self::Plus => 1,
            Self::Minus => -1,
        }
    }
}

/// An event time that can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventTime {
    pub at_ms: i64,
    /// Only the day is known: takes part in windows of whole days only.
    pub day_precise: bool,
}

/// What one alive document counts as. Compact: all values stand in one string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    pub(super) event: Option<EventTime>,
    pub(super) record_time_ms: i64,
    /// Valid, a customer's voice, first of its near-duplicate group: what rules use.
    pub(super) deduplicated: bool,
    /// Why rules do not count it, if they do not.
    pub(super) left_out: &'static str,
    values: Vec<(Dimension, u32, u32)>,
    topic: (u32, u32),
    keyword: (u32, u32),
    text: String,
    /// Bit v is set where the filter of view v matches; views without a filter have no bit.
    pub(super) filters: u64,
}

impl Contribution {
    /// The part that does not depend on rules. Rules with a `where` count only what
    /// [`super::TrendEngine::contribution`] made.
    pub fn of(record: &AnalyzedRecord, source: &str, record_time_ms: i64) -> Self {
        let item = &record.item;
        let analysis = &record.analysis;
        let mut out = Self {
            event: event_time(record),
            record_time_ms,
            deduplicated: analysis.valid.label && analysis.duplicate.is_none() && is_voice(record),
            left_out: if item.flags.contains("time_future") {
                "future"
            } else if analysis.valid.label && analysis.duplicate.is_some() {
                "duplicate"
            } else {
                "invalid"
            },
            values: Vec::with_capacity(24),
            topic: (0, 0),
            keyword: (0, 0),
            text: String::with_capacity(256),
            filters: 0,
        };
        out.push(Dimension::Source, source);
        out.push(Dimension::Platform, &item.source.platform);
        out.push(Dimension::Kind, &item.source.kind);
        out.push_rating(rating_tenths(record));
        out.push_optional(Dimension::Brand, &item.subject.brand);
        out.push_optional(Dimension::Region, &item.author.region);
        out.push_optional(Dimension::Touchpoint, &item.source.touchpoint);
        out.push_optional(Dimension::Mode, &item.source.mode);
        out.push_optional(Dimension::BusinessLine, &item.business_line);
        out.push_optional(Dimension::Segment, &item.author.segment);
        out.push_optional(Dimension::Version, &item.subject.version);
        out.push(Dimension::Sentiment, &analysis.sentiment.label);
        out.push(Dimension::Severity, &analysis.severity.label);
        out.push(Dimension::Intent, &analysis.intent.label);
        out.push(Dimension::Valid, if analysis.valid.label { "true" } else { "false" });
        for aspect in &analysis.aspects {
            out.push_distinct(Dimension::Aspect, &aspect.aspect, None);
        }
        for aspect in &analysis.aspects {
            out.push_distinct(
                Dimension::AspectPolarity,
                &aspect.aspect,
                Some(polarity_sign(&aspect.polarity)),
            );
        }
        out.push_optional(Dimension::Product, &item.subject.product);
        out.push_optional(Dimension::Sku, &item.subject.sku);
        out.push_optional(Dimension::Category, &item.subject.category);
        out.push_optional(Dimension::Tier, &item.author.tier);
        out.topic = match &record.position.record {
            RecordPosition::Kafka { topic, .. } => out.append(topic),
            RecordPosition::File { .. } => out.append("file"),
        };
        out.keyword = out.append(item.source.keyword.as_deref().unwrap_or(""));
        out
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (Dimension, &str)> {
        self.values
            .iter()
            .map(|&(dimension, from, to)| (dimension, &self.text[from as usize..to as usize]))
    }

    /// Source, platform, topic and crawl keyword: what coverage is kept for.
    pub(super) fn feed(&self) -> [&str; 4] {
        let mut feed = [
            "",
            "",
            &self.text[self.topic.0 as usize..self.topic.1 as usize],
            &self.text[self.keyword.0 as usize..self.keyword.1 as usize],
        ];
        for (dimension, value) in self.values() {
            match dimension {
                Dimension::Source => feed[0] = value,
                Dimension::Platform => feed[1] = value,
                _ => break,
            }
        }
        feed
    }

    fn append(&mut self, value: &str) -> (u32, u32) {
        let from = self.text.len() as u32;
        self.text.push_str(value);
        (from, self.text.len() as u32)
    }

    fn push(&mut self, dimension: Dimension, value: &str) {
        if !value.is_empty() {
            let (from, to) = self.append(value);
            self.values.push((dimension, from, to));
        }
    }

    fn push_optional(&mut self, dimension: Dimension, value: &Option<String>) {
        if let Some(value) = value {
            self.push(dimension, value);
        }
    }

    fn push_rating(&mut self, tenths: u64) {
        if tenths > 0 {
            let from = self.text.len() as u32;
            write_rating(tenths, &mut self.text);
            self.values.push((Dimension::Rating, from, self.text.len() as u32));
        }
    }

    /// A value counts once an item, however often the item has it.
    fn push_distinct(&mut self, dimension: Dimension, value: &str, sign: Option<char>) {
        if value.is_empty() {
            return;
        }
        let from = self.text.len();
        self.text.push_str(value);
        if let Some(sign) = sign {
            self.text.push(sign);
        }
        let seen = self.values.iter().any(|&(other, start, end)| {
            other == dimension && self.text[start as usize..end as usize] == self.text[from..]
        });
        if seen {
            self.text.truncate(from);
        } else {
            self.values.push((dimension, from as u32, self.text.len() as u32));
        }
    }
}

/// The event time if it can be counted: known, not in the future, exact to the day at least.
fn event_time(record: &AnalyzedRecord) -> Option<EventTime> {
    event_of(usable_event_time(record)?, record.item.published_precision)
}

pub(super) fn event_of(at_ms: i64, precision: Precision) -> Option<EventTime> {
    match precision {
        Precision::Second | Precision::Minute | Precision::Hour => Some(EventTime {
            at_ms,
            day_precise: false,
        }),
        Precision::Day => Some(EventTime {
            at_ms,
            day_precise: true,
        }),
        Precision::Month | Precision::None => None,
    }
}
