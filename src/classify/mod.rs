//! The classify stage: what is said, how badly, and is it usable.
//!
//! Comes in: [`SegmentedItem`]s, a micro-batch at a time. Goes out: one [`Prediction`] for each, in order.
//! Can fail: with a [`ClassifyError`]: at start (model or ONNX Runtime missing, changed or of the wrong shape), and
//! in a run only if the runtime itself fails. Moves: `qingting_stage_duration_seconds{stage="classify"}` and
//! `qingting_batch_items{stage="classify"}` (recorded by the pipeline).
//!
//! A [`Model`] is loaded and checked once; each worker owns a [`Classifier`], since a session's `run` is exclusive.
//! The same text gives the same answer in any batch: texts are run in groups of like length, and what pads a group
//! adds nothing to the sum over a text.

mod decode;
mod error;
mod evaluate;
mod features;
mod locate;
mod manifest;
mod session;
mod taxonomy;

#[cfg(test)]
mod tests;

pub use decode::Prediction;
pub use error::ClassifyError;
pub use evaluate::{Evaluation, LabelledText, Outcome};

pub use manifest::Manifest;
pub use session::Classifier;
pub use taxonomy::Taxonomy;

use crate::config::ModelConfig;
use crate::item::ModelRef;
use features::NgramFeatures;
use manifest::{MANIFEST_FILE, Tokenizer};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A model whose files have been read and checked, ready to make classifiers.
#[derive(Debug)]
pub struct Model {
    manifest: Manifest,
    directory: PathBuf,
    graph: Vec<u8>,
    features: NgramFeatures,
    environment: ort::environment::Environment,
    runtime: PathBuf,
    identity_hash: u64,
}

impl Model {
    /// Finds, reads and checks a model and loads the ONNX Runtime library.
    ///
    /// `config.name` is the name of a shipped model or a directory with a manifest. Shipped models are looked for in
    /// `QINGTING_MODELS`, beside the binary, and in `models/` of the working directory.
    pub fn load(config: &ModelConfig) -> Result<Arc<Self>, ClassifyError> {
        let directory = locate::model_directory(&config.name)?;
        let manifest = Manifest::read(&directory.join(MANIFEST_FILE))?;
        let graph = read_checked(&directory.join(&manifest.model), &manifest.sha256)?;
        let features = read_features(&directory, &manifest.tokenizer)?;
        let runtime = locate::runtime_library(config)?;
        let environment = session::environment(&runtime)?;
        let identity_hash = identity_hash(&manifest);
        Ok(Arc::new(Self {
            manifest,
            directory,
            graph,
            features,
            environment,
            runtime,
            identity_hash,
        }))
    }

    pub fn reference(&self) -> ModelRef {
        ModelRef {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
        }
    }

    /// Changes whenever an answer may change: a hash over the manifest, which names the hashes of its files.
    pub fn identity_hash(&self) -> u64 {
        self.identity_hash
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The ONNX Runtime library that was loaded.
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// Size of the ONNX file in bytes.
    pub fn graph_bytes(&self) -> usize {
        self.graph.len()
    }

    /// A session of its own, with one thread, for one worker.
    pub fn classifier(self: &Arc<Self>) -> Result<Classifier, ClassifyError> {
        Classifier::new(Arc::clone(self))
    }
}

fn read_features(directory: &Path, tokenizer: &Tokenizer) -> Result<NgramFeatures, ClassifyError> {
    let Tokenizer::HashedNgrams {
        orders,
        hash_bits,
        head_chars,
        tail_chars,
        rows,
        rows_sha256,
        ..
    } = tokenizer;
    let path = directory.join(rows);
    let bytes = read_checked(&path, rows_sha256)?;
    let expected = 2usize << hash_bits;
    if bytes.len() != expected {
        return Err(ClassifyError::Manifest {
            path,
            message: format!(
                "{} bytes, tokenizer.hash_bits = {hash_bits} needs {expected}",
                bytes.len()
            ),
        });
    }
    Ok(NgramFeatures {
        orders: *orders,
        hash_bits: *hash_bits,
        head_chars: *head_chars,
        tail_chars: *tail_chars,
        rows: bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
    })
}

fn read_checked(path: &Path, expected: &str) -> Result<Vec<u8>, ClassifyError> {
    let bytes = std::fs::read(path).map_err(|error| ClassifyError::Unreadable {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    let found = hex::encode(Sha256::digest(&bytes));
    if found == expected.to_ascii_lowercase() {
        Ok(bytes)
    } else {
        Err(ClassifyError::HashMismatch {
            path: path.to_owned(),
            expected: expected.to_owned(),
            found,
        })
    }
}

fn identity_hash(manifest: &Manifest) -> u64 {
    // Debug prints every field, floats in shortest round-trip form.
    xxhash_rust::xxh3::xxh3_64(format!("{manifest:?}").as_bytes())
}
