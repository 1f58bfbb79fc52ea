//! All controllers together, without a store: changes in, decisions out, one task at a time.
//!
//! The engine holds the view, the queue of tasks and the times at which somebody asked to be called. It carries nothing out
//! and waits for nothing; [`super::driver`] does both.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::claims::Claims;
use super::kind::Kind;
use super::kubelet::Kubelet;
use super::namespaces::Remaining;
use super::object::{after, namespace, text};
use super::routes::{Controller, Task, counting, emptying, tasks};
use super::view::{Key, View};
use super::write::{Decision, Write};
use super::{
    cron_job, daemon_set, deployment, job, namespaces, replica_set, scheduler, services,
    stateful_set, volumes,
};

/// How often one task may run in one turn before it must wait: a bound for controllers that undo each other.
const RUNS_PER_TURN: u32 = 100;
/// How long it waits then, and after the first write that was refused.
const COOL_DOWN_MS: i64 = 1_000;
/// The longest wait after refused writes.
const LONGEST_COOL_DOWN_MS: i64 = 60_000;

/// The controllers' state.
#[derive(Debug, Default)]
pub struct Engine {
    view: View,
    queue: VecDeque<Task>,
    queued: HashSet<Task>,
    due: BTreeMap<Timestamp, HashSet<Task>>,
    due_of: HashMap<Task, Timestamp>,
    runs: HashMap<Task, u32>,
    refusals: HashMap<Task, u32>,
    kubelet: Kubelet,
    claims: Claims,
}

impl Engine {
    /// Takes in that an object is there, changed (`after`) or gone (`before` only), and queues whom it concerns.
    pub fn absorb(&mut self, before: Option<&Value>, after: Option<Arc<Value>>) {
        let Some(object) = after.as_deref().or(before) else {
            return;
        };
        let within = namespace(object).to_owned();
        if let Some(kind) = Kind::from_names(text(object, "/apiVersion"), text(object, "/kind")) {
            let known = match after.clone() {
                Some(object) => self.view.insert(kind, object),
                None => self.view.remove(kind, &Key::of(object)),
            };
            for task in tasks(
                &self.view,
                kind,
                known.as_deref().or(before),
                after.as_deref(),
            ) {
                self.enqueue(task);
            }
        }
        for task in counting(&self.view, before, after.as_deref()) {
            self.enqueue(task);
        }
        if let Some(task) = emptying(&self.view, &within) {
            self.enqueue(task);
        }
    }

    /// Forgets all objects, to be told them anew; what controllers remember besides stays.
    pub fn forget_objects(&mut self) {
        self.view = View::default();
        for key in self.kubelet.remembered() {
            self.enqueue((Controller::Kubelet, key));
        }
    }

    fn enqueue(&mut self, task: Task) {
        if self.queued.insert(task.clone()) {
            self.queue.push_back(task);
        }
    }

    /// Begins a turn: queues what is due at `now`.
    pub fn begin_turn(&mut self, now: Timestamp) {
        self.runs.clear();
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= now) {
            for task in entry.remove() {
                self.due_of.remove(&task);
                self.enqueue(task);
            }
        }
    }

    /// Returns the next task of this turn.
    pub fn next_task(&mut self, now: Timestamp) -> Option<Task> {
        while let Some(task) = self.queue.pop_front() {
            self.queued.remove(&task);
            let runs = self.runs.entry(task.clone()).or_default();
            *runs += 1;
            if *runs <= RUNS_PER_TURN {
                return Some(task);
            }
            tracing::warn!(?task, "a sandbox controller does not settle; it must wait");
            self.call_at(task, after(now, COOL_DOWN_MS));
        }
        None
    }

    /// Decides one task. `remaining` tells what is in a namespace, for those that go.
    pub fn decide(
        &mut self,
        task: &Task,
        now: Timestamp,
        remaining: impl FnOnce(&str) -> Vec<Remaining>,
    ) -> Decision {
        let (controller, key) = task;
        let view = &self.view;
        let decision = match controller {
            Controller::Namespace => {
                let remaining = emptying(view, &key.name)
                    .map(|_| remaining(&key.name))
                    .unwrap_or_default();
                namespaces::reconcile(view, key, &remaining, now)
            }
            Controller::Volume => volumes::reconcile(view, key, now),
            Controller::Claim => self.claims.reconcile(view, key, now),
            Controller::Deployment => deployment::reconcile(view, key, now),
            Controller::ReplicaSet => replica_set::reconcile(view, key, now),
            Controller::StatefulSet => stateful_set::reconcile(view, key, now),
            Controller::DaemonSet => daemon_set::reconcile(view, key, now),
            Controller::CronJob => cron_job::reconcile(view, key, now),
            Controller::Job => job::reconcile(view, key, now),
            Controller::Scheduler => scheduler::reconcile(view, key, now),
            Controller::Kubelet => self.kubelet.reconcile(view, key, now),
            Controller::Service => services::reconcile(view, key),
            Controller::Quota => Decision::of(vec![Write::Recount { key: key.clone() }]),
        };
        // Each look says anew when the next is needed; an earlier wish is void.
        match decision.wake_at {
            Some(at) => self.call_at(task.clone(), at),
            None => self.do_not_call(task),
        }
        decision
    }

    fn call_at(&mut self, task: Task, at: Timestamp) {
        self.do_not_call(&task);
        self.due_of.insert(task.clone(), at);
        self.due.entry(at).or_default().insert(task);
    }

    fn do_not_call(&mut self, task: &Task) {
        if let Some(at) = self.due_of.remove(task)
            && let Some(tasks) = self.due.get_mut(&at)
        {
            tasks.remove(task);
            if tasks.is_empty() {
                self.due.remove(&at);
            }
        }
    }

    /// Returns when the next task is due; nothing at all happens before, unless an object changes.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|(at, _)| *at)
    }

    /// Takes in that a task's writes were all carried out.
    pub fn succeeded(&mut self, task: &Task) {
        self.refusals.remove(task);
    }

    /// Takes in that an object had changed since it was looked at: the task looks again at once.
    pub fn outdated(&mut self, task: &Task) {
        self.enqueue(task.clone());
    }

    /// Takes in that a write was refused; returns what the controller has to say about it. The task is tried again later.
    pub fn refused(
        &mut self,
        task: &Task,
        write: &Write,
        reason: &str,
        now: Timestamp,
    ) -> Vec<Write> {
        let refusals = self.refusals.entry(task.clone()).or_default();
        *refusals = refusals.saturating_add(1);
        let wait = (COOL_DOWN_MS << (*refusals - 1).min(16)).min(LONGEST_COOL_DOWN_MS);
        self.call_at(task.clone(), after(now, wait));
        let Write::Create(object) = write else {
            return Vec::new();
        };
        match task.0 {
            Controller::ReplicaSet => replica_set::refused(&self.view, &task.1, reason, now),
            Controller::StatefulSet => stateful_set::refused(&self.view, &task.1, object, reason),
            Controller::DaemonSet => daemon_set::refused(&self.view, &task.1, reason),
            Controller::CronJob => cron_job::refused(&self.view, &task.1, reason),
            Controller::Job => job::refused(&self.view, &task.1, reason),
            _ => Vec::new(),
        }
    }
}
