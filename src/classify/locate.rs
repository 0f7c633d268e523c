//! Where models and the ONNX Runtime library are looked for.

use super::ClassifyError;
use super::manifest::MANIFEST_FILE;
use crate::config::ModelConfig;
use std::path::{Path, PathBuf};

/// Where the model that a configuration names is: its directory, or the error that a start would end with.
pub fn find_model(name: &str) -> Result<PathBuf, ClassifyError> {
    model_directory(name)
}

/// Directory of the model: `name` itself when it is a directory with a manifest, else a shipped model's.
pub(super) fn model_directory(name: &str) -> Result<PathBuf, ClassifyError> {
    let mut looked_in = Vec::new();
    let direct = PathBuf::from(name);
    if name.contains(['/', '\\']) || direct.join(MANIFEST_FILE).is_file() {
        if direct.join(MANIFEST_FILE).is_file() {
            return Ok(direct);
        }
        looked_in.push(direct);
    } else {
        for root in model_roots() {
            let directory = root.join(name);
            if directory.join(MANIFEST_FILE).is_file() {
                return Ok(directory);
            }
            looked_in.push(root);
        }
    }
    Err(ClassifyError::ModelNotFound {
        name: name.to_owned(),
        looked_in,
    })
}

/// Directory of a part of the cascade in `cascade`: a path from there, else a model beside it, else a shipped one.
pub(super) fn part_directory(cascade: &Path, name: &str) -> Result<PathBuf, ClassifyError> {
    if name.contains(['/', '\\']) {
        let directory = cascade.join(name);
        return if directory.join(MANIFEST_FILE).is_file() {
            Ok(directory)
        } else {
            Err(ClassifyError::ModelNotFound {
                name: name.to_owned(),
                looked_in: vec![directory],
            })
        };
    }
    let beside = cascade.join("..").join(name);
    if beside.join(MANIFEST_FILE).is_file() {
        return Ok(beside);
    }
    model_directory(name).map_err(|error| match error {
        ClassifyError::ModelNotFound { name, mut looked_in } => {
            looked_in.insert(0, cascade.join(".."));
            ClassifyError::ModelNotFound { name, looked_in }
        }
        other => other,
    })
}

fn model_roots() -> Vec<PathBuf> {
    let mut roots = Vec::new();
    if let Some(root) = std::env::var_os("QINGTING_MODELS").filter(|value| !value.is_empty()) {
        roots.push(PathBuf::from(root));
    }
    if let Some(binary_directory) = binary_directory() {
        roots.push(binary_directory.join("models"));
        roots.push(binary_directory.join("../share/qingting/models"));
    }
    roots.push(PathBuf::from("models"));
    roots.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
    roots
}

/// The ONNX Runtime library. A path given by the configuration or `ORT_DYLIB_PATH` is taken or refused, never passed over.
pub(super) fn runtime_library(config: &ModelConfig) -> Result<PathBuf, ClassifyError> {
    let given = config.ort_library.clone().or_else(|| {
        std::env::var_os("ORT_DYLIB_PATH")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    });
    if let Some(path) = given {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(ClassifyError::RuntimeNotFound { looked_for: vec![path] })
        };
    }
    let mut directories = Vec::new();
    if let Some(binary_directory) = binary_directory() {
        directories.push(binary_directory.join("../lib/qingting"));
        directories.push(binary_directory);
    }
    directories.push(PathBuf::from(".runtime"));
    directories.push(Path::new(env!("CARGO_MANIFEST_DIR")).join(".runtime"));
    directories
        .iter()
        .find_map(|directory| library_in(directory))
        .ok_or_else(|| ClassifyError::RuntimeNotFound {
            looked_for: directories
                .iter()
                .map(|directory| directory.join("libonnxruntime.so*"))
                .collect(),
        })
}

/// `libonnxruntime.so`, else the last of `libonnxruntime.so.*` by name.
fn library_in(directory: &Path) -> Option<PathBuf> {
    let plain = directory.join("libonnxruntime.so");
    if plain.is_file() {
        return Some(plain);
    }
    let mut versions: Vec<PathBuf> = std::fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("libonnxruntime.so.") && path.is_file()
        })
        .collect();
    versions.sort();
    versions.pop()
}

fn binary_directory() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    binary.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_model_is_refused_with_the_places_that_were_looked_in() {
        let error = model_directory("no-such-model").unwrap_err();
        assert_eq!(error.code(), "model_not_found");
        assert!(error.to_string().contains("models"), "{error}");
        assert!(!error.to_string().contains('\n'));
    }

    #[test]
    fn a_given_library_is_not_passed_over() {
        let config = ModelConfig {
            ort_library: Some(PathBuf::from("/nowhere/libonnxruntime.so")),
            ..ModelConfig::named("fast")
        };
        let error = runtime_library(&config).unwrap_err();
        assert_eq!(error.code(), "runtime_not_found");
        assert!(error.to_string().contains("/nowhere/libonnxruntime.so"));
    }

    #[test]
    fn a_library_with_a_version_in_its_name_is_found() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(library_in(directory.path()), None);
        std::fs::write(directory.path().join("libonnxruntime.so.1.31.1"), b"").unwrap();
        std::fs::write(directory.path().join("libonnxruntime_providers_shared.so"), b"").unwrap();
        let found = library_in(directory.path()).unwrap();
        assert!(found.ends_with("libonnxruntime.so.1.31.1"));
    }
}
