//! `qingting model`: what a model is, whether it keeps the contract, and how good it is.

mod check;
mod eval;
mod info;
mod table;
mod wrong;

use crate::classify::Model;
use crate::config::{ModelConfig, ModelRuntime};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  qingting model info
  qingting model eval labels.jsonl.gz
  qingting model eval labels.jsonl --model ./my-model --errors 20 --json
  qingting model check ./my-model"
)]
pub struct ModelArgs {
    #[command(subcommand)]
    pub command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Measure a model on labelled files (NDJSON, may be gzipped)
    ///
    /// One object a line: `text`, and what there is of `sentiment`, `aspects`, `severity`, `intent`, `valid`; or
    /// `label` 1 or 0 alone for two-class polarity. Texts take the pipeline's way: normalize, segment, classify.
    Eval {
        /// Labelled files, `-` for standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        model: ModelChoice,
        /// Print this many wrong answers
        #[arg(long, value_name = "N", default_value_t = 0)]
        errors: usize,
    },
    /// Hold a model of your own against the contract and say everything that is wrong with it
    ///
    /// Files, hashes, the graph's inputs and outputs, labels and thresholds; then texts that no model should stumble
    /// over, alone and in batches. Exit code 1 if anything is wrong.
    Check {
        /// Directory with a manifest.toml
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        #[command(flatten)]
        runtime: RuntimeChoice,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Say what a model is: heads, labels, thresholds, hashes, figures
    Info {
        #[command(flatten)]
        model: ModelChoice,
    },
}

#[derive(Debug, Clone, Args)]
pub struct ModelChoice {
    /// Name of a shipped model, or a directory with a manifest
    #[arg(long, value_name = "NAME|DIR", default_value = "fast")]
    pub model: String,
    #[command(flatten)]
    pub runtime: RuntimeChoice,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RuntimeChoice {
    /// What runs the model
    #[arg(long, value_enum, default_value_t = RuntimeName::Onnxruntime)]
    pub runtime: RuntimeName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RuntimeName {
    /// The ONNX Runtime library
    Onnxruntime,
    /// Pure Rust, in builds with feature `tract`
    Tract,
}

pub fn run(args: ModelArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        ModelCommand::Eval { files, model, errors } => eval::run(&files, &model, errors),
        ModelCommand::Check {
            directory,
            runtime,
            json,
        } => check::run(&directory, &runtime, json),
        ModelCommand::Info { model } => info::run(&model),
    }
}

impl RuntimeChoice {
    fn config(&self, model: String) -> ModelConfig {
        ModelConfig {
            runtime: match self.runtime {
                RuntimeName::Onnxruntime => ModelRuntime::OnnxRuntime,
                RuntimeName::Tract => ModelRuntime::Tract,
            },
            ..ModelConfig::named(model)
        }
    }
}

fn load(choice: &ModelChoice) -> anyhow::Result<Arc<Model>> {
    Ok(Model::load(&choice.runtime.config(choice.model.clone()))?)
}
