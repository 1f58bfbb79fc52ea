//! `bowline delete`: the fate of every object, a confirmation, the teardown.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{FutureExt, StreamExt, stream};

use super::args::{Chosen, Delete, Report, Volumes};
use super::bulk::{self, Bulk, Need, Outcomes};
use super::exit::Ending;
use super::operate::Ended;
use super::session::Session;
use super::{Exit, choice, confirm, missing, operate, output, restore, review, turn};
use crate::catalogue::applied::AppliedTexts;
use crate::catalogue::trash::Trash;
use crate::cluster::Cluster;
use crate::definition::id::InstanceId;
use crate::engine::claims::plan_release;
use crate::engine::plan::{self, TeardownPlan, TeardownScope, VolumeChoice};
use crate::engine::progress::{Outcome, Progress, Step};
use crate::engine::retained::plan_volume_release;
use crate::engine::sets::ForeignSets;
use crate::engine::teardown::{TeardownOptions, plan_teardown, run_teardown};
use crate::failure::Failure;
use crate::runtime::{forget_applied, keep_in_trash};
use crate::service::summary::InstanceKey;
use crate::text;

/// What is done to what is named.
const DONE: &str = "taken down";
/// How many are planned or taken down at once: most of the time each waits for its own pods.
const MAX_AT_ONCE: usize = 8;

pub fn run(args: &Delete, session: &Session) -> anyhow::Result<Exit> {
    let named = &args.chosen.ids;
    let are_confirmed = !named.is_empty() && named.iter().all(|id| is_confirmed(args, id));
    let is_answered = args.yes || args.dry_run || are_confirmed;
    confirm::are_named(&args.confirm, named, DONE)?;
    // Whoever cannot be asked sees what it would be about, but waits for nobody's end for that.
    confirm::require_answer(is_answered || !args.waiting.queues(), "--yes")?;
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run);
        let Chosen { ids, selector } = &args.chosen;
        let instances = choice::instances(session, &cluster, ids, selector.as_ref()).await?;
        confirm::are_named(&args.confirm, instances.iter().map(|it| &it.id), DONE)?;
        let attempt = async || {
            let mut sets = ForeignSets::of(&cluster);
            let (plans, absent) = plan(args, session, &cluster, &mut sets, &instances).await?;
            let is_wanted = args.ignore_not_found;
            let faults = missing::say_all(session, &cluster, &mut sets, &absent, is_wanted).await;
            let absent = absent.iter().zip(faults);
            let refused = |(key, fault)| TeardownPlan::refused(key, volume_choice(args), fault);
            decide(
                args,
                session,
                &cluster,
                plans,
                absent.map(refused).collect(),
            )
            .await
        };
        turn::in_turn(&args.waiting, session, &cluster, &instances, attempt).await
    })
}

/// Carries out plans that were shown, where that is wanted and possible. `missing` are those of what is not there, which was
/// said before.
pub(super) async fn decide(
    args: &Delete,
    session: &Session,
    cluster: &Cluster,
    plans: Vec<TeardownPlan>,
    missing: Vec<TeardownPlan>,
) -> anyhow::Result<Exit> {
    let mut all = [plans.clone(), missing.clone()].concat();
    let obstacles = |plan: &TeardownPlan| plan.refusals.clone();
    let mut bulk = Bulk::sort(plans, missing, obstacles).past_missing();
    if bulk.is_stuck() || args.dry_run {
        return bulk::end(args.output, &all, &[], bulk.exit_of_left());
    }
    let context = &cluster.identity().context;
    let what = all.first().map(TeardownPlan::order).unwrap_or_default();
    let question = |ids: &str| format!("{what} {ids} in {context}?");
    let settled = bulk.settle(args.yes, |plan| need(args, plan), question);
    bulk.put_left(&mut all);
    match settled {
        Ok(None) => {}
        Ok(Some(exit)) => return bulk::end(args.output, &all, &[], exit),
        Err(error) => return bulk::end_unasked(error, args.output, all),
    }
    let (outcomes, exit) = carry_out(args, session, cluster, bulk).await?;
    bulk::end(args.output, &all, &outcomes, exit)
}

pub(super) fn volume_choice(args: &Delete) -> VolumeChoice {
    let default = match args.scope() {
        TeardownScope::Instance => Volumes::Keep,
        TeardownScope::KeptClaims | TeardownScope::RetainedVolumes => Volumes::Delete,
    };
    match args.volumes.unwrap_or(default) {
        Volumes::Keep => VolumeChoice::Keep,
        Volumes::Delete => VolumeChoice::Delete,
        Volumes::Retain => VolumeChoice::Retain,
    }
}

/// Plans every teardown, so that all is shown before anything is asked, and returns beside them what is not there and never was
/// as far as this machine knows: a mistake, where a second run of the same command is none.
async fn plan(
    args: &Delete,
    session: &Session,
    cluster: &Cluster,
    sets: &mut ForeignSets<'_>,
    instances: &[InstanceKey],
) -> anyhow::Result<(Vec<TeardownPlan>, Vec<InstanceKey>)> {
    let volumes = volume_choice(args);
    let mut plans: Vec<TeardownPlan> = Vec::with_capacity(instances.len());
    let mut absent = Vec::new();
    let planned = stream::iter(instances).map(async |instance| match args.scope() {
        TeardownScope::Instance => plan_teardown(cluster, instance, volumes).await,
        TeardownScope::KeptClaims => plan_release(cluster, instance, volumes).await,
        TeardownScope::RetainedVolumes => {
            let named = args.named.iter().cloned().collect();
            plan_volume_release(cluster, instance, volumes, &named).await
        }
    });
    // All of them before anything else is asked: plans that nobody goes on with would hold what the others wait for.
    let planned: Vec<_> = planned.buffered(MAX_AT_ONCE).collect().await;
    for (instance, planned) in instances.iter().zip(planned) {
        let is_alone = instances.len() == 1;
        let mut plan = or_refused(planned, instance, volumes, is_alone)?;
        if args.scope() == TeardownScope::Instance
            && plan.rows.is_empty()
            && plan.refusals.is_empty()
        {
            plan.refusals.extend(sets.refusal(instance).await);
        }
        if plan.rows.is_empty()
            && plan.refusals.is_empty()
            && is_absent(args, session, cluster, instance).await?
        {
            absent.push(instance.clone());
            continue;
        }
        show(args, &plan)?;
        if args.scope() == TeardownScope::Instance
            && plan.rows.is_empty()
            && plan.refusals.is_empty()
        {
            say_definition(session, &plan.instance);
        }
        plans.push(plan);
    }
    Ok((plans, absent))
}

/// Returns a plan, or the plan of what could not be planned: what keeps one of several keeps no other.
///
/// # Errors
/// It is the only one, or the server is away, which keeps all.
pub(super) fn or_refused(
    planned: Result<TeardownPlan, Failure>,
    instance: &InstanceKey,
    volumes: VolumeChoice,
    is_alone: bool,
) -> Result<TeardownPlan, Failure> {
    planned.or_else(|failure| match failure.is_unanswered() || is_alone {
        true => Err(failure),
        false => Ok(TeardownPlan::refused(instance, volumes, failure)),
    })
}

/// Tells whether an instance of which nothing is to be deleted is one that nobody knows. Of kept claims and retained volumes
/// there may be none though it is there.
async fn is_absent(
    args: &Delete,
    session: &Session,
    cluster: &Cluster,
    instance: &InstanceKey,
) -> Result<bool, Failure> {
    let is_unknown = !missing::is_known(session, cluster, instance);
    let is_release = args.scope() != TeardownScope::Instance;
    Ok(is_unknown && (!is_release || cluster.snapshot_instance(instance).await?.is_none()))
}

/// Names the file of a definition of which nothing runs here: elsewhere it may.
fn say_definition(session: &Session, InstanceKey { namespace, id }: &InstanceKey) {
    let path = session.catalogue.path_of(id);
    if path.exists() {
        let path = path.display();
        let told = format!(
            "{id} does not run in namespace {namespace}; its definition, the file {path}, stays"
        );
        output::say(text::clean(&told));
    }
}

/// The fate table is data where it is all that was asked for, and prose before a question.
pub(super) fn show(args: &Delete, plan: &TeardownPlan) -> anyhow::Result<()> {
    let (id, namespace) = (&plan.instance.id, &plan.instance.namespace);
    if plan.rows.is_empty() && plan.refusals.is_empty() {
        output::say(match args.scope() {
            TeardownScope::Instance => format!("nothing of {id} is in namespace {namespace}"),
            TeardownScope::KeptClaims => format!("no claim of {id} is in namespace {namespace}"),
            TeardownScope::RetainedVolumes => {
                format!("no volume of {id} in namespace {namespace} is retained")
            }
        });
        return Ok(());
    }
    let table = review::fate_table(plan);
    let what = plan.scope.name();
    output::say(format!("{what} of {id} in {namespace}:"));
    if args.dry_run && args.output == Report::Text {
        output::print(&table)?;
    } else {
        output::prose(&table);
    }
    for warning in &plan.warnings {
        output::say(text::clean(&format!("warning: {warning}")));
    }
    Ok(())
}

fn is_confirmed(args: &Delete, id: &InstanceId) -> bool {
    args.confirm.contains(id)
}

/// Protected instances, and those with which objects of others go, need their ID whatever the flags say; those that lose data
/// need it unless `--yes` is given. The rest gets one question for all. Where nothing is left to delete nothing is asked.
fn need(args: &Delete, plan: &TeardownPlan) -> Need {
    if plan.rows.is_empty() {
        return Need::Nothing;
    }
    let n_lost = plan.rows.iter().filter(|row| row.destroys_data()).count();
    let id = &plan.instance.id;
    let has_strangers = plan.strangers().is_some();
    if is_confirmed(args, id) || (args.yes && !plan.caution.wants_id() && !has_strangers) {
        return Need::Given;
    }
    let refusal = match plan.strangers() {
        Some(told) if !plan.caution.wants_id() => confirm::strangers(id.as_str(), &told),
        _ => confirm::wants_id(id.as_str(), plan.caution),
    };
    match plan.caution.wants_id() || n_lost > 0 || has_strangers {
        true => Need::Typed(stakes(plan, n_lost), refusal),
        false => Need::Question,
    }
}

fn stakes(plan: &TeardownPlan, n_lost: usize) -> String {
    let id = &plan.instance.id;
    let protection = confirm::warned(id.as_str(), plan.caution);
    let of_what = match plan.scope {
        TeardownScope::RetainedVolumes => "volume",
        TeardownScope::Instance | TeardownScope::KeptClaims => "claim",
    };
    let loss = plan::loss(n_lost, of_what).map_or_else(String::new, |told| format!("{told} "));
    let strangers = plan
        .strangers()
        .map_or_else(String::new, |told| format!("{told} "));
    let what = match plan.scope {
        TeardownScope::Instance => "take it down".to_owned(),
        TeardownScope::KeptClaims => "release its kept claims".to_owned(),
        TeardownScope::RetainedVolumes if plan.named.is_empty() => {
            "release its retained volumes".to_owned()
        }
        TeardownScope::RetainedVolumes => {
            let named: Vec<&str> = plan.named.iter().map(String::as_str).collect();
            format!("release {}", named.join(", "))
        }
    };
    format!("{protection}{loss}{strangers}Type {id} to {what}:")
}

/// How far several teardowns came.
#[derive(Debug, Default)]
struct Course {
    begun: Vec<InstanceKey>,
    ended: Outcomes,
}

/// Takes down several at once, each past those that fail. Returns how those ended that were begun, and the whole.
async fn carry_out(
    args: &Delete,
    session: &Session,
    cluster: &Cluster,
    bulk: Bulk<TeardownPlan>,
) -> anyhow::Result<(Outcomes, Exit)> {
    let (plans, left) = bulk.into_parts();
    let options = TeardownOptions {
        wait: args.waiting.waits().then(|| {
            let timeout = args.waiting.timeout;
            timeout.unwrap_or(session.settings.wait.gone())
        }),
        holder: session.holder(),
        meeting: args.waiting.meeting(),
    };
    let plans: Vec<_> = plans
        .into_iter()
        .filter(|plan| !plan.rows.is_empty())
        .collect();
    let is_alone = plans.len() == 1;
    let course = Arc::new(Mutex::new(Course::default()));
    let operation = |cluster: Cluster| {
        let teardowns: Vec<_> = plans
            .iter()
            .map(|plan| {
                let trash = (!args.no_trash).then(|| session.trash());
                let teardown = Teardown {
                    cluster: cluster.clone(),
                    plan: plan.clone(),
                    options: options.clone(),
                    trash,
                    applied: session.applied(),
                    says_whose: !is_alone,
                };
                teardown.run(course.clone()).boxed()
            })
            .collect();
        let all = stream::iter(teardowns).buffer_unordered(MAX_AT_ONCE);
        all.collect::<()>().map(Ok)
    };
    let ended = operate::until_signal(cluster, operation).await?;
    let Course { begun, ended: done } = mem::take(&mut *lock(&course));
    let not_begun = plans.iter().filter(|it| !begun.contains(&it.instance));
    let not_begun: Vec<_> = not_begun.map(|it| it.instance.id.as_str()).collect();
    if !not_begun.is_empty() {
        output::say(format!("not begun: {}", not_begun.join(", ")));
    }
    let (signal, cut_off) = match ended {
        Ended::Finished((), signal) => (signal, None),
        Ended::CutOff(exit) => (None, Some(exit)),
    };
    let mut endings = Vec::new();
    for plan in &plans {
        let mut outcomes = done.iter();
        let Some((_, outcome)) = outcomes.find(|(instance, _)| *instance == plan.instance) else {
            continue;
        };
        if is_alone {
            turn::check_overtaken(&args.waiting, outcome, signal)?;
        }
        let what = format!("{} of {}", plan.scope.name(), plan.instance.id);
        let exit = match review::conclude(&what, outcome, signal) {
            Exit::Ok if plan.leaves_instance() => {
                output::say(format!("{what}: what is left is named above, with why"));
                Exit::Partly
            }
            exit => exit,
        };
        endings.push(Ending::of(outcome, exit));
    }
    if let Some(exit) = cut_off {
        return Ok((done, exit));
    }
    let exit = match not_begun.is_empty() {
        true => left.conclude(&endings),
        false => Exit::Partly,
    };
    Ok((done, exit.after(signal)))
}

/// A teardown that is to be carried out, perhaps beside others.
struct Teardown {
    cluster: Cluster,
    plan: TeardownPlan,
    options: TeardownOptions,
    /// Where it keeps what goes; none where that is not wanted.
    trash: Option<Trash>,
    applied: AppliedTexts,
    says_whose: bool,
}

impl Teardown {
    /// Carries it out, unless somebody asked to stop before its turn came.
    async fn run(self, course: Arc<Mutex<Course>>) {
        if self.cluster.stop().is_asked() {
            return;
        }
        let instance = &self.plan.instance;
        lock(&course).begun.push(instance.clone());
        let outcome = self.outcome().await;
        lock(&course).ended.push((instance.clone(), outcome));
    }

    async fn outcome(&self) -> Outcome {
        let Self { cluster, plan, .. } = self;
        let report = |progress| match self.says_whose {
            true => review::say_progress_of(&plan.instance.id, &progress),
            false => review::say_progress(&progress),
        };
        if let Some(trash) = &self.trash {
            match keep_in_trash(cluster, plan, trash).await {
                Ok(true) => restore::say_kept(plan),
                Ok(false) => {}
                Err(failure) => {
                    report(Progress::Failed(Step::Claim, failure.clone()));
                    return Outcome {
                        failed: vec![(Step::Claim, failure)],
                        ..Outcome::default()
                    };
                }
            }
        }
        let outcome = run_teardown(cluster, plan, &self.options, &report).await;
        forget_applied(cluster, &self.applied, plan, &outcome).await;
        outcome
    }
}

fn lock(course: &Mutex<Course>) -> MutexGuard<'_, Course> {
    course.lock().unwrap_or_else(PoisonError::into_inner)
}
