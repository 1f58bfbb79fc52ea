//! Carrying out an adoption, under the operation that the record holds.

use std::collections::BTreeSet;

use super::{AdoptOptions, AdoptPlan, AdoptRow, Claimant, OPERATION, may_begin};
use crate::cluster::{Cluster, Propagation};
use crate::definition::object::GroupKind;
use crate::engine::apply;
use crate::engine::deploy::Report;
use crate::engine::journal::Journal;
use crate::engine::one_by_one::OneByOne;
use crate::engine::operation::{self, Intent, Lease, Opening, Shown};
use crate::engine::progress::{Outcome, Step};
use crate::engine::record::{self, Extent};
use crate::failure::Failure;
use crate::service::operation::{Aim, Handed};

/// The longest list of objects that is noted: the annotations of a record together hold four times as much. What is longer is
/// finished by the same command again.
const MAX_NOTED: usize = 64 * 1024;

/// Carries out an adoption that was shown. An object that changed hands meanwhile is left alone.
pub async fn run_adopt(
    cluster: &Cluster,
    plan: &AdoptPlan,
    options: &AdoptOptions,
    report: Report<'_>,
) -> Outcome {
    let mut journal = Journal::new(report);
    if plan.refusals.is_empty() && plan.is_noop() {
        return journal.into_outcome();
    }
    let lease = match begin(cluster, plan, options, &mut journal).await {
        Ok(lease) => lease,
        Err(failure) => return journal.not_begun(failure, plan.rows.iter().map(step_of)),
    };
    let run = Run {
        cluster,
        plan,
        lease: &lease,
    };
    lease.through(run.carry_out(&mut journal)).await;
    journal.into_outcome()
}

async fn begin<'a>(
    cluster: &'a Cluster,
    plan: &AdoptPlan,
    options: &AdoptOptions,
    journal: &mut Journal<'_>,
) -> Result<Lease<'a>, Failure> {
    if let Some(refusal) = plan.refusals.first() {
        return Err(refusal.clone());
    }
    let instance = &plan.instance;
    if let Some(record) = record::read(cluster, instance).await? {
        may_begin(&record, instance, cluster.now())?;
    }
    let intent = Intent {
        kind: OPERATION,
        instance,
        holder: &options.holder,
        aim: Aim {
            definition: Some(plan.name.to_string()),
            handed: noted(&plan.rows),
            ..Aim::default()
        },
        n_steps: plan.rows.len(),
        meeting: options.meeting,
        shown: Shown::Anything,
    };
    let opening = Opening {
        definition: plan.name.as_str(),
        extent: extent(plan),
        // Whatever is there is adopted into what there is by then.
        seen: None,
        is_adopted: true,
    };
    let lease = operation::claim(cluster, &intent, Some(&opening), journal).await?;
    lease.ok_or_else(|| instance.not_there())
}

/// Returns what is noted of the objects that change hands; nothing where that is too much.
fn noted(rows: &[AdoptRow]) -> Vec<Handed> {
    let handed: Vec<Handed> = rows.iter().map(AdoptRow::noted).collect();
    let text = serde_json::to_string(&handed).expect("names can always be written as JSON");
    match text.len() > MAX_NOTED {
        true => Vec::new(),
        false => handed,
    }
}

/// Returns where the objects are that become members of the set: claims are none.
fn extent(plan: &AdoptPlan) -> Extent {
    let own = plan.instance.namespace.as_str();
    let rows = || plan.rows.iter().filter(|row| !row.is_claim);
    let namespaces = rows().filter_map(|row| row.key.namespace.clone());
    Extent {
        kinds: rows().map(|row| GroupKind::of(&row.key)).collect(),
        namespaces: namespaces
            .filter(|it| it != own)
            .collect::<BTreeSet<String>>(),
    }
}

struct Run<'a> {
    cluster: &'a Cluster,
    plan: &'a AdoptPlan,
    lease: &'a Lease<'a>,
}

impl Run<'_> {
    async fn carry_out(&self, journal: &mut Journal<'_>) {
        let claimant = Claimant::of_plan(self.plan);
        let mut changes = OneByOne::new(self.lease);
        let mut n_adopted = 0;
        for row in &self.plan.rows {
            let step = step_of(row);
            let doing = format!("adopt {}", row.key);
            if !changes.may_begin(&step, &doing, journal).await {
                continue;
            }
            let adopted = claimant.adopt(self.cluster, row).await;
            n_adopted += usize::from(adopted.is_ok());
            let was = || row.owner.as_ref().map(|owner| format!("was {owner}'s"));
            journal.ended(step, adopted.map(|()| was()));
        }
        if n_adopted == 0 && self.lease.replaced().is_none() {
            self.leave_nothing().await;
        }
    }

    /// Deletes the record that was made for this, where nothing became a part of its set. One that stays is taken down like any.
    async fn leave_nothing(&self) {
        if self.lease.step("nothing was adopted").await.is_err() {
            return;
        }
        let (key, uid) = (record::key(&self.plan.instance), self.lease.record_uid());
        let deleted = apply::delete(self.cluster, &key, uid, Propagation::Background).await;
        if deleted.is_ok() {
            self.lease.bury().await;
        }
    }
}

fn step_of(row: &AdoptRow) -> Step {
    Step::Adopt(row.key.clone())
}
