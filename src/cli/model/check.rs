//! `qingting model check`: does a model keep the contract?

use super::RuntimeChoice;
use crate::classify::ModelCheck;
use crate::cli::{EXIT_DONE, EXIT_FAILED};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub fn run(directory: &Path, runtime: &RuntimeChoice, json: bool) -> anyhow::Result<ExitCode> {
    let check = ModelCheck::of(directory, &runtime.config(directory.display().to_string()));
    let mut stdout = std::io::stdout().lock();
    if json {
        serde_json::to_writer(&mut stdout, &check)?;
        writeln!(stdout)?;
    } else {
        for problem in &check.problems {
            writeln!(stdout, "wrong  {problem}")?;
        }
        for note in &check.notes {
            writeln!(stdout, "note   {note}")?;
        }
        for tried in &check.tried {
            let sure = if tried.low_confidence { "unsure" } else { "sure" };
            writeln!(
                stdout,
                "tried  {:<28} {:<9} {:<11} {sure:<7} {:>8.1} ms",
                tried.text, tried.sentiment, tried.intent, tried.ms
            )?;
        }
        let name = check.name.as_deref().unwrap_or("the model");
        match check.problems.len() {
            0 => writeln!(stdout, "{name} keeps the contract")?,
            1 => writeln!(stdout, "{name} does not keep the contract: 1 problem")?,
            problems => writeln!(stdout, "{name} does not keep the contract: {problems} problems")?,
        }
    }
    Ok(ExitCode::from(if check.ok { EXIT_DONE } else { EXIT_FAILED }))
}
