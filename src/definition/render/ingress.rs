//! The Ingress that exposes one port of one container.

use serde_json::json;

use super::metadata::Renderer;
use crate::definition::naming;
use crate::definition::object::Object;

impl Renderer<'_> {
    pub(super) fn ingress(&self) -> Option<Object> {
        let exposure = self.definition.exposure.as_ref()?;
        let name = naming::workload(&self.context.id);
        // Without a host of its own the service shares one, so the path must tell it from the others.
        let path = match (&exposure.path, &exposure.host) {
            (Some(path), _) => path.clone(),
            (None, Some(_)) => "/".to_owned(),
            (None, None) => format!("/{}", self.context.id),
        };
        let mut rule = json!({"http": {"paths": [{
            "path": path,
            "pathType": exposure.path_type.as_str(),
            "backend": {"service": {"name": name, "port": {"number": exposure.port}}},
        }]}});
        let host = self.host();
        if let Some(host) = host {
            rule["host"] = json!(host);
        }
        let mut spec = json!({"rules": [rule]});
        if let Some(class) = &exposure.class_name {
            spec["ingressClassName"] = json!(class);
        }
        if let Some(secret) = &exposure.tls_secret {
            let mut tls = json!({"secretName": secret});
            if let Some(host) = host {
                tls["hosts"] = json!([host]);
            }
            spec["tls"] = json!([tls]);
        }
        let annotations = exposure.annotations.clone();
        Some(self.object_annotated(
            "networking.k8s.io/v1",
            "Ingress",
            &name,
            json!({"spec": spec}),
            annotations,
        ))
    }

    /// The host of the Ingress: the definition's, else the configuration's.
    pub(super) fn host(&self) -> Option<&str> {
        let own = self.definition.exposure.as_ref()?.host.as_deref();
        own.or(self.context.ingress_host.as_deref())
    }
}
