use super::calendar::WEEK_MS;
use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Monday 2026-10-19 00:00 in China.
const END_MS: i64 = 1_792_339_200_000;

fn options() -> StoryOptions {
    StoryOptions {
        end_ms: END_MS,
        weeks: 10,
        seed: 20,
    }
}

/// Told once for all tests.
static STORY: LazyLock<Vec<StoryRecord>> = LazyLock::new(|| tell(options()).unwrap());

/// Full weeks before the end: 0 is the last one.
fn weeks_ago(record: &StoryRecord) -> i64 {
    (END_MS - 1 - record.published_ms.unwrap()).div_euclid(WEEK_MS)
}

fn text_of(record: &StoryRecord) -> String {
    let value: serde_json::Value = serde_json::from_slice(&record.payload).unwrap();
    value["text"]
        .as_str()
        .or(value["content"].as_str())
        .unwrap()
        .to_string()
}

#[test]
fn the_same_options_tell_the_same_story_and_another_seed_another() {
    let brief = StoryOptions { weeks: 4, ..options() };
    assert_eq!(tell(brief).unwrap(), tell(brief).unwrap());
    let other = tell(StoryOptions { seed: 21, ..brief }).unwrap();
    assert_ne!(
        tell(brief).unwrap().first().unwrap().payload,
        other.first().unwrap().payload
    );
}

#[test]
fn records_come_in_record_time_order_from_every_channel_in_believable_numbers() {
    assert!((12_000..=25_000).contains(&STORY.len()), "{}", STORY.len());
    assert!(STORY.is_sorted_by_key(|record| record.record_time_ms));
    let mut by_channel: BTreeMap<Channel, usize> = BTreeMap::new();
    for record in STORY.iter() {
        *by_channel.entry(record.channel).or_default() += 1;
        assert!(record.record_time_ms < END_MS);
        assert!(
            record
                .published_ms
                .is_none_or(|at| at <= record.record_time_ms && at >= options().start_ms())
        );
    }
    assert!(by_channel.values().all(|count| *count > 700), "{by_channel:?}");
    let again = STORY.iter().filter(|record| record.again).count();
    assert!((600..2_500).contains(&again), "{again}");
}

#[test]
fn login_complaints_rise_by_more_than_four_times_in_the_last_week_only() {
    let mut weeks = [0u32; 10];
    let mut people: BTreeSet<String> = BTreeSet::new();
    let mut channels = BTreeSet::new();
    for record in STORY
        .iter()
        .filter(|record| record.about == About::Login && !record.again)
    {
        weeks[weeks_ago(record) as usize] += 1;
        if weeks_ago(record) == 0 {
            people.insert(record.key.clone());
            channels.insert(record.channel);
        }
    }
    let usual = f64::from(weeks[1..].iter().sum::<u32>()) / 9.0;
    assert!((18.0..32.0).contains(&usual), "{weeks:?}");
    assert!(f64::from(weeks[0]) > 4.0 * usual, "{weeks:?}");
    assert!(
        weeks[1..].iter().all(|week| f64::from(*week) < 1.8 * usual),
        "{weeks:?}"
    );
    assert_eq!(channels.len(), 5);
}

#[test]
fn the_non_events_are_tempting_and_of_another_kind() {
    let of = |about| {
        STORY
            .iter()
            .filter(move |record| record.about == about && !record.again)
    };
    // The keyword is new: nothing of its feed before its first day, and much since.
    assert!(of(About::Keyword).count() > 150, "{}", of(About::Keyword).count());
    assert!(of(About::Keyword).all(|record| weeks_ago(record) == 0));
    // The joke is one text of at least 15 characters in many posts.
    assert!(of(About::Joke).count() > 150, "{}", of(About::Joke).count());
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for record in of(About::Joke) {
        *copies.entry(text_of(record)).or_default() += 1;
    }
    assert!(
        copies.len() <= 4 && copies.keys().all(|text| text.chars().count() >= 15),
        "{copies:?}"
    );
    // The holiday raises everything, by less than the threshold.
    let mut weeks = [0u32; 10];
    for record in STORY
        .iter()
        .filter(|record| record.published_ms.is_some() && !record.again)
    {
        weeks[weeks_ago(record) as usize] += 1;
    }
    let usual = f64::from(weeks[4..].iter().sum::<u32>()) / 6.0;
    let holiday = f64::from(*weeks[1..4].iter().max().unwrap());
    assert!(holiday > 1.3 * usual && holiday < 2.0 * usual, "{weeks:?}");
}

#[test]
fn days_and_weeks_have_their_rhythm() {
    let mut hours = [0u32; 24];
    for record in STORY.iter().filter(|record| record.about == About::Usual) {
        hours[calendar::hour_of_day(record.published_ms.unwrap())] += 1;
    }
    assert!(hours[21] > 6 * hours[4], "{hours:?}");
}

#[test]
fn people_repeat_themselves_rarely() {
    let texts: Vec<String> = STORY
        .iter()
        .filter(|record| record.about == About::Login && !record.again)
        .map(text_of)
        .collect();
    let distinct: BTreeSet<&String> = texts.iter().collect();
    assert!(
        distinct.len() * 10 > texts.len() * 8,
        "{} of {}",
        distinct.len(),
        texts.len()
    );
    let lengths: BTreeSet<usize> = texts.iter().map(|text| text.chars().count()).collect();
    assert!(lengths.first().is_some_and(|shortest| *shortest < 10), "{lengths:?}");
    assert!(lengths.last().is_some_and(|longest| *longest > 80), "{lengths:?}");
}

#[test]
fn broken_records_and_personal_data_are_in_it() {
    let codes: BTreeSet<&str> = STORY
        .iter()
        .filter_map(|record| match record.about {
            About::Broken(code) => Some(code),
            _ => None,
        })
        .collect();
    assert_eq!(
        codes.into_iter().collect::<Vec<_>>(),
        [
            "invalid_utf8",
            "json_depth",
            "json_syntax",
            "missing_field",
            "wrong_type"
        ]
    );
    let numbers = STORY
        .iter()
        .filter(|record| String::from_utf8_lossy(&record.payload).contains("138001380"))
        .count();
    assert!(numbers > 100, "{numbers}");
}

#[test]
fn shorter_and_longer_stories_end_the_same_way() {
    for weeks in [4, 14] {
        let story = tell(StoryOptions { weeks, ..options() }).unwrap();
        let last = story
            .iter()
            .filter(|record| record.about == About::Login && !record.again && weeks_ago(record) == 0)
            .count();
        assert!(last > 100, "{weeks} weeks: {last}");
    }
}

/// Prints samples for reading: `cargo test story_samples -- --ignored --nocapture`.
#[test]
#[ignore = "by hand: prints texts for a reader"]
fn story_samples() {
    for record in STORY.iter().filter(|record| record.published_ms.is_some()).step_by(97) {
        println!("{:?}\t{:?}\t{}", record.channel, record.about, text_of(record));
    }
}

/// Prints 200 texts of each channel and theme as JSON lines, for checking them against a model.
#[test]
#[ignore = "by hand: prints texts for a reader"]
fn theme_samples() {
    let grammar = Grammar::new().unwrap();
    let events = Events::before(END_MS);
    let speaker = Speaker {
        grammar: &grammar,
        events,
    };
    let rows = mix::USUAL_WEEK
        .iter()
        .map(|row| (row.channel, row.theme, END_MS - 5 * WEEK_MS));
    let extra = [
        (Channel::Weibo, &mix::AVOID, END_MS - DAY_MS),
        (Channel::Weibo, &mix::JOKE, END_MS - DAY_MS),
        (Channel::Jd, &mix::FAST, END_MS - 14 * DAY_MS),
        (Channel::Weibo, &mix::CHAT, END_MS - 14 * DAY_MS),
        (Channel::App, &mix::LOGIN, END_MS - DAY_MS),
        (Channel::Weibo, &mix::LOGIN, END_MS - DAY_MS),
        (Channel::Xhs, &mix::LOGIN, END_MS - DAY_MS),
        (Channel::Complaint, &mix::LOGIN, END_MS - DAY_MS),
    ];
    for (channel, theme, at_ms) in rows.chain(extra) {
        for number in 0..200 {
            let rng = StoryRng::stream(3, theme.name, number);
            let voice = speaker.speak(channel, theme, number, at_ms, rng).unwrap();
            let line = serde_json::json!({"channel": channel.topic(), "theme": theme.name, "title": voice.title, "text": voice.text, "late": at_ms > END_MS - WEEK_MS});
            println!("{line}");
        }
    }
}
