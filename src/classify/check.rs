//! Holds a model against the contract and says everything that is wrong with it at once.

use super::graph::port_problems;
use super::manifest::{AnyManifest, CascadeManifest, MANIFEST_FILE, Manifest};
use super::model::{Model, NO_CASCADE, read_checked};
use super::runtime::{self, Runtime};
use super::taxonomy::Taxonomy;
use super::tokenize::Encoder;
use super::{ClassifyError, locate};
use crate::clock::Stopwatch;
use crate::config::ModelConfig;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// Copies of each text in the batch that its answer alone is compared with.
const COPIES: usize = 3;

/// What was found.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ModelCheck {
    pub ok: bool,
    pub name: Option<String>,
    pub version: Option<String>,
    /// What must be put right, each with file or key and what would be right.
    pub problems: Vec<String>,
    /// What works, and may surprise.
    pub notes: Vec<String>,
    /// How the texts were answered that no model should stumble over. Empty while something else is wrong.
    pub tried: Vec<Tried>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    pub text: &'static str,
    pub sentiment: String,
    pub intent: String,
    pub low_confidence: bool,
    /// For this text alone.
    pub ms: f64,
}

/// What a customer's channel may hold, good and bad.
fn texts() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("one character", "好".to_owned()),
        ("a complaint", "快递太慢了,等了十天还没到,客服也不理人".to_owned()),
        ("praise", "质量很好,包装也好,非常满意,下次还会买".to_owned()),
        ("a long complaint", "物流慢,客服不理人,但是东西还不错。".repeat(80)),
        ("10,000 emoji", "😀".repeat(10_000)),
        ("one character 100,000 times", "差".repeat(100_000)),
        ("one letter 100,000 times", "a".repeat(100_000)),
        ("white space", " \t\n\u{3000}".repeat(1_000)),
        ("control characters", "\u{0}\u{1}\u{FFFD}\u{200B}\u{202E}".to_owned()),
        ("English", "the delivery took ten days and nobody answers".to_owned()),
        ("Thai", "ส่งช้ามาก ไม่มีใครตอบเลย".to_owned()),
        ("combining marks", "e\u{301}\u{327}\u{302E}".repeat(500)),
    ]
}

impl ModelCheck {
    /// Checks the model in `directory` with the runtime of `config`.
    pub fn of(directory: &Path, config: &ModelConfig) -> Self {
        let mut check = Self::default();
        let path = directory.join(MANIFEST_FILE);
        match AnyManifest::parse(&path) {
            Err(error) => check.problems.push(error.to_string()),
            Ok(manifest) => {
                check.manifest(&manifest, &path);
                let runtime = runtime::load(config)
                    .map_err(|error| check.problems.push(error.to_string()))
                    .ok();
                match &manifest {
                    AnyManifest::One(manifest) => check.part(manifest, directory, runtime.as_deref()),
                    AnyManifest::Cascade(manifest) => check.cascade(manifest, directory, runtime.as_deref()),
                }
            }
        }
        if check.problems.is_empty() {
            let named = ModelConfig {
                name: directory.display().to_string(),
                ..config.clone()
            };
            if let Err(error) = Model::load(&named).and_then(|model| check.try_texts(&model)) {
                check.problems.push(error.to_string());
            }
        }
        check.ok = check.problems.is_empty();
        check
    }

    fn manifest(&mut self, manifest: &AnyManifest, path: &Path) {
        let (name, version) = match manifest {
            AnyManifest::One(manifest) => (&manifest.name, &manifest.version),
            AnyManifest::Cascade(manifest) => (&manifest.name, &manifest.version),
        };
        (self.name, self.version) = (Some(name.clone()), Some(version.clone()));
        self.contract(manifest, path);
    }

    fn contract(&mut self, manifest: &AnyManifest, path: &Path) {
        let problems = manifest.problems().into_iter();
        self.problems
            .extend(problems.map(|problem| format!("{}: {problem}", path.display())));
    }

    fn cascade(&mut self, manifest: &CascadeManifest, directory: &Path, runtime: Option<&dyn Runtime>) {
        if manifest.cascade.pass_on.set().next().is_none() {
            self.notes
                .push("cascade.pass_on is empty: no text is passed on to the precise model".to_owned());
        }
        for name in [&manifest.cascade.fast, &manifest.cascade.precise] {
            let part = match locate::part_directory(directory, name) {
                Ok(part) => part,
                Err(error) => {
                    self.problems.push(error.to_string());
                    continue;
                }
            };
            let path = part.join(MANIFEST_FILE);
            match AnyManifest::parse(&path) {
                Err(error) => self.problems.push(error.to_string()),
                Ok(AnyManifest::Cascade(_)) => self.problems.push(format!("{}: {NO_CASCADE}", path.display())),
                Ok(manifest) => {
                    self.contract(&manifest, &path);
                    if let AnyManifest::One(one) = &manifest {
                        self.part(one, &part, runtime);
                    }
                }
            }
        }
    }

    /// Files, tokenizer, graph. Goes on where it can, so that all is said at once.
    fn part(&mut self, manifest: &Manifest, directory: &Path, runtime: Option<&dyn Runtime>) {
        if let Err(error) = Encoder::read(directory, &manifest.tokenizer) {
            self.problems.push(error.to_string());
        }
        for label in &manifest.heads.aspects.labels {
            if Taxonomy::get().aspect(label).is_none() {
                self.notes.push(format!(
                    "heads.aspects.labels has \"{label}\", which models/taxonomy.toml does not name: people see the id"
                ));
            }
        }
        if manifest.language != "zh" {
            self.notes.push(format!(
                "language is \"{}\": texts come folded to lower case and Simplified Chinese, whatever the model is for",
                manifest.language
            ));
        }
        let path = directory.join(&manifest.model);
        let graph = match read_checked(&path, &manifest.sha256) {
            Ok(graph) => graph,
            Err(error) => {
                let other = matches!(error, ClassifyError::HashMismatch { .. });
                self.problems.push(error.to_string());
                match std::fs::read(&path) {
                    // what the graph is can be said all the same
                    Ok(graph) if other => graph,
                    _ => return,
                }
            }
        };
        let Some(runtime) = runtime else { return };
        match runtime.open(&graph) {
            Err(message) => self.problems.push(format!("{}: {message}", path.display())),
            Ok(session) => {
                let problems = port_problems(manifest, session.inputs(), session.outputs()).into_iter();
                self.problems
                    .extend(problems.map(|problem| format!("{}: {problem}", path.display())));
            }
        }
    }

    /// Each text alone, then all of them together, several times over.
    fn try_texts(&mut self, model: &Arc<Model>) -> Result<(), ClassifyError> {
        let mut classifier = model.classifier()?;
        let texts = texts();
        let mut alone = Vec::with_capacity(texts.len());
        for (name, text) in &texts {
            let watch = Stopwatch::start();
            let not_finite = classifier.tally().not_finite;
            let mut answers = classifier.classify_texts(1, |_| text.as_str())?;
            let answer = answers.pop().unwrap_or_default();
            if classifier.tally().not_finite > not_finite {
                self.problems.push(format!(
                    "the text \"{name}\" got what is no number: such items are answered neutrally and marked low_confidence"
                ));
            }
            self.tried.push(Tried {
                text: name,
                sentiment: answer.sentiment.label.clone(),
                intent: answer.intent.label.clone(),
                low_confidence: answer.low_confidence,
                ms: watch.elapsed().as_secs_f64() * 1e3,
            });
            alone.push(answer);
        }
        let batch: Vec<usize> = (0..texts.len() * COPIES).map(|index| index % texts.len()).collect();
        let together = classifier.classify_texts(batch.len(), |index| texts[batch[index]].1.as_str())?;
        let differs = |at: &usize| -> bool {
            std::iter::zip(&batch, &together).any(|(index, answer)| index == at && *answer != alone[*at])
        };
        let differing: Vec<&str> = (0..texts.len()).filter(differs).map(|at| texts[at].0).collect();
        if !differing.is_empty() {
            self.problems.push(format!(
                "answers depend on what else is in the batch ({}): set batch_texts = 1",
                differing.join(", ")
            ));
        }
        let vectors = classifier.vectors(1, |_| texts[2].1.as_str())?;
        if vectors.iter().flatten().any(|value| !value.is_finite()) {
            self.problems
                .push("the sentence vector of \"a complaint\" holds what is no number (vector.output)".to_owned());
        }
        Ok(())
    }
}
