//! What a plan makes of an object whose fields can never be changed: what was agreed to, or a refusal with the real options.

use serde_json::{Value, json};

use crate::cluster::{ApplyOptions, Cluster};
use crate::definition::object::{CLAIM, Object};
use crate::engine::difference::{difference, laid_over};
use crate::engine::frozen::{self, Resize};
use crate::engine::growth;
use crate::engine::lasting;
use crate::engine::metadata::Metadata;
use crate::engine::plan::Change;
use crate::engine::rehearse::{Actor, Rehearsal, rehearse, without};
use crate::engine::remedy::{HeldSize, Offer, Remedies, StoragePlan};
use crate::engine::replicas;
use crate::failure::{Failure, FailureKind};
use crate::service::operation::KeptReplicas;
use crate::service::summary::InstanceKey;

/// Workloads whose pods are made by a template: what cannot be made would be missed.
const REHEARSED: [&str; 2] = ["Deployment", "StatefulSet"];
const MAX_NAME: usize = 50;
/// What a server chooses for an object that it makes, and otherwise each time.
const CHOSEN: [&str; 11] = [
    "/spec/clusterIP",
    "/spec/clusterIPs",
    "/spec/healthCheckNodePort",
    "/spec/selector/matchLabels/controller-uid",
    "/spec/selector/matchLabels/batch.kubernetes.io~1controller-uid",
    "/spec/template/metadata/labels/controller-uid",
    "/spec/template/metadata/labels/batch.kubernetes.io~1controller-uid",
    "/spec/template/metadata/labels/job-name",
    "/spec/template/metadata/labels/batch.kubernetes.io~1job-name",
    "/metadata/labels/batch.kubernetes.io~1job-name",
    "/metadata/labels/job-name",
];
/// What keeps what others write into it beside what is applied.
const OTHERS: [&str; 11] = [
    "/metadata/labels",
    "/metadata/annotations",
    "/metadata/finalizers",
    "/metadata/ownerReferences",
    "/spec/selector",
    "/spec/template/metadata/labels",
    "/spec/template/metadata/annotations",
    "/data",
    "/binaryData",
    "/stringData",
    "/roleRef",
];

/// Decides about objects that cannot be changed in place.
#[derive(Clone, Copy)]
pub(super) struct Resolver<'a> {
    pub cluster: &'a Cluster,
    pub instance: &'a InstanceKey,
    pub actor: &'a Actor<'a>,
    /// What was agreed to.
    pub remedies: Remedies,
    /// Whether sizes that grew since stay, instead of being refused: the text was applied as it stands.
    pub holds_sizes: bool,
    /// The claims that are there of the templates of its sets.
    pub claims: &'a [Object],
}

/// What became of an object, with what that means for storage.
pub(super) struct Resolved {
    pub rehearsal: Rehearsal,
    pub storage: StoragePlan,
    pub offers: Vec<Offer>,
    /// The number of replicas that it has again where it is made anew.
    pub kept: Option<KeptReplicas>,
}

impl Resolved {
    fn plain(rehearsal: Rehearsal) -> Self {
        Self {
            rehearsal,
            storage: StoragePlan::default(),
            offers: Vec::new(),
            kept: None,
        }
    }

    /// Returns what is made anew in the place of `live`: with its number of replicas where nobody sets another.
    fn taking_over(&mut self, live: &Object, wanted: &Object) -> Object {
        let open = without(wanted, &self.rehearsal.yielded);
        self.kept = replicas::kept(live, &open);
        replicas::with_kept(wanted, self.kept.as_ref())
    }

    fn refuse(mut self, refusal: Failure) -> Self {
        self.rehearsal.refusals.push(refusal);
        self
    }
}

impl Resolver<'_> {
    /// Decides about an object that was rehearsed. `seen` is the live one's metadata.
    ///
    /// # Errors
    /// The cluster cannot be reached.
    pub async fn resolve(
        &self,
        wanted: &Object,
        seen: Option<&Object>,
        mut rehearsal: Rehearsal,
    ) -> Result<Resolved, Failure> {
        let (Some(failure), Some(seen)) = (rehearsal.frozen.take(), seen) else {
            return Ok(Resolved::plain(rehearsal));
        };
        let live = self.cluster.get(&seen.key).await?;
        let Some(live) = live.filter(|live| live.uid() == seen.uid()) else {
            return Ok(Resolved::plain(rehearsal).refuse(failure));
        };
        let resizes = frozen::resizes(&live, wanted);
        let (growths, mut shrinks): (Vec<Resize>, Vec<Resize>) =
            resizes.into_iter().partition(Resize::is_growth);
        if !self.holds_sizes {
            // Where the claims never followed their template it is made anew, and nothing shrinks.
            shrinks.retain(|it| !lasting::are_within(wanted, self.claims, it));
        }
        if let (Some(shrink), false) = (shrinks.first(), self.holds_sizes) {
            let refusal = frozen::never_shrinks(&wanted.key, shrink);
            return Ok(Resolved::plain(rehearsal).refuse(refusal));
        }
        let mut resolved = Resolved::plain(rehearsal);
        let (wanted, mut failure) = (hold(wanted, &shrinks, &mut resolved), failure);
        let labels = frozen::held_labels(&live, &wanted);
        if !shrinks.is_empty() || !labels.is_empty() {
            let held = frozen::with_labels(&wanted, &labels);
            let held = rehearse(self.cluster, self.actor, &held, Some(seen), None).await?;
            resolved = self.with_rehearsal(resolved, held);
            match resolved.rehearsal.frozen.take() {
                None => {
                    resolved.storage.held_labels = labels;
                    return Ok(resolved);
                }
                // What is made anew anyway bears the instance's labels.
                Some(still) => failure = still,
            }
        }
        if wanted.key.kind == CLAIM {
            return Ok(resolved.refuse(claim_refusal(&live, &wanted, &growths, &failure)));
        }
        if growths.is_empty() {
            return self
                .recreate_or_refuse(resolved, &live, &wanted, failure)
                .await;
        }
        self.grow(resolved, &live, &wanted, &growths, failure).await
    }

    /// Takes another rehearsal's findings in place of the first one's.
    fn with_rehearsal(&self, resolved: Resolved, mut rehearsal: Rehearsal) -> Resolved {
        rehearsal.warnings.extend(resolved.rehearsal.warnings);
        Resolved {
            rehearsal,
            ..resolved
        }
    }

    async fn grow(
        &self,
        mut resolved: Resolved,
        live: &Object,
        wanted: &Object,
        growths: &[Resize],
        failure: Failure,
    ) -> Result<Resolved, Failure> {
        if self.remedies.recreate && !self.remedies.grow_volumes {
            // What its claims keep is said of them all together.
            return self
                .recreate_or_refuse(resolved, live, wanted, failure)
                .await;
        }
        let of_set = (wanted, self.claims);
        let planned = growth::plan(self.cluster, self.instance, of_set, growths).await?;
        if !self.remedies.grow_volumes {
            if planned.is_ok() {
                let offer = frozen::offer_growth(&wanted.key, growths);
                resolved.offers.push(offer);
            }
            let failure = planned.err().unwrap_or(failure);
            return self
                .recreate_or_refuse(resolved, live, wanted, failure)
                .await;
        }
        match planned {
            Ok(planned) => resolved.storage.growths = planned,
            Err(refusal) => return Ok(resolved.refuse(refusal)),
        }
        let as_it_is = with_sizes_of(wanted, growths);
        let as_it_is = frozen::with_labels(&as_it_is, &frozen::held_labels(live, &as_it_is));
        let seen = Some(live);
        let rest = rehearse(self.cluster, self.actor, &as_it_is, seen, None).await?;
        if rest.frozen.is_some() {
            // More than sizes differ: a pod that has other volumes could never be adopted.
            return self
                .recreate_or_refuse(resolved, live, wanted, failure)
                .await;
        }
        let rolls = rest.planned.note.is_some();
        let sizes: Vec<Failure> = rest.refusals.clone();
        resolved.rehearsal.conflicts = rest.conflicts;
        resolved.rehearsal.refusals.extend(sizes);
        resolved.storage.orphaned.push(wanted.key.clone());
        let wanted = &resolved.taking_over(live, wanted);
        let made = self.made(live, wanted).await?;
        let after = made.unwrap_or_else(|_| by_itself(live, wanted));
        let pods = if rolls {
            "its pods are adopted, then replaced one by one"
        } else {
            "its pods go on running and are adopted"
        };
        recreated(&mut resolved, live, &after, pods);
        Ok(resolved)
    }

    async fn recreate_or_refuse(
        &self,
        mut resolved: Resolved,
        live: &Object,
        wanted: &Object,
        failure: Failure,
    ) -> Result<Resolved, Failure> {
        let offer = frozen::offer_recreation(&wanted.key);
        match offer {
            Some(_) if self.remedies.recreate => {
                let wanted = &resolved.taking_over(live, wanted);
                let after = match self.made(live, wanted).await? {
                    Ok(after) => after,
                    Err(refusal) => return Ok(resolved.refuse(refusal)),
                };
                // Nobody owns fields of what is made anew.
                resolved.rehearsal.conflicts.clear();
                recreated(&mut resolved, live, &after, "the old one is deleted first");
                Ok(resolved)
            }
            offer => {
                resolved.offers.extend(offer);
                let unlike = frozen::unlike(live, wanted);
                let refusal =
                    frozen::refusal(&wanted.key, failure, unlike.as_deref(), &resolved.offers);
                Ok(resolved.refuse(refusal))
            }
        }
    }

    /// Rehearses the making of an object under a name that is free: what will be there, as nothing of the old one stays. A
    /// workload must not be deleted for one that is then refused; the rest is computed here where nobody can say.
    async fn made(
        &self,
        live: &Object,
        wanted: &Object,
    ) -> Result<Result<Value, Failure>, Failure> {
        if !self.actor.may_write {
            return Ok(Ok(by_itself(live, wanted)));
        }
        let mut twin = wanted.clone();
        let stem: String = wanted.key.name.chars().take(MAX_NAME).collect();
        twin.key.name = format!("{}-anew", stem.trim_end_matches('-'));
        twin.json["metadata"]["name"] = json!(twin.key.name);
        let options = ApplyOptions {
            field_manager: self.actor.manager(),
            dry_run: true,
            force: false,
        };
        let is_workload = REHEARSED.contains(&wanted.key.kind.as_str());
        match self.cluster.apply(&twin, &options).await {
            Ok(written) => Ok(Ok(named_back(written.object.json, wanted))),
            Err(failure) if failure.is_unanswered() => Err(failure),
            Err(failure) if failure.kind == FailureKind::Invalid && is_workload => Ok(Err(failure)),
            Err(_) => Ok(Ok(by_itself(live, wanted))),
        }
    }
}

/// Gives what was rehearsed under another name its own again, without what the server chose for the other alone.
fn named_back(mut made: Value, wanted: &Object) -> Value {
    made["metadata"]["name"] = json!(wanted.key.name);
    for place in CHOSEN {
        if wanted.json.pointer(place).is_none() {
            remove(&mut made, place);
        }
    }
    made
}

/// Returns what an object made anew will be where nobody can ask: its own, with what the server filled in of what stays, and
/// without what others wrote into the old one.
fn by_itself(live: &Object, wanted: &Object) -> Value {
    let mut after = laid_over(&live.json, &wanted.json);
    for place in OTHERS {
        match (wanted.json.pointer(place), after.pointer_mut(place)) {
            (Some(own), Some(there)) => *there = own.clone(),
            (None, Some(_)) => remove(&mut after, place),
            (_, None) => {}
        }
    }
    named_back(after, wanted)
}

/// Removes the field that a pointer leads to.
fn remove(object: &mut Value, place: &str) {
    let (parent, field) = place.rsplit_once('/').expect("every place has a slash");
    let field = field.replace("~1", "/");
    if let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.remove(&field);
    }
}

/// Lets sizes that grew since stay as they are, and says so.
fn hold(wanted: &Object, shrinks: &[Resize], resolved: &mut Resolved) -> Object {
    let mut held = wanted.clone();
    for shrink in shrinks {
        held = frozen::with_size(&held, shrink.template.as_deref(), &shrink.from);
        let what = match &shrink.template {
            Some(name) => format!("volume {name} of {}", wanted.key),
            None => wanted.key.to_string(),
        };
        resolved.rehearsal.warnings.push(format!(
            "{what} stays at {}, though the definition says {}: claims never shrink",
            shrink.from, shrink.to
        ));
        resolved.storage.held.push(HeldSize {
            key: wanted.key.clone(),
            template: shrink.template.clone(),
            size: shrink.from.clone(),
        });
    }
    held
}

fn with_sizes_of(wanted: &Object, growths: &[Resize]) -> Object {
    let sized =
        |object: Object, it: &Resize| frozen::with_size(&object, it.template.as_deref(), &it.from);
    growths.iter().fold(wanted.clone(), sized)
}

fn claim_refusal(live: &Object, wanted: &Object, growths: &[Resize], failure: &Failure) -> Failure {
    match growths.first() {
        Some(growth) if frozen::is_growth_refused(failure) => {
            let class = live.json["spec"]["storageClassName"].as_str();
            let class = class.filter(|class| !class.is_empty());
            frozen::cannot_grow(&wanted.key, class, &growth.to)
        }
        _ => frozen::fixed_claim(&wanted.key),
    }
}

fn recreated(resolved: &mut Resolved, live: &Object, after: &Value, what: &str) {
    let planned = &mut resolved.rehearsal.planned;
    planned.change = Change::Recreate;
    planned.live_uid = Some(Metadata::of(live).uid().to_owned());
    planned.difference = difference(Some(&live.json), Some(after));
    let stays = resolved.kept.as_ref().map(replicas::stays);
    let stays = stays.map_or_else(String::new, |stays| format!("; {stays}"));
    planned.note = Some(format!("made anew: {what}{stays}"));
}
