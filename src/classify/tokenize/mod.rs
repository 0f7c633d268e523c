//! How a text becomes ids: the three kinds of `[tokenizer]`.
//!
//! Comes in: the folded text of an item. Goes out: ids, appended to a buffer. Can fail: with a [`ClassifyError`] when
//! the files of the manifest are read, and on a text only if a `tokenizer.json` cannot take it. No metric moves.

mod characters;
mod huggingface;
mod ngrams;
mod wordpiece;

#[cfg(test)]
mod tests;

use super::manifest::Tokenizer;
use super::{ClassifyError, read_checked};
use huggingface::HuggingFace;
use ngrams::NgramFeatures;
use std::path::Path;
pub use wordpiece::WordPiece;

/// A tokenizer whose files have been read and checked.
#[derive(Debug)]
pub(super) enum Encoder {
    Ngrams(NgramFeatures),
    WordPiece(Box<WordPiece>),
    HuggingFace(Box<HuggingFace>),
}

/// Buffers of one worker, kept from text to text.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    ngrams: ngrams::Scratch,
    word: Vec<char>,
}

impl Encoder {
    pub fn read(directory: &Path, tokenizer: &Tokenizer) -> Result<Self, ClassifyError> {
        match tokenizer {
            Tokenizer::HashedNgrams {
                orders,
                hash_bits,
                head_chars,
                tail_chars,
                rows,
                rows_sha256,
                ..
            } => {
                let path = directory.join(rows);
                let bytes = read_checked(&path, rows_sha256)?;
                let expected = 2usize << hash_bits;
                if bytes.len() != expected {
                    return Err(ClassifyError::Manifest {
                        path,
                        message: format!(
                            "{} bytes, tokenizer.hash_bits = {hash_bits} needs {expected}",
                            bytes.len()
                        ),
                    });
                }
                Ok(Self::Ngrams(NgramFeatures {
                    orders: *orders,
                    hash_bits: *hash_bits,
                    head_chars: *head_chars,
                    tail_chars: *tail_chars,
                    rows: bytes
                        .chunks_exact(2)
                        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                        .collect(),
                }))
            }
            Tokenizer::WordPiece {
                vocabulary,
                vocabulary_sha256,
                lowercase,
                head_tokens,
                tail_tokens,
                ..
            } => {
                let path = directory.join(vocabulary);
                let bytes = read_checked(&path, vocabulary_sha256)?;
                let wrong = |message: String| ClassifyError::Manifest {
                    path: path.clone(),
                    message,
                };
                let text = String::from_utf8(bytes).map_err(|error| wrong(format!("not UTF-8: {error}")))?;
                let pieces = WordPiece::new(tokens_of(&text), *lowercase, *head_tokens, *tail_tokens).map_err(wrong)?;
                Ok(Self::WordPiece(Box::new(pieces)))
            }
            Tokenizer::HuggingFace {
                file,
                sha256,
                head_tokens,
                tail_tokens,
                ..
            } => {
                let path = directory.join(file);
                let bytes = read_checked(&path, sha256)?;
                let tokenizer = HuggingFace::new(&bytes, *head_tokens, *tail_tokens)
                    .map_err(|message| ClassifyError::Manifest { path, message })?;
                Ok(Self::HuggingFace(Box::new(tokenizer)))
            }
        }
    }

    /// Appends the ids of `text` to `out`. What is appended is bounded by the manifest, whatever the text.
    pub fn encode(&self, text: &str, scratch: &mut Scratch, out: &mut Vec<i32>) -> Result<(), String> {
        match self {
            Self::Ngrams(features) => features.rows_of(text, &mut scratch.ngrams, out),
            Self::WordPiece(pieces) => pieces.encode(text, &mut scratch.word, out),
            Self::HuggingFace(tokenizer) => tokenizer.encode(text, out)?,
        }
        Ok(())
    }
}

/// The tokens of a `vocab.txt`, by id.
pub(super) fn tokens_of(vocabulary: &str) -> Vec<&str> {
    let mut tokens: Vec<&str> = vocabulary
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .collect();
    // the line end of the last token begins no other
    if tokens.last() == Some(&"") {
        tokens.pop();
    }
    tokens
}

/// Takes out of `pieces[from..]` what stands between the first `head` and the last `tail`.
fn keep_head_and_tail(pieces: &mut Vec<i32>, from: usize, head: usize, tail: usize) {
    let count = pieces.len() - from;
    if count > head + tail {
        pieces.drain(from + head..from + count - tail);
    }
}
