//! A credential plugin's process: its output within bounds, its children killed with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::task::JoinHandle;

use crate::text;

/// How long output may still come once the plugin has ended: from a child that it left behind.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);
/// Longest output that is read.
const MAX_OUTPUT: usize = 1024 * 1024;
/// Longest part of what it wrote to its standard error that is shown.
const MAX_SHOWN: usize = 2000;

/// The process group of a child, killed with all that is in it when this is dropped.
pub(super) struct Group(Pid);

impl Group {
    pub fn of(child: &Child) -> Option<Self> {
        let id = i32::try_from(child.id()?).ok()?;
        Pid::from_raw(id).map(Self)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The group is gone already where the plugin left nobody behind.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// What a plugin has done.
pub(super) struct Outcome {
    pub status: std::process::ExitStatus,
    pub stdout: Vec<u8>,
    /// Whether it wrote more than is read.
    pub is_cut: bool,
    /// Sanitised, and cut.
    pub stderr: String,
}

/// Waits for a child's end and returns what it has done. What it writes to its standard error is passed on to the person
/// if it `asks` something of them.
pub(super) async fn outcome(child: &mut Child, asks: bool) -> std::io::Result<Outcome> {
    let stdout = Output::read(child.stdout.take(), false);
    let stderr = Output::read(child.stderr.take(), asks);
    let status = child.wait().await?;
    let (stdout, is_cut) = stdout.finish().await;
    let (stderr, _) = stderr.finish().await;
    let stderr = text::clean_multiline(&String::from_utf8_lossy(&stderr)).into_owned();
    let shown = match stderr.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &stderr[..end]),
        None => stderr,
    };
    Ok(Outcome {
        status,
        stdout,
        is_cut,
        stderr: shown.trim().to_owned(),
    })
}

/// What a pipe has brought so far, and whether something was dropped.
type Read = Arc<Mutex<(Vec<u8>, bool)>>;

/// A pipe that is being read.
struct Output {
    read: Read,
    task: JoinHandle<()>,
}

impl Output {
    /// Reads to the end. With `shows` it is passed on to the person, sanitised, as it comes.
    fn read(pipe: Option<impl AsyncRead + Unpin + Send + 'static>, shows: bool) -> Self {
        let read = Read::default();
        let task = tokio::spawn(read_capped(pipe, shows, read.clone()));
        Self { read, task }
    }

    /// Returns what was read once the writer has ended. A child that it left behind may hold the pipe open.
    async fn finish(mut self) -> (Vec<u8>, bool) {
        if tokio::time::timeout(OUTPUT_GRACE, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is over the cap is read and dropped, so that the writer does not hang.
async fn read_capped(pipe: Option<impl AsyncRead + Unpin>, shows: bool, read: Read) {
    let Some(mut pipe) = pipe else {
        return;
    };
    let mut piece = vec![0; 16 * 1024];
    while let Ok(len @ 1..) = pipe.read(&mut piece).await {
        if shows {
            let shown = String::from_utf8_lossy(&piece[..len]).into_owned();
            let shown = text::clean_multiline(&shown);
            let _ = std::io::Write::write_all(&mut std::io::stderr(), shown.as_bytes());
        }
        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_OUTPUT - read.0.len();
        read.1 |= len > room;
        read.0.extend_from_slice(&piece[..len.min(room)]);
    }
}
