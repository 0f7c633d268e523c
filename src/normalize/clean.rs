//! Free text as a platform wrote it → text fit to show and to analyze.

use super::classes::{CLOSER_LOOK, Classes};
use super::fold::is_ideograph;
use super::{html, mask};

/// A name of a mention is at most this long; a longer run is text glued to an `@`.
const LONGEST_MENTION_CHARS: usize = 14;
/// Passes until nothing changes. Real text needs one, double-escaped markup two.
const MOST_PASSES: usize = 6;

/// Cleans one text: markup and entities out, zero-width and control characters out, full-width letters and digits
/// folded, white space collapsed (line breaks kept), topics unwrapped, names of mentions dropped, personal data
/// masked. Emotion codes stay. Cleaning twice changes nothing.
pub fn clean_text(text: &str) -> String {
    let (mut current, seen) = pass(text);
    if !needs_another_pass(&current, &seen) {
        return current;
    }
    for _ in 1..MOST_PASSES {
        let (next, _) = pass(&current);
        if next == current {
            return current;
        }
        current = next;
    }
    // nested on purpose: take the characters out that markup is made of
    current.retain(|c| !matches!(c, '<' | '>' | '&' | '@' | '[' | '#'));
    let (next, _) = pass(&current);
    pass(&next).0
}

/// Only these can make a second pass find something that the first uncovered.
fn needs_another_pass(text: &str, seen: &Seen) -> bool {
    memchr::memchr3(b'<', b'&', b'@', text.as_bytes()).is_some()
        || seen.bracket && text.contains("[话题]#")
        || seen.link_words && (text.contains("网页链接") || text.ends_with("全文"))
}

fn pass(text: &str) -> (String, Seen) {
    let mut out = String::with_capacity(text.len());
    let seen = if memchr::memchr2(b'<', b'&', text.as_bytes()).is_some() {
        let mut stripped = String::with_capacity(text.len());
        html::strip(text, &mut stripped);
        fold_and_collapse(&stripped, &mut out)
    } else {
        fold_and_collapse(text, &mut out)
    };
    if seen.bracket || seen.link_words {
        out = unwrap_platform_marks(&out);
    }
    mask::mask(&mut out);
    if seen.at {
        out = drop_mentioned_names(&out);
    }
    if out.starts_with("回复 ") {
        out = drop_replied_name(out);
    }
    (out, seen)
}

/// What the character pass noticed on its way.
#[derive(Default)]
struct Seen {
    at: bool,
    bracket: bool,
    link_words: bool,
}

/// One pass over the characters: width, zero-width, control, white space. Runs that stay as they are are copied whole.
fn fold_and_collapse(text: &str, out: &mut String) -> Seen {
    let classes = Classes::get();
    let mut seen = Seen::default();
    // what stands between the last kept character and the next
    let mut gap = Gap::None;
    let mut copied = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if classes.of(c) & CLOSER_LOOK == 0 {
            gap.close(out);
            continue;
        }
        out.push_str(&text[copied..at]);
        copied = at + c.len_utf8();
        let kept = match c {
            '\n' => {
                gap = Gap::Line;
                continue;
            }
            // a lone carriage return ended lines once
            '\r' => {
                let ends_line = !matches!(chars.peek(), Some((_, '\n')));
                gap = if ends_line { Gap::Line } else { gap };
                continue;
            }
            ' ' | '\t' | '\u{b}' | '\u{c}' => {
                gap = gap.or_space();
                continue;
            }
            '\0'..='\u{1f}' | '\u{7f}' => continue,
            '@' | '＠' => {
                seen.at = true;
                '@'
            }
            '[' => {
                seen.bracket = true;
                c
            }
            // the tails of 微博 are looked for only where they can be
            '全' | '链' => {
                seen.link_words = true;
                c
            }
            _ => match wide(c) {
                Wide::Keep => c,
                Wide::Half => half_width(c),
                Wide::Space => {
                    gap = gap.or_space();
                    continue;
                }
                Wide::Line => {
                    gap = Gap::Line;
                    continue;
                }
                Wide::Drop => continue,
                Wide::Joiner => {
                    let before = out.chars().next_back().is_some_and(is_pictograph);
                    if !(before && chars.peek().is_some_and(|(_, next)| is_pictograph(*next))) {
                        continue;
                    }
                    c
                }
            },
        };
        gap.close(out);
        out.push(kept);
    }
    out.push_str(&text[copied..]);
    seen
}

/// Whether [`fold_and_collapse`] does anything with a character but keep it.
pub(super) fn needs_a_closer_look(c: char) -> bool {
    matches!(c, '\0'..=' ' | '\u{7f}' | '@' | '＠' | '[' | '全' | '链')
        || !c.is_ascii() && !matches!(wide(c), Wide::Keep)
}

#[derive(Clone, Copy)]
enum Gap {
    None,
    Space,
    Line,
}

impl Gap {
    /// Writes it before a kept character; at the beginning of a text there is none.
    #[inline]
    fn close(&mut self, out: &mut String) {
        match self {
            Self::None => return,
            Self::Space if !out.is_empty() => out.push(' '),
            Self::Line if !out.is_empty() => out.push('\n'),
            _ => {}
        }
        *self = Self::None;
    }

    fn or_space(self) -> Self {
        match self {
            Self::Line => Self::Line,
            _ => Self::Space,
        }
    }
}

enum Wide {
    Keep,
    /// Digits, letters and the signs that numbers and addresses are written with; Chinese punctuation stays.
    Half,
    Space,
    Line,
    Drop,
    /// Zero-width joiner: kept inside an emoji, dropped elsewhere.
    Joiner,
}

fn wide(c: char) -> Wide {
    match c as u32 {
        0x80..=0x9F if c != '\u{85}' => Wide::Drop,
        0x85 | 0x2028 | 0x2029 => Wide::Line,
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Wide::Space,
        0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180E => Wide::Drop,
        0x200D => Wide::Joiner,
        0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFEFF | 0xFFA0 => Wide::Drop,
        0xFE00..=0xFE0E | 0xFFF0..=0xFFFB | 0xE_0000..=0xE_0FFF => Wide::Drop,
        0xFF10..=0xFF19 | 0xFF21..=0xFF3A | 0xFF41..=0xFF5A => Wide::Half,
        0xFF03 | 0xFF05 | 0xFF0A | 0xFF0B | 0xFF0D | 0xFF0E | 0xFF0F | 0xFF1D | 0xFF3F => Wide::Half,
        _ => Wide::Keep,
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(c as u32, 0x1_F000..=0x1_FAFF | 0x2190..=0x2BFF | 0xFE0F)
}

fn half_width(c: char) -> char {
    ((c as u32 - 0xFEE0) as u8) as char
}

/// `#词[话题]#` → `#词#`, `O网页链接` and the tail `...全文` out.
fn unwrap_platform_marks(text: &str) -> String {
    let mut out = text.to_owned();
    if out.contains("[话题]#") {
        out = out.replace("[话题]#", "#");
    }
    if out.contains("O网页链接") {
        out = out.replace("O网页链接", "");
    }
    while let Some(body) = out.strip_suffix("收起全文") {
        out.truncate(body.trim_end().len());
    }
    if let Some(body) = out.strip_suffix("...全文").or_else(|| out.strip_suffix("…全文")) {
        out = format!("{body}…");
    }
    if out.len() == text.len() {
        return out;
    }
    // what was taken out may have stood between two spaces
    let mut collapsed = String::with_capacity(out.len());
    fold_and_collapse(&out, &mut collapsed);
    collapsed
}

/// `@某某` → `@`: that somebody was addressed is kept, who is not.
fn drop_mentioned_names(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = '\0';
    while let Some(at) = rest.find('@') {
        out.push_str(&rest[..at]);
        before = rest[..at].chars().next_back().unwrap_or(before);
        out.push('@');
        rest = &rest[at + 1..];
        let name = mention_name(rest);
        let first = name.chars().next();
        // the rest of a mail address, masked or not
        let is_address = (before.is_ascii_alphanumeric() || before == '*') && !first.is_some_and(is_ideograph);
        if !is_address && name.chars().count() <= LONGEST_MENTION_CHARS {
            rest = &rest[name.len()..];
        }
        before = '@';
    }
    out.push_str(rest);
    out
}

fn mention_name(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '·')))
        .unwrap_or(text.len());
    &text[..end]
}

/// `回复 懂哥 :好的` → `回复 @ :好的`.
fn drop_replied_name(text: String) -> String {
    let Some(rest) = text.strip_prefix("回复 ") else {
        return text;
    };
    let name = mention_name(rest);
    let after = &rest[name.len()..];
    let is_reply = !name.is_empty()
        && name.chars().count() <= LONGEST_MENTION_CHARS
        && after.trim_start_matches(' ').starts_with([':', '：']);
    if is_reply { format!("回复 @{after}") } else { text }
}

/// Where what others wrote before a repost begins.
pub(super) fn quoted_chain(text: &str) -> Option<usize> {
    memchr::memmem::find(text.as_bytes(), b"//@")
}

/// Text that the model and the fingerprint see: without the reply prefix and without what others wrote before a
/// repost (`//@某某:`).
pub fn own_words(text: &str) -> &str {
    let text = quoted_chain(text).map_or(text, |at| &text[..at]);
    let Some(rest) = text.strip_prefix("回复").map(|rest| rest.trim_start_matches(' ')) else {
        return text.trim();
    };
    match rest.strip_prefix('@').map(|rest| rest.trim_start_matches(' ')) {
        Some(rest) if rest.starts_with([':', '：']) => rest[rest.chars().next().map_or(0, char::len_utf8)..].trim(),
        _ => text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_what_platforms_leave_in_a_text() {
        assert_eq!(
            clean_text("  很好&nbsp;&amp;hellip;<br/>　第二行\r\n\r\n三 \u{200b}\u{200d}行 "),
            "很好 …\n第二行\n三 行"
        );
        assert_eq!(clean_text("ＡＰＰ１２３，１００％好！"), "APP123，100%好！");
        assert_eq!(clean_text("#星澜[话题]# 真香[笑哭R][doge]"), "#星澜# 真香[笑哭R][doge]");
        assert_eq!(clean_text("看这里O网页链接"), "看这里");
        assert_eq!(clean_text("控制\u{0}字\u{7}符"), "控制字符");
        assert_eq!(
            clean_text("👨\u{200d}👩\u{200d}👧 好\u{200d}的"),
            "👨\u{200d}👩\u{200d}👧 好的"
        );
    }

    #[test]
    fn drops_the_names_of_people_who_are_addressed() {
        assert_eq!(clean_text("@不熬夜的阿柚 姐妹我也是"), "@ 姐妹我也是");
        assert_eq!(clean_text("回复@某某：你好"), "回复@：你好");
        assert_eq!(clean_text("回复 懂哥 :说得对"), "回复 @ :说得对");
        assert_eq!(clean_text("同意//@张三:真的//@李四:对"), "同意//@:真的//@:对");
        assert_eq!(clean_text("写信到abc@example.com吧"), "写信到a***@example.com吧");
    }

    #[test]
    fn masks_after_folding() {
        assert_eq!(clean_text("打１３８００１３８０００找我"), "打138****8000找我");
        assert_eq!(clean_text("打138\u{200b}00138000找我"), "打138****8000找我");
        assert_eq!(clean_text("打&#49;3800138000"), "打138****8000");
    }

    #[test]
    fn own_words_are_without_reply_prefix_and_quoted_chain() {
        assert_eq!(own_words("回复 @ :说得对"), "说得对");
        assert_eq!(own_words("同意//@:真的"), "同意");
        assert_eq!(own_words("回复很慢"), "回复很慢");
    }

    proptest::proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "\\PC{0,60}") {
            let once = clean_text(&text);
            proptest::prop_assert_eq!(clean_text(&once), once);
        }

        #[test]
        fn cleaning_markup_twice_changes_nothing(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "&", "amp;", "lt;", "gt;", "#38;", "<", ">", "br", "b", "/", " ", "@", "名字", "a", ".com", "1380013",
                "8000", "[话题]#", "#", "O网页链接", "全文", "...", "回复 ", ":", "：", "\u{200b}", "＆", "＠", "\n", "\r",
                "𝟏", "１", "86", "-", "*", "img alt=[怒]", "&nbsp;", "\u{3000}", "//",
            ]), 0..24)
        ) {
            let text = parts.concat();
            let once = clean_text(&text);
            proptest::prop_assert_eq!(clean_text(&once), once);
        }
    }
}
