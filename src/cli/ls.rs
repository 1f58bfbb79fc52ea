//! `bowline ls`: instances, and definitions that are not deployed; with `-w` each change after that.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::args::{Ls, Output};
use super::rows::{self, Columns};
use super::session::Session;
use super::{Exit, claims, operate, output, signals};
use crate::app::CatalogueEntry;
use crate::cluster::Cluster;
use crate::definition::id::{InstanceId, Namespace};
use crate::engine::protection;
use crate::engine::selection::select;
use crate::failure::{Failure, FailureKind};
use crate::service::address::{Address, AddressKind, Route, addresses};
use crate::service::advice;
use crate::service::fleet::{Connection, Fleet};
use crate::service::health::State;
use crate::service::protection::Protection;
use crate::service::status::InstanceStatus;
use crate::service::summary::InstanceKey;
use crate::service::watch::{Scope, WatchEvent};
use crate::text;

/// How long nothing may be said of an outage for.
const IDLE: Duration = Duration::from_secs(3600);

pub fn run(args: &Ls, session: &Session) -> anyhow::Result<Exit> {
    if args.claims {
        return claims::run(args, session);
    }
    operate::on_cluster(session, async |cluster| {
        let scope = if args.all_namespaces {
            Scope::All
        } else {
            Scope::Namespace(cluster.namespace().clone())
        };
        let mut listing = Listing::new(args, session, &cluster);
        let mut fleet = cluster.snapshot(&scope).await?;
        listing.describe(&mut fleet);
        listing.ask_beside(&fleet).await?;
        listing.say_forbidden(&fleet);
        listing.print(&fleet)?;
        listing.say_elsewhere(&fleet);
        listing.say_kept(&fleet);
        listing.say_operations(&fleet);
        if !args.watch {
            return Ok(Exit::Ok);
        }
        let (sender, events) = mpsc::unbounded_channel();
        let _watch = cluster.watch_overview(scope, move |event| drop(sender.send(event)));
        listing.follow(events).await
    })
}

/// What is listed, and what of it was printed last.
struct Listing<'a> {
    args: &'a Ls,
    cluster: &'a Cluster,
    columns: Columns,
    definitions: Vec<CatalogueEntry>,
    widths: Vec<usize>,
    printed: BTreeMap<(String, String), InstanceStatus>,
    /// What the selector was last asked about, and what it chose of it.
    asked: BTreeMap<InstanceKey, Option<u32>>,
    chosen: BTreeSet<InstanceKey>,
    /// Where instances are reached, if that is asked for, and which ones it was asked about.
    addresses: BTreeMap<InstanceKey, Vec<Address>>,
    located: Option<BTreeMap<InstanceKey, Option<u32>>>,
    /// Which namespaces are protected, where that is printed, and which ones it was asked about.
    protection: Protection,
    learnt: BTreeSet<Namespace>,
}

impl<'a> Listing<'a> {
    fn new(args: &'a Ls, session: &Session, cluster: &'a Cluster) -> Self {
        Self {
            args,
            cluster,
            columns: Columns::of(args.output, args.all_namespaces),
            definitions: session.definitions(),
            widths: Vec::new(),
            printed: BTreeMap::new(),
            asked: BTreeMap::new(),
            chosen: BTreeSet::new(),
            addresses: BTreeMap::new(),
            located: None,
            protection: Protection::default(),
            learnt: BTreeSet::new(),
        }
    }

    /// Tells a fleet what the catalogue has.
    fn describe(&self, fleet: &mut Fleet) {
        let known = self.definitions.iter();
        let hashes = known.map(|entry| (entry.name.clone(), entry.hash.clone()));
        fleet.set_definitions(hashes, self.cluster.now());
    }

    /// Asks for what no watch tells.
    async fn ask_beside(&mut self, fleet: &Fleet) -> Result<(), Failure> {
        self.choose(fleet).await?;
        self.locate(fleet).await?;
        self.learn_protection(fleet).await
    }

    /// Asks the server which instances the selector chooses. Labels come with a revision, so it is asked again when there is a
    /// new instance or revision.
    async fn choose(&mut self, fleet: &Fleet) -> Result<(), Failure> {
        let Some(selector) = &self.args.selector else {
            return Ok(());
        };
        let known = revisions(fleet);
        if known == self.asked {
            return Ok(());
        }
        let here = self.cluster.namespace();
        let namespace = (!self.args.all_namespaces).then_some(here);
        let chosen = self.cluster.across(namespace, |cluster, it| async move {
            select(&cluster, it.as_ref(), selector).await
        });
        self.chosen = chosen.await?.into_answers().flatten().collect();
        self.asked = known;
        Ok(())
    }

    /// Asks where instances are reached, for the wide table alone: one list of each kind, and again when there is a new
    /// instance or revision.
    async fn locate(&mut self, fleet: &Fleet) -> Result<(), Failure> {
        let known = revisions(fleet);
        if self.args.output != Output::Wide || self.located.as_ref() == Some(&known) {
            return Ok(());
        }
        let is_first = self.located.replace(known).is_none();
        let here = self.cluster.namespace();
        let namespace = (!self.args.all_namespaces).then_some(here);
        let routes = self.cluster.across(namespace, |cluster, it| async move {
            cluster.routes(it.as_ref()).await
        });
        let routes: Vec<Route> = match routes.await {
            Ok(routes) => routes.into_answers().flatten().collect(),
            Err(failure) if failure.is_unanswered() => return Err(failure),
            Err(failure) => {
                if is_first {
                    let sentence = format!("warning: URLs are not shown: {failure}");
                    output::say(text::clean(&sentence));
                }
                return Ok(());
            }
        };
        let mut of_instances: BTreeMap<InstanceKey, Vec<Route>> = BTreeMap::new();
        for route in routes {
            let of_instance = of_instances.entry(route.instance.clone());
            of_instance.or_default().push(route);
        }
        let on_nodes = |routes: &Vec<Route>| {
            let addresses = addresses(routes, None);
            addresses.iter().any(|it| it.kind == AddressKind::NodePort)
        };
        let node = match of_instances.values().any(on_nodes) {
            true => self.cluster.node_address().await?,
            false => None,
        };
        let all = of_instances.into_iter();
        self.addresses = all
            .map(|(key, routes)| (key, addresses(&routes, node.as_deref())))
            .collect();
        Ok(())
    }

    /// Asks which namespaces are protected, for the formats that tell: no table does. It is asked again when there is an
    /// instance in another one.
    async fn learn_protection(&mut self, fleet: &Fleet) -> Result<(), Failure> {
        let of_instances = fleet.instances().map(|it| it.key().namespace.clone());
        let namespaces: BTreeSet<Namespace> = of_instances.collect();
        let is_told = matches!(self.args.output, Output::Json | Output::Yaml);
        if is_told && !namespaces.is_subset(&self.learnt) {
            self.protection = protection::of_namespaces(self.cluster, &namespaces).await?;
            self.learnt = namespaces;
        }
        Ok(())
    }

    fn say_forbidden(&self, fleet: &Fleet) {
        for (topic, failure) in fleet.forbidden() {
            let sentence = format!("warning: {topic} are not shown: {failure}");
            output::say(text::clean(&sentence));
        }
    }

    /// Returns the definitions that go to other namespaces than those that are listed.
    fn elsewhere<'f>(&self, fleet: &'f Fleet) -> Vec<&'f InstanceId> {
        if self.args.all_namespaces || self.args.selector.is_some() {
            return Vec::new();
        }
        let here = Scope::Namespace(self.cluster.namespace().clone());
        let goes_elsewhere = |name: &&InstanceId| {
            let mut entries = self.definitions.iter();
            let entry = entries.find(|entry| entry.name == **name);
            entry.is_some_and(|entry| entry.named_elsewhere(Some(&here)).is_some())
        };
        fleet.saved().filter(goes_elsewhere).collect()
    }

    /// Says which definitions are no rows, as they go to namespaces that were not looked at.
    fn say_elsewhere(&self, fleet: &Fleet) {
        let names: Vec<&str> = self
            .elsewhere(fleet)
            .into_iter()
            .map(InstanceId::as_str)
            .collect();
        if !names.is_empty() && matches!(self.args.output, Output::Table | Output::Wide) {
            output::say(format!(
                "saved for other namespaces, which `bowline ls -A` lists: {}",
                names.join(", ")
            ));
        }
    }

    /// Says which claims belong to nothing in the list: data that nobody would look for.
    fn say_kept(&self, fleet: &Fleet) {
        if self.args.selector.is_some() {
            return;
        }
        let here = self.cluster.namespace();
        let saved: BTreeSet<&InstanceId> = fleet.saved().collect();
        let mut kept: BTreeMap<&InstanceKey, Vec<&str>> = BTreeMap::new();
        for claim in fleet.kept_claims() {
            let instance = &claim.instance;
            if instance.namespace != *here || !saved.contains(&instance.id) {
                kept.entry(instance).or_default().push(&claim.name);
            }
        }
        for (instance, claims) in kept {
            let claims = claims.join(", ");
            let way = advice::command("delete --kept", instance);
            let sentence = format!(
                "claims of {instance}, which was taken down, are kept: {claims}; {way} releases them"
            );
            output::say(text::clean(&sentence));
        }
    }

    /// Says which instances somebody works on, so that one that was left half done is seen.
    fn say_operations(&self, fleet: &Fleet) {
        let now = self.cluster.now();
        for row in self.rows(fleet) {
            let Some(operation) = &row.operation else {
                continue;
            };
            let (what, progress) = (operation.what(), operation.progress());
            let (holder, ages) = (&operation.holder, operation.ages(now));
            let mut keys = fleet.instances().map(|it| it.key());
            let Some(key) = keys.find(|key| is_of(&row, key)) else {
                continue;
            };
            let id = &key.id;
            let sentence = match row.state {
                State::Interrupted => {
                    let ways = operation.goes_on(&advice::command("resume", key));
                    format!("{id}: {holder} left a {what} half done: {progress} ({ages}); {ways}")
                }
                _ => format!("{id}: {holder} runs a {what}: {progress} ({ages})"),
            };
            output::say(text::clean(&sentence));
        }
    }

    fn rows(&self, fleet: &Fleet) -> Vec<InstanceStatus> {
        let here = self.cluster.namespace();
        let is_looked_at = |namespace: &Namespace| self.args.all_namespaces || namespace == here;
        let mut rows = rows::of_fleet(fleet, &self.definitions, here, is_looked_at);
        if self.args.selector.is_some() {
            // What is only saved bears no labels anywhere.
            rows.retain(|row| self.is_chosen(row));
        }
        for row in rows.iter_mut().filter(|row| row.state != State::Saved) {
            let mut known = self.addresses.iter();
            let found = known.find(|(key, _)| is_of(row, key));
            row.addresses = found.map(|(_, addresses)| addresses.clone());
            row.protected |= self.protection.covers(&row.namespace);
        }
        rows
    }

    fn is_chosen(&self, row: &InstanceStatus) -> bool {
        self.chosen.iter().any(|key| is_of(row, key))
    }

    /// Prints everything.
    fn print(&mut self, fleet: &Fleet) -> anyhow::Result<()> {
        let rows = self.rows(fleet);
        match self.args.output {
            Output::Table | Output::Wide => {
                let is_catalogue_empty = self.elsewhere(fleet).is_empty();
                self.print_table(&rows, is_catalogue_empty)?;
            }
            Output::Json if !self.args.watch => output::print(&output::json(&rows)?)?,
            Output::Yaml if !self.args.watch => {
                let rows = serde_json::to_value(&rows)?;
                output::print(&output::yaml(&rows))?;
            }
            Output::Json | Output::Yaml | Output::Name => {
                for row in &rows {
                    self.print_one(row)?;
                }
            }
        }
        self.printed = keyed(rows);
        Ok(())
    }

    fn print_table(
        &mut self,
        rows: &[InstanceStatus],
        is_catalogue_empty: bool,
    ) -> anyhow::Result<()> {
        let now = self.cluster.now();
        let cells: Vec<_> = rows
            .iter()
            .map(|row| self.columns.cells(row, now))
            .collect();
        let headings = self.columns.headings();
        self.widths = output::widths(&headings, &cells);
        if rows.is_empty() {
            let place = match self.args.all_namespaces {
                true => "the cluster".to_owned(),
                false => format!("namespace {}", self.cluster.namespace()),
            };
            output::say(match &self.args.selector {
                Some(selector) => {
                    format!("no instance in {place} has labels that meet {selector}")
                }
                None if is_catalogue_empty => {
                    format!("nothing is deployed in {place}, and the catalogue is empty")
                }
                None => format!("nothing is deployed in {place}, and no definition is for it"),
            });
            if !self.args.watch {
                return Ok(());
            }
        }
        output::print(&output::table(&headings, &cells))?;
        Ok(())
    }

    /// Prints one row as a line or a document of its own.
    fn print_one(&self, row: &InstanceStatus) -> anyhow::Result<()> {
        match self.args.output {
            Output::Table | Output::Wide => {
                let cells = self.columns.cells(row, self.cluster.now());
                output::print(&output::row(&cells, &self.widths))?;
            }
            Output::Json => output::print(&output::json_line(row)?)?,
            Output::Yaml => {
                let row = serde_json::to_value(row)?;
                output::print(&format!("---\n{}", output::yaml(&row)))?;
            }
            Output::Name => output::print(&format!("{}\n", row.id))?,
        }
        Ok(())
    }

    /// Prints what changes until a signal comes.
    async fn follow(&mut self, mut events: UnboundedReceiver<WatchEvent>) -> anyhow::Result<Exit> {
        let mut fleet = Fleet::new();
        self.describe(&mut fleet);
        let mut outage = operate::Outage::default();
        let mut signal = pin!(signals::next_signal());
        loop {
            let next = fleet.next_refresh().map_or(IDLE, |at| {
                Duration::try_from(at.duration_since(self.cluster.now())).unwrap_or_default()
            });
            tokio::select! {
                number = &mut signal => return Ok(Exit::Signal(number?)),
                Some(event) = events.recv() => {
                    fleet.apply(event, self.cluster.now());
                    // What came together is printed together.
                    while let Ok(event) = events.try_recv() {
                        fleet.apply(event, self.cluster.now());
                    }
                }
                () = tokio::time::sleep(next) => {
                    fleet.refresh(self.cluster.now());
                }
            }
            match fleet.connection() {
                Connection::Retrying { failure, .. } => outage.say_lost(&failure),
                Connection::Live => outage.say_back(),
                Connection::Connecting => {}
            }
            if fleet.is_complete() {
                match self.ask_beside(&fleet).await {
                    // What is known so far stands until the server answers again.
                    Err(failure) if failure.kind == FailureKind::Unreachable => {
                        outage.say_lost(&failure);
                    }
                    asked => asked?,
                }
                self.print_changes(&fleet)?;
            }
        }
    }

    fn print_changes(&mut self, fleet: &Fleet) -> anyhow::Result<()> {
        let rows = keyed(self.rows(fleet));
        for (key, row) in &rows {
            if self
                .printed
                .get(key)
                .is_none_or(|old| self.is_news(old, row))
            {
                self.print_one(row)?;
            }
        }
        for (key, row) in &self.printed {
            if !rows.contains_key(key) {
                self.print_gone(row)?;
            }
        }
        self.printed = rows;
        Ok(())
    }

    /// Tells whether a change shows in what is printed; ages always change.
    fn is_news(&self, old: &InstanceStatus, new: &InstanceStatus) -> bool {
        match self.args.output {
            Output::Table | Output::Wide => {
                let now = self.cluster.now();
                self.columns.cells(old, now) != self.columns.cells(new, now)
            }
            Output::Json | Output::Yaml => rows::is_news(old, new),
            Output::Name => false,
        }
    }

    fn print_gone(&self, row: &InstanceStatus) -> anyhow::Result<()> {
        let value = json!({"id": row.id, "namespace": row.namespace, "state": "Gone"});
        match self.args.output {
            Output::Table | Output::Wide => {
                let cells = self.columns.gone(row);
                output::print(&output::row(&cells, &self.widths))?;
            }
            Output::Json => output::print(&output::json_line(&value)?)?,
            Output::Yaml => output::print(&format!("---\n{}", output::yaml(&value)))?,
            Output::Name => {}
        }
        Ok(())
    }
}

/// Returns the instances with their revisions: what belongs to them is asked for again where these change.
fn revisions(fleet: &Fleet) -> BTreeMap<InstanceKey, Option<u32>> {
    let known = fleet.instances();
    known.map(|it| (it.key().clone(), it.revision())).collect()
}

fn is_of(row: &InstanceStatus, key: &InstanceKey) -> bool {
    key.id.as_str() == row.id && key.namespace.as_str() == row.namespace
}

fn keyed(rows: Vec<InstanceStatus>) -> BTreeMap<(String, String), InstanceStatus> {
    rows.into_iter()
        .map(|row| ((row.namespace.clone(), row.id.clone()), row))
        .collect()
}
