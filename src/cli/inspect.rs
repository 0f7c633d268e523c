//! `qingting inspect`: what a data directory holds.

use crate::checkpoint::{Frame, FrameKind, Payload, StateLog};
use crate::index::schema::Fields;
use crate::index::{decode, open_for_reading};
use crate::pipeline::{index_directory, recount};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tantivy::{DocAddress, TantivyDocument};

#[derive(Debug, Args)]
#[command(after_help = "\
NDJSON sorted by id; nothing before the first commit. Works offline and changes nothing.

Examples:
  qingting inspect checkpoint --data-dir /var/lib/qingting
  qingting inspect items --data-dir /var/lib/qingting | wc -l
  qingting inspect alerts --data-dir /var/lib/qingting | jq .summary.zh")]
pub struct InspectArgs {
    /// What to print
    #[arg(value_enum)]
    pub what: InspectWhat,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InspectWhat {
    /// The last commit: positions, balance, alive documents
    Checkpoint,
    /// Each alive item: id, version, position, whether it is a duplicate
    Items,
    /// Each trend bucket, raw and de-duplicated
    Trends,
    /// The episodes of rules
    Alerts,
    /// Operational notices
    Notices,
    /// What waits for delivery
    Outbox,
}

pub fn run(args: InspectArgs) -> anyhow::Result<ExitCode> {
    let directory = index_directory(&args.data_dir);
    if !directory.join("meta.json").exists() {
        anyhow::ensure!(
            args.data_dir.is_dir(),
            "{}: no such data directory",
            args.data_dir.display()
        );
        return Ok(ExitCode::SUCCESS); // before the first commit
    }
    let (index, fields, payload) = open_for_reading(&directory)?;
    let Some(payload) = payload else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    match args.what {
        InspectWhat::Checkpoint => line(&mut out, &checkpoint(&payload))?,
        InspectWhat::Items => items(&index, &fields, &mut out)?,
        InspectWhat::Trends => {
            for row in recount(&payload, &index.reader()?.searcher(), &fields)?.rows() {
                line(&mut out, &serde_json::to_value(row)?)?;
            }
        }
        InspectWhat::Alerts => {
            for alert in latest_alerts(&StateLog::read(&args.data_dir, &payload.state_log)?)?.values() {
                line(&mut out, alert)?;
            }
        }
        InspectWhat::Notices => {
            for frame in StateLog::read(&args.data_dir, &payload.state_log)? {
                if frame.kind == FrameKind::Annotation {
                    let mut notice: Value = serde_json::from_slice(&frame.bytes)?;
                    notice["seq"] = frame.seq.into();
                    line(&mut out, &notice)?;
                }
            }
        }
        InspectWhat::Outbox => {
            for (seq, row) in waiting_rows(&StateLog::read(&args.data_dir, &payload.state_log)?)? {
                line(
                    &mut out,
                    &json!({"seq": seq, "receiver": row["receiver"], "alert": row["alert"]}),
                )?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn line(out: &mut impl Write, value: &Value) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn checkpoint(payload: &Payload) -> Value {
    let total = payload.total();
    let positions: Vec<Value> = payload
        .positions
        .iter()
        .map(|p| json!({"topic": p.topic, "epoch": p.epoch, "partition": p.partition, "next_offset": p.next_offset}))
        .collect();
    json!({
        "commit": payload.commit,
        "positions": positions,
        "files": payload.files,
        "records": {
            "total": total.records, "mapped": total.mapped, "skipped": total.skipped, "dead_letter": total.dead_letter,
        },
        "items": {
            "total": total.items, "inserted": total.inserted, "updated": total.updated, "stale": total.stale,
            "deleted": total.deleted,
        },
        "dead_letters": total.dead_letters,
        "alive_docs": payload.alive_docs - payload.tombstones,
        "tombstones": payload.tombstones,
        "record_hour": payload.record_hour_ms,
        "evaluated_through": payload.evaluated_through_ms,
        "identities": payload.identities,
        "committed_at": payload.committed_at_ms,
    })
}

fn items(index: &tantivy::Index, fields: &Fields, out: &mut impl Write) -> anyhow::Result<()> {
    let searcher = index.reader()?.searcher();
    let mut lines = Vec::with_capacity(searcher.num_docs() as usize);
    for (ordinal, segment) in searcher.segment_readers().iter().enumerate() {
        let tombstone = segment.fast_fields().bool("tombstone")?;
        let duplicate = segment.fast_fields().bool("duplicate")?;
        for doc in segment.doc_ids_alive() {
            if tombstone.first(doc) == Some(true) {
                continue;
            }
            let stored: TantivyDocument = searcher.doc(DocAddress::new(ordinal as u32, doc))?;
            let record = decode(&stored, fields)?;
            let row = json!({
                "id": record.item.id, "version": record.item.version, "position": record.position,
                "duplicate": duplicate.first(doc) == Some(true),
            });
            lines.push((record.item.id, row.to_string()));
        }
    }
    lines.sort();
    for (_, row) in lines {
        out.write_all(row.as_bytes())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The last transition of each episode, by id.
fn latest_alerts(frames: &[Frame]) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut latest = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.kind == FrameKind::Alert) {
        let alert: Value = serde_json::from_slice(&frame.bytes)?;
        latest.insert(alert["id"].as_str().unwrap_or_default().to_owned(), alert);
    }
    Ok(latest)
}

fn waiting_rows(frames: &[Frame]) -> anyhow::Result<BTreeMap<u64, Value>> {
    let mut rows = BTreeMap::new();
    for frame in frames {
        match frame.kind {
            FrameKind::Outbox => {
                rows.insert(frame.seq, serde_json::from_slice(&frame.bytes)?);
            }
            FrameKind::Delivered => {
                if let Ok(seq) = <[u8; 8]>::try_from(frame.bytes.as_slice()) {
                    rows.remove(&u64::from_le_bytes(seq));
                }
            }
            FrameKind::Alert | FrameKind::Annotation => {}
        }
    }
    Ok(rows)
}
