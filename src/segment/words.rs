//! Word lists: what is a content word, what is a degree word.

use super::MAX_TERMS;
use crate::item::WordList;
use rustc_hash::FxHashSet;
use std::sync::OnceLock;

const STOP_WORDS: &str = include_str!("stopwords.txt");
/// Adverbs of degree: with an adjective of one character they make words that hide the adjective from a search.
const DEGREE: &str = "太很真好超最更挺特";
/// Adjectives of one character that customers judge with.
const JUDGING: &str = "慢快贵差好难烂脏吵小大冷热多少久卡坏丑香甜酸辣咸淡硬软厚薄重轻高低深浅长短新旧满挤臭亮暗响累远近假真强弱棒赞牛爽稳美乱闷潮湿干细粗黑白红";

fn stop_words() -> &'static FxHashSet<&'static str> {
    static SET: OnceLock<FxHashSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| STOP_WORDS.split_whitespace().collect())
}

/// 太慢, 很贵 … : two characters, a degree and a judgement.
pub(super) fn is_degree_word(word: &str) -> bool {
    if word.len() != 6 || !word.is_char_boundary(3) {
        return false;
    }
    DEGREE.contains(&word[..3]) && JUDGING.contains(&word[3..])
}

/// Content words of one item: first occurrence order, each once, at most [`MAX_TERMS`].
#[derive(Debug)]
pub(super) struct Terms {
    terms: WordList,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            terms: WordList::with_capacity(MAX_TERMS, MAX_TERMS * 8),
        }
    }
}

impl Terms {
    /// Takes `word` (folded) if it is a content word: at least 2 characters, no digits alone, no stop word.
    pub fn offer(&mut self, word: &str) {
        const MAX_TERM_BYTES: usize = 48;
        if self.terms.len() == MAX_TERMS || word.len() > MAX_TERM_BYTES {
            return;
        }
        let mut characters = word.chars();
        let (Some(first), Some(second)) = (characters.next(), characters.next()) else {
            return;
        };
        if first == second && is_repeat(word) {
            return;
        }
        if first.is_ascii_digit() && !word.chars().any(char::is_alphabetic) {
            return;
        }
        if stop_words().contains(word) || self.terms.contains(word) {
            return;
        }
        self.terms.push(word);
    }

    /// Without the room that was not needed: terms stay in memory until the commit.
    pub fn into_list(mut self) -> WordList {
        self.terms.shrink_to_fit();
        self.terms
    }
}

/// One character again and again: 哈哈哈, 啊啊.
fn is_repeat(word: &str) -> bool {
    let mut characters = word.chars();
    let first = characters.next();
    first.is_some_and(|first| characters.all(|character| character == first))
}
