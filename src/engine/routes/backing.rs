//! Whether the Services and ports are there that an Ingress routes to. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::definition::object::Object;

/// What of an Ingress leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Backing {
    /// All of it.
    Whole,
    /// Some of it: what does not, is named.
    Partial(Vec<String>),
    /// Nothing.
    Nowhere(Vec<String>),
}

/// Looks up what an Ingress routes to among the Services of its namespace. Of one that routes to nothing, nothing is missing.
pub(super) fn backing(ingress: &Object, services: &[&Object]) -> Backing {
    let backends = backends(&ingress.json["spec"]);
    let faults = backends.iter().filter_map(|it| missing(it, services));
    let missing: Vec<String> = faults.collect();
    let named: BTreeSet<String> = missing.iter().cloned().collect();
    let named: Vec<String> = named.into_iter().collect();
    match missing.len() {
        0 => Backing::Whole,
        n if n == backends.len() => Backing::Nowhere(named),
        _ => Backing::Partial(named),
    }
}

/// Returns the routes of a live Ingress that are more than those that are wanted, and lead somewhere. One that somebody edited is
/// there in the place of one that is not: the one that leads where that does, if there is one.
pub(super) fn added(live: &Object, wanted: &Object, services: &[&Object]) -> Vec<String> {
    let (live, wanted) = (routes(&live.json["spec"]), routes(&wanted.json["spec"]));
    let more = live.iter().filter(|route| !wanted.contains(route));
    let more = more.filter(|route| missing(route.backend, services).is_none());
    let mut more: Vec<&Route<'_>> = more.collect();
    let mut n_edited = 0;
    for edited in wanted.iter().filter(|route| !live.contains(route)) {
        match more.iter().position(|route| route.leads_as(edited)) {
            Some(idx) => drop(more.remove(idx)),
            None => n_edited += 1,
        }
    }
    match more.len() > n_edited {
        true => more.into_iter().map(Route::shown).collect(),
        false => Vec::new(),
    }
}

/// Tells whether a live Ingress has all routes that are wanted, whatever it has beside them.
pub(super) fn has_all(live: &Object, wanted: &Object) -> bool {
    let (live, wanted) = (routes(&live.json["spec"]), routes(&wanted.json["spec"]));
    wanted.iter().all(|route| live.contains(route))
}

/// What of a host and a path leads where.
#[derive(PartialEq)]
struct Route<'a> {
    host: &'a Value,
    path: &'a Value,
    path_type: &'a Value,
    backend: &'a Value,
}

impl Route<'_> {
    /// Tells whether it leads where another one does, of another host.
    fn leads_as(&self, other: &Self) -> bool {
        self.path == other.path && self.backend == other.backend
    }

    fn shown(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let to = match &self.backend["service"]["name"] {
            Value::String(name) => format!("Service/{name}"),
            _ => "what is no Service".to_owned(),
        };
        format!("{}{} → {to}", text(self.host), text(self.path))
    }
}

fn routes(spec: &Value) -> Vec<Route<'_>> {
    let rules = spec["rules"].as_array().into_iter().flatten();
    rules.flat_map(of_rule).collect()
}

fn of_rule(rule: &Value) -> impl Iterator<Item = Route<'_>> {
    let paths = rule["http"]["paths"].as_array().into_iter().flatten();
    paths.map(|path| Route {
        host: &rule["host"],
        path: &path["path"],
        path_type: &path["pathType"],
        backend: &path["backend"],
    })
}

fn backends(spec: &Value) -> Vec<&Value> {
    let by_path = routes(spec).into_iter().map(|route| route.backend);
    let default = &spec["defaultBackend"];
    by_path
        .chain((!default.is_null()).then_some(default))
        .collect()
}

/// Returns what is not there of a backend. One that is no Service is not judged.
fn missing(backend: &Value, services: &[&Object]) -> Option<String> {
    let service = backend.get("service")?;
    let name = service["name"].as_str().unwrap_or_default();
    let port = &service["port"];
    let Some(live) = services.iter().find(|live| live.key.name == name) else {
        return Some(format!("Service/{name}"));
    };
    let spec = &live.json["spec"];
    let mut ports = spec["ports"].as_array().into_iter().flatten();
    let has_port = |it: &Value| match port["number"].as_u64() {
        Some(number) => it["port"].as_u64() == Some(number),
        None => it["name"].as_str().is_some_and(|name| port["name"] == name),
    };
    // One that leads out of the cluster needs no ports.
    if spec["type"] == "ExternalName" || ports.any(has_port) {
        return None;
    }
    let port = match port["number"].as_u64() {
        Some(number) => number.to_string(),
        None => port["name"].as_str().unwrap_or_default().to_owned(),
    };
    Some(format!("port {port} of Service/{name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str, spec: Value) -> Object {
        let json =
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec});
        Object::from_json(json).unwrap()
    }

    fn check(backends: &[Value], expected: Backing) {
        let web = object(
            "Service",
            "web",
            json!({"ports": [{"name": "http", "port": 80}, {"port": 9000}]}),
        );
        let out = object("Service", "out", json!({"type": "ExternalName"}));
        let paths: Vec<Value> = backends.iter().map(|it| json!({"backend": it})).collect();
        let ingress = object(
            "Ingress",
            "web",
            json!({"rules": [{"http": {"paths": paths}}]}),
        );
        assert_eq!(backing(&ingress, &[&web, &out]), expected);
    }

    fn to(service: &str, port: Value) -> Value {
        json!({"service": {"name": service, "port": port}})
    }

    #[test]
    fn what_an_ingress_routes_to_is_looked_up() {
        let http = || to("web", json!({"number": 80}));
        let gone = || vec!["Service/api".to_owned()];
        check(
            &[http(), to("web", json!({"name": "http"}))],
            Backing::Whole,
        );
        check(&[to("out", json!({"number": 443}))], Backing::Whole);
        check(
            &[json!({"resource": {"kind": "Bucket", "name": "b"}})],
            Backing::Whole,
        );
        check(&[], Backing::Whole);
        check(
            &[to("api", json!({"number": 80}))],
            Backing::Nowhere(gone()),
        );
        check(
            &[http(), to("api", json!({"number": 80}))],
            Backing::Partial(gone()),
        );
        check(
            &[
                to("web", json!({"number": 81})),
                to("web", json!({"name": "admin"})),
            ],
            Backing::Nowhere(vec![
                "port 81 of Service/web".to_owned(),
                "port admin of Service/web".to_owned(),
            ]),
        );
    }

    #[test]
    fn routes_that_somebody_added_are_more_than_those_that_were_edited() {
        let ingress = |routes: &[(&str, &str)]| {
            let rules: Vec<Value> = routes
                .iter()
                .map(|(host, service)| {
                    let path = json!({"path": "/", "backend": to(service, json!({"number": 80}))});
                    json!({"host": host, "http": {"paths": [path]}})
                })
                .collect();
            object("Ingress", "web", json!({"rules": rules}))
        };
        let [web, api] =
            ["web", "api"].map(|name| object("Service", name, json!({"ports": [{"port": 80}]})));
        let wanted = ingress(&[("a.io", "web")]);
        let check = |live: &[(&str, &str)], expected: &[&str]| {
            assert_eq!(added(&ingress(live), &wanted, &[&web, &api]), expected);
        };
        check(&[("a.io", "web")], &[]);
        check(&[("b.io", "web")], &[]);
        check(
            &[("a.io", "web"), ("b.io", "api")],
            &["b.io/ → Service/api"],
        );
        // Its host moved: the old one is not what was added, wherever it stands.
        check(
            &[("b.io", "web"), ("c.io", "api")],
            &["c.io/ → Service/api"],
        );
        check(
            &[("c.io", "api"), ("b.io", "web")],
            &["c.io/ → Service/api"],
        );
        // What leads nowhere is no loss.
        check(&[("a.io", "web"), ("b.io", "gone")], &[]);
    }

    #[test]
    fn a_default_backend_counts_too() {
        let backend = to("web", json!({"number": 80}));
        let ingress = object("Ingress", "web", json!({"defaultBackend": backend}));
        let nowhere = Backing::Nowhere(vec!["Service/web".to_owned()]);
        assert_eq!(backing(&ingress, &[]), nowhere);
    }
}
