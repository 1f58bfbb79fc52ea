//! The workload: a Deployment or a `StatefulSet`.

use std::collections::BTreeMap;

use serde_json::json;

use super::metadata::Renderer;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::definition::service::RenderedWorkload;

impl Renderer<'_> {
    pub(super) fn workload(&self) -> Object {
        let kind = self.definition.workload_kind();
        let mut spec = json!({
            "selector": {"matchLabels": self.selector()},
            "template": self.pod_template(),
        });
        // Where the definition leaves the number open, nobody owns it, and `scale` may set it.
        if let Some(replicas) = self.definition.replicas {
            spec["replicas"] = json!(replicas);
        }
        match kind {
            RenderedWorkload::Deployment => {
                // A new pod could wait for ever for a claim that the old one holds on another node, so the old one goes
                // first. NB: not `Recreate`: a server refuses to switch an applied Deployment to it, because the default
                // `rollingUpdate` stays.
                if self.has_exclusive_claim() {
                    let rolling_update = json!({"maxSurge": 0, "maxUnavailable": 1});
                    spec["strategy"] =
                        json!({"type": "RollingUpdate", "rollingUpdate": rolling_update});
                }
            }
            RenderedWorkload::StatefulSet => {
                spec["serviceName"] = json!(naming::headless(&self.context.id));
                let templates = self.claim_templates();
                if !templates.is_empty() {
                    spec["volumeClaimTemplates"] = json!(templates);
                }
            }
        }
        let name = naming::workload(&self.context.id);
        self.object_annotated(
            "apps/v1",
            kind.as_str(),
            &name,
            json!({"spec": spec}),
            self.workload_annotations(),
        )
    }

    /// What the definition says of the instance and no label can hold.
    fn workload_annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::new();
        let mut set = |key: &str, text: &str| annotations.insert(key.to_owned(), text.to_owned());
        if let Some(name) = &self.definition.display_name {
            set(naming::ANNOTATION_DISPLAY_NAME, name);
        }
        if let Some(expires) = &self.definition.expires {
            set(naming::ANNOTATION_EXPIRES, &expires.text);
        }
        if self.definition.protected {
            set(naming::ANNOTATION_PROTECTED, "true");
        }
        annotations
    }
}
