//! Did what should fire fire, and nothing else? Decided from the episodes and from counts of the real index.

use super::client::{Client, ClientError};
use super::story::calendar::{Events, WEEK_MS};
use super::story::cast::COMPANY;
use crate::alert::{AlertRecord, AlertState};

/// What the story is about, as a query: 登陆 is how many people write it.
pub const LOGIN_QUERY: &str = "(登录 OR 登陆 OR 登入 OR 登)";
const EXPECTED_ASPECT: &str = "function-";

/// An episode, and how many of its items speak of the login.
#[derive(Debug)]
pub struct Judged {
    pub alert: AlertRecord,
    pub items: u64,
    pub about_login: u64,
}

impl Judged {
    /// Most of what it counts is the planted event.
    pub fn is_planted(&self) -> bool {
        self.items > 0 && self.about_login * 2 > self.items
    }
}

/// The query of the alert's search link.
pub fn query_of(alert: &AlertRecord) -> String {
    let mut pairs = url::form_urlencoded::parse(alert.search.as_bytes());
    pairs
        .find(|(name, _)| name == "q")
        .map_or_else(String::new, |(_, query)| query.into_owned())
}

/// All episodes, judged.
#[derive(Debug, Default)]
pub struct Verdict {
    pub episodes: Vec<Judged>,
}

impl Verdict {
    pub fn judge(client: &Client) -> Result<Self, ClientError> {
        let mut episodes = Vec::new();
        for alert in client
            .alerts()?
            .into_iter()
            .filter(|alert| alert.state != AlertState::Pending)
        {
            let (from, to) = (alert.window.from, alert.window.to);
            let query = query_of(&alert);
            let items = client.count(&query, from, to)?;
            let about_login = client.count(&format!("{query} {LOGIN_QUERY}"), from, to)?;
            episodes.push(Judged {
                alert,
                items,
                about_login,
            });
        }
        Ok(Self { episodes })
    }

    /// The episode that the demo shows: of the company, the widest window, the strongest.
    pub fn expected(&self) -> Option<&Judged> {
        self.planted()
            .filter(|judged| judged.alert.state == AlertState::Firing)
            .filter(|judged| {
                judged
                    .alert
                    .key
                    .get("aspect_polarity")
                    .is_some_and(|aspect| aspect == EXPECTED_ASPECT)
            })
            .max_by_key(|judged| {
                let of_company = judged.alert.key.get("brand").is_some_and(|brand| brand == COMPANY);
                (
                    of_company,
                    judged.alert.window.to - judged.alert.window.from,
                    judged.alert.current,
                )
            })
    }

    /// Episodes of the planted event, under any key and rule.
    pub fn planted(&self) -> impl Iterator<Item = &Judged> {
        self.episodes.iter().filter(|judged| judged.is_planted())
    }

    /// Episodes that are about something else: there must be none.
    pub fn unexpected(&self) -> Vec<&Judged> {
        self.episodes.iter().filter(|judged| !judged.is_planted()).collect()
    }

    pub fn is_as_told(&self) -> bool {
        self.expected().is_some() && self.unexpected().is_empty()
    }
}

/// A count now against the average of earlier windows of the same length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub now: u64,
    pub usual: f64,
}

impl Change {
    pub fn ratio(self) -> f64 {
        self.now as f64 / self.usual.max(1.0 / 8.0)
    }

    /// +80 for 1.8 times.
    pub fn increase_percent(self) -> f64 {
        (self.ratio() - 1.0) * 100.0
    }
}

/// One aspect that a non-event pushes: as a naive count sees it, and as the rules see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed {
    /// `quality-`
    pub aspect: String,
    pub naive: Change,
    pub sound: Change,
}

/// What makes the three non-events tempting, and why they did not fire: all counts are answers of the index.
#[derive(Debug)]
pub struct NonEvents {
    pub keyword_items: u64,
    /// With the new keyword's feed and without.
    pub keyword: Pushed,
    pub joke_posts: u64,
    /// With all copies and with one of each text.
    pub joke: Pushed,
    /// All voices in the week of the holiday, and the praise of deliveries.
    pub holiday: Change,
    pub holiday_logistics: Change,
}

/// The keyword that the crawler got in the last week.
const KEYWORD_QUERY: &str = "keyword:家电避雷";
/// Words that only the joke has together.
const JOKE_QUERY: &str = "\"求救喊了半个小时\"";

impl NonEvents {
    pub fn ask(client: &Client, events: &Events, start_ms: i64, end_ms: i64) -> Result<Self, ClientError> {
        let asked = Asked { client, start_ms };
        let last_week = (end_ms - WEEK_MS, end_ms);
        let joke_week = (events.joke.from_ms, events.joke.from_ms + WEEK_MS);
        let holiday = (events.holiday.from_ms, events.holiday.to_ms);
        Ok(Self {
            keyword_items: client.count(KEYWORD_QUERY, last_week.0, last_week.1)?,
            keyword: asked.pushed(KEYWORD_QUERY, &format!("NOT {KEYWORD_QUERY}"), last_week)?,
            joke_posts: client.count(JOKE_QUERY, joke_week.0, joke_week.1)?,
            joke: asked.pushed(JOKE_QUERY, "duplicate:false", joke_week)?,
            holiday: asked.change("", holiday)?,
            holiday_logistics: asked.change("aspect_polarity:logistics+", holiday)?,
        })
    }
}

/// Questions about weeks of the story.
struct Asked<'a> {
    client: &'a Client,
    start_ms: i64,
}

impl Asked<'_> {
    /// The negative aspect that items of `cause` name most, counted with everything and only with `sound`.
    fn pushed(&self, cause: &str, sound: &str, week: (i64, i64)) -> Result<Pushed, ClientError> {
        let brought = self.client.search(
            &format!("{cause} sentiment:negative"),
            week.0,
            week.1,
            "aspect_polarity",
        )?;
        let aspect = brought
            .shares("aspect_polarity")
            .into_iter()
            .map(|share| share.0)
            .find(|aspect| aspect.ends_with('-'))
            .unwrap_or_else(|| "quality-".into());
        let negative = format!("sentiment:negative aspect_polarity:{aspect}");
        Ok(Pushed {
            naive: self.change(&negative, week)?,
            sound: self.change(&format!("{negative} {sound}"), week)?,
            aspect,
        })
    }

    /// Items of the week against the average of up to eight whole weeks before.
    fn change(&self, query: &str, (from_ms, to_ms): (i64, i64)) -> Result<Change, ClientError> {
        let weeks = ((from_ms - self.start_ms) / WEEK_MS).clamp(1, 8);
        let earlier = self.client.count(query, from_ms - weeks * WEEK_MS, from_ms)?;
        Ok(Change {
            now: self.client.count(query, from_ms, to_ms)?,
            usual: earlier as f64 / weeks as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_as_both_ratio_and_increase() {
        let change = Change { now: 90, usual: 30.0 };
        assert_eq!((change.ratio(), change.increase_percent()), (3.0, 200.0));
        assert!(Change { now: 1, usual: 0.0 }.ratio().is_finite());
    }

    #[test]
    fn the_query_is_taken_out_of_the_search_link() {
        assert_eq!(
            query_of(&super::super::tell::tests::alert()),
            "brand:枥屿 aspect_polarity:function- (sentiment:negative)"
        );
    }

    #[test]
    fn an_episode_is_planted_when_most_of_it_speaks_of_the_login() {
        let judged = |items, about_login| Judged {
            alert: super::super::tell::tests::alert(),
            items,
            about_login,
        };
        assert!(judged(100, 51).is_planted());
        assert!(!judged(100, 50).is_planted());
        assert!(!judged(0, 0).is_planted());
    }
}
