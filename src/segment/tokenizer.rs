//! From jieba's words to units, sub-words and positions.

use super::folded::Folded;
use super::words::{Terms, is_degree_word};
use crate::item::{Token, Tokens};
use crate::normalize::is_word;
use jieba_rs::Jieba;
use std::cell::RefCell;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubWords {
    Emit,
    Skip,
}

/// Buffers of one thread, kept from text to text.
#[derive(Default)]
struct Scratch {
    folded: Folded,
    /// Indices of words in jieba's output, the last first.
    words: Vec<u32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// Cuts `text`; what counts as a content word is also given to `terms`.
pub(super) fn cut(jieba: &Jieba, text: &str, sub_words: SubWords, terms: Option<&mut Terms>) -> Tokens {
    if text.is_empty() {
        return Tokens::default();
    }
    SCRATCH.with_borrow_mut(|Scratch { folded, words }| {
        folded.fold(text);
        let tokens = cut_folded(jieba, folded, words, sub_words, terms);
        folded.release_if_huge();
        words.shrink_to(KEPT_WORDS);
        tokens
    })
}

/// A buffer of more words than this is let go after the text that needed it.
const KEPT_WORDS: usize = 1 << 14;

/// Texts are cut in pieces of about this size: jieba counts the characters before each part of a run such as
/// `ab1-ab1-…`, which is quadratic in the run.
const PIECE_BYTES: usize = 4 << 10;

/// The next piece of `text`: at least [`PIECE_BYTES`] and up to the next character that is in no word, but never
/// more than twice that.
fn piece(text: &str) -> &str {
    if text.len() <= PIECE_BYTES {
        return text;
    }
    let mut from = PIECE_BYTES;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let end = text[from..]
        .char_indices()
        .take_while(|(offset, _)| *offset < PIECE_BYTES)
        .find(|(_, character)| !is_word_character(*character) && !character.is_ascii_punctuation())
        .map(|(offset, _)| from + offset);
    let mut end = end.unwrap_or((from + PIECE_BYTES).min(text.len()));
    while !text.is_char_boundary(end) {
        end += 1;
    }
    &text[..end]
}

fn cut_folded(
    jieba: &Jieba,
    folded: &Folded,
    words: &mut Vec<u32>,
    sub_words: SubWords,
    mut terms: Option<&mut Terms>,
) -> Tokens {
    let mut out = Units {
        folded,
        // sub-words come on top of the words that tile the text
        tokens: Tokens::with_capacity(folded.text.len() / 4 + 4, folded.text.len() + folded.text.len() / 2),
        next_position: 0,
        open_letters: None,
    };
    let mut start = 0;
    while start < folded.text.len() {
        let piece = piece(&folded.text[start..]);
        out.piece(jieba, piece, start, words, sub_words, terms.as_deref_mut());
        start += piece.len();
    }
    out.tokens
}

struct Units<'a> {
    folded: &'a Folded,
    tokens: Tokens,
    next_position: u32,
    /// Folded byte offset at which the last unit ended and its index in `tokens`, if it is a run of letters that may
    /// go on: jieba gives letters that are neither Chinese nor ASCII one by one.
    open_letters: Option<(usize, usize)>,
}

impl Units<'_> {
    /// Emits the tokens of a piece that begins at `base` of the folded text.
    fn piece(
        &mut self,
        jieba: &Jieba,
        piece: &str,
        base: usize,
        words: &mut Vec<u32>,
        sub_words: SubWords,
        mut terms: Option<&mut Terms>,
    ) {
        let cut = match sub_words {
            SubWords::Emit => jieba.cut_for_search(piece, true),
            SubWords::Skip => jieba.cut(piece, true),
        };
        self.tokens.reserve(cut.len() + 8);
        // jieba emits the sub-words of a word before the word, and the words tile the text: a word is what ends where
        // the last one will begin, which is seen from the end only. Words are found backwards, emitted forwards.
        words.clear();
        let mut border = piece.len();
        for (index, token) in cut.iter().enumerate().rev() {
            if token.byte_end == border {
                words.push(index as u32);
                border = token.byte_start;
            }
        }
        let mut next = 0;
        for &index in words.iter().rev() {
            let index = index as usize;
            let word = &cut[index];
            let position = self.word(jieba, word.word, base + word.byte_start, terms.as_deref_mut());
            if let Some(position) = position {
                let unit = self.tokens.len() - 1;
                for part in &cut[next..index] {
                    let (start, text) = trim(base + part.byte_start, part.word);
                    if text.len() > 1 && self.tokens.get(unit).is_some_and(|unit| unit.text != text) {
                        self.push(text, start, position);
                    }
                }
            }
            next = index + 1;
        }
    }

    /// Emits the unit or units of a word. Returns the position when the word became one unit, of which sub-words
    /// may be emitted.
    fn word(&mut self, jieba: &Jieba, word: &str, start: usize, terms: Option<&mut Terms>) -> Option<u32> {
        let was_open = self.open_letters.take();
        let first = word.chars().next()?;
        if word.len() == first.len_utf8() {
            self.single(first, start, was_open);
            return None;
        }
        let (start, word) = trim(start, word);
        if word.is_empty() {
            return None;
        }
        if let Some(terms) = terms {
            terms.offer(word);
        }
        if is_han(first) && (is_degree_word(word) || !jieba.has_word(word)) {
            for (offset, character) in word.char_indices() {
                self.single(character, start + offset, None);
            }
            return None;
        }
        let position = self.advance();
        self.push(word, start, position);
        if word.is_ascii() {
            self.open_letters = Some((start + word.len(), self.tokens.len() - 1));
        }
        Some(position)
    }

    fn single(&mut self, character: char, start: usize, open_letters: Option<(usize, usize)>) {
        if !is_word_character(character) {
            return;
        }
        let mut buffer = [0u8; 4];
        let text: &str = character.encode_utf8(&mut buffer);
        let end = start + text.len();
        let joins = is_joined_letter(character);
        if joins
            && let Some((open_end, unit)) = open_letters
            && open_end == start
            && self
                .tokens
                .get(unit)
                .is_some_and(|unit| unit.text.len() + text.len() <= MAX_TOKEN_BYTES)
        {
            self.tokens.lengthen(unit, text, self.folded.original(end));
            self.open_letters = Some((end, unit));
            return;
        }
        let position = self.advance();
        self.push(text, start, position);
        if joins {
            self.open_letters = Some((end, self.tokens.len() - 1));
        }
    }

    fn advance(&mut self) -> u32 {
        let position = self.next_position;
        self.next_position += 1;
        position
    }

    fn push(&mut self, word: &str, start: usize, position: u32) {
        let mut end = word.len().min(MAX_TOKEN_BYTES);
        while !word.is_char_boundary(end) {
            end -= 1;
        }
        self.tokens.push(Token {
            text: &word[..end],
            from: self.folded.original(start),
            to: self.folded.original(start + word.len()),
            position,
        });
    }
}

/// Takes punctuation off both ends of a word that begins at `start`.
fn trim(start: usize, word: &str) -> (usize, &str) {
    let outside = |character: char| !is_word_character(character);
    let trimmed = word.trim_start_matches(outside);
    (start + (word.len() - trimmed.len()), trimmed.trim_end_matches(outside))
}

/// Letters and digits of any script, and ideographs; the common cases without a table.
#[inline]
fn is_word_character(character: char) -> bool {
    match character {
        '\0'..='\x7f' => character.is_ascii_alphanumeric(),
        '\u{4E00}'..='\u{9FFF}' => true,
        _ => is_word(character),
    }
}

/// Longer words are noise; the index drops tokens over 65,530 bytes altogether.
const MAX_TOKEN_BYTES: usize = 120;

/// Letters that make words by standing together, but that jieba gives one by one: Cyrillic, accented Latin, Greek …
fn is_joined_letter(character: char) -> bool {
    character.is_alphabetic() && !is_han(character) && !is_kana_or_hangul(character)
}

fn is_kana_or_hangul(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{31FF}' | '\u{AC00}'..='\u{D7AF}' | '\u{1100}'..='\u{11FF}')
}

pub(super) fn is_han(character: char) -> bool {
    matches!(character,
        '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3134F}')
}
