//! Files of the catalogue and of the drafts: opened only if regular and small enough, written atomically, locked by directory.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use super::{CatalogueError, MAX_BYTES};

const LOCK_FILE: &str = ".bowline.lock";
const TEMPORARY_PREFIX: &str = ".bowline-tmp-";
/// How long a writer waits for another one; a save takes milliseconds.
pub(super) const LOCK_DEADLINE: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// SHA-256 of a file's bytes, in hex: tells whether the file is still what was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest(String);

impl Digest {
    /// Returns the digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(
            Sha256::digest(bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    /// Returns the digest as 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a digest back from its hexadecimal digits.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 64 && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }
}

/// Says why a file of that metadata is not opened.
pub(super) fn judge(metadata: &Metadata) -> Result<(), String> {
    let file_type = metadata.file_type();
    if file_type.is_symlink() {
        return Err("it is a link; only regular files are opened".to_owned());
    }
    if !file_type.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        Err(too_large(metadata.len()))
    } else {
        Ok(())
    }
}

pub(super) fn too_large(len: u64) -> String {
    format!("it has {len} bytes; at most {MAX_BYTES} are allowed")
}

/// Reads a file; none if it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, CatalogueError> {
    let failed = |reason| CatalogueError::File {
        action: "read",
        path: path.to_owned(),
        reason,
    };
    let refused = |reason| CatalogueError::Refused {
        path: path.to_owned(),
        reason,
    };
    match fs::symlink_metadata(path) {
        Ok(metadata) => judge(&metadata).map_err(refused)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    faults::between();
    // Judged again once open, because the path may have been exchanged; a FIFO must not block the opening.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let mut file = opened.map_err(failed)?;
    judge(&file.metadata().map_err(failed)?).map_err(refused)?;
    let mut bytes = Vec::new();
    (&mut file)
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        Err(refused(too_large(bytes.len() as u64)))
    } else {
        Ok(Some(bytes))
    }
}

/// Writes a file so that after a crash at any moment it is the old one or the new one. An existing file's mode stays.
pub(super) fn write_atomically(
    path: &Path,
    bytes: &[u8],
    new_file_mode: u32,
) -> Result<(), CatalogueError> {
    let written = || -> io::Result<()> {
        let dir = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let temporary = dir.join(format!(
            "{TEMPORARY_PREFIX}{}-{}",
            std::process::id(),
            random_suffix()
        ));
        let result = write_and_rename(&temporary, path, bytes, new_file_mode);
        if result.is_err() {
            // The old file is untouched; what is left of the new one only takes room.
            drop(fs::remove_file(&temporary));
        }
        result?;
        File::open(dir)?.sync_all()
    };
    written().map_err(|reason| CatalogueError::File {
        action: "write",
        path: path.to_owned(),
        reason,
    })
}

fn write_and_rename(
    temporary: &Path,
    path: &Path,
    bytes: &[u8],
    new_file_mode: u32,
) -> io::Result<()> {
    faults::step("create")?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(temporary)?;
    let mode = fs::symlink_metadata(path).map_or(new_file_mode, |metadata| {
        metadata.permissions().mode() & 0o7777
    });
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    faults::write(&mut file, bytes)?;
    file.write_all(bytes)?;
    faults::step("sync")?;
    // NB: the kernel's own is of the last tick, some milliseconds ago; which of two drafts is the newer depends on it.
    file.set_modified(SystemTime::now())?;
    file.sync_all()?;
    faults::step("rename")?;
    fs::rename(temporary, path)
}

/// A disk that fails at a step of a write, as tests want it. In the program itself none of this is there.
pub(super) mod faults {
    use std::fs::File;
    use std::io;

    #[cfg(test)]
    thread_local! {
        /// The step that fails, and with which error of the system.
        pub(in crate::catalogue) static FAULT: std::cell::Cell<Option<(&'static str, i32)>> =
            const { std::cell::Cell::new(None) };
    }

    #[cfg(test)]
    pub(super) fn step(step: &str) -> io::Result<()> {
        match FAULT.get() {
            Some((failing, code)) if failing == step => Err(io::Error::from_raw_os_error(code)),
            _ => Ok(()),
        }
    }

    #[cfg(not(test))]
    pub(super) fn step(_step: &str) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    thread_local! {
        /// What somebody else does between a look at a file and its opening.
        pub(in crate::catalogue) static BETWEEN: std::cell::RefCell<Option<Box<dyn Fn()>>> =
            const { std::cell::RefCell::new(None) };
    }

    pub(super) fn between() {
        #[cfg(test)]
        BETWEEN.with_borrow(|meddle| meddle.iter().for_each(|meddle| meddle()));
    }

    /// Fails after the half of the bytes, as a disk that is full does.
    pub(super) fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Some(("write", _)) = FAULT.get() {
            io::Write::write_all(file, &bytes[..bytes.len() / 2])?;
        }
        let _ = (file, bytes);
        step("write")
    }
}

/// Some digits that differ between the threads and the calls of a process; `create_new` guards against the rest.
pub(super) fn random_suffix() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// Makes a directory and its parents, readable by this user only; one that exists stays as it is.
pub(super) fn make_private_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

/// Opens a file that is there to be locked, without following a link; makes it if it may.
pub(super) fn open_lock(path: &Path, makes: bool) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(makes)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags);
    options.open(path)
}

/// Locks a directory until the file is dropped. The inner error is who holds it.
pub(super) fn lock(dir: &Path) -> io::Result<Result<File, String>> {
    let mut file = open_lock(&dir.join(LOCK_FILE), true)?;
    let deadline = Instant::now() + LOCK_DEADLINE;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_RETRY)
            }
            Err(TryLockError::WouldBlock) => return Ok(Err(holder_of(&mut file))),
            // A file system without locks (some NFS): the digest still guards all but writes of the same millisecond.
            Err(TryLockError::Error(error)) if has_no_locks(&error) => break,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    file.set_len(0)?;
    writeln!(file, "process {}", std::process::id())?;
    Ok(Ok(file))
}

/// Tells whether a file system without locks, or whose locks nobody serves, said so.
fn has_no_locks(error: &io::Error) -> bool {
    let no_locks = rustix::io::Errno::NOLCK.raw_os_error();
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(no_locks)
}

fn holder_of(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(100).read_to_string(&mut text) {
        Ok(len) if len > 0 => crate::text::clean(text.trim()).into_owned(),
        _ => "another process".to_owned(),
    }
}

/// Returns the files of a directory of items; one that is not there has none.
pub(super) fn items(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_item = |path: &PathBuf| path.extension().is_some_and(|it| it == "json");
    files.map(|file| file.path()).filter(is_item).collect()
}

/// Removes the oldest items until what is left is few and small enough; never the one that was just put in. What cannot be
/// removed is tried again next time.
pub(super) fn make_room(dir: &Path, newest: &Path, (max_items, max_total): (usize, u64)) {
    let mut files: Vec<_> = items(dir)
        .into_iter()
        .filter(|path| path != newest)
        .filter_map(|path| {
            let metadata = fs::symlink_metadata(&path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), path))
        })
        .collect();
    files.sort();
    let mut total = fs::metadata(newest).map_or(0, |metadata| metadata.len());
    let mut n_kept = 1;
    for (_, len, path) in files.into_iter().rev() {
        n_kept += 1;
        total += len;
        if n_kept > max_items || total > max_total {
            drop(fs::remove_file(path));
        }
    }
}

/// How old the leavings of a writer must be where nobody holds a lock: a write takes milliseconds.
const OLD: Duration = Duration::from_secs(60);

/// Removes what a killed writer left in a directory that several write to without a lock.
pub(super) fn remove_old_temporaries(dir: &Path) {
    let is_old = |file: &fs::DirEntry| {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD))
    };
    let Ok(files) = fs::read_dir(dir) else { return };
    for file in files.flatten() {
        let name = file.file_name();
        if name.to_string_lossy().starts_with(TEMPORARY_PREFIX) && is_old(&file) {
            drop(fs::remove_file(file.path()));
        }
    }
}

/// Removes what a killed writer left. Only under the lock: then no writer is at work.
pub(super) fn remove_stray_temporaries(dir: &Path) {
    let Ok(files) = fs::read_dir(dir) else { return };
    for file in files.flatten() {
        if file
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX)
        {
            drop(fs::remove_file(file.path()));
        }
    }
}
