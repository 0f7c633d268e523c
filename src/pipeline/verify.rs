//! `qingting verify`: recomputes every exact count from the index and compares.

use super::{PipelineError, index_directory};
use crate::checkpoint::{Payload, StateLog};
use crate::config::Config;
use crate::index::schema::Fields;
use crate::index::{id_of, open_for_reading};
use crate::segment::Segmenter;
use crate::trend::TrendEngine;
use rustc_hash::FxHashSet;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use tantivy::Searcher;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    pub ok: bool,
    pub differences: Vec<String>,
}

/// Compares the last commit of a data directory with what its index holds. Reads only.
pub fn verify(data_dir: &Path) -> Result<Verification, PipelineError> {
    let (index, fields, payload) = open_for_reading(&index_directory(data_dir))?;
    let mut differences = Vec::new();
    let Some(payload) = payload else {
        let documents: u64 = index
            .searchable_segment_metas()
            .map_err(crate::index::IndexError::from)?
            .iter()
            .map(|s| u64::from(s.num_docs()))
            .sum();
        if documents > 0 {
            differences.push(format!("{documents} documents and no checkpoint"));
        }
        return Ok(Verification {
            ok: differences.is_empty(),
            differences,
        });
    };
    let searcher = index.reader().map_err(crate::index::IndexError::from)?.searcher();
    check_log(data_dir, &payload, &mut differences);
    check_balance(&payload, &mut differences);
    check_documents(&searcher, &payload, &mut differences)?;
    let trend = recount(&payload, &searcher, &fields)?;
    differences.extend(TrendEngine::differences(&payload.trend, &trend.digest()));
    Ok(Verification {
        ok: differences.is_empty(),
        differences,
    })
}

/// The exact counts of an index, by its own zone and without rules.
pub fn recount(payload: &Payload, searcher: &Searcher, fields: &Fields) -> Result<TrendEngine, PipelineError> {
    let zone = format!("[time]\nzone = {:?}", payload.identities.zone);
    let config = Config::parse(&zone, &BTreeMap::new()).map_err(PipelineError::Config)?;
    let mut trend = TrendEngine::new(&config, &Segmenter::new())?;
    trend.rebuild(searcher, fields)?;
    Ok(trend)
}

fn check_log(data_dir: &Path, payload: &Payload, differences: &mut Vec<String>) {
    if let Err(error) = StateLog::read(data_dir, &payload.state_log) {
        differences.push(error.to_string());
    }
    let path = data_dir.join("dead_letters.ndjson");
    let Ok(bytes) = std::fs::read(&path) else {
        if payload.dead_letters_bytes > 0 {
            tracing::debug!("the dead letters are in a file of the configuration's");
        }
        return;
    };
    let Some(committed) = bytes.get(..payload.dead_letters_bytes as usize) else {
        differences.push(format!(
            "dead letters: {} bytes, the checkpoint says {}",
            bytes.len(),
            payload.dead_letters_bytes
        ));
        return;
    };
    let lines = committed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let (mut letters, mut ids) = (0u64, FxHashSet::default());
    for line in lines {
        letters += 1;
        match serde_json::from_slice::<crate::item::DeadLetter>(line) {
            Ok(letter) if !ids.insert(letter.id.clone()) => {
                differences.push(format!("dead letter {} is there twice", letter.id))
            }
            Ok(_) => {}
            Err(error) => differences.push(format!("dead letter line {letters} does not parse: {error}")),
        }
    }
    let expected = payload.total().dead_letters;
    if letters != expected {
        differences.push(format!("dead letters: {letters} lines, the balance says {expected}"));
    }
}

fn check_balance(payload: &Payload, differences: &mut Vec<String>) {
    for (source, balance) in &payload.balance {
        if !balance.is_exact() {
            differences.push(format!("balance of source {source} does not add up: {balance:?}"));
        }
    }
}

fn check_documents(searcher: &Searcher, payload: &Payload, differences: &mut Vec<String>) -> Result<(), PipelineError> {
    let (mut alive, mut tombstones, mut doubled) = (0u64, 0u64, 0u64);
    let mut ids = FxHashSet::default();
    for segment in searcher.segment_readers() {
        let fast = segment.fast_fields();
        let read = |name: &str| fast.u64(name).map_err(crate::index::IndexError::from);
        let (hi, lo) = (read("id_hi")?, read("id_lo")?);
        let tombstone = fast.bool("tombstone").map_err(crate::index::IndexError::from)?;
        for doc in segment.doc_ids_alive() {
            alive += 1;
            tombstones += u64::from(tombstone.first(doc) == Some(true));
            doubled += u64::from(!ids.insert(id_of(&hi, &lo, doc)));
        }
    }
    for (what, found, expected) in [
        ("alive documents", alive, payload.alive_docs),
        ("tombstones", tombstones, payload.tombstones),
        ("doubled ids", doubled, 0),
    ] {
        if found != expected {
            differences.push(format!("{what}: {found} in the index, {expected} in the checkpoint"));
        }
    }
    Ok(())
}
