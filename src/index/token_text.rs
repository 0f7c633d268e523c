//! How the words of a text reach tantivy: as one string that a tokenizer of ours takes apart again.
//!
//! tantivy's own pre-tokenized text goes from the caller to the indexing thread as JSON, word by word: writing and
//! parsing it cost more than the indexing. Here each word is two characters (distance from the position before,
//! length) and its bytes, and taking it apart allocates nothing.

use crate::item::Tokens;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Longer words are left out: tantivy drops tokens over 65,530 bytes, and no word is that long.
pub(super) const MAX_WORD_BYTES: usize = 1_024;

/// Distances from here on are moved behind the surrogates, which no character is.
const SURROGATES: u32 = 0xD800;
const SURROGATE_COUNT: u32 = 0x800;

/// The string for [`TokenText`]. Positions must not go back, see [`super::document::validate`].
pub(super) fn encode(tokens: &Tokens) -> String {
    let mut text = String::with_capacity(tokens.word_bytes() + tokens.len() * 3);
    let mut position = 0;
    for token in tokens.iter().filter(|token| token.text.len() <= MAX_WORD_BYTES) {
        text.push(number(token.position.saturating_sub(position)));
        text.push(number(token.text.len() as u32));
        text.push_str(token.text);
        position = token.position;
    }
    text
}

/// A number up to 2^20 as one character.
fn number(value: u32) -> char {
    let code = if value < SURROGATES {
        value
    } else {
        value + SURROGATE_COUNT
    };
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn value(number: char) -> u32 {
    let code = number as u32;
    if code < SURROGATES {
        code
    } else {
        code - SURROGATE_COUNT
    }
}

/// The other end of [`encode`], under the name that the schema gives.
#[derive(Clone, Default)]
pub(super) struct TokenText {
    token: Token,
}

pub(super) struct TokenTextStream<'a> {
    rest: &'a str,
    token: &'a mut Token,
    started: bool,
}

impl Tokenizer for TokenText {
    type TokenStream<'a> = TokenTextStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> TokenTextStream<'a> {
        self.token.reset();
        TokenTextStream {
            rest: text,
            token: &mut self.token,
            started: false,
        }
    }
}

impl TokenStream for TokenTextStream<'_> {
    fn advance(&mut self) -> bool {
        let mut characters = self.rest.chars();
        let (Some(distance), Some(length)) = (characters.next(), characters.next()) else {
            return false;
        };
        let Some((word, rest)) = characters.as_str().split_at_checked(value(length) as usize) else {
            return false;
        };
        self.rest = rest;
        let before = if self.started { self.token.position } else { 0 };
        self.started = true;
        self.token.position = before + value(distance) as usize;
        self.token.position_length = 1;
        self.token.text.clear();
        self.token.text.push_str(word);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Token as Word;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_word_arrives_at_its_position(
            words in proptest::collection::vec((".{0,20}", prop_oneof![0u32..3, 0u32..60_000]), 0..40),
        ) {
            let mut tokens = Tokens::default();
            let mut position = 0;
            for (text, distance) in &words {
                position = (position + distance).min(1 << 20);
                tokens.push(Word { text, from: 0, to: 0, position });
            }
            let mut tokenizer = TokenText::default();
            let text = encode(&tokens);
            let mut stream = tokenizer.token_stream(&text);
            for word in tokens.iter() {
                prop_assert!(stream.advance());
                prop_assert_eq!(&stream.token().text, word.text);
                prop_assert_eq!(stream.token().position, word.position as usize);
            }
            prop_assert!(!stream.advance());
        }
    }

    #[test]
    fn a_word_that_the_index_would_drop_leaves_its_place_empty() {
        let long = "长".repeat(400);
        let mut tokens = Tokens::default();
        for (position, text) in ["一", long.as_str(), "二"].into_iter().enumerate() {
            let position = position as u32;
            tokens.push(Word {
                text,
                from: 0,
                to: 0,
                position,
            });
        }
        let (mut tokenizer, text) = (TokenText::default(), encode(&tokens));
        let mut stream = tokenizer.token_stream(&text);
        let mut seen = Vec::new();
        while stream.advance() {
            seen.push((stream.token().text.clone(), stream.token().position));
        }
        assert_eq!(seen, [("一".to_owned(), 0), ("二".to_owned(), 2)]);
    }
}
