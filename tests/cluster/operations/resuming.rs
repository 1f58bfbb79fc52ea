//! What was left half done, planned and finished by another client that has nothing but the cluster.

use std::collections::BTreeMap;

use bowline::definition::Definition;
use bowline::engine::adjust::{AdjustOptions, run_adjustment};
use bowline::engine::adopt::{AdoptOptions, run_adopt};
use bowline::engine::deploy::{RunOptions, run_deploy};
use bowline::engine::operation::Meeting;
use bowline::engine::remedy::Remedies;
use bowline::engine::resume::{ResumePlan, ResumeRequest, Surroundings, plan_resume, run_clear};
use bowline::engine::rollback::{RollbackPlan, RollbackRequest, plan_rollback, run_rollback};
use bowline::engine::routes::{RouteOptions, run_routes};
use bowline::engine::teardown::{TeardownOptions, run_teardown};
use bowline::failure::Failure;
use bowline::secret::SecretValues;
use bowline::service::operation::Operation;

use crate::cluster::DEADLINE;
use crate::engine::stage::Stage;

pub(super) async fn plan_back(stage: &Stage<'_>, id: &str) -> RollbackPlan {
    let wish = RollbackRequest {
        instance: stage.key(id),
        to: Some(1),
        surroundings: surroundings(),
    };
    plan_rollback(stage.engine(), &wish, &no_secrets)
        .await
        .unwrap()
}

pub(super) fn surroundings() -> Surroundings {
    Surroundings {
        ingress_host: None,
        gpus: BTreeMap::new(),
        yields: false,
        remedies: Remedies::default(),
        message: None,
        holder: "bob@bastion/8".to_owned(),
    }
}

pub(super) fn no_secrets(_: &Definition) -> Result<SecretValues, Failure> {
    Ok(SecretValues::default())
}

pub(super) fn teardown_options() -> TeardownOptions {
    TeardownOptions {
        wait: Some(DEADLINE),
        holder: "ann@bastion/7".to_owned(),
        meeting: Meeting::TakeOver,
    }
}

pub(super) fn adjust_options() -> AdjustOptions {
    AdjustOptions {
        holder: "ann@bastion/7".to_owned(),
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        takes_conflicts: false,
        meeting: Meeting::TakeOver,
    }
}

pub(super) fn adopt_options() -> AdoptOptions {
    AdoptOptions {
        holder: "ann@bastion/7".to_owned(),
        meeting: Meeting::TakeOver,
    }
}

pub(super) fn route_options(takes_conflicts: bool) -> RouteOptions {
    RouteOptions {
        holder: "ann@bastion/7".to_owned(),
        takes_conflicts,
        meeting: Meeting::TakeOver,
    }
}

pub(super) async fn plan(stage: &Stage<'_>, id: &str) -> Result<ResumePlan, Failure> {
    let wish = ResumeRequest {
        instance: stage.key(id),
        surroundings: surroundings(),
    };
    let engine = stage.engine().clone();
    // Spawned, as a dashboard does.
    let planned = tokio::spawn(async move { plan_resume(&engine, &wish, &no_secrets).await });
    planned.await.unwrap()
}

/// Resumes what is noted, as another client that has nothing but the cluster. That its holder is gone is known here.
pub(super) async fn resume(stage: &Stage<'_>, id: &str) {
    let options = RunOptions {
        meeting: Meeting::TakeOver,
        ..RunOptions::default()
    };
    let engine = stage.engine();
    let outcome = match plan(stage, id).await.unwrap() {
        ResumePlan::Deploy { request, plan } => {
            run_deploy(engine, &request, &plan, options, &|_| {}).await
        }
        ResumePlan::Rollback(plan) => run_rollback(engine, &plan, options, &|_| {}).await,
        ResumePlan::Teardown(plan) => {
            run_teardown(engine, &plan, &teardown_options(), &|_| {}).await
        }
        ResumePlan::Adjust { plan, .. } => {
            // A restart goes on as the same one: this time is not used.
            let options = AdjustOptions {
                at: "2030-01-01T00:00:00Z".parse().unwrap(),
                ..adjust_options()
            };
            run_adjustment(engine, &plan, &options, &|_| {}).await
        }
        ResumePlan::Routes {
            plan,
            takes_conflicts,
        } => run_routes(engine, &plan, &route_options(takes_conflicts), &|_| {}).await,
        ResumePlan::Adopt(plan) => run_adopt(engine, &plan, &adopt_options(), &|_| {}).await,
        ResumePlan::Clear(plan) => {
            run_clear(engine, &plan, options, "bob@bastion/8", &|_| {}).await
        }
    };
    assert!(outcome.is_complete(), "{id}: {outcome:?}");
}

/// Returns the operation that others see on an instance.
pub(super) async fn noted(stage: &Stage<'_>, id: &str) -> Option<Operation> {
    let detail = stage
        .engine()
        .snapshot_instance(&stage.key(id))
        .await
        .unwrap();
    detail?.record()?.operation.clone()
}

pub(super) async fn revision(stage: &Stage<'_>, id: &str) -> Option<u32> {
    let detail = stage
        .engine()
        .snapshot_instance(&stage.key(id))
        .await
        .unwrap();
    detail?.record()?.revision
}
