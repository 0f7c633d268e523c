//! Digits as people write them when a platform forbids numbers: full width, 一三八, 壹叁捌, ①③⑧, keycaps, `138OO138`.

use super::super::classes::{Classes, DIGIT};

/// The value of a character that stands for a digit: not letters that only look like one.
pub(in super::super) fn value(c: char) -> Option<u8> {
    Some(match c {
        '0'..='9' => c as u8 - b'0',
        '\0'..='\u{7f}' => return None,
        '\u{ff10}'..='\u{ff19}' => (c as u32 - 0xff10) as u8,
        '零' | '〇' | '洞' | '⓪' => 0,
        '一' | '壹' | '幺' | '么' | '①' => 1,
        '二' | '贰' | '貳' | '两' | '②' => 2,
        '三' | '叁' | '參' | '③' => 3,
        '四' | '肆' | '④' => 4,
        '五' | '伍' | '⑤' => 5,
        '六' | '陆' | '陸' | '⑥' => 6,
        '七' | '柒' | '⑦' => 7,
        '八' | '捌' | '⑧' => 8,
        '九' | '玖' | '⑨' => 9,
        '\u{1d7ce}'..='\u{1d7ff}' => ((c as u32 - 0x1d7ce) % 10) as u8,
        '⁰' => 0,
        '¹' => 1,
        '²' => 2,
        '³' => 3,
        '⁴'..='⁹' => (c as u32 - 0x2070) as u8,
        '₀'..='₉' => (c as u32 - 0x2080) as u8,
        '❶'..='❾' => (c as u32 - 0x2776) as u8 + 1,
        '➀'..='➈' => (c as u32 - 0x2780) as u8 + 1,
        _ => return None,
    })
}

/// Letters that are typed for a digit.
fn look_alike(c: char) -> Option<u8> {
    match c {
        'O' | 'o' => Some(0),
        'l' | 'I' => Some(1),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Arabic,
    /// 一, ①, keycaps.
    Other,
    /// A letter that looks like a digit.
    Letter,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Digit {
    pub from: usize,
    pub to: usize,
    pub value: u8,
    pub form: Form,
}

/// What people put between the groups of a number.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-'
            | '.'
            | '_'
            | '—'
            | '–'
            | '―'
            | '·'
            | '•'
            | '/'
            | '~'
            | '～'
            | ','
            | '，'
            | '、'
            | '('
            | ')'
            | '（'
            | '）'
            | '|'
    )
}

/// Most characters between two digits of one number.
const LONGEST_GAP_CHARS: usize = 3;

/// Calls `each` with every longest sequence of digits whose gaps hold separators only. Addresses of the web are left out.
pub(super) fn sequences(text: &str, mut each: impl FnMut(&[Digit])) {
    let classes = Classes::get();
    let mut sequence: Vec<Digit> = Vec::new();
    let mut gap = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == 'h' && (text[at..].starts_with("http://") || text[at..].starts_with("https://")) {
            while chars.next_if(|(_, c)| c.is_ascii_graphic()).is_some() {}
            gap = LONGEST_GAP_CHARS + 1;
            continue;
        }
        let touches = sequence.last().is_some_and(|last| last.to == at);
        let digit = match (classes.of(c) & DIGIT != 0).then(|| value(c)).flatten() {
            Some(value) => Some((
                value,
                if c.is_ascii_digit() || ('\u{ff10}'..='\u{ff19}').contains(&c) {
                    Form::Arabic
                } else {
                    Form::Other
                },
            )),
            // counts only where it touches a digit
            None => look_alike(c)
                .filter(|_| touches || chars.peek().is_some_and(|(_, next)| next.is_ascii_digit()))
                .map(|value| (value, Form::Letter)),
        };
        if let Some((value, form)) = digit {
            if gap > LONGEST_GAP_CHARS {
                flush(&mut sequence, &mut each);
            }
            gap = 0;
            sequence.push(Digit {
                from: at,
                to: at + c.len_utf8(),
                value,
                form,
            });
        } else if matches!(c, '\u{fe0f}' | '\u{20e3}') && touches {
            if let Some(last) = sequence.last_mut() {
                last.to = at + c.len_utf8();
                last.form = Form::Other;
            }
        } else if is_separator(c) {
            gap += 1;
        } else {
            gap = LONGEST_GAP_CHARS + 1;
        }
    }
    flush(&mut sequence, &mut each);
}

fn flush(sequence: &mut Vec<Digit>, each: &mut impl FnMut(&[Digit])) {
    if !sequence.is_empty() {
        each(sequence);
        sequence.clear();
    }
}
