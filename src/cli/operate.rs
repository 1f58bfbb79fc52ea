//! Running an operation from the command line: with progress on standard error, and an orderly end on a signal.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, output};
use crate::failure::Failure;
use crate::text;

/// How long a write that was sent may still take after a signal: it is awaited, never cut off.
const GRACE: Duration = Duration::from_secs(2);

/// Builds the runtime of a command and runs it there.
pub(super) fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let result = runtime.block_on(future);
    // Watches and the sandbox end with the process; nothing of them is worth waiting for.
    runtime.shutdown_background();
    result
}

/// Runs an operation to its end, or to a signal: then what was sent is awaited for a moment, and the rest is left for the
/// next run, which finishes it.
///
/// # Errors
/// The operation's own, or signals cannot be listened to.
pub(super) async fn until_signal<T: Send + 'static>(
    operation: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<Result<T, Exit>> {
    let mut operation = tokio::spawn(operation);
    let number = tokio::select! {
        result = &mut operation => return Ok(Ok(result??)),
        number = next_signal() => number?,
    };
    output::say("interrupted: finishing what was sent");
    match tokio::time::timeout(GRACE, &mut operation).await {
        Ok(result) => Ok(Ok(result??)),
        Err(_) => {
            output::say("stopped half way: the same command finishes it");
            Ok(Err(Exit::Signal(number)))
        }
    }
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

/// Waits for a signal that ends the program and returns its number.
///
/// # Errors
/// Signals cannot be listened to.
pub(super) async fn next_signal() -> std::io::Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let kind = tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt(),
        _ = terminate.recv() => SignalKind::terminate(),
        _ = hang_up.recv() => SignalKind::hangup(),
    };
    Ok(u8::try_from(kind.as_raw_value()).unwrap_or(u8::MAX - 128))
}
