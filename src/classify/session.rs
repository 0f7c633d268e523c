//! One ONNX Runtime session, and the batches it is fed.

use super::decode::{Decoder, HeadLogits, Prediction};
use super::features::Scratch;
use super::manifest::Tokenizer;
use super::{ClassifyError, Model};
use crate::item::SegmentedItem;
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

/// Texts in one run of the session. More does not make it faster, and what one run touches should stay in the cache.
const RUN_TEXTS: usize = 32;
/// Lengths are padded to a multiple of this, so that the runtime sees few shapes.
const LENGTH_STEP: usize = 16;

/// Classifies batches. One for each worker: it owns a session and its buffers.
pub struct Classifier {
    model: Arc<Model>,
    session: Session,
    decoder: Decoder,
    input: String,
    scratch: Scratch,
    /// Rows of all texts of a batch, one after the other.
    rows: Vec<i32>,
    /// (start, length) in `rows` of each text.
    spans: Vec<(usize, usize)>,
    order: Vec<usize>,
    padded: Vec<i32>,
}

impl Classifier {
    pub(super) fn new(model: Arc<Model>) -> Result<Self, ClassifyError> {
        let failed = |message: String| ClassifyError::Session {
            name: model.manifest.name.clone(),
            message: one_line(&message),
        };
        let session = open_session(&model).map_err(failed)?;
        let Tokenizer::HashedNgrams { input, .. } = &model.manifest.tokenizer;
        let input = input.clone();
        if !session.inputs().iter().any(|have| have.name() == input) {
            return Err(failed(format!("the graph has no input \"{input}\" (tokenizer.input)")));
        }
        let heads = &model.manifest.heads;
        for output in [
            &heads.sentiment.output,
            &heads.aspects.output,
            &heads.severity.output,
            &heads.intent.output,
            &heads.valid.output,
        ] {
            if !session.outputs().iter().any(|have| have.name() == output) {
                return Err(failed(format!("the graph has no output \"{output}\" (heads)")));
            }
        }
        let decoder = Decoder::new(&model.manifest);
        Ok(Self {
            model,
            session,
            decoder,
            input,
            scratch: Scratch::new(),
            rows: Vec::new(),
            spans: Vec::new(),
            order: Vec::new(),
            padded: Vec::new(),
        })
    }

    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// One prediction for each item, in order.
    pub fn classify(&mut self, items: &[SegmentedItem]) -> Result<Vec<Prediction>, ClassifyError> {
        self.classify_texts(items.len(), |index| items[index].clean.analysis_text.as_str())
    }

    /// The same for texts that are already folded as `CleanItem::analysis_text` is.
    pub fn classify_texts<'t>(
        &mut self,
        count: usize,
        text: impl Fn(usize) -> &'t str,
    ) -> Result<Vec<Prediction>, ClassifyError> {
        self.rows.clear();
        self.spans.clear();
        for index in 0..count {
            let start = self.rows.len();
            self.model
                .features
                .rows_of(text(index), &mut self.scratch, &mut self.rows);
            self.spans.push((start, self.rows.len() - start));
        }
        self.order.clear();
        self.order.extend(0..count);
        self.order.sort_unstable_by_key(|&index| self.spans[index].1);

        let mut predictions = vec![Prediction::default(); count];
        let order = std::mem::take(&mut self.order);
        let mut result = Ok(());
        for group in order.chunks(RUN_TEXTS) {
            result = self.run(group, &mut predictions);
            if result.is_err() {
                break;
            }
        }
        self.order = order;
        result.map(|()| predictions)
    }

    fn run(&mut self, group: &[usize], predictions: &mut [Prediction]) -> Result<(), ClassifyError> {
        let longest = group.iter().map(|&index| self.spans[index].1).max().unwrap_or(0);
        let length = longest.max(1).next_multiple_of(LENGTH_STEP);
        self.padded.clear();
        self.padded.resize(group.len() * length, 0);
        for (row, &index) in self.padded.chunks_exact_mut(length).zip(group) {
            let (start, count) = self.spans[index];
            row[..count].copy_from_slice(&self.rows[start..start + count]);
        }
        let Self {
            session,
            padded,
            decoder,
            model,
            input,
            ..
        } = self;
        let failed = |message: String| ClassifyError::Session {
            name: model.manifest.name.clone(),
            message: one_line(&message),
        };
        let tensor = TensorRef::from_array_view(([group.len(), length], padded.as_slice()))
            .map_err(|error| failed(error.to_string()))?;
        let outputs = session
            .run(ort::inputs![input.as_str() => tensor])
            .map_err(|error| failed(error.to_string()))?;
        let heads = &model.manifest.heads;
        let logits = |name: &str, width: usize| -> Result<&[f32], ClassifyError> {
            let (_, values) = outputs[name]
                .try_extract_tensor::<f32>()
                .map_err(|error| failed(format!("output \"{name}\": {error}")))?;
            if values.len() == group.len() * width {
                Ok(values)
            } else {
                Err(failed(format!(
                    "output \"{name}\" has {} values for {} texts, must have {width} for each",
                    values.len(),
                    group.len()
                )))
            }
        };
        let logits = HeadLogits {
            sentiment: logits(&heads.sentiment.output, 3)?,
            aspects: logits(&heads.aspects.output, heads.aspects.labels.len() * 4)?,
            severity: logits(&heads.severity.output, 4)?,
            intent: logits(&heads.intent.output, 5)?,
            valid: logits(&heads.valid.output, 2)?,
        };
        for (row, &index) in group.iter().enumerate() {
            predictions[index] = decoder.decode(&logits, row);
        }
        Ok(())
    }
}

fn open_session(model: &Model) -> Result<Session, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    Session::builder(&model.environment)
        .map_err(|error| text(&error))?
        .with_intra_threads(1)
        .map_err(|error| text(&error))?
        .with_inter_threads(1)
        .map_err(|error| text(&error))?
        .with_optimization_level(GraphOptimizationLevel::Level3)
        .map_err(|error| text(&error))?
        .commit_from_memory(&model.graph)
        .map_err(|error| text(&error))
}

/// The process's one environment. The first library that is loaded stays.
pub(super) fn environment(library: &Path) -> Result<Environment, ClassifyError> {
    static CURRENT: Mutex<Option<Environment>> = Mutex::new(None);
    let mut current = CURRENT.lock();
    if let Some(environment) = current.as_ref() {
        return Ok(environment.clone());
    }
    let failed = |message: String| ClassifyError::Runtime {
        path: library.to_owned(),
        message: one_line(&message),
    };
    let environment = ort::init_from(library)
        .map_err(|error| failed(error.to_string()))?
        .with_name("qingting")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    *current = Some(environment.clone());
    Ok(environment)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
