//! Alerts reach a real Alertmanager and a real Kafka topic, and an episode that ends there ends there.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail
#![allow(clippy::disallowed_methods)] // what tests share measures real processes with the real clock

mod support;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use qingting::clock::{Stopwatch, SystemClock};
use qingting::config::{KafkaConfig, ReceiverConfig, ReceiverKind};
use qingting::notify::{Delivered, DeliveryOutcome, Notifier, NotifierHandle, OutboxRow};
use qingting::telemetry::Metrics;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use serde_json::{Value, json};

const WAIT: Duration = Duration::from_secs(60);

struct Delivery {
    rows: Sender<OutboxRow>,
    delivered: Receiver<Delivered>,
    handle: NotifierHandle,
}

fn deliver_to(kind: ReceiverKind, kafka: Option<&KafkaConfig>) -> Delivery {
    let receivers = [ReceiverConfig {
        name: "ops".into(),
        kind,
    }];
    let (rows, rx) = unbounded();
    let (report, delivered) = unbounded();
    let handle = Notifier::start_with_clock(
        &receivers,
        kafka,
        Metrics::new().unwrap(),
        Arc::new(SystemClock),
        rx,
        move |row| {
            let _ = report.send(row);
        },
    )
    .unwrap();
    Delivery {
        rows,
        delivered,
        handle,
    }
}

impl Delivery {
    fn send(&self, seq: u64, alert: Value) {
        self.rows
            .send(OutboxRow {
                seq,
                receiver: "ops".into(),
                alert,
                created_at_ms: 0,
            })
            .unwrap();
        let delivered = self.delivered.recv_timeout(WAIT).unwrap();
        assert_eq!((delivered.seq, delivered.outcome), (seq, DeliveryOutcome::Delivered));
    }
}

fn alert(state: &str) -> Value {
    json!({
        "id": "00112233445566778899aabbccddeeff", "rule": "负面声音激增", "state": state, "key": {"aspect": "function"},
        "starts_at": 1_700_000_000_000_i64, "ends_at": (state == "resolved").then_some(1_700_003_600_000_i64),
        "current": 60, "reference": 10.25, "priority": "P1", "severity": "critical", "owner": "app",
        "summary": {"zh": "“登录失败”增加到 5.9 倍", "en": "log-in failures are at 5.9 times"},
    })
}

struct Alertmanager {
    process: Child,
    url: String,
    _directory: tempfile::TempDir,
}

impl Alertmanager {
    fn start(program: PathBuf) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/alertmanager/alertmanager.yml");
        let process = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", directory.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            _directory: directory,
        }
    }

    fn alerts(&self) -> Vec<Value> {
        let mut answer = ureq::get(format!("{}/api/v2/alerts", self.url)).call().unwrap();
        answer.body_mut().read_json().unwrap()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_real_alertmanager_shows_an_episode_until_it_is_resolved() {
    let promise = "real_alertmanager";
    let Some(program) = std::env::var_os("QINGTING_ALERTMANAGER")
        .map(PathBuf::from)
        .filter(|path| path.is_file())
    else {
        support::skip(promise, "no Alertmanager: QINGTING_ALERTMANAGER names no program");
        return;
    };
    let server = Alertmanager::start(program);
    // The first tries meet a process that does not listen yet.
    let delivery = deliver_to(
        ReceiverKind::Alertmanager {
            url: server.url.clone(),
        },
        None,
    );
    delivery.send(1, alert("firing"));
    let shown = server.alerts();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0]["labels"]["alertname"], "负面声音激增");
    assert_eq!(shown[0]["labels"]["episode"], "00112233445566778899aabbccddeeff");
    assert_eq!(shown[0]["labels"]["aspect"], "function");
    assert_eq!(shown[0]["annotations"]["summary"], "“登录失败”增加到 5.9 倍");
    assert_eq!(shown[0]["status"]["state"], "active");

    delivery.send(2, alert("firing"));
    assert_eq!(server.alerts().len(), 1, "told twice, shown once");
    delivery.send(3, alert("resolved"));
    assert_eq!(server.alerts(), Vec::<Value>::new());
    delivery.handle.stop();
}

#[test]
fn a_real_topic_holds_each_state_of_an_episode_under_its_id() {
    let Some(brokers) = support::kafka("real_kafka_receiver") else {
        return;
    };
    let topic = format!("qingting.test.alerts.{}", std::process::id());
    let kafka = KafkaConfig {
        brokers: brokers.clone(),
        group: "unused".into(),
        properties: Default::default(),
    };
    let delivery = deliver_to(ReceiverKind::Kafka { topic: topic.clone() }, Some(&kafka));
    delivery.send(1, alert("firing"));
    delivery.send(2, alert("resolved"));
    delivery.handle.stop();

    let reader: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", &topic)
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    reader.subscribe(&[&topic]).unwrap();
    let (waited, mut states) = (Stopwatch::start(), Vec::new());
    while states.len() < 2 && waited.elapsed() < WAIT {
        let Some(message) = reader.poll(Duration::from_millis(200)) else {
            continue;
        };
        let Ok(message) = message else { continue };
        assert_eq!(message.key(), Some("00112233445566778899aabbccddeeff".as_bytes()));
        let value: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        states.push(value["state"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["firing", "resolved"]);
}
