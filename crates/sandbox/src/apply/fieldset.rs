//! Sets of field paths, and their `fieldsV1` form.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::schema::Typed;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key of a map.
    Field(String),
    /// An item of a list by some of its fields, in the order of their names.
    Key(Vec<(String, Literal)>),
    /// An item of a list by its value.
    Item(Literal),
    /// An item of a list by its place.
    Index(usize),
}

/// A single value, comparable and ordered by its JSON text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Literal(String);

impl Literal {
    /// Returns the literal for a value.
    pub fn new(value: &Value) -> Self {
        Literal(value.to_string())
    }

    fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

impl Step {
    fn to_text(&self) -> String {
        match self {
            Step::Field(name) => format!("f:{name}"),
            Step::Key(keys) => {
                let keys: Map<String, Value> =
                    keys.iter().map(|(k, v)| (k.clone(), v.value())).collect();
                format!("k:{}", Value::Object(keys))
            }
            Step::Item(value) => format!("v:{}", value.0),
            Step::Index(at) => format!("i:{at}"),
        }
    }

    fn parse(text: &str) -> Option<Step> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Step::Field(rest.to_owned())),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
                Some(Step::Key(
                    keys.iter()
                        .map(|(k, v)| (k.clone(), Literal::new(v)))
                        .collect(),
                ))
            }
            "v" => Some(Step::Item(Literal::new(&serde_json::from_str(rest).ok()?))),
            "i" => rest.parse().ok().map(Step::Index),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Field(name) => write!(f, ".{name}"),
            Step::Key(keys) => {
                let keys: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={}", v.0)).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Step::Item(value) => write!(f, "[={}]", value.0),
            Step::Index(at) => write!(f, "[{at}]"),
        }
    }
}

/// Returns a path as refusals print it: `.spec.containers[name="a"].image`.
pub fn path_text(path: &[Step]) -> String {
    path.iter().map(Step::to_string).collect()
}

/// A set of paths, as a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet {
    children: BTreeMap<Step, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Node {
    is_member: bool,
    below: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.is_member && self.below.is_empty()
    }
}

impl FieldSet {
    /// Returns a set of paths of plain fields.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = FieldSet::default();
        for path in paths {
            let path: Vec<Step> = path
                .iter()
                .map(|name| Step::Field((*name).to_owned()))
                .collect();
            set.insert(&path);
        }
        set
    }

    /// Returns whether there is no path in it.
    pub fn is_empty(&self) -> bool {
        self.children.values().all(Node::is_empty)
    }

    /// Puts a path in.
    pub fn insert(&mut self, path: &[Step]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let node = self.children.entry(first.clone()).or_default();
        if rest.is_empty() {
            node.is_member = true
        } else {
            node.below.insert(rest)
        }
    }

    /// Returns whether exactly this one-step path is in it.
    pub fn has(&self, step: &Step) -> bool {
        self.children.get(step).is_some_and(|node| node.is_member)
    }

    /// Returns whether exactly this path is in it.
    pub fn has_path(&self, path: &[Step]) -> bool {
        match path {
            [] => false,
            [last] => self.has(last),
            [first, rest @ ..] => self.below(first).is_some_and(|below| below.has_path(rest)),
        }
    }

    /// Returns the set of paths that begin with `step`, without it.
    pub fn below(&self, step: &Step) -> Option<&FieldSet> {
        self.children
            .get(step)
            .map(|node| &node.below)
            .filter(|below| !below.is_empty())
    }

    /// Returns the paths that are in either.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut out = self.clone();
        for (step, node) in &other.children {
            let mine = out.children.entry(step.clone()).or_default();
            mine.is_member |= node.is_member;
            mine.below = mine.below.union(&node.below);
        }
        out
    }

    /// Returns the paths that are in both.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        self.combine(other, |a, b| a && b)
    }

    /// Returns the paths of this set that are not in the other; a path does not stand for those below it.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        self.combine(other, |a, b| a && !b)
    }

    fn combine(&self, other: &FieldSet, keep: fn(bool, bool) -> bool) -> FieldSet {
        let nothing = Node::default();
        let children = self.children.iter().filter_map(|(step, node)| {
            let theirs = other.children.get(step).unwrap_or(&nothing);
            let combined = Node {
                is_member: keep(node.is_member, theirs.is_member),
                below: node.below.combine(&theirs.below, keep),
            };
            (!combined.is_empty()).then(|| (step.clone(), combined))
        });
        FieldSet {
            children: children.collect(),
        }
    }

    /// Returns the paths of this set that are neither in the other nor below one of it.
    #[must_use]
    pub fn without_subtrees(&self, other: &FieldSet) -> FieldSet {
        let children = self.children.iter().filter_map(|(step, node)| {
            let Some(theirs) = other.children.get(step) else {
                return Some((step.clone(), node.clone()));
            };
            if theirs.is_member {
                return None;
            }
            let rest = Node {
                is_member: node.is_member,
                below: node.below.without_subtrees(&theirs.below),
            };
            (!rest.is_empty()).then(|| (step.clone(), rest))
        });
        FieldSet {
            children: children.collect(),
        }
    }

    /// Returns the set with every declared field that leads to a path added as a path.
    ///
    /// Free keys of maps and items of lists are left as they are: only what must exist for a path to make sense is added.
    #[must_use]
    pub fn with_parents(&self, of: Option<Typed<'_>>) -> FieldSet {
        let mut out = FieldSet::default();
        for (step, node) in &self.children {
            let (below, is_declared) = match (step, of) {
                (Step::Field(name), Some(of)) => (of.key(name), of.field(name).is_some()),
                (_, Some(of)) => (Some(of.item()), false),
                (_, None) => (None, false),
            };
            let is_member = node.is_member || (is_declared && !node.below.is_empty());
            out.children.insert(
                step.clone(),
                Node {
                    is_member,
                    below: node.below.with_parents(below),
                },
            );
        }
        out
    }

    /// Calls `see` with every path.
    pub fn for_each(&self, see: &mut impl FnMut(&[Step])) {
        self.for_each_at(&mut Vec::new(), see);
    }

    fn for_each_at(&self, path: &mut Vec<Step>, see: &mut impl FnMut(&[Step])) {
        for (step, node) in &self.children {
            path.push(step.clone());
            if node.is_member {
                see(path);
            }
            node.below.for_each_at(path, see);
            path.pop();
        }
    }

    /// Returns the `fieldsV1` form.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        for (step, node) in self.children.iter().filter(|(_, node)| !node.is_empty()) {
            let mut below = match node.below.to_value() {
                Value::Object(map) => map,
                _ => Map::new(),
            };
            if node.is_member && !below.is_empty() {
                below.insert(".".into(), json!({}));
            }
            out.insert(step.to_text(), Value::Object(below));
        }
        Value::Object(out)
    }

    /// Reads the `fieldsV1` form; what it does not know is left out.
    pub fn from_value(value: &Value) -> FieldSet {
        let mut set = FieldSet::default();
        for (key, below) in value.as_object().into_iter().flatten() {
            let Some(step) = Step::parse(key) else {
                continue;
            };
            let has_dot = below.get(".").is_some();
            let below = FieldSet::from_value(below);
            let is_member = has_dot || below.is_empty();
            set.children.insert(step, Node { is_member, below });
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(value: Value) -> FieldSet {
        FieldSet::from_value(&value)
    }

    #[test]
    fn the_written_form_comes_back() {
        let value = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {"v:\"x\"": {}}},
            "f:spec": {"f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}},
        });
        assert_eq!(set(value.clone()).to_value(), value);
    }

    #[test]
    fn sets_are_combined_path_by_path() {
        let a = set(json!({"f:a": {".": {}, "f:x": {}}, "f:b": {}}));
        let b = set(json!({"f:a": {"f:x": {}}, "f:c": {}}));
        assert_eq!(
            a.union(&b).to_value(),
            json!({"f:a": {".": {}, "f:x": {}}, "f:b": {}, "f:c": {}})
        );
        assert_eq!(a.intersection(&b).to_value(), json!({"f:a": {"f:x": {}}}));
        assert_eq!(a.difference(&b).to_value(), json!({"f:a": {}, "f:b": {}}));
        assert_eq!(
            a.without_subtrees(&set(json!({"f:a": {}}))).to_value(),
            json!({"f:b": {}})
        );
    }

    #[test]
    fn paths_read_as_refusals_print_them() {
        let path = [
            Step::Field("spec".into()),
            Step::Key(vec![
                ("name".into(), Literal::new(&json!("a"))),
                ("port".into(), Literal::new(&json!(80))),
            ]),
            Step::Item(Literal::new(&json!("x"))),
        ];
        assert_eq!(path_text(&path), ".spec[name=\"a\",port=80][=\"x\"]");
    }
}
