//! What the topics of a configuration must agree on: nobody reads its own output, no topic has two readers.

use super::check::Checker;
use super::document::KeyPath;
use super::{Config, ReceiverKind, SourceInput, parse};

/// A topic that we write to, and the key that names it.
struct Written<'a> {
    topic: &'a str,
    what: &'static str,
    path: KeyPath,
}

pub(super) fn check_topics(config: &Config, checker: &mut Checker) {
    let written = written(config);
    check_readers(config, &written, checker);
    check_overlap(config, checker);
    check_brokers(config, &written, checker);
}

fn written(config: &Config) -> Vec<Written<'_>> {
    let root = KeyPath::default();
    let output = config.output_topic.as_deref();
    let dead_letter = config.dead_letter.topic.as_deref();
    let mut written = Vec::new();
    written.extend(output.map(|topic| Written {
        topic,
        what: "output",
        path: root.key("output").key("topic"),
    }));
    written.extend(dead_letter.map(|topic| Written {
        topic,
        what: "dead letters",
        path: root.key("dead_letter").key("topic"),
    }));
    for (index, receiver) in config.receivers.iter().enumerate() {
        if let ReceiverKind::Kafka { topic } = &receiver.kind {
            written.push(Written {
                topic,
                what: "alerts",
                path: root.key("receiver").index(index),
            });
        }
    }
    written
}

/// A pipeline that reads what it writes never comes to an end.
fn check_readers(config: &Config, written: &[Written<'_>], checker: &mut Checker) {
    let list = KeyPath::default().key("source");
    for (index, source) in config.sources.iter().enumerate() {
        let path = list.index(index);
        match &source.input {
            SourceInput::Topics(topics) => {
                for (position, topic) in topics.iter().enumerate() {
                    if let Some(own) = written.iter().find(|own| own.topic == topic) {
                        let message = format!("this topic is where our {} go; a source must not read it", own.what);
                        checker.report(&path.key("topics").index(position), message, None);
                    }
                }
            }
            SourceInput::TopicPattern(pattern) => {
                let Ok(regex) = parse::anchored(pattern) else { continue };
                if let Some(own) = written.iter().find(|own| regex.is_match(own.topic)) {
                    let message = format!(
                        "matches `{}`, where our {} go; a source must not read it",
                        own.topic, own.what
                    );
                    checker.report(&path.key("topic_pattern"), message, None);
                }
            }
            SourceInput::Files(_) => {}
        }
    }
}

fn check_overlap(config: &Config, checker: &mut Checker) {
    let list = KeyPath::default().key("source");
    let mut named: Vec<(&str, &str)> = Vec::new();
    for (index, source) in config.sources.iter().enumerate() {
        let SourceInput::Topics(topics) = &source.input else {
            continue;
        };
        for (position, topic) in topics.iter().enumerate() {
            if let Some((_, owner)) = named.iter().find(|(known, _)| known == topic) {
                let message = format!("source `{owner}` reads this topic already");
                checker.report(&list.index(index).key("topics").index(position), message, None);
            }
            named.push((topic, &source.name));
        }
    }
    for (index, source) in config.sources.iter().enumerate() {
        let SourceInput::TopicPattern(pattern) = &source.input else {
            continue;
        };
        let here = list.index(index).key("topic_pattern");
        let Ok(regex) = parse::anchored(pattern) else { continue };
        if let Some((topic, owner)) = named.iter().find(|(topic, _)| regex.is_match(topic)) {
            checker.report(
                &here,
                format!("matches `{topic}`, which source `{owner}` reads already"),
                None,
            );
        }
        let same = config
            .sources
            .iter()
            .take(index)
            .find(|other| matches!(&other.input, SourceInput::TopicPattern(earlier) if earlier == pattern));
        if let Some(other) = same {
            checker.report(&here, format!("source `{}` has the same pattern", other.name), None);
        }
    }
}

/// Whoever names a topic needs a broker.
fn check_brokers(config: &Config, written: &[Written<'_>], checker: &mut Checker) {
    if config.kafka.is_some() {
        return;
    }
    let list = KeyPath::default().key("source");
    let readers = config
        .sources
        .iter()
        .enumerate()
        .filter_map(|(index, source)| match source.input {
            SourceInput::Topics(_) => Some(list.index(index).key("topics")),
            SourceInput::TopicPattern(_) => Some(list.index(index).key("topic_pattern")),
            SourceInput::Files(_) => None,
        });
    let paths: Vec<KeyPath> = readers.chain(written.iter().map(|own| own.path.clone())).collect();
    for path in paths {
        checker.report(&path, "names a topic, but [kafka] with `brokers` is missing", None);
    }
}
