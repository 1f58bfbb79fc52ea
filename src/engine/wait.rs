//! Waiting for an instance to be ready: by watching it, with the reason why it is not.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::deploy::Report;
use super::journal::Journal;
use super::progress::{Outcome, Step};
use crate::cluster::Cluster;
use crate::failure::{Failure, FailureKind};
use crate::service::claim_growth::{Growing, growing};
use crate::service::detail::Detail;
use crate::service::health::{Health, State};
use crate::service::summary::{Claim, InstanceKey, WorkloadKind};
use crate::service::watch::{LinkState, Topic};

/// How long one waits for news before time alone is asked: grace periods end without an event.
const TICK: Duration = Duration::from_secs(1);
/// How long somebody may take until they tell that they grow a claim: where nobody does, nobody is waited for.
const GROWTH_GRACE: Duration = Duration::from_secs(5);
/// Where a wait ends that is longer than clocks can tell.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// What must be known before anything is concluded.
const NEEDED: [Topic; 5] = [
    Topic::Records,
    Topic::Workloads(WorkloadKind::Deployment),
    Topic::Workloads(WorkloadKind::StatefulSet),
    Topic::Claims,
    Topic::Pods,
];

/// Waits until an instance is ready (or stopped, where that is wanted), at most until the deadline or somebody asks to stop; then the outcome says
/// what is still pending, and why. What cannot mend itself is a failure at once.
pub async fn wait_ready(
    cluster: &Cluster,
    instance: &InstanceKey,
    deadline: Duration,
    report: Report<'_>,
) -> Outcome {
    let mut journal = Journal::new(report);
    journal.started(&Step::Ready);
    let (sender, mut events) = mpsc::unbounded_channel();
    let _watch = cluster.watch_instance(instance, Duration::ZERO, move |event| {
        // Nobody listens any more once the wait is over.
        let _ = sender.send(event);
    });
    let (deadline, may_begin_until) = (end_of(deadline), end_of(GROWTH_GRACE));
    let (mut detail, stop) = (Detail::new(instance.clone()), cluster.stop());
    loop {
        let is_patient = Instant::now() < may_begin_until;
        let verdict = judge(&detail, is_patient, cluster.now());
        match &verdict {
            Verdict::Ready(remark) => {
                journal.done(Step::Ready, remark.clone());
                return journal.into_outcome();
            }
            Verdict::Hopeless(reason) => {
                let failure = Failure::new(
                    FailureKind::Invalid,
                    format!("{instance} does not get ready: {reason}"),
                );
                journal.failed(Step::Ready, failure);
                return journal.into_outcome();
            }
            Verdict::NotYet(reason) if Instant::now() >= deadline || stop.is_asked() => {
                journal.pending(format!("{instance} is not ready: {reason}"));
                return journal.into_outcome();
            }
            Verdict::NotYet(reason) => journal.waiting(reason),
        }
        let next = deadline.min(Instant::now() + TICK);
        if let Ok(Some(event)) = timeout_at(next, events.recv()).await {
            detail.apply(event, cluster.now());
            // What came together is judged together.
            while let Ok(event) = events.try_recv() {
                detail.apply(event, cluster.now());
            }
        }
    }
}

/// Returns when a wait is over that begins now.
fn end_of(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or_else(|| now + FAR)
}

/// What is known of the wait's end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// It is, and there may be something to be said about that.
    Ready(Option<String>),
    NotYet(String),
    Hopeless(String),
}

fn judge(detail: &Detail, is_patient: bool, now: Timestamp) -> Verdict {
    let others = detail.record().map(|record| record.other_kinds.as_slice());
    let others = others.unwrap_or_default().iter().cloned();
    let mut needed = NEEDED.into_iter().chain(others.map(Topic::Objects));
    let mut elsewhere = detail
        .links()
        .filter(|(topic, _)| matches!(topic, Topic::In(..)));
    let unread = needed.find(|topic| !has_reported(detail.link(topic)));
    let unread = unread.or_else(|| {
        let unread = elsewhere.find(|(_, link)| !has_reported(link));
        unread.map(|(topic, _)| topic.clone())
    });
    if let Some(topic) = unread {
        return Verdict::NotYet(format!("its state is being read: {topic}"));
    }
    if let Some(outage) = outage(detail) {
        return Verdict::NotYet(outage);
    }
    if detail.is_gone() {
        return Verdict::Hopeless("nothing of it is there".to_owned());
    }
    match of_health(detail.health(now)) {
        Verdict::Ready(_) => of_growth(detail.claims(), is_patient),
        verdict => verdict,
    }
}

/// What asks for more storage than it has is not ready before it has it, as long as somebody is at it.
fn of_growth(claims: &[Claim], is_patient: bool) -> Verdict {
    let growing: Vec<Growing> = claims.iter().filter_map(growing).collect();
    let under_way = |it: &&Growing| is_patient || matches!(it, Growing::UnderWay(_));
    if let Some(growing) = growing.iter().find(under_way) {
        return Verdict::NotYet(growing.sentence().to_owned());
    }
    Verdict::Ready(growing.first().map(|it| it.sentence().to_owned()))
}

fn of_health(health: Health) -> Verdict {
    let (state, is_final) = (health.state, health.is_final);
    let reason = match health.reason {
        Some(reason) => format!("{state}: {reason}"),
        None => state.to_string(),
    };
    match state {
        State::Ready | State::Stopped => Verdict::Ready(None),
        State::Terminating => Verdict::Hopeless(reason),
        State::Failing | State::Interrupted if is_final => Verdict::Hopeless(reason),
        State::Failing | State::Interrupted | State::Rolling | State::Saved | State::Unknown => {
            Verdict::NotYet(reason)
        }
    }
}

fn has_reported(link: &LinkState) -> bool {
    match link {
        LinkState::Live | LinkState::Forbidden(_) => true,
        LinkState::Retrying { data_age, .. } => data_age.is_some(),
        LinkState::Connecting => false,
    }
}

/// Returns why what is known may be old: then nothing is concluded from it.
fn outage(detail: &Detail) -> Option<String> {
    detail.links().find_map(|(topic, state)| match state {
        LinkState::Retrying { failure, .. } => Some(format!("{topic}: {failure}")),
        LinkState::Connecting | LinkState::Live | LinkState::Forbidden(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(state: State, reason: Option<&str>, is_final: bool, expected: Verdict) {
        let health = Health {
            state,
            reason: reason.map(str::to_owned),
            is_final,
        };
        assert_eq!(of_health(health), expected);
    }

    #[test]
    fn only_what_cannot_mend_itself_ends_the_wait() {
        check(State::Ready, None, false, Verdict::Ready(None));
        check(State::Stopped, None, false, Verdict::Ready(None));
        let pull = "ImagePullBackOff: pod web-1: no ProgressDeadlineExceeded here";
        let told = format!("Failing: {pull}");
        let not_yet = Verdict::NotYet(told.clone());
        check(State::Failing, Some(pull), false, not_yet);
        check(State::Failing, Some(pull), true, Verdict::Hopeless(told));
        let gone = Verdict::Hopeless("Terminating".to_owned());
        check(State::Terminating, None, false, gone);
        let rolling = Verdict::NotYet("Rolling".to_owned());
        check(State::Rolling, None, false, rolling);
    }

    #[test]
    fn wait_of_any_length_has_an_end() {
        for wait in [Duration::MAX, Duration::from_secs(u64::MAX)] {
            assert!(end_of(wait) >= Instant::now() + FAR - TICK);
        }
        let end = end_of(Duration::from_secs(60));
        assert!(end <= Instant::now() + Duration::from_secs(60));
    }

    #[test]
    fn nothing_is_concluded_before_everything_is_known() {
        let key = InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        };
        let verdict = judge(&Detail::new(key), false, Timestamp::UNIX_EPOCH);
        assert_eq!(
            verdict,
            Verdict::NotYet("its state is being read: records".to_owned())
        );
    }
}
