//! A session with a container that has the whole terminal: what is typed goes there, what it says is shown as it is.
//!
//! The terminal is handed over and taken back by whoever owns it; nothing of this outlives the session.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::{ExecInput, ExecOutput, ExecSession};
use crate::failure::{Failure, FailureKind};

/// Pieces of input and output that wait.
const BUFFER: usize = 16;

/// Tells the size of the terminal, now and whenever it changes, until the handle is dropped. What is given after this has
/// returned comes after the size, so that nothing that is typed meets a terminal without one.
///
/// # Errors
/// The system refuses a handler.
pub fn tell_size(given: mpsc::Sender<ExecInput>) -> io::Result<AbortOnDropHandle<()>> {
    let mut changes = signal(SignalKind::window_change())?;
    if let Some(size) = size() {
        // A session that takes nothing any more has no use for it.
        let _ = given.try_send(size);
    }
    let telling = async move {
        while changes.recv().await.is_some() {
            if let Some(size) = size()
                && given.send(size).await.is_err()
            {
                return;
            }
        }
    };
    Ok(AbortOnDropHandle::new(tokio::spawn(telling)))
}

fn size() -> Option<ExecInput> {
    let (columns, rows) = crossterm::terminal::size().ok()?;
    Some(ExecInput::Resized { columns, rows })
}

/// Where the keys of a session go.
#[derive(Debug, Clone)]
pub struct Keys {
    given: mpsc::Sender<ExecInput>,
    is_used: Arc<AtomicBool>,
}

impl Keys {
    /// Gives what was typed; tells whether the session still takes any. For threads that may wait.
    pub fn give(&self, bytes: Bytes) -> bool {
        self.is_used.store(true, Ordering::Relaxed);
        self.given.blocking_send(ExecInput::Bytes(bytes)).is_ok()
    }

    /// Tells whether anything was typed.
    pub fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }
}

/// Begins a session on a terminal; returns where keys go and what ends with the command, with its exit code.
pub fn begin(
    session: ExecSession,
    output: File,
) -> (Keys, impl Future<Output = Result<i32, Failure>>) {
    let (given, input) = mpsc::channel(BUFFER);
    let keys = Keys {
        given: given.clone(),
        is_used: Arc::default(),
    };
    let telling = tell_size(given);
    let running = async move {
        let terminal = |error: io::Error| {
            Failure::new(
                FailureKind::Disk,
                format!("cannot use the terminal: {error}"),
            )
        };
        let _telling = telling.map_err(terminal)?;
        let (said, heard) = mpsc::channel(BUFFER);
        let printing = tokio::task::spawn_blocking(move || print(heard, output));
        let code = session.run(input, said).await;
        match printing.await {
            // A terminal that is gone ends the program by another way.
            Ok(Ok(())) | Ok(Err(_)) => code,
            Err(_) => Err(terminal(io::Error::other("its thread broke down"))),
        }
    };
    (keys, running)
}

fn print(mut heard: mpsc::Receiver<ExecOutput>, mut output: File) -> io::Result<()> {
    while let Some(said) = heard.blocking_recv() {
        let (ExecOutput::Stdout(bytes) | ExecOutput::Stderr(bytes)) = said;
        output.write_all(&bytes)?;
    }
    Ok(())
}
