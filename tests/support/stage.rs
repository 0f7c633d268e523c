//! The oracle's records in two real topics, and deployments that read them.

use super::broker::Broker;
use super::judge::{self, Receivers};
use super::oracle::{Oracle, PARTITIONS};
use super::process::Deployment;
use super::{say, skip};
use std::collections::{BTreeSet, HashSet};

/// The oracle's records in two real topics, and the deployments that read them.
pub struct Stage {
    pub broker: Broker,
    pub oracle: Oracle,
    pub topics: Vec<String>,
    pub max_items: usize,
}

impl Stage {
    /// Produces `items` items of the oracle; `None` after saying why there is no broker.
    pub fn set(promise: &str, seed: u64, items: usize, max_items: usize) -> Option<Self> {
        let broker = match Broker::get() {
            Ok(broker) => broker,
            Err(reason) => {
                skip(promise, &reason);
                return None;
            }
        };
        let oracle = Oracle::new(seed, items);
        let topics: Vec<String> = ["a", "b"].map(Broker::fresh_name).to_vec();
        for (topic, records) in topics.iter().zip(&oracle.to_produce) {
            broker.create_topic(topic, PARTITIONS as i32, &[]);
            broker.produce(topic, records, &[("compression.type", "lz4")]);
        }
        say(format!(
            "oracle: seed {}, {} records, {} items, {} re-sends ({} swapped, {} from both topics, {} twice in a batch), \
             {} deletions, {} unreadable, arrays of 0/1/500 items: {:?}",
            seed,
            oracle.total_records(),
            oracle.items,
            oracle.resends,
            oracle.swapped,
            oracle.from_both_topics,
            oracle.twice_in_a_batch,
            oracle.deletions,
            oracle.dead,
            oracle.arrays
        ));
        Some(Self {
            broker,
            oracle,
            topics,
            max_items,
        })
    }

    pub fn deploy(&self) -> (Deployment, Receivers) {
        let alerts = Broker::fresh_name("alerts");
        let dead = Broker::fresh_name("dead");
        self.broker.create_topic(&alerts, 1, &[]);
        self.broker.create_topic(&dead, 1, &[]);
        let deployment = Deployment::new("");
        deployment.configure(&format!(
            r#"
[time]
clock = "event"
[kafka]
brokers = "{brokers}"
group = "{alerts}"
[[source]]
name = "first"
topics = ["{a}"]
format = "item"
[[source]]
name = "second"
topics = ["{b}"]
format = "item"
[checkpoint]
interval = "5s"
max_items = {max_items}
[dead_letter]
file = {file:?}
topic = "{dead}"
[alerting]
deliver_history = true
[[rule]]
name = "spike-1d"
kind = "spike"
by = ["product"]
window = "1d"
[[rule]]
name = "spike-7d"
kind = "spike"
by = ["product"]
window = "7d"
[[receiver]]
name = "pager"
type = "kafka"
url = "kafka:{alerts}"
"#,
            brokers = self.broker.address,
            a = self.topics[0],
            b = self.topics[1],
            max_items = self.max_items,
            file = deployment.dead_letter_file(),
        ));
        let receivers = Receivers::new(self.broker.reader(&alerts), self.broker.reader(&dead));
        (deployment, receivers)
    }

    /// State and what left the process, at whatever commit it stands.
    pub fn problems(&self, deployment: &Deployment, receivers: &mut Receivers) -> Vec<String> {
        let mut problems = judge::state_problems(deployment, &self.oracle, &self.topics);
        problems.extend(receivers.problems(deployment, &self.oracle, &self.topics));
        problems
    }

    /// What must hold when everything was read.
    pub fn final_problems(&self, deployment: &Deployment, receivers: &mut Receivers) -> Vec<String> {
        let mut problems = self.problems(deployment, receivers);
        let expected = self.oracle.expected(&self.oracle.ends(), &self.topics);
        match judge::checkpoint(deployment, &self.topics, PARTITIONS) {
            Ok(Some(checkpoint)) if checkpoint.positions == self.oracle.ends() => {}
            Ok(found) => problems.push(format!(
                "not at the end: {:?}, the ends are {:?}",
                found.map(|found| found.positions),
                self.oracle.ends()
            )),
            Err(error) => problems.push(error),
        }
        problems.extend(judge::dead_letter_file_problems(deployment, &expected.dead_ids));
        let received: HashSet<String> = receivers.dead_ids.keys().cloned().collect();
        if received != expected.dead_ids {
            problems.push(format!(
                "dead-letter topic: {} ids received, {} expected",
                received.len(),
                expected.dead_ids.len()
            ));
        }
        match judge::episode_ids(deployment) {
            Ok(episodes) => {
                let received: BTreeSet<String> = receivers.firing.keys().cloned().collect();
                if received != episodes {
                    problems.push(format!(
                        "receiver has episodes {received:?}, the state has {episodes:?}"
                    ));
                }
            }
            Err(error) => problems.push(error),
        }
        problems
    }
}
