//! `qingting model eval`: how good a model is on labelled files.

use super::table::table;
use super::wrong::WrongAnswer;
use super::{ModelChoice, load};
use crate::classify::{Classifier, Effort, Evaluation, LabelledText, Outcome, Prediction};
use crate::clock::Stopwatch;
use crate::item::{Item, ItemPosition, ItemSource, MappedItem, RecordPosition, SegmentedItem};
use crate::normalize::Normalizer;
use crate::segment::Segmenter;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Longest line of a labelled file.
const MAX_LINE_BYTES: u64 = 4 << 20;
/// Texts that go through the stages together.
const BATCH_TEXTS: usize = 256;

pub fn run(files: &[PathBuf], choice: &ModelChoice, errors: usize) -> anyhow::Result<ExitCode> {
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
        classify_seconds: 0.0,
    };
    let watch = Stopwatch::start();
    let outcomes = stages.answer(texts)?;
    let effort = Effort {
        seconds: watch.elapsed().as_secs_f64(),
        classify_seconds: stages.classify_seconds,
        tally: stages.classifier.tally(),
    };
    let evaluation = Evaluation::of(&outcomes, &model, effort);
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
    classify_seconds: f64,
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
            let watch = Stopwatch::start();
            let predictions = self.classifier.classify(&items)?;
            self.classify_seconds += watch.elapsed().as_secs_f64();
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
