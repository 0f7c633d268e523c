//! The counts again, from the fast fields of the alive documents.
//!
//! Documents are visited in the order of their event hour over all segments, so that every cell is appended and never
//! inserted; terms are looked up once per segment, the inner loop sees numbers only.

use super::calendar::hour_of;
use super::contribution::{EventTime, Sign, event_of};
use super::dims::{Dimension, write_rating};
use super::engine::{Counted, JUMP_RECORDS, TrendEngine};
use super::error::TrendError;
use super::store::{NO_VALUE, ValueId};
use crate::index::schema::Fields;
use crate::item::Precision;
use rustc_hash::FxHashMap;
use tantivy::columnar::{Column, StrColumn};
use tantivy::{DateTime, DocId, Searcher, SegmentReader};

/// Bit of a view, and the set of documents that its filter matches.
type FilterSet = (u32, Vec<u64>);

const UNKNOWN: u32 = u32::MAX - 1;

/// A document that is counted: sorts by event hour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    event_hour: u32,
    segment: u32,
    doc: DocId,
}

impl TrendEngine {
    /// Counts all alive documents anew. Tombstones and documents without a usable event time count nowhere; the record
    /// times of all documents say what was heard.
    pub fn rebuild(&mut self, searcher: &Searcher, fields: &Fields) -> Result<(), TrendError> {
        self.clear_counts();
        let mut segments = Vec::new();
        for reader in searcher.segment_readers() {
            segments.push(SegmentColumns::open(reader, self)?);
        }
        let mut entries = Vec::new();
        let mut newest = Newest::default();
        for (segment, columns) in segments.iter_mut().enumerate() {
            columns.collect(segment as u32, self, &mut entries, &mut newest)?;
        }
        if let Some(newest) = newest.believed() {
            self.set_newest(newest);
            self.coverage.forget_after(hour_of(newest));
        }
        entries.sort_unstable();
        let filters = self.filter_sets(searcher, fields)?;
        let mut ids = Vec::with_capacity(32);
        for entry in entries {
            let columns = &mut segments[entry.segment as usize];
            columns.values(entry.doc, self, &mut ids)?;
            let filters = filters[entry.segment as usize]
                .iter()
                .filter(|(_, set)| set[entry.doc as usize / 64] & (1 << (entry.doc % 64)) != 0)
                .fold(0, |bits, (bit, _)| bits | 1 << bit);
            let Some(event) = columns.event(entry.doc) else {
                continue;
            };
            let counted = Counted {
                ids: &ids,
                feed: columns.feed(entry.doc, self)?,
                event,
                record_time_ms: columns.record_time(entry.doc),
                deduplicated: columns.is_deduplicated(entry.doc),
                filters,
            };
            self.count(&counted, Sign::Plus);
        }
        Ok(())
    }

    /// Per segment: bit of each view with a filter, and the set of documents that match it.
    fn filter_sets(&self, searcher: &Searcher, fields: &Fields) -> Result<Vec<Vec<FilterSet>>, TrendError> {
        let mut sets = vec![Vec::new(); searcher.segment_readers().len()];
        for (view, filter) in self.views.iter().zip(&self.filters) {
            let (Some(bit), Some(filter)) = (view.filter_bit, filter) else {
                continue;
            };
            let query = filter.to_tantivy(fields);
            let weight = query.weight(tantivy::query::EnableScoring::disabled_from_searcher(searcher))?;
            for (segment, reader) in searcher.segment_readers().iter().enumerate() {
                let mut set = vec![0_u64; (reader.max_doc() as usize).div_ceil(64)];
                weight.for_each_no_score(reader, &mut |docs| {
                    for &doc in docs {
                        set[doc as usize / 64] |= 1 << (doc % 64);
                    }
                })?;
                sets[segment].push((bit, set));
            }
        }
        Ok(sets)
    }
}

/// The largest record times: the newest one is believed only if enough others are near it.
#[derive(Default)]
struct Newest(Vec<i64>);

impl Newest {
    fn see(&mut self, record_time_ms: i64) {
        if self.0.len() < JUMP_RECORDS || self.0.first().is_some_and(|&least| record_time_ms > least) {
            let place = self.0.partition_point(|&other| other < record_time_ms);
            self.0.insert(place, record_time_ms);
            if self.0.len() > JUMP_RECORDS {
                self.0.remove(0);
            }
        }
    }

    /// The largest one, or if the largest hundred are not of one time, the least of them.
    fn believed(&self) -> Option<i64> {
        let (least, most) = (*self.0.first()?, *self.0.last()?);
        let spread = most - least > 30 * super::calendar::DAY_MS;
        Some(if spread && self.0.len() == JUMP_RECORDS {
            least
        } else {
            most
        })
    }
}

/// A text column with the numbers of its terms.
struct TextColumn {
    dimension: Dimension,
    column: StrColumn,
    ids: Vec<ValueId>,
}

struct FeedColumn {
    column: Option<StrColumn>,
}

impl FeedColumn {
    fn ord(&self, doc: DocId) -> u32 {
        self.column
            .as_ref()
            .and_then(|column| column.ords().first(doc))
            .map_or(NO_VALUE, |ord| ord as u32)
    }

    fn text(&self, ord: u32) -> Result<String, TrendError> {
        let mut out = String::new();
        if let (Some(column), true) = (&self.column, ord != NO_VALUE) {
            column.ord_to_str(u64::from(ord), &mut out)?;
        }
        Ok(out)
    }
}

struct SegmentColumns {
    alive: Option<tantivy::fastfield::AliveBitSet>,
    docs: u32,
    texts: Vec<TextColumn>,
    rating: Column<u64>,
    rating_ids: FxHashMap<u64, ValueId>,
    valid: Column<bool>,
    voice: Column<bool>,
    duplicate: Column<bool>,
    tombstone: Column<bool>,
    published_at: Column<DateTime>,
    precision: Column<u64>,
    record_time: Column<DateTime>,
    /// Source, platform, topic, keyword.
    feed_columns: [FeedColumn; 4],
    feeds: FxHashMap<[u32; 4], u16>,
    last_feed: Option<([u32; 4], u16)>,
}

impl SegmentColumns {
    fn open(reader: &SegmentReader, engine: &TrendEngine) -> Result<Self, TrendError> {
        let fast = reader.fast_fields();
        let mut texts = Vec::new();
        for dimension in Dimension::ALL {
            if dimension.is_text()
                && engine.is_counted(dimension)
                && let Some(column) = fast.str(dimension.name())?
            {
                let ids = vec![UNKNOWN; column.num_terms()];
                texts.push(TextColumn { dimension, column, ids });
            }
        }
        let feed_column = |name: &str| -> Result<FeedColumn, TrendError> {
            Ok(FeedColumn {
                column: fast.str(name)?,
            })
        };
        Ok(Self {
            alive: reader.alive_bitset().cloned(),
            docs: reader.max_doc(),
            texts,
            rating: fast.u64("rating")?,
            rating_ids: FxHashMap::default(),
            valid: fast.bool("valid")?,
            voice: fast.bool("voice")?,
            duplicate: fast.bool("duplicate")?,
            tombstone: fast.bool("tombstone")?,
            published_at: fast.date("published_at")?,
            precision: fast.u64("precision")?,
            record_time: fast.date("record_time")?,
            feed_columns: [
                feed_column("source")?,
                feed_column("platform")?,
                feed_column("topic")?,
                feed_column("keyword")?,
            ],
            feeds: FxHashMap::default(),
            last_feed: None,
        })
    }

    /// Notes what was heard, and lists the documents that count.
    fn collect(
        &mut self,
        segment: u32,
        engine: &mut TrendEngine,
        entries: &mut Vec<Entry>,
        newest: &mut Newest,
    ) -> Result<(), TrendError> {
        for doc in 0..self.docs {
            let dead = self.alive.as_ref().is_some_and(|alive| !alive.is_alive(doc));
            if dead || self.tombstone.first(doc).unwrap_or(false) {
                continue;
            }
            let record_time_ms = self.record_time(doc);
            newest.see(record_time_ms);
            let feed = self.feed(doc, engine)?;
            engine.coverage.hear(feed, hour_of(record_time_ms));
            if let Some(event) = self.event(doc) {
                entries.push(Entry {
                    event_hour: hour_of(event.at_ms),
                    segment,
                    doc,
                });
            }
        }
        Ok(())
    }

    fn event(&self, doc: DocId) -> Option<EventTime> {
        let at_ms = self.published_at.first(doc)?.into_timestamp_millis();
        let precision = match self.precision.first(doc)? {
            0 => Precision::Second,
            1 => Precision::Minute,
            2 => Precision::Hour,
            3 => Precision::Day,
            4 => Precision::Month,
            _ => Precision::None,
        };
        event_of(at_ms, precision)
    }

    fn record_time(&self, doc: DocId) -> i64 {
        self.record_time.first(doc).map_or(0, DateTime::into_timestamp_millis)
    }

    fn is_deduplicated(&self, doc: DocId) -> bool {
        let is = |column: &Column<bool>| column.first(doc).unwrap_or(false);
        is(&self.valid) && is(&self.voice) && !is(&self.duplicate)
    }

    /// All values of the document, sorted by dimension, each once.
    fn values(
        &mut self,
        doc: DocId,
        engine: &mut TrendEngine,
        ids: &mut Vec<(Dimension, ValueId)>,
    ) -> Result<(), TrendError> {
        ids.clear();
        if let Some(tenths) = self.rating.first(doc).filter(|&tenths| tenths > 0) {
            let id = *self.rating_ids.entry(tenths).or_insert_with(|| {
                let mut name = String::new();
                write_rating(tenths, &mut name);
                engine.values.id(Dimension::Rating, &name)
            });
            ids.push((Dimension::Rating, id));
        }
        let valid = if self.valid.first(doc).unwrap_or(false) {
            "true"
        } else {
            "false"
        };
        ids.push((Dimension::Valid, engine.values.id(Dimension::Valid, valid)));
        for text in &mut self.texts {
            let start = ids.len();
            for ord in text.column.ords().values_for_doc(doc) {
                let mut id = text.ids[ord as usize];
                if id == UNKNOWN {
                    let mut name = String::new();
                    text.column.ord_to_str(ord, &mut name)?;
                    id = if name.is_empty() {
                        NO_VALUE
                    } else {
                        engine.values.id(text.dimension, &name)
                    };
                    text.ids[ord as usize] = id;
                }
                if id != NO_VALUE && !ids[start..].contains(&(text.dimension, id)) {
                    ids.push((text.dimension, id));
                }
            }
        }
        ids.sort_by_key(|(dimension, _)| *dimension);
        Ok(())
    }

    fn feed(&mut self, doc: DocId, engine: &mut TrendEngine) -> Result<u16, TrendError> {
        let ords = [0, 1, 2, 3].map(|place: usize| self.feed_columns[place].ord(doc));
        if let Some((last, feed)) = self.last_feed
            && last == ords
        {
            return Ok(feed);
        }
        let feed = match self.feeds.get(&ords) {
            Some(&feed) => feed,
            None => {
                let mut names: [String; 4] = Default::default();
                for (place, name) in names.iter_mut().enumerate() {
                    *name = self.feed_columns[place].text(ords[place])?;
                }
                let feed = engine.coverage.feed([&names[0], &names[1], &names[2], &names[3]]);
                self.feeds.insert(ords, feed);
                feed
            }
        };
        self.last_feed = Some((ords, feed));
        Ok(feed)
    }
}
