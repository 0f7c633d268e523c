use std::path::PathBuf;
use thiserror::Error;

/// Why a model could not be loaded or run. One line each, with what would be right.
#[derive(Debug, Error)]
pub enum ClassifyError {
    #[error("model \"{name}\" not found: looked in {}; set QINGTING_MODELS or give a directory with a manifest.toml", list(.looked_in))]
    ModelNotFound { name: String, looked_in: Vec<PathBuf> },
    #[error("{}: {message}", path.display())]
    Unreadable { path: PathBuf, message: String },
    #[error("{}: {message}", path.display())]
    Manifest { path: PathBuf, message: String },
    #[error("{}: sha256 is {found}, the manifest says {expected}: the file was changed or is not whole", path.display())]
    HashMismatch {
        path: PathBuf,
        expected: String,
        found: String,
    },
    #[error("onnx runtime library not found: looked for {}; run scripts/setup.sh, or set model.ort_library or ORT_DYLIB_PATH{}", list(.looked_for), or_tract())]
    RuntimeNotFound { looked_for: Vec<PathBuf> },
    #[error("onnx runtime library {}: {message}", path.display())]
    Runtime { path: PathBuf, message: String },
    #[error(
        "runtime \"tract\" is not in this build; build with `--features tract`, or set model.runtime = \"onnxruntime\""
    )]
    RuntimeNotBuilt,
    #[error("model \"{name}\": {message}")]
    Session { name: String, message: String },
}

impl ClassifyError {
    /// Bounded name of the error, fit for a metric label.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ModelNotFound { .. } => "model_not_found",
            Self::Unreadable { .. } => "model_unreadable",
            Self::Manifest { .. } => "model_manifest",
            Self::HashMismatch { .. } => "model_hash",
            Self::RuntimeNotFound { .. } => "runtime_not_found",
            Self::Runtime { .. } => "runtime_load",
            Self::RuntimeNotBuilt => "runtime_not_built",
            Self::Session { .. } => "model_session",
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

/// The other way out, in builds that have it.
fn or_tract() -> &'static str {
    if cfg!(feature = "tract") {
        ", or model.runtime = \"tract\""
    } else {
        ""
    }
}
