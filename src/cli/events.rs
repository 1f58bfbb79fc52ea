//! `bowline events`: what was reported about the objects of an instance, the newest last; with `-w` what comes after that.

use std::collections::BTreeMap;
use std::pin::pin;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::args::{Events, Report};
use super::session::Session;
use super::{Exit, missing, operate, output, status_text};
use crate::cluster::Cluster;
use crate::engine::sets::ForeignSets;
use crate::service::detail::Detail;
use crate::service::summary::{Event, InstanceKey, ObjectRow};
use crate::service::watch::{LinkState, WatchEvent, apply_delta};

pub fn run(args: &Events, session: &Session) -> anyhow::Result<Exit> {
    operate::on_cluster(session, async |cluster| {
        let instance = session.instance(&cluster, &args.id);
        let (objects, events) = cluster.events(&instance).await?;
        // What is left of one that was taken down is worth reading too.
        if events.is_empty() {
            let found = cluster.snapshot_instance(&instance).await?;
            if found.as_ref().is_none_or(Detail::is_gone) {
                let mut sets = ForeignSets::of(&cluster);
                missing::say(session, &cluster, &mut sets, &instance, found.as_ref()).await;
                return Ok(Exit::Failed);
            }
            output::say(format!("there are no events of {}", instance.id));
        }
        let mut printer = Printer::new(args, instance);
        printer.print_first(&events, cluster.now())?;
        if !args.watch {
            return Ok(Exit::Ok);
        }
        follow(&cluster, &objects, &mut printer).await
    })
}

/// Prints what comes until a signal does.
async fn follow(
    cluster: &Cluster,
    objects: &[ObjectRow],
    printer: &mut Printer<'_>,
) -> anyhow::Result<Exit> {
    let (sender, mut changes) = mpsc::unbounded_channel();
    let sink = move |event| drop(sender.send(event));
    let _watch = cluster.watch_events(&printer.instance, objects, sink);
    let mut outage = operate::Outage::default();
    let mut signal = pin!(operate::next_signal());
    let mut events = Vec::new();
    loop {
        let change = tokio::select! {
            number = &mut signal => return Ok(Exit::Signal(number?)),
            change = changes.recv() => change,
        };
        match change {
            Some(WatchEvent::Events(deltas)) => {
                deltas
                    .into_iter()
                    .for_each(|delta| apply_delta(&mut events, delta));
                events.sort_by_key(|event: &Event| event.last_seen);
                printer.print_news(&events, cluster.now())?;
            }
            Some(WatchEvent::Link { state, .. }) => match state {
                LinkState::Retrying { failure, .. } => outage.say_lost(&failure),
                LinkState::Live => outage.say_back(),
                LinkState::Forbidden(failure) => return Err(failure.into()),
                LinkState::Connecting => {}
            },
            Some(_) => {}
            None => return Ok(Exit::Ok),
        }
    }
}

/// Prints each event once, and again when it was seen again.
struct Printer<'a> {
    args: &'a Events,
    instance: InstanceKey,
    widths: Vec<usize>,
    /// How often and when each was seen that was printed, by its name.
    printed: BTreeMap<String, (u32, Timestamp)>,
}

impl<'a> Printer<'a> {
    fn new(args: &'a Events, instance: InstanceKey) -> Self {
        Self {
            args,
            instance,
            widths: Vec::new(),
            printed: BTreeMap::new(),
        }
    }

    fn print_first(&mut self, events: &[Event], now: Timestamp) -> anyhow::Result<()> {
        self.printed = seen(events);
        match self.args.output {
            Report::Text => {
                let rows: Vec<_> = events
                    .iter()
                    .map(|it| status_text::event_row(it, now))
                    .collect();
                self.widths = output::widths(&status_text::EVENT_HEADINGS, &rows);
                if !rows.is_empty() || self.args.watch {
                    output::print(&output::table(&status_text::EVENT_HEADINGS, &rows))?;
                }
            }
            Report::Json if self.args.watch => {
                for event in events {
                    output::print(&format!("{}\n", self.document(event)))?;
                }
            }
            Report::Json => {
                let documents: Vec<_> = events.iter().map(|event| self.document(event)).collect();
                output::print(&output::json(&documents)?)?;
            }
        }
        Ok(())
    }

    fn print_news(&mut self, events: &[Event], now: Timestamp) -> anyhow::Result<()> {
        let seen = seen(events);
        let is_news = |event: &&Event| self.printed.get(&event.name) != seen.get(&event.name);
        for event in events.iter().filter(is_news) {
            match self.args.output {
                Report::Text => {
                    let cells = status_text::event_row(event, now);
                    output::print(&output::row(&cells, &self.widths))?;
                }
                Report::Json => output::print(&format!("{}\n", self.document(event)))?,
            }
        }
        self.printed = seen;
        Ok(())
    }

    fn document(&self, event: &Event) -> Value {
        json!({
            "id": self.instance.id,
            "namespace": self.instance.namespace,
            "lastSeen": event.last_seen,
            "type": status_text::kind_of(event),
            "reason": event.reason,
            "object": {"kind": event.object_kind, "name": event.object_name},
            "count": event.count,
            "message": event.message,
            "source": event.source,
        })
    }
}

fn seen(events: &[Event]) -> BTreeMap<String, (u32, Timestamp)> {
    let seen = |event: &Event| (event.name.clone(), (event.count, event.last_seen));
    events.iter().map(seen).collect()
}
