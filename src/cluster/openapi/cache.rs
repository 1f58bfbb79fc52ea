//! Documents on disk, named by the hash of their content. A cache may fail at anything: then the server is asked again.

use std::fs::{self, DirEntry, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;

/// Most bytes of one document.
const MAX_DOCUMENT: u64 = 16 << 20;
/// Most bytes that are kept.
const MAX_BYTES: u64 = 64 << 20;
/// What was not used for so long goes.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A directory of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaCache {
    directory: PathBuf,
}

impl SchemaCache {
    /// Returns the cache in `openapi` of a cache directory. Nothing is made before something is kept.
    pub fn of(cache: &Path) -> Self {
        Self {
            directory: cache.join("openapi"),
        }
    }

    /// Returns the document of a hash, if it is there, and notes that it was used.
    pub(super) fn read(&self, hash: &str) -> Option<Vec<u8>> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(self.path(hash))
            .ok()?;
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > MAX_DOCUMENT {
            return None;
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).ok()?;
        drop(file.set_modified(SystemTime::now()));
        Some(text)
    }

    /// Keeps a document, and lets go of what was not used for long.
    pub(super) fn write(&self, hash: &str, text: &[u8]) {
        if text.len() as u64 > MAX_DOCUMENT {
            return;
        }
        let written = self.write_atomically(hash, text);
        if let Err(error) = written.and_then(|()| self.let_go(SystemTime::now())) {
            tracing::debug!(%error, "keeping a document of schemas");
        }
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.directory.join(format!("{hash}.json"))
    }

    /// A reader finds the old file or the new one, whoever else writes the same.
    fn write_atomically(&self, hash: &str, text: &[u8]) -> io::Result<()> {
        static N_WRITTEN: AtomicUsize = AtomicUsize::new(0);
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        let n = N_WRITTEN.fetch_add(1, Ordering::Relaxed);
        let temporary = self.path(&format!(".{hash}-{}-{n}", std::process::id()));
        let mut options = OpenOptions::new();
        let written = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file: File| file.write_all(text))
            .and_then(|()| fs::rename(&temporary, self.path(hash)));
        if written.is_err() {
            drop(fs::remove_file(&temporary));
        }
        written
    }

    /// Removes what is old, and the oldest of what is too much; temporary files of runs that were killed among them.
    fn let_go(&self, now: SystemTime) -> io::Result<()> {
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            if let Some(found) = document(&entry?) {
                kept.push(found);
            }
        }
        kept.sort();
        let mut n_bytes: u64 = kept.iter().map(|(_, len, _)| len).sum();
        for (used, len, path) in kept {
            let age = now.duration_since(used).unwrap_or_default();
            if n_bytes <= MAX_BYTES && age <= MAX_AGE {
                break;
            }
            fs::remove_file(path)?;
            n_bytes -= len;
        }
        Ok(())
    }
}

fn document(entry: &DirEntry) -> Option<(SystemTime, u64, PathBuf)> {
    let path = entry.path();
    let is_document = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let metadata = entry
        .metadata()
        .ok()
        .filter(|it| it.is_file() && is_document)?;
    Some((metadata.modified().ok()?, metadata.len(), path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(cache: &SchemaCache) -> Vec<String> {
        let entries = fs::read_dir(&cache.directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn documents_are_kept_for_their_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let cache = SchemaCache::of(home.path());
        assert_eq!(cache.read("A"), None);
        cache.write("A", b"{}");
        cache.write("A", b"{}");
        assert_eq!(cache.read("A").as_deref(), Some(b"{}".as_slice()));
        assert_eq!(names(&cache), ["A.json"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&cache.directory), mode(&cache.path("A"))),
            (0o700, 0o600)
        );
    }

    #[test]
    fn what_is_old_or_too_much_goes_the_oldest_first() {
        let home = tempfile::tempdir().unwrap();
        let cache = SchemaCache::of(home.path());
        let now = SystemTime::now();
        let sizes = [
            ("OLD", 1, 40),
            ("A", 30 << 20, 3),
            ("B", 30 << 20, 2),
            ("C", 30 << 20, 1),
        ];
        fs::create_dir_all(&cache.directory).unwrap();
        for (hash, len, days) in sizes {
            let file = File::create(cache.path(hash)).unwrap();
            file.set_len(len).unwrap();
            file.set_modified(now - Duration::from_secs(days * 24 * 3600))
                .unwrap();
        }
        cache.let_go(now).unwrap();
        assert_eq!(names(&cache), ["B.json", "C.json"]);
    }

    #[test]
    fn a_link_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let cache = SchemaCache::of(home.path());
        cache.write("A", b"{}");
        std::os::unix::fs::symlink(cache.path("A"), cache.path("B")).unwrap();
        assert_eq!(cache.read("B"), None);
    }
}
