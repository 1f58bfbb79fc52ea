//! The state of a sandbox in a file: loaded at the start, written some time after each change and at the end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::sandbox::SandboxError;
use crate::store::Store;

/// Changes that come together are written together.
const WRITE_AFTER: Duration = Duration::from_millis(500);
const FORMAT: u64 = 1;

/// A state file.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    /// One write at a time: the last one has the newest state, and none meets half of another.
    writing: Mutex<()>,
}

impl StateFile {
    pub(crate) fn at(path: PathBuf) -> StateFile {
        StateFile {
            path,
            writing: Mutex::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps every other sandbox from this file for as long as what it returns is there: each would write over the other.
    ///
    /// # Errors
    /// Another one keeps its state there.
    pub(crate) fn hold(&self) -> Result<Option<File>, SandboxError> {
        // NB: the file itself is another one after each write.
        let lock = self.beside("lock");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(lock);
        // Whoever cannot write there is told so when the state is written; where nothing can be locked nobody else is seen.
        let Ok(file) = file else { return Ok(None) };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(SandboxError::State {
                path: self.path.clone(),
                reason: "another sandbox that runs keeps its state there".into(),
            }),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
        }
    }

    /// Returns a file that nobody sees in the same directory.
    fn beside(&self, what: &str) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default();
        self.path
            .with_file_name(format!(".{}.{what}", name.to_string_lossy()))
    }

    /// Puts what the file holds into an empty store; a file that is not there holds nothing.
    pub(crate) fn load(&self, store: &Store) -> Result<(), SandboxError> {
        let fail = |reason: String| SandboxError::State {
            path: self.path.clone(),
            reason,
        };
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(fail(e.to_string())),
        };
        let state: Value = serde_json::from_slice(&text)
            .map_err(|e| fail(format!("it is not a sandbox' state: {e}")))?;
        if state["sandbox"] != FORMAT {
            return Err(fail(format!(
                "it is not a sandbox' state: \"sandbox\" must be {FORMAT}"
            )));
        }
        let objects = state["objects"]
            .as_array()
            .ok_or_else(|| fail("\"objects\" is no list".into()))?;
        let revision = state["revision"]
            .as_u64()
            .ok_or_else(|| fail("\"revision\" is no number".into()))?;
        match store.restore(revision, objects) {
            None => Ok(()),
            Some(kind) => Err(fail(format!("it holds a {kind}, which is not served"))),
        }
    }

    /// Writes the state.
    pub(crate) fn save(&self, store: &Store) -> std::io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (revision, objects) = store.dump();
        let objects: Vec<&Value> = objects.iter().map(AsRef::as_ref).collect();
        let state = json!({"sandbox": FORMAT, "revision": revision, "objects": objects});
        let temporary = self.beside(&std::process::id().to_string());
        let written = write_private(&temporary, state.to_string().as_bytes())
            .and_then(|()| std::fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }

    /// Writes the state after every change, until its task is aborted.
    pub(crate) async fn keep_up(self: Arc<Self>, store: Store) {
        let mut changes = store.subscribe();
        loop {
            match changes.recv().await {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
            tokio::time::sleep(WRITE_AFTER).await;
            changes = store.subscribe();
            let (file, store) = (self.clone(), store.clone());
            let written = tokio::task::spawn_blocking(move || file.save(&store)).await;
            if let Ok(Err(e)) = written {
                tracing::warn!(error = %e, "the sandbox' state could not be written");
            }
        }
    }
}

/// The state may hold secrets.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The objects of a state file, in an order in which they can be put back.
pub(crate) type Dump = (u64, Vec<Arc<Value>>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_state_comes_back_with_its_identities() {
        let directory = std::env::temp_dir().join(format!("sandbox-keep-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("state.json");
        let store = Store::new(Clock::Real, 100);
        store
            .create(
                "t",
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}),
            )
            .unwrap();
        let made = store
            .create("t", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}}))
            .unwrap();
        let file = StateFile::at(path.clone());
        file.save(&store).unwrap();
        let again = Store::new(Clock::Real, 100);
        file.load(&again).unwrap();
        assert_eq!(again.get("ConfigMap", "n", "c"), Some(made));
        assert_eq!(again.revision(), store.revision());

        std::fs::write(&path, "{\"sandbox\": 7}").unwrap();
        let refused = file
            .load(&Store::new(Clock::Real, 100))
            .unwrap_err()
            .to_string();
        assert!(
            refused.ends_with("it is not a sandbox' state: \"sandbox\" must be 1"),
            "{refused}"
        );
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_file_has_one_sandbox_at_a_time() {
        let directory = std::env::temp_dir().join(format!("sandbox-held-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("state.json");
        let held = StateFile::at(path.clone()).hold().unwrap();
        let other = StateFile::at(path);
        let refused = other.hold().unwrap_err().to_string();
        assert!(
            refused.ends_with("another sandbox that runs keeps its state there"),
            "{refused}"
        );
        drop(held);
        other.hold().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn writes_at_the_same_time_do_not_meet() {
        let directory = std::env::temp_dir().join(format!("sandbox-two-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = StateFile::at(directory.join("state.json"));
        let store = Store::new(Clock::Real, 100);
        std::thread::scope(|scope| {
            let save = || (0..200).all(|_| file.save(&store).is_ok());
            let (one, other) = (scope.spawn(save), scope.spawn(save));
            assert!(one.join().unwrap() && other.join().unwrap());
        });
        file.load(&Store::new(Clock::Real, 100)).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
