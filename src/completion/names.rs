//! Names that a text itself gives: volumes to mount, ports to probe, keys of secrets, containers to expose.

use ropey::Rope;

use crate::definition::yaml::{Kind, NodeId, Tree, repair};
use crate::schema::Path;

/// Longer texts are not searched for names while one types.
const MAX_BYTES: usize = 256 << 10;

/// Where the names for a place come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The field of the items of a list, the nearest one around the place.
    Items(&'static str, &'static str),
    /// The keys of a map.
    Keys(&'static str),
    /// The names of the ports of all containers, whichever document they are in.
    Ports,
    /// The field of the items of lists that are in the items of a list.
    Inner(&'static str, &'static str, &'static str),
}

/// Returns the names that a place of the text could refer to.
pub(super) fn names(rope: &Rope, byte: usize, path: &Path) -> Vec<String> {
    // The text is only copied and parsed where a name is wanted.
    let Some(source) = source(path).filter(|_| rope.len_bytes() <= MAX_BYTES) else {
        return Vec::new();
    };
    let text = rope.to_string();
    let tree = Tree::parse(&text);
    match repair(&text, &tree) {
        Some(mended) => found(&Tree::parse(&mended.text), byte, source),
        None => found(&tree, byte, source),
    }
}

fn source(path: &Path) -> Option<Source> {
    Some(match path.keys().as_slice() {
        [.., "volumeMounts", "name"] => Source::Items("volumes", "name"),
        ["volumes", "name"] => Source::Inner("containers", "volumeMounts", "name"),
        [.., "fromSecret"] => Source::Keys("secrets"),
        [.., "fromConfig"] => Source::Keys("config"),
        ["exposed_service" | "exposedService"] => Source::Items("containers", "name"),
        ["exposed_port" | "exposedPort"] => Source::Inner("containers", "ports", "port"),
        [.., "probes", _, "port" | "tcp"] | [.., "httpGet" | "tcpSocket", "port"] => {
            Source::Items("ports", "name")
        }
        ["spec", "ports", "targetPort"] => Source::Ports,
        _ => return None,
    })
}

fn found(tree: &Tree<'_>, byte: usize, source: Source) -> Vec<String> {
    let mut names = Vec::new();
    match source {
        Source::Items(list, field) => {
            if let Some(list) = nearest(tree, byte, list) {
                fields(tree, list, field, &mut names);
            }
        }
        Source::Keys(map) => {
            let entries = nearest(tree, byte, map).map(|map| tree.entries(map));
            let keys = entries.into_iter().flatten().map(|(key, _)| *key);
            names.extend(keys.filter_map(|key| text(tree, key)));
        }
        Source::Ports => {
            let mut nodes = tree.roots.clone();
            while let Some(node) = nodes.pop() {
                for container in tree
                    .get(node, "containers")
                    .map_or(&[][..], |it| tree.items(it))
                {
                    if let Some(ports) = tree.get(*container, "ports") {
                        fields(tree, ports, "name", &mut names);
                    }
                }
                let values = tree.entries(node).iter().map(|(_, value)| *value);
                let inner = values.chain(tree.items(node).iter().copied());
                // An alias may stand for what it is in.
                nodes.extend(inner.filter(|it| !matches!(tree.node(*it).kind, Kind::Alias(_))));
            }
        }
        Source::Inner(list, inner, field) => {
            let items = nearest(tree, byte, list).map(|list| tree.items(list));
            let items = items.into_iter().flatten();
            for list in items.filter_map(|item| tree.get(*item, inner)) {
                fields(tree, list, field, &mut names);
            }
        }
    }
    names.dedup();
    names
}

/// Returns the value of a key in the innermost map around a place that has it.
fn nearest(tree: &Tree<'_>, byte: usize, key: &str) -> Option<NodeId> {
    // What stands behind a syntax error has no node around it: the document above is still the one that is meant.
    let mut at = tree
        .roots
        .iter()
        .copied()
        .rfind(|root| tree.node(*root).span.bytes.start <= byte)?;
    let mut found = None;
    loop {
        found = tree.get(at, key).or(found);
        let begins = |id: &NodeId| tree.node(*id).span.bytes.start <= byte;
        let entry = tree.entries(at).iter().rfind(|(key, _)| begins(key));
        let item = || tree.items(at).iter().copied().rfind(begins);
        let inner = entry.map(|(_, value)| *value).or_else(item);
        match inner {
            Some(inner) => at = inner,
            None => return found,
        }
    }
}

fn fields(tree: &Tree<'_>, list: NodeId, field: &str, names: &mut Vec<String>) {
    let items = tree.items(list).iter();
    let values = items.filter_map(|item| tree.get(*item, field));
    names.extend(values.filter_map(|value| text(tree, value)));
}

fn text(tree: &Tree<'_>, id: NodeId) -> Option<String> {
    let text = tree.scalar(id).filter(|text| !text.is_empty());
    text.map(str::to_owned)
}
