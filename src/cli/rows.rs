//! Rows of instances: the status that JSON prints, as cells.

use jiff::Timestamp;

use super::args::Output;
use crate::app::CatalogueEntry;
use crate::definition::id::Namespace;
use crate::service::fleet::Fleet;
use crate::service::health::State;
use crate::service::status::{self, InstanceStatus};
use crate::service::{age, images, quantity};

/// Which columns are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    /// Whether instances of several namespaces are in one table.
    pub has_namespace: bool,
    /// Whether there is room for everything.
    pub is_wide: bool,
}

impl Columns {
    pub(super) fn of(output: Output, has_namespace: bool) -> Self {
        Self {
            has_namespace,
            is_wide: output == Output::Wide,
        }
    }

    pub(super) fn headings(self) -> Vec<&'static str> {
        let mut headings = Vec::new();
        if self.has_namespace {
            headings.push("NAMESPACE");
        }
        headings.extend([
            "ID", "STATE", "READY", "RESTARTS", "VOLUMES", "IMAGE", "REV", "DRIFT", "EXPIRES",
            "AGE",
        ]);
        if self.is_wide {
            headings.extend(["DEFINITION", "URL", "REASON"]);
        }
        headings
    }

    pub(super) fn cells(self, status: &InstanceStatus, now: Timestamp) -> Vec<String> {
        let some = |cell: Option<String>| cell.unwrap_or_default();
        let mut cells = Vec::new();
        if self.has_namespace {
            cells.push(status.namespace.clone());
        }
        let ready = format!("{}/{}", status.ready_replicas, status.replicas);
        // What is not there, or has no workload, has no pods to be ready, nor to be restarted.
        let has_workload = status.replicas > 0 || !status.images.is_empty();
        let has_pods = status.created.is_some() && has_workload;
        cells.extend([
            status.id.clone(),
            status.state.to_string(),
            some(has_pods.then_some(ready)),
            some(has_pods.then(|| status.restarts.to_string())),
            volumes(status),
            images(status, self.is_wide),
            some(status.revision.map(|revision| format!("r{revision}"))),
            some(status.drift.map(|drift| drift.to_string())),
            some(status.expires.map(|at| until(at, now))),
            some(status.created.map(|at| age::show(age::since(at, now)))),
        ]);
        if self.is_wide {
            cells.push(some(status.definition.clone()));
            cells.push(some(addresses(status)));
            cells.push(some(status.reason.clone()));
        }
        cells
    }
}

impl Columns {
    /// Returns the cells of an instance that is not there any more.
    pub(super) fn gone(self, status: &InstanceStatus) -> Vec<String> {
        let mut cells = vec![String::new(); self.headings().len()];
        let mut known = vec![status.id.clone(), "Gone".to_owned()];
        if self.has_namespace {
            known.insert(0, status.namespace.clone());
        }
        cells.splice(..known.len(), known);
        cells
    }
}

/// Tells whether anything but a heartbeat is new.
pub(super) fn is_news(old: &InstanceStatus, new: &InstanceStatus) -> bool {
    let still = |status: &InstanceStatus| {
        let mut status = status.clone();
        if let Some(operation) = &mut status.operation {
            operation.heartbeat = Timestamp::UNIX_EPOCH;
        }
        status
    };
    still(old) != still(new)
}

/// Returns the time that is left, or that it is over.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    if at <= now {
        return "expired".to_owned();
    }
    age::show(age::since(now, at))
}

/// Returns where it is reached; none where nothing is said of it.
pub(super) fn addresses(status: &InstanceStatus) -> Option<String> {
    let known: Vec<&str> = status
        .addresses
        .iter()
        .flatten()
        .map(|it| it.address.as_str())
        .collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn volumes(status: &InstanceStatus) -> String {
    if status.volumes.is_empty() {
        return String::new();
    }
    let n = status.volumes.len();
    if status.state == State::Saved {
        return format!("{n} kept");
    }
    let size_of = |volume: &status::VolumeStatus| {
        let size = volume.capacity.as_deref().unwrap_or(&volume.requested);
        quantity::bytes(size).unwrap_or(0)
    };
    let sizes = status.volumes.iter().map(size_of);
    let size = quantity::show_bytes(sizes.fold(0, u128::saturating_add));
    let bound = status.volumes.iter().filter(|v| v.phase == "Bound").count();
    format!("{size} {bound}/{n}")
}

fn images(status: &InstanceStatus, all: bool) -> String {
    match all {
        true => status.images.join(","),
        false => images::in_short(&status.images).unwrap_or_default(),
    }
}

/// Returns the status of every instance of a fleet, and of the definitions that are not deployed in the namespaces that were
/// looked at. Of those that go elsewhere nobody knows whether they are: they are no rows.
pub(super) fn of_fleet(
    fleet: &Fleet,
    definitions: &[CatalogueEntry],
    namespace: &Namespace,
    is_looked_at: impl Fn(&Namespace) -> bool,
) -> Vec<InstanceStatus> {
    let mut all: Vec<_> = fleet.instances().map(status::of_instance).collect();
    all.extend(fleet.saved().filter_map(|name| {
        let entry = definitions.iter().find(|entry| entry.name == *name);
        let image = entry.and_then(|entry| entry.image.as_deref());
        let own = entry.and_then(|entry| entry.namespace.as_ref());
        let namespace = own.unwrap_or(namespace);
        let kept = fleet
            .kept_claims()
            .filter(|claim| claim.instance.id == *name && claim.instance.namespace == *namespace);
        let saved = || status::of_saved(namespace.as_str(), name.as_str(), image, kept);
        is_looked_at(namespace).then(saved)
    }));
    // As the dashboard has them.
    all.sort_by(|one, other| (&one.namespace, &one.id).cmp(&(&other.namespace, &other.id)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::id::InstanceId;
    use crate::service::address::{Address, AddressKind};

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn check(columns: Columns, status: &InstanceStatus, expected: &[&str]) {
        let cells = columns.cells(status, time("2026-01-01T01:00:00Z"));
        assert_eq!(cells, expected);
        assert_eq!(columns.headings().len(), expected.len());
    }

    fn status() -> InstanceStatus {
        InstanceStatus {
            state: State::Failing,
            reason: Some("ImagePullBackOff: pod web-1".to_owned()),
            replicas: 2,
            ready_replicas: 1,
            restarts: 3,
            images: vec!["nginx:1.27".to_owned(), "proxy:2".to_owned()],
            revision: Some(4),
            created: Some(time("2026-01-01T00:00:00Z")),
            expires: Some(time("2026-01-01T09:00:00Z")),
            addresses: Some(vec![Address {
                kind: AddressKind::Ingress,
                object: "Ingress/web".to_owned(),
                address: "http://web.example.com".to_owned(),
                pending: false,
            }]),
            ..status::of_saved("team-a", "web", None, std::iter::empty())
        }
    }

    #[test]
    fn a_row_has_a_cell_for_each_heading() {
        let narrow = Columns::of(Output::Table, false);
        check(
            narrow,
            &status(),
            &[
                "web",
                "Failing",
                "1/2",
                "3",
                "",
                "nginx:1.27 +1",
                "r4",
                "",
                "8h",
                "60m",
            ],
        );
        let wide = Columns::of(Output::Wide, true);
        check(
            wide,
            &status(),
            &[
                "team-a",
                "web",
                "Failing",
                "1/2",
                "3",
                "",
                "nginx:1.27,proxy:2",
                "r4",
                "",
                "8h",
                "60m",
                "web",
                "http://web.example.com",
                "ImagePullBackOff: pod web-1",
            ],
        );
    }

    #[test]
    fn definitions_that_are_not_deployed_are_rows_of_their_own() {
        let name: InstanceId = "notebook".parse().unwrap();
        let entry = CatalogueEntry {
            name: name.clone(),
            hash: String::new(),
            image: Some("jupyter:1".to_owned()),
            namespace: Some("team-b".parse().unwrap()),
        };
        let mut fleet = Fleet::new();
        fleet.set_definitions([(name, String::new())], time("2026-01-01T00:00:00Z"));
        let namespace = "team-a".parse().unwrap();
        let saved = of_fleet(&fleet, std::slice::from_ref(&entry), &namespace, |_| true);
        check(
            Columns::of(Output::Table, false),
            &saved[0],
            &["notebook", "Saved", "", "", "", "jupyter:1", "", "", "", ""],
        );
        // Where only another namespace was looked at it may run in its own.
        let elsewhere = of_fleet(&fleet, &[entry], &namespace, |it| *it == namespace);
        assert_eq!(elsewhere, []);
    }

    #[test]
    fn what_has_expired_says_so() {
        let at = time("2026-01-01T00:00:00Z");
        assert_eq!(until(at, at), "expired");
    }
}
