//! How records travel: compression, TLS and SASL.

use super::support::broker::Broker;
use super::support::process::Deployment;
use super::{LIMIT, assert_verified, broker, config, ids, records};

#[test]
fn topics_in_every_compression_are_read() {
    let Some(broker) = broker("topics_in_every_compression_are_read") else {
        return;
    };
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    let topics: Vec<String> = codecs.iter().map(|codec| Broker::fresh_name(codec)).collect();
    for (codec, topic) in codecs.iter().zip(&topics) {
        broker.create_topic(topic, 2, &[("compression.type", "producer")]);
        broker.produce(topic, &records(codec, 200, 0..2), &[("compression.type", codec)]);
    }
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let deployment = Deployment::new(&config(&broker, &topics[0], &names, ""));
    deployment.catch_up(LIMIT);
    let ids = ids(&deployment);
    for codec in codecs {
        let count = ids.iter().filter(|id| id.starts_with(&format!("{codec}-"))).count();
        assert_eq!(count, 200, "{codec}");
    }
    assert_verified(&deployment);
}
