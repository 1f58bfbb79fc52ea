//! `bowline pull`: brings what others changed in live objects back into the definition, comments and layout untouched.

use serde_json::json;

use super::args::{Pull, Report};
use super::session::Session;
use super::{Exit, changes, confirm, missing, operate, output, review};
use crate::engine::pull::{PullPlan, definition_of, plan_pull};
use crate::service::advice;
use crate::text;

pub fn run(args: &Pull, session: &Session) -> anyhow::Result<Exit> {
    let (plan, base) = operate::on_cluster(session, async |cluster| {
        let instance = session.instance(&cluster, &args.id);
        let name = definition_of(&cluster, &instance).await;
        let name = missing::explained(&cluster, &instance, name).await?;
        let saved = session.catalogue.read(&name)?;
        let surroundings = changes::surroundings(session);
        let plan = plan_pull(&cluster, &instance, &name, &saved.text, &surroundings).await?;
        Ok((plan, saved.digest))
    })?;
    match args.output {
        Report::Text => output::print(&shown(&plan))?,
        Report::Json => output::print(&output::json(&value(&plan))?)?,
    }
    say_left(&plan);
    if plan.is_noop() {
        return Ok(exit(&plan));
    }
    if args.dry_run {
        return Ok(Exit::Ok);
    }
    confirm::require_answer(args.yes, "--yes")?;
    if !args.yes && !confirm::go_on(&format!("write this into {}?", plan.name))? {
        output::say("nothing was written");
        return Ok(Exit::Failed);
    }
    // What somebody else saved meanwhile is not written over.
    session.catalogue.save(&plan.name, &plan.text, &base)?;
    output::say(said(&plan));
    Ok(exit(&plan))
}

/// Says what was written, and what a deploy of it does.
fn said(plan: &PullPlan) -> String {
    let and = match plan.replaces_pods {
        true => ", and replaces the pods, which read their config anew then",
        false => "",
    };
    let name = &plan.name;
    let command = advice::command_of("deploy", name, &plan.instance);
    format!("{name} says it now; {command} makes it a revision{and}")
}

/// All was pulled, some of it, or nothing of what there is.
fn exit(plan: &PullPlan) -> Exit {
    match (plan.left.is_empty(), plan.is_noop()) {
        (true, _) => Exit::Ok,
        (false, true) => Exit::Refused,
        (false, false) => Exit::Partly,
    }
}

fn shown(plan: &PullPlan) -> String {
    if plan.is_noop() {
        return String::new();
    }
    let name = &plan.name;
    let mut shown = format!("--- {name}\n+++ {name}, with what is in the cluster\n");
    for line in &plan.difference {
        shown.push_str(&review::diff_line(line));
        shown.push('\n');
    }
    shown
}

fn say_left(plan: &PullPlan) {
    for remark in &plan.remarks {
        output::say(text::clean(&format!("warning: {remark}")));
    }
    for left in &plan.left {
        output::say(text::clean(&format!("not pulled: {left}")));
    }
    if plan.is_noop() && plan.left.is_empty() {
        output::say(plan.nothing_to_pull());
    }
}

fn value(plan: &PullPlan) -> serde_json::Value {
    let pulled = plan.pulled.iter().map(|pulled| {
        let mut value = json!(pulled.field);
        value["object"] = json!(pulled.key.to_string());
        value
    });
    let left = plan.left.iter().map(|left| {
        json!({
            "object": left.key.to_string(),
            "field": left.field.as_ref().map(ToString::to_string),
            "reason": left.why,
        })
    });
    json!({
        "id": plan.instance.id.as_str(),
        "namespace": plan.instance.namespace.as_str(),
        "definition": plan.name.as_str(),
        "pulled": pulled.collect::<Vec<_>>(),
        "left": left.collect::<Vec<_>>(),
        "text": plan.text,
    })
}
