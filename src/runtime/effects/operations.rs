//! Teardowns, scales, restarts and routes: planned, and carried out.

use jiff::Timestamp;

use crate::app::{Msg, OpId, Question};
use crate::engine::adjust::{
    AdjustOptions, AdjustPlan, Adjustment, WorkloadName, plan_adjustment, run_adjustment,
};
use crate::engine::claims::plan_release;
use crate::engine::operation::Meeting;
use crate::engine::plan::{TeardownPlan, TeardownScope, VolumeChoice};
use crate::engine::retained::plan_volume_release;
use crate::engine::routes::{RouteOptions, RoutePlan, plan_routes, run_routes};
use crate::engine::teardown::{TeardownOptions, plan_teardown, run_teardown};
use crate::engine::wait::wait_ready;
use crate::runtime::trash::keep_in_trash;
use crate::service::summary::InstanceKey;

use super::deploys::{Agreed, meeting, surroundings};
use super::{Runner, not_begun, reporter};

impl Runner {
    pub(super) fn plan_teardown(
        &mut self,
        op: OpId,
        key: InstanceKey,
        (scope, volumes): (TeardownScope, VolumeChoice),
    ) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Of(op, key.clone()), async move {
            let result = match cluster {
                Ok(cluster) => match scope {
                    TeardownScope::Instance => plan_teardown(&cluster, &key, volumes).await,
                    TeardownScope::KeptClaims => plan_release(&cluster, &key, volumes).await,
                    TeardownScope::RetainedVolumes => {
                        plan_volume_release(&cluster, &key, volumes).await
                    }
                },
                Err(failure) => Err(failure),
            };
            let result = result.map(Box::new);
            drop(messages.send(Msg::TeardownPlanned { op, key, result }));
        });
    }

    pub(super) fn run_teardown(&mut self, op: OpId, plan: Box<TeardownPlan>, meeting: Meeting) {
        let (start, cluster, messages) =
            (self.start.clone(), self.guarded(op), self.messages.clone());
        self.operations.spawn(async move {
            let options = TeardownOptions {
                wait: Some(start.settings.wait.gone()),
                holder: start.holder,
                meeting,
            };
            let report = reporter(op, messages.clone());
            let outcome = match cluster.await {
                Ok(cluster) => match keep_in_trash(&cluster, &plan, &start.trash).await {
                    Ok(_) => run_teardown(&cluster, &plan, &options, &report).await,
                    Err(failure) => not_begun(failure),
                },
                Err(failure) => not_begun(failure),
            };
            drop(messages.send(Msg::Finished { op, outcome }));
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
        let (start, cluster, messages) =
            (self.start.clone(), self.guarded(op), self.messages.clone());
        let adjusting = self.adjusting.clone();
        self.operations.spawn(async move {
            let report = reporter(op, messages.clone());
            let adjust = async {
                let cluster = cluster.await?;
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
            };
            let outcome = adjust.await.unwrap_or_else(not_begun);
            drop(messages.send(Msg::Finished { op, outcome }));
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
        let (start, cluster, messages) =
            (self.start.clone(), self.guarded(op), self.messages.clone());
        let adjusting = self.adjusting.clone();
        self.operations.spawn(async move {
            let report = reporter(op, messages.clone());
            let options = RouteOptions {
                holder: start.holder,
                takes_conflicts,
                meeting: meeting(takes_over),
            };
            let change = async {
                let cluster = cluster.await?;
                let _turn = adjusting.acquire().await;
                Ok(run_routes(&cluster, &plan, &options, &report).await)
            };
            let outcome = change.await.unwrap_or_else(not_begun);
            drop(messages.send(Msg::Finished { op, outcome }));
        });
    }
}
