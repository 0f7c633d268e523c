//! What the benches of the stages share: texts of real length, and the line that holds a stage to its budget row.

use qingting::item::{CleanItem, Item, ItemPosition, ItemSource, MappedItem, RecordPosition};
use qingting::normalize::Normalizer;
use qingting::telemetry::thread_cpu_seconds;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// Items of a bench: a sample over all files of real texts, else invented sentences of like length.
pub fn clean_items(count: usize) -> Vec<CleanItem> {
    let texts = real_texts(count).unwrap_or_else(|| {
        println!("no shared texts found: invented sentences are measured");
        invented_texts(count)
    });
    let normalizer = Normalizer::new(b"bench of a stage", chrono_tz::Asia::Shanghai);
    let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
    println!(
        "{} texts, {:.0} characters each on average",
        texts.len(),
        characters as f64 / texts.len() as f64
    );
    texts
        .into_iter()
        .enumerate()
        .map(|(number, text)| normalizer.normalize(mapped(number as u64, text)))
        .collect()
}

/// Prints the stage's CPU an item beside its row of the budget: the least of `rounds` rounds over all items.
pub fn report(stage: &str, budget_microseconds: f64, items: usize, rounds: usize, mut round: impl FnMut()) {
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let before = thread_cpu_seconds();
        round();
        least = least.min((thread_cpu_seconds() - before) * 1e6 / items as f64);
    }
    println!("{stage}: {least:.2} µs of CPU an item (budget {budget_microseconds} µs)");
}

fn mapped(number: u64, text: String) -> MappedItem {
    MappedItem {
        item: Item {
            id: format!("bench:review:{number}"),
            native_id: number.to_string(),
            text,
            source: ItemSource {
                kind: "review".to_owned(),
                platform: "bench".to_owned(),
                role: "review".to_owned(),
                ..ItemSource::default()
            },
            ..Item::default()
        },
        source: 0,
        position: ItemPosition::whole(RecordPosition::File {
            file: "bench".into(),
            record: number,
        }),
        record_time_ms: 0,
        native_author_id: None,
    }
}

fn real_texts(count: usize) -> Option<Vec<String>> {
    let shared = std::env::var_os("QINGTING_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let mut files: Vec<PathBuf> = std::fs::read_dir(shared.join("data/raw"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.gz"))
        // words with spaces between them are no real texts
        .filter(|path| !path.to_string_lossy().contains("segmented"))
        .collect();
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let lines = BufReader::new(flate2::read::MultiGzDecoder::new(std::fs::File::open(file).ok()?)).lines();
        for line in lines {
            let row: serde_json::Value = serde_json::from_str(&line.ok()?).ok()?;
            texts.push(row.get("text")?.as_str()?.to_owned());
        }
    }
    let step = (texts.len() / count).max(1);
    let sample: Vec<String> = texts.into_iter().step_by(step).take(count).collect();
    (!sample.is_empty()).then_some(sample)
}

fn invented_texts(count: usize) -> Vec<String> {
    const SENTENCES: [&str; 6] = [
        "快递送得太慢了，等了整整一个星期。",
        "客服态度很好，问题当场就解决了！",
        "用了三天就坏了，申请退款一直没人理。",
        "价格实惠，包装也严实，下次还会买。",
        "更新以后经常闪退，登录也要等半天。",
        "房间有点吵，不过位置很方便，早餐一般。",
    ];
    (0..count)
        .map(|number| {
            (0..1 + number % 7)
                .map(|at| SENTENCES[(number + at * at) % SENTENCES.len()])
                .collect()
        })
        .collect()
}
