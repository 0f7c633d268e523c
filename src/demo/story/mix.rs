//! How much of what is said where: the usual week of each source, and what the events do to it.

use super::calendar::{Events, Rhythm};

/// Where people speak. Each channel is a topic, and a source of the demo's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    App,
    Weibo,
    Xhs,
    Jd,
    Complaint,
}

impl Channel {
    pub const ALL: [Self; 5] = [Self::App, Self::Weibo, Self::Xhs, Self::Jd, Self::Complaint];

    pub fn topic(self) -> &'static str {
        match self {
            Self::App => "demo.app",
            Self::Weibo => "demo.weibo",
            Self::Xhs => "demo.xhs",
            Self::Jd => "demo.jd",
            Self::Complaint => "demo.complaint",
        }
    }

    /// The style tag of its texts.
    pub fn style(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Weibo => "weibo",
            Self::Xhs => "xhs",
            Self::Jd => "jd",
            Self::Complaint => "formal",
        }
    }

    pub fn rhythm(self) -> Rhythm {
        match self {
            Self::Complaint => Rhythm::Office,
            _ => Rhythm::Leisure,
        }
    }

    /// Mean minutes from publishing to the crawler's record.
    pub fn crawl_delay_minutes(self) -> f64 {
        match self {
            Self::Weibo => 9.0,
            Self::Xhs => 15.0,
            Self::Complaint => 20.0,
            Self::Jd => 30.0,
            Self::App => 35.0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Bad,
    Middling,
    Good,
    /// Not about a product: no rating, no subject.
    None,
}

/// One kind of thing to say.
#[derive(Debug, PartialEq, Eq)]
pub struct Theme {
    /// Name of the list of fragments.
    pub name: &'static str,
    pub mood: Mood,
    /// Only customers of the company say it.
    pub company_only: bool,
}

const fn theme(name: &'static str, mood: Mood) -> Theme {
    Theme {
        name,
        mood,
        company_only: false,
    }
}

/// What the demo is about.
pub static LOGIN: Theme = Theme {
    name: "login",
    mood: Mood::Bad,
    company_only: true,
};
/// What the new keyword brings in.
pub static AVOID: Theme = theme("avoid", Mood::Bad);
/// The joke that everybody copies.
pub static JOKE: Theme = Theme {
    name: "joke",
    mood: Mood::Bad,
    company_only: true,
};
static POPULAR: Theme = theme("popular", Mood::None);
static CRASH: Theme = theme("crash", Mood::Bad);
static SLOW: Theme = theme("slow", Mood::Bad);
static BROKEN: Theme = theme("broken", Mood::Bad);
static LATE: Theme = theme("late", Mood::Bad);
static BOX: Theme = theme("box", Mood::Bad);
static AFTERSALE: Theme = theme("aftersale", Mood::Bad);
static NOREPLY: Theme = theme("noreply", Mood::Bad);
static RUDE: Theme = theme("rude", Mood::Bad);
static PRICEY: Theme = theme("pricey", Mood::Bad);
static CHARGE: Theme = Theme {
    name: "charge",
    mood: Mood::Bad,
    company_only: true,
};
static CLUMSY: Theme = theme("clumsy", Mood::Bad);
static GOOD: Theme = theme("good", Mood::Good);
pub(super) static FAST: Theme = theme("fast", Mood::Good);
static CHEAP: Theme = theme("cheap", Mood::Good);
static KIND: Theme = theme("kind", Mood::Good);
static PRETTY: Theme = theme("pretty", Mood::Good);
static HALF: Theme = theme("half", Mood::Middling);
static ASK: Theme = theme("ask", Mood::None);
static WISH: Theme = theme("wish", Mood::Middling);
static RIVAL: Theme = theme("rival_good", Mood::Good);
pub(super) static CHAT: Theme = theme("chat", Mood::None);
static FILLER: Theme = theme("filler", Mood::Good);
static NOISE: Theme = theme("noise", Mood::Good);
static ADVERT: Theme = theme("advert", Mood::None);
static SHOP: Theme = theme("shop", Mood::None);

/// Items of a usual week.
pub struct Row {
    pub channel: Channel,
    pub theme: &'static Theme,
    pub per_week: f64,
}

const fn row(channel: Channel, theme: &'static Theme, per_week: f64) -> Row {
    Row {
        channel,
        theme,
        per_week,
    }
}

use Channel::{App, Complaint, Jd, Weibo, Xhs};

pub static USUAL_WEEK: [Row; 66] = [
    row(App, &LOGIN, 8.0),
    row(App, &CRASH, 5.0),
    row(App, &SLOW, 26.0),
    row(App, &CLUMSY, 38.0),
    row(App, &CHARGE, 10.0),
    row(App, &NOREPLY, 4.0),
    row(App, &WISH, 18.0),
    row(App, &HALF, 10.0),
    row(App, &GOOD, 120.0),
    row(App, &NOISE, 8.0),
    row(Weibo, &LOGIN, 4.0),
    row(Weibo, &CRASH, 2.0),
    row(Weibo, &SLOW, 12.0),
    row(Weibo, &BROKEN, 18.0),
    row(Weibo, &LATE, 10.0),
    row(Weibo, &AFTERSALE, 14.0),
    row(Weibo, &NOREPLY, 8.0),
    row(Weibo, &PRICEY, 8.0),
    row(Weibo, &CLUMSY, 5.0),
    row(Weibo, &GOOD, 95.0),
    row(Weibo, &KIND, 14.0),
    row(Weibo, &CHEAP, 18.0),
    row(Weibo, &PRETTY, 12.0),
    row(Weibo, &FAST, 14.0),
    row(Weibo, &RIVAL, 12.0),
    row(Weibo, &ASK, 22.0),
    row(Weibo, &POPULAR, 6.0),
    row(Weibo, &CHAT, 290.0),
    row(Weibo, &ADVERT, 7.0),
    row(Xhs, &LOGIN, 5.0),
    row(Xhs, &CRASH, 3.0),
    row(Xhs, &SLOW, 24.0),
    row(Xhs, &BROKEN, 22.0),
    row(Xhs, &LATE, 6.0),
    row(Xhs, &AFTERSALE, 15.0),
    row(Xhs, &PRICEY, 16.0),
    row(Xhs, &CLUMSY, 10.0),
    row(Xhs, &RUDE, 5.0),
    row(Xhs, &GOOD, 150.0),
    row(Xhs, &PRETTY, 35.0),
    row(Xhs, &CHEAP, 25.0),
    row(Xhs, &ASK, 85.0),
    row(Xhs, &WISH, 15.0),
    row(Xhs, &HALF, 20.0),
    row(Xhs, &POPULAR, 5.0),
    row(Xhs, &SHOP, 12.0),
    row(Jd, &LOGIN, 1.5),
    row(Jd, &SLOW, 18.0),
    row(Jd, &BROKEN, 20.0),
    row(Jd, &LATE, 14.0),
    row(Jd, &BOX, 12.0),
    row(Jd, &AFTERSALE, 10.0),
    row(Jd, &PRICEY, 14.0),
    row(Jd, &HALF, 35.0),
    row(Jd, &GOOD, 210.0),
    row(Jd, &FAST, 85.0),
    row(Jd, &CHEAP, 40.0),
    row(Jd, &KIND, 32.0),
    row(Jd, &FILLER, 50.0),
    row(Complaint, &LOGIN, 6.0),
    row(Complaint, &BROKEN, 18.0),
    row(Complaint, &AFTERSALE, 26.0),
    row(Complaint, &LATE, 10.0),
    row(Complaint, &NOREPLY, 12.0),
    row(Complaint, &CHARGE, 16.0),
    row(Complaint, &PRICEY, 6.0),
];

/// By how much the events multiply a row at a moment.
pub fn factor(row: &Row, events: &Events, at_ms: i64) -> f64 {
    if row.theme == &LOGIN {
        return events.login_factor(at_ms);
    }
    let holiday = events.holiday.contains(at_ms);
    match row.theme.name {
        "chat" if holiday => 2.7,
        "fast" if holiday => 2.6,
        "good" | "pretty" | "cheap" if holiday => 1.6,
        // The first release is liked: a little more praise for a week.
        "good" if row.channel == App && (0..7 * super::calendar::DAY_MS).contains(&(at_ms - events.release_one_ms)) => {
            1.5
        }
        _ => 1.0,
    }
}

/// What the events add: (channel, theme, items an hour) while `span` lasts; a joke spreads and dies away.
pub fn extra(events: &Events, at_ms: i64) -> Vec<(Channel, &'static Theme, f64)> {
    let mut extra = Vec::new();
    if events.keyword.contains(at_ms) {
        extra.push((Weibo, &AVOID, 4.0));
    }
    if events.joke.contains(at_ms) {
        let age_days = (at_ms - events.joke.from_ms) as f64 / super::calendar::DAY_MS as f64;
        extra.push((Weibo, &JOKE, 11.0 * (-1.2 * age_days).exp()));
        extra.push((Xhs, &JOKE, 3.0 * (-1.2 * age_days).exp()));
    }
    extra
}
