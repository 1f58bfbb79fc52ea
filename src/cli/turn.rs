//! Behind somebody else: with `--wait` a command waits until nobody works on its instance, and plans only then.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::args::Waiting;
use super::session::Session;
use super::{Exit, exit, output, refusal, review, signals};
use crate::cluster::Cluster;
use crate::engine::operation;
use crate::engine::progress::Outcome;
use crate::engine::turn::{Turn, wait_turn};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;
use crate::text;

/// Most instances that are waited for at once: each is watched over a connection of its own.
const MAX_AWAITED: usize = 20;

/// Somebody was faster: what was shown and confirmed was made of other facts.
#[derive(Debug, thiserror::Error)]
#[error("somebody else began before this was confirmed")]
struct Overtaken;

/// Lets a command make its attempt once nobody works on the instances any more, where it is to wait for that; and again
/// where somebody was faster in the end. Each attempt plans anew, shows and asks.
///
/// # Errors
/// The attempt's own, or the records may not be watched.
pub(super) async fn in_turn(
    waiting: &Waiting,
    session: &Session,
    cluster: &Cluster,
    instances: &[InstanceKey],
    attempt: impl AsyncFn() -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    if !waiting.queues() {
        return attempt().await;
    }
    let patience = Patience::of(waiting, session);
    loop {
        for instance in instances {
            let is_one = instances.len() == 1;
            match wait_for(cluster, instance, patience.left(), is_one).await? {
                Waited::Free => {}
                Waited::Signal(number) => return Ok(Exit::Signal(number)),
                Waited::Barred(failure) => return Err(failure.into()),
                Waited::Busy(failure) => return Ok(not_free(&[failure])),
            }
        }
        match attempt().await {
            Err(error) if error.is::<Overtaken>() => say_overtaken(&error),
            ended => return ended,
        }
    }
}

/// As [`in_turn`], of instances that nobody named: one that is not free in time keeps no other from its turn. The attempt is
/// told which ones are not, and why.
///
/// # Errors
/// The attempt's own, or nothing answers.
pub(super) async fn in_turn_or_without(
    waiting: &Waiting,
    session: &Session,
    cluster: &Cluster,
    instances: &[InstanceKey],
    attempt: impl AsyncFn(&BTreeMap<InstanceKey, Failure>) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let patience = Patience::of(waiting, session);
    loop {
        let mut others = BTreeMap::new();
        // At once: of so many, whoever is waited for in vain uses up nobody else's time.
        let is_one = instances.len() == 1;
        let awaited = instances.iter().filter(|_| waiting.queues());
        let waits = awaited.map(async |instance| {
            let waited = wait_for(cluster, instance, patience.left(), is_one).await;
            (instance, waited)
        });
        let mut waits = std::pin::pin!(stream::iter(waits).buffer_unordered(MAX_AWAITED));
        while let Some((instance, waited)) = waits.next().await {
            match waited? {
                Waited::Free => {}
                Waited::Signal(number) => return Ok(Exit::Signal(number)),
                Waited::Barred(failure) if failure.is_unanswered() => return Err(failure.into()),
                Waited::Barred(failure) | Waited::Busy(failure) => {
                    others.insert(instance.clone(), failure);
                }
            }
        }
        if !others.is_empty() && others.len() == instances.len() {
            let failures: Vec<Failure> = others.into_values().collect();
            return Ok(not_free(&failures));
        }
        match attempt(&others).await {
            Err(error) if error.is::<Overtaken>() => say_overtaken(&error),
            ended => return ended,
        }
    }
}

/// Says why nothing is begun, and returns how the command ends.
fn not_free(failures: &[Failure]) -> Exit {
    for failure in failures {
        output::say(text::clean(&failure.summary));
        refusal::note(failure);
    }
    match failures.iter().any(|it| it.kind == FailureKind::Conflict) {
        true => Exit::Pending,
        false => exit::of_refusals(failures),
    }
}

/// How long a command waits, for all its instances together.
struct Patience {
    within: Duration,
    deadline: Option<Instant>,
}

impl Patience {
    fn of(waiting: &Waiting, session: &Session) -> Self {
        let within = waiting.timeout.unwrap_or(session.settings.wait.ready());
        let deadline = Instant::now().checked_add(within);
        Self { within, deadline }
    }

    fn left(&self) -> Duration {
        let left = |at: Instant| at - Instant::now().min(at);
        self.deadline.map_or(self.within, left)
    }
}

/// How waiting for an instance ended.
enum Waited {
    /// It is free, or is taken over.
    Free,
    /// The time is up, and somebody works on it still.
    Busy(Failure),
    /// Its record may not be watched.
    Barred(Failure),
    /// A signal came.
    Signal(u8),
}

/// Waits until an instance is free. Which one a line is about is said unless it `is_one` alone.
async fn wait_for(
    cluster: &Cluster,
    instance: &InstanceKey,
    within: Duration,
    is_one: bool,
) -> anyhow::Result<Waited> {
    let report = |progress| match is_one {
        true => review::say_progress(&progress),
        false => review::say_progress_of(&instance.id, &progress),
    };
    let turn = tokio::select! {
        turn = wait_turn(cluster, instance, within, &report) => turn,
        // An attempt before may have made it a matter of this program that signals come.
        number = signals::next_signal() => return Ok(Waited::Signal(number?)),
    };
    Ok(match turn {
        Ok(Turn::Free) => Waited::Free,
        Ok(Turn::Abandoned(left)) => {
            let (holder, what) = (&left.holder, left.what());
            let of = match is_one {
                true => String::new(),
                false => format!("{}: ", instance.id),
            };
            let sentence =
                format!("{of}the {what} of {holder} stands still: it is taken over, or resumed");
            output::say(text::clean(&sentence));
            Waited::Free
        }
        Ok(Turn::TimedOut(sentence)) => {
            let sentence = format!("timed out: {instance} is busy: {sentence}");
            Waited::Busy(Failure::new(FailureKind::Conflict, sentence))
        }
        Err(failure) => Waited::Barred(failure),
    })
}

fn say_overtaken(error: &anyhow::Error) {
    output::say(format!("{error}: waiting for it, then planning again"));
    refusal::forget();
}

/// Ends an attempt where somebody was faster and the command waits for its turn, unless a signal ended the command.
///
/// # Errors
/// Just then.
pub(super) fn check_overtaken(
    waiting: &Waiting,
    outcome: &Outcome,
    signal: Option<u8>,
) -> anyhow::Result<()> {
    let is_overtaken = operation::is_busy(outcome) || operation::is_outdated(outcome);
    if signal.is_none() && waiting.queues() && is_overtaken {
        return Err(Overtaken.into());
    }
    Ok(())
}

/// Says what can be done about somebody who is at it already.
pub(super) fn say_ways(outcome: &Outcome) {
    if operation::is_busy(outcome) {
        output::say("  --wait queues behind it; --take-over ends it where its holder is gone");
    }
}
