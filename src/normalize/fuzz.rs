//! What must hold for any text that is cleaned and masked; `format/fuzz.rs` asks it near seeds.

use super::{clean_text, mask, mask_text};

/// Findings are in order, without overlaps and between characters; nothing that is masked is found again.
pub fn privacy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut end = 0;
    for finding in mask::find(&text) {
        assert!(finding.from >= end && finding.from < finding.to, "{finding:?}");
        assert!(!text[finding.from..finding.to].is_empty());
        end = finding.to;
    }
    let clean = clean_text(&text);
    assert_eq!(clean_text(&clean), clean);
    let masked = mask_text(&text).into_owned();
    assert_eq!(mask_text(&masked), masked);
}
