//! From a pre-filled real Kafka topic to the committed index: items/s, CPU an item, memory, start with that index.
//!
//! `scripts/bench.sh end_to_end`, which builds what ships; `QINGTING_BENCH_ITEMS` (default 1,000,000) sets the size. Needs a real Kafka
//! (`QINGTING_KAFKA` or `scripts/kafka.sh`) and the shared texts. Writes `benches/results/<date>-end-to-end.md`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a measuring program's own way to fail
#![allow(clippy::disallowed_methods)] // the real clock is what is measured

#[path = "end_to_end/measure.rs"]
mod measure;
mod memory;
#[path = "../tests/support/mod.rs"]
mod support;

use measure::{Machine, Sampler, Usage};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::broker::{Broker, KafkaRecord};
use support::process::{Deployment, Outcome};
use support::random::Random;
use support::texts::all_texts;
use support::{say, shared};

const PARTITIONS: i32 = 4;
const PART_ITEMS: usize = 100_000;
/// Ten weeks from Monday 2025-03-03, 00:00 in Shanghai.
const START_MS: i64 = 1_740_931_200_000;
const SPAN_MS: i64 = 70 * 86_400_000;
/// The design's budget of the whole pipeline.
const BUDGET_MICROSECONDS: f64 = 64.0;

struct Results {
    machine: Machine,
    items: usize,
    bytes: u64,
    seconds: f64,
    usage: Usage,
    broker_seconds: f64,
    index_bytes: u64,
    stages: Vec<(String, f64)>,
    restarts_ms: Vec<u64>,
    anon_after_restart: u64,
}

fn main() {
    let items: usize = std::env::var("QINGTING_BENCH_ITEMS")
        .ok()
        .and_then(|items| items.parse().ok())
        .unwrap_or(1_000_000);
    let Some(shared) = shared("end_to_end") else { return };
    let broker = match Broker::get() {
        Ok(broker) => broker,
        Err(reason) => return support::skip("end_to_end", &reason),
    };
    let topic = Broker::fresh_name("bench");
    broker.create_topic(&topic, PARTITIONS, &[]);
    let bytes = fill(&broker, &topic, &shared, items);
    say(format!(
        "{items} records, {:.0} MB, are in the topic",
        bytes as f64 / 1e6
    ));

    let deployment = Deployment::new(&config(&broker, &topic));
    let broker_process = measure::listener(&broker.address);
    let broker_before = broker_process.map_or(0.0, measure::cpu_seconds_of);
    let before = Usage::of_ended_children();
    let started = Instant::now();
    let mut running = deployment.start(&["--exit-when-caught-up"], &[]);
    let sampler = Sampler::start(running.pid(), deployment.data_dir.join("run.json"));
    if let Err(error) = running.wait_ready(Duration::from_secs(60)) {
        say(error);
    }
    let exit = running.wait(Duration::from_secs(7_200));
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(exit.outcome, Outcome::Exited(0), "{}", exit.log_tail());
    let mut usage = Usage::of_ended_children().since(&before);
    let broker_seconds = broker_process.map_or(0.0, measure::cpu_seconds_of) - broker_before;
    let (anon, stages) = sampler.stop();
    usage.max_anon_bytes = anon;
    check(&deployment, items);

    let mut restarts_ms = Vec::new();
    let mut anon_after_restart = 0;
    for _ in 0..3 {
        let mut running = deployment.start(&[], &[]);
        running.wait_ready(Duration::from_secs(120)).expect("ready");
        restarts_ms.extend(running.ready_ms());
        std::thread::sleep(Duration::from_secs(2));
        anon_after_restart = memory::anon_bytes(running.pid());
        let _ = running.stop(Duration::from_secs(30));
    }
    let results = Results {
        machine: Machine::describe(),
        items,
        bytes,
        seconds,
        usage,
        broker_seconds,
        index_bytes: measure::directory_bytes(&deployment.data_dir),
        stages,
        restarts_ms,
        anon_after_restart,
    };
    let text = results.to_markdown();
    say(&text);
    let path = results_file();
    std::fs::write(&path, text).expect("results file");
    say(format!("written to {}", path.display()));
}

fn config(broker: &Broker, topic: &str) -> String {
    format!(
        "[time]\nclock = \"event\"\n[kafka]\nbrokers = {:?}\ngroup = {topic:?}\n\
         [[source]]\nname = \"bench\"\ntopics = [{topic:?}]\nformat = \"item\"\n",
        broker.address
    )
}

/// Produces the items in parts, so that their texts are in memory only once. Answers the bytes of all payloads.
fn fill(broker: &Broker, topic: &str, shared: &Path, items: usize) -> u64 {
    let texts = Texts::new(all_texts(shared));
    let mut random = Random::new(17);
    let mut bytes = 0;
    let mut number = 0;
    while number < items {
        let part: Vec<KafkaRecord> = (number..items.min(number + PART_ITEMS))
            .map(|number| {
                let at = START_MS + (SPAN_MS as f64 * number as f64 / items as f64) as i64;
                let payload = record(number, at, &texts.get(number), &mut random)
                    .to_string()
                    .into_bytes();
                bytes += payload.len() as u64;
                KafkaRecord {
                    partition: number as i32 % PARTITIONS,
                    timestamp_ms: at,
                    key: None,
                    payload: Some(payload),
                }
            })
            .collect();
        number += part.len();
        broker.produce(topic, &part, &[("compression.type", "lz4"), ("linger.ms", "50")]);
    }
    bytes
}

/// Real texts, and as many more of the same lengths as are asked for: each quarter of another text that is as long, so
/// that they are no copies of each other, not nearly either.
struct Texts {
    mixed: Vec<String>,
    by_length: Vec<Vec<char>>,
}

impl Texts {
    fn new(mixed: Vec<String>) -> Self {
        let mut by_length: Vec<Vec<char>> = mixed.iter().map(|text| text.chars().collect()).collect();
        by_length.sort_by_key(Vec::len);
        Self { mixed, by_length }
    }

    fn get(&self, number: usize) -> String {
        let (round, index) = (number / self.mixed.len(), number % self.mixed.len());
        if round == 0 {
            return self.mixed[index].clone();
        }
        // a step that has no factor in common with the count visits every text once
        let index = index.wrapping_mul(7_919) % self.by_length.len();
        (0..4)
            .flat_map(|quarter| {
                let text = &self.by_length[(index + quarter * (3 * round + 1)) % self.by_length.len()];
                &text[text.len() * quarter / 4..text.len() * (quarter + 1) / 4]
            })
            .collect()
    }
}

fn record(number: usize, at_ms: i64, text: &str, random: &mut Random) -> Value {
    const KINDS: [(&str, &str, &str); 4] = [
        ("review", "jd", "review"),
        ("social", "weibo", "post"),
        ("complaint", "heimao", "complaint"),
        ("app_review", "appstore", "review"),
    ];
    let (kind, platform, role) = *random.pick(&KINDS);
    let brand = random.below(12);
    json!({
        "schema": "qingting.item/1", "id": format!("{platform}:{role}:{number}"), "native_id": number.to_string(),
        "version": at_ms, "source": {"kind": kind, "platform": platform, "format": "item", "role": role},
        "author": {"id": format!("u{}", random.below(400_000)), "type": "customer"},
        "subject": {"brand": format!("品牌{brand}"), "product": format!("产品{brand}-{}", random.below(20))},
        "rating": {"overall": 1 + random.below(5), "scale": "1-5"},
        "text": text, "published_at": at_ms - random.between(0, 3_600_000), "published_precision": "second",
        "published_inferred": false, "collected_at": at_ms, "lang": "zh", "script": "Hans", "flags": [],
    })
}

/// A rate of something that is not right is no rate.
fn check(deployment: &Deployment, items: usize) {
    let checkpoint = deployment.inspect("checkpoint").expect("inspect checkpoint");
    let inserted = checkpoint.first().and_then(|line| line["items"]["inserted"].as_u64());
    assert_eq!(inserted, Some(items as u64), "{checkpoint:?}");
    let differences = deployment.verify();
    assert!(differences.is_empty(), "verify: {differences:?}");
}

fn results_file() -> PathBuf {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let date = chrono::DateTime::from_timestamp(now.as_secs() as i64, 0)
        .unwrap_or_default()
        .format("%Y-%m-%d");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results");
    std::fs::create_dir_all(&directory).expect("results directory");
    directory.join(format!("{date}-end-to-end.md"))
}

impl Results {
    fn to_markdown(&self) -> String {
        let items = self.items as f64;
        let per_item = |seconds: f64| seconds * 1e6 / items;
        let mut out = String::new();
        let _ = writeln!(out, "# End to end: real Kafka topic → committed index\n");
        let _ = writeln!(
            out,
            "Command: `QINGTING_BENCH_ITEMS={} scripts/bench.sh end_to_end`\n",
            self.items
        );
        let _ = writeln!(out, "Machine: {}\n", self.machine);
        let _ = writeln!(
            out,
            "{} items of the real length distribution, {:.0} bytes a record on average, lz4, {PARTITIONS} partitions; one broker on the same machine; default configuration (model on, commit every second or 5,000 items, merges on).\n",
            self.items,
            self.bytes as f64 / items
        );
        let _ = writeln!(out, "| figure | value | aim |\n| --- | --- | --- |");
        let mut row = |figure: &str, value: String, aim: &str| {
            let _ = writeln!(out, "| {figure} | {value} | {aim} |");
        };
        row(
            "process start to everything committed and evaluated",
            format!("{:.1} s", self.seconds),
            "",
        );
        row(
            "items/s over that time",
            format!("{:.0}", items / self.seconds),
            "≥ 12,000",
        );
        row(
            "CPU of qingting",
            format!("{:.1} µs an item", per_item(self.usage.cpu_seconds())),
            &format!("{BUDGET_MICROSECONDS:.0} µs"),
        );
        row(
            "… of it in the kernel",
            format!("{:.1} µs an item", per_item(self.usage.system_seconds)),
            "",
        );
        row(
            "CPU of the broker, apart",
            format!("{:.1} µs an item", per_item(self.broker_seconds)),
            "",
        );
        row(
            "largest RssAnon",
            format!("{:.0} MB", self.usage.max_anon_bytes as f64 / 1e6),
            "≤ 400 MB at 1 M",
        );
        row("data directory", format!("{:.0} MB", self.index_bytes as f64 / 1e6), "");
        row(
            "start to ready with that index (three starts)",
            format!("{:?} ms", self.restarts_ms),
            "≤ 3,000 ms at 1 M",
        );
        row(
            "RssAnon two seconds after such a start",
            format!("{:.0} MB", self.anon_after_restart as f64 / 1e6),
            "",
        );
        if !self.stages.is_empty() {
            let _ = writeln!(
                out,
                "\nCPU by stage, from `qingting_stage_cpu_seconds_total` shortly before the end:\n"
            );
            let _ = writeln!(out, "| stage | µs an item |\n| --- | --- |");
            for (stage, seconds) in &self.stages {
                let _ = writeln!(out, "| {stage} | {:.1} |", per_item(*seconds));
            }
        }
        out
    }
}
