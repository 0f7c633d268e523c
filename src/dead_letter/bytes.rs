//! What of an unreadable record its letters keep.

use crate::config::DeadLetterBytes;
use crate::item::DeadLetter;
use crate::normalize::mask_text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Puts the record's bytes into its letters: masked unless the configuration says otherwise, since personal data goes
/// nowhere, the dead letter least of all. Masked bytes are text: what is not UTF-8 in them becomes U+FFFD.
pub fn keep_bytes(letters: &mut [DeadLetter], payload: &[u8], keep: DeadLetterBytes) {
    if letters.is_empty() {
        return;
    }
    let bytes = match keep {
        DeadLetterBytes::None => return,
        DeadLetterBytes::Raw => STANDARD.encode(payload),
        DeadLetterBytes::Masked => STANDARD.encode(mask_text(&String::from_utf8_lossy(payload)).as_bytes()),
    };
    for letter in letters {
        letter.bytes_b64 = Some(bytes.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{DeadLetterCode, RecordPosition};

    fn kept(payload: &[u8], keep: DeadLetterBytes) -> Option<Vec<u8>> {
        let position = RecordPosition::File {
            file: "f".into(),
            record: 1,
        };
        let mut letters = [DeadLetter::new(
            &position,
            None,
            "s",
            "format",
            DeadLetterCode::JsonSyntax,
            "broken",
            0,
            payload,
        )];
        keep_bytes(&mut letters, payload, keep);
        letters[0]
            .bytes_b64
            .as_ref()
            .map(|bytes| STANDARD.decode(bytes).unwrap())
    }

    #[test]
    fn personal_data_is_masked_unless_raw_is_asked_for() {
        let payload = "{\"content\":\"打我电话13812345678\"".as_bytes();
        let masked = String::from_utf8(kept(payload, DeadLetterBytes::Masked).unwrap()).unwrap();
        assert!(
            masked.contains("打我电话") && !masked.contains("13812345678"),
            "{masked}"
        );
        assert_eq!(kept(payload, DeadLetterBytes::Raw).unwrap(), payload);
        assert_eq!(kept(payload, DeadLetterBytes::None), None);
    }
}
