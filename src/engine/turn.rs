//! Waiting for one's turn: until nobody works on an instance any more, or who did is gone.
//!
//! The record is watched, not asked for again and again. Whether somebody is gone is judged as everywhere: by seeing no change
//! on our own clock.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::deploy::Report;
use super::operation::{self, ABANDONED_AFTER};
use super::progress::Progress;
use super::record;
use crate::cluster::Cluster;
use crate::failure::{Failure, FailureKind};
use crate::service::operation::Operation;
use crate::service::summary::{InstanceKey, Record};
use crate::service::watch::{Delta, LinkState, WatchEvent};

/// A clock cannot be set to any time at all.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How a wait for one's turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Nobody works on the instance.
    Free,
    /// An operation is noted that stands still: who begins takes it over.
    Abandoned(Box<Operation>),
    /// Somebody still works on it; a sentence says who.
    TimedOut(String),
}

/// Waits until nobody works on an instance, or the time is up.
///
/// # Errors
/// The record may not be watched.
pub async fn wait_turn(
    cluster: &Cluster,
    instance: &InstanceKey,
    within: Duration,
    report: Report<'_>,
) -> Result<Turn, Failure> {
    let (sender, mut events) = mpsc::unbounded_channel();
    let _watch = cluster.watch_record(instance, move |event| drop(sender.send(event)));
    let deadline = Instant::now() + within.min(LONGEST_WAIT);
    let mut queue = Queue::default();
    // Who has no time to wait looks all the same: the watch could not have told anything yet.
    match record::read(cluster, instance).await {
        Ok(record) => {
            let noted = record.and_then(|it| it.noted());
            if queue.note(noted, Instant::now()) {
                report(Progress::Waiting(queue.sentence(cluster.now())));
            }
        }
        // What is no record notes nothing.
        Err(failure) if failure.kind == FailureKind::Refused => {}
        Err(failure) if failure.kind == FailureKind::Unreachable && !within.is_zero() => {
            report(Progress::Waiting(failure.summary));
        }
        Err(failure) => return Err(failure),
    }
    loop {
        if let Some(turn) = queue.turn(Instant::now()) {
            return Ok(turn);
        }
        if Instant::now() >= deadline {
            return Ok(Turn::TimedOut(queue.sentence(cluster.now())));
        }
        let next = deadline.min(queue.next_look().unwrap_or(deadline));
        tokio::select! {
            event = events.recv() => match event {
                Some(WatchEvent::Link { state: LinkState::Forbidden(failure), .. }) => return Err(failure),
                Some(WatchEvent::Link { state: LinkState::Retrying { failure, .. }, .. }) => {
                    // Who cannot be seen may beat all the same.
                    queue.changed = None;
                    report(Progress::Waiting(failure.summary));
                }
                Some(WatchEvent::Link { state: LinkState::Live, .. }) => {
                    queue.listed(Instant::now());
                }
                Some(WatchEvent::Records(deltas)) => {
                    let is_news = queue.take_in(deltas, instance, Instant::now());
                    is_news.then(|| report(Progress::Waiting(queue.sentence(cluster.now()))));
                }
                _ => {}
            },
            () = sleep_until(next) => {}
        }
    }
}

/// What is known of who works on the instance.
#[derive(Debug, Default)]
struct Queue {
    /// None until the record was read; inside, none where nothing is noted.
    noted: Option<Option<Operation>>,
    /// When it was last seen to change.
    changed: Option<Instant>,
}

impl Queue {
    /// Takes in what a watch reported; returns whether there is something new to say.
    fn take_in(
        &mut self,
        deltas: Vec<Delta<Record>>,
        instance: &InstanceKey,
        now: Instant,
    ) -> bool {
        let mut is_news = false;
        for delta in deltas {
            let noted = match delta {
                Delta::Reset(all) => all
                    .into_iter()
                    .find(|record| record.instance == *instance)
                    .and_then(|record| record.operation),
                Delta::Applied(record) if record.instance == *instance => record.operation,
                Delta::Applied(_) => continue,
                Delta::Removed(_) => None,
            };
            is_news |= self.note(noted, now);
        }
        is_news
    }

    /// Takes in what the record notes; returns whether there is something new to say.
    fn note(&mut self, noted: Option<Operation>, now: Instant) -> bool {
        if self.noted.as_ref() == Some(&noted) {
            return false;
        }
        let was = self.noted.take().flatten();
        let is_news = match (&was, &noted) {
            (Some(was), Some(now)) => !was.is_still(now),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        self.noted = Some(noted);
        self.changed = Some(now);
        is_news
    }

    /// Takes in that all there is was reported: where there is no record, nothing ever is.
    fn listed(&mut self, now: Instant) {
        self.noted.get_or_insert(None);
        self.changed.get_or_insert(now);
    }

    /// Returns how the wait ends, if it does now.
    fn turn(&self, now: Instant) -> Option<Turn> {
        match (&self.noted, self.changed) {
            (Some(None), _) => Some(Turn::Free),
            (Some(Some(operation)), Some(changed))
                if operation.rests || now >= changed + ABANDONED_AFTER =>
            {
                Some(Turn::Abandoned(Box::new(operation.clone())))
            }
            _ => None,
        }
    }

    /// Returns when an operation counts as abandoned if nothing more is heard of it.
    fn next_look(&self) -> Option<Instant> {
        let noted = self.noted.as_ref()?.as_ref();
        noted
            .and(self.changed)
            .map(|changed| changed + ABANDONED_AFTER)
    }

    fn sentence(&self, now: Timestamp) -> String {
        match self.noted.as_ref().and_then(Option::as_ref) {
            Some(operation) => operation::tell(operation, now),
            None => "its record is being read".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        }
    }

    fn operation(number: u32, beat: i64) -> Operation {
        Operation {
            kind: "deploy".to_owned(),
            step: "apply Deployment/web".to_owned(),
            holder: "ann@bastion/7".to_owned(),
            heartbeat: Timestamp::from_second(beat).unwrap(),
            number: Some(number),
            ..Operation::default()
        }
    }

    fn record(operation: Option<Operation>) -> Record {
        Record {
            uid: "u".to_owned(),
            revision: None,
            operation,
            ..Record::bare(instance())
        }
    }

    #[test]
    fn who_stands_still_on_our_clock_is_gone_and_who_beats_is_not() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let mut queue = Queue::default();
        let mut see = |seconds: u64, noted: Option<Operation>| {
            let delta = vec![Delta::Applied(record(noted))];
            let is_news = queue.take_in(delta, &instance(), at(seconds));
            (
                is_news,
                queue.turn(at(seconds + 11)),
                queue.turn(at(seconds + 12)),
            )
        };
        // Its own times are long ago: they say nothing.
        let gone = |beat| Some(Turn::Abandoned(Box::new(operation(1, beat))));
        assert_eq!(see(0, Some(operation(1, 5))), (true, None, gone(5)));
        // A beat is a sign of life, and nothing to be told; what is told again is none.
        assert_eq!(see(10, Some(operation(1, 8))), (false, None, gone(8)));
        let again = see(15, Some(operation(1, 8)));
        assert_eq!((again.0, again.2), (false, gone(8)));
        assert!(see(20, Some(operation(2, 9))).0);
        assert_eq!(see(21, None), (false, Some(Turn::Free), Some(Turn::Free)));
        // Who let go of it says so: nobody listens for a beat.
        let resting = Operation {
            rests: true,
            ..operation(3, 9)
        };
        let left = Some(Turn::Abandoned(Box::new(resting.clone())));
        assert_eq!(see(22, Some(resting)), (true, left.clone(), left));
    }

    #[test]
    fn what_is_not_there_is_free_and_others_do_not_matter() {
        let now = Instant::now();
        let mut queue = Queue::default();
        assert_eq!(queue.turn(now + Duration::from_secs(60)), None);
        let mut other = record(Some(operation(1, 5)));
        other.instance.id = "api".parse().unwrap();
        queue.take_in(vec![Delta::Reset(vec![other])], &instance(), now);
        assert_eq!(queue.turn(now), Some(Turn::Free));
    }
}
