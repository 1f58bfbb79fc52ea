//! `bowline logs`: what the containers of an instance say, in one stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossterm::style::{Color, Stylize};
use regex::Regex;
use serde_json::json;

use super::args::{Logs, Report};
use super::session::Session;
use super::stream::Lines;
use super::{Exit, UsageError, missing, operate, output, signals};
use crate::app::panes::logs;
use crate::cluster::Cluster;
use crate::definition::id::Namespace;
use crate::engine::sets::ForeignSets;
use crate::failure::{Failure, FailureKind};
use crate::runtime;
use crate::service::log::{LogEvent, LogLine, LogQuery, LogSource};
use crate::service::pod_choice;
use crate::service::summary::{InstanceKey, Pod};
use crate::text;

/// Colours of pods, in turn; red is left to what is wrong.
const COLOURS: [Color; 6] = [
    Color::Cyan,
    Color::Green,
    Color::Yellow,
    Color::Magenta,
    Color::Blue,
    Color::White,
];

pub fn run(args: &Logs, session: &Session) -> anyhow::Result<Exit> {
    operate::on_cluster(session, async |cluster| {
        tokio::select! {
            exit = print(args, session, &cluster) => exit,
            number = signals::next_signal() => Ok(Exit::Signal(number?)),
        }
    })
}

async fn print(args: &Logs, session: &Session, cluster: &Cluster) -> anyhow::Result<Exit> {
    let instance = session.instance(cluster, &args.id);
    let query = LogQuery {
        containers: args.containers.clone(),
        pod: args.pod.clone(),
        previous: args.previous,
        since: args.since,
        since_time: args.since_time,
        // A negative number is all, as kubectl has it.
        tail: args.tail.and_then(|tail| u64::try_from(tail).ok()),
    };
    let pods = cluster.all_pods(&instance).await?;
    if pods.is_empty() && !is_there(args, session, cluster, &instance).await? {
        return Ok(Exit::Failed);
    }
    if let (Some(pod), false) = (&args.pod, pods.is_empty()) {
        // One that does not run has said something, too. Where there is none at all the first one is waited for.
        pod_choice::running(&pods, Some(pod), &instance)?;
    }
    check_names(&query, &pods)?;
    let n_sources = check_number(args, &query, (&pods, &instance.namespace))?;
    let most = usize::from(args.max_log_requests);
    let mut events = match args.follow {
        true => cluster.follow_logs(&instance, pods, query, most),
        false => cluster.read_logs(&instance, pods, query, most),
    };
    let mut printer = Printer::new(args, session, &instance);
    while let Some(event) = events.next().await {
        printer.take(event).await?;
    }
    printer.end(n_sources).await
}

/// Tells whether an instance without pods is one at all, and says what there is instead.
async fn is_there(
    args: &Logs,
    session: &Session,
    cluster: &Cluster,
    instance: &InstanceKey,
) -> anyhow::Result<bool> {
    let found = cluster.snapshot_instance(instance).await?;
    if found.as_ref().is_none_or(|detail| detail.is_gone()) {
        let mut sets = ForeignSets::of(cluster);
        missing::say(session, cluster, &mut sets, instance, found.as_ref()).await;
        return Ok(false);
    }
    let waits = if args.follow {
        ": waiting for some"
    } else {
        ""
    };
    output::say(format!("{} has no pods{waits}", instance.id));
    Ok(args.follow)
}

/// Refuses names that no container bears.
fn check_names(query: &LogQuery, pods: &[Pod]) -> anyhow::Result<()> {
    let containers = pods.iter().flat_map(|pod| &pod.containers);
    let names: BTreeSet<&str> = containers
        .map(|container| container.name.as_str())
        .collect();
    let mut asked = query.containers.iter();
    match asked.find(|name| !names.contains(name.as_str()) && !names.is_empty()) {
        Some(name) => {
            let names: Vec<_> = names.into_iter().collect();
            let summary = format!("no container {name}; there are: {}", names.join(", "));
            Err(Failure::new(FailureKind::NotFound, summary).into())
        }
        None => Ok(()),
    }
}

/// Refuses to read more containers at once than may be, and returns how many there are.
fn check_number(
    args: &Logs,
    query: &LogQuery,
    (pods, own): (&[Pod], &Namespace),
) -> anyhow::Result<usize> {
    let n_sources: usize = pods.iter().map(|pod| query.sources(pod, own).count()).sum();
    let most = args.max_log_requests;
    if n_sources <= usize::from(most) {
        return Ok(n_sources);
    }
    let sentence = format!(
        "{n_sources} containers would be read at once, and {most} may be: choose some with -c, or give --max-log-requests"
    );
    Err(UsageError(sentence).into())
}

/// Prints events, and keeps what the exit code says at the end.
struct Printer {
    id: String,
    namespace: Namespace,
    is_json: bool,
    has_prefix: bool,
    has_timestamps: bool,
    grep: Option<Regex>,
    /// The colour of each pod, where there are colours.
    colours: Option<BTreeMap<String, Color>>,
    lines: Lines,
    outage: operate::Outage,
    lost: BTreeSet<Option<Arc<LogSource>>>,
    n_failed: usize,
    n_silent: usize,
}

impl Printer {
    fn new(args: &Logs, session: &Session, instance: &InstanceKey) -> Self {
        let has_colours = runtime::prints_colours(&session.settings.ui);
        Self {
            id: instance.id.to_string(),
            namespace: instance.namespace.clone(),
            is_json: args.output == Report::Json,
            has_prefix: args.prefix,
            has_timestamps: args.timestamps,
            grep: args.grep.clone(),
            colours: has_colours.then(BTreeMap::new),
            lines: Lines::to_stdout(),
            outage: operate::Outage::default(),
            lost: BTreeSet::new(),
            n_failed: 0,
            n_silent: 0,
        }
    }

    async fn take(&mut self, event: LogEvent) -> anyhow::Result<()> {
        match event {
            LogEvent::Line(line) => {
                if self.wants(&line) {
                    let written = self.written(&line)?;
                    self.lines.push(written).await?;
                }
            }
            LogEvent::Silent { source, why } => {
                self.n_silent += 1;
                output::say(text::clean(&format!("{source} {why}")));
            }
            // What one log is forbidden for, all are.
            LogEvent::Failed { failure, .. } if failure.is_denied() => {
                return Err(failure.into());
            }
            LogEvent::Failed { failure, .. } => {
                self.n_failed += 1;
                output::say(text::clean(&format!("error: {failure}")));
            }
            LogEvent::Lost { source, failure } => {
                self.lost.insert(source);
                self.outage.say_lost(&failure);
            }
            LogEvent::Back { source } => {
                self.lost.remove(&source);
                if self.lost.is_empty() {
                    self.outage.say_back();
                }
            }
        }
        Ok(())
    }

    /// Ends, after so many containers were to be read.
    async fn end(self, n_sources: usize) -> anyhow::Result<Exit> {
        self.lines.end().await?;
        let was_read = self.n_failed + self.n_silent < n_sources;
        Ok(match self.n_failed {
            0 if was_read => Exit::Ok,
            1.. if was_read => Exit::Partly,
            _ => Exit::Failed,
        })
    }

    /// Tells whether a line is printed. Colours are none of what is searched: they are not seen.
    fn wants(&self, line: &LogLine) -> bool {
        let is_match = |grep: &Regex| grep.is_match(&logs::seen(&line.text));
        self.grep.as_ref().is_none_or(is_match)
    }

    fn written(&mut self, line: &LogLine) -> anyhow::Result<String> {
        if self.is_json {
            return self.document(line);
        }
        let mut written = String::with_capacity(line.text.len() + 80);
        if self.has_prefix {
            written.push_str(&self.prefix(&line.source));
            written.push(' ');
        }
        if let Some(at) = line.at.filter(|_| self.has_timestamps) {
            written.push_str(&format!("{at} "));
        }
        push_clean(&mut written, &line.text);
        written.push('\n');
        Ok(written)
    }

    fn document(&self, line: &LogLine) -> anyhow::Result<String> {
        let (namespace, pod) = pod_choice::place(&line.source.pod, &self.namespace);
        let document = json!({
            "id": self.id,
            "namespace": namespace.as_str(),
            "pod": pod,
            "container": line.source.container,
            "timestamp": line.at,
            "message": line.text,
        });
        output::json_line(&document)
    }

    fn prefix(&mut self, source: &LogSource) -> String {
        let prefix = text::clean(&source.to_string()).into_owned();
        let Some(colours) = &mut self.colours else {
            return prefix;
        };
        let next = COLOURS[colours.len() % COLOURS.len()];
        let colour = *colours.entry(source.pod.clone()).or_insert(next);
        prefix.with(colour).to_string()
    }
}

/// Appends a text that can do no harm on a terminal. Tabs stay: they are what columns in logs are made of.
fn push_clean(written: &mut String, line: &str) {
    for (idx, part) in line.split('\t').enumerate() {
        if idx > 0 {
            written.push('\t');
        }
        written.push_str(&text::clean(part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_harms_no_terminal_and_keeps_its_columns() {
        let mut written = String::new();
        push_clean(&mut written, "\ta\u{1b}[31mred\u{1b}[0m\tb\rc\u{9b}2J");
        assert_eq!(written, "\ta␛red␛\tb␍c␛");
    }
}
