//! A model that a user brings keeps the stage's promises: proven with a tiny transformer.

use super::tiny_model::{self, Fault, Kind, POISON};
use super::*;
use crate::config::ModelConfig;
use std::path::Path;
use std::sync::Arc;

/// The model of a directory, or `None` with a note where the ONNX Runtime library is not set up.
fn load(directory: &Path, promise: &str) -> Option<Arc<Model>> {
    match Model::load(&ModelConfig::named(directory.display().to_string())) {
        Ok(model) => Some(model),
        Err(ClassifyError::RuntimeNotFound { .. }) => {
            println!("skipped: {promise}: onnx runtime library missing, run scripts/setup.sh");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn answers(model: &Arc<Model>, texts: &[&str]) -> Vec<Prediction> {
    let mut classifier = model.classifier().unwrap();
    classifier.classify_texts(texts.len(), |index| texts[index]).unwrap()
}

const TEXTS: [&str; 10] = [
    "[SEP] 很好 [CLS][UNK]",
    "快递太慢了",
    "东西很好",
    "质量差，客服不理人",
    "",
    "好",
    "ok abc 123",
    "สวัสดี",
    "😀😀😀",
    "东西很好东西很好东西很好东西很好东西很好东西很好东西很好东西很好东西很好质量差",
];

#[test]
fn a_transformer_works_by_its_manifest_alone() {
    for kind in [Kind::WordPiece, Kind::HuggingFace] {
        let directory = tempfile::tempdir().unwrap();
        tiny_model::write(directory.path(), "mine", kind, Fault::None);
        let Some(model) = load(directory.path(), "a_transformer_works_by_its_manifest_alone") else {
            return;
        };
        assert_eq!(model.reference().name, "mine");
        let answers = answers(&model, &["好", "差"]);
        assert_eq!(answers[0].sentiment.label, "positive", "{kind:?} {:?}", answers[0]);
        assert_eq!(answers[1].sentiment.label, "negative", "{kind:?} {:?}", answers[1]);
        let mut classifier = model.classifier().unwrap();
        let vectors = classifier.vectors(TEXTS.len(), |index| TEXTS[index]).unwrap();
        assert!(vectors.iter().all(|vector| vector.len() == 8), "{vectors:?}");
        assert_ne!(vectors[0], vectors[1]);
    }
}

#[test]
fn a_tokenizer_json_gives_the_answers_of_its_vocabulary() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (directory.path().join("one"), directory.path().join("other"));
    tiny_model::write(&one, "mine", Kind::WordPiece, Fault::None);
    tiny_model::write(&other, "mine", Kind::HuggingFace, Fault::None);
    let promise = "a_tokenizer_json_gives_the_answers_of_its_vocabulary";
    let (Some(one), Some(other)) = (load(&one, promise), load(&other, promise)) else {
        return;
    };
    assert_eq!(answers(&one, &TEXTS), answers(&other, &TEXTS));
}

#[test]
fn a_transformer_gives_a_text_the_same_answer_in_any_batch() {
    for batch_texts in ["", "batch_texts = 8\n"] {
        let directory = tempfile::tempdir().unwrap();
        let manifest = tiny_model::write(directory.path(), "mine", Kind::WordPiece, Fault::None);
        let manifest = format!("{batch_texts}{manifest}");
        std::fs::write(directory.path().join("manifest.toml"), manifest).unwrap();
        let Some(model) = load(
            directory.path(),
            "a_transformer_gives_a_text_the_same_answer_in_any_batch",
        ) else {
            return;
        };
        let alone: Vec<Prediction> = TEXTS.iter().map(|text| answers(&model, &[text]).remove(0)).collect();
        for copies in [1, 3, 7, 40] {
            let batch: Vec<&str> = TEXTS
                .iter()
                .flat_map(|text| std::iter::repeat_n(*text, copies))
                .collect();
            for (index, answer) in answers(&model, &batch).iter().enumerate() {
                assert_eq!(answer, &alone[index / copies], "{copies} × {}", batch[index]);
            }
        }
    }
}

#[test]
fn one_text_at_a_time_keeps_a_graph_that_mixes_texts_to_its_word() {
    let directory = tempfile::tempdir().unwrap();
    tiny_model::write(directory.path(), "mine", Kind::WordPiece, Fault::BatchDependent);
    let Some(model) = load(
        directory.path(),
        "one_text_at_a_time_keeps_a_graph_that_mixes_texts_to_its_word",
    ) else {
        return;
    };
    let alone: Vec<Prediction> = TEXTS.iter().map(|text| answers(&model, &[text]).remove(0)).collect();
    assert_eq!(answers(&model, &TEXTS), alone);
}

#[test]
fn hostile_texts_are_answered_in_bounded_time_and_leave_their_neighbours_alone() {
    for kind in [Kind::WordPiece, Kind::HuggingFace] {
        let directory = tempfile::tempdir().unwrap();
        tiny_model::write(directory.path(), "mine", kind, Fault::None);
        let promise = "hostile_texts_are_answered_in_bounded_time_and_leave_their_neighbours_alone";
        let Some(model) = load(directory.path(), promise) else {
            return;
        };
        let hostile = [
            "😀".repeat(10_000),
            "好".repeat(100_000),
            "a".repeat(100_000),
            " ".repeat(100_000),
            "\u{0}\u{FFFD}\u{200B}".to_owned(),
            "e\u{301}".repeat(50_000),
        ];
        let texts: Vec<&str> = hostile.iter().map(String::as_str).chain(TEXTS).collect();
        let watch = crate::clock::Stopwatch::start();
        let together = answers(&model, &texts);
        assert!(watch.elapsed().as_secs() < 20, "{kind:?} {:?}", watch.elapsed());
        assert_eq!(together[hostile.len()..], answers(&model, &TEXTS));
    }
}

#[test]
fn what_is_no_number_becomes_a_neutral_answer_of_low_confidence() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = tiny_model::write(directory.path(), "mine", Kind::WordPiece, Fault::NotANumber);
    let path = directory.path().join("manifest.toml");
    std::fs::write(path, format!("batch_texts = 8\n{manifest}")).unwrap();
    let promise = "what_is_no_number_becomes_a_neutral_answer_of_low_confidence";
    let Some(model) = load(directory.path(), promise) else {
        return;
    };
    let poisoned = format!("很{POISON}");
    let mut classifier = model.classifier().unwrap();
    // of one length, so that they are in one run
    let texts = ["很好", poisoned.as_str(), "很差"];
    let predictions = classifier.classify_texts(3, |index| texts[index]).unwrap();
    assert!(predictions[1].low_confidence);
    assert_eq!(predictions[1].sentiment.label, "neutral");
    assert_eq!(predictions[1].severity.label, "none");
    assert_eq!(predictions[1].intent.label, "other");
    assert!(predictions[1].valid.label && predictions[1].aspects.is_empty());
    assert_eq!(predictions[0].sentiment.label, "positive");
    assert_eq!(predictions[2].sentiment.label, "negative");
    assert_eq!(classifier.tally().not_finite, 1);
}

#[test]
fn a_graph_that_breaks_the_contract_is_refused_when_the_session_is_made() {
    for (fault, named) in [
        (Fault::MissingHead, "heads.intent.output"),
        (Fault::WrongWidth, "heads.severity.output"),
        (Fault::FixedLength, "tokenizer.ids"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        tiny_model::write(directory.path(), "mine", Kind::WordPiece, fault);
        let promise = "a_graph_that_breaks_the_contract_is_refused_when_the_session_is_made";
        let Some(model) = load(directory.path(), promise) else {
            return;
        };
        let error = model.classifier().err().unwrap();
        assert_eq!(error.code(), "model_session");
        assert!(
            error.to_string().contains(named) && !error.to_string().contains('\n'),
            "{error}"
        );
    }
}

#[test]
fn files_that_are_wrong_are_refused_with_their_path() {
    let directory = tempfile::tempdir().unwrap();
    for (kind, file) in [(Kind::WordPiece, "vocab.txt"), (Kind::HuggingFace, "tokenizer.json")] {
        tiny_model::write(directory.path(), "mine", kind, Fault::None);
        std::fs::write(directory.path().join(file), b"{}").unwrap();
        let error = Model::load(&ModelConfig::named(directory.path().display().to_string())).unwrap_err();
        assert_eq!(error.code(), "model_hash");
        assert!(error.to_string().contains(file), "{error}");
    }
}

fn cascade(pass_on: &str, promise: &str) -> Option<(tempfile::TempDir, Arc<Model>)> {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    tiny_model::write(&root.join("one"), "one", Kind::WordPiece, Fault::None);
    // the same weights, so that what is passed on can be told by the head that the other has not the same
    let manifest = tiny_model::write(&root.join("two"), "two", Kind::HuggingFace, Fault::BatchDependent);
    std::fs::write(root.join("two/manifest.toml"), manifest).unwrap();
    tiny_model::write_cascade(&root.join("both"), "one", "../two", pass_on);
    let model = load(&root.join("both"), promise)?;
    Some((directory, model))
}

#[test]
fn a_cascade_passes_on_what_the_fast_model_is_unsure_of() {
    let promise = "a_cascade_passes_on_what_the_fast_model_is_unsure_of";
    for (pass_on, passed) in [
        ("", false),
        ("sentiment_below = 1.0", true),
        ("urgent_from = 0.0", true),
    ] {
        let Some((directory, both)) = cascade(pass_on, promise) else {
            return;
        };
        assert_eq!(both.reference().name, "both");
        let expected = directory.path().join(if passed { "two" } else { "one" });
        let expected = answers(&load(&expected, promise).unwrap(), &TEXTS);
        let mut classifier = both.classifier().unwrap();
        let found = classifier.classify_texts(TEXTS.len(), |index| TEXTS[index]).unwrap();
        assert_eq!(found, expected, "{pass_on}");
        let passed_on = if passed { TEXTS.len() as u64 } else { 0 };
        assert_eq!(classifier.tally().passed_on, passed_on, "{pass_on}");
        assert_eq!(classifier.tally().texts, TEXTS.len() as u64);
    }
}

#[test]
fn a_cascade_decides_by_the_text_alone() {
    let Some((_directory, both)) = cascade("sentiment_below = 0.75", "a_cascade_decides_by_the_text_alone") else {
        return;
    };
    let alone: Vec<Prediction> = TEXTS.iter().map(|text| answers(&both, &[text]).remove(0)).collect();
    let mut classifier = both.classifier().unwrap();
    assert_eq!(
        classifier.classify_texts(TEXTS.len(), |index| TEXTS[index]).unwrap(),
        alone
    );
    let passed_on = classifier.tally().passed_on;
    assert!(
        0 < passed_on && passed_on < TEXTS.len() as u64,
        "{passed_on} of {}",
        TEXTS.len()
    );
    let batch: Vec<&str> = TEXTS.iter().rev().flat_map(|text| [*text; 5]).collect();
    for (index, answer) in answers(&both, &batch).iter().enumerate() {
        assert_eq!(answer, &alone[TEXTS.len() - 1 - index / 5]);
    }
}

#[test]
fn a_cascade_without_one_of_its_models_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    tiny_model::write(&directory.path().join("one"), "one", Kind::WordPiece, Fault::None);
    tiny_model::write_cascade(&directory.path().join("both"), "one", "nowhere", "");
    let error = Model::load(&ModelConfig::named(directory.path().join("both").display().to_string())).unwrap_err();
    assert_eq!(error.code(), "model_not_found");
    assert!(error.to_string().contains("nowhere"), "{error}");
    tiny_model::write_cascade(&directory.path().join("both"), "one", "../both", "");
    let error = Model::load(&ModelConfig::named(directory.path().join("both").display().to_string())).unwrap_err();
    assert_eq!(error.code(), "model_manifest");
}

fn check(directory: &Path) -> ModelCheck {
    let name = directory.display().to_string();
    ModelCheck::of(directory, &ModelConfig::named(name))
}

#[test]
fn a_check_finds_nothing_wrong_with_a_model_that_keeps_the_contract() {
    for kind in [Kind::WordPiece, Kind::HuggingFace] {
        let directory = tempfile::tempdir().unwrap();
        tiny_model::write(directory.path(), "mine", kind, Fault::None);
        let promise = "a_check_finds_nothing_wrong_with_a_model_that_keeps_the_contract";
        if load(directory.path(), promise).is_none() {
            return;
        }
        let check = check(directory.path());
        assert!(check.ok, "{check:#?}");
        assert_eq!(check.name.as_deref(), Some("mine"));
        assert!(check.tried.len() >= 10);
    }
}

#[test]
fn a_check_says_everything_that_is_wrong_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = tiny_model::write(directory.path(), "mine", Kind::WordPiece, Fault::MissingHead);
    let promise = "a_check_says_everything_that_is_wrong_at_once";
    if load(directory.path(), promise).is_none() {
        return;
    }
    let manifest = manifest
        .replace("thresholds = [0.5, 0.5]", "thresholds = [0.5]")
        .replace("mask = \"attention_mask\"", "mask = \"padding_mask\"")
        .replace("dimension = 8", "dimension = 9");
    std::fs::write(directory.path().join("manifest.toml"), manifest).unwrap();
    std::fs::write(directory.path().join("vocab.txt"), "[PAD]\n").unwrap();
    let check = check(directory.path());
    assert!(!check.ok && check.tried.is_empty());
    for named in [
        "heads.aspects.thresholds",
        "vocab.txt: sha256",
        "heads.intent.output",
        "tokenizer.mask",
        "attention_mask int64 [any, any] that the manifest does not name",
        "vector.output",
    ] {
        assert!(
            check.problems.iter().any(|problem| problem.contains(named)),
            "{named}: {:#?}",
            check.problems
        );
    }
    assert!(check.problems.iter().all(|problem| !problem.contains('\n')));
}

#[test]
fn a_check_names_a_graph_whose_answers_depend_on_neighbours() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = tiny_model::write(directory.path(), "mine", Kind::WordPiece, Fault::BatchDependent);
    let promise = "a_check_names_a_graph_whose_answers_depend_on_neighbours";
    if load(directory.path(), promise).is_none() {
        return;
    }
    assert!(check(directory.path()).ok);
    let path = directory.path().join("manifest.toml");
    std::fs::write(path, format!("batch_texts = 8\n{manifest}")).unwrap();
    let check = check(directory.path());
    assert_eq!(check.problems.len(), 1, "{check:#?}");
    assert!(check.problems[0].contains("batch_texts = 1"), "{check:#?}");
}

#[test]
fn a_check_looks_into_both_models_of_a_cascade() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    tiny_model::write(&root.join("one"), "one", Kind::WordPiece, Fault::WrongWidth);
    tiny_model::write(&root.join("two"), "two", Kind::HuggingFace, Fault::MissingHead);
    tiny_model::write_cascade(&root.join("both"), "one", "two", "urgent_from = 1.5");
    let check = check(&root.join("both"));
    assert!(
        check
            .problems
            .iter()
            .any(|problem| problem.contains("cascade.pass_on.urgent_from"))
    );
    if check
        .problems
        .iter()
        .any(|problem| problem.contains("onnx runtime library"))
    {
        println!("skipped: a_check_looks_into_both_models_of_a_cascade: onnx runtime library missing");
        return;
    }
    assert!(
        check
            .problems
            .iter()
            .any(|problem| problem.contains("heads.severity.output"))
    );
    assert!(
        check
            .problems
            .iter()
            .any(|problem| problem.contains("heads.intent.output"))
    );
}

/// Written by the training code beside the model, from invented texts.
#[derive(serde::Deserialize)]
struct Vector {
    text: String,
    ids: Vec<i32>,
    sentiment: [f32; 3],
    severity: [f32; 4],
    intent: [f32; 5],
}

#[test]
fn the_shipped_transformer_answers_as_it_did_in_training() {
    let promise = "the_shipped_transformer_answers_as_it_did_in_training";
    let Ok(directory) = super::locate::model_directory("precise") else {
        // not every checkout has one: the fast model is what must be there
        return;
    };
    let vectors = std::fs::read_to_string(directory.join("vectors.json")).unwrap();
    let vectors: Vec<Vector> = serde_json::from_str(&vectors).unwrap();
    let Some(model) = load(&directory, promise) else {
        return;
    };
    let folded: Vec<String> = vectors
        .iter()
        .map(|vector| vector.text.chars().map(crate::normalize::fold_char).collect())
        .collect();
    let texts: Vec<&str> = folded.iter().map(String::as_str).collect();
    for (vector, text) in vectors.iter().zip(&texts) {
        let (mut ids, mut scratch) = (Vec::new(), super::tokenize::Scratch::default());
        model.graphs()[0].encoder.encode(text, &mut scratch, &mut ids).unwrap();
        assert_eq!(ids, vector.ids, "{text}");
    }
    for (vector, answer) in vectors.iter().zip(answers(&model, &texts)) {
        let (s, v, i) = (answer.sentiment.p, answer.severity.p, answer.intent.p);
        let found = [
            s.positive,
            s.negative,
            s.neutral,
            v.urgent,
            v.normal,
            v.minor,
            v.none,
            i.complaint,
            i.suggestion,
            i.question,
            i.praise,
            i.other,
        ];
        let expected: Vec<f32> = vector
            .sentiment
            .iter()
            .chain(&vector.severity)
            .chain(&vector.intent)
            .copied()
            .collect();
        let furthest = found
            .iter()
            .zip(&expected)
            .map(|(one, other)| (one - other).abs())
            .fold(0.0, f32::max);
        assert!(
            furthest < 0.02,
            "{}: {found:?}, training said {expected:?}",
            vector.text
        );
    }
}

#[test]
fn in_a_cascade_one_model_stands_in_where_the_other_has_no_number() {
    let promise = "in_a_cascade_one_model_stands_in_where_the_other_has_no_number";
    let text = format!("{POISON}很好");
    for (fast, precise, passed_on) in [(Fault::NotANumber, Fault::None, 1), (Fault::None, Fault::NotANumber, 1)] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        tiny_model::write(&root.join("one"), "one", Kind::WordPiece, fast);
        tiny_model::write(&root.join("two"), "two", Kind::WordPiece, precise);
        tiny_model::write_cascade(&root.join("both"), "one", "two", "sentiment_below = 1.0");
        let Some(both) = load(&root.join("both"), promise) else {
            return;
        };
        let mut classifier = both.classifier().unwrap();
        let answer = classifier.classify_texts(1, |_| &text).unwrap().remove(0);
        assert_eq!(answer.sentiment.label, "positive", "{fast:?} {precise:?} {answer:?}");
        let tally = classifier.tally();
        assert_eq!((tally.passed_on, tally.not_finite), (passed_on, 0));
    }
}
