//! ConfigMaps and Secrets that a pod needs before it can start: files it mounts, values its environment takes.

use serde_json::Value;

use crate::controllers::kind::Kind;
use crate::controllers::object::{flag, items, map, name, namespace, text};
use crate::controllers::view::View;

/// Returns why a pod's volumes cannot be mounted, if one names a ConfigMap or Secret that is not there.
pub fn missing_mount(view: &View, pod: &Value) -> Option<String> {
    items(pod, "/spec/volumes").iter().find_map(|volume| {
        let volume_name = text(volume, "/name");
        let missing = source_missing(
            view,
            pod,
            volume,
            text(volume, "/configMap/name"),
            text(volume, "/secret/secretName"),
        )
        .or_else(|| {
            items(volume, "/projected/sources")
                .iter()
                .find_map(|source| {
                    source_missing(
                        view,
                        pod,
                        source,
                        text(source, "/configMap/name"),
                        text(source, "/secret/name"),
                    )
                })
        })?;
        Some(format!(
            "MountVolume.SetUp failed for volume \"{volume_name}\" : {missing}"
        ))
    })
}

fn source_missing(
    view: &View,
    pod: &Value,
    source: &Value,
    config_map: &str,
    secret: &str,
) -> Option<String> {
    if !config_map.is_empty() && !flag(source, "/configMap/optional") {
        return not_found(view, pod, Kind::ConfigMap, config_map);
    }
    if !secret.is_empty() && !flag(source, "/secret/optional") {
        return not_found(view, pod, Kind::Secret, secret);
    }
    None
}

/// Returns why a container's environment cannot be made, if it names a ConfigMap, a Secret or a key that is not there.
pub fn missing_value(view: &View, pod: &Value, container: &Value) -> Option<String> {
    let whole = items(container, "/envFrom").iter().find_map(|source| {
        source_missing(view, pod, source, text(source, "/configMapRef/name"), "")
            .filter(|_| !flag(source, "/configMapRef/optional"))
            .or_else(|| {
                let secret = text(source, "/secretRef/name");
                let is_needed = !secret.is_empty() && !flag(source, "/secretRef/optional");
                is_needed
                    .then(|| not_found(view, pod, Kind::Secret, secret))
                    .flatten()
            })
    });
    whole.or_else(|| {
        items(container, "/env")
            .iter()
            .find_map(|variable| value_missing(view, pod, variable))
    })
}

fn value_missing(view: &View, pod: &Value, variable: &Value) -> Option<String> {
    for (kind, field) in [
        (Kind::ConfigMap, "configMapKeyRef"),
        (Kind::Secret, "secretKeyRef"),
    ] {
        let Some(source) = variable.pointer(&format!("/valueFrom/{field}")) else {
            continue;
        };
        if flag(source, "/optional") {
            continue;
        }
        let (wanted, key) = (text(source, "/name"), text(source, "/key"));
        let Some(found) = view.find(kind, namespace(pod), wanted) else {
            return not_found(view, pod, kind, wanted);
        };
        let holds = |field: &str| map(found, field).is_some_and(|data| data.contains_key(key));
        if !holds("/data") && !holds("/binaryData") {
            return Some(format!(
                "couldn't find key {key} in {} {}/{wanted}",
                kind.kind(),
                namespace(pod)
            ));
        }
    }
    None
}

fn not_found(view: &View, pod: &Value, kind: Kind, wanted: &str) -> Option<String> {
    let is_there = view.find(kind, namespace(pod), wanted).is_some();
    (!is_there).then(|| format!("{} \"{wanted}\" not found", kind.kind().to_lowercase()))
}

/// Returns whether `pod` names the ConfigMap or Secret `object`, so that its arrival may matter.
pub fn names(pod: &Value, object: &Value) -> bool {
    // A search of the text is enough: a needless look costs little.
    let quoted = format!("\"{}\"", name(object));
    pod.get("spec")
        .is_some_and(|spec| spec.to_string().contains(&quoted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(volumes: Value) -> Value {
        json!({"metadata": {"namespace": "n", "name": "p"}, "spec": {"volumes": volumes}})
    }

    #[test]
    fn a_mount_waits_for_its_source_unless_that_is_optional() {
        let view = View::from_objects([
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "n", "name": "tls"}}),
        ]);
        let check = |volume: Value, expected: Option<&str>| {
            assert_eq!(
                missing_mount(&view, &pod(json!([volume]))).as_deref(),
                expected
            );
        };
        check(json!({"name": "a", "secret": {"secretName": "tls"}}), None);
        check(
            json!({"name": "a", "configMap": {"name": "conf"}}),
            Some("MountVolume.SetUp failed for volume \"a\" : configmap \"conf\" not found"),
        );
        check(
            json!({"name": "a", "configMap": {"name": "conf", "optional": true}}),
            None,
        );
        check(
            json!({"name": "a", "projected": {"sources": [{"secret": {"name": "gone"}}]}}),
            Some("MountVolume.SetUp failed for volume \"a\" : secret \"gone\" not found"),
        );
    }

    #[test]
    fn an_environment_waits_for_its_values() {
        let view = View::from_objects([
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "n", "name": "conf"}, "data": {"LEVEL": "x"}}),
        ]);
        let check = |container: Value, expected: Option<&str>| {
            assert_eq!(
                missing_value(&view, &pod(json!([])), &container).as_deref(),
                expected
            );
        };
        let from = |field: &str, source: Value| json!({"env": [{"name": "A", "valueFrom": {field: source}}]});
        check(
            from("configMapKeyRef", json!({"name": "conf", "key": "LEVEL"})),
            None,
        );
        check(
            from("configMapKeyRef", json!({"name": "conf", "key": "OTHER"})),
            Some("couldn't find key OTHER in ConfigMap n/conf"),
        );
        check(
            from("secretKeyRef", json!({"name": "s", "key": "k"})),
            Some("secret \"s\" not found"),
        );
        check(
            from(
                "secretKeyRef",
                json!({"name": "s", "key": "k", "optional": true}),
            ),
            None,
        );
        check(
            json!({"envFrom": [{"configMapRef": {"name": "gone"}}]}),
            Some("configmap \"gone\" not found"),
        );
        check(
            json!({"envFrom": [{"secretRef": {"name": "gone", "optional": true}}]}),
            None,
        );
    }
}
