//! JSON as text, before it is parsed: how deep it is, what would cost an item without need, shells around it.

/// What one linear look at a JSON text tells before anything is parsed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    pub depth: usize,
    /// `\uD83D` without its other half.
    pub lone_surrogate: bool,
    /// An integer that no machine integer holds.
    pub huge_integer: bool,
}

pub fn survey(text: &str) -> Survey {
    let bytes = text.as_bytes();
    let mut found = Survey::default();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = end_of_string(bytes, at + 1, &mut found);
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                found.depth = found.depth.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'0'..=b'9' => {
                let digits = digits_at(bytes, at);
                found.huge_integer |= digits >= 20;
                at += digits;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn digits_at(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Index behind the closing quote of the string whose content starts at `at`.
fn end_of_string(bytes: &[u8], mut at: usize, found: &mut Survey) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => {
                match unicode_escape(bytes, at) {
                    Some(0xD800..=0xDBFF) => {
                        let has_other_half =
                            unicode_escape(bytes, at + 6).is_some_and(|low| (0xDC00..=0xDFFF).contains(&low));
                        if has_other_half {
                            at += 12;
                            continue;
                        }
                        found.lone_surrogate = true;
                    }
                    Some(0xDC00..=0xDFFF) => found.lone_surrogate = true,
                    _ => {}
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
    at
}

/// The code of `\uXXXX` at `at`.
fn unicode_escape(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    if escape[0] != b'\\' || escape[1] != b'u' {
        return None;
    }
    std::str::from_utf8(&escape[2..])
        .ok()
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
}

/// Rewrites half surrogates as U+FFFD and integers of 20 and more digits as strings.
pub fn repair(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 16);
    let mut copied = 0;
    let mut at = 0;
    let mut in_string = false;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                in_string = !in_string;
                at += 1;
            }
            b'\\' if in_string => match unicode_escape(bytes, at) {
                Some(high @ 0xD800..=0xDFFF) => {
                    let pair = high < 0xDC00
                        && unicode_escape(bytes, at + 6).is_some_and(|low| (0xDC00..=0xDFFF).contains(&low));
                    if pair {
                        at += 12;
                    } else {
                        out.push_str(&text[copied..at]);
                        out.push('\u{FFFD}');
                        at += 6;
                        copied = at;
                    }
                }
                // the escaped character may be the first byte of a longer one
                _ => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            },
            b'0'..=b'9' if !in_string => {
                let digits = digits_at(bytes, at);
                let whole = !matches!(bytes.get(at + digits), Some(b'.' | b'e' | b'E'))
                    && !matches!(
                        at.checked_sub(1).map(|before| bytes[before]),
                        Some(b'.' | b'e' | b'E' | b'+' | b'-')
                    );
                if digits >= 20 && whole {
                    out.push_str(&text[copied..at]);
                    out.push('"');
                    out.push_str(&text[at..at + digits]);
                    out.push('"');
                    copied = at + digits;
                }
                at += digits;
            }
            _ => at += 1,
        }
    }
    out.push_str(&text[copied.min(text.len())..]);
    out
}

/// `fetchJSON_comment98({…});` and `try{jQuery1({…});}catch(e){};` → the argument.
pub fn without_jsonp(text: &str) -> Option<&str> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_alphabetic() || matches!(first, b'_' | b'$')) {
        return None;
    }
    let body = match text.strip_prefix("try{").or_else(|| text.strip_prefix("try {")) {
        Some(body) => &body[..body.rfind("}catch").or_else(|| body.rfind("} catch"))?],
        None => text,
    };
    let open = body.find('(')?;
    let is_call = body[..open]
        .trim()
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.'));
    let argument = body[open + 1..]
        .trim_end()
        .trim_end_matches(';')
        .trim_end()
        .strip_suffix(')')?;
    (is_call && argument.trim_start().starts_with(['{', '['])).then(|| argument.trim())
}

/// Text that was UTF-8, read as Latin-1 or Windows-1252 and written again (`æ‹¼å¤šå¤š`) → what it was. `None` where it
/// is not such a text, or where bytes were lost on the way.
pub fn without_mojibake(text: &str) -> Option<String> {
    if !may_be_mojibake(text) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        bytes.push(latin_byte(c)?);
    }
    let repaired = String::from_utf8(bytes).ok()?;
    // an accent or two may look the same; Chinese that comes out of Latin does not
    repaired
        .chars()
        .any(|c| matches!(c as u32, 0x3000..=0x30FF | 0x3400..=0x9FFF | 0xFF00..=0xFFEF))
        .then_some(repaired)
}

/// The first byte of a Chinese character, read as Latin-1, is one of `ã` to `ï`: 0xC3 in UTF-8, which Chinese never has.
pub fn may_be_mojibake(text: &str) -> bool {
    memchr::memchr_iter(0xC3, text.as_bytes()).any(|at| matches!(text.as_bytes().get(at + 1), Some(0xA3..=0xAF)))
}

/// The byte that Windows-1252 decodes to this character; the five it leaves open stand for themselves.
fn latin_byte(c: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(c as u32) {
        return Some(byte);
    }
    let mut buffer = [0u8; 4];
    let (bytes, _, lossy) = encoding_rs::WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
    match *bytes {
        [byte] if !lossy => Some(byte),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surveys_depth_outside_of_strings_only() {
        assert_eq!(survey(r#"{"a":"[[[[\"{{","b":[[]]}"#).depth, 3);
        assert_eq!(survey(&"[".repeat(10_000)).depth, 10_000);
    }

    #[test]
    fn repairs_half_surrogates_and_huge_integers() {
        let text = r#"{"a":"x\ud83d y \ud83d\ude00 \\ud83d","b":123456789012345678901234,"c":[-99999999999999999999]}"#;
        let found = survey(text);
        assert!(found.lone_surrogate && found.huge_integer);
        let repaired = repair(text);
        let parsed = super::super::parse(&repaired).unwrap();
        let super::super::Node::Object(object) = parsed.node else {
            panic!()
        };
        assert_eq!(
            object.get("a"),
            Some(&super::super::Node::Text("x\u{FFFD} y 😀 \\ud83d".into()))
        );
        assert_eq!(
            object.get("b"),
            Some(&super::super::Node::Text("123456789012345678901234".into()))
        );
    }

    #[test]
    fn jsonp_shells_are_taken_off() {
        assert_eq!(without_jsonp(r#"cb98({"a":1});"#), Some(r#"{"a":1}"#));
        assert_eq!(
            without_jsonp(r#"try{jQuery1_2({"a":1});}catch(e){};"#),
            Some(r#"{"a":1}"#)
        );
        assert_eq!(without_jsonp("null"), None);
        assert_eq!(without_jsonp("print(1)"), None);
    }

    #[test]
    fn mojibake_is_repaired_or_left_alone() {
        assert_eq!(without_mojibake("æ‹¼å¤šå¤š").as_deref(), Some("拼多多"));
        for whole in ["拼多多", "café", "naïve", "", "æ‹¼å", "ãéí"] {
            assert_eq!(without_mojibake(whole), None, "{whole}");
        }
    }

    proptest::proptest! {
        #[test]
        fn repair_and_survey_never_fail(text in "[\\\\u\"dD89aF0-9{}\\[\\],:.e中😀-]{0,60}") {
            survey(&text);
            repair(&text);
        }

        #[test]
        fn whatever_was_read_as_latin_comes_back(text in "[一-龥]{1,20}[a-z，。]{0,5}") {
            let broken: String = text.bytes().map(char::from).collect();
            proptest::prop_assert_eq!(without_mojibake(&broken), Some(text));
        }
    }
}
