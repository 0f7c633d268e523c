//! How episodes live through restarts, changes of model and of rules, and a full day of pages.

use super::TrendEngine;
use super::simulation_tests::{HOUR_MS, Plenty, REVIEWS, START_MS, Voices, WEEK, World, rules, weeks};
use super::testing::{MemoryIndex, config, record};
use crate::alert::AlertState;
use crate::segment::Segmenter;

/// What an undisturbed run tells, and what one tells that is started anew at every 37th hour.
#[test]
fn restart_keeps_the_baseline_and_gives_the_same_episodes() {
    let run = |restarts: bool| {
        let mut world = World::new(rules());
        world.index = Some(MemoryIndex::new());
        for hour in weeks(0, 6) {
            world.chatter("评价", "", 1, hour);
            world.say(&REVIEWS, hour);
            if (4 * WEEK..4 * WEEK + 100).contains(&hour) {
                world.say(
                    &Voices {
                        per_hour: 2.0,
                        ..REVIEWS.clone()
                    },
                    hour,
                );
            }
            world.boundary(hour);
            if restarts && hour % 37 == 36 && hour > 3 * WEEK {
                let index = world.index.as_mut().expect("an index");
                index.commit();
                let state = serde_json::to_string(&world.engine.state()).expect("state is JSON");
                let mut fresh = TrendEngine::new(&config(rules()), &Segmenter::new()).expect("valid rules");
                fresh
                    .restore(&serde_json::from_str(&state).expect("JSON"))
                    .expect("own state");
                fresh
                    .rebuild(&index.searcher(), &index.fields)
                    .expect("a readable index");
                assert_eq!(fresh.digest(), world.engine.digest());
                assert_eq!(serde_json::to_string(&fresh.state()).expect("JSON"), state);
                world.engine = fresh;
            }
        }
        world.told
    };
    let (undisturbed, restarted) = (run(false), run(true));
    assert!(undisturbed.iter().any(|record| record.state == AlertState::Firing));
    assert_eq!(undisturbed, restarted);
    let record = &undisturbed[0];
    assert_eq!(record.samples.len(), 3);
    assert!(record.authors >= 10 && record.authors == record.current, "{record:?}");
    assert_eq!(record.owner, None);
    assert_eq!(record.split["source"]["评价"], record.current);
    assert!(record.search.starts_with("q="));
    assert!(record.summary.zh.contains("物流配送负面"), "{}", record.summary.zh);
    assert!(
        record.summary.zh.contains(&format!("{}条", record.current)),
        "{}",
        record.summary.zh
    );
}

#[test]
fn a_change_of_model_holds_the_rule() {
    let mut world = World::new(rules());
    world.index = Some(MemoryIndex::new());
    for hour in weeks(0, 4) {
        world.chatter("评价", "", 1, hour);
        for _ in 0..u32::from(hour % 4 == 0) + 3 * u32::from(hour >= 3 * WEEK) {
            world.serial += 1;
            let at_ms = START_MS + hour * HOUR_MS;
            let mut record = record(&world.serial.to_string(), "甲", "logistics", at_ms);
            if hour >= 3 * WEEK {
                record.analysis.model.version = "2".to_owned();
            }
            world.put(&record, "评价", at_ms);
        }
        if hour > 3 * WEEK {
            world.boundary(hour);
        }
    }
    assert!(world.wanted > 0 && world.told.is_empty());
}

#[test]
fn what_was_decided_long_ago_is_historical() {
    let mut world = World::new(rules());
    let mut told = Vec::new();
    for hour in weeks(0, 11) {
        world.quiet_hour(hour);
        if hour >= 10 * WEEK {
            world.say(
                &Voices {
                    per_hour: 2.0,
                    ..REVIEWS.clone()
                },
                hour,
            );
        }
        let boundary_ms = START_MS + (hour + 1) * HOUR_MS;
        if world.engine.wants_evaluation(boundary_ms) {
            let newest_ms = START_MS + 20 * WEEK * HOUR_MS;
            told.extend(
                world
                    .engine
                    .evaluate(boundary_ms, newest_ms, &Plenty)
                    .expect("evidence"),
            );
        }
    }
    assert!(!told.is_empty());
    assert!(told.iter().all(|record| record.state == AlertState::Historical));
}

#[test]
fn a_rule_that_is_gone_resolves_its_episodes() {
    let mut world = World::new(rules());
    for hour in weeks(0, 11) {
        world.quiet_hour(hour);
        if hour >= 10 * WEEK {
            world.say(
                &Voices {
                    per_hour: 2.0,
                    ..REVIEWS.clone()
                },
                hour,
            );
        }
        world.boundary(hour);
    }
    let open: Vec<_> = world.engine.episodes().map(|record| record.rule.clone()).collect();
    assert_eq!(open, ["spike_7d", "spike_1d"]);
    let mut fresh = TrendEngine::new(&config(rules()[..1].to_vec()), &Segmenter::new()).expect("valid rules");
    fresh.restore(&world.engine.state()).expect("own state");
    let boundary_ms = START_MS + 11 * WEEK * HOUR_MS + HOUR_MS;
    assert!(fresh.wants_evaluation(boundary_ms));
    let told = fresh.evaluate(boundary_ms, boundary_ms, &Plenty).expect("evidence");
    let gone: Vec<_> = told
        .iter()
        .filter(|record| record.state == AlertState::Resolved)
        .collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(
        (gone[0].rule.as_str(), gone[0].ends_at),
        ("spike_1d", Some(boundary_ms))
    );
}

#[test]
fn pages_of_a_day_are_limited_to_the_strongest() {
    let mut world = World::new(rules()[..1].to_vec());
    let brands: Vec<&'static str> = (0..30)
        .map(|n| &*Box::leak(format!("品牌{n}").into_boxed_str()))
        .collect();
    for hour in weeks(0, 10) {
        world.chatter("评价", "", 1, hour);
        let many = if hour == 10 * WEEK - 1 {
            60
        } else {
            i64::from(hour % 42 == 0)
        };
        for (place, brand) in brands.iter().enumerate() {
            for _ in 0..many + if many > 1 { place as i64 } else { 0 } {
                world.serial += 1;
                let at_ms = START_MS + hour * HOUR_MS;
                let record = record(&world.serial.to_string(), brand, "logistics", at_ms);
                world.put(&record, "评价", at_ms);
            }
        }
        world.boundary(hour);
    }
    let fired = world.fired();
    assert_eq!(fired.len(), 30);
    assert_eq!(fired.iter().filter(|record| record.paged).count(), 20);
    let least_paged = fired
        .iter()
        .filter(|record| record.paged)
        .map(|record| record.current)
        .min();
    let most_muted = fired
        .iter()
        .filter(|record| !record.paged)
        .map(|record| record.current)
        .max();
    assert!(least_paged > most_muted);
}
