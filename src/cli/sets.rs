//! `bowline ls --sets`: `ApplySets` of any tool, with what they contain and how it is doing.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::{Ls, Output};
use super::session::Session;
use super::{Exit, operate, output};
use crate::definition::object::{GroupKind, ObjectKey};
use crate::engine::sets::{ApplySet, list_sets};
use crate::service::age;
use crate::text;

pub fn run(args: &Ls, session: &Session) -> anyhow::Result<Exit> {
    operate::on_cluster(session, async |cluster| {
        let here = cluster.namespace().clone();
        let namespace = (!args.all_namespaces).then_some(&here);
        let found = list_sets(&cluster, namespace).await?;
        for failure in &found.failures {
            output::say(text::clean(&format!(
                "warning: members may be missing: {failure}"
            )));
        }
        output::say_unseen(found.unseen.as_ref());
        if found.sets.is_empty() && matches!(args.output, Output::Table | Output::Wide) {
            let place = namespace.map_or("the cluster".to_owned(), |it| format!("namespace {it}"));
            output::say(format!("no ApplySet in {place}"));
            return Ok(Exit::Ok);
        }
        print(args, &found.sets, cluster.now())?;
        Ok(Exit::Ok)
    })
}

fn print(args: &Ls, sets: &[ApplySet], now: Timestamp) -> anyhow::Result<()> {
    let data = match args.output {
        Output::Table | Output::Wide => table(args, sets, now),
        Output::Json => output::json(&values(sets))?,
        Output::Yaml => output::yaml(&values(sets)),
        Output::Name => sets.iter().map(|set| format!("{}\n", set.parent)).collect(),
    };
    output::print(&data)?;
    Ok(())
}

fn table(args: &Ls, sets: &[ApplySet], now: Timestamp) -> String {
    let is_wide = args.output == Output::Wide;
    let mut headings = vec!["PARENT", "TOOL", "MEMBERS", "STATE", "AGE"];
    if args.all_namespaces {
        headings.insert(0, "NAMESPACE");
    }
    if is_wide {
        headings.extend(["KINDS", "MORE NAMESPACES", "ID"]);
    }
    let rows = sets.iter().map(|set| {
        let mut row = vec![
            set.parent.to_string(),
            set.tooling.clone(),
            set.members.len().to_string(),
            state(set),
            created(set, now),
        ];
        if args.all_namespaces {
            row.insert(0, set.parent.namespace.clone().unwrap_or_default());
        }
        if is_wide {
            let kinds: Vec<String> = set.kinds.iter().map(kind_name).collect();
            let more: Vec<&str> = set.more_namespaces.iter().map(|it| it.as_str()).collect();
            row.extend([kinds.join(","), more.join(","), set.id.clone()]);
        }
        row
    });
    output::table(&headings, &rows.collect::<Vec<_>>())
}

/// Says how the members are doing in a few words: the first that is not well, and how many more there are.
fn state(set: &ApplySet) -> String {
    if set.members.is_empty() {
        return "Empty".to_owned();
    }
    let mut troubles = set.troubles();
    let Some((key, why)) = troubles.next() else {
        return "Ready".to_owned();
    };
    let first = format!("NotReady: {key}: {why}");
    match troubles.count() {
        0 => first,
        more => format!("{first}, and {more} more"),
    }
}

fn created(set: &ApplySet, now: Timestamp) -> String {
    let created = set.created.as_ref().and_then(|text| text.parse().ok());
    created.map_or_else(String::new, |from: Timestamp| {
        age::show(age::since(from, now))
    })
}

/// Writes a kind as the parent's annotation does.
fn kind_name(kind: &GroupKind) -> String {
    match kind.group.as_str() {
        "" => kind.kind.clone(),
        group => format!("{}.{group}", kind.kind),
    }
}

fn values(sets: &[ApplySet]) -> Value {
    sets.iter().map(value).collect()
}

fn value(set: &ApplySet) -> Value {
    let members = set.members.iter().map(|member| {
        let mut value = identity(&member.key);
        value["state"] = match &member.standing {
            Some(standing) if standing.is_ready => "Ready".into(),
            Some(_) => "NotReady".into(),
            None => Value::Null,
        };
        if let Some(standing) = member.standing.as_ref().filter(|it| !it.is_ready) {
            value["reason"] = standing.reason.as_str().into();
        }
        value
    });
    let members: Vec<Value> = members.collect();
    let is_ready = set.troubles().next().is_none();
    json!({
        "parent": identity(&set.parent),
        "id": set.id,
        "tooling": set.tooling,
        "kinds": set.kinds.iter().map(kind_name).collect::<Vec<_>>(),
        "moreNamespaces": set.more_namespaces.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
        "created": set.created,
        "ready": is_ready,
        "members": members,
    })
}

fn identity(key: &ObjectKey) -> Value {
    json!({
        "apiVersion": key.api_version(),
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
    })
}
