//! Counting: what is added and taken back, item by item.

use super::calendar::{Calendar, DAY_MS, HOUR_MS, delay_ms, hour_of};
use super::contribution::{Contribution, EventTime, Sign};
use super::coverage::Coverage;
use super::digest::{self, TrendDigest};
use super::dims::Dimension;
use super::episodes::Episodes;
use super::error::TrendError;
use super::filter;
use super::notice::Notice;
use super::rules::{self, Rule};
use super::store::{Bucket, LATE, ON_TIME, Store, TOTAL, ValueId, Values};
use super::view::View;
use crate::config::Config;
use crate::item::{AnalyzedRecord, Tokens};
use crate::search::Filter;
use crate::segment::Segmenter;

/// Hours are kept for so many days before the newest record; older ones are added up to days.
const HOURLY_DAYS: u32 = 70;
/// A record time so far ahead of all others counts only once this many records confirm it: one broken clock must not make
/// the engine forget its past.
const JUMP_MS: i64 = 30 * DAY_MS;
pub(super) const JUMP_RECORDS: usize = 100;

/// Exact counts of all alive documents, and the rules that watch them.
pub struct TrendEngine {
    pub(super) calendar: Calendar,
    pub(super) lateness_ms: i64,
    pub(super) rules: Vec<Rule>,
    pub(super) views: Vec<View>,
    /// In the order of `views`; `None` for a view without `where`.
    pub(super) filters: Vec<Option<Filter>>,
    pub(super) values: Values,
    pub(super) store: Store,
    pub(super) coverage: Coverage,
    pub(super) episodes: Episodes,
    pub(super) notices: Vec<Notice>,
    pub(super) page_budget: bool,
    pub(super) digest_sum: u64,
    /// Newest record time that is believed, ms.
    pub(super) newest_record_ms: i64,
    /// When the next day of hours is added up.
    roll_at_ms: i64,
    jumps: usize,
    /// Dimensions that any series needs.
    counted: [bool; Dimension::COUNT],
    segmenter: Segmenter,
    scratch: Vec<(Dimension, ValueId)>,
}

/// One item with its values as numbers.
pub(super) struct Counted<'a> {
    /// Sorted by dimension.
    pub ids: &'a [(Dimension, ValueId)],
    pub feed: u16,
    pub event: EventTime,
    pub record_time_ms: i64,
    pub deduplicated: bool,
    pub filters: u64,
}

impl TrendEngine {
    /// Empty counts for the rules of `config` (the built-in ones if it has none).
    pub fn new(config: &Config, segmenter: &Segmenter) -> Result<Self, TrendError> {
        let (rules, views) = rules::compile(config)?;
        let filters = views
            .iter()
            .map(|view| {
                let query = view.where_query.as_deref();
                query.map(|text| filter::parse(text, config, segmenter)).transpose()
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut counted = Dimension::ALL.map(Dimension::is_closed);
        for dimension in views.iter().flat_map(|view| &view.by) {
            counted[*dimension as usize] = true;
        }
        Ok(Self {
            calendar: Calendar::new(config.time.zone),
            lateness_ms: i64::try_from(config.time.lateness.as_millis()).unwrap_or(i64::MAX),
            rules,
            views,
            filters,
            values: Values::new(),
            store: Store::default(),
            coverage: Coverage::default(),
            episodes: Episodes::default(),
            notices: Vec::new(),
            page_budget: true,
            digest_sum: 0,
            newest_record_ms: 0,
            roll_at_ms: 0,
            jumps: 0,
            counted,
            segmenter: segmenter.clone(),
            scratch: Vec::with_capacity(32),
        })
    }

    /// What the item counts as, with the rules whose `where` it matches. `tokens` are those of title and text; without
    /// them (a stored record) they are made again where a rule asks for words.
    pub fn contribution(
        &self,
        record: &AnalyzedRecord,
        source: &str,
        record_time_ms: i64,
        tokens: Option<(&Tokens, &Tokens)>,
    ) -> Contribution {
        let mut contribution = Contribution::of(record, source, record_time_ms);
        if !contribution.deduplicated || contribution.event.is_none() || self.filters.iter().all(Option::is_none) {
            return contribution;
        }
        let made;
        let (title_tokens, text_tokens) = match tokens {
            Some(tokens) => tokens,
            None => {
                let item = &record.item;
                made = if self.filters.iter().flatten().any(Filter::reads_words) {
                    (self.segmenter.tokens(&item.title), self.segmenter.tokens(&item.text))
                } else {
                    Default::default()
                };
                (&made.0, &made.1)
            }
        };
        for (view, filter) in self.views.iter().zip(&self.filters) {
            if let (Some(bit), Some(filter)) = (view.filter_bit, filter)
                && filter.matches(record, title_tokens, text_tokens, source)
            {
                contribution.filters |= 1 << bit;
            }
        }
        contribution
    }

    /// How the item counts, for `qingting_trend_items_total`: `counted` `late` `future` `historical` `duplicate` `invalid`.
    /// Late ones fill history and never page; historical ones are too old for any rule.
    pub fn outcome(&self, contribution: &Contribution) -> &'static str {
        let Some(event) = contribution.event.filter(|_| contribution.deduplicated) else {
            return contribution.left_out;
        };
        let horizon = self.views.iter().map(|view| view.horizon_hours).max().unwrap_or(0);
        if hour_of(event.at_ms) + horizon < hour_of(self.newest_record_ms) {
            "historical"
        } else if delay_ms(contribution.record_time_ms, event.at_ms) > self.lateness_ms {
            "late"
        } else {
            "counted"
        }
    }

    /// Notes that the feed spoke, also where the item changes nothing: which of two versions of one hour arrives first
    /// must not decide whether its feed was silent.
    pub fn hear(&mut self, contribution: &Contribution) -> u16 {
        let feed = self.coverage.feed(contribution.feed());
        self.advance(contribution.record_time_ms);
        if contribution.record_time_ms <= self.newest_record_ms {
            self.coverage.hear(feed, hour_of(contribution.record_time_ms));
        }
        feed
    }

    /// Adds or takes back what one document counts as. Replace = take back the old, add the new.
    pub fn apply(&mut self, contribution: &Contribution, sign: Sign) {
        let feed = if sign == Sign::Plus {
            self.hear(contribution)
        } else {
            self.coverage.feed(contribution.feed())
        };
        let Some(event) = contribution.event else {
            return;
        };
        let mut ids = std::mem::take(&mut self.scratch);
        ids.clear();
        for (dimension, value) in contribution.values() {
            if self.counted[dimension as usize] {
                ids.push((dimension, self.values.id(dimension, value)));
            }
        }
        let counted = Counted {
            ids: &ids,
            feed,
            event,
            record_time_ms: contribution.record_time_ms,
            deduplicated: contribution.deduplicated,
            filters: contribution.filters,
        };
        self.count(&counted, sign);
        self.scratch = ids;
    }

    /// The one place where counts change: stream and rebuild both end here.
    pub(super) fn count(&mut self, item: &Counted<'_>, sign: Sign) {
        let unit = sign.unit();
        let n = [unit, if item.deduplicated { unit } else { 0 }];
        let event_hour = hour_of(item.event.at_ms);
        let day_precise = item.event.day_precise;
        let exact = if day_precise {
            Bucket::Day(self.calendar.day_of(item.event.at_ms))
        } else {
            Bucket::Hour(event_hour)
        };
        let stored = match exact {
            Bucket::Hour(hour) if hour < self.store.cut_hour() => {
                Bucket::Day(self.calendar.day_of(i64::from(hour) * HOUR_MS))
            }
            other => other,
        };
        self.store.add(TOTAL, stored, n);
        let mut sum = digest::term(self.values.hash(TOTAL), event_hour, day_precise, n);
        for &(dimension, id) in item.ids {
            if dimension.is_closed() {
                self.store.add(id, stored, n);
                sum = sum.wrapping_add(digest::term(self.values.hash(id), event_hour, day_precise, n));
            }
        }
        self.digest_sum = self.digest_sum.wrapping_add(sum);
        let delay_ms = delay_ms(item.record_time_ms, item.event.at_ms);
        // A day-precise item may have been said until its day was over.
        let after_ms = if day_precise { delay_ms - DAY_MS } else { delay_ms };
        self.coverage.delay(item.feed, after_ms, unit);
        if !item.deduplicated {
            return;
        }
        let mut n = [0, 0];
        n[if delay_ms > self.lateness_ms { LATE } else { ON_TIME }] = unit;
        let newest_hour = hour_of(self.newest_record_ms);
        for view in &mut self.views {
            if view.admits(item.filters) && event_hour + view.horizon_hours >= newest_hour {
                view.add(item.ids, item.feed, exact, n);
            }
        }
    }

    /// Follows record time: once a day old hours are added up and what no rule looks at is forgotten.
    fn advance(&mut self, record_time_ms: i64) {
        if record_time_ms <= self.newest_record_ms {
            return;
        }
        if self.newest_record_ms > 0 && record_time_ms > self.newest_record_ms + JUMP_MS {
            self.jumps += 1;
            if self.jumps < JUMP_RECORDS {
                return;
            }
        }
        self.jumps = 0;
        self.set_newest(record_time_ms);
    }

    pub(super) fn set_newest(&mut self, record_time_ms: i64) {
        self.newest_record_ms = record_time_ms;
        if record_time_ms < self.roll_at_ms {
            return;
        }
        let today = self.calendar.day_of(record_time_ms);
        self.roll_at_ms = self.calendar.day_start(today + 1);
        let cut_day = today.saturating_sub(HOURLY_DAYS);
        self.store
            .roll_up(hour_of(self.calendar.day_start(cut_day)), &self.calendar);
        let hour = hour_of(record_time_ms);
        let mut longest = 0;
        for view in &mut self.views {
            let from = hour.saturating_sub(view.horizon_hours);
            view.drop_before(from, self.calendar.day_of(i64::from(from) * HOUR_MS));
            longest = longest.max(view.horizon_hours);
        }
        self.coverage.forget_before(hour.saturating_sub(longest));
    }

    /// Forgets all counts, keeps what was heard and the episodes.
    pub(super) fn clear_counts(&mut self) {
        self.store = Store::default();
        self.digest_sum = 0;
        self.newest_record_ms = 0;
        self.roll_at_ms = 0;
        self.jumps = 0;
        self.coverage.clear_delays();
        for view in &mut self.views {
            view.clear();
        }
    }

    pub(super) fn is_counted(&self, dimension: Dimension) -> bool {
        self.counted[dimension as usize]
    }

    /// Fingerprint of all counts for the commit's payload.
    pub fn digest(&self) -> TrendDigest {
        TrendDigest::of(self.digest_sum, &self.store, &self.values)
    }

    /// One line per difference between what was committed and what the index says.
    pub fn differences(expected: &TrendDigest, recomputed: &TrendDigest) -> Vec<String> {
        TrendDigest::differences(expected, recomputed)
    }

    /// Number of keys with a series.
    pub fn keys(&self) -> usize {
        self.store.len() + self.views.iter().map(|view| view.keys.len()).sum::<usize>()
    }

    /// Bytes on the heap for counts, roughly.
    pub fn heap_bytes(&self) -> usize {
        self.store.heap_bytes() + self.views.iter().map(View::heap_bytes).sum::<usize>() + self.values.len() * 96
    }
}
