//! How each operation runs, and teardowns, scales, restarts and routes: planned, and carried out.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::app::{Msg, OpId, Question};
use crate::cluster::Cluster;
use crate::engine::adjust::{
    AdjustOptions, AdjustPlan, Adjustment, WorkloadName, plan_adjustment, run_adjustment,
};
use crate::engine::claims::plan_release;
use crate::engine::operation::Meeting;
use crate::engine::plan::{TeardownPlan, TeardownScope, VolumeChoice};
use crate::engine::progress::{Outcome, Progress, Step};
use crate::engine::retained::plan_volume_release;
use crate::engine::routes::{RouteOptions, RoutePlan, plan_routes, run_routes};
use crate::engine::teardown::{TeardownOptions, plan_teardown, run_teardown};
use crate::engine::wait::wait_ready;
use crate::failure::Failure;
use crate::runtime::applied::forget_applied;
use crate::runtime::trash::keep_in_trash;
use crate::service::summary::InstanceKey;

use super::Runner;
use super::deploys::{Agreed, meeting, surroundings};

/// Hears of each fact while an operation runs, and passes it on.
pub(super) type Reporter = Box<dyn Fn(Progress) + Send + Sync>;

impl Runner {
    /// Begins an operation: it is given the cluster once that is known to be the one that plans were shown of, and its outcome
    /// is sent once it has ended.
    pub(super) fn operate<T>(
        &mut self,
        op: OpId,
        carry_out: impl FnOnce(Cluster, Reporter) -> T + Send + 'static,
    ) where
        T: Future<Output = Result<Outcome, Failure>> + Send,
    {
        let (cluster, messages) = (self.guarded(op), self.messages.clone());
        self.operations.spawn(async move {
            let told = messages.clone();
            let report: Reporter =
                Box::new(move |progress| drop(told.send(Msg::Progressed { op, progress })));
            let ended = async { carry_out(cluster.await?, report).await };
            let outcome = ended.await.unwrap_or_else(not_begun);
            drop(messages.send(Msg::Finished { op, outcome }));
        });
    }

    pub(super) fn plan_teardown(
        &mut self,
        op: OpId,
        key: InstanceKey,
        (scope, volumes, named): (TeardownScope, VolumeChoice, BTreeSet<String>),
    ) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Of(op, key.clone()), async move {
            let result = match cluster {
                Ok(cluster) => match scope {
                    TeardownScope::Instance => plan_teardown(&cluster, &key, volumes).await,
                    TeardownScope::KeptClaims => plan_release(&cluster, &key, volumes).await,
                    TeardownScope::RetainedVolumes => {
                        plan_volume_release(&cluster, &key, volumes, &named).await
                    }
                },
                Err(failure) => Err(failure),
            };
            let result = result.map(Box::new);
            drop(messages.send(Msg::TeardownPlanned { op, key, result }));
        });
    }

    pub(super) fn run_teardown(&mut self, op: OpId, plan: Box<TeardownPlan>, meeting: Meeting) {
        let start = self.start.clone();
        self.operate(op, move |cluster, report| async move {
            let options = TeardownOptions {
                wait: Some(start.settings.wait.gone()),
                holder: start.holder,
                meeting,
            };
            keep_in_trash(&cluster, &plan, &start.trash).await?;
            let outcome = run_teardown(&cluster, &plan, &options, &report).await;
            forget_applied(&cluster, &start.applied, &plan, &outcome).await;
            Ok(outcome)
        });
    }

    pub(super) fn plan_adjustment(
        &mut self,
        op: OpId,
        key: InstanceKey,
        adjustment: Adjustment,
        only: Option<WorkloadName>,
    ) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Of(op, key.clone()), async move {
            let plan = async { plan_adjustment(&cluster?, &key, adjustment, only.as_ref()).await };
            let result = plan.await.map(Box::new);
            drop(messages.send(Msg::AdjustmentPlanned { op, key, result }));
        });
    }

    pub(super) fn run_adjustment(
        &mut self,
        op: OpId,
        plan: Box<AdjustPlan>,
        (takes_conflicts, takes_over): (bool, bool),
    ) {
        let (start, adjusting) = (self.start.clone(), self.adjusting.clone());
        self.operate(op, move |cluster, report| async move {
            let turn = adjusting.acquire().await;
            let options = AdjustOptions {
                holder: start.holder,
                at: Timestamp::now(),
                takes_conflicts,
                meeting: meeting(takes_over),
            };
            let mut outcome = run_adjustment(&cluster, &plan, &options, &report).await;
            drop(turn);
            if outcome.is_complete() {
                let within = start.settings.wait.ready();
                outcome.absorb(wait_ready(&cluster, &plan.instance, within, &report).await);
            }
            Ok(outcome)
        });
    }

    pub(super) fn plan_routes(&mut self, op: OpId, keys: Vec<InstanceKey>) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let surroundings = surroundings(&self.start, Agreed::default());
        self.read(Question::Numbered(op), async move {
            let plans = async { plan_routes(&cluster?, &keys, &surroundings).await };
            let result = plans.await;
            drop(messages.send(Msg::RoutesPlanned { op, result }));
        });
    }

    pub(super) fn run_routes(
        &mut self,
        op: OpId,
        plan: Box<RoutePlan>,
        (takes_conflicts, takes_over): (bool, bool),
    ) {
        let (holder, adjusting) = (self.start.holder.clone(), self.adjusting.clone());
        self.operate(op, move |cluster, report| async move {
            let options = RouteOptions {
                holder,
                takes_conflicts,
                meeting: meeting(takes_over),
            };
            let _turn = adjusting.acquire().await;
            Ok(run_routes(&cluster, &plan, &options, &report).await)
        });
    }
}

/// The outcome of an operation that failed before its first step.
fn not_begun(failure: Failure) -> Outcome {
    Outcome {
        failed: vec![(Step::Claim, failure)],
        ..Outcome::default()
    }
}
