//! What watches report: batches of changes to small summaries, and how the link that brings them is doing.
//!
//! Plain data, made by `cluster` and applied by [`Fleet`](super::fleet::Fleet) and [`Detail`](super::detail::Detail).

use std::fmt;
use std::time::Duration;

use super::address::Route;
use super::retained::RetainedVolume;
use super::summary::{Claim, Event, ObjectRow, Pod, PodRow, Record, Workload, WorkloadKind};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::Failure;

/// What an overview covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One namespace.
    Namespace(Namespace),
    /// All namespaces.
    All,
}

impl Scope {
    /// Returns the namespace, if it is one.
    pub fn namespace(&self) -> Option<&Namespace> {
        match self {
            Self::Namespace(namespace) => Some(namespace),
            Self::All => None,
        }
    }
}

/// What identifies an object among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
}

/// A change of what a watch covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta<T> {
    /// Everything there is, in place of everything that was.
    Reset(Vec<T>),
    /// Created or changed.
    Applied(T),
    /// Gone.
    Removed(ItemKey),
}

/// What a watch reports. Batches are in the order in which the server sent them.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchEvent {
    /// Workloads of one of the kinds; a `Reset` covers that kind only.
    Workloads(WorkloadKind, Vec<Delta<Workload>>),
    /// Pods of a namespace as the server prints them, all instances together.
    PodRows(Namespace, Vec<Delta<PodRow>>),
    /// Claims.
    Claims(Vec<Delta<Claim>>),
    /// Volumes that teardowns retained; they are of a view of their own.
    Retained(Vec<Delta<RetainedVolume>>),
    /// Records.
    Records(Vec<Delta<Record>>),
    /// Pods of the watched instance, in full.
    Pods(Vec<Delta<Pod>>),
    /// Events that concern objects of the watched instance, or explain why an instance of the overview is unwell.
    Events(Vec<Delta<Event>>),
    /// Objects of a kind that bear the watched instance's labels; a `Reset` covers that kind only.
    Objects(GroupKind, Vec<Delta<ObjectRow>>),
    /// Where the watched instance is reached, by its Services or by its Ingresses; a `Reset` covers that kind only.
    Routes(RouteKind, Vec<Delta<Route>>),
    /// What is reported of the watched instance in one of the namespaces beside its own in which it has objects; a `Reset`
    /// covers that namespace only.
    Elsewhere(Namespace, Box<WatchEvent>),
    /// How one of the watches is doing; sent when it changes.
    Link {
        /// Which watch.
        topic: Topic,
        /// How it is doing.
        state: LinkState,
    },
}

/// A kind of object that leads to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    /// Services.
    Service,
    /// Ingresses.
    Ingress,
}

/// What one watch is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Namespaces beside those that are watched because not all may be; only told where that is so.
    Elsewhere,
    /// The records.
    Records,
    /// The workloads of a kind.
    Workloads(WorkloadKind),
    /// The claims.
    Claims,
    /// The volumes that teardowns retained.
    Retained,
    /// The printed pods of a namespace.
    PodRows(Namespace),
    /// The full pods of an instance.
    Pods,
    /// The events of an instance.
    Events,
    /// Other objects of an instance, of a kind.
    Objects(GroupKind),
    /// One of these in a namespace beside the instance's own.
    In(Namespace, Box<Topic>),
}

impl Topic {
    /// Tells whether the health is computed from what a watch brings; events and other objects explain it at most.
    pub fn tells_health(&self) -> bool {
        match self {
            Self::Records | Self::Workloads(_) | Self::Claims | Self::Pods => true,
            Self::Objects(kind) => WorkloadKind::of(kind).is_some(),
            Self::PodRows(_) | Self::Events | Self::Retained | Self::Elsewhere => false,
            Self::In(_, topic) => topic.tells_health(),
        }
    }

    /// Tells whether it is about workloads, wherever they are.
    pub fn is_of_workloads(&self) -> bool {
        match self {
            Self::Workloads(_) => true,
            Self::Objects(kind) => WorkloadKind::of(kind).is_some(),
            Self::In(_, topic) => topic.is_of_workloads(),
            _ => false,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere => f.write_str("other namespaces"),
            Self::Records => f.write_str("records"),
            Self::Workloads(WorkloadKind::Deployment) => f.write_str("deployments"),
            Self::Workloads(WorkloadKind::StatefulSet) => f.write_str("statefulsets"),
            Self::Workloads(WorkloadKind::DaemonSet) => f.write_str("daemonsets"),
            Self::Workloads(WorkloadKind::Job) => f.write_str("jobs"),
            Self::Workloads(WorkloadKind::CronJob) => f.write_str("cronjobs"),
            Self::Claims => f.write_str("claims"),
            Self::Retained => f.write_str("retained volumes"),
            Self::PodRows(namespace) => write!(f, "pods of {namespace}"),
            Self::Pods => f.write_str("pods"),
            Self::Events => f.write_str("events"),
            Self::Objects(kind) => write!(f, "{} objects", kind.kind),
            Self::In(namespace, topic) => write!(f, "{topic} in {namespace}"),
        }
    }
}

/// How a watch is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// The first answer is awaited.
    Connecting,
    /// Everything there is was reported, and changes come as they happen.
    Live,
    /// The connection was lost, or the server answers with errors; what was reported is kept and grows old.
    Retrying {
        /// What went wrong last.
        failure: Failure,
        /// When it is tried again, counted from this event.
        next_attempt_in: Duration,
        /// How old what was reported is, counted back from this event; none before the first report.
        data_age: Option<Duration>,
    },
    /// This user may not watch it; asked again once a minute.
    Forbidden(Failure),
}

/// Something that has a key among its kind.
pub trait Keyed {
    /// Tells whether `key` is its key.
    fn has_key(&self, key: &ItemKey) -> bool;
    /// Tells whether both are the same object by namespace and name.
    fn is_same(&self, other: &Self) -> bool;
    /// Returns the namespace that it was found in.
    fn namespace(&self) -> &Namespace;
}

macro_rules! keyed {
    ($type:ty, |$item:ident| $namespace:expr, $name:expr) => {
        impl Keyed for $type {
            fn has_key(&self, key: &ItemKey) -> bool {
                let $item = self;
                $name == &key.name && $namespace == &key.namespace
            }

            fn is_same(&self, other: &Self) -> bool {
                let $item = self;
                let mine = (&$name, $namespace);
                let $item = other;
                mine == (&$name, $namespace)
            }

            fn namespace(&self) -> &Namespace {
                let $item = self;
                $namespace
            }
        }
    };
}

keyed!(Workload, |item| &item.instance.namespace, &item.name);
keyed!(Claim, |item| &item.instance.namespace, &item.name);
keyed!(
    RetainedVolume,
    |item| &item.instance.namespace,
    &item.volume
);
keyed!(Record, |item| &item.instance.namespace, &item.name);
keyed!(Pod, |item| &item.instance.namespace, &item.name);
keyed!(Event, |item| &item.namespace, &item.name);
keyed!(Route, |item| &item.instance.namespace, &item.name);
keyed!(ObjectRow, |item| &item.instance.namespace, &item.key.name);

/// Applies a change to a list that holds the items of one instance or one small topic.
pub fn apply_delta<T: Keyed>(items: &mut Vec<T>, delta: Delta<T>) {
    match delta {
        Delta::Reset(all) => {
            items.clear();
            // A list that was streamed may tell of an object twice.
            for item in all {
                apply_delta(items, Delta::Applied(item));
            }
        }
        Delta::Applied(item) => match items.iter_mut().find(|known| known.is_same(&item)) {
            Some(known) => *known = item,
            None => items.push(item),
        },
        Delta::Removed(key) => items.retain(|item| !item.has_key(&key)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    /// An item by its name, in a state.
    #[derive(Debug, PartialEq)]
    struct Item(&'static str, u32);

    impl Keyed for Item {
        fn has_key(&self, key: &ItemKey) -> bool {
            self.0 == key.name
        }

        fn is_same(&self, other: &Self) -> bool {
            self.0 == other.0
        }

        fn namespace(&self) -> &Namespace {
            static ONE: LazyLock<Namespace> = LazyLock::new(Namespace::default);
            &ONE
        }
    }

    #[test]
    fn what_comes_twice_is_there_once_and_what_is_not_there_goes_quietly() {
        let key = |name: &str| ItemKey {
            namespace: "team-a".parse().unwrap(),
            name: name.to_owned(),
        };
        let mut items = Vec::new();
        let mut check = |delta: Delta<Item>, expected: &[Item]| {
            apply_delta(&mut items, delta);
            assert_eq!(items, expected);
        };
        check(Delta::Removed(key("ghost")), &[]);
        check(Delta::Applied(Item("a", 1)), &[Item("a", 1)]);
        check(Delta::Applied(Item("a", 2)), &[Item("a", 2)]);
        let listed = vec![Item("b", 1), Item("c", 1), Item("b", 2)];
        check(Delta::Reset(listed), &[Item("b", 2), Item("c", 1)]);
        check(Delta::Removed(key("b")), &[Item("c", 1)]);
    }
}
