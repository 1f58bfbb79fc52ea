//! Adoption: objects of another owner, or that others wrote into, become the instance's own.
//!
//! What bowline applies must be what is there, so the fields of client-side tools are put under the instance's manager: only
//! then does a later apply remove those that the definition does not have. The owners' marks go, the instance's labels come,
//! and everything else stays as it is until the next deploy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::coowned::{meet, minus};
use super::deploy::{DeployRequest, Report};
use super::journal::Journal;
use super::metadata::{Metadata, core_key};
use super::ownership::{self, Owner};
use super::plan::{Outcome, Step};
use super::preflight::{self, CLAIM, access_to, refused};
use super::rendering::rendered;
use crate::cluster::{Access, Cluster};
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
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
/// How often an object is looked at that others change all the time.
const MAX_LOOKS: usize = 5;

/// What an adoption would change, as shown for confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptPlan {
    /// The instance that the objects would belong to.
    pub instance: InstanceKey,
    /// The objects that change hands, in the order of the definition; empty where everything is the instance's already.
    pub rows: Vec<AdoptRow>,
    /// What the person should know: what the next deploy does to pods.
    pub warnings: Vec<String>,
    /// Reasons why it cannot run at all; empty when it can.
    pub refusals: Vec<Failure>,
}

/// An object that changes hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptRow {
    /// The object.
    pub key: ObjectKey,
    /// Its uid: one that was made again is another.
    pub uid: String,
    /// Whose it is, named as the end of a sentence; none where it is nobody's or the instance's own already.
    pub owner: Option<String>,
    /// The managers whose fields become the instance's.
    pub managers: BTreeSet<String>,
    /// The managers that own fields which the instance owns too: these become its alone.
    pub shared: BTreeSet<String>,
}

impl AdoptRow {
    /// Says whose it is: `belongs to the Helm release shop; fields of helm; fields shared with argocd`.
    pub fn belonging(&self) -> String {
        let owner = self
            .owner
            .as_ref()
            .map(|owner| format!("belongs to {owner}"));
        let named = |what: &str, managers: &BTreeSet<String>| {
            let managers: Vec<&str> = managers.iter().map(String::as_str).collect();
            (!managers.is_empty()).then(|| format!("{what} {}", managers.join(", ")))
        };
        let fields = named("fields of", &self.managers);
        let shared = named("fields shared with", &self.shared);
        let parts: Vec<String> = owner.into_iter().chain(fields).chain(shared).collect();
        if parts.is_empty() {
            "belongs to nobody".to_owned()
        } else {
            parts.join("; ")
        }
    }
}

/// Plans the adoption of what a definition would make and what is there already under those names.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be read.
pub async fn plan_adopt(cluster: &Cluster, request: &DeployRequest) -> Result<AdoptPlan, Failure> {
    let mut plan = AdoptPlan {
        instance: request.instance(),
        rows: Vec::new(),
        warnings: Vec::new(),
        refusals: preflight::place(cluster, request).await?,
    };
    let rendered = rendered(cluster, request, Vec::new()).await?;
    let Ok(rendered) = rendered else {
        plan.refusals.push(refused("the definition has faults"));
        return Ok(plan);
    };
    if !plan.refusals.is_empty() {
        return Ok(plan);
    }
    let claimant = Claimant::of(request);
    let rendered = rendered.objects.into_iter().map(|object| object.key);
    for key in rendered.chain(claimant.claims_to_come()) {
        let live = match cluster.get(&key).await {
            // Of a kind that comes with the definition nothing is there yet.
            Err(failure) if failure.kind == FailureKind::NotFound => None,
            live => live?,
        };
        let Some(live) = live else {
            continue;
        };
        match claimant.row(&key, &live) {
            Ok(row) => {
                if row.is_some() {
                    plan.warnings.extend(claimant.relabels_pods(&live));
                }
                plan.rows.extend(row);
            }
            Err(refusal) => plan.refusals.push(refusal),
        }
    }
    let rows = plan.rows.iter();
    let accesses: BTreeSet<Access> = rows.map(|row| access_to("patch", &row.key)).collect();
    let missing = preflight::forbidden(cluster, accesses).await?;
    plan.refusals.extend(preflight::forbidden_refusal(
        &missing,
        request.namespace.as_str(),
    ));
    plan.refusals.extend(cluster.read_only());
    Ok(plan)
}

/// Carries out an adoption that was shown. An object that changed hands meanwhile is left alone.
pub async fn run_adopt(
    cluster: &Cluster,
    request: &DeployRequest,
    plan: &AdoptPlan,
    report: Report<'_>,
) -> Outcome {
    let mut journal = Journal::new(report);
    let claimant = Claimant::of(request);
    for row in &plan.rows {
        let step = Step::Adopt(row.key.clone());
        if let Some(refusal) = plan.refusals.first() {
            journal.failed(step, refusal.clone());
            continue;
        }
        journal.started(&step);
        match claimant.adopt(cluster, row).await {
            Ok(()) => journal.done(
                step,
                row.owner.as_ref().map(|owner| format!("was {owner}'s")),
            ),
            Err(failure) => journal.failed(step, failure),
        }
    }
    journal.into_outcome()
}

/// Who adopts.
struct Claimant<'a> {
    request: &'a DeployRequest,
    set: String,
    manager: String,
}

impl<'a> Claimant<'a> {
    fn of(request: &'a DeployRequest) -> Self {
        Self {
            request,
            set: naming::instance_applyset_id(&request.id, &request.namespace),
            manager: naming::field_manager(&request.id),
        }
    }

    /// Returns the claims that a `StatefulSet` would take for its own by their names alone.
    fn claims_to_come(&self) -> impl Iterator<Item = ObjectKey> {
        let namespace = self.request.namespace.as_str();
        preflight::claim_names(self.request).map(move |name| core_key(CLAIM, namespace, &name))
    }

    /// Tells whether bowline applies an object, or a `StatefulSet` does something with it.
    fn is_applied(&self, key: &ObjectKey) -> bool {
        !self.claims_to_come().any(|claim| claim == *key)
    }

    /// Returns what would change of an object; none if nothing would.
    ///
    /// # Errors
    /// It cannot be adopted: something else makes it, or it is another instance's.
    fn row(&self, key: &ObjectKey, live: &Object) -> Result<Option<AdoptRow>, Failure> {
        let metadata = Metadata::of(live);
        if metadata.is_being_deleted() {
            return Ok(None);
        }
        if let Some(owner) = metadata.owners().first() {
            return Err(refused(format!(
                "{key} belongs to {}/{}, which would make it anew: adopt that one",
                owner.kind, owner.name
            )));
        }
        let manager = metadata.label(naming::LABEL_MANAGED_BY);
        let instance = metadata.label(naming::LABEL_INSTANCE).unwrap_or_default();
        if manager == Some(naming::MANAGED_BY) && instance != self.request.id.as_str() {
            return Err(refused(format!(
                "{key} belongs to instance {instance}: take that one down first"
            )));
        }
        let owner = ownership::owner(live, &self.request.id, &self.set);
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
        }))
    }

    /// Says that the pods of a workload are replaced: the next deploy labels them as the instance's.
    fn relabels_pods(&self, live: &Object) -> Option<String> {
        let labels = &live.json["spec"]["template"]["metadata"]["labels"];
        let is_ours = labels[naming::LABEL_MANAGED_BY] == naming::MANAGED_BY
            && labels[naming::LABEL_INSTANCE] == self.request.id.as_str();
        (live.key.group == "apps" && !is_ours).then(|| {
            format!(
                "the next deploy labels the pods of {} as the instance's, which replaces them once",
                live.key
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

    async fn adopt(&self, cluster: &Cluster, row: &AdoptRow) -> Result<(), Failure> {
        let mut last = None;
        for _ in 0..MAX_LOOKS {
            let live = cluster.get(&row.key).await?;
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
        let with_appliers = ownership::owner(live, &self.request.id, &self.set) != Owner::Ours;
        let mut labels = texts(&metadata["labels"]);
        let mut annotations = texts(&metadata["annotations"]);
        for (mark, _) in naming::OWNER_MARKS {
            labels.remove(mark);
            annotations.remove(mark);
        }
        annotations.remove(LAST_APPLIED);
        annotations.remove(HELM_NAMESPACE);
        labels.remove(naming::LABEL_PART_OF);
        let own = [
            (naming::LABEL_MANAGED_BY, naming::MANAGED_BY),
            (naming::LABEL_INSTANCE, self.request.id.as_str()),
        ];
        let of_set = [
            (naming::LABEL_NAME, self.request.name.as_str()),
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
