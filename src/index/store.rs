//! The writer's side of the index: upsert by id with version, and the commit.

use super::beside::Beside;
use super::document::{PreparedItem, id_term, tombstone};
use super::lookup::{IdFilter, ItemVersion, Known, KnownDocument, Overlay, find, find_text};
use super::schema::{Fields, TOKENIZER, build};
use super::token_text::TokenText;
use super::{IndexError, id_hash};
use crate::checkpoint::{INDEX_FORMAT, Payload};
use crate::item::Item;
use crate::normalize::{Trigrams, analysis_text};
use crate::telemetry::ItemOutcome;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Directory, Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, Term};

/// Bytes that the one indexing thread buffers before it flushes a segment of its own.
const WRITER_MEMORY_BYTES: usize = 64 << 20;
/// Blocks of 16 KiB that each segment keeps of what was read: with tantivy's hundred they were 40 MB.
const STORE_BLOCKS: usize = 8;
/// First items of groups that are kept, about 700 bytes each.
const FIRST_ITEMS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4_095);
/// Segments of about one size that are merged into one. tantivy's eight merged each of a million documents twice, which
/// was a tenth of all CPU; sixteen do it once.
const MERGED_SEGMENTS: usize = 16;
/// A segment with this share of deleted documents is merged.
const MERGE_DELETED_RATIO: f32 = 0.25;

/// What an upsert did. `replaced` is the document that stood there: its contributions are to be subtracted.
pub struct Applied {
    pub outcome: ItemOutcome,
    pub replaced: Option<Arc<KnownDocument>>,
    /// The document that now stands there; `None` when nothing was written or a tombstone was.
    pub added: Option<Arc<KnownDocument>>,
}

/// The first item of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstItem {
    pub id: Arc<str>,
    pub published_at_ms: Option<i64>,
    pub trigrams: Arc<Trigrams>,
}

pub struct IndexStore {
    index: Index,
    fields: Fields,
    writer: IndexWriter,
    reader: IndexReader,
    searcher: Searcher,
    overlay: Overlay,
    filter: IdFilter,
    /// First items of texts that come again and again (「此用户没有填写评价」): to read one costs more than to index one.
    firsts: LruCache<u128, FirstItem>,
    /// Analysis epoch that new documents get.
    epoch: u64,
    pub alive_docs: u64,
    pub tombstones: u64,
}

impl IndexStore {
    /// Opens or makes the index of `directory` and returns it with the payload of its last commit.
    pub fn open(directory: &Path) -> Result<(Self, Option<Payload>), IndexError> {
        std::fs::create_dir_all(directory)?;
        let (schema, fields) = build();
        let boxed = open_directory(directory)?;
        let index = if Index::exists(boxed.as_ref()).map_err(tantivy::TantivyError::from)? {
            Index::open(boxed)?
        } else {
            Index::create(boxed, schema.clone(), IndexSettings::default())?
        };
        if index.schema() != schema {
            return Err(IndexError::Rebuild {
                path: directory.to_owned(),
                what: "schema",
            });
        }
        register_tokenizer(&index);
        let payload = read_payload(&index, directory)?;
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(WRITER_MEMORY_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index.writer_with_options(options)?;
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(MERGED_SEGMENTS);
        policy.set_del_docs_ratio_before_merge(MERGE_DELETED_RATIO);
        writer.set_merge_policy(Box::new(policy));
        burn_first_stamp(&writer, &fields);
        // segments of a commit that a kill cut off
        writer.garbage_collect_files().wait()?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(STORE_BLOCKS)
            .try_into()?;
        let searcher = reader.searcher();
        let filter = IdFilter::rebuild(&searcher)?;
        let (alive_docs, tombstones) = payload
            .as_ref()
            .map_or((0, 0), |payload| (payload.alive_docs, payload.tombstones));
        if searcher.num_docs() != alive_docs {
            return Err(IndexError::Corrupt(format!(
                "{} documents are alive and the checkpoint says {alive_docs}; run `qingting verify`",
                searcher.num_docs()
            )));
        }
        let store = Self {
            index,
            fields,
            writer,
            reader,
            searcher,
            overlay: Overlay::default(),
            filter,
            firsts: LruCache::new(FIRST_ITEMS),
            epoch: 0,
            alive_docs,
            tombstones,
        };
        Ok((store, payload))
    }

    pub fn set_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The last commit as it can be searched.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    pub fn reader(&self) -> &IndexReader {
        &self.reader
    }

    /// The alive document of an id, the open commit included.
    pub fn known(&self, id: u128) -> Result<Option<Known>, IndexError> {
        if let Some(known) = self.overlay.get(&id) {
            return Ok(Some(known.clone()));
        }
        if self.filter.certainly_new(id) {
            return Ok(None);
        }
        find(&self.searcher, &self.fields, id)
    }

    /// What a copy says of the first item of its text. `None` where that is gone.
    pub fn first_of_group(&mut self, id: u128) -> Result<Option<FirstItem>, IndexError> {
        if let Some(first) = self.firsts.get(&id) {
            return Ok(Some(first.clone()));
        }
        let first_item = |item: &Item| FirstItem {
            id: item.id.as_str().into(),
            published_at_ms: item.published_at,
            trigrams: Arc::new(Trigrams::of(&analysis_text(item))),
        };
        let first = match self.overlay.get(&id) {
            Some(known) => known
                .document
                .as_ref()
                .map(|document| first_item(&document.item.record.item)),
            None => find_text(&self.searcher, &self.fields, id)?.as_ref().map(first_item),
        };
        if let Some(first) = &first {
            self.firsts.put(id, first.clone());
        }
        Ok(first)
    }

    /// Ids of the further answers of the response whose first item is, or was, `first`: they came in the same record, and
    /// their ids begin with its id and a colon.
    pub fn answers_beside(&self, first: &KnownDocument) -> Result<Vec<String>, IndexError> {
        let beside = Beside::of(first);
        let open = self.overlay.values().filter_map(|known| known.document.as_ref());
        let mut ids: Vec<String> = open.filter_map(|document| beside.open_id(document)).collect();
        let committed = beside.committed_ids(&self.searcher, &self.fields)?;
        ids.extend(
            committed
                .into_iter()
                .filter(|id| !self.overlay.contains_key(&id_hash(id))),
        );
        // of an order that does not hang on the table's
        ids.sort_unstable();
        Ok(ids)
    }

    /// Whether `version` of `id` would replace what is there, and what that is.
    pub fn standing(&self, id: u128, version: ItemVersion) -> Result<Standing, IndexError> {
        Ok(match self.known(id)? {
            None => Standing::New,
            Some(known) if version.wins_over(known.version) => Standing::Replaces(known),
            Some(_) => Standing::Stale,
        })
    }

    pub fn version_of(&self, item: &PreparedItem) -> ItemVersion {
        ItemVersion {
            version: item.item.record.item.version,
            epoch: self.epoch,
            content_hash: item.content_hash,
        }
    }

    /// Adds a document whose [`Standing`] is not stale.
    pub fn add(
        &mut self,
        item: PreparedItem,
        standing: Standing,
        source: &Arc<str>,
        voice: bool,
        duplicate: bool,
    ) -> Result<Applied, IndexError> {
        let id = item.id_hash;
        let version = self.version_of(&item);
        let added = Arc::new(KnownDocument {
            item: item.item.clone(),
            source: source.clone(),
            duplicate,
        });
        let document = item.document(&self.fields, source, self.epoch, voice, duplicate);
        let (outcome, replaced) = self.make_room(id, standing)?;
        self.writer.add_document(document)?;
        self.remember(
            id,
            Known {
                version,
                document: Some(added.clone()),
            },
        );
        Ok(Applied {
            outcome,
            replaced,
            added: Some(added),
        })
    }

    /// Deletes an id at a version: a tombstone stands in its place.
    pub fn delete(&mut self, id: &str, version: i64, source: &str, record_time_ms: i64) -> Result<Applied, IndexError> {
        let key = id_hash(id);
        let version = ItemVersion {
            version,
            epoch: self.epoch,
            content_hash: u64::MAX,
        };
        let standing = self.standing(key, version)?;
        if matches!(standing, Standing::Stale) {
            return Ok(Applied {
                outcome: ItemOutcome::Stale,
                replaced: None,
                added: None,
            });
        }
        let document = tombstone(&self.fields, id, version.version, self.epoch, source, record_time_ms);
        let (_, replaced) = self.make_room(key, standing)?;
        self.writer.add_document(document)?;
        self.tombstones += 1;
        self.remember(
            key,
            Known {
                version,
                document: None,
            },
        );
        Ok(Applied {
            outcome: ItemOutcome::Deleted,
            replaced,
            added: None,
        })
    }

    /// `delete_term` is issued only for a real replacement: the delete queue is the bottleneck of a busy writer.
    fn make_room(
        &mut self,
        id: u128,
        standing: Standing,
    ) -> Result<(ItemOutcome, Option<Arc<KnownDocument>>), IndexError> {
        match standing {
            Standing::Replaces(known) => {
                self.writer.delete_term(id_term(&self.fields, id));
                match known.document {
                    Some(document) => Ok((ItemOutcome::Updated, Some(document))),
                    None => {
                        self.tombstones -= 1;
                        Ok((ItemOutcome::Inserted, None))
                    }
                }
            }
            Standing::New => {
                self.alive_docs += 1;
                Ok((ItemOutcome::Inserted, None))
            }
            Standing::Stale => Err(IndexError::Corrupt(
                "a stale document was about to be written".to_owned(),
            )),
        }
    }

    fn remember(&mut self, id: u128, known: Known) {
        self.overlay.insert(id, known);
        self.firsts.pop(&id);
        self.filter.insert(id);
    }

    /// `prepare_commit` with the payload → `commit` → directory sync → reload → overlay cleared. Any error is
    /// terminal: a second `prepare_commit` would succeed without the documents that the first one lost.
    pub fn commit(&mut self, payload: &Payload) -> Result<(), IndexError> {
        use crate::checkpoint::{Bug, Step, enter, seeded};
        let text = serde_json::to_string(payload).map_err(|error| IndexError::Corrupt(error.to_string()))?;
        if seeded(Bug::OverlayEarly) {
            // sees the commit before this one, and forgets what is in neither
            self.reader.reload()?;
            self.searcher = self.reader.searcher();
            self.overlay.clear();
        }
        let mut prepared = match self.writer.prepare_commit() {
            Ok(prepared) => prepared,
            Err(error) if seeded(Bug::RetryPrepare) => {
                tracing::warn!(%error, "seeded bug: preparing again");
                return self.commit(payload);
            }
            Err(error) => return Err(error.into()),
        };
        prepared.set_payload(&text);
        enter(Step::Commit);
        prepared.commit()?;
        // tantivy syncs the directory before it renames meta.json, never after
        self.index.directory().sync_directory()?;
        if !seeded(Bug::OverlayEarly) {
            self.reader.reload()?;
            self.searcher = self.reader.searcher();
            self.overlay.clear();
        }
        if self.filter.is_full() {
            self.filter = IdFilter::rebuild(&self.searcher)?;
        }
        Ok(())
    }
}

impl IndexStore {
    /// No merges but those that are asked for: [`Self::compact`] could not have segments that another merge holds.
    pub fn stop_merging(&self) {
        self.writer.set_merge_policy(Box::new(tantivy::indexer::NoMergePolicy));
    }

    /// Merges all committed segments into one, so that nothing of a deleted document is left on the disk.
    pub fn compact(&mut self) -> Result<(), IndexError> {
        let segments = self.index.searchable_segment_metas()?;
        if segments.iter().any(|segment| segment.num_deleted_docs() > 0) {
            let ids: Vec<_> = segments.iter().map(tantivy::SegmentMeta::id).collect();
            self.writer.merge(&ids).wait()?;
            self.index.directory().sync_directory()?;
        }
        self.writer.garbage_collect_files().wait()?;
        self.reader.reload()?;
        self.searcher = self.reader.searcher();
        // files that the old searcher held open
        self.writer.garbage_collect_files().wait()?;
        Ok(())
    }
}

#[cfg(not(feature = "crash-test"))]
fn open_directory(path: &Path) -> Result<Box<dyn Directory>, IndexError> {
    Ok(Box::new(
        tantivy::directory::MmapDirectory::open(path).map_err(tantivy::TantivyError::from)?,
    ))
}

#[cfg(feature = "crash-test")]
fn open_directory(path: &Path) -> Result<Box<dyn Directory>, IndexError> {
    use crate::checkpoint::watched_directory::WatchedDirectory;
    Ok(Box::new(
        WatchedDirectory::open(path).map_err(tantivy::TantivyError::from)?,
    ))
}

/// How a new version stands to what is alive under its id.
pub enum Standing {
    New,
    Replaces(Known),
    Stale,
}

/// A new tantivy writer gives its first operation the stamp of the last commit. Were that a delete, a merge of committed
/// segments (whose target is that very stamp) would skip it for a segment that already has deletes of the commit, pass over
/// it with the cursor of another, and the replaced document would live on. So the first operation deletes nothing.
fn burn_first_stamp(writer: &IndexWriter, fields: &Fields) {
    writer.delete_term(Term::from_field_bytes(fields.id, b"no id has these bytes"));
}

/// An index of our schema needs this before it is written.
pub fn register_tokenizer(index: &Index) {
    index
        .tokenizers()
        .register(TOKENIZER, TextAnalyzer::from(TokenText::default()));
}

/// Whoever opens an index reads this first, so that none of another format is ever read or written.
fn read_payload(index: &Index, directory: &Path) -> Result<Option<Payload>, IndexError> {
    let Some(text) = index.load_metas()?.payload else {
        return Ok(None);
    };
    let payload: Payload =
        serde_json::from_str(&text).map_err(|error| IndexError::Corrupt(format!("checkpoint payload: {error}")))?;
    if payload.identities.schema != INDEX_FORMAT {
        return Err(IndexError::Rebuild {
            path: directory.to_owned(),
            what: "index format",
        });
    }
    Ok(Some(payload))
}

/// Opens an index that may be in use, without a writer.
pub fn open_for_reading(directory: &Path) -> Result<(Index, Fields, Option<Payload>), IndexError> {
    let (schema, fields) = build();
    if !directory.join("meta.json").exists() {
        return Err(IndexError::Missing(directory.to_owned()));
    }
    let index = Index::open_in_dir(directory)?;
    if index.schema() != schema {
        return Err(IndexError::Rebuild {
            path: directory.to_owned(),
            what: "schema",
        });
    }
    register_tokenizer(&index);
    let payload = read_payload(&index, directory)?;
    Ok((index, fields, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_of_another_format_is_opened_by_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _) = IndexStore::open(directory.path()).unwrap();
        let mut payload = Payload::default();
        payload.identities.schema = INDEX_FORMAT - 1;
        store.commit(&payload).unwrap();
        drop(store);
        let refused = |error: Option<IndexError>| {
            matches!(
                error,
                Some(IndexError::Rebuild {
                    what: "index format",
                    ..
                })
            )
        };
        assert!(refused(IndexStore::open(directory.path()).err()));
        assert!(refused(open_for_reading(directory.path()).err()));
    }

    /// Broke: kills between small commits, then a merge, left `jd:review:1499` alive in its old and its new version.
    #[test]
    fn the_first_replacement_after_a_restart_survives_a_merge() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _) = IndexStore::open(directory.path()).unwrap();
        let commit = |store: &mut IndexStore| {
            let payload = Payload {
                alive_docs: store.alive_docs,
                tombstones: store.tombstones,
                ..Payload::default()
            };
            store.commit(&payload).unwrap();
        };
        // one segment that already has deletes of the last commit, and one that has none
        for id in ["a", "b"] {
            store.delete(id, 1, "source", 1_700_000_000_000).unwrap();
        }
        commit(&mut store);
        store.delete("b", 2, "source", 1_700_000_000_000).unwrap();
        commit(&mut store);
        drop(store);

        let (mut store, _) = IndexStore::open(directory.path()).unwrap();
        store.delete("a", 2, "source", 1_700_000_000_000).unwrap();
        let mut segments = store.index.searchable_segment_metas().unwrap();
        segments.sort_by_key(|segment| segment.num_deleted_docs());
        let ids: Vec<_> = segments.iter().map(|segment| segment.id()).collect();
        assert_eq!(ids.len(), 2);
        store.writer.merge(&ids).wait().unwrap();
        commit(&mut store);
        assert_eq!(store.searcher().num_docs(), 2, "each id is alive once");
    }
}
