//! Operations that run: what they reported, step by step, and how they ended.

use jiff::Timestamp;

use crate::app::msg::OpId;
use crate::engine::progress::{Outcome, Progress, Step};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// A deploy.
    Deploy,
    /// A teardown.
    Teardown,
    /// A deploy of an earlier revision.
    Rollback,
    /// A deploy of what was taken down.
    Restore,
    /// A change of the number of replicas.
    Scale,
    /// A restart of the pods.
    Restart,
    /// Objects change hands.
    Adoption,
    /// Routes are made again.
    Routes,
    /// Claims that a teardown kept are deleted.
    Release,
    /// The note of what is over is taken away.
    Clear,
}

impl OperationKind {
    /// Returns its name, as sentences about it begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deploy => "Deploy",
            Self::Teardown => "Teardown",
            Self::Rollback => "Rollback",
            Self::Restore => "Restore",
            Self::Scale => "Scale",
            Self::Restart => "Restart",
            Self::Adoption => "Adoption",
            Self::Routes => "Update-ingress",
            Self::Release => "Release",
            Self::Clear => "Resume",
        }
    }

    /// Tells whether pods are other ones after it, and there still.
    pub fn changes_pods(self) -> bool {
        match self {
            Self::Deploy | Self::Rollback | Self::Restore | Self::Scale | Self::Restart => true,
            Self::Teardown | Self::Adoption | Self::Routes | Self::Release | Self::Clear => false,
        }
    }

    /// Returns what several of it are called.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Deploy => "deploys",
            Self::Teardown => "teardowns",
            Self::Rollback => "rollbacks",
            Self::Restore => "restores",
            Self::Scale => "scalings",
            Self::Restart => "restarts",
            Self::Adoption => "adoptions",
            Self::Routes => "updates of routes",
            Self::Release => "releases",
            Self::Clear => "resumes",
        }
    }
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// It is being done.
    Running,
    /// It is done, with what was found or done where that is worth a word.
    Done(Option<String>),
    /// It failed.
    Failed(Failure),
    /// It was not tried, with the reason.
    NotTried(String),
}

/// A step of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct StepLine {
    /// The step.
    pub step: Step,
    /// How it stands.
    pub state: StepState,
}

/// Something that was started here.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub kind: OperationKind,
    /// In which context.
    pub context: String,
    /// To which instance.
    pub instance: InstanceKey,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Its steps in the order in which they began.
    pub steps: Vec<StepLine>,
    /// What it waits for now.
    pub waiting: Option<String>,
    /// Whether that is a sign of life of somebody else who holds the instance.
    pub is_listening: bool,
    /// The last beat of who was seen to stand still when it was begun: nobody waits for that again.
    pub silent_since: Option<Timestamp>,
    /// Whether it was asked to stop.
    pub is_stopping: bool,
    /// The first of those that were begun with it as one deed; none where it was begun alone.
    pub deed: Option<OpId>,
    /// What of it no return brings back, as the sentence of that goes on.
    pub lost: String,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

impl Operation {
    /// Returns an operation that begins now.
    pub fn new(
        kind: OperationKind,
        (context, instance): (String, InstanceKey),
        started: Timestamp,
    ) -> Self {
        Self {
            kind,
            context,
            instance,
            started,
            ended: None,
            steps: Vec::new(),
            waiting: None,
            is_listening: false,
            silent_since: None,
            is_stopping: false,
            deed: None,
            lost: String::new(),
            outcome: None,
        }
    }

    /// Tells whether it is about this instance of a context: another has one of its name, too.
    pub fn is_of(&self, context: &str, instance: &InstanceKey) -> bool {
        self.context == context && self.instance == *instance
    }

    /// Tells whether it still runs.
    pub fn is_running(&self) -> bool {
        self.outcome.is_none()
    }

    /// Tells whether something is still to be written: what only waits until the instance is ready loses nothing when the
    /// program ends.
    pub fn is_writing(&self) -> bool {
        let is_open = |line: &StepLine| line.state == StepState::Running;
        let only_waits = self
            .steps
            .last()
            .is_some_and(|line| line.step == Step::Ready && is_open(line));
        self.is_running() && !only_waits && !self.is_listening
    }

    /// Returns what failed of it so far.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.steps.iter().filter_map(|line| match &line.state {
            StepState::Failed(failure) => Some(failure),
            StepState::Running | StepState::Done(_) | StepState::NotTried(_) => None,
        })
    }

    /// Takes what it reports.
    pub fn on_progress(&mut self, progress: Progress) {
        match progress {
            Progress::Started(step) => self.set(step, StepState::Running),
            Progress::Done(step, note) => self.set(step, StepState::Done(note)),
            Progress::Failed(step, failure) => self.set(step, StepState::Failed(failure)),
            Progress::NotTried(step, why) => self.set(step, StepState::NotTried(why)),
            Progress::Waiting(sentence) => {
                (self.waiting, self.is_listening) = (Some(sentence), false);
            }
            Progress::Listening(sentence) => {
                (self.waiting, self.is_listening) = (Some(sentence), true);
            }
        }
    }

    /// Takes how it ended.
    pub fn on_finished(&mut self, outcome: Outcome, now: Timestamp) {
        (self.waiting, self.is_listening) = (None, false);
        self.ended = Some(now);
        self.outcome = Some(outcome);
    }

    fn set(&mut self, step: Step, state: StepState) {
        if !matches!(state, StepState::Running) {
            (self.waiting, self.is_listening) = (None, false);
        }
        // The last of that step: a later round of the same step is a line of its own.
        let open = self.steps.iter_mut().rev().find(|line| line.step == step);
        match open.filter(|line| line.state == StepState::Running) {
            Some(line) => line.state = state,
            None => self.steps.push(StepLine { step, state }),
        }
    }
}
