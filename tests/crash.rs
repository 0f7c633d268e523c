//! SIGKILL at every step of a commit, against a real broker. After each kill the state is exactly what the records
//! before the committed positions say; at the end nothing is missing, nothing is doubled, and trends and episodes
//! equal those of a run that nobody disturbed. And a test of the test: each seeded mistake is noticed.
//!
//! Short form by default; `QINGTING_CRASH_FORM=full` (`make test-crash`) runs the long one. `QINGTING_CRASH_SEED`
//! repeats a run, `QINGTING_KEEP=1` keeps the data directories.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail
#![allow(clippy::disallowed_methods)] // the harness measures real processes with the real clock

mod support;

use qingting::checkpoint::steps::{Bug, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use support::broker::KafkaRecord;
use support::judge;
use support::oracle::BURSTS;
use support::process::{Deployment, Outcome};
use support::random::Random;
use support::say;
use support::stage::Stage;

struct Form {
    items: usize,
    kills_per_step: usize,
    /// Kills from outside, at no particular step.
    random_kills: usize,
    /// A step with fewer kills than this fails the run.
    least_kills: usize,
    max_items: usize,
    run_limit: Duration,
}

fn full() -> bool {
    std::env::var("QINGTING_CRASH_FORM").is_ok_and(|form| form == "full")
}

fn form() -> Form {
    if full() {
        Form {
            items: 210_000,
            kills_per_step: 7,
            random_kills: 7,
            least_kills: 5,
            max_items: 1000,
            run_limit: Duration::from_secs(900),
        }
    } else {
        Form {
            items: 12_000,
            kills_per_step: 2,
            random_kills: 2,
            least_kills: 2,
            max_items: 300,
            run_limit: Duration::from_secs(180),
        }
    }
}

fn seed() -> u64 {
    std::env::var("QINGTING_CRASH_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_250_303)
}

/// One after the other: two cores are few, and each test starts many processes.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Trends and episodes of a run that nobody disturbed.
struct Undisturbed {
    trends: judge::Trends,
    episodes: BTreeSet<String>,
}

fn undisturbed(stage: &Stage, limit: Duration) -> Undisturbed {
    let (deployment, mut receivers) = stage.deploy();
    let started = Instant::now();
    deployment.catch_up(limit);
    say(format!("undisturbed run: {:.1} s", started.elapsed().as_secs_f64()));
    let problems = stage.final_problems(&deployment, &mut receivers);
    assert!(problems.is_empty(), "undisturbed run: {}", problems.join("\n"));
    let episodes = judge::episode_ids(&deployment).expect("inspect alerts");
    let alerts = deployment.inspect("alerts").expect("inspect alerts");
    for (product, _) in BURSTS {
        assert!(
            alerts.iter().any(|alert| alert["key"].to_string().contains(product)),
            "the burst of {product} did not fire: {alerts:?}"
        );
    }
    say(format!("episodes: {}", episodes.len()));
    Undisturbed {
        trends: judge::trends(&deployment).expect("inspect trends"),
        episodes,
    }
}

fn end_problems(deployment: &Deployment, undisturbed: &Undisturbed) -> Vec<String> {
    let mut problems = Vec::new();
    match judge::trends(deployment) {
        Ok(trends) => problems.extend(judge::trend_problems(&trends, &undisturbed.trends)),
        Err(error) => problems.push(error),
    }
    match judge::episode_ids(deployment) {
        Ok(episodes) if episodes == undisturbed.episodes => {}
        Ok(episodes) => problems.push(format!("episodes {episodes:?}, undisturbed {:?}", undisturbed.episodes)),
        Err(error) => problems.push(error),
    }
    problems
}

fn kill_order(step: Step, commit: u64, deployment: &Deployment) -> Vec<(&'static str, String)> {
    vec![
        ("QINGTING_KILL_AT", format!("{}:{commit}", step.name())),
        (
            "QINGTING_STEP_FILE",
            deployment.root.join("step").to_string_lossy().into_owned(),
        ),
    ]
}

/// The step that the process entered last, as it wrote it itself.
fn step_of_death(deployment: &Deployment) -> Option<(u64, Step)> {
    let bytes: [u8; 16] = std::fs::read(deployment.root.join("step")).ok()?.try_into().ok()?;
    let commit = u64::from_le_bytes(bytes[..8].try_into().ok()?);
    let ordinal = u64::from_le_bytes(bytes[8..].try_into().ok()?);
    Some((commit, *Step::ALL.get(ordinal as usize)?))
}

#[derive(Default)]
struct Table {
    kills: BTreeMap<&'static str, usize>,
    /// Step of death of the kills from outside.
    random: BTreeMap<&'static str, usize>,
    passed: usize,
}

impl Table {
    fn print(&self, rounds: usize, seconds: f64) {
        say("step             kills");
        for step in Step::ALL {
            say(format!(
                "{:<16} {:>5}",
                step.name(),
                self.kills.get(step.name()).copied().unwrap_or(0)
            ));
        }
        say(format!(
            "at random        {:>5}  {:?}",
            self.random.values().sum::<usize>(),
            self.random
        ));
        say(format!(
            "{} kills passed every check, in {rounds} rounds over the topics, {seconds:.0} s",
            self.passed
        ));
    }
}

#[test]
fn every_kill_leaves_exactly_what_was_committed() {
    let _alone = alone();
    let form = form();
    let promise = "every_kill_leaves_exactly_what_was_committed";
    let Some(stage) = Stage::set(promise, seed(), form.items, form.max_items) else {
        return;
    };
    let started = Instant::now();
    let calm = undisturbed(&stage, form.run_limit);
    let mut random = Random::new(seed() ^ 0xC4A5);
    let mut schedule: Vec<Option<Step>> = Step::ALL
        .into_iter()
        .flat_map(|step| std::iter::repeat_n(Some(step), form.kills_per_step))
        .chain(std::iter::repeat_n(None, form.random_kills))
        .collect();
    random.shuffle(&mut schedule);
    schedule.reverse();

    let mut table = Table::default();
    let mut rounds = 0;
    while !schedule.is_empty() {
        rounds += 1;
        assert!(rounds <= 12, "the schedule does not come to an end: {schedule:?}");
        let (deployment, mut receivers) = stage.deploy();
        let mut caught_up = false;
        while let Some(next) = schedule.pop() {
            let killed = disturb(&deployment, next, &mut random, form.run_limit);
            let problems = stage.problems(&deployment, &mut receivers);
            let place = step_of_death(&deployment);
            assert!(
                problems.is_empty(),
                "after the kill at {next:?} (died at {place:?}), seed {}:\n{}\nlog:\n{}",
                seed(),
                problems.join("\n"),
                tail(&deployment.log())
            );
            if !killed {
                schedule.push(next);
                caught_up = true;
                break;
            }
            table.passed += 1;
            match next {
                Some(step) => *table.kills.entry(step.name()).or_default() += 1,
                None => {
                    let name = place.map_or("before the first commit", |(_, step)| step.name());
                    *table.random.entry(name).or_default() += 1;
                }
            }
        }
        if !caught_up {
            deployment.catch_up(form.run_limit);
        }
        let mut problems = stage.final_problems(&deployment, &mut receivers);
        problems.extend(end_problems(&deployment, &calm));
        assert!(
            problems.is_empty(),
            "at the end of round {rounds}, seed {}:\n{}",
            seed(),
            problems.join("\n")
        );
        say(format!(
            "round {rounds}: {} kills so far, all at the end as undisturbed",
            table.passed
        ));
    }
    table.print(rounds, started.elapsed().as_secs_f64());
    for step in Step::ALL {
        let kills = table.kills.get(step.name()).copied().unwrap_or(0);
        assert!(
            kills >= form.least_kills,
            "only {kills} kills at {}, {} are needed",
            step.name(),
            form.least_kills
        );
    }
}

/// Runs until the ordered kill; `false` when it came to the end of the topics first.
fn disturb(deployment: &Deployment, step: Option<Step>, random: &mut Random, limit: Duration) -> bool {
    let _ = std::fs::remove_file(deployment.root.join("step"));
    let exit = match step {
        Some(step) => {
            // A merge comes when it comes; the other steps are in every commit.
            let commit = if step == Step::MergeEnd { 1 } else { 1 + random.below(3) };
            let order = kill_order(step, commit, deployment);
            deployment.start(&["--exit-when-caught-up"], &order).wait(limit)
        }
        None => {
            let running = deployment.start(
                &["--exit-when-caught-up"],
                &kill_order(Step::LogAppend, u64::MAX, deployment),
            );
            std::thread::sleep(Duration::from_millis(300 + random.below(3000)));
            running.signal(libc::SIGKILL);
            running.wait(limit)
        }
    };
    match exit.outcome {
        Outcome::Killed(libc::SIGKILL) => true,
        Outcome::Exited(0) => false,
        _ => panic!("ordered kill at {step:?}: {}", exit.log_tail()),
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

#[test]
fn a_failed_write_takes_the_recovery_path_and_loses_nothing() {
    let _alone = alone();
    let promise = "a_failed_write_takes_the_recovery_path_and_loses_nothing";
    let Some(stage) = Stage::set(promise, seed(), 4_000, 300) else {
        return;
    };
    let (deployment, mut receivers) = stage.deploy();
    for (commit, times) in [(2, 1), (4, 3)] {
        let fail = [("QINGTING_FAIL_WRITE_AT", format!("{commit}:{times}"))];
        let exit = deployment
            .start(&["--exit-when-caught-up"], &fail)
            .wait(form().run_limit);
        assert_eq!(exit.outcome, Outcome::Exited(0), "{}", exit.log_tail());
        let problems = stage.final_problems(&deployment, &mut receivers);
        assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), exit.log_tail());
        std::fs::remove_dir_all(&deployment.data_dir).expect("data directory");
        std::fs::remove_file(deployment.dead_letter_file()).expect("dead-letter file");
    }
}

/// Runs with a seeded mistake until the judge notices it.
fn noticed(bug: Bug) {
    let _alone = alone();
    let promise = format!("harness_notices_{}", bug.name());
    let Some(stage) = Stage::set(&promise, seed(), 6_000, 250) else {
        return;
    };
    let (mut deployment, mut receivers) = stage.deploy();
    let mut random = Random::new(seed() ^ bug as u64);
    let limit = form().run_limit;
    // Steps after which each mistake shows; `retry_prepare` needs a failed write, not a kill.
    let steps: &[Step] = match bug {
        Bug::SendEarly => &[Step::Prepare],
        _ => &[Step::Prepare, Step::Commit, Step::Project, Step::Rename],
    };
    for attempt in 0..24 {
        let mut environment = vec![("QINGTING_SEEDED_BUG", bug.name().to_owned())];
        if bug == Bug::RetryPrepare {
            environment.push(("QINGTING_FAIL_WRITE_AT", (2 + random.below(3)).to_string()));
        } else {
            let step = steps[attempt % steps.len()];
            let commit = match bug {
                // Later and later: an early message shows only where its commit does not come to be.
                Bug::SendEarly => 1 + 2 * attempt as u64,
                _ => 1 + random.below(4),
            };
            environment.extend(kill_order(step, commit, &deployment));
        }
        let exit = deployment.start(&["--exit-when-caught-up"], &environment).wait(limit);
        let mut problems = match exit.outcome {
            Outcome::Killed(libc::SIGKILL) => stage.problems(&deployment, &mut receivers),
            Outcome::Exited(0) => stage.final_problems(&deployment, &mut receivers),
            _ => vec![format!("the process ended by itself: {}", exit.log_tail())],
        };
        if let Some(first) = problems.drain(..).next() {
            say(format!("{}: noticed in run {}: {first:.300}", bug.name(), attempt + 1));
            return;
        }
        if exit.outcome == Outcome::Exited(0) {
            if bug != Bug::RetryPrepare {
                break;
            }
            // A merge took the failed write: nothing was lost. Once more from the beginning.
            (deployment, receivers) = stage.deploy();
        }
    }
    panic!("the mistake {} was not noticed", bug.name());
}

#[test]
fn harness_notices_a_payload_one_batch_ahead() {
    noticed(Bug::PayloadAhead);
}

#[test]
fn harness_notices_an_overlay_cleared_before_reload() {
    noticed(Bug::OverlayEarly);
}

#[test]
fn harness_notices_a_retry_after_a_failed_prepare() {
    noticed(Bug::RetryPrepare);
}

#[test]
fn harness_notices_frames_sent_before_the_commit() {
    noticed(Bug::SendEarly);
}

#[test]
fn harness_notices_counting_by_arrival() {
    noticed(Bug::CountByArrival);
}

#[test]
fn a_record_that_ends_the_process_three_times_becomes_a_dead_letter() {
    let _alone = alone();
    let promise = "a_record_that_ends_the_process_three_times_becomes_a_dead_letter";
    let Some(stage) = Stage::set(promise, seed(), 600, 100) else {
        return;
    };
    let (deployment, mut receivers) = stage.deploy();
    let mark = "此条使原生库崩溃";
    let item = |id: &str, text: &str| serde_json::json!({"id": id, "text": text, "source": {"kind": "review", "platform": "jd", "format": "item", "role": "review"}});
    let last = stage.oracle.ends()[0][0];
    let at = support::oracle::START_MS + support::oracle::WEEKS * 7 * support::oracle::DAY_MS;
    let record = |value: serde_json::Value| KafkaRecord {
        partition: 0,
        timestamp_ms: at,
        key: None,
        payload: Some(value.to_string().into_bytes()),
    };
    stage.broker.produce(
        &stage.topics[0],
        &[
            record(item("jd:review:before", "崩溃之前")),
            record(item("jd:review:killer", mark)),
            record(item("jd:review:after", "崩溃之后")),
        ],
        &[],
    );
    let environment = [("QINGTING_CRASH_ON_TEXT", mark.to_owned())];
    let mut deaths = 0;
    for _ in 0..40 {
        let exit = deployment
            .start(&["--exit-when-caught-up"], &environment)
            .wait(form().run_limit);
        match exit.outcome {
            Outcome::Exited(0) => break,
            Outcome::Killed(libc::SIGKILL) => deaths += 1,
            _ => panic!("{}", exit.log_tail()),
        }
    }
    say(format!("the record ended the process {deaths} times"));
    assert_eq!(deaths, 5, "three starts, then two on this record alone");
    assert!(deployment.verify().is_empty(), "{:?}", deployment.verify());
    receivers.read();
    let killer = format!("{}/0/{}", stage.topics[0], last + 1);
    assert!(receivers.dead_ids.contains_key(&killer), "{:?}", receivers.dead_ids);
    let letters = std::fs::read_to_string(deployment.dead_letter_file()).expect("dead-letter file");
    let letter = letters
        .lines()
        .find(|line| line.contains(&killer))
        .expect("the record is in the dead-letter file");
    assert!(letter.contains("\"crashed\""), "{letter}");
    let ids: BTreeSet<String> = deployment
        .inspect("items")
        .expect("inspect items")
        .iter()
        .filter_map(|item| item["id"].as_str().map(str::to_owned))
        .collect();
    assert!(ids.contains("jd:review:before") && ids.contains("jd:review:after"));
    assert!(!ids.contains("jd:review:killer"));
    let expected = stage.oracle.expected(&stage.oracle.ends(), &stage.topics);
    let alive = expected.winners.values().filter(|winner| !winner.deleted).count();
    assert_eq!(ids.len(), alive + 2, "all others are indexed");
}
