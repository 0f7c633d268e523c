//! The parts of one record on their way into the outcome: positions, flags of the whole record, dead letters.

use super::item::Mapped;
use super::values::Reject;
use super::{FormatOutcome, MOST_PARTS, STAGE};
use crate::config::SourceConfig;
use crate::item::{Change, DeadLetter, DeadLetterCode, ItemPosition, MappedItem, RawRecord, RecordOutcome};

/// Collects the parts of one record.
pub struct Parts<'p> {
    pub record: &'p RawRecord,
    pub source: &'p SourceConfig,
    pub out: &'p mut FormatOutcome,
    pub duplicate_key: bool,
    pub mojibake_repaired: bool,
    count: u32,
}

impl<'p> Parts<'p> {
    pub fn new(record: &'p RawRecord, source: &'p SourceConfig, out: &'p mut FormatOutcome) -> Self {
        Self {
            record,
            source,
            out,
            duplicate_key: false,
            mojibake_repaired: false,
            count: 0,
        }
    }

    pub fn warn(&mut self, message: &str) {
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

    pub fn upsert(&mut self, mapped: Mapped) {
        if self.is_full() {
            return;
        }
        let position = self.next_position();
        let mut item = mapped.item;
        if self.duplicate_key {
            item.flags.insert("duplicate_key".to_owned());
        }
        if self.mojibake_repaired {
            item.flags.insert("mojibake_repaired".to_owned());
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

    pub fn delete(&mut self, id: String, version: Option<i64>) {
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
    pub fn tombstone(&mut self, id_of_key: impl FnOnce(&str) -> String) {
        let key = self.record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        match key.map(str::trim).filter(|key| !key.is_empty()) {
            Some(key) => self.delete(id_of_key(key), None),
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

    pub fn reject_part(&mut self, reject: Reject) {
        if self.count as usize > MOST_PARTS {
            return;
        }
        let part = self.next_position().part;
        self.dead(Some(part), reject);
    }

    pub fn reject_record(&mut self, reject: Reject) {
        self.dead(None, reject);
    }

    fn dead(&mut self, part: Option<u32>, reject: Reject) {
        self.out.dead_letters.push(DeadLetter::new(
            &self.record.position,
            part,
            &self.source.name,
            STAGE,
            reject.code,
            &reject.message,
            self.record.record_time_ms,
            self.record.payload.as_deref().unwrap_or_default(),
        ));
    }

    pub fn finish(self) {
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
