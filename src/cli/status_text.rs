//! The status of an instance as a page for people, and its changes as lines.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{changes, output, rows};
use crate::cluster::{Printed, PrintedRow};
use crate::service::age;
use crate::service::detail::Detail;
use crate::service::status::{InstanceStatus, PodStatus, VolumeStatus};
use crate::service::summary::Event;
use crate::text;

/// Events that a page shows: the newest.
const MAX_EVENTS: usize = 8;
/// What stands over rows of events.
pub(super) const EVENT_HEADINGS: [&str; 5] = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];

/// Returns everything about an instance: its state, pods, claims and latest warnings.
pub(super) fn page(
    status: &InstanceStatus,
    is_saved: bool,
    detail: &Detail,
    printed: Option<&[Printed]>,
    now: Timestamp,
) -> String {
    let is_wide = printed.is_some();
    let mut page = String::new();
    for (name, value) in properties(status, is_saved, now) {
        page.push_str(&text::clean(&format!("{name:<12}{value}")));
        page.push('\n');
    }
    let pods = status.pods.as_deref().unwrap_or_default();
    push_table(
        &mut page,
        &["POD", "PHASE", "READY", "REASON", "RESTARTS", "NODE", "AGE"],
        pods.iter().map(|pod| pod_row(pod, now)).collect(),
    );
    push_claims(&mut page, &status.volumes);
    let changes = status.changes.as_deref().unwrap_or_default();
    push_table(&mut page, &changes::HEADINGS, changes::rows(changes, now));
    let events = events(detail, is_wide);
    let latest = &events[events.len().saturating_sub(MAX_EVENTS)..];
    push_table(
        &mut page,
        &EVENT_HEADINGS,
        latest.iter().map(|event| event_row(event, now)).collect(),
    );
    for table in printed.unwrap_or_default() {
        push_printed(&mut page, table, &status.namespace);
    }
    page
}

/// Returns what is worth reading: warnings about what is still there, each once. A wide page has everything.
fn events(detail: &Detail, is_wide: bool) -> Vec<&Event> {
    if is_wide {
        return detail.events().iter().collect();
    }
    let is_there = |event: &Event| {
        let mut objects = detail.objects().iter();
        event.object_uid.is_empty() || objects.any(|object| object.uid == event.object_uid)
    };
    let says_the_same = |a: &Event, b: &Event| {
        a.object_uid == b.object_uid && a.reason == b.reason && a.message == b.message
    };
    let all = detail.events();
    let is_repeated = |idx: usize, event: &Event| {
        let later = all.get(idx + 1..).unwrap_or_default();
        later.iter().any(|other| says_the_same(event, other))
    };
    all.iter()
        .enumerate()
        .filter(|(_, event)| event.is_warning && is_there(event))
        .filter(|(idx, event)| !is_repeated(*idx, event))
        .map(|(_, event)| event)
        .collect()
}

fn properties(
    status: &InstanceStatus,
    is_saved: bool,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let state = match &status.reason {
        Some(reason) => format!("{}: {reason}", status.state),
        None => status.state.to_string(),
    };
    let ago = |at| format!("{} ago", age::show(age::since(at, now)));
    let drift = status.drift.map(|drift| format!(" ({drift})"));
    let definition = status.definition.as_ref().map(|name| match is_saved {
        true => format!("{name}{}", drift.unwrap_or_default()),
        false => format!("{name} (not in the catalogue){}", drift.unwrap_or_default()),
    });
    let operation = status.operation.as_ref().map(|operation| {
        let (what, progress) = (operation.what(), operation.progress());
        let (holder, ages) = (&operation.holder, operation.ages(now));
        format!("{what}, {progress} (by {holder}, {ages})")
    });
    let some = |name, value: Option<String>| value.map(|value| (name, value));
    [
        some("ID", Some(status.id.clone())),
        some("Name", status.display_name.clone()),
        some("Namespace", Some(status.namespace.clone())),
        some("State", Some(state)),
        some("Operation", operation),
        some("Replicas", Some(replicas(status))),
        some(
            "Images",
            Some(status.images.join(", ")).filter(|it| !it.is_empty()),
        ),
        some("Addresses", rows::addresses(status)),
        some("Definition", definition),
        some(
            "Revision",
            status.revision.map(|revision| format!("r{revision}")),
        ),
        some("Created", status.created.map(ago)),
        some("Expires", status.expires.map(|at| rows::until(at, now))),
        some(
            "Protected",
            status.protected.then(|| IS_PROTECTED.to_owned()),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn replicas(status: &InstanceStatus) -> String {
    let (ready, wanted, current) = (
        status.ready_replicas,
        status.replicas,
        status.current_replicas,
    );
    if current == wanted {
        format!("{ready}/{wanted} ready")
    } else {
        format!("{ready}/{wanted} ready, {current} of the wanted revision")
    }
}

fn push_table(page: &mut String, headings: &[&str], rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        page.push('\n');
        page.push_str(&output::table(headings, &rows));
    }
}

/// Adds objects as the server prints them; the kind stands where the server writes NAME.
fn push_printed(page: &mut String, printed: &Printed, own: &str) {
    let headings: Vec<String> = printed
        .columns
        .iter()
        .map(|column| match column.name.as_str() {
            "NAME" => printed.kind.kind.to_uppercase(),
            name => name.to_owned(),
        })
        .collect();
    let mut headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let of_row = |row: &PrintedRow| row.namespace.clone().unwrap_or_default();
    let is_elsewhere = printed.rows.iter().any(|row| of_row(row) != own);
    if is_elsewhere {
        headings.insert(0, "NAMESPACE");
    }
    let rows = printed.rows.iter().map(|row| {
        let namespace = is_elsewhere.then(|| of_row(row));
        namespace.into_iter().chain(row.cells.clone()).collect()
    });
    push_table(page, &headings, rows.collect());
}

fn pod_row(pod: &PodStatus, now: Timestamp) -> Vec<String> {
    vec![
        pod.name.clone(),
        phase(pod),
        ready(pod),
        pod.reason.clone().unwrap_or_default(),
        pod.restarts.to_string(),
        pod.node.clone().unwrap_or_default(),
        age::show(age::since(pod.created, now)),
    ]
}

fn phase(pod: &PodStatus) -> String {
    if pod.terminating {
        "Terminating".to_owned()
    } else {
        pod.phase.clone()
    }
}

fn ready(pod: &PodStatus) -> String {
    let ready = pod.containers.iter().filter(|container| container.ready);
    format!("{}/{}", ready.count(), pod.containers.len())
}

/// Adds the claims; why one has no volume only where there is something to say.
fn push_claims(page: &mut String, claims: &[VolumeStatus]) {
    let headings = [
        "CLAIM", "PHASE", "SIZE", "CLASS", "MODES", "VOLUME", "REASON",
    ];
    let is_told = claims.iter().any(|claim| claim.reason.is_some());
    let shown = headings.len() - usize::from(!is_told);
    let rows = claims.iter().map(|claim| {
        let mut row = claim_row(claim);
        row.truncate(shown);
        row
    });
    push_table(page, &headings[..shown], rows.collect());
}

fn claim_row(claim: &VolumeStatus) -> Vec<String> {
    vec![
        claim.name.clone(),
        claim_phase(claim),
        size(claim),
        claim.storage_class.clone().unwrap_or_default(),
        claim.access_modes.join(","),
        claim.volume.clone().unwrap_or_default(),
        claim.reason.clone().unwrap_or_default(),
    ]
}

fn claim_phase(claim: &VolumeStatus) -> String {
    if claim.terminating {
        "Terminating".to_owned()
    } else {
        claim.phase.clone()
    }
}

fn size(claim: &VolumeStatus) -> String {
    claim.capacity.as_ref().unwrap_or(&claim.requested).clone()
}

/// Returns the cells of an event.
pub(super) fn event_row(event: &Event, now: Timestamp) -> Vec<String> {
    let times = if event.count > 1 {
        format!(" (x{})", event.count)
    } else {
        String::new()
    };
    vec![
        format!("{}{times}", age::show(age::since(event.last_seen, now))),
        kind_of(event).to_owned(),
        event.reason.clone(),
        format!("{}/{}", event.object_kind, event.object_name),
        event.message.clone(),
    ]
}

/// Returns the type of an event, as the API has it.
pub(super) fn kind_of(event: &Event) -> &'static str {
    if event.is_warning {
        "Warning"
    } else {
        "Normal"
    }
}

/// What protection comes to.
const IS_PROTECTED: &str = "yes: teardown needs the typed ID";

/// What the fact of where it is reached is called by, after the ID.
const ADDRESSES: &str = " addresses";

/// What the fact of its protection is called by, after the ID.
const PROTECTED: &str = " protected";

/// What the fact of a running operation is called by, after the ID.
const OPERATION: &str = " operation";

/// Returns what is left to say of an instance that is not there any more: the claims that were kept.
pub(super) fn facts_of_gone(status: &InstanceStatus) -> BTreeMap<String, String> {
    let mut facts = facts(status, &[]);
    facts.remove(&status.id);
    facts.remove(&format!("{}{ADDRESSES}", status.id));
    facts.remove(&format!("{}{PROTECTED}", status.id));
    facts
}

/// Returns what can change in an instance: a sentence for each thing.
pub(super) fn facts(status: &InstanceStatus, events: &[Event]) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    if let Some(addresses) = rows::addresses(status) {
        facts.insert(format!("{}{ADDRESSES}", status.id), addresses);
    }
    let protected = match status.protected {
        true => IS_PROTECTED,
        false => "no",
    };
    facts.insert(format!("{}{PROTECTED}", status.id), protected.to_owned());
    let reason = |reason: &Option<String>| match reason {
        Some(reason) => format!(": {reason}"),
        None => String::new(),
    };
    let state = format!(
        "{}, {}{}",
        status.state,
        replicas(status),
        reason(&status.reason)
    );
    facts.insert(status.id.clone(), state);
    // An operation is mostly the reason already.
    let is_reason = |step: &str| status.reason.as_ref().is_some_and(|it| it.contains(step));
    if let Some(operation) = status.operation.as_ref().filter(|it| !is_reason(&it.step)) {
        let sentence = format!("{}, {}", operation.what(), operation.progress());
        facts.insert(format!("{}{OPERATION}", status.id), sentence);
    }
    for pod in status.pods.as_deref().unwrap_or_default() {
        let restarts = match pod.restarts {
            0 => String::new(),
            1 => ", 1 restart".to_owned(),
            n => format!(", {n} restarts"),
        };
        let phase = phase(pod);
        let why = pod.reason.clone().filter(|reason| *reason != phase);
        let sentence = format!("{phase}, {} ready{restarts}{}", ready(pod), reason(&why));
        facts.insert(format!("Pod/{}", pod.name), sentence);
    }
    for claim in &status.volumes {
        let sentence = format!("{}, {}", claim_phase(claim), size(claim));
        facts.insert(format!("PersistentVolumeClaim/{}", claim.name), sentence);
    }
    for event in events {
        let object = format!("{}/{}", event.object_kind, event.object_name);
        let sentence = format!("{} {}: {}", kind_of(event), event.reason, event.message);
        facts.insert(format!("{object} event {}", event.name), sentence);
    }
    facts
}

/// Returns a line for each fact that is new or different, and for each thing that is gone.
pub(super) fn news(
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    now: Timestamp,
) -> String {
    let time = now
        .to_zoned(jiff::tz::TimeZone::system())
        .strftime("%H:%M:%S");
    let mut lines = String::new();
    let mut push = |key: &str, sentence: &str| {
        // The name of an event tells two of them apart, and nobody anything.
        let thing = key.split(" event ").next().unwrap_or(key);
        let line = format!("{time}  {thing}  {sentence}");
        lines.push_str(&text::clean(&line));
        lines.push('\n');
    };
    for (key, sentence) in new {
        if old.get(key) != Some(sentence) {
            push(key, sentence);
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        // Events expire and operations end; neither is news.
        if !key.contains(" event ")
            && ![OPERATION, ADDRESSES, PROTECTED]
                .iter()
                .any(|it| key.ends_with(it))
        {
            push(key, "gone");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts_of(facts: &[(&str, &str)]) -> BTreeMap<String, String> {
        facts
            .iter()
            .map(|(key, sentence)| ((*key).to_owned(), (*sentence).to_owned()))
            .collect()
    }

    fn check(old: &[(&str, &str)], new: &[(&str, &str)], expected: &[&str]) {
        let news = news(&facts_of(old), &facts_of(new), Timestamp::UNIX_EPOCH);
        // Without the time of day, which depends on where one is.
        let lines: Vec<_> = news.lines().map(|line| &line[10..]).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn only_what_changed_is_news() {
        check(
            &[
                ("web", "Rolling, 1/2 ready"),
                ("Pod/web-1", "Pending, 0/1 ready"),
            ],
            &[
                ("web", "Ready, 2/2 ready"),
                ("Pod/web-1", "Pending, 0/1 ready"),
            ],
            &["web  Ready, 2/2 ready"],
        );
        check(&[("Pod/a", "x")], &[], &["Pod/a  gone"]);
        check(&[("Pod/a event b", "x")], &[], &[]);
        check(
            &[],
            &[("Pod/a event b", "Warning X: y")],
            &["Pod/a  Warning X: y"],
        );
    }

    #[test]
    fn news_harm_no_terminal() {
        let news = news(
            &BTreeMap::new(),
            &facts_of(&[("Pod/a", "\u{1b}[2J")]),
            Timestamp::UNIX_EPOCH,
        );
        assert!(!news.contains('\u{1b}'), "{news:?}");
    }
}
