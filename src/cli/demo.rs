//! `qingting demo`: the product working on an invented company.

use super::signals::Signals;
use crate::demo::{self, ShowOptions};
use clap::Args;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Starts a Kafka-protocol broker in this process, feeds it weeks of invented customer voice, processes it with the
real pipeline, and shows the alert that follows. Keeps the API open until Ctrl-C; --exit ends with the story.

Examples:
  qingting demo
  qingting demo --exit --json
  qingting demo --weeks 6 --listen 127.0.0.1:7700")]
pub struct DemoArgs {
    /// End when the story is told
    #[arg(long)]
    pub exit: bool,
    /// Weeks that the story lasts
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(4..=26))]
    pub weeks: u32,
    /// Address of the HTTP API
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7700")]
    pub listen: String,
    /// Print one JSON document at the end
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    let options = ShowOptions {
        weeks: args.weeks,
        listen: args.listen,
        exit: args.exit,
        json: args.json,
    };
    let report = demo::show(&options, &|| signals.raised())?;
    Ok(ExitCode::from(if report.is_as_told {
        super::EXIT_DONE
    } else {
        super::EXIT_FAILED
    }))
}
