//! Reading the settings file: what is faulty in it is left out and told, so that a slip in a colour keeps nobody from work.
//!
//! A fault names the file, the line and what is allowed; the rest holds. What says *where* bowline works (context, namespace,
//! catalogue, cluster) is never guessed: a fault there refuses the whole file, as does a text that is no TOML.

use std::fmt::Display;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Settings;
use crate::app::Keymap;
use crate::failure::{Failure, FailureKind};

/// Most faults that are told of one file.
const MAX_FAULTS: usize = 20;

/// Why a fault keeps from everything.
const WHY_REFUSED: &str = "nothing is begun, as it may decide where to work";

/// What a file says, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// The settings, with defaults in place of what is faulty.
    pub settings: Settings,
    /// What was left out.
    pub faults: Vec<(Part, Failure)>,
    /// What holds, but leaves an action no key.
    pub losses: Vec<Failure>,
}

/// What a part of the settings decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// How the dashboard looks and which keys it knows.
    Looks,
    /// How work is done.
    Work,
    /// Where work is done.
    Place,
}

impl Part {
    fn of(section: &str) -> Self {
        match section {
            "ui" | "keys" | "theme" | "editor" => Self::Looks,
            "ingress" | "login" | "policy" | "wait" | "gpus" => Self::Work,
            // A name that is not known may be a slip in any of the others.
            _ => Self::Place,
        }
    }
}

impl Settings {
    /// Reads the settings of a file; a file that does not exist gives the defaults unless it `must_exist`.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, or has a fault in what says where to work: the text names file, line, and
    /// what is allowed.
    pub fn load(path: &Path, must_exist: bool) -> Result<Loaded, Failure> {
        match std::fs::read_to_string(path) {
            Ok(text) => read(&text, path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
                Ok(Loaded::default())
            }
            Err(error) => Err(Failure::new(
                FailureKind::Disk,
                format!("cannot read the config {}: {error}", path.display()),
            )),
        }
    }
}

/// Reads a text: each entry that is refused is taken out and the rest is read again.
fn read(text: &str, path: &Path) -> Result<Loaded, Failure> {
    let told = |at: Option<usize>, what: &dyn Display| {
        let line = at.map_or(1, |at| 1 + text[..at].matches('\n').count());
        Failure::new(
            FailureKind::Invalid,
            format!("{}:{line}: {what}", path.display()),
        )
    };
    let refused = |error: &toml::de::Error, what: &str| {
        let at = error.span().map(|it| it.start);
        told(at, &format_args!("{what}: {WHY_REFUSED}"))
    };
    let mut table = DeTable::parse(text).map_err(|error| refused(&error, error.message()))?;
    let mut faults = Vec::new();
    let settings = loop {
        let error = match Settings::deserialize(toml::Deserializer::from(table.clone())) {
            Ok(settings) => break settings,
            Err(error) => error,
        };
        let at = error.span().map_or(0, |span| span.start);
        let what = described(&error, &key_at(table.get_ref(), at));
        let section = take_out(table.get_mut(), at);
        match section.as_deref().map_or(Part::Place, Part::of) {
            part @ (Part::Looks | Part::Work) if faults.len() < MAX_FAULTS => {
                faults.push((at, part, told(error.span().map(|it| it.start), &what)));
            }
            _ => return Err(refused(&error, &what)),
        }
    };
    let losses = Keymap::losses(&settings.keys).into_iter();
    let losses = losses.map(|loss| (place_of_binding(table.get_ref(), loss.by), loss));
    let mut losses: Vec<_> = losses.collect();
    // Both are told in the order of the text.
    faults.sort_by_key(|(at, ..)| *at);
    losses.sort_by_key(|(at, _)| *at);
    Ok(Loaded {
        settings,
        faults: faults.into_iter().map(|(_, part, it)| (part, it)).collect(),
        losses: losses.iter().map(|(at, loss)| told(*at, loss)).collect(),
    })
}

/// Says what is wrong with the value of a key, and what is allowed.
fn described(error: &toml::de::Error, key: &str) -> String {
    // The types of numbers are those of the code.
    let message =
        ["u16", "u32", "u64", "usize"]
            .iter()
            .fold(error.message().to_owned(), |message, name| {
                match message.strip_suffix(&format!("expected {name}")) {
                    Some(before) => format!("{before}expected a whole number, 0 or more"),
                    None => message,
                }
            });
    let name = key.rsplit('.').next().unwrap_or_default();
    match message.contains(&format!("`{name}`")) || key.is_empty() {
        true => message,
        false => format!("{key}: {message}"),
    }
}

/// Returns the key that a byte of the text belongs to, with those around it: `ui.hints`.
fn key_at(table: &DeTable<'_>, at: usize) -> String {
    let Some((key, value)) = table.iter().find(|(key, value)| holds(key, value, at)) else {
        return String::new();
    };
    let inner = match value.get_ref() {
        DeValue::Table(inner) => key_at(inner, at),
        _ => String::new(),
    };
    match inner.is_empty() {
        true => key.get_ref().to_string(),
        false => format!("{}.{inner}", key.get_ref()),
    }
}

/// Returns the byte of the text at which `[keys]` binds an action.
fn place_of_binding(table: &DeTable<'_>, id: &str) -> Option<usize> {
    let (_, keys) = table.iter().find(|(key, _)| key.get_ref() == "keys")?;
    let mut bindings = keys.get_ref().as_table()?.iter();
    let (key, _) = bindings.find(|(key, _)| key.get_ref() == id)?;
    Some(key.span().start)
}

/// Takes the innermost entry at a byte of the text out, and returns the name of the section that it was in.
fn take_out(table: &mut DeTable<'_>, at: usize) -> Option<String> {
    let section = table
        .iter()
        .find(|(key, value)| holds(key, value, at))
        .map(|(key, _)| key.get_ref().to_string())?;
    remove(table, at);
    Some(section)
}

fn remove(table: &mut DeTable<'_>, at: usize) {
    let is_in = |inner: &DeTable<'_>| inner.iter().any(|(key, value)| holds(key, value, at));
    let left = std::mem::take(table)
        .into_iter()
        .filter_map(|(key, mut value)| {
            if !holds(&key, &value, at) {
                return Some((key, value));
            }
            match value.get_mut() {
                DeValue::Table(inner) if is_in(inner) => remove(inner, at),
                _ => return None,
            }
            Some((key, value))
        });
    *table = left.collect();
}

/// Tells whether a byte of the text is in an entry. The place of a table with a header is its header alone.
fn holds(
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    at: usize,
) -> bool {
    let within = match value.get_ref() {
        DeValue::Table(inner) => inner.iter().any(|(key, value)| holds(key, value, at)),
        _ => false,
    };
    within || key.span().contains(&at) || value.span().contains(&at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/config.toml";

    fn faults_of(text: &str) -> Vec<String> {
        match read(text, Path::new(PATH)) {
            Ok(loaded) => loaded
                .faults
                .into_iter()
                .map(|(_, it)| it.summary)
                .collect(),
            Err(failure) => vec![failure.summary],
        }
    }

    #[test]
    fn fault_names_file_line_and_what_is_allowed() {
        let check = |text: &str, expected: &[&str]| {
            let faults = faults_of(text);
            assert_eq!(faults.len(), 1, "{faults:?}");
            for part in expected {
                assert!(faults[0].contains(part), "{part:?} is not in {faults:?}");
            }
        };
        check(
            "\n[ui]\ncolour = 1\n",
            &["/etc/config.toml:3:", "colour", "color", "symbols"],
        );
        check(
            "[ui]\ncolor = \"red\"\n",
            &["/etc/config.toml:2:", "auto", "full", "basic", "none"],
        );
        check(
            "namespace = \"A/b\"\n",
            &["/etc/config.toml:1:", "lower-case letters"],
        );
        check(
            "[wait]\nready_seconds = -1\n",
            &[
                "/etc/config.toml:2: wait.ready_seconds: ",
                "-1",
                "a whole number, 0 or more",
            ],
        );
        check(
            "[contexts.prod]\nread_onyl = true\n",
            &["/etc/config.toml:2: unknown", "read_only", WHY_REFUSED],
        );
        check("[ui\n", &["/etc/config.toml:1: ", WHY_REFUSED]);
        check(
            "[ingress]\nhost = \"Apps.example.com/x\"\n",
            &[
                "/etc/config.toml:2:",
                "Apps.example.com/x",
                "web.example.com",
            ],
        );
        check(
            "[keys]\nnew = \"N\"\nquti = \"Q\"\n",
            &["/etc/config.toml:3:", "did you mean quit?"],
        );
        check(
            "[keys]\nnew = \"Q\"\nquit = \"Q\"\n",
            &["/etc/config.toml:3:", "Q is bound to new"],
        );
        check(
            "[theme]\ngood = \"greenish\"\n",
            &["/etc/config.toml:2:", "greenish", "#rrggbb"],
        );
    }

    #[test]
    fn what_is_faulty_is_left_out_and_the_rest_holds() {
        let text = "namespace = \"team-a\"\n[keys]\nquit = \"Q\"\nsrt = \"S\"\nnew = 1\n\n[ui]\ncolor = \"red\"\nsymbols = \"ascii\"\n";
        let loaded = read(text, Path::new(PATH)).unwrap();
        let expected: Settings = toml::from_str(
            "namespace = \"team-a\"\n[keys]\nquit = \"Q\"\n[ui]\nsymbols = \"ascii\"\n",
        )
        .unwrap();
        assert_eq!(loaded.settings, expected);
        let lines: Vec<&str> = loaded
            .faults
            .iter()
            .map(|(_, fault)| fault.summary.split(':').nth(1).unwrap())
            .collect();
        assert_eq!(lines, ["4", "5", "8"]);
    }

    #[test]
    fn a_key_that_is_taken_from_its_action_is_told_where_it_is_bound() {
        let text = "[ui]\nsymbols = \"ascii\"\n[keys]\nquit = \"Q\"\nteardown = \"i\"\n";
        let loaded = read(text, Path::new(PATH)).unwrap();
        assert_eq!(loaded.faults, []);
        let [loss] = &loaded.losses[..] else {
            panic!("{:?}", loaded.losses);
        };
        assert_eq!(
            loss.summary,
            "/etc/config.toml:5: i is that of teardown now, which leaves apply-as no key: give it one, or [] where it needs none"
        );
    }

    #[test]
    fn where_to_work_is_never_guessed() {
        for text in [
            "context = 1\n",
            "contxt = \"prod\"\n",
            "[ui]\ncolor = \"none\"\n[contexts]\nname = 1\n",
            "[ui\n",
        ] {
            assert!(read(text, Path::new(PATH)).is_err(), "{text}");
        }
    }

    #[test]
    fn missing_file_is_the_defaults_unless_it_was_named() {
        let missing = Path::new("/nonexistent/config.toml");
        assert_eq!(Settings::load(missing, false), Ok(Loaded::default()));
        let error = Settings::load(missing, true).unwrap_err();
        assert!(
            error.summary.contains("/nonexistent/config.toml"),
            "{error}"
        );
    }

    #[test]
    fn a_slip_anywhere_but_in_places_keeps_nobody_from_work() {
        let settings = toml::Table::try_from(Settings::default()).unwrap();
        let sections = settings.iter().filter(|(_, value)| value.is_table());
        let mut names: Vec<&str> = sections.map(|(name, _)| name.as_str()).collect();
        let places = ["cluster", "contexts"];
        names.retain(|name| !places.contains(name));
        assert!(names.contains(&"editor"), "{names:?}");
        for name in names {
            assert_ne!(Part::of(name), Part::Place, "{name}");
        }
    }
}
