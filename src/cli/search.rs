//! `qingting search`: the index of a data directory or of a running service.

use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("where").required(true).args(["config", "data_dir", "server"]),
    after_help = "\
All words are required by default; quotes make an exact phrase; fields filter: `aspect:logistics-`,
`rating:<=2`, `valid:true`.

Examples:
  qingting search --data-dir /var/lib/qingting 快递慢
  qingting search -c qingting.toml --sort time --limit 50 'sentiment:negative \"登录失败\"'
  qingting search --server http://127.0.0.1:7700 --json 'aspect:logistics-'"
)]
pub struct SearchArgs {
    /// Configuration that names the data directory
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Running service
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Hits to print
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: u32,
    /// Order: relevance, time, priority, engagement
    #[arg(long, value_name = "SORT", default_value = "relevance")]
    pub sort: String,
    /// Print one JSON document, as the API answers
    #[arg(long)]
    pub json: bool,
    /// Query
    pub query: String,
}

pub fn run(_args: SearchArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
