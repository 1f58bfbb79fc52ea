//! The audit log: one line for each write that was sent to a cluster, in a file of this machine that only its user may read.
//!
//! A line tells when, who, where, what and how it ended, and the digest of what was sent, never the body itself: bodies hold
//! secrets, and of those not even the digest is told. Dry runs and reviews write nothing and are not told. The file is bounded: the one before is kept, older ones go.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Largest file before another one is begun, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file that takes a line for each write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    file: PathBuf,
    /// Who works: user, host and process.
    who: String,
    /// Why a line is lacking, once one is.
    lacking: OnceLock<String>,
}

/// A write that was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Name of the kubeconfig's context.
    pub context: &'a str,
    /// URL of the API server.
    pub server: &'a str,
    /// As whom it was sent.
    pub user: &'a str,
    /// Method of the request.
    pub method: &'a str,
    /// Path of the object, without a query.
    pub path: &'a str,
    /// Uid of the object, where it is known.
    pub uid: Option<&'a str>,
    /// What was sent.
    pub body: &'a [u8],
    /// Status of the answer; none where there was no answer.
    pub status: Option<u16>,
}

impl Audit {
    /// Returns the audit log of a state directory.
    pub fn of(state: &Path, who: String) -> Self {
        Self {
            file: state.join("audit.log"),
            who,
            lacking: OnceLock::new(),
        }
    }

    /// Takes note of a write. What cannot be noted is said in the log: the write was done all the same.
    pub fn note(&self, sent: &Sent<'_>) {
        if let Err(error) = self.append(&self.line(sent, Timestamp::now())) {
            let why = format!(
                "cannot write the audit log {}: {error}",
                self.file.display()
            );
            tracing::warn!("{why}");
            self.lacking.get_or_init(|| why);
        }
    }

    /// Returns why a write was not noted, where one was not.
    pub fn lacking(&self) -> Option<&str> {
        self.lacking.get().map(String::as_str)
    }

    fn line(&self, sent: &Sent<'_>, now: Timestamp) -> String {
        // Whoever guesses at a short password could try it on a digest.
        let is_secret = sent.path.contains("/secrets/") || sent.path.ends_with("/secrets");
        let digest = (!is_secret).then(|| Sha256::digest(sent.body));
        let digest: Option<String> =
            digest.map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect());
        let result = match sent.status {
            Some(status) => json!(status),
            None => Value::from("no answer"),
        };
        let line = json!({
            "time": now.to_string(),
            "who": self.who,
            "context": sent.context,
            "server": sent.server,
            "user": sent.user,
            "method": sent.method,
            "path": sent.path,
            "uid": sent.uid,
            "sha256": digest,
            "result": result,
        });
        format!("{line}\n")
    }

    /// Appends a line in one piece, so that lines of several processes never mix.
    fn append(&self, line: &str) -> io::Result<()> {
        if let Some(dir) = self.file.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)?;
        }
        loop {
            let mut file = self.open()?;
            // NB: where files cannot be locked a line is worth more than that nobody else is at it.
            drop(file.lock());
            if !self.is_current(&file)? {
                continue;
            }
            if file.metadata()?.len() > MAX_BYTES {
                fs::rename(&self.file, self.file.with_extension("log.1"))?;
                continue;
            }
            return file.write_all(line.as_bytes());
        }
    }

    fn open(&self) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(&self.file)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(file)
    }

    /// Tells whether a file is still the log: another process may have begun a new one before this one had the lock.
    fn is_current(&self, file: &File) -> io::Result<bool> {
        let opened = file.metadata()?;
        match fs::symlink_metadata(&self.file) {
            Ok(now) => Ok((now.dev(), now.ino()) == (opened.dev(), opened.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: &[u8]) -> Sent<'_> {
        Sent {
            context: "dev",
            server: "https://10.0.0.1",
            user: "ann",
            method: "PATCH",
            path: "/api/v1/namespaces/team-a/configmaps/web",
            uid: Some("u1"),
            body,
            status: Some(200),
        }
    }

    fn audit() -> (tempfile::TempDir, Audit) {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::of(&dir.path().join("state"), "ann@bastion/7".to_owned());
        (dir, audit)
    }

    #[test]
    fn a_line_tells_everything_but_the_body() {
        let (_dir, audit) = audit();
        let line = audit.line(&sent(b"hunter2"), Timestamp::UNIX_EPOCH);
        let expected = json!({
            "time": "1970-01-01T00:00:00Z", "who": "ann@bastion/7", "context": "dev", "server": "https://10.0.0.1",
            "user": "ann", "method": "PATCH", "path": "/api/v1/namespaces/team-a/configmaps/web", "uid": "u1",
            "sha256": "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7", "result": 200,
        });
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
        assert_eq!(line.matches('\n').count(), 1);
        let unanswered = Sent {
            status: None,
            ..sent(b"")
        };
        let line = audit.line(&unanswered, Timestamp::UNIX_EPOCH);
        assert!(line.contains("\"result\":\"no answer\""), "{line}");
        for path in [
            "/api/v1/namespaces/team-a/secrets/web-secret",
            "/api/v1/namespaces/team-a/secrets",
        ] {
            let of_secret = Sent {
                path,
                ..sent(b"hunter2")
            };
            let line = audit.line(&of_secret, Timestamp::UNIX_EPOCH);
            assert!(line.contains("\"sha256\":null"), "{line}");
        }
    }

    #[test]
    fn nobody_else_may_read_it() {
        let (_dir, audit) = audit();
        audit.note(&sent(b"a"));
        fs::set_permissions(&audit.file, Permissions::from_mode(0o644)).unwrap();
        audit.note(&sent(b"b"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&audit.file), 0o600);
        assert_eq!(mode(audit.file.parent().unwrap()), 0o700);
        assert_eq!(fs::read_to_string(&audit.file).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_link_in_its_place_is_not_written_through() {
        let (dir, audit) = audit();
        let target = dir.path().join("elsewhere");
        fs::write(&target, "as it was").unwrap();
        fs::create_dir_all(audit.file.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&target, &audit.file).unwrap();
        audit.note(&sent(b"a"));
        assert_eq!(fs::read_to_string(target).unwrap(), "as it was");
    }

    #[test]
    fn a_line_that_is_lacking_is_told() {
        let (_dir, audit) = audit();
        audit.note(&sent(b"a"));
        assert_eq!(audit.lacking(), None);
        fs::remove_file(&audit.file).unwrap();
        fs::create_dir(&audit.file).unwrap();
        audit.note(&sent(b"b"));
        let told = audit.lacking().unwrap();
        assert!(told.starts_with("cannot write the audit log "), "{told}");
    }

    #[test]
    fn several_that_turn_it_over_at_once_lose_nothing() {
        let (_dir, audit) = audit();
        audit.note(&sent(b"a"));
        let before = audit.file.with_extension("log.1");
        for _ in 0..50 {
            fs::write(&audit.file, "").unwrap();
            let full = OpenOptions::new().write(true).open(&audit.file).unwrap();
            full.set_len(MAX_BYTES + 1).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| audit.note(&sent(b"b")));
                }
            });
            assert_eq!(fs::metadata(&before).unwrap().len(), MAX_BYTES + 1);
            assert_eq!(fs::read_to_string(&audit.file).unwrap().lines().count(), 8);
        }
    }

    #[test]
    fn it_is_bounded() {
        let (_dir, audit) = audit();
        audit.note(&sent(b"a"));
        let full = "x".repeat(usize::try_from(MAX_BYTES).unwrap());
        fs::write(&audit.file, full).unwrap();
        audit.note(&sent(b"b"));
        audit.note(&sent(b"c"));
        let dir = audit.file.parent().unwrap();
        assert_eq!(fs::read_to_string(&audit.file).unwrap().lines().count(), 1);
        assert_eq!(fs::read_dir(dir).unwrap().count(), 2);
    }
}
