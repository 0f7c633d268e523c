//! [`Evidence`] from the committed index: fast fields for numbers, stored records for words and samples.

use super::calendar::delay_ms;
use super::dims::Dimension;
use super::error::TrendError;
use super::evidence::{Evidence, Scope, Showing, Support};
use crate::alert::{Interval, TermOdds};
use crate::index::schema::Fields;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use tantivy::columnar::{Column, StrColumn};
use tantivy::query::{AllQuery, BooleanQuery, EnableScoring, Occur, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DateTime, DocAddress, Searcher, SegmentReader, TantivyDocument, Term};

/// Records read for words and samples, per side.
const READ: usize = 400;
const TOP_TERMS: usize = 10;
const SAMPLES: usize = 3;
/// Values shown per split; the rest is left out.
const SPLIT_VALUES: usize = 10;
const SPLITS: [&str; 4] = ["source", "sentiment", "product", "region"];
/// The most urgent priority hint that at least one item in five has.
const PRIORITY_SHARE: u64 = 5;

/// Evidence from one generation of the index.
pub struct IndexEvidence<'a> {
    searcher: &'a Searcher,
    fields: &'a Fields,
}

impl<'a> IndexEvidence<'a> {
    pub fn new(searcher: &'a Searcher, fields: &'a Fields) -> Self {
        Self { searcher, fields }
    }
}

/// Where an item of the key stands, sorted by what does not depend on segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    published_at_ms: i64,
    id: (u64, u64),
    address: DocAddress,
}

#[derive(Default)]
struct Gathered {
    current: Vec<Found>,
    reference: Vec<Found>,
    raw: (u64, u64),
    authors: FxHashSet<u64>,
    without_author: u64,
    models: BTreeSet<String>,
    reference_models: BTreeSet<String>,
    /// Split or `owner` or `priority` → value → items in the window.
    counts: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

impl Evidence for IndexEvidence<'_> {
    fn support(&self, scope: &Scope<'_>) -> Result<Support, TrendError> {
        let gathered = self.gather(scope)?;
        Ok(Support {
            authors: gathered.authors.len() as u64 + gathered.without_author,
            models: gathered.models.into_iter().collect(),
            reference_models: gathered.reference_models.into_iter().collect(),
        })
    }

    fn showing(&self, scope: &Scope<'_>) -> Result<Showing, TrendError> {
        let mut gathered = self.gather(scope)?;
        gathered.current.sort_unstable();
        gathered.reference.sort_unstable();
        let current = self.read(&gathered.current)?;
        let reference = self.read(&gathered.reference)?;
        let owners = gathered.counts.remove("owner").unwrap_or_default();
        let priorities = gathered.counts.remove("priority").unwrap_or_default();
        let items: u64 = gathered.current.len() as u64;
        let mut split = BTreeMap::new();
        for name in SPLITS {
            split.insert(
                name.to_owned(),
                strongest(gathered.counts.remove(name).unwrap_or_default()),
            );
        }
        Ok(Showing {
            raw: gathered.raw,
            top_terms: top_terms(&current, &reference),
            split,
            samples: central(&current),
            owner: owners.into_iter().max_by_key(|(_, n)| *n).map(|(owner, _)| owner),
            priority: priorities
                .into_iter()
                .find(|(_, n)| n * PRIORITY_SHARE >= items)
                .map(|(priority, _)| priority),
        })
    }
}

impl IndexEvidence<'_> {
    fn query(&self, scope: &Scope<'_>) -> Box<dyn Query> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, Box::new(AllQuery))];
        for (dimension, value) in &scope.key {
            let Some(value) = value else { continue };
            let term = match dimension {
                Dimension::Rating => {
                    let tenths = value.parse::<f64>().map_or(0, |rating| (rating * 10.0).round() as u64);
                    Some(Term::from_field_u64(self.fields.rating, tenths))
                }
                Dimension::Valid => Some(Term::from_field_bool(self.fields.valid, value == "true")),
                other => self
                    .fields
                    .dimension(other.name())
                    .map(|field| Term::from_field_text(field, value)),
            };
            clauses.extend(term.map(|term| -> (Occur, Box<dyn Query>) {
                (Occur::Must, Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
            }));
        }
        if let Some(filter) = scope.filter {
            clauses.push((Occur::Must, filter.to_tantivy(self.fields)));
        }
        Box::new(BooleanQuery::new(clauses))
    }

    fn gather(&self, scope: &Scope<'_>) -> Result<Gathered, TrendError> {
        let query = self.query(scope);
        let weight = query.weight(EnableScoring::disabled_from_searcher(self.searcher))?;
        let mut gathered = Gathered::default();
        for (segment, reader) in self.searcher.segment_readers().iter().enumerate() {
            let columns = Columns::open(reader, scope)?;
            let mut docs = Vec::new();
            weight.for_each_no_score(reader, &mut |some| docs.extend_from_slice(some))?;
            for doc in docs {
                if reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc)) {
                    columns.gather(DocAddress::new(segment as u32, doc), scope, &mut gathered)?;
                }
            }
        }
        Ok(gathered)
    }

    /// At most [`READ`] of the records, evenly spread in time.
    fn read(&self, found: &[Found]) -> Result<Vec<Words>, TrendError> {
        let n = found.len().min(READ);
        (0..n)
            .map(|place| {
                let document: TantivyDocument = self.searcher.doc(found[place * found.len() / n].address)?;
                let json = document.get_first(self.fields.json).and_then(|value| value.as_bytes());
                let words = json.map(serde_json::from_slice::<Stored>).transpose()?;
                Ok(words.map(Words::from).unwrap_or_default())
            })
            .collect()
    }
}

struct Columns {
    published_at: Column<DateTime>,
    record_time: Column<DateTime>,
    precision: Column<u64>,
    id_hi: Column<u64>,
    id_lo: Column<u64>,
    author: Column<u64>,
    valid: Column<bool>,
    voice: Column<bool>,
    duplicate: Column<bool>,
    tombstone: Column<bool>,
    model: Option<StrColumn>,
    /// Columns of dimensions in which the key has no value.
    absent: Vec<StrColumn>,
    counted: Vec<(&'static str, StrColumn)>,
}

impl Columns {
    fn open(reader: &SegmentReader, scope: &Scope<'_>) -> Result<Self, TrendError> {
        let fast = reader.fast_fields();
        let mut absent = Vec::new();
        for (dimension, value) in &scope.key {
            if value.is_none() && dimension.is_text() {
                absent.extend(fast.str(dimension.name())?);
            }
        }
        let mut counted = Vec::new();
        for name in SPLITS.into_iter().chain(["owner", "priority"]) {
            counted.extend(fast.str(name)?.map(|column| (name, column)));
        }
        Ok(Self {
            published_at: fast.date("published_at")?,
            record_time: fast.date("record_time")?,
            precision: fast.u64("precision")?,
            id_hi: fast.u64("id_hi")?,
            id_lo: fast.u64("id_lo")?,
            author: fast.u64("author")?,
            valid: fast.bool("valid")?,
            voice: fast.bool("voice")?,
            duplicate: fast.bool("duplicate")?,
            tombstone: fast.bool("tombstone")?,
            model: fast.str("model")?,
            absent,
            counted,
        })
    }

    fn gather(&self, address: DocAddress, scope: &Scope<'_>, out: &mut Gathered) -> Result<(), TrendError> {
        let doc = address.doc_id;
        let is = |column: &Column<bool>| column.first(doc).unwrap_or(false);
        let (Some(published_at), Some(0..=3)) = (self.published_at.first(doc), self.precision.first(doc)) else {
            return Ok(());
        };
        if is(&self.tombstone) || self.absent.iter().any(|column| column.ords().first(doc).is_some()) {
            return Ok(());
        }
        let at_ms = published_at.into_timestamp_millis();
        let holds = |window: &Interval| (window.from..window.to).contains(&at_ms);
        let in_window = holds(&scope.window);
        if !in_window && !scope.reference_windows.iter().any(holds) {
            return Ok(());
        }
        if in_window {
            out.raw.0 += 1;
        } else {
            out.raw.1 += 1;
        }
        if !is(&self.valid) || !is(&self.voice) || is(&self.duplicate) {
            return Ok(());
        }
        let found = Found {
            published_at_ms: at_ms,
            id: (self.id_hi.first(doc).unwrap_or(0), self.id_lo.first(doc).unwrap_or(0)),
            address,
        };
        if !in_window {
            out.reference.push(found);
            return text_of(self.model.as_ref(), doc, &mut |model| {
                note_model(&mut out.reference_models, model);
            });
        }
        let record_time_ms = self
            .record_time
            .first(doc)
            .map_or(at_ms, DateTime::into_timestamp_millis);
        if delay_ms(record_time_ms, at_ms) > scope.lateness_ms {
            return Ok(());
        }
        out.current.push(found);
        match self.author.first(doc).unwrap_or(0) {
            0 => out.without_author += 1,
            author => {
                out.authors.insert(author);
            }
        }
        text_of(self.model.as_ref(), doc, &mut |model| {
            note_model(&mut out.models, model)
        })?;
        for (name, column) in &self.counted {
            text_of(Some(column), doc, &mut |value| {
                *out.counts.entry(name).or_default().entry(value.to_owned()).or_default() += 1;
            })?;
        }
        Ok(())
    }
}

fn note_model(models: &mut BTreeSet<String>, model: &str) {
    if !models.contains(model) {
        models.insert(model.to_owned());
    }
}

fn text_of(column: Option<&StrColumn>, doc: u32, with: &mut dyn FnMut(&str)) -> Result<(), TrendError> {
    if let Some(column) = column
        && let Some(ord) = column.ords().first(doc)
    {
        let mut text = String::new();
        column.ord_to_str(ord, &mut text)?;
        with(&text);
    }
    Ok(())
}

fn strongest(counts: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(SPLIT_VALUES);
    counts.into_iter().collect()
}

/// Only what is needed of a stored record.
#[derive(Deserialize)]
struct Stored {
    id: String,
    #[serde(default)]
    author: StoredAuthor,
    analysis: StoredAnalysis,
}

#[derive(Default, Deserialize)]
struct StoredAuthor {
    #[serde(default)]
    id: Option<String>,
}

#[derive(Deserialize)]
struct StoredAnalysis {
    #[serde(default)]
    terms: Vec<String>,
    #[serde(default)]
    phrases: Vec<String>,
}

/// Distinct words of one item.
#[derive(Default)]
struct Words {
    id: String,
    author: Option<String>,
    words: BTreeSet<String>,
}

impl From<Stored> for Words {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            author: stored.author.id,
            words: stored
                .analysis
                .terms
                .into_iter()
                .chain(stored.analysis.phrases)
                .collect(),
        }
    }
}

fn document_frequency(items: &[Words]) -> FxHashMap<&str, f64> {
    let mut frequency = FxHashMap::default();
    for word in items.iter().flat_map(|item| &item.words) {
        *frequency.entry(word.as_str()).or_insert(0.0) += 1.0;
    }
    frequency
}

/// Words said more now than in the reference: by the log of the ratio of odds in units of its standard error (½ added to each count).
fn top_terms(current: &[Words], reference: &[Words]) -> Vec<TermOdds> {
    let now = document_frequency(current);
    let then = document_frequency(reference);
    let (all_now, all_then) = (current.len() as f64, reference.len() as f64);
    let least = if all_now >= 20.0 { 3.0 } else { 2.0 };
    let mut scored: Vec<(f64, TermOdds)> = now
        .iter()
        .filter(|(_, n)| **n >= least)
        .filter_map(|(term, &n)| {
            let m = then.get(term).copied().unwrap_or(0.0);
            let log_odds = ((n + 0.5) / (all_now - n + 0.5)).ln() - ((m + 0.5) / (all_then - m + 0.5)).ln();
            let score = log_odds / (1.0 / (n + 0.5) + 1.0 / (m + 0.5)).sqrt();
            let odds = TermOdds {
                term: (*term).to_owned(),
                log_odds: (log_odds * 1_000.0).round() / 1_000.0,
            };
            (log_odds > 0.0).then_some((score, odds))
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.term.cmp(&b.1.term)));
    scored.into_iter().take(TOP_TERMS).map(|(_, odds)| odds).collect()
}

/// Items that say what most say: mean share of items that have each of its words, damped for one-word items; not the longest.
/// Different authors and different words where there are.
fn central(items: &[Words]) -> Vec<String> {
    let frequency = document_frequency(items);
    let mut scored: Vec<(f64, &Words)> = items
        .iter()
        .filter(|item| !item.id.is_empty())
        .map(|item| {
            let shared: f64 = item.words.iter().map(|word| frequency[word.as_str()]).sum();
            (shared / (item.words.len() as f64 + 3.0), item)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
    let mut chosen: Vec<&Words> = Vec::new();
    for distinct in [true, false] {
        for (_, item) in &scored {
            let repeats = chosen.iter().any(|other| {
                other.id == item.id
                    || distinct && (other.words == item.words || other.author.is_some() && other.author == item.author)
            });
            if chosen.len() < SAMPLES && !repeats {
                chosen.push(item);
            }
        }
    }
    chosen.into_iter().map(|item| item.id.clone()).collect()
}

impl Scope<'_> {
    /// Query string of the search page and of `GET /api/v1/search` that lists the items.
    pub(super) fn search(&self) -> String {
        let mut query: Vec<String> = self
            .key
            .iter()
            .filter_map(|(dimension, value)| Some((dimension, value.as_ref()?)))
            .map(
                |(dimension, value)| match value.chars().all(|c| c.is_alphanumeric() || "-+_.".contains(c)) {
                    true => format!("{}:{value}", dimension.name()),
                    false => format!("{}:\"{}\"", dimension.name(), value.replace(['"', '\\'], " ")),
                },
            )
            .collect();
        query.extend(self.where_query.map(|text| format!("({text})")));
        query.push("valid:true voice:true duplicate:false".to_owned());
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &query.join(" "))
            .append_pair("from", &self.window.from.to_string())
            .append_pair("to", &self.window.to.to_string())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, author: &str, words: &[&str]) -> Words {
        Words {
            id: id.to_owned(),
            author: Some(author.to_owned()),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn words_that_were_always_said_are_not_on_top() {
        let current: Vec<_> = (0..30).map(|n| item(&n.to_string(), "a", &["登录", "不行"])).collect();
        let reference: Vec<_> = (0..30).map(|n| item(&n.to_string(), "a", &["慢", "不行"])).collect();
        let top = top_terms(&current, &reference);
        assert_eq!(top.iter().map(|odds| odds.term.as_str()).collect::<Vec<_>>(), ["登录"]);
    }

    #[test]
    fn samples_are_central_and_by_different_authors() {
        let mut items: Vec<_> = (0..10)
            .map(|n| item(&n.to_string(), &n.to_string(), &["登录", "失败"]))
            .collect();
        items.push(item("long", "x", &["一", "二", "三", "四", "五", "六", "七", "登录"]));
        items.push(item("same-author", "0", &["登录", "失败", "卡"]));
        let samples = central(&items);
        assert_eq!(samples.len(), 3);
        assert_eq!(samples[0], "0");
        assert!(!samples.contains(&"same-author".to_owned()));
    }
}
