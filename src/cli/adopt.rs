//! `bowline adopt`: objects that others own, or wrote into, become an instance's own.

use serde_json::json;

use super::args::{Adopt, Report, Waiting};
use super::deploy::Prepared;
use super::operate::Ended;
use super::plan_json;
use super::session::Session;
use super::{Exit, confirm, operate, output, refusal, review, turn};
use crate::cluster::Cluster;
use crate::definition::id::InstanceId;
use crate::engine::adopt::{AdoptOptions, AdoptPlan, plan_adopt, run_adopt};
use crate::engine::progress::Outcome;
use crate::failure::{Failure, FailureKind};
use crate::secret::SecretValues;
use crate::text;

/// How a plan is carried out.
pub(super) struct Manner<'a> {
    /// What the question is answered with, where it is not to be asked.
    pub(super) answer: Answer,
    pub(super) dry_run: bool,
    pub(super) waiting: &'a Waiting,
    pub(super) output: Report,
}

/// What a question is answered with.
pub(super) enum Answer {
    /// The ID is asked for; of what belongs to nobody else that may be answered beforehand.
    ToType { yes: bool },
    /// The ID that was given.
    Given(InstanceId),
    /// The ID was typed by whoever began it: one goes on, or is asked whether to.
    GoesOn { yes: bool },
}

pub fn run(args: &Adopt, session: &Session) -> anyhow::Result<Exit> {
    let prepared = Prepared::read_for("adopt", &args.source, session)?;
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run);
        prepared.check_online(&cluster, session).await?;
        let request = prepared.request(&cluster, session, None, SecretValues::default());
        let attempt = async || {
            let manner = Manner {
                answer: match &args.confirm {
                    Some(id) => Answer::Given(id.clone()),
                    None => Answer::ToType { yes: args.yes },
                },
                dry_run: args.dry_run,
                waiting: &args.waiting,
                output: args.output,
            };
            let plan = plan_adopt(&cluster, &request).await?;
            decide(manner, session, cluster.clone(), plan).await
        };
        let instances = [request.instance()];
        turn::in_turn(&args.waiting, session, &cluster, &instances, attempt).await
    })
}

/// Shows a plan, and carries it out where that is wanted and possible.
pub(super) async fn decide(
    manner: Manner<'_>,
    session: &Session,
    cluster: Cluster,
    plan: AdoptPlan,
) -> anyhow::Result<Exit> {
    show(&manner, &plan)?;
    if !plan.refusals.is_empty() {
        return end(&manner, &plan, None, review::refuse(&plan.refusals));
    }
    if plan.is_noop() || manner.dry_run {
        return end(&manner, &plan, None, Exit::Ok);
    }
    match is_wanted(&manner, &plan) {
        Ok(true) => {}
        Ok(false) => {
            output::say("nothing was changed");
            return end(&manner, &plan, None, Exit::Failed);
        }
        Err(error) => {
            let refuse = |plan: &mut AdoptPlan, failure| plan.refusals.push(failure);
            let print = |plan: &AdoptPlan| end(&manner, plan, None, Exit::Refused);
            return refusal::end(error, plan, refuse, print);
        }
    }
    let options = AdoptOptions {
        holder: session.holder(),
        meeting: manner.waiting.meeting(),
    };
    let (shown, id) = (plan.clone(), plan.instance.id.clone());
    let operation = |cluster: Cluster| async move {
        let report = |progress| review::say_progress(&progress);
        Ok(run_adopt(&cluster, &plan, &options, &report).await)
    };
    let (outcome, signal) = match operate::until_signal(&cluster, operation).await? {
        Ended::Finished(outcome, signal) => (outcome, signal),
        Ended::CutOff(exit) => return end(&manner, &shown, None, exit),
    };
    turn::check_overtaken(manner.waiting, &outcome, signal)?;
    let exit = review::conclude(&format!("adoption of {id}"), &outcome, signal).after(signal);
    end(&manner, &shown, Some(&outcome), exit)
}

fn is_wanted(manner: &Manner<'_>, plan: &AdoptPlan) -> anyhow::Result<bool> {
    let id = &plan.instance.id;
    let stakes = "The owners named above may make them anew or fight over them.";
    match &manner.answer {
        Answer::Given(confirmed) => Ok(confirm::same(confirmed, id, "adopted")?),
        Answer::ToType { yes: true } if !has_owners(plan) => Ok(true),
        Answer::ToType { yes: true } if !output::can_ask() => {
            let summary = format!("others own some of it: repeat the ID with --confirm {id}");
            Err(Failure::new(FailureKind::Refused, summary).into())
        }
        Answer::ToType { .. } if !output::can_ask() => {
            let flag = match has_owners(plan) {
                true => format!("--confirm {id}"),
                false => "--yes".to_owned(),
            };
            confirm::require_answer(false, &flag).map(|()| false)
        }
        Answer::ToType { .. } => {
            confirm::typed(&format!("{stakes} Type {id} to adopt:"), id.as_str())
        }
        Answer::GoesOn { yes: true } => Ok(true),
        Answer::GoesOn { yes: false } => {
            confirm::go_on(&format!("{stakes} Go on with the adoption for {id}?"))
        }
    }
}

/// Tells whether any of it belongs to somebody else, who may make it anew.
fn has_owners(plan: &AdoptPlan) -> bool {
    plan.rows.iter().any(|row| row.owner.is_some())
}

/// The plan is data where it is all that was asked for, and prose before a question.
fn show(manner: &Manner<'_>, plan: &AdoptPlan) -> anyhow::Result<()> {
    let id = &plan.instance.id;
    if plan.is_noop() && plan.refusals.is_empty() {
        output::say(format!(
            "nothing to adopt for {id}: what is there is its own, or not there"
        ));
        return Ok(());
    }
    for row in &plan.rows {
        let key = row.key.seen_from(plan.instance.namespace.as_str());
        let line = format!("adopt {key}: {}", row.belonging());
        let line = text::clean(&line);
        match manner.dry_run && manner.output == Report::Text {
            true => output::print(&format!("{line}\n"))?,
            false => output::say(line),
        }
    }
    for warning in &plan.warnings {
        output::say(text::clean(&format!("warning: {warning}")));
    }
    Ok(())
}

fn end(
    manner: &Manner<'_>,
    plan: &AdoptPlan,
    outcome: Option<&Outcome>,
    exit: Exit,
) -> anyhow::Result<Exit> {
    let rows = plan.rows.iter().map(|row| {
        let mut value = plan_json::of_key(&row.key);
        value["owner"] = json!(row.owner);
        value["managers"] = json!(row.managers);
        value["shared"] = json!(row.shared);
        value
    });
    let refusals = plan.refusals.iter().map(plan_json::of_failure);
    let value = json!({
        "id": plan.instance.id.as_str(),
        "namespace": plan.instance.namespace.as_str(),
        "objects": rows.collect::<Vec<_>>(),
        "warnings": plan.warnings,
        "refusals": refusals.collect::<Vec<_>>(),
        "outcome": outcome.map(plan_json::of_outcome),
    });
    plan_json::end(manner.output, &value, exit)
}
