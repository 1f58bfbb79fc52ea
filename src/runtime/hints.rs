//! Which first hints were seen on this machine: a line each in a file of the state directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

const FILE: &str = "hints";
/// There are never more; a file that grew is no such file.
const MAX_BYTES: u64 = 4096;

/// Returns the names of those that were seen; none where that cannot be known, and so nothing be remembered.
pub fn seen(state: &Path) -> Option<Vec<String>> {
    match fs::metadata(state.join(FILE)) {
        Ok(metadata) if metadata.len() > MAX_BYTES || !metadata.is_file() => None,
        Ok(_) => {
            let text = fs::read_to_string(state.join(FILE)).ok()?;
            Some(text.lines().map(str::to_owned).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Vec::new()),
        Err(_) => None,
    }
}

/// Makes a directory that is this user's alone; one that is there stays as it is.
pub(super) fn make_private_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

/// Remembers that one was seen. What cannot be written is shown once more: no harm is done.
pub fn remember(state: &Path, name: &str) {
    let written = || -> io::Result<()> {
        make_private_dir(state)?;
        let mut options = OpenOptions::new();
        let path = state.join(FILE);
        let mut file = options.append(true).create(true).mode(0o600).open(path)?;
        writeln!(file, "{name}")
    };
    drop(written());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        assert_eq!(seen(&state), Some(Vec::new()));
        remember(&state, "services");
        remember(&state, "editor");
        assert_eq!(
            seen(&state),
            Some(vec!["services".to_owned(), "editor".to_owned()])
        );
        fs::write(state.join(FILE), "x".repeat(5000)).unwrap();
        assert_eq!(seen(&state), None);
    }
}
