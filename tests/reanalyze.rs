//! `qingting reanalyze` keeps its promises, also when it is killed in the middle.

#![allow(clippy::unwrap_used)] // a test's own way to fail

#[path = "support/tiny_model/mod.rs"]
mod tiny_model;

use qingting::index::{decode, open_for_reading};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tantivy::collector::DocSetCollector;
use tantivy::query::AllQuery;
use tiny_model::{Fault, Kind};

const ITEMS: usize = 2_000;

/// A data directory with items that the shipped model analyzed.
struct Deployment {
    home: tempfile::TempDir,
}

fn qingting(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qingting"));
    command.args(arguments);
    command
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

impl Deployment {
    /// `None` with a note where the ONNX Runtime library is not set up.
    fn new(promise: &str) -> Option<Self> {
        let deployment = Self {
            home: tempfile::tempdir().unwrap(),
        };
        tiny_model::write(&deployment.path("mine"), "mine", Kind::WordPiece, Fault::None);
        let texts = [
            "快递太慢了,客服不理人",
            "质量很好,喜欢",
            "东西还不错",
            "问题没人管,要求退款",
        ];
        deployment.feed((0..ITEMS).map(|n| (n, 1, format!("{} 第{n}次", texts[n % texts.len()]))));
        let config = format!(
            "data_dir = {:?}\n[http]\nlisten = \"127.0.0.1:0\"\n[checkpoint]\nmax_items = 200\n[model]\nthreads = 1\n\
             [[source]]\nname = \"shop\"\nformat = \"item\"\nfiles = [{:?}]\n[[owner]]\naspect = \"logistics\"\nowner = \"物流部\"\n",
            deployment.path("data"),
            deployment.path("items.ndjson"),
        );
        std::fs::write(deployment.path("q.toml"), config).unwrap();
        let output = deployment.run();
        if String::from_utf8_lossy(&output.stderr).contains("onnx runtime library not found") {
            println!("skipped: {promise}: onnx runtime library missing, run scripts/setup.sh");
            return None;
        }
        done(&output);
        Some(deployment)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Appends items: (number, version, text).
    fn feed(&self, items: impl Iterator<Item = (usize, i64, String)>) {
        let path = self.path("items.ndjson");
        let mut lines = std::fs::read_to_string(&path).unwrap_or_default();
        for (number, version, text) in items {
            let at = 1_750_000_000_000_i64 + number as i64 * 60_000;
            let item = serde_json::json!({
                "id": format!("shop:review:{number}"), "text": text, "published_at": at,
                "collected_at": at + version, "version": version,
                "source": {"platform": "shop", "kind": "review", "role": "review"},
            });
            writeln!(lines, "{item}").unwrap();
        }
        std::fs::write(path, lines).unwrap();
    }

    fn run(&self) -> Output {
        let config = self.text("q.toml");
        qingting(&["run", "-c", &config, "--exit-when-caught-up"])
            .output()
            .unwrap()
    }

    fn reanalyze(&self, more: &[&str]) -> Command {
        let (config, model) = (self.text("q.toml"), self.text("mine"));
        let mut command = qingting(&["reanalyze", "-c", &config, "--model", &model, "--json"]);
        command.args(more);
        command
    }

    fn assert_verified(&self) {
        let output = qingting(&["verify", "--data-dir", &self.text("data")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// Alive records by id.
    fn records(&self) -> BTreeMap<String, qingting::item::AnalyzedRecord> {
        let (index, fields, _) = open_for_reading(&self.path("data").join("index")).unwrap();
        let searcher = index.reader().unwrap().searcher();
        let mut records = BTreeMap::new();
        for address in searcher.search(&AllQuery, &DocSetCollector).unwrap() {
            let record = decode(&searcher.doc(address).unwrap(), &fields).unwrap();
            assert!(
                records.insert(record.item.id.clone(), record).is_none(),
                "an item is there twice"
            );
        }
        records
    }

    fn by_model(&self) -> BTreeMap<String, usize> {
        let mut models = BTreeMap::new();
        for record in self.records().values() {
            *models.entry(record.analysis.model.name.clone()).or_default() += 1;
        }
        models
    }

    fn notices(&self) -> Vec<Value> {
        let mut command = qingting(&["inspect", "notices", "--data-dir", &self.text("data")]);
        let text = done(&command.output().unwrap());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn model_changes(&self) -> usize {
        self.notices().iter().filter(|notice| notice["kind"] == "model").count()
    }

    /// What the rules know, and up to which hour they have looked.
    fn rules(&self) -> (Value, Option<i64>) {
        let (_, _, payload) = open_for_reading(&self.path("data").join("index")).unwrap();
        let payload = payload.unwrap();
        (payload.rule_state, payload.evaluated_through_ms)
    }

    fn checkpoint(&self) -> Value {
        let output = qingting(&["inspect", "checkpoint", "--data-dir", &self.text("data")])
            .output()
            .unwrap();
        serde_json::from_str(&done(&output)).unwrap()
    }
}

fn report(output: &Output) -> Value {
    serde_json::from_str(&done(output)).unwrap()
}

#[test]
fn an_index_goes_through_another_model_and_everything_else_stays() {
    let Some(deployment) = Deployment::new("an_index_goes_through_another_model_and_everything_else_stays") else {
        return;
    };
    let (before, checkpoint) = (deployment.records(), deployment.checkpoint());
    let rules = deployment.rules();
    let outcome = report(&deployment.reanalyze(&[]).output().unwrap());
    assert_eq!(outcome["reanalyzed"], ITEMS);
    assert_eq!(outcome["complete"], true);
    deployment.assert_verified();
    let after = deployment.records();
    assert_eq!(after.len(), ITEMS);
    for (id, record) in &after {
        let old = &before[id];
        assert_eq!(record.analysis.model.name, "mine");
        assert_eq!(record.item, old.item);
        assert_eq!(record.position, old.position);
        assert_eq!(record.analysis.terms, old.analysis.terms);
        assert_eq!(record.analysis.duplicate, old.analysis.duplicate);
    }
    let now = deployment.checkpoint();
    for stays in ["items", "records", "files", "positions", "alive_docs"] {
        assert_eq!(now[stays], checkpoint[stays], "{stays}");
    }
    assert_eq!(deployment.rules(), rules);
    assert_eq!(deployment.model_changes(), 1);
    let again = report(&deployment.reanalyze(&[]).output().unwrap());
    assert_eq!(
        (&again["selected"], &again["already"]),
        (&Value::from(0), &Value::from(ITEMS))
    );
    assert_eq!(deployment.model_changes(), 1);
}

#[test]
fn killed_in_the_middle_it_goes_on_where_it_was_and_does_no_item_twice() {
    let promise = "killed_in_the_middle_it_goes_on_where_it_was_and_does_no_item_twice";
    let Some(deployment) = Deployment::new(promise) else {
        return;
    };
    let mut child = deployment
        .reanalyze(&[])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let progress = BufReader::new(child.stderr.take().unwrap());
    let committed = progress
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("committed ") && !line.starts_with("committed 0 "));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(committed.is_some());
    deployment.assert_verified();
    let models = deployment.by_model();
    let first = models["mine"];
    assert!(0 < first && first < ITEMS, "{models:?}");
    assert_eq!(models["fast"], ITEMS - first);

    // meanwhile the service runs with the new model, and newer versions arrive: of an item that is done, of one that is not
    let records = deployment.records();
    let number = |model: &str| -> usize {
        let found = records.iter().find(|(_, record)| record.analysis.model.name == model);
        found.unwrap().0.rsplit(':').next().unwrap().parse().unwrap()
    };
    let newer = [number("mine"), number("fast")];
    deployment.feed(newer.iter().map(|n| (*n, 2, "东西很好,很喜欢".to_owned())));
    let config = std::fs::read_to_string(deployment.path("q.toml")).unwrap();
    let with_model = config.replace("[model]\n", &format!("[model]\ndir = {:?}\n", deployment.path("mine")));
    std::fs::write(deployment.path("q.toml"), with_model).unwrap();
    done(&deployment.run());
    deployment.assert_verified();

    let outcome = report(&deployment.reanalyze(&[]).output().unwrap());
    // the newer version of the one that was not done is already of the model
    assert_eq!(outcome["reanalyzed"], ITEMS - first - 1, "{outcome}");
    assert_eq!(outcome["already"], first + 1);
    deployment.assert_verified();
    assert_eq!(deployment.by_model(), BTreeMap::from([("mine".to_owned(), ITEMS)]));
    let records = deployment.records();
    for n in newer {
        let record = &records[&format!("shop:review:{n}")];
        assert_eq!(record.item.text, "东西很好,很喜欢");
    }
    assert_eq!(deployment.model_changes(), 1);
}

#[test]
fn a_query_chooses_what_is_analyzed_again() {
    let Some(deployment) = Deployment::new("a_query_chooses_what_is_analyzed_again") else {
        return;
    };
    let outcome = report(&deployment.reanalyze(&["--query", "质量"]).output().unwrap());
    assert_eq!(outcome["reanalyzed"], ITEMS / 4);
    deployment.assert_verified();
    for record in deployment.records().values() {
        let chosen = record.item.text.contains("质量");
        assert_eq!(record.analysis.model.name, if chosen { "mine" } else { "fast" });
    }
    let wrong = deployment.reanalyze(&["--query", "("]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn without_a_configuration_owners_stay_as_they_are() {
    let Some(deployment) = Deployment::new("without_a_configuration_owners_stay_as_they_are") else {
        return;
    };
    let owned = |deployment: &Deployment| -> Vec<String> {
        let records = deployment.records();
        let owned = records.values().filter(|record| record.analysis.owner.is_some());
        owned.map(|record| record.item.id.clone()).collect()
    };
    let before = owned(&deployment);
    assert!(!before.is_empty());
    let (data, model) = (deployment.text("data"), deployment.text("mine"));
    let output = qingting(&["reanalyze", "--data-dir", &data, "--model", &model])
        .output()
        .unwrap();
    done(&output);
    assert_eq!(owned(&deployment), before);
    deployment.assert_verified();
}

#[test]
fn a_directory_that_is_in_use_or_empty_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().display().to_string();
    let lock = std::fs::File::create(Path::new(&directory).join("lock")).unwrap();
    lock.lock().unwrap();
    let output = qingting(&["reanalyze", "--data-dir", &directory]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    if message.contains("onnx runtime library not found") {
        println!("skipped: a_directory_that_is_in_use_or_empty_is_refused: onnx runtime library missing");
        return;
    }
    assert!(message.contains("another process holds"), "{message}");
    drop(lock);
    let output = qingting(&["reanalyze", "--data-dir", &directory]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("no index here"));
}
