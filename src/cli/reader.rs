//! What commands that read files share: which files, by which format.

use super::UsageError;
use crate::format::Formats;
use crate::source::file::STDIN;
use std::path::PathBuf;

/// Chooses the reader by the record.
pub const AUTO: &str = "auto";

/// The paths as they were given; none means standard input.
pub fn files_or_stdin(files: &[PathBuf]) -> Vec<String> {
    if files.is_empty() {
        return vec![STDIN.to_owned()];
    }
    files.iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

/// # Errors
/// [`UsageError`] with the nearest name if there is no such format.
pub fn check_format(formats: &Formats, name: &str) -> Result<(), UsageError> {
    if formats.knows(name) {
        return Ok(());
    }
    let mut names = formats.names();
    names.push(AUTO);
    let nearest = names
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let nearest = nearest.copied().unwrap_or(AUTO);
    Err(UsageError(format!(
        "unknown format `{name}`; did you mean `{nearest}`? `qingting format list` names all"
    )))
}
