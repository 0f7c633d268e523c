//! Dimension values as people call them.

use super::settings::source_name;
use super::story::Channel;
use std::collections::BTreeMap;

/// `枥屿 · 功能缺陷（负面）`
pub fn key_name(key: &BTreeMap<String, String>) -> String {
    let parts: Vec<String> = key
        .iter()
        .map(|(name, value)| match name.as_str() {
            "aspect_polarity" | "aspect" => aspect_title(value),
            "source" => source_title(value).to_string(),
            _ => value.clone(),
        })
        .collect();
    if parts.is_empty() {
        "全部声音".into()
    } else {
        parts.join(" · ")
    }
}

/// `function-` → `功能缺陷（负面）`
pub fn aspect_title(value: &str) -> String {
    let (aspect, polarity) = match value.strip_suffix(['-', '+', '0']) {
        Some(aspect) if value.ends_with('-') => (aspect, "（负面）"),
        Some(aspect) if value.ends_with('+') => (aspect, "（正面）"),
        Some(aspect) => (aspect, "（中性）"),
        None => (value, ""),
    };
    let title = match aspect {
        "quality" => "质量缺陷",
        "function" => "功能缺陷",
        "performance" => "性能不足",
        "effect" => "口味效果",
        "authenticity" => "真伪不符",
        "safety" => "安全健康",
        "appearance" => "外观尺码",
        "response" => "响应时效",
        "attitude" => "服务态度",
        "after_sales" => "售后退换",
        "usability" => "易用流程",
        "environment" => "环境设施",
        "logistics" => "物流配送",
        "packaging" => "包装漏发",
        "price" => "价格性价比",
        "billing" => "收费扣款",
        other => other,
    };
    format!("{title}{polarity}")
}

pub fn source_title(source: &str) -> &str {
    let channel = Channel::ALL.into_iter().find(|channel| source_name(*channel) == source);
    match channel {
        Some(Channel::App) => "应用商店",
        Some(Channel::Weibo) => "微博",
        Some(Channel::Xhs) => "小红书",
        Some(Channel::Jd) => "京东",
        Some(Channel::Complaint) => "投诉平台",
        None => source,
    }
}

pub fn platform_name(platform: &str) -> &str {
    match platform {
        "appstore" => "App Store",
        "huawei_appgallery" => "华为应用市场",
        "xiaomi_store" => "小米应用商店",
        "weibo" => "微博",
        "xiaohongshu" => "小红书",
        "jd" => "京东",
        "heimao" => "黑猫投诉",
        other => other,
    }
}
