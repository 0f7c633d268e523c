//! Words without places: one buffer an item, not one allocation a word.

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Words in their order; in JSON an array of strings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordList {
    /// The words, one after the other.
    words: String,
    /// Where each ends in `words`.
    ends: Vec<u32>,
}

impl WordList {
    pub fn with_capacity(words: usize, bytes: usize) -> Self {
        Self {
            words: String::with_capacity(bytes),
            ends: Vec::with_capacity(words),
        }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn push(&mut self, word: &str) {
        self.words.push_str(word);
        self.ends.push(self.words.len() as u32);
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let word = &self.words[start..*end as usize];
            start = *end as usize;
            word
        })
    }

    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|known| known == word)
    }

    pub fn shrink_to_fit(&mut self) {
        self.words.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

impl<'a> FromIterator<&'a str> for WordList {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        let mut list = Self::default();
        words.into_iter().for_each(|word| list.push(word));
        list
    }
}

impl Serialize for WordList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for WordList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;

        impl<'de> Visitor<'de> for Words {
            type Value = WordList;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a list of words")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<WordList, A::Error> {
                let mut list = WordList::default();
                while let Some(word) = words.next_element::<Cow<'_, str>>()? {
                    list.push(&word);
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(Words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_list_is_an_array_of_strings(words in proptest::collection::vec("\\PC{0,6}", 0..8)) {
            let list: WordList = words.iter().map(String::as_str).collect();
            prop_assert!(list.iter().eq(words.iter().map(String::as_str)));
            let json = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&words).unwrap());
            prop_assert_eq!(serde_json::from_str::<WordList>(&json).unwrap(), list);
        }
    }
}
