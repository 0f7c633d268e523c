//! Normalize alone: a mapped item → a clean one, against 10 µs an item.

mod real_texts;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use qingting::item::{Item, ItemPosition, MappedItem, RecordPosition};
use qingting::normalize::{Normalizer, clean_text};
use std::hint::black_box;

const BUDGET_US: f64 = 10.0;

fn mapped(number: usize, text: &str) -> MappedItem {
    let mut item = Item {
        id: format!("jd:review:{number}"),
        native_id: number.to_string(),
        text: text.to_owned(),
        published_at: Some(1_762_146_131_000),
        collected_at: 1_762_391_525_731,
        ..Item::default()
    };
    item.source.platform = "jd".to_owned();
    item.author.name = Some("某***人".to_owned());
    item.author.region = Some("上海".to_owned());
    item.subject.product = Some("甲 R7 扫拖一体机器人 自动上下水 白色".to_owned());
    MappedItem {
        item,
        source: 0,
        position: ItemPosition::whole(RecordPosition::Kafka {
            topic: "bench".into(),
            partition: 0,
            offset: number as i64,
        }),
        record_time_ms: 1_762_391_526_000,
        native_author_id: Some(format!("u{number}")),
    }
}

fn bench(criterion: &mut Criterion) {
    let Some(texts) = real_texts::load() else {
        println!("normalize: no shared data, nothing measured");
        return;
    };
    let normalizer = Normalizer::new(b"a key of sixteen", chrono_tz::Asia::Shanghai);
    let items: Vec<MappedItem> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| mapped(number, text))
        .collect();
    let run = |items: Vec<MappedItem>| {
        for item in items {
            black_box(normalizer.normalize(item));
        }
    };
    // the copy that each round needs is not the stage's cost
    let mut copies = vec![items.clone(); 6];
    real_texts::report("normalize", &texts, BUDGET_US, || run(copies.pop().unwrap_or_default()));
    real_texts::report("of it: clean_text of the text", &texts, BUDGET_US, || {
        texts.iter().for_each(|text| {
            black_box(clean_text(text));
        });
    });
    let mut group = criterion.benchmark_group("normalize");
    group
        .throughput(Throughput::Elements(texts.len() as u64))
        .sample_size(20);
    group.bench_function("items", |bencher| {
        bencher.iter_batched(|| items.clone(), run, BatchSize::LargeInput)
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
