//! `models/taxonomy.toml`: the ids that records hold, with names for people.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

const FILE: &str = include_str!("../../models/taxonomy.toml");

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxonomy {
    pub schema: String,
    pub version: String,
    /// Chinese names.
    pub sentiment: BTreeMap<String, String>,
    pub severity: BTreeMap<String, Label>,
    pub intent: BTreeMap<String, Label>,
    /// In the order of the labelling guide.
    #[serde(rename = "aspect")]
    pub aspects: Vec<AspectEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    pub zh: String,
    pub covers: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AspectEntry {
    pub id: String,
    /// Chinese name of the group.
    pub group: String,
    pub zh: String,
    pub covers: String,
}

impl Taxonomy {
    /// The taxonomy that is built in.
    pub fn get() -> &'static Self {
        static TAXONOMY: OnceLock<Taxonomy> = OnceLock::new();
        // a test parses the file, so the empty one is never seen
        TAXONOMY.get_or_init(|| toml::from_str(FILE).unwrap_or_default())
    }

    pub fn aspect(&self, id: &str) -> Option<&AspectEntry> {
        self.aspects.iter().find(|aspect| aspect.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{INTENTS, SENTIMENTS, SEVERITIES};
    use super::*;

    #[test]
    fn the_taxonomy_names_every_answer() {
        let taxonomy: Taxonomy = toml::from_str(FILE).unwrap();
        assert_eq!(taxonomy.schema, "qingting.taxonomy/1");
        assert_eq!(taxonomy.aspects.len(), 16);
        assert!(SENTIMENTS.iter().all(|label| taxonomy.sentiment.contains_key(*label)));
        assert!(SEVERITIES.iter().all(|label| taxonomy.severity.contains_key(*label)));
        assert!(INTENTS.iter().all(|label| taxonomy.intent.contains_key(*label)));
        assert_eq!(
            Taxonomy::get().aspect("logistics").map(|aspect| aspect.zh.as_str()),
            Some("物流配送")
        );
    }
}
