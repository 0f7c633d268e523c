//! The classify stage: what is said, how badly, and is it usable.
//!
//! Comes in: [`SegmentedItem`]s, a micro-batch at a time. Goes out: one [`Prediction`] for each, in order.
//! Can fail: with a [`ClassifyError`]: at start (model or ONNX Runtime missing, changed or of the wrong shape), and
//! in a run only if the runtime itself fails. Moves: `qingting_stage_duration_seconds{stage="classify"}` and
//! `qingting_batch_items{stage="classify"}` (recorded by the pipeline).
//!
//! A [`Model`] is loaded and checked once; each worker owns a [`Classifier`], since a session's `run` is exclusive. A
//! model is one graph, or a cascade: a fast one for all texts and a precise one for those that the fast one is unsure
//! of. The same text gives the same answer in any batch: n-grams are run in groups of like length, where what pads a
//! group adds nothing to the sum over a text; pieces in groups of one length, one text at a time unless the manifest
//! says that the graph's answers do not depend on neighbours.

mod check;
mod classifier;
mod decode;
mod error;
mod evaluate;
mod graph;
mod locate;
mod manifest;
mod model;
mod runtime;
mod taxonomy;
mod tokenize;

#[cfg(test)]
#[cfg(feature = "tract")]
mod parity_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../../tests/support/tiny_model/mod.rs"]
mod tiny_model;
#[cfg(test)]
mod transformer_tests;

pub use check::{ModelCheck, Tried};
pub use classifier::{Classifier, Tally};
pub use decode::Prediction;
pub use error::ClassifyError;
pub use evaluate::{Effort, Evaluation, HeadReport, LabelledText, Outcome, PassedOn};
pub use locate::find_model;
pub use manifest::{AnyManifest, CascadeManifest, Manifest, PassOn};
pub use model::{Model, Part};
pub use taxonomy::Taxonomy;
pub use tokenize::WordPiece;

use model::read_checked;
