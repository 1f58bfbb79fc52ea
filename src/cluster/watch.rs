//! Watches: which ones an overview and an open instance need, and the handle that ends them.

pub(super) mod backoff;
pub(super) mod concern;
pub(super) mod decode;
pub(super) mod explain;
mod first;
mod lines;
mod machine;
mod named;
mod namespaces;
mod narrow;
mod noted;
pub(super) mod parts;
mod seen;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::{AbortHandle, JoinSet};

use super::kinds::{self, Resource};
use super::project::{
    AtHome, BatchObject, Both, ClaimObject, ConfigMapObject, EventObject, IngressObject,
    MetaObject, PodObject, Project, RecordObject, RetainedObject, ServiceObject, WithRow,
    WorkloadObject,
};
use super::request::form_urlencoded;
use super::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::service::summary::{Event, InstanceKey, ObjectRow, Record, Workload, WorkloadKind};
use crate::service::watch::{Delta, RouteKind, Scope, Topic, WatchEvent};

use concern::Concern;
use decode::{Decode, Metadata, Objects, PrintedPods};
pub(super) use machine::Subject;
use machine::{Emit, Sink, Watch};
pub(super) use named::kinds_of;
pub(super) use narrow::{elsewhere, known_namespaces, merged};

/// Kinds of the Objects tab that are watched by their metadata, beside those that are watched for more.
pub(super) const OTHER_KINDS: [(&str, &str); 4] = [
    ("", "Secret"),
    ("apps", "ReplicaSet"),
    ("apps", "ControllerRevision"),
    ("discovery.k8s.io", "EndpointSlice"),
];

/// What must be known of an instance in each namespace beside its own.
const TOPICS_ELSEWHERE: [Topic; 4] = [
    Topic::Workloads(WorkloadKind::Deployment),
    Topic::Workloads(WorkloadKind::StatefulSet),
    Topic::Claims,
    Topic::Pods,
];

/// Tells whether objects of a kind are watched in every open instance.
pub(super) fn is_watched(kind: &GroupKind) -> bool {
    let kind = (kind.group.as_str(), kind.kind.as_str());
    let known = [
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("", "Pod"),
        ("", "Service"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("networking.k8s.io", "Ingress"),
    ];
    known.contains(&kind) || OTHER_KINDS.contains(&kind)
}

/// A set of watches; dropping it ends them.
#[derive(Debug)]
#[must_use = "dropping the handle ends the watches"]
pub struct WatchHandle {
    task: AbortHandle,
}

impl Drop for WatchHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A watch that runs until it is dropped.
type Running = BoxFuture<'static, ()>;

/// Watches that begin and end together. None begins before all have said that they are about to.
type Watches = Vec<Running>;

/// Lets watches run; they end when the handle is dropped.
fn keep(watches: Watches) -> WatchHandle {
    let mut running: JoinSet<()> = watches.into_iter().collect();
    let task = tokio::spawn(async move { while running.join_next().await.is_some() {} });
    WatchHandle {
        task: task.abort_handle(),
    }
}

/// Where to look for what.
pub(super) struct Place<'a> {
    namespace: Option<&'a Namespace>,
    /// `labelSelector=…`, encoded.
    selector: String,
}

impl<'a> Place<'a> {
    pub fn new(namespace: Option<&'a Namespace>, selector: &Selector) -> Self {
        Self {
            namespace,
            selector: form_urlencoded(&[("labelSelector", selector.as_str())]),
        }
    }

    /// Returns what a watch of a kind there is about.
    fn subject<D: Decode>(
        &self,
        topic: Topic,
        resource: &Resource,
        decode: D,
        emit: Emit<D::Item>,
    ) -> Subject<D> {
        Subject {
            topic,
            path: resource.path(self.namespace.map(Namespace::as_str)),
            selector: self.selector.clone(),
            decode,
            emit,
        }
    }
}

impl Cluster {
    /// Watches what the services list needs: records, workloads, claims, printed pods, and events that explain troubles.
    /// Must be called within a runtime.
    pub fn watch_overview(
        &self,
        scope: Scope,
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> WatchHandle {
        let mut watches = Watches::new();
        let (sink, troubles) = explain::tap(Arc::new(sink));
        watches.push(Box::pin(explain::run(self.clone(), troubles, sink.clone())));
        let (sink, workloads_answered) = first::tap(sink);
        let (sink, named) = named::tap(sink);
        let (sink, pods): (Sink, Running) = match &scope {
            Scope::Namespace(namespace) => {
                let pods = self.printed_pods(namespace, &sink);
                (sink, Box::pin(pods.run()))
            }
            Scope::All => {
                let (sink, seen) = namespaces::tap(sink);
                let pods = namespaces::run(self.clone(), seen, sink.clone());
                let (everywhere, refused) = narrow::tap(sink.clone());
                watches.push(Box::pin(narrow::run(self.clone(), refused, sink)));
                (everywhere, Box::pin(pods))
            }
        };
        watches.push(Box::pin(async {
            workloads_answered.await;
            pods.await;
        }));
        let place = Place::new(scope.namespace(), &Selector::managed());
        let records = Place::new(scope.namespace(), &Selector::records());
        watches.push(Box::pin(named::run(
            self.clone(),
            scope.clone(),
            named,
            sink.clone(),
        )));
        watches.push(self.follow(records_of(&records), &sink));
        for kind in WorkloadKind::RENDERED {
            watches.push(self.follow(workloads_of(&place, kind), &sink));
        }
        watches.push(self.follow(claims_of(&place), &sink));
        keep(watches)
    }

    /// Watches everything about one instance: full pods, workloads, claims, its record, events of its objects, and the
    /// metadata of every object that bears its labels. Must be called within a runtime.
    ///
    /// Events bear no labels: a server reads all those of a namespace from its store to tell of some. Who may be about to
    /// look at another instance has them asked for after a while.
    pub fn watch_instance(
        &self,
        instance: &InstanceKey,
        events_after: Duration,
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> WatchHandle {
        let (sink, named) = parts::tap(Arc::new(sink));
        let (sink, events) = concern::watched(self, instance, events_after, sink);
        let place = Place::new(Some(&instance.namespace), &Selector::instance(&instance.id));
        let mut watches: Watches = vec![
            self.follow(open_pods(&place), &sink),
            self.follow(open_workloads(&place, WorkloadKind::Deployment), &sink),
            self.follow(open_workloads(&place, WorkloadKind::StatefulSet), &sink),
            self.follow(open_claims(&place), &sink),
            self.follow(open_config_maps(&place), &sink),
            self.follow(open_services(&place), &sink),
            self.follow(open_ingresses(&place), &sink),
        ];
        for (group, kind) in OTHER_KINDS {
            watches.push(self.follow(open_objects(&place, group, kind), &sink));
        }
        watches.push(events);
        let others = parts::run(self.clone(), instance.clone(), named, events_after, sink);
        watches.push(Box::pin(others));
        keep(watches)
    }

    /// Returns the watches of what one instance has in a namespace beside its own.
    fn watches_elsewhere(
        &self,
        instance: &InstanceKey,
        namespace: &Namespace,
        events_after: Duration,
        sink: &Sink,
    ) -> Watches {
        let Elsewhere { place, there } = Elsewhere::of(instance, namespace);
        let (sink, events) = concern::watched(self, &there, events_after, sink.clone());
        let sink = &sink;
        let mut watches: Watches = vec![
            self.follow(open_pods(&place), sink),
            self.follow(open_workloads(&place, WorkloadKind::Deployment), sink),
            self.follow(open_workloads(&place, WorkloadKind::StatefulSet), sink),
            self.follow(open_claims(&place), sink),
            self.follow(open_objects(&place, "", "ConfigMap"), sink),
            self.follow(open_services(&place), sink),
            self.follow(open_ingresses(&place), sink),
            events,
        ];
        for (group, kind) in OTHER_KINDS {
            watches.push(self.follow(open_objects(&place, group, kind), sink));
        }
        watches
    }

    /// Watches the full pods of one instance and nothing else of it. Must be called within a runtime.
    pub fn watch_pods(
        &self,
        instance: &InstanceKey,
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> WatchHandle {
        let place = Place::new(Some(&instance.namespace), &Selector::instance(&instance.id));
        keep(vec![
            self.follow(open_pods(&place), &(Arc::new(sink) as Sink)),
        ])
    }

    /// Watches the record of one instance and nothing else of it. Must be called within a runtime.
    pub fn watch_record(
        &self,
        instance: &InstanceKey,
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> WatchHandle {
        let place = Place::new(Some(&instance.namespace), &Selector::record(&instance.id));
        keep(vec![
            self.follow(records_of(&place), &(Arc::new(sink) as Sink)),
        ])
    }

    /// Watches the events of one instance's objects and nothing else of it: of those that are named, and of what bears a name
    /// that is derived from its ID. Must be called within a runtime.
    pub fn watch_events(
        &self,
        instance: &InstanceKey,
        objects: &[ObjectRow],
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> WatchHandle {
        let concern = Concern::with(&instance.id, objects);
        let events = open_events(instance, move |event| concern.covers(event));
        keep(vec![self.follow(events, &(Arc::new(sink) as Sink))])
    }

    /// Watches the volumes that teardowns retained, of the instances of a scope. Must be called within a runtime.
    pub fn watch_retained(
        &self,
        scope: &Scope,
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> WatchHandle {
        let resource = kinds::known("", "PersistentVolume");
        let place = Place::new(None, &Selector::retained_of(scope.namespace()));
        let emit = Box::new(|deltas| vec![WatchEvent::Retained(deltas)]);
        let decode = Objects::<RetainedObject>::of(resource);
        let subject = place.subject(Topic::Retained, resource, decode, emit);
        keep(vec![self.follow(subject, &(Arc::new(sink) as Sink))])
    }

    fn printed_pods(&self, namespace: &Namespace, sink: &Sink) -> Watch<PrintedPods> {
        Watch::new(self.clone(), pod_rows_of(self, namespace), sink.clone())
    }

    fn follow<D: Decode>(&self, subject: Subject<D>, sink: &Sink) -> Running {
        Box::pin(Watch::new(self.clone(), subject, sink.clone()).run())
    }
}

/// What is looked at of an instance in a namespace beside its own.
pub(super) struct Elsewhere<'a> {
    /// Everything with its labels, which another instance of the same ID there bears, too: what controllers make has no
    /// other, so that only all together tells whose it is.
    pub place: Place<'a>,
    /// What the instance would be there.
    pub there: InstanceKey,
}

impl<'a> Elsewhere<'a> {
    pub fn of(instance: &InstanceKey, namespace: &'a Namespace) -> Self {
        Self {
            place: Place::new(Some(namespace), &Selector::instance(&instance.id)),
            there: InstanceKey {
                namespace: namespace.clone(),
                id: instance.id.clone(),
            },
        }
    }
}

pub(super) fn pod_rows_of(cluster: &Cluster, namespace: &Namespace) -> Subject<PrintedPods> {
    let place = Place::new(Some(namespace), &Selector::managed());
    let of = namespace.clone();
    let emit = Box::new(move |deltas| vec![WatchEvent::PodRows(of.clone(), deltas)]);
    let topic = Topic::PodRows(namespace.clone());
    let decode = PrintedPods::new(namespace.clone(), cluster.clock.clone());
    place.subject(topic, kinds::known("", "Pod"), decode, emit)
}

pub(super) fn records_of(place: &Place<'_>) -> Subject<Metadata<RecordObject>> {
    let resource = kinds::known("", "ConfigMap");
    let emit = Box::new(|deltas| vec![WatchEvent::Records(deltas)]);
    place.subject(Topic::Records, resource, Metadata::of(resource), emit)
}

fn at_home<P: Project<Item = Workload>>(
    place: &Place<'_>,
    kind: WorkloadKind,
) -> Subject<Objects<AtHome<P>>> {
    let resource = kinds::known(kind.group(), kind.as_str());
    let emit = Box::new(move |deltas| vec![WatchEvent::Workloads(kind, deltas)]);
    place.subject(
        Topic::Workloads(kind),
        resource,
        Objects::of(resource),
        emit,
    )
}

pub(super) fn workloads_of(
    place: &Place<'_>,
    kind: WorkloadKind,
) -> Subject<Objects<AtHome<WorkloadObject>>> {
    at_home(place, kind)
}

/// Workloads of a kind that only manifests make.
pub(super) fn batch_of(
    place: &Place<'_>,
    kind: WorkloadKind,
) -> Subject<Objects<AtHome<BatchObject>>> {
    at_home(place, kind)
}

/// The same of an open instance, beside their rows.
pub(super) fn open_batch(
    place: &Place<'_>,
    kind: WorkloadKind,
) -> Subject<Objects<WithRow<BatchObject>>> {
    let resource = kinds::known(kind.group(), kind.as_str());
    let emit = both(resource, move |deltas: Vec<Delta<Option<Workload>>>| {
        WatchEvent::Workloads(kind, deltas.into_iter().filter_map(only_some).collect())
    });
    place.subject(of_objects(resource), resource, Objects::of(resource), emit)
}

pub(super) fn claims_of(place: &Place<'_>) -> Subject<Objects<AtHome<ClaimObject>>> {
    let resource = kinds::known("", "PersistentVolumeClaim");
    let emit = Box::new(|deltas| vec![WatchEvent::Claims(deltas)]);
    place.subject(Topic::Claims, resource, Objects::of(resource), emit)
}

pub(super) fn open_pods(place: &Place<'_>) -> Subject<Objects<Both<PodObject>>> {
    let resource = kinds::known("", "Pod");
    let emit = both(resource, WatchEvent::Pods);
    place.subject(Topic::Pods, resource, Objects::of(resource), emit)
}

pub(super) fn open_workloads(
    place: &Place<'_>,
    kind: WorkloadKind,
) -> Subject<Objects<Both<WorkloadObject>>> {
    let resource = kinds::known("apps", kind.as_str());
    let emit = both(resource, move |deltas| WatchEvent::Workloads(kind, deltas));
    place.subject(
        Topic::Workloads(kind),
        resource,
        Objects::of(resource),
        emit,
    )
}

pub(super) fn open_claims(place: &Place<'_>) -> Subject<Objects<Both<ClaimObject>>> {
    let resource = kinds::known("", "PersistentVolumeClaim");
    let emit = both(resource, WatchEvent::Claims);
    place.subject(Topic::Claims, resource, Objects::of(resource), emit)
}

/// Services are rows of the Objects tab, and tell where the instance is reached.
pub(super) fn open_services(place: &Place<'_>) -> Subject<Objects<Both<ServiceObject>>> {
    let resource = kinds::known("", "Service");
    let emit = both(resource, |deltas| {
        WatchEvent::Routes(RouteKind::Service, deltas)
    });
    place.subject(of_objects(resource), resource, Objects::of(resource), emit)
}

/// Ingresses are, too.
pub(super) fn open_ingresses(place: &Place<'_>) -> Subject<Objects<Both<IngressObject>>> {
    let resource = kinds::known("networking.k8s.io", "Ingress");
    let emit = both(resource, |deltas| {
        WatchEvent::Routes(RouteKind::Ingress, deltas)
    });
    place.subject(of_objects(resource), resource, Objects::of(resource), emit)
}

fn of_objects(resource: &Resource) -> Topic {
    Topic::Objects(GroupKind::new(&resource.group, &resource.kind))
}

/// ConfigMaps are rows of the Objects tab, and one of them is the record.
pub(super) fn open_config_maps(place: &Place<'_>) -> Subject<Metadata<ConfigMapObject>> {
    let resource = kinds::known("", "ConfigMap");
    let split = both(resource, |deltas: Vec<Delta<Option<Record>>>| {
        WatchEvent::Records(deltas.into_iter().filter_map(only_some).collect())
    });
    place.subject(Topic::Records, resource, Metadata::of(resource), split)
}

pub(super) fn open_objects(
    place: &Place<'_>,
    group: &str,
    kind: &str,
) -> Subject<Metadata<MetaObject>> {
    let resource = kinds::known(group, kind);
    let of = GroupKind::new(group, kind);
    let topic = Topic::Objects(of.clone());
    let emit = Box::new(move |deltas| vec![WatchEvent::Objects(of.clone(), deltas)]);
    place.subject(topic, resource, Metadata::of(resource), emit)
}

/// Events bear no labels, so those of the namespace are read and those of the instance's objects kept.
pub(super) fn open_events(
    instance: &InstanceKey,
    is_concerned: impl Fn(&Event) -> bool + Send + 'static,
) -> Subject<Objects<EventObject>> {
    let resource = kinds::known("", "Event");
    let place = Place {
        namespace: Some(&instance.namespace),
        selector: String::new(),
    };
    let emit = Box::new(move |deltas: Vec<Delta<_>>| {
        let ours = deltas.into_iter().filter_map(|delta| match delta {
            Delta::Reset(mut all) => {
                all.retain(&is_concerned);
                Some(Delta::Reset(all))
            }
            Delta::Applied(event) => is_concerned(&event).then_some(Delta::Applied(event)),
            Delta::Removed(key) => Some(Delta::Removed(key)),
        });
        let ours: Vec<_> = ours.collect();
        if ours.is_empty() {
            return Vec::new();
        }
        vec![WatchEvent::Events(ours)]
    });
    place.subject(Topic::Events, resource, Objects::of(resource), emit)
}

/// Makes two events of changes that carry a summary and a row of the Objects tab each.
fn both<T: Send + 'static>(
    resource: &'static Resource,
    to_event: impl Fn(Vec<Delta<T>>) -> WatchEvent + Send + 'static,
) -> Emit<(T, ObjectRow)> {
    let kind = GroupKind::new(&resource.group, &resource.kind);
    Box::new(move |deltas| {
        let (items, rows) = deltas.into_iter().map(split).unzip();
        vec![to_event(items), WatchEvent::Objects(kind.clone(), rows)]
    })
}

fn split<T>(delta: Delta<(T, ObjectRow)>) -> (Delta<T>, Delta<ObjectRow>) {
    match delta {
        Delta::Reset(all) => {
            let (items, rows) = all.into_iter().unzip();
            (Delta::Reset(items), Delta::Reset(rows))
        }
        Delta::Applied((item, row)) => (Delta::Applied(item), Delta::Applied(row)),
        Delta::Removed(key) => (Delta::Removed(key.clone()), Delta::Removed(key)),
    }
}

fn only_some<T>(delta: Delta<Option<T>>) -> Option<Delta<T>> {
    match delta {
        Delta::Reset(all) => Some(Delta::Reset(all.into_iter().flatten().collect())),
        Delta::Applied(item) => item.map(Delta::Applied),
        Delta::Removed(key) => Some(Delta::Removed(key)),
    }
}
