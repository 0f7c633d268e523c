//! A `tokenizer.json`, through the `tokenizers` crate.

use super::keep_head_and_tail;
use crate::one_line::one_line;
use tokenizers::Tokenizer;

/// Of a longer text only so many characters are looked at for each piece that counts: time stays bounded, and no piece
/// that counts is that long.
const CHARS_A_PIECE: usize = 64;

#[derive(Debug)]
pub(in crate::classify) struct HuggingFace {
    tokenizer: Tokenizer,
    /// Special tokens that the post-processor puts before and behind one text.
    before: Vec<i32>,
    behind: Vec<i32>,
    head_tokens: usize,
    tail_tokens: usize,
}

impl HuggingFace {
    pub fn new(json: &[u8], head_tokens: usize, tail_tokens: usize) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(text)?;
        // both are ours: a text is cut by head and tail, and batches are of one length
        tokenizer.with_truncation(None).map_err(text)?;
        tokenizer.with_padding(None);
        // a customer who writes [SEP] has written five characters
        tokenizer.set_encode_special_tokens(true);
        if serde_json::from_slice::<serde_json::Value>(json)
            .is_ok_and(|json| json.pointer("/model/dropout").is_some_and(|dropout| !dropout.is_null()))
        {
            return Err("model.dropout is set, must be null: a text would get other pieces each time".to_owned());
        }
        let mut before = Vec::new();
        let mut behind = Vec::new();
        let probe = tokenizer.encode_fast("a", true).map_err(text)?;
        let mut content = false;
        for (id, special) in probe.get_ids().iter().zip(probe.get_special_tokens_mask()) {
            match (special, content) {
                (0, _) => content = true,
                (_, false) => before.push(id_of(*id)?),
                (_, true) => behind.push(id_of(*id)?),
            }
        }
        if !content {
            return Err("makes no piece of the text \"a\": a vocabulary is missing".to_owned());
        }
        Ok(Self {
            tokenizer,
            before,
            behind,
            head_tokens,
            tail_tokens,
        })
    }

    pub fn encode(&self, text: &str, out: &mut Vec<i32>) -> Result<(), String> {
        let (head, tail) = self.looked_at(text);
        out.extend_from_slice(&self.before);
        let first = out.len();
        for part in [head, tail] {
            if part.is_empty() {
                continue;
            }
            let encoding = self.tokenizer.encode_fast(part, false).map_err(self::text)?;
            for id in encoding.get_ids() {
                out.push(id_of(*id)?);
            }
        }
        keep_head_and_tail(out, first, self.head_tokens, self.tail_tokens);
        out.extend_from_slice(&self.behind);
        Ok(())
    }

    /// The whole text, or the start and the end of one that is far longer than what counts.
    fn looked_at<'t>(&self, text: &'t str) -> (&'t str, &'t str) {
        let head_chars = self.head_tokens * CHARS_A_PIECE;
        let tail_chars = self.tail_tokens * CHARS_A_PIECE;
        // a text of so many bytes has no more characters
        if text.len() <= head_chars + tail_chars {
            return (text, "");
        }
        let head_end = text.char_indices().nth(head_chars).map_or(text.len(), |(at, _)| at);
        let tail_start = match tail_chars.checked_sub(1) {
            Some(last) => text.char_indices().rev().nth(last).map_or(0, |(at, _)| at),
            None => text.len(),
        };
        if tail_start <= head_end {
            return (text, "");
        }
        (&text[..head_end], &text[tail_start..])
    }
}

fn id_of(id: u32) -> Result<i32, String> {
    i32::try_from(id).map_err(|_| format!("token id {id} is too large"))
}

fn text(error: impl std::fmt::Display) -> String {
    one_line(&error.to_string())
}
