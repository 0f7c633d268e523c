//! Months of an invented company's voices, hour by hour: what fires and what does not.

use super::draws::Draws;
use super::testing::{MemoryIndex, as_duplicate, config, record};
use super::{Evidence, IndexEvidence, Scope, Showing, Sign, Support, TrendEngine, TrendError, builtin_rules};
use crate::alert::{AlertRecord, AlertState};
use crate::config::{AlertingConfig, RuleConfig, Sensitivity};
use crate::item::AnalyzedRecord;
use crate::segment::Segmenter;

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const WEEK: i64 = 168;
/// 2025-01-06 00:00 in Shanghai, a Monday.
pub(super) const START_MS: i64 = 1_736_092_800_000;

/// Takes counts for granted: enough authors, one model.
pub(super) struct Plenty;

impl Evidence for Plenty {
    fn support(&self, _: &Scope<'_>) -> Result<Support, TrendError> {
        Ok(Support {
            authors: 100,
            ..Support::default()
        })
    }

    fn showing(&self, _: &Scope<'_>) -> Result<Showing, TrendError> {
        Ok(Showing::default())
    }
}

pub(super) fn rules() -> Vec<RuleConfig> {
    builtin_rules(&AlertingConfig {
        deliver_history: false,
        sensitivity: Sensitivity::Balanced,
    })
}

/// A stream in event-time order with a fixed delay, evaluated at every boundary.
pub(super) struct World {
    pub engine: TrendEngine,
    draws: Draws,
    pub serial: u64,
    pub told: Vec<AlertRecord>,
    notices: Vec<super::Notice>,
    pub index: Option<MemoryIndex>,
    pub wanted: u32,
}

/// Voices an hour of one kind.
#[derive(Clone)]
pub(super) struct Voices {
    pub brand: &'static str,
    pub aspect: &'static str,
    pub keyword: &'static str,
    pub source: &'static str,
    pub per_hour: f64,
}

pub(super) const REVIEWS: Voices = Voices {
    brand: "甲",
    aspect: "logistics",
    keyword: "",
    source: "评价",
    per_hour: 0.25,
};

impl World {
    pub fn new(rules: Vec<RuleConfig>) -> Self {
        Self {
            engine: TrendEngine::new(&config(rules), &Segmenter::new()).expect("valid rules"),
            draws: Draws::new(42),
            serial: 0,
            told: Vec::new(),
            notices: Vec::new(),
            index: None,
            wanted: 0,
        }
    }

    pub fn put(&mut self, record: &AnalyzedRecord, source: &str, record_time_ms: i64) {
        let contribution = self.engine.contribution(record, source, record_time_ms, None);
        self.engine.apply(&contribution, Sign::Plus);
        if let Some(index) = &mut self.index {
            index.put(record, source, record_time_ms);
        }
    }

    pub fn say(&mut self, voices: &Voices, hour: i64) {
        for _ in 0..self.draws.poisson(voices.per_hour) {
            let at_ms = START_MS + hour * HOUR_MS + (self.draws.uniform() * HOUR_MS as f64 * 0.9) as i64;
            self.serial += 1;
            let mut record = record(&self.serial.to_string(), voices.brand, voices.aspect, at_ms);
            if !voices.keyword.is_empty() {
                record.item.source.keyword = Some(voices.keyword.to_owned());
            }
            self.put(&record, voices.source, at_ms + 60_000);
        }
    }

    /// The feed is alive: positive talk that no complaint rule counts, at least once an hour.
    pub fn chatter(&mut self, source: &str, keyword: &str, per_hour: u32, hour: i64) {
        for place in 0..per_hour {
            let at_ms = START_MS + hour * HOUR_MS + i64::from(place) * 60_000;
            self.serial += 1;
            let mut record = record(&self.serial.to_string(), "甲", "price", at_ms);
            record.analysis.sentiment.label = "positive".to_owned();
            if !keyword.is_empty() {
                record.item.source.keyword = Some(keyword.to_owned());
            }
            self.put(&record, source, at_ms + 60_000);
        }
    }

    pub fn boundary(&mut self, hour: i64) {
        let boundary_ms = START_MS + (hour + 1) * HOUR_MS;
        if !self.engine.wants_evaluation(boundary_ms) {
            return;
        }
        self.wanted += 1;
        let told = match &mut self.index {
            Some(index) => {
                index.commit();
                let searcher = index.searcher();
                let evidence = IndexEvidence::new(&searcher, &index.fields);
                self.engine.evaluate(boundary_ms, boundary_ms, &evidence)
            }
            None => self.engine.evaluate(boundary_ms, boundary_ms, &Plenty),
        };
        self.told.extend(told.expect("evidence can be read"));
        self.notices.extend(self.engine.take_notices());
    }

    pub fn fired(&self) -> Vec<&AlertRecord> {
        self.told
            .iter()
            .filter(|record| record.state == AlertState::Firing && record.evaluated_at == record.starts_at)
            .collect()
    }

    pub fn quiet_hour(&mut self, hour: i64) {
        self.chatter("评价", "", 2, hour);
        self.say(&REVIEWS, hour);
        for aspect in ["price", "quality", "attitude", "function"] {
            self.say(
                &Voices {
                    aspect,
                    ..REVIEWS.clone()
                },
                hour,
            );
        }
    }
}

pub(super) fn weeks(from: i64, to: i64) -> std::ops::Range<i64> {
    from * WEEK..to * WEEK
}

#[test]
fn a_planted_spike_fires_once_per_window_and_resolves() {
    let mut world = World::new(rules());
    for hour in weeks(0, 13) {
        world.quiet_hour(hour);
        if (10 * WEEK..11 * WEEK).contains(&hour) {
            world.say(
                &Voices {
                    per_hour: 1.5,
                    ..REVIEWS.clone()
                },
                hour,
            );
        }
        world.boundary(hour);
    }
    let fired = world.fired();
    assert_eq!(
        fired.len(),
        2,
        "{:#?}",
        fired.iter().map(|record| &record.summary.zh).collect::<Vec<_>>()
    );
    for record in &fired {
        assert_eq!(record.key["aspect_polarity"], "logistics-");
        assert!(
            record.ratio >= Some(3.0) && record.reference > 0.0 && record.p <= 1e-5,
            "{record:?}"
        );
        let hours = (record.starts_at - START_MS) / HOUR_MS - 10 * WEEK;
        assert!(
            (5..120).contains(&hours),
            "{} fired {hours} hours after the onset",
            record.rule
        );
    }
    let resolved = world
        .told
        .iter()
        .filter(|record| record.state == AlertState::Resolved)
        .count();
    assert_eq!(resolved, 2);
    // Boundaries at which nothing would change cost no commit.
    assert!(world.wanted < 80, "{}", world.wanted);
}

#[test]
fn nothing_fires_before_both_windows_are_covered() {
    let mut world = World::new(rules());
    for hour in weeks(0, 2) {
        world.quiet_hour(hour);
        if hour >= 7 * 24 + 12 {
            world.say(
                &Voices {
                    per_hour: 4.0,
                    ..REVIEWS.clone()
                },
                hour,
            );
        }
        if hour < 8 * 24 {
            world.boundary(hour);
        }
    }
    assert_eq!(world.fired().len(), 0);
}

#[test]
fn a_new_crawl_keyword_is_a_notice_and_no_trend() {
    let mut world = World::new(rules());
    for hour in weeks(0, 11) {
        world.quiet_hour(hour);
        if hour >= 10 * WEEK {
            let more = Voices {
                keyword: "新词",
                per_hour: 2.0,
                ..REVIEWS.clone()
            };
            world.chatter("评价", "新词", 1, hour);
            world.say(&more, hour);
        }
        world.boundary(hour);
    }
    assert_eq!(world.fired().len(), 0, "{:#?}", world.fired());
    assert_eq!(world.notices.len(), 1);
    assert_eq!(world.notices[0].keyword, "新词");
}

#[test]
fn an_outage_last_week_is_no_rise_this_week() {
    let mut world = World::new(rules());
    let loud = Voices {
        per_hour: 1.0,
        ..REVIEWS.clone()
    };
    for hour in weeks(0, 11) {
        let out = (9 * WEEK..9 * WEEK + 150).contains(&hour);
        if !out {
            world.quiet_hour(hour);
            world.say(&loud, hour);
        }
        world.boundary(hour);
    }
    assert_eq!(world.fired().len(), 0, "{:#?}", world.fired());
    let kinds: Vec<_> = world.notices.iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, [super::NoticeKind::FeedSilent, super::NoticeKind::FeedBack]);
}

#[test]
fn an_outage_against_one_earlier_window_is_no_rise() {
    let mut rules = rules();
    for rule in &mut rules {
        rule.reference = crate::config::Reference::Previous;
    }
    let mut world = World::new(rules);
    let loud = Voices {
        per_hour: 1.0,
        ..REVIEWS.clone()
    };
    for hour in weeks(0, 6) {
        if !(4 * WEEK..4 * WEEK + 150).contains(&hour) {
            world.quiet_hour(hour);
            world.say(&loud, hour);
        }
        world.boundary(hour);
    }
    assert_eq!(world.fired().len(), 0, "{:#?}", world.fired());
}

#[test]
fn reposts_and_holiday_chatter_are_no_complaints() {
    let mut world = World::new(rules());
    for hour in weeks(0, 11) {
        world.quiet_hour(hour);
        if hour >= 10 * WEEK {
            for _ in 0..5 {
                world.serial += 1;
                let at_ms = START_MS + hour * HOUR_MS;
                let joke = as_duplicate(record(&world.serial.to_string(), "甲", "logistics", at_ms));
                world.put(&joke, "评价", at_ms);
            }
            world.chatter("评价", "", 40, hour);
        }
        world.boundary(hour);
    }
    assert_eq!(world.fired().len(), 0);
}

/// 「物流很快，就是太贵」 complains of the price; that delivery is praised more often is no complaint.
#[test]
fn praise_in_complaints_does_not_fire_a_negative_rule() {
    let mut world = World::new(rules());
    for hour in weeks(0, 11) {
        world.quiet_hour(hour);
        let praises = if hour >= 10 * WEEK { 2 } else { u32::from(hour % 4 == 0) };
        for place in 0..praises {
            world.serial += 1;
            let at_ms = START_MS + hour * HOUR_MS + i64::from(place) * 60_000;
            let mut record = record(&world.serial.to_string(), "甲", "logistics", at_ms);
            record.analysis.aspects[0].polarity = "positive".to_owned();
            world.put(&record, "评价", at_ms);
        }
        world.boundary(hour);
    }
    assert_eq!(world.fired().len(), 0, "{:#?}", world.fired());
}

#[test]
fn late_items_fill_history_and_never_page() {
    let mut world = World::new(rules());
    for hour in weeks(0, 11) {
        world.quiet_hour(hour);
        if hour == 10 * WEEK + 160 {
            for late in 0..100 {
                let at_ms = START_MS + (10 * WEEK + late) * HOUR_MS;
                world.serial += 1;
                let late = record(&world.serial.to_string(), "甲", "logistics", at_ms);
                world.put(&late, "评价", START_MS + hour * HOUR_MS);
            }
        }
        world.boundary(hour);
    }
    let late = world.fired();
    // Only what came within 48 hours of being said counts: 48 of the 100.
    assert!(late.iter().all(|record| record.current < 130), "{late:#?}");
    let counted = world.engine.digest().totals["aspect_polarity=logistics-"];
    assert_eq!(counted.0, counted.1);
}

#[test]
fn day_precise_items_count_in_windows_of_whole_days_only() {
    let mut rules = rules();
    rules[0].min_current = 5;
    rules[1].window = std::time::Duration::from_secs(6 * 3_600);
    rules[1].name = "spike_6h".to_owned();
    rules[1].min_current = 5;
    let mut world = World::new(rules);
    for hour in weeks(0, 11) {
        world.chatter("评价", "", 1, hour);
        let day_ms = START_MS + hour / 24 * 24 * HOUR_MS;
        let many = if hour >= 10 * WEEK { 8 } else { 1 };
        for _ in 0..if hour % 24 == 20 { many } else { 0 } {
            world.serial += 1;
            let mut record = record(&world.serial.to_string(), "甲", "logistics", day_ms);
            record.item.published_precision = crate::item::Precision::Day;
            world.put(&record, "评价", START_MS + hour * HOUR_MS);
        }
        world.boundary(hour);
    }
    let fired: Vec<_> = world.fired().into_iter().map(|record| record.rule.as_str()).collect();
    assert_eq!(fired, ["spike_7d"]);
}

/// A feed whose items come half a day late is compared as of half a day ago.
#[test]
fn a_slow_feed_is_compared_at_equal_maturity() {
    let mut world = World::new(rules());
    let mut waiting = std::collections::VecDeque::new();
    for hour in weeks(0, 10) {
        world.chatter("评价", "", 0, hour);
        world.serial += 1;
        let at_ms = START_MS + hour * HOUR_MS;
        waiting.push_back(record(&world.serial.to_string(), "甲", "logistics", at_ms));
        if waiting.len() > 12 {
            let record = waiting.pop_front().expect("twelve wait");
            world.put(&record, "评价", at_ms);
        }
    }
    let assessed = world.engine.assess(START_MS + 10 * WEEK * HOUR_MS);
    assert_eq!(assessed.len(), 2);
    for key in assessed {
        assert_eq!(key.current as f64, key.reference, "{key:?}");
        assert!(key.current == 168 || key.current == 24);
    }
}
