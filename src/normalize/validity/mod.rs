//! What rules say about whether a text is usable feedback, and why not.
//!
//! Comes in: the folded words of the author. Goes out: a reason of a bounded list, or nothing where only the model can
//! tell. A rule speaks only where it is nearly certain: it stands over the model. Cannot fail. No metric.

mod noise;
mod repeats;
mod words;

use words::Score;

/// Longest text that noise and bare abuse are looked for in.
const LONGEST_NOISE_CHARS: usize = 48;

/// Why `folded` (half-width, lower case, Simplified) is no feedback; `letters`: its significant characters.
pub(super) fn reason(folded: &str, letters: &[char]) -> Option<&'static str> {
    if letters.is_empty() {
        return None;
    }
    if letters.len() <= LONGEST_NOISE_CHARS {
        if let Some(reason) = words::template(folded, letters.len()) {
            return Some(reason);
        }
        if noise::is_noise(folded, letters) {
            return Some("keyboard_noise");
        }
        if words::is_bare_abuse(folded) {
            return Some("abuse_only");
        }
    }
    if repeats::is_filler(letters) {
        return Some("filler");
    }
    Score::of(folded).reason()
}

#[cfg(test)]
mod tests;
