//! `bowline scale` and `bowline restart`: one plan for all instances, a confirmation where one is protected, the change.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::args::{Adjust, Chosen, IdOrNumber, Report, Restart, Scale};
use super::bulk::{self, Bulk, Item, Need, Outcomes};
use super::exit::Ending;
use super::operate::Ended;
use super::session::Session;
use super::{Exit, UsageError, choice, confirm, missing, operate, output, review, turn};
use crate::cluster::{Cluster, LabelSelector};
use crate::definition::id::InstanceId;
use crate::engine::adjust::{
    AdjustOptions, AdjustPlan, Adjustment, WorkloadName, n_replicas, plan_adjustment,
    run_adjustment,
};
use crate::engine::progress::{Outcome, Progress};
use crate::engine::sets::ForeignSets;
use crate::engine::wait::wait_ready;
use crate::service::summary::InstanceKey;
use crate::text;

/// What the flags ask for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) adjustment: Adjustment,
    pub(super) only: Option<&'a WorkloadName>,
    pub(super) takes_conflicts: bool,
    pub(super) yields: bool,
    pub(super) how: &'a Adjust,
}

pub fn scale(args: &Scale, session: &Session) -> anyhow::Result<Exit> {
    let (ids, to) = ids_and_number(&args.words, args.selector.is_some())?;
    let wish = Wish {
        adjustment: Adjustment::Scale(to),
        only: args.workload.as_ref(),
        takes_conflicts: args.force_conflicts,
        yields: args.yield_conflicts,
        how: &args.how,
    };
    adjust(wish, session, &ids, args.selector.as_ref())
}

pub fn restart(args: &Restart, session: &Session) -> anyhow::Result<Exit> {
    let wish = Wish {
        adjustment: Adjustment::Restart,
        only: args.workload.as_ref(),
        takes_conflicts: false,
        yields: false,
        how: &args.how,
    };
    let Chosen { ids, selector } = &args.chosen;
    adjust(wish, session, ids, selector.as_ref())
}

/// Takes the words apart: IDs where there is no selector, and then one number.
fn ids_and_number(
    words: &[IdOrNumber],
    has_selector: bool,
) -> Result<(Vec<InstanceId>, u32), UsageError> {
    let wrong = |what: &str| {
        UsageError(format!(
            "{what}: write `bowline scale ID N`, such as `bowline scale web 3`"
        ))
    };
    let Some((IdOrNumber::Number(to), ids)) = words.split_last() else {
        return Err(wrong("the number of replicas stands last"));
    };
    let ids = ids.iter().map(|word| match word {
        IdOrNumber::Id(id) => Some(id.clone()),
        IdOrNumber::Number(_) => None,
    });
    let ids: Option<Vec<InstanceId>> = ids.collect();
    match ids {
        Some(ids) if has_selector && !ids.is_empty() => Err(UsageError(
            "IDs and a selector cannot be given together: leave one of them out".to_owned(),
        )),
        Some(ids) if has_selector || !ids.is_empty() => Ok((ids, *to)),
        Some(_) => Err(wrong("no instance is named")),
        None => Err(wrong("there is more than one number")),
    }
}

fn adjust(
    wish: Wish<'_>,
    session: &Session,
    ids: &[InstanceId],
    selector: Option<&LabelSelector>,
) -> anyhow::Result<Exit> {
    let (args, done) = (wish.how, done(wish.adjustment));
    confirm::are_named(&args.confirm, ids, done)?;
    if selector.is_some() {
        let is_answered = args.yes || args.dry_run;
        confirm::require_answer(is_answered || !args.waiting.queues(), "--yes")?;
    }
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run);
        let instances = choice::instances(session, &cluster, ids, selector).await?;
        confirm::are_named(&args.confirm, instances.iter().map(|it| &it.id), done)?;
        let is_selected = selector.is_some();
        let attempt = async || {
            let plans = plan(&cluster, instances.clone(), wish).await?;
            let (absent, plans): (Vec<_>, Vec<_>) = plans.into_iter().partition(Item::is_absent);
            let keys: Vec<InstanceKey> = absent.iter().map(|it| it.instance.clone()).collect();
            let mut sets = ForeignSets::of(&cluster);
            let is_wanted = args.ignore_not_found;
            let faults = missing::say_all(session, &cluster, &mut sets, &keys, is_wanted).await;
            let asked = Asked {
                is_selected,
                missing: bulk::with_faults(absent, faults),
            };
            decide(wish, session, &cluster, plans, asked).await
        };
        turn::in_turn(&args.waiting, session, &cluster, &instances, attempt).await
    })
}

/// Returns what is done to what is named.
fn done(adjustment: Adjustment) -> &'static str {
    match adjustment {
        Adjustment::Scale(_) => "scaled",
        Adjustment::Restart => "restarted",
    }
}

/// Shows plans, and carries them out where that is wanted and possible.
pub(super) async fn decide(
    wish: Wish<'_>,
    session: &Session,
    cluster: &Cluster,
    plans: Vec<AdjustPlan>,
    asked: Asked,
) -> anyhow::Result<Exit> {
    let args = wish.how;
    for plan in &plans {
        show(wish, plan)?;
    }
    let mut all = [plans.clone(), asked.missing.clone()].concat();
    let obstacles = |plan: &AdjustPlan| plan.obstacles(wish.takes_conflicts);
    let mut bulk = Bulk::sort(plans, asked.missing, obstacles);
    if bulk.is_stuck() || args.dry_run {
        return bulk::end(args.output, &all, &[], bulk.exit_of_left());
    }
    let context = &cluster.identity().context;
    let question = |ids: &str| match wish.adjustment {
        Adjustment::Scale(to) => format!("Scale {ids} to {} in {context}?", n_replicas(to)),
        Adjustment::Restart => format!("Restart {ids} in {context}?"),
    };
    let need = |plan: &AdjustPlan| need(args, plan, asked.is_selected);
    let settled = bulk.settle(args.yes, need, question);
    bulk.put_left(&mut all);
    match settled {
        Ok(None) => {}
        Ok(Some(exit)) => return bulk::end(args.output, &all, &[], exit),
        Err(error) => return bulk::end_unasked(error, args.output, all),
    }
    let (outcomes, exit) = carry_out(wish, session, cluster.clone(), bulk).await?;
    bulk::end(args.output, &all, &outcomes, exit)
}

/// What was asked for beside the plans.
pub(super) struct Asked {
    /// Whether a selector chose them, or a note: then it is asked whether to go on.
    pub(super) is_selected: bool,
    /// Those that were named and are not there.
    pub(super) missing: Vec<AdjustPlan>,
}

/// Plans all before anything is changed.
async fn plan(
    cluster: &Cluster,
    instances: Vec<InstanceKey>,
    wish: Wish<'_>,
) -> anyhow::Result<Vec<AdjustPlan>> {
    let mut plans: Vec<AdjustPlan> = Vec::with_capacity(instances.len());
    let is_one_of_many = instances.len() > 1;
    for instance in instances {
        let plan = plan_adjustment(cluster, &instance, wish.adjustment, wish.only).await;
        let plan = match plan {
            // What keeps one from being planned keeps no other; a server that is away keeps all.
            Err(failure) if is_one_of_many && !failure.is_unanswered() => {
                AdjustPlan::refused(&instance, wish.adjustment, wish.only, failure)
            }
            plan => plan?,
        };
        plans.push(match wish.yields {
            true => plan.yielding(),
            false => plan,
        });
    }
    Ok(plans)
}

/// The plan is data where it is all that was asked for, and prose before it is carried out. Conflicts that are not taken are
/// told as what refuses it.
fn show(wish: Wish<'_>, plan: &AdjustPlan) -> anyhow::Result<()> {
    let args = wish.how;
    let InstanceKey { id, namespace } = &plan.instance;
    let mut lines = String::new();
    for workload in &plan.workloads {
        let from = workload.replicas;
        let what = match plan.adjustment {
            Adjustment::Scale(to) => format!("{from} → {}", n_replicas(to)),
            Adjustment::Restart => format!("restart of {}", n_replicas(from)),
        };
        let line = format!("{id} in {namespace}: {}: {what}", workload.key);
        lines.push_str(&text::clean(&line));
        lines.push('\n');
    }
    if plan.refusals.is_empty() && plan.yielded.is_empty() && plan.is_noop() {
        lines = match plan.adjustment {
            Adjustment::Scale(to) => {
                format!("{id} in {namespace}: has {} already\n", n_replicas(to))
            }
            Adjustment::Restart => format!("{id} in {namespace}: nothing to restart\n"),
        };
    }
    if args.dry_run && args.output == Report::Text {
        output::print(&lines)?;
    } else {
        output::prose(&lines);
    }
    for warning in &plan.warnings {
        output::say(text::clean(&format!("warning: {id}: {warning}")));
    }
    let taken = plan.conflicts.iter().filter(|_| wish.takes_conflicts);
    for conflict in taken {
        review::say_conflict(review::conflict_word(true), conflict);
    }
    for yielded in &plan.yielded {
        review::say_conflict("left to its owner", yielded);
    }
    Ok(())
}

/// What is protected needs its ID whatever the flags say, and what loses data needs it unless `--yes` is given. What was named
/// is not asked about, as with kubectl; what a selector chose is, once for all.
fn need(args: &Adjust, plan: &AdjustPlan, is_selected: bool) -> Need {
    let id = &plan.instance.id;
    if plan.is_noop() {
        return Need::Nothing;
    }
    let verb = plan.adjustment.verb();
    if args.confirm.contains(id) {
        // Asked for by its name.
    } else if plan.caution.wants_id() {
        let loss = plan
            .loss()
            .map_or_else(String::new, |told| format!("{told} "));
        let warned = confirm::warned(id.as_str(), plan.caution);
        let question = format!("{warned}{loss}Type {id} to {verb} it:");
        return Need::Typed(question, confirm::wants_id(id.as_str(), plan.caution));
    } else if let (Some(loss), false) = (plan.loss(), args.yes) {
        let question = format!("{loss} Type {id} to {verb} it:");
        return Need::Typed(question, confirm::wants_id(id.as_str(), plan.caution));
    }
    match is_selected {
        true => Need::Question,
        false => Need::Given,
    }
}

/// Returns how those ended that were changed, and the whole.
async fn carry_out(
    wish: Wish<'_>,
    session: &Session,
    cluster: Cluster,
    bulk: Bulk<AdjustPlan>,
) -> anyhow::Result<(Outcomes, Exit)> {
    let args = wish.how;
    let (plans, left) = bulk.into_parts();
    let options = AdjustOptions {
        holder: session.holder(),
        at: Timestamp::now(),
        takes_conflicts: wish.takes_conflicts,
        meeting: args.waiting.meeting(),
    };
    let timeout = args.waiting.timeout;
    let ready_within = timeout.unwrap_or(session.settings.wait.ready());
    let ready_within = args.waiting.waits().then_some(ready_within);
    let operation = |cluster| run_all(cluster, plans.clone(), options, ready_within);
    let (outcomes, signal) = match operate::until_signal(&cluster, operation).await? {
        Ended::Finished(outcomes, signal) => (outcomes, signal),
        Ended::CutOff(exit) => return Ok((Outcomes::new(), exit)),
    };
    if let [outcome] = outcomes.as_slice() {
        turn::check_overtaken(&args.waiting, outcome, signal)?;
    }
    let endings = plans.iter().zip(&outcomes).map(|(plan, outcome)| {
        let what = format!("{} of {}", plan.adjustment.verb(), plan.instance.id);
        Ending::of(outcome, review::conclude(&what, outcome, signal))
    });
    let endings: Vec<_> = endings.collect();
    let exit = left.conclude(&endings).after(signal);
    let instances = plans.into_iter().map(|plan| plan.instance);
    Ok((instances.zip(outcomes).collect(), exit))
}

/// Changes one after the other, past those that fail, and then waits for all that were changed at once.
async fn run_all(
    cluster: Cluster,
    plans: Vec<AdjustPlan>,
    options: AdjustOptions,
    ready_within: Option<Duration>,
) -> anyhow::Result<Vec<Outcome>> {
    let has_many = plans.len() > 1;
    let say = |plan: &AdjustPlan, progress: &Progress| match has_many {
        true => review::say_progress_of(&plan.instance.id, progress),
        false => review::say_progress(progress),
    };
    let mut outcomes = Vec::with_capacity(plans.len());
    for plan in &plans {
        let report = |progress| say(plan, &progress);
        outcomes.push(run_adjustment(&cluster, plan, &options, &report).await);
    }
    let Some(ready_within) = ready_within else {
        return Ok(outcomes);
    };
    let waits = plans
        .iter()
        .zip(&mut outcomes)
        .map(async |(plan, outcome)| {
            if outcome.is_complete() {
                let report = |progress| say(plan, &progress);
                outcome.absorb(wait_ready(&cluster, &plan.instance, ready_within, &report).await);
            }
        });
    join_all(waits).await;
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: Result<(&[&str], u32), &str>) {
        let word = |word: &&str| match word.parse() {
            Ok(number) => IdOrNumber::Number(number),
            Err(_) => IdOrNumber::Id(word.parse().unwrap()),
        };
        let words: Vec<_> = words.iter().map(word).collect();
        match (ids_and_number(&words, false), expected) {
            (Ok((ids, to)), Ok((expected, number))) => {
                let ids: Vec<_> = ids.iter().map(InstanceId::as_str).collect();
                assert_eq!((ids.as_slice(), to), (expected, number));
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn the_last_word_is_the_number() {
        check(&["web", "3"], Ok((&["web"], 3)));
        check(&["web", "api", "0"], Ok((&["web", "api"], 0)));
        check(&["web"], Err("stands last"));
        check(&["3", "web"], Err("stands last"));
        check(&["3"], Err("no instance"));
        check(&["1", "3"], Err("more than one number"));
        let (web, three) = (
            IdOrNumber::Id("web".parse().unwrap()),
            IdOrNumber::Number(3),
        );
        let selected = ids_and_number(std::slice::from_ref(&three), true);
        assert_eq!(selected.unwrap(), (Vec::new(), 3));
        assert!(ids_and_number(&[web, three], true).is_err());
    }
}
