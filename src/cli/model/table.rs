//! An evaluation as a terminal shows it.

use crate::classify::{Evaluation, HeadReport};
use std::fmt::Write as _;

pub(super) fn table(evaluation: &Evaluation) -> String {
    let mut out = String::new();
    let model = &evaluation.model;
    // writing to a string cannot fail
    let _ = writeln!(
        out,
        "{} texts, model {} {} ({}), {:.0} texts/s, {:.0} in classify alone",
        evaluation.n,
        model.name,
        model.version,
        model.sha256.get(..12).unwrap_or(&model.sha256),
        evaluation.texts_per_second,
        evaluation.classify_texts_per_second
    );
    if let Some(passed) = &evaluation.passed_on {
        let _ = writeln!(
            out,
            "passed on to the precise model: {} ({:.1} %)",
            passed.n,
            passed.share * 100.0
        );
    }
    if evaluation.not_finite > 0 {
        let _ = writeln!(out, "no number from the graph: {}", evaluation.not_finite);
    }
    let _ = writeln!(out);
    if let Some(report) = &evaluation.sentiment {
        let _ = writeln!(
            out,
            "sentiment   accuracy {}  macro F1 {:.4}  calibration error {:.4}",
            with(report.head.accuracy, report.head.accuracy_ci95),
            report.head.macro_f1,
            report.ece
        );
    }
    if let Some(report) = &evaluation.aspects {
        let _ = writeln!(
            out,
            "aspects     micro F1 {}  macro F1 {:.4}  negative macro F1 {}",
            with(report.micro_f1, report.micro_f1_ci95),
            report.macro_f1,
            with(report.negative_macro_f1, report.negative_macro_f1_ci95)
        );
    }
    for (name, report) in [("severity", &evaluation.severity), ("intent", &evaluation.intent)] {
        if let Some(report) = report {
            let _ = writeln!(
                out,
                "{name:<11} accuracy {}  macro F1 {:.4}",
                with(report.accuracy, report.accuracy_ci95),
                report.macro_f1
            );
        }
    }
    if let Some(report) = &evaluation.valid {
        let _ = writeln!(
            out,
            "invalid     precision {}  recall {}  of {}",
            with(report.precision, report.precision_ci95),
            with(report.recall, report.recall_ci95),
            report.n_invalid
        );
    }
    if let Some(report) = &evaluation.polarity {
        let _ = writeln!(
            out,
            "polarity    accuracy {}  of {}",
            with(report.accuracy, report.accuracy_ci95),
            report.n
        );
    }
    confusion(
        &mut out,
        "sentiment",
        evaluation.sentiment.as_ref().map(|report| &report.head),
    );
    confusion(&mut out, "severity", evaluation.severity.as_ref());
    confusion(&mut out, "intent", evaluation.intent.as_ref());
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

/// A score with its 95 % interval.
fn with(score: f64, interval: [f64; 2]) -> String {
    format!("{score:.4} [{:.3}, {:.3}]", interval[0], interval[1])
}

/// Labels down, answers across.
fn confusion(out: &mut String, head: &str, report: Option<&HeadReport>) {
    let Some(report) = report else { return };
    let mut names: Vec<&String> = report.confusion.keys().collect();
    names.extend(report.confusion.values().flat_map(|row| row.keys()));
    names.sort();
    names.dedup();
    let _ = write!(out, "\n{:<24}", format!("{head}: label \\ answer"));
    for name in &names {
        let _ = write!(out, "{name:>12}");
    }
    let _ = writeln!(out);
    for (label, row) in &report.confusion {
        let _ = write!(out, "{label:<24}");
        for name in &names {
            let _ = write!(out, "{:>12}", row.get(*name).copied().unwrap_or(0));
        }
        let _ = writeln!(out);
    }
}
