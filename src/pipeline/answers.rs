//! The further answers of a response: items whose ids nobody names when the response is changed or deleted.
//!
//! One response becomes an item for each free text; the first has the id of the response. A deletion names the response
//! alone, and a change may leave free texts out. What came with the old first item and is not said again goes with it.

use super::PipelineError;
use super::keeper::Keeper;
use crate::index::{Applied, KnownDocument, PreparedItem, id_hash};
use crate::item::Change;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// First items of responses that a record replaces or deletes.
#[derive(Default)]
pub struct Responses {
    /// Ids that the record says again.
    said: FxHashSet<String>,
    /// Those of them that were stale.
    stale: FxHashSet<String>,
    replaced: Vec<Replaced>,
}

struct Replaced {
    old: Arc<KnownDocument>,
    version: i64,
    record_time_ms: i64,
}

impl Responses {
    /// Nothing is kept of records without responses.
    pub fn of(changes: &[Change<PreparedItem>]) -> Self {
        let said = changes.iter().filter_map(|change| match change {
            Change::Upsert(item) => {
                let item = &item.item.record.item;
                item.survey.is_some().then(|| item.id.clone())
            }
            Change::Delete { .. } => None,
        });
        Self {
            said: said.collect(),
            ..Self::default()
        }
    }

    /// Looks at what stood in the place of an item that was written or deleted at `version`.
    pub fn see(&mut self, applied: &Applied, version: i64, record_time_ms: i64) {
        if let Some(old) = &applied.replaced
            && old.item.record.item.survey.is_some()
            && old.item.record.position.parts > 1
            && !self.is_further(&old.item.record.item.id)
        {
            self.replaced.push(Replaced {
                old: old.clone(),
                version,
                record_time_ms,
            });
        }
    }

    /// An item was older than what stands in its place.
    pub fn pass_over(&mut self, id: &str) {
        if self.said.contains(id) {
            self.stale.insert(id.to_owned());
        }
    }

    /// The events of a response may come in any order (each may lie on another partition): what an older one says beside
    /// its first item is old too, though nothing stands there any more.
    pub fn is_beside_stale(&self, id: &str) -> bool {
        !self.stale.is_empty() && begins_with_one_of(id, &self.stale)
    }

    /// What is beside an item is looked for once, beside the first.
    fn is_further(&self, id: &str) -> bool {
        begins_with_one_of(id, &self.said)
    }
}

/// The id is one of `first`, a colon and more.
fn begins_with_one_of(id: &str, first: &FxHashSet<String>) -> bool {
    id.match_indices(':').any(|(end, _)| first.contains(&id[..end]))
}

impl Keeper {
    /// Deletes what came with the old first items and was not said again.
    pub(super) fn delete_further_answers(
        &mut self,
        responses: Responses,
        source: &Arc<str>,
    ) -> Result<(), PipelineError> {
        for replaced in responses.replaced {
            for id in self.store.answers_beside(&replaced.old)? {
                if !responses.said.contains(&id) {
                    let applied = self
                        .store
                        .delete(&id, replaced.version, source, replaced.record_time_ms)?;
                    self.count(&applied, id_hash(&id), &Default::default())?;
                }
            }
        }
        Ok(())
    }
}
