//! The managers of an object: what each owns, what an update or an apply does to that, and which applies conflict.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fieldset::{FieldSet, Step, path_text};
use super::typed::{Comparison, blank, compare, merge, remove, to_set};
use crate::schema::Typed;
use crate::status::{Cause, Status};
use crate::time::seconds;

/// What client-side apply leaves on an object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who writes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The field manager.
    pub manager: String,
    /// The subresource that is written to; empty for the object itself.
    pub subresource: String,
    /// The version that is written.
    pub api_version: String,
    /// When.
    pub now: Timestamp,
}

/// One entry of `managedFields`.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    manager: String,
    is_apply: bool,
    subresource: String,
    api_version: String,
    time: Option<String>,
    fields: FieldSet,
}

impl Entry {
    fn is_of(&self, author: &Author, is_apply: bool) -> bool {
        self.manager == author.manager
            && self.subresource == author.subresource
            && self.is_apply == is_apply
    }

    fn new(author: &Author, is_apply: bool, fields: FieldSet) -> Entry {
        Entry {
            manager: author.manager.clone(),
            is_apply,
            subresource: author.subresource.clone(),
            api_version: author.api_version.clone(),
            time: time_of(author),
            fields,
        }
    }

    fn describe(&self) -> String {
        let mut text = format!("\"{}\"", self.manager);
        if !self.subresource.is_empty() {
            text += &format!(" with subresource \"{}\"", self.subresource);
        }
        if !self.is_apply {
            text += &format!(" using {}", self.api_version);
        }
        text
    }

    fn to_value(&self) -> Value {
        let mut entry = json!({
            "manager": self.manager,
            "operation": if self.is_apply { "Apply" } else { "Update" },
            "apiVersion": self.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.fields.to_value(),
        });
        if let Some(time) = &self.time {
            entry["time"] = json!(time);
        }
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }

    fn from_value(value: &Value) -> Entry {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Entry {
            manager: text("manager"),
            is_apply: value["operation"] == "Apply",
            subresource: text("subresource"),
            api_version: text("apiVersion"),
            time: value["time"].as_str().map(str::to_owned),
            fields: FieldSet::from_value(&value["fieldsV1"]),
        }
    }
}

fn entries(object: &Value) -> Vec<Entry> {
    let list = object["metadata"]["managedFields"].as_array();
    list.into_iter()
        .flatten()
        .filter(|entry| entry["fieldsV1"].is_object())
        .map(Entry::from_value)
        .collect()
}

fn write_entries(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    let key = |e: &Entry| {
        (
            !e.is_apply,
            e.time.clone(),
            e.manager.clone(),
            e.api_version.clone(),
            e.subresource.clone(),
        )
    };
    entries.sort_by_key(key);
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    if entries.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert(
            "managedFields".into(),
            entries.iter().map(Entry::to_value).collect(),
        );
    }
}

fn without_entries(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object
}

/// Returns the paths that nobody owns: the server's own.
fn unowned() -> FieldSet {
    FieldSet::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

/// Returns the paths that a write to `subresource` cannot change, whatever it says.
fn reset(author: &Author, has_status: bool) -> FieldSet {
    match author.subresource.as_str() {
        "status" => FieldSet::of_fields(&[&["spec"], &["metadata"]]),
        "" if has_status => FieldSet::of_fields(&[&["status"]]),
        _ => FieldSet::default(),
    }
}

/// Gives up what others lose: fields that changed, and fields that are gone.
fn take_from_others(entries: &mut [Entry], is_self: impl Fn(&Entry) -> bool, change: &Comparison) {
    let taken = change.modified.union(&change.added).union(&change.removed);
    for entry in entries.iter_mut().filter(|entry| !is_self(entry)) {
        entry.fields = entry.fields.difference(&taken);
    }
}

fn is_number_owned(entries: &[Entry]) -> bool {
    let number = FieldSet::of_fields(&[&["spec", "replicas"]]);
    let owns = |entry: &Entry| !entry.fields.intersection(&number).is_empty();
    entries.iter().any(owns)
}

/// Records a create, update or patch in the managedFields of `new`.
///
/// `new` may bring its own managedFields, which then stand (this is how ownership is migrated); an empty list resets them.
pub fn track_update(
    of: Typed<'_>,
    live: Option<&Value>,
    new: &mut Value,
    author: &Author,
    has_status: bool,
) {
    let brought = new["metadata"].get("managedFields").cloned();
    let is_reset = brought
        .as_ref()
        .and_then(Value::as_array)
        .is_some_and(|list| {
            list.is_empty()
                || (list.len() == 1 && list[0].as_object().is_some_and(serde_json::Map::is_empty))
        });
    let mut managers = entries(new);
    if !author.subresource.is_empty() || (managers.is_empty() && !is_reset) {
        managers = live.map(entries).unwrap_or_default();
    }
    if managers.is_empty() && live.is_some() {
        // Nobody was tracked so far: tracking begins with the first apply.
        return write_entries(new, Vec::new());
    }
    if author.subresource == "scale" && !is_number_owned(&managers) {
        // NB: the `Scale` that is written has the owners of the number alone, and without any it is not tracked either.
        return write_entries(new, managers);
    }
    let before = live.map_or_else(|| blank(of), without_entries);
    let mut change = compare(of, &before, &without_entries(new));
    let ignored = reset(author, has_status);
    for set in [&mut change.removed, &mut change.modified, &mut change.added] {
        *set = set.without_subtrees(&ignored);
    }
    take_from_others(&mut managers, |_| false, &change);
    let gained = change.modified.union(&change.added).difference(&unowned());
    if !gained.is_empty() {
        match managers.iter_mut().find(|entry| entry.is_of(author, false)) {
            Some(entry) => {
                entry.fields = entry.fields.union(&gained);
                entry.time = time_of(author);
                entry.api_version.clone_from(&author.api_version);
            }
            None => managers.push(Entry::new(author, false, gained)),
        }
    }
    write_entries(new, managers);
}

/// Returns the time that an entry bears. NB: those of the scale subresource bear none.
fn time_of(author: &Author) -> Option<String> {
    (author.subresource != "scale").then(|| seconds(author.now))
}

/// What an apply asks for.
#[derive(Debug, Clone, Copy)]
pub struct Apply<'a> {
    /// The object as it is.
    pub live: &'a Value,
    /// What is applied, without server-made metadata.
    pub applied: &'a Value,
    /// Who applies.
    pub author: &'a Author,
    /// Whether fields of others are taken.
    pub force: bool,
    /// Whether the status is a subresource of its own.
    pub has_status: bool,
}

/// Returns the object that an apply makes, managedFields included, or the conflict.
pub fn apply(of: Typed<'_>, request: Apply<'_>) -> Result<Value, Status> {
    match attempt(of, request) {
        Err(conflicts) if may_take_over(of, request, &conflicts) => attempt(
            of,
            Apply {
                force: true,
                ..request
            },
        )
        .map_err(|conflicts| refusal(&conflicts)),
        result => result.map_err(|conflicts| refusal(&conflicts)),
    }
}

/// A field that somebody else owns with another value.
#[derive(Debug, Clone)]
struct Conflict {
    owner: Entry,
    path: Vec<Step>,
}

fn attempt(of: Typed<'_>, request: Apply<'_>) -> Result<Value, Vec<Conflict>> {
    let Apply {
        live,
        applied,
        author,
        force,
        has_status,
    } = request;
    let mut managers = entries(live);
    let before = without_entries(live);
    let is_first = managers.is_empty() && before["metadata"].get("creationTimestamp").is_some();
    if is_first {
        let everything = to_set(of, &before).difference(&unowned());
        let earlier = Author {
            manager: "before-first-apply".into(),
            ..author.clone()
        };
        managers.push(Entry::new(&earlier, false, everything));
    }
    let untouched = managers.clone();
    let ignored = reset(author, has_status);
    let set = to_set(of, applied).without_subtrees(&ignored);
    let last = managers
        .iter()
        .position(|entry| entry.is_of(author, true))
        .map(|at| managers.remove(at));
    let merged = merge(of, &before, applied);
    let wanted = Entry::new(author, true, set);
    let merged = prune(of, merged, last.as_ref(), &managers, &wanted);

    let mut change = compare(of, &before, &merged);
    for set in [&mut change.removed, &mut change.modified, &mut change.added] {
        *set = set.without_subtrees(&ignored);
    }
    let changed = change.modified.union(&change.added);
    if !force {
        let conflicts = conflicts(&managers, &changed);
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
    }
    take_from_others(&mut managers, |_| false, &change);
    let mut wanted = Entry {
        fields: wanted.fields.difference(&unowned()),
        ..wanted
    };
    let is_same = merged == before
        && last
            .as_ref()
            .is_some_and(|last| last.fields == wanted.fields);
    if let Some(last) = last.filter(|_| is_same) {
        wanted.time = last.time;
    }
    managers.push(wanted);
    let mut merged = merged;
    if is_same && untouched == entries(live) {
        return Ok(live.clone());
    }
    write_entries(&mut merged, managers);
    Ok(merged)
}

/// Takes out what the manager applied before and no longer does, unless somebody else owns it.
fn prune(
    of: Typed<'_>,
    merged: Value,
    last: Option<&Entry>,
    others: &[Entry],
    wanted: &Entry,
) -> Value {
    let Some(last) = last.filter(|last| !last.fields.is_empty()) else {
        return merged;
    };
    let parents = |set: &FieldSet| set.with_parents(Some(of));
    let nothing = || json!({});
    let last_set = parents(&last.fields);
    let pruned = remove(of, &merged, &last_set).unwrap_or_else(nothing);

    // What others own, or what is applied now, comes back.
    let owned = others
        .iter()
        .fold(wanted.fields.clone(), |all, entry| all.union(&entry.fields));
    let merged_set = parents(&to_set(of, &merged));
    let kept = parents(&to_set(of, &pruned)).union(&parents(&owned));
    let pruned = remove(of, &merged, &merged_set.difference(&kept)).unwrap_or_else(nothing);

    // What was never this manager's comes back too, however it got lost on the way.
    let pruned_set = parents(&to_set(of, &pruned));
    let gone = merged_set.difference(&pruned_set).intersection(&last_set);
    remove(of, &merged, &gone).unwrap_or_else(nothing)
}

fn conflicts(managers: &[Entry], changed: &FieldSet) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    for owner in managers {
        owner.fields.intersection(changed).for_each(&mut |path| {
            conflicts.push(Conflict {
                owner: owner.clone(),
                path: path.to_vec(),
            });
        });
    }
    conflicts
}

/// `kubectl apply --server-side` takes over what an earlier client-side apply set and nobody changed since.
fn may_take_over(of: Typed<'_>, request: Apply<'_>, conflicts: &[Conflict]) -> bool {
    let Some(last_applied) = request.live["metadata"]["annotations"][LAST_APPLIED].as_str() else {
        return false;
    };
    if request.author.manager != "kubectl" {
        return false;
    }
    let Ok(last_applied) = serde_json::from_str::<Value>(last_applied) else {
        return false;
    };
    let change = compare(of, &last_applied, request.live);
    let unchanged = to_set(of, &last_applied)
        .difference(&change.modified)
        .difference(&change.added)
        .difference(&change.removed);
    conflicts
        .iter()
        .all(|conflict| unchanged.has_path(&conflict.path))
}

fn refusal(conflicts: &[Conflict]) -> Status {
    let causes: Vec<Cause> = conflicts
        .iter()
        .map(|conflict| Cause {
            reason: "FieldManagerConflict",
            message: format!("conflict with {}", conflict.owner.describe()),
            field: path_text(&conflict.path),
        })
        .collect();
    let message = match causes.as_slice() {
        [one] => format!(
            "Apply failed with 1 conflict: {}: {}",
            one.message, one.field
        ),
        many => {
            let mut owners: Vec<String> = conflicts
                .iter()
                .map(|conflict| conflict.owner.describe())
                .collect();
            owners.sort();
            owners.dedup();
            let mut lines = Vec::new();
            for owner in owners {
                lines.push(format!("conflicts with {owner}:"));
                let theirs = conflicts
                    .iter()
                    .filter(|conflict| conflict.owner.describe() == owner);
                lines.extend(theirs.map(|conflict| format!("- {}", path_text(&conflict.path))));
            }
            format!(
                "Apply failed with {} conflicts: {}",
                many.len(),
                lines.join("\n")
            )
        }
    };
    Status::new(409, "Conflict", message).because(&causes)
}
