//! `bowline restore`: what was taken down on this machine, listed, or deployed again.

use serde_json::json;

use super::applying::{self, Planned, Wishes};
use super::args::{Applying, Report, Restore};
use super::asking::Asker;
use super::session::Session;
use super::{Exit, UsageError, operate, output, turn};
use crate::catalogue::trash::TrashItem;
use crate::catalogue::trash::which::{Which, numbers, shown_time};
use crate::cluster::Identity;
use crate::definition::id::{InstanceId, Namespace};
use crate::engine::plan::TeardownPlan;
use crate::engine::restore::{Surroundings, plan_restore};
use crate::failure::{Failure, FailureKind};
use crate::runtime::restore_request;
use crate::service::advice;
use crate::text;

const HEADINGS: [&str; 7] = [
    "ID",
    "N",
    "NAMESPACE",
    "CONTEXT",
    "DEFINITION",
    "REVISION",
    "TAKEN DOWN",
];

pub fn run(args: &Restore, session: &Session) -> anyhow::Result<Exit> {
    let Some(id) = &args.id else {
        list(args, session)?;
        return Ok(Exit::Ok);
    };
    let wishes = Wishes::of(&args.applying, args.dry_run);
    wishes.require_answer()?;
    let beside = session.catalogue.dir().to_owned();
    let asker = Asker::of(&args.applying, args.dry_run, beside)?;
    let items = items(session);
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run);
        let asked = session.global.namespace.as_ref();
        let meant = of_instance(&items, id, asked, cluster.identity())?;
        let item = choose(&meant, args.at)?;
        let request = restore_request(item, surroundings(session, &args.applying));
        let secrets = |definition: &_| asker.read(definition);
        let instances = std::slice::from_ref(&request.instance);
        let attempt = async || {
            let plan = async || {
                let plan = plan_restore(&cluster, &request, &secrets).await?;
                Ok(Planned::Restore(plan))
            };
            let planned = asker.plan(plan, |planned| Some(planned.plan())).await?;
            applying::decide(wishes, session, cluster.clone(), planned).await
        };
        let waiting = &args.applying.waiting;
        let exit = turn::in_turn(waiting, session, &cluster, instances, attempt).await?;
        if exit == Exit::Ok && !args.dry_run {
            discard(session, item);
        }
        Ok(exit)
    })
}

/// Returns what is in the trash, the newest first. What cannot be read is said, and hides nothing else.
fn items(session: &Session) -> Vec<TrashItem> {
    let listing = session.trash().list();
    for refused in &listing.refused {
        let (file, reason) = (&refused.file_name, &refused.reason);
        let sentence = format!("warning: {file} in the trash cannot be read: {reason}");
        output::say(text::clean(&sentence));
    }
    listing.items
}

fn list(args: &Restore, session: &Session) -> anyhow::Result<()> {
    let items = items(session);
    if args.applying.output == Report::Json {
        let numbered = items.iter().zip(numbers(&items));
        let values: Vec<_> = numbered.map(to_json).collect();
        return Ok(output::print(&output::json(&values)?)?);
    }
    if items.is_empty() {
        output::say(
            "the trash is empty: nothing that was taken down on this machine is left in it",
        );
        return Ok(());
    }
    let rows: Vec<_> = items.iter().zip(numbers(&items)).map(row).collect();
    Ok(output::print(&output::table(&HEADINGS, &rows))?)
}

fn row((item, number): (&TrashItem, usize)) -> Vec<String> {
    vec![
        item.id.to_string(),
        number.to_string(),
        item.namespace.to_string(),
        item.context.clone(),
        item.definition
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        item.stand(),
        shown_time(item).to_string(),
    ]
}

fn to_json((item, number): (&TrashItem, usize)) -> serde_json::Value {
    json!({
        "id": item.id,
        "number": number,
        "namespace": item.namespace,
        "context": item.context,
        "server": item.server,
        "definition": item.definition,
        "revision": item.revision,
        "parameters": item.parameters,
        "takenDown": item.taken_down,
        "text": item.text,
    })
}

/// Returns what was taken down of an ID on this cluster, the newest first, where its namespace is clear. There is at least one.
fn of_instance<'a>(
    items: &'a [TrashItem],
    id: &InstanceId,
    asked: Option<&Namespace>,
    identity: &Identity,
) -> anyhow::Result<Vec<&'a TrashItem>> {
    let is_meant =
        |item: &&TrashItem| item.id == *id && asked.is_none_or(|asked| item.namespace == *asked);
    let meant: Vec<&TrashItem> = items.iter().filter(is_meant).collect();
    let is_here = |item: &&TrashItem| item.server == identity.server;
    let here: Vec<&TrashItem> = meant.iter().copied().filter(is_here).collect();
    let Some(newest) = here.first() else {
        return Err(missing(id, asked, &meant).into());
    };
    if let Some(other) = here.iter().find(|it| it.namespace != newest.namespace) {
        let sentence = format!(
            "{id} was taken down in {} and in {}: say which with -n",
            newest.namespace, other.namespace
        );
        return Err(UsageError(sentence).into());
    }
    Ok(here)
}

/// Returns the one that is asked for, the newest unless another is; and says so where there are others.
fn choose<'a>(items: &[&'a TrashItem], which: Option<Which>) -> anyhow::Result<&'a TrashItem> {
    let newest = *items.first().expect("something was taken down");
    let id = &newest.id;
    match (which, items) {
        (Some(which), _) => which.choose(items).map_err(|times| {
            let sentence = format!("no such time of {id}, which was taken down {times}");
            UsageError(sentence).into()
        }),
        (None, [_, before, ..]) => {
            let (n_times, at) = (items.len(), shown_time(newest));
            output::say(format!(
                "{id} was taken down {n_times} times: this is the newest, of {at}; --at 2 takes the one before it, of {}",
                shown_time(before)
            ));
            Ok(newest)
        }
        (None, _) => Ok(newest),
    }
}

fn missing(id: &InstanceId, asked: Option<&Namespace>, elsewhere: &[&TrashItem]) -> Failure {
    match elsewhere.first() {
        Some(item) => {
            let (context, server) = (&item.context, &item.server);
            let summary = format!(
                "{id} was taken down on another cluster, {server}: choose it with --context {context}"
            );
            Failure::new(FailureKind::Refused, text::clean(&summary))
        }
        None => {
            let place = asked.map_or_else(String::new, |asked| format!(" from namespace {asked}"));
            let summary = format!(
                "no {id}{place} is in the trash of this machine: `bowline restore` lists what is"
            );
            Failure::new(FailureKind::NotFound, summary)
        }
    }
}

/// Returns who deploys something again, and under which settings.
pub(super) fn surroundings(session: &Session, args: &Applying) -> Surroundings {
    Surroundings {
        ingress_host: session.settings.ingress.host.clone(),
        gpus: session.settings.gpus.clone(),
        yields: args.yield_conflicts,
        remedies: args.remedies(),
        message: args.message.clone(),
        holder: session.holder(),
    }
}

/// Takes what was put back out of the trash. One that stays is only offered again.
fn discard(session: &Session, item: &TrashItem) {
    if let Err(error) = session.trash().discard(item) {
        output::say(text::clean(&format!("warning: {error}")));
    }
}

/// Says how what was taken down is put back.
pub(super) fn say_kept(plan: &TeardownPlan) {
    let (way, id) = (
        advice::command("restore", &plan.instance),
        &plan.instance.id,
    );
    let lost = plan.lost_for_good();
    output::say(format!("{way} puts {id} back{lost}"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;

    fn item(id: &str, namespace: &str, server: &str, revision: u32) -> TrashItem {
        TrashItem {
            id: id.parse().unwrap(),
            namespace: namespace.parse().unwrap(),
            server: server.to_owned(),
            context: format!("to-{server}"),
            taken_down: Timestamp::UNIX_EPOCH,
            record_uid: "uid".to_owned(),
            revision: Some(revision),
            definition: None,
            parameters: BTreeMap::new(),
            text: String::new(),
            objects: Vec::new(),
        }
    }

    fn check(items: &[TrashItem], asked: Option<&str>, expected: Result<u32, &str>) {
        let identity = Identity {
            server: "here".to_owned(),
            ..Identity::default()
        };
        let asked = asked.map(|asked| asked.parse::<Namespace>().unwrap());
        let found = of_instance(items, &"web".parse().unwrap(), asked.as_ref(), &identity);
        match (found, expected) {
            (Ok(items), Ok(revision)) => assert_eq!(items[0].revision, Some(revision)),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn the_newest_of_the_same_cluster_is_found_where_its_namespace_is_clear() {
        let items = [
            item("web", "team-a", "there", 5),
            item("web", "team-a", "here", 4),
            item("web", "team-a", "here", 3),
        ];
        check(&items, None, Ok(4));
        check(&items, Some("team-a"), Ok(4));
        check(&items, Some("team-b"), Err("from namespace team-b"));
        check(&items[..1], None, Err("--context to-there"));
        check(&[item("db", "team-a", "here", 1)], None, Err("no web"));
        let two = [
            item("web", "team-a", "here", 4),
            item("web", "team-b", "here", 3),
        ];
        check(&two, None, Err("team-a and in team-b"));
        check(&two, Some("team-b"), Ok(3));
    }
}
