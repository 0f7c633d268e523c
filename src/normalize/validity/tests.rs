use super::*;
use crate::normalize::{clean_text, fold_into, own_words, rules};
use std::collections::BTreeMap;
use std::io::BufRead;

/// Every reason there is, those of `rules.rs` included.
const REASONS: [&str; 10] = [
    "default_text",
    "empty",
    "repost_only",
    "deleted",
    "filler",
    "advertisement",
    "keyboard_noise",
    "abuse_only",
    "other_voice",
    "off_topic_spam",
];

fn of(text: &str) -> Option<&'static str> {
    let cleaned = clean_text(text);
    let own = own_words(&cleaned);
    // what was only passed on has its own rule
    if own.is_empty() && cleaned.contains("//@") {
        return None;
    }
    if rules::has_no_words(own) {
        return Some("empty");
    }
    let mut folded = String::new();
    fold_into(own, &mut folded);
    reason(&folded, &rules::significant_chars(&folded).collect::<Vec<_>>())
}

#[test]
fn what_is_no_feedback_has_its_reason() {
    for (text, wanted) in [
        ("还不错还不错还不错还不错还不错", "filler"),
        ("在商城买了好多东西，能看到我这条评论，就说明东西还不错", "filler"),
        ("加微信 mm520888 领取内部优惠券，全场一折起", "advertisement"),
        ("无意中发现一份兼职，能利用空闲时间赚钱，关注公众號", "advertisement"),
        ("asdfasdf", "keyboard_noise"),
        ("傻逼公司", "abuse_only"),
        ("尊敬的用户，您的会员将于3日后到期，续费享八折优惠。", "other_voice"),
        ("多謝閣下嘅寶貴意見，我哋已轉交分店經理跟進。", "other_voice"),
        ("系统自动好评，买家未留言", "default_text"),
        ("#某某[超话]# 打榜啦", "off_topic_spam"),
        ("[微笑][微笑]", "empty"),
    ] {
        assert_eq!(of(text), Some(wanted), "{text}");
        assert!(REASONS.contains(&wanted));
    }
}

#[test]
fn customers_keep_their_voice() {
    for text in [
        "客服说感谢您的反馈，然后就没有下文了，我要求退款",
        "傻逼公司不退款",
        "微信登录不了，一直闪退",
        "垃圾",
        "不错不错",
        "好",
        "666",
        "送的优惠券用不了，红包也领不到",
        "在公众号上买的，发货很慢",
        "good",
        "一分钱一分货，物流也快，物流小哥很好",
    ] {
        assert_eq!(of(text), None, "{text}");
    }
}

/// (text, valid)
fn labelled(name: &str) -> Vec<(String, bool, String)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/labels")
        .join(name);
    let Ok(file) = std::fs::File::open(path) else {
        return Vec::new();
    };
    let reader: Box<dyn std::io::Read> = if name.ends_with("gz") {
        Box::new(flate2::read::GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    std::io::BufReader::new(reader)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| {
            let row: serde_json::Value = serde_json::from_str(&line).ok()?;
            let reason = row["reason"].as_str().unwrap_or("?").to_owned();
            Some((row["text"].as_str()?.to_owned(), row["valid"].as_bool()?, reason))
        })
        .collect()
}

/// Rules were tuned on one half of the texts, by hash; this is the other.
fn is_unseen(text: &str) -> bool {
    xxhash_rust::xxh3::xxh3_64(text.trim().as_bytes()) % 2 == 1
}

#[test]
fn rules_alone_are_right_on_texts_that_they_were_not_tuned_on() {
    let rows = labelled("validity.jsonl");
    let train = labelled("train.jsonl.gz");
    if rows.is_empty() || train.is_empty() {
        println!("skipped: rules of validity on labelled texts: shared data missing");
        return;
    }
    let show = std::env::var_os("QINGTING_SHOW").is_some();
    for (name, unseen) in [("tuned on", false), ("unseen", true)] {
        let (mut hits, mut wrong, mut missed) = (0usize, 0usize, 0usize);
        let mut by: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (text, valid, reason) in rows.iter().filter(|(text, ..)| is_unseen(text) == unseen) {
            let found = of(text);
            if !valid {
                let entry = by.entry(reason.clone()).or_default();
                entry.0 += usize::from(found.is_some());
                entry.1 += 1;
            }
            match (found, valid) {
                (Some(_), false) => hits += 1,
                (Some(found), true) => {
                    wrong += 1;
                    if show && !unseen {
                        println!("WRONG {found}: {text}");
                    }
                }
                (None, false) => {
                    missed += 1;
                    if show && !unseen {
                        println!("missed {reason}: {}", text.chars().take(90).collect::<String>());
                    }
                }
                (None, true) => {}
            }
        }
        let (precision, recall) = (
            hits as f64 / (hits + wrong).max(1) as f64,
            hits as f64 / (hits + missed).max(1) as f64,
        );
        println!("validity.jsonl, {name}: precision {precision:.3}, recall {recall:.3}; {by:?}");
        let (mut hits, mut wrong, mut missed) = (0usize, 0usize, 0usize);
        for (text, valid, _) in train.iter().filter(|(text, ..)| is_unseen(text) == unseen) {
            match (of(text), valid) {
                (Some(_), false) => hits += 1,
                (Some(found), true) => {
                    wrong += 1;
                    if show && !unseen {
                        println!("TRAIN WRONG {found}: {}", text.chars().take(120).collect::<String>());
                    }
                }
                (None, false) => missed += 1,
                (None, true) => {}
            }
        }
        println!(
            "train.jsonl, {name}: precision {:.3}, recall {:.3}, {wrong} of the valid ones flagged",
            hits as f64 / (hits + wrong).max(1) as f64,
            hits as f64 / (hits + missed).max(1) as f64
        );
        assert!(precision >= 0.95, "{name}: precision {precision}");
    }
}
