//! Voices in the form that each crawler writes: the canonical `item`, MediaCrawler's xhs comment, a JD comment.

use super::calendar::{DAY_MS, local_text};
use super::mix::{Channel, Mood};
use super::rng::StoryRng;
use super::voice::{Voice, complaint_issue};
use crate::item::{Author, Complaint, Count, ITEM_SCHEMA, Item, ItemSource, Precision, Rating, Subject};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A payload and the key under which the crawler sends it.
pub struct Native {
    pub key: String,
    pub payload: Vec<u8>,
}

impl Voice {
    /// The record as first crawled.
    pub fn native(&self) -> Result<Native, serde_json::Error> {
        match self.channel {
            Channel::App | Channel::Weibo | Channel::Complaint => self.as_item(),
            Channel::Xhs => self.as_xhs_comment(),
            Channel::Jd => self.as_jd_comment(),
        }
    }

    fn as_item(&self) -> Result<Native, serde_json::Error> {
        let mut rng = self.rng.clone();
        let item = match self.channel {
            Channel::App => self.app_review(&mut rng),
            Channel::Complaint => self.complaint(&mut rng),
            _ => self.weibo_post(&mut rng),
        };
        Ok(Native {
            key: item.id.clone(),
            payload: serde_json::to_vec(&item)?,
        })
    }

    /// What all canonical items of this story share.
    fn item(&self, kind: &str, platform: &str, role: &str, native_id: String) -> Item {
        Item {
            schema: ITEM_SCHEMA.into(),
            id: format!("{platform}:{role}:{native_id}"),
            native_id,
            version: self.record_time_ms,
            source: ItemSource {
                kind: kind.into(),
                platform: platform.into(),
                format: "item".into(),
                role: role.into(),
                ..ItemSource::default()
            },
            author: Author {
                id: Some(format!("u{}", 7_000_000 + self.person.number)),
                name: Some(self.person.name.clone()),
                kind: Some("customer".into()),
                region: Some(self.person.region.into()),
                ..Author::default()
            },
            title: self.title.clone(),
            text: self.text.clone(),
            text_raw_len: self.text.chars().count() as u64,
            published_at: Some(self.published_ms),
            published_precision: Precision::Second,
            collected_at: self.record_time_ms,
            engagement: BTreeMap::from([
                ("like".into(), count(self.likes)),
                ("comment".into(), count(self.comments)),
            ]),
            lang: "zh".into(),
            script: "Hans".into(),
            ..Item::default()
        }
    }

    fn app_review(&self, rng: &mut StoryRng) -> Item {
        let platform = rng.pick(
            &["appstore", "appstore", "huawei_appgallery", "xiaomi_store"],
            "appstore",
        );
        let mut item = self.item(
            "app_review",
            platform,
            "review",
            format!("{}", 11_400_000_000 + self.number * 37),
        );
        item.subject = Subject {
            brand: Some(self.brand.name.into()),
            product: Some(format!("{}智家", self.brand.name)),
            category: Some("手机应用".into()),
            version: self.brand.is_company().then(|| self.app_version.into()),
            ..Subject::default()
        };
        item.rating = self.stars.map(|stars| Rating {
            overall: Some(f64::from(stars)),
            raw: Some(stars.to_string()),
            scale: Some("1-5".into()),
            ..Rating::default()
        });
        item.engagement.clear();
        item
    }

    fn complaint(&self, rng: &mut StoryRng) -> Item {
        let mut item = self.item(
            "complaint",
            "heimao",
            "complaint",
            format!("{}", 17_390_000_000 + self.number * 41),
        );
        item.subject = self.subject();
        item.complaint = Some(Complaint {
            target: Some(self.brand.name.into()),
            appeal: vec![rng.pick(&["退款", "赔偿", "换货", "道歉", "解释"], "退款").into()],
            issue: vec![complaint_issue(self.theme).into()],
            amount: rng.chance(0.6).then(|| format!("{}.00", rng.between(99, 3_999))),
            status: Some("processing".into()),
            status_raw: Some("处理中".into()),
            ..Complaint::default()
        });
        item
    }

    fn weibo_post(&self, rng: &mut StoryRng) -> Item {
        let mut item = self.item(
            "social",
            "weibo",
            "post",
            format!("{}", 5_210_000_000_000_000 + self.number * 733),
        );
        item.source.keyword = Some(self.keyword.into());
        if self.theme.mood != Mood::None {
            item.subject = self.subject();
        }
        if self.theme.name.starts_with("release_") {
            item.author.kind = Some("brand".into());
            item.author.name = Some(format!("{}官方", self.brand.name));
        }
        item.engagement.insert("share".into(), count(self.comments / 2));
        item.url = Some(format!("https://weibo.example/{}", rng.hex(9)));
        item
    }

    fn subject(&self) -> Subject {
        Subject {
            brand: Some(self.brand.name.into()),
            product: Some(self.product.name.into()),
            category: Some("家用电器".into()),
            ..Subject::default()
        }
    }

    fn as_xhs_comment(&self) -> Result<Native, serde_json::Error> {
        let mut rng = self.rng.clone();
        let id = format!(
            "68e{:05x}000000002401{:04x}",
            self.number % 0x10_0000,
            rng.below(0x1_0000)
        );
        let reply_to = rng.chance(0.25).then(|| format!("68d{}", rng.hex(21)));
        let record = json!({
            "comment_id": id,
            "create_time": self.published_ms,
            "note_id": format!("68c{}", StoryRng::stream(0, "note", rng.below(900)).hex(21)),
            "content": self.text,
            "creator_hash": StoryRng::stream(0, "xhs author", self.person.number).hex(16),
            "nickname": self.person.masked_name(),
            "sub_comment_count": self.comments.to_string(),
            "pictures": if rng.chance(0.06) { "https://sns-webpic.example/p.jpg" } else { "" },
            "parent_comment_id": reply_to.unwrap_or_default(),
            "last_modify_ts": self.record_time_ms,
            "like_count": display_count(self.likes),
        });
        Ok(Native {
            key: id,
            payload: serde_json::to_vec(&record)?,
        })
    }

    fn as_jd_comment(&self) -> Result<Native, serde_json::Error> {
        let mut rng = self.rng.clone();
        let id = 20_681_000_000 + self.number * 97;
        let days = rng.between(1, 40);
        let mut content = self.text.clone();
        if rng.chance(0.03) {
            content = format!("&ldquo;{content}&rdquo;\n");
        }
        let mut record = json!({
            "id": id,
            "guid": rng.hex(32),
            "content": content,
            "creationTime": local_text(self.published_ms),
            "referenceId": self.product.sku_id.to_string(),
            "referenceName": self.product.name,
            "referenceTime": local_text(self.published_ms - days as i64 * DAY_MS),
            "firstCategory": 737,
            "secondCategory": 794,
            "thirdCategory": 798,
            "replyCount": self.comments,
            "score": self.stars.unwrap_or(5),
            "usefulVoteCount": self.likes,
            "userLevelName": rng.pick(&["PLUS会员", "注册会员", "金牌会员", ""], ""),
            "nickname": self.person.masked_name(),
            "productColor": rng.pick(&["白色", "黑色", "灰色"], "白色"),
            "productSize": "标准版",
            "orderId": 0,
            "location": self.person.region,
            "days": days,
            "afterDays": 0,
            "imageCount": rng.below(4),
            "isMobile": true,
            "productId": self.product.sku_id,
        });
        if self.theme.mood == Mood::Bad && rng.chance(0.5) {
            record["replies"] = json!([{
                "commentId": id.to_string(),
                "content": "您好，非常抱歉给您带来不便，请联系在线客服，我们会尽快核实处理。\n",
                "creationTime": local_text(self.published_ms + DAY_MS / 4),
                "nickname": format!("{}官方旗舰店", self.brand.name),
            }]);
        }
        Ok(Native {
            key: id.to_string(),
            payload: serde_json::to_vec(&record)?,
        })
    }

    /// The same voice as a later crawl finds it: more likes, a newer version.
    pub fn crawled_again(&self, at_ms: i64, rng: &mut StoryRng) -> Self {
        Self {
            record_time_ms: at_ms,
            likes: self.likes * 2 + rng.below(9),
            comments: self.comments + rng.below(5),
            ..self.clone()
        }
    }
}

fn count(n: u64) -> Count {
    Count { n, approx: false }
}

/// As the platform shows it: `1.2万`.
fn display_count(n: u64) -> Value {
    if n >= 10_000 {
        Value::String(format!("{:.1}万", n as f64 / 10_000.0))
    } else {
        Value::String(n.to_string())
    }
}
