//! The trend stage alone: counting an item (budget 2 µs), looking at an hour boundary, and the counts again from the index.
//!
//! `TREND_BENCH_DOCUMENTS` sets the size of the index of the rebuild (default 200,000); the rate is per document.

#![allow(clippy::expect_used)] // a measuring program's own way to fail

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use qingting::config::Config;
use qingting::index::schema::{self, Fields};
use qingting::index::{aspect_polarity, rating_tenths, register_tokenizer};
use qingting::item::{AnalyzedRecord, Aspect, ItemPosition, ModelRef, Precision, RecordPosition};
use qingting::segment::Segmenter;
use qingting::trend::{Contribution, Sign, TrendEngine, is_voice};
use std::collections::BTreeMap;
use std::hint::black_box;
use tantivy::{DateTime, Index, TantivyDocument};

const START_MS: i64 = 1_736_092_800_000;
const WEEKS: u64 = 10;
const HOUR_MS: i64 = 3_600_000;
const ASPECTS: [&str; 16] = [
    "quality",
    "function",
    "performance",
    "effect",
    "authenticity",
    "safety",
    "appearance",
    "response",
    "attitude",
    "after_sales",
    "usability",
    "environment",
    "logistics",
    "packaging",
    "price",
    "billing",
];

/// A seeded generator of our own: the same items on every machine.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (value ^ (value >> 31)) % n
    }
}

/// One of `all` items spread over ten weeks.
fn record(number: u64, all: u64, draws: &mut Draws) -> AnalyzedRecord {
    let at_ms = START_MS + (number as i128 * i128::from(WEEKS as i64 * 168 * HOUR_MS) / all as i128) as i64;
    let mut item = qingting::item::Item {
        id: format!("jd:review:{number}"),
        native_id: number.to_string(),
        published_at: Some(at_ms),
        published_precision: Precision::Second,
        collected_at: at_ms,
        version: at_ms,
        ..Default::default()
    };
    item.source.kind = ["review", "social", "app_review"][draws.below(3) as usize].to_owned();
    item.source.platform = ["jd", "tmall", "weibo", "xiaohongshu"][draws.below(4) as usize].to_owned();
    item.source.role = "review".to_owned();
    item.source.touchpoint = Some("order_page".to_owned());
    item.subject.brand = Some(format!("品牌{}", draws.below(6)));
    item.subject.version = Some(format!("{}.{}", draws.below(5), draws.below(12)));
    item.author.region = Some(format!("省{}", draws.below(34)));
    item.author.segment = Some(format!("群{}", draws.below(4)));
    item.rating = Some(qingting::item::Rating {
        overall: Some(1.0 + draws.below(5) as f64),
        ..Default::default()
    });
    let mut analysis = qingting::item::Analysis::default();
    let negative = draws.below(10) < 3;
    analysis.sentiment.label = if negative { "negative" } else { "positive" }.to_owned();
    analysis.severity.label = ["urgent", "normal", "minor", "none"][draws.below(4) as usize].to_owned();
    analysis.intent.label = if negative { "complaint" } else { "praise" }.to_owned();
    analysis.valid.label = draws.below(10) > 0;
    for _ in 0..=draws.below(2) {
        analysis.aspects.push(Aspect {
            aspect: ASPECTS[draws.below(16) as usize].to_owned(),
            polarity: if negative { "negative" } else { "positive" }.to_owned(),
            p: 0.9,
        });
    }
    analysis.model = ModelRef {
        name: "fast".to_owned(),
        version: "1".to_owned(),
    };
    AnalyzedRecord {
        item,
        position: ItemPosition::whole(RecordPosition::Kafka {
            topic: "voices".into(),
            partition: 0,
            offset: number as i64,
        }),
        pipeline_version: "1".to_owned(),
        analysis,
    }
}

fn engine() -> TrendEngine {
    // Without rules of its own a configuration has the built-in ones.
    let config = Config::parse("", &BTreeMap::new()).expect("an empty configuration is valid");
    TrendEngine::new(&config, &Segmenter::new()).expect("the built-in rules are valid")
}

fn document(fields: &Fields, record: &AnalyzedRecord) -> TantivyDocument {
    let at_ms = record.item.published_at.unwrap_or(0);
    let mut document = TantivyDocument::new();
    let singles = [
        ("source", Some("评价")),
        ("platform", Some(record.item.source.platform.as_str())),
        ("kind", Some(record.item.source.kind.as_str())),
        ("brand", record.item.subject.brand.as_deref()),
        ("region", record.item.author.region.as_deref()),
        ("touchpoint", record.item.source.touchpoint.as_deref()),
        ("segment", record.item.author.segment.as_deref()),
        ("version", record.item.subject.version.as_deref()),
        ("sentiment", Some(record.analysis.sentiment.label.as_str())),
        ("severity", Some(record.analysis.severity.label.as_str())),
        ("intent", Some(record.analysis.intent.label.as_str())),
    ];
    for (name, value) in singles {
        let place = schema::SINGLE_DIMENSIONS.iter().position(|other| *other == name);
        if let (Some(place), Some(value)) = (place, value) {
            document.add_text(fields.single[place], value);
        }
    }
    for aspect in &record.analysis.aspects {
        document.add_text(fields.multi[0], &aspect.aspect);
        document.add_text(fields.multi[1], aspect_polarity(aspect));
    }
    document.add_text(fields.topic, "voices");
    document.add_u64(fields.rating, rating_tenths(record));
    document.add_bool(fields.valid, record.analysis.valid.label);
    document.add_bool(fields.voice, is_voice(record));
    document.add_bool(fields.duplicate, false);
    document.add_bool(fields.tombstone, false);
    document.add_date(fields.published_at, DateTime::from_timestamp_millis(at_ms));
    document.add_date(fields.record_time, DateTime::from_timestamp_millis(at_ms + 60_000));
    document.add_u64(fields.precision, 0);
    document
}

fn counting(criterion: &mut Criterion) {
    let mut draws = Draws(1);
    let all = 1_000_000;
    let records: Vec<_> = (0..20_000).map(|n| record(n * 50, all, &mut draws)).collect();
    let filled = engine();
    let contributions: Vec<Contribution> = records
        .iter()
        .map(|record| {
            let at_ms = record.item.published_at.unwrap_or(0) + 60_000;
            filled.contribution(record, "评价", at_ms, None)
        })
        .collect();
    let mut group = criterion.benchmark_group("trend");
    group.throughput(Throughput::Elements(contributions.len() as u64));
    group.bench_function("contribution", |bencher| {
        bencher.iter(|| {
            for record in &records {
                black_box(filled.contribution(record, "评价", START_MS, None));
            }
        });
    });
    group.bench_function("apply", |bencher| {
        bencher.iter_batched_ref(
            engine,
            |engine| {
                for contribution in &contributions {
                    engine.apply(contribution, Sign::Plus);
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
    let mut engine = filled;
    for number in 0..300_000 {
        let record = record(number, 300_000, &mut draws);
        let at_ms = record.item.published_at.unwrap_or(0) + 60_000;
        let contribution = engine.contribution(&record, "评价", at_ms, None);
        engine.apply(&contribution, Sign::Plus);
    }
    let boundary_ms = START_MS + WEEKS as i64 * 168 * HOUR_MS;
    let mut group = criterion.benchmark_group("trend");
    group.bench_function("wants_evaluation", |bencher| {
        bencher.iter(|| black_box(engine.wants_evaluation(boundary_ms)));
    });
    group.bench_function("digest", |bencher| bencher.iter(|| black_box(engine.digest())));
    eprintln!(
        "300,000 items: {} keys, {} bytes of counts",
        engine.keys(),
        engine.heap_bytes()
    );
    group.finish();
}

fn rebuilding(criterion: &mut Criterion) {
    let documents = std::env::var("TREND_BENCH_DOCUMENTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200_000_u64);
    let (schema, fields) = schema::build();
    let index = Index::create_in_ram(schema);
    register_tokenizer(&index);
    let mut writer = index.writer_with_num_threads(1, 100_000_000).expect("a writer");
    let mut draws = Draws(2);
    for number in 0..documents {
        let record = record(number, documents, &mut draws);
        writer.add_document(document(&fields, &record)).expect("a document");
    }
    writer.commit().expect("a commit");
    let searcher = index.reader().expect("a reader").searcher();
    let mut group = criterion.benchmark_group("trend");
    group.sample_size(10);
    group.throughput(Throughput::Elements(documents));
    group.bench_function("rebuild", |bencher| {
        bencher.iter_batched_ref(
            engine,
            |engine| engine.rebuild(&searcher, &fields).expect("a readable index"),
            BatchSize::PerIteration,
        );
    });
    let mut rebuilt = engine();
    rebuilt.rebuild(&searcher, &fields).expect("a readable index");
    eprintln!(
        "{documents} documents: {} keys, {} bytes of counts",
        rebuilt.keys(),
        rebuilt.heap_bytes()
    );
    group.finish();
}

criterion_group!(benches, counting, rebuilding);
criterion_main!(benches);
