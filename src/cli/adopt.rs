//! `bowline adopt`: objects that others own, or wrote into, become an instance's own.

use serde_json::json;

use super::args::{Adopt, Report};
use super::deploy::Prepared;
use super::plan_json;
use super::session::Session;
use super::{Exit, confirm, operate, output, review};
use crate::engine::adopt::{AdoptPlan, plan_adopt, run_adopt};
use crate::engine::plan::Outcome;
use crate::secret::SecretValues;
use crate::text;

pub fn run(args: &Adopt, session: &Session) -> anyhow::Result<Exit> {
    let prepared = Prepared::read(&args.source, session)?;
    confirm::require_answer(args.confirm.is_some() || args.dry_run, "--confirm ID")?;
    operate::on_cluster(session, async |cluster| {
        prepared.check_online(&cluster, session).await?;
        let request = prepared.request(&cluster, session, None, SecretValues::default());
        let plan = plan_adopt(&cluster, &request).await?;
        show(&plan);
        if !plan.refusals.is_empty() {
            return end(args, &plan, None, review::refuse(&plan.refusals));
        }
        if plan.rows.is_empty() || args.dry_run {
            return end(args, &plan, None, Exit::Ok);
        }
        let id = &plan.instance.id;
        let question = format!(
            "The owners named above may make them anew or fight over them. Type {id} to adopt:"
        );
        let is_confirmed = match &args.confirm {
            Some(confirmed) => confirm::same(confirmed, id, "adopted")?,
            None => confirm::typed(&question, id.as_str())?,
        };
        if !is_confirmed {
            output::say("nothing was changed");
            return end(args, &plan, None, Exit::Failed);
        }
        let (shown, id) = (plan.clone(), id.clone());
        let operation = async move {
            let report = |progress| review::say_progress(&progress);
            Ok(run_adopt(&cluster, &request, &plan, &report).await)
        };
        let outcome = match operate::until_signal(operation).await? {
            operate::Ended::Finished(outcome) | operate::Ended::FinishedInterrupted(outcome, _) => {
                outcome
            }
            operate::Ended::Stopped(exit) => return Ok(exit),
        };
        let exit = review::conclude(&format!("adoption of {id}"), &outcome);
        end(args, &shown, Some(&outcome), exit)
    })
}

fn show(plan: &AdoptPlan) {
    let id = &plan.instance.id;
    if plan.rows.is_empty() && plan.refusals.is_empty() {
        output::say(format!(
            "nothing to adopt for {id}: what is there is its own, or not there"
        ));
        return;
    }
    for row in &plan.rows {
        output::say(text::clean(&format!(
            "adopt {}: {}",
            row.key,
            row.belonging()
        )));
    }
    for warning in &plan.warnings {
        output::say(text::clean(&format!("warning: {warning}")));
    }
}

fn end(
    args: &Adopt,
    plan: &AdoptPlan,
    outcome: Option<&Outcome>,
    exit: Exit,
) -> anyhow::Result<Exit> {
    if args.output == Report::Json {
        let rows = plan.rows.iter().map(|row| {
            let mut value = plan_json::of_key(&row.key);
            value["owner"] = json!(row.owner);
            value["managers"] = json!(row.managers);
            value["shared"] = json!(row.shared);
            value
        });
        let refusals = plan.refusals.iter().map(|one| &one.summary);
        let value = json!({
            "id": plan.instance.id.as_str(),
            "namespace": plan.instance.namespace.as_str(),
            "objects": rows.collect::<Vec<_>>(),
            "warnings": plan.warnings,
            "refusals": refusals.collect::<Vec<_>>(),
            "outcome": outcome.map(plan_json::of_outcome),
        });
        output::print(&output::json(&value)?)?;
    }
    Ok(exit)
}
