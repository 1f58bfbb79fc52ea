//! Carries out effects: one function each, every one off the loop, each answered by a message.
//!
//! A connection, a watch or a check ends when its handle is dropped. Operations are never cut off: what was sent is awaited.

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

use ropey::Rope;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::app::{
    CatalogueEntry, CatalogueListing, Effect, Epoch, Msg, OpId, OpenedDefinition, Question,
    SaveAnswer,
};
use crate::catalogue::drafts::Base;
use crate::catalogue::{Catalogue, CatalogueError, Digest};
use crate::cluster::{Cluster, ExecSession, GroupKind, Selector, Stop, WatchHandle};
use crate::definition::check::{CheckContext, SchemaSource, check};
use crate::definition::id::{InstanceId, Namespace};
use crate::editor::Revision;
use crate::engine::plan::{Outcome, Progress, Step};
use crate::engine::whereabouts::{cluster_uid, same_cluster};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

use super::disk::Disk;
use super::{Start, hints};

/// How long until a cluster that did not answer is asked again which one it is.
const IDENTIFY_AGAIN: Duration = Duration::from_secs(5);
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
    preview: Option<AbortOnDropHandle<()>>,
    /// What is forwarded, whatever is connected to meanwhile.
    forwards: BTreeMap<OpId, AbortOnDropHandle<()>>,
    usage: Option<AbortOnDropHandle<()>>,
    untold: usage::Untold,
    opening: Option<AbortOnDropHandle<()>>,
    /// The shell that was opened, and has no terminal yet.
    shell: Arc<Mutex<Option<(OpId, ExecSession)>>>,
    operations: JoinSet<()>,
    /// How each of them is asked to stop.
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
                name,
                namespace,
                schemas,
                revision,
                text,
            } => {
                let context = CheckContext {
                    id: Some(name),
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
            } => self.plan_teardown(op, key, (scope, volumes)),
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
        let (cluster, uid) = (self.cluster(), self.uid.clone());
        let stop = self.stops.entry(op).or_default().clone();
        async move {
            let cluster = cluster?.heeding(stop);
            same_cluster(&cluster, uid.get().and_then(Option::as_deref)).await?;
            Ok(cluster)
        }
    }

    fn connect(&mut self, epoch: Epoch, context: Option<String>, after: Duration) {
        // Nothing of the cluster before may be shown under the new one's name.
        (self.overview, self.instance, self.logs) = (None, None, None);
        (self.changes, self.preview, self.usage) = (None, None, None);
        self.connection = epoch;
        self.untold = usage::Untold::default();
        self.uid = Arc::default();
        *self.cluster.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let (connect, slot, messages) = (
            self.start.connect.clone(),
            self.cluster.clone(),
            self.messages.clone(),
        );
        let uid = self.uid.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let mut connected = None;
            let msg = match connect(context).await {
                Ok(cluster) => {
                    connected = Some(cluster.clone());
                    let identity = cluster.identity();
                    let msg = Msg::Connected {
                        epoch,
                        context: identity.context.clone(),
                        cluster: identity.cluster.clone(),
                        namespace: cluster.namespace().clone(),
                        is_insecure: identity.is_insecure,
                        guard: cluster.guard(),
                    };
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((epoch, cluster));
                    msg
                }
                Err(failure) => Msg::ConnectFailed { epoch, failure },
            };
            drop(messages.send(msg));
            if let Some(cluster) = connected {
                identify(&cluster, &uid, |uid| {
                    drop(messages.send(Msg::ClusterIdentified { epoch, uid }));
                })
                .await;
            }
        });
        self.connecting = Some(AbortOnDropHandle::new(task));
    }

    fn watch_overview(&mut self, epoch: Epoch, scope: Scope) {
        self.overview = None;
        let Ok(cluster) = self.cluster() else {
            return;
        };
        let messages = self.messages.clone();
        let sink = move |event| drop(messages.send(Msg::Overview { epoch, event }));
        self.overview = Some(cluster.watch_overview(scope, sink));
    }

    fn watch_retained(&mut self, epoch: Epoch, scope: Option<Scope>) {
        self.retained = None;
        let (Ok(cluster), Some(scope)) = (self.cluster(), scope) else {
            return;
        };
        let messages = self.messages.clone();
        let sink = move |event| drop(messages.send(Msg::Overview { epoch, event }));
        self.retained = Some(cluster.watch_retained(&scope, sink));
    }

    fn watch_instance(&mut self, epoch: Epoch, key: Option<InstanceKey>) {
        self.instance = None;
        let (Ok(cluster), Some(key)) = (self.cluster(), key) else {
            return;
        };
        let (messages, of) = (self.messages.clone(), key.clone());
        let sink = move |event| {
            drop(messages.send(Msg::InstanceEvent {
                epoch,
                key: of.clone(),
                event,
            }))
        };
        self.instance = Some(cluster.watch_instance(&key, sink));
    }

    fn list_namespaces(&mut self, epoch: Epoch) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Namespaces, async move {
            let result = match cluster {
                Ok(cluster) => namespaces_of(&cluster).await,
                Err(failure) => Err(failure),
            };
            drop(messages.send(Msg::NamespacesListed { epoch, result }));
        });
    }

    fn list_contexts(&self) {
        let (contexts, messages) = (self.start.contexts.clone(), self.messages.clone());
        self.disk
            .run(move || drop(messages.send(Msg::ContextsListed(contexts()))));
    }

    fn list_catalogue(&self) {
        let (catalogue, drafts, messages) = (
            self.start.catalogue.clone(),
            self.start.drafts.clone(),
            self.messages.clone(),
        );
        self.disk.run(move || {
            let result = listing_of(&catalogue).map(|listing| CatalogueListing {
                drafts: drafts.names(),
                ..listing
            });
            drop(messages.send(Msg::CatalogueListed(result)));
        });
    }

    fn show_definition(&self, name: InstanceId) {
        let (catalogue, messages) = (self.start.catalogue.clone(), self.messages.clone());
        self.disk.run(move || {
            let result = catalogue
                .read(&name)
                .map(|text| text.text)
                .map_err(Failure::from);
            drop(messages.send(Msg::DefinitionShown { name, result }));
        });
    }

    fn open_definition(&self, editor: OpId, name: InstanceId) {
        let (catalogue, drafts, messages) = (
            self.start.catalogue.clone(),
            self.start.drafts.clone(),
            self.messages.clone(),
        );
        self.disk.run(move || {
            let result = catalogue.read(&name).map_err(Failure::from).map(|current| {
                // A draft that cannot be read must not keep the definition from being edited.
                let draft = drafts.find(&name, &current).ok().flatten();
                OpenedDefinition {
                    text: current.text,
                    digest: current.digest,
                    draft: draft.map(|draft| (draft.text, draft.base)),
                }
            });
            drop(messages.send(Msg::DefinitionOpened { editor, result }));
        });
    }

    fn create_definition(&self, name: InstanceId, text: String) {
        let (catalogue, messages) = (self.start.catalogue.clone(), self.messages.clone());
        self.disk.run(move || {
            let result = catalogue
                .create(&name, &text)
                .map(drop)
                .map_err(Failure::from);
            drop(messages.send(Msg::DefinitionCreated { name, result }));
        });
    }

    fn check_definition(
        &self,
        editor: OpId,
        context: CheckContext,
        revision: Revision,
        text: Rope,
    ) {
        let messages = self.messages.clone();
        tokio::task::spawn_blocking(move || {
            let diagnostics = check(&text.to_string(), &context).diagnostics;
            drop(messages.send(Msg::Checked {
                editor,
                revision,
                diagnostics,
            }));
        });
    }

    fn save_definition(
        &self,
        (editor, revision): (OpId, Revision),
        name: InstanceId,
        text: Rope,
        base: Digest,
    ) {
        let (catalogue, messages) = (self.start.catalogue.clone(), self.messages.clone());
        let drafts = self.start.drafts.clone();
        self.disk.run(move || {
            let text = text.to_string();
            drafts.overtake(&name, &text, &base);
            let answer = match catalogue.save(&name, &text, &base) {
                Ok(digest) => SaveAnswer::Saved(digest),
                Err(CatalogueError::Changed { .. }) => SaveAnswer::Changed,
                Err(error) => SaveAnswer::Failed(error.into()),
            };
            drop(messages.send(Msg::Saved {
                editor,
                revision,
                answer,
            }));
        });
    }

    fn keep_draft(
        &self,
        (editor, revision): (OpId, Revision),
        name: InstanceId,
        text: Rope,
        base: Base,
    ) {
        let (drafts, messages) = (self.start.drafts.clone(), self.messages.clone());
        let catalogue = self.start.catalogue.clone();
        self.disk.run(move || {
            let kept = drafts.keep(&name, &text.to_string(), &base);
            // Whoever types is told of another's change while it is fresh, and not only on saving.
            let is_changed =
                || !matches!(catalogue.digest(&name), Ok(Some(now)) if now == base.digest);
            let result = kept.map(|()| is_changed()).map_err(Failure::from);
            drop(messages.send(Msg::DraftKept {
                editor,
                revision,
                base: base.digest,
                result,
            }));
        });
    }

    fn discard_draft(&self, name: InstanceId) {
        let drafts = self.start.drafts.clone();
        self.disk.run(move || {
            // A draft that stays is offered again, and does no harm.
            let _ = drafts.discard(&name);
        });
    }
}

/// Finds out which cluster it is, as soon as it answers.
async fn identify(
    cluster: &Cluster,
    slot: &OnceCell<Option<String>>,
    tell: impl FnOnce(Option<String>),
) {
    loop {
        match cluster_uid(cluster).await {
            Ok(uid) => {
                // It is set here alone.
                drop(slot.set(uid.clone()));
                return tell(uid);
            }
            Err(_) => tokio::time::sleep(IDENTIFY_AGAIN).await,
        }
    }
}

fn reporter(op: OpId, messages: UnboundedSender<Msg>) -> impl Fn(Progress) + Send + Sync {
    move |progress| drop(messages.send(Msg::Progressed { op, progress }))
}

/// The outcome of an operation that failed before its first step.
fn not_begun(failure: Failure) -> Outcome {
    Outcome {
        failed: vec![(Step::Claim, failure)],
        ..Outcome::default()
    }
}

async fn namespaces_of(cluster: &Cluster) -> Result<Vec<Namespace>, Failure> {
    let kind = GroupKind::new("", "Namespace");
    let objects = cluster
        .list_metadata(&kind, None, &Selector::everything())
        .await?;
    let mut namespaces: Vec<Namespace> = objects
        .iter()
        .filter_map(|object| object.key.name.parse().ok())
        .collect();
    namespaces.sort();
    Ok(namespaces)
}

/// Reads what the lists show of a catalogue, without its drafts.
///
/// # Errors
/// The directory cannot be read.
pub fn listing_of(catalogue: &Catalogue) -> Result<CatalogueListing, Failure> {
    let listing = catalogue.list()?;
    let mut refused: Vec<_> = listing
        .refused
        .into_iter()
        .map(|file| (file.file_name, file.reason))
        .collect();
    let mut entries = Vec::with_capacity(listing.entries.len());
    for entry in listing.entries {
        match catalogue.read(&entry.name) {
            Ok(text) => entries.push(CatalogueEntry {
                name: entry.name,
                hash: text.digest.as_str().to_owned(),
                image: image_of(&text.text),
            }),
            Err(error) => refused.push((format!("{}.yaml", entry.name), error.to_string())),
        }
    }
    Ok(CatalogueListing {
        entries,
        refused,
        drafts: Vec::new(),
    })
}

/// Returns the image of the first container of a definition without errors.
fn image_of(text: &str) -> Option<String> {
    let definition = check(text, &CheckContext::default()).definition?;
    definition.image().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use tokio::sync::mpsc;

    use super::*;
    use crate::catalogue::drafts::Drafts;
    use crate::cluster::mock::{self, Reply};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn connection_that_was_given_up_never_stands_for_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let ((begun, has_begun), (go_on, waits)) = (channel(), channel());
        let waits = Mutex::new((begun, waits));
        // The first connection comes about at a moment where nothing can stop it any more; the second never does.
        let connect: crate::runtime::Connector = Arc::new(move |context| {
            if context.as_deref() == Some("second") {
                return Box::pin(std::future::pending()) as _;
            }
            let (begun, waits) = &*waits.lock().unwrap();
            begun.send(()).unwrap();
            waits.recv().unwrap();
            Box::pin(async { Ok(mock::cluster(|_| Reply::Silence).0) }) as _
        });
        let start = Start {
            settings: Default::default(),
            catalogue: Catalogue::at(dir.path().join("catalogue")),
            drafts: Drafts::of(dir.path(), dir.path()),
            trash: crate::catalogue::trash::Trash::of(dir.path(), false),
            connect,
            contexts: Arc::new(|| Ok(Vec::new())),
            context: None,
            is_sandbox: false,
            open: None,
            holder: "ann@host/1".to_owned(),
            theme: crate::ui::Theme::default(),
            keymap: crate::app::Keymap::default(),
            cache: std::path::PathBuf::from("/nonexistent"),
            faults: Vec::new(),
            state: None,
        };
        let (messages, mut told) = mpsc::unbounded_channel();
        let mut runner = Runner::new(start, messages).unwrap();
        let connect = |epoch, context: &str| Effect::Connect {
            epoch: Epoch(epoch),
            context: Some(context.to_owned()),
            after: Duration::ZERO,
        };
        runner.run(connect(1, "first"));
        has_begun.recv().unwrap();
        runner.run(connect(2, "second"));
        go_on.send(()).unwrap();
        let msg = told.recv().await.unwrap();
        assert!(
            matches!(
                msg,
                Msg::Connected {
                    epoch: Epoch(1),
                    ..
                }
            ),
            "{msg:?}"
        );
        assert!(runner.cluster().is_err());
    }
}
