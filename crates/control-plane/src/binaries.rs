//! Where the executables of the control plane are. It only looks: `tests/control-plane/build` makes them.

use std::path::{Path, PathBuf};

/// The environment variable that names another directory than `target/control-plane`.
pub const DIRECTORY_VARIABLE: &str = "BOWLINE_CONTROL_PLANE_DIR";

/// All executables that a control plane needs; etcd's is called `server` by its build.
const NAMES: [&str; 5] = [
    "server",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
];

/// A directory in which all executables stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    directory: PathBuf,
}

/// The executables have not been built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} is not in {directory}; tests/control-plane/build builds it (needs Go, takes minutes once)"
)]
pub struct NotBuilt {
    /// The first one that is missing.
    pub name: &'static str,
    /// Where it was looked for.
    pub directory: PathBuf,
}

impl Binaries {
    /// Finds the executables where `tests/control-plane/build` puts them.
    pub fn find() -> Result<Self, NotBuilt> {
        let root = match std::env::var_os(DIRECTORY_VARIABLE) {
            Some(directory) => PathBuf::from(directory),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/control-plane"),
        };
        Binaries::find_in(&root.join("bin"))
    }

    /// Finds the executables in one directory.
    pub fn find_in(directory: &Path) -> Result<Self, NotBuilt> {
        match NAMES.iter().find(|name| !directory.join(name).is_file()) {
            Some(name) => Err(NotBuilt {
                name,
                directory: directory.to_path_buf(),
            }),
            None => Ok(Binaries {
                directory: directory.to_path_buf(),
            }),
        }
    }

    /// Returns the path of kubectl, which the same build makes.
    pub fn kubectl(&self) -> PathBuf {
        self.path("kubectl")
    }

    /// Returns the path of one executable.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_executable_is_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("server"), "").unwrap();
        assert_eq!(
            Binaries::find_in(directory.path()),
            Err(NotBuilt {
                name: "kube-apiserver",
                directory: directory.path().to_path_buf(),
            })
        );
    }

    #[test]
    fn a_whole_set_is_found() {
        let directory = tempfile::tempdir().unwrap();
        for name in NAMES {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let binaries = Binaries::find_in(directory.path()).unwrap();
        assert_eq!(binaries.path("kwok"), directory.path().join("kwok"));
    }
}
