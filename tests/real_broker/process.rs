//! Start, stop and the lock on the data directory.

use super::support::broker::Broker;
use super::support::process::{Deployment, Outcome, get, wait_until};
use super::{LIMIT, assert_verified, balance, broker, config, ids, records, total};
use std::time::Duration;

#[test]
fn a_second_process_on_the_same_data_directory_is_refused() {
    let Some(broker) = broker("a_second_process_on_the_same_data_directory_is_refused") else {
        return;
    };
    let topic = Broker::fresh_name("lock");
    broker.create_topic(&topic, 1, &[]);
    broker.produce(&topic, &records("one", 50, 0..1), &[]);
    let deployment = Deployment::new(&config(&broker, &topic, &[&topic], ""));
    let mut first = deployment.start(&[], &[]);
    let http = first.wait_ready(LIMIT).expect("ready");
    wait_until("50 items", LIMIT, || total(&http) == 50);
    let output = deployment
        .command(&["--exit-when-caught-up"])
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("start the second");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "the second process ran: {complaint}");
    assert!(
        complaint.contains(&*deployment.data_dir.to_string_lossy()),
        "the error names the directory: {complaint}"
    );
    assert!(first.is_running(), "the first process goes on");
    broker.produce(&topic, &records("two", 50, 0..1), &[]);
    wait_until("100 items", LIMIT, || total(&http) == 100);
    assert_eq!(first.stop(Duration::from_secs(30)).outcome, Outcome::Exited(0));
    assert_verified(&deployment);
}

#[test]
fn a_graceful_stop_commits_what_was_read_and_nothing_is_read_again() {
    let Some(broker) = broker("a_graceful_stop_commits_what_was_read_and_nothing_is_read_again") else {
        return;
    };
    let topic = Broker::fresh_name("stop");
    broker.create_topic(&topic, 4, &[]);
    let all = records("stop", 6_000, 0..4);
    broker.produce(&topic, &all, &[]);
    // No commit comes by itself: only the stop can make what was read durable.
    let lazy = "[checkpoint]\ninterval = \"10m\"\nmax_items = 100000\n";
    let deployment = Deployment::new(&config(&broker, &topic, &[&topic], lazy));
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let before = balance(&deployment, "items", "inserted");
        let mut running = deployment.start(&[], &[]);
        let http = running.wait_ready(LIMIT).expect("ready");
        let mut shown = 0;
        wait_until("more items are applied", LIMIT, || {
            shown = inserted_metric(&http);
            shown > before.min(all.len() as u64 - 1)
        });
        running.signal(signal);
        let exit = running.wait(Duration::from_secs(30));
        assert_eq!(exit.outcome, Outcome::Exited(0), "{}", exit.log_tail());
        let committed = balance(&deployment, "items", "inserted");
        assert!(
            committed >= shown,
            "{shown} items were applied, {committed} are committed after the stop"
        );
        assert_verified(&deployment);
    }
    deployment.catch_up(LIMIT);
    assert_eq!(ids(&deployment).len(), all.len());
    assert_eq!(balance(&deployment, "items", "inserted"), all.len() as u64);
    assert_eq!(balance(&deployment, "items", "stale"), 0, "nothing was read again");
    assert_eq!(balance(&deployment, "items", "updated"), 0, "nothing was read again");
    assert_verified(&deployment);
}

/// `qingting_items_total{outcome="inserted"}` over all sources.
fn inserted_metric(http: &str) -> u64 {
    let Ok((200, body)) = get(&format!("{http}/metrics")) else {
        return 0;
    };
    body.lines()
        .filter(|line| line.starts_with("qingting_items_total{") && line.contains("outcome=\"inserted\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}
