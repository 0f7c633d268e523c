//! Where mappings come from: the binary, a directory that adds to it, single files.

use super::mapping::{self, Mapping, MappingError, Preset};
use super::{FormatError, Formats, Limits, presets};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// All presets, or the one that does not load.
type Shipped = Result<Vec<Arc<Preset>>, (String, MappingError)>;

/// The presets that ship, compiled once a process: a configuration is checked against them more often than that.
static SHIPPED: LazyLock<Shipped> = LazyLock::new(|| {
    let all = shipped_mappings();
    all.iter()
        .map(|mapping| match mapping::load(mapping, &all) {
            Ok(preset) => Ok(Arc::new(preset)),
            Err(error) => Err((mapping.name.clone(), error)),
        })
        .collect()
});

/// Mappings of one directory.
const MOST_FILES: usize = 1_000;

impl Formats {
    /// The canonical format and the presets that ship in the binary.
    pub fn builtin() -> Result<Self, FormatError> {
        Self::load(None, &[])
    }

    /// As [`Self::builtin`], with the mappings (`*.toml`) of a directory.
    pub fn with_directory(directory: Option<&Path>) -> Result<Self, FormatError> {
        Self::load(directory, &[])
    }

    /// The presets that ship, the mappings of a directory and single ones. A mapping that has the name of a preset
    /// that ships must say `overrides = true`; it then takes its place.
    pub fn load(directory: Option<&Path>, files: &[PathBuf]) -> Result<Self, FormatError> {
        let mut all = match directory {
            Some(directory) => files_of(directory)?,
            None => Vec::new(),
        };
        all.extend(
            files
                .iter()
                .filter(|file| !all.contains(file))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let files = all;
        let builtin = shipped_mappings();
        let mut own: Vec<(String, Mapping)> = Vec::new();
        for file in &files {
            let path = file.display().to_string();
            let written = std::fs::read_to_string(file).map_err(|error| FormatError::Read {
                path: path.clone(),
                error,
            })?;
            let mapping = admitted(written, &own).map_err(|error| FormatError::File {
                path: path.clone(),
                error,
            })?;
            own.push((path, mapping));
        }
        // a mapping that takes the place of a preset may extend it, so its own name means the preset there
        let own_mappings: Vec<Mapping> = own.iter().map(|(_, mapping)| mapping.clone()).collect();
        let mut loaded: Vec<Arc<Preset>> = Vec::new();
        for (path, mapping) in &own {
            let others = others_of(mapping, &own_mappings, &builtin);
            let mut preset = mapping::load(mapping, &others).map_err(|error| FormatError::File {
                path: path.clone(),
                error,
            })?;
            preset.file = Some(PathBuf::from(path));
            loaded.push(Arc::new(preset));
        }
        let shipped = SHIPPED.as_ref().map_err(|(name, error)| FormatError::Preset {
            name: name.clone(),
            error: error.clone(),
        })?;
        let is_replaced = |preset: &&Arc<Preset>| own_mappings.iter().any(|own| own.name == preset.name);
        loaded.extend(shipped.iter().filter(|preset| !is_replaced(preset)).cloned());
        for (at, (path, mapping)) in own.iter().enumerate() {
            if let Some(message) = name_is_taken(&loaded, at) {
                return Err(FormatError::File {
                    path: path.clone(),
                    error: MappingError {
                        line: mapping::line_of(&mapping.written, &["aliases".to_owned()]),
                        message,
                    },
                });
            }
        }
        Ok(Self {
            presets: loaded,
            zone: chrono_tz::Asia::Shanghai,
            limits: Limits::default(),
        })
    }
}

impl Formats {
    /// The format that a mapping file describes.
    pub fn name_of_file(&self, file: &Path) -> Option<&str> {
        self.presets
            .iter()
            .find(|preset| preset.file.as_deref() == Some(file))
            .map(|preset| preset.name.as_str())
    }
}

/// Why a preset may not answer to one of its names: another one does.
fn name_is_taken(presets: &[Arc<Preset>], at: usize) -> Option<String> {
    let names = |preset: &Arc<Preset>| std::iter::once(preset.name.clone()).chain(preset.aliases.clone());
    names(&presets[at]).find_map(|name| {
        let taken_by = if [super::item::NAME, super::AUTO].contains(&name.as_str()) {
            "built in".to_owned()
        } else {
            let others = presets.iter().enumerate().filter(|(other, _)| *other != at);
            let other = others
                .map(|(_, preset)| preset)
                .find(|other| names(other).any(|other| other == name))?;
            format!("a name of `{}`", other.name)
        };
        Some(format!("`{name}` is {taken_by}; take another name"))
    })
}

fn shipped_mappings() -> Vec<Mapping> {
    presets::ALL
        .iter()
        .map(|(name, written)| Mapping {
            name: (*name).to_owned(),
            written: (*written).to_owned(),
        })
        .collect()
}

/// The mappings of a directory, by name.
fn files_of(directory: &Path) -> Result<Vec<PathBuf>, FormatError> {
    let failed = |error: std::io::Error| FormatError::Read {
        path: directory.display().to_string(),
        error,
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") && path.is_file() {
            files.push(path);
        }
    }
    if files.len() > MOST_FILES {
        return Err(FormatError::Directory {
            path: directory.display().to_string(),
            message: format!("{} mappings, want at most {MOST_FILES}", files.len()),
        });
    }
    files.sort();
    Ok(files)
}

/// What a mapping may extend: its own kind first, but never itself under the name of the preset it replaces.
fn others_of(mapping: &Mapping, own: &[Mapping], builtin: &[Mapping]) -> Vec<Mapping> {
    own.iter()
        .filter(|other| other.name != mapping.name)
        .chain(builtin)
        .cloned()
        .collect()
}

/// The name of a mapping from outside, if it may be taken.
fn admitted(written: String, own: &[(String, Mapping)]) -> Result<Mapping, MappingError> {
    let spec = mapping::checked(&written)?;
    let wrong = |key: &str, message: String| MappingError {
        line: mapping::line_of(&written, &[key.to_owned()]),
        message,
    };
    if let Some((path, _)) = own.iter().find(|(_, other)| other.name == spec.name) {
        return Err(wrong("name", format!("name `{}` is taken by {path}", spec.name)));
    }
    let ships = presets::ALL.iter().any(|(name, _)| *name == spec.name);
    if ships && !spec.overrides {
        return Err(wrong(
            "name",
            format!(
                "name `{}` is that of a preset that ships; take another name, or say `overrides = true` to replace it",
                spec.name
            ),
        ));
    }
    if !ships && spec.overrides {
        return Err(wrong(
            "overrides",
            format!("`overrides`, but no preset that ships is called `{}`", spec.name),
        ));
    }
    Ok(Mapping {
        name: spec.name,
        written,
    })
}
