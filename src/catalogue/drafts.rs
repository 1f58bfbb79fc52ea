//! Drafts: unsaved edits, kept in the state directory every few seconds so that a crash, a hang-up or a kill loses little.
//!
//! A draft is one file, `<name>@<digest>.<session>.yaml`, in a directory of the catalogue it belongs to: the text as typed, and
//! in the name the digest of the file that it began from. So it can be mended by hand, and a save after recovery still notices
//! that the definition was changed by somebody else. Beside it lies that file's text, with the ending `base`, so that both can
//! be merged then. What another session is typing at this moment is its own: it is neither offered nor removed.

mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ropey::Rope;

use super::file::{self, Digest};
use super::{CatalogueError, Handout, Text};
use crate::definition::id::InstanceId;

use writer::Writer;

const DRAFT_MODE: u32 = 0o600;
/// Ends the name of a file that holds what a draft began from.
const BASE: &str = "base";
/// Drafts that are kept of one definition: each began from another text of it.
const MAX_DRAFTS: usize = 10;
/// Digits of the catalogue's digest that name its folder of drafts.
const FOLDER_DIGITS: usize = 16;

/// The drafts of one catalogue, as one session sees them. Clones are the same session.
#[derive(Debug, Clone)]
pub struct Drafts {
    dir: PathBuf,
    writer: Writer,
}

/// What an edit began from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Digest of the definition's file.
    pub digest: Digest,
    /// Its text; none where only the digest is known any more.
    pub text: Option<Rope>,
}

/// An unsaved edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The definition it edits.
    pub name: InstanceId,
    /// The text as typed.
    pub text: String,
    /// The definition that the edit began from.
    pub base: Base,
    /// When it was last kept.
    pub modified: SystemTime,
}

impl Drafts {
    /// Returns the drafts of the catalogue at `catalogue_dir`, kept below the state directory, for a session of its own.
    pub fn of(state_dir: &Path, catalogue_dir: &Path) -> Self {
        // The same catalogue by another path must find its drafts.
        let dir = real(catalogue_dir);
        let digest = Digest::of(dir.as_os_str().as_encoded_bytes());
        Self {
            dir: state_dir
                .join("drafts")
                .join(&digest.as_str()[..FOLDER_DIGITS]),
            writer: Writer::new(),
        }
    }

    /// Keeps a draft, in place of an earlier one of the same base.
    ///
    /// # Errors
    /// It cannot be written; then an earlier draft is as it was.
    pub fn keep(&self, name: &InstanceId, text: &str, base: &Base) -> Result<(), CatalogueError> {
        file::make_private_dir(&self.dir).map_err(|reason| CatalogueError::Directory {
            action: "make",
            dir: self.dir.clone(),
            reason,
        })?;
        file::remove_old_temporaries(&self.dir);
        writer::remove_left(&self.dir);
        self.writer.show(&self.dir);
        let path = self.path_of(name, &base.digest);
        self.keep_base(&path, base)?;
        file::write_atomically(&path, text.as_bytes(), DRAFT_MODE)?;
        self.make_room(name, &path);
        Ok(())
    }

    /// Keeps what is about to be saved as the newest draft, where there is any. Whoever is killed before the drafts are
    /// removed is then not offered less than is on disk.
    pub fn overtake(&self, name: &InstanceId, text: &str, base: &Digest) {
        if !self.files_of(name).is_empty() {
            let path = self.path_of(name, base);
            // The save goes on without it.
            drop(file::write_atomically(&path, text.as_bytes(), DRAFT_MODE));
        }
    }

    /// Keeps what the edit began from, once: it never changes.
    fn keep_base(&self, draft: &Path, base: &Base) -> Result<(), CatalogueError> {
        let path = draft.with_extension(BASE);
        match &base.text {
            Some(text) if !path.exists() => {
                file::write_atomically(&path, text.to_string().as_bytes(), DRAFT_MODE)
            }
            _ => Ok(()),
        }
    }

    /// Reads what an edit began from; none if it was not kept, or is not that text any more.
    fn base_of(&self, draft: &Path, digest: &Digest) -> Option<Rope> {
        let bytes = file::read(&draft.with_extension(BASE)).ok().flatten()?;
        let text = String::from_utf8(bytes).ok()?;
        (Digest::of(text.as_bytes()) == *digest).then(|| Rope::from_str(&text))
    }

    /// Removes the oldest drafts of a definition beyond those that are kept. What cannot be removed is tried again next time.
    fn make_room(&self, name: &InstanceId, newest: &Path) {
        let mut others = self.oldest_first(name);
        others.retain(|path| path != newest);
        let n_surplus = (others.len() + 1).saturating_sub(MAX_DRAFTS);
        for path in others.into_iter().take(n_surplus) {
            drop(fs::remove_file(path.with_extension(BASE)));
            drop(fs::remove_file(path));
        }
    }

    /// Returns the files of the drafts of a definition, the newest last.
    fn oldest_first(&self, name: &InstanceId) -> Vec<PathBuf> {
        let mut files: Vec<_> = self.files_of(name).into_iter().map(|it| it.0).collect();
        files.sort_by_cached_key(|path| modified(path));
        files
    }

    /// Removes the drafts of a definition: they were saved or given up. Whoever is killed meanwhile, or cannot remove one, has
    /// the newest left, and is not offered an older text than was saved.
    ///
    /// # Errors
    /// One cannot be removed.
    pub fn discard(&self, name: &InstanceId) -> Result<(), CatalogueError> {
        for path in self.oldest_first(name) {
            drop(fs::remove_file(path.with_extension(BASE)));
            fs::remove_file(&path).map_err(|reason| CatalogueError::File {
                action: "remove",
                path,
                reason,
            })?;
        }
        Ok(())
    }

    /// Returns the newest draft of a definition, unless it is the definition's text: then what is older was saved.
    ///
    /// # Errors
    /// A draft is there and cannot be read.
    pub fn find(&self, name: &InstanceId, current: &Text) -> Result<Option<Draft>, CatalogueError> {
        let mut newest: Option<Draft> = None;
        for (path, digest) in self.files_of(name) {
            let modified = modified(&path);
            if newest
                .as_ref()
                .is_some_and(|draft| draft.modified > modified)
            {
                continue;
            }
            let Some(bytes) = file::read(&path)? else {
                continue;
            };
            let base = Base {
                text: self.base_of(&path, &digest),
                digest,
            };
            newest = Some(Draft {
                name: name.clone(),
                text: String::from_utf8_lossy(&bytes).into_owned(),
                base,
                modified,
            });
        }
        Ok(newest.filter(|draft| draft.text != current.text))
    }

    /// Hands a text to another program, as a file beside the drafts.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn hand_out(&self, name: &InstanceId, text: &str) -> Result<Handout, CatalogueError> {
        Handout::below(&self.dir, name, text)
    }

    /// Removes the file of a text that was handed out, came back and was taken.
    pub fn discard_handout(&self, path: &Path) {
        Handout::remove(&self.dir, path);
    }

    /// Returns the names of definitions that have a draft, sorted.
    pub fn names(&self) -> Vec<InstanceId> {
        let mut names: Vec<_> = self.files().map(|(_, name, _)| name).collect();
        names.sort();
        names.dedup();
        names
    }

    fn path_of(&self, name: &InstanceId, base: &Digest) -> PathBuf {
        let (base, session) = (base.as_str(), self.writer.tag());
        self.dir.join(format!("{name}@{base}.{session}.yaml"))
    }

    fn files_of(&self, name: &InstanceId) -> Vec<(PathBuf, Digest)> {
        self.files()
            .filter(|(_, of, _)| of == name)
            .map(|(path, _, base)| (path, base))
            .collect()
    }

    /// Every draft that this session kept or another left: its file, its definition, its base. A missing directory has none.
    fn files(&self) -> impl Iterator<Item = (PathBuf, InstanceId, Digest)> {
        fs::read_dir(&self.dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|file| {
                let file_name = file.file_name();
                let (name, rest) = file_name.to_str()?.strip_suffix(".yaml")?.split_once('@')?;
                // Without a session it is an older version's.
                let (base, session) = rest.split_once('.').unwrap_or((rest, ""));
                let is_anothers = !session.is_empty() && self.writer.is_others(&self.dir, session);
                let draft = (file.path(), name.parse().ok()?, Digest::from_hex(base)?);
                (!is_anothers).then_some(draft)
            })
    }
}

/// Returns when a file was written; of one of which that is not known that it was long ago.
fn modified(path: &Path) -> SystemTime {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Returns a path without links, also that of what is yet to be made: the catalogue is, at the first start.
fn real(path: &Path) -> PathBuf {
    let above = || Some((path.parent()?, path.file_name()?));
    match (fs::canonicalize(path), above()) {
        (Ok(real), _) => real,
        (Err(_), Some((dir, name))) if dir != Path::new("") => real(dir).join(name),
        (Err(_), _) => path.to_owned(),
    }
}
