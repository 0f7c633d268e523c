//! The table of the module's head, as code.

use crate::item::{Aspect, Item};

/// Reactions from which on an item counts as widely seen.
pub const WIDELY_SEEN: u64 = 1_000;

/// Aspects whose urgent complaints cannot wait: people, money, the core function, fraud.
const PRESSING: [&str; 4] = ["safety", "billing", "function", "authenticity"];
/// Reactions that take a reader's act; views are not among them.
const REACTIONS: [&str; 5] = ["like", "comment", "share", "collect", "useful"];

pub(super) fn hint(
    item: &Item,
    valid: bool,
    sentiment: &str,
    severity: &str,
    intent: &str,
    aspects: &[Aspect],
    low_confidence: bool,
) -> &'static str {
    if !valid {
        return "P3";
    }
    let complaint = intent == "complaint";
    let widely_seen = || reactions(item) >= WIDELY_SEEN;
    match severity {
        "urgent" => {
            let certain = complaint && sentiment == "negative" && !low_confidence;
            if certain && (is_pressing(aspects) || widely_seen()) {
                "P0"
            } else {
                "P1"
            }
        }
        "normal" if complaint && widely_seen() => "P1",
        "normal" => "P2",
        "minor" if complaint && widely_seen() => "P2",
        "none" if matches!(intent, "question" | "suggestion") && widely_seen() => "P2",
        _ => "P3",
    }
}

fn is_pressing(aspects: &[Aspect]) -> bool {
    aspects
        .iter()
        .any(|aspect| aspect.polarity == "negative" && PRESSING.contains(&aspect.aspect.as_str()))
}

fn reactions(item: &Item) -> u64 {
    REACTIONS
        .iter()
        .filter_map(|name| item.engagement.get(*name))
        .fold(0, |sum, count| sum.saturating_add(count.n))
}
