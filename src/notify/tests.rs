use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::{ClientConfig, TopicPartitionList};
use serde_json::{Value, json};

use super::*;
use crate::clock::{ManualClock, Stopwatch};
use crate::config::KafkaConfig;

const WAIT: Duration = Duration::from_secs(20);

/// A loopback HTTP server that answers with the given statuses in turn, the last one for ever, and keeps each body.
struct Server {
    url: String,
    bodies: Arc<Mutex<Vec<(String, Value)>>>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (bodies, requests) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (kept, counted) = (bodies.clone(), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, counted) = (kept.clone(), counted.clone());
                std::thread::spawn(move || serve(stream, statuses, &kept, &counted));
            }
        });
        Self { url, bodies, requests }
    }

    fn wait_for(&self, requests: usize) {
        wait_until(|| self.requests.load(Ordering::SeqCst) >= requests);
    }

    fn body(&self, index: usize) -> Value {
        self.bodies.lock().unwrap()[index].1.clone()
    }
}

fn serve(stream: TcpStream, statuses: &[u16], bodies: &Mutex<Vec<(String, Value)>>, requests: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            if header == "\r\n" {
                break;
            }
            if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        bodies
            .lock()
            .unwrap()
            .push((first.trim().to_owned(), serde_json::from_slice(&body).unwrap()));
        let status = statuses[requests.load(Ordering::SeqCst).min(statuses.len() - 1)];
        write!(writer, "HTTP/1.1 {status} Said\r\ncontent-length: 4\r\n\r\nwhy\n").unwrap();
        requests.fetch_add(1, Ordering::SeqCst);
    }
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let waited = Stopwatch::start();
    while !condition() {
        assert!(waited.elapsed() < WAIT, "waited too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Fixture {
    rows: Sender<OutboxRow>,
    delivered: Receiver<Delivered>,
    metrics: Metrics,
    handle: NotifierHandle,
}

fn start(receivers: Vec<ReceiverConfig>) -> Fixture {
    start_with(receivers, None)
}

fn start_with(receivers: Vec<ReceiverConfig>, kafka: Option<KafkaConfig>) -> Fixture {
    let metrics = Metrics::new().unwrap();
    let (rows, rx) = unbounded();
    let (report, delivered) = unbounded();
    let clock = Arc::new(ManualClock::at(1_700_000_000_000));
    let handle = Notifier::start_with_clock(&receivers, kafka.as_ref(), metrics.clone(), clock, rx, move |row| {
        let _ = report.send(row);
    })
    .unwrap();
    Fixture {
        rows,
        delivered,
        metrics,
        handle,
    }
}

fn alertmanager(name: &str, url: &str) -> ReceiverConfig {
    ReceiverConfig {
        name: name.into(),
        kind: ReceiverKind::Alertmanager { url: url.into() },
    }
}

fn alert(id: &str, state: &str) -> Value {
    json!({
        "schema": "qingting.alert/1", "id": id, "rule": "激增", "kind": "spike", "state": state,
        "key": {"brand": "云雀", "severity": "urgent", "rating": 2},
        "starts_at": 1_700_000_000_000_i64, "ends_at": (state == "resolved").then_some(1_700_003_600_000_i64),
        "current": 42, "reference": 10.5, "increase_pct": 300.0, "authors": 31,
        "top_terms": [{"term": "登录", "log_odds": 3.1}, {"term": "失败", "log_odds": 2.2}], "samples": ["a:1", "a:2"],
        "search": "brand:云雀", "annotation": null, "owner": "app", "priority": "P1", "severity": "critical",
        "summary": {"zh": "登录失败激增", "en": "log-in failures surge"},
    })
}

fn row(seq: u64, receiver: &str, alert: Value) -> OutboxRow {
    OutboxRow {
        seq,
        receiver: receiver.into(),
        alert,
        created_at_ms: 1_700_000_000_000,
    }
}

#[test]
fn a_receiver_that_fails_twice_gets_the_alert_with_its_episode_id() {
    let server = Server::answering(&[503, 500, 200]);
    let fixture = start(vec![alertmanager("ops", &server.url)]);
    fixture.rows.send(row(7, "ops", alert("e1", "firing"))).unwrap();

    let delivered = fixture.delivered.recv_timeout(WAIT).unwrap();
    assert_eq!(
        delivered,
        Delivered {
            seq: 7,
            receiver: "ops".into(),
            at_ms: 1_700_000_000_000,
            outcome: DeliveryOutcome::Delivered
        }
    );
    let (request, body) = server.bodies.lock().unwrap()[2].clone();
    assert_eq!(request, "POST /api/v2/alerts HTTP/1.1");
    assert_eq!(
        body[0]["labels"],
        json!({
            "alertname": "激增", "episode": "e1", "brand": "云雀", "rating": "2", "key_severity": "urgent",
            "severity": "critical", "owner": "app", "priority": "P1",
        })
    );
    assert_eq!(
        body[0]["annotations"],
        json!({
            "summary": "登录失败激增", "summary_en": "log-in failures surge", "search": "brand:云雀", "current": "42",
            "reference": "10.5", "increase_pct": "300.0", "authors": "31", "top_terms": "登录, 失败",
            "samples": "a:1, a:2",
        })
    );
    assert_eq!(body[0]["startsAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(body[0].get("endsAt"), None);
    let text = fixture.metrics.render();
    assert!(
        text.contains(r#"qingting_notifications_total{outcome="failed",receiver="ops"} 2"#),
        "{text}"
    );
    assert!(
        text.contains(r#"qingting_notifications_total{outcome="delivered",receiver="ops"} 1"#),
        "{text}"
    );
    fixture.handle.stop();
}

#[test]
fn a_resolved_episode_ends_under_the_labels_it_began_with() {
    let server = Server::answering(&[200]);
    let fixture = start(vec![alertmanager("ops", &server.url)]);
    fixture.rows.send(row(1, "ops", alert("e1", "firing"))).unwrap();
    let mut resolved = alert("e1", "resolved");
    resolved["priority"] = json!("P3");
    resolved["owner"] = json!("nobody");
    fixture.rows.send(row(2, "ops", resolved)).unwrap();

    server.wait_for(2);
    assert_eq!(server.body(0)[0]["labels"], server.body(1)[0]["labels"]);
    assert_eq!(server.body(1)[0]["endsAt"], "2023-11-14T23:13:20.000Z");
    fixture.handle.stop();
}

#[test]
fn what_fired_before_a_restart_is_said_again() {
    let server = Server::answering(&[200]);
    let fixture = start(vec![alertmanager("ops", &server.url)]);
    fixture.handle.keep_firing("ops", alert("e9", "firing"));
    server.wait_for(1);
    assert_eq!(server.body(0)[0]["labels"]["episode"], "e9");
    assert!(fixture.delivered.is_empty(), "a refresh is not a delivery");
    fixture.handle.stop();
}

#[test]
fn what_fires_is_due_again_every_minute_until_it_is_resolved() {
    let server = Server::answering(&[200]);
    let mut transport = alertmanager::Alertmanager::new(&server.url);
    let stop = StopSignal::default();
    use queue::Transport;
    assert_eq!(transport.refresh_every(), None);
    transport.deliver(&alert("e1", "firing"), ATTEMPT, &stop).unwrap();
    transport.deliver(&alert("e2", "firing"), ATTEMPT, &stop).unwrap();
    assert_eq!(transport.refresh_every(), Some(Duration::from_secs(60)));
    transport.refresh(ATTEMPT).unwrap();
    assert_eq!(server.body(2).as_array().unwrap().len(), 2);
    transport.deliver(&alert("e1", "resolved"), ATTEMPT, &stop).unwrap();
    transport.deliver(&alert("e2", "resolved"), ATTEMPT, &stop).unwrap();
    assert_eq!(transport.refresh_every(), None);
}

#[test]
fn a_dead_receiver_delays_nobody_else() {
    let server = Server::answering(&[200]);
    // a port that was free a moment ago: connections are refused
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let receivers = vec![
        alertmanager("dead", &format!("http://{dead}")),
        alertmanager("ops", &server.url),
    ];
    let fixture = start(receivers);
    for seq in 0..20 {
        fixture
            .rows
            .send(row(2 * seq, "dead", alert(&format!("e{seq}"), "firing")))
            .unwrap();
        fixture
            .rows
            .send(row(2 * seq + 1, "ops", alert(&format!("e{seq}"), "firing")))
            .unwrap();
    }
    let seqs: Vec<u64> = (0..20)
        .map(|_| fixture.delivered.recv_timeout(WAIT).unwrap().seq)
        .collect();
    assert_eq!(seqs, (0..20).map(|seq| 2 * seq + 1).collect::<Vec<_>>(), "in order");
    fixture.handle.stop();
}

#[test]
fn content_that_is_refused_is_given_up_and_the_next_row_goes_on() {
    let server = Server::answering(&[400, 200]);
    let fixture = start(vec![alertmanager("ops", &server.url)]);
    fixture.rows.send(row(1, "ops", alert("e1", "firing"))).unwrap();
    fixture.rows.send(row(2, "ops", alert("e2", "firing"))).unwrap();
    fixture.rows.send(row(3, "gone", alert("e3", "firing"))).unwrap();
    let mut outcomes: Vec<_> = (0..3).map(|_| fixture.delivered.recv_timeout(WAIT).unwrap()).collect();
    outcomes.sort_by_key(|delivered| delivered.seq);
    let outcomes: Vec<_> = outcomes.iter().map(|delivered| delivered.outcome).collect();
    assert_eq!(
        outcomes,
        [
            DeliveryOutcome::GivenUp,
            DeliveryOutcome::Delivered,
            DeliveryOutcome::GivenUp
        ]
    );
    fixture.handle.stop();
}

#[test]
fn what_an_operator_can_mend_is_tried_again() {
    for (status, is_final) in [
        (400, true),
        (413, true),
        (401, false),
        (403, false),
        (404, false),
        (429, false),
        (500, false),
    ] {
        assert_eq!(
            DeliveryError::Status {
                status,
                body: String::new()
            }
            .is_final(),
            is_final,
            "{status}"
        );
    }
}

#[test]
fn a_stop_delivers_what_it_can_and_ends_within_five_seconds() {
    let server = Server::answering(&[200]);
    // accepts connections and never answers
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let receivers = vec![
        alertmanager("silent", &format!("http://{}", silent.local_addr().unwrap())),
        alertmanager("ops", &server.url),
        ReceiverConfig {
            name: "topic".into(),
            kind: ReceiverKind::Kafka { topic: "alerts".into() },
        },
    ];
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fixture = start_with(receivers, Some(kafka_config(dead.to_string())));
    for seq in 0..30 {
        for receiver in ["silent", "ops", "topic"] {
            fixture.rows.send(row(seq, receiver, alert("e", "firing"))).unwrap();
        }
    }
    let stopping = Stopwatch::start();
    fixture.handle.stop();
    assert!(stopping.elapsed() < Duration::from_secs(5), "{:?}", stopping.elapsed());
    let delivered: Vec<Delivered> = fixture.delivered.try_iter().collect();
    assert_eq!(delivered.len(), 30, "all rows of the receiver that answers");
    assert!(delivered.iter().all(|delivered| delivered.receiver == "ops"));
}

fn kafka_config(brokers: String) -> KafkaConfig {
    KafkaConfig {
        brokers,
        group: "qingting".into(),
        properties: BTreeMap::new(),
    }
}

#[test]
fn a_kafka_receiver_gets_the_alert_under_its_episode_id_once_the_topic_answers() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("alerts", 1, 1).unwrap();
    let receiver = ReceiverConfig {
        name: "topic".into(),
        kind: ReceiverKind::Kafka { topic: "alerts".into() },
    };
    cluster.broker_down(1).unwrap();
    let fixture = start_with(vec![receiver], Some(kafka_config(cluster.bootstrap_servers())));
    let sent = alert("e1", "firing");
    fixture.rows.send(row(1, "topic", sent.clone())).unwrap();
    wait_until(|| {
        fixture
            .metrics
            .notifications_total
            .with_label_values(&["topic", "failed"])
            .get()
            > 0
    });
    cluster.broker_up(1).unwrap();
    assert_eq!(
        fixture.delivered.recv_timeout(WAIT).unwrap().outcome,
        DeliveryOutcome::Delivered
    );

    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", "reader")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset("alerts", 0, rdkafka::Offset::Beginning)
        .unwrap();
    consumer.assign(&assignment).unwrap();
    let message = consumer.poll(WAIT).unwrap().unwrap();
    assert_eq!(message.key(), Some("e1".as_bytes()));
    assert_eq!(
        serde_json::from_slice::<Value>(message.payload().unwrap()).unwrap(),
        sent
    );
    fixture.handle.stop();
}

#[test]
fn a_kafka_receiver_without_brokers_is_refused_at_start() {
    let receiver = ReceiverConfig {
        name: "topic".into(),
        kind: ReceiverKind::Kafka { topic: "alerts".into() },
    };
    let (metrics, clock) = (Metrics::new().unwrap(), Arc::new(SystemClock));
    let result = Notifier::start_with_clock(&[receiver], None, metrics, clock, unbounded().1, |_| {});
    assert_eq!(result.err().unwrap().code(), "notify_no_brokers");
}
