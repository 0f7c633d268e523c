//! Format: one native record → its items in canonical form.
//!
//! Comes in: [`RawRecord`] and the source's configuration. Goes out: [`FormatOutcome`]: upserts and deletes in the
//! order of the record's parts, dead letters for what could not be read, warnings for what was read with a loss.
//! Cannot fail: a bad record is a dead letter, and limits are checked before anything is parsed. Metrics:
//! `qingting_records_total`, `qingting_dead_letters_total` (counted by the pipeline from the outcome).

mod finish;
mod item;
mod json;
mod values;
mod vocabulary;

use crate::config::SourceConfig;
use crate::item::{Change, DeadLetter, DeadLetterCode, ItemPosition, MappedItem, RawRecord, RecordOutcome};
use chrono_tz::Tz;
use item::Read;
use json::Node;
use std::borrow::Cow;
use values::Reject;

pub use finish::LONGEST_TEXT_BYTES;

const STAGE: &str = "format";
/// One record may become at most this many items; the rest is a dead letter.
const MOST_PARTS: usize = 20_000;

/// Limits that are checked before a record is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub record_bytes: usize,
    pub json_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes: 8 * 1024 * 1024,
            json_depth: 128,
        }
    }
}

/// A preset that does not load. Presets are part of the binary, so this is a bug of the preset.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error("format {name}: {message}")]
    Preset { name: String, message: String },
}

impl FormatError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Preset { .. } => "preset",
        }
    }
}

/// Which reader was taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub name: String,
    pub reason: String,
}

/// What one record became. Reused between records: `read` clears it first.
#[derive(Debug)]
pub struct FormatOutcome {
    pub outcome: RecordOutcome,
    pub changes: Vec<Change<MappedItem>>,
    pub dead_letters: Vec<DeadLetter>,
    pub warnings: Vec<String>,
    pub chosen: Option<Chosen>,
}

impl Default for FormatOutcome {
    fn default() -> Self {
        Self {
            outcome: RecordOutcome::Skipped,
            changes: Vec::new(),
            dead_letters: Vec::new(),
            warnings: Vec::new(),
            chosen: None,
        }
    }
}

impl FormatOutcome {
    fn clear(&mut self) {
        self.outcome = RecordOutcome::Skipped;
        self.changes.clear();
        self.dead_letters.clear();
        self.warnings.clear();
        self.chosen = None;
    }
}

/// All formats that are known. Share one between workers.
#[derive(Debug)]
pub struct Formats {
    zone: Tz,
    limits: Limits,
}

impl Formats {
    pub fn builtin() -> Result<Self, FormatError> {
        Ok(Self {
            zone: chrono_tz::Asia::Shanghai,
            limits: Limits::default(),
        })
    }

    /// Zone of times that are written without an offset.
    pub fn with_zone(mut self, zone: Tz) -> Self {
        self.zone = zone;
        self
    }

    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Names of all formats, `item` first.
    pub fn names(&self) -> Vec<&str> {
        vec![item::NAME]
    }

    /// The mapping of a preset as it is written.
    pub fn show(&self, name: &str) -> Option<&str> {
        (name == item::NAME).then_some("# the canonical item; see schemas/item.schema.json\n")
    }

    /// Reads one record. Never fails: what cannot be read is a dead letter in `out`.
    pub fn read(&self, record: &RawRecord, source: &SourceConfig, out: &mut FormatOutcome) {
        out.clear();
        let mut parts = Parts::new(record, source, out);
        match &record.payload {
            None => parts.tombstone(),
            Some(payload) => {
                if let Err(reject) = self.read_payload(payload, &mut parts) {
                    parts.reject_record(reject);
                }
            }
        }
        parts.finish();
    }

    fn read_payload(&self, payload: &[u8], parts: &mut Parts<'_>) -> Result<(), Reject> {
        if payload.len() > self.limits.record_bytes {
            return Err(Reject::new(
                DeadLetterCode::TooLarge,
                format!(
                    "record of {} bytes, want at most {}",
                    payload.len(),
                    self.limits.record_bytes
                ),
            ));
        }
        let text = std::str::from_utf8(payload).map_err(|error| {
            Reject::new(
                DeadLetterCode::InvalidUtf8,
                format!("not utf-8 from byte {} on", error.valid_up_to()),
            )
        })?;
        let text = self.prepared(text, parts)?;
        let parsed =
            json::parse(&text).map_err(|error| Reject::new(DeadLetterCode::JsonSyntax, json::explain(&error)))?;
        parts.duplicate_key = parsed.duplicate_key;
        match &parsed.node {
            Node::List(nodes) => nodes.iter().for_each(|node| self.read_canonical(node, parts)),
            node => self.read_canonical(node, parts),
        }
        Ok(())
    }

    /// Byte-order mark and shell off, limits checked, repaired where half a character would cost the item.
    fn prepared<'t>(&self, text: &'t str, parts: &mut Parts<'_>) -> Result<Cow<'t, str>, Reject> {
        let mut text = text.trim_start_matches('\u{feff}').trim();
        if let Some(argument) = json::without_jsonp(text) {
            parts.warn("jsonp shell taken off");
            text = argument;
        }
        let survey = json::survey(text);
        if survey.depth > self.limits.json_depth {
            return Err(Reject::new(
                DeadLetterCode::JsonDepth,
                format!(
                    "json nested {} deep, want at most {}",
                    survey.depth, self.limits.json_depth
                ),
            ));
        }
        if survey.lone_surrogate {
            parts.warn("half of a surrogate pair became U+FFFD");
        }
        Ok(if survey.lone_surrogate || survey.huge_integer {
            Cow::Owned(json::repair(text))
        } else {
            Cow::Borrowed(text)
        })
    }

    fn read_canonical(&self, node: &Node<'_>, parts: &mut Parts<'_>) {
        let Node::Object(object) = node else {
            return parts.reject_part(Reject::wrong_type("$", node, "an object or an array of objects"));
        };
        let context = item::Context {
            record_time_ms: parts.record.record_time_ms,
            zone: self.zone,
            platform: parts.source.platform.as_deref(),
        };
        match item::read(object, &context, &mut parts.out.warnings) {
            Err(reject) => parts.reject_part(reject),
            Ok(Read::Delete { id, version }) => parts.delete(id, version),
            Ok(Read::Item(mut mapped)) => {
                finish::finish(&mut mapped, parts.source, false);
                if !mapped.has_collect_time {
                    mapped.item.quality.missing.push("collected_at".to_owned());
                }
                parts.upsert(*mapped);
            }
        }
    }
}

/// Collects the parts of one record.
struct Parts<'p> {
    record: &'p RawRecord,
    source: &'p SourceConfig,
    out: &'p mut FormatOutcome,
    duplicate_key: bool,
    count: u32,
}

impl<'p> Parts<'p> {
    fn new(record: &'p RawRecord, source: &'p SourceConfig, out: &'p mut FormatOutcome) -> Self {
        Self {
            record,
            source,
            out,
            duplicate_key: false,
            count: 0,
        }
    }

    fn warn(&mut self, message: &str) {
        self.out.warnings.push(message.to_owned());
    }

    fn next_position(&mut self) -> ItemPosition {
        let part = self.count;
        self.count += 1;
        ItemPosition {
            record: self.record.position.clone(),
            part,
            parts: 0,
        }
    }

    fn upsert(&mut self, mapped: item::Mapped) {
        if self.is_full() {
            return;
        }
        let position = self.next_position();
        let mut item = mapped.item;
        if self.duplicate_key {
            item.flags.insert("duplicate_key".to_owned());
        }
        item.raw_ref.get_or_insert_with(|| self.record.position.to_string());
        self.out.changes.push(Change::Upsert(MappedItem {
            item,
            source: self.record.source,
            position,
            record_time_ms: self.record.record_time_ms,
            native_author_id: mapped.native_author_id,
        }));
    }

    fn delete(&mut self, id: String, version: Option<i64>) {
        if self.is_full() {
            return;
        }
        let position = self.next_position();
        self.out.changes.push(Change::Delete {
            id,
            version: version.unwrap_or(self.record.record_time_ms),
            position,
            record_time_ms: self.record.record_time_ms,
            source: self.record.source,
        });
    }

    /// A Kafka tombstone deletes the item whose id is its key.
    fn tombstone(&mut self) {
        let key = self.record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        match key.map(str::trim).filter(|key| !key.is_empty()) {
            Some(key) => self.delete(key.to_owned(), None),
            None => self.reject_record(Reject::missing("key", "the id of the item that the tombstone deletes")),
        }
    }

    fn is_full(&mut self) -> bool {
        if (self.count as usize) < MOST_PARTS {
            return false;
        }
        if self.count as usize == MOST_PARTS {
            self.reject_part(Reject::new(
                DeadLetterCode::TooLarge,
                format!("record of more than {MOST_PARTS} items, the rest was left out"),
            ));
        }
        true
    }

    fn reject_part(&mut self, reject: Reject) {
        if self.count as usize > MOST_PARTS {
            return;
        }
        let part = self.next_position().part;
        self.dead(Some(part), reject);
    }

    fn reject_record(&mut self, reject: Reject) {
        self.dead(None, reject);
    }

    fn dead(&mut self, part: Option<u32>, reject: Reject) {
        self.out.dead_letters.push(DeadLetter::new(
            &self.record.position,
            part,
            &self.source.name,
            STAGE,
            reject.code,
            reject.message,
            self.record.record_time_ms,
            self.record.payload.as_deref().unwrap_or_default(),
        ));
    }

    fn finish(self) {
        let Self { record, out, count, .. } = self;
        for change in &mut out.changes {
            match change {
                Change::Upsert(mapped) => mapped.position.parts = count,
                Change::Delete { position, .. } => position.parts = count,
            }
        }
        // the only part of its record needs no number
        if count <= 1 {
            for dead in &mut out.dead_letters {
                dead.id = record.position.to_string();
            }
        }
        out.outcome = match (out.changes.is_empty(), out.dead_letters.is_empty()) {
            (false, _) => RecordOutcome::Mapped,
            (true, false) => RecordOutcome::Dead,
            (true, true) => RecordOutcome::Skipped,
        };
    }
}
