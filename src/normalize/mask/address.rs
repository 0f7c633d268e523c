//! Addresses: everything from the house number on goes.
//!
//! `建国路88号院3号楼2单元1201室` → `建国路***`. What stays is where the city is, not which door.

use super::{Cover, Finding, Kind, before};
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Numerals of [`N`] that are no digits.
const NUMERALS: &str = "零〇一二三四五六七八九十百";
/// A number of a house, a building or a door.
const N: &str = r"(?:[0-9]{1,5}[A-Za-z]?|[零〇一二三四五六七八九十百]{1,6})";
/// 路 and the like, with a name of its own before.
const ROADS: &str = r"\p{Han}(?:路|街|大道|大街|巷|胡同|弄|道|里|环线?)(?:东|西|南|北|中)?(?:段|口)?";
/// Places whose buildings are numbered.
const COMPOUNDS: &str = r"(?:小区|花园|家园|公寓|[名雅佳丽景]?苑|新村|新城|大院|[华名豪]庭|社区|大厦|广场|城|府|湾|园|居|邸|墅|村|屯|区|院|里|坊)";

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(Patterns::new);

struct Patterns {
    /// 建国路88号…
    road: Regex,
    /// 3栋2单元501室, 12号楼1502: a building and more than it.
    building: Regex,
    /// 阳光小区8栋…, 阳光花园3-2-501
    compound: Regex,
    /// 李家村3组12号
    village: Regex,
}

impl Patterns {
    fn new() -> Option<Self> {
        let strong = r"(?:号楼|號樓|栋|棟|幢|座|单元|單元|层|楼|室|房|户|门)";
        // what may follow the first number: further parts, with a name of a compound between
        let more = format!(
            r"(?:[\s,，、·-]{{0,2}}\p{{Han}}{{0,10}}?{N}(?:-{N}){{0,3}}\s?{strong})*(?:[\s-]?(?:[0-9]{{1,5}}(?:-[0-9]{{1,5}}){{0,3}}|[零〇一二三四五六七八九]{{3,4}})(?:号|房)?)?"
        );
        let regex = |pattern: String| Regex::new(&pattern).ok();
        Some(Self {
            road: regex(format!(
                r"{ROADS}\s?(?P<hide>(?:甲|乙|丙|附|临)?{N}(?:[-之]{N})?\s?(?:号院|号楼|号|號|弄|院)(?:[附之]?{N}号?)?{more})"
            ))?,
            building: regex(format!(
                r"(?P<hide>{N}\s?(?:号楼|號樓|栋|棟|幢|座|单元|單元)\s?(?:{N}\s?(?:号楼|單元|单元|层|楼|座)\s?)*(?:[0-9]{{2,5}}|{N})\s?(?:室|房|户|号|门|)(?:室|房)?)"
            ))?,
            compound: regex(format!(
                r"\p{{Han}}{COMPOUNDS}\s?(?P<hide>(?:{N}\s?(?:号楼|號樓|栋|棟|幢)|[0-9]{{1,3}}-(?:[0-9]{{1,2}}-)?[0-9]{{3,4}}(?:室|号)?){more})"
            ))?,
            village: regex(format!(
                r"(?:村|屯|庄|寨)(?P<hide>(?:{N}(?:组|队|社|屯)\s?)?{N}\s?号{more})"
            ))?,
        })
    }
}

/// `3-2-501`: a building, a unit and a door.
pub(super) fn has_dashed_numbers(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'-', bytes).any(|at| {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        at > 0 && is_digit(at - 1) && is_digit(at + 1)
    })
}

/// Whether [`N`] may end where `text` does; every pattern without dashes has it before 号, 栋 or the like.
pub(super) fn ends_with_number(text: &str) -> bool {
    text.trim_end()
        .ends_with(|c: char| c.is_ascii_alphanumeric() || NUMERALS.contains(c))
}

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let Some(patterns) = PATTERNS.as_ref() else { return };
    for (pattern, check) in [
        (&patterns.road, is_house as fn(&str, &Captures<'_>) -> bool),
        (&patterns.village, is_house),
        (&patterns.compound, is_home),
        (&patterns.building, has_door),
    ] {
        // most texts that may hold an address hold none, and to look with groups costs several times as much
        if !pattern.is_match(text) {
            continue;
        }
        for captures in pattern.captures_iter(text) {
            let Some(hide) = captures.name("hide") else { continue };
            if !check(text, &captures) {
                continue;
            }
            found.push(Finding {
                kind: Kind::Address,
                from: hide.start(),
                to: hide.end(),
                hide_from: hide.start(),
                hide_to: hide.end(),
                cover: Cover::Short,
            });
        }
    }
}

/// 「一路3号才到」 and 「地铁2号线」 are no addresses.
fn is_house(text: &str, captures: &Captures<'_>) -> bool {
    let (Some(whole), Some(hide)) = (captures.get(0), captures.name("hide")) else {
        return false;
    };
    let after = &text[whole.end()..];
    if after.starts_with([
        '线', '店', '公', '早', '晚', '上', '下', '前', '之', '以', '左', '才', '就', '到', '发', '开', '给', '机',
        '台', '馆', '技',
    ]) && !has_part(hide.as_str())
        || text[..whole.start()].ends_with(['上', '下'])
    {
        return after.starts_with('店') && leads(text, whole.start());
    }
    let first_digits: String = hide.as_str().chars().take_while(char::is_ascii_digit).collect();
    let could_be_day = first_digits.parse::<u32>().is_ok_and(|number| number <= 31) || first_digits.is_empty();
    !could_be_day || has_part(hide.as_str()) || leads(text, whole.start())
}

fn has_part(hide: &str) -> bool {
    ["楼", "栋", "幢", "单元", "室", "院", "座", "组", "队", "附", "-"]
        .iter()
        .any(|part| hide.contains(part))
}

/// What stands before says that a place follows.
fn leads(text: &str, at: usize) -> bool {
    let before = before(text, at, 14);
    [
        "省", "市", "区", "县", "镇", "乡", "地址", "住", "家在", "位于", "寄到", "送到", "在",
    ]
    .iter()
    .any(|word| before.contains(word))
}

/// 「小区12栋的电梯坏了」 names a building that many live in; with a door, or where somebody lives, it is an address.
fn is_home(text: &str, captures: &Captures<'_>) -> bool {
    let (Some(whole), Some(hide)) = (captures.get(0), captures.name("hide")) else {
        return false;
    };
    let before = before(text, whole.start(), 14);
    hide.as_str().contains('-')
        || ["住", "家在", "地址", "寄到", "送到", "寄往"]
            .iter()
            .any(|word| before.contains(word))
        || has_door(text, captures)
}

/// A building and a door in it: 「3栋2单元」 alone is where a lift is broken.
fn has_door(text: &str, captures: &Captures<'_>) -> bool {
    let Some(hide) = captures.name("hide") else {
        return false;
    };
    let door = hide.as_str().trim_end_matches(['室', '房', '户', '号', '门']);
    let digits = door.chars().rev().take_while(char::is_ascii_digit).count();
    let numerals = door
        .chars()
        .rev()
        .take_while(|c| super::digits::value(*c).is_some())
        .count();
    let after = &text[hide.end()..];
    let has_building = ["栋", "棟", "幢", "楼", "樓", "座", "元"]
        .iter()
        .any(|word| door.contains(word));
    (digits >= 3 || numerals >= 3 || door.len() < hide.len() && numerals >= 1)
        && has_building
        && !after.starts_with([
            '元', '块', '年', '月', '人', '次', '个', '户', '条', '平', '多', '.', '*', '台', '家',
        ])
}

#[cfg(test)]
mod tests {
    use super::super::mask;

    #[test]
    fn the_patterns_compile() {
        assert!(super::PATTERNS.is_some());
    }

    #[test]
    fn every_pattern_is_tried_where_it_can_fit() {
        for (text, masked) in [
            ("寄到保利大厦3-2-501，谢谢", "寄到保利大厦***，谢谢"),
            ("住万达广场12-1203", "住万达广场***"),
            ("我住碧水湾3-502", "我住碧水湾***"),
            ("送到建国路288院，急", "送到建国路***，急"),
            ("家在名都3座1201", "家在名都***"),
            ("地址：向阳屯3组12号", "地址：向阳屯***"),
        ] {
            let mut found = text.to_owned();
            mask(&mut found);
            assert_eq!(found, masked);
        }
    }
}
