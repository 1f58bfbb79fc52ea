//! What is waited for: every question that a person asked and that is not answered yet.
//!
//! Questions are noted as their effects go out and struck off as their answers come in, in one place for all of them. One that
//! lasts is shown below the screen, and given up with the key that goes back: then nobody awaits its answer any more, and it is
//! not asked further. What writes is never given up here: it is waited for, or, if it has steps, asked to stop between two.

use std::time::Duration;

use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

use super::effect::Effect;
use super::msg::{Msg, OpId};

/// How long an answer may take before it is said that it is waited for: what is quick must not flicker.
const MOMENT: Duration = Duration::from_millis(500);
/// How often the time that it takes is shown anew.
const SECOND: Duration = Duration::from_secs(1);

/// A question, as its answer names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// One with a number of its own.
    Numbered(OpId),
    /// One of several with a number, for an instance.
    Of(OpId, InstanceKey),
    /// What others changed, asked by an editor.
    Live(OpId),
    /// A text, asked by an editor.
    Definition(OpId),
    /// Whether an editor's text is saved.
    Save(OpId),
    /// Whether a definition is made.
    Creation,
    /// Whether lines of a log are written.
    LogFile,
    /// The contexts.
    Contexts,
    /// The namespaces.
    Namespaces,
    /// What was taken down.
    Trash,
}

/// How a wait may end but by its answer.
#[derive(Debug, Clone, PartialEq)]
enum GivingUp {
    /// With what asked for it: a plan with its screen, a list with its menu.
    WithItsPane,
    /// By the key that goes back; what waits hears this, where it has to hear something.
    ByKey(Option<Box<Msg>>),
    /// Not at all: something is written.
    Never,
}

/// A question that is not answered yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// The question.
    pub question: Question,
    /// What is being done, as a sentence begins.
    pub what: String,
    since: Duration,
    giving_up: GivingUp,
}

/// All questions that are not answered yet, the newest last.
#[derive(Debug, Clone, Default)]
pub struct Waits(Vec<Wait>);

impl Waits {
    /// Notes what is asked by an effect, if it asks something that a person waits for.
    pub(super) fn begin(&mut self, effect: &Effect, clock: Duration) {
        let Some((question, what, giving_up)) = asked(effect) else {
            return;
        };
        self.0.retain(|wait| wait.question != question);
        self.0.push(Wait {
            question,
            what,
            since: clock,
            giving_up,
        });
    }

    /// Strikes off what a message answers.
    pub(super) fn end(&mut self, msg: &Msg) {
        // It may answer a deploy's plan too: what was to be finished turned out to be something else.
        if let Msg::RestPlanned { op, .. } = msg {
            self.0
                .retain(|wait| wait.question != Question::Numbered(*op));
        }
        if let Some(question) = answered(msg) {
            self.0.retain(|wait| wait.question != question);
        }
    }

    /// Returns the newest of those that last, and how many others do.
    pub fn lasting(&self, clock: Duration) -> Option<(&Wait, usize)> {
        let mut lasting = self.0.iter().filter(|wait| wait.lasts(clock));
        let newest = lasting.next_back()?;
        Some((newest, lasting.count()))
    }

    /// Returns when the next of them begins to last, or has lasted a second more.
    pub(super) fn next_change(&self, clock: Duration) -> Option<Duration> {
        let changes = self.0.iter().map(|wait| match wait.lasts(clock) {
            false => wait.since + MOMENT,
            true => wait.since + SECOND * (wait.seconds(clock) + 1),
        });
        changes.min()
    }

    /// Takes out the newest of those that last and that the key which goes back gives up; returns what tells so.
    pub(super) fn give_up(&mut self, clock: Duration) -> Option<(Question, Option<Msg>)> {
        let at = self
            .0
            .iter()
            .rposition(|wait| wait.lasts(clock) && matches!(wait.giving_up, GivingUp::ByKey(_)));
        let wait = self.0.remove(at?);
        match wait.giving_up {
            GivingUp::ByKey(msg) => Some((wait.question, msg.map(|msg| *msg))),
            GivingUp::WithItsPane | GivingUp::Never => None,
        }
    }

    /// Tells whether nothing is waited for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out those whose answers nobody would look at any more.
    pub(super) fn forsake(&mut self, is_awaited: impl Fn(&Question) -> bool) -> Vec<Question> {
        let is_forsaken =
            |wait: &mut Wait| wait.giving_up != GivingUp::Never && !is_awaited(&wait.question);
        let forsaken = self.0.extract_if(.., is_forsaken);
        forsaken.map(|wait| wait.question).collect()
    }
}

impl Wait {
    /// Returns how long it lasts, in whole seconds.
    pub fn seconds(&self, clock: Duration) -> u32 {
        let seconds = clock.saturating_sub(self.since).as_secs();
        u32::try_from(seconds).unwrap_or(u32::MAX - 1)
    }

    /// Tells whether it is given up by the key that goes back, wherever that goes back from.
    pub(super) fn is_loose(&self) -> bool {
        matches!(self.giving_up, GivingUp::ByKey(_))
    }

    /// Tells whether it is given up with what asked for it.
    pub(super) fn has_pane(&self) -> bool {
        self.giving_up == GivingUp::WithItsPane
    }

    fn lasts(&self, clock: Duration) -> bool {
        clock.saturating_sub(self.since) >= MOMENT
    }
}

/// Returns what an effect asks that a person waits for: the question, what is being done, and how that may be given up.
fn asked(effect: &Effect) -> Option<(Question, String, GivingUp)> {
    use GivingUp::{Never, WithItsPane};
    use Question::{Contexts, Creation, Definition, Live, LogFile, Namespaces, Numbered, Of, Save};
    let noted = match effect {
        Effect::PlanDeploy { op, source } => {
            let what = format!("Planning the deploy of {}", source.id());
            (Numbered(*op), what, WithItsPane)
        }
        Effect::PlanRest { op, key } => {
            let what = format!("Planning what finishes {}", key.id);
            (Of(*op, key.clone()), what, WithItsPane)
        }
        Effect::PlanTeardown { op, key, .. } => {
            let what = format!("Planning the teardown of {}", key.id);
            (Of(*op, key.clone()), what, WithItsPane)
        }
        Effect::PlanAdjustment { op, key, .. } => {
            let what = format!("Planning the change of {}", key.id);
            (Of(*op, key.clone()), what, WithItsPane)
        }
        Effect::PlanAdopt { op, source } => {
            let what = format!("Planning the adoption for {}", source.id());
            (Numbered(*op), what, WithItsPane)
        }
        Effect::PlanRoutes { op, .. } => {
            (Numbered(*op), "Planning the routes".to_owned(), WithItsPane)
        }
        Effect::PlanPull { op, key } => {
            let what = format!("Planning the pull of {}", key.id);
            (Numbered(*op), what, WithItsPane)
        }
        Effect::CompareRevisions { op, key, from, to } => {
            let what = format!("Comparing r{from} and r{to} of {}", key.id);
            (Numbered(*op), what, WithItsPane)
        }
        Effect::ReadChanges { op, key } => {
            let what = format!("Comparing {} with what was applied", key.as_ref()?.id);
            (Numbered(*op), what, WithItsPane)
        }
        Effect::ReadNodes { op } => (Numbered(*op), "Reading the nodes".to_owned(), WithItsPane),
        Effect::ListPorts { op, key } => {
            let what = format!("Reading the ports of {}", key.id);
            (Numbered(*op), what, WithItsPane)
        }
        Effect::ListNamespaces { .. } => {
            (Namespaces, "Listing the namespaces".to_owned(), WithItsPane)
        }
        Effect::ListContexts => (Contexts, "Reading the contexts".to_owned(), WithItsPane),
        Effect::ReadHistory { op, key } => {
            let what = format!("Reading the history of {}", key.id);
            let result = Err(given_up(&what));
            let msg = Msg::HistoryRead { op: *op, result };
            (Numbered(*op), what, by_key(msg))
        }
        Effect::Import { op, name, .. } => {
            let what = format!("Looking for the objects of {name}");
            let (op, name, result) = (*op, name.clone(), Err(given_up(&what)));
            (Numbered(op), what, by_key(Msg::Imported { op, name, result }))
        }
        Effect::SelectLabels { op, selector, .. } => {
            let what = format!("Looking for label {selector}");
            let (op, result) = (*op, Err(given_up(&what)));
            (Numbered(op), what, by_key(Msg::LabelsSelected { op, result }))
        }
        Effect::ReadLive { editor, key, .. } => {
            let what = format!("Reading what others changed in {}", key.id);
            let (editor, result) = (*editor, Err(given_up(&what)));
            (Live(editor), what, by_key(Msg::LiveRead { editor, result }))
        }
        Effect::ListTrash { .. } => {
            let what = "Reading the trash".to_owned();
            (Question::Trash, what, GivingUp::ByKey(None))
        }
        Effect::OpenDefinition { editor, name } => {
            (Definition(*editor), format!("Reading {name}"), Never)
        }
        Effect::SaveDefinition { editor, name, .. } => {
            (Save(*editor), format!("Saving {name}"), Never)
        }
        Effect::CreateDefinition { name, .. } => (Creation, format!("Writing {name}"), Never),
        Effect::WriteDefinition { op, name, .. } => {
            (Numbered(*op), format!("Writing {name}"), Never)
        }
        Effect::SaveLog { path, .. } => (LogFile, format!("Writing {}", path.display()), Never),
        // What the header or a pane of its own tells of all the time: connections, watches, logs, operations, forwards, a shell.
        Effect::Connect { .. }
        | Effect::TryWatches
        | Effect::WatchOverview { .. }
        | Effect::WatchInstance { .. }
        | Effect::WatchRetained { .. }
        | Effect::ReadLogs { .. }
        | Effect::WatchUsage { .. }
        | Effect::Forward { .. }
        | Effect::StopForward { .. }
        | Effect::OpenShell { .. }
        | Effect::EnterShell { .. }
        | Effect::LeaveShell { .. }
        | Effect::RunDeploy { .. }
        | Effect::RunTeardown { .. }
        | Effect::RunAdjustment { .. }
        | Effect::RunAdopt { .. }
        | Effect::RunRoutes { .. }
        | Effect::RunClear { .. }
        | Effect::StopOperation { .. }
        | Effect::TakeOver { .. }
        // What follows the selection or the typing by itself: its pane says that it is not there yet, and what comes next
        // takes its place.
        | Effect::Learn { .. }
        | Effect::AskWriteRights { .. }
        | Effect::AskRights { .. }
        | Effect::PrintObjects { .. }
        | Effect::ListCatalogue
        | Effect::ShowDefinition { .. }
        | Effect::CheckDefinition { .. }
        | Effect::PreviewDeploy { .. }
        | Effect::StopPreview
        // What answers nothing, or has the terminal meanwhile.
        | Effect::GiveUp(_)
        | Effect::KeepDraft { .. }
        | Effect::DiscardDraft { .. }
        | Effect::DiscardHandout { .. }
        | Effect::EditElsewhere { .. }
        | Effect::RememberHint(_)
        | Effect::Copy(_)
        | Effect::Redraw
        | Effect::Suspend
        | Effect::Quit => return None,
    };
    Some(noted)
}

fn by_key(msg: Msg) -> GivingUp {
    GivingUp::ByKey(Some(Box::new(msg)))
}

fn given_up(what: &str) -> Failure {
    Failure::new(FailureKind::Refused, format!("{what}: given up"))
}

/// Returns the question that a message answers.
fn answered(msg: &Msg) -> Option<Question> {
    use Question::{Contexts, Creation, Definition, Live, LogFile, Namespaces, Numbered, Of, Save};
    match msg {
        Msg::DeployPlanned { op, .. }
        | Msg::AdoptPlanned { op, .. }
        | Msg::RoutesPlanned { op, .. }
        | Msg::PullPlanned { op, .. }
        | Msg::RevisionsCompared { op, .. }
        | Msg::ChangesRead { op, .. }
        | Msg::NodesRead { op, .. }
        | Msg::PortsListed { op, .. }
        | Msg::HistoryRead { op, .. }
        | Msg::Imported { op, .. }
        | Msg::LabelsSelected { op, .. }
        | Msg::DefinitionWritten { op, .. } => Some(Numbered(*op)),
        Msg::TeardownPlanned { op, key, .. }
        | Msg::AdjustmentPlanned { op, key, .. }
        | Msg::RestPlanned { op, key, .. } => Some(Of(*op, key.clone())),
        Msg::LiveRead { editor, .. } => Some(Live(*editor)),
        Msg::DefinitionOpened { editor, .. } => Some(Definition(*editor)),
        Msg::Saved { editor, .. } => Some(Save(*editor)),
        Msg::DefinitionCreated { .. } => Some(Creation),
        Msg::LogSaved { .. } => Some(LogFile),
        Msg::NamespacesListed { .. } => Some(Namespaces),
        Msg::ContextsListed(_) => Some(Contexts),
        Msg::TrashListed { .. } => Some(Question::Trash),
        Msg::Tick { .. }
        | Msg::Key(_)
        | Msg::Paste(_)
        | Msg::Mouse(_)
        | Msg::Resized { .. }
        | Msg::Resumed
        | Msg::TaskFailed(_)
        | Msg::Connected { .. }
        | Msg::ClusterIdentified { .. }
        | Msg::ConnectFailed { .. }
        | Msg::Overview { .. }
        | Msg::InstanceEvent { .. }
        | Msg::Learnt { .. }
        | Msg::WriteRightsTold { .. }
        | Msg::ProtectionTold { .. }
        | Msg::CatalogueListed(_)
        | Msg::DefinitionShown { .. }
        | Msg::Checked { .. }
        | Msg::Previewed { .. }
        | Msg::DraftKept { .. }
        | Msg::EditedElsewhere { .. }
        | Msg::CatalogueChanged
        | Msg::SecretsWanted { .. }
        | Msg::Progressed { .. }
        | Msg::Finished { .. }
        | Msg::ObjectsPrinted { .. }
        | Msg::PodUsageRead { .. }
        | Msg::ClaimUsageRead { .. }
        | Msg::RightsTold { .. }
        | Msg::ForwardBegan { .. }
        | Msg::Forwarding { .. }
        | Msg::ShellOpened { .. }
        | Msg::ShellEnded { .. }
        | Msg::Logged { .. } => None,
    }
}
