//! Who writes drafts: a session marks its own, and holds the lock of a file beside them for as long as it runs. So one can tell
//! what a session left from what another is typing at this moment; where there are no locks, all is left by somebody.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::catalogue::file;

/// Ends the name of the file whose lock a session holds.
const SESSION: &str = "session";

/// A session that may keep drafts.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    tag: String,
    /// The locked file, once anything was kept; none where it cannot be locked.
    lock: Arc<OnceLock<Option<File>>>,
}

impl Writer {
    /// Returns a session of its own.
    pub(super) fn new() -> Self {
        Self {
            // NB: no process number: two containers have the same.
            tag: format!("{:016x}", file::random_suffix()),
            lock: Arc::default(),
        }
    }

    /// Returns what stands in the names of its drafts.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// Shows others that it runs, until the process ends.
    pub(super) fn show(&self, dir: &Path) {
        let lock = || locked(&file_of(dir, &self.tag)).ok();
        self.lock.get_or_init(lock);
    }

    /// Tells whether what bears a tag is another session's that still runs.
    pub(super) fn is_others(&self, dir: &Path, tag: &str) -> bool {
        tag != self.tag && is_held(&file_of(dir, tag))
    }
}

/// Removes the files of sessions that run no more.
pub(super) fn remove_left(dir: &Path) {
    for file in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = file.path();
        if path.extension().is_some_and(|it| it == SESSION) && !is_held(&path) {
            drop(fs::remove_file(path));
        }
    }
}

fn file_of(dir: &Path, tag: &str) -> PathBuf {
    dir.join(tag).with_extension(SESSION)
}

/// Makes and locks a file. Who looked at it before it was locked may have removed it: then it is made again.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = file::open_lock(path, true)?;
        file.lock()?;
        match fs::metadata(path) {
            Ok(there) if there.ino() == file.metadata()?.ino() => return Ok(file),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_held(path: &Path) -> bool {
    let file = file::open_lock(path, false);
    file.is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}
