//! Where bowline keeps its files, by the XDG base directory specification.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, FailureKind};

/// The files and directories of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`.
    pub config_file: PathBuf,
    /// The default catalogue.
    pub catalogue: PathBuf,
    /// The catalogue of rehearsals in the sandbox.
    pub sandbox_catalogue: PathBuf,
    /// Drafts, log and what else survives a session on this machine.
    pub state: PathBuf,
    /// What can be had again: schemas of clusters.
    pub cache: PathBuf,
}

impl Paths {
    /// Returns the paths of this user.
    ///
    /// # Errors
    /// No home directory is known.
    pub fn of_user() -> Result<Self, Failure> {
        let Some(dirs) = directories::ProjectDirs::from("", "", "bowline") else {
            return Err(Failure::new(
                FailureKind::Disk,
                "no home directory is known: set HOME, or XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME",
            ));
        };
        let data = dirs.data_dir();
        Ok(Self {
            cache: dirs.cache_dir().to_path_buf(),
            config_file: dirs.config_dir().join("config.toml"),
            catalogue: data.join("catalogue"),
            sandbox_catalogue: data.join("sandbox"),
            // Only Linux has a state directory of its own; elsewhere it is a folder of the data.
            state: dirs
                .state_dir()
                .map_or_else(|| data.join("state"), Path::to_path_buf),
        })
    }
}

/// Returns a path of a settings file as one from anywhere: relative ones are so to that file, and `~` is the home directory.
pub fn settled(path: &Path, file: &Path) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => file.parent().unwrap_or(Path::new("")).join(path),
    }
}
