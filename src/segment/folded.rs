//! A folded text that remembers where each character stood in the text as given.

use crate::normalize::fold_char;

/// Folded text. Folding maps one character to one character, but the two may differ in bytes (`Ａ` has 3, `a` 1).
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub text: String,
    /// Byte offset in the given text of each byte offset of `text` that starts a character, and of its end.
    /// Empty when every character kept its width: then both offsets are the same.
    original: Vec<u32>,
}

impl Folded {
    /// Folds `text` into this buffer, keeping its allocations.
    pub fn fold(&mut self, text: &str) {
        self.text.clear();
        self.text.reserve(text.len());
        self.original.clear();
        let mut moved = false;
        for (offset, character) in text.char_indices() {
            let folded = fold_char(character);
            if !moved && folded.len_utf8() != character.len_utf8() {
                moved = true;
                // so far nothing moved
                self.original.extend(0..=offset as u32);
            }
            self.text.push(folded);
            if moved {
                let end = (offset + character.len_utf8()) as u32;
                self.original.resize(self.text.len() + 1, end);
            }
        }
    }

    /// Byte offset in the given text of a character border of the folded one.
    pub fn original(&self, folded_offset: usize) -> u32 {
        self.original
            .get(folded_offset)
            .copied()
            .unwrap_or(folded_offset as u32)
    }

    /// Lets a buffer go that one huge text has blown up.
    pub fn release_if_huge(&mut self) {
        const KEEP_BYTES: usize = 1 << 18;
        if self.text.capacity() > KEEP_BYTES {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_lead_back_to_the_given_text() {
        let given = "ab ＡＢ退x款Ｃ";
        let mut folded = Folded::default();
        folded.fold(given);
        assert_eq!(folded.text, "ab ab退x款c");
        let borders: Vec<u32> = folded
            .text
            .char_indices()
            .map(|(offset, _)| folded.original(offset))
            .collect();
        let expected: Vec<u32> = given.char_indices().map(|(offset, _)| offset as u32).collect();
        assert_eq!(borders, expected);
        assert_eq!(folded.original(folded.text.len()), given.len() as u32);
    }
}
