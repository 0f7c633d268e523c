//! Format: one native record → its items in canonical form.
//!
//! Comes in: [`RawRecord`] and the source's configuration. Goes out: [`FormatOutcome`]: upserts and deletes in the
//! order of the record's parts, dead letters for what could not be read, warnings for what was read with a loss.
//! Cannot fail: a bad record is a dead letter, and limits are checked before anything is parsed. Metrics:
//! `qingting_records_total`, `qingting_dead_letters_total` (counted by the pipeline from the outcome).

mod auto;
mod finish;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod item;
mod json;
mod library;
mod mapping;
mod parts;
mod presets;
mod values;
mod vocabulary;

use crate::config::SourceConfig;
use crate::item::{Change, DeadLetter, DeadLetterCode, MappedItem, RawRecord, RecordOutcome};
use chrono_tz::Tz;
use item::Read;
use json::Node;
use mapping::{Input, MappingError, Preset, Scope};
use parts::Parts;
use std::borrow::Cow;
use std::sync::Arc;
use values::Reject;

pub use finish::LONGEST_TEXT_BYTES;

/// `format = "auto"`: every record is read by whoever recognizes it.
pub const AUTO: &str = "auto";

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

/// A mapping that does not load.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error("format {name}: {error}")]
    Preset { name: String, error: MappingError },
    #[error("mapping {path}: {error}")]
    File { path: String, error: MappingError },
    #[error("mapping {path}: cannot read it: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("mappings of {path}: {message}")]
    Directory { path: String, message: String },
}

impl FormatError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Preset { .. } => "preset",
            Self::File { .. } => "mapping",
            Self::Read { .. } => "mapping_read",
            Self::Directory { .. } => "mapping_directory",
        }
    }
}

/// Which reader `auto` took, and why. Worded when somebody asks: it is chosen anew for each record.
#[derive(Debug, Clone)]
pub enum Chosen {
    /// A canonical record that says its schema.
    Schema(&'static str),
    /// The preset that has so many marks in the record.
    Marks(Arc<Preset>, usize),
    /// A canonical record that does not say so.
    LooksCanonical,
    /// The preset whose container is there, without records in it.
    EmptyContainer(Arc<Preset>),
}

impl Chosen {
    pub fn name(&self) -> &str {
        match self {
            Self::Schema(_) | Self::LooksCanonical => item::NAME,
            Self::Marks(preset, _) | Self::EmptyContainer(preset) => &preset.name,
        }
    }

    pub fn reason(&self) -> String {
        match self {
            Self::Schema(schema) => format!("says schema {schema}"),
            Self::Marks(preset, marks) => format!("has {} ({marks} marks)", preset.known_by()),
            Self::LooksCanonical => "has text and an id".to_owned(),
            Self::EmptyContainer(_) => "has its container, which is empty".to_owned(),
        }
    }
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
    presets: Vec<Arc<Preset>>,
    zone: Tz,
    limits: Limits,
}

/// Who reads a record.
#[derive(Clone, Copy)]
enum Reader<'f> {
    Item,
    Preset(&'f Preset),
    /// Whoever recognizes it.
    Auto,
}

impl Formats {
    /// Zone of times that are written without an offset.
    pub fn with_zone(mut self, zone: Tz) -> Self {
        self.zone = zone;
        self
    }

    /// Names of all formats, `item` first.
    pub fn names(&self) -> Vec<&str> {
        std::iter::once(item::NAME)
            .chain(self.presets.iter().map(|preset| preset.name.as_str()))
            .collect()
    }

    /// One line that says what writes the format.
    pub fn about(&self, name: &str) -> Option<&str> {
        match self.reader(name)? {
            Reader::Item => Some("the canonical item, one object a record or an array of them"),
            Reader::Preset(preset) => Some(&preset.about),
            Reader::Auto => None,
        }
    }

    /// The mapping of a preset as it is written.
    pub fn show(&self, name: &str) -> Option<&str> {
        match self.reader(name)? {
            Reader::Item => Some(presets::ITEM),
            Reader::Preset(preset) => Some(&preset.written),
            Reader::Auto => None,
        }
    }

    /// True for what `format = "…"` may say: a format, one of its other names, or `auto`.
    pub fn knows(&self, name: &str) -> bool {
        self.reader(name).is_some()
    }

    fn reader(&self, name: &str) -> Option<Reader<'_>> {
        match name {
            item::NAME => Some(Reader::Item),
            AUTO => Some(Reader::Auto),
            _ => self
                .presets
                .iter()
                .find(|preset| preset.name == name || preset.aliases.iter().any(|alias| alias == name))
                .map(|preset| Reader::Preset(preset)),
        }
    }

    /// Reads one record. Never fails: what cannot be read is a dead letter in `out`.
    pub fn read(&self, record: &RawRecord, source: &SourceConfig, out: &mut FormatOutcome) {
        out.clear();
        let mut parts = Parts::new(record, source, out);
        if let Some(unreadable) = &record.unreadable {
            parts.reject_record(Reject::new(unreadable.code, unreadable.message.clone()));
            return parts.finish();
        }
        match (self.reader(&source.format), &record.payload) {
            (None, _) => parts.reject_record(Reject::new(
                DeadLetterCode::NoPreset,
                format!("format `{}` is not known, want one of `format list`", source.format),
            )),
            (Some(Reader::Preset(preset)), None) => parts.tombstone(|key| preset.item_id(key)),
            (Some(_), None) => parts.tombstone(str::to_owned),
            (Some(reader), Some(payload)) => {
                if let Err(reject) = self.read_payload(reader, payload, &mut parts) {
                    parts.reject_record(reject);
                }
            }
        }
        parts.finish();
    }

    fn read_payload(&self, reader: Reader<'_>, payload: &[u8], parts: &mut Parts<'_>) -> Result<(), Reject> {
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
        let text = self.decoded(reader, payload)?;
        let text = self.prepared(&text, parts)?;
        let mut parsed =
            json::parse(&text).map_err(|error| Reject::new(DeadLetterCode::JsonSyntax, json::explain(&error)))?;
        parts.duplicate_key = parsed.duplicate_key;
        if json::may_be_mojibake(&text) && parsed.node.repair_mojibake() {
            parts.mojibake_repaired = true;
            parts.warn("text that was utf-8 read as latin-1 was repaired");
        }
        let reader = match reader {
            Reader::Auto => self.choose(&parsed.node, parts)?,
            reader => reader,
        };
        // an array on one line is as many records as it has elements, each of them an item or a container
        match &parsed.node {
            Node::List(nodes) => nodes.iter().for_each(|node| self.read_node(reader, node, parts)),
            node => self.read_node(reader, node, parts),
        }
        Ok(())
    }

    /// UTF-8, else the first of the preset's encodings in which every byte means something.
    fn decoded<'t>(&self, reader: Reader<'_>, payload: &'t [u8]) -> Result<Cow<'t, str>, Reject> {
        let not_utf8_from = match std::str::from_utf8(payload) {
            Ok(text) => return Ok(Cow::Borrowed(text)),
            Err(error) => error.valid_up_to(),
        };
        let encodings: &[&encoding_rs::Encoding] = match reader {
            Reader::Item => &[],
            Reader::Preset(preset) => &preset.encodings,
            Reader::Auto => &[encoding_rs::GB18030],
        };
        if encodings.is_empty() {
            return Err(Reject::new(
                DeadLetterCode::InvalidUtf8,
                format!("not utf-8 from byte {not_utf8_from} on"),
            ));
        }
        encodings
            .iter()
            .find_map(|encoding| encoding.decode_without_bom_handling_and_without_replacement(payload))
            .ok_or_else(|| {
                let names: Vec<&str> = encodings.iter().map(|encoding| encoding.name()).collect();
                Reject::new(
                    DeadLetterCode::Encoding,
                    format!(
                        "neither utf-8 (from byte {not_utf8_from} on) nor {}",
                        names.join(" nor ")
                    ),
                )
            })
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

    fn read_node(&self, reader: Reader<'_>, node: &Node<'_>, parts: &mut Parts<'_>) {
        match reader {
            Reader::Preset(preset) => self.read_mapped(preset, node, parts),
            Reader::Item | Reader::Auto => self.read_canonical(node, parts),
        }
    }

    fn read_mapped(&self, preset: &Preset, root: &Node<'_>, parts: &mut Parts<'_>) {
        let Some(units) = preset.units(root) else {
            return parts.reject_part(Reject::missing(&preset.containers(), "the container of the items"));
        };
        let record = parts.record;
        let input = Input {
            record,
            zone: parts.source.zone.unwrap_or(self.zone),
        };
        for (parent, unit) in units {
            let mut warnings = std::mem::take(&mut parts.out.warnings);
            preset.apply(
                &Scope {
                    root,
                    parent,
                    unit,
                    record,
                },
                input,
                &mut warnings,
                &mut |read| match read {
                    Ok(mut mapped) => {
                        finish::finish(&mut mapped, parts.source, true);
                        if mapped.deleted {
                            let version = mapped.has_collect_time.then_some(mapped.item.version);
                            parts.delete(mapped.item.id, version);
                        } else {
                            parts.upsert(mapped);
                        }
                    }
                    Err(reject) => parts.reject_part(reject),
                },
            );
            parts.out.warnings = warnings;
        }
    }

    fn read_canonical(&self, node: &Node<'_>, parts: &mut Parts<'_>) {
        let Node::Object(object) = node else {
            return parts.reject_part(Reject::wrong_type("$", node, "an object or an array of objects"));
        };
        let context = item::Context {
            record_time_ms: parts.record.record_time_ms,
            zone: parts.source.zone.unwrap_or(self.zone),
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

#[cfg(test)]
mod tests;
