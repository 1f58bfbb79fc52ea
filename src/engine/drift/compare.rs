//! What of one live object is not as it was applied: by who owns each field, and by its value where we do not. Pure.

use serde_json::Value;

use super::fieldset::{self, down, down_wanted, is_whole, members};
use crate::definition::check::same_quantity;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::engine::import::without_defaults;
use crate::service::drift::{FieldChange, FieldPath, Setter, Step};
use crate::service::managed::{RESTARTED_AT, is_own_manager};

/// Fields of an object that name it, or that it has by itself.
const NAMES: [&str; 7] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "ownerReferences",
    "generation",
    "managedFields",
];

/// Compares a live object with what was applied of it; without that, only what others set is known.
pub(super) fn compare(wanted: Option<&Object>, live: &Object, id: &InstanceId) -> Vec<FieldChange> {
    let manager = naming::field_manager(id);
    let is_ours = |entry: &&Value| {
        entry["manager"] == *manager && entry["operation"] == "Apply" && is_of_object(entry)
    };
    let ours = fieldset::entries(&live.json).find(is_ours);
    let others = fieldset::entries(&live.json).filter(|entry| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        !is_own_manager(manager, id)
    });
    let others: Vec<Other<'_>> = others
        .map(|entry| Other {
            setter: setter(entry),
            fields: &entry["fieldsV1"],
        })
        .collect();
    let own = fieldset::entries(&live.json).filter(|entry| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        is_own_manager(manager, id) && entry["fieldsV1"]["f:spec"].get("f:replicas").is_some()
    });
    let mut comparison = Comparison {
        scalers: own.map(|entry| scaler(entry, id)).collect(),
        is_secret: live.key.group.is_empty() && live.key.kind == "Secret",
        is_workload: live.key.group == "apps",
        telling: without_defaults(live),
        path: Vec::new(),
        found: Vec::new(),
    };
    let ours = ours.map(|entry| &entry["fieldsV1"]);
    if let Some(wanted) = wanted {
        comparison.object(&wanted.json, &live.json, ours, &others);
    }
    let wanted = wanted.map(|wanted| &wanted.json);
    for other in &others {
        comparison.added(other, wanted, &live.json, ours);
    }
    comparison.found
}

fn is_of_object(entry: &Value) -> bool {
    entry["subresource"].as_str().unwrap_or_default().is_empty()
}

fn setter(entry: &Value) -> Setter {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut manager, subresource) = (text(&entry["manager"]), text(&entry["subresource"]));
    if !subresource.is_empty() {
        manager = format!("{manager} ({subresource})");
    }
    Setter {
        manager,
        at: entry["time"].as_str().and_then(|time| time.parse().ok()),
    }
}

/// Returns who set a number of replicas that is ours: only a scaling gives another one than a deploy did.
fn scaler(entry: &Value, id: &InstanceId) -> Setter {
    let mut scaler = setter(entry);
    if scaler.manager == naming::field_manager(id) {
        scaler.manager.push_str(" (scale)");
    }
    scaler
}

/// Somebody else, and what they own at the place that is looked at.
#[derive(Clone)]
struct Other<'a> {
    setter: Setter,
    fields: &'a Value,
}

struct Comparison {
    /// Our own that set the number of replicas.
    scalers: Vec<Setter>,
    is_secret: bool,
    is_workload: bool,
    /// The live object without what its server puts in by itself.
    telling: Value,
    path: Vec<Step>,
    found: Vec<FieldChange>,
}

impl Comparison {
    fn object(&mut self, wanted: &Value, live: &Value, ours: Option<&Value>, others: &[Other<'_>]) {
        let fields = wanted.as_object().into_iter().flatten();
        for (name, wanted) in fields {
            match name.as_str() {
                "apiVersion" | "kind" | "status" => {}
                "metadata" => {
                    let parts = wanted.as_object().into_iter().flatten();
                    let own = ours.and_then(|ours| ours.get("f:metadata"));
                    let others = below(others, "f:metadata");
                    self.path.push(Step::Field("metadata".to_owned()));
                    for (name, wanted) in parts.filter(|(name, _)| !NAMES.contains(&name.as_str()))
                    {
                        self.field(name, wanted, &live["metadata"], own, &others);
                    }
                    self.path.pop();
                }
                _ => self.field(name, wanted, live, ours, others),
            }
        }
    }

    fn field(
        &mut self,
        name: &str,
        wanted: &Value,
        live: &Value,
        ours: Option<&Value>,
        others: &[Other<'_>],
    ) {
        let member = format!("f:{name}");
        let below = below(others, &member);
        let ours = ours.and_then(|ours| ours.get(&member));
        self.path.push(Step::Field(name.to_owned()));
        self.value(wanted, live.get(name), ours, &below);
        self.path.pop();
    }

    /// Compares what was applied at a place with what is there.
    fn value(
        &mut self,
        wanted: &Value,
        live: Option<&Value>,
        ours: Option<&Value>,
        others: &[Other<'_>],
    ) {
        if wanted.is_null() {
            return;
        }
        let sets = ours
            .into_iter()
            .chain(others.iter().map(|other| other.fields));
        let is_divided = sets.clone().any(|set| !is_whole(set));
        match (wanted, live) {
            (Value::Object(fields), Some(inside @ Value::Object(_)))
                if !fields.is_empty() && self.is_open(ours, others) =>
            {
                for (name, wanted) in fields {
                    self.field(name, wanted, inside, ours, others);
                }
            }
            // It says only that there is such a thing; what others put into it is found as theirs.
            (Value::Object(fields), Some(Value::Object(_))) if fields.is_empty() => {}
            (Value::Array(items), Some(inside @ Value::Array(_))) if is_divided => {
                let names: Vec<&String> = sets.flat_map(members).map(|(name, _)| name).collect();
                for item in items {
                    self.item(item, inside, ours, others, &names);
                }
            }
            _ => self.whole(wanted, live, ours, others),
        }
    }

    /// Tells whether an object is looked at field by field: unless somebody owns it as a whole.
    fn is_open(&self, ours: Option<&Value>, others: &[Other<'_>]) -> bool {
        match ours {
            Some(ours) => !is_whole(ours),
            None => others.iter().all(|other| !is_whole(other.fields)),
        }
    }

    /// Compares an item of a list whose items are owned one by one.
    fn item(
        &mut self,
        wanted: &Value,
        live: &Value,
        ours: Option<&Value>,
        others: &[Other<'_>],
        names: &[&String],
    ) {
        let list = Value::Array(vec![wanted.clone()]);
        let steps = names
            .iter()
            .filter_map(|name| Some((*name, fieldset::step(name)?)));
        let known = steps
            .clone()
            .find(|(_, step)| down_wanted(&list, step).is_some() && down(live, step).is_some());
        if let Some((name, step)) = known {
            let inside = down(live, &step);
            let below = below(others, name);
            self.path.push(step);
            self.value(wanted, inside, ours.and_then(|ours| ours.get(name)), &below);
            self.path.pop();
            return;
        }
        // Nobody owns it any more: it was removed, and its keys are those of its like.
        let Some(step) = steps
            .map(|(_, step)| step)
            .next()
            .and_then(|like| alike(&like, wanted))
        else {
            return;
        };
        let inside = down_wanted(live, &step);
        self.path.push(step);
        self.whole(wanted, inside, None, &[]);
        self.path.pop();
    }

    /// Compares what is owned and replaced as a whole.
    fn whole(
        &mut self,
        wanted: &Value,
        live: Option<&Value>,
        ours: Option<&Value>,
        others: &[Other<'_>],
    ) {
        let is_number = self.is_workload && self.is_at(&["spec", "replicas"]);
        // What we own is as we applied it; of the number alone, as one of our own applied it.
        let is_as_applied = match live {
            Some(live) if ours.is_some() => !is_number || live == wanted,
            Some(live) => !self.is_secret_value() && self.is_same(wanted, live),
            None => is_nothing(wanted),
        };
        if is_as_applied {
            return;
        }
        let mut managers: Vec<Setter> = others.iter().map(|it| it.setter.clone()).collect();
        if is_number {
            managers.extend(self.scalers.iter().cloned());
        }
        self.push(Some(wanted.clone()), live.cloned(), managers);
    }

    fn is_same(&self, wanted: &Value, live: &Value) -> bool {
        let is_amount = self.path.iter().any(|step| {
            matches!(step, Step::Field(name) if matches!(name.as_str(), "requests" | "limits" | "sizeLimit"))
        });
        wanted == live || is_amount && same_quantity(wanted, live)
    }

    fn is_secret_value(&self) -> bool {
        let top = self.path.first();
        self.is_secret && matches!(top, Some(Step::Field(name)) if name == "data")
    }

    /// Finds what somebody set that was not applied.
    fn added(
        &mut self,
        other: &Other<'_>,
        wanted: Option<&Value>,
        live: &Value,
        ours: Option<&Value>,
    ) {
        let is_top = self.path.is_empty();
        for (name, set) in members(other.fields) {
            if is_top && matches!(name.as_str(), "f:metadata" | "f:status") {
                continue;
            }
            let Some(step) = fieldset::step(name) else {
                continue;
            };
            let Some(inside) = down(live, &step) else {
                continue;
            };
            let wanted = wanted.and_then(|wanted| down_wanted(wanted, &step));
            let ours = ours.and_then(|ours| ours.get(name));
            let is_item = !matches!(step, Step::Field(_));
            self.path.push(step);
            let is_known = wanted.is_some() || ours.is_some();
            if !is_whole(set) && (is_known || !is_item) {
                let other = Other {
                    setter: other.setter.clone(),
                    fields: set,
                };
                self.added(&other, wanted, inside, ours);
            } else if !is_known && !self.is_exempt() && self.is_telling() {
                self.push(None, Some(inside.clone()), vec![other.setter.clone()]);
            }
            self.path.pop();
        }
    }

    /// Tells whether others may set a field without anything having changed.
    fn is_exempt(&self) -> bool {
        self.is_at(&["spec", "replicas"])
            || self.is_at(&["spec", "volumeName"])
            || self.is_at(&["spec", "template", "metadata", "annotations", RESTARTED_AT])
    }

    /// Tells whether a value that somebody set is another one than the server would put in.
    fn is_telling(&self) -> bool {
        fieldset::says(&self.telling, &FieldPath(self.path.clone()))
    }

    fn is_at(&self, fields: &[&str]) -> bool {
        let steps = self.path.iter().map(|step| match step {
            Step::Field(name) => name.as_str(),
            Step::Item(_) | Step::Value(_) => "",
        });
        steps.eq(fields.iter().copied())
    }

    fn push(&mut self, wanted: Option<Value>, live: Option<Value>, managers: Vec<Setter>) {
        let path = FieldPath(self.path.clone());
        if let Some(known) = self.found.iter_mut().find(|known| known.path == path) {
            let new = managers
                .into_iter()
                .filter(|it| !known.managers.contains(it));
            let new: Vec<Setter> = new.collect();
            known.managers.extend(new);
            return;
        }
        self.found.push(FieldChange {
            path,
            wanted,
            live,
            managers,
        });
    }
}

/// Returns what the others own below a member.
fn below<'a>(others: &[Other<'a>], member: &str) -> Vec<Other<'a>> {
    let others = others.iter();
    others
        .filter_map(|other| {
            Some(Other {
                setter: other.setter.clone(),
                fields: other.fields.get(member)?,
            })
        })
        .collect()
}

/// Returns the step to an item of a list whose other items are found by a step like this one.
fn alike(like: &Step, item: &Value) -> Option<Step> {
    match like {
        Step::Field(_) => None,
        Step::Item(keys) => {
            let keys = keys.iter().map(|(key, _)| key);
            let keys = keys.filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
            let keys: Vec<_> = keys.collect();
            (!keys.is_empty()).then_some(Step::Item(keys))
        }
        Step::Value(_) => Some(Step::Value(item.clone())),
    }
}

/// Tells whether a value that was applied is the same as none: servers leave out what is empty.
fn is_nothing(wanted: &Value) -> bool {
    match wanted {
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(is_true) => !is_true,
        Value::Null => true,
        Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
