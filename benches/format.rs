//! Format alone: one record → its items, against 4 µs an item.

mod real_texts;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use qingting::config::SourceConfig;
use qingting::format::{FormatOutcome, Formats};
use qingting::item::{RawRecord, RecordPosition};
use std::hint::black_box;

const BUDGET_US: f64 = 4.0;

fn source(format: &str) -> SourceConfig {
    SourceConfig::reading("bench", format)
}

/// A record in a format's own shape around a text.
fn payload(format: &str, number: usize, text: &str) -> Vec<u8> {
    let value = match format {
        "item" => serde_json::json!({
            "schema": "qingting.item/1", "native_id": format!("69080a{number:018}"), "version": 1762391525731i64,
            "source": {"kind": "social", "platform": "xiaohongshu", "format": "x/1", "role": "comment"},
            "author": {"id": format!("u{number}"), "name": "某***人", "region": "上海"}, "text": text,
            "subject": {"brand": "甲", "product": "乙"}, "rating": {"overall": 4, "raw": "4", "scale": "1-5"},
            "published_at": 1762146131000i64, "collected_at": 1762391525731i64,
            "engagement": {"like": {"n": 236, "approx": false}},
        }),
        "mediacrawler_xhs_comment" => serde_json::json!({
            "comment_id": format!("69080a{number:018}"), "create_time": 1762146131000i64, "note_id": "690801aa000000000d03b1c1",
            "content": text, "creator_hash": "f795c7526b290a6f", "nickname": "某***人", "sub_comment_count": "12",
            "pictures": "", "parent_comment_id": "", "last_modify_ts": 1762391525731i64, "like_count": "236",
        }),
        _ => serde_json::json!({
            "id": 20681890470u64 + number as u64, "topped": 0, "guid": "78b01dfb5f029cf486417ca02cf79720", "content": text,
            "creationTime": "2025-11-03 12:30:00", "isDelete": false, "isTop": false, "referenceId": "100000000001",
            "referenceName": "甲 R7 扫拖一体机器人 自动上下水 白色", "referenceTime": "2025-10-27 12:30:00",
            "referenceType": "Product", "firstCategory": 737, "secondCategory": 794, "thirdCategory": 798, "replyCount": 2,
            "score": 5, "imageStatus": 1, "title": "", "usefulVoteCount": 31, "uselessVoteCount": 0, "userLevelId": "105",
            "userProvince": "", "viewCount": 0, "orderId": 0, "nickname": "j***8", "userClient": 4, "productColor": "白色",
            "productSize": "自动上下水版", "imageCount": 3, "anonymousFlag": 1, "userLevelName": "PLUS会员",
            "plusAvailable": 201, "mobileVersion": "", "recommend": true, "isMobile": true, "location": "上海", "days": 7,
            "afterDays": 0, "productId": 100000000001u64,
        }),
    };
    value.to_string().into_bytes()
}

fn records(format: &str, texts: &[String]) -> Vec<RawRecord> {
    texts
        .iter()
        .enumerate()
        .map(|(number, text)| RawRecord {
            source: 0,
            position: RecordPosition::Kafka {
                topic: "bench".into(),
                partition: 0,
                offset: number as i64,
            },
            record_time_ms: 1_762_391_526_000,
            key: None,
            headers: Vec::new(),
            payload: Some(payload(format, number, text)),
            unreadable: None,
        })
        .collect()
}

fn bench(criterion: &mut Criterion) {
    let (Some(texts), Ok(formats)) = (real_texts::load(), Formats::builtin()) else {
        println!("format: no shared data, nothing measured");
        return;
    };
    let mut group = criterion.benchmark_group("format");
    group
        .throughput(Throughput::Elements(texts.len() as u64))
        .sample_size(20);
    for (format, shape) in [
        ("item", "item"),
        ("mediacrawler_xhs_comment", "mediacrawler_xhs_comment"),
        ("jd_comment", "jd_comment"),
        ("auto", "jd_comment"),
    ] {
        let records = records(shape, &texts);
        let source = source(format);
        let mut out = FormatOutcome::default();
        let mut run = || {
            for record in &records {
                formats.read(black_box(record), &source, &mut out);
                assert_eq!(out.changes.len(), 1, "{:?}", out.dead_letters);
                black_box(&out);
            }
        };
        real_texts::report(&format!("format {format}"), &texts, BUDGET_US, &mut run);
        group.bench_function(BenchmarkId::from_parameter(format), |bencher| bencher.iter(&mut run));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
