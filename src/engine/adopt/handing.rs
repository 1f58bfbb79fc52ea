//! One object that changes hands: what would change of it, and the patch that does it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{AdoptPlan, AdoptRow};
use crate::cluster::Cluster;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::engine::coowned::{meet, minus};
use crate::engine::deploy::DeployRequest;
use crate::engine::drift::fieldset;
use crate::engine::frozen;
use crate::engine::import::without_defaults;
use crate::engine::looks::Looks;
use crate::engine::metadata::{Metadata, OwnerReference};
use crate::engine::ownership::{self, Owner};
use crate::engine::preflight::{self, refused};
use crate::failure::{Failure, FailureKind};
use crate::names;
use crate::service::advice;
use crate::service::drift::{FieldPath, Step};
use crate::service::operation::Handed;
use crate::service::summary::InstanceKey;

/// Goes with Helm's mark of ownership.
const HELM_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// Managers whose fields are theirs whoever owns the object.
const CONTROLLERS: [&str; 5] = [
    "kube-controller-manager",
    "cloud-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-apiserver",
];
/// How many fields of an object are named.
const NAMED: usize = 8;

/// Who adopts.
pub(super) struct Claimant {
    instance: InstanceKey,
    /// The definition's name.
    name: InstanceId,
    /// The claims that a `StatefulSet` would take for its own by their names alone.
    claims: BTreeSet<ObjectKey>,
    set: String,
    manager: String,
}

impl Claimant {
    fn new(instance: InstanceKey, name: InstanceId, claims: BTreeSet<ObjectKey>) -> Self {
        Self {
            set: naming::instance_applyset_id(&instance.id, &instance.namespace),
            manager: naming::field_manager(&instance.id),
            instance,
            name,
            claims,
        }
    }

    /// Returns the one that a definition makes things for, which are rendered.
    pub fn of(request: &DeployRequest, rendered: &[Object]) -> Self {
        let claims = preflight::claims_of_sets(rendered).collect();
        Self::new(request.instance(), request.name.clone(), claims)
    }

    /// Returns the one that a plan was made for.
    pub fn of_plan(plan: &AdoptPlan) -> Self {
        let claims = plan.rows.iter().filter(|row| row.is_claim);
        let claims = claims.map(|row| row.key.clone()).collect();
        Self::new(plan.instance.clone(), plan.name.clone(), claims)
    }

    /// Returns the one that an interrupted adoption was of.
    pub fn of_rest(instance: &InstanceKey, name: InstanceId, handed: &[Handed]) -> Self {
        let claims = handed.iter().filter(|it| it.is_claim);
        let claims = claims.map(|it| it.key.clone()).collect();
        Self::new(instance.clone(), name, claims)
    }

    pub fn claims_to_come(&self) -> impl Iterator<Item = &ObjectKey> {
        self.claims.iter()
    }

    /// Takes in claims that are there of live sets, however many the definition asks for.
    pub fn add_claims(&mut self, claims: impl Iterator<Item = ObjectKey>) {
        self.claims.extend(claims);
    }

    /// Tells whether a claim is one that the set of this name makes.
    fn makes(&self, claim: &ObjectKey, set: &str) -> bool {
        self.claims.contains(claim) && naming::claim_ordinal(&claim.name, set).is_some()
    }

    /// Tells whether bowline applies an object, or a `StatefulSet` does something with it.
    fn is_applied(&self, key: &ObjectKey) -> bool {
        !self.claims.contains(key)
    }

    /// Tells whether an object is compared with the definition field by field: of what holds but data the fields have names of
    /// their own in the metadata.
    pub fn compares(&self, key: &ObjectKey) -> bool {
        let holds_data =
            key.group.is_empty() && matches!(key.kind.as_str(), "ConfigMap" | "Secret");
        self.is_applied(key) && !holds_data
    }

    /// Returns the ID of the `ApplySet` that an object belongs to, where nothing else names its owner.
    pub fn foreign_set(&self, live: &Object) -> Option<String> {
        ownership::foreign_set(live, &self.instance.id, &self.set).map(str::to_owned)
    }

    /// Returns what would change of an object; none if nothing would.
    ///
    /// # Errors
    /// It cannot be adopted: something else makes it, or it is another instance's.
    pub fn row(&self, key: &ObjectKey, live: &Object) -> Result<Option<AdoptRow>, Failure> {
        let metadata = Metadata::of(live);
        if metadata.is_being_deleted() {
            return Ok(None);
        }
        // A set owns the claims that it would take along: these stay its own, and come with it.
        let is_its_set =
            |owner: &&OwnerReference| owner.kind == "StatefulSet" && self.makes(key, &owner.name);
        if let Some(owner) = metadata.owners().iter().find(|it| !is_its_set(it)) {
            return Err(refused(format!(
                "{key} belongs to {}/{}, which would make it anew: adopt that one",
                owner.kind, owner.name
            )));
        }
        let manager = metadata.label(naming::LABEL_MANAGED_BY);
        let instance = metadata.label(naming::LABEL_INSTANCE).unwrap_or_default();
        if manager == Some(naming::MANAGED_BY) && instance != self.instance.id.as_str() {
            return Err(refused(format!(
                "{key} belongs to instance {instance}: take that one down first"
            )));
        }
        let owner = ownership::owner(live, &self.instance.id, &self.set);
        let Division {
            managers, shared, ..
        } = match self.is_applied(key) {
            true => self.divide(live, owner != Owner::Ours),
            false => Division::default(),
        };
        if owner == Owner::Ours && managers.is_empty() && shared.is_empty() {
            return Ok(None);
        }
        Ok(Some(AdoptRow {
            key: key.clone(),
            uid: metadata.uid().to_owned(),
            owner: match owner {
                Owner::Other(owner) => Some(owner),
                Owner::Ours | Owner::Nobody => None,
            },
            managers,
            shared,
            is_claim: !self.is_applied(key),
        }))
    }

    /// Says what becomes of the pods of a workload: the next deploy labels them as the instance's, which replaces them. Where
    /// the definition selects them by other labels it has to make the workload anew, as a selector never changes.
    pub fn relabels_pods(&self, live: &Object, wanted: Option<&Object>) -> Option<String> {
        let selector = |object: &Object| object.json["spec"]["selector"].clone();
        let is_reselected = wanted.is_some_and(|wanted| selector(wanted) != selector(live));
        if live.key.group == "apps" && is_reselected {
            return Some(format!(
                "the definition selects the pods of {} by other labels, and a selector never changes: the next deploy needs \
                 --recreate, which deletes it with its pods and makes both anew",
                live.key
            ));
        }
        let labels = &live.json["spec"]["template"]["metadata"]["labels"];
        let is_ours = labels[naming::LABEL_MANAGED_BY] == naming::MANAGED_BY
            && labels[naming::LABEL_INSTANCE] == self.instance.id.as_str();
        (live.key.group == "apps" && !is_ours).then(|| {
            format!(
                "the next deploy labels the pods of {} as the instance's, which replaces them once",
                live.key
            )
        })
    }

    /// Says what becomes of the claims that a set will make: its templates can never bear the instance's labels.
    pub fn keeps_templates(&self, live: &Object, wanted: Option<&Object>) -> Option<String> {
        let held = frozen::held_labels(live, wanted?);
        (!held.is_empty()).then(|| {
            format!(
                "the claim templates of {} keep the labels that they have, as they never change: claims that it makes when it \
                 is scaled up become the instance's by another {}",
                live.key,
                advice::command_of("adopt", &self.name, &self.instance)
            )
        })
    }

    /// Says which fields that become the instance's the next deploy removes, as the definition does not have them.
    pub fn removes(&self, live: &Object, wanted: Option<&Object>) -> Option<String> {
        let wanted = wanted?;
        let with_appliers = ownership::owner(live, &self.instance.id, &self.set) != Owner::Ours;
        let mut found = BTreeSet::new();
        let telling = without_defaults(live);
        for entry in entries(live) {
            if self.migrates(entry, with_appliers) {
                for path in leaves(&entry["fieldsV1"]) {
                    if !fieldset::says(&wanted.json, &path) && is_told(&path, live, &telling) {
                        found.insert(path.to_string());
                    }
                }
            }
        }
        let found: Vec<String> = found.into_iter().collect();
        (!found.is_empty()).then(|| {
            format!(
                "the next deploy removes from {} what the definition does not have: {}",
                live.key,
                names::first(&found, NAMED)
            )
        })
    }

    /// Tells whether an entry's fields become the instance's. Who applies only some fields of an object of ours keeps them.
    fn migrates(&self, entry: &Value, with_appliers: bool) -> bool {
        let is_update = entry["operation"] == "Update";
        let is_of_subresource = entry["subresource"]
            .as_str()
            .is_some_and(|name| !name.is_empty());
        (is_update || with_appliers) && !is_of_subresource && may_share(entry)
    }

    /// Hands an object over, if it still is as it was shown.
    ///
    /// # Errors
    /// It is not, or the server refuses.
    pub async fn adopt(&self, cluster: &Cluster, row: &AdoptRow) -> Result<(), Failure> {
        let mut last = None;
        let mut looks = Looks::default();
        while looks.again().await {
            let live = cluster.get_metadata(&row.key).await?;
            let live = live.filter(|live| Metadata::of(live).uid() == row.uid);
            let Some(live) = live else {
                let summary = format!("{} was deleted or made again meanwhile", row.key);
                return Err(Failure::new(FailureKind::Conflict, summary));
            };
            match self.row(&row.key, &live)? {
                // A patch that got no answer has arrived.
                None => return Ok(()),
                Some(now) if now != *row => {
                    let summary =
                        format!("{} was changed after it was planned: plan again", row.key);
                    return Err(Failure::new(FailureKind::Conflict, summary));
                }
                Some(_) => {}
            }
            let patch = serde_json::from_value(self.patch(&live))
                .expect("these operations are a JSON patch");
            match cluster.json_patch(&row.key, &patch, &self.manager).await {
                Ok(_) => return Ok(()),
                Err(failure)
                    if matches!(
                        failure.kind,
                        FailureKind::Conflict | FailureKind::Unreachable
                    ) =>
                {
                    last = Some(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(last.expect("only failures lead here"))
    }

    /// Returns the JSON patch that hands an object over, bound to the version that was seen.
    fn patch(&self, live: &Object) -> Value {
        let metadata = &live.json["metadata"];
        let with_appliers = ownership::owner(live, &self.instance.id, &self.set) != Owner::Ours;
        let mut labels = texts(&metadata["labels"]);
        let mut annotations = texts(&metadata["annotations"]);
        for (mark, _) in naming::OWNER_MARKS {
            labels.remove(mark);
            annotations.remove(mark);
        }
        annotations.remove(naming::LAST_APPLIED);
        annotations.remove(HELM_NAMESPACE);
        labels.remove(naming::LABEL_PART_OF);
        let own = [
            (naming::LABEL_MANAGED_BY, naming::MANAGED_BY),
            (naming::LABEL_INSTANCE, self.instance.id.as_str()),
        ];
        let of_set = [
            (naming::LABEL_NAME, self.name.as_str()),
            (naming::LABEL_PART_OF, &self.set),
        ];
        let is_applied = self.is_applied(&live.key);
        let own = own
            .into_iter()
            .chain(of_set.into_iter().filter(|_| is_applied));
        labels.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let managed_fields = if is_applied {
            self.divide(live, with_appliers).entries
        } else {
            entries(live).to_vec()
        };
        json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "add", "path": "/metadata/labels", "value": labels},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
            {"op": "add", "path": "/metadata/managedFields", "value": managed_fields},
        ])
    }

    /// Divides the managed fields anew: those of others that become ours are under our name, and what others still have of
    /// ours beside us goes.
    fn divide(&self, live: &Object, with_appliers: bool) -> Division {
        let api_version = &live.json["apiVersion"];
        let is_ours = |entry: &Value| {
            entry["manager"] == self.manager.as_str() && entry["operation"] == "Apply"
        };
        let (joined, kept): (Vec<&Value>, Vec<&Value>) = entries(live).iter().partition(|entry| {
            entry["apiVersion"] == *api_version
                && (is_ours(entry) || self.migrates(entry, with_appliers))
        });
        let mut division = Division::default();
        let mut fields = Value::Object(Map::new());
        for entry in &joined {
            unite(&mut fields, &entry["fieldsV1"]);
            if !is_ours(entry) {
                division.managers.extend(name_of(entry));
            }
        }
        let nothing = Map::new();
        let ours = fields.as_object().unwrap_or(&nothing);
        for entry in kept {
            let owned = entry["fieldsV1"].as_object().unwrap_or(&nothing);
            let is_comparable = entry["apiVersion"] == *api_version && may_share(entry);
            if !is_comparable || meet(owned, ours).is_empty() {
                division.entries.push(entry.clone());
                continue;
            }
            division.shared.extend(name_of(entry));
            let rest = minus(owned, ours);
            if !rest.is_empty() {
                let mut entry = entry.clone();
                entry["fieldsV1"] = Value::Object(rest);
                division.entries.push(entry);
            }
        }
        if !joined.is_empty() {
            division.entries.push(json!({
                "manager": self.manager,
                "operation": "Apply",
                "apiVersion": api_version,
                "fieldsType": "FieldsV1",
                "fieldsV1": fields,
            }));
        }
        division
    }
}

/// How the fields of an object are divided once it is adopted.
#[derive(Default)]
struct Division {
    /// Who gives up all of theirs.
    managers: BTreeSet<String>,
    /// Who gives up what they own together with the instance.
    shared: BTreeSet<String>,
    entries: Vec<Value>,
}

/// Tells whether an entry may lose what it owns together with the instance: those of bowline, of controllers and of the
/// status may not.
fn may_share(entry: &Value) -> bool {
    let manager = entry["manager"].as_str().unwrap_or_default();
    let is_bowlines = manager.split(['/', '-']).next() == Some(naming::MANAGED_BY);
    !is_bowlines && !CONTROLLERS.contains(&manager) && entry["subresource"] != "status"
}

/// Returns the paths of the fields that a set names: labels and annotations of the metadata, and all of the rest.
fn leaves(fields: &Value) -> Vec<FieldPath> {
    fn walk(fields: &Value, path: &mut Vec<Step>, found: &mut Vec<FieldPath>) {
        let members = fields.as_object().into_iter().flatten();
        let mut is_leaf = true;
        for (name, below) in members {
            let Some(step) = fieldset::step(name) else {
                continue;
            };
            is_leaf = false;
            path.push(step);
            walk(below, path, found);
            path.pop();
        }
        if is_leaf && !path.is_empty() {
            found.push(FieldPath(path.clone()));
        }
    }
    let mut found = Vec::new();
    walk(fields, &mut Vec::new(), &mut found);
    found.retain(|path| match path.0.as_slice() {
        [Step::Field(top), Step::Field(what), rest @ ..] if top == "metadata" => {
            !rest.is_empty() && matches!(what.as_str(), "labels" | "annotations")
        }
        [Step::Field(top), ..] => !matches!(top.as_str(), "metadata" | "status"),
        _ => false,
    });
    found
}

/// Tells whether a field says something: it is there, neither as its server puts it in nor as a mark that goes with the adoption.
fn is_told(path: &FieldPath, live: &Object, telling: &Value) -> bool {
    match path.0.as_slice() {
        [Step::Field(top), _, Step::Field(name), ..] if top == "metadata" => {
            let is_mark = naming::OWNER_MARKS.iter().any(|(mark, _)| mark == name);
            let of_others = [
                naming::LAST_APPLIED,
                HELM_NAMESPACE,
                naming::LABEL_MANAGED_BY,
            ];
            !is_mark
                && !of_others.contains(&name.as_str())
                && name != naming::LABEL_PART_OF
                && fieldset::says(&live.json, path)
        }
        // NB: of what holds but data only the metadata was read.
        _ => {
            matches!(live.key.kind.as_str(), "ConfigMap" | "Secret")
                || fieldset::says(telling, path)
        }
    }
}

fn name_of(entry: &Value) -> Option<String> {
    entry["manager"].as_str().map(str::to_owned)
}

fn entries(live: &Object) -> &[Value] {
    let entries = live.json["metadata"]["managedFields"].as_array();
    entries.map_or(&[], Vec::as_slice)
}

fn texts(map: &Value) -> BTreeMap<String, String> {
    let pairs = map.as_object().into_iter().flatten();
    pairs
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Adds a set of fields to another: both are trees of maps.
fn unite(fields: &mut Value, more: &Value) {
    let (Value::Object(fields), Value::Object(more)) = (fields, more) else {
        return;
    };
    for (name, below) in more {
        let own = fields
            .entry(name.clone())
            .or_insert_with(|| Value::Object(Map::new()));
        unite(own, below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_fields_are_united() {
        let mut fields = json!({"f:spec": {"f:replicas": {}, "f:a": {".": {}}}});
        unite(
            &mut fields,
            &json!({"f:spec": {"f:a": {"k:{\"name\":\"x\"}": {}}}, "f:data": {}}),
        );
        assert_eq!(
            fields,
            json!({
                "f:spec": {"f:replicas": {}, "f:a": {".": {}, "k:{\"name\":\"x\"}": {}}},
                "f:data": {},
            })
        );
    }
}
