//! Personal data out of free text.
//!
//! Comes in: text that was folded to half width (a dead letter's bytes as they are). Goes out: the same text with
//! personal data masked in its own shape (`138****8000`, `z***@example.com`), or what was found and where
//! ([`find`], for `qingting privacy scan`). Cannot fail. No metric.
//!
//! Only for free text: ids, urls and times are full of digit runs that look the same. Numbers of companies (400, 800,
//! 95xxx, 12315) and of complaints stay. Masking twice changes nothing.

mod address;
mod check_digits;
mod digits;
mod labels;
mod mail;
mod names;
mod numbers;
mod plate;

pub(super) use digits::value as digit_value;
pub use names::mask_name;

use super::classes::{Classes, DIGIT};

/// What kind of personal data was found. The names are those of `qingting privacy scan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Mail,
    IdentityCard,
    Mobile,
    BankCard,
    Landline,
    Passport,
    Plate,
    /// WeChat, QQ and the like.
    Account,
    /// Order and tracking numbers.
    Order,
    Name,
    Address,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::IdentityCard => "identity_card",
            Self::Mobile => "mobile",
            Self::BankCard => "bank_card",
            Self::Landline => "landline",
            Self::Passport => "passport",
            Self::Plate => "licence_plate",
            Self::Account => "account",
            Self::Order => "order_number",
            Self::Name => "name",
            Self::Address => "address",
        }
    }
}

/// How the hidden part is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    /// A star for each letter and digit; separators stay.
    Each,
    /// Three stars for all of it: its length would tell too much, or nothing.
    Short,
}

/// Personal data in a text, as byte offsets: the whole of it, and the part that is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    pub from: usize,
    pub to: usize,
    hide_from: usize,
    hide_to: usize,
    cover: Cover,
}

/// All personal data of `text`, in order, without overlaps.
pub fn find(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let seen = Seen::of(text);
    if seen.at_sign {
        mail::find(text, &mut found);
    }
    if seen.digits >= 5 {
        numbers::find(text, &mut found);
    }
    if seen.digits >= 3 && seen.letter_after_wide {
        plate::find(text, &mut found);
    }
    labels::find(text, &mut found);
    if found.len() > 1 {
        found.sort_by_key(|finding| (finding.from, finding.kind));
        let mut end = 0;
        found.retain(|finding| {
            let free = finding.from >= end;
            end = if free { finding.to } else { end };
            free
        });
    }
    found
}

/// Most rounds of masking: what overlapped with something that is masked now may be found in the next.
const MOST_ROUNDS: usize = 8;

/// Masks `text` in place. Returns whether anything was found.
pub fn mask(text: &mut String) -> bool {
    for round in 0..MOST_ROUNDS {
        let findings = find(text);
        if findings.is_empty() {
            return round > 0;
        }
        *text = covered(text, &findings);
    }
    true
}

fn covered(text: &str, findings: &[Finding]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut copied = 0;
    for finding in findings {
        masked.push_str(&text[copied..finding.hide_from]);
        let hidden = &text[finding.hide_from..finding.hide_to];
        match finding.cover {
            Cover::Short => masked.push_str("***"),
            Cover::Each => masked.extend(hidden.chars().filter_map(|c| match c {
                // the frame of a keycap
                '\u{fe0f}' | '\u{20e3}' => None,
                c if c.is_alphanumeric() || digits::value(c).is_some() => Some('*'),
                c => Some(c),
            })),
        }
        copied = finding.hide_to;
    }
    masked.push_str(&text[copied..]);
    masked
}

/// What one quick look at the bytes says about which searches are worth it.
struct Seen {
    digits: usize,
    at_sign: bool,
    /// A Latin letter after a character beyond ASCII: `京A`.
    letter_after_wide: bool,
}

impl Seen {
    fn of(text: &str) -> Self {
        let mut seen = Self {
            digits: 0,
            at_sign: false,
            letter_after_wide: false,
        };
        let classes = Classes::get();
        let mut after_wide = false;
        for c in text.chars() {
            seen.digits += usize::from(classes.of(c) & DIGIT != 0);
            if c.is_ascii() {
                seen.at_sign |= c == '@';
                seen.letter_after_wide |= after_wide && c.is_ascii_alphabetic();
            }
            after_wide = !c.is_ascii();
        }
        seen
    }
}

/// The last `count` characters before `at`.
fn before(text: &str, at: usize, count: usize) -> &str {
    let from = text[..at]
        .char_indices()
        .rev()
        .take(count)
        .last()
        .map_or(at, |(index, _)| index);
    &text[from..at]
}

/// `before` without what may stand between a label and its value: `号：`, ` is `, quotes.
fn label_before(text: &str, at: usize) -> &str {
    before(text, at, 16).trim_end_matches(|c: char| {
        matches!(
            c,
            ' ' | ':'
                | '：'
                | '#'
                | '='
                | '是'
                | '为'
                | '('
                | '（'
                | '【'
                | '['
                | '"'
                | '\''
                | '“'
                | '「'
                | '№'
                | '，'
                | ','
        )
    })
}

#[cfg(test)]
mod planted_tests;
#[cfg(test)]
mod tests;
