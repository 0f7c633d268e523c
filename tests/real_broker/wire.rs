//! How records travel: compression, TLS and SASL.

use super::support::broker::Broker;
use super::support::process::Deployment;
use super::support::skip;
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

/// A broker of its own with a listener for TLS and SASL, ended with the test.
struct SecureBroker {
    directory: tempfile::TempDir,
    secure_address: String,
}

impl SecureBroker {
    fn start() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let output = Self::script("start", directory.path(), &["--tls", "--sasl"])?;
        let secure_address = output.lines().last().unwrap_or_default().trim().to_owned();
        Ok(Self {
            directory,
            secure_address,
        })
    }

    fn script(command: &str, directory: &std::path::Path, more: &[&str]) -> Result<String, String> {
        let output = std::process::Command::new("bash")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka.sh"))
            .args([command, "--dir"])
            .arg(directory)
            .args(more)
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    }

    fn read(&self, name: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::read_to_string(path).expect(name).trim().to_owned()
    }
}

impl Drop for SecureBroker {
    fn drop(&mut self) {
        let _ = Self::script("stop", self.directory.path(), &["--kill"]);
    }
}

#[test]
fn tls_with_sasl_plain_and_scram_is_built_in() {
    let promise = "tls_with_sasl_plain_and_scram_is_built_in";
    let secure = match SecureBroker::start() {
        Ok(secure) => secure,
        Err(reason) => return skip(promise, &reason),
    };
    let plain = Broker::at(secure.read("plain_address")).expect("plain listener");
    let topic = Broker::fresh_name("secure");
    plain.create_topic(&topic, 2, &[]);
    plain.produce(&topic, &records("secure", 200, 0..2), &[]);
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let text = config(&plain, &topic, &[&topic], "").replace(&plain.address, &secure.secure_address);
        let secured = format!(
            "properties = {{ \"security.protocol\" = \"SASL_SSL\", \"sasl.mechanisms\" = {mechanism:?}, \
             \"sasl.username\" = \"qingting\", \"sasl.password\" = {:?}, \"ssl.ca.location\" = {:?}, ",
            secure.read("password"),
            secure.directory.path().join("ca.pem"),
        );
        let deployment = Deployment::new(&text.replace("properties = { ", &secured));
        deployment.catch_up(LIMIT);
        assert_eq!(ids(&deployment).len(), 200, "{mechanism}");
        assert_verified(&deployment);
    }
}
