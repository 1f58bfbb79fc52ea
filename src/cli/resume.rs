//! `bowline resume`: what was left half done, planned from what is there and finished, whoever began it.

use serde_json::json;

use super::applying::{self, Planned, Wishes};
use super::args::{Adjust, Applying, Chosen, Delete, Resume, UpdateIngress, Volumes};
use super::asking::Asker;
use super::operate::{self, Ended};
use super::session::Session;
use super::{
    Exit, adjust, adopt, confirm, delete, missing, output, plan_json, restore, review, routes, turn,
};
use crate::cluster::Cluster;
use crate::engine::deploy::RunOptions;
use crate::engine::plan::{TeardownPlan, TeardownScope, VolumeChoice};
use crate::engine::progress::Outcome;
use crate::engine::resume::{ClearPlan, ResumePlan, ResumeRequest, plan_resume, run_clear};
use crate::text;

pub fn run(args: &Resume, session: &Session) -> anyhow::Result<Exit> {
    if let Some(confirmed) = &args.applying.confirm {
        confirm::same(confirmed, &args.id, "resumed")?;
    }
    let beside = session.catalogue.dir().to_owned();
    let asker = Asker::of(&args.applying, args.dry_run, beside)?;
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run);
        let instance = session.instance(&cluster, &args.id);
        let attempt = async || resume(args, session, cluster.clone(), &asker).await;
        let instances = std::slice::from_ref(&instance);
        let waiting = &args.applying.waiting;
        let ended = turn::in_turn(waiting, session, &cluster, instances, attempt).await;
        missing::explained_of_work(&cluster, &instance, ended).await
    })
}

async fn resume(
    args: &Resume,
    session: &Session,
    cluster: Cluster,
    asker: &Asker,
) -> anyhow::Result<Exit> {
    let request = ResumeRequest {
        instance: session.instance(&cluster, &args.id),
        surroundings: restore::surroundings(session, &args.applying),
    };
    let secrets = |definition: &_| asker.read(definition);
    let wishes = Wishes::of(&args.applying, args.dry_run);
    let plan = async || plan_resume(&cluster, &request, &secrets).await;
    let plan = asker.plan(plan, ResumePlan::deploy).await?;
    // Where nothing is under way that was said by now.
    wishes.require_answer()?;
    match plan {
        ResumePlan::Deploy { request, plan } => {
            let planned = Planned::Deploy(*request, *plan);
            applying::decide(wishes, session, cluster, planned).await
        }
        ResumePlan::Rollback(plan) => {
            applying::decide(wishes, session, cluster, Planned::Rollback(*plan)).await
        }
        ResumePlan::Teardown(plan) => {
            let args = as_delete(args, &plan);
            delete::show(&args, &plan)?;
            delete::decide(&args, session, &cluster, vec![*plan], Vec::new()).await
        }
        ResumePlan::Adjust {
            plan,
            takes_conflicts,
        } => {
            let (only, how) = (plan.only.clone(), as_adjust(args));
            let wish = adjust::Wish {
                adjustment: plan.adjustment,
                only: only.as_ref(),
                takes_conflicts: takes_conflicts || args.applying.force_conflicts,
                yields: false,
                how: &how,
            };
            let asked = adjust::Asked {
                is_selected: true,
                missing: Vec::new(),
            };
            adjust::decide(wish, session, &cluster, vec![*plan], asked).await
        }
        ResumePlan::Routes {
            plan,
            takes_conflicts,
        } => {
            let args = UpdateIngress {
                ids: vec![args.id.clone()],
                force_conflicts: takes_conflicts || args.applying.force_conflicts,
                how: as_adjust(args),
            };
            routes::decide(&args, session, &cluster, vec![*plan]).await
        }
        ResumePlan::Adopt(plan) => {
            let applying = &args.applying;
            let manner = adopt::Manner {
                answer: adopt::Answer::GoesOn {
                    yes: is_answered(applying),
                },
                dry_run: args.dry_run,
                waiting: &applying.waiting,
                output: applying.output,
            };
            adopt::decide(manner, session, cluster, *plan).await
        }
        ResumePlan::Clear(plan) => clear(args, session, cluster, *plan).await,
    }
}

/// A teardown as `delete` does it, with the choice that the one who began it made.
fn as_delete(args: &Resume, plan: &TeardownPlan) -> Delete {
    let applying = &args.applying;
    Delete {
        chosen: Chosen {
            ids: vec![args.id.clone()],
            selector: None,
        },
        volumes: Some(match plan.volumes {
            VolumeChoice::Keep => Volumes::Keep,
            VolumeChoice::Delete => Volumes::Delete,
            VolumeChoice::Retain => Volumes::Retain,
        }),
        kept: plan.scope == TeardownScope::KeptClaims,
        retained: plan.scope == TeardownScope::RetainedVolumes,
        named: plan.named.iter().cloned().collect(),
        confirm: applying.confirm.iter().cloned().collect(),
        dry_run: args.dry_run,
        no_trash: args.no_trash,
        ignore_not_found: false,
        waiting: applying.waiting.clone(),
        output: applying.output,
        yes: is_answered(applying),
    }
}

/// A change of what runs as `scale` and `update-ingress` do it.
fn as_adjust(args: &Resume) -> Adjust {
    let applying = &args.applying;
    Adjust {
        confirm: applying.confirm.iter().cloned().collect(),
        dry_run: args.dry_run,
        ignore_not_found: false,
        waiting: applying.waiting.clone(),
        output: applying.output,
        yes: is_answered(applying),
    }
}

/// Tells whether it is not to be asked whether to go on: whoever repeats the ID means it.
fn is_answered(applying: &Applying) -> bool {
    applying.yes || applying.confirm.is_some()
}

async fn clear(
    args: &Resume,
    session: &Session,
    cluster: Cluster,
    plan: ClearPlan,
) -> anyhow::Result<Exit> {
    let (what, holder) = (plan.operation.what(), &plan.operation.holder);
    let sentence = format!(
        "{what} by {holder}: nothing is left half done; {}",
        plan.why
    );
    output::say(text::clean(&sentence));
    if args.dry_run {
        return end_clear(args, &plan, None, Exit::Ok);
    }
    let question = format!("Take the note away from {}?", plan.instance);
    if !is_answered(&args.applying) && !confirm::go_on(&question)? {
        output::say("nothing was changed");
        return end_clear(args, &plan, None, Exit::Failed);
    }
    let options = RunOptions {
        meeting: args.applying.waiting.meeting(),
        ..RunOptions::default()
    };
    let (name, holder) = (format!("resume of {}", args.id), session.holder());
    let shown = plan.clone();
    let operation = |cluster: Cluster| async move {
        let report = |progress| review::say_progress(&progress);
        Ok(run_clear(&cluster, &plan, options, &holder, &report).await)
    };
    match operate::until_signal(&cluster, operation).await? {
        Ended::Finished(outcome, signal) => {
            turn::check_overtaken(&args.applying.waiting, &outcome, signal)?;
            let exit = review::conclude(&name, &outcome, signal).after(signal);
            end_clear(args, &shown, Some(&outcome), exit)
        }
        Ended::CutOff(exit) => end_clear(args, &shown, None, exit),
    }
}

/// Ends with what was noted, and how it ended, where somebody asked for JSON.
fn end_clear(
    args: &Resume,
    plan: &ClearPlan,
    outcome: Option<&Outcome>,
    exit: Exit,
) -> anyhow::Result<Exit> {
    let value = json!({
        "id": plan.instance.id,
        "namespace": plan.instance.namespace,
        "operation": plan.operation.kind,
        "why": plan.why,
        "outcome": outcome.map(plan_json::of_outcome),
    });
    plan_json::end(args.applying.output, &value, exit)
}
