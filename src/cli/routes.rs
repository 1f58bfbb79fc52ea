//! `bowline update-ingress`: the routes of instances computed again, one plan for all, and each carried out by itself.

use super::args::{Report, UpdateIngress};
use super::delete::conclude_many;
use super::operate::Ended;
use super::session::Session;
use super::{Exit, changes, choice, confirm, missing, operate, output, plan_json, review, turn};
use crate::cluster::Cluster;
use crate::engine::progress::Outcome;
use crate::engine::routes::{RouteOptions, RoutePlan, plan_routes, run_routes};
use crate::engine::selection;
use crate::engine::sets::ForeignSets;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;
use crate::text;

pub fn run(args: &UpdateIngress, session: &Session) -> anyhow::Result<Exit> {
    confirm::require_answer(args.how.yes || args.how.dry_run, "--yes")?;
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.how.dry_run);
        let instances = if args.ids.is_empty() {
            selection::all(&cluster, cluster.namespace()).await?
        } else {
            choice::instances(session, &cluster, &args.ids, None).await?
        };
        let attempt = async || {
            let surroundings = changes::surroundings(session);
            let mut plans = plan_routes(&cluster, &instances, &surroundings).await?;
            if args.how.ignore_not_found {
                plans.retain(|plan| !is_absent(plan));
            }
            decide(args, session, &cluster, plans).await
        };
        turn::in_turn(&args.how.waiting, session, &cluster, &instances, attempt).await
    })
}

/// Shows plans, and carries out those that can be where that is wanted.
pub(super) async fn decide(
    args: &UpdateIngress,
    session: &Session,
    cluster: &Cluster,
    plans: Vec<RoutePlan>,
) -> anyhow::Result<Exit> {
    let absent = plans.iter().filter(|plan| is_absent(plan));
    let absent: Vec<InstanceKey> = absent.map(|plan| plan.instance.clone()).collect();
    let mut sets = ForeignSets::of(cluster);
    missing::say_all(session, cluster, &mut sets, &absent, false).await;
    for plan in &plans {
        show(args, plan)?;
    }
    if plans.iter().all(|plan| is_settled(args, plan)) {
        output::say(format!(
            "nothing to change in namespace {}",
            cluster.namespace()
        ));
    }
    let refused: Vec<Exit> = plans.iter().filter_map(|plan| refuse(args, plan)).collect();
    let runnable = plans.iter().filter(|plan| is_runnable(args, plan)).cloned();
    let runnable: Vec<RoutePlan> = runnable.collect();
    if runnable.is_empty() || args.how.dry_run {
        let exit = if refused.contains(&Exit::Refused) {
            Exit::Refused
        } else {
            refused.first().copied().unwrap_or(Exit::Ok)
        };
        return end(args, &plans, &[], exit);
    }
    let is_wanted = match is_wanted(args, cluster, &runnable) {
        Ok(is_wanted) => is_wanted,
        Err(error) => {
            let refused = plans.into_iter().map(|plan| refused_by(args, plan, &error));
            let refused: Vec<RoutePlan> = refused.collect();
            end(args, &refused, &[], Exit::Refused)?;
            return Err(error);
        }
    };
    if !is_wanted {
        output::say("nothing was changed");
        return end(args, &plans, &[], Exit::Failed);
    }
    let (outcomes, signal) = match carry_out(args, session, cluster, runnable).await? {
        Ended::Finished(outcomes, signal) => (outcomes, signal),
        Ended::CutOff(exit) => return Ok(exit),
    };
    let concluded = outcomes.iter().map(|(instance, outcome)| {
        let what = format!("update-ingress of {}", instance.id);
        review::conclude(&what, outcome, signal)
    });
    let exits: Vec<Exit> = refused.into_iter().chain(concluded).collect();
    let exit = conclude_many(&exits).after(signal);
    end(args, &plans, &outcomes, exit)
}

/// Returns the plan with why it was not carried out, where it is one of those that need their ID.
fn refused_by(args: &UpdateIngress, mut plan: RoutePlan, error: &anyhow::Error) -> RoutePlan {
    let needs_id = plan.is_protected && !args.how.confirm.contains(&plan.instance.id);
    if let Some(failure) = error.downcast_ref::<Failure>()
        && needs_id
    {
        plan.refusals.push(failure.clone());
    }
    plan
}

fn is_absent(plan: &RoutePlan) -> bool {
    let mut refusals = plan.refusals.iter();
    refusals.any(|refusal| refusal.kind == FailureKind::NotFound)
}

fn is_settled(args: &UpdateIngress, plan: &RoutePlan) -> bool {
    plan.is_noop() && plan.obstacles(args.force_conflicts).is_empty()
}

fn is_runnable(args: &UpdateIngress, plan: &RoutePlan) -> bool {
    !plan.is_noop() && plan.obstacles(args.force_conflicts).is_empty()
}

/// Says why a plan cannot run, if that is so; of what is not there that was said.
fn refuse(args: &UpdateIngress, plan: &RoutePlan) -> Option<Exit> {
    if is_absent(plan) {
        return Some(Exit::Failed);
    }
    let obstacles = plan.obstacles(args.force_conflicts);
    (!obstacles.is_empty()).then(|| review::refuse(&obstacles))
}

/// The plan is data where it is all that was asked for, and prose before it is carried out.
fn show(args: &UpdateIngress, plan: &RoutePlan) -> anyhow::Result<()> {
    let InstanceKey { id, namespace } = &plan.instance;
    let mut lines = String::new();
    if !plan.is_noop() {
        lines = format!("{id} in {namespace}:\n{}", review::routes(plan));
    } else if is_settled(args, plan) && !plan.routes.is_empty() {
        lines = format!("{id} in {namespace}: its routes are as they should be\n");
    } else if is_settled(args, plan) && !args.ids.is_empty() {
        lines = format!("{id} in {namespace}: it has no routes\n");
    }
    if args.how.dry_run && args.how.output == Report::Text {
        output::print(&lines)?;
    } else {
        output::prose(&lines);
    }
    for warning in &plan.warnings {
        output::say(text::clean(&format!("warning: {id}: {warning}")));
    }
    Ok(())
}

/// Asks once for all, and for the ID of what is protected, whatever the flags say.
fn is_wanted(args: &UpdateIngress, cluster: &Cluster, plans: &[RoutePlan]) -> anyhow::Result<bool> {
    for plan in plans.iter().filter(|plan| plan.is_protected) {
        let id = &plan.instance.id;
        if args.how.confirm.contains(id) {
            continue;
        }
        if !output::can_ask() {
            return Err(confirm::protected(id.as_str()).into());
        }
        let question = format!("{id} is protected. Type {id} to change its routes:");
        if !confirm::typed(&question, id.as_str())? {
            return Ok(false);
        }
    }
    if args.how.yes {
        return Ok(true);
    }
    let ids: Vec<&str> = plans.iter().map(|plan| plan.instance.id.as_str()).collect();
    let context = &cluster.identity().context;
    confirm::go_on(&format!(
        "Change the routes of {} in {context}?",
        ids.join(", ")
    ))
}

type Outcomes = Vec<(InstanceKey, Outcome)>;

/// Carries out one after the other, past those that fail.
async fn carry_out(
    args: &UpdateIngress,
    session: &Session,
    cluster: &Cluster,
    plans: Vec<RoutePlan>,
) -> anyhow::Result<Ended<Outcomes>> {
    let options = RouteOptions {
        holder: session.holder(),
        takes_conflicts: args.force_conflicts,
        meeting: args.how.meeting(),
    };
    let operation = |cluster: Cluster| async move {
        let has_many = plans.len() > 1;
        let mut outcomes = Outcomes::with_capacity(plans.len());
        for plan in &plans {
            let report = |progress| match has_many {
                true => review::say_progress_of(&plan.instance.id, &progress),
                false => review::say_progress(&progress),
            };
            let outcome = run_routes(&cluster, plan, &options, &report).await;
            outcomes.push((plan.instance.clone(), outcome));
        }
        Ok(outcomes)
    };
    let ended = operate::until_signal(cluster, operation).await?;
    if let Ended::Finished(outcomes, signal) = &ended
        && let [(_, outcome)] = outcomes.as_slice()
    {
        turn::check_overtaken(&args.how.waiting, outcome, *signal)?;
    }
    Ok(ended)
}

/// Ends with the plans, and how each ended, where somebody asked for JSON.
fn end(
    args: &UpdateIngress,
    plans: &[RoutePlan],
    outcomes: &[(InstanceKey, Outcome)],
    exit: Exit,
) -> anyhow::Result<Exit> {
    if args.how.output == Report::Json {
        let outcome_of = |plan: &RoutePlan| {
            let mut all = outcomes.iter();
            let found = all.find(|(instance, _)| *instance == plan.instance);
            found.map(|(_, outcome)| outcome)
        };
        let all = plans
            .iter()
            .map(|plan| plan_json::routes(plan, outcome_of(plan)));
        output::print(&output::json(&all.collect::<Vec<_>>())?)?;
    }
    Ok(exit)
}
