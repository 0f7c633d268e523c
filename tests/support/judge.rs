//! Compares what the process stored with what the oracle knows. Every check answers with a list of problems.

use super::broker::{KafkaRecord, Reader};
use super::oracle::{Expected, Oracle};
use super::process::Deployment;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// At most this many problems of one kind are printed.
const SHOWN: usize = 5;

#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub commit: Value,
    /// By topic (as in the given names), by partition.
    pub positions: Vec<Vec<i64>>,
    pub records: BTreeMap<String, u64>,
    pub items: BTreeMap<String, u64>,
    pub alive_docs: u64,
}

/// `inspect checkpoint`; `None` before the first commit.
pub fn checkpoint(deployment: &Deployment, topics: &[String], partitions: usize) -> Result<Option<Checkpoint>, String> {
    let lines = deployment.inspect("checkpoint")?;
    let Some(line) = lines.first() else {
        return Ok(None);
    };
    let mut positions = vec![vec![0; partitions]; topics.len()];
    for position in line["positions"].as_array().into_iter().flatten() {
        let (Some(topic), Some(partition), Some(next)) = (
            position["topic"].as_str(),
            position["partition"].as_u64(),
            position["next_offset"].as_i64(),
        ) else {
            return Err(format!("inspect checkpoint: unreadable position {position}"));
        };
        if let Some(index) = topics.iter().position(|name| name == topic) {
            let list = &mut positions[index];
            if list.len() <= partition as usize {
                list.resize(partition as usize + 1, 0);
            }
            list[partition as usize] = next;
        }
    }
    let numbers = |value: &Value| -> BTreeMap<String, u64> {
        value
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, number)| Some((name.clone(), number.as_u64()?)))
            .collect()
    };
    Ok(Some(Checkpoint {
        commit: line["commit"].clone(),
        positions,
        records: numbers(&line["records"]),
        items: numbers(&line["items"]),
        alive_docs: line["alive_docs"].as_u64().unwrap_or(u64::MAX),
    }))
}

/// False when the process was ended before it had made its index: there is nothing to look at.
fn has_index(deployment: &Deployment) -> bool {
    deployment.data_dir.join("index/meta.json").exists()
}

/// Everything that must hold at any commit. Empty: all of it does.
pub fn state_problems(deployment: &Deployment, oracle: &Oracle, topics: &[String]) -> Vec<String> {
    if !has_index(deployment) {
        return Vec::new();
    }
    let mut problems: Vec<String> = deployment
        .verify()
        .into_iter()
        .take(SHOWN)
        .map(|difference| format!("verify: {difference}"))
        .collect();
    let partitions = oracle.records[0].len();
    let checkpoint = match checkpoint(deployment, topics, partitions) {
        Ok(Some(checkpoint)) => checkpoint,
        Ok(None) => return problems,
        Err(error) => {
            problems.push(error);
            return problems;
        }
    };
    let expected = oracle.expected(&checkpoint.positions, topics);
    balance_problems(&checkpoint, &expected, &mut problems);
    match deployment.inspect("items") {
        Ok(items) => item_problems(&items, &expected, topics, &mut problems),
        Err(error) => problems.push(error),
    }
    problems
}

/// records = mapped + skipped + dead; items = inserted + updated + stale + deleted; both as many as were read.
fn balance_problems(checkpoint: &Checkpoint, expected: &Expected, problems: &mut Vec<String>) {
    let of = |map: &BTreeMap<String, u64>, name: &str| map.get(name).copied().unwrap_or(0);
    let records = &checkpoint.records;
    let good = of(records, "mapped") + of(records, "skipped");
    if good != expected.good_records {
        problems.push(format!(
            "balance: mapped + skipped = {good}, but {} readable records are before the positions",
            expected.good_records
        ));
    }
    let dead = of(records, "dead_letter");
    if dead != expected.dead_records {
        problems.push(format!(
            "balance: dead_letter = {dead}, but {} unreadable records are before the positions",
            expected.dead_records
        ));
    }
    let items = &checkpoint.items;
    let changes: u64 = ["inserted", "updated", "stale", "deleted"]
        .iter()
        .map(|name| of(items, name))
        .sum();
    if changes != expected.changes {
        problems.push(format!(
            "balance: inserted + updated + stale + deleted = {changes}, but {} items were in the records",
            expected.changes
        ));
    }
    let alive = expected.winners.values().filter(|winner| !winner.deleted).count() as u64;
    let deleted = expected.winners.values().filter(|winner| winner.deleted).count() as u64;
    // A deleted id may be kept as a document that only remembers the version.
    if checkpoint.alive_docs != alive && checkpoint.alive_docs != alive + deleted {
        problems.push(format!(
            "alive_docs = {}, but {alive} ids are alive and {deleted} deleted",
            checkpoint.alive_docs
        ));
    }
}

fn item_problems(items: &[Value], expected: &Expected, topics: &[String], problems: &mut Vec<String>) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let (mut doubled, mut phantom, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let id = item["id"].as_str().unwrap_or_default();
        let count = seen.entry(id).or_default();
        *count += 1;
        if *count == 2 {
            doubled.push(id.to_owned());
        }
        let Some(winner) = expected.winners.get(id).filter(|winner| !winner.deleted) else {
            phantom.push(id.to_owned());
            continue;
        };
        let version = item["version"].as_i64();
        if version != Some(winner.version) {
            wrong.push(format!("{id}: version {version:?}, the highest is {}", winner.version));
            continue;
        }
        let position = &item["position"];
        let at_home = winner.places.iter().any(|(topic, partition, offset)| {
            position["topic"].as_str() == Some(&topics[*topic])
                && position["partition"].as_u64() == Some(*partition as u64)
                && position["offset"].as_i64() == Some(*offset)
        });
        if !at_home {
            wrong.push(format!(
                "{id}: position {position}, expected one of {:?}",
                winner.places
            ));
        }
    }
    let missing: Vec<String> = expected
        .winners
        .iter()
        .filter(|(id, winner)| !winner.deleted && !seen.contains_key(id.as_str()))
        .map(|(id, winner)| format!("{id} of {:?}", winner.places))
        .collect();
    let mut report = |what: &str, list: Vec<String>| {
        if !list.is_empty() {
            problems.push(format!(
                "{what} {}: {}",
                list.len(),
                list[..list.len().min(SHOWN)].join(", ")
            ));
        }
    };
    report("missing", missing);
    report("doubled", doubled);
    report("alive without a record", phantom);
    report("wrong version", wrong);
}

/// What came out of the process so far, read from its topics.
pub struct Receivers {
    alerts: Reader,
    dead_letters: Reader,
    /// Ids of the firing messages, and how many messages each had.
    pub firing: BTreeMap<String, usize>,
    pub dead_ids: BTreeMap<String, usize>,
}

impl Receivers {
    pub fn new(alerts: Reader, dead_letters: Reader) -> Self {
        Self {
            alerts,
            dead_letters,
            firing: BTreeMap::new(),
            dead_ids: BTreeMap::new(),
        }
    }

    pub fn read(&mut self) {
        for alert in values(self.alerts.read_new()) {
            if alert["state"] == "firing" || alert["state"] == "historical" {
                let id = alert["id"].as_str().unwrap_or_default().to_owned();
                *self.firing.entry(id).or_default() += 1;
            }
        }
        for letter in values(self.dead_letters.read_new()) {
            let id = letter["id"].as_str().unwrap_or_default().to_owned();
            *self.dead_ids.entry(id).or_default() += 1;
        }
    }

    /// Nothing leaves before it is durable: all that was received is in the committed state.
    pub fn problems(&mut self, deployment: &Deployment, oracle: &Oracle, topics: &[String]) -> Vec<String> {
        self.read();
        let mut problems = Vec::new();
        let partitions = oracle.records[0].len();
        if !has_index(deployment) {
            let none = self.dead_ids.is_empty() && self.firing.is_empty();
            return if none {
                problems
            } else {
                vec!["sent before there was an index".to_owned()]
            };
        }
        let positions = match checkpoint(deployment, topics, partitions) {
            Ok(found) => found.map_or_else(|| vec![vec![0; partitions]; topics.len()], |found| found.positions),
            Err(error) => return vec![error],
        };
        let expected = oracle.expected(&positions, topics);
        let early: Vec<&String> = self
            .dead_ids
            .keys()
            .filter(|id| !expected.dead_ids.contains(*id))
            .collect();
        if !early.is_empty() {
            problems.push(format!(
                "sent before the commit: {} dead letters: {:?}",
                early.len(),
                &early[..early.len().min(SHOWN)]
            ));
        }
        match episode_ids(deployment) {
            Ok(known) => {
                let early: Vec<&String> = self.firing.keys().filter(|id| !known.contains(*id)).collect();
                if !early.is_empty() {
                    problems.push(format!("sent before the commit, or unknown: alerts {early:?}"));
                }
            }
            Err(error) => problems.push(error),
        }
        problems
    }
}

fn values(messages: Vec<KafkaRecord>) -> Vec<Value> {
    messages
        .into_iter()
        .filter_map(|message| message.payload)
        .filter_map(|payload| serde_json::from_slice(&payload).ok())
        .collect()
}

/// Ids of the episodes that fired, by `inspect alerts`.
pub fn episode_ids(deployment: &Deployment) -> Result<BTreeSet<String>, String> {
    Ok(deployment
        .inspect("alerts")?
        .iter()
        .filter(|alert| alert["state"] != "pending")
        .filter_map(|alert| alert["id"].as_str().map(str::to_owned))
        .collect())
}

/// Lines of `inspect trends`: (key, bucket, start) → (raw, deduplicated).
pub type Trends = BTreeMap<(String, String, i64), (i64, i64)>;

pub fn trends(deployment: &Deployment) -> Result<Trends, String> {
    let mut out = BTreeMap::new();
    for line in deployment.inspect("trends")? {
        let at = (
            line["key"].to_string(),
            line["bucket"].as_str().unwrap_or_default().to_owned(),
            line["start"].as_i64().unwrap_or(0),
        );
        let numbers = (
            line["raw"].as_i64().unwrap_or(-1),
            line["deduplicated"].as_i64().unwrap_or(-1),
        );
        if out.insert(at.clone(), numbers).is_some() {
            return Err(format!("inspect trends has two lines for {at:?}"));
        }
    }
    Ok(out)
}

/// Buckets in which two runs over the same topics differ.
pub fn trend_problems(run: &Trends, undisturbed: &Trends) -> Vec<String> {
    let keys: BTreeSet<_> = run.keys().chain(undisturbed.keys()).collect();
    let different: Vec<String> = keys
        .into_iter()
        .filter(|key| run.get(*key) != undisturbed.get(*key))
        .map(|key| format!("{key:?}: {:?}, undisturbed {:?}", run.get(key), undisturbed.get(key)))
        .collect();
    if different.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "trend totals differ in {} buckets: {}",
        different.len(),
        different[..different.len().min(SHOWN)].join("; ")
    )]
}

/// The dead-letter file has each line once and no torn one.
pub fn dead_letter_file_problems(deployment: &Deployment, expected: &HashSet<String>) -> Vec<String> {
    let text = match std::fs::read_to_string(deployment.dead_letter_file()) {
        Ok(text) => text,
        Err(error) => return vec![format!("dead-letter file: {error}")],
    };
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for line in text.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(letter) => {
                let id = letter["id"].as_str().unwrap_or_default().to_owned();
                if !seen.insert(id.clone()) {
                    problems.push(format!("dead-letter file: {id} twice"));
                }
            }
            Err(_) => problems.push(format!("dead-letter file: torn line {line:.120}")),
        }
    }
    if &seen != expected {
        let missing = expected.difference(&seen).take(SHOWN).collect::<Vec<_>>();
        let more = seen.difference(expected).take(SHOWN).collect::<Vec<_>>();
        problems.push(format!("dead-letter file: missing {missing:?}, too many {more:?}"));
    }
    problems.truncate(SHOWN);
    problems
}
