//! In what encoding a table is written: decided by its first row that is not plain ASCII, for the whole file.

use crate::item::DeadLetterCode;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, GB18030};
use std::borrow::Cow;

#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub enum Encoding {
    #[default]
    Undecided,
    Utf8,
    /// GB18030, which holds GBK and GB2312, or Big5.
    Other(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// `ahead`: what follows the row, to have more to judge by than a short header.
    pub fn settle(&mut self, row: &[Vec<u8>], ahead: &[u8]) {
        if *self != Self::Undecided || row.iter().all(|field| field.is_ascii()) {
            return;
        }
        // the whole row: a short field in GBK may be valid UTF-8 by chance
        if row.iter().all(|field| std::str::from_utf8(field).is_ok()) {
            *self = Self::Utf8;
            return;
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        for field in row {
            detector.feed(field, false);
        }
        detector.feed(ahead, true);
        let guessed = detector.guess(None, Utf8Detection::Deny);
        let fits = row.iter().all(|field| {
            BIG5.decode_without_bom_handling_and_without_replacement(field)
                .is_some()
        });
        *self = if guessed == BIG5 && fits && !is_gb18030(row, ahead) {
            Self::Other(BIG5)
        } else {
            Self::Other(GB18030)
        };
    }

    pub fn decode<'f>(self, field: &'f [u8]) -> Result<Cow<'f, str>, DeadLetterCode> {
        match self {
            Self::Utf8 | Self::Undecided => std::str::from_utf8(field)
                .map(Cow::Borrowed)
                .map_err(|_| DeadLetterCode::InvalidUtf8),
            Self::Other(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(field)
                .ok_or(DeadLetterCode::Encoding),
        }
    }
}

/// Big5 read as GB18030 is full of characters that nobody writes, or of none at all.
fn is_gb18030(row: &[Vec<u8>], ahead: &[u8]) -> bool {
    row.iter().map(Vec::as_slice).chain([ahead]).all(|bytes| {
        let (text, _) = GB18030.decode_without_bom_handling(bytes);
        !text.chars().any(|c| matches!(c as u32, 0xE000..=0xF8FF))
    })
}
