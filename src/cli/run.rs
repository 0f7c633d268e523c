//! `qingting run`: the service.

use super::LogArgs;
use super::signals::Signals;
use crate::clock::Stopwatch;
use crate::pipeline::{HttpServer, Pipeline, Shared};
use crate::telemetry::Metrics;
use anyhow::Context;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

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

pub fn run(args: RunArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let watch = Stopwatch::start();
    let mut config = super::load_config(&args.config)?;
    if let Some(data_dir) = args.data_dir {
        config.data_dir = data_dir;
    }
    if let Some(listen) = args.listen {
        config.http.listen = listen;
    }
    super::init_log(log, Some(&config))?;
    let metrics = Metrics::new()?;
    let run_file = config.data_dir.join("run.json");
    let listen = config.http.listen.clone();
    let pipeline = Pipeline::start(config, metrics)?;
    let server = HttpServer::start(pipeline.shared().clone(), &listen)?;
    let signals = Signals::listen()?;
    wait(&pipeline, &signals, |shared| shared.live().is_some());
    let ready_ms = watch.elapsed().as_millis() as u64;
    let run = serde_json::json!({"pid": std::process::id(), "http": server.address(), "ready_ms": ready_ms});
    std::fs::write(&run_file, format!("{run}\n")).with_context(|| run_file.display().to_string())?;
    tracing::info!(http = server.address(), ready_ms, "ready");
    wait(&pipeline, &signals, |shared| {
        args.exit_when_caught_up && shared.is_caught_up()
    });
    tracing::info!("stopping");
    let outcome = pipeline.stop();
    drop(server);
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Waits until `done`, a signal, or the end of the pipeline.
fn wait(pipeline: &Pipeline, signals: &Signals, done: impl Fn(&Shared) -> bool) {
    while !signals.raised() && !pipeline.has_ended() && !done(pipeline.shared()) {
        std::thread::sleep(Duration::from_millis(10));
    }
}
