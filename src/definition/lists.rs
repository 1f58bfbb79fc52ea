//! Lists of objects in a text: which kinds are lists, and what an item is that does not say so itself. Pure.
//!
//! What `kubectl get -o yaml` writes is a `List` whose items say what they are; what an API server answers is a `PodList` whose
//! items do not. kubectl takes both, and so does every reader of manifests here.

use serde_json::Value;

/// What the items of a list are, where they say neither group nor kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ItemKind {
    pub(crate) api_version: String,
    pub(crate) kind: String,
}

impl ItemKind {
    /// Returns what a list says of its items; none for a plain `List`.
    pub(crate) fn of(api_version: Option<&str>, kind: &str) -> Option<Self> {
        Some(Self {
            kind: item_kind(kind)?.to_owned(),
            api_version: api_version?.to_owned(),
        })
    }
}

/// Deepest nesting of lists of objects in lists of objects.
pub(crate) const MAX_LISTS: usize = 4;
const SUFFIX: &str = "List";

/// Tells whether objects of a kind are lists of others, if they have `items`.
pub(crate) fn is_list(kind: &str) -> bool {
    kind.ends_with(SUFFIX)
}

/// Returns the kind of items that do not say it: `Pod` of a `PodList`, none of a plain `List`.
pub(crate) fn item_kind(list: &str) -> Option<&str> {
    list.strip_suffix(SUFFIX).filter(|item| !item.is_empty())
}

/// Returns the items of a list, each saying what it is; none for what is no list.
pub(crate) fn items(object: &Value) -> Option<Vec<Value>> {
    let kind = object["kind"].as_str().filter(|kind| is_list(kind))?;
    let of = ItemKind::of(object["apiVersion"].as_str(), kind);
    let mut items = object["items"].as_array()?.clone();
    for item in &mut items {
        let Some(fields) = item.as_object_mut() else {
            continue;
        };
        let is_silent = !fields.contains_key("apiVersion") && !fields.contains_key("kind");
        if let (true, Some(of)) = (is_silent, &of) {
            fields.insert("apiVersion".to_owned(), of.api_version.clone().into());
            fields.insert("kind".to_owned(), of.kind.clone().into());
        }
    }
    Some(items)
}
