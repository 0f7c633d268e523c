//! Segment alone: tokens of title and text, and terms. Budget 3 µs of CPU an item.

mod stage;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use qingting::segment::Segmenter;
use std::hint::black_box;

const ITEMS: usize = 4_000;

fn segment(criterion: &mut Criterion) {
    let items = stage::clean_items(ITEMS);
    let segmenter = Segmenter::new();
    let mut copies: Vec<_> = (0..6).map(|_| items.clone()).collect();
    stage::report("segment", 3.0, items.len(), 5, || {
        let segmented: Vec<_> = copies
            .pop()
            .unwrap_or_default()
            .into_iter()
            .map(|item| segmenter.segment(item))
            .collect();
        black_box(&segmented);
    });
    let jieba = jieba_rs::Jieba::new();
    stage::report("of which jieba itself", 3.0, items.len(), 5, || {
        for item in &items {
            black_box(jieba.cut_for_search(&item.item.text, true));
        }
    });
    let mut group = criterion.benchmark_group("segment");
    group
        .throughput(Throughput::Elements(items.len() as u64))
        .sample_size(20);
    group.bench_function("items of real length", |bencher| {
        bencher.iter_batched(
            || items.clone(),
            |items| {
                items
                    .into_iter()
                    .map(|item| segmenter.segment(item))
                    .collect::<Vec<_>>()
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, segment);
criterion_main!(benches);
