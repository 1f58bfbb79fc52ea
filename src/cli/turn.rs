//! Behind somebody else: with `--wait` a command waits until nobody works on its instance, and plans only then.

use std::time::Duration;

use super::args::Waiting;
use super::session::Session;
use super::{Exit, output, refusal, review, signals};
use crate::cluster::Cluster;
use crate::engine::operation;
use crate::engine::progress::Outcome;
use crate::engine::turn::{Turn, wait_turn};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;
use crate::text;

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
    let within = waiting.timeout.unwrap_or(session.settings.wait.ready());
    let deadline = tokio::time::Instant::now().checked_add(within);
    let left = || deadline.map_or(within, |at| at - tokio::time::Instant::now().min(at));
    loop {
        for instance in instances {
            if let Some(exit) = wait_for(cluster, instance, left()).await? {
                return Ok(exit);
            }
        }
        match attempt().await {
            Err(error) if error.is::<Overtaken>() => {
                output::say(format!("{error}: waiting for it, then planning again"));
            }
            ended => return ended,
        }
    }
}

/// Returns how the command ends where the time is up.
async fn wait_for(
    cluster: &Cluster,
    instance: &InstanceKey,
    within: Duration,
) -> anyhow::Result<Option<Exit>> {
    let report = |progress| review::say_progress(&progress);
    let turn = tokio::select! {
        turn = wait_turn(cluster, instance, within, &report) => turn?,
        // An attempt before may have made it a matter of this program that signals come.
        number = signals::next_signal() => return Ok(Some(Exit::Signal(number?))),
    };
    match turn {
        Turn::Free => Ok(None),
        Turn::Abandoned(left) => {
            let (holder, what) = (&left.holder, left.what());
            let sentence =
                format!("the {what} of {holder} stands still: it is taken over, or resumed");
            output::say(text::clean(&sentence));
            Ok(None)
        }
        Turn::TimedOut(sentence) => {
            let sentence = format!("timed out: {instance} is busy: {sentence}");
            output::say(text::clean(&sentence));
            refusal::note(&Failure::new(FailureKind::Conflict, sentence));
            Ok(Some(Exit::Pending))
        }
    }
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
    if signal.is_none() && waiting.queues() && operation::is_busy(outcome) {
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
