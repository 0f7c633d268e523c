//! Typed readers: a JSON value as crawlers write it → the canonical type. `None` is "not given".

use super::json::Node;
use crate::item::{Count, DeadLetterCode};
use crate::normalize::time::{self, EventTime};
use chrono_tz::Tz;

/// Why a part of a record cannot become an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    pub code: DeadLetterCode,
    pub message: String,
}

impl Reject {
    pub fn new(code: DeadLetterCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub fn wrong_type(path: &str, node: &Node<'_>, wanted: &str) -> Self {
        Self::new(
            DeadLetterCode::WrongType,
            format!("`{path}` is {}, want {wanted}", node.type_name()),
        )
    }

    pub fn missing(path: &str, wanted: &str) -> Self {
        Self::new(
            DeadLetterCode::MissingField,
            format!("`{path}` is missing, want {wanted}"),
        )
    }
}

/// Words that stand for "nothing here" in exports.
pub fn is_null_word(text: &str) -> bool {
    matches!(
        text.trim(),
        "" | "None"
            | "none"
            | "null"
            | "NULL"
            | "Null"
            | "nil"
            | "NaN"
            | "NAN"
            | "nan"
            | "N/A"
            | "n/a"
            | "-"
            | "--"
            | "无"
            | "(空)"
            | "（空）"
            | "(跳过)"
            | "（跳过）"
            | "undefined"
    )
}

/// Strings as they are; numbers as they are written.
pub fn text(path: &str, node: &Node<'_>) -> Result<Option<String>, Reject> {
    match node {
        Node::Null => Ok(None),
        Node::Text(text) => Ok(Some(text.as_ref().to_owned())),
        Node::Int(value) => Ok(Some(value.to_string())),
        Node::Big(value) => Ok(Some(value.to_string())),
        Node::Float(value) => Ok(Some(value.to_string())),
        _ => Err(Reject::wrong_type(path, node, "a string")),
    }
}

/// An id: a string or an integer. One that went through a float or a spreadsheet (`1.739E+10`) has lost digits.
pub fn id(path: &str, node: &Node<'_>) -> Result<Option<String>, Reject> {
    match node {
        Node::Null => Ok(None),
        Node::Int(value) => Ok(Some(value.to_string())),
        Node::Big(value) => Ok(Some(value.to_string())),
        Node::Float(_) => Err(lost_digits(path)),
        Node::Text(text) => {
            let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
            if is_null_word(text) {
                return Ok(None);
            }
            if is_scientific(text) {
                return Err(lost_digits(path));
            }
            Ok(Some(text.to_owned()))
        }
        _ => Err(Reject::wrong_type(path, node, "a string or an integer")),
    }
}

fn lost_digits(path: &str) -> Reject {
    Reject::new(
        DeadLetterCode::UnrecoverableId,
        format!("`{path}` went through a floating point number and lost digits, want a string or an integer"),
    )
}

/// `1.739E+10`, `1.0e3`, `1E10`; not `1e10` with other letters, not `12.5`.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let signed = text.contains("e+") || text.contains("E+");
    let fraction = mantissa.contains('.');
    (signed || fraction)
        && !exponent.is_empty()
        && exponent.len() <= 3
        && exponent.bytes().all(|b| b.is_ascii_digit())
        && !mantissa.is_empty()
        && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Event time from a number or a text; unreadable is `None`.
pub fn event_time(node: &Node<'_>, reference_ms: i64, zone: Tz) -> Option<EventTime> {
    match node {
        Node::Int(value) => time::from_integer(*value, zone),
        Node::Big(value) => i64::try_from(*value)
            .ok()
            .and_then(|value| time::from_integer(value, zone)),
        Node::Float(value) => time::from_number(*value, zone),
        Node::Text(text) => time::from_text(text, reference_ms, zone),
        _ => None,
    }
}

/// `12`, `"1.2万"`, `"10万+"`, `"18000人付款"`, `"1w"`; words (`赞`) and nulls are no count.
pub fn count(node: &Node<'_>) -> Option<Count> {
    match node {
        Node::Int(value) => u64::try_from(*value).ok().map(|n| Count { n, approx: false }),
        Node::Big(value) => Some(Count {
            n: *value,
            approx: false,
        }),
        Node::Float(value) if *value >= 0.0 && *value < 9e18 => Some(Count {
            n: value.round() as u64,
            approx: value.fract() != 0.0,
        }),
        Node::Text(text) => count_text(text),
        _ => None,
    }
}

fn count_text(text: &str) -> Option<Count> {
    let text = text.trim();
    if let Ok(n) = text.parse::<u64>() {
        return Some(Count { n, approx: false });
    }
    let digits_end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',')))
        .unwrap_or(text.len());
    let number: f64 = text[..digits_end].replace(',', "").parse().ok()?;
    let unit = &text[digits_end..];
    let factor = match unit.trim_start().chars().next() {
        None | Some('+' | '人' | '次' | '条' | '个') => 1.0,
        Some('千' | 'k' | 'K') => 1e3,
        Some('万' | '萬' | 'w' | 'W') => 1e4,
        Some('亿' | '億') => 1e8,
        Some('m' | 'M') => 1e6,
        Some(_) => return None,
    };
    let n = number * factor;
    (n.is_finite() && n < 9e18).then(|| Count {
        n: n.round() as u64,
        approx: factor > 1.0 || unit.contains('+'),
    })
}

/// A plain number, also as text.
pub fn number(node: &Node<'_>) -> Option<f64> {
    let value = match node {
        Node::Int(value) => *value as f64,
        Node::Big(value) => *value as f64,
        Node::Float(value) => *value,
        Node::Text(text) => text.trim().trim_end_matches(['分', '星', '秒']).trim().parse().ok()?,
        _ => return None,
    };
    value.is_finite().then_some(value)
}

pub fn integer(node: &Node<'_>) -> Option<i64> {
    match node {
        Node::Int(value) => Some(*value),
        Node::Text(text) => text.trim().parse().ok(),
        Node::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
        _ => None,
    }
}

/// `true`, `1`, `"1"`, `"true"`, `"True"`, `"是"` and their opposites.
pub fn boolean(node: &Node<'_>) -> Option<bool> {
    match node {
        Node::Bool(value) => Some(*value),
        Node::Int(0) => Some(false),
        Node::Int(1) => Some(true),
        Node::Text(text) => match text.trim() {
            "true" | "True" | "TRUE" | "1" | "是" | "yes" | "Y" | "y" | "有" => Some(true),
            "false" | "False" | "FALSE" | "0" | "否" | "no" | "N" | "n" | "无" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// An amount of money as a decimal string: `67.40`, `￥59.9`, `1,999.00元`, `约8千`, `三百二十元`. 0 is not stated.
pub fn money(node: &Node<'_>) -> Option<String> {
    let text = match node {
        Node::Int(value) => value.to_string(),
        Node::Big(value) => value.to_string(),
        Node::Float(value) if value.is_finite() => value.to_string(),
        Node::Text(text) => text.trim().to_owned(),
        _ => return None,
    };
    let bare: String = text
        .chars()
        .map(crate::normalize::fold_char)
        .filter(|c| !matches!(c, '¥' | '￥' | ',' | ' ' | '约' | '元' | '块' | '圆' | '$' | '+'))
        .collect();
    let bare = bare
        .trim_start_matches("rmb")
        .trim_start_matches("cny")
        .trim_end_matches("人民币");
    let digits_end = bare
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(bare.len());
    let (number, unit) = bare.split_at(digits_end);
    let amount = match unit {
        "" => number.to_owned(),
        "千" | "k" => scaled(number, 1e3)?,
        "万" | "w" => scaled(number, 1e4)?,
        "亿" => scaled(number, 1e8)?,
        _ if number.is_empty() => chinese_number(unit)?.to_string(),
        _ => return None,
    };
    let value: f64 = amount.parse().ok()?;
    (value > 0.0).then_some(amount)
}

fn scaled(number: &str, factor: f64) -> Option<String> {
    let value = number.parse::<f64>().ok()? * factor;
    Some(format!("{}", (value * 100.0).round() / 100.0))
}

/// `三百二十` → 320, `一千零五` → 1005, `两万三千` → 23000.
pub fn chinese_number(text: &str) -> Option<u64> {
    let mut total = 0u64;
    let mut section = 0u64;
    let mut digit = 0u64;
    let mut seen = false;
    for c in text.chars() {
        let value = match c {
            '零' | '〇' => 0,
            '一' | '壹' => 1,
            '二' | '两' | '贰' => 2,
            '三' | '叁' => 3,
            '四' | '肆' => 4,
            '五' | '伍' => 5,
            '六' | '陆' => 6,
            '七' | '柒' => 7,
            '八' | '捌' => 8,
            '九' | '玖' => 9,
            '十' | '拾' | '百' | '佰' | '千' | '仟' => {
                let unit = match c {
                    '十' | '拾' => 10,
                    '百' | '佰' => 100,
                    _ => 1000,
                };
                section = section.checked_add(digit.max(1).checked_mul(unit)?)?;
                digit = 0;
                seen = true;
                continue;
            }
            '万' => {
                total = section.checked_add(digit)?.max(1).checked_mul(10_000)?;
                section = 0;
                digit = 0;
                continue;
            }
            _ => return None,
        };
        digit = value;
        seen = true;
    }
    seen.then(|| total.checked_add(section)?.checked_add(digit)).flatten()
}

/// A list from an array or from a text with separators; empty elements are dropped.
pub fn list(node: &Node<'_>, separators: &str) -> Vec<String> {
    match node {
        Node::List(nodes) => nodes
            .iter()
            .filter_map(|node| text("", node).ok().flatten())
            .map(|value| value.trim().to_owned())
            .filter(|value| !is_null_word(value))
            .collect(),
        Node::Text(text) if !is_null_word(text) => text
            .split(|c| separators.contains(c))
            .map(str::trim)
            .filter(|value| !is_null_word(value))
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Node<'_> {
        Node::Text(text.into())
    }

    #[test]
    fn ids_are_exact_or_refused() {
        assert_eq!(
            id("id", &Node::Int(3_099_000_000_000_000_011)).unwrap().unwrap(),
            "3099000000000000011"
        );
        assert_eq!(id("id", &t("5228\t")).unwrap().unwrap(), "5228");
        assert_eq!(id("id", &t("69080a01e2")).unwrap().unwrap(), "69080a01e2");
        for lost in [Node::Float(1000.0), t("1.739E+10"), t("1.0e3"), t("1E+10")] {
            assert_eq!(id("id", &lost).unwrap_err().code, DeadLetterCode::UnrecoverableId);
        }
        assert_eq!(id("id", &Node::Bool(true)).unwrap_err().code, DeadLetterCode::WrongType);
        assert_eq!(id("id", &t(" ")).unwrap(), None);
    }

    #[test]
    fn counts_as_platforms_show_them() {
        let read = |text| count(&t(text)).map(|c| (c.n, c.approx));
        assert_eq!(read("1.2万"), Some((12_000, true)));
        assert_eq!(read("10万+"), Some((100_000, true)));
        assert_eq!(read("9999+"), Some((9_999, true)));
        assert_eq!(read("1.2亿"), Some((120_000_000, true)));
        assert_eq!(read("1w"), Some((10_000, true)));
        assert_eq!(read("1.2万+人付款"), Some((12_000, true)));
        assert_eq!(read("18000人付款"), Some((18_000, false)));
        assert_eq!(read("236"), Some((236, false)));
        for none in ["赞", "", "None", "评论"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn money_as_people_write_it() {
        let read = |text| money(&t(text));
        assert_eq!(read("67.40").as_deref(), Some("67.40"));
        assert_eq!(read("￥59.9").as_deref(), Some("59.9"));
        assert_eq!(read("约8千").as_deref(), Some("8000"));
        assert_eq!(read("1,999.00元").as_deref(), Some("1999.00"));
        assert_eq!(read("三百二十元").as_deref(), Some("320"));
        assert_eq!(read("0.00"), None);
        assert_eq!(chinese_number("两万三千"), Some(23_000));
        assert_eq!(chinese_number("一千零五"), Some(1_005));
        assert_eq!(chinese_number("十五"), Some(15));
    }
}
