//! Values of secrets on their way from where a person keeps them to the cluster.
//!
//! They stand in a definition never, only where they come from does. Here they are read, and nothing that prints, compares
//! or writes a value of this module shows them: [`SecretValue`] says `***` of itself, and its memory is blanked when it goes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::definition::Definition;
use crate::definition::service::{PullSecret, SecretSource, ServiceDefinition};
use crate::failure::{Failure, FailureKind};

/// Most bytes of a value: more does not fit into a Secret.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

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
    /// Why variables and files gave no value, by key of `secrets`.
    pub absent: BTreeMap<String, String>,
    /// Why there is no password.
    pub password_absent: Option<String>,
    /// Whether a value that is nowhere is stood in for: what is only looked at needs none, and reads none.
    pub stands_in: bool,
    /// Whether what variables and files hold by now gives way to what the cluster has, as for what was deployed before.
    pub keeps_live: bool,
}

/// A question to a person for one value. Another may be asked for in the same words, and its value must stay what it is: an
/// answer belongs to this value alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretQuestion {
    /// Key of `secrets`; none for the password of `pullSecret`.
    pub key: Option<String>,
    /// What is asked, with the key where the definition asks for another in the same words.
    pub text: String,
}

impl SecretQuestion {
    /// Returns the question that a definition asks for one of its values in these words.
    pub fn new(definition: &ServiceDefinition, key: Option<&str>, words: &str) -> Self {
        let password = match &definition.pull_secret {
            Some(PullSecret::Credentials { password, .. }) => Some(password),
            Some(PullSecret::Existing(_)) | None => None,
        };
        let sources = definition.secrets.values().chain(password);
        let alike =
            sources.filter(|it| matches!(it, SecretSource::Prompt(other) if other == words));
        Self {
            text: match alike.count() {
                ..=1 => words.to_owned(),
                _ => format!("{words} ({})", key.unwrap_or("pullSecret")),
            },
            key: key.map(str::to_owned),
        }
    }
}

impl SecretValues {
    /// Tells whether a value from this source gives way to that in the cluster. What a person typed was asked for to be taken.
    pub fn gives_way(&self, source: &SecretSource) -> bool {
        self.keeps_live && !matches!(source, SecretSource::Prompt(_))
    }
}

/// Asks a person for a secret; none where nobody can be asked, or where nothing is answered.
pub type AskForSecret<'a> = &'a mut dyn FnMut(&SecretQuestion) -> io::Result<Option<SecretValue>>;

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
        let mut find = |key: Option<&str>, source| {
            let mut ask = |words: &str| ask(&SecretQuestion::new(definition, key, words));
            read(source, beside, &mut ask)
        };
        for (key, source) in &definition.secrets {
            let found = find(Some(key), source);
            match found.map_err(|why| unreadable(key, source, beside, &why))? {
                Found::Value(value) => drop(values.own.insert(key.clone(), value)),
                Found::Absent(why) => drop(values.absent.insert(key.clone(), why)),
                Found::Unanswered => {}
            }
        }
        if let Some(PullSecret::Credentials { password, .. }) = &definition.pull_secret {
            let found = find(None, password);
            let found = found.map_err(|why| unreadable("pullSecret", password, beside, &why));
            match found? {
                Found::Value(value) => values.password = Some(value),
                Found::Absent(why) => values.password_absent = Some(why),
                Found::Unanswered => {}
            }
        }
        Ok(values)
    }
}

/// What a source gave.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Value(SecretValue),
    /// No value, and why.
    Absent(String),
    /// Nobody was asked, or nothing was answered.
    Unanswered,
}

fn unreadable(key: &str, source: &SecretSource, beside: &Path, why: &io::Error) -> Failure {
    let place = match source {
        SecretSource::File(path) => format!("the file {}", whole(beside, path).display()),
        source => source.to_string(),
    };
    let summary = format!("cannot read the secret {key} from {place}: {why}");
    Failure::new(FailureKind::Invalid, summary)
}

/// Reads one value. An empty one counts as absent: a variable that a script left empty must not blank a password.
fn read(
    source: &SecretSource,
    beside: &Path,
    ask: &mut dyn FnMut(&str) -> io::Result<Option<SecretValue>>,
) -> io::Result<Found> {
    let is_something = |value: &SecretValue| !value.expose().is_empty();
    match source {
        SecretSource::Env(name) => {
            let Some(value) = std::env::var_os(name) else {
                let why = format!("the environment variable {name} is not set");
                return Ok(Found::Absent(why));
            };
            let value = SecretValue::new(std::os::unix::ffi::OsStringExt::into_vec(value));
            Ok(match is_something(&value) {
                true => Found::Value(value),
                false => Found::Absent(format!("the environment variable {name} is empty")),
            })
        }
        SecretSource::File(path) => {
            let path = whole(beside, path);
            Ok(match read_file(&path)? {
                None => Found::Absent(format!("there is no file {}", path.display())),
                Some(value) if is_something(&value) => Found::Value(value),
                Some(_) => Found::Absent(format!("the file {} is empty", path.display())),
            })
        }
        SecretSource::Prompt(question) => Ok(match ask(question)?.filter(is_something) {
            Some(value) => Found::Value(value),
            None => Found::Unanswered,
        }),
    }
}

/// Returns the whole path of a file that is named from a directory, as a person would type it.
fn whole(beside: &Path, path: &str) -> PathBuf {
    let joined = beside.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}

fn read_file(path: &Path) -> io::Result<Option<SecretValue>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > MAX_BYTES as u64 {
        let sentence = format!(
            "it has {} bytes; at most {MAX_BYTES} are allowed",
            metadata.len()
        );
        return Err(io::Error::other(sentence));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES as u64)
        .read_to_end(&mut bytes)?;
    Ok(Some(SecretValue::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::check::{CheckContext, check};

    #[test]
    fn values_are_read_from_where_they_are_and_what_is_absent_is_named_whole() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("token"), "from a file\n").unwrap();
        fs::write(dir.path().join("empty"), "").unwrap();
        fs::create_dir(dir.path().join("dir")).unwrap();
        let mut ask = |question: &str| {
            let answers = [("Token", "typed"), ("Blank", "")];
            let answer = answers.iter().find(|(asked, _)| *asked == question);
            Ok(answer.map(|(_, answer)| SecretValue::new(*answer)))
        };
        let mut is_found = |source: SecretSource, expected: Result<Found, &str>| {
            let found = read(&source, dir.path(), &mut ask).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{source}");
        };
        let value = |value: &str| Ok(Found::Value(SecretValue::new(value)));
        let absent = |why: String| Ok(Found::Absent(why));
        let file = |name: &str| SecretSource::File(name.to_owned());
        let there = dir.path().display();
        is_found(file("./token"), value("from a file\n"));
        is_found(
            file("./absent"),
            absent(format!("there is no file {there}/absent")),
        );
        is_found(
            file("/nowhere/token"),
            absent("there is no file /nowhere/token".to_owned()),
        );
        is_found(
            file("empty"),
            absent(format!("the file {there}/empty is empty")),
        );
        is_found(file("dir"), Err("it is not a regular file"));
        let prompt = |question: &str| SecretSource::Prompt(question.to_owned());
        is_found(prompt("Token"), value("typed"));
        is_found(prompt("Blank"), Ok(Found::Unanswered));
        is_found(prompt("Other"), Ok(Found::Unanswered));
        // Cargo sets this one for every test.
        let name = env!("CARGO_PKG_NAME");
        let env = |name: &str| SecretSource::Env(name.to_owned());
        is_found(env("CARGO_PKG_NAME"), value(name));
        is_found(
            env("NO_SUCH_VARIABLE"),
            absent("the environment variable NO_SUCH_VARIABLE is not set".to_owned()),
        );
        let refused = unreadable("a", &file("./dir"), dir.path(), &io::Error::other("why"));
        assert_eq!(
            refused.summary,
            format!("cannot read the secret a from the file {there}/dir: why")
        );
    }

    #[test]
    fn what_is_asked_for_in_the_same_words_is_asked_for_apart() {
        let text = "
containers: [{name: web, image: nginx}]
secrets: {admin: {prompt: Password}, db: {prompt: Password}, salt: {prompt: Salt}}
pullSecret: {registry: r.example.com, username: bot, password: {prompt: Password}}
";
        let definition = check(text, &CheckContext::default()).definition.unwrap();
        let mut asked = Vec::new();
        let mut ask = |question: &SecretQuestion| {
            asked.push(question.text.clone());
            let is_meant = question.key.as_deref() == Some("admin");
            Ok(is_meant.then(|| SecretValue::new("typed")))
        };
        let values = SecretValues::read(&definition, Path::new("."), &mut ask).unwrap();
        let admin = ("admin".to_owned(), SecretValue::new("typed"));
        assert_eq!((values.own, values.password), ([admin].into(), None));
        let questions = [
            "Password (admin)",
            "Password (db)",
            "Salt",
            "Password (pullSecret)",
        ];
        assert_eq!(asked, questions);
    }

    #[test]
    fn value_does_not_show_itself() {
        let values = SecretValues {
            own: BTreeMap::from([("token".to_owned(), SecretValue::new("hunter2"))]),
            password: Some(SecretValue::new("hunter3")),
            ..SecretValues::default()
        };
        let shown = format!("{values:?} {values:#?}");
        assert!(shown.contains("***") && !shown.contains("hunter"));
    }
}
