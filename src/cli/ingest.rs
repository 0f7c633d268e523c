//! `qingting ingest`: the records of files to a Kafka topic.

use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
`raw` sends each record's bytes as they are; a preset's name sends canonical items. Idempotent producer, all
replicas acknowledge. Exit code 1 if any record was not acknowledged.

Examples:
  qingting ingest --brokers localhost:9092 --topic reviews reviews.ndjson
  qingting ingest --brokers localhost:9092 --topic items --format jd_comment --key id reviews.ndjson
  zcat old.ndjson.gz | qingting ingest --brokers localhost:9092 --topic reviews --rate 500 --json -")]
pub struct IngestArgs {
    /// Kafka brokers
    #[arg(long, value_name = "HOST:PORT,..")]
    pub brokers: String,
    /// Topic
    #[arg(long, value_name = "TOPIC")]
    pub topic: String,
    /// `raw`, or the preset that reads the records
    #[arg(long, value_name = "raw|NAME", default_value = "raw")]
    pub format: String,
    /// Message key [default: id with a preset, none with raw]
    #[arg(long, value_enum)]
    pub key: Option<IngestKey>,
    /// Records a second at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Print one JSON document {"records","acked","failed"}
    #[arg(long)]
    pub json: bool,
    /// Files to read, `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IngestKey {
    /// The item's id
    Id,
    /// No key: records spread over the partitions
    None,
}

pub fn run(_args: IngestArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
