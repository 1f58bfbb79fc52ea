//! A text handed to another program: a file of its own, in a directory of its own, that nobody else may look into.
//!
//! The file bears the definition's name, so that an editor knows what it is. Both are removed when the text is taken; what
//! was not, and what a program that was killed left, is removed some days later, when the next text is handed out.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::CatalogueError;
use super::file;
use crate::definition::id::InstanceId;

const PREFIX: &str = "handed-out-";
const MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;
/// What was handed out this long ago comes back no more: three days, as people are told.
const OLD: Duration = Duration::from_secs(3 * 24 * 3600);

/// A text that is handed out. Its file goes with it, unless it is told to stay.
#[derive(Debug)]
pub struct Handout {
    dir: PathBuf,
    path: PathBuf,
    stays: bool,
}

impl Handout {
    /// Writes a text for another program, below a directory that is this user's alone.
    pub(super) fn below(
        parent: &Path,
        name: &InstanceId,
        text: &str,
    ) -> Result<Self, CatalogueError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |reason| CatalogueError::File {
                action: "write",
                path,
                reason,
            }
        };
        file::make_private_dir(parent).map_err(failed(parent))?;
        remove_old(parent);
        let dir = parent.join(format!("{PREFIX}{:016x}", file::random_suffix()));
        // One that is there already is somebody else's, and refused.
        let made = fs::DirBuilder::new().mode(DIR_MODE).create(&dir);
        made.map_err(failed(&dir))?;
        let path = dir.join(format!("{name}.yaml"));
        let handout = Self {
            dir,
            path,
            stays: false,
        };
        let path = &handout.path;
        let written = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(MODE).open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        written().map_err(failed(path))?;
        Ok(handout)
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what has become of the text; none if the file is gone.
    ///
    /// # Errors
    /// It is no regular UTF-8 file of a definition's size any more, or cannot be read. The file then stays, to be looked at.
    pub fn read(&mut self) -> Result<Option<String>, CatalogueError> {
        let read = file::read(&self.path).and_then(|bytes| {
            let Some(bytes) = bytes else {
                return Ok(None);
            };
            String::from_utf8(bytes).map(Some).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                CatalogueError::Refused {
                    path: self.path.clone(),
                    reason: format!("byte {at} is not UTF-8, which definitions must be"),
                }
            })
        });
        self.stays = read.is_err();
        read
    }

    /// Has the file stay, until somebody has taken its text; returns it.
    pub fn keep(mut self) -> PathBuf {
        self.stays = true;
        self.path.clone()
    }

    /// Has everything stay that a program that failed left beyond the text that it was given: programs that crash rescue
    /// into another file beside, or had saved before. Returns where, unless there is nothing.
    pub fn rescue(&mut self, text: &str) -> Option<&Path> {
        let is_touched = match file::read(&self.path) {
            Ok(Some(bytes)) => bytes != text.as_bytes(),
            // Removed: nothing of it is left to keep.
            Ok(None) => false,
            Err(_) => true,
        };
        // What cannot be looked at is kept as well.
        let is_other = |entry: io::Result<fs::DirEntry>| {
            entry.map_or(true, |entry| {
                Some(entry.file_name().as_os_str()) != self.path.file_name()
            })
        };
        let has_others =
            fs::read_dir(&self.dir).map_or(true, |entries| entries.into_iter().any(is_other));
        self.stays = is_touched || has_others;
        self.stays.then_some(self.dir.as_path())
    }

    /// Removes what was kept at `path` below a directory; nothing else is.
    pub(super) fn remove(parent: &Path, path: &Path) {
        let Some(dir) = path.parent().filter(|dir| dir.parent() == Some(parent)) else {
            return;
        };
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(PREFIX) {
            // What stays is removed some days later.
            drop(fs::remove_dir_all(dir));
        }
    }
}

impl Drop for Handout {
    fn drop(&mut self) {
        if !self.stays {
            // What stays is removed some days later.
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

fn remove_old(parent: &Path) {
    let Ok(dirs) = fs::read_dir(parent) else {
        return;
    };
    for dir in dirs.flatten() {
        let modified = dir.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD));
        if is_old && dir.file_name().to_string_lossy().starts_with(PREFIX) {
            drop(fs::remove_dir_all(dir.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use super::*;

    fn handed_out(parent: &Path) -> Handout {
        Handout::below(parent, &"web".parse().unwrap(), "a: 1\n").unwrap()
    }

    #[test]
    fn nobody_else_may_read_what_is_handed_out_and_it_goes_when_it_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut handout = handed_out(dir.path());
        let path = handout.path().to_owned();
        let mode_of = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(path.file_name().unwrap(), "web.yaml");
        assert_eq!(mode_of(&path), 0o600);
        assert_eq!(mode_of(path.parent().unwrap()), 0o700);
        // Editors write beside it and rename.
        fs::write(path.with_extension("swp"), "a: 2\n").unwrap();
        fs::rename(path.with_extension("swp"), &path).unwrap();
        assert_eq!(handout.read().unwrap().as_deref(), Some("a: 2\n"));
        drop(handout);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_read_back_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut handout = handed_out(dir.path());
        let path = handout.path().to_owned();
        fs::write(&path, b"a: \xff\n").unwrap();
        let error = handout.read().unwrap_err().to_string();
        assert!(error.contains("byte 3 is not UTF-8"), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
        drop(handout);
        assert!(path.exists());
    }

    #[test]
    fn what_a_program_that_failed_left_stays_unless_it_is_what_it_was_given() {
        let check = |what: &str, leave: &dyn Fn(&Path), expected: bool| {
            let dir = tempfile::tempdir().unwrap();
            let mut handout = handed_out(dir.path());
            let folder = handout.dir.clone();
            leave(handout.path());
            let kept = handout.rescue("a: 1\n").map(Path::to_owned);
            drop(handout);
            assert_eq!(kept, expected.then(|| folder.clone()), "{what}");
            assert_eq!(folder.exists(), expected, "{what}");
        };
        let swap = |path: &Path| fs::write(path.with_file_name(".web.yaml.swp"), "b0VIM").unwrap();
        check("untouched", &|_| {}, false);
        check("removed", &|path| fs::remove_file(path).unwrap(), false);
        check("saved", &|path| fs::write(path, "a: 2\n").unwrap(), true);
        check("rescued beside", &swap, true);
        let moves = |path: &Path| fs::rename(path, path.with_extension("save")).unwrap();
        check("moved", &moves, true);
        let replaces = |path: &Path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        };
        check("no file", &replaces, true);
    }

    #[test]
    fn what_is_kept_goes_when_its_text_is_taken_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = handed_out(dir.path()).keep();
        assert!(path.exists());
        let other = dir.path().join("other");
        fs::create_dir(&other).unwrap();
        Handout::remove(dir.path(), &other.join("web.yaml"));
        Handout::remove(&other, &path);
        assert!(path.exists() && other.exists());
        Handout::remove(dir.path(), &path);
        assert!(!path.parent().unwrap().exists());
    }

    #[test]
    fn what_was_left_long_ago_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut old = handed_out(dir.path());
        old.stays = true;
        let folder = fs::File::open(&old.dir).unwrap();
        folder.set_modified(SystemTime::now() - 2 * OLD).unwrap();
        let path = old.dir.clone();
        drop(old);
        let new = handed_out(dir.path());
        assert!(!path.exists() && new.path().exists());
    }
}
