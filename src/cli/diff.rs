//! `bowline diff`: what a deploy would change, or what differs between two revisions. Exit 0 nothing, 1 something, more on
//! failure, as diff and kubectl do. What others added and a deploy leaves is shown apart, and is no difference.

use jiff::Timestamp;

use super::args::{Diff, Report};
use super::asking::Asker;
use super::deploy::Prepared;
use super::review::Depth;
use super::session::Session;
use super::{
    Exit, UsageError, changes, missing, operate, output, plan_json, review, set_difference,
};
use crate::engine::deploy::plan_difference;
use crate::engine::drift::leave_out_said;
use crate::engine::history::{Comparison, compare};
use crate::engine::plan::{DeployPlan, DiffLine};
use crate::failure::{Failure, FailureKind};
use crate::service::drift::{Changes, ObjectChange};
use crate::text;

pub fn run(args: &Diff, session: &Session) -> anyhow::Result<Exit> {
    let result = match (&args.applyset, args.revision) {
        (Some(parent), _) => set_difference::run(args, parent, session),
        (None, Some(revision)) => of_revisions(args, revision, session),
        (None, None) => difference(args, session),
    };
    match result {
        Ok(exit) => Ok(exit),
        // 1 means a difference here, so that a failure must be more.
        Err(error) => Ok(super::report(&error).beside_differences()),
    }
}

fn difference(args: &Diff, session: &Session) -> anyhow::Result<Exit> {
    let prepared = Prepared::read_for("diff", &args.source, session)?;
    let secrets = prepared.secrets(&Asker::silent(prepared.beside.clone()))?;
    let shown = prepared.shown.clone();
    let (plan, changes, now) = operate::on_cluster(session, async |cluster| {
        // NB: the changes come first, for the rehearsals of a plan make everything forgotten.
        let look = cluster.for_one_look().for_plans_only(true);
        prepared.check_online(&look, session).await?;
        let request = prepared.request(&look, session, None, secrets);
        let changes = changes::read(&look, session, &request.instance()).await?;
        let mut changes = changes.unwrap_or_default();
        leave_out_said(&look, &request, &mut changes).await?;
        let plan = plan_difference(&look, &request).await?;
        Ok((plan, changes, look.now()))
    })?;
    // Who may only look gets the difference all the same.
    let is_shown = |refusal: &Failure| refusal.kind == FailureKind::Forbidden;
    let is_refused = plan.objects.is_empty() || !plan.refusals.iter().all(is_shown);
    if !is_refused {
        for refusal in &plan.refusals {
            output::say(format!("warning: {}", text::clean(&refusal.summary)));
        }
    }
    print(args, &plan, &changes, now)?;
    if !plan.refusals.is_empty() && is_refused {
        return Ok(review::refuse_of(Some(&shown), &plan.refusals).beside_differences());
    }
    // What others added is no difference that a deploy would write, nor is what somebody works on.
    Ok(if plan.is_unchanged() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

/// Returns what is not as it was applied: a deploy sets it back.
fn set_back(changes: &Changes) -> Vec<ObjectChange> {
    changes.part(|field| field.wanted.is_some())
}

/// Returns what others added beside what was applied: a deploy leaves it.
fn added(changes: &Changes) -> Vec<ObjectChange> {
    let mut added = changes.part(|field| field.wanted.is_none());
    added.retain(|object| !object.fields.is_empty());
    added
}

fn print(args: &Diff, plan: &DeployPlan, changes: &Changes, now: Timestamp) -> anyhow::Result<()> {
    match args.output {
        Report::Json => {
            let mut value = plan_json::deploy(plan, None);
            value["changes"] = serde_json::to_value(&changes.objects)?;
            output::print(&output::json(&value)?)?;
        }
        Report::Text => {
            if !plan.is_unchanged() {
                output::print(&review::deploy_plan(plan, Depth::Everything))?;
            }
            print_rows(
                "changed in the cluster since it was deployed:",
                &set_back(changes),
                now,
            )?;
            let added = added(changes);
            print_rows("added by others, and left by a deploy:", &added, now)?;
            if !added.is_empty() {
                let (of, namespace) = (args.source.shown(), &plan.instance.namespace);
                output::say(format!(
                    "`bowline adopt {of} -n {namespace}` takes over what others added by updates, and the deploy after it removes that"
                ));
            }
        }
    }
    // What claims keep is known to both.
    let is_news = |remark: &&String| !plan.warnings.contains(remark);
    for remark in changes.remarks.iter().filter(is_news) {
        output::say(text::clean(&format!("warning: {remark}")));
    }
    review::say_remarks(plan, 0, false);
    let is_applied_alone = plan.refusals.is_empty() && !plan.is_adoptable;
    if is_applied_alone && plan.leaves_objects() && !plan.is_record_exact {
        output::say(format!(
            "no object differs: a deploy keeps the text alone, as revision {}",
            plan.revision
        ));
    }
    Ok(())
}

fn print_rows(title: &str, objects: &[ObjectChange], now: Timestamp) -> anyhow::Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    output::print(&format!("{title}\n"))?;
    let rows = changes::rows(objects, now);
    Ok(output::print(&output::table(&changes::HEADINGS, &rows))?)
}

/// Compares two revisions that are kept of an instance.
fn of_revisions(args: &Diff, from: u32, session: &Session) -> anyhow::Result<Exit> {
    let id = args.source.id.as_ref().or(args.source.name.as_ref());
    let Some(id) = id.cloned() else {
        return Err(UsageError("name the instance whose revisions are compared".to_owned()).into());
    };
    let (instance, comparison) = operate::on_cluster(session, async |cluster| {
        let instance = session.instance(&cluster, &id);
        let compared = compare(&cluster, &instance, from, args.to).await;
        let comparison = missing::explained(&cluster, &instance, compared).await?;
        Ok((instance, comparison))
    })?;
    match args.output {
        Report::Json => {
            let value = plan_json::comparison(&instance, &comparison);
            output::print(&output::json(&value)?)?;
        }
        Report::Text => output::print(&text_of(id.as_str(), &comparison))?,
    }
    Ok(if comparison.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn text_of(id: &str, comparison: &Comparison) -> String {
    if comparison.is_empty() {
        return String::new();
    }
    let Comparison { from, to, .. } = comparison;
    let mut text = format!("--- {id} r{from}\n+++ {id} r{to}\n");
    text.extend(lines(&comparison.text));
    if !comparison.parameters.is_empty() {
        text.push_str("parameters:\n");
        text.extend(lines(&comparison.parameters));
    }
    text
}

pub(super) fn lines(difference: &[DiffLine]) -> impl Iterator<Item = String> {
    difference
        .iter()
        .map(|line| format!("{}\n", review::diff_line(line)))
}
