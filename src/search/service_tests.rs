//! Searches on a RAM index, against what a plain loop over the records gives.

use super::testing::{PairTokenizer, aspect, index_of, limits, record};
use super::{BucketUnit, FacetField, IndexView, SearchContext, SearchRequest, SearchResponse, SeriesQuery};
use crate::config::SearchConfig;
use crate::item::{AnalyzedRecord, Count, Duplicate, Rating};
use chrono_tz::Asia::Shanghai;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;
/// 2025-11-01 00:00 in Shanghai, a Saturday.
const NOVEMBER: i64 = 1_761_926_400_000;

fn records() -> Vec<AnalyzedRecord> {
    (0..60)
        .map(|number| {
            let text = if number % 3 == 0 {
                "快递太慢"
            } else {
                "质量不错"
            };
            let mut record = record(&format!("jd:review:{number}"), text);
            record.item.subject.brand = Some(["甲", "乙", "丙"][number % 3].to_owned());
            record.item.published_at = (number % 10 != 9).then_some(NOVEMBER + (number as i64 / 4) * DAY_MS);
            record.item.engagement.insert(
                "like".to_owned(),
                Count {
                    n: (number as u64 * 7) % 13,
                    approx: false,
                },
            );
            record.analysis.priority_hint = format!("P{}", number % 4);
            record.analysis.aspects = vec![aspect("logistics", "negative"), aspect("logistics", "positive")];
            record.item.rating = Some(Rating {
                overall: Some((number % 5 + 1) as f64),
                ..Rating::default()
            });
            record.analysis.duplicate = (number % 7 == 0).then(Duplicate::default);
            record
        })
        .collect()
}

fn view() -> IndexView {
    let (searcher, fields) = index_of(&records());
    IndexView {
        searcher,
        fields,
        generation: 7,
    }
}

fn search_with(
    view: &IndexView,
    limits: &SearchConfig,
    pairs: &[(&str, &str)],
) -> Result<SearchResponse, super::SearchError> {
    let context = SearchContext {
        view,
        tokenizer: &PairTokenizer,
        zone: Shanghai,
        limits,
        now_ms: NOVEMBER + 7 * DAY_MS,
    };
    context.search(&SearchRequest::from_pairs(pairs.iter().copied())?)
}

fn search(view: &IndexView, pairs: &[(&str, &str)]) -> SearchResponse {
    search_with(view, &limits(), pairs).unwrap()
}

fn ids(response: &SearchResponse) -> Vec<String> {
    response.hits.iter().map(|hit| hit.id.clone()).collect()
}

#[test]
fn pages_of_a_cursor_hold_each_hit_once_in_every_order() {
    let view = view();
    for sort in ["relevance", "time", "priority", "engagement"] {
        let whole = search(&view, &[("q", "快递 OR 质量"), ("sort", sort), ("limit", "200")]);
        assert_eq!((whole.total, whole.hits.len(), whole.cursor.is_none()), (60, 60, true));
        let mut paged = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut pairs = vec![("q", "快递 OR 质量"), ("sort", sort), ("limit", "7")];
            if let Some(cursor) = &cursor {
                pairs.push(("cursor", cursor));
            }
            let page = search(&view, &pairs);
            assert_eq!(page.total, 60);
            paged.extend(ids(&page));
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(paged, ids(&whole), "{sort}");
        assert_eq!(paged.iter().collect::<BTreeSet<_>>().len(), 60);
    }
}

#[test]
fn orders_are_what_they_say() {
    let view = view();
    let field = |response: &SearchResponse, path: &str| -> Vec<serde_json::Value> {
        let items = response
            .hits
            .iter()
            .map(|hit| serde_json::from_str::<serde_json::Value>(hit.item.get()).unwrap());
        items
            .map(|item| item.pointer(path).cloned().unwrap_or_default())
            .collect()
    };
    let times = field(&search(&view, &[("sort", "time"), ("limit", "200")]), "/published_at");
    let times: Vec<i64> = times.iter().map(|time| time.as_i64().unwrap_or(i64::MIN)).collect();
    assert!(times.is_sorted_by(|left, right| left >= right));
    let priorities = field(
        &search(&view, &[("sort", "priority"), ("limit", "200")]),
        "/analysis/priority_hint",
    );
    assert!(priorities.iter().map(|value| value.as_str()).is_sorted());
    let likes = field(
        &search(&view, &[("sort", "engagement"), ("limit", "200")]),
        "/engagement/like/n",
    );
    assert!(
        likes
            .iter()
            .map(|value| value.as_u64())
            .is_sorted_by(|left, right| left >= right)
    );
    let scored = search(&view, &[("q", "快递太慢 OR 质量"), ("limit", "200")]);
    assert!(
        scored
            .hits
            .iter()
            .map(|hit| hit.score)
            .is_sorted_by(|left, right| left >= right)
    );
    assert!(scored.hits[0].score > 0.0);
}

#[test]
fn facets_and_histograms_are_exact_and_of_the_zone() {
    let view = view();
    let answer = search(
        &view,
        &[
            ("q", "快递"),
            ("limit", "0"),
            ("facets", "brand,aspect,rating,valid"),
            ("histogram", "week"),
            ("by", "priority"),
        ],
    );
    assert_eq!((answer.total, answer.hits.len(), answer.generation), (20, 0, 7));
    let facet = |name: &str| -> Vec<(String, u64)> {
        answer.facets[name]
            .iter()
            .map(|facet| (facet.value.clone(), facet.count))
            .collect()
    };
    assert_eq!(facet("brand"), [("甲".to_owned(), 20)]);
    assert_eq!(
        facet("aspect"),
        [("logistics".to_owned(), 20)],
        "twice in an item counts once"
    );
    assert_eq!(facet("valid"), [("true".to_owned(), 20)]);
    assert_eq!(facet("rating").iter().map(|(_, count)| count).sum::<u64>(), 20);
    let expected = records()
        .iter()
        .filter(|record| record.item.text.contains("快递"))
        .filter_map(|record| record.item.published_at)
        .fold(BTreeMap::new(), |mut weeks: BTreeMap<i64, u64>, at| {
            // The first Monday is the 27th of October.
            let week = (at - (NOVEMBER - 5 * DAY_MS)).div_euclid(7 * DAY_MS);
            *weeks.entry(NOVEMBER - 5 * DAY_MS + week * 7 * DAY_MS).or_default() += 1;
            weeks
        });
    let found: BTreeMap<i64, u64> = answer
        .histogram
        .iter()
        .map(|bucket| (bucket.from, bucket.count))
        .collect();
    assert_eq!(found, expected);
    for bucket in &answer.histogram {
        assert_eq!(bucket.by.values().sum::<u64>(), bucket.count);
    }
}

#[test]
fn windows_are_half_open_and_may_be_relative() {
    let view = view();
    let days = search(
        &view,
        &[
            ("from", "2025-11-02"),
            ("to", "2025-11-04"),
            ("histogram", "day"),
            ("limit", "0"),
        ],
    );
    assert_eq!(
        days.histogram.iter().map(|day| day.from).collect::<Vec<_>>(),
        [NOVEMBER + DAY_MS, NOVEMBER + 2 * DAY_MS]
    );
    assert_eq!(days.total, days.histogram.iter().map(|day| day.count).sum::<u64>());
    let relative = search(&view, &[("from", "now-6d"), ("to", "now-4d"), ("limit", "0")]);
    assert_eq!(relative.total, days.total);
    let empty = search(&view, &[("from", "2025-11-04"), ("to", "2025-11-02")]);
    assert_eq!(empty.total, 0);
    let hollow = search(
        &view,
        &[("from", "2024-01-01"), ("to", "2024-01-08"), ("histogram", "day")],
    );
    assert_eq!((hollow.histogram.len(), hollow.total), (7, 0));
}

#[test]
fn highlights_mark_title_and_text() {
    let view = view();
    let answer = search(&view, &[("q", "快递"), ("highlight", "true"), ("limit", "1")]);
    assert_eq!(answer.hits[0].fragments["text"], ["<em>快递</em>太慢"]);
    assert!(
        search(&view, &[("q", "快递"), ("limit", "1")]).hits[0]
            .fragments
            .is_empty()
    );
}

#[test]
fn what_cannot_be_answered_in_bounds_is_refused() {
    let view = view();
    let hours = [("from", "1990"), ("to", "2025"), ("histogram", "hour")];
    assert_eq!(
        search_with(&view, &limits(), &hours).unwrap_err().code(),
        "too_many_buckets"
    );
    let mut hurried = limits();
    hurried.deadline = Duration::ZERO;
    let late = search_with(&view, &hurried, &[("q", "快递")]).unwrap_err();
    assert_eq!((late.code(), late.status()), ("deadline", 408));
    let first = search(&view, &[("q", "快递"), ("limit", "2")]);
    let cursor = first.cursor.unwrap();
    let other = search_with(&view, &limits(), &[("q", "质量"), ("cursor", &cursor)]).unwrap_err();
    assert_eq!(other.code(), "bad_cursor");
}

#[test]
fn an_item_is_found_by_its_id_and_a_tombstone_is_not() {
    let view = view();
    let limits = limits();
    let context = SearchContext {
        view: &view,
        tokenizer: &PairTokenizer,
        zone: Shanghai,
        limits: &limits,
        now_ms: 0,
    };
    let item = context.item("jd:review:3").unwrap().unwrap();
    assert_eq!(
        serde_json::from_str::<AnalyzedRecord>(item.get()).unwrap(),
        records()[3]
    );
    assert!(context.item("gone").unwrap().is_none());
    assert!(context.item("").unwrap().is_none());
}

#[test]
fn a_series_of_the_index_counts_what_trends_count() {
    let view = view();
    let limits = limits();
    let context = SearchContext {
        view: &view,
        tokenizer: &PairTokenizer,
        zone: Shanghai,
        limits: &limits,
        now_ms: 0,
    };
    let mut query = SeriesQuery {
        where_query: "快递",
        by: FacetField::named("brand"),
        bucket: BucketUnit::Day,
        from_ms: None,
        to_ms: None,
        deduplicated: false,
    };
    let count = |query: &SeriesQuery<'_>| -> u64 {
        context
            .series(query)
            .unwrap()
            .iter()
            .flat_map(|(_, points)| points)
            .map(|(_, count)| count)
            .sum()
    };
    let usable = |record: &&AnalyzedRecord| record.item.text.contains("快递") && record.item.published_at.is_some();
    let all = records();
    assert_eq!(count(&query), all.iter().filter(usable).count() as u64);
    query.deduplicated = true;
    query.by = None;
    let first = all
        .iter()
        .filter(usable)
        .filter(|record| record.analysis.duplicate.is_none());
    assert_eq!(count(&query), first.count() as u64);
    (query.bucket, query.from_ms) = (BucketUnit::Week, Some(NOVEMBER));
    let monday = NOVEMBER + 2 * DAY_MS;
    assert_eq!(
        context.series(&query).unwrap()[0].1[0].0,
        monday,
        "a week that began before is not cut in two"
    );
}
