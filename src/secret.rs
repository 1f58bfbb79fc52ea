//! Values of secrets on their way from where a person keeps them to the cluster.
//!
//! They stand in a definition never, only where they come from does. Here they are read, and nothing that prints, compares
//! or writes a value of this module shows them: [`SecretValue`] says `***` of itself, and its memory is blanked when it goes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::definition::Definition;
use crate::definition::service::{PullSecret, SecretSource};
use crate::failure::{Failure, FailureKind};

/// Most bytes of a value: more does not fit into a Secret.
const MAX_BYTES: u64 = 1024 * 1024;

/// A value that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// Takes bytes that are a secret from now on.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Returns the bytes, for whoever sends them to the cluster.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The values that were found where a definition says that they are. What was not found keeps its value in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretValues {
    /// Of `secrets`, by key.
    pub own: BTreeMap<String, SecretValue>,
    /// The password of `pullSecret`.
    pub password: Option<SecretValue>,
    /// Whether a value that is nowhere is stood in for: what is only looked at needs none, and reads none.
    pub stands_in: bool,
}

/// Asks a person for a secret; none where nobody can be asked, or where nothing is answered.
pub type AskForSecret<'a> = &'a mut dyn FnMut(&str) -> io::Result<Option<SecretValue>>;

impl SecretValues {
    /// Returns values for what is only looked at: nothing is read, those in the cluster stay, others are stood in for.
    pub fn unread() -> Self {
        Self {
            stands_in: true,
            ..Self::default()
        }
    }

    /// Reads what a definition needs. Files are named from the directory `beside`, which is the definition's own.
    ///
    /// # Errors
    /// A file is there and cannot be read, or a person cannot be asked.
    pub fn read(
        definition: &Definition,
        beside: &Path,
        ask: AskForSecret<'_>,
    ) -> Result<Self, Failure> {
        let mut values = Self::default();
        let Some(definition) = definition.service() else {
            return Ok(values);
        };
        for (key, source) in &definition.secrets {
            let value = read(source, beside, ask).map_err(|why| unreadable(key, source, &why))?;
            values.own.extend(value.map(|value| (key.clone(), value)));
        }
        if let Some(PullSecret::Credentials { password, .. }) = &definition.pull_secret {
            let value = read(password, beside, ask);
            values.password = value.map_err(|why| unreadable("pullSecret", password, &why))?;
        }
        Ok(values)
    }
}

fn unreadable(key: &str, source: &SecretSource, why: &io::Error) -> Failure {
    let summary = format!("cannot read the secret {key} from {source}: {why}");
    Failure::new(FailureKind::Invalid, summary)
}

/// Reads one value. An empty one counts as absent: a variable that a script left empty must not blank a password.
fn read(
    source: &SecretSource,
    beside: &Path,
    ask: AskForSecret<'_>,
) -> io::Result<Option<SecretValue>> {
    let value = match source {
        SecretSource::Env(name) => std::env::var_os(name)
            .map(|value| SecretValue::new(std::os::unix::ffi::OsStringExt::into_vec(value))),
        SecretSource::File(path) => read_file(&beside.join(path))?,
        SecretSource::Prompt(question) => ask(question)?,
    };
    Ok(value.filter(|value| !value.expose().is_empty()))
}

fn read_file(path: &Path) -> io::Result<Option<SecretValue>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > MAX_BYTES {
        let sentence = format!(
            "it has {} bytes; at most {MAX_BYTES} are allowed",
            metadata.len()
        );
        return Err(io::Error::other(sentence));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(SecretValue::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(source: SecretSource, beside: &Path) -> Result<Option<SecretValue>, String> {
        let mut ask = |question: &str| Ok((question == "Token").then(|| SecretValue::new("typed")));
        read(&source, beside, &mut ask).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_read_from_where_they_are() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("token"), "from a file\n").unwrap();
        fs::write(dir.path().join("empty"), "").unwrap();
        fs::create_dir(dir.path().join("dir")).unwrap();
        let check = |source: SecretSource, expected: Result<Option<&str>, &str>| {
            let value = read_from(source, dir.path());
            let expected = expected.map(|value| value.map(SecretValue::new));
            assert_eq!(value, expected.map_err(str::to_owned));
        };
        let file = |name: &str| SecretSource::File(name.to_owned());
        check(file("./token"), Ok(Some("from a file\n")));
        check(file("absent"), Ok(None));
        check(file("empty"), Ok(None));
        check(file("dir"), Err("it is not a regular file"));
        check(SecretSource::Prompt("Token".to_owned()), Ok(Some("typed")));
        check(SecretSource::Prompt("Other".to_owned()), Ok(None));
        // Cargo sets this one for every test.
        let name = env!("CARGO_PKG_NAME");
        check(
            SecretSource::Env("CARGO_PKG_NAME".to_owned()),
            Ok(Some(name)),
        );
        check(SecretSource::Env("NO_SUCH_VARIABLE".to_owned()), Ok(None));
    }

    #[test]
    fn value_does_not_show_itself() {
        let values = SecretValues {
            own: BTreeMap::from([("token".to_owned(), SecretValue::new("hunter2"))]),
            password: Some(SecretValue::new("hunter3")),
            stands_in: false,
        };
        let shown = format!("{values:?} {values:#?}");
        assert!(shown.contains("***") && !shown.contains("hunter"));
    }
}
