//! Items that came in the record of another and carry its id before their own.

use super::IndexError;
use super::lookup::{KnownDocument, stored_id};
use super::schema::Fields;
use crate::item::RecordPosition;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Searcher, TERMINATED, Term};

pub(super) struct Beside<'a> {
    first: &'a KnownDocument,
    /// What the ids begin with.
    prefix: String,
}

impl<'a> Beside<'a> {
    pub fn of(first: &'a KnownDocument) -> Self {
        Self {
            first,
            prefix: format!("{}:", first.item.record.item.id),
        }
    }

    /// The id of a document of the open commit that is such an item.
    pub fn open_id(&self, document: &KnownDocument) -> Option<String> {
        let record = &document.item.record;
        let is_beside = record.position.record == *self.position() && record.item.id.starts_with(&self.prefix);
        is_beside.then(|| record.item.id.clone())
    }

    /// The ids of those in the last commit: among the items of the first one's kind, those of its offset are read.
    pub fn committed_ids(&self, searcher: &Searcher, fields: &Fields) -> Result<Vec<String>, IndexError> {
        let (partition, offset) = match self.position() {
            RecordPosition::Kafka { partition, offset, .. } => {
                (Some(u64::from(partition.unsigned_abs())), offset.unsigned_abs())
            }
            RecordPosition::File { record, .. } => (None, *record),
        };
        let Some(field) = fields.dimension("kind") else {
            return Ok(Vec::new());
        };
        let kind = Term::from_field_text(field, &self.first.item.record.item.source.kind);
        let mut ids = Vec::new();
        for (ordinal, segment) in searcher.segment_readers().iter().enumerate() {
            let inverted = segment.inverted_index(field)?;
            let Some(mut postings) = inverted.read_postings(&kind, IndexRecordOption::Basic)? else {
                continue;
            };
            let (partitions, offsets) = (
                segment.fast_fields().u64("partition")?,
                segment.fast_fields().u64("offset")?,
            );
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if offsets.first(doc) == Some(offset) && partitions.first(doc) == partition && !segment.is_deleted(doc)
                {
                    let id = stored_id(searcher, ordinal as u32, doc, fields)?;
                    ids.extend(id.starts_with(&self.prefix).then_some(id));
                }
                doc = postings.advance();
            }
        }
        Ok(ids)
    }

    fn position(&self) -> &RecordPosition {
        &self.first.item.record.position.record
    }
}
