//! What rules decide about a text without a model: default texts, emptiness, titles, urls, regions.

use super::classes::{Classes, WORD};
use super::fold::is_ideograph;

/// Texts that platforms write when the customer wrote none; compared without punctuation and white space.
const DEFAULT_TEXTS: [&str; 22] = [
    "此用户未填写评价内容",
    "此用户没有填写评论",
    "此用户没有填写评价",
    "此用户未填写评论",
    "此用户未填写文字评论",
    "此用户未填写文字评价",
    "该用户未填写评价内容",
    "该用户未填写评论",
    "该用户没有填写评论",
    "该用户没有填写评价",
    "该用户觉得商品非常好",
    "该用户觉得商品很好",
    "用户未填写评价内容",
    "用户未填写评论",
    "评价方未及时做出评价系统默认好评",
    "评价方未及时作出评价系统默认好评",
    "评价方未及时做出评价",
    "系统默认好评",
    "系统默认评价",
    "图片评论",
    "默认好评",
    "买家未填写评价内容",
];
/// The author only passed on what another wrote.
const REPOST_TEXTS: [&str; 4] = ["转发微博", "轉發微博", "转发", "Repost"];
/// The platform's notice in place of a deleted post.
const DELETED_PREFIXES: [&str; 4] = [
    "抱歉，此微博已被作者删除",
    "抱歉，该微博已被删除",
    "该内容已被作者删除",
    "该评论已被删除",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleText {
    Own,
    Default,
    RepostOnly,
    Deleted,
}

pub(super) fn rule_text(own_words: &str) -> RuleText {
    // the longest default text is far below this
    if own_words.len() > 120 {
        return RuleText::Own;
    }
    if DELETED_PREFIXES.iter().any(|prefix| own_words.starts_with(prefix)) {
        return RuleText::Deleted;
    }
    let could_be = |list: &[&str]| {
        list.iter()
            .any(|text| text.starts_with(own_words.chars().next().unwrap_or('\0')))
    };
    if !could_be(&DEFAULT_TEXTS) && !could_be(&REPOST_TEXTS) {
        return RuleText::Own;
    }
    let letters: String = own_words.chars().filter(|c| c.is_alphanumeric()).collect();
    if DEFAULT_TEXTS.contains(&letters.as_str()) {
        RuleText::Default
    } else if REPOST_TEXTS.contains(&letters.as_str()) {
        RuleText::RepostOnly
    } else {
        RuleText::Own
    }
}

/// True when nothing is left beside emotion codes, mentions, pictographs and punctuation.
pub(super) fn has_no_words(own_words: &str) -> bool {
    !significant_chars(own_words).any(|_| true)
}

/// The letters, digits and ideographs of a text, without emotion codes (`[笑哭R]`) and mentions.
pub(super) fn significant_chars(text: &str) -> impl Iterator<Item = char> + '_ {
    let classes = Classes::get();
    let mut rest = text.chars();
    std::iter::from_fn(move || {
        loop {
            let before = rest.as_str();
            let c = rest.next()?;
            if classes.of(c) & WORD != 0 {
                return Some(c);
            }
            if c == '['
                && let Some(after) = behind_emotion_code(before)
            {
                rest = after.chars();
            }
        }
    })
}

fn behind_emotion_code(text: &str) -> Option<&str> {
    let body = &text[1..];
    let end = body.char_indices().take(9).find(|(_, c)| *c == ']')?.0;
    let is_code = end > 0
        && body[..end]
            .chars()
            .all(|c| is_ideograph(c) || c.is_ascii_alphanumeric());
    is_code.then(|| &body[end + 1..])
}

/// A title that only repeats the beginning of the text says nothing of its own.
pub(super) fn repeats(title: &str, text: &str) -> bool {
    let title = title.trim_end_matches(['…', '.', ' ']);
    title.is_empty() || text.starts_with(title)
}

/// Parameters that name the thing an address points to; all others (tokens, trackers) go.
const KEPT_PARAMETERS: [&str; 12] = [
    "id",
    "itemId",
    "item_id",
    "skuId",
    "sku",
    "productId",
    "p",
    "pid",
    "aid",
    "bvid",
    "goods_id",
    "note_id",
];

/// An address without tokens: query parameters that do not name the thing and the fragment are dropped.
pub(super) fn bare_url(url: &str) -> Option<String> {
    let url = url.trim();
    if url.is_empty() || url.len() > 4096 {
        return None;
    }
    let absolute = match url.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => url.to_owned(),
    };
    let without_fragment = absolute.split('#').next().unwrap_or_default();
    let Some((address, query)) = without_fragment.split_once('?') else {
        return Some(without_fragment.to_owned());
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| KEPT_PARAMETERS.contains(&pair.split('=').next().unwrap_or_default()))
        .collect();
    Some(if kept.is_empty() {
        address.to_owned()
    } else {
        format!("{address}?{}", kept.join("&"))
    })
}

const PROVINCES: [&str; 34] = [
    "北京",
    "天津",
    "上海",
    "重庆",
    "河北",
    "山西",
    "辽宁",
    "吉林",
    "黑龙江",
    "江苏",
    "浙江",
    "安徽",
    "福建",
    "江西",
    "山东",
    "河南",
    "湖北",
    "湖南",
    "广东",
    "海南",
    "四川",
    "贵州",
    "云南",
    "陕西",
    "甘肃",
    "青海",
    "台湾",
    "内蒙古",
    "广西",
    "西藏",
    "宁夏",
    "新疆",
    "香港",
    "澳门",
];
const COUNTRIES: [&str; 28] = [
    "海外",
    "国外",
    "美国",
    "日本",
    "韩国",
    "英国",
    "法国",
    "德国",
    "加拿大",
    "澳大利亚",
    "新西兰",
    "新加坡",
    "马来西亚",
    "泰国",
    "越南",
    "印度",
    "俄罗斯",
    "意大利",
    "西班牙",
    "荷兰",
    "瑞士",
    "瑞典",
    "菲律宾",
    "印度尼西亚",
    "阿联酋",
    "巴西",
    "爱尔兰",
    "柬埔寨",
];

/// Province-level name, `海外`, or `未知`.
pub(super) fn province(region: &str) -> &'static str {
    let folded: String = region.chars().map(super::fold_char).collect();
    let mut name = folded.trim();
    for prefix in ["ip属地", "发布于", "来自", "中国"] {
        name = name.strip_prefix(prefix).unwrap_or(name).trim_start_matches([':', ' ']);
    }
    if let Some(province) = PROVINCES.iter().find(|province| name.starts_with(**province)) {
        return province;
    }
    if COUNTRIES.iter().any(|country| name.starts_with(country)) {
        "海外"
    } else {
        "未知"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_texts_are_known_whatever_their_punctuation() {
        assert_eq!(rule_text("评价方未及时做出评价,系统默认好评!"), RuleText::Default);
        assert_eq!(rule_text("此用户没有填写评论！"), RuleText::Default);
        assert_eq!(rule_text("转发微博"), RuleText::RepostOnly);
        assert_eq!(rule_text("抱歉，此微博已被作者删除。查看帮助"), RuleText::Deleted);
        assert_eq!(rule_text("此用户未填写评价内容，但我填写了：不好用"), RuleText::Own);
        assert_eq!(rule_text(""), RuleText::Own);
    }

    #[test]
    fn emotion_codes_and_mentions_alone_are_no_words() {
        assert!(has_no_words("[赞R][赞R] @ !"));
        assert!(has_no_words("👎👎"));
        assert!(!has_no_words("[赞R]好"));
        assert!(!has_no_words("[a"));
    }

    #[test]
    fn urls_lose_their_tokens() {
        assert_eq!(
            bare_url("https://www.xiaohongshu.com/explore/abc?xsec_token=t#x").as_deref(),
            Some("https://www.xiaohongshu.com/explore/abc")
        );
        assert_eq!(
            bare_url("//a.example/x?id=1&t=2").as_deref(),
            Some("https://a.example/x?id=1")
        );
        assert_eq!(bare_url("  "), None);
    }

    #[test]
    fn regions_become_provinces() {
        assert_eq!(province("IP属地：湖北"), "湖北");
        assert_eq!(province("上海·松江区"), "上海");
        assert_eq!(province("廣東省"), "广东");
        assert_eq!(province("日本"), "海外");
        assert_eq!(province("其他"), "未知");
    }
}
