//! Why something is not as it should be, where only events say so: claims that stay unbound, pods that no node takes or whose
//! volumes cannot be mounted, and workloads that cannot create pods.
//!
//! Events bear no labels, so they are not watched for the overview. They are asked for by object, or by kind where several
//! objects of one are in trouble, only as long as they are, and ever more seldom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::machine::Sink;
use crate::cluster::Cluster;
use crate::definition::id::Namespace;
use crate::definition::object::CLAIM;
use crate::service::fleet::Fleet;
use crate::service::health::{lacks_pods, waits_for_node, waits_for_volumes};
use crate::service::pod_name;
use crate::service::summary::{Claim, Event, WorkloadKind};
use crate::service::watch::{Delta, WatchEvent};

/// How long a trouble must last before it is looked into: most pass.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest time until a trouble is looked into again.
const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// Most objects that are looked into at a time; the others have their turn later.
const MAX_TROUBLES: usize = 20;

const POD: &str = "Pod";

/// An object in trouble: namespace, kind, name.
pub(in crate::cluster) type Object = (Namespace, &'static str, String);

/// The objects in trouble, each with when it is looked into next and how long to wait after that.
#[derive(Default)]
pub(super) struct Troubles {
    objects: Mutex<BTreeMap<Object, (Instant, Duration)>>,
    news: Notify,
}

impl Troubles {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Object, (Instant, Duration)>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, object: Object, is_in_trouble: bool) {
        let mut objects = self.lock();
        let is_news = match is_in_trouble {
            // Another one may tell now for all pods of its workload.
            false => objects.remove(&object).is_some(),
            true if objects.contains_key(&object) => false,
            true => {
                objects.insert(object, (Instant::now() + PATIENCE, PATIENCE));
                true
            }
        };
        if is_news {
            self.news.notify_one();
        }
    }

    fn forget(&self, is_meant: impl Fn(&Object) -> bool) {
        self.lock().retain(|object, _| !is_meant(object));
    }

    fn note_event(&self, event: &WatchEvent) {
        match event {
            WatchEvent::Claims(deltas) => self.note_deltas(deltas, None, CLAIM, |claim| {
                let namespace = claim.instance.namespace.clone();
                ((namespace, CLAIM, claim.name.clone()), is_unbound(claim))
            }),
            WatchEvent::Workloads(kind, deltas) if *kind != WorkloadKind::Deployment => {
                self.note_deltas(deltas, None, kind.as_str(), |workload| {
                    let namespace = workload.instance.namespace.clone();
                    let object = (namespace, kind.as_str(), workload.name.clone());
                    (object, lacks_pods(workload))
                });
            }
            WatchEvent::PodRows(namespace, deltas) => {
                self.note_deltas(deltas, Some(namespace), POD, |row| {
                    let object = (namespace.clone(), POD, row.name.clone());
                    (object, waits_for_node(row) || waits_for_volumes(row))
                });
            }
            _ => {}
        }
    }

    fn note_deltas<T>(
        &self,
        deltas: &[Delta<T>],
        namespace: Option<&Namespace>,
        kind: &'static str,
        look: impl Fn(&T) -> (Object, bool),
    ) {
        let note = |item: &T| {
            let (object, is_in_trouble) = look(item);
            self.note(object, is_in_trouble);
        };
        for delta in deltas {
            match delta {
                Delta::Reset(all) => {
                    self.forget(|(of, known, _)| {
                        *known == kind && namespace.is_none_or(|namespace| namespace == of)
                    });
                    all.iter().for_each(note);
                }
                Delta::Applied(item) => note(item),
                Delta::Removed(key) => {
                    self.note((key.namespace.clone(), kind, key.name.clone()), false);
                }
            }
        }
    }

    /// Returns the objects that are due, those first that have been so for longest, and when to look again.
    fn due(&self) -> (Vec<Object>, Option<Instant>) {
        let now = Instant::now();
        let mut objects = self.lock();
        let mut told = Told::default();
        let telling = objects
            .iter_mut()
            .filter(|(object, _)| told.is_first(object));
        let mut telling: Vec<_> = telling.collect();
        telling.sort_by_key(|(_, (next, _))| *next);
        let mut due = Vec::new();
        let is_due = |(_, (next, _)): &&mut (&Object, &mut (Instant, Duration))| *next <= now;
        for (object, (next, interval)) in telling.iter_mut().take_while(is_due).take(MAX_TROUBLES) {
            due.push(object.clone());
            *interval = (*interval * 2).min(MAX_INTERVAL);
            *next = now + *interval;
        }
        let next = telling.iter().map(|(_, (next, _))| *next).min();
        // Those that found no place at this turn do not come at once.
        let earliest = match due.len() {
            MAX_TROUBLES => now + PATIENCE,
            _ => now,
        };
        (due, next.map(|next| next.max(earliest)))
    }
}

/// Which objects were told of already: one pod tells for all that its workload makes.
#[derive(Default)]
struct Told(BTreeSet<(Namespace, String)>);

impl Told {
    fn is_first(&mut self, (namespace, kind, name): &Object) -> bool {
        let workload = || {
            let of_replica = pod_name::owner(name).map(|(_, workload)| workload);
            of_replica.or_else(|| pod_name::of_generated(name))
        };
        match workload().filter(|_| *kind == POD) {
            Some(workload) => self.0.insert((namespace.clone(), workload.to_owned())),
            None => true,
        }
    }
}

fn is_unbound(claim: &Claim) -> bool {
    claim.phase != "Bound" && claim.deletion.is_none()
}

/// Returns a sink that takes note of troubles before it passes events on.
pub(super) fn tap(sink: Sink) -> (Sink, Arc<Troubles>) {
    let troubles = Arc::new(Troubles::default());
    let noted = troubles.clone();
    let tapped: Sink = Arc::new(move |event| {
        noted.note_event(&event);
        sink(event);
    });
    (tapped, troubles)
}

/// Returns the objects of a fleet that are in trouble.
pub(in crate::cluster) fn troubles_of(fleet: &Fleet) -> Vec<Object> {
    let mut objects = Vec::new();
    for instance in fleet.instances() {
        let namespace = || instance.key().namespace.clone();
        let claims = instance.claims().iter().filter(|claim| is_unbound(claim));
        objects.extend(claims.map(|claim| (namespace(), CLAIM, claim.name.clone())));
        let lacking = instance.workloads().iter().filter(|it| lacks_pods(it));
        objects.extend(lacking.map(|it| (namespace(), it.kind.as_str(), it.name.clone())));
        let rows = instance.pod_rows().iter();
        let waiting = rows.filter(|row| waits_for_node(row) || waits_for_volumes(row));
        objects.extend(waiting.map(|row| (namespace(), POD, row.name.clone())));
    }
    let mut told = Told::default();
    objects.retain(|object| told.is_first(object));
    objects.truncate(MAX_TROUBLES);
    objects
}

/// Looks into troubles for as long as there are any.
pub(super) async fn run(cluster: Cluster, troubles: Arc<Troubles>, sink: Sink) {
    loop {
        let (due, next) = troubles.due();
        for question in questions_about(due) {
            let events = question.ask(&cluster).await;
            if !events.is_empty() {
                sink(told(events));
            }
        }
        match next {
            Some(next) => tokio::select! {
                () = sleep_until(next) => {}
                () = troubles.news.notified() => {}
            },
            None => troubles.news.notified().await,
        }
    }
}

/// Returns events as a watch would tell them.
pub(in crate::cluster) fn told(events: Vec<Event>) -> WatchEvent {
    WatchEvent::Events(events.into_iter().map(Delta::Applied).collect())
}

/// What is asked for at once: the events of one object by its name, or those of a kind where several are in trouble.
pub(in crate::cluster) struct Question {
    namespace: Namespace,
    kind: &'static str,
    names: BTreeSet<String>,
}

/// Returns as many questions as there are kinds in trouble in each namespace.
pub(in crate::cluster) fn questions_about(objects: Vec<Object>) -> Vec<Question> {
    let mut names: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (namespace, kind, name) in objects {
        names.entry((namespace, kind)).or_default().insert(name);
    }
    let question = |((namespace, kind), names)| Question {
        namespace,
        kind,
        names,
    };
    names.into_iter().map(question).collect()
}

impl Question {
    /// Asks for the events. Without an answer the trouble stays unexplained; the watches say what is wrong with the connection.
    pub(in crate::cluster) async fn ask(&self, cluster: &Cluster) -> Vec<Event> {
        let fields = self.fields();
        let asked = cluster.events_where(Some(&self.namespace), &fields).await;
        let mut events = asked.unwrap_or_default();
        events.retain(|event| self.names.contains(&event.object_name));
        events
    }

    fn fields(&self) -> String {
        let of_kind = format!("involvedObject.kind={}", self.kind);
        match self.names.first() {
            Some(name) if self.names.len() == 1 => {
                format!("{of_kind},involvedObject.name={name}")
            }
            // Of pods most events are of no trouble. Why a claim waits for its consumer is told as something normal.
            _ if self.kind == POD => format!("{of_kind},type=Warning"),
            _ => of_kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everything_in_trouble_has_its_turn_and_one_pod_tells_for_all_of_its_workload() {
        let troubles = Troubles::default();
        let namespace: Namespace = "team-a".parse().unwrap();
        let note = |kind, name: &str, is_in_trouble| {
            troubles.note((namespace.clone(), kind, name.to_owned()), is_in_trouble);
        };
        let due = || {
            let (due, next) = troubles.due();
            let names: Vec<_> = due.into_iter().map(|(_, _, name)| name).collect();
            (names, next.map(|next| next - Instant::now()))
        };
        for n in 0..25 {
            note(POD, &format!("web-{n}"), true);
            note(CLAIM, &format!("data-{n:02}"), true);
        }
        assert_eq!(due(), (vec![], Some(PATIENCE)));
        tokio::time::advance(PATIENCE).await;
        let (first, next) = due();
        assert_eq!((first.len(), next), (MAX_TROUBLES, Some(PATIENCE)));
        tokio::time::advance(PATIENCE).await;
        let (rest, _) = due();
        assert_eq!(rest.len(), 26 - MAX_TROUBLES);
        let asked = [first, rest].concat();
        let pods: Vec<_> = asked.iter().filter(|it| it.starts_with("web")).collect();
        assert_eq!(pods, ["web-0"]);
        note(POD, "web-0", false);
        assert_eq!(due().0, ["web-1"]);
    }

    #[test]
    fn one_in_trouble_is_asked_about_by_name_and_several_by_their_kind() {
        let object = |namespace: &str, kind, name: &str| {
            let namespace: Namespace = namespace.parse().unwrap();
            (namespace, kind, name.to_owned())
        };
        let objects = vec![
            object("team-a", CLAIM, "data-db-1"),
            object("team-a", POD, "web-0"),
            object("team-a", CLAIM, "data-db-0"),
            object("team-b", "StatefulSet", "db"),
            object("team-a", POD, "web-1"),
        ];
        let questions = questions_about(objects);
        let asked: Vec<_> = questions.iter().map(Question::fields).collect();
        let expected = [
            "involvedObject.kind=PersistentVolumeClaim",
            "involvedObject.kind=Pod,type=Warning",
            "involvedObject.kind=StatefulSet,involvedObject.name=db",
        ];
        assert_eq!(asked, expected);
    }
}
