//! The segment stage: jieba once per item; the same words feed the index and the terms.
//!
//! Comes in: [`CleanItem`]. Goes out: [`SegmentedItem`] with index tokens of title and text, and content terms.
//! Can fail: nothing. Moves: `qingting_stage_duration_seconds{stage="segment"}` (recorded by the pipeline).
//!
//! # What a token is
//! The text is folded character by character (half-width, lower case, Traditional to Simplified) and cut by jieba
//! in search mode. A *unit* is a word of the dictionary, a run of letters or digits, or a single character; units
//! are disjoint, and their ordinals are the positions. Words that only the hidden Markov model guesses, and degree
//! words such as 太慢, are split into characters, so that 快递慢 finds 「快递太慢了」 whatever stands around it and
//! so that a phrase is cut in the same way in the query and in the text. Search-mode sub-words share the position
//! of the unit they are part of. Punctuation, white space and pictures are never tokens.

mod folded;
mod tokenizer;
mod words;

#[cfg(test)]
mod tests;

use crate::item::{CleanItem, SegmentedItem, Tokens};
use jieba_rs::Jieba;
use std::sync::{Arc, OnceLock};

/// Raised whenever [`Segmenter::tokens`] gives other tokens for the same text: part of the dictionary's identity.
const TOKENIZER_VERSION: &str = "qingting-tokens/1";
/// Version of the crate that brings the dictionary; a test holds it against `Cargo.lock`.
const DICTIONARY_VERSION: &str = "jieba-rs 0.11.0 default";

/// At most this many terms an item.
pub const MAX_TERMS: usize = 64;

/// Cuts text into tokens. Cheap to clone: all share one dictionary (37 MB, loaded once in a process, some 60 ms).
#[derive(Debug, Clone)]
pub struct Segmenter {
    jieba: Arc<Jieba>,
}

impl Default for Segmenter {
    fn default() -> Self {
        Self::new()
    }
}

impl Segmenter {
    pub fn new() -> Self {
        static JIEBA: OnceLock<Arc<Jieba>> = OnceLock::new();
        Self {
            jieba: Arc::clone(JIEBA.get_or_init(|| Arc::new(Jieba::new()))),
        }
    }

    /// Identity of dictionary and tokenizer, frozen per index: another value means that the index must be rebuilt.
    pub fn dictionary_hash(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(format!("{DICTIONARY_VERSION}\n{TOKENIZER_VERSION}").as_bytes())
    }

    /// Index tokens of `text`, ordered by position. `Token::text` is folded, the offsets are bytes of the given
    /// `text`. Sub-words follow the unit whose position they share. Linear in the length of the text.
    pub fn tokens(&self, text: &str) -> Tokens {
        tokenizer::cut(&self.jieba, text, tokenizer::SubWords::Emit, None)
    }

    /// Tokens of a query: the units of [`Self::tokens`] alone, since a document that holds a unit holds its sub-words.
    /// Positions are consecutive, so that a phrase may use them as they are.
    pub fn query_tokens(&self, text: &str) -> Tokens {
        tokenizer::cut(&self.jieba, text, tokenizer::SubWords::Skip, None)
    }

    pub fn segment(&self, item: CleanItem) -> SegmentedItem {
        let mut terms = words::Terms::default();
        let title_tokens = tokenizer::cut(
            &self.jieba,
            &item.item.title,
            tokenizer::SubWords::Emit,
            Some(&mut terms),
        );
        let text_tokens = tokenizer::cut(
            &self.jieba,
            &item.item.text,
            tokenizer::SubWords::Emit,
            Some(&mut terms),
        );
        SegmentedItem {
            clean: item,
            title_tokens,
            text_tokens,
            terms: terms.into_list(),
        }
    }
}
