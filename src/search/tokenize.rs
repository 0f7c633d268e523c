//! What search needs from the segmenter.

use crate::item::Token;

/// Cuts text into tokens the way the index did.
pub trait Tokenize {
    /// Tokens of a stored text, as the index has them.
    fn tokens(&self, text: &str) -> Vec<Token>;
    /// Tokens of a query.
    fn query_tokens(&self, text: &str) -> Vec<Token>;
}
