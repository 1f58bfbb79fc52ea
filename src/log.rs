//! The log of the program: a file of a day in the state directory, for what must not disturb the screen.
//!
//! Only what bowline and its sandbox say themselves is written, at any level: the libraries below log requests, and those may
//! hold secrets. Three days are kept.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tracing::Level;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Environment variable that names the level: `error`, `warn` (the default), `info`, `debug`, `trace`.
pub const LEVEL_VARIABLE: &str = "BOWLINE_LOG";
const N_DAYS: usize = 3;
/// Lines that wait for the disk at most; more are dropped. Room for them is taken at once: the usual 128,000 are 4 MB.
const BUFFERED_LINES: usize = 1024;

/// Writes what is pending when it is dropped.
#[must_use = "the log ends when this is dropped"]
pub struct Log {
    _writer: WorkerGuard,
}

/// Returns the directory of the log.
pub fn directory(state: &Path) -> PathBuf {
    state.join("log")
}

/// Begins the log of this process. Whoever cannot write one goes without, as a log is never worth failing for.
pub fn start(state: &Path) -> Option<Log> {
    let directory = directory(state);
    make_private(&directory).ok()?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("bowline")
        .filename_suffix("log")
        .max_log_files(N_DAYS)
        .build(directory)
        .ok()?;
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .finish(file);
    let level = std::env::var(LEVEL_VARIABLE).ok();
    subscriber(writer, level.as_deref()).try_init().ok()?;
    Some(Log { _writer: guard })
}

fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

fn subscriber<W>(writer: W, level: Option<&str>) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = level
        .and_then(|name| Level::from_str(name).ok())
        .unwrap_or(Level::WARN);
    let ours = Targets::new()
        .with_default(LevelFilter::OFF)
        .with_target("bowline", level)
        .with_target("bowline_sandbox", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(lines).with(ours)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn check(level: Option<&str>, expected: &[&str]) {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(subscriber(move || writer.clone(), level), || {
            tracing::error!(target: "kube_client::client", "a request");
            tracing::error!(target: "bowline::runtime", "broke");
            tracing::debug!(target: "bowline::cluster", "asked");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let said: Vec<&str> = text
            .lines()
            .filter_map(|line| line.rsplit(' ').next())
            .collect();
        assert_eq!(said, expected, "{level:?}");
    }

    #[test]
    fn only_what_bowline_says_is_written() {
        check(None, &["broke"]);
        check(Some("debug"), &["broke", "asked"]);
        check(Some("no-level"), &["broke"]);
    }
}
