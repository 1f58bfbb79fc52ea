//! Keys that the user binds, as `[keys]` of the settings says them: `quit = "Q"`, `teardown = ["X", "del"]`, `sort = []`.
//!
//! Commands of the editor have their names there too. What is wrong is refused while it is read, so that the reader of the file can name the place: an action that there is
//! not, a text that is no key, one key for two actions at one place, a letter for an action of the editor.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyModifiers};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Key;
use crate::app::action::SPECS;
use crate::app::place::Place;
use crate::definition::check::suggest::nearest;
use crate::editor::COMMANDS;

/// Something that keys can be bound to: an action, or a command of the editor.
#[derive(Debug, Clone, Copy)]
struct Bindable {
    id: &'static str,
    places: &'static [Place],
}

fn bindables() -> impl Iterator<Item = Bindable> {
    let actions = SPECS.iter().map(|spec| Bindable {
        id: spec.id,
        places: spec.places,
    });
    let commands = COMMANDS.iter().map(|spec| Bindable {
        id: spec.id,
        places: &[Place::Editor],
    });
    actions.chain(commands)
}

/// Keys by the name of the action, in place of those it has by default; none at all leaves it to the palette.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bindings(BTreeMap<&'static str, Vec<Key>>);

impl Bindings {
    /// Returns the keys that are bound to the action, or the command of the editor, of a name.
    pub fn of(&self, id: &str) -> Option<&[Key]> {
        self.0.get(id).map(Vec::as_slice)
    }

    /// Adds the keys of an action.
    ///
    /// # Errors
    /// Another action that was bound before has one of the keys at the same place, or a key types a character in the editor.
    fn bind(&mut self, spec: Bindable, keys: Vec<Key>) -> Result<(), String> {
        for key in &keys {
            if spec.places.contains(&Place::Editor) && key.types() {
                return Err(format!(
                    "{key} is typed in the editor: bind {} to a key with ^ or alt-, or to F1 to F12",
                    spec.id
                ));
            }
            let taken = bindables().find(|other| {
                other.id != spec.id
                    && other.places.iter().any(|place| spec.places.contains(place))
                    && self.of(other.id).is_some_and(|keys| keys.contains(key))
            });
            if let Some(other) = taken {
                return Err(format!(
                    "{key} is bound to {} already, at the same place as {}",
                    other.id, spec.id
                ));
            }
        }
        self.0.insert(spec.id, keys);
        Ok(())
    }
}

impl Key {
    /// Tells whether the key types a character where text is edited.
    fn types(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && (self.modifiers - KeyModifiers::SHIFT).is_empty()
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Bindings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, keys)| {
            let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
            (id, keys)
        }))
    }
}

impl<'de> Deserialize<'de> for Bindings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BindingsVisitor)
    }
}

struct BindingsVisitor;

impl<'de> Visitor<'de> for BindingsVisitor {
    type Value = Bindings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys by the name of an action")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bindings, A::Error> {
        let mut bindings = Bindings::default();
        while let Some(ActionId(spec)) = map.next_key()? {
            map.next_value_seed(KeysOf {
                spec,
                bindings: &mut bindings,
            })?;
        }
        Ok(bindings)
    }
}

struct ActionId(Bindable);

impl<'de> Deserialize<'de> for ActionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let known = bindables().find(|bindable| bindable.id == id);
        known.map(Self).ok_or_else(|| {
            let near = nearest(&id, bindables().map(|bindable| bindable.id))
                .map_or_else(String::new, |near| format!(": did you mean {near}?"));
            D::Error::custom(format!(
                "there is no action {id:?}{near} (`bowline config keys` names them)"
            ))
        })
    }
}

/// Reads the keys of one action, one text or a list, and binds them.
struct KeysOf<'b> {
    spec: Bindable,
    bindings: &'b mut Bindings,
}

impl<'de> DeserializeSeed<'de> for KeysOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let keys = deserializer.deserialize_any(KeysVisitor)?;
        self.bindings
            .bind(self.spec, keys)
            .map_err(D::Error::custom)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Vec<Key>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key such as \"^s\", or a list of keys")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<Key>, E> {
        Ok(vec![text.parse().map_err(E::custom)?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Key>, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = list.next_element()? {
            keys.push(key);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bindings, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn keys_are_one_or_several_or_none() {
        let bindings = read("quit = \"Q\"\nteardown = [\"X\", \"del\"]\nsort = []\n").unwrap();
        let of = |id: &str| {
            let keys = bindings.of(id)?;
            Some(keys.iter().map(Key::to_string).collect::<Vec<_>>())
        };
        assert_eq!(of("quit"), Some(vec!["Q".to_owned()]));
        assert_eq!(of("teardown"), Some(vec!["X".to_owned(), "del".to_owned()]));
        assert_eq!(of("sort"), Some(vec![]));
        assert_eq!(of("new"), None);
    }

    #[test]
    fn what_is_read_is_written_and_read_again() {
        let bindings = read("quit = \"Q\"\nteardown = [\"X\", \"del\"]\nsort = []\n").unwrap();
        assert_eq!(read(&toml::to_string(&bindings).unwrap()), Ok(bindings));
    }

    #[test]
    fn faults_say_what_is_allowed() {
        let check = |text: &str, parts: &[&str]| {
            let fault = read(text).unwrap_err();
            for part in parts {
                assert!(fault.contains(part), "{part:?} is not in {fault:?}");
            }
        };
        check("quti = \"Q\"", &["\"quti\"", "did you mean quit?"]);
        check("quit = \"ctrl+q\"", &["\"ctrl+q\"", "^d", "F8"]);
        check("quit = 3", &["a key such as", "list"]);
        check(
            "quit = \"X\"\nnew = \"X\"",
            &["X is bound to", "quit", "new"],
        );
        check("save = \"s\"", &["typed in the editor", "save", "alt-"]);
        check("undo = \"u\"", &["typed in the editor", "undo", "alt-"]);
        check(
            "undo = \"^o\"\nsave = \"^o\"",
            &["^o is bound to", "undo", "save"],
        );
        check("und = \"^o\"", &["did you mean undo?"]);
    }

    #[test]
    fn no_name_stands_for_two_things() {
        let mut seen = std::collections::BTreeSet::new();
        for bindable in bindables() {
            assert!(seen.insert(bindable.id), "{}", bindable.id);
        }
    }

    #[test]
    fn one_key_may_mean_two_things_at_two_places() {
        assert!(read("save = \"^r\"\nreplan = \"^r\"").is_ok());
    }
}
