//! What carrying out a plan may do, and what of it this user lacks.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Access;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::deploy::storage;
use crate::engine::plan::{Change, DeployPlan};
use crate::engine::preflight::{self, Survey, access, access_to};
use crate::engine::prune::Leaving;
use crate::engine::volumes;
use crate::failure::{Failure, FailureKind};

use super::{KIND_COMES, Planner};

impl Planner<'_> {
    /// Returns all that carrying out the plan may do, whatever of it turns out to be needed.
    pub(super) fn accesses(
        &self,
        survey: &Survey,
        leaving: &[Leaving<'_>],
        to_come: &BTreeMap<ObjectKey, &'static str>,
    ) -> BTreeSet<Access> {
        let config_map = GroupKind::new("", "ConfigMap");
        let mut accesses = BTreeSet::new();
        for verb in ["get", "create", "patch", "delete"] {
            accesses.insert(access(verb, &config_map, self.request));
        }
        let mut want = |verb, object: &Object| {
            accesses.insert(access_to(verb, &object.key));
        };
        let is_known = |object: &&Object| to_come.get(&object.key) != Some(&KIND_COMES);
        for object in self.rendered.objects.iter().filter(is_known) {
            want("get", object);
            want("patch", object);
            if survey.find(&object.key).is_none() {
                want("create", object);
            }
        }
        for key in &self.hidden {
            accesses.extend(["get", "create", "patch"].map(|verb| access_to(verb, key)));
        }
        let mut want = |verb, object: &Object| {
            accesses.insert(access_to(verb, &object.key));
        };
        for leaving in leaving {
            match leaving {
                Leaving::Deleted(object) => {
                    want("delete", object);
                    if object.key.kind == storage::SET {
                        // It may have to let go of its claims.
                        want("patch", object);
                    }
                }
                Leaving::Kept(object) => want("patch", object),
                Leaving::NotOurs(_) => {}
            }
        }
        accesses
    }

    /// Says all that this user lacks, where nothing can be planned because not even what is there may be read.
    pub(super) async fn blind(
        &self,
        survey: &Survey,
        to_come: &BTreeMap<ObjectKey, &'static str>,
    ) -> Result<Failure, Failure> {
        let unseen: Vec<&ObjectKey> = self.unseen.iter().chain(&survey.unseen).collect();
        let mut accesses = self.accesses(survey, &[], to_come);
        accesses.extend(unseen.iter().map(|key| access_to("get", key)));
        let missing = preflight::forbidden(self.cluster, accesses).await?;
        let refusal = preflight::forbidden_refusal(&missing, self.request.namespace.as_str());
        Ok(refusal.unwrap_or_else(|| {
            let names: Vec<String> = unseen.iter().map(ToString::to_string).collect();
            let summary = format!("this user may not read {}", names.join(", "));
            Failure::new(FailureKind::Forbidden, summary)
        }))
    }

    /// Refuses what was agreed to where this user may not do it.
    pub(super) async fn may_carry_out(&self, plan: &mut DeployPlan) -> Result<(), Failure> {
        let mut accesses = BTreeSet::new();
        for object in &plan.objects {
            if object.change == Change::Recreate {
                accesses.insert(access_to("delete", &object.key));
                accesses.insert(access_to("create", &object.key));
            }
        }
        for growth in &plan.storage.growths {
            accesses.insert(access_to("patch", &growth.claim));
        }
        if !plan.storage.binds.is_empty() {
            accesses.extend(volumes::accesses());
        }
        let missing = preflight::forbidden(self.cluster, accesses).await?;
        let refusal = preflight::forbidden_refusal(&missing, self.request.namespace.as_str());
        plan.refusals.extend(refusal);
        Ok(())
    }
}
