//! Carries out effects: one function each, every one off the loop, each answered by a message.
//!
//! A connection, a watch or a check ends when its handle is dropped. Operations are never cut off: what was sent is awaited.

mod catalogue;
mod connection;
mod definitions;
mod deploys;
mod forwards;
mod known;
mod logs;
mod operations;
mod preview;
mod reading;
mod shells;
mod touched;
mod usage;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::app::{Effect, Epoch, Msg, OpId, Question};
use crate::cluster::{Cluster, ExecSession, Stop, TakeOver, WatchHandle};
use crate::definition::check::{CheckContext, SchemaSource};
use crate::engine::whereabouts::same_cluster;
use crate::failure::{Failure, FailureKind};

use super::disk::Disk;
use super::{Start, hints};

pub use catalogue::listing_of;

/// Instances that are scaled or restarted at once.
const ADJUSTED_AT_ONCE: usize = 4;

/// Carries out effects.
pub struct Runner {
    start: Start,
    messages: UnboundedSender<Msg>,
    disk: Disk,
    /// The cluster, and the connection that brought it: one that was given up may still come about.
    cluster: Arc<Mutex<Option<(Epoch, Cluster)>>>,
    connection: Epoch,
    connecting: Option<AbortOnDropHandle<()>>,
    overview: Option<WatchHandle>,
    retained: Option<WatchHandle>,
    instance: Option<WatchHandle>,
    logs: Option<AbortOnDropHandle<()>>,
    changes: Option<AbortOnDropHandle<()>>,
    rights: Option<AbortOnDropHandle<()>>,
    protection: Option<AbortOnDropHandle<()>>,
    preview: Option<AbortOnDropHandle<()>>,
    /// What is forwarded, whatever is connected to meanwhile.
    forwards: BTreeMap<OpId, AbortOnDropHandle<()>>,
    usage: Option<AbortOnDropHandle<()>>,
    untold: usage::Untold,
    opening: Option<AbortOnDropHandle<()>>,
    /// The shell that was opened, and has no terminal yet.
    shell: Arc<Mutex<Option<(OpId, ExecSession)>>>,
    operations: JoinSet<()>,
    /// How each of those that have not ended is asked to stop.
    stops: BTreeMap<OpId, Stop>,
    /// What a person waits for, and may give up.
    reads: BTreeMap<Question, AbortOnDropHandle<()>>,
    /// How many instances are scaled or restarted at once.
    adjusting: Arc<Semaphore>,
    /// The uid of the cluster that is connected to, as it was when the connection was made; nobody may be able to say.
    uid: Arc<OnceCell<Option<String>>>,
    _touched: AbortOnDropHandle<()>,
}

impl Runner {
    /// Returns a runner that answers into a queue.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn new(start: Start, messages: UnboundedSender<Msg>) -> io::Result<Self> {
        Ok(Self {
            _touched: touched::watch(start.catalogue.dir(), messages.clone()),
            uid: Arc::default(),
            start,
            messages,
            disk: Disk::start()?,
            cluster: Arc::default(),
            connection: Epoch::default(),
            connecting: None,
            overview: None,
            retained: None,
            instance: None,
            logs: None,
            changes: None,
            rights: None,
            protection: None,
            preview: None,
            forwards: BTreeMap::new(),
            usage: None,
            untold: usage::Untold::default(),
            opening: None,
            shell: Arc::default(),
            operations: JoinSet::new(),
            stops: BTreeMap::new(),
            reads: BTreeMap::new(),
            adjusting: Arc::new(Semaphore::new(ADJUSTED_AT_ONCE)),
        })
    }

    /// Carries out an effect. Those of the terminal are the loop's own and do nothing here.
    pub fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Connect {
                epoch,
                context,
                after,
            } => self.connect(epoch, context, after),
            Effect::WatchOverview { epoch, scope } => self.watch_overview(epoch, scope),
            Effect::WatchRetained { epoch, scope } => self.watch_retained(epoch, scope),
            Effect::WatchInstance { epoch, key } => self.watch_instance(epoch, key),
            Effect::Learn {
                epoch,
                namespace,
                api_versions,
            } => self.learn(epoch, namespace, api_versions),
            Effect::ListNamespaces { epoch } => self.list_namespaces(epoch),
            Effect::AskWriteRights { epoch, namespace } => self.ask_write_rights(epoch, namespace),
            Effect::SelectLabels {
                op,
                namespace,
                selector,
            } => self.select_labels(op, namespace, selector),
            Effect::ListContexts => self.list_contexts(),
            Effect::ListCatalogue => self.list_catalogue(),
            Effect::ShowDefinition { name } => self.show_definition(name),
            Effect::OpenDefinition { editor, name } => self.open_definition(editor, name),
            Effect::CreateDefinition { name, text } => self.create_definition(name, text),
            Effect::CheckDefinition {
                editor,
                id,
                namespace,
                schemas,
                revision,
                text,
            } => {
                let context = CheckContext {
                    id: Some(id),
                    namespace,
                    schemas: SchemaSource::Cluster(schemas),
                    ..self.start.check_context()
                };
                self.check_definition(editor, context, revision, text);
            }
            Effect::PreviewDeploy {
                editor,
                revision,
                origin,
                schemas,
                of,
            } => self.preview((editor, revision), origin, schemas, of),
            Effect::StopPreview => self.preview = None,
            Effect::SaveDefinition {
                editor,
                name,
                revision,
                text,
                base,
            } => {
                self.save_definition((editor, revision), name, text, base);
            }
            Effect::KeepDraft {
                editor,
                name,
                revision,
                text,
                base,
            } => {
                self.keep_draft((editor, revision), name, text, base);
            }
            Effect::DiscardDraft { name } => self.discard_draft(name),
            Effect::DiscardHandout { path } => {
                let drafts = self.start.drafts.clone();
                self.disk.run(move || drafts.discard_handout(&path));
            }
            Effect::ReadLive { editor, name, key } => self.read_live(editor, name, key),
            Effect::WriteDefinition {
                op,
                name,
                text,
                base,
            } => self.write_definition(op, name, (text, base)),
            Effect::PlanPull { op, key } => self.plan_pull(op, key),
            Effect::Import {
                op,
                origin,
                namespace,
                name,
            } => self.import(op, origin, (namespace, name)),
            Effect::PlanDeploy { op, source } => self.plan_deploy(op, source),
            Effect::RunDeploy {
                op,
                source,
                plan,
                force_conflicts,
            } => {
                self.run_deploy(op, source, plan, force_conflicts);
            }
            Effect::PlanTeardown {
                op,
                key,
                scope,
                volumes,
                named,
            } => self.plan_teardown(op, key, (scope, volumes, named)),
            Effect::RunTeardown {
                op,
                plan,
                takes_over,
            } => self.run_teardown(op, plan, deploys::meeting(takes_over)),
            Effect::PlanAdjustment {
                op,
                key,
                adjustment,
                only,
            } => self.plan_adjustment(op, key, adjustment, only),
            Effect::RunAdjustment {
                op,
                plan,
                takes_conflicts,
                takes_over,
            } => self.run_adjustment(op, plan, (takes_conflicts, takes_over)),
            Effect::PlanAdopt { op, source } => self.plan_adopt(op, source),
            Effect::RunAdopt {
                op,
                plan,
                takes_over,
            } => self.run_adopt(op, plan, takes_over),
            Effect::PlanRoutes { op, keys } => self.plan_routes(op, keys),
            Effect::RunRoutes {
                op,
                plan,
                force_conflicts,
                takes_over,
            } => self.run_routes(op, plan, (force_conflicts, takes_over)),
            Effect::PlanRest { op, key } => self.plan_rest(op, key),
            Effect::RunClear {
                op,
                plan,
                takes_over,
            } => self.run_clear(op, plan, takes_over),
            Effect::StopOperation { op } => {
                if let Some(stop) = self.stops.get(&op) {
                    stop.ask();
                }
            }
            Effect::TakeOver { op, silent_since } => {
                if let Some(stop) = self.stops.get(&op) {
                    stop.take_over(match silent_since {
                        Some(beat) => TakeOver::SilentSince(beat),
                        None => TakeOver::Anyone,
                    });
                }
            }
            Effect::GiveUp(question) => drop(self.reads.remove(&question)),
            Effect::ReadHistory { op, key } => self.read_history(op, key),
            Effect::ReadChanges { op, key } => self.read_changes(op, key),
            Effect::PrintObjects { op, key, kinds } => self.print_objects(op, key, kinds),
            Effect::CompareRevisions { op, key, from, to } => {
                self.compare_revisions(op, key, (from, to));
            }
            Effect::ListTrash { epoch } => self.list_trash(epoch),
            Effect::ReadLogs { op, key, query } => self.read_logs(op, key, query),
            Effect::SaveLog { path, text } => self.save_log(path, text),
            Effect::RememberHint(name) => {
                if let Some(state) = self.start.state.clone() {
                    self.disk.run(move || hints::remember(&state, name));
                }
            }
            Effect::AskRights { epoch, namespace } => self.ask_rights(epoch, namespace),
            Effect::ReadNodes { op } => self.read_nodes(op),
            Effect::WatchUsage { op, of } => self.watch_usage(op, of),
            Effect::ListPorts { op, key } => self.list_ports(op, key),
            Effect::Forward { op, request } => self.forward(op, request),
            Effect::StopForward { op } => self.stop_forward(op),
            Effect::OpenShell { op, key, place } => self.open_shell(op, key, place),
            Effect::TryWatches => {
                if let Ok(cluster) = self.cluster() {
                    cluster.try_watches();
                }
            }
            Effect::EditElsewhere { .. }
            | Effect::EnterShell { .. }
            | Effect::LeaveShell { .. }
            | Effect::Copy(_)
            | Effect::Redraw
            | Effect::Suspend
            | Effect::Quit => {}
        }
    }

    /// Lets what was sent be finished: drafts and saves to disk, and the operations for a moment.
    pub async fn finish(&mut self, within: Duration) {
        (self.connecting, self.overview, self.instance, self.logs) = (None, None, None, None);
        (self.changes, self.preview) = (None, None);
        (self.opening, self.usage) = (None, None);
        self.forwards.clear();
        self.reads.clear();
        self.disk.drain(within);
        // Who has not finished half way stops between two steps, and leaves no operation that nobody holds.
        let half = within / 2;
        if !self.await_operations(half).await {
            self.stops.values().for_each(Stop::ask);
            // What is not finished then is finished by whoever gives the same command again.
            self.await_operations(half).await;
        }
    }

    /// Waits until no operation runs; tells whether that came about in time.
    async fn await_operations(&mut self, within: Duration) -> bool {
        let all = async { while self.operations.join_next().await.is_some() {} };
        tokio::time::timeout(within, all).await.is_ok()
    }

    /// Asks what a person waits for, until it is answered or given up.
    fn read(&mut self, question: Question, asking: impl Future<Output = ()> + Send + 'static) {
        self.reads.retain(|_, task| !task.is_finished());
        let task = AbortOnDropHandle::new(tokio::spawn(asking));
        self.reads.insert(question, task);
    }

    /// Returns the time by the clock of the cluster that is connected to, or by ours.
    pub fn now(&self) -> Timestamp {
        let cluster = self.cluster();
        cluster.map_or_else(|_| Timestamp::now(), |cluster| cluster.now())
    }

    fn cluster(&self) -> Result<Cluster, Failure> {
        let slot = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = slot.as_ref().filter(|(epoch, _)| *epoch == self.connection);
        cluster.map(|(_, cluster)| cluster.clone()).ok_or_else(|| {
            Failure::new(
                FailureKind::Unreachable,
                "there is no connection to a cluster",
            )
        })
    }

    /// Returns the cluster for an operation, once it is known to be the one that plans were shown of. The operation heeds the
    /// wish to stop from here on.
    fn guarded(
        &mut self,
        op: OpId,
    ) -> impl Future<Output = Result<Cluster, Failure>> + Send + use<> {
        self.forget_ended();
        let (cluster, uid) = (self.cluster(), self.uid.clone());
        let stop = self.stops.entry(op).or_default().clone();
        async move {
            let cluster = cluster?.heeding(stop);
            same_cluster(&cluster, uid.get().and_then(Option::as_deref)).await?;
            Ok(cluster)
        }
    }

    /// Forgets the operations that have ended, so that a long session does not hold one more with each.
    fn forget_ended(&mut self) {
        while self.operations.try_join_next().is_some() {}
        self.stops.retain(|_, stop| stop.is_shared());
    }
}

#[cfg(test)]
mod tests;
