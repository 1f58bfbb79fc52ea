//! The catalogue: a directory of definitions, one `<name>.yaml` each, the drafts of unsaved edits, what was
//! applied last, and the trash.
//!
//! Texts are the user's: they are read and written byte for byte and never reformatted. Every write is atomic, under the
//! directory's lock, and refuses to overwrite what somebody else wrote meanwhile. Only regular files are opened, and none
//! over [`MAX_BYTES`]; links are refused, so that nothing outside the directory is read or written.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::definition::id::InstanceId;
use crate::failure::{Failure, FailureKind};

pub mod applied;
pub mod drafts;
mod file;
mod handout;
pub mod trash;
mod trust;

pub use file::Digest;
pub use handout::Handout;
pub use trust::trust;

/// Largest definition that is read or written, in bytes.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Mode of new definitions: they may hold what others should not read.
const NEW_FILE_MODE: u32 = 0o600;

/// A directory of definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    dir: PathBuf,
}

/// A definition of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name: the file's without `.yaml`.
    pub name: InstanceId,
    /// When the file was last written.
    pub modified: SystemTime,
    /// Size in bytes.
    pub len: u64,
}

/// A file of the directory that is no definition, with why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Name of the file, with what is not UTF-8 replaced.
    pub file_name: String,
    /// Why it is refused: a sentence.
    pub reason: String,
}

/// What the directory holds, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Definitions.
    pub entries: Vec<Entry>,
    /// Files that end in `.yaml` or `.yml` and cannot be definitions.
    pub refused: Vec<Refused>,
}

/// The text of a definition, with the digest that a later [`Catalogue::save`] compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text, byte for byte.
    pub text: String,
    /// Digest of the file's bytes.
    pub digest: Digest,
}

/// Why a definition could not be listed, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The directory cannot be listed, made or locked.
    #[error("cannot {action} the catalogue {}: {reason}", dir.display())]
    Directory {
        /// What was being done.
        action: &'static str,
        /// The directory.
        dir: PathBuf,
        /// The system's reason. It is in the sentence, and so not its source: chains of errors would tell it again.
        reason: io::Error,
    },
    /// Another process holds the directory's lock.
    #[error("the catalogue {} is locked by {holder}; try again when it is done", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Who holds it, as that process wrote it.
        holder: String,
    },
    /// There is no such definition.
    #[error("no definition {name} in the catalogue {}", dir.display())]
    NotFound {
        /// The definition.
        name: InstanceId,
        /// The directory.
        dir: PathBuf,
    },
    /// A definition of that name is there already.
    #[error("the catalogue already has a definition {name}")]
    Exists {
        /// The definition.
        name: InstanceId,
    },
    /// The file is not what was read before.
    #[error("{name} was changed by somebody else meanwhile; nothing was overwritten")]
    Changed {
        /// The definition.
        name: InstanceId,
    },
    /// The file is of no sort that is opened.
    #[error("refused {}: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why: what is allowed.
        reason: String,
    },
    /// Reading or writing the file failed.
    #[error("cannot {action} {}: {reason}{}", path.display(), advice(reason))]
    File {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason, as above.
        reason: io::Error,
    },
}

/// Says what can be done about an error of the system, where that is not plain from its own words.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; nothing was changed: make room and try again"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "; nothing was changed: another directory is named with --catalogue"
        }
        _ => "",
    }
}

impl From<CatalogueError> for Failure {
    fn from(error: CatalogueError) -> Self {
        let kind = match &error {
            CatalogueError::Directory { .. }
            | CatalogueError::File { .. }
            | CatalogueError::Locked { .. } => FailureKind::Disk,
            CatalogueError::NotFound { .. } => FailureKind::NotFound,
            CatalogueError::Exists { .. } | CatalogueError::Changed { .. } => FailureKind::Conflict,
            CatalogueError::Refused { .. } => FailureKind::Invalid,
        };
        Failure::new(kind, crate::text::clean(&error.to_string()))
    }
}

impl Catalogue {
    /// Returns the catalogue of a directory, which need not exist yet: the first write makes it.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Returns the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the file of a definition.
    pub fn path_of(&self, name: &InstanceId) -> PathBuf {
        self.dir.join(format!("{name}.yaml"))
    }

    /// Lists the definitions and what looks like one but is refused. A missing directory is an empty catalogue.
    ///
    /// # Errors
    /// The directory cannot be read, or is none.
    pub fn list(&self) -> Result<Listing, CatalogueError> {
        let mut listing = Listing::default();
        let files = match fs::read_dir(&self.dir) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
            Err(source) => return Err(self.directory_error("list", source)),
        };
        for file in files {
            let file_name = file
                .map_err(|source| self.directory_error("list", source))?
                .file_name();
            match self.entry(&file_name) {
                Some(Ok(entry)) => listing.entries.push(entry),
                Some(Err(reason)) => {
                    let file_name = crate::text::clean(&file_name.to_string_lossy()).into_owned();
                    listing.refused.push(Refused { file_name, reason });
                }
                None => {}
            }
        }
        listing.entries.sort_by(|a, b| a.name.cmp(&b.name));
        listing
            .refused
            .sort_by(|a, b| a.file_name.cmp(&b.file_name));
        Ok(listing)
    }

    /// Judges a file of the directory: none if it does not even look like a definition.
    fn entry(&self, file_name: &OsStr) -> Option<Result<Entry, String>> {
        let shown = file_name.to_string_lossy();
        if shown.starts_with('.') {
            return None;
        }
        if shown.ends_with(".yml") {
            return Some(Err("definitions end in .yaml: rename it".to_owned()));
        }
        let stem = shown.strip_suffix(".yaml")?;
        Some(self.entry_of_yaml(file_name, stem))
    }

    fn entry_of_yaml(&self, file_name: &OsStr, stem: &str) -> Result<Entry, String> {
        let name = stem
            .parse::<InstanceId>()
            .map_err(|error| error.to_string())?;
        let metadata =
            fs::symlink_metadata(self.dir.join(file_name)).map_err(|error| error.to_string())?;
        file::judge(&metadata)?;
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Entry {
            name,
            modified,
            len: metadata.len(),
        })
    }

    /// Reads a definition.
    ///
    /// # Errors
    /// There is none, it is no regular UTF-8 file of at most [`MAX_BYTES`], or it cannot be read.
    pub fn read(&self, name: &InstanceId) -> Result<Text, CatalogueError> {
        let path = self.path_of(name);
        let bytes = file::read(&path)?.ok_or_else(|| CatalogueError::NotFound {
            name: name.clone(),
            dir: self.dir.clone(),
        })?;
        let digest = Digest::of(&bytes);
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Text { text, digest }),
            Err(error) => Err(CatalogueError::Refused {
                path,
                reason: format!(
                    "byte {} is not UTF-8, which definitions must be",
                    error.utf8_error().valid_up_to()
                ),
            }),
        }
    }

    /// Returns the digest of a definition as it is on disk; none if there is none.
    ///
    /// # Errors
    /// The file is refused or cannot be read.
    pub fn digest(&self, name: &InstanceId) -> Result<Option<Digest>, CatalogueError> {
        Ok(file::read(&self.path_of(name))?.map(|bytes| Digest::of(&bytes)))
    }

    /// Adds a definition.
    ///
    /// # Errors
    /// One of that name exists, the text is too large, or it cannot be written.
    pub fn create(&self, name: &InstanceId, text: &str) -> Result<Digest, CatalogueError> {
        self.write(name, text, None)
    }

    /// Replaces the text of a definition, provided that the file still has the digest `base`. The file's mode stays.
    ///
    /// # Errors
    /// Somebody changed or removed it meanwhile, the text is too large, or it cannot be written; then the file is as it was.
    pub fn save(
        &self,
        name: &InstanceId,
        text: &str,
        base: &Digest,
    ) -> Result<Digest, CatalogueError> {
        self.write(name, text, Some(base))
    }

    fn write(
        &self,
        name: &InstanceId,
        text: &str,
        base: Option<&Digest>,
    ) -> Result<Digest, CatalogueError> {
        let path = self.path_of(name);
        if text.len() as u64 > MAX_BYTES {
            return Err(CatalogueError::Refused {
                path,
                reason: file::too_large(text.len() as u64),
            });
        }
        let _lock = self.lock()?;
        match (file::read(&path)?, base) {
            (None, None) => {}
            (Some(_), None) => return Err(CatalogueError::Exists { name: name.clone() }),
            (Some(bytes), Some(base)) if Digest::of(&bytes) == *base => {}
            (_, Some(_)) => return Err(CatalogueError::Changed { name: name.clone() }),
        }
        file::write_atomically(&path, text.as_bytes(), NEW_FILE_MODE)?;
        Ok(Digest::of(text.as_bytes()))
    }

    /// Takes the directory's lock, making the directory if need be, and removes what a killed writer left.
    fn lock(&self) -> Result<File, CatalogueError> {
        file::make_private_dir(&self.dir).map_err(|source| self.directory_error("make", source))?;
        let lock = file::lock(&self.dir).map_err(|source| self.directory_error("lock", source))?;
        let lock = lock.map_err(|holder| CatalogueError::Locked {
            dir: self.dir.clone(),
            holder,
        })?;
        file::remove_stray_temporaries(&self.dir);
        Ok(lock)
    }

    fn directory_error(&self, action: &'static str, reason: io::Error) -> CatalogueError {
        CatalogueError::Directory {
            action,
            dir: self.dir.clone(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
