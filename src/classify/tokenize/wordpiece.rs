//! WordPiece by hand: the pieces of the `tokenizers` crate's BERT pipeline at many times its speed.
//!
//! A character costs one look-up in a table, and a CJK character or a mark another one; a longest match walks a trie.
//! That the pieces are the same is proven by the tests on real texts and on arbitrary ones.

use super::characters::{Characters, Class, is_punctuation};
use super::keep_head_and_tail;
use rustc_hash::FxHashMap;

/// Longer words are unknown, as in BERT.
const MAX_WORD_CHARS: usize = 100;
/// Says in the vocabulary that a piece goes on with a word.
const CONTINUES: &str = "##";
/// Trie nodes that every match starts from: at the start of a word, and within one.
const WORD_START: u32 = 0;
const WITHIN_WORD: u32 = 1;
/// Characters that may stand alone and are looked up directly.
const ALONE_CHARS: usize = 0x1_0000;

#[derive(Debug)]
pub struct WordPiece {
    characters: Characters,
    /// Id of the word that is this one character.
    alone: Vec<i32>,
    /// (node, character) → node.
    children: FxHashMap<u64, u32>,
    /// By node: id of the piece that ends there, or −1.
    pieces: Vec<i32>,
    unknown: i32,
    start: i32,
    end: i32,
    head_tokens: usize,
    tail_tokens: usize,
}

impl WordPiece {
    /// `tokens` by id. Fails when a special token is missing.
    pub fn new(tokens: Vec<&str>, lowercase: bool, head_tokens: usize, tail_tokens: usize) -> Result<Self, String> {
        let id = |wanted: &str| {
            tokens
                .iter()
                .rposition(|token| *token == wanted)
                .and_then(|id| i32::try_from(id).ok())
                .ok_or_else(|| format!("holds no {wanted}, must hold [PAD] [UNK] [CLS] [SEP], one token a line"))
        };
        id("[PAD]")?;
        let mut pieces = Self {
            characters: Characters::new(lowercase),
            alone: Vec::new(),
            children: FxHashMap::default(),
            pieces: vec![-1, -1],
            unknown: id("[UNK]")?,
            start: id("[CLS]")?,
            end: id("[SEP]")?,
            head_tokens,
            tail_tokens,
        };
        for (id, token) in (0..).zip(&tokens) {
            pieces.insert(WORD_START, token, id);
            if let Some(rest) = token.strip_prefix(CONTINUES) {
                pieces.insert(WITHIN_WORD, rest, id);
            }
        }
        pieces.alone = (0..ALONE_CHARS as u32)
            .map(|point| {
                let known = char::from_u32(point).and_then(|character| pieces.longest(WORD_START, &[character]));
                known.map_or(pieces.unknown, |(_, id)| id)
            })
            .collect();
        Ok(pieces)
    }

    fn insert(&mut self, root: u32, token: &str, id: i32) {
        if token.is_empty() {
            return;
        }
        let mut node = root;
        for character in token.chars() {
            let next = self.pieces.len() as u32;
            node = *self.children.entry(key(node, character)).or_insert(next);
            if node == next {
                self.pieces.push(-1);
            }
        }
        self.pieces[node as usize] = id;
    }

    /// Appends `[CLS]`, the pieces that count, `[SEP]`. `word` is a buffer.
    pub fn encode(&self, text: &str, word: &mut Vec<char>, out: &mut Vec<i32>) {
        out.push(self.start);
        let first = out.len();
        word.clear();
        if !self.encode_by_character(text, word, out) {
            out.truncate(first);
            word.clear();
            self.encode_whole(&self.characters.normalize(text), word, out);
        }
        keep_head_and_tail(out, first, self.head_tokens, self.tail_tokens);
        out.push(self.end);
    }

    /// False when the text must be normalized as a whole.
    fn encode_by_character(&self, text: &str, word: &mut Vec<char>, out: &mut Vec<i32>) -> bool {
        for character in text.chars() {
            match self.characters.class(character) {
                Class::Several(start, count) => {
                    for class in self.characters.several(start, count) {
                        self.take(class, word, out);
                    }
                }
                Class::Whole => return false,
                class => self.take(class, word, out),
            }
        }
        self.end_word(word, out);
        true
    }

    fn take(&self, class: Class, word: &mut Vec<char>, out: &mut Vec<i32>) {
        match class {
            // one more than counts is enough to know that it is too long
            Class::Letter(letter) if word.len() <= MAX_WORD_CHARS => word.push(letter),
            Class::Space => self.end_word(word, out),
            Class::Alone(alone) => {
                self.end_word(word, out);
                out.push(self.alone_id(alone));
            }
            Class::Letter(_) | Class::Gone | Class::Several(..) | Class::Whole => {}
        }
    }

    fn encode_whole(&self, normalized: &str, word: &mut Vec<char>, out: &mut Vec<i32>) {
        for character in normalized.chars() {
            if character.is_whitespace() {
                self.end_word(word, out);
            } else if is_punctuation(character) {
                self.end_word(word, out);
                out.push(self.alone_id(character));
            } else if word.len() <= MAX_WORD_CHARS {
                word.push(character);
            }
        }
        self.end_word(word, out);
    }

    fn alone_id(&self, character: char) -> i32 {
        match self.alone.get(character as usize) {
            Some(&id) => id,
            None => self
                .longest(WORD_START, &[character])
                .map_or(self.unknown, |(_, id)| id),
        }
    }

    /// The pieces of a word: the longest one that fits, again and again; unknown as a whole when none does.
    fn end_word(&self, word: &mut Vec<char>, out: &mut Vec<i32>) {
        if word.is_empty() {
            return;
        }
        let first = out.len();
        let mut at = 0;
        if word.len() > MAX_WORD_CHARS {
            out.push(self.unknown);
            at = word.len();
        }
        while at < word.len() {
            let root = if at == 0 { WORD_START } else { WITHIN_WORD };
            let Some((length, id)) = self.longest(root, &word[at..]) else {
                out.truncate(first);
                out.push(self.unknown);
                break;
            };
            out.push(id);
            at += length;
        }
        word.clear();
    }

    /// The longest piece that the characters start with: its length and id.
    fn longest(&self, root: u32, characters: &[char]) -> Option<(usize, i32)> {
        let mut node = root;
        let mut found = None;
        for (index, &character) in characters.iter().enumerate() {
            let Some(&next) = self.children.get(&key(node, character)) else {
                break;
            };
            node = next;
            let id = self.pieces[node as usize];
            if id >= 0 {
                found = Some((index + 1, id));
            }
        }
        found
    }
}

fn key(node: u32, character: char) -> u64 {
    u64::from(node) << 21 | u64::from(character)
}
