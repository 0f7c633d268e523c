//! A model whose files have been read and checked.

use super::manifest::{AnyManifest, CascadeManifest, MANIFEST_FILE, Manifest};
use super::runtime::{self, Runtime};
use super::tokenize::Encoder;
use super::{Classifier, ClassifyError, locate};
use crate::config::ModelConfig;
use crate::item::ModelRef;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a part of a cascade is refused.
pub(super) const NO_CASCADE: &str = "is a cascade, must be a model with a graph to be a part of one";

/// A model, ready to make classifiers: one graph, or two that answer together.
#[derive(Debug)]
pub struct Model {
    directory: PathBuf,
    pub(super) parts: Parts,
    pub(super) runtime: Arc<dyn Runtime>,
    identity_hash: u64,
}

#[derive(Debug)]
pub(super) enum Parts {
    One(Arc<Part>),
    Cascade {
        manifest: CascadeManifest,
        fast: Arc<Part>,
        precise: Arc<Part>,
    },
}

/// One graph with its manifest and tokenizer.
#[derive(Debug)]
pub struct Part {
    pub manifest: Manifest,
    pub directory: PathBuf,
    /// Size of the ONNX file.
    pub graph_bytes: u64,
    pub(super) encoder: Encoder,
}

impl Model {
    /// Finds, reads and checks a model and loads the runtime.
    ///
    /// `config.name` is the name of a shipped model or a directory with a manifest. Shipped models are looked for in
    /// `QINGTING_MODELS`, beside the binary, and in `models/` of the working directory.
    pub fn load(config: &ModelConfig) -> Result<Arc<Self>, ClassifyError> {
        let directory = locate::model_directory(&config.name)?;
        let manifest = AnyManifest::read(&directory.join(MANIFEST_FILE))?;
        let parts = match manifest {
            AnyManifest::One(manifest) => Parts::One(Part::read(&directory, *manifest)?),
            AnyManifest::Cascade(manifest) => {
                let part = |name: &str| Part::named(&directory, name);
                Parts::Cascade {
                    fast: part(&manifest.cascade.fast)?,
                    precise: part(&manifest.cascade.precise)?,
                    manifest,
                }
            }
        };
        Ok(Arc::new(Self {
            directory,
            identity_hash: parts.identity_hash(),
            parts,
            runtime: runtime::load(config)?,
        }))
    }

    /// What records say of it; a cascade's own name, whichever of its models answered.
    pub fn reference(&self) -> ModelRef {
        let (name, version) = match &self.parts {
            Parts::One(part) => (&part.manifest.name, &part.manifest.version),
            Parts::Cascade { manifest, .. } => (&manifest.name, &manifest.version),
        };
        ModelRef {
            name: name.clone(),
            version: version.clone(),
        }
    }

    /// Changes whenever an answer may change: a hash over the manifests, which name the hashes of their files.
    pub fn identity_hash(&self) -> u64 {
        self.identity_hash
    }

    /// SHA-256 of the ONNX file; of a cascade, the SHA-256 over the hex digests of both, one a line.
    pub fn sha256(&self) -> String {
        match &self.parts {
            Parts::One(part) => part.manifest.sha256.clone(),
            Parts::Cascade { fast, precise, .. } => {
                let both = format!("{}\n{}\n", fast.manifest.sha256, precise.manifest.sha256);
                hex::encode(Sha256::digest(both.as_bytes()))
            }
        }
    }

    /// The manifest of a cascade.
    pub fn cascade(&self) -> Option<&CascadeManifest> {
        match &self.parts {
            Parts::One(_) => None,
            Parts::Cascade { manifest, .. } => Some(manifest),
        }
    }

    /// Its graphs: one, or the fast and the precise one of a cascade.
    pub fn graphs(&self) -> Vec<&Part> {
        match &self.parts {
            Parts::One(part) => vec![part],
            Parts::Cascade { fast, precise, .. } => vec![fast, precise],
        }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `onnxruntime`, `tract`.
    pub fn runtime(&self) -> &'static str {
        self.runtime.name()
    }

    /// The shared library of the runtime, where there is one.
    pub fn runtime_library(&self) -> Option<&Path> {
        self.runtime.library()
    }

    /// A session of its own, with one thread, for one worker.
    pub fn classifier(self: &Arc<Self>) -> Result<Classifier, ClassifyError> {
        Classifier::new(Arc::clone(self))
    }
}

impl Parts {
    pub(super) fn identity_hash(&self) -> u64 {
        // Debug prints every field, floats in shortest round-trip form.
        let text = match self {
            Self::One(part) => format!("{:?}", part.manifest),
            Self::Cascade {
                manifest,
                fast,
                precise,
            } => format!("{manifest:?}\n{:?}\n{:?}", fast.manifest, precise.manifest),
        };
        xxhash_rust::xxh3::xxh3_64(text.as_bytes())
    }
}

impl Part {
    fn read(directory: &Path, manifest: Manifest) -> Result<Arc<Self>, ClassifyError> {
        let graph_bytes = read_checked(&directory.join(&manifest.model), &manifest.sha256)?.len() as u64;
        let encoder = Encoder::read(directory, &manifest.tokenizer)?;
        Ok(Arc::new(Self {
            manifest,
            directory: directory.to_owned(),
            graph_bytes,
            encoder,
        }))
    }

    /// A part of the cascade in `cascade`.
    fn named(cascade: &Path, name: &str) -> Result<Arc<Self>, ClassifyError> {
        let directory = locate::part_directory(cascade, name)?;
        let path = directory.join(MANIFEST_FILE);
        match AnyManifest::read(&path)? {
            AnyManifest::One(manifest) => Self::read(&directory, *manifest),
            AnyManifest::Cascade(_) => Err(ClassifyError::Manifest {
                path,
                message: NO_CASCADE.to_owned(),
            }),
        }
    }

    /// The bytes of the ONNX file. Read anew for each session, so that a large one is held once, by the runtime.
    pub(super) fn graph(&self) -> Result<Vec<u8>, ClassifyError> {
        read_checked(&self.directory.join(&self.manifest.model), &self.manifest.sha256)
    }
}

pub(super) fn read_checked(path: &Path, expected: &str) -> Result<Vec<u8>, ClassifyError> {
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
