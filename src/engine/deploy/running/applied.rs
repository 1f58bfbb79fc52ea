//! What was applied of the workloads, as the record keeps it to tell later what others changed.

use std::sync::PoisonError;

use serde::Deserialize;

use super::Run;
use crate::definition::object::{Object, ObjectKey};
use crate::engine::plan::Change;
use crate::failure::Failure;
use crate::service::drift::{self, AppliedWorkload};
use crate::service::managed::ManagedFields;
use crate::service::summary::WorkloadKind;

impl Run<'_> {
    /// Notes what an apply left of a workload, for the record.
    pub(super) fn note_applied(&self, live: &Object) {
        let own = self.request.namespace.as_str();
        let Some(kind) =
            workload_kind(&live.key).filter(|_| live.key.namespace.as_deref() == Some(own))
        else {
            return;
        };
        let managed = ManagedFields::deserialize(&live.json["metadata"]["managedFields"]);
        let fields = managed
            .ok()
            .and_then(|managed| managed.applied(&self.manager));
        let wanted = self.prepared.object(&live.key);
        let replicas = wanted.and_then(|wanted| wanted.json["spec"]["replicas"].as_u64());
        let applied = fields.map(|fields| AppliedWorkload {
            kind,
            name: live.key.name.clone(),
            fields,
            replicas: replicas.and_then(|number| u32::try_from(number).ok()),
        });
        let mut all = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(applied);
    }

    /// Returns what the record says of the workloads: as they were written now, or are because nothing was to be written.
    pub(super) async fn applied(&self) -> Result<String, Failure> {
        for planned in &self.plan.objects {
            if planned.change == Change::Unchanged
                && workload_kind(&planned.key).is_some()
                && let Some(live) = self.cluster.get(&planned.key).await?
            {
                self.note_applied(&live);
            }
        }
        let all = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(drift::to_annotation(&all))
    }
}

fn workload_kind(key: &ObjectKey) -> Option<WorkloadKind> {
    let mut kinds = WorkloadKind::RENDERED.into_iter();
    kinds.find(|kind| key.group == "apps" && key.kind == kind.as_str())
}
