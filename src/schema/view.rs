//! A schema as one looks at it: references followed, its type told, its fields and items at hand.

use serde_json::Value;

use super::document::Document;
use super::node::{Additional, GroupVersionKind, Node};
use super::path::{Path, Step};

/// Longest chain of references that is followed: a document may refer in circles.
const MAX_HOPS: usize = 16;
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// The schema of a value. Cheap to copy; it lives as long as its document.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'d> {
    document: &'d Document,
    /// As it is written at its place: its own text and default.
    written: &'d Node,
    /// What it is, references followed.
    target: &'d Node,
    /// The definition that it is, if it is one.
    definition: Option<&'d str>,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'d> {
    /// Anything.
    Any,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A whole number or a text.
    IntOrText,
    /// A number with a unit, such as `500m` or `2Gi`.
    Quantity,
    /// A list of such items.
    List(Schema<'d>),
    /// A map with free keys and such values.
    Map(Schema<'d>),
    /// A map with declared fields.
    Object,
}

/// How the items of a list are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind<'d> {
    /// Not at all.
    Atomic,
    /// By their value.
    Set,
    /// By some of their fields.
    Keyed(&'d [Box<str>]),
}

impl<'d> Schema<'d> {
    pub(super) fn new(document: &'d Document, written: &'d Node) -> Self {
        let (mut target, mut definition) = (written, None);
        for _ in 0..MAX_HOPS {
            if let Some(reference) = &target.reference {
                definition = reference.rsplit('/').next();
                target = document.follow(reference);
            } else if is_wrapper(target) {
                target = &target.all_of[0];
            } else {
                break;
            }
        }
        Self {
            document,
            written,
            target,
            definition,
        }
    }

    fn of(&self, node: &'d Node) -> Self {
        Self::new(self.document, node)
    }

    /// Returns the schema as it is written, references followed: its rules for numbers, texts and lists.
    pub fn node(&self) -> &'d Node {
        self.target
    }

    /// Returns what it may be.
    pub fn shape(&self) -> Shape<'d> {
        let node = self.target;
        if self.definition == Some(QUANTITY) {
            return Shape::Quantity;
        }
        if node.is_int_or_text || node.format.as_deref() == Some("int-or-string") {
            return Shape::IntOrText;
        }
        match node.kind.as_deref() {
            Some("string") => Shape::Text,
            Some("integer") => Shape::Integer,
            Some("number") => Shape::Number,
            Some("boolean") => Shape::Boolean,
            Some("array") => match &node.items {
                Some(items) => Shape::List(self.of(items)),
                None => Shape::Any,
            },
            _ => self.map_shape(),
        }
    }

    fn map_shape(&self) -> Shape<'d> {
        let node = self.target;
        if !node.properties.is_empty() || node.is_embedded {
            return Shape::Object;
        }
        match &node.additional_properties {
            Some(Additional::Of(values)) => Shape::Map(self.of(values)),
            _ => Shape::Any,
        }
    }

    /// Tells whether only a map will do, though nothing is said of its fields.
    pub fn is_some_map(&self) -> bool {
        self.target.kind.as_deref() == Some("object")
    }

    /// Tells whether only a list will do, though nothing is said of its items.
    pub fn is_some_list(&self) -> bool {
        self.target.kind.as_deref() == Some("array")
    }

    /// Returns the schemas of which one holds, where each says of which type it is: a text, or a map.
    pub fn alternatives(&self) -> impl Iterator<Item = Schema<'d>> + use<'d> {
        let (document, node) = (self.document, self.target);
        let alternatives = node.one_of.iter().chain(&node.any_of);
        let is_union = node.kind.is_none() && alternatives.clone().all(|one| one.kind.is_some());
        let alternatives = alternatives.filter(move |_| is_union);
        alternatives.map(move |node| Schema::new(document, node))
    }

    /// Returns what declares the fields: this map, or the alternative that is one.
    fn with_fields(&self) -> &'d Node {
        if !self.target.properties.is_empty() {
            return self.target;
        }
        let mut alternatives = self.alternatives();
        let found = alternatives.find(|one| !one.target.properties.is_empty());
        found.map_or(self.target, |one| one.target)
    }

    /// Returns the fields of a map.
    pub fn properties(&self) -> impl Iterator<Item = (&'d str, Schema<'d>)> + use<'d> {
        let document = self.document;
        let fields = self.with_fields().properties.iter();
        fields.map(move |(name, node)| (name, Schema::new(document, node)))
    }

    /// Returns a field by its name or one of its other names.
    pub fn property(&self, name: &str) -> Option<Schema<'d>> {
        let properties = &self.with_fields().properties;
        if let Some(node) = properties.get(name) {
            return Some(self.of(node));
        }
        let mut fields = properties.iter();
        let found = fields.find(|(_, node)| node.aliases.iter().any(|alias| **alias == *name));
        found.map(|(_, node)| self.of(node))
    }

    /// Returns the schema of the value that a key of this map has; none if there is no such key.
    pub fn value_of(&self, key: &str) -> Option<Schema<'d>> {
        self.property(key).or_else(|| match self.shape() {
            Shape::Map(values) => Some(values),
            Shape::Any if self.alternatives().next().is_none() => Some(*self),
            _ => None,
        })
    }

    /// Returns the fields that must be there, and that nothing is put in for.
    pub fn required(&self) -> impl Iterator<Item = &'d str> {
        let node = self.with_fields();
        let is_filled = |name: &str| {
            let default = node.properties.get(name).and_then(|n| n.default.as_ref());
            default.is_some_and(|default| !is_zero(default))
        };
        let required = node.required.iter().map(AsRef::as_ref);
        required.filter(move |name| !is_filled(name))
    }

    /// Tells whether fields that are not declared are kept.
    pub fn keeps_unknown(&self) -> bool {
        let node = self.target;
        node.keeps_unknown || node.additional_properties == Some(Additional::Any(true))
    }

    /// Tells whether it is a whole object with `apiVersion`, `kind` and `metadata`.
    pub fn is_embedded(&self) -> bool {
        self.target.is_embedded
    }

    /// Returns how the items of a list are told apart.
    pub fn list_kind(&self) -> ListKind<'d> {
        let node = self.target;
        match node.list_type.as_deref() {
            Some("set") => ListKind::Set,
            Some("map") if !node.list_map_keys.is_empty() => ListKind::Keyed(&node.list_map_keys),
            _ => ListKind::Atomic,
        }
    }

    /// Returns the only values that are allowed; none if all are.
    pub fn allowed(&self) -> &'d [Value] {
        match self.written.allowed.is_empty() {
            true => &self.target.allowed,
            false => &self.written.allowed,
        }
    }

    /// Returns the value that holds where none is given, unless it says nothing.
    pub fn default(&self) -> Option<&'d Value> {
        let default = self.written.default.as_ref();
        let default = default.or(self.target.default.as_ref());
        default.filter(|default| !is_zero(default))
    }

    /// Tells whether `null` is a value.
    pub fn is_nullable(&self) -> bool {
        self.written.nullable || self.target.nullable
    }

    /// Returns what it is for: its own text, else that of what it is.
    pub fn description(&self) -> Option<&'d str> {
        let own = self.written.description.as_deref();
        own.or(self.target.description.as_deref())
    }

    /// Returns its own text, where it has one beside that of what it is.
    pub fn own_description(&self) -> Option<&'d str> {
        let own = self.written.description.as_deref();
        own.filter(|text| Some(*text) != self.target.description.as_deref())
    }

    /// Returns the name of the definition that it is; none if it stands at its place alone.
    pub fn definition_name(&self) -> Option<&'d str> {
        self.definition
    }

    /// Returns the definition that it is, without what stands beside it at its place.
    pub(super) fn as_definition(&self) -> Self {
        Self {
            written: self.target,
            ..*self
        }
    }

    /// Returns the other names of this field.
    pub fn aliases(&self) -> &'d [Box<str>] {
        &self.written.aliases
    }

    /// Returns the kinds that this is the schema of.
    pub fn kinds(&self) -> &'d [GroupVersionKind] {
        &self.target.kinds
    }

    /// Tells whether two schemas are one definition.
    pub fn is_same(&self, other: &Schema<'_>) -> bool {
        std::ptr::eq(self.target, other.target)
    }

    /// Returns the type as kubectl writes it: `[]Container`, `map[string]string`, `integer`.
    pub fn type_name(&self) -> String {
        match self.shape() {
            Shape::List(items) => format!("[]{}", items.type_name_inside()),
            Shape::Map(values) => format!("map[string]{}", values.type_name_inside()),
            Shape::Text => "string".to_owned(),
            Shape::Integer => "integer".to_owned(),
            Shape::Number => "number".to_owned(),
            Shape::Boolean => "boolean".to_owned(),
            Shape::Quantity => "Quantity".to_owned(),
            Shape::IntOrText => "IntOrString".to_owned(),
            Shape::Object | Shape::Any => {
                let name = self.definition.and_then(|name| name.rsplit('.').next());
                name.map_or_else(|| self.type_names(), str::to_owned)
            }
        }
    }

    /// Returns the type, or where it is one of several each of them, whatever they are called together.
    pub fn type_names(&self) -> String {
        let alternatives: Vec<String> = self.alternatives().map(|one| one.type_name()).collect();
        match (alternatives.is_empty(), self.shape()) {
            (false, _) => alternatives.join(" or "),
            (true, Shape::Object | Shape::Any) if self.definition.is_none() => "Object".to_owned(),
            (true, _) => self.type_name(),
        }
    }

    /// Returns the type for behind the type of a list or map: what is one of several holds together.
    fn type_name_inside(&self) -> String {
        let is_one_of_several = self.definition.is_none() && self.alternatives().next().is_some();
        match is_one_of_several {
            true => format!("({})", self.type_name()),
            false => self.type_name(),
        }
    }

    /// Returns the schema at a path. Lists are entered by themselves where the path names a field of their items.
    pub fn at(&self, path: &Path) -> Option<Schema<'d>> {
        let mut at = *self;
        for step in &path.0 {
            at = match (step, at.shape()) {
                (Step::Item, Shape::List(items)) => items,
                (Step::Item, Shape::Any) => at,
                (Step::Item, _) => return None,
                (Step::Key(key), _) => at.inside().value_of(key)?,
            };
        }
        Some(at)
    }

    /// Returns what is inside of lists: the items of the items.
    pub fn inside(&self) -> Schema<'d> {
        let mut at = *self;
        for _ in 0..MAX_HOPS {
            match at.shape() {
                Shape::List(items) => at = items,
                _ => break,
            }
        }
        at
    }
}

/// A reference with a text or a default beside it.
fn is_wrapper(node: &Node) -> bool {
    node.all_of.len() == 1
        && node.kind.is_none()
        && node.properties.is_empty()
        && node.additional_properties.is_none()
}

/// What stands for nothing: servers name it as the default of every field without one.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}
