//! Commands of kubeconfigs that the person agreed to: each new one is asked about once, since a kubeconfig is a text that
//! somebody else may have written.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::text;

/// What was agreed to, and how to ask about the rest.
#[derive(Debug, Clone)]
pub struct Agreements {
    /// Where they are kept: a line each, a digest and the program.
    pub file: PathBuf,
    /// Asks a question that is answered by yes or no.
    pub ask: fn(&str) -> bool,
}

/// A command as a kubeconfig would have it run.
pub(super) struct Command<'a> {
    /// Which file says so, and where.
    pub key: &'a str,
    pub program: &'a str,
    pub args: &'a [String],
    pub env: &'a [(String, String)],
}

impl Agreements {
    /// Tells whether a command was agreed to, or is agreed to now. The person is asked only if `may_ask`.
    pub(super) fn allow(&self, command: &Command<'_>, may_ask: bool) -> io::Result<bool> {
        let digest = digest(command);
        if self.knows(&digest)? {
            return Ok(true);
        }
        if !may_ask || !(self.ask)(&question(command)) {
            return Ok(false);
        }
        self.add(&digest, command.program)?;
        Ok(true)
    }

    fn knows(&self, digest: &str) -> io::Result<bool> {
        match fs::read_to_string(&self.file) {
            Ok(text) => Ok(text
                .lines()
                .any(|line| line.split(' ').next() == Some(digest))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn add(&self, digest: &str, program: &str) -> io::Result<()> {
        if let Some(directory) = self.file.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.file)?;
        // One write: two sessions that ask at a time both keep their answer.
        file.write_all(format!("{digest} {}\n", text::clean(program)).as_bytes())
    }
}

/// Returns what tells a command from every other: its arguments and environment count as much as its name.
fn digest(command: &Command<'_>) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    };
    part(command.program);
    part(&command.args.len().to_string());
    command.args.iter().for_each(|arg| part(arg));
    for (name, value) in command.env {
        part(name);
        part(value);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn question(command: &Command<'_>) -> String {
    let mut line = command.program.to_owned();
    for arg in command.args {
        line.push(' ');
        line.push_str(arg);
    }
    // Values may be secrets; the names say enough.
    let names: Vec<_> = command.env.iter().map(|(name, _)| name.as_str()).collect();
    let with = match names.is_empty() {
        true => String::new(),
        false => format!("\n  with {} set", text::clean(&names.join(", "))),
    };
    format!(
        "{} wants this run to log in:\n  {}{with}\nRun it, now and later?",
        text::clean(command.key),
        text::clean(&line)
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn agreements(directory: &tempfile::TempDir, ask: fn(&str) -> bool) -> Agreements {
        let file = directory.path().join("state/plugins");
        Agreements { file, ask }
    }

    fn allow(agreements: &Agreements, args: &[&str], env: &[(&str, &str)], may_ask: bool) -> bool {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let command = Command {
            key: "FILE: users[u].user.exec",
            program: "/bin/aws",
            args: &args,
            env: &env.collect::<Vec<_>>(),
        };
        agreements.allow(&command, may_ask).unwrap()
    }

    #[test]
    fn command_is_asked_about_once_and_another_again() {
        let directory = tempfile::tempdir().unwrap();
        let yes = agreements(&directory, |_| true);
        let nobody = agreements(&directory, |question| panic!("asked: {question}"));
        assert!(!allow(&nobody, &["get"], &[], false));
        assert!(allow(&yes, &["get"], &[], true));
        assert!(allow(&nobody, &["get"], &[], false));
        assert!(allow(&nobody, &["get"], &[], true));
        for (args, env) in [
            (&["get", "x"][..], &[][..]),
            (&["ge", "t"], &[]),
            (&["get"], &[("LD_PRELOAD", "x.so")]),
            (&[], &[("get", "")]),
        ] {
            assert!(!allow(&nobody, args, env, false), "{args:?} {env:?}");
        }
        let mode =
            |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&yes.file), mode(yes.file.parent().unwrap())),
            (0o600, 0o700)
        );
    }

    #[test]
    fn no_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let no = agreements(&directory, |_| false);
        assert!(!allow(&no, &["get"], &[], true));
        assert!(!no.file.exists());
    }

    #[test]
    fn question_shows_the_command_harmlessly_and_no_value() {
        let command = Command {
            key: "FILE: users[u].user.exec",
            program: "/bin/aws",
            args: &["get\u{1b}[2J".to_owned()],
            env: &[("TOKEN".to_owned(), "hunter2".to_owned())],
        };
        let expected = "FILE: users[u].user.exec wants this run to log in:\n  /bin/aws get␛\n  with TOKEN set\n\
                        Run it, now and later?";
        assert_eq!(question(&command), expected);
    }
}
