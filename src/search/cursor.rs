//! Where a page of hits ended: a keyset position, opaque to the caller.

use super::SearchError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::cmp::Reverse;

/// Place of a hit in the order of a search; smaller comes first. The id makes it unique, so that a page never
/// repeats or skips a hit that stands where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What is sorted by, higher first.
    pub primary: Reverse<i64>,
    /// The newer first where that is equal.
    pub secondary: Reverse<i64>,
    /// The upsert key as a number.
    pub id: u128,
}

const VERSION: u8 = 1;
const BYTES: usize = 1 + 8 + 8 + 8 + 16;

/// Writes a place of the search with this fingerprint.
pub fn encode(place: &Place, fingerprint: u64) -> String {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.push(VERSION);
    bytes.extend(fingerprint.to_be_bytes());
    bytes.extend(place.primary.0.to_be_bytes());
    bytes.extend(place.secondary.0.to_be_bytes());
    bytes.extend(place.id.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor back; refuses one of another search.
pub fn decode(text: &str, fingerprint: u64) -> Result<Place, SearchError> {
    let broken = SearchError::BadCursor { reason: "it is broken" };
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else {
        return Err(broken);
    };
    let Some((version, rest)) = bytes.split_first() else {
        return Err(broken);
    };
    if *version != VERSION || bytes.len() != BYTES {
        return Err(broken);
    }
    let mut words = [[0u8; 8]; 5];
    for (word, chunk) in words.iter_mut().zip(rest.chunks_exact(8)) {
        word.copy_from_slice(chunk);
    }
    let [found, primary, secondary, high, low] = words;
    if u64::from_be_bytes(found) != fingerprint {
        return Err(SearchError::BadCursor {
            reason: "the query or the order is another",
        });
    }
    Ok(Place {
        primary: Reverse(i64::from_be_bytes(primary)),
        secondary: Reverse(i64::from_be_bytes(secondary)),
        id: (u128::from(u64::from_be_bytes(high)) << 64) | u128::from(u64::from_be_bytes(low)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_one_of_another_search_is_refused() {
        let place = Place {
            primary: Reverse(-5),
            secondary: Reverse(i64::MIN),
            id: u128::MAX - 3,
        };
        let text = encode(&place, 7);
        assert_eq!(decode(&text, 7).unwrap(), place);
        assert_eq!(decode(&text, 8).unwrap_err().code(), "bad_cursor");
        for broken in ["", "!", "AAAA", &text[1..]] {
            assert_eq!(decode(broken, 7).unwrap_err().code(), "bad_cursor", "{broken}");
        }
    }
}
