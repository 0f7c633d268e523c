//! `qingting schema`: the JSON Schema of every record that crosses a border.

use clap::{Args, ValueEnum};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qingting schema item > item.schema.json
  qingting schema config | jq '.properties | keys'")]
pub struct SchemaArgs {
    /// What to describe
    #[arg(value_enum)]
    pub what: SchemaKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SchemaKind {
    /// The canonical item
    Item,
    /// The analyzed record
    Analyzed,
    /// What could not be read
    DeadLetter,
    /// The configuration
    Config,
}

pub fn run(_args: SchemaArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
