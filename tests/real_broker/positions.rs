//! Read positions come from the checkpoint and from nowhere else.

use super::support::broker::Broker;
use super::support::process::{Deployment, Outcome, wait_until};
use super::support::stage::Stage;
use super::{LIMIT, assert_verified, balance, broker, config, ids, records, total};
use std::time::Duration;

#[test]
fn a_lost_data_directory_is_rebuilt_from_the_beginning_although_the_group_has_offsets() {
    let promise = "a_lost_data_directory_is_rebuilt_from_the_beginning_although_the_group_has_offsets";
    let Some(stage) = Stage::set(promise, 7, 1_500, 400) else {
        return;
    };
    let (deployment, mut receivers) = stage.deploy();
    deployment.catch_up(LIMIT);
    assert_eq!(stage.final_problems(&deployment, &mut receivers), Vec::<String>::new());
    let group = deployment.group();
    let offsets = stage.broker.group_offsets(&group, &stage.topics[0]);
    assert!(
        offsets.iter().any(Option::is_some),
        "the group shows no offsets, so that nothing could be skipped: {offsets:?}"
    );
    std::fs::remove_dir_all(&deployment.data_dir).expect("remove the data directory");
    std::fs::remove_file(deployment.dead_letter_file()).expect("remove the dead-letter file");
    deployment.catch_up(LIMIT);
    assert_eq!(stage.final_problems(&deployment, &mut receivers), Vec::<String>::new());
}

#[test]
fn partitions_added_between_runs_are_read_from_their_beginning() {
    let Some(broker) = broker("partitions_added_between_runs_are_read_from_their_beginning") else {
        return;
    };
    let topic = Broker::fresh_name("grow");
    broker.create_topic(&topic, 4, &[]);
    broker.produce(&topic, &records("old", 400, 0..4), &[]);
    let deployment = Deployment::new(&config(&broker, &topic, &[&topic], ""));
    deployment.catch_up(LIMIT);
    assert_eq!(ids(&deployment).len(), 400);
    broker.grow_topic(&topic, 8);
    broker.produce(&topic, &records("new", 800, 0..8), &[]);
    deployment.catch_up(LIMIT);
    assert_eq!(ids(&deployment).len(), 1_200);
    assert_eq!(balance(&deployment, "items", "inserted"), 1_200);
    assert_verified(&deployment);
}

#[test]
fn partitions_added_to_a_running_process_are_read_from_their_beginning() {
    let Some(broker) = broker("partitions_added_to_a_running_process_are_read_from_their_beginning") else {
        return;
    };
    let topic = Broker::fresh_name("growing");
    broker.create_topic(&topic, 4, &[]);
    broker.produce(&topic, &records("old", 400, 0..4), &[]);
    let deployment = Deployment::new(&config(&broker, &topic, &[&topic], ""));
    let mut running = deployment.start(&[], &[]);
    let http = running.wait_ready(LIMIT).expect("ready");
    wait_until("the first 400 items", LIMIT, || total(&http) == 400);
    broker.grow_topic(&topic, 8);
    broker.produce(&topic, &records("new", 800, 0..8), &[]);
    wait_until("the items of the new partitions", LIMIT, || total(&http) == 1_200);
    assert_eq!(running.stop(Duration::from_secs(30)).outcome, Outcome::Exited(0));
    assert_eq!(balance(&deployment, "items", "inserted"), 1_200);
    assert_verified(&deployment);
}

#[test]
fn a_topic_removed_from_the_config_and_added_again_goes_on_where_it_was() {
    let Some(broker) = broker("a_topic_removed_from_the_config_and_added_again_goes_on_where_it_was") else {
        return;
    };
    let (kept, away) = (Broker::fresh_name("kept"), Broker::fresh_name("away"));
    for topic in [&kept, &away] {
        broker.create_topic(topic, 2, &[]);
        broker.produce(topic, &records(&format!("{topic}-one"), 300, 0..2), &[]);
    }
    let both = config(&broker, &kept, &[&kept, &away], "");
    let deployment = Deployment::new(&both);
    deployment.catch_up(LIMIT);
    deployment.configure(&config(&broker, &kept, &[&kept], ""));
    for topic in [&kept, &away] {
        broker.produce(topic, &records(&format!("{topic}-two"), 300, 0..2), &[]);
    }
    deployment.catch_up(LIMIT);
    assert_eq!(
        ids(&deployment).len(),
        900,
        "the removed topic is not read, what it gave stays"
    );
    assert_verified(&deployment);
    deployment.configure(&both);
    deployment.catch_up(LIMIT);
    assert_eq!(ids(&deployment).len(), 1_200);
    assert_eq!(
        balance(&deployment, "records", "mapped"),
        1_200,
        "every record was read once"
    );
    assert_eq!(balance(&deployment, "items", "inserted"), 1_200);
    assert_verified(&deployment);
}

#[test]
fn a_topic_that_was_created_anew_is_not_taken_for_the_old_one() {
    let Some(broker) = broker("a_topic_that_was_created_anew_is_not_taken_for_the_old_one") else {
        return;
    };
    let topic = Broker::fresh_name("recreated");
    broker.create_topic(&topic, 1, &[]);
    broker.produce(&topic, &records("old", 100, 0..1), &[]);
    let deployment = Deployment::new(&config(&broker, &topic, &[&topic], ""));
    deployment.catch_up(LIMIT);
    broker.delete_topic(&topic);
    broker.create_topic(&topic, 1, &[]);
    broker.produce(&topic, &records("new", 250, 0..1), &[]);
    let exit = deployment.start(&["--exit-when-caught-up"], &[]).wait(LIMIT);
    assert_ne!(exit.outcome, Outcome::TimedOut, "{}", exit.log_tail());
    let after = ids(&deployment);
    assert!(
        after.iter().all(|id| id.starts_with("old-")),
        "records of the new topic were read from the middle: {after:?}"
    );
    assert!(
        deployment.log().contains(&topic),
        "the log names the refused topic: {}",
        exit.log_tail()
    );
    assert_verified(&deployment);
}
