//! How an instance is doing, with one sentence of reason that names the object.
//!
//! Computed from the live objects alone; time is passed in, because some troubles count only after a grace period.

mod claims;
mod deletion;
mod parts;
mod pods;
mod words;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use self::claims::{StorageClass, remark_on_claim};
pub use self::pods::{is_broken, settled_since, waits_for_node, waits_for_volumes};
use super::operation::ABANDONED_AFTER;
use super::pod_name;
use super::summary::{Claim, Event, ObjectRow, Pod, PodRow, Record, Workload, WorkloadKind};

/// How long a pod may be unscheduled: a normal deploy is refused for a moment, until its claims are bound.
const SCHEDULING_GRACE: Duration = Duration::from_secs(10);
/// How long the volumes of a pod may fail to be mounted: what they need may be on its way.
const MOUNT_GRACE: Duration = Duration::from_secs(20);
/// How long pods may take to become ready where the server sets no deadline itself; the default of Deployments.
const PROGRESS_DEADLINE: Duration = Duration::from_secs(600);

/// The state of an instance; what wants looking at comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum State {
    /// It cannot get there by itself.
    Failing,
    /// An operation on it was left half done: nobody goes on with it.
    Interrupted,
    /// Nothing can be said: the data is stale or may not be read.
    Unknown,
    /// On its way to what is wanted, within its time.
    Rolling,
    /// It is being deleted.
    Terminating,
    /// No replicas are wanted, and none are left.
    Stopped,
    /// Everything wanted is there and ready.
    Ready,
    /// In the catalogue, not deployed.
    Saved,
}

impl State {
    /// Returns the state's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Rolling => "Rolling",
            Self::Failing => "Failing",
            Self::Interrupted => "Interrupted",
            Self::Stopped => "Stopped",
            Self::Terminating => "Terminating",
            Self::Saved => "Saved",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How an instance is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The state.
    pub state: State,
    /// One sentence that names the object; none where there is nothing to explain.
    pub reason: Option<String>,
    /// Whether waiting is in vain: a controller has given up, or what it was told to run can never run.
    #[serde(skip)]
    pub is_final: bool,
}

impl Health {
    /// Returns a state that needs no explanation.
    pub fn plain(state: State) -> Self {
        Self {
            state,
            reason: None,
            is_final: false,
        }
    }

    fn because(state: State, reason: impl Into<String>) -> Self {
        Self {
            state,
            reason: Some(reason.into()),
            is_final: false,
        }
    }
}

/// The pods of an instance, as well as they are known.
#[derive(Debug, Clone, Copy)]
pub enum Pods<'a> {
    /// As the server prints them.
    Rows(&'a [PodRow]),
    /// In full.
    Full(&'a [Pod]),
}

/// What is known of an instance.
#[derive(Debug, Clone, Copy)]
pub struct InstanceView<'a> {
    /// Its record.
    pub record: Option<&'a Record>,
    /// Its workloads.
    pub workloads: &'a [Workload],
    /// Its claims.
    pub claims: &'a [Claim],
    /// Its pods.
    pub pods: Pods<'a>,
    /// Events of its objects; those that explain are picked out.
    pub events: &'a [Event],
    /// Its objects, where they are known: those of other kinds say how they are doing.
    pub objects: &'a [ObjectRow],
    /// Since when its workloads that are short of pods are so, where their pods do not tell.
    pub shortages: &'a [Shortage],
    /// Since when the operation that its record notes says the same; none where that cannot be told.
    pub heard: Option<Timestamp>,
    /// Why nothing can be said, if that is so.
    pub unknown: Option<&'a str>,
}

/// Of a workload fewer pods are ready than are wanted: how many, and since when as many as are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's name.
    pub name: String,
    /// How many pods are ready, and how many are wanted.
    pub counts: (u32, u32),
    /// When that was seen to change, or when one of its pods became ready or unready.
    pub since: Timestamp,
}

impl Shortage {
    /// Returns what a workload is short of now, as old as it was where nothing changed; none where it has what it wants.
    pub fn of(workload: &Workload, known: &[Self], now: Timestamp) -> Option<Self> {
        let counts = (workload.ready, workload.wanted);
        let same = known
            .iter()
            .find(|it| it.is_of(workload) && it.counts == counts);
        let fresh = || Self {
            kind: workload.kind,
            name: workload.name.clone(),
            counts,
            since: now,
        };
        (workload.ready < workload.wanted).then(|| same.cloned().unwrap_or_else(fresh))
    }

    /// Tells whether it is one of this workload.
    pub fn is_of(&self, workload: &Workload) -> bool {
        self.kind == workload.kind && self.name == workload.name
    }
}

/// A health, and when to look again though nothing changes: the end of the next grace period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The health.
    pub health: Health,
    /// When time alone may change it.
    pub look_again: Option<Timestamp>,
}

/// Returns how an instance is doing.
pub fn health(view: &InstanceView<'_>, now: Timestamp) -> Health {
    assess(view, now).health
}

/// Returns how an instance is doing, and when time alone may change that.
pub fn assess(view: &InstanceView<'_>, now: Timestamp) -> Assessment {
    let mut clock = GraceClock {
        now,
        look_again: None,
    };
    let health = interrupted(view, judge(view, &mut clock), &mut clock);
    Assessment {
        health,
        look_again: clock.look_again,
    }
}

/// Tells whether periods are over, and remembers the one that ends next.
struct GraceClock {
    now: Timestamp,
    look_again: Option<Timestamp>,
}

impl GraceClock {
    fn is_over(&mut self, since: Timestamp, period: Duration) -> bool {
        let Ok(end) = since.checked_add(period) else {
            return true;
        };
        if end <= self.now {
            return true;
        }
        self.look_again = Some(self.look_again.map_or(end, |known| known.min(end)));
        false
    }
}

/// What stands half done is told before how that is doing: it does not become otherwise by itself.
fn interrupted(view: &InstanceView<'_>, health: Health, clock: &mut GraceClock) -> Health {
    let noted = view.record.and_then(|record| record.operation.as_ref());
    let Some(operation) = noted else {
        return health;
    };
    let mut is_silent = |heard| clock.is_over(heard, ABANDONED_AFTER);
    // Who let go of it says so: nobody listens for a beat.
    let stands_still = operation.rests || view.heard.is_some_and(&mut is_silent);
    if health.state == State::Unknown || !stands_still {
        return health;
    }
    let mut reason = operation.stands_still();
    if let (State::Failing, Some(why)) = (health.state, &health.reason) {
        reason.push_str(&format!("; {}: {why}", State::Failing));
    }
    Health {
        is_final: health.is_final,
        ..Health::because(State::Interrupted, reason)
    }
}

fn judge(view: &InstanceView<'_>, clock: &mut GraceClock) -> Health {
    if let Some(why) = view.unknown {
        return Health::because(State::Unknown, why);
    }
    if let Some(reason) = deletion::terminating(view) {
        return Health::because(State::Terminating, reason);
    }
    let (going, staying): (Vec<&Workload>, Vec<&Workload>) =
        (view.workloads.iter()).partition(|workload| workload.deletion.is_some());
    let Some(leaving) = going.into_iter().find_map(deletion::leaving) else {
        return judge_what_stays(view, clock);
    };
    // How that is doing which left the definition says nothing of the rest.
    let staying: Vec<Workload> = staying.into_iter().cloned().collect();
    let rest = InstanceView {
        workloads: &staying,
        ..*view
    };
    let health = judge_what_stays(&rest, clock);
    match health.state {
        State::Ready | State::Stopped => Health::because(State::Rolling, leaving),
        _ => health,
    }
}

fn judge_what_stays(view: &InstanceView<'_>, clock: &mut GraceClock) -> Health {
    if view.workloads.is_empty() {
        return without_workload(view, clock);
    }
    let unsettled = view
        .workloads
        .iter()
        .any(|workload| !is_settled(workload) || workload.wanted == 0);
    if unsettled && let Some(reason) = failing(view, clock) {
        return Health {
            is_final: is_final(view),
            ..Health::because(State::Failing, reason)
        };
    }
    if let Some(failed) = parts::failed(view) {
        return failed;
    }
    if let Some(reason) = view.workloads.iter().find_map(rolling) {
        return Health::because(State::Rolling, reason);
    }
    if let Some(reason) = parts::awaited(view) {
        return Health::because(State::Rolling, reason);
    }
    if view.workloads.iter().all(is_stopped) {
        return Health::plain(State::Stopped);
    }
    Health::plain(State::Ready)
}

/// An instance without workload: on its way, made of manifests that run nothing, or robbed.
fn without_workload(view: &InstanceView<'_>, clock: &mut GraceClock) -> Health {
    let Some(record) = view.record else {
        return Health::because(State::Unknown, "neither record nor workload is there");
    };
    if let Some(operation) = &record.operation {
        return Health::because(
            State::Rolling,
            format!("{}: {}", operation.kind, operation.step),
        );
    }
    if record.revision.is_none() && !record.is_adopted {
        return Health::because(State::Failing, "no deploy of it was completed yet");
    }
    if record.has_workload {
        // What an overview does not read may be there: only an open instance knows.
        if let (Pods::Rows(_), [other, ..]) = (view.pods, record.elsewhere.as_slice()) {
            let reason =
                format!("its workloads are in other namespaces ({other}): open it to see them");
            return Health::because(State::Unknown, reason);
        }
        return Health::because(
            State::Failing,
            "the workload is missing: somebody deleted it",
        );
    }
    if let Some(failed) = parts::failed(view) {
        return failed;
    }
    if let Some(reason) = claims::unbound(view, clock) {
        return Health::because(State::Failing, reason);
    }
    match parts::awaited(view) {
        Some(reason) => Health::because(State::Rolling, reason),
        None => Health::plain(State::Ready),
    }
}

/// Returns why the instance cannot become ready by itself.
fn failing(view: &InstanceView<'_>, clock: &mut GraceClock) -> Option<String> {
    // The most telling first: what a pod says, then why there is no pod, then what the controller concludes from it.
    if view.workloads.iter().all(is_stopped) {
        return None;
    }
    pods::broken(view.pods, &|pod| is_run(view, pod))
        .or_else(|| claims::unbound(view, clock))
        .or_else(|| pods::unschedulable(view, clock))
        .or_else(|| pods::unmounted(view, clock))
        .or_else(|| view.workloads.iter().find_map(blocked))
        .or_else(|| cannot_create_pods(view))
        .or_else(|| no_progress(view, clock))
}

/// Tells whether what fails does not mend itself, whichever of its reasons is the one that is told.
fn is_final(view: &InstanceView<'_>) -> bool {
    let mut wanted = view.workloads.iter().filter(|w| w.wanted > 0);
    // What the controllers and pods say of an earlier change says nothing of the last one.
    let is_current = |w: &Workload| w.observed_generation >= w.generation;
    let given_up =
        |w: &Workload| is_current(w) && w.blocked.as_ref().is_some_and(|b| b.has_given_up);
    wanted.clone().any(given_up)
        || wanted.all(|w| is_current(w) && w.updated > 0) && pods::are_hopeless(view.pods)
}

fn blocked(workload: &Workload) -> Option<String> {
    let blocked = workload.blocked.as_ref()?;
    let message = words::creation(&blocked.message);
    Some(match message.is_empty() {
        true => format!("{}: {}", label(workload), blocked.reason),
        false if blocked.reason == NO_PODS => {
            format!("{} cannot create pods: {message}", label(workload))
        }
        false => format!("{}: {}: {message}", label(workload), blocked.reason),
    })
}

/// The reason of events and conditions that say why pods cannot be created.
const NO_PODS: &str = "FailedCreate";

/// Tells whether a workload has fewer pods than it wants and would say only in events that it cannot create them; a Deployment
/// has a condition for it, and a Job that gave up makes none any more.
pub fn lacks_pods(workload: &Workload) -> bool {
    let has_condition = workload.kind == WorkloadKind::Deployment;
    let has_given_up = workload.blocked.as_ref().is_some_and(|it| it.has_given_up);
    let is_silent = !has_condition && !workload.is_suspended && !has_given_up;
    is_silent && workload.replicas < workload.wanted
}

fn cannot_create_pods(view: &InstanceView<'_>) -> Option<String> {
    let mut short = view.workloads.iter().filter(|it| lacks_pods(it));
    short.find_map(|workload| {
        // What was said before its last pod came is over.
        let newest = pods::newest(view.pods, workload);
        let explains = |event: &&Event| {
            event.reason == NO_PODS
                && newest.is_none_or(|newest| event.last_seen >= newest)
                && event.object_kind == workload.kind.as_str()
                && event.object_name == workload.name
                && (event.object_uid.is_empty() || event.object_uid == workload.uid)
        };
        let event = view
            .events
            .iter()
            .filter(explains)
            .max_by_key(|event| event.last_seen)?;
        Some(format!(
            "{} cannot create pods: {}",
            label(workload),
            words::creation(&event.message)
        ))
    })
}

/// Pods that have not been ready for longer than any deadline, where no controller judges by one of its own.
fn no_progress(view: &InstanceView<'_>, clock: &mut GraceClock) -> Option<String> {
    let short = view.workloads.iter().find(|workload| {
        let is_over = |since| clock.is_over(since, PROGRESS_DEADLINE);
        can_stall(workload) && pods::still_since(view, workload).is_some_and(is_over)
    })?;
    let (ready, wanted) = (short.ready, short.wanted);
    Some(format!(
        "{}: no progress for 10 minutes, {ready} of {wanted} pods ready",
        label(short)
    ))
}

/// Tells whether a workload has its pods, is short of ready ones, and has no controller that says when that takes too long.
fn can_stall(workload: &Workload) -> bool {
    workload.kind.is_lasting()
        && workload.ready < workload.wanted
        && workload.replicas >= workload.wanted
        && !workload.has_deadline
}

/// Tells whether the pods of a workload, by how old they are, may have got nowhere for too long: whether they have, only they
/// tell in full, or whoever looks on.
pub fn may_have_stalled(workload: &Workload, rows: &[PodRow], now: Timestamp) -> bool {
    let is_over = |since: Timestamp| now.duration_since(since).unsigned_abs() >= PROGRESS_DEADLINE;
    let newest = pods::newest(Pods::Rows(rows), workload);
    can_stall(workload) && newest.is_some_and(|newest| newest <= now && is_over(newest))
}

/// A CronJob runs nothing itself, and does its work unless it is suspended.
fn is_stopped(workload: &Workload) -> bool {
    workload.is_suspended || workload.wanted == 0 && workload.kind != WorkloadKind::CronJob
}

/// Tells whether a pod is a run of a Job: one that failed is counted, and another takes its place.
fn is_run(view: &InstanceView<'_>, pod: &str) -> bool {
    let mut workloads = view.workloads.iter();
    workloads.any(|it| pod_name::is_run_of(pod, it.kind, &it.name))
}

fn is_settled(workload: &Workload) -> bool {
    if workload.is_suspended {
        return true;
    }
    workload.observed_generation >= workload.generation
        && workload.updated >= workload.to_update()
        && workload.ready >= workload.wanted
        && workload.available >= workload.wanted
        && workload.replicas <= workload.wanted
}

/// Returns what a workload is still on the way to.
fn rolling(workload: &Workload) -> Option<String> {
    if is_settled(workload) {
        return None;
    }
    let (label, wanted) = (label(workload), workload.wanted);
    Some(if workload.observed_generation < workload.generation {
        format!("{label} has a change that its controller has not seen yet")
    } else if workload.kind == WorkloadKind::Job {
        format!("{label}: {} of {wanted} runs completed", workload.ready)
    } else if workload.updated < workload.to_update() {
        let to_update = workload.to_update();
        format!("{label}: {} of {to_update} pods updated", workload.updated)
    } else if workload.replicas > wanted {
        let leaving = workload.replicas - wanted;
        format!("{label}: {leaving} {} to go", plural(leaving, "pod"))
    } else {
        let ready = workload.ready.min(workload.available);
        format!("{label}: {ready} of {wanted} pods ready")
    })
}

fn plural(n: u32, word: &str) -> String {
    if n == 1 {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}

fn label(workload: &Workload) -> String {
    format!("{}/{}", workload.kind, workload.name)
}

fn claim_label(claim: &Claim) -> String {
    format!("claim {}", claim.name)
}

/// Returns a server's message as the tail of a sentence of ours.
fn sentence(message: &str) -> &str {
    message.trim().trim_end_matches('.')
}

#[cfg(test)]
mod tests;
