//! The log: `tracing` to stderr, as text or as one JSON object a line.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(
        "log level `{0}` is not a level or a filter: use error, warn, info, debug, trace or `info,qingting::index=debug`"
    )]
    Level(String),
    #[error("the log is already set up")]
    Twice,
}

impl LogError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Level(_) => "level",
            Self::Twice => "twice",
        }
    }
}

/// Sends the log to stderr. `level` is a level or a `tracing` filter.
///
/// # Errors
/// [`LogError::Level`] if the filter does not parse; [`LogError::Twice`] if a log is already set up.
pub fn init_log(json: bool, level: &str) -> Result<(), LogError> {
    let filter = parse_filter(level)?;
    let registry = tracing_subscriber::registry().with(filter);
    let text = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let result = if json {
        registry
            .with(
                text.json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false),
            )
            .try_init()
    } else {
        registry
            .with(text.with_ansi(std::io::stderr().is_terminal()).with_target(false))
            .try_init()
    };
    result.map_err(|_| LogError::Twice)
}

/// True if `level` can be given to [`init_log`].
pub fn is_level(level: &str) -> bool {
    parse_filter(level).is_ok()
}

fn parse_filter(level: &str) -> Result<EnvFilter, LogError> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let wrong = || LogError::Level(level.to_owned());
    // EnvFilter takes any lone word for a target, so that a misspelt level would silence everything.
    let lone_word = !level.contains(['=', ',', '[']);
    if level.is_empty() || (lone_word && !LEVELS.contains(&level.to_ascii_lowercase().as_str())) {
        return Err(wrong());
    }
    EnvFilter::try_new(level).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_refused_and_does_not_silence_the_log() {
        for good in ["info", "WARN", "off", "info,qingting::index=debug"] {
            assert!(is_level(good), "{good}");
        }
        for bad in ["", "inof", "verbose", "qingting=loud"] {
            assert!(!is_level(bad), "{bad}");
        }
    }
}
