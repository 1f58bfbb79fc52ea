//! `bowline prune --expired`: takes down what has outlived its definition's `expires`; what is protected is skipped and named.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::args::{Chosen, Delete, Prune};
use super::session::Session;
use super::{Exit, confirm, delete, operate, output, turn};
use crate::cluster::Cluster;
use crate::engine::expiry::{Expired, expired};
use crate::engine::plan::TeardownPlan;
use crate::engine::teardown::plan_teardown;
use crate::failure::Failure;
use crate::service::summary::InstanceKey;
use crate::service::{advice, age};

pub fn run(args: Prune, session: &Session) -> anyhow::Result<Exit> {
    // Whoever cannot be asked sees what it would be about, but waits for nobody's end for that.
    let is_answered = args.yes || args.dry_run;
    confirm::require_answer(is_answered || !args.waiting.queues(), "--yes")?;
    let everywhere = args.all_namespaces;
    let args = as_delete(args);
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run);
        let namespace = (!everywhere).then_some(cluster.namespace());
        let look = async || expired(&cluster, namespace, || cluster.now()).await;
        let (found, unseen) = look().await?;
        output::say_unseen(unseen.as_ref());
        if found.is_empty() {
            let place = namespace.map_or("the cluster".to_owned(), |it| format!("namespace {it}"));
            output::say(format!("no instance in {place} has expired"));
        }
        let found = match args.waiting.queues() {
            true => without_skipped(&args, &cluster, found).await?,
            false => found,
        };
        let instances: Vec<InstanceKey> = found.iter().map(|it| it.instance.clone()).collect();
        let attempt = async |busy: &Busy| {
            let mut expired = found.clone();
            if args.waiting.queues() {
                // Whoever was at one may have deployed it anew.
                let (now, _) = look().await?;
                expired.retain(|it| now.contains(it));
            }
            let plans = plan(&args, &cluster, &expired, busy).await?;
            delete::decide(&args, session, &cluster, plans, Vec::new()).await
        };
        turn::in_turn_or_without(&args.waiting, session, &cluster, &instances, attempt).await
    })
}

/// Instances that somebody works on, and how that was seen.
type Busy = BTreeMap<InstanceKey, Failure>;

/// A teardown as `delete` does it, of instances that are found instead of named.
fn as_delete(args: Prune) -> Delete {
    Delete {
        chosen: Chosen {
            ids: Vec::new(),
            selector: None,
        },
        volumes: Some(args.volumes),
        kept: false,
        retained: false,
        named: Vec::new(),
        confirm: Vec::new(),
        dry_run: args.dry_run,
        no_trash: args.no_trash,
        ignore_not_found: false,
        waiting: args.waiting,
        output: args.output,
        yes: args.yes,
    }
}

/// Plans the teardown of all but those that want their ID typed.
async fn plan(
    args: &Delete,
    cluster: &Cluster,
    expired: &[Expired],
    busy: &Busy,
) -> anyhow::Result<Vec<TeardownPlan>> {
    let mut plans = Vec::with_capacity(expired.len());
    let now = cluster.now();
    for Expired { instance, at } in expired {
        let volumes = delete::volume_choice(args);
        let planned = plan_teardown(cluster, instance, volumes).await;
        let plan = delete::or_refused(planned, instance, volumes, expired.len() == 1)?;
        if is_skipped(&plan, *at, now) {
            continue;
        }
        let ago = age::show(age::since(*at, now));
        output::say(format!("{instance} expired {ago} ago"));
        if let Some(why) = busy.get(instance) {
            plans.push(TeardownPlan::refused(instance, volumes, why.clone()));
            continue;
        }
        delete::show(args, &plan)?;
        plans.push(plan);
    }
    Ok(plans)
}

/// Returns those that may be taken down: whoever works on another one is not waited for.
async fn without_skipped(
    args: &Delete,
    cluster: &Cluster,
    mut expired: Vec<Expired>,
) -> anyhow::Result<Vec<Expired>> {
    let (volumes, now) = (delete::volume_choice(args), cluster.now());
    let mut skipped = Vec::new();
    for it in &expired {
        let planned = plan_teardown(cluster, &it.instance, volumes).await;
        let plan = delete::or_refused(planned, &it.instance, volumes, expired.len() == 1)?;
        if is_skipped(&plan, it.at, now) {
            skipped.push(it.clone());
        }
    }
    expired.retain(|it| !skipped.contains(it));
    Ok(expired)
}

/// Tells whether a teardown wants its ID typed, and says so.
fn is_skipped(plan: &TeardownPlan, at: Timestamp, now: Timestamp) -> bool {
    let instance = &plan.instance;
    let Some(why) = plan.caution.reason("it").or_else(|| plan.strangers()) else {
        return false;
    };
    let delete = format!("delete --confirm {}", instance.id);
    let (command, why) = (
        advice::command(&delete, instance),
        why.trim_end_matches('.'),
    );
    let ago = age::show(age::since(at, now));
    output::say(format!(
        "{instance} expired {ago} ago and is skipped: {why}; {command} takes it down"
    ));
    true
}
