//! `qingting run`: the service.

use super::LogArgs;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Stops gracefully on SIGINT and SIGTERM: what was read is committed and nothing is processed twice.
Writes DATA_DIR/run.json with pid, HTTP address and start-up time, so that `--listen 127.0.0.1:0` works.

Examples:
  qingting run -c /etc/qingting/qingting.toml
  qingting run -c qingting.toml --exit-when-caught-up        for a batch of files or a backlog
  QINGTING_KAFKA__BROKERS=kafka:9092 qingting run -c qingting.toml")]
pub struct RunArgs {
    /// Configuration (TOML)
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// What this process does
    #[arg(long, value_enum, default_value_t = Role::All)]
    pub role: Role,
    /// Data directory, in place of the configuration's
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of the HTTP API, in place of the configuration's
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Stop once everything that was in the topics or files at start is committed and the rules have been evaluated
    #[arg(long)]
    pub exit_when_caught_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Everything in one process
    All,
}

pub fn run(_args: RunArgs, _log: &LogArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
