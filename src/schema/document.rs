//! A document: definitions that refer to one another by name, and the kinds that some of them are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::node::{GroupVersionKind, Node};
use super::view::Schema;

const REFERENCE: &str = "#/components/schemas/";

/// A kind at a version: `apps/v1`, `Deployment`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindName {
    /// Group and version as objects write it.
    pub api_version: String,
    /// Kind.
    pub kind: String,
}

/// Definitions and kinds of one source. It never changes once it is read.
#[derive(Debug, Clone, Default)]
pub struct Document {
    definitions: HashMap<Box<str>, Node>,
    kinds: BTreeMap<KindName, Box<str>>,
    /// The group and version of which it has every kind that there is.
    whole: Option<Box<str>>,
    /// What is found behind a reference to nothing.
    anything: Node,
}

/// Why a text is no document.
#[derive(Debug, thiserror::Error)]
#[error("reading an OpenAPI document: {0}")]
pub struct DocumentError(#[from] serde_json::Error);

/// The document of a group and version as a server sends it.
#[derive(Deserialize)]
struct OpenApi<D> {
    components: Components<D>,
}

#[derive(Deserialize)]
struct Components<D> {
    schemas: D,
}

/// The built-in document.
#[derive(Deserialize)]
struct Asset {
    kinds: HashMap<String, Box<str>>,
    definitions: HashMap<Box<str>, Node>,
}

impl Document {
    /// Reads the OpenAPI v3 document of a group and version. A definition that cannot be read allows anything.
    ///
    /// # Errors
    /// The text is no such document.
    pub fn from_open_api(text: &[u8]) -> Result<Self, DocumentError> {
        let strict = serde_json::from_slice::<OpenApi<HashMap<Box<str>, Node>>>(text);
        let definitions = match strict {
            Ok(document) => document.components.schemas,
            Err(_) => lenient(text)?,
        };
        Ok(Self::of(definitions))
    }

    /// Reads the built-in document: its structure and, where they are wanted, its texts.
    pub(super) fn from_asset(structure: &[u8], texts: Option<&[u8]>) -> Self {
        let asset: Asset = serde_json::from_slice(structure).expect("the asset was generated");
        let mut definitions = asset.definitions;
        if let Some(texts) = texts {
            describe(&mut definitions, texts);
        }
        for (name, definition) in &asset.kinds {
            let kind = group_version_kind(name);
            if let (Some(kind), Some(node)) = (kind, definitions.get_mut(definition)) {
                node.kinds.push(kind);
            }
        }
        Self::of(definitions)
    }

    /// Makes a document of definitions, some of which say which kinds they are.
    pub(super) fn of(definitions: HashMap<Box<str>, Node>) -> Self {
        let mut kinds = BTreeMap::new();
        for (name, node) in &definitions {
            for kind in &node.kinds {
                let api_version = match kind.group.as_ref() {
                    "" => kind.version.to_string(),
                    group => format!("{group}/{}", kind.version),
                };
                let kind = kind.kind.to_string();
                kinds.insert(KindName { api_version, kind }, name.clone());
            }
        }
        Self {
            definitions,
            kinds,
            whole: None,
            anything: Node::default(),
        }
    }

    /// Says that it has every kind that there is of a group and version.
    pub fn whole(self, api_version: &str) -> Self {
        Self {
            whole: Some(api_version.into()),
            ..self
        }
    }

    /// Returns the schema of a kind.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<Schema<'_>> {
        let name = KindName {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        };
        let definition = self.kinds.get(&name)?;
        self.definition(definition)
    }

    /// Returns the schema of a definition by its name.
    pub fn definition(&self, name: &str) -> Option<Schema<'_>> {
        let node = self.definitions.get(name)?;
        Some(Schema::new(self, node))
    }

    /// Returns the kinds by name.
    pub fn kinds(&self) -> impl Iterator<Item = &KindName> {
        self.kinds.keys()
    }

    /// Follows a reference; what is not there allows anything.
    pub(super) fn follow(&self, reference: &str) -> &Node {
        let name = reference.strip_prefix(REFERENCE).unwrap_or(reference);
        self.definitions.get(name).unwrap_or(&self.anything)
    }
}

/// Documents in which a kind is looked for: the first that has it wins, and none is asked behind one that is whole.
#[derive(Debug, Clone, Default)]
pub struct Schemas<'d>(pub Vec<&'d Document>);

impl<'d> Schemas<'d> {
    /// Returns the schema of a kind.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<Schema<'d>> {
        for document in &self.0 {
            let found = document.kind(api_version, kind);
            if found.is_some() || document.whole.as_deref() == Some(api_version) {
                return found;
            }
        }
        None
    }

    /// Returns all kinds, those of several documents once each.
    pub fn kinds(&self) -> BTreeSet<&'d KindName> {
        let mut kinds = BTreeSet::new();
        let mut whole: Vec<&str> = Vec::new();
        for document in &self.0 {
            let is_asked = |name: &&KindName| !whole.contains(&name.api_version.as_str());
            kinds.extend(document.kinds().filter(is_asked));
            whole.extend(document.whole.as_deref());
        }
        kinds
    }
}

/// Reads definition by definition: an odd one must not take the others with it.
fn lenient(text: &[u8]) -> Result<HashMap<Box<str>, Node>, DocumentError> {
    let document: OpenApi<HashMap<Box<str>, Value>> = serde_json::from_slice(text)?;
    let definitions = document.components.schemas.into_iter();
    Ok(definitions
        .map(|(name, value)| (name, serde_json::from_value(value).unwrap_or_default()))
        .collect())
}

/// Reads `apps/v1/Deployment` or `v1/Pod`.
fn group_version_kind(name: &str) -> Option<GroupVersionKind> {
    let (api_version, kind) = name.rsplit_once('/')?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Some(GroupVersionKind {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
    })
}

fn describe(definitions: &mut HashMap<Box<str>, Node>, texts: &[u8]) {
    type Texts = HashMap<Box<str>, HashMap<Box<str>, Box<str>>>;
    let mut texts: Texts = serde_json::from_slice(texts).expect("the asset was generated");
    for (name, node) in definitions {
        let Some(mut texts) = texts.remove(name) else {
            continue;
        };
        node.description = text(&mut texts, "");
        for (field, node) in node.properties.iter_mut() {
            node.description = text(&mut texts, field);
        }
    }
}

fn text(texts: &mut HashMap<Box<str>, Box<str>>, field: &str) -> Option<Box<str>> {
    texts.remove(field).filter(|text| !text.is_empty())
}
