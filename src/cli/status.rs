//! `bowline status`: how instances are doing; with `-w` each change after that.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::args::{Chosen, Output, Status};
use super::rows;
use super::session::Session;
use super::{Exit, changes, choice, missing, operate, output, signals, status_text};
use crate::cluster::{Cluster, Printed};
use crate::definition::object::GroupKind;
use crate::engine::printed::printed_objects;
use crate::engine::protection;
use crate::engine::sets::ForeignSets;
use crate::failure::Failure;
use crate::service::address::AddressKind;
use crate::service::detail::Detail;
use crate::service::drift::{Changes, Drift};
use crate::service::protection::Protection;
use crate::service::status::{self, InstanceStatus};
use crate::service::watch::{LinkState, WatchEvent};
use crate::text;

/// How often one looks again though nothing happened: grace periods end without an event.
const LOOK: Duration = Duration::from_secs(1);

/// An instance, and what others changed in it.
type Compared = (Detail, Option<Changes>);

/// What statuses are told with beside what is known of each instance.
#[derive(Clone, Copy)]
struct Surroundings<'a> {
    session: &'a Session,
    protection: &'a Protection,
    now: Timestamp,
}

pub fn run(args: &Status, session: &Session) -> anyhow::Result<Exit> {
    operate::on_cluster(session, async |cluster| {
        let mut details = Vec::new();
        let mut absent = Vec::new();
        let Chosen { ids, selector } = &args.chosen;
        let look = cluster.for_one_look();
        for key in choice::instances(session, &look, ids, selector.as_ref()).await? {
            match look.snapshot_instance(&key).await? {
                Some(detail) if is_deployed(&detail) => {
                    details.push((detail, changes::read(&look, session, &key).await?));
                }
                found => absent.push((key, found)),
            }
        }
        let printed = match args.output {
            Output::Wide => printed(&look, &details).await,
            _ => Vec::new(),
        };
        let node = node(&cluster, &details).await?;
        let namespaces = details.iter().map(|(it, _)| it.key().namespace.clone());
        let protection = protection::of_namespaces(&look, &namespaces.collect()).await?;
        let around = Surroundings {
            session,
            protection: &protection,
            now: cluster.now(),
        };
        print(args, around, &details, &printed, node.as_deref())?;
        let mut sets = ForeignSets::of(&cluster);
        for (key, found) in &absent {
            missing::say(session, &cluster, &mut sets, key, found.as_ref()).await;
        }
        if args.watch && !details.is_empty() {
            return follow(args, around, &cluster, details, node.as_deref()).await;
        }
        Ok(if absent.is_empty() {
            Exit::Ok
        } else {
            Exit::Failed
        })
    })
}

/// Returns the address of a node, where an instance is reached by one.
async fn node(cluster: &Cluster, details: &[Compared]) -> Result<Option<String>, Failure> {
    let on_nodes = |(detail, _): &Compared| {
        let addresses = detail.addresses(None);
        addresses.iter().any(|it| it.kind == AddressKind::NodePort)
    };
    if details.iter().any(on_nodes) {
        return cluster.node_address().await;
    }
    Ok(None)
}

/// Claims that a teardown kept are no instance any more.
fn is_deployed(detail: &Detail) -> bool {
    !detail.is_gone()
}

/// Asks for the objects of each instance as the server prints them, one request for each kind. Pods have a table already.
async fn printed(cluster: &Cluster, details: &[Compared]) -> Vec<Vec<Printed>> {
    let mut all = Vec::new();
    for (detail, _) in details {
        let kinds: BTreeSet<GroupKind> = detail
            .objects()
            .iter()
            .map(|object| GroupKind::of(&object.key))
            .collect();
        let printed = printed_objects(cluster, detail.key(), kinds).await;
        for failure in &printed.failures {
            output::say(text::clean(&format!("warning: {failure}")));
        }
        let is_pods = |table: &Printed| table.kind == GroupKind::new("", "Pod");
        let tables = printed.tables.into_iter().filter(|it| !is_pods(it));
        let of_instance: Vec<Printed> = tables.collect();
        all.push(of_instance);
    }
    all
}

fn print(
    args: &Status,
    around: Surroundings<'_>,
    details: &[Compared],
    printed: &[Vec<Printed>],
    node: Option<&str>,
) -> anyhow::Result<()> {
    let all: Vec<_> = details
        .iter()
        .map(|(detail, changes)| compared(around, detail, changes.as_ref(), node))
        .collect();
    let Surroundings { session, now, .. } = around;
    let remarks = details.iter().filter_map(|(_, changes)| changes.as_ref());
    for remark in remarks.flat_map(|changes| &changes.remarks) {
        output::say(text::clean(&format!("warning: {remark}")));
    }
    match args.output {
        Output::Table | Output::Wide => {
            let texts = all.iter().zip(details).enumerate();
            let texts: Vec<_> = texts
                .map(|(n, (status, (detail, _)))| {
                    let printed = printed.get(n).map(Vec::as_slice);
                    let is_saved = is_saved(session, status);
                    status_text::page(status, is_saved, detail, printed, now)
                })
                .collect();
            output::print(&texts.join("\n"))?;
        }
        Output::Name => {
            let ids: String = all
                .iter()
                .map(|status| format!("{}\n", status.id))
                .collect();
            output::print(&ids)?;
        }
        Output::Json | Output::Yaml if args.watch => {
            for status in &all {
                print_document(args.output, status)?;
            }
        }
        Output::Json | Output::Yaml => {
            // One is an object, as with kubectl; several are a list, even if some are missing.
            match all.as_slice() {
                [status] if args.chosen.ids.len() == 1 => print_value(args.output, status)?,
                [] if args.chosen.ids.len() == 1 => {}
                all => print_value(args.output, all)?,
            }
        }
    }
    Ok(())
}

/// Tells whether the catalogue has the definition that an instance was deployed from.
fn is_saved(session: &Session, status: &InstanceStatus) -> bool {
    let name = status.definition.as_deref().map(str::parse);
    let Some(Ok(name)) = name else { return false };
    session.catalogue.digest(&name).is_ok_and(|it| it.is_some())
}

fn print_value(format: Output, value: &(impl Serialize + ?Sized)) -> anyhow::Result<()> {
    match format {
        Output::Yaml => output::print(&output::yaml(&serde_json::to_value(value)?))?,
        _ => output::print(&output::json(value)?)?,
    }
    Ok(())
}

fn print_document(format: Output, status: &InstanceStatus) -> anyhow::Result<()> {
    match format {
        Output::Yaml => {
            let value = serde_json::to_value(status)?;
            output::print(&format!("---\n{}", output::yaml(&value)))?;
        }
        _ => output::print(&output::json_line(status)?)?,
    }
    Ok(())
}

fn print_gone(format: Output, status: &InstanceStatus) -> anyhow::Result<()> {
    let gone = json!({"id": status.id, "namespace": status.namespace, "state": "Gone"});
    match format {
        Output::Yaml => output::print(&format!("---\n{}", output::yaml(&gone)))?,
        _ => output::print(&output::json_line(&gone)?)?,
    }
    Ok(())
}

/// Returns the status of an instance, protected where its namespace is.
fn told(around: Surroundings<'_>, detail: &Detail, is_changed: Option<bool>) -> InstanceStatus {
    let drift = drift(around.session, detail, is_changed);
    let status = status::of_detail(detail, drift, around.now);
    InstanceStatus {
        protected: status.protected || around.protection.covers(&status.namespace),
        ..status
    }
}

/// Returns the status with what others changed, which tells more exactly whether they did.
fn compared(
    around: Surroundings<'_>,
    detail: &Detail,
    changes: Option<&Changes>,
    node: Option<&str>,
) -> InstanceStatus {
    let is_compared = changes.is_some_and(|changes| changes.remarks.is_empty());
    let is_running = is_running(detail);
    let seen = changes.map(|changes| !changes.is_empty());
    let is_changed = match detail.is_changed() {
        _ if is_running => None,
        _ if is_compared => seen,
        by_owners => by_owners.max(seen),
    };
    InstanceStatus {
        changes: changes
            .filter(|_| !is_running)
            .map(|changes| changes.objects.clone()),
        addresses: Some(detail.addresses(node)),
        ..told(around, detail, is_changed)
    }
}

/// Tells whether an operation is noted: what is there is neither what was nor what is to be.
fn is_running(detail: &Detail) -> bool {
    let mut record = detail.record().into_iter();
    record.any(|record| record.operation.is_some())
}

/// Compares the catalogue's definition with what was applied, and that with what is there; none where nobody can say.
fn drift(session: &Session, detail: &Detail, is_changed: Option<bool>) -> Option<Drift> {
    let is_edited = detail.record().and_then(|record| {
        let applied = record.definition_hash.as_ref()?;
        let saved = session.catalogue.digest(&record.definition).ok()??;
        Some(saved.as_str() != applied)
    });
    Drift::of(is_edited, is_changed)
}

/// An instance that is watched, and what was printed of it last.
struct Followed {
    detail: Detail,
    /// What others changed when it was looked at last, and the revision that it was compared with.
    changes: Option<(Option<u32>, Changes)>,
    /// Whether anything came since that may be such a change.
    is_due: bool,
    /// When it was looked at; none where it is to be at once, since an operation ended.
    compared_at: Option<Instant>,
    status: InstanceStatus,
    facts: BTreeMap<String, String>,
    is_gone: bool,
}

/// Prints what changes until a signal comes.
async fn follow(
    args: &Status,
    around: Surroundings<'_>,
    cluster: &Cluster,
    details: Vec<Compared>,
    node: Option<&str>,
) -> anyhow::Result<Exit> {
    let at = |now| Surroundings { now, ..around };
    let (sender, mut events) = mpsc::unbounded_channel();
    let (mut followed, mut watches) = (Vec::new(), Vec::new());
    for (detail, changes) in details {
        let (idx, sender) = (followed.len(), sender.clone());
        let sink = move |event| drop(sender.send((idx, event)));
        watches.push(cluster.watch_instance(detail.key(), Duration::ZERO, sink));
        let status = compared(at(cluster.now()), &detail, changes.as_ref(), node);
        let revision = detail.record().and_then(|record| record.revision);
        followed.push(Followed {
            facts: status_text::facts(&status, detail.events()),
            changes: changes.map(|changes| (revision, changes)),
            is_due: false,
            compared_at: Some(Instant::now()),
            detail: Detail::new(detail.key().clone()),
            status,
            is_gone: false,
        });
    }
    let mut outage = operate::Outage::default();
    let mut signal = pin!(signals::next_signal());
    // What a person reads has no words for that, and a comparison asks for every object.
    let tells_changes = matches!(args.output, Output::Json | Output::Yaml);
    loop {
        tokio::select! {
            number = &mut signal => return Ok(Exit::Signal(number?)),
            Some((idx, event)) = events.recv() => {
                followed[idx].apply(event, cluster.now());
                drain(&mut events, &mut followed, cluster);
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        let mut is_answered = true;
        for one in &mut followed {
            say_outage(&mut outage, &one.detail);
            if !one.detail.is_complete() {
                continue;
            }
            if is_answered && tells_changes && one.wants_comparison() {
                let look = changes::read_at_rest(cluster, around.session, one.detail.key());
                tokio::select! {
                    number = &mut signal => return Ok(Exit::Signal(number?)),
                    // A server that is away is told by the watches, and the others need not wait for it as well.
                    found = look => match found {
                        Ok(found) => one.compared(found),
                        Err(_) => is_answered = false,
                    },
                }
            }
            print_changes(args, at(cluster.now()), one, node)?;
        }
    }
}

impl Followed {
    fn apply(&mut self, event: WatchEvent, now: Timestamp) {
        let mut of = &event;
        while let WatchEvent::Elsewhere(_, event) = of {
            of = event;
        }
        self.is_due |= matches!(
            of,
            WatchEvent::Objects(..) | WatchEvent::Workloads(..) | WatchEvent::Records(_)
        );
        self.detail.apply(event, now);
        if is_running(&self.detail) {
            // What is seen until it ends are its own writes.
            (self.changes, self.is_due, self.compared_at) = (None, true, None);
        }
    }

    /// Tells whether it is to be looked anew at what others changed, and takes note that it is.
    fn wants_comparison(&mut self) -> bool {
        let is_rested = self.compared_at.is_none_or(|at| at.elapsed() >= LOOK);
        let is_wanted = self.is_due && is_rested && !is_running(&self.detail);
        if is_wanted {
            self.compared_at = Some(Instant::now());
        }
        is_wanted
    }

    fn compared(&mut self, found: Option<(Option<u32>, Changes)>) {
        self.is_due = false;
        // Where somebody began meanwhile the record is about to tell, and what may not be read stays as it was seen.
        if found.is_some() {
            self.changes = found;
        }
    }

    /// Returns what others changed, where it was looked at since its revision came to be.
    fn changes(&self) -> Option<&Changes> {
        let revision = self.detail.record().and_then(|record| record.revision);
        let (of, changes) = self.changes.as_ref()?;
        (*of == revision).then_some(changes)
    }
}

/// Takes in what came together, so that it is printed together.
fn drain(
    events: &mut UnboundedReceiver<(usize, WatchEvent)>,
    followed: &mut [Followed],
    cluster: &Cluster,
) {
    while let Ok((idx, event)) = events.try_recv() {
        followed[idx].apply(event, cluster.now());
    }
}

fn say_outage(outage: &mut operate::Outage, detail: &Detail) {
    let lost = detail.links().find_map(|(_, state)| match state {
        LinkState::Retrying { failure, .. } => Some(failure),
        LinkState::Connecting | LinkState::Live | LinkState::Forbidden(_) => None,
    });
    match lost {
        Some(failure) => outage.say_lost(failure),
        None if detail.is_complete() => outage.say_back(),
        None => {}
    }
}

fn print_changes(
    args: &Status,
    around: Surroundings<'_>,
    one: &mut Followed,
    node: Option<&str>,
) -> anyhow::Result<()> {
    let status = compared(around, &one.detail, one.changes(), node);
    let is_gone = one.detail.is_gone();
    match args.output {
        Output::Table | Output::Wide => {
            let facts = match is_gone {
                true => status_text::facts_of_gone(&status),
                false => status_text::facts(&status, one.detail.events()),
            };
            output::print(&status_text::news(&one.facts, &facts, around.now))?;
            one.facts = facts;
        }
        Output::Json | Output::Yaml if is_gone => {
            if !one.is_gone {
                print_gone(args.output, &status)?;
            }
        }
        Output::Json | Output::Yaml if rows::is_news(&one.status, &status) => {
            print_document(args.output, &status)?;
        }
        Output::Json | Output::Yaml | Output::Name => {}
    }
    one.is_gone = is_gone;
    one.status = status;
    Ok(())
}
