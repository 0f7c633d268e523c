//! Operational notices: a feed is new, silent or back. Not trends, and kept apart from episodes.

use super::calendar::{WEEK_HOURS, hour_start};
use super::coverage::Feed;
use super::engine::TrendEngine;
use super::window::Heard;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub const NOTICE_SCHEMA: &str = "qingting.notice/1";
/// Notices that nobody took are dropped beyond this number.
const MAX_KEPT: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// First heard after the first week: its items are in no comparison until both windows are covered.
    NewFeed,
    /// Silent against its own rate: its silent hours are in no comparison.
    FeedSilent,
    FeedBack,
}

/// One fact for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    pub schema: String,
    /// First 32 hex digits of SHA-256(kind ‖ feed ‖ since).
    pub id: String,
    pub kind: NoticeKind,
    pub source: String,
    pub platform: String,
    pub topic: String,
    pub keyword: String,
    /// Record hour since when, ms UTC.
    pub since: i64,
    /// Boundary at which it was noticed, ms UTC.
    pub at: i64,
    pub message: String,
}

impl TrendEngine {
    pub(super) fn has_notices(&self, heard: &Heard) -> bool {
        !self.changed_feeds(heard).is_empty()
    }

    /// Remembers what changed, for [`Self::take_notices`].
    pub(super) fn note(&mut self, heard: &Heard) {
        for (place, kind, since_hour) in self.changed_feeds(heard) {
            let feed = &mut self.coverage.feeds[place];
            match kind {
                NoticeKind::NewFeed => feed.is_announced = true,
                NoticeKind::FeedSilent => feed.is_silent = true,
                NoticeKind::FeedBack => feed.is_silent = false,
            }
            let notice = notice(feed, kind, since_hour, heard.boundary_hour);
            if self.notices.len() < MAX_KEPT {
                self.notices.push(notice);
            }
        }
    }

    /// Notices of the last evaluations, each once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn changed_feeds(&self, heard: &Heard) -> Vec<(usize, NoticeKind, u32)> {
        let Some(first_hour) = self.coverage.first_hour() else {
            return Vec::new();
        };
        let mut changed = Vec::new();
        for (place, (feed, now)) in self.coverage.feeds.iter().zip(&heard.feeds).enumerate() {
            if feed.first_hour == u32::MAX || feed.first_hour >= heard.boundary_hour {
                continue;
            }
            if !feed.is_announced && feed.first_hour > first_hour + WEEK_HOURS {
                changed.push((place, NoticeKind::NewFeed, feed.first_hour));
            }
            let silent_since = now.outages.last().filter(|(_, end)| *end == heard.boundary_hour);
            match (silent_since, feed.is_silent) {
                (Some(&(start, _)), false) => changed.push((place, NoticeKind::FeedSilent, start)),
                (None, true) => changed.push((place, NoticeKind::FeedBack, heard.boundary_hour - 1)),
                _ => {}
            }
        }
        changed
    }
}

fn notice(feed: &Feed, kind: NoticeKind, since_hour: u32, boundary_hour: u32) -> Notice {
    let [source, platform, topic, keyword] = feed.name.clone();
    let message = match kind {
        NoticeKind::NewFeed => "new feed: not compared until both windows are covered",
        NoticeKind::FeedSilent => "feed is silent against its own rate: its silent hours are not compared",
        NoticeKind::FeedBack => "feed is heard again",
    };
    let mut id = hex::encode(Sha256::digest(format!(
        "{kind:?}\n{source}\n{platform}\n{topic}\n{keyword}\n{since_hour}"
    )));
    id.truncate(32);
    Notice {
        schema: NOTICE_SCHEMA.to_owned(),
        id,
        kind,
        source,
        platform,
        topic,
        keyword,
        since: hour_start(since_hour),
        at: hour_start(boundary_hour),
        message: message.to_owned(),
    }
}
