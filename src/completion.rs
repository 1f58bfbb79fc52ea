//! Completion of YAML: what could be written where the cursor stands, from schemas and from the text itself.
//!
//! Pure: a text, a place in it and what is known give a list. Nothing here draws, asks a cluster or reads a file. A place is
//! read from the lines around it, so that a text may be broken and long.

mod candidates;
mod flow;
mod kinds;
mod lines;
mod names;
mod place;

use std::collections::BTreeMap;
use std::ops::Range;

use ropey::Rope;

use crate::schema::{self, ClusterSchemas, Path, Schema, Schemas, Shape, Step};

pub use kinds::api_versions;
pub use place::{Place, Slot, place};

/// What is known beside the text.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The cluster's own schemas by group and version; without them the built-in ones hold.
    pub documents: ClusterSchemas,
    /// Short names of GPU resources, from the settings.
    pub gpus: Vec<String>,
    /// Names of what is in the cluster, by what they are.
    pub names: BTreeMap<Named, Vec<String>>,
}

/// What a name of the cluster is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// A namespace.
    Namespace,
    /// A storage class.
    StorageClass,
    /// An ingress class.
    IngressClass,
    /// A priority class.
    PriorityClass,
    /// A runtime class.
    RuntimeClass,
    /// A secret of the namespace.
    Secret,
    /// A ConfigMap of the namespace.
    ConfigMap,
    /// A claim of the namespace.
    Claim,
    /// A service account of the namespace.
    ServiceAccount,
    /// A resource that devices of the nodes are counted by, such as GPUs.
    Device,
}

impl Named {
    /// Tells whether it is in a namespace, and none of another one may be named.
    pub fn is_namespaced(self) -> bool {
        match self {
            Self::Namespace
            | Self::StorageClass
            | Self::IngressClass
            | Self::PriorityClass
            | Self::RuntimeClass
            | Self::Device => false,
            Self::Secret | Self::ConfigMap | Self::Claim | Self::ServiceAccount => true,
        }
    }
}

/// What can be written at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completions {
    /// The bytes that an item is put in place of.
    pub typed: Range<usize>,
    /// The items, the likeliest first.
    pub items: Vec<Item>,
}

/// Something that can be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub label: String,
    /// What is written.
    pub insert: String,
    /// The byte of it that the cursor comes to stand before; none is its end.
    pub cursor: Option<usize>,
    /// The bytes of it behind that, before which something is to be written too.
    pub blanks: Vec<usize>,
    /// Its type, in a word.
    pub type_name: String,
    /// What it is for.
    pub text: Option<String>,
    /// Whether it must be there.
    pub is_required: bool,
    /// How well it fits what was typed, the best being 0.
    rank: Option<u8>,
}

/// What is known of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldHelp {
    /// Its path.
    pub path: String,
    /// Its type.
    pub type_name: String,
    /// Its default, where there is one.
    pub default: Option<String>,
    /// The only values that are allowed; empty where all are.
    pub allowed: Vec<String>,
    /// What it is for.
    pub text: String,
}

/// Returns what can be written at a byte of a text; none where nothing is known. `unit` is how many spaces a level has.
pub fn complete(rope: &Rope, byte: usize, known: &Known, unit: usize) -> Option<Completions> {
    let place = place(rope, byte)?;
    let items = candidates::items(rope, &place, known, unit);
    (!items.is_empty()).then_some(Completions {
        typed: place.typed,
        items,
    })
}

/// Returns what is known of the field at a byte of a text.
pub fn help(rope: &Rope, byte: usize, known: &Known) -> Option<FieldHelp> {
    let line = rope.byte_to_line(byte);
    let place = place(rope, byte).or_else(|| place(rope, start_of_value(rope, line)?))?;
    // The cursor may stand before the key, or within it.
    let is_of_key = |c: &char| c.is_alphanumeric() || "-_./".contains(*c);
    let rest = rope.byte_slice(place.typed.end..).chars();
    let typed = rope.byte_slice(place.typed.clone()).to_string();
    let word = typed + &rest.take_while(is_of_key).collect::<String>();
    help_of(rope, place, word.trim_matches(['"', '\'']), known)
}

/// Returns what is known of the field that an item of a list at a byte would write, or whose value it would be.
pub fn help_of_item(rope: &Rope, byte: usize, item: &Item, known: &Known) -> Option<FieldHelp> {
    let place = place(rope, byte)?;
    let of_field = help_of(rope, place.clone(), &item.label, known);
    // An item that stands for several fields is told of by what holds them.
    of_field.or_else(|| help_of(rope, place, "", known))
}

fn help_of(rope: &Rope, place: Place, word: &str, known: &Known) -> Option<FieldHelp> {
    let kind = kinds::of_document(rope, place.document);
    let top = kinds::schema(&kind, known)?;
    let key = (place.slot == Slot::Key && !word.is_empty()).then(|| Step::Key(word.to_owned()));
    let path = match key {
        None => place.path,
        Some(key) => {
            let is_list = |schema: Schema<'_>| matches!(schema.shape(), Shape::List(_));
            // Under the key of a list the field is one of its items.
            match top.at(&place.path).is_some_and(is_list) {
                true if place.path.0.last() != Some(&Step::Item) => {
                    place.path.then(Step::Item).then(key)
                }
                _ => place.path.then(key),
            }
        }
    };
    let schema = top.at(&path)?;
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    Some(FieldHelp {
        path: path.to_string(),
        type_name: schema.type_name(),
        default: schema.default().map(value),
        allowed: schema.allowed().iter().map(value).collect(),
        text: schema.description().unwrap_or_default().to_owned(),
    })
}

/// Returns where the value of a line begins: a text in quotes belongs to its key too.
fn start_of_value(rope: &Rope, line: usize) -> Option<usize> {
    let text = rope.line(line).to_string();
    let at = text.find(": ")?;
    Some(rope.line_to_byte(line) + at + 2)
}

impl Known {
    /// Reads the built-in schemas, which takes some milliseconds, so that the first key need not wait for them.
    pub fn warm_up() {
        schema::built_in_with_texts();
        schema::service_definition();
    }

    fn schemas(&self) -> Schemas<'_> {
        self.documents.before(schema::built_in_with_texts(), None)
    }

    /// Returns the names of the cluster that a place could refer to.
    fn names_for(&self, path: &Path) -> Vec<&str> {
        let named = match path.keys().as_slice() {
            [.., "gpu"] => return self.gpus(),
            ["namespace"] | [.., "metadata", "namespace"] => Named::Namespace,
            [.., "storageClass" | "storageClassName"] => Named::StorageClass,
            ["ingress", "className"] | [.., "ingressClassName"] => Named::IngressClass,
            [.., "priorityClassName"] => Named::PriorityClass,
            [.., "runtimeClassName"] => Named::RuntimeClass,
            [.., "serviceAccountName"] => Named::ServiceAccount,
            [.., "existingClaim"] | [.., "persistentVolumeClaim", "claimName"] => Named::Claim,
            [.., "fromSecret", "name"]
            | ["volumes", "secret"]
            | [.., "pullSecret"]
            | [.., "tlsSecret" | "secretName"]
            | [
                ..,
                "secretKeyRef" | "secretRef" | "imagePullSecrets",
                "name",
            ] => Named::Secret,
            [.., "fromConfig", "name"]
            | [.., "configMapKeyRef" | "configMapRef" | "configMap", "name"] => Named::ConfigMap,
            _ => return Vec::new(),
        };
        self.named(named).collect()
    }

    fn named(&self, named: Named) -> impl Iterator<Item = &str> {
        let names = self.names.get(&named).into_iter().flatten();
        names.map(String::as_str)
    }

    /// Returns what can be written as a GPU: short names first, and what most clusters have where nothing is known.
    fn gpus(&self) -> Vec<&str> {
        let short = self.gpus.iter().map(String::as_str);
        let gpus: Vec<&str> = short.chain(self.named(Named::Device)).collect();
        match gpus.is_empty() {
            true => vec!["nvidia/gpu"],
            false => gpus,
        }
    }

    /// Returns the keys of a map whose keys no schema says: resources that are asked for and limited.
    fn keys_for(&self, path: &Path) -> Vec<&str> {
        match path.keys().as_slice() {
            [
                ..,
                "containers" | "initContainers",
                "resources",
                "requests" | "limits",
            ] => {
                let own = ["cpu", "memory", "ephemeral-storage"].into_iter();
                own.chain(self.named(Named::Device)).collect()
            }
            [.., "spec", "resources", "requests" | "limits"] => vec!["storage"],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
