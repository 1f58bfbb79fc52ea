//! Where a service definition says a field of its objects. Pure.
//!
//! What is told here is only tried: whether it was right, rendering the new text proves.

use serde_json::{Value, json};

use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::ObjectKey;
use crate::definition::service::{Container, ServiceDefinition};
use crate::definition::yaml::documents;
use crate::definition::yaml::edit::{Edit, PathStep};
use crate::service::drift::{FieldChange, FieldPath, Step};

const UNSAID: &str = "a service definition has no key for it";
const TEMPLATE: [&str; 3] = ["spec", "template", "spec"];

type Edits = Result<Vec<Edit>, String>;

/// Returns the edits that pull fields which belong together.
///
/// # Errors
/// A definition cannot say them: a sentence.
pub(super) fn edits(
    definition: &ServiceDefinition,
    id: &InstanceId,
    key: &ObjectKey,
    fields: &[&FieldChange],
) -> Edits {
    let text = documents(definition.source()).map_err(|error| error.to_string())?;
    let top = text.into_iter().next().unwrap_or_default();
    let page = Page {
        definition,
        id,
        top,
    };
    if let Some(variable) = fields.first().and_then(|field| variable(&field.path)) {
        return page.variable(&variable, fields);
    }
    let [field] = fields else {
        return Err(UNSAID.to_owned());
    };
    let edit = page.edit(key, field)?;
    page.is_literal(&edit)?;
    Ok(vec![edit])
}

/// Returns the path of the variable that a field is of.
pub(super) fn variable(path: &FieldPath) -> Option<FieldPath> {
    let env = path
        .0
        .iter()
        .position(|step| *step == Step::Field("env".to_owned()))?;
    let is_template = path
        .0
        .starts_with(&TEMPLATE.map(|name| Step::Field(name.to_owned())));
    (is_template && env == 5).then(|| FieldPath(path.0.iter().take(env + 2).cloned().collect()))
}

/// A definition as it was read, beside its words as they stand there.
struct Page<'a> {
    definition: &'a ServiceDefinition,
    id: &'a InstanceId,
    top: Value,
}

fn path(steps: &[&str]) -> Vec<PathStep> {
    let step = |step: &&str| match step.parse() {
        Ok(idx) => PathStep::Index(idx),
        Err(_) => PathStep::Key((*step).to_owned()),
    };
    steps.iter().map(step).collect()
}

/// Names a field step by step; keys of items stand beside.
fn names(path: &FieldPath) -> Vec<&str> {
    path.fields().map(|name| name.unwrap_or("")).collect()
}

fn item_key<'a>(path: &'a FieldPath, idx: usize, key: &str) -> Option<&'a Value> {
    match path.0.get(idx)? {
        Step::Item(keys) => keys
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value),
        Step::Field(_) | Step::Value(_) => None,
    }
}

fn set(steps: Vec<PathStep>, value: Option<Value>) -> Edit {
    Edit { path: steps, value }
}

impl Page<'_> {
    fn edit(&self, key: &ObjectKey, field: &FieldChange) -> Result<Edit, String> {
        let names = names(&field.path);
        let live = field.live.clone();
        let workload = naming::workload(self.id);
        match (key.kind.as_str(), names.as_slice()) {
            // The Ingress may have annotations of its own.
            ("Ingress", ["metadata", "annotations", name])
                if !self.definition.annotations.contains_key(*name) =>
            {
                Ok(set(path(&["ingress", "annotations", name]), text(live)))
            }
            (_, ["metadata", map @ ("labels" | "annotations"), name]) => {
                Ok(set(path(&[map, name]), text(live)))
            }
            ("Deployment" | "StatefulSet", _) if key.name == workload => {
                self.workload(field, &names)
            }
            ("Service", names) if key.name == workload => self.service(field, names),
            ("Ingress", names) => self.ingress(field, names),
            ("ConfigMap", ["data", name]) => self.config(key, name, live),
            ("PersistentVolumeClaim", ["spec", "resources", "requests", "storage"]) => {
                let volumes = self.definition.volumes.iter();
                let idx = volumes.map(|volume| naming::shared_claim(self.id, &volume.name));
                let idx = idx
                    .into_iter()
                    .position(|name| name == key.name)
                    .ok_or(UNSAID)?;
                Ok(set(path(&["volumes", &idx.to_string(), "size"]), live))
            }
            _ => Err(UNSAID.to_owned()),
        }
    }

    fn workload(&self, field: &FieldChange, names: &[&str]) -> Result<Edit, String> {
        let live = field.live.clone();
        match names {
            ["spec", "replicas"] => Ok(set(path(&["replicas"]), live)),
            [
                "spec",
                "template",
                "metadata",
                map @ ("labels" | "annotations"),
                name,
            ] => Ok(set(path(&[map, name]), text(live))),
            [
                "spec",
                "template",
                "spec",
                list @ ("containers" | "initContainers"),
                "",
                rest @ ..,
            ] => {
                let (idx, container) = self.container(list, &field.path)?;
                let at = [list, idx.to_string().as_str()].map(str::to_owned);
                self.of_container(field, container, &at, rest)
            }
            ["spec", "template", "spec", "volumes", "", rest @ ..] => {
                let name = item_key(&field.path, 4, "name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let mut volumes = self.definition.volumes.iter();
                let idx = volumes
                    .position(|volume| volume.name == name)
                    .ok_or(UNSAID)?
                    .to_string();
                match rest {
                    ["emptyDir", part @ ("sizeLimit" | "medium")] => {
                        Ok(set(path(&["volumes", &idx, "emptyDir", part]), live))
                    }
                    ["persistentVolumeClaim", "claimName"] => {
                        Ok(set(path(&["volumes", &idx, "existingClaim"]), live))
                    }
                    ["secret", "secretName"] => Ok(set(path(&["volumes", &idx, "secret"]), live)),
                    _ => Err(UNSAID.to_owned()),
                }
            }
            ["spec", "template", "spec", "imagePullSecrets", ""] => {
                let name = live.map(|live| live["name"].clone());
                Ok(set(path(&["pullSecret"]), name))
            }
            _ => Err(UNSAID.to_owned()),
        }
    }

    /// Returns a container and where it stands in its list.
    fn container(&self, list: &str, path: &FieldPath) -> Result<(usize, &Container), String> {
        let containers = match list {
            "containers" => &self.definition.containers,
            _ => &self.definition.init_containers,
        };
        let name = item_key(path, 4, "name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let mut all = containers.iter().enumerate();
        all.find(|(_, container)| container.name == name)
            .ok_or_else(|| format!("the definition has no container {name}: what it needs is more than one field tells"))
    }

    fn of_container(
        &self,
        field: &FieldChange,
        container: &Container,
        at: &[String; 2],
        rest: &[&str],
    ) -> Result<Edit, String> {
        let live = field.live.clone();
        let below = |steps: &[&str]| [path(&[&at[0], &at[1]]), path(steps)].concat();
        match rest {
            ["image"] if live.is_some() => Ok(set(below(&["image"]), live)),
            [words @ ("command" | "args")] => Ok(set(below(&[words]), live)),
            ["resources", kind @ ("requests" | "limits"), name] => {
                Ok(self.resource(at, kind, name, live))
            }
            ["resources", kind @ ("requests" | "limits")] if live.is_none() => {
                Ok(set(below(&["resources", kind]), None))
            }
            ["volumeMounts", ""] => {
                let mount = item_key(&field.path, 6, "mountPath");
                let mounts = &container.volume_mounts;
                let idx = mounts
                    .iter()
                    .position(|it| mount.is_some_and(|path| *path == it.mount_path));
                let idx = idx.unwrap_or(mounts.len()).to_string();
                Ok(set(below(&["volumeMounts", &idx]), live))
            }
            ["volumeMounts", "", part @ ("readOnly" | "subPath" | "name")] => {
                let mount = item_key(&field.path, 6, "mountPath");
                let mut mounts = container.volume_mounts.iter();
                let idx = mounts.position(|it| mount.is_some_and(|path| *path == it.mount_path));
                let idx = idx.ok_or(UNSAID)?.to_string();
                Ok(set(below(&["volumeMounts", &idx, part]), live))
            }
            [
                kind @ ("readinessProbe" | "livenessProbe" | "startupProbe"),
                part @ ..,
            ] => {
                let probe = match *kind {
                    "readinessProbe" => "ready",
                    "livenessProbe" => "live",
                    _ => "startup",
                };
                let (name, live) = probe_part(part, live).ok_or(UNSAID)?;
                Ok(set(below(&["probes", probe, name]), live))
            }
            _ => Err(UNSAID.to_owned()),
        }
    }

    /// Requests and limits stand under `resources`, or limits as `cpu`, `memory` and `gpuCount`.
    fn resource(&self, at: &[String; 2], kind: &str, name: &str, live: Option<Value>) -> Edit {
        let idx: usize = at[1].parse().unwrap_or_default();
        let words = &self.top[&at[0]][idx];
        let below = |steps: &[&str]| [path(&[&at[0], &at[1]]), path(steps)].concat();
        let is_short = kind == "limits" && words["resources"]["limits"].get(name).is_none();
        match name {
            "cpu" | "memory" if is_short && !words[name].is_null() => {
                set(below(&[name]), live.map(|live| short(name, &live)))
            }
            _ if is_short && !words["gpu"].is_null() && name.contains('/') => {
                let count = live
                    .as_ref()
                    .and_then(Value::as_str)
                    .and_then(|n| n.parse::<u32>().ok());
                set(below(&["gpuCount"]), count.map(Value::from))
            }
            _ => {
                let steps = [
                    below(&["resources", kind]),
                    vec![PathStep::Key(name.to_owned())],
                ];
                set(steps.concat(), live)
            }
        }
    }

    /// A variable is said as a whole: by its value, or by where that comes from.
    fn variable(&self, variable: &FieldPath, fields: &[&FieldChange]) -> Edits {
        let Some(Step::Field(list)) = variable.0.get(3) else {
            return Err(UNSAID.to_owned());
        };
        let (idx, container) = self.container(list, variable)?;
        let name = item_key(variable, 6, "name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let words = &self.top[list][idx];
        let env = if words["environment"].is_null() {
            "env"
        } else {
            "environment"
        };
        let position = container.env.iter().position(|it| it.name == name);
        let at = position.unwrap_or(container.env.len());
        let at = [
            path(&[list, &idx.to_string(), env]),
            vec![PathStep::Index(at)],
        ]
        .concat();
        let whole = fields.iter().find(|field| field.path == *variable);
        if let Some(whole) = whole {
            let said = whole
                .live
                .as_ref()
                .map(|live| self.said_of(live))
                .transpose()?;
            return Ok(vec![set(at, said)]);
        }
        let of = |steps: &[&str]| {
            let is_it = |field: &&&FieldChange| names(&field.path)[7..] == *steps;
            fields
                .iter()
                .find(is_it)
                .and_then(|field| field.live.clone())
        };
        let before = words[env]
            .get(position.unwrap_or(usize::MAX))
            .cloned()
            .unwrap_or_default();
        let mut live = json!({"name": name});
        if let Some(value) = of(&["value"]) {
            live["value"] = value;
        } else {
            let refer = |kind: &str, from: &str| {
                let part = |part: &str| {
                    of(&["valueFrom", kind, part]).or_else(|| self.part_of(&before, from, part))
                };
                Some(json!({kind: {"name": part("name")?, "key": part("key")?}}))
            };
            let changed = |kind: &str| {
                fields.iter().any(|field| {
                    names(&field.path)[7..].get(1) == Some(&kind) && field.live.is_some()
                })
            };
            let kinds = [
                ("secretKeyRef", "fromSecret"),
                ("configMapKeyRef", "fromConfig"),
            ];
            let found = kinds.into_iter().find(|(kind, _)| changed(kind));
            if let Some((kind, from)) = found {
                live["valueFrom"] = refer(kind, from).ok_or(UNSAID)?;
            }
        }
        if let Some(Value::String(old)) = before.get("value")
            && old.contains('$')
        {
            return Err(substituted(old));
        }
        Ok(vec![set(at, Some(self.said_of(&live)?))])
    }

    /// Returns the name or key of the object that a variable is taken from, as it is said now.
    fn part_of(&self, variable: &Value, from: &str, part: &str) -> Option<Value> {
        let own = match from {
            "fromSecret" => naming::secret(self.id),
            _ => naming::config(self.id),
        };
        match (&variable[from], part) {
            (Value::String(_), "name") => Some(Value::from(own)),
            (Value::String(key), _) => Some(Value::from(key.clone())),
            (Value::Object(reference), part) => reference.get(part).cloned(),
            _ => None,
        }
    }

    /// Says a variable of a container as a definition does.
    fn said_of(&self, live: &Value) -> Result<Value, String> {
        let mut said = json!({"name": live["name"]});
        if let Some(from) = live.get("valueFrom") {
            let (key, reference, own) =
                match (from.get("secretKeyRef"), from.get("configMapKeyRef")) {
                    (Some(reference), _) => ("fromSecret", reference, naming::secret(self.id)),
                    (None, Some(reference)) => ("fromConfig", reference, naming::config(self.id)),
                    (None, None) => return Err(UNSAID.to_owned()),
                };
            said[key] = if reference["name"] == own {
                reference["key"].clone()
            } else {
                json!({"name": reference["name"], "key": reference["key"]})
            };
        } else {
            let value = live.get("value").cloned();
            said["value"] = escaped(value.unwrap_or_else(|| Value::from("")));
        }
        Ok(said)
    }

    fn service(&self, field: &FieldChange, names: &[&str]) -> Result<Edit, String> {
        let live = field.live.clone();
        match names {
            ["spec", "type"] => Ok(set(path(&["service", "type"]), live)),
            ["spec", "ports", "", part @ ("targetPort" | "nodePort")] => {
                let port = item_key(&field.path, 2, "port").and_then(Value::as_u64);
                let containers = self.definition.containers.iter().enumerate();
                let mut ports = containers.flat_map(|(c, container)| {
                    container
                        .ports
                        .iter()
                        .enumerate()
                        .map(move |(p, it)| (c, p, it))
                });
                let found = ports.find(|(_, _, it)| port == Some(u64::from(it.port)));
                let (c, p, _) = found.ok_or(UNSAID)?;
                let (c, p) = (c.to_string(), p.to_string());
                Ok(set(path(&["containers", &c, "ports", &p, part]), live))
            }
            _ => Err(UNSAID.to_owned()),
        }
    }

    fn ingress(&self, field: &FieldChange, names: &[&str]) -> Result<Edit, String> {
        let live = field.live.clone();
        match names {
            ["spec", "ingressClassName"] => Ok(set(path(&["ingress", "className"]), live)),
            ["spec", "tls"] => {
                let secret = live.map(|live| live[0]["secretName"].clone());
                Ok(set(path(&["ingress", "tlsSecret"]), secret))
            }
            ["spec", "rules"] => {
                let (Some(wanted), Some(live)) = (&field.wanted, &live) else {
                    return Err(UNSAID.to_owned());
                };
                let at = |pointer: &str| (wanted.pointer(pointer), live.pointer(pointer).cloned());
                let parts = [
                    ("/0/host", self.hostname_path()),
                    ("/0/http/paths/0/path", path(&["ingress", "path"])),
                    ("/0/http/paths/0/pathType", path(&["ingress", "pathType"])),
                ];
                // More than one of them at once is more than one place: each is tried by itself, and proved.
                let mut differing = parts.into_iter().filter(|(pointer, _)| {
                    let (wanted, live) = at(pointer);
                    wanted != live.as_ref()
                });
                match (differing.next(), differing.next()) {
                    (Some((pointer, steps)), None) => Ok(set(steps, at(pointer).1)),
                    _ => Err(
                        "its rules are changed in more than one place: change them by hand"
                            .to_owned(),
                    ),
                }
            }
            _ => Err(UNSAID.to_owned()),
        }
    }

    fn hostname_path(&self) -> Vec<PathStep> {
        let is_camel =
            !self.top["exposedHostname"].is_null() || !self.top["exposedService"].is_null();
        let is_snake = !self.top["exposed_hostname"].is_null();
        path(&[if is_camel && !is_snake {
            "exposedHostname"
        } else {
            "exposed_hostname"
        }])
    }

    fn config(&self, key: &ObjectKey, name: &str, live: Option<Value>) -> Result<Edit, String> {
        let last = vec![PathStep::Key(name.to_owned())];
        let live = live.map(escaped);
        if key.name == naming::config(self.id) {
            return Ok(set([path(&["config"]), last].concat(), live));
        }
        let mut volumes = self.definition.volumes.iter();
        let idx = volumes.position(|volume| naming::files(self.id, &volume.name) == key.name);
        let idx = idx.ok_or(UNSAID)?.to_string();
        Ok(set(
            [path(&["volumes", &idx, "config"]), last].concat(),
            live,
        ))
    }

    /// Refuses to write over what is made of parameters: they would be lost.
    fn is_literal(&self, edit: &Edit) -> Result<(), String> {
        let old = edit.path.iter().try_fold(&self.top, |at, step| match step {
            PathStep::Key(key) => at.get(key),
            PathStep::Index(idx) => at.get(*idx),
        });
        match old {
            Some(Value::String(text)) if text.contains('$') => Err(substituted(text)),
            _ => Ok(()),
        }
    }
}

fn substituted(text: &str) -> String {
    format!(
        "the definition makes it of `{text}`: change what stands behind that, or write the value out"
    )
}

/// Labels and annotations are texts, whatever they look like.
fn text(live: Option<Value>) -> Option<Value> {
    live.map(escaped)
}

/// Writes a text so that nothing in it is substituted.
fn escaped(value: Value) -> Value {
    match value {
        Value::String(text)
            if text.contains("$$") || text.contains("${") || text.contains("$id") =>
        {
            Value::from(text.replace('$', "$$"))
        }
        value => value,
    }
}

/// Writes a limit in the unit of its short form where it is whole in it.
fn short(name: &str, live: &Value) -> Value {
    let text = live
        .as_str()
        .map_or_else(|| live.to_string(), str::to_owned);
    let number = match name {
        "cpu" => Some(text.as_str()),
        _ => text.strip_suffix("Gi"),
    };
    let whole = number.and_then(|number| number.parse::<u32>().ok());
    whole.map_or_else(|| Value::from(text.clone()), Value::from)
}

/// Returns the key of a probe that says a field of it, and its value there.
fn probe_part(part: &[&str], live: Option<Value>) -> Option<(&'static str, Option<Value>)> {
    let seconds = |live: Option<Value>| live.map(|live| Value::from(format!("{live}s")));
    Some(match part {
        ["initialDelaySeconds"] => ("initialDelay", seconds(live)),
        ["periodSeconds"] => ("period", seconds(live)),
        ["timeoutSeconds"] => ("timeout", seconds(live)),
        ["failureThreshold"] => ("failures", live),
        ["httpGet", "path"] => ("http", live),
        ["httpGet", "port"] => ("port", live),
        ["tcpSocket", "port"] => ("tcp", live),
        ["exec", "command"] => ("exec", live),
        _ => return None,
    })
}
