//! `bowline update-ingress`: the routes of instances computed again, one plan for all, and each carried out by itself.

use super::args::{Report, UpdateIngress};
use super::bulk::{self, Bulk, Item, Need, Outcomes};
use super::exit::Ending;
use super::operate::Ended;
use super::session::Session;
use super::{Exit, changes, choice, confirm, missing, operate, output, review, turn};
use crate::cluster::Cluster;
use crate::engine::routes::{RouteOptions, RoutePlan, plan_routes, run_routes};
use crate::engine::selection;
use crate::engine::sets::ForeignSets;
use crate::service::summary::InstanceKey;
use crate::text;

/// What is done to what is named.
const DONE: &str = "given its routes anew";

pub fn run(args: &UpdateIngress, session: &Session) -> anyhow::Result<Exit> {
    confirm::are_named(&args.how.confirm, &args.ids, DONE)?;
    // Whoever cannot be asked sees what it would be about, but waits for nobody's end for that.
    let is_answered = args.how.yes || args.how.dry_run;
    confirm::require_answer(is_answered || !args.how.waiting.queues(), "--yes")?;
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.how.dry_run);
        let instances = if args.ids.is_empty() {
            selection::all(&cluster, cluster.namespace()).await?
        } else {
            choice::instances(session, &cluster, &args.ids, None).await?
        };
        let chosen = instances.iter().map(|it| &it.id);
        confirm::are_named(&args.how.confirm, chosen, DONE)?;
        let attempt = async || {
            let surroundings = changes::surroundings(session);
            let plans = plan_routes(&cluster, &instances, &surroundings).await?;
            // Of one that is named that is why it is refused.
            let is_left = |plan: &RoutePlan| args.ids.is_empty() && plan.is_undeployed;
            let (left, plans): (Vec<_>, Vec<_>) = plans.into_iter().partition(is_left);
            for RoutePlan { instance, .. } in left {
                let InstanceKey { namespace, id } = instance;
                let sentence = "it was not deployed yet, and its routes are left as they are";
                output::say(format!("{id} in {namespace}: {sentence}"));
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
    let (absent, plans): (Vec<_>, Vec<_>) = plans.into_iter().partition(Item::is_absent);
    let keys: Vec<InstanceKey> = absent.iter().map(|plan| plan.instance.clone()).collect();
    let mut sets = ForeignSets::of(cluster);
    let is_wanted = args.how.ignore_not_found;
    let faults = missing::say_all(session, cluster, &mut sets, &keys, is_wanted).await;
    let missing = bulk::with_faults(absent, faults);
    let mut all = [plans.clone(), missing.clone()].concat();
    for plan in &plans {
        show(args, plan)?;
    }
    if args.ids.is_empty() && plans.iter().all(|plan| is_settled(args, plan)) {
        let namespace = cluster.namespace();
        output::say(format!("nothing to change in namespace {namespace}"));
    }
    let obstacles = |plan: &RoutePlan| plan.obstacles(args.force_conflicts);
    let mut bulk = Bulk::sort(plans, missing, obstacles);
    if bulk.is_stuck() || args.how.dry_run {
        return bulk::end(args.how.output, &all, &[], bulk.exit_of_left());
    }
    let context = &cluster.identity().context;
    let question = |ids: &str| format!("Change the routes of {ids} in {context}?");
    let settled = bulk.settle(args.how.yes, |plan| need(args, plan), question)?;
    bulk.put_left(&mut all);
    if let Some(exit) = settled {
        return bulk::end(args.how.output, &all, &[], exit);
    }
    let (plans, left) = bulk.into_parts();
    let (settled, plans): (Vec<_>, Vec<_>) = plans.into_iter().partition(RoutePlan::is_noop);
    let (outcomes, signal) = match carry_out(args, session, cluster, plans).await? {
        Ended::Finished(outcomes, signal) => (outcomes, signal),
        Ended::CutOff(exit) => return bulk::end(args.how.output, &all, &[], exit),
    };
    let concluded = outcomes.iter().map(|(instance, outcome)| {
        let what = format!("update-ingress of {}", instance.id);
        Ending::of(outcome, review::conclude(&what, outcome, signal))
    });
    // Where all were meant, that is all that have routes.
    let is_meant = |plan: &&RoutePlan| !args.ids.is_empty() || !plan.routes.is_empty();
    let settled = settled.iter().filter(is_meant).map(|_| Ending::settled());
    let endings: Vec<_> = settled.chain(concluded).collect();
    let exit = left.conclude(&endings).after(signal);
    bulk::end(args.how.output, &all, &outcomes, exit)
}

fn is_settled(args: &UpdateIngress, plan: &RoutePlan) -> bool {
    plan.is_noop() && plan.obstacles(args.force_conflicts).is_empty()
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

/// What is protected needs its ID whatever the flags say; all that is changed is asked about once.
fn need(args: &UpdateIngress, plan: &RoutePlan) -> Need {
    let id = &plan.instance.id;
    match plan.caution.wants_id() && !args.how.confirm.contains(id) {
        _ if plan.is_noop() => Need::Nothing,
        true => Need::Typed(
            format!(
                "{}Type {id} to change its routes:",
                confirm::warned(id.as_str(), plan.caution)
            ),
            confirm::wants_id(id.as_str(), plan.caution),
        ),
        false => Need::Question,
    }
}

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
        meeting: args.how.waiting.meeting(),
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
