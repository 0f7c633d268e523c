//! The demo as a newcomer runs it: it tells the story, its requests work, it leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// `qingting demo` with a temporary directory of its own.
fn demo(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qingting"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TMPDIR", temporary)
        .args(["demo", "--listen", "127.0.0.1:0"])
        .args(arguments);
    command
}

/// No data directory is left. (ONNX Runtime leaves a file of its own.)
fn is_clean(directory: &Path) -> bool {
    let names = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names
        .into_iter()
        .all(|name| !name.to_string_lossy().starts_with("qingting"))
}

#[test]
fn the_planted_event_fires_and_the_report_is_one_json_document() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(&["--exit", "--json"], temporary.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        (12_000..=25_000).contains(&report["records"].as_u64().unwrap()),
        "{report}"
    );
    assert!(report["items"].as_u64().unwrap() > 12_000);
    assert_eq!(report["dead_letters"], 9);
    let alerts = report["alerts"].as_array().unwrap();
    assert!(!alerts.is_empty());
    for alert in alerts {
        assert_eq!(alert["key"]["aspect_polarity"], "function-", "{alert}");
        assert_eq!(alert["state"], "firing", "{alert}");
        assert!(alert["increase_pct"].as_f64().unwrap() > 100.0, "{alert}");
        let terms = alert["top_terms"].to_string();
        assert!(terms.contains("登录") || terms.contains("登陆"), "{terms}");
    }
    assert!(is_clean(temporary.path()), "the data directory was left behind");
}

#[test]
fn the_story_ends_with_three_requests_that_work_until_it_is_interrupted() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = demo(&["--weeks", "5"], temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        told.push_str(&line);
        told.push('\n');
        if line.contains("Ctrl-C") {
            break;
        }
    }
    for expected in [
        "告警",
        "增幅",
        "95% 置信区间",
        "样本原声",
        "主要词",
        "来源",
        "地区",
        "负责人",
        "三件看着像",
        "都没有告警",
    ] {
        assert!(told.contains(expected), "no {expected} in:\n{told}");
    }
    assert!(!told.contains("138001380"), "a telephone number is shown");
    let requests: Vec<&str> = told.split('\'').filter(|part| part.starts_with("http://")).collect();
    assert_eq!(requests.len(), 3, "{told}");
    for request in requests {
        let answer: serde_json::Value = ureq::get(request).call().unwrap().body_mut().read_json().unwrap();
        let list = ["alerts", "hits", "series"]
            .into_iter()
            .find_map(|name| answer[name].as_array());
        assert!(list.is_some_and(|list| !list.is_empty()), "{request}: {answer}");
    }
    let pid = child.id() as i32;
    // SAFETY: a signal to our own child, which has not been waited for.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    assert!(child.wait().unwrap().success());
    assert!(is_clean(temporary.path()), "the data directory was left behind");
}
