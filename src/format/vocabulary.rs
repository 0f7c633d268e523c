//! The closed vocabularies of the canonical item, and which fields a kind of source should give.

use crate::item::Item;

pub const KINDS: &[&str] = &[
    "social",
    "review",
    "app_review",
    "complaint",
    "hotline",
    "survey",
    "ticket",
    "forum",
];
pub const ROLES: &[&str] = &[
    "post",
    "comment",
    "review",
    "append",
    "complaint",
    "message",
    "answer",
    "ticket",
    "reply",
];
pub const MODES: &[&str] = &["online", "offline"];
pub const INITIATIVES: &[&str] = &["solicited", "unsolicited"];
pub const AUTHOR_TYPES: &[&str] = &["customer", "brand", "official", "operator", "media", "unknown"];
pub const ENGAGEMENT: &[&str] = &[
    "like", "comment", "share", "collect", "view", "useful", "dislike", "coin", "danmaku",
];
pub const FLAGS: &[&str] = &[
    "default_text",
    "empty_text",
    "repost",
    "repost_only",
    "deleted",
    "edited",
    "truncated",
    "mojibake_repaired",
    "masked_by_source",
    "ad_like",
    "abusive",
    "vague",
    "time_unknown",
    "time_future",
    "duplicate_key",
    "churn_risk",
];
pub const COMPLAINT_STATUS: &[&str] = &[
    "received",
    "assigned",
    "processing",
    "replied",
    "resolved",
    "closed",
    "withdrawn",
    "rejected",
    "unknown",
];

/// Where a complaint stands by the word that its platform uses, of which people put more in brackets behind
/// (`已办结（不满意）`).
pub fn status_of(word: &str) -> &'static str {
    let bare = word.split(['（', '(']).next().unwrap_or(word).trim();
    match bare.to_ascii_lowercase().as_str() {
        "通过审核" | "审核通过" | "信息审核" | "未受理" | "已受理" | "已登记" | "new" => {
            "received"
        }
        "待分配" | "已转办" | "已分配" | "已交办" => "assigned",
        "处理中" | "厂家受理" | "办理中" | "受理中" | "调解中" | "open" | "hold" => "processing",
        "已回复" | "厂家回复" | "等待回复" | "pending" => "replied",
        "已完成" | "调解成功" | "已解决" | "用户评分" | "solved" | "resolved" => "resolved",
        "已关闭" | "归档" | "已归档" | "已办结" | "closed" => "closed",
        "已撤诉" | "已撤销" | "撤诉" | "已删除" | "withdrawn" => "withdrawn",
        "不予受理" | "审核不通过" | "已驳回" | "调解不成功" | "rejected" => "rejected",
        other => COMPLAINT_STATUS
            .iter()
            .find(|known| **known == other)
            .copied()
            .unwrap_or("unknown"),
    }
}

/// Kind of a platform where the record and the configuration do not say it.
pub fn kind_of_platform(platform: &str) -> &'static str {
    match platform {
        "xiaohongshu" | "douyin" | "weibo" | "bilibili" | "kuaishou" => "social",
        "zhihu" | "tieba" => "forum",
        "jd" | "tmall" | "taobao" | "pdd" | "meituan" | "dianping" | "eleme" | "amazon" => "review",
        "appstore" | "google_play" | "xiaomi" | "huawei" | "qimai" => "app_review",
        "heimao" | "chezhi" | "12315" | "xiaofeibao" => "complaint",
        "12345" => "hotline",
        "wjx" | "tencent_wj" | "jinshuju" => "survey",
        "zendesk" | "intercom" | "freshdesk" | "sobot" | "udesk" => "ticket",
        _ => "unknown",
    }
}

/// What an item of a kind is when the record does not say its role.
pub fn role_of_kind(kind: &str) -> &'static str {
    match kind {
        "review" | "app_review" => "review",
        "complaint" => "complaint",
        "hotline" => "message",
        "survey" => "answer",
        "ticket" => "ticket",
        _ => "post",
    }
}

/// Canonical fields that this kind of source should have and the item lacks.
pub fn missing_fields(item: &Item, has_author: bool) -> Vec<String> {
    let mut missing = Vec::new();
    let mut note = |lacks: bool, name: &str| {
        if lacks {
            missing.push(name.to_owned());
        }
    };
    let subject = &item.subject;
    let lacks_product = subject.product.is_none() && subject.product_id.is_none();
    let lacks_rating = item
        .rating
        .as_ref()
        .is_none_or(|rating| rating.overall.is_none() && rating.polarity.is_none() && rating.nps.is_none());
    note(item.published_at.is_none(), "published_at");
    match item.source.kind.as_str() {
        "social" | "forum" => {
            note(!has_author, "author.id");
            note(item.source.role == "comment" && item.thread_id.is_none(), "thread_id");
            note(item.source.role == "post" && item.url.is_none(), "url");
            note(item.engagement.is_empty(), "engagement");
        }
        "review" => {
            // a later addition has no rating of its own
            note(item.source.role != "append" && lacks_rating, "rating.overall");
            note(lacks_product && subject.shop_id.is_none(), "subject.product_id");
        }
        "app_review" => {
            note(lacks_rating, "rating.overall");
            note(lacks_product, "subject.product_id");
            note(subject.version.is_none(), "subject.version");
        }
        "complaint" => {
            let complaint = item.complaint.as_ref();
            note(
                complaint.is_none_or(|c| c.target.is_none()) && subject.brand.is_none(),
                "complaint.target",
            );
            note(complaint.is_none_or(|c| c.status.is_none()), "complaint.status");
            note(complaint.is_none_or(|c| c.appeal.is_empty()), "complaint.appeal");
        }
        "hotline" => note(
            item.complaint.as_ref().is_none_or(|c| c.status.is_none()),
            "complaint.status",
        ),
        "survey" => {
            let survey = item.survey.as_ref();
            note(survey.is_none_or(|s| s.id.is_none()), "survey.id");
            note(survey.is_none_or(|s| s.response_id.is_none()), "survey.response_id");
        }
        "ticket" => note(!has_author, "author.id"),
        _ => note(true, "source.kind"),
    }
    missing
}
