//! Personal data that only its label gives away: 微信号, QQ, 订单号, 护照, 姓名, and the word of a building in an address.

use super::{Cover, Finding, Kind, address, mail, names};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    WeChat,
    Qq,
    /// Accounts of other platforms; always asked for with a word.
    OtherAccount,
    Order,
    /// 订单 alone: many sentences hold it.
    OrderWord,
    Passport,
    Name,
    /// Behind a number: a word without which no pattern of an address fits, unless it has dashes (`3-2-501`).
    Door,
    /// How a mail address gets past a filter.
    At,
}

const LABELS: [(Label, &[&str]); 9] = [
    (
        Label::WeChat,
        &[
            "微信",
            "微 信",
            "薇信",
            "威信",
            "徽信",
            "微芯",
            "薇芯",
            "微❤",
            "薇❤",
            "v❤",
            "卫星",
            "绿泡泡",
            "v信",
            "vx",
            "v x",
            "wx",
            "wechat",
            "weixin",
            "加v",
            "+v",
            "➕v",
            "加薇",
            "加微",
            "+薇",
            "+微",
            "➕薇",
            "➕微",
            "加我v",
            "v:",
            "v：",
            "薇:",
            "薇：",
        ],
    ),
    (
        Label::Qq,
        &[
            "qq",
            "q q",
            "扣扣",
            "企鹅号",
            "q号",
            "扣号",
            "球球号",
            "q群",
            "扣群",
            "秋秋",
        ],
    ),
    (
        Label::OtherAccount,
        &[
            "抖音号",
            "快手号",
            "小红书号",
            "支付宝账号",
            "支付宝号",
            "旺旺号",
            "旺旺id",
            "陌陌号",
            "telegram",
            "whatsapp",
            "电报号",
        ],
    ),
    (
        Label::Order,
        &[
            "订单号",
            "订单编号",
            "订单号码",
            "訂單號",
            "訂單編號",
            "单号",
            "單號",
            "快递号",
            "交易号",
            "流水号",
            "交易流水",
            "订单id",
            "order no",
            "tracking",
        ],
    ),
    (Label::OrderWord, &["订单", "訂單", "运单", "快递"]),
    (
        Label::Passport,
        &["护照", "護照", "passport", "通行证", "通行證", "台胞证", "回乡证"],
    ),
    (
        Label::Name,
        &[
            "姓名",
            "联系人",
            "聯絡人",
            "收件人",
            "收货人",
            "收貨人",
            "寄件人",
            "投诉人",
            "申诉人",
            "反映人",
            "户主",
            "机主",
            "持卡人",
            "开户名",
            "车主名",
            "我叫",
            "名字叫",
            "名字是",
            "全名",
        ],
    ),
    (
        Label::Door,
        &["号", "號", "弄", "栋", "棟", "幢", "单元", "單元", "座", "院"],
    ),
    (
        Label::At,
        &[
            "(at)", "[at]", "（at）", "【at】", " at ", "艾特", "#qq", "#163", "#126",
        ],
    ),
];

/// 单号 of these is a complaint's, not an order's.
const CASES: [&str; 9] = ["投诉", "投訴", "工", "举报", "受理", "维权", "诉求", "信访", "报修"];
/// What an id after a chat's name begins with when it is none.
const PRODUCTS: [&str; 16] = [
    "iphone", "ipad", "android", "ios", "app", "pay", "mini", "vip", "http", "www", "windows", "pc", "mac", "harmony",
    "plus", "version",
];
const UNITS: &str = "元块年月日天万亿次个条人分秒版张件斤克米岁度代级号楼层站路%";

struct Automaton {
    search: AhoCorasick,
    labels: Vec<Label>,
}

static AUTOMATON: LazyLock<Option<Automaton>> = LazyLock::new(|| {
    let pairs = || {
        LABELS
            .iter()
            .flat_map(|(label, words)| words.iter().map(|word| (*label, *word)))
    };
    let search = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(pairs().map(|(_, word)| word))
        .ok()?;
    Some(Automaton {
        search,
        labels: pairs().map(|(label, _)| label).collect(),
    })
});

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let Some(automaton) = AUTOMATON.as_ref() else { return };
    let (mut has_door, mut has_at) = (false, false);
    for hit in automaton.search.find_iter(text) {
        let label = automaton.labels[hit.pattern().as_usize()];
        if matches!(label, Label::Door | Label::At) {
            has_door |= label == Label::Door && address::ends_with_number(&text[..hit.start()]);
            has_at |= label == Label::At;
            continue;
        }
        // `RAVVX`, `QQX` and the like
        let glued = text[..hit.start()].ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.as_bytes()[hit.start()].is_ascii_alphabetic();
        if glued {
            continue;
        }
        let value = Value::behind(text, hit.end());
        let finding = match label {
            Label::WeChat => value.we_chat(),
            Label::Qq => value.qq(),
            Label::OtherAccount => value.account(),
            Label::Order => value.order(&text[..hit.start()], false),
            Label::OrderWord => value.order(&text[..hit.start()], true),
            Label::Passport => passport(text, hit.end()),
            Label::Name => value.name(),
            Label::Door | Label::At => None,
        };
        found.extend(finding);
    }
    if has_door || address::has_dashed_numbers(text) {
        address::find(text, found);
    }
    // one with an @ has been looked for already
    if has_at && !text.contains('@') {
        mail::find(text, found);
    }
}

/// What stands behind a label.
struct Value<'a> {
    text: &'a str,
    at: usize,
    /// A colon, 号, 是 or the like says that the value follows.
    asked_for: bool,
}

impl<'a> Value<'a> {
    fn behind(text: &'a str, label_end: usize) -> Self {
        let mut value = Self {
            text,
            at: label_end,
            // the label itself may end in one
            asked_for: text[..label_end].ends_with(['号', '號', ':', '：', '码', '叫', '是']),
        };
        for (index, c) in text[label_end..].char_indices().take(8) {
            match c {
                ' ' | '"' | '\'' | '“' | '”' | '(' | '（' | '【' | '[' | '「' | '#' | '№' | '～' | '~' | '，' | ','
                | '信' => {}
                ':' | '：' | '号' | '號' | '码' | '碼' | '是' | '为' | '為' | '=' | '加' | '搜' | '➕' | '+' | '👉'
                | '➡' | '→' | '编' | '群' | '我' | '名' | '叫' | '账' | '帐' | '单' | '\u{fe0f}' | '❤' => {
                    value.asked_for = true
                }
                _ => {
                    value.at = label_end + index;
                    return value.after_id_word();
                }
            }
            value.at = label_end + index + c.len_utf8();
        }
        value
    }

    /// `微信ID: …`
    fn after_id_word(mut self) -> Self {
        let rest = &self.text[self.at..];
        let behind = rest
            .get(..2)
            .filter(|word| word.eq_ignore_ascii_case("id"))
            .map(|_| &rest[2..]);
        if let Some(behind) = behind
            && let value = behind.trim_start_matches([':', '：', ' ', '是'])
            && value.len() < behind.len()
        {
            self.at = self.text.len() - value.len();
            self.asked_for = true;
        }
        self
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Letters, digits, `_` and `-` from here on.
    fn token(&self) -> &'a str {
        let rest = self.rest();
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            .count();
        &rest[..length]
    }

    fn short(&self, kind: Kind, length: usize) -> Finding {
        Finding {
            kind,
            from: self.at,
            to: self.at + length,
            hide_from: self.at + 1,
            hide_to: self.at + length,
            cover: Cover::Short,
        }
    }

    /// A number that is a count or a version is no account.
    fn is_number_of_something(&self, token: &str) -> bool {
        let after = &self.rest()[token.len()..];
        after.starts_with(|c: char| UNITS.contains(c))
            || after.starts_with('.') && after[1..].starts_with(|c: char| c.is_ascii_digit())
            || after.starts_with('*')
    }

    fn we_chat(&self) -> Option<Finding> {
        let token = self.token();
        let lower = token.to_ascii_lowercase();
        let digits = token.bytes().filter(u8::is_ascii_digit).count();
        let fits = match token.bytes().next() {
            Some(b'0'..=b'9') => {
                self.asked_for && (5..=20).contains(&token.len()) && !self.is_number_of_something(token)
            }
            Some(b'a'..=b'z' | b'A'..=b'Z') => {
                let mixed = digits > 0 || token.contains(['_', '-']);
                (5..=24).contains(&token.len())
                    && (self.asked_for || mixed)
                    && !is_product(&lower)
                    && !self.rest()[token.len()..].starts_with('*')
            }
            _ => false,
        };
        fits.then(|| self.short(Kind::Account, token.len()))
    }

    fn qq(&self) -> Option<Finding> {
        let token = self.token();
        let is_number = token.bytes().all(|b| b.is_ascii_digit()) && !token.starts_with('0');
        let shortest = if self.asked_for { 5 } else { 6 };
        if is_number {
            let fits = (shortest..=11).contains(&token.len()) && !self.is_number_of_something(token);
            return fits.then(|| self.short(Kind::Account, token.len()));
        }
        // 1 2 3 4 5 6 7, 123 456 789
        let (length, digits) = spaced_digits(self.rest());
        let fits = (shortest..=11).contains(&digits) && !token.bytes().any(|b| b.is_ascii_alphabetic());
        (fits && self.asked_for).then(|| self.short(Kind::Account, length))
    }

    fn account(&self) -> Option<Finding> {
        let token = self.token();
        let fits = (5..=30).contains(&token.len()) && !self.rest()[token.len()..].starts_with('*');
        fits.then(|| self.short(Kind::Account, token.len()))
    }

    fn order(&self, before: &str, word_only: bool) -> Option<Finding> {
        if CASES.iter().any(|case| before.ends_with(case)) {
            return None;
        }
        let token = self.token().trim_end_matches('-');
        let digits = token.bytes().filter(u8::is_ascii_digit).count();
        let (length, digits) = if token.len() == digits && (3..8).contains(&digits) {
            spaced_digits(self.rest())
        } else {
            (token.len(), digits)
        };
        let fewest = if word_only { 10 } else { 6 };
        let fits = (8..=48).contains(&length)
            && digits >= fewest
            && !is_date(token)
            && !self.rest()[length..].starts_with('*')
            && !(word_only && !self.asked_for && token.contains('-'));
        let keep = if length >= 12 { 4 } else { 2 };
        fits.then(|| Finding {
            kind: Kind::Order,
            from: self.at,
            to: self.at + length,
            hide_from: self.at + keep,
            hide_to: self.at + length - keep,
            cover: Cover::Each,
        })
    }

    /// 姓名：张三. Without a colon a surname and an end are asked for.
    fn name(&self) -> Option<Finding> {
        let rest = self.rest();
        let ideographs = rest
            .chars()
            .take_while(|c| super::super::fold::is_ideograph(*c) || *c == '·')
            .take(12)
            .collect::<Vec<_>>();
        let whole: String = ideographs.iter().collect();
        if names::is_no_name(&whole) {
            return None;
        }
        let stop = [
            "电话", "手机", "联系", "身份", "住", "性别", "地址", "先生", "女士", "微信", "号码",
        ]
        .iter()
        .filter_map(|word| whole.find(word))
        .min()
        .map_or(ideographs.len(), |bytes| whole[..bytes].chars().count());
        let surname = ideographs.first().is_some_and(|first| names::is_surname(*first));
        let longest = if whole.contains('·') { 12 } else { 4 };
        let fits = self.asked_for && surname && (2..=longest).contains(&stop) && !rest[whole.len()..].starts_with('*');
        if !fits {
            return None;
        }
        let bytes: usize = ideographs[..stop].iter().map(|c| c.len_utf8()).sum();
        let first = ideographs[0].len_utf8();
        Some(Finding {
            kind: Kind::Name,
            from: self.at,
            to: self.at + bytes,
            hide_from: self.at + first,
            hide_to: self.at + bytes,
            cover: Cover::Each,
        })
    }
}

/// `iphone12`, `app`, but not `pcslv`.
fn is_product(token: &str) -> bool {
    PRODUCTS.iter().any(|product| {
        token
            .strip_prefix(product)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    })
}

/// (bytes, digits) of digit groups with single spaces or dashes between.
fn spaced_digits(text: &str) -> (usize, usize) {
    let (mut end, mut digits) = (0, 0);
    let bytes = text.as_bytes();
    for (index, b) in bytes.iter().enumerate() {
        match b {
            b'0'..=b'9' => {
                digits += 1;
                end = index + 1;
            }
            b' ' | b'-' if bytes.get(index + 1).is_some_and(u8::is_ascii_digit) => {}
            _ => break,
        }
    }
    (end, digits)
}

/// `2024-01-15`, `20240115`: the day of an order, not its number.
fn is_date(token: &str) -> bool {
    let digits: String = token.chars().filter(char::is_ascii_digit).collect();
    let month: Option<u32> = digits.get(4..6).and_then(|month| month.parse().ok());
    digits.len() == 8
        && (digits.starts_with("20") || digits.starts_with("19"))
        && month.is_some_and(|month| (1..=12).contains(&month))
}

/// `E12345678`, `EA1234567`, `C12345678`, within a few words of what names it.
fn passport(text: &str, label_end: usize) -> Option<Finding> {
    let window = text[label_end..].char_indices().take(20);
    let mut before = ' ';
    for (index, c) in window {
        let starts = c.is_ascii_alphabetic() && !before.is_ascii_alphanumeric();
        before = c;
        if !starts {
            continue;
        }
        let at = label_end + index;
        let token: String = text[at..].chars().take_while(char::is_ascii_alphanumeric).collect();
        let letters = token.bytes().take_while(u8::is_ascii_alphabetic).count();
        let digits = token.len() - letters;
        let is_number = token[letters..].bytes().all(|b| b.is_ascii_digit());
        if (1..=2).contains(&letters) && (7..=10).contains(&digits) && is_number {
            return Some(Finding {
                kind: Kind::Passport,
                from: at,
                to: at + token.len(),
                hide_from: at + letters + 1,
                hide_to: at + token.len() - 2,
                cover: Cover::Each,
            });
        }
    }
    None
}
