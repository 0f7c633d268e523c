//! The story: ten weeks of invented voices of customers, in record-time order.
//!
//! Comes in: an end instant, a number of weeks and a seed. Goes out: [`StoryRecord`]s as crawlers would have written
//! them to Kafka. Can fail: only if the compiled-in fragments are inconsistent (a test reads them all). No metric
//! moves, no clock is read: the same options give the same bytes.

mod broken;
pub mod calendar;
pub mod cast;
mod grammar;
mod mix;
mod native;
mod rng;
mod voice;

pub use grammar::GrammarError;
pub use mix::Channel;

use calendar::{DAY_MS, Events, HOUR_MS, WEEK_MS};
use grammar::Grammar;
use mix::{Mood, Theme};
use rng::StoryRng;
use rustc_hash::FxHashMap;
use thiserror::Error;
use voice::{Speaker, Voice};

/// Share of social posts and comments that are crawled again later, with newer counts.
const CRAWLED_AGAIN: f64 = 0.09;
/// Share of records that are sent twice unchanged, as at-least-once crawlers do.
const SENT_TWICE: f64 = 0.012;

#[derive(Debug, Error)]
pub enum StoryError {
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    #[error("demo story: a record does not serialize: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Debug, Clone, Copy)]
pub struct StoryOptions {
    /// The story ends here, ms UTC.
    pub end_ms: i64,
    pub weeks: u32,
    pub seed: u64,
}

impl StoryOptions {
    pub fn start_ms(&self) -> i64 {
        self.end_ms - i64::from(self.weeks) * WEEK_MS
    }
}

/// What a record is about. Known to the author of the story and to its tests; never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum About {
    Usual,
    Login,
    Keyword,
    Joke,
    Holiday,
    Release,
    /// Must become a dead letter with this code.
    Broken(&'static str),
}

/// One message for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryRecord {
    pub channel: Channel,
    pub key: String,
    pub record_time_ms: i64,
    pub payload: Vec<u8>,
    pub about: About,
    /// Event time; `None` for broken records.
    pub published_ms: Option<i64>,
    /// A later crawl or an unchanged copy of an item that was sent before.
    pub again: bool,
}

/// Tells the whole story, sorted by record time.
pub fn tell(options: StoryOptions) -> Result<Vec<StoryRecord>, StoryError> {
    let grammar = Grammar::new()?;
    let events = Events::before(options.end_ms);
    let mut teller = Teller {
        options,
        speaker: Speaker {
            grammar: &grammar,
            events,
        },
        numbers: FxHashMap::default(),
        records: Vec::new(),
    };
    let mut hour_ms = options.start_ms();
    while hour_ms < options.end_ms {
        teller.tell_hour(hour_ms)?;
        hour_ms += HOUR_MS;
    }
    teller.announce_releases()?;
    teller.break_some(options.start_ms());
    let mut records = teller.records;
    records.retain(|record| record.record_time_ms < options.end_ms);
    records.sort_by(|a, b| (a.record_time_ms, a.channel, &a.key).cmp(&(b.record_time_ms, b.channel, &b.key)));
    Ok(records)
}

struct Teller<'a> {
    options: StoryOptions,
    speaker: Speaker<'a>,
    numbers: FxHashMap<Channel, u64>,
    records: Vec<StoryRecord>,
}

impl Teller<'_> {
    fn tell_hour(&mut self, hour_ms: i64) -> Result<(), StoryError> {
        let events = self.speaker.events;
        for row in &mix::USUAL_WEEK {
            let share = row.channel.rhythm().share_of_week(hour_ms);
            let mean = row.per_week * share * mix::factor(row, &events, hour_ms) * self.week_level(row, hour_ms);
            self.tell_some(row.channel, row.theme, mean, hour_ms)?;
        }
        for (channel, theme, per_hour) in mix::extra(&events, hour_ms) {
            // Scaled to the hour's usual share of the day, so that nights are quiet.
            let mean = per_hour * channel.rhythm().share_of_week(hour_ms) * 168.0;
            self.tell_some(channel, theme, mean, hour_ms)?;
        }
        Ok(())
    }

    /// Weeks differ by more than chance: each row of the mix has a level of its own in each week (standard deviation 8 %).
    fn week_level(&self, row: &mix::Row, hour_ms: i64) -> f64 {
        let week = ((self.options.end_ms - 1 - hour_ms) / WEEK_MS) as u64;
        let mut rng = StoryRng::stream(self.options.seed, row.theme.name, week * 8 + row.channel as u64);
        1.0 + 0.28 * (rng.unit() - 0.5)
    }

    fn tell_some(
        &mut self,
        channel: Channel,
        theme: &'static Theme,
        mean: f64,
        hour_ms: i64,
    ) -> Result<(), StoryError> {
        // A stream for each theme and hour, so that more of one theme leaves all others as they were.
        let label = format!("{}/{}", channel.topic(), theme.name);
        let mut rng = StoryRng::stream(self.options.seed, &label, (hour_ms / HOUR_MS) as u64);
        for index in 0..rng.poisson(mean) {
            let published_ms = hour_ms + rng.below(HOUR_MS as u64) as i64 / 1000 * 1000;
            let own = StoryRng::stream(rng.next_u64(), &label, u64::from(index));
            let number = self.next_number(channel);
            let voice = self.speaker.speak(channel, theme, number, published_ms, own)?;
            self.record(voice)?;
        }
        Ok(())
    }

    fn next_number(&mut self, channel: Channel) -> u64 {
        let number = self.numbers.entry(channel).or_default();
        *number += 1;
        *number
    }

    /// The record of a voice, and its later crawls.
    fn record(&mut self, voice: Voice) -> Result<(), StoryError> {
        let mut rng = voice.rng.clone();
        let about = self.about(&voice);
        self.push(&voice, about, false)?;
        if rng.chance(SENT_TWICE) {
            self.push(&voice, about, true)?;
        }
        let social = matches!(voice.channel, Channel::Weibo | Channel::Xhs);
        if social && rng.chance(CRAWLED_AGAIN) {
            let at_ms = voice.record_time_ms + rng.between(6, 40) as i64 * HOUR_MS + rng.below(HOUR_MS as u64) as i64;
            let again = voice.crawled_again(at_ms, &mut rng);
            self.push(&again, about, true)?;
        }
        Ok(())
    }

    fn push(&mut self, voice: &Voice, about: About, again: bool) -> Result<(), StoryError> {
        let native = voice.native()?;
        self.records.push(StoryRecord {
            channel: voice.channel,
            key: native.key,
            record_time_ms: voice.record_time_ms + if again { 1 } else { 0 },
            payload: native.payload,
            about,
            published_ms: Some(voice.published_ms),
            again,
        });
        Ok(())
    }

    fn about(&self, voice: &Voice) -> About {
        match voice.theme.name {
            "login" => About::Login,
            "avoid" => About::Keyword,
            "joke" => About::Joke,
            "release_one" | "release_two" => About::Release,
            _ if self.speaker.events.holiday.contains(voice.published_ms) => About::Holiday,
            _ => About::Usual,
        }
    }

    /// The company's own posts: brand voices, which count as nobody's opinion.
    fn announce_releases(&mut self) -> Result<(), StoryError> {
        static ONE: Theme = Theme {
            name: "release_one",
            mood: Mood::None,
            company_only: true,
        };
        static TWO: Theme = Theme {
            name: "release_two",
            mood: Mood::None,
            company_only: true,
        };
        let events = self.speaker.events;
        for (theme, at_ms) in [(&ONE, events.release_one_ms), (&TWO, events.release_two_ms)] {
            let number = self.next_number(Channel::Weibo);
            let rng = StoryRng::stream(self.options.seed, theme.name, 0);
            let voice = self.speaker.speak(Channel::Weibo, theme, number, at_ms, rng)?;
            self.record(voice)?;
        }
        Ok(())
    }

    /// Broken records, one every five days or so.
    fn break_some(&mut self, start_ms: i64) {
        for (index, (channel, code, payload)) in broken::records().into_iter().enumerate() {
            self.records.push(StoryRecord {
                channel,
                key: format!("broken-{index}"),
                record_time_ms: start_ms + DAY_MS + index as i64 * (3 * DAY_MS - 7 * HOUR_MS),
                payload,
                about: About::Broken(code),
                published_ms: None,
                again: false,
            });
        }
    }
}

#[cfg(test)]
mod tests;
