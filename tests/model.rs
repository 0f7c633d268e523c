//! `qingting model` keeps its promises on the command line.

#![allow(clippy::unwrap_used)] // a test's own way to fail

#[path = "support/tiny_model/mod.rs"]
mod tiny_model;

use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

const LABELLED: &str = r#"
{"id":"1","source_file":"shop","text":"快递太慢了，等了十天，客服也不理人","sentiment":"negative","aspects":[{"aspect":"logistics","polarity":"negative"}],"severity":"normal","intent":"complaint","valid":true}
{"id":"2","source_file":"shop","text":"味道很好，包装也好，下次还会买","sentiment":"positive","aspects":[{"aspect":"effect","polarity":"positive"}],"severity":"none","intent":"praise","valid":true}
{"id":"3","source_file":"forum","text":"此用户没有填写评价","sentiment":"neutral","aspects":[],"severity":"none","intent":"other","valid":false}
"#;

fn qingting(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_qingting"))
        .args(arguments)
        .output()
        .unwrap()
}

/// Standard output, or `None` with a note where the ONNX Runtime library is not set up.
fn output(promise: &str, arguments: &[&str]) -> Option<String> {
    let output = qingting(arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    if message.contains("onnx runtime library not found") {
        println!("skipped: {promise}: onnx runtime library missing, run scripts/setup.sh");
        return None;
    }
    assert!(output.status.success(), "{message}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn gzipped(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    let mut encoder = flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
    path.display().to_string()
}

#[test]
fn evaluation_has_the_pinned_shape() {
    let directory = tempfile::tempdir().unwrap();
    let file = gzipped(directory.path(), "labelled.jsonl.gz", LABELLED);
    let Some(text) = output("evaluation_has_the_pinned_shape", &["model", "eval", &file, "--json"]) else {
        return;
    };
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["n"], 3);
    for pointer in [
        "/model/name",
        "/model/version",
        "/model/sha256",
        "/sentiment/accuracy",
        "/sentiment/macro_f1",
        "/sentiment/ece",
        "/sentiment/confusion/negative",
        "/aspects/micro_f1",
        "/aspects/macro_f1",
        "/aspects/negative_macro_f1",
        "/aspects/per_aspect/logistics",
        "/severity/accuracy",
        "/severity/macro_f1",
        "/intent/accuracy",
        "/intent/macro_f1",
        "/valid/precision",
        "/valid/recall",
        "/by_source/shop/n",
        "/texts_per_second",
        "/classify_texts_per_second",
        "/sentiment/accuracy_ci95/1",
        "/aspects/micro_f1_ci95/1",
        "/low_confidence",
    ] {
        assert!(
            report.pointer(pointer).is_some_and(|value| !value.is_null()),
            "{pointer} is missing in {text}"
        );
    }
    assert_eq!(report["valid"]["n_invalid"], 1);
    // a rule knows the default text, whatever the model says
    assert_eq!(report["valid"]["recall"], 1.0);
    assert!(report.get("polarity").is_none());
}

#[test]
fn a_file_with_two_class_labels_alone_gives_polarity_and_null_heads() {
    let directory = tempfile::tempdir().unwrap();
    let lines = "{\"text\":\"质量很好，非常满意\",\"label\":1}\n{\"text\":\"太差了，用了一天就坏了\",\"label\":0}\n";
    let file = gzipped(directory.path(), "polarity.jsonl.gz", lines);
    let promise = "a_file_with_two_class_labels_alone_gives_polarity_and_null_heads";
    let Some(text) = output(promise, &["model", "eval", &file, "--json"]) else {
        return;
    };
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["polarity"]["accuracy"], 1.0);
    for head in ["sentiment", "aspects", "severity", "intent", "valid"] {
        assert_eq!(report.get(head), Some(&Value::Null), "{head}");
    }
}

#[test]
fn errors_are_shown_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = "{\"id\":\"w\",\"text\":\"质量很好，非常满意\",\"sentiment\":\"negative\"}\n";
    let file = gzipped(directory.path(), "wrong.jsonl.gz", wrong);
    let Some(text) = output(
        "errors_are_shown_on_request",
        &["model", "eval", &file, "--errors", "5"],
    ) else {
        return;
    };
    assert!(text.contains("sentiment: negative → positive"), "{text}");
}

#[test]
fn a_line_that_is_not_labelled_text_is_named_by_file_and_number() {
    let directory = tempfile::tempdir().unwrap();
    let file = gzipped(
        directory.path(),
        "broken.jsonl.gz",
        "{\"text\":\"好\",\"label\":1}\n\n{\"label\":1}\n",
    );
    let output = qingting(&["model", "eval", &file]);
    let message = String::from_utf8_lossy(&output.stderr);
    if message.contains("onnx runtime library not found") {
        println!("skipped: a_line_that_is_not_labelled_text_is_named_by_file_and_number: onnx runtime library missing");
        return;
    }
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("broken.jsonl.gz:3"), "{message}");
}

#[test]
fn info_says_what_the_model_is() {
    let Some(text) = output("info_says_what_the_model_is", &["model", "info", "--json"]) else {
        return;
    };
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["manifest"]["name"], "fast");
    assert_eq!(
        report["manifest"]["heads"]["aspects"]["labels"]
            .as_array()
            .map(Vec::len),
        Some(16)
    );
}

#[test]
fn an_unknown_model_is_refused_with_the_places_looked_in() {
    let output = qingting(&["model", "info", "--model", "no-such-model"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("no-such-model") && message.contains("QINGTING_MODELS"),
        "{message}"
    );
}

#[test]
fn a_model_of_ones_own_is_checked_and_all_that_is_wrong_is_said() {
    use tiny_model::{Fault, Kind};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    tiny_model::write(directory.path(), "mine", Kind::HuggingFace, Fault::None);
    let promise = "a_model_of_ones_own_is_checked_and_all_that_is_wrong_is_said";
    let checked = qingting(&["model", "check", &path, "--json"]);
    if String::from_utf8_lossy(&checked.stdout).contains("onnx runtime library not found") {
        println!("skipped: {promise}: onnx runtime library missing, run scripts/setup.sh");
        return;
    }
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(report["ok"], true);
    assert_eq!(report["name"], "mine");

    tiny_model::write(directory.path(), "mine", Kind::HuggingFace, Fault::MissingHead);
    std::fs::write(directory.path().join("tokenizer.json"), "{}").unwrap();
    let checked = qingting(&["model", "check", &path]);
    assert_eq!(checked.status.code(), Some(1));
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        text.contains("tokenizer.json: sha256") && text.contains("heads.intent.output"),
        "{text}"
    );
    assert!(text.contains("2 problems"), "{text}");
    let missing = qingting(&["model", "check", "/nowhere"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn evaluation_of_a_cascade_says_what_was_passed_on() {
    use tiny_model::{Fault, Kind};
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    tiny_model::write(&root.join("one"), "one", Kind::WordPiece, Fault::None);
    tiny_model::write(&root.join("two"), "two", Kind::HuggingFace, Fault::None);
    tiny_model::write_cascade(&root.join("both"), "one", "two", "sentiment_below = 1.0");
    let file = gzipped(root, "labelled.jsonl.gz", LABELLED);
    let both = root.join("both").display().to_string();
    let arguments = ["model", "eval", &file, "--model", &both, "--json"];
    let Some(text) = output("evaluation_of_a_cascade_says_what_was_passed_on", &arguments) else {
        return;
    };
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["model"]["name"], "both");
    assert_eq!(report["passed_on"]["n"], 3);
    assert_eq!(report["passed_on"]["share"], 1.0);
    let Some(text) = output(
        "evaluation_of_a_cascade_says_what_was_passed_on",
        &["model", "info", "--model", &both],
    ) else {
        return;
    };
    assert!(
        text.contains("one 1") && text.contains("two 1") && text.contains("sentiment_below 1.00"),
        "{text}"
    );
}

#[test]
fn the_models_that_ship_have_learnt_the_corrections() {
    let promise = "the_models_that_ship_have_learnt_the_corrections";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/train/corrections.jsonl");
    let file = file.display().to_string();
    for name in ["fast", "precise"] {
        let Some(text) = output(promise, &["model", "eval", &file, "--model", name, "--json"]) else {
            return;
        };
        let report: Value = serde_json::from_str(&text).unwrap();
        // a quarter of them is kept apart from both
        let accuracy = report["sentiment"]["accuracy"].as_f64().unwrap();
        assert!(accuracy > 0.85, "{name}: {}", report["sentiment"]);
    }
}
