//! Tells what was found, in plain Chinese.

use super::client::{Client, ClientError};
use super::names::{aspect_title, key_name, platform_name, source_title};
use super::show::Report;
use super::story::calendar::local_text;
use super::story::cast::{APP, COMPANY};
use super::verdict::{Change, Judged, NonEvents};
use crate::alert::AlertRecord;
use crate::checkpoint::Balance;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const SAMPLES: usize = 3;
const SAMPLE_CHARACTERS: usize = 90;
const SHARES_SHOWN: usize = 6;
const TERMS_SHOWN: usize = 8;
pub const RULER: &str = "────────────────────────────────────────────────────────────";

/// A voice that stands for many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub text: String,
    pub source: String,
    pub region: String,
    pub at_ms: i64,
}

/// The representative items of an alert, as the API has them (personal data is masked there already).
pub fn samples(client: &Client, alert: &AlertRecord) -> Result<Vec<Sample>, ClientError> {
    alert
        .samples
        .iter()
        .take(SAMPLES)
        .map(|id| Ok(sample(&client.item(id)?)))
        .collect()
}

fn sample(answer: &serde_json::Value) -> Sample {
    let item = if answer["item"].is_object() {
        &answer["item"]
    } else {
        answer
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    Sample {
        text: text(&item["text"]),
        source: platform_name(item["source"]["platform"].as_str().unwrap_or_default()).to_string(),
        region: text(&item["author"]["region"]),
        at_ms: item["published_at"].as_i64().unwrap_or_default(),
    }
}

/// The introduction.
pub fn opening(weeks: u32, records: usize) -> String {
    format!(
        "倾听 qingting · 演示\n{RULER}\n虚构的家电公司「{COMPANY}」和两家虚构的竞争对手，{weeks} 周的客户声音，{records} 条记录。\n\
         应用商店评论、微博、小红书评论、京东评价、投诉平台，三种格式，经真实的 Kafka 协议送进真实的流水线。\n\
         最后一周{APP} 5.2.0 发布，之后有人开始登录失败。看看倾听能不能听出来。\n"
    )
}

/// One line for an episode that begins to fire.
pub fn flash(alert: &AlertRecord) -> String {
    format!(
        "⚠ {}  {}：{} 条，平常 {:.1} 条（{}）  [{}]",
        minute(alert.starts_at),
        key_name(&alert.key),
        alert.current,
        alert.reference,
        increase(alert),
        alert.rule,
    )
}

/// The alert with its evidence.
pub fn alert(judged: &Judged, samples: &[Sample]) -> String {
    let alert = &judged.alert;
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {name}  {text}");
    };
    line("一句话", alert.summary.zh.clone());
    line(
        "数量",
        format!(
            "本期 {} 条（{} 至 {}），参照 {:.1} 条（此前同样长的时段平均）{}",
            alert.current,
            minute(alert.window.from),
            minute(alert.window.to),
            alert.reference,
            alert.last_week.map(|n| format!("，上周 {n} 条")).unwrap_or_default(),
        ),
    );
    line(
        "增幅",
        format!(
            "{}，即 {:.1} 倍，95% 置信区间 {:.1} 至 {:.1} 倍；若一切如常，这么多的概率 p = {:.0e}",
            increase(alert),
            alert.ratio.unwrap_or_default(),
            alert.ci95[0],
            alert.ci95[1],
            alert.p,
        ),
    );
    line(
        "是谁",
        format!(
            "{} 位不同的作者；连同重复和无效共 {} 条；其中 {} 条直接说到登录",
            alert.authors, alert.raw.current, judged.about_login
        ),
    );
    let terms: Vec<&str> = alert
        .top_terms
        .iter()
        .take(TERMS_SHOWN)
        .map(|term| term.term.as_str())
        .collect();
    line("主要词", terms.join("、"));
    line("来源", shares(&alert.split, "source", source_title));
    line("地区", shares(&alert.split, "region", |region| region));
    if alert.split.get("product").is_some_and(|products| products.len() > 1) {
        line("产品", shares(&alert.split, "product", |product| product));
    }
    line(
        "负责人",
        format!(
            "{}（优先级 {}，请在 {} 前处理）",
            alert.owner.as_deref().unwrap_or("未指定"),
            alert.priority,
            minute(alert.due_at)
        ),
    );
    line("样本原声", String::new());
    for (index, sample) in samples.iter().enumerate() {
        let _ = writeln!(
            out,
            "    {}. 「{}」\n       {}",
            index + 1,
            shortened(&sample.text),
            [sample.source.as_str(), sample.region.as_str(), &minute(sample.at_ms)]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" · ")
        );
    }
    format!(
        "{RULER}\n告警  {}  {}\n{RULER}\n{out}",
        key_name(&alert.key),
        minute(alert.starts_at)
    )
}

/// The same event seen by other rules and keys.
pub fn other_sides(others: &[&Judged]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let mut out = String::from("同一事件的其他侧面（不同的规则、时段或关键字）：\n");
    for judged in others {
        let alert = &judged.alert;
        let _ = writeln!(
            out,
            "  {}  {} [{}]：{} 条，平常 {:.1} 条",
            minute(alert.starts_at),
            key_name(&alert.key),
            alert.rule,
            alert.current,
            alert.reference,
        );
    }
    out
}

/// Why three tempting things are not alerts.
pub fn non_events(found: &NonEvents) -> String {
    let percent = |change: Change| format!("{:+.0}%", change.increase_percent());
    let told = |change: Change| {
        format!(
            "平常每周 {:.0} 条，这一周 {} 条（{}）",
            change.usual,
            change.now,
            percent(change)
        )
    };
    format!(
        "三件看着像、其实不是的事，都没有告警：\n\
         \x20 1. 爬虫新加了关键词「家电避雷」，一周带来 {} 条。\n\
         \x20    简单地数：{}{}。\n\
         \x20    只比较前后都听过的来源：{}。听得多了，不是坏得多了。\n\
         \x20 2. 一个扫地机的段子被转了 {} 次，每条都算负面。\n\
         \x20    简单地数：{}{}。\n\
         \x20    一样的话只算一次：{}。\n\
         \x20 3. 国庆长假，大家都在说话：{}；\n\
         \x20    {}{}。没有到 +200%，而且夸不是问题。\n",
        found.keyword_items,
        aspect_title(&found.keyword.aspect),
        told(found.keyword.naive),
        told(found.keyword.sound),
        found.joke_posts,
        aspect_title(&found.joke.aspect),
        told(found.joke.naive),
        told(found.joke.sound),
        told(found.holiday),
        aspect_title("logistics+"),
        told(found.holiday_logistics),
    )
}

/// Three requests that work, for the terminal.
pub fn requests(client: &Client, alert: Option<&AlertRecord>) -> Vec<String> {
    let search = match alert {
        Some(alert) => format!(
            "{}/api/v1/search?{}&limit=3&facets=source,region",
            client.base(),
            alert.search
        ),
        None => client.url("/api/v1/search", &[("q", "登录失败"), ("limit", "3")]),
    };
    vec![
        client.url("/api/v1/alerts", &[("state", "firing")]),
        search,
        client.url(
            "/api/v1/trends",
            &[
                ("by", "aspect_polarity"),
                ("where", "登录 sentiment:negative"),
                ("bucket", "day"),
            ],
        ),
    ]
}

/// The requests as commands to copy.
pub fn requests_text(urls: &[String]) -> String {
    let commands: Vec<String> = urls.iter().map(|url| format!("  curl -s '{url}'")).collect();
    format!("自己问问看：\n{}\n", commands.join("\n"))
}

/// The figures at the end.
pub fn closing(report: &Report, balance: &Balance) -> String {
    format!(
        "{RULER}\n{} 条记录（{} 条读成条目，{} 条跳过，{} 条死信），{} 个条目（新增 {}，更新 {}，重复旧版本 {}），{} 次告警，{:.1} 秒。\n\
         API：{}\n",
        report.records,
        balance.mapped,
        balance.skipped,
        balance.dead_letter,
        report.items,
        balance.inserted,
        balance.updated,
        balance.stale,
        report.alerts.len(),
        report.seconds,
        report.api,
    )
}

fn increase(alert: &AlertRecord) -> String {
    alert
        .increase_pct
        .map_or_else(|| "此前没有".into(), |percent| format!("{percent:+.0}%"))
}

fn shares<'a>(
    split: &'a BTreeMap<String, BTreeMap<String, u64>>,
    dimension: &str,
    title: impl Fn(&'a str) -> &'a str,
) -> String {
    let mut counts: Vec<(&str, u64)> = split
        .get(dimension)
        .map(|values| values.iter().map(|(value, count)| (value.as_str(), *count)).collect())
        .unwrap_or_default();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    counts
        .into_iter()
        .take(SHARES_SHOWN)
        .map(|(value, count)| format!("{} {count}", if value.is_empty() { "未知" } else { title(value) }))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// `10月13日 14:00`
pub fn minute(at_ms: i64) -> String {
    let text = local_text(at_ms);
    match (text.get(5..7), text.get(8..10), text.get(11..16)) {
        (Some(month), Some(day), Some(time)) => {
            format!(
                "{}月{}日 {time}",
                month.trim_start_matches('0'),
                day.trim_start_matches('0')
            )
        }
        _ => text,
    }
}

fn shortened(text: &str) -> String {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= SAMPLE_CHARACTERS {
        return flat;
    }
    flat.chars().take(SAMPLE_CHARACTERS).chain(['…']).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::alert::{ALERT_SCHEMA, AlertState, CountPair, Interval, Summary, TermOdds};

    /// An alert as the story's looks.
    pub(in crate::demo) fn alert() -> AlertRecord {
        let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_string(), *n)).collect();
        AlertRecord {
            schema: ALERT_SCHEMA.into(),
            id: "0".repeat(32),
            rule: "spike_7d".into(),
            kind: "spike".into(),
            key: BTreeMap::from([
                ("aspect_polarity".into(), "function-".into()),
                ("brand".into(), COMPANY.into()),
            ]),
            state: AlertState::Firing,
            starts_at: 1_791_903_600_000,
            ends_at: None,
            evaluated_at: 1_792_339_200_000,
            current: 180,
            reference: 30.5,
            increase_pct: Some(490.2),
            ratio: Some(5.9),
            ci95: [4.8, 7.2],
            p: 3.2e-41,
            q: 1e-39,
            phi: 1.3,
            authors: 171,
            raw: CountPair {
                current: 190,
                reference: 32.0,
            },
            window: Interval {
                from: 1_791_734_400_000,
                to: 1_792_339_200_000,
            },
            reference_window: Interval {
                from: 1_786_896_000_000,
                to: 1_791_734_400_000,
            },
            last_week: Some(29),
            top_terms: vec![
                TermOdds {
                    term: "登录".into(),
                    log_odds: 2.1,
                },
                TermOdds {
                    term: "更新".into(),
                    log_odds: 1.9,
                },
            ],
            split: BTreeMap::from([
                (
                    "source".into(),
                    counts(&[("app_review", 90), ("weibo", 50), ("complaint", 40)]),
                ),
                ("region".into(), counts(&[("广东", 30), ("江苏", 22), ("", 5)])),
            ]),
            samples: vec!["appstore:review:1".into()],
            search: "q=brand%3A%E6%9E%A5%E5%B1%BF+aspect_polarity%3Afunction-+%28sentiment%3Anegative%29&from=1791734400000&to=1792339200000".into(),
            annotation: None,
            owner: Some("APP研发组".into()),
            priority: "P0".into(),
            due_at: 1_791_910_000_000,
            severity: "critical".into(),
            summary: Summary::default(),
            model_version: "fast 1".into(),
            paged: true,
        }
    }

    #[test]
    fn the_alert_tells_its_evidence_in_chinese() {
        let judged = Judged {
            alert: alert(),
            items: 190,
            about_login: 160,
        };
        let sample = Sample {
            text: "更新之后登录失败".into(),
            source: "App Store".into(),
            region: "广东".into(),
            at_ms: 1_792_000_000_000,
        };
        let told = super::alert(&judged, &[sample]);
        for expected in [
            "功能缺陷（负面） · 枥屿",
            "本期 180 条（10月12日 00:00 至 10月19日 00:00），参照 30.5 条",
            "上周 29 条",
            "+490%，即 5.9 倍，95% 置信区间 4.8 至 7.2 倍",
            "p = 3e-41",
            "171 位不同的作者",
            "主要词  登录、更新",
            "应用商店 90 · 微博 50 · 投诉平台 40",
            "广东 30 · 江苏 22 · 未知 5",
            "APP研发组",
            "1. 「更新之后登录失败」",
            "App Store · 广东 · ",
        ] {
            assert!(told.contains(expected), "{expected} is missing in\n{told}");
        }
    }

    #[test]
    fn long_texts_are_cut_at_characters() {
        let long = "登录失败".repeat(60);
        assert_eq!(shortened(&long).chars().count(), SAMPLE_CHARACTERS + 1);
        assert_eq!(shortened("a \n b"), "a b");
    }

    #[test]
    fn the_requests_are_complete_urls() {
        let client = Client::new("http://127.0.0.1:7700");
        let requests = requests(&client, Some(&alert()));
        assert_eq!(requests.len(), 3);
        for request in &requests {
            assert!(url::Url::parse(request).is_ok(), "{request}");
            assert!(!request.contains(['\'', ' ']), "{request}");
        }
    }
}
