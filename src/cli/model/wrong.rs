//! Wrong answers, for a person to argue with.

use crate::classify::Outcome;

/// A text with at least one wrong answer, for a person to argue with.
#[derive(Debug, serde::Serialize)]
pub(super) struct WrongAnswer {
    pub id: Option<String>,
    pub text: String,
    /// `head: label → answer (probability)`.
    pub wrong: Vec<String>,
}

impl WrongAnswer {
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let Outcome {
            text,
            prediction,
            valid,
        } = outcome;
        let mut wrong = Vec::new();
        let mut compare = |head: &str, label: &Option<String>, answer: &str, p: f32| {
            if let Some(label) = label
                && label != answer
            {
                wrong.push(format!("{head}: {label} → {answer} ({p:.2})"));
            }
        };
        let sentiment = prediction.sentiment.p;
        compare(
            "sentiment",
            &text.sentiment,
            &prediction.sentiment.label,
            sentiment.positive.max(sentiment.negative).max(sentiment.neutral),
        );
        let severity = prediction.severity.p;
        compare(
            "severity",
            &text.severity,
            &prediction.severity.label,
            severity
                .urgent
                .max(severity.normal)
                .max(severity.minor)
                .max(severity.none),
        );
        let intent = prediction.intent.p;
        compare(
            "intent",
            &text.intent,
            &prediction.intent.label,
            intent
                .complaint
                .max(intent.suggestion)
                .max(intent.question)
                .max(intent.praise)
                .max(intent.other),
        );
        if let Some(labels) = &text.aspects {
            let mut labels: Vec<String> = labels
                .iter()
                .map(|label| format!("{} {}", label.aspect, label.polarity))
                .collect();
            let mut answers: Vec<String> = prediction
                .aspects
                .iter()
                .map(|aspect| format!("{} {}", aspect.aspect, aspect.polarity))
                .collect();
            labels.sort();
            answers.sort();
            if labels != answers {
                wrong.push(format!("aspects: {} → {}", listed(&labels), listed(&answers)));
            }
        }
        if let Some(label) = text.valid
            && label != *valid
        {
            wrong.push(format!("valid: {label} → {valid} ({:.2})", prediction.valid.p));
        }
        (!wrong.is_empty()).then(|| Self {
            id: text.id.clone(),
            text: text.text.split_whitespace().collect::<Vec<_>>().join(" "),
            wrong,
        })
    }
}

fn listed(words: &[String]) -> String {
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}
