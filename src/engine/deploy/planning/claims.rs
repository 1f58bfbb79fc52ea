//! The claims of a deploy: what lasts though the definition says otherwise, what grows, what is bound again, what is kept.

use std::collections::BTreeSet;

use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object, ObjectKey};
use crate::engine::classes::Classes;
use crate::engine::deploy::storage;
use crate::engine::lasting::{self, What};
use crate::engine::live::Live;
use crate::engine::ownership::{self, Owner};
use crate::engine::plan::{Change, DeployPlan, PlannedObject};
use crate::engine::preflight::Survey;
use crate::engine::record::Record;
use crate::engine::remedy::{Offer, PlannedGrowth, Remedy};
use crate::engine::revision;
use crate::engine::{binding, claims, growth, retention};
use crate::failure::{Failure, FailureKind};
use crate::service::advice;

use super::Planner;

impl Planner<'_> {
    /// Tells whether sizes that grew since stay: what is deployed again is what was applied, as it stands.
    pub(super) fn holds_sizes(&self) -> bool {
        let is_applied = |record: &Record| {
            record.definition_hash() == Some(&revision::text_hash(&self.request.text))
        };
        self.request.remedies.hold_sizes || self.record.is_some_and(is_applied)
    }

    /// Lists the claims that are there of the templates of its sets; none where they may not be listed, which refuses to let
    /// them grow: a set would be made anew with a larger template alone.
    pub(super) async fn claims(
        &self,
        plan: &mut DeployPlan,
        survey: &Survey,
    ) -> Result<Vec<Object>, Failure> {
        let objects = self.rendered.objects.iter();
        let sets: Vec<&Object> = objects.filter(|it| lasting::has_templates(it)).collect();
        let is_its = |claim: &&Object| {
            (sets.iter()).any(|set| lasting::template_of(&claim.key, set).is_some())
        };
        let found = survey.of_kind(CLAIM).filter(is_its);
        let namespaces: BTreeSet<&str> = found
            .filter_map(|claim| claim.key.namespace.as_deref())
            .collect();
        let instance = self.request.instance();
        match growth::claims(self.cluster, &instance, &namespaces).await {
            Err(failure) if failure.kind == FailureKind::Forbidden => {
                if self.request.remedies.grow_volumes {
                    let summary = "this user may not list PersistentVolumeClaims: those that are to grow cannot be found";
                    plan.refusals
                        .push(Failure::new(FailureKind::Forbidden, summary));
                }
                Ok(Vec::new())
            }
            claims => claims,
        }
    }

    /// Says what claims that are there keep although the definition says otherwise, and lets them grow where that was agreed
    /// to and is possible.
    pub(super) async fn look_at_claims(
        &self,
        plan: &mut DeployPlan,
        claims: &[Object],
    ) -> Result<(), Failure> {
        let mut sets = self.rendered.objects.clone();
        sets.retain(lasting::has_templates);
        storage::hold(&mut sets, &plan.storage);
        for set in &sets {
            let grows =
                |claim: &ObjectKey| plan.storage.growths.iter().any(|it| it.claim == *claim);
            let mut lasting = lasting::lasting(set, claims);
            lasting.retain(|it| it.what != What::Size || !grows(&it.claim));
            let growths = lasting::growths(&lasting);
            let instance = &plan.instance;
            let planned = growth::plan(self.cluster, instance, (set, claims), &growths).await?;
            let way = match &planned {
                Ok(_) => "--grow-volumes grows them too".to_owned(),
                Err(failure) => format!("{failure}; {}", failure.detail),
            };
            match planned {
                Ok(planned) if self.request.remedies.grow_volumes => {
                    plan.storage.growths.extend(planned);
                    lasting.retain(|it| it.what != What::Size);
                }
                Ok(planned) if !planned.is_empty() => self.offer_growth(plan, &planned),
                Err(failure) if self.request.remedies.grow_volumes => {
                    let is_it = |it: &Failure| it.summary == failure.summary;
                    if !plan.refusals.iter().any(is_it) {
                        plan.refusals.push(failure);
                    }
                }
                _ => {}
            }
            // What cannot run leaves nothing behind, and its refusal says why.
            if plan.refusals.is_empty() {
                plan.warnings
                    .extend(lasting::sentences(&lasting, |_| way.clone()));
            }
        }
        Ok(())
    }

    /// Says which claims go with the pods that a set has too many.
    pub(super) async fn say_scaled_away(
        &self,
        plan: &mut DeployPlan,
        survey: &Survey,
        live: &Live,
    ) -> Result<(), Failure> {
        let sets = self.rendered.objects.iter();
        let sets =
            sets.filter(|it| lasting::has_templates(it) && it.json["spec"]["replicas"].is_u64());
        for set in sets {
            let Some(seen) = survey.find(&set.key) else {
                continue;
            };
            // Who may not read it is told so where it is rehearsed.
            let Some(before) = self.whole(seen, live).await? else {
                continue;
            };
            let mut after = before.clone();
            if let Some(policy) = set.json["spec"].get(retention::POLICY) {
                json_patch::merge(&mut after.json["spec"][retention::POLICY], policy);
            }
            let numbers = (binding::n_pods(&before), binding::n_pods(set));
            let lost = retention::scaled_away(&after, numbers.0, numbers.1);
            if !lost.is_empty() {
                plan.warnings
                    .push(retention::goes_with_pods(&set.key, &lost));
            }
        }
        Ok(())
    }

    /// Offers to let claims grow that are smaller than their template, unless that is offered already.
    fn offer_growth(&self, plan: &mut DeployPlan, growths: &[PlannedGrowth]) {
        let is_offered = |offer: &Offer| offer.remedy == Remedy::GrowVolumes;
        if plan.offers.iter().any(is_offered) {
            return;
        }
        let growths: Vec<String> = growths
            .iter()
            .map(|it| format!("{} from {} to {}", it.claim.name, it.from, it.to))
            .collect();
        let grown = growths.join(", ");
        plan.offers.push(Offer {
            remedy: Remedy::GrowVolumes,
            sentence: format!("grows {grown}; pods go on running, and claims never shrink again"),
        });
    }

    /// Looks for volumes that a teardown retained, for claims that are to come, and for classes of every sort that objects and
    /// claims name and the cluster does not have.
    pub(super) async fn look_for_volumes_and_classes(
        &self,
        plan: &mut DeployPlan,
        survey: &Survey,
    ) -> Result<(), Failure> {
        // Each replica has claims of its own, also those that a workload is made with though its text leaves their number open.
        let objects = self.made(&plan.kept_replicas);
        let mut claims = binding::claims_to_come(&objects);
        claims.retain(|claim| {
            let own = self.request.namespace.as_str();
            let name = |live: &Object| {
                live.key.name == claim.name
                    && live.key.namespace.as_deref()
                        == Some(claim.namespace.as_deref().unwrap_or(own))
            };
            !survey.of_kind(CLAIM).any(name)
        });
        let classes = Classes::read(self.cluster, &objects, &claims).await?;
        let wanted = binding::Wanted {
            rendered: &objects,
            claims: &claims,
            default_class: classes.default_storage(),
            binding: self.request.remedies.binding(),
        };
        let mut found = binding::look(self.cluster, &plan.instance, wanted).await?;
        let claim = GroupKind::new("", CLAIM);
        if survey.unlisted.iter().any(|(kind, _)| *kind == claim) {
            // They may be there already.
            found.storage.fresh.clear();
        }
        // A claim that gets a volume back needs no class.
        claims.retain(|claim| found.storage.fresh.contains(&claim.name));
        plan.warnings.extend(classes.missing(&objects, &claims));
        plan.storage.absorb(found.storage);
        plan.offers.extend(found.offers);
        plan.warnings.extend(found.warnings);
        plan.refusals.extend(found.refusals);
        Ok(())
    }

    /// Says which claims nothing will use any more, where a `StatefulSet` goes or is made anew.
    pub(super) fn say_kept(&self, plan: &mut DeployPlan, survey: &Survey) {
        let goes = |object: &PlannedObject| {
            object.key.kind == "StatefulSet"
                && matches!(object.change, Change::Delete | Change::Recreate)
        };
        if !plan.objects.iter().any(goes) {
            return;
        }
        let id = &self.request.id;
        let set = naming::instance_applyset_id(id, &self.request.namespace);
        let users: Vec<_> = (self.rendered.objects.iter())
            .filter_map(claims::claims_of)
            .collect();
        let is_wanted = |claim: &Object| {
            let namespace = claim.key.namespace.as_ref().and_then(|it| it.parse().ok());
            namespace.is_some_and(|it| users.iter().any(|user| user.wants(&it, &claim.key.name)))
        };
        for claim in survey.of_kind(CLAIM) {
            let is_from_template = naming::claim_ordinal(&claim.key.name, id.as_str()).is_some();
            let is_ours = ownership::owner(claim, id, &set) == Owner::Ours;
            if is_from_template && is_ours && !is_wanted(claim) {
                plan.warnings.push(format!(
                    "{} is kept with its data, and nothing uses it any more: {} releases it",
                    claim.key,
                    advice::command("delete --kept", &plan.instance)
                ));
            }
        }
    }
}
