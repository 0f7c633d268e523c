//! `qingting model check`: does a model keep the contract?

use super::RuntimeChoice;
use std::path::Path;
use std::process::ExitCode;

pub fn run(_directory: &Path, _runtime: &RuntimeChoice, _json: bool) -> anyhow::Result<ExitCode> {
    anyhow::bail!("later in this branch")
}
