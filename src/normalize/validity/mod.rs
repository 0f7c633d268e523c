//! What rules say about whether a text is usable feedback, and why not.
//!
//! Comes in: the folded words of the author. Goes out: a reason of a bounded list, or nothing where only the model can
//! tell. A rule speaks only where it is nearly certain: it stands over the model. Cannot fail. No metric.

mod noise;
mod repeats;
mod words;

use super::rules::significant_chars;
use words::Score;

/// Every reason there is, those of [`super::rules`] included.
pub const REASONS: [&str; 10] = [
    "default_text",
    "empty",
    "repost_only",
    "deleted",
    "filler",
    "advertisement",
    "keyboard_noise",
    "abuse_only",
    "other_voice",
    "off_topic_spam",
];

/// Longest text that noise and bare abuse are looked for in.
const LONGEST_NOISE_CHARS: usize = 48;

/// Why `folded` (half-width, lower case, Simplified) is no feedback.
pub(super) fn reason(folded: &str) -> Option<&'static str> {
    let letters: Letters = significant_chars(folded).collect();
    if letters.0.is_empty() {
        return None;
    }
    if letters.0.len() <= LONGEST_NOISE_CHARS {
        if let Some(reason) = words::template(folded, letters.0.len()) {
            return Some(reason);
        }
        if noise::is_noise(folded, &letters.0) {
            return Some("keyboard_noise");
        }
        if words::is_bare_abuse(folded) {
            return Some("abuse_only");
        }
    }
    if repeats::is_filler(&letters.0) {
        return Some("filler");
    }
    Score::of(folded).reason()
}

/// The significant characters of a text, gathered once.
struct Letters(Vec<char>);

impl FromIterator<char> for Letters {
    fn from_iter<I: IntoIterator<Item = char>>(chars: I) -> Self {
        Self(chars.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
