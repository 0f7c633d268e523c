//! Runs a search on an index at one commit and answers as the API does.

use super::buckets::{BucketUnit, Buckets};
use super::columns::FacetField;
use super::cursor;
use super::filter::Filter;
use super::highlight::{FRAGMENT_CHARS, fragment};
use super::plan::{counted_query, with_time};
use super::request::{SearchRequest, moment};
use super::scan::{Deadline, Histogram, MAX_CELLS, Scan, ScanHit, SortOrder};
use super::{Query, SearchError, Tokenize};
use crate::clock::Stopwatch;
use crate::config::SearchConfig;
use crate::index::schema::Fields;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tantivy::schema::Value;
use tantivy::{DocAddress, Searcher, TantivyDocument};
use xxhash_rust::xxh3::xxh3_64;

/// Start of each bucket in ms UTC, and what it counts.
pub type Points = Vec<(i64, u64)>;

/// Values that a facet lists, the most frequent ones.
pub const FACET_VALUES: usize = 50;

/// The index at one commit.
#[derive(Clone)]
pub struct IndexView {
    pub searcher: Searcher,
    pub fields: Fields,
    /// Number of the commit; another one may answer otherwise.
    pub generation: u64,
}

/// What a search needs beside its request.
#[derive(Clone, Copy)]
pub struct SearchContext<'a> {
    pub view: &'a IndexView,
    pub tokenizer: &'a dyn Tokenize,
    pub zone: Tz,
    pub limits: &'a SearchConfig,
    /// The clock, ms UTC.
    pub now_ms: i64,
}

#[derive(Debug, Serialize)]
pub struct SearchResponse {
    pub total: u64,
    /// `eq`: counts are exact, or the search fails.
    pub relation: &'static str,
    pub took_ms: u64,
    pub generation: u64,
    pub hits: Vec<Hit>,
    pub facets: BTreeMap<&'static str, Vec<FacetValue>>,
    pub histogram: Vec<HistogramBucket>,
    pub cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Hit {
    pub id: String,
    /// BM25; 0 where the order is not relevance.
    pub score: f32,
    /// The analyzed record.
    pub item: Box<RawValue>,
    /// Field → HTML with `<em>`; empty without `highlight`.
    pub fragments: BTreeMap<&'static str, Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    pub value: String,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistogramBucket {
    /// ms UTC.
    pub from: i64,
    pub count: u64,
    pub by: BTreeMap<String, u64>,
}

/// What a series of the index counts: the fallback of `GET /api/v1/trends` for keys that the trend engine does not keep.
#[derive(Debug, Clone)]
pub struct SeriesQuery<'a> {
    pub where_query: &'a str,
    pub by: Option<FacetField>,
    pub bucket: BucketUnit,
    /// ms UTC, half-open.
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
    /// What rules count: valid, a customer's voice, first of its near-duplicates.
    pub deduplicated: bool,
}

impl SearchContext<'_> {
    fn deadline(&self) -> Deadline {
        Deadline {
            started: Stopwatch::start(),
            limit: self.limits.deadline,
        }
    }

    pub fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        let deadline = self.deadline();
        let filter = Query::parse(&request.q, self.limits)?.bind(self.tokenizer, self.zone)?;
        let now_ms = request.now_ms.unwrap_or(self.now_ms);
        let at = |name, value: &Option<String>| {
            value
                .as_deref()
                .map(|value| moment(name, value, now_ms, self.zone))
                .transpose()
        };
        let (from, to) = (at("from", &request.from)?, at("to", &request.to)?);
        let fingerprint = fingerprint(request);
        let scan = Scan {
            order: request.sort,
            after: request
                .cursor
                .as_deref()
                .map(|text| cursor::decode(text, fingerprint))
                .transpose()?,
            limit: request.limit,
            facets: &request.facets,
            histogram: request.histogram.map(|unit| (unit, request.by)),
            zone: self.zone,
            deadline,
        };
        let fields = &self.view.fields;
        let query = with_time(filter.to_tantivy(fields), fields, from, to);
        let found = scan.run(&self.view.searcher, query.as_ref())?;
        let next = found.hits.last().filter(|_| found.more);
        let cursor = next.map(|last| cursor::encode(&last.place, fingerprint));
        let histogram = match request.histogram {
            Some(unit) => filled(found.histogram, unit, self.zone, from, to)?,
            None => Vec::new(),
        };
        let named = request.facets.iter().map(|field| field.name());
        let listed = found
            .facets
            .into_iter()
            .map(|counts| most_frequent(counts.into_iter().collect()));
        let wanted = filter.wanted_tokens();
        let wanted = if request.highlight { wanted.as_slice() } else { &[] };
        let hits = found.hits.iter().map(|hit| {
            deadline.check()?;
            self.hit(hit, wanted)
        });
        Ok(SearchResponse {
            total: found.total,
            relation: "eq",
            generation: self.view.generation,
            hits: hits.collect::<Result<_, _>>()?,
            facets: named.zip(listed).collect(),
            histogram,
            cursor,
            took_ms: u64::try_from(deadline.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// The analyzed record with this id, as stored.
    pub fn item(&self, id: &str) -> Result<Option<Box<RawValue>>, SearchError> {
        let filter = Filter::of_id(id);
        let query = filter.to_tantivy(&self.view.fields);
        let scan = Scan {
            order: SortOrder::Time,
            after: None,
            limit: 1,
            facets: &[],
            histogram: None,
            zone: self.zone,
            deadline: self.deadline(),
        };
        let found = scan.run(&self.view.searcher, query.as_ref())?;
        found.hits.first().map(|hit| self.record(hit.address)).transpose()
    }

    /// Counts by bucket and value, straight from the index; empty buckets are left out.
    pub fn series(&self, query: &SeriesQuery<'_>) -> Result<Vec<(Option<String>, Points)>, SearchError> {
        let filter = Query::parse(query.where_query, self.limits)?.bind(self.tokenizer, self.zone)?;
        let fields = &self.view.fields;
        let counted = counted_query(filter.to_tantivy(fields), fields, query.deduplicated);
        let scan = Scan {
            order: SortOrder::Time,
            after: None,
            limit: 0,
            facets: &[],
            histogram: Some((query.bucket, query.by)),
            zone: self.zone,
            deadline: self.deadline(),
        };
        // Whole buckets that begin in the window, as the trend engine gives them.
        let mut buckets = Buckets::new(self.zone, query.bucket);
        let mut border = |at: Option<i64>| at.map(|at| buckets.first_at_or_after(at));
        let planned = with_time(counted, fields, border(query.from_ms), border(query.to_ms));
        let found = scan.run(&self.view.searcher, planned.as_ref())?;
        let mut series: BTreeMap<Option<String>, Vec<(i64, u64)>> = BTreeMap::new();
        for (from, (count, by)) in found.histogram {
            if query.by.is_none() {
                series.entry(None).or_default().push((from, count));
            }
            for (value, count) in by {
                series.entry(Some(value)).or_default().push((from, count));
            }
        }
        Ok(series.into_iter().collect())
    }

    fn hit(&self, hit: &ScanHit, wanted: &[&str]) -> Result<Hit, SearchError> {
        let item = self.record(hit.address)?;
        let shown: Shown = serde_json::from_str(item.get()).map_err(|error| SearchError::Index(error.to_string()))?;
        let mut fragments = BTreeMap::new();
        if !wanted.is_empty() {
            for (name, text) in [("title", &shown.title), ("text", &shown.text)] {
                if let Some(marked) = fragment(text, wanted, self.tokenizer, FRAGMENT_CHARS) {
                    fragments.insert(name, vec![marked]);
                }
            }
        }
        Ok(Hit {
            id: shown.id,
            score: hit.score,
            item,
            fragments,
        })
    }

    fn record(&self, address: DocAddress) -> Result<Box<RawValue>, SearchError> {
        let document: TantivyDocument = self.view.searcher.doc(address)?;
        let json = document
            .get_first(self.view.fields.json)
            .and_then(|value| value.as_bytes());
        let text = String::from_utf8(json.unwrap_or_default().to_vec());
        text.ok()
            .and_then(|text| RawValue::from_string(text).ok())
            .ok_or_else(|| SearchError::Index("a document holds no record; run `qingting verify`".to_owned()))
    }
}

/// What a hit shows of its record.
#[derive(Deserialize)]
struct Shown {
    id: String,
    #[serde(default)]
    title: String,
    text: String,
}

/// What a cursor belongs to: query, window and order, not the page size.
fn fingerprint(request: &SearchRequest) -> u64 {
    let (from, to) = (request.from.as_deref(), request.to.as_deref());
    xxh3_64(
        format!(
            "{}\0{from:?}\0{to:?}\0{:?}\0{:?}",
            request.q, request.sort, request.now_ms
        )
        .as_bytes(),
    )
}

fn most_frequent(mut counts: Vec<(String, u64)>) -> Vec<FacetValue> {
    counts.sort_unstable_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    counts.truncate(FACET_VALUES);
    counts
        .into_iter()
        .map(|(value, count)| FacetValue { value, count })
        .collect()
}

/// Adds the empty buckets between the first and the last, or over the asked window.
fn filled(
    mut counts: Histogram,
    unit: BucketUnit,
    zone: Tz,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<Vec<HistogramBucket>, SearchError> {
    let first = from.or(counts.keys().next().copied());
    let last = to.map(|to| to - 1).or(counts.keys().next_back().copied());
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(Vec::new());
    };
    let starts = Buckets::new(zone, unit).between(first, last, MAX_BUCKETS)?;
    let buckets = starts.into_iter().map(|from| {
        let (count, by) = counts.remove(&from).unwrap_or_default();
        HistogramBucket { from, count, by }
    });
    Ok(buckets.collect())
}

/// Buckets of one histogram: more than a year of hours.
const MAX_BUCKETS: usize = 10_000;
const _: () = assert!(MAX_BUCKETS <= MAX_CELLS);
