//! `bowline diff`: what a deploy would change. Exit 0 nothing, 1 something, more on failure, as diff and kubectl do.

use super::args::{Diff, Report};
use super::deploy::Prepared;
use super::review::Depth;
use super::session::Session;
use super::{Exit, operate, output, plan_json, review};
use crate::engine::deploy::plan_deploy;
use crate::engine::plan::DeployPlan;
use crate::failure::{Failure, FailureKind};
use crate::text;

pub fn run(args: &Diff, session: &Session) -> anyhow::Result<Exit> {
    match difference(args, session) {
        Ok(exit) => Ok(exit),
        // 1 means a difference here, so that a failure must be more.
        Err(error) => Ok(match super::report(&error) {
            Exit::Failed => Exit::Usage,
            exit => exit,
        }),
    }
}

fn difference(args: &Diff, session: &Session) -> anyhow::Result<Exit> {
    let prepared = Prepared::read(&args.source, session)?;
    let plan = operate::on_cluster(session, async |cluster| {
        let request = prepared.request(&cluster, session, None);
        Ok(plan_deploy(&cluster, &request).await?)
    })?;
    print(args, &plan)?;
    // Who may only look gets the difference all the same.
    let is_refused = plan.objects.is_empty() || plan.refusals.iter().any(is_more_than_forbidden);
    if !plan.refusals.is_empty() && is_refused {
        return Ok(match review::refuse(&plan.refusals) {
            Exit::Failed => Exit::Usage,
            exit => exit,
        });
    }
    for refusal in &plan.refusals {
        output::say(format!("warning: {}", text::clean(&refusal.summary)));
    }
    Ok(if plan.is_noop() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn is_more_than_forbidden(refusal: &Failure) -> bool {
    refusal.kind != FailureKind::Forbidden
}

fn print(args: &Diff, plan: &DeployPlan) -> anyhow::Result<()> {
    match args.output {
        Report::Json => output::print(&output::json(&plan_json::deploy(plan, None))?)?,
        Report::Text if plan.is_noop() => {}
        Report::Text => output::print(&review::deploy_plan(plan, Depth::Everything))?,
    }
    review::say_remarks(plan);
    Ok(())
}
