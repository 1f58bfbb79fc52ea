//! Events: made once, counted when they repeat, forgotten after an hour.
//!
//! The scheduler writes the newer form (`eventTime`, `action`, a series), everybody else the older one (`count`, first and
//! last time); clients meet both on a real cluster.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::{after, micros, seconds, text};
use super::view::Key;
use super::write::Note;

/// How long an event is kept.
const KEPT_MS: i64 = 3_600_000;

/// What to do so that an event is on record.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Create this event.
    Create(Value),
    /// Count the event with this key once more.
    Count(Key),
}

/// The events that were written, so that a repeat is known as one.
#[derive(Debug, Default)]
pub struct EventBook {
    written: HashMap<String, Key>,
    by_age: VecDeque<(Timestamp, Key)>,
    last_stamp: i128,
}

impl EventBook {
    /// Returns how to record `note`.
    pub fn enter(&mut self, note: &Note, now: Timestamp) -> Entry {
        let same = format!(
            "{} {} {} {} {}",
            note.component,
            note.involved,
            note.weight.word(),
            note.reason,
            note.message
        );
        let same = same.replace(
            &format!(
                "\"resourceVersion\":\"{}\"",
                text(&note.involved, "/resourceVersion")
            ),
            "",
        );
        if let Some(key) = self.written.get(&same) {
            return Entry::Count(key.clone());
        }
        self.last_stamp = now.as_nanosecond().max(self.last_stamp + 1);
        let namespace = match text(&note.involved, "/namespace") {
            "" => "default",
            namespace => namespace,
        };
        let key = Key::new(
            namespace,
            &format!("{}.{:x}", text(&note.involved, "/name"), self.last_stamp),
        );
        self.written.insert(same, key.clone());
        self.by_age.push_back((now, key.clone()));
        Entry::Create(build(note, &key, now))
    }

    /// Forgets the event with this key, so that its repeat makes a new one.
    pub fn forget(&mut self, key: &Key) {
        self.written.retain(|_, known| known != key);
    }

    /// Returns the keys of events that were first written over an hour ago, and forgets them.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Key> {
        let mut expired = Vec::new();
        while let Some((_, key)) = self
            .by_age
            .pop_front_if(|(written, _)| after(*written, KEPT_MS) < now)
        {
            self.forget(&key);
            expired.push(key);
        }
        expired
    }
}

fn build(note: &Note, key: &Key, now: Timestamp) -> Value {
    let mut event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": key.name, "namespace": key.namespace},
        "involvedObject": note.involved,
        "message": note.message,
        "reason": note.reason,
        "reportingComponent": note.component,
        "reportingInstance": note.host.clone().unwrap_or_default(),
        "type": note.weight.word(),
    });
    if let Some(action) = note.action {
        event["action"] = json!(action);
        event["eventTime"] = json!(micros(now));
        event["firstTimestamp"] = Value::Null;
        event["lastTimestamp"] = Value::Null;
        event["reportingInstance"] = json!(format!("{}-sandbox", note.component));
        event["source"] = json!({});
        return event;
    }
    event["count"] = json!(1);
    event["eventTime"] = Value::Null;
    event["firstTimestamp"] = json!(seconds(now));
    event["lastTimestamp"] = json!(seconds(now));
    event["source"] = json!({"component": note.component});
    if let Some(host) = &note.host {
        event["source"]["host"] = json!(host);
    }
    event
}

/// Counts a recorded event once more.
pub fn count_again(event: &mut Value, now: Timestamp) {
    if text(event, "/action").is_empty() {
        event["count"] = json!(event["count"].as_i64().unwrap_or(1) + 1);
        event["lastTimestamp"] = json!(seconds(now));
    } else {
        let count = event
            .pointer("/series/count")
            .and_then(Value::as_i64)
            .unwrap_or(1)
            + 1;
        event["series"] = json!({"count": count, "lastObservedTime": micros(now)});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn note(message: &str, version: &str) -> Note {
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "n", "name": "p", "uid": "u", "resourceVersion": version}});
        Note::warning("kubelet", &pod, "BackOff", message.to_owned())
            .about_field("spec.containers{web}")
            .on_host("node-1")
    }

    #[test]
    fn an_event_is_made_once_and_then_counted() {
        let mut book = EventBook::default();
        let now = at("2026-01-01T00:00:00Z");
        let Entry::Create(mut event) = book.enter(&note("again", "7"), now) else {
            panic!()
        };
        let event_name = event["metadata"]["name"].as_str().unwrap().to_owned();
        assert_eq!(
            event,
            json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": event_name, "namespace": "n"},
                "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": "n", "uid": "u",
                    "resourceVersion": "7", "fieldPath": "spec.containers{web}"},
                "message": "again", "reason": "BackOff", "type": "Warning", "count": 1,
                "reportingComponent": "kubelet", "reportingInstance": "node-1",
                "source": {"component": "kubelet", "host": "node-1"}, "eventTime": null,
                "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"})
        );
        let key = Key::new("n", &event_name);
        assert_eq!(
            book.enter(&note("again", "8"), now),
            Entry::Count(key.clone())
        );
        assert!(matches!(
            book.enter(&note("other", "8"), now),
            Entry::Create(_)
        ));
        count_again(&mut event, at("2026-01-01T00:00:10Z"));
        assert_eq!(
            (&event["count"], &event["lastTimestamp"]),
            (&json!(2), &json!("2026-01-01T00:00:10Z"))
        );
        book.forget(&key);
        assert!(matches!(
            book.enter(&note("again", "9"), now),
            Entry::Create(_)
        ));
    }

    #[test]
    fn the_scheduler_writes_the_newer_form() {
        let mut book = EventBook::default();
        let note = Note {
            host: None,
            ..note("no room", "1")
        }
        .doing("Scheduling");
        let Entry::Create(mut event) = book.enter(&note, at("2026-01-01T00:00:00.25Z")) else {
            panic!()
        };
        assert_eq!(event["eventTime"], "2026-01-01T00:00:00.250000Z");
        assert_eq!(
            (&event["firstTimestamp"], event.get("count")),
            (&Value::Null, None)
        );
        count_again(&mut event, at("2026-01-01T00:00:01Z"));
        assert_eq!(
            event["series"],
            json!({"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"})
        );
    }

    #[test]
    fn events_expire_after_an_hour() {
        let mut book = EventBook::default();
        let Entry::Create(event) = book.enter(&note("old", "1"), at("2026-01-01T00:00:00Z")) else {
            panic!()
        };
        assert_eq!(book.expire(at("2026-01-01T00:59:00Z")), vec![]);
        assert_eq!(
            book.expire(at("2026-01-01T01:00:01Z")),
            vec![Key::of(&event)]
        );
        assert!(matches!(
            book.enter(&note("old", "1"), at("2026-01-01T01:00:02Z")),
            Entry::Create(_)
        ));
    }
}
