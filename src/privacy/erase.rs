//! Takes an author's or an item's documents out, everywhere that a data directory keeps them, and proves it.

use super::PrivacyError;
use super::erasures::{Erasure, Erasures};
use crate::checkpoint::{Payload, StateLog};
use crate::index::schema::Fields;
use crate::index::{IndexError, IndexStore, decode, id_of};
use crate::pipeline::{PipelineError, index_directory, recount};
use crate::trend::Sign;
use rustc_hash::FxHashSet;
use serde::Serialize;
use std::path::Path;
use tantivy::{Searcher, TantivyDocument};

#[derive(Debug, Default, Serialize)]
pub struct EraseReport {
    /// Nothing of it is left in any file of the data directory.
    pub ok: bool,
    /// Items that were taken out of the index.
    pub erased: u64,
    /// Places of the state log (samples and searches of alerts) that were blanked.
    pub blanked: u64,
    /// Documents and bytes that were looked at afterwards.
    pub scanned_documents: u64,
    pub scanned_bytes: u64,
    /// Where something is left, if anything.
    pub left: Vec<String>,
}

/// Erases; the process must be stopped, its lock held by the caller.
pub fn erase(data_dir: &Path, erasure: &Erasure) -> Result<EraseReport, PipelineError> {
    let (mut store, payload) = IndexStore::open(&index_directory(data_dir))?;
    let payload = payload.ok_or_else(|| IndexError::Missing(index_directory(data_dir)))?;
    store.stop_merging();
    let mut erasures = Erasures::load(data_dir)?;
    // first of all: whatever happens now, the next start takes the rest out
    erasures.add(data_dir, erasure)?;
    let mut report = EraseReport::default();
    let mut traces: FxHashSet<String> = match erasure {
        Erasure::Author(id) | Erasure::Item(id) => std::iter::once(id.clone()).collect(),
    };
    let (mut payload, ids) = apply(&mut store, payload, &erasures)?;
    report.erased = ids.len() as u64;
    traces.extend(ids);
    report.blanked = blank_log(data_dir, &payload, &traces)?;
    remove_projection(data_dir)?;
    payload.commit += 1;
    store.commit(&payload)?;
    store.compact()?;
    prove(data_dir, &store, &erasures, &traces, &mut report)?;
    report.ok = report.left.is_empty();
    Ok(report)
}

/// Takes out of the index whatever `erasures` name: at an erasure, and at a start after a backup was restored. One
/// commit, in which the counts are right. Returns the new payload and the ids that went.
pub fn apply(
    store: &mut IndexStore,
    mut payload: Payload,
    erasures: &Erasures,
) -> Result<(Payload, Vec<String>), PipelineError> {
    if erasures.is_empty() {
        return Ok((payload, Vec::new()));
    }
    let found = matching(store.searcher(), store.fields(), erasures)?;
    if found.is_empty() {
        return Ok((payload, Vec::new()));
    }
    let mut trend = recount(&payload, store.searcher(), store.fields())?;
    store.set_epoch(payload.identities.epoch);
    for (id, record_time_ms) in &found {
        // no version of a crawler is higher: the item does not come back
        let applied = store.delete(id, i64::MAX, "erased", *record_time_ms)?;
        if let Some(old) = applied.replaced.as_deref() {
            let contribution = trend.contribution(&old.item.record, &old.source, old.item.record_time_ms, None);
            trend.apply(&contribution, Sign::Minus);
        }
    }
    payload.commit += 1;
    payload.alive_docs = store.alive_docs;
    payload.tombstones = store.tombstones;
    payload.trend = trend.digest();
    store.commit(&payload)?;
    Ok((payload, found.into_iter().map(|(id, _)| id).collect()))
}

/// Ids and record times (ms) of the alive documents that are named; tombstones have no id.
fn matching(searcher: &Searcher, fields: &Fields, erasures: &Erasures) -> Result<Vec<(String, i64)>, IndexError> {
    let mut ids = Vec::new();
    for (ordinal, segment) in searcher.segment_readers().iter().enumerate() {
        let fast = segment.fast_fields();
        let (hi, lo, author) = (fast.u64("id_hi")?, fast.u64("id_lo")?, fast.u64("author")?);
        let (tombstone, time) = (fast.bool("tombstone")?, fast.date("record_time")?);
        for doc in segment.doc_ids_alive() {
            let named = erasures.contains(id_of(&hi, &lo, doc), author.first(doc).unwrap_or(0));
            if named && tombstone.first(doc) != Some(true) {
                let stored: TantivyDocument = searcher.doc(tantivy::DocAddress::new(ordinal as u32, doc))?;
                let record_time_ms = time.first(doc).map_or(0, |time| time.into_timestamp_millis());
                ids.push((decode(&stored, fields)?.item.id, record_time_ms));
            }
        }
    }
    Ok(ids)
}

/// Overwrites the ids in the frames of the state log. Lengths stay, so that the checkpoint stays true; the file is
/// replaced whole.
fn blank_log(data_dir: &Path, payload: &Payload, traces: &FxHashSet<String>) -> Result<u64, PipelineError> {
    let mut blanked = 0;
    let mut frames = StateLog::read(data_dir, &payload.state_log)?;
    for frame in &mut frames {
        for trace in traces.iter().filter(|trace| !trace.is_empty()) {
            let places: Vec<usize> = memchr::memmem::find_iter(&frame.bytes, trace.as_bytes()).collect();
            for at in places {
                // not the beginning of a longer id
                let end = at + trace.len();
                if frame.bytes.get(end).is_some_and(|next| next.is_ascii_alphanumeric()) {
                    continue;
                }
                frame.bytes[at..end].fill(b'*');
                blanked += 1;
            }
        }
    }
    if blanked > 0 {
        StateLog::replace(data_dir, &frames, &payload.state_log)?;
    }
    Ok(blanked)
}

/// The projection is made again from the log at the next start.
fn remove_projection(data_dir: &Path) -> Result<(), PrivacyError> {
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let path = data_dir.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(PrivacyError::io(path)(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Looks through every document that is left and every other file of the directory.
fn prove(
    data_dir: &Path,
    store: &IndexStore,
    erasures: &Erasures,
    traces: &FxHashSet<String>,
    report: &mut EraseReport,
) -> Result<(), PipelineError> {
    let searcher = store.searcher();
    report.left.extend(
        matching(searcher, store.fields(), erasures)?
            .iter()
            .map(|_| "index: an item is alive".to_owned()),
    );
    for segment in searcher.segment_readers() {
        report.scanned_documents += u64::from(segment.num_docs());
        if segment.num_deleted_docs() > 0 {
            report.left.push(format!(
                "index: {} deleted documents are not merged away",
                segment.num_deleted_docs()
            ));
        }
    }
    let entries = std::fs::read_dir(data_dir).map_err(PrivacyError::io(data_dir))?;
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(PrivacyError::io(&path))?;
        report.scanned_bytes += bytes.len() as u64;
        let ends = |end: usize| !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
        let left = traces
            .iter()
            .filter(|trace| !trace.is_empty())
            .any(|trace| memchr::memmem::find_iter(&bytes, trace.as_bytes()).any(|at| ends(at + trace.len())));
        if left {
            report.left.push(format!("{}: an id is named", path.display()));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "erase_tests.rs"]
mod tests;
