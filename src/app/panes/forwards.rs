//! The ports that are forwarded from here: they go on in every view, in every context, until they are stopped or the program
//! ends.

use crate::app::msg::OpId;
use crate::app::popup::ForwardTarget;
use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::failure::Failure;
use crate::service::forward::{ForwardEvent, ForwardRequest, Forwarded, Traffic};
use crate::service::quantity;

const COLUMNS: &[Column] = &[
    Column::text("LOCAL", 0, 40),
    Column::text("INSTANCE", 0, 40),
    Column::number("PORT", 0),
    Column::text("STATE", 0, 30),
    Column::text("POD", 3, 50),
    Column::number("OPEN", 1),
    Column::number("CONNECTIONS", 4),
    Column::number("SENT", 2),
    Column::number("RECEIVED", 2),
    Column::number("MOVED", 5),
    Column::text("LAST FAILURE", 6, 120).optional(),
    Column::text("CONTEXT", 7, 40),
];

/// How a forward does.
#[derive(Debug, Clone, PartialEq)]
pub enum ForwardState {
    /// It is being begun.
    Starting,
    /// Connections go to a pod.
    Ready,
    /// Connections wait for a pod.
    Waiting,
    /// Which pods there are is not known at the moment.
    Lost(Failure),
    /// Which pods there are may not be known any more.
    Forbidden(Failure),
}

/// A forward.
#[derive(Debug, Clone)]
pub struct Forward {
    /// Its number.
    pub op: OpId,
    /// The context that it is in.
    pub context: String,
    /// What was asked for.
    pub request: ForwardRequest,
    /// Its listeners, once they are there.
    pub ports: Vec<Forwarded>,
    /// How it does.
    pub state: ForwardState,
    /// The pod that connections go to.
    pub pod: Option<String>,
    /// The one before, while connections wait for a pod.
    before: Option<String>,
    /// How often that became another one.
    pub n_moves: u32,
    /// What went through.
    pub traffic: Traffic,
    /// Why a connection failed last.
    pub last_failure: Option<Failure>,
}

impl Forward {
    /// Returns what opens it; none until it listens.
    pub fn url(&self) -> Option<String> {
        self.ports.first().map(Forwarded::url)
    }

    fn on_event(&mut self, event: ForwardEvent) {
        match event {
            ForwardEvent::Pod(pod) => {
                let waited = self.before.take();
                let before = self.pod.replace(pod).or(waited);
                self.n_moves += u32::from(before.is_some() && before != self.pod);
                self.state = ForwardState::Ready;
            }
            ForwardEvent::NoPod => {
                self.before = self.pod.take().or(self.before.take());
                self.state = ForwardState::Waiting;
            }
            ForwardEvent::Opened { .. } => {}
            ForwardEvent::Failed { failure, .. } => self.last_failure = Some(failure),
            ForwardEvent::Lost(failure) => self.state = ForwardState::Lost(failure),
            ForwardEvent::Back => {
                let is_known = !matches!(
                    self.state,
                    ForwardState::Lost(_) | ForwardState::Forbidden(_)
                );
                if !is_known {
                    self.state = match self.pod {
                        Some(_) => ForwardState::Ready,
                        None => ForwardState::Waiting,
                    };
                }
            }
            ForwardEvent::Forbidden(failure) => self.state = ForwardState::Forbidden(failure),
        }
    }
}

/// All forwards.
#[derive(Debug, Clone)]
pub struct ForwardsPane {
    all: Vec<Forward>,
    /// The question for ports that was asked last, and of what.
    pub(in crate::app) asked: Option<(OpId, ForwardTarget)>,
    /// Their rows.
    pub table: Table<OpId>,
}

impl Default for ForwardsPane {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            asked: None,
            table: Table::new(COLUMNS, Sort::default()),
        }
    }
}

impl ForwardsPane {
    /// Returns all forwards, the oldest first.
    pub fn all(&self) -> &[Forward] {
        &self.all
    }

    /// Returns the selected forward.
    pub fn selected(&self) -> Option<&Forward> {
        let op = self.table.selected()?;
        self.all.iter().find(|forward| forward.op == *op)
    }

    pub(in crate::app) fn add(&mut self, op: OpId, context: String, request: ForwardRequest) {
        self.all.push(Forward {
            op,
            context,
            request,
            ports: Vec::new(),
            state: ForwardState::Starting,
            pod: None,
            before: None,
            n_moves: 0,
            traffic: Traffic::default(),
            last_failure: None,
        });
        self.rebuild();
    }

    /// Takes the listeners of a forward that began; returns it, if it was not stopped meanwhile.
    pub(in crate::app) fn on_began(&mut self, op: OpId, ports: Vec<Forwarded>) -> Option<&Forward> {
        let forward = self.all.iter_mut().find(|forward| forward.op == op)?;
        forward.ports = ports;
        forward.state = ForwardState::Waiting;
        self.rebuild();
        self.all.iter().find(|forward| forward.op == op)
    }

    pub(in crate::app) fn on_event(
        &mut self,
        op: OpId,
        event: Option<ForwardEvent>,
        traffic: Traffic,
    ) {
        if let Some(forward) = self.all.iter_mut().find(|forward| forward.op == op) {
            forward.traffic = traffic;
            if let Some(event) = event {
                forward.on_event(event);
            }
            self.rebuild();
        }
    }

    pub(in crate::app) fn remove(&mut self, op: OpId) -> Option<Forward> {
        let at = self.all.iter().position(|forward| forward.op == op)?;
        let forward = self.all.remove(at);
        self.rebuild();
        Some(forward)
    }

    fn rebuild(&mut self) {
        self.table.set_rows(self.all.iter().map(row).collect());
    }
}

fn row(forward: &Forward) -> Row<OpId> {
    let state = match &forward.state {
        ForwardState::Starting => Value::Text("starting".to_owned()),
        ForwardState::Ready => Value::Text("ready".to_owned()),
        ForwardState::Waiting => Value::Bad("no pod is ready".to_owned()),
        ForwardState::Lost(_) => Value::Bad("looking for the server".to_owned()),
        ForwardState::Forbidden(_) => Value::Bad("pods may not be watched".to_owned()),
    };
    let remote = forward.ports.first().map(|port| port.remote);
    let traffic = &forward.traffic;
    let count = |n: u64| Value::Number(n, n.to_string());
    let size = |n: u64| Value::Number(n, quantity::show_bytes(n.into()));
    let failure = forward.last_failure.as_ref();
    Row {
        key: forward.op,
        cells: vec![
            Value::of(forward.url()),
            Value::Text(forward.request.instance.to_string()),
            remote.map_or(Value::Missing, |port| count(port.into())),
            state,
            Value::of(forward.pod.clone()),
            count(traffic.n_open),
            count(traffic.n_connections),
            size(traffic.n_sent),
            size(traffic.n_received),
            Value::count(forward.n_moves),
            failure.map_or(Value::Missing, |failure| Value::Bad(failure.to_string())),
            Value::Text(forward.context.clone()),
        ],
    }
}
