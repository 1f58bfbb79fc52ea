//! Where in a definition's text a field of one of its objects comes from: a server names what it refuses by the object's
//! path, and the person looks at the definition. Pure.
//!
//! What is found is as near as the text goes: where a field was not written itself, the place is that of what holds it.

mod field;
mod service;

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::diagnostic::Span;
use super::lists::{is_list, item_kind};
use super::yaml::{Kind, NodeId, Tree};
use field::Step;

/// A place in a definition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Path of the node: `containers[0].image`.
    pub path: String,
    /// Where it stands.
    pub span: Span,
}

/// Returns where the field of an object comes from, that the text makes; none if nothing of it stands there.
///
/// The field is a path as servers write them, in the refusal of a value (`spec.ports[0].name`) as in that of another
/// manager's field (`.spec.ports[port=80,protocol="TCP"].name`).
pub fn place_of(text: &str, object: &Value, field: &str) -> Option<Place> {
    let tree = Tree::parse(text);
    let text = Text { text, tree: &tree };
    let steps = field::steps(object, field);
    let service = tree
        .roots
        .iter()
        .copied()
        .find(|root| tree.get(*root, "containers").is_some());
    let found = match service {
        Some(top) => {
            let paths = service::paths(&text, top, object, &steps);
            let found = paths
                .iter()
                .map(|path| text.follow(top, path, Spelling::Loose));
            // The first of those that lead to their end, or as far.
            found
                .rev()
                .max_by_key(|found| (found.is_whole, found.depth))
                .filter(|found| found.depth > 0)
        }
        None => text.manifest_of(object).map(|top| {
            let path: Vec<Seg<'_>> = steps.iter().map(Seg::of).collect();
            text.follow(top, &path, Spelling::Exact)
        }),
    };
    found.map(|found| found.place)
}

/// A step in the tree of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seg<'a> {
    Key(&'a str),
    Index(usize),
    /// The item of a list that has this `name`.
    Named(&'a str),
}

impl<'a> Seg<'a> {
    fn of(step: &'a Step) -> Self {
        match step {
            Step::Key(key) => Self::Key(key),
            Step::Index(idx) => Self::Index(*idx),
        }
    }
}

/// How keys are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Exact,
    /// `exposed_port` and `exposedPort` are one key.
    Loose,
}

/// How far a path led.
struct Found {
    /// How many steps it led.
    depth: usize,
    is_whole: bool,
    place: Place,
}

/// A text with its tree.
struct Text<'t> {
    text: &'t str,
    tree: &'t Tree<'t>,
}

impl Text<'_> {
    /// Follows a path as far as it leads.
    fn follow(&self, top: NodeId, path: &[Seg<'_>], spelling: Spelling) -> Found {
        let (mut node, mut key, mut depth, mut shown) = (top, None, 0, String::new());
        for seg in path {
            let next = match *seg {
                Seg::Key(wanted) => self.entry(node, wanted, spelling),
                Seg::Index(idx) => self.tree.items(node).get(idx).map(|item| (None, *item)),
                Seg::Named(name) => self.named(node, name).map(|item| (None, item)),
            };
            let Some((next_key, value)) = next else {
                break;
            };
            match next_key.and_then(|key| self.tree.scalar(key)) {
                Some(word) if shown.is_empty() => shown.push_str(word),
                Some(word) => shown.push_str(&format!(".{word}")),
                None => {
                    let idx = self.tree.items(node).iter().position(|item| *item == value);
                    shown.push_str(&format!("[{}]", idx.unwrap_or_default()));
                }
            }
            (node, key, depth) = (value, next_key, depth + 1);
        }
        let place = Place {
            path: shown,
            span: self.span(node, key),
        };
        Found {
            depth,
            is_whole: depth == path.len(),
            place,
        }
    }

    fn entry(
        &self,
        map: NodeId,
        wanted: &str,
        spelling: Spelling,
    ) -> Option<(Option<NodeId>, NodeId)> {
        let is_wanted = |key: NodeId| {
            self.tree.scalar(key).is_some_and(|word| match spelling {
                Spelling::Exact => word == wanted,
                Spelling::Loose => word == wanted || loose(word) == loose(wanted),
            })
        };
        let mut entries = self.tree.entries(map).iter();
        let found = entries.find(|(key, _)| is_wanted(*key));
        found.map(|(key, value)| (Some(*key), *value))
    }

    fn named(&self, list: NodeId, name: &str) -> Option<NodeId> {
        let mut items = self.tree.items(list).iter().copied();
        items.find(|item| self.tree.scalar_at(*item, "name") == Some(name))
    }

    /// Returns the document, or the item of a list of objects, that an object was made of.
    fn manifest_of(&self, object: &Value) -> Option<NodeId> {
        let roots = self.tree.roots.iter().copied();
        let all: Vec<NodeId> = roots
            .flat_map(|root| self.objects(root, None))
            .filter(|(_, kind)| kind.is_some() && *kind == object["kind"].as_str())
            .map(|(object, _)| object)
            .collect();
        let name = object["metadata"]["name"].as_str();
        let is_named = |root: &&NodeId| {
            let metadata = self.tree.get(**root, "metadata");
            metadata.and_then(|metadata| self.tree.scalar_at(metadata, "name")) == name
        };
        match (all.iter().find(is_named), all.as_slice()) {
            (Some(root), _) => Some(*root),
            // Its name was put together of parameters.
            (None, [only]) => Some(*only),
            (None, _) => None,
        }
    }

    /// Returns the object that stands somewhere, or those of the list that does, with what each is; `of_list` is what it is
    /// where it does not say so itself.
    fn objects<'s>(
        &'s self,
        at: NodeId,
        of_list: Option<&'s str>,
    ) -> Vec<(NodeId, Option<&'s str>)> {
        let kind = self.tree.scalar_at(at, "kind").or(of_list);
        let Some((list, items)) = kind
            .filter(|kind| is_list(kind))
            .zip(self.tree.get(at, "items"))
        else {
            return vec![(at, kind)];
        };
        let items = self.tree.items(items).iter();
        let objects = items.flat_map(|item| self.objects(*item, item_kind(list)));
        objects.collect()
    }

    fn span(&self, value: NodeId, key: Option<NodeId>) -> Span {
        let node = self.tree.node(value);
        match (&node.kind, key) {
            // What is empty has no extent: show the key.
            (Kind::Scalar { .. }, Some(key)) if node.span.bytes.is_empty() => {
                self.tree.node(key).span.clone()
            }
            // A whole list or map would underline a page: show what it is called, or its first line.
            (Kind::Sequence(_) | Kind::Mapping(_), Some(key)) => self.tree.node(key).span.clone(),
            (Kind::Sequence(_) | Kind::Mapping(_), None) => node.span.first_line(self.text),
            _ => node.span.clone(),
        }
    }
}

fn loose(key: &str) -> String {
    key.chars()
        .filter(|c| *c != '_')
        .flat_map(char::to_lowercase)
        .collect()
}
