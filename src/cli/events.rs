//! `bowline events`: what was reported about the objects of an instance, the newest last; with `-w` what comes after that.

use std::collections::BTreeMap;
use std::pin::pin;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::args::{Events, Report};
use super::session::Session;
use super::{Exit, missing, operate, output, signals, status_text};
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
    let mut signal = pin!(signals::next_signal());
    let (mut events, mut is_whole) = (Vec::new(), false);
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
                printer.print_news(&events, is_whole, cluster.now())?;
            }
            Some(WatchEvent::Link { state, .. }) => match state {
                LinkState::Retrying { failure, .. } => outage.say_lost(&failure),
                LinkState::Live => {
                    is_whole = true;
                    outage.say_back();
                }
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
                    output::print(&output::json_line(&self.document(event))?)?;
                }
            }
            Report::Json => {
                let documents: Vec<_> = events.iter().map(|event| self.document(event)).collect();
                output::print(&output::json(&documents)?)?;
            }
        }
        Ok(())
    }

    /// Prints what was not printed yet. `is_whole` tells whether these are all that there are: before that they tell nothing of
    /// the others.
    fn print_news(
        &mut self,
        events: &[Event],
        is_whole: bool,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        for event in self.news(events, is_whole) {
            match self.args.output {
                Report::Text => {
                    let cells = status_text::event_row(event, now);
                    output::print(&output::row(&cells, &self.widths))?;
                }
                Report::Json => output::print(&output::json_line(&self.document(event))?)?,
            }
        }
        Ok(())
    }

    /// Returns what was not printed yet, and counts it as printed.
    fn news<'e>(&mut self, events: &'e [Event], is_whole: bool) -> Vec<&'e Event> {
        let seen = seen(events);
        let is_news = |event: &&Event| self.printed.get(&event.name) != seen.get(&event.name);
        let news = events.iter().filter(is_news).collect();
        if is_whole {
            self.printed.clear();
        }
        self.printed.extend(seen);
        news
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use clap::Parser;

    fn event(name: &str, count: u32) -> Event {
        Event {
            namespace: "team-a".parse().unwrap(),
            name: name.to_owned(),
            object_kind: "Pod".to_owned(),
            object_name: "web-0".to_owned(),
            object_uid: String::new(),
            is_warning: false,
            reason: "Started".to_owned(),
            message: String::new(),
            count,
            last_seen: Timestamp::UNIX_EPOCH,
            source: "kubelet".to_owned(),
        }
    }

    /// A watch tells of what it lists as it comes.
    #[test]
    fn what_was_printed_is_no_news_however_the_list_comes() {
        let Some(Command::Events(args)) = Cli::parse_from(["bowline", "events", "web"]).command
        else {
            panic!("no events");
        };
        let instance = InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        };
        let mut printer = Printer::new(&args, instance);
        let all = ["a", "b", "c"].map(|name| event(name, 1));
        printer.printed = seen(&all);
        let none: [&Event; 0] = [];
        assert_eq!(printer.news(&all[..1], false), none);
        assert_eq!(printer.news(&all[..2], false), none);
        assert_eq!(printer.news(&all, true), none);
        let again = [event("b", 2), event("c", 1), event("d", 1)];
        assert_eq!(printer.news(&again, true), [&again[0], &again[2]]);
        assert_eq!(printer.news(&again, true), none);
        assert_eq!(printer.printed.len(), 3);
    }
}
