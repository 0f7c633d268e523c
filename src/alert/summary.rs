//! An alert in plain words, Chinese and English: always both counts, never a ratio alone.

use super::record::{AlertRecord, AlertState, Summary};
use std::fmt::Write;

/// Aspect ids of the taxonomy in Chinese and English.
const ASPECTS: [(&str, &str, &str); 16] = [
    ("quality", "质量缺陷", "quality"),
    ("function", "功能缺陷", "function"),
    ("performance", "性能不足", "performance"),
    ("effect", "口味效果", "taste and effect"),
    ("authenticity", "真伪不符", "authenticity"),
    ("safety", "安全健康", "safety"),
    ("appearance", "外观尺码", "appearance and size"),
    ("response", "响应时效", "response time"),
    ("attitude", "服务态度", "attitude of staff"),
    ("after_sales", "售后退换", "after-sales"),
    ("usability", "易用流程", "usability"),
    ("environment", "环境设施", "environment"),
    ("logistics", "物流配送", "delivery"),
    ("packaging", "包装漏发", "packaging"),
    ("price", "价格性价比", "price"),
    ("billing", "收费扣款", "billing"),
];

/// Values of other closed dimensions.
const VALUES: [(&str, &str, &str); 17] = [
    ("negative", "负面", "negative"),
    ("positive", "正面", "positive"),
    ("neutral", "中性", "neutral"),
    ("urgent", "紧急", "urgent"),
    ("normal", "一般", "normal"),
    ("minor", "轻微", "minor"),
    ("complaint", "投诉", "complaint"),
    ("suggestion", "建议", "suggestion"),
    ("question", "咨询", "question"),
    ("praise", "表扬", "praise"),
    ("social", "社交媒体", "social media"),
    ("review", "商品评价", "reviews"),
    ("app_review", "应用评论", "app reviews"),
    ("hotline", "热线", "hotline"),
    ("survey", "问卷", "survey"),
    ("ticket", "工单", "tickets"),
    ("forum", "论坛", "forum"),
];

/// What the record does not hold: how the rule compares.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    pub window_hours: u32,
    /// Reference windows compared with, on average.
    pub references: f64,
    /// One week or more from one window to the next.
    pub weekly: bool,
}

pub fn summarize(record: &AlertRecord, wording: Wording) -> Summary {
    Summary {
        zh: chinese(record, wording),
        en: english(record, wording),
    }
}

fn chinese(record: &AlertRecord, wording: Wording) -> String {
    let mut out = String::new();
    let subject = subject(record, true);
    let span = match wording.window_hours {
        hours if hours % 24 == 0 => format!("{}天", hours / 24),
        hours => format!("{hours}小时"),
    };
    let _ = write!(out, "{subject}：最近{span}{}条", record.current);
    let before = match (wording.weekly, wording.window_hours == 168) {
        (true, true) => format!("前{:.0}周平均每周", wording.references),
        (true, false) => format!("前{:.0}周同一时段平均", wording.references),
        (false, _) => format!("前一个{span}"),
    };
    let _ = write!(out, "，{before}{}条", number(record.reference));
    if let Some(increase) = record.increase_pct {
        let verb = if increase >= 0.0 { "上升" } else { "下降" };
        let _ = write!(out, "，{verb}{:.0}%", increase.abs());
    }
    if let (Some(last), true) = (record.last_week, wording.weekly) {
        let _ = write!(out, "（上周{last}条）");
    }
    let _ = write!(out, "；{}位作者", record.authors);
    if !record.top_terms.is_empty() {
        let _ = write!(out, "，突出的词：{}", terms(record, "、"));
    }
    match record.state {
        AlertState::Resolved => out.push_str("。已恢复。"),
        AlertState::Pending => out.push_str("。待确认。"),
        _ => out.push('。'),
    }
    out
}

fn english(record: &AlertRecord, wording: Wording) -> String {
    let mut out = String::new();
    let subject = subject(record, false);
    let span = match wording.window_hours {
        24 => "24 hours".to_owned(),
        hours if hours % 24 == 0 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    };
    let _ = write!(out, "{subject}: {} in the last {span}", record.current);
    let before = match (wording.weekly, wording.window_hours == 168) {
        (true, true) => format!("a week on average over the {:.0} weeks before", wording.references),
        (true, false) => format!(
            "on average in the same hours of the {:.0} weeks before",
            wording.references
        ),
        (false, _) => format!("in the {span} before"),
    };
    let _ = write!(out, ", {} {before}", number(record.reference));
    if let Some(increase) = record.increase_pct {
        let _ = write!(out, ", {increase:+.0} %");
    }
    if let (Some(last), true) = (record.last_week, wording.weekly) {
        let _ = write!(out, " (last week {last})");
    }
    let _ = write!(out, "; {} authors", record.authors);
    if !record.top_terms.is_empty() {
        let _ = write!(out, "; words: {}", terms(record, ", "));
    }
    match record.state {
        AlertState::Resolved => out.push_str(". Resolved."),
        AlertState::Pending => out.push_str(". Pending."),
        _ => out.push('.'),
    }
    out
}

/// Who and what: `【甲】物流配送负面`.
fn subject(record: &AlertRecord, chinese: bool) -> String {
    let mut named = Vec::new();
    let mut what = Vec::new();
    for (name, value) in &record.key {
        match name.as_str() {
            "aspect" | "aspect_polarity" => what.push(aspect(value, chinese)),
            "rating" if chinese => what.push(format!("{value}星")),
            "rating" => what.push(format!("{value} stars")),
            "valid" => {}
            _ => match VALUES.iter().find(|(id, _, _)| id == value) {
                Some((_, zh, en)) => what.push(if chinese { zh } else { en }.to_string()),
                None => named.push(value.as_str()),
            },
        }
    }
    let what = match (what.is_empty(), chinese) {
        (true, true) => "声音".to_owned(),
        (true, false) => "voices".to_owned(),
        (false, true) => what.join("·"),
        (false, false) => what.join(", "),
    };
    match (named.is_empty(), chinese) {
        (true, _) => what,
        (false, true) => format!("【{}】{what}", named.join(" ")),
        (false, false) => format!("{}: {what}", named.join(" ")),
    }
}

fn aspect(value: &str, chinese: bool) -> String {
    let (id, polarity) = match value.chars().last() {
        Some('-') => (&value[..value.len() - 1], if chinese { "负面" } else { ", negative" }),
        Some('+') => (&value[..value.len() - 1], if chinese { "正面" } else { ", positive" }),
        Some('0') => (&value[..value.len() - 1], if chinese { "中性" } else { ", neutral" }),
        _ => (value, ""),
    };
    let name = ASPECTS.iter().find(|(known, _, _)| *known == id);
    let name = name.map_or(id, |(_, zh, en)| if chinese { zh } else { en });
    format!("{name}{polarity}")
}

fn terms(record: &AlertRecord, separator: &str) -> String {
    let terms: Vec<_> = record.top_terms.iter().take(5).map(|term| term.term.as_str()).collect();
    terms.join(separator)
}

fn number(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 || value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}
