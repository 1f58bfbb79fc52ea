//! The Secrets of an instance, composed of the values that were given and those that are in the cluster already.
//!
//! An apply that leaves a key out deletes it, so a value that is absent where it should come from is taken over from the
//! live Secret, under the version that it was read at.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::deploy::DeployRequest;
use super::metadata::{Metadata, core_key};
use super::remedy::{Offer, Remedy};
use crate::cluster::Cluster;
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::definition::render::SecretContent;
use crate::definition::service::ServiceDefinition;
use crate::definition::service::{PullSecret, SecretSource};
use crate::failure::{Failure, FailureKind};
use crate::secret::{SecretQuestion, SecretValue};

const OPAQUE: &str = "Opaque";
const DOCKER_CONFIG: &str = "kubernetes.io/dockerconfigjson";
/// Where a file is looked for that is named from a directory. What was taken down or rolled back to has no file of its own.
const RELATIVE: &str = "a relative `file` is looked for in the directory of its definition, and that of a restore, rollback or resume in the \
                        catalogue's: put the file there, or name it by its whole path";
const DOCKER_CONFIG_KEY: &str = ".dockerconfigjson";

/// What the Secrets of an instance will be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Composed {
    pub secrets: Vec<SecretContent>,
    /// Values that are nowhere.
    pub refusals: Vec<Failure>,
    /// Which values stay as they are, though the definition names a variable or a file that would give them.
    pub kept: Vec<String>,
    /// Values that stay as they are, though a variable or a file has another by now.
    passed_over: Vec<String>,
    /// Questions whose answers would be values that are nowhere.
    pub unanswered: Vec<SecretQuestion>,
    /// Questions whose answers would be values that stay as they are.
    pub kept_answers: Vec<SecretQuestion>,
    /// Secrets that this user may not read.
    pub hidden: Vec<ObjectKey>,
}

impl Composed {
    /// Returns how often the values that pods use have changed; none without any.
    pub fn revision(&self) -> Option<u32> {
        self.secrets.iter().find_map(|secret| secret.revision)
    }

    /// Notes a value that stays: a name that was mistyped must not pass for one that was given.
    fn keeps(
        &mut self,
        what: &str,
        source: &SecretSource,
        absent: Option<&String>,
        question: impl FnOnce(&str) -> SecretQuestion,
    ) {
        let sentence = |why| format!("{what} keeps the value that it has in the cluster: {why}");
        self.kept.extend(absent.map(sentence));
        self.kept_answers.extend(asked(source, question));
    }

    /// Notes a value that stays though its source has another: what is deployed again rotates none unasked.
    fn passes_over(&mut self, what: String) {
        let why = "that of its source is another by now, and is not taken unasked";
        let sentence = format!("{what} keeps the value that it has in the cluster: {why}");
        self.kept.push(sentence);
        self.passed_over.push(what);
    }

    /// Offers to take the values that are passed over; none where none is.
    pub fn offer(&self) -> Option<Offer> {
        let values = self.passed_over.join(" and ");
        (!values.is_empty()).then(|| Offer {
            remedy: Remedy::RotateSecrets,
            sentence: format!("gives {values} what the variable or file holds now"),
        })
    }

    /// Notes a value that is nowhere.
    fn lacks(
        &mut self,
        what: &str,
        source: &SecretSource,
        absent: Option<&String>,
        question: impl FnOnce(&str) -> SecretQuestion,
    ) {
        self.refusals.push(nowhere(what, source, absent));
        self.unanswered.extend(asked(source, question));
    }
}

/// Returns the question that a value is the answer to, if it is one.
fn asked(
    source: &SecretSource,
    question: impl FnOnce(&str) -> SecretQuestion,
) -> Option<SecretQuestion> {
    match source {
        SecretSource::Prompt(words) => Some(question(words)),
        SecretSource::Env(_) | SecretSource::File(_) => None,
    }
}

/// Composes the Secrets that a deploy makes.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn compose(
    cluster: &Cluster,
    request: &DeployRequest,
) -> Result<Composed, Failure> {
    let mut composed = Composed::default();
    let Some(definition) = request.definition.service() else {
        return Ok(composed);
    };
    if !definition.secrets.is_empty() {
        let name = naming::secret(&request.id);
        match live(cluster, request, &name).await? {
            Ok(live) => {
                let own = own(request, definition, name, live.as_ref());
                composed.secrets.push(own.secret);
                let absent = |key: &str| request.secrets.absent.get(key);
                for key in own.passed_over {
                    composed.passes_over(format!("the secret {key}"));
                }
                for (key, source) in own.kept {
                    let question = |words: &str| SecretQuestion::new(definition, Some(key), words);
                    composed.keeps(&format!("the secret {key}"), source, absent(key), question);
                }
                for (key, source) in own.missing {
                    let question = |words: &str| SecretQuestion::new(definition, Some(key), words);
                    composed.lacks(&format!("the secret {key}"), source, absent(key), question);
                }
            }
            Err(hidden) => composed.hidden.push(hidden),
        }
    }
    if let Some(PullSecret::Credentials {
        registry,
        username,
        password,
    }) = &definition.pull_secret
    {
        let name = naming::pull_secret(&request.id);
        let login = Login {
            registry,
            username,
            password: request.secrets.password.as_ref(),
            gives_way: request.secrets.gives_way(password),
            stands_in: request.secrets.stands_in,
        };
        match live(cluster, request, &name).await? {
            Ok(live) => {
                let (secret, whence) = pull(&login, name, live.as_ref());
                composed.secrets.push(secret);
                let what = format!("the password for {registry}");
                let absent = request.secrets.password_absent.as_ref();
                let question = |words: &str| SecretQuestion::new(definition, None, words);
                match whence {
                    Whence::Given => {}
                    Whence::PassedOver => composed.passes_over(what),
                    Whence::Kept => composed.keeps(&what, password, absent, question),
                    Whence::Nowhere => composed.lacks(&what, password, absent, question),
                }
            }
            Err(hidden) => composed.hidden.push(hidden),
        }
    }
    Ok(composed)
}

/// Reads a live Secret. The inner error is the one that this user may not read: nobody can say then what would change.
async fn live(
    cluster: &Cluster,
    request: &DeployRequest,
    name: &str,
) -> Result<Result<Option<Object>, ObjectKey>, Failure> {
    let key = core_key("Secret", request.namespace.as_str(), name);
    match cluster.get(&key).await {
        Ok(live) => Ok(Ok(
            live.filter(|live| !Metadata::of(live).is_being_deleted())
        )),
        Err(failure) if failure.kind == FailureKind::Forbidden => Ok(Err(key)),
        Err(failure) => Err(failure),
    }
}

/// The Secret of a definition's own values.
struct Own<'d> {
    secret: SecretContent,
    /// Values that are taken over from the cluster.
    kept: Vec<(&'d String, &'d SecretSource)>,
    /// Those of which others were given that give way.
    passed_over: Vec<&'d String>,
    /// Values that are nowhere.
    missing: Vec<(&'d String, &'d SecretSource)>,
}

/// Composes the Secret of the definition's own values. Those that are nowhere are refused, and stood in for in what is planned:
/// the Secret would be there all the same.
fn own<'d>(
    request: &DeployRequest,
    definition: &'d ServiceDefinition,
    name: String,
    live: Option<&Object>,
) -> Own<'d> {
    let before = live.map(data).unwrap_or_default();
    let (mut data, mut kept, mut missing) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut passed_over = Vec::new();
    for (key, source) in &definition.secrets {
        let value = match (request.secrets.own.get(key), before.get(key)) {
            (Some(given), Some(live)) if given != live && request.secrets.gives_way(source) => {
                passed_over.push(key);
                live.clone()
            }
            (Some(given), _) => given.clone(),
            (None, Some(live)) => {
                kept.push((key, source));
                live.clone()
            }
            (None, None) => {
                if !request.secrets.stands_in {
                    missing.push((key, source));
                }
                stand_in()
            }
        };
        data.insert(key.clone(), value);
    }
    let is_kept =
        |key: &String| !request.secrets.own.contains_key(key) || passed_over.contains(&key);
    let has_changed = data
        .iter()
        .any(|(key, value)| before.get(key) != Some(value));
    let last = live.and_then(|live| {
        let number = Metadata::of(live).annotation(naming::ANNOTATION_SECRET_REVISION)?;
        number.parse::<u32>().ok()
    });
    let revision = match last {
        Some(last) if !has_changed => last,
        last => last.unwrap_or(0).saturating_add(1),
    };
    let secret = SecretContent {
        name,
        kind: OPAQUE,
        version: version_if(live, data.keys().any(is_kept)),
        data,
        revision: Some(revision),
    };
    Own {
        secret,
        kept,
        passed_over,
        missing,
    }
}

/// What a pull secret says.
struct Login<'a> {
    registry: &'a str,
    username: &'a str,
    password: Option<&'a SecretValue>,
    /// Whether that gives way to what the cluster has.
    gives_way: bool,
    stands_in: bool,
}

/// Stands for a value that nobody needs to know.
fn stand_in() -> SecretValue {
    SecretValue::new("?")
}

/// Where a password comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whence {
    /// It was given, or nobody needs to know it.
    Given,
    /// The cluster has it.
    Kept,
    /// The cluster has it, and another was given that gives way.
    PassedOver,
    /// It is nowhere.
    Nowhere,
}

/// Composes the pull secret; tells also where its password comes from. One that is nowhere is refused, and stands in the plan
/// all the same.
fn pull(login: &Login<'_>, name: String, live: Option<&Object>) -> (SecretContent, Whence) {
    let before = live.map(data).unwrap_or_default();
    let known = before
        .get(DOCKER_CONFIG_KEY)
        .and_then(|config| password_for(login.registry, config));
    let whence = match (login.password, &known) {
        (None, Some(_)) => Whence::Kept,
        (Some(given), Some(known)) if login.gives_way && trimmed(given) != known.expose() => {
            Whence::PassedOver
        }
        (None, None) if !login.stands_in => Whence::Nowhere,
        (Some(_), _) | (None, None) => Whence::Given,
    };
    let unknown = stand_in();
    let given = login.password.filter(|_| whence == Whence::Given);
    let password = given.or(known.as_ref()).unwrap_or(&unknown);
    let config = docker_config(login, password);
    let secret = SecretContent {
        name,
        kind: DOCKER_CONFIG,
        data: BTreeMap::from([(DOCKER_CONFIG_KEY.to_owned(), config)]),
        // Pods read it only when they pull: a new password replaces none.
        revision: None,
        version: version_if(live, given.is_none()),
    };
    (secret, whence)
}

/// Returns the version of the live Secret where values are taken over from it: a change in between must not be undone.
fn version_if(live: Option<&Object>, is_kept: bool) -> Option<String> {
    let live = live.filter(|_| is_kept)?;
    Some(Metadata::of(live).resource_version().to_owned())
}

/// Says of a value that is nowhere where it was looked for, and what to do.
fn nowhere(what: &str, source: &SecretSource, absent: Option<&String>) -> Failure {
    let kind = match source {
        SecretSource::Prompt(_) => FailureKind::Usage,
        SecretSource::Env(_) | SecretSource::File(_) => FailureKind::Refused,
    };
    let why = match (source, absent) {
        (SecretSource::Prompt(question), _) => {
            format!("it is asked for on a terminal ({question:?}), and was not given")
        }
        (_, Some(why)) => why.clone(),
        (source, None) => format!("{source} gives none"),
    };
    let way = match source {
        SecretSource::File(path) if Path::new(path).is_relative() => RELATIVE,
        SecretSource::Env(_) | SecretSource::File(_) | SecretSource::Prompt(_) => "",
    };
    let summary = format!("there is no value for {what}: {why}, and the cluster has none to keep");
    Failure {
        detail: way.to_owned(),
        ..Failure::new(kind, summary)
    }
}

/// Returns the values of a live Secret; what is not base64 is none.
fn data(live: &Object) -> BTreeMap<String, SecretValue> {
    let pairs = live.json["data"].as_object().into_iter().flatten();
    pairs
        .filter_map(|(key, value)| {
            let bytes = STANDARD.decode(value.as_str()?).ok()?;
            Some((key.clone(), SecretValue::new(bytes)))
        })
        .collect()
}

/// The file that `docker login` writes, as Secrets of that type hold it.
fn docker_config(login: &Login<'_>, password: &SecretValue) -> SecretValue {
    let password = String::from_utf8_lossy(trimmed(password));
    let auth = STANDARD.encode(format!("{}:{password}", login.username));
    let entry = json!({"username": login.username, "password": password, "auth": auth});
    SecretValue::new(json!({"auths": {login.registry: entry}}).to_string())
}

/// Returns a password without the line break at the end of its file, which is no part of it.
fn trimmed(password: &SecretValue) -> &[u8] {
    let mut bytes = password.expose();
    while let [rest @ .., b'\r' | b'\n'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Returns the password that a docker config has for a registry. Another registry's is never sent there.
fn password_for(registry: &str, config: &SecretValue) -> Option<SecretValue> {
    let config: Value = serde_json::from_slice(config.expose()).ok()?;
    let password = config["auths"][registry]["password"].as_str()?;
    Some(SecretValue::new(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login<'a>(registry: &'a str, password: Option<&'a SecretValue>) -> Login<'a> {
        Login {
            registry,
            username: "bot",
            password,
            gives_way: false,
            stands_in: false,
        }
    }

    #[test]
    fn password_is_kept_for_its_own_registry_only() {
        let typed = SecretValue::new("pa:ss\n");
        let made = pull(
            &login("r.example.com", Some(&typed)),
            "web-pull".to_owned(),
            None,
        )
        .0;
        let config = &made.data[DOCKER_CONFIG_KEY];
        assert_eq!(
            config,
            &SecretValue::new(
                json!({"auths": {"r.example.com":
                    {"username": "bot", "password": "pa:ss", "auth": STANDARD.encode("bot:pa:ss")}}})
                .to_string()
            )
        );
        let live = Object::from_json(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "web-pull", "resourceVersion": "7"},
            "data": {DOCKER_CONFIG_KEY: STANDARD.encode(config.expose())}}))
        .unwrap();
        let kept = pull(
            &login("r.example.com", None),
            "web-pull".to_owned(),
            Some(&live),
        );
        assert_eq!(kept.1, Whence::Kept);
        assert_eq!(
            (&kept.0.data, kept.0.version.as_deref()),
            (&made.data, Some("7"))
        );
        // What a file holds by now gives way to it; the same one is no other.
        for (given, whence) in [("other", Whence::PassedOver), ("pa:ss\n", Whence::Given)] {
            let given = SecretValue::new(given);
            let login = Login {
                gives_way: true,
                ..login("r.example.com", Some(&given))
            };
            let held = pull(&login, "web-pull".to_owned(), Some(&live));
            assert_eq!((&held.0.data, held.1), (&made.data, whence));
        }
        let other = pull(
            &login("evil.example.com", None),
            "web-pull".to_owned(),
            Some(&live),
        );
        assert_eq!(other.1, Whence::Nowhere);
    }

    #[test]
    fn what_is_nowhere_is_refused_and_asked_for_where_a_person_knows_it() {
        let mut composed = Composed::default();
        let ask = |words: &str| SecretQuestion {
            key: None,
            text: words.to_owned(),
        };
        let prompt = SecretSource::Prompt("Token".to_owned());
        composed.lacks("the secret a", &prompt, None, ask);
        composed.lacks("the secret b", &prompt, None, ask);
        let why = "the environment variable C is not set".to_owned();
        composed.lacks(
            "the secret c",
            &SecretSource::Env("C".to_owned()),
            Some(&why),
            ask,
        );
        let file = |path: &str| SecretSource::File(path.to_owned());
        let why = "there is no file /srv/d".to_owned();
        composed.lacks("the secret d", &file("./d"), Some(&why), ask);
        composed.lacks("the secret e", &file("/srv/d"), Some(&why), ask);
        assert_eq!(composed.unanswered, [ask("Token"), ask("Token")]);
        let asked = "it is asked for on a terminal (\"Token\"), and was not given";
        let refusal = |name: &str, why: &str| {
            format!(
                "there is no value for the secret {name}: {why}, and the cluster has none to keep"
            )
        };
        let told = composed.refusals.iter();
        let told: Vec<_> = told
            .map(|it| (it.summary.clone(), it.detail.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (refusal("a", asked), ""),
                (refusal("b", asked), ""),
                (refusal("c", "the environment variable C is not set"), ""),
                (refusal("d", "there is no file /srv/d"), RELATIVE),
                (refusal("e", "there is no file /srv/d"), ""),
            ]
        );
    }

    #[test]
    fn what_stays_for_want_of_its_source_is_told_and_what_nobody_was_asked_is_not() {
        let mut composed = Composed::default();
        let why = "there is no file /srv/tokn".to_owned();
        let file = SecretSource::File("/srv/tokn".to_owned());
        let ask = |words: &str| SecretQuestion {
            key: None,
            text: words.to_owned(),
        };
        composed.keeps("the secret token", &file, Some(&why), ask);
        let asked = SecretSource::Prompt("Token".to_owned());
        composed.keeps("the secret typed", &asked, None, ask);
        assert_eq!(
            composed.kept,
            [
                "the secret token keeps the value that it has in the cluster: there is no file /srv/tokn"
            ]
        );
        assert_eq!(composed.kept_answers, [ask("Token")]);
    }
}
