//! Kinds of workloads that no service definition makes: an overview watches them only where a record names them, so that a
//! cluster without any is asked for no more than before.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::machine::{Sink, Watch};
use super::noted::Noted;
use super::{Place, batch_of};
use crate::cluster::{Cluster, Selector};
use crate::service::summary::{Record, WorkloadKind};
use crate::service::watch::{Delta, LinkState, Scope, Topic, WatchEvent};

/// The kinds that records named.
pub(super) type Named = Noted<BTreeSet<WorkloadKind>>;

/// Returns the kinds that records name which tell of themselves only there.
pub(in crate::cluster) fn kinds_of(events: &[WatchEvent]) -> BTreeSet<WorkloadKind> {
    let records = events.iter().flat_map(|event| match event {
        WatchEvent::Records(deltas) => deltas.as_slice(),
        _ => &[],
    });
    let records = records.flat_map(|delta| match delta {
        Delta::Reset(all) => all.as_slice(),
        Delta::Applied(record) => std::slice::from_ref(record),
        Delta::Removed(_) => &[],
    });
    let named = |record: &Record| {
        let kinds = record.other_kinds.iter().filter_map(WorkloadKind::of);
        kinds.collect::<Vec<_>>()
    };
    records.flat_map(named).collect()
}

/// Returns a sink that takes note of kinds before it passes events on.
pub(super) fn tap(sink: Sink) -> (Sink, Arc<Named>) {
    let named = Arc::new(Named::default());
    let noted = Arc::clone(&named);
    let tapped: Sink = Arc::new(move |event| {
        if matches!(event, WatchEvent::Records(_)) {
            let kinds = kinds_of(std::slice::from_ref(&event));
            let grown = |known: &BTreeSet<_>| (!kinds.is_subset(known)).then(|| known | &kinds);
            // Told before the record, so that nothing looks complete without them.
            noted.note(grown, |before, after| {
                for kind in after.difference(before) {
                    sink(WatchEvent::Link {
                        topic: Topic::Workloads(*kind),
                        state: LinkState::Connecting,
                    });
                }
            });
        }
        sink(event);
    });
    (tapped, named)
}

/// Watches the workloads of every kind that is named.
pub(super) async fn run(cluster: Cluster, scope: Scope, named: Arc<Named>, sink: Sink) {
    let mut watched = BTreeSet::new();
    let mut watches = JoinSet::new();
    loop {
        for &kind in &*named.all() {
            if watched.insert(kind) {
                let place = Place::new(scope.namespace(), &Selector::managed());
                let watch = Watch::new(cluster.clone(), batch_of(&place, kind), sink.clone());
                watches.spawn(watch.run());
            }
        }
        named.news().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::definition::object::GroupKind;
    use crate::service::summary::InstanceKey;

    #[test]
    fn what_a_record_names_is_awaited_once_and_before_the_record() {
        let told: Arc<Mutex<Vec<WatchEvent>>> = Arc::default();
        let into = Arc::clone(&told);
        let (sink, named) = tap(Arc::new(move |event| into.lock().unwrap().push(event)));
        let record = |kinds: &[(&str, &str)]| {
            let instance = InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "web".parse().unwrap(),
            };
            let kinds = kinds
                .iter()
                .map(|(group, kind)| GroupKind::new(group, kind));
            let record = Record {
                other_kinds: kinds.collect(),
                ..Record::bare(instance)
            };
            WatchEvent::Records(vec![Delta::Applied(record)])
        };
        let plain = record(&[("", "ServiceAccount"), ("x.io", "Job")]);
        let load = record(&[("batch", "Job")]);
        for event in [&plain, &load, &load] {
            sink(event.clone());
        }
        let link = WatchEvent::Link {
            topic: Topic::Workloads(WorkloadKind::Job),
            state: LinkState::Connecting,
        };
        assert_eq!(*told.lock().unwrap(), [plain, link, load.clone(), load]);
        assert_eq!(*named.all(), BTreeSet::from([WorkloadKind::Job]));
    }
}
