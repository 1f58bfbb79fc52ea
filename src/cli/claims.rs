//! `bowline ls --claims`: all claims, kept ones included, with who uses them and what they lie on.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::{Ls, Output};
use super::session::Session;
use super::{Exit, operate, output};
use crate::catalogue::trash::TrashItem;
use crate::cluster::Cluster;
use crate::definition::id::InstanceId;
use crate::engine::claims::{ClaimList, ListedClaim, RetainedVolume, list_claims};
use crate::service::claim_use::ClaimState;
use crate::service::summary::InstanceKey;
use crate::service::{advice, age};
use crate::text;

pub(super) fn run(args: &Ls, session: &Session) -> anyhow::Result<Exit> {
    operate::on_cluster(session, async |cluster| {
        let namespace = (!args.all_namespaces).then_some(cluster.namespace());
        let list = list_claims(&cluster, namespace).await?;
        for warning in &list.warnings {
            output::say(text::clean(&format!("warning: {warning}")));
        }
        output::say_unseen(list.unseen.as_ref());
        if list.claims.is_empty() && list.retained.is_empty() && is_table(args.output) {
            let place = namespace.map_or("the cluster".to_owned(), |it| format!("namespace {it}"));
            output::say(format!("no instance has claims in {place}"));
        } else {
            print(args, &list, cluster.now())?;
        }
        say_rest(args, &list, &Ways::of(session, &cluster));
        Ok(Exit::Ok)
    })
}

fn is_table(output: Output) -> bool {
    matches!(output, Output::Table | Output::Wide)
}

fn print(args: &Ls, list: &ClaimList, now: Timestamp) -> anyhow::Result<()> {
    match args.output {
        Output::Table | Output::Wide => {
            let columns = Columns::of(args);
            let claims = list.claims.iter().map(|it| columns.cells(it, now));
            let retained = list.retained.iter().map(|it| columns.retained(it, now));
            let rows: Vec<_> = claims.chain(retained).collect();
            output::print(&output::table(&columns.headings(), &rows))?;
        }
        Output::Json => output::print(&output::json(&values(list))?)?,
        Output::Yaml => output::print(&output::yaml(&Value::Array(values(list))))?,
        Output::Name => {
            for listed in &list.claims {
                output::print(&format!("{}\n", text::clean(&listed.claim.name)))?;
            }
        }
    }
    Ok(())
}

/// Says what the table cannot: what can be done with kept claims, and with volumes that no claim holds.
fn say_rest(args: &Ls, list: &ClaimList, ways: &Ways<'_>) {
    if !is_table(args.output) {
        return;
    }
    let kept = list.claims.iter().filter(|it| it.state == ClaimState::Kept);
    let kept: BTreeSet<&InstanceKey> = kept.map(|it| &it.claim.instance).collect();
    if let Some(instance) = kept.first() {
        let (way, id) = (advice::command("delete --kept", instance), &instance.id);
        output::say(format!(
            "kept claims are used again by a new deploy of their ID; {way} releases those of {id}"
        ));
    }
    let retained = list.retained.iter().filter(|it| !it.is_going);
    let retained: BTreeSet<&InstanceKey> = retained.map(|it| &it.instance).collect();
    if let Some(instance) = retained.first() {
        let (way, id) = (advice::command("delete --retained", instance), &instance.id);
        let back = ways.back(instance);
        output::say(format!(
            "retained volumes are bound again by {back}, where their claim is gone; {way} releases those of {id}"
        ));
    }
}

/// What this machine knows of the definitions of instances that may not be there any more.
struct Ways<'a> {
    session: &'a Session,
    server: String,
}

impl<'a> Ways<'a> {
    fn of(session: &'a Session, cluster: &Cluster) -> Self {
        let server = cluster.identity().server.clone();
        Self { session, server }
    }

    /// Returns the command that deploys an instance again: of the definition that it was of when it was taken down here, or out
    /// of the trash; else of the definition of its name. Where nobody knows, the definition is left to be named.
    fn back(&self, instance: &InstanceKey) -> String {
        let InstanceKey { namespace, id } = instance;
        let is_saved = |name: &InstanceId| {
            let digest = self.session.catalogue.digest(name);
            digest.is_ok_and(|it| it.is_some())
        };
        let deploy = |name| advice::command_of("deploy --bind-retained", name, instance);
        let listing = self.session.trash().list();
        let is_it = |item: &&TrashItem| {
            (&item.id, &item.namespace, &item.server) == (id, namespace, &self.server)
        };
        // The newest is first. A definition of that name may be another service's: its pods must not get this one's data.
        match listing.items.iter().find(is_it) {
            Some(item) => match item.definition.as_ref().filter(|name| is_saved(name)) {
                Some(name) => deploy(name),
                None => advice::command("restore --bind-retained", instance),
            },
            None if is_saved(id) => deploy(id),
            None => {
                format!("`bowline deploy --bind-retained DEFINITION --id {id} -n {namespace}`")
            }
        }
    }
}

/// Which columns are shown.
#[derive(Debug, Clone, Copy)]
struct Columns {
    has_namespace: bool,
    is_wide: bool,
}

impl Columns {
    fn of(args: &Ls) -> Self {
        Self {
            has_namespace: args.all_namespaces,
            is_wide: args.output == Output::Wide,
        }
    }

    fn headings(self) -> Vec<&'static str> {
        let mut headings = Vec::new();
        if self.has_namespace {
            headings.push("NAMESPACE");
        }
        headings.extend([
            "ID", "CLAIM", "STATE", "SIZE", "CLASS", "VOLUME", "RECLAIM", "USED BY", "AGE",
        ]);
        if self.is_wide {
            headings.extend(["ACCESS", "REASON"]);
        }
        headings
    }

    fn cells(self, listed: &ListedClaim, now: Timestamp) -> Vec<String> {
        let claim = &listed.claim;
        let some = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let mut cells = Vec::new();
        if self.has_namespace {
            cells.push(claim.instance.namespace.to_string());
        }
        cells.extend([
            claim.instance.id.to_string(),
            claim.name.clone(),
            listed.state.to_string(),
            size(listed),
            some(&claim.storage_class),
            some(&claim.volume),
            some(&listed.reclaim_policy),
            listed.used_by.join(","),
            age::show(age::since(claim.created, now)),
        ]);
        if self.is_wide {
            cells.push(claim.access_modes.join(","));
            cells.push(some(&listed.reason));
        }
        cells
    }

    /// Returns a row for a volume that no claim holds, under the name of the claim that it is from.
    fn retained(self, volume: &RetainedVolume, now: Timestamp) -> Vec<String> {
        let some = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let mut cells = Vec::new();
        if self.has_namespace {
            cells.push(volume.instance.namespace.to_string());
        }
        cells.extend([
            volume.instance.id.to_string(),
            volume.claim.clone(),
            volume.state().to_owned(),
            volume.size.clone(),
            some(&volume.storage_class),
            volume.volume.clone(),
            some(&volume.reclaim_policy),
            String::new(),
            age::show(age::since(volume.created, now)),
        ]);
        if self.is_wide {
            cells.extend([String::new(), format!("volume is {}", volume.phase)]);
        }
        cells
    }
}

/// What it has, and what it asks for where that is something else.
fn size(listed: &ListedClaim) -> String {
    let claim = &listed.claim;
    match &claim.capacity {
        Some(capacity) if *capacity != claim.requested => {
            format!("{capacity} → {}", claim.requested)
        }
        _ => claim.requested.clone(),
    }
}

fn values(list: &ClaimList) -> Vec<Value> {
    let claims = list.claims.iter().map(value);
    claims.chain(list.retained.iter().map(retained)).collect()
}

fn retained(volume: &RetainedVolume) -> Value {
    json!({
        "id": volume.instance.id,
        "namespace": volume.instance.namespace,
        "name": volume.claim,
        "state": volume.state().to_lowercase(),
        "phase": volume.phase,
        "capacity": volume.size,
        "storageClass": volume.storage_class,
        "volume": volume.volume,
        "reclaimPolicy": volume.reclaim_policy,
        "usedBy": [],
        "created": volume.created,
    })
}

fn value(listed: &ListedClaim) -> Value {
    let claim = &listed.claim;
    json!({
        "id": claim.instance.id,
        "namespace": claim.instance.namespace,
        "name": claim.name,
        "state": listed.state,
        "phase": claim.phase,
        "reason": listed.reason,
        "capacity": claim.capacity,
        "requested": claim.requested,
        "storageClass": claim.storage_class,
        "volume": claim.volume,
        "reclaimPolicy": listed.reclaim_policy,
        "accessModes": claim.access_modes,
        "usedBy": listed.used_by,
        "created": claim.created,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::summary::{Claim, InstanceKey};

    fn listed(capacity: Option<&str>) -> ListedClaim {
        ListedClaim {
            claim: Claim {
                instance: InstanceKey {
                    namespace: "team-a".parse().unwrap(),
                    id: "db".parse().unwrap(),
                },
                name: "data-db-0".to_owned(),
                uid: "c".to_owned(),
                created: "2026-01-01T00:00:00Z".parse().unwrap(),
                deletion: None,
                phase: "Bound".to_owned(),
                requested: "2Gi".to_owned(),
                capacity: capacity.map(str::to_owned),
                storage_class: Some("fast".to_owned()),
                volume: Some("pv-1".to_owned()),
                access_modes: vec!["RWO"],
                growth: None,
                is_member: false,
            },
            state: ClaimState::InUse,
            used_by: vec!["db-0".to_owned()],
            reason: None,
            reclaim_policy: Some("Delete".to_owned()),
        }
    }

    #[test]
    fn a_claim_that_grows_shows_what_it_has_and_what_it_asks_for() {
        assert_eq!(size(&listed(None)), "2Gi");
        assert_eq!(size(&listed(Some("2Gi"))), "2Gi");
        assert_eq!(size(&listed(Some("1Gi"))), "1Gi → 2Gi");
    }

    #[test]
    fn a_row_has_a_cell_for_each_heading() {
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        let mut columns = Columns {
            has_namespace: false,
            is_wide: false,
        };
        let row = [
            "db",
            "data-db-0",
            "InUse",
            "2Gi",
            "fast",
            "pv-1",
            "Delete",
            "db-0",
            "60m",
        ];
        assert_eq!(columns.cells(&listed(Some("2Gi")), now), row);
        assert_eq!(columns.headings().len(), row.len());
        (columns.has_namespace, columns.is_wide) = (true, true);
        let cells = columns.cells(&listed(Some("2Gi")), now);
        assert_eq!(columns.headings().len(), cells.len());
    }
}
