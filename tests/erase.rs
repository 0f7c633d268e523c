//! What is erased or deleted stays away, through the binary: and the names, customers and languages that a service adds
//! on the way.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail
#![allow(clippy::disallowed_methods)] // real processes are measured with the real clock

mod support;

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use support::process::binary;

fn qingting(home: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(binary())
        .args(arguments)
        .current_dir(home)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn item(id: &str, author: &str, text: &str) -> String {
    json!({
        "id": format!("shop:review:{id}"), "native_id": id, "version": 1_740_931_200_000_i64,
        "source": {"kind": "review", "platform": "shop", "role": "review"}, "author": {"id": author}, "text": text,
        "published_at": 1_740_931_200_000_i64, "collected_at": 1_740_931_200_000_i64,
    })
    .to_string()
        + "\n"
}

/// Runs until everything is read, and answers the analyzed records by id.
fn run(home: &Path) -> std::collections::BTreeMap<String, Value> {
    qingting(home, &["run", "-c", "q.toml", "--exit-when-caught-up"]);
    let found = qingting(home, &["search", "--data-dir", "data", "--limit", "100", "--json", ""]);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    let hits = found["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| (hit["id"].as_str().unwrap().to_owned(), hit["item"].clone()))
        .collect()
}

#[test]
fn an_erased_author_does_not_come_back_with_the_next_crawl() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let write = |name: &str, text: &str| std::fs::write(home.join(name), text).unwrap();
    write(
        "brands.toml",
        "[brands]\n\"华为\" = [\"菊厂\"]\n[features]\n\"发热\" = [\"烫\"]\n",
    );
    let config = "data_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[dictionary]\nfiles = [\"brands.toml\"]\n\
        [[source]]\nname = \"shop\"\nformat = \"item\"\nfiles = [\"items.ndjson\"]\n";
    write("q.toml", config);
    let first = item("1", "ann", "菊厂的手机用了三个月，越来越烫，客服也不回复");
    let near = item("2", "bob", "菊厂的手机用了五个月，越来越烫，客服也不回复！！");
    let foreign = item(
        "3",
        "ann",
        "The delivery was very slow and the parcel arrived broken, never again",
    );
    write("items.ndjson", &format!("{first}{near}{foreign}"));
    let items = run(home);
    let of = |id: &str| &items[&format!("shop:review:{id}")];
    assert_eq!(
        (&of("1")["subject"]["brand"], &of("1")["tags"]),
        (&json!("华为"), &json!(["发热"]))
    );
    let duplicate = &of("2")["analysis"]["duplicate"];
    assert_eq!(
        (&duplicate["group"], &duplicate["kind"], &duplicate["size"]),
        (&json!("shop:review:1"), &json!("near"), &json!(2))
    );
    assert_eq!(
        (&of("3")["lang"], &of("3")["analysis"]["low_confidence"]),
        (&json!("en"), &json!(true))
    );

    let author = of("1")["author"]["id"].as_str().unwrap();
    let report = qingting(home, &["erase", "--author", author, "--data-dir", "data", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!((&report["ok"], &report["erased"]), (&json!(true), &json!(2)));

    // a version of what was erased, another item of the same author, and one of somebody else, whom the CRM knows
    let other = of("2")["author"]["id"].as_str().unwrap();
    write("crm.csv", &format!("author,segment,orders\n{other},老客,37\n"));
    write("q.toml", &format!("{config}[enrich.customers]\nfile = \"crm.csv\"\n"));
    let newer = first.replace("1740931200000,", "1750931200000,");
    let more = [
        newer,
        item("4", "ann", "又来了，还是很烫"),
        item("5", "bob", "换了一台，很满意"),
    ];
    write("items.ndjson", &format!("{first}{near}{foreign}{}", more.concat()));
    let items = run(home);
    let ids: Vec<&String> = items.keys().collect();
    assert_eq!(ids, ["shop:review:2", "shop:review:5"]);
    assert_eq!(items["shop:review:5"]["author"]["segment"], "老客");
    assert_eq!(items["shop:review:5"]["ext"]["customer"], json!({"orders": "21+"}));
    qingting(home, &["verify", "--data-dir", "data"]);

    // who asks to be erased knows the platform's id, not ours
    let report = qingting(
        home,
        &["erase", "--native-author", "shop:bob", "--data-dir", "data", "--json"],
    );
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!((&report["ok"], &report["erased"]), (&json!(true), &json!(2)));
    assert_eq!(run(home).len(), 0);
}

/// A webhook of 腾讯问卷: a response with these answers.
fn response(action: &str, id: u32, hour: u32, answers: &[&str]) -> String {
    let questions: Vec<Value> = answers
        .iter()
        .enumerate()
        .map(|(at, text)| json!({"id": format!("q{at}"), "type": "textarea", "text": text, "options": []}))
        .collect();
    json!({
        "id": "e", "action": action, "created_at": format!("2025-11-03 {hour}:30:01"),
        "payload": {"survey_id": 5, "answer_id": id, "respondent_id": "r", "ended_at": "2025-11-03 12:30:00",
            "answer": [{"questions": questions}]},
    })
    .to_string()
        + "\n"
}

#[test]
fn a_changed_or_deleted_response_leaves_no_answer_behind() {
    let (late, rude, broken) = (
        "快递太慢了，等了整整十天",
        "客服态度很差，一直踢皮球",
        "收到的时候外壳已经裂了",
    );
    let created = response("answer.create", 77, 12, &[late, rude, broken]);
    let changed = response("answer.update", 77, 13, &[late, rude]);
    let deleted = response("answer.delete", 77, 14, &[]);
    let another = response("answer.create", 7, 12, &["充电很快，很满意", "很好看，家里人都喜欢"]);
    let config = "data_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
        [[source]]\nname = \"survey\"\nformat = \"tencent_wj_webhook\"\nfiles = [\"answers.ndjson\"]\n";
    for commits_between in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        std::fs::write(home.join("q.toml"), config).unwrap();
        let texts = |lines: &[&str]| {
            std::fs::write(home.join("answers.ndjson"), lines.concat()).unwrap();
            let items = run(home);
            qingting(home, &["verify", "--data-dir", "data"]);
            let mut texts: Vec<String> = items
                .values()
                .map(|item| item["text"].as_str().unwrap().to_owned())
                .collect();
            texts.sort_unstable();
            texts
        };
        if commits_between {
            assert_eq!(texts(&[&another, &created]).len(), 5);
            let left = texts(&[&another, &created, &changed]);
            assert_eq!((left.len(), left.iter().any(|text| text == broken)), (4, false));
        }
        let left = texts(&[&another, &created, &changed, &deleted]);
        assert_eq!(left, ["充电很快，很满意", "很好看，家里人都喜欢"]);
        // an older event that comes late, from a partition that was behind, brings nothing back
        let left = texts(&[&another, &created, &changed, &deleted, &changed, &created]);
        assert_eq!(left, ["充电很快，很满意", "很好看，家里人都喜欢"]);
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("q.toml"), config).unwrap();
    std::fs::write(
        directory.path().join("answers.ndjson"),
        [deleted, changed, created].concat(),
    )
    .unwrap();
    assert_eq!(run(directory.path()).len(), 0, "the deletion came first");
}
