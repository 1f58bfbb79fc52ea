//! Lines on their way to standard output, written apart from what makes them: a reader that is slow holds the stream up,
//! and neither signals nor the connection.

use std::io::{self, Write};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Lines that wait for the reader.
const BUFFER: usize = 16;

/// Lines on their way.
pub(super) struct Lines {
    sender: mpsc::Sender<String>,
    writer: JoinHandle<io::Result<()>>,
}

impl Lines {
    /// Begins to write to standard output. Must be called within a runtime.
    pub(super) fn to_stdout() -> Self {
        let (sender, mut lines) = mpsc::channel(BUFFER);
        let writer = tokio::task::spawn_blocking(move || write(&mut lines, io::stdout()));
        Self { sender, writer }
    }

    /// Gives lines out, ended by line ends. Waits while the reader is behind.
    ///
    /// # Errors
    /// Standard output cannot be written; a closed pipe is an error of kind `BrokenPipe`.
    pub(super) async fn push(&mut self, lines: String) -> io::Result<()> {
        if self.sender.send(lines).await.is_ok() {
            return Ok(());
        }
        (&mut self.writer).await?
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// As [`Lines::push`].
    pub(super) async fn end(self) -> io::Result<()> {
        drop(self.sender);
        self.writer.await?
    }
}

/// Writes lines as they come, several at once where they come fast.
fn write(lines: &mut mpsc::Receiver<String>, to: impl Write) -> io::Result<()> {
    let mut to = io::BufWriter::new(to);
    while let Some(first) = lines.blocking_recv() {
        to.write_all(first.as_bytes())?;
        while let Ok(next) = lines.try_recv() {
            to.write_all(next.as_bytes())?;
        }
        to.flush()?;
    }
    Ok(())
}
