//! What the passes over a text want to know of a character, in one look-up.
//!
//! Asking each question by itself (white space? a digit in some script? a letter?) costs more than the passes do.

use super::clean::needs_a_closer_look;
use super::fold::{is_ideograph, is_simplified_only, is_traditional_only};
use super::language::{is_cantonese, is_foreign_letter};
use super::mask::digit_value;
use std::sync::LazyLock;

/// Cleaning changes, drops or remembers it.
pub(super) const CLOSER_LOOK: u8 = 1;
/// Stands for a digit in some script: `3`, 三, ③.
pub(super) const DIGIT: u8 = 2;
pub(super) const IDEOGRAPH: u8 = 4;
/// Letter, digit or ideograph.
pub(super) const WORD: u8 = 8;
pub(super) const SIMPLIFIED_ONLY: u8 = 16;
pub(super) const TRADITIONAL_ONLY: u8 = 32;
/// Written Cantonese uses it and Mandarin does not.
pub(super) const CANTONESE: u8 = 64;
/// A letter of a script that Chinese is not written in.
pub(super) const FOREIGN: u8 = 128;

const BASIC_PLANE: usize = 0x1_0000;

static TABLE: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let class = |code: usize| char::from_u32(code as u32).map_or(0, computed);
    (0..BASIC_PLANE).map(class).collect()
});

/// The table, borrowed once for a whole text.
#[derive(Clone, Copy)]
pub(super) struct Classes(&'static [u8]);

impl Classes {
    pub fn get() -> Self {
        Self(&TABLE)
    }

    /// The bits of `c`.
    #[inline]
    pub fn of(self, c: char) -> u8 {
        match self.0.get(c as usize) {
            Some(class) => *class,
            None => computed(c),
        }
    }
}

/// Letters and digits of any script, and ideographs: what words are made of.
#[inline]
pub(crate) fn is_word(c: char) -> bool {
    Classes::get().of(c) & WORD != 0
}

fn computed(c: char) -> u8 {
    let bit = |is: bool, bit: u8| if is { bit } else { 0 };
    bit(needs_a_closer_look(c), CLOSER_LOOK)
        | bit(digit_value(c).is_some(), DIGIT)
        | bit(is_ideograph(c), IDEOGRAPH)
        | bit(is_ideograph(c) || c.is_alphanumeric(), WORD)
        | bit(is_simplified_only(c), SIMPLIFIED_ONLY)
        | bit(is_traditional_only(c), TRADITIONAL_ONLY)
        | bit(is_cantonese(c), CANTONESE)
        | bit(is_foreign_letter(c), FOREIGN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_questions_say() {
        let classes = Classes::get();
        for c in '\0'..=char::MAX {
            assert_eq!(classes.of(c), computed(c), "{c:?}");
        }
        assert_eq!(classes.of('三'), DIGIT | IDEOGRAPH | WORD);
        assert_eq!(classes.of('，'), 0);
        assert_eq!(classes.of('\u{3000}'), CLOSER_LOOK);
    }
}
