//! An evaluation as a terminal shows it.

use crate::classify::Evaluation;
use std::fmt::Write as _;

pub(super) fn table(evaluation: &Evaluation) -> String {
    let mut out = String::new();
    let model = &evaluation.model;
    // writing to a string cannot fail
    let _ = writeln!(
        out,
        "{} texts, model {} {} ({}), {:.0} texts/s\n",
        evaluation.n,
        model.name,
        model.version,
        model.sha256.get(..12).unwrap_or(&model.sha256),
        evaluation.texts_per_second
    );
    if let Some(report) = &evaluation.sentiment {
        let _ = writeln!(
            out,
            "sentiment   accuracy {:.4}  macro F1 {:.4}  calibration error {:.4}",
            report.head.accuracy, report.head.macro_f1, report.ece
        );
    }
    if let Some(report) = &evaluation.aspects {
        let _ = writeln!(
            out,
            "aspects     micro F1 {:.4}  macro F1 {:.4}  negative macro F1 {:.4}",
            report.micro_f1, report.macro_f1, report.negative_macro_f1
        );
    }
    for (name, report) in [("severity", &evaluation.severity), ("intent", &evaluation.intent)] {
        if let Some(report) = report {
            let _ = writeln!(
                out,
                "{name:<11} accuracy {:.4}  macro F1 {:.4}",
                report.accuracy, report.macro_f1
            );
        }
    }
    if let Some(report) = &evaluation.valid {
        let _ = writeln!(
            out,
            "invalid     precision {:.4}  recall {:.4}  of {}",
            report.precision, report.recall, report.n_invalid
        );
    }
    if let Some(report) = &evaluation.polarity {
        let _ = writeln!(out, "polarity    accuracy {:.4}  of {}", report.accuracy, report.n);
    }
    if let Some(report) = &evaluation.aspects {
        let _ = writeln!(out, "\naspect           polarity  precision  recall     F1      n");
        for (aspect, polarities) in &report.per_aspect {
            for (polarity, pair) in polarities {
                let _ = writeln!(
                    out,
                    "{aspect:<16} {polarity:<9}     {:.3}   {:.3}  {:.3}  {:>5}",
                    pair.precision, pair.recall, pair.f1, pair.n
                );
            }
        }
    }
    if !evaluation.by_source.is_empty() {
        let _ = writeln!(
            out,
            "\nsource                                     n  sentiment  aspects  severity  intent  polarity"
        );
        for (source, report) in &evaluation.by_source {
            let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
            let _ = writeln!(
                out,
                "{source:<36} {:>7}  {:>9}  {:>7}  {:>8}  {:>6}  {:>8}",
                report.n,
                cell(report.sentiment_accuracy),
                cell(report.aspects_micro_f1),
                cell(report.severity_accuracy),
                cell(report.intent_accuracy),
                cell(report.polarity_accuracy)
            );
        }
    }
    out
}
