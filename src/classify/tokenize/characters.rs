//! What BERT's basic tokenizer makes of one character, looked up in a table.
//!
//! Defined by `BertNormalizer` and `BertPreTokenizer` of the `tokenizers` crate: control characters go, white space
//! ends a word, CJK characters and punctuation stand alone, and where `lowercase` is set a character is decomposed,
//! loses its accents and its case. All but the canonical order of combining marks depends on one character alone;
//! a text with a mark that survives and may be moved is marked [`Class::Whole`] and takes the way over strings.

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::canonical_combining_class;

/// Characters below this are looked up; it covers the planes that customers write in, emoji among them.
const TABLE_CHARS: u32 = 0x2_0000;

const KIND_SHIFT: u32 = 28;
const LETTER: u32 = 0;
const GONE: u32 = 1;
const SPACE: u32 = 2;
const ALONE: u32 = 3;
const SEVERAL: u32 = 4;
const WHOLE: u32 = 5;
const VALUE_MASK: u32 = (1 << KIND_SHIFT) - 1;
/// Bits of a `SEVERAL` value that hold how many; a character becomes at most 18 (U+FDFA, decomposed).
const COUNT_BITS: u32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Goes on with the word, as this character.
    Letter(char),
    /// Leaves nothing.
    Gone,
    /// Ends the word.
    Space,
    /// Ends the word and is one of its own, as this character.
    Alone(char),
    /// Becomes several characters: a part of `Characters::several`.
    Several(u32, u32),
    /// Says that this text must be normalized as a whole.
    Whole,
}

#[derive(Debug)]
pub(super) struct Characters {
    lowercase: bool,
    table: Vec<u32>,
    /// Classes of the characters that one becomes, each `LETTER`, `SPACE` or `ALONE`.
    several: Vec<u32>,
}

impl Characters {
    pub fn new(lowercase: bool) -> Self {
        let mut characters = Self {
            lowercase,
            table: vec![0; TABLE_CHARS as usize],
            several: Vec::new(),
        };
        for point in 0..TABLE_CHARS {
            if let Some(character) = char::from_u32(point) {
                characters.table[point as usize] = characters.learn(character);
            }
        }
        characters
    }

    pub fn class(&self, character: char) -> Class {
        match self.table.get(character as usize) {
            Some(&packed) => unpack(packed),
            // Rare planes: letters of rare CJK, or nothing that is cased, accented or decomposed in several.
            None => {
                let mut becomes = Vec::new();
                unpack(self.class_of(character, &mut becomes).unwrap_or(WHOLE << KIND_SHIFT))
            }
        }
    }

    /// The parts of [`Class::Several`].
    pub fn several(&self, start: u32, count: u32) -> impl Iterator<Item = Class> + '_ {
        self.several[start as usize..(start + count) as usize]
            .iter()
            .map(|&packed| unpack(packed))
    }

    fn learn(&mut self, character: char) -> u32 {
        let mut becomes = Vec::new();
        if let Some(packed) = self.class_of(character, &mut becomes) {
            return packed;
        }
        let (start, count) = (self.several.len() as u32, becomes.len() as u32);
        if count >= 1 << COUNT_BITS {
            return WHOLE << KIND_SHIFT;
        }
        self.several.extend(becomes);
        SEVERAL << KIND_SHIFT | start << COUNT_BITS | count
    }

    /// The packed class of a character that becomes at most one, else `None` and what it becomes.
    fn class_of(&self, character: char, becomes: &mut Vec<u32>) -> Option<u32> {
        let Some(cleaned) = clean(character) else {
            return Some(GONE << KIND_SHIFT);
        };
        let alone = is_cjk(cleaned);
        let push = |one: char, becomes: &mut Vec<u32>| {
            becomes.push(if alone || is_punctuation(one) {
                ALONE << KIND_SHIFT | one as u32
            } else if one.is_whitespace() {
                SPACE << KIND_SHIFT
            } else {
                one as u32
            });
        };
        if self.lowercase {
            for (part, _) in std::iter::once(cleaned).nfd() {
                if part.is_mark_nonspacing() {
                    continue;
                }
                if canonical_combining_class(part) != 0 {
                    return Some(WHOLE << KIND_SHIFT);
                }
                part.to_lowercase().for_each(|lower| push(lower, becomes));
            }
        } else {
            push(cleaned, becomes);
        }
        match becomes.as_slice() {
            [] => Some(GONE << KIND_SHIFT),
            [one] => Some(*one),
            // a CJK character is one word even where it becomes several
            _ if alone => Some(WHOLE << KIND_SHIFT),
            _ => None,
        }
    }

    /// The normalizer over a whole text, as the crate does it.
    pub fn normalize(&self, text: &str) -> String {
        let mut spaced = String::with_capacity(text.len() * 2);
        for character in text.chars().filter_map(clean) {
            if is_cjk(character) {
                spaced.extend([' ', character, ' ']);
            } else {
                spaced.push(character);
            }
        }
        if !self.lowercase {
            return spaced;
        }
        spaced
            .nfd()
            .map(|(part, _)| part)
            .filter(|part| !part.is_mark_nonspacing())
            .flat_map(char::to_lowercase)
            .collect()
    }
}

fn unpack(packed: u32) -> Class {
    let value = packed & VALUE_MASK;
    // values of LETTER and ALONE were characters
    let character = char::from_u32(value).unwrap_or('\u{FFFD}');
    match packed >> KIND_SHIFT {
        LETTER => Class::Letter(character),
        GONE => Class::Gone,
        SPACE => Class::Space,
        ALONE => Class::Alone(character),
        SEVERAL => Class::Several(value >> COUNT_BITS, value & ((1 << COUNT_BITS) - 1)),
        _ => Class::Whole,
    }
}

/// Control characters go, white space becomes a space.
fn clean(character: char) -> Option<char> {
    match character {
        '\t' | '\n' | '\r' => Some(' '),
        '\0' | '\u{FFFD}' => None,
        _ if character.is_other() => None,
        _ if character.is_whitespace() => Some(' '),
        _ => Some(character),
    }
}

pub(super) fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation() || character.is_punctuation()
}

fn is_cjk(character: char) -> bool {
    matches!(
        u32::from(character),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}
