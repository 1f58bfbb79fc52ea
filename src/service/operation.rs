//! The operation that is noted in a record: what it does, how far it came, who holds it. Pure.
//!
//! What a client needs to go on with it stands in it too, so that any other one can.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::age;
use crate::definition::object::ObjectKey;

/// How long an operation must stand still until it counts as abandoned: several beats, and a slow request.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(12);
/// By how much the server's clock is taken to differ as two clients know it, where one look has to do: each is right but for
/// a few seconds.
const CLOCKS_DIFFER: Duration = Duration::from_secs(15);

/// An operation as it was heard of last, and when that was seen to change on our own clock.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heard {
    operation: Operation,
    since: Timestamp,
}

impl Heard {
    /// Takes what a record notes now: what says the same as before is as old as it was.
    pub fn next(before: Option<Self>, noted: Option<&Operation>, now: Timestamp) -> Option<Self> {
        let noted = noted?;
        let same = before.filter(|before| before.operation == *noted);
        Some(same.unwrap_or_else(|| Self {
            operation: noted.clone(),
            since: now,
        }))
    }

    /// Judges by the beat that the holder wrote, as far as clocks may differ: who looks once sees no change. Only to be shown.
    pub fn by_its_beat(self) -> Self {
        let beat = self.operation.heartbeat.checked_add(CLOCKS_DIFFER);
        Self {
            since: beat.map_or(self.since, |beat| beat.min(self.since)),
            ..self
        }
    }

    /// Returns since when it says what it says.
    pub fn since(&self) -> Timestamp {
        self.since
    }
}

/// An operation under way on an instance, as the record's annotation `bowline.dev/operation` holds it in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// `deploy`, `rollback`, `restore`, `teardown`, `scale`, `restart`, `update-ingress`, `release` or
    /// `adoption`.
    pub kind: String,
    /// What it does now, as a sentence.
    pub step: String,
    /// Who runs it: user, host and process.
    pub holder: String,
    /// Last heartbeat, by the server's clock as the holder knew it: shown, and never judged by before a write.
    pub heartbeat: Timestamp,
    /// When it was begun, by the same clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// The number of the step that it does now; steps that turn out not to be needed are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// How many steps it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// Whether its holder let go of it before its end: nobody goes on with it unasked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rests: bool,
    /// Whether its holder may not do what is left of it: somebody who may finishes it, nobody else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub barred: bool,
    /// What it is to come to.
    #[serde(flatten)]
    pub aim: Aim,
}

/// What an operation is to come to, as far as the record and its revisions do not tell: whoever goes on with it needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Aim {
    /// The revision that becomes the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The revision that a rollback goes back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u32>,
    /// What a teardown does with claims: `keep`, `delete` or `retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<String>,
    /// The retained volumes that a release was told to release; all of the instance where none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
    /// The number of replicas that a scale sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// The workload that a scale or a restart is of, where one was chosen: `Deployment/web`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// The time that a restart marks pods with: those that bear it were restarted already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<Timestamp>,
    /// What was agreed to beyond a plain run, by the names of the command line's flags: `recreate`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agreed: Vec<String>,
    /// Fields of others that are taken, each as a digest of what was shown of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<String>,
    /// The host of Ingresses whose definition names none, from the settings of the one who began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_host: Option<String>,
    /// Short names for GPU resources, likewise.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gpus: BTreeMap<String, String>,
    /// The definition that an adoption is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The objects that an adoption hands over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handed: Vec<Handed>,
    /// The numbers of replicas that workloads have again which are made in the place of others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptReplicas>,
}

/// A number of replicas that stays though its definition leaves it open: what has it goes, and another takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptReplicas {
    /// The workload that is made.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// The number.
    pub replicas: u32,
}

/// An object that an adoption hands over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handed {
    /// The object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// A digest of what was shown of it: what is otherwise since was never agreed to.
    pub shown: String,
    /// Whether it is a claim that a `StatefulSet` takes by its name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_claim: bool,
}

impl Operation {
    /// Returns what it does: `deploy of r7`.
    pub fn what(&self) -> String {
        let kind = &self.kind;
        match (self.aim.back_to, self.aim.revision, self.aim.replicas) {
            (Some(target), ..) => format!("{kind} to r{target}"),
            (None, Some(revision), _) => format!("{kind} of r{revision}"),
            (None, None, Some(replicas)) => format!("{kind} to {replicas}"),
            (None, None, None) => kind.clone(),
        }
    }

    /// Returns how far it came: `step 3 of 6: apply Deployment/web`.
    pub fn progress(&self) -> String {
        match (self.number, self.of) {
            (Some(number), Some(of)) if number > 0 => {
                format!("step {number} of {}: {}", of.max(number), self.step)
            }
            _ => self.step.clone(),
        }
    }

    /// Returns since when it runs, and when it was heard of last, by the clock that says `now`.
    pub fn ages(&self, now: Timestamp) -> String {
        let ago = |at| age::show(age::since(at, now));
        let heard = format!("last beat {} ago", ago(self.heartbeat));
        match self.started {
            Some(started) => format!("since {}, {heard}", ago(started)),
            None => heard,
        }
    }

    /// Says which commands go on with it.
    pub fn goes_on(&self, ways: &str) -> String {
        match self.barred {
            true => format!("who may do the rest goes on with it by {ways}"),
            false => format!("{ways} goes on with it"),
        }
    }

    /// Says in a sentence that nobody goes on with it: `deploy of r7 by ann@bastion/42 stands still at step 3 of 6: …`.
    pub fn stands_still(&self) -> String {
        let (what, holder, progress) = (self.what(), &self.holder, self.progress());
        format!("{what} by {holder} stands still at {progress}")
    }

    /// Tells whether it is the same, at the same step: only time went by.
    pub fn is_still(&self, later: &Self) -> bool {
        *self
            == Self {
                heartbeat: self.heartbeat,
                ..later.clone()
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn operation() -> Operation {
        Operation {
            kind: "deploy".to_owned(),
            step: "apply Deployment/web".to_owned(),
            holder: "ann@bastion/42".to_owned(),
            heartbeat: at(60),
            started: Some(at(20)),
            number: Some(3),
            of: Some(6),
            rests: false,
            barred: false,
            aim: Aim {
                revision: Some(7),
                ..Aim::default()
            },
        }
    }

    #[test]
    fn operation_is_told_in_words() {
        let told = |operation: &Operation| {
            let ages = operation.ages(at(62));
            [operation.what(), operation.progress(), ages]
        };
        assert_eq!(
            told(&operation()),
            [
                "deploy of r7",
                "step 3 of 6: apply Deployment/web",
                "since 42s, last beat 2s ago"
            ]
        );
        let bare = Operation {
            started: None,
            number: Some(0),
            aim: Aim {
                back_to: Some(2),
                ..Aim::default()
            },
            ..operation()
        };
        assert_eq!(
            told(&bare),
            ["deploy to r2", "apply Deployment/web", "last beat 2s ago"]
        );
    }

    #[test]
    fn what_an_earlier_program_wrote_is_read_and_nothing_empty_is_written() {
        let text = r#"{"kind":"teardown","step":"begins","holder":"ann","heartbeat":"1970-01-01T00:01:00Z"}"#;
        let read: Operation = serde_json::from_str(text).unwrap();
        assert_eq!((read.aim.clone(), read.number), (Aim::default(), None));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let whole = serde_json::to_string(&operation()).unwrap();
        assert_eq!(
            serde_json::from_str::<Operation>(&whole).unwrap(),
            operation()
        );
    }

    #[test]
    fn what_says_the_same_is_as_old_as_it_was() {
        let first = Heard::next(None, Some(&operation()), at(100));
        let since = |heard: &Option<Heard>| heard.as_ref().map(|it| it.since().as_second());
        let same = Heard::next(first.clone(), Some(&operation()), at(107));
        assert_eq!(since(&same), Some(100));
        let beat = Operation {
            heartbeat: at(63),
            ..operation()
        };
        assert_eq!(
            since(&Heard::next(first.clone(), Some(&beat), at(107))),
            Some(107)
        );
        assert_eq!(Heard::next(first, None, at(107)), None);
    }

    #[test]
    fn one_look_judges_by_the_beat_but_for_what_clocks_may_differ() {
        let check = |looked: i64, expected: i64| {
            let heard = Heard::next(None, Some(&operation()), at(looked)).unwrap();
            assert_eq!(heard.by_its_beat().since(), at(expected), "{looked}");
        };
        check(30, 30);
        check(74, 74);
        check(76, 75);
        check(900, 75);
    }

    #[test]
    fn a_beat_is_no_progress() {
        let beat = Operation {
            heartbeat: at(63),
            ..operation()
        };
        assert!(operation().is_still(&beat));
        let next = Operation {
            number: Some(4),
            ..beat
        };
        assert!(!operation().is_still(&next));
    }
}
