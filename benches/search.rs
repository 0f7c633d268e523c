//! Searches on 100,000 invented reviews in a RAM index, with the real segmenter and schema.

use criterion::{Criterion, criterion_group, criterion_main};
use qingting::config::SearchConfig;
use qingting::index::schema::{self, Fields};
use qingting::index::{prepare, register_tokenizer};
use qingting::item::{
    ANALYZED_SCHEMA, AnalyzedItem, AnalyzedRecord, Aspect, Item, ItemPosition, Precision, RecordPosition, Tokens,
};
use qingting::search::{IndexView, Query, SearchContext, SearchRequest};
use qingting::segment::Segmenter;
use std::hint::black_box;
use std::time::Duration;
use tantivy::{Index, TantivyDocument};

const DOCUMENTS: u64 = 100_000;
const START_MS: i64 = 1_735_660_800_000;
const OPENINGS: [&str; 8] = [
    "用了一个星期",
    "昨天刚收到货",
    "给家里老人买的",
    "第二次回购了",
    "客服说今天处理",
    "对比了好几家",
    "朋友推荐的",
    "活动价入手",
];
const BODIES: [&str; 12] = [
    "快递太慢了，等了整整五天",
    "质量不错，做工很细致",
    "屏幕有划痕，要求退货",
    "电池掉电很快，半天就没电",
    "包装破损，里面的配件也少了",
    "客服态度很差，一直踢皮球",
    "声音清晰，连接稳定",
    "登录失败，验证码收不到",
    "价格比实体店便宜不少",
    "颜色和图片不一样",
    "安装师傅很专业，讲解耐心",
    "更新以后经常闪退",
];
const ENDINGS: [&str; 6] = [
    "，希望尽快解决。",
    "，整体满意。",
    "，不推荐购买！",
    "，先用着看看。",
    "，会继续关注。",
    "，还是挺好的。",
];

fn limits() -> SearchConfig {
    SearchConfig {
        max_depth: 32,
        max_clauses: 256,
        max_query_bytes: 8_192,
        deadline: Duration::from_secs(10),
        concurrency: 1,
    }
}

fn pick<'a>(list: &[&'a str], number: u64) -> &'a str {
    list[(number % list.len() as u64) as usize]
}

fn record(number: u64) -> AnalyzedRecord {
    // A cheap scatter of the running number.
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let mut record = AnalyzedRecord {
        item: Item {
            schema: ANALYZED_SCHEMA.to_owned(),
            id: format!("shop:review:{number}"),
            text: [
                pick(&OPENINGS, scattered),
                "，",
                pick(&BODIES, scattered >> 8),
                "，",
                pick(&BODIES, scattered >> 16),
                pick(&ENDINGS, scattered >> 24),
            ]
            .concat(),
            published_at: Some(START_MS + (scattered % 31_536_000) as i64 * 1_000),
            published_precision: Precision::Second,
            collected_at: START_MS + 31_536_000_000,
            ..Item::default()
        },
        position: ItemPosition::whole(RecordPosition::File {
            file: "bench.ndjson".into(),
            record: number,
        }),
        pipeline_version: "1".to_owned(),
        analysis: Default::default(),
    };
    record.item.source.platform = pick(&["jd", "xhs", "weibo", "dy"], scattered >> 3).to_owned();
    record.item.subject.brand = Some(format!("品牌{}", scattered % 40));
    record.item.author.id = Some(format!("author-{}", scattered % 20_000));
    record.analysis.sentiment.label = pick(&["negative", "positive", "neutral"], scattered >> 5).to_owned();
    record.analysis.priority_hint = pick(&["P0", "P1", "P2", "P3"], scattered >> 7).to_owned();
    record.analysis.valid.label = true;
    record.analysis.aspects = vec![Aspect {
        aspect: pick(
            &["logistics", "quality", "service", "price", "function"],
            scattered >> 9,
        )
        .to_owned(),
        polarity: "negative".to_owned(),
        p: 0.9,
    }];
    record
}

fn document(record: AnalyzedRecord, fields: &Fields, segmenter: &Segmenter) -> Option<TantivyDocument> {
    let item = AnalyzedItem {
        source: 0,
        record_time_ms: record.item.collected_at,
        fingerprint: Default::default(),
        title_tokens: Tokens::default(),
        text_tokens: segmenter.tokens(&record.item.text),
        record,
    };
    Some(prepare(item).ok()?.document(fields, "shop", 0, true, false))
}

fn view(segmenter: &Segmenter) -> tantivy::Result<IndexView> {
    let (schema, fields) = schema::build();
    let index = Index::create_in_ram(schema);
    register_tokenizer(&index);
    let mut writer = index.writer_with_num_threads(1, 200_000_000)?;
    for number in 0..DOCUMENTS {
        if let Some(document) = document(record(number), &fields, segmenter) {
            writer.add_document(document)?;
        }
        if number % 20_000 == 19_999 {
            writer.commit()?;
        }
    }
    writer.commit()?;
    Ok(IndexView {
        searcher: index.reader()?.searcher(),
        fields,
        generation: 1,
    })
}

const SEARCHES: [(&str, &[(&str, &str)]); 9] = [
    ("one word, 20 hits", &[("q", "登录")]),
    ("two tokens, highlighted", &[("q", "快递慢"), ("highlight", "true")]),
    ("exact phrase", &[("q", "\"客服态度很差\"")]),
    (
        "words and filters, newest first",
        &[("q", "退货 sentiment:negative platform:jd"), ("sort", "time")],
    ),
    ("everything, newest first", &[("sort", "time")]),
    (
        "everything, four facets",
        &[("limit", "0"), ("facets", "brand,platform,sentiment,aspect_polarity")],
    ),
    (
        "everything, days of a year by sentiment",
        &[("limit", "0"), ("histogram", "day"), ("by", "sentiment")],
    ),
    (
        "a week of a year, facets and hours",
        &[
            ("limit", "20"),
            ("from", "2025-06-02"),
            ("to", "2025-06-09"),
            ("facets", "brand"),
            ("histogram", "hour"),
        ],
    ),
    ("200 hits", &[("q", "快递"), ("limit", "200"), ("sort", "time")]),
];

fn searches(criterion: &mut Criterion) {
    let segmenter = Segmenter::new();
    let Ok(view) = view(&segmenter) else {
        eprintln!("the index could not be built");
        return;
    };
    let limits = limits();
    let context = SearchContext {
        view: &view,
        tokenizer: &segmenter,
        zone: chrono_tz::Asia::Shanghai,
        limits: &limits,
        now_ms: START_MS,
    };
    let mut group = criterion.benchmark_group("search, 100,000 documents");
    for (name, pairs) in SEARCHES {
        let request = SearchRequest::from_pairs(pairs.iter().copied()).unwrap_or_default();
        let total = context.search(&request).map_or(0, |answer| answer.total);
        println!("{name}: {total} found");
        group.bench_function(name, |bencher| {
            bencher.iter(|| context.search(black_box(&request)).map(|answer| answer.total))
        });
    }
    group.finish();
}

/// What a rule's `where` costs an item of the stream.
fn filters(criterion: &mut Criterion) {
    let segmenter = Segmenter::new();
    let records: Vec<_> = (0..1_000).map(record).collect();
    let tokens: Vec<_> = records
        .iter()
        .map(|record| segmenter.tokens(&record.item.text))
        .collect();
    let no_title = Tokens::default();
    let mut group = criterion.benchmark_group("where, 1,000 items");
    for text in [
        "aspect:logistics- sentiment:negative",
        "快递慢 OR 登录失败",
        "\"客服态度\" -满意",
    ] {
        let bound = Query::parse(text, &limits()).and_then(|query| query.bind(&segmenter, chrono_tz::Asia::Shanghai));
        let Ok(filter) = bound else { continue };
        group.bench_function(text, |bencher| {
            bencher.iter(|| {
                let matched = records
                    .iter()
                    .zip(&tokens)
                    .filter(|(record, tokens)| filter.matches(record, &no_title, tokens, "shop"));
                black_box(matched.count())
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = searches, filters
}
criterion_main!(benches);
