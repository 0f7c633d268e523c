//! What commands that read files share: which files, by which format.

use super::UsageError;
use crate::format::{AUTO, Formats};
use crate::nearest::did_you_mean;
use crate::source::file::STDIN;
use chrono_tz::Tz;
use std::path::PathBuf;

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
    Err(UsageError(unknown_format(name, names)))
}

/// The same sentence for every command that takes the name of a format.
pub fn unknown_format<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let guess = did_you_mean(name, names);
    format!("unknown format `{name}`{guess} (`qingting format list` names all)")
}

/// `--collected-at`: when the files were collected, for records that do not say it.
///
/// # Errors
/// [`UsageError`] if it is no time.
pub fn collect_time(written: Option<&str>, zone: Tz) -> Result<Option<i64>, UsageError> {
    let Some(written) = written else {
        return Ok(None);
    };
    match crate::normalize::time::from_text(written, 0, zone) {
        Some(time) => Ok(Some(time.ms)),
        None => Err(UsageError(format!(
            "`--collected-at {written}` is no time; want such as 2025-11-06, `2025-11-06 09:12:04` or ms UTC"
        ))),
    }
}
