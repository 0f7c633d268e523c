//! Classify alone: features, ONNX Runtime and decoding, in the batches of a worker. Budget 18 µs of CPU an item.
#![allow(clippy::expect_used)] // a measuring program's own way to fail

mod stage;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qingting::classify::Model;
use qingting::config::ModelConfig;
use qingting::segment::Segmenter;
use std::hint::black_box;

const ITEMS: usize = 4_000;
/// Items that a worker hands over at once.
const BATCH: usize = 256;

fn classify(criterion: &mut Criterion) {
    let segmenter = Segmenter::new();
    let items: Vec<_> = stage::clean_items(ITEMS)
        .into_iter()
        .map(|item| segmenter.segment(item))
        .collect();
    let model = Model::load(&ModelConfig::named("fast")).expect("the model loads: run scripts/setup.sh");
    let mut classifier = model.classifier().expect("a session");
    let mut all = || {
        for batch in items.chunks(BATCH) {
            black_box(classifier.classify(batch).expect("the session runs"));
        }
    };
    stage::report("classify", 18.0, items.len(), 6, &mut all);
    let mut group = criterion.benchmark_group("classify");
    group
        .throughput(Throughput::Elements(items.len() as u64))
        .sample_size(20);
    group.bench_function("items of real length", |bencher| bencher.iter(&mut all));
    group.finish();
}

criterion_group!(benches, classify);
criterion_main!(benches);
