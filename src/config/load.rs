//! Text and environment → [`Config`].

use super::check::Checker;
use super::topics::check_topics;
use super::{Config, ConfigError, DEFAULT_DATA_DIR, PrivacyConfig, structure};
use crate::enrich::{Customers, Dictionary};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Shortest key that keys author ids.
const KEY_BYTES_MIN: u64 = 16;

impl Config {
    /// Reads and checks a file. `environment` holds the variables to lay over it (others are passed over).
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines.
    pub fn load(path: &Path, environment: &BTreeMap<String, String>) -> Result<Self, Vec<ConfigError>> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = match error.kind() {
                std::io::ErrorKind::InvalidData => "not UTF-8".to_owned(),
                _ => format!("cannot be read: {}", error.to_string().to_lowercase()),
            };
            vec![ConfigError {
                path: String::new(),
                line: None,
                value: None,
                message,
                allowed: None,
            }]
        })?;
        Self::parse(&text, environment)
    }

    /// Checks a text. An empty one gives all defaults, which is a valid configuration without sources.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines.
    pub fn parse(text: &str, environment: &BTreeMap<String, String>) -> Result<Self, Vec<ConfigError>> {
        let (raw, findings) = structure::read(text, environment);
        let mut checker = Checker { findings };
        let time = checker.time(raw.time);
        let kafka = checker.kafka(raw.kafka);
        let formats = checker.formats(raw.formats);
        let sources = checker.sources(raw.source, time.zone, &formats);
        let owners = checker.owners(raw.owner, &sources);
        let alerting = checker.alerting(raw.alerting);
        let receivers = checker.receivers(raw.receiver);
        let search = checker.search(raw.search);
        let rules = checker.rules(raw.rule, alerting.sensitivity, &receivers, &search);
        let data_dir = raw.data_dir.unwrap_or_else(|| DEFAULT_DATA_DIR.to_owned());
        let config = Self {
            data_dir: PathBuf::from(data_dir),
            time,
            kafka,
            sources,
            formats,
            checkpoint: checker.checkpoint(raw.checkpoint),
            model: checker.model(raw.model),
            privacy: PrivacyConfig {
                key_file: raw.privacy.key_file.map(PathBuf::from),
            },
            duplicates: checker.duplicates(raw.duplicates),
            dictionary_files: raw
                .dictionary
                .files
                .unwrap_or_default()
                .into_iter()
                .map(PathBuf::from)
                .collect(),
            customers_file: raw
                .enrich
                .customers
                .and_then(|customers| customers.file)
                .map(PathBuf::from),
            dead_letter: checker.dead_letter(raw.dead_letter),
            output_topic: None,
            search,
            owners,
            alerting,
            rules,
            receivers,
            http: checker.http(raw.http),
            log: checker.log(raw.log),
        };
        check_topics(&config, &mut checker);
        checker.pushers(&config.sources, &config.http);
        let mut errors = checker.findings.errors;
        if errors.is_empty() {
            return Ok(config);
        }
        errors.sort_by_key(|error| error.line.unwrap_or(usize::MAX));
        Err(errors)
    }

    /// Checks what the configuration names outside itself: the key file and the model's directory.
    pub fn check_files(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut report = |path: &str, value: &Path, message: String, allowed: Option<&str>| {
            errors.push(ConfigError {
                path: path.to_owned(),
                line: None,
                value: Some(value.display().to_string()),
                message,
                allowed: allowed.map(str::to_owned),
            });
        };
        if let Some(key_file) = &self.privacy.key_file {
            let allowed = Some("a file of at least 16 bytes");
            match std::fs::metadata(key_file) {
                Err(error) => report(
                    "privacy.key_file",
                    key_file,
                    format!("cannot be read: {error}"),
                    allowed,
                ),
                Ok(file) if !file.is_file() => report("privacy.key_file", key_file, "not a file".to_owned(), allowed),
                Ok(file) if file.len() < KEY_BYTES_MIN => {
                    report(
                        "privacy.key_file",
                        key_file,
                        format!("only {} bytes", file.len()),
                        allowed,
                    );
                }
                Ok(_) => {}
            }
        }
        for (index, source) in self.sources.iter().enumerate() {
            let file = source.http.as_ref().and_then(|http| http.secret_file.as_ref());
            if let Some(file) = file.filter(|file| !file.is_file()) {
                let path = format!("source[{index}].secret_file");
                report(&path, file, "not a file".to_owned(), Some("a file with the secret"));
            }
        }
        for (index, file) in self.dictionary_files.iter().enumerate() {
            if let Err(error) = Dictionary::load(&[file]) {
                report(&format!("dictionary.files[{index}]"), file, error.message, None);
            }
        }
        if let Some(file) = &self.customers_file
            && let Err(error) = Customers::load(file)
        {
            report("enrich.customers.file", file, error.message, None);
        }
        if let Some(library) = &self.model.ort_library
            && !library.is_file()
        {
            report(
                "model.ort_library",
                library,
                "not a file".to_owned(),
                Some("the path of libonnxruntime.so"),
            );
        }
        if self.model.runtime == super::ModelRuntime::Tract && !cfg!(feature = "tract") {
            let message = "not in this build; build with `--features tract`".to_owned();
            report("model.runtime", Path::new("tract"), message, Some("onnxruntime"));
        }
        if super::SHIPPED_MODELS.contains(&self.model.name.as_str()) {
            // the default is part of every installation, and a start says where it was looked for
            if self.model.name != super::DEFAULT_MODEL
                && let Err(error) = crate::classify::find_model(&self.model.name)
            {
                report("model.name", Path::new(&self.model.name), error.to_string(), None);
            }
        } else {
            let directory = Path::new(&self.model.name);
            if !directory.join("manifest.toml").is_file() {
                let allowed = Some("a directory with manifest.toml");
                report("model.dir", directory, "no manifest.toml in it".to_owned(), allowed);
            }
        }
        if self.data_dir.exists() && !self.data_dir.is_dir() {
            report("data_dir", &self.data_dir, "not a directory".to_owned(), None);
        }
        errors
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
