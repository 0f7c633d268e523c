//! `qingting model`: what a model is and how good it is.

use crate::classify::{Classifier, Evaluation, LabelledText, Model, Outcome, Prediction, Taxonomy};
use crate::clock::Stopwatch;
use crate::config::ModelConfig;
use crate::item::{Item, ItemPosition, ItemSource, MappedItem, RecordPosition, SegmentedItem};
use crate::normalize::Normalizer;
use crate::segment::Segmenter;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Longest line of a labelled file.
const MAX_LINE_BYTES: u64 = 4 << 20;
/// Texts that go through the stages together.
const BATCH_TEXTS: usize = 256;

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  qingting model info
  qingting model eval labels.jsonl.gz
  qingting model eval labels.jsonl --model ./my-model --errors 20 --json"
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
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: ModelArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        ModelCommand::Eval { files, model, errors } => eval(&files, &model, errors),
        ModelCommand::Info { model } => info(&model),
    }
}

fn load(choice: &ModelChoice) -> anyhow::Result<Arc<Model>> {
    let config = ModelConfig {
        name: choice.model.clone(),
        ort_library: None,
        threads: 1,
    };
    Ok(Model::load(&config)?)
}

fn eval(files: &[PathBuf], choice: &ModelChoice, errors: usize) -> anyhow::Result<ExitCode> {
    let model = load(choice)?;
    let mut texts = Vec::new();
    for file in files {
        read_labelled(file, &mut texts)?;
    }
    if texts.is_empty() {
        bail!("no labelled text in the files given");
    }
    let mut stages = Stages {
        normalizer: Normalizer::new(b"model evaluation", chrono_tz::Asia::Shanghai),
        segmenter: Segmenter::new(),
        classifier: model.classifier()?,
    };
    let watch = Stopwatch::start();
    let outcomes = stages.answer(texts)?;
    let texts_per_second = outcomes.len() as f64 / watch.elapsed().as_secs_f64().max(1e-9);
    let evaluation = Evaluation::of(&outcomes, model.manifest(), texts_per_second);
    let wrong: Vec<WrongAnswer> = outcomes.iter().filter_map(WrongAnswer::of).take(errors).collect();
    let mut stdout = std::io::stdout().lock();
    if choice.json {
        let mut document = serde_json::to_value(&evaluation)?;
        if errors > 0
            && let Some(object) = document.as_object_mut()
        {
            object.insert("errors".to_owned(), serde_json::to_value(&wrong)?);
        }
        serde_json::to_writer(&mut stdout, &document)?;
        writeln!(stdout)?;
    } else {
        stdout.write_all(table(&evaluation).as_bytes())?;
        for wrong in &wrong {
            writeln!(stdout, "\n{}\n  {}", wrong.text, wrong.wrong.join("\n  "))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The stages that a text takes, one of each.
struct Stages {
    normalizer: Normalizer,
    segmenter: Segmenter,
    classifier: Classifier,
}

impl Stages {
    fn answer(&mut self, texts: Vec<LabelledText>) -> anyhow::Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(texts.len());
        let mut texts = texts.into_iter().peekable();
        while texts.peek().is_some() {
            let batch: Vec<LabelledText> = texts.by_ref().take(BATCH_TEXTS).collect();
            let items: Vec<SegmentedItem> = batch
                .iter()
                .map(|text| self.segmenter.segment(self.normalizer.normalize(mapped(text))))
                .collect();
            let predictions = self.classifier.classify(&items)?;
            outcomes.extend(batch.into_iter().zip(items).zip(predictions).map(
                |((text, item), prediction): ((LabelledText, SegmentedItem), Prediction)| Outcome {
                    text,
                    valid: item.clean.invalid_reason.is_none() && prediction.valid.label,
                    prediction,
                },
            ));
        }
        Ok(outcomes)
    }
}

/// A labelled text as an item, as the format stage would hand it on.
fn mapped(text: &LabelledText) -> MappedItem {
    MappedItem {
        item: Item {
            id: text.id.clone().unwrap_or_else(|| "eval".to_owned()),
            text: text.text.clone(),
            text_raw_len: text.text.chars().count() as u64,
            source: ItemSource {
                kind: "review".to_owned(),
                platform: "eval".to_owned(),
                role: "review".to_owned(),
                ..ItemSource::default()
            },
            ..Item::default()
        },
        source: 0,
        position: ItemPosition::whole(RecordPosition::File {
            file: Arc::from("eval"),
            record: 0,
        }),
        record_time_ms: 0,
        native_author_id: None,
    }
}

fn read_labelled(path: &Path, texts: &mut Vec<LabelledText>) -> anyhow::Result<()> {
    let mut lines = open(path).with_context(|| path.display().to_string())?;
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let read = lines
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)
            .with_context(|| format!("{}:{number}", path.display()))?;
        if read == 0 {
            break;
        }
        if read as u64 == MAX_LINE_BYTES {
            bail!("{}:{number}: line longer than {MAX_LINE_BYTES} bytes", path.display());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let text: LabelledText = serde_json::from_slice(&line)
            .with_context(|| format!("{}:{number}: not a labelled text", path.display()))?;
        texts.push(text);
    }
    Ok(())
}

/// A file or standard input, gzipped or not: its first two bytes say which.
fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    let mut raw: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(path)?))
    };
    let gzipped = raw.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    if gzipped {
        // lines are capped, so a bomb ends at the first one
        return Ok(Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(raw))));
    }
    Ok(raw)
}

/// A text with at least one wrong answer, for a person to argue with.
#[derive(Debug, serde::Serialize)]
struct WrongAnswer {
    id: Option<String>,
    text: String,
    /// `head: label → answer (probability)`.
    wrong: Vec<String>,
}

impl WrongAnswer {
    fn of(outcome: &Outcome) -> Option<Self> {
        let Outcome {
            text,
            prediction,
            valid,
        } = outcome;
        let mut wrong = Vec::new();
        let mut compare = |head: &str, label: &Option<String>, answer: &str, p: f32| {
            if let Some(label) = label
                && label != answer
            {
                wrong.push(format!("{head}: {label} → {answer} ({p:.2})"));
            }
        };
        let sentiment = prediction.sentiment.p;
        compare(
            "sentiment",
            &text.sentiment,
            &prediction.sentiment.label,
            sentiment.positive.max(sentiment.negative).max(sentiment.neutral),
        );
        let severity = prediction.severity.p;
        compare(
            "severity",
            &text.severity,
            &prediction.severity.label,
            severity
                .urgent
                .max(severity.normal)
                .max(severity.minor)
                .max(severity.none),
        );
        let intent = prediction.intent.p;
        compare(
            "intent",
            &text.intent,
            &prediction.intent.label,
            intent
                .complaint
                .max(intent.suggestion)
                .max(intent.question)
                .max(intent.praise)
                .max(intent.other),
        );
        if let Some(labels) = &text.aspects {
            let mut labels: Vec<String> = labels
                .iter()
                .map(|label| format!("{} {}", label.aspect, label.polarity))
                .collect();
            let mut answers: Vec<String> = prediction
                .aspects
                .iter()
                .map(|aspect| format!("{} {}", aspect.aspect, aspect.polarity))
                .collect();
            labels.sort();
            answers.sort();
            if labels != answers {
                wrong.push(format!("aspects: {} → {}", listed(&labels), listed(&answers)));
            }
        }
        if let Some(label) = text.valid
            && label != *valid
        {
            wrong.push(format!("valid: {label} → {valid} ({:.2})", prediction.valid.p));
        }
        (!wrong.is_empty()).then(|| Self {
            id: text.id.clone(),
            text: text.text.split_whitespace().collect::<Vec<_>>().join(" "),
            wrong,
        })
    }
}

fn listed(words: &[String]) -> String {
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

fn table(evaluation: &Evaluation) -> String {
    let mut out = String::new();
    let model = &evaluation.model;
    // writing to a string cannot fail
    let _ = writeln!(
        out,
        "{} texts, model {} {} ({}), {:.0} texts/s\n",
        evaluation.n,
        model.name,
        model.version,
        model.sha256.get(..12).unwrap_or(&model.sha256),
        evaluation.texts_per_second
    );
    if let Some(report) = &evaluation.sentiment {
        let _ = writeln!(
            out,
            "sentiment   accuracy {:.4}  macro F1 {:.4}  calibration error {:.4}",
            report.head.accuracy, report.head.macro_f1, report.ece
        );
    }
    if let Some(report) = &evaluation.aspects {
        let _ = writeln!(
            out,
            "aspects     micro F1 {:.4}  macro F1 {:.4}  negative macro F1 {:.4}",
            report.micro_f1, report.macro_f1, report.negative_macro_f1
        );
    }
    for (name, report) in [("severity", &evaluation.severity), ("intent", &evaluation.intent)] {
        if let Some(report) = report {
            let _ = writeln!(
                out,
                "{name:<11} accuracy {:.4}  macro F1 {:.4}",
                report.accuracy, report.macro_f1
            );
        }
    }
    if let Some(report) = &evaluation.valid {
        let _ = writeln!(
            out,
            "invalid     precision {:.4}  recall {:.4}  of {}",
            report.precision, report.recall, report.n_invalid
        );
    }
    if let Some(report) = &evaluation.polarity {
        let _ = writeln!(out, "polarity    accuracy {:.4}  of {}", report.accuracy, report.n);
    }
    if let Some(report) = &evaluation.aspects {
        let _ = writeln!(out, "\naspect           polarity  precision  recall     F1      n");
        for (aspect, polarities) in &report.per_aspect {
            for (polarity, pair) in polarities {
                let _ = writeln!(
                    out,
                    "{aspect:<16} {polarity:<9}     {:.3}   {:.3}  {:.3}  {:>5}",
                    pair.precision, pair.recall, pair.f1, pair.n
                );
            }
        }
    }
    if !evaluation.by_source.is_empty() {
        let _ = writeln!(
            out,
            "\nsource                                     n  sentiment  aspects  severity  intent  polarity"
        );
        for (source, report) in &evaluation.by_source {
            let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
            let _ = writeln!(
                out,
                "{source:<36} {:>7}  {:>9}  {:>7}  {:>8}  {:>6}  {:>8}",
                report.n,
                cell(report.sentiment_accuracy),
                cell(report.aspects_micro_f1),
                cell(report.severity_accuracy),
                cell(report.intent_accuracy),
                cell(report.polarity_accuracy)
            );
        }
    }
    out
}

fn info(choice: &ModelChoice) -> anyhow::Result<ExitCode> {
    let model = load(choice)?;
    let manifest = model.manifest();
    let mut stdout = std::io::stdout().lock();
    if choice.json {
        let document = serde_json::json!({
            "manifest": manifest,
            "directory": model.directory(),
            "model_bytes": model.graph_bytes(),
            "identity": format!("{:016x}", model.identity_hash()),
            "onnx_runtime": model.runtime(),
        });
        serde_json::to_writer(&mut stdout, &document)?;
        writeln!(stdout)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(stdout, "{} {} ({})", manifest.name, manifest.version, manifest.language)?;
    writeln!(stdout, "directory     {}", model.directory().display())?;
    writeln!(
        stdout,
        "graph         {}, {} bytes",
        manifest.model,
        model.graph_bytes()
    )?;
    writeln!(stdout, "sha256        {}", manifest.sha256)?;
    writeln!(stdout, "identity      {:016x}", model.identity_hash())?;
    writeln!(stdout, "onnx runtime  {}", model.runtime().display())?;
    writeln!(stdout, "tokenizer     {}", serde_json::to_string(&manifest.tokenizer)?)?;
    let heads = &manifest.heads;
    for (name, head) in [
        ("sentiment", &heads.sentiment),
        ("severity", &heads.severity),
        ("intent", &heads.intent),
    ] {
        writeln!(stdout, "{name:<13} {}", head.labels.join(" "))?;
    }
    writeln!(
        stdout,
        "valid         {} below p(valid) {}",
        heads.valid.labels.join(" "),
        heads.valid.threshold
    )?;
    let aspects: Vec<String> = std::iter::zip(&heads.aspects.labels, &heads.aspects.thresholds)
        .map(|(label, threshold)| {
            let zh = Taxonomy::get().aspect(label).map_or("", |aspect| aspect.zh.as_str());
            format!("{label} {zh} {threshold:.2}")
        })
        .collect();
    writeln!(stdout, "aspects       {}", aspects.join(", "))?;
    let card = model.directory().join("README.md");
    if let Ok(text) = std::fs::read_to_string(&card) {
        writeln!(stdout, "\n{}", text.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}
