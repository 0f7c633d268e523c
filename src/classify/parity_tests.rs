//! tract gives the answers of ONNX Runtime.

use super::tiny_model::{self, Fault, Kind};
use super::*;
use crate::config::{ModelConfig, ModelRuntime};
use crate::normalize::fold_char;
use std::path::Path;

fn answers(directory: &Path, runtime: ModelRuntime, texts: &[String]) -> Option<Vec<Prediction>> {
    let config = ModelConfig {
        runtime,
        ..ModelConfig::named(directory.display().to_string())
    };
    let model = match Model::load(&config) {
        Ok(model) => model,
        Err(ClassifyError::RuntimeNotFound { .. }) => {
            println!("skipped: both_runtimes_answer_alike: onnx runtime library missing, run scripts/setup.sh");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let mut classifier = model.classifier().unwrap();
    Some(classifier.classify_texts(texts.len(), |index| &texts[index]).unwrap())
}

/// Texts of all lengths, made of what customers say.
fn texts() -> Vec<String> {
    let parts = [
        "快递太慢了",
        "客服不理人",
        "质量很好",
        "包装破了",
        "多少钱?",
        "会死人的",
        "ok",
        " 😀 ",
        "建议改进一下",
        "还行吧",
    ];
    (0..300usize)
        .map(|n| {
            let words = (0..n % 23).map(|at| parts[(n * 7 + at * at + at) % parts.len()]);
            words.collect::<Vec<_>>().join(",").chars().map(fold_char).collect()
        })
        .collect()
}

#[test]
fn both_runtimes_answer_alike() {
    let directory = tempfile::tempdir().unwrap();
    tiny_model::write(directory.path(), "mine", Kind::WordPiece, Fault::None);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fast");
    let texts = texts();
    for model in [directory.path(), shipped.as_path()] {
        let tract = answers(model, ModelRuntime::Tract, &texts).unwrap();
        let Some(ort) = answers(model, ModelRuntime::OnnxRuntime, &texts) else {
            return;
        };
        for ((one, other), text) in ort.iter().zip(&tract).zip(&texts) {
            let labels = |p: &Prediction| {
                let aspects: Vec<(String, String)> = p
                    .aspects
                    .iter()
                    .map(|a| (a.aspect.clone(), a.polarity.clone()))
                    .collect();
                (
                    p.sentiment.label.clone(),
                    p.severity.label.clone(),
                    p.intent.label.clone(),
                    p.valid.label,
                    aspects,
                )
            };
            assert_eq!(labels(one), labels(other), "{}: {text}", model.display());
            assert!(
                (one.sentiment.p.negative - other.sentiment.p.negative).abs() < 1e-3,
                "{text}"
            );
        }
    }
}

#[test]
fn tract_needs_no_shared_library() {
    let directory = tempfile::tempdir().unwrap();
    for kind in [Kind::WordPiece, Kind::HuggingFace] {
        tiny_model::write(directory.path(), "mine", kind, Fault::None);
        let config = ModelConfig {
            runtime: ModelRuntime::Tract,
            ..ModelConfig::named(directory.path().display().to_string())
        };
        let check = ModelCheck::of(directory.path(), &config);
        assert!(check.ok, "{check:#?}");
    }
}

#[test]
fn the_shipped_transformer_answers_alike_on_both() {
    let Ok(directory) = find_model("precise") else {
        // not every checkout has one
        return;
    };
    let texts: Vec<String> = texts().into_iter().step_by(25).collect();
    let tract = answers(&directory, ModelRuntime::Tract, &texts).unwrap();
    let Some(ort) = answers(&directory, ModelRuntime::OnnxRuntime, &texts) else {
        return;
    };
    for ((one, other), text) in ort.iter().zip(&tract).zip(&texts) {
        assert!(
            (one.sentiment.p.negative - other.sentiment.p.negative).abs() < 0.02,
            "{text}: {one:?} {other:?}"
        );
    }
}
