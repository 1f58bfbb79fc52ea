//! The structure of kinds: fields, types, list keys, defaults. One walk of it serves validation, apply and patches.
//!
//! Built-in kinds come from an asset that is unpacked when first needed; custom kinds bring their own with their
//! CustomResourceDefinition. A schema never changes once it is made.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

const REF_PREFIX: &str = "#/components/schemas/";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// Types of one or many kinds, referring to each other by index.
#[derive(Debug, Default)]
pub struct Schema {
    types: Vec<Type>,
    kinds: HashMap<String, TypeId>,
}

/// The place of a type in its [`Schema`].
pub type TypeId = usize;

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Anything; maps are merged, lists are not.
    Any,
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List {
        /// The type of its items.
        item: TypeId,
        /// How items are told apart.
        kind: ListKind,
        /// Key of strategic merge patches, where lists are merged.
        patch_key: Option<String>,
        /// Whether strategic merge patches merge it.
        is_merged: bool,
    },
    /// A map with free keys.
    Map {
        /// The type of its values.
        item: TypeId,
        /// Whether it is owned as one.
        is_atomic: bool,
    },
    /// A map with declared fields.
    Struct(Struct),
}

/// A map with declared fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Struct {
    /// The fields by name.
    pub fields: BTreeMap<String, Field>,
    /// Fields that must be there.
    pub required: Vec<String>,
    /// Whether it is owned as one.
    pub is_atomic: bool,
    /// Whether undeclared fields are kept.
    pub is_open: bool,
}

/// A declared field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its type.
    pub of: TypeId,
    /// The value it has when it is left out.
    pub default: Option<Value>,
    /// Whether strategic merge patches keep only the keys that they name (`retainKeys`).
    pub retains_keys: bool,
    /// Whether even an empty object has it: a struct of Go's that is no pointer, or a list that it never leaves out.
    pub is_always_there: bool,
}

/// The kinds of single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// A string.
    Text,
    /// A whole number or a fraction.
    Number,
    /// True or false.
    Boolean,
    /// A number or a string.
    Either,
    /// A quantity, which may be written as a number.
    Quantity,
    /// Bytes, written in base64.
    Bytes,
}

/// How the items of a list are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// Not at all: the list is owned as one.
    Atomic,
    /// By their value.
    Set,
    /// By some of their fields.
    Keyed(Vec<String>),
}

/// A type within its schema.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a> {
    schema: &'a Schema,
    id: TypeId,
}

impl<'a> Typed<'a> {
    /// Returns what it is.
    pub fn get(self) -> &'a Type {
        &self.schema.types[self.id]
    }

    /// Returns another type of the same schema.
    pub fn at(self, id: TypeId) -> Typed<'a> {
        Typed {
            schema: self.schema,
            id,
        }
    }

    /// Returns the type of a key of this map; `None` if the key is not declared.
    pub fn key(self, key: &str) -> Option<Typed<'a>> {
        match self.get() {
            Type::Any => Some(self),
            Type::Map { item, .. } => Some(self.at(*item)),
            Type::Struct(fields) => match fields.fields.get(key) {
                Some(field) => Some(self.at(field.of)),
                None => fields.is_open.then(|| self.at(ANY)),
            },
            Type::Scalar(_) | Type::List { .. } => None,
        }
    }

    /// Returns a declared field of this map.
    pub fn field(self, key: &str) -> Option<&'a Field> {
        match self.get() {
            Type::Struct(fields) => fields.fields.get(key),
            _ => None,
        }
    }

    /// Returns the type of the items of this list.
    pub fn item(self) -> Typed<'a> {
        match self.get() {
            Type::List { item, .. } => self.at(*item),
            _ => self.at(ANY),
        }
    }

    /// Returns how the items of this list are told apart.
    pub fn list_kind(self) -> &'a ListKind {
        match self.get() {
            Type::List { kind, .. } => kind,
            _ => &ListKind::Atomic,
        }
    }

    /// Returns whether a map of this type is owned as one.
    pub fn is_atomic_map(self) -> bool {
        match self.get() {
            Type::Map { is_atomic, .. } => *is_atomic,
            Type::Struct(fields) => fields.is_atomic,
            _ => false,
        }
    }
}

const ANY: TypeId = 0;

impl Schema {
    /// Returns the schema of the built-in kinds.
    pub fn built_in() -> &'static Schema {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| Schema::from_asset(&parse(&bowline_openapi::structure())))
    }

    /// Returns the type of a kind.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<Typed<'_>> {
        let id = *self.kinds.get(&format!("{api_version}/{kind}"))?;
        Some(Typed { schema: self, id })
    }

    /// Returns the schema of a custom kind, from the `openAPIV3Schema` of its definition.
    pub fn custom(api_version: &str, kind: &str, root: &Value) -> Arc<Schema> {
        let mut schema = Schema {
            types: vec![Type::Any],
            kinds: HashMap::new(),
        };
        let definitions = asset_definitions();
        let mut compiler = Compiler {
            schema: &mut schema,
            definitions,
            known: HashMap::new(),
        };
        let meta = compiler.definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
        let text = compiler.add(Type::Scalar(Scalar::Text));
        let id = compiler.compile(root);
        if let Type::Struct(fields) = &mut schema.types[id] {
            for (name, of) in [("apiVersion", text), ("kind", text), ("metadata", meta)] {
                fields.fields.insert(
                    name.into(),
                    Field {
                        of,
                        default: None,
                        retains_keys: false,
                        is_always_there: false,
                    },
                );
            }
        }
        schema.kinds.insert(format!("{api_version}/{kind}"), id);
        Arc::new(schema)
    }

    fn from_asset(asset: &Value) -> Schema {
        let mut schema = Schema {
            types: vec![Type::Any],
            kinds: HashMap::new(),
        };
        let mut compiler = Compiler {
            schema: &mut schema,
            definitions: &asset["definitions"],
            known: HashMap::new(),
        };
        let kinds = asset["kinds"].as_object().expect("the asset lists kinds");
        let kinds: Vec<(String, TypeId)> = kinds
            .iter()
            .map(|(kind, name)| {
                (
                    kind.clone(),
                    compiler.definition(name.as_str().unwrap_or_default()),
                )
            })
            .collect();
        schema.kinds.extend(kinds);
        schema
    }
}

/// Returns the OpenAPI definitions of the built-in kinds, without texts.
pub fn asset_definitions() -> &'static Value {
    static DEFINITIONS: OnceLock<Value> = OnceLock::new();
    DEFINITIONS.get_or_init(|| parse(&bowline_openapi::structure())["definitions"].take())
}

/// Returns the name of the definition of each built-in kind, by `group/version/Kind`.
pub fn asset_kinds() -> Value {
    parse(&bowline_openapi::structure())["kinds"].take()
}

/// Returns the texts of the definitions, by definition and field.
pub fn asset_descriptions() -> Value {
    parse(&bowline_openapi::descriptions())
}

fn parse(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("the asset is JSON")
}

struct Compiler<'a> {
    schema: &'a mut Schema,
    definitions: &'a Value,
    known: HashMap<String, TypeId>,
}

impl Compiler<'_> {
    fn add(&mut self, of: Type) -> TypeId {
        self.schema.types.push(of);
        self.schema.types.len() - 1
    }

    /// Definitions may contain themselves, so the place is taken before the content is known.
    fn definition(&mut self, name: &str) -> TypeId {
        if let Some(id) = self.known.get(name) {
            return *id;
        }
        let id = self.add(Type::Any);
        self.known.insert(name.to_owned(), id);
        let definitions = self.definitions;
        let of = match name {
            QUANTITY => Type::Scalar(Scalar::Quantity),
            _ => self.type_of(&definitions[name]),
        };
        self.schema.types[id] = of;
        id
    }

    fn compile(&mut self, schema: &Value) -> TypeId {
        if let Some(name) = reference(schema)
            && !schema
                .as_object()
                .is_some_and(|s| s.keys().any(|key| key.starts_with("x-kubernetes-map-type")))
        {
            return self.definition(name);
        }
        let of = self.type_of(schema);
        self.add(of)
    }

    fn type_of(&mut self, schema: &Value) -> Type {
        if schema["x-kubernetes-int-or-string"] == true
            || schema.get("oneOf").is_some() && schema.get("type").is_none()
        {
            return Type::Scalar(Scalar::Either);
        }
        if let Some(name) = reference(schema) {
            let id = self.definition(name);
            let mut of = self.schema.types[id].clone();
            if let Type::Struct(fields) = &mut of {
                fields.is_atomic |= schema["x-kubernetes-map-type"] == "atomic";
            }
            return of;
        }
        match schema["type"].as_str() {
            Some("string") if schema["format"] == "byte" => Type::Scalar(Scalar::Bytes),
            Some("string") => Type::Scalar(Scalar::Text),
            Some("integer" | "number") => Type::Scalar(Scalar::Number),
            Some("boolean") => Type::Scalar(Scalar::Boolean),
            Some("array") => self.list(schema),
            Some("object") => self.map(schema),
            _ if schema.get("properties").is_some() => self.map(schema),
            _ => Type::Any,
        }
    }

    fn list(&mut self, schema: &Value) -> Type {
        let kind = match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => ListKind::Set,
            Some("map") => ListKind::Keyed(texts(&schema["x-kubernetes-list-map-keys"])),
            _ => ListKind::Atomic,
        };
        let strategy = schema["x-kubernetes-patch-strategy"]
            .as_str()
            .unwrap_or_default();
        Type::List {
            item: self.compile(&schema["items"]),
            kind,
            patch_key: schema["x-kubernetes-patch-merge-key"]
                .as_str()
                .map(str::to_owned),
            is_merged: strategy.split(',').any(|word| word == "merge"),
        }
    }

    fn map(&mut self, schema: &Value) -> Type {
        let is_atomic = schema["x-kubernetes-map-type"] == "atomic";
        let keeps_unknown = schema["x-kubernetes-preserve-unknown-fields"] == true;
        if let Some(properties) = schema["properties"].as_object() {
            let required = texts(&schema["required"]);
            let fields = properties.iter().map(|(name, field)| {
                let strategy = field["x-kubernetes-patch-strategy"]
                    .as_str()
                    .unwrap_or_default();
                let of = self.compile(field);
                let is_always_there = match self.schema.types[of] {
                    Type::Struct(_) => reference(field).is_some() && field["default"] == json!({}),
                    Type::List { .. } => required.contains(name),
                    _ => false,
                };
                let field = Field {
                    of,
                    default: field.get("default").cloned(),
                    retains_keys: strategy.split(',').any(|word| word == "retainKeys"),
                    is_always_there,
                };
                (name.clone(), field)
            });
            let fields = fields.collect();
            return Type::Struct(Struct {
                fields,
                required,
                is_atomic,
                is_open: keeps_unknown || schema["x-kubernetes-embedded-resource"] == true,
            });
        }
        match schema.get("additionalProperties") {
            Some(item) if item.is_object() => Type::Map {
                item: self.compile(item),
                is_atomic,
            },
            _ => Type::Any,
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    let target = schema
        .get("$ref")
        .or_else(|| schema.get("allOf")?.get(0)?.get("$ref"))?;
    target.as_str()?.strip_prefix(REF_PREFIX)
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

/// Returns a reference to a definition, as OpenAPI documents write it.
pub fn reference_to(name: &str) -> Value {
    json!({"$ref": format!("{REF_PREFIX}{name}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_kinds_have_their_structure() {
        let pod = Schema::built_in().kind("v1", "Pod").unwrap();
        let ports = pod
            .key("spec")
            .and_then(|t| t.key("containers"))
            .unwrap()
            .item()
            .key("ports")
            .unwrap();
        assert_eq!(
            ports.list_kind(),
            &ListKind::Keyed(vec!["containerPort".into(), "protocol".into()])
        );
        assert_eq!(
            ports.item().field("protocol").unwrap().default,
            Some(json!("TCP"))
        );
        assert!(pod.key("spec").unwrap().key("prts").is_none());
        let selector = Schema::built_in()
            .kind("apps/v1", "Deployment")
            .unwrap()
            .key("spec")
            .unwrap()
            .key("selector");
        assert!(selector.unwrap().is_atomic_map());
        assert_eq!(
            pod.key("metadata")
                .unwrap()
                .key("finalizers")
                .unwrap()
                .list_kind(),
            &ListKind::Set
        );
        let node_selector = pod.key("spec").and_then(|t| t.key("nodeSelector")).unwrap();
        assert!(node_selector.is_atomic_map());
    }

    #[test]
    fn definitions_that_contain_themselves_are_finite() {
        let crd = Schema::built_in()
            .kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
            .unwrap();
        let root = crd
            .key("spec")
            .unwrap()
            .key("versions")
            .unwrap()
            .item()
            .key("schema")
            .unwrap();
        let deep = root
            .key("openAPIV3Schema")
            .unwrap()
            .key("properties")
            .unwrap()
            .key("a")
            .unwrap()
            .key("items");
        assert!(deep.is_some());
    }
}
