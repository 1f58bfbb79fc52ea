//! Running an operation from the command line: with progress on standard error, and an orderly end on a signal.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinError;

use super::session::Session;
use super::signals::next_signal;
use super::{Exit, output};
use crate::cluster::{Cluster, Identity, Stop};
use crate::failure::{Failure, FailureKind};
use crate::panics;
use crate::text;

/// How long what was sent may still take after a signal, and the last change of the record, which frees the instance.
const GRACE: Duration = Duration::from_secs(5);

/// What finishes what was not done, of most operations.
pub(super) const SAME_COMMAND: &str = "the same command";

/// Builds a runtime and runs it there.
pub(super) fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // One worker beside the thread of the event loop: more of them cost memory and time in passing work about, and what the
    // watches bring is seldom more than one takes in.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let result = runtime.block_on(future);
    // Watches and the sandbox end with the process; nothing of them is worth waiting for.
    runtime.shutdown_background();
    result
}

/// Connects and runs a command there. Failures to reach the server say which one it was.
///
/// # Errors
/// The connection's, or the command's own.
pub(super) fn on_cluster<T>(
    session: &Session,
    work: impl AsyncFnOnce(Cluster) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    block_on(async {
        let cluster = session.connect().await?;
        let identity = cluster.identity().clone();
        let result = work(cluster).await;
        if let Some(why) = session.target.unaudited() {
            output::say(text::clean(&format!("warning: {why}")));
        }
        result.map_err(|error| located(error, &identity))
    })
}

fn located(error: anyhow::Error, identity: &Identity) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) if failure.kind == FailureKind::Unreachable => {
            let Identity {
                server, context, ..
            } = identity;
            let detail = format!("server {server}, context {context}\n{}", failure.detail);
            Failure { detail, ..failure }.into()
        }
        Ok(failure) => failure.into(),
        Err(other) => other,
    }
}

/// How an operation ended that a signal may have come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended<T> {
    /// By itself. After a signal it stopped between two steps if it had not come to its end, and whatever was to follow it is
    /// not begun.
    Finished(T, Option<u8>),
    /// Half way.
    CutOff(Exit),
}

/// Runs an operation to its end, or to a signal: then what was sent is awaited, no further step is begun, and the rest is left
/// for the next run, which finishes it.
///
/// # Errors
/// The operation's own, or signals cannot be listened to.
pub(super) async fn until_signal<T, F>(
    cluster: &Cluster,
    operation: impl FnOnce(Cluster) -> F,
) -> anyhow::Result<Ended<T>>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    until_signal_or(cluster, operation, SAME_COMMAND).await
}

/// As [`until_signal`], where `next` is what finishes the rest.
///
/// # Errors
/// As [`until_signal`].
pub(super) async fn until_signal_or<T, F>(
    cluster: &Cluster,
    operation: impl FnOnce(Cluster) -> F,
    next: &str,
) -> anyhow::Result<Ended<T>>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let stop = Stop::default();
    let mut operation = tokio::spawn(operation(cluster.heeding(stop.clone())));
    let number = tokio::select! {
        result = &mut operation => return Ok(Ended::Finished(whole(result)?, None)),
        number = next_signal() => number?,
    };
    stop.ask();
    output::say("interrupted: finishing what was sent");
    let number = tokio::select! {
        result = &mut operation => return Ok(Ended::Finished(whole(result)?, Some(number))),
        () = tokio::time::sleep(GRACE) => number,
        // Whoever asks twice does not wait.
        number = next_signal() => number?,
    };
    output::say(format!("stopped half way: {next} finishes it"));
    Ok(Ended::CutOff(Exit::Signal(number)))
}

/// Returns what an operation returned that ran by itself.
fn whole<T>(result: Result<anyhow::Result<T>, JoinError>) -> anyhow::Result<T> {
    result.unwrap_or_else(|error| Err(anyhow::anyhow!(panics::of_task(&error))))
}

/// Whether a stream of changes is interrupted, said once each time.
#[derive(Debug, Default)]
pub(super) struct Outage {
    is_lost: bool,
}

impl Outage {
    /// The connection was lost; changes come once it is back.
    pub(super) fn say_lost(&mut self, failure: &Failure) {
        if !std::mem::replace(&mut self.is_lost, true) {
            let sentence = format!("connection lost, trying again: {failure}");
            output::say(text::clean(&sentence));
        }
    }

    /// Everything is up to date.
    pub(super) fn say_back(&mut self) {
        if std::mem::take(&mut self.is_lost) {
            output::say("connected again");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::signal::unix::{SignalKind, signal};

    use super::*;
    use crate::cluster::mock::{self, Reply};

    fn check(kind: FailureKind, expected: &str) {
        let identity = Identity {
            context: "dev".to_owned(),
            server: "https://10.0.0.1".to_owned(),
            ..Identity::default()
        };
        let error = located(Failure::new(kind, "cannot list pods").into(), &identity);
        let failure = error.downcast::<Failure>().unwrap();
        assert_eq!((failure.kind, failure.detail.trim_end()), (kind, expected));
    }

    #[test]
    fn a_server_that_is_away_is_named() {
        check(
            FailureKind::Unreachable,
            "server https://10.0.0.1, context dev",
        );
        check(FailureKind::Forbidden, "");
    }

    #[tokio::test]
    async fn an_operation_that_a_signal_came_to_is_asked_to_stop_and_awaited() {
        let (cluster, _) = mock::cluster(|_| Reply::status(404, "nothing is asked for"));
        let operation = |comes: bool| {
            move |cluster: Cluster| async move {
                let mut terminated = signal(SignalKind::terminate())?;
                if comes {
                    signal_hook::low_level::raise(SignalKind::terminate().as_raw_value())?;
                    terminated.recv().await;
                    // The one that waits for the signal beside this goes first.
                    for _ in 0..10 {
                        tokio::task::yield_now().await;
                    }
                }
                Ok(cluster.stop().is_asked())
            }
        };
        let left_alone = until_signal(&cluster, operation(false)).await.unwrap();
        assert_eq!(left_alone, Ended::Finished(false, None));
        let interrupted = until_signal(&cluster, operation(true)).await.unwrap();
        assert_eq!(interrupted, Ended::Finished(true, Some(15)));
        // One that comes before anybody polls is not lost, and ends nothing by itself.
        let coming = next_signal();
        let mut terminated = signal(SignalKind::terminate()).unwrap();
        signal_hook::low_level::raise(SignalKind::terminate().as_raw_value()).unwrap();
        terminated.recv().await;
        assert_eq!(coming.await.unwrap(), 15);
    }
}
