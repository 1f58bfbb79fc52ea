//! From a plan to its end, for every command that deploys: show it, refuse, ask, carry it out, wait.

use serde_json::Value;

use super::args::{Applying, Report, Waiting};
use super::operate::Ended;
use super::review::Depth;
use super::session::Session;
use super::{Exit, confirm, operate, output, plan_json, refusal, review, turn};
use crate::cluster::Cluster;
use crate::definition::id::InstanceId;
use crate::engine::deploy::{DeployRequest, Report as Tell, RunOptions, run_deploy};
use crate::engine::operation::Meeting;
use crate::engine::plan::DeployPlan;
use crate::engine::progress::Outcome;
use crate::engine::restore::{RestorePlan, run_restore};
use crate::engine::rollback::{RollbackPlan, run_rollback};
use crate::engine::wait::wait_ready;
use crate::failure::Failure;
use crate::runtime::keep_applied;
use crate::service::protection::Caution;

/// What the flags say about how a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes<'a> {
    /// Where the definition stands, for faults that the server finds in it.
    file: Option<&'a str>,
    is_dry_run: bool,
    force_conflicts: bool,
    /// Whether it is said why, which only a revision keeps.
    has_message: bool,
    confirm: Option<&'a InstanceId>,
    waiting: &'a Waiting,
    meeting: Meeting,
    output: Report,
    yes: bool,
}

impl<'a> Wishes<'a> {
    pub(super) fn of(args: &'a Applying, is_dry_run: bool) -> Self {
        Self {
            file: None,
            is_dry_run,
            force_conflicts: args.force_conflicts,
            has_message: args.message.is_some(),
            confirm: args.confirm.as_ref(),
            waiting: &args.waiting,
            meeting: args.waiting.meeting(),
            output: args.output,
            yes: args.yes,
        }
    }

    /// Returns the same wishes about a definition that stands in `file`.
    pub(super) fn about(self, file: &'a str) -> Self {
        Self {
            file: Some(file),
            ..self
        }
    }

    /// Refuses to begin where it would have to ask and cannot.
    ///
    /// # Errors
    /// There is no terminal, and no flag answers.
    pub(super) fn require_answer(&self) -> anyhow::Result<()> {
        let is_answered = self.yes || self.confirm.is_some() || self.is_dry_run;
        confirm::require_answer(is_answered, "--yes")
    }
}

/// A plan that can be carried out, with what it was made of.
#[derive(Debug, Clone)]
pub(super) enum Planned {
    Deploy(DeployRequest, DeployPlan),
    Rollback(RollbackPlan),
    Restore(RestorePlan),
}

impl Planned {
    fn refuse(&mut self, refusal: Failure) {
        let plan = match self {
            Self::Deploy(_, plan) => plan,
            Self::Rollback(rollback) => &mut rollback.deploy,
            Self::Restore(restore) => &mut restore.deploy,
        };
        plan.refusals.push(refusal);
    }

    fn request(&self) -> &DeployRequest {
        match self {
            Self::Deploy(request, _) => request,
            Self::Rollback(rollback) => &rollback.request,
            Self::Restore(restore) => &restore.request,
        }
    }

    pub(super) fn plan(&self) -> &DeployPlan {
        match self {
            Self::Deploy(_, plan) => plan,
            Self::Rollback(rollback) => &rollback.deploy,
            Self::Restore(restore) => &restore.deploy,
        }
    }

    /// Returns how many pods that hang are deleted beside its objects.
    fn n_pods(&self) -> usize {
        match self {
            Self::Deploy(..) | Self::Restore(_) => 0,
            Self::Rollback(rollback) => rollback.hanging.len(),
        }
    }

    fn is_noop(&self) -> bool {
        match self {
            Self::Deploy(_, plan) => plan.is_noop(),
            Self::Restore(restore) => restore.deploy.is_noop(),
            Self::Rollback(rollback) => rollback.is_noop(),
        }
    }

    /// Returns why the typed ID is needed whatever the flags say. Nothing is lost by what is deployed, protected or not.
    fn caution(&self, cluster: &Cluster) -> Caution {
        match self {
            Self::Deploy(..) | Self::Restore(_) => {
                Caution::of_server(cluster.identity().is_insecure)
            }
            Self::Rollback(rollback) => rollback.caution,
        }
    }

    /// Returns the definition whose instance another one takes over. A rollback to it was asked for by its number.
    fn replaced(&self) -> Option<&str> {
        match self {
            Self::Deploy(_, plan) => plan.replaces.as_deref(),
            Self::Rollback(_) | Self::Restore(_) => None,
        }
    }

    fn text(&self, depth: Depth) -> String {
        let plan = review::deploy_plan(self.plan(), depth);
        match self {
            Self::Deploy(..) | Self::Restore(_) => plan,
            Self::Rollback(rollback) => plan + &review::hanging(&rollback.hanging),
        }
    }

    fn json(&self, outcome: Option<&Outcome>) -> Value {
        match self {
            Self::Deploy(_, plan) => plan_json::deploy(plan, outcome),
            Self::Restore(restore) => plan_json::deploy(&restore.deploy, outcome),
            Self::Rollback(rollback) => plan_json::rollback(rollback, outcome),
        }
    }

    /// Returns what is done, as a noun.
    fn name(&self) -> String {
        let id = &self.plan().instance.id;
        match self {
            Self::Deploy(..) => format!("deploy of {id}"),
            Self::Restore(_) => format!("restore of {id}"),
            Self::Rollback(rollback) => format!("rollback of {id} to r{}", rollback.target),
        }
    }

    fn question(&self, cluster: &Cluster) -> String {
        let (id, namespace) = (&self.plan().instance.id, &self.plan().instance.namespace);
        let context = &cluster.identity().context;
        match self {
            Self::Deploy(..) => format!("Apply {id} to {context} ▸ {namespace}?"),
            Self::Restore(_) => format!("Put {id} back to {context} ▸ {namespace}?"),
            Self::Rollback(rollback) => {
                let target = rollback.target;
                format!("Roll {id} back to r{target} in {context} ▸ {namespace}?")
            }
        }
    }

    /// Returns what finishes what was not done.
    fn next_command(&self) -> String {
        match self {
            Self::Deploy(..) | Self::Restore(_) => operate::SAME_COMMAND.to_owned(),
            // Without the number it would go on from where the first one came to.
            Self::Rollback(rollback) => format!("the same command with --to {}", rollback.target),
        }
    }

    async fn run(&self, cluster: &Cluster, options: RunOptions, report: Tell<'_>) -> Outcome {
        match self {
            Self::Deploy(request, plan) => {
                run_deploy(cluster, request, plan, options, report).await
            }
            Self::Rollback(rollback) => run_rollback(cluster, rollback, options, report).await,
            Self::Restore(restore) => run_restore(cluster, restore, options, report).await,
        }
    }
}

/// Shows the plan, and carries it out where that is wanted and possible.
pub(super) async fn decide(
    wishes: Wishes<'_>,
    session: &Session,
    cluster: Cluster,
    planned: Planned,
) -> anyhow::Result<Exit> {
    show(wishes, &planned)?;
    let plan = planned.plan();
    if !plan.refusals.is_empty() {
        let exit = review::refuse_of(wishes.file, &plan.refusals);
        return end(wishes, &planned, None, exit);
    }
    if plan.has_open_conflicts() && !wishes.force_conflicts {
        output::say(
            "refused: others own the fields above; take them over with --force-conflicts, or leave them with --yield-conflicts",
        );
        return end(wishes, &planned, None, Exit::Refused);
    }
    if planned.is_noop() && wishes.has_message {
        output::say("nothing is to be written, so that there is no revision to keep the message");
    }
    if wishes.is_dry_run {
        return Ok(Exit::Ok);
    }
    let is_wanted = match planned.is_noop() {
        true => Ok(true),
        false => is_wanted(wishes, &cluster, &planned),
    };
    match is_wanted {
        Ok(true) => {}
        Ok(false) => {
            output::say("nothing was changed");
            return end(wishes, &planned, None, Exit::Failed);
        }
        Err(error) => {
            let print = |planned: &Planned| end(wishes, planned, None, Exit::Refused);
            return refusal::end(error, planned, Planned::refuse, print);
        }
    }
    let next = planned.next_command();
    let operation = |cluster| carry_out(wishes, session, cluster, planned.clone());
    let (outcome, signal) = match operate::until_signal_or(&cluster, operation, &next).await? {
        Ended::Finished(outcome, signal) => (outcome, signal),
        Ended::CutOff(exit) => return end(wishes, &planned, None, exit),
    };
    turn::check_overtaken(wishes.waiting, &outcome, signal)?;
    let exit = review::conclude_or(&planned.name(), &outcome, signal, &next).after(signal);
    end(wishes, &planned, Some(&outcome), exit)
}

/// The plan is data where it is all that was asked for, and prose before a question.
fn show(wishes: Wishes<'_>, planned: &Planned) -> anyhow::Result<()> {
    match (wishes.is_dry_run, wishes.output) {
        (true, Report::Text) => output::print(&planned.text(Depth::Everything))?,
        (true, Report::Json) => output::print(&output::json(&planned.json(None))?)?,
        (false, _) => output::prose(&planned.text(Depth::Changes)),
    }
    review::say_remarks(planned.plan(), planned.n_pods(), wishes.force_conflicts);
    Ok(())
}

/// Ends with the plan, and how it ended, where somebody asked for JSON and has not got it yet.
fn end(
    wishes: Wishes<'_>,
    planned: &Planned,
    outcome: Option<&Outcome>,
    exit: Exit,
) -> anyhow::Result<Exit> {
    match wishes.is_dry_run {
        true => Ok(exit),
        false => plan_json::end(wishes.output, &planned.json(outcome), exit),
    }
}

fn carry_out(
    wishes: Wishes<'_>,
    session: &Session,
    cluster: Cluster,
    planned: Planned,
) -> impl Future<Output = anyhow::Result<Outcome>> + Send + use<> {
    let options = RunOptions {
        force_conflicts: wishes.force_conflicts,
        meeting: wishes.meeting,
        gone_within: wishes.waiting.timeout,
    };
    let timeout = wishes.waiting.timeout;
    let ready_within = timeout.unwrap_or(session.settings.wait.ready());
    let waits = wishes.waiting.waits();
    let (file, applied) = (wishes.file.map(str::to_owned), session.applied());
    async move {
        let report = |progress| review::say_progress_of_text(file.as_deref(), &progress);
        let mut outcome = planned.run(&cluster, options, &report).await;
        let written = (planned.request(), planned.plan());
        keep_applied(&cluster, &applied, written, &outcome).await;
        if waits && outcome.is_complete() {
            let instance = &planned.plan().instance;
            outcome.absorb(wait_ready(&cluster, instance, ready_within, &report).await);
        }
        Ok(outcome)
    }
}

/// Asks whether to go on, unless that was answered. Of what is protected, and where nobody knows who the server is, the ID is
/// typed; that another definition's instance is replaced is asked whatever the flags say.
fn is_wanted(wishes: Wishes<'_>, cluster: &Cluster, planned: &Planned) -> anyhow::Result<bool> {
    let id = &planned.plan().instance.id;
    if let Some(confirmed) = wishes.confirm {
        return Ok(confirm::same(confirmed, id, "applied")?);
    }
    let question = planned.question(cluster);
    let caution = planned.caution(cluster);
    if caution.wants_id() {
        if !output::can_ask() {
            return Err(confirm::wants_id(id.as_str(), caution).into());
        }
        let warned = confirm::warned(id.as_str(), caution);
        return confirm::typed(&format!("{warned}{question} Type {id}:"), id.as_str());
    }
    let replaced = planned.replaced();
    if let (Some(other), false) = (replaced, output::can_ask()) {
        return Err(confirm::replaces(id.as_str(), other).into());
    }
    wishes.require_answer()?;
    let is_answered = wishes.yes && replaced.is_none();
    Ok(is_answered || confirm::go_on(&question)?)
}
