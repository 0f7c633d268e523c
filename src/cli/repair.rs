//! `qingting repair`: what only a human may decide.

use crate::index::IndexStore;
use crate::pipeline::{index_directory, lock};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
A topic that was deleted and created again, or cut, is refused: its old positions mean nothing in it. This sets them
back to the beginning under a new epoch. Items that are sent again with the same id and version are stale: nothing is
counted twice. Stop the service first.

Examples:
  qingting repair --data-dir /var/lib/qingting --reset-topic reviews")]
pub struct RepairArgs {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Read this topic again from the beginning
    #[arg(long, value_name = "TOPIC")]
    pub reset_topic: String,
}

pub fn run(args: RepairArgs) -> anyhow::Result<ExitCode> {
    let _lock = lock(&args.data_dir)?;
    let (mut store, payload) = IndexStore::open(&index_directory(&args.data_dir))?;
    let mut payload = payload.ok_or_else(|| anyhow::anyhow!("{}: no checkpoint to repair", args.data_dir.display()))?;
    let mut reset = 0;
    for position in payload
        .positions
        .iter_mut()
        .filter(|position| position.topic == args.reset_topic)
    {
        position.epoch += 1;
        position.next_offset = 0;
        position.last_offset = -1;
        reset += 1;
    }
    anyhow::ensure!(
        reset > 0,
        "{}: no position of topic {} is stored",
        args.data_dir.display(),
        args.reset_topic
    );
    payload.commit += 1;
    store.commit(&payload)?;
    eprintln!(
        "{}: {reset} partitions will be read from the beginning",
        args.reset_topic
    );
    Ok(ExitCode::SUCCESS)
}
