//! What a case is given: requests in a namespace of its own, answered by values or refusals.

use std::time::Duration;

use futures::AsyncBufReadExt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// The longest that anything is waited for: what is not there by then never comes, however busy the machine is.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// How long until one asks again for what no watch tells of.
const PACE: Duration = Duration::from_millis(20);
/// Asks for groups with their kinds, as clients do that discover a server.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A cluster with a namespace for one case.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub admin: Client,
    /// Reads everything in every namespace.
    pub viewer: Client,
    /// Has no role.
    pub nobody: Client,
    pub namespace: String,
}

/// What the API said no with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub code: u16,
    pub reason: String,
    pub message: String,
    pub causes: Vec<Cause>,
    /// `<resource>/<name>` of the object, as far as `details` names them.
    pub about: String,
}

/// One cause of a refusal: reason, field, message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause(pub String, pub String, pub String);

/// An answer whole, for the cases that look at more than the object.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Refusal {
    /// Asserts code and reason, and that the message holds these words.
    pub(crate) fn check(&self, code: u16, reason: &str, words: &str) {
        assert_eq!(
            (self.code, self.reason.as_str()),
            (code, reason),
            "{self:?}"
        );
        assert!(
            self.message.contains(words),
            "{self:?} does not say {words:?}"
        );
    }

    /// Returns the fields that the causes name.
    pub(crate) fn fields(&self) -> Vec<&str> {
        self.causes.iter().map(|cause| cause.1.as_str()).collect()
    }
}

impl Answer {
    pub(crate) fn value(&self) -> Result<Value, Refusal> {
        let value: Value = serde_json::from_str(&self.text).unwrap_or(Value::Null);
        if self.status.is_success() {
            return Ok(value);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let causes = value["details"]["causes"].as_array().into_iter().flatten();
        Err(Refusal {
            code: self.status.as_u16(),
            reason: text(&value["reason"]),
            message: if value.is_null() {
                self.text.clone()
            } else {
                text(&value["message"])
            },
            causes: causes
                .map(|cause| {
                    Cause(
                        text(&cause["reason"]),
                        text(&cause["field"]),
                        text(&cause["message"]),
                    )
                })
                .collect(),
            about: [&value["details"]["kind"], &value["details"]["name"]]
                .map(text)
                .join("/"),
        })
    }
}

/// Sends a request and returns the whole answer.
pub(crate) async fn send(
    client: &Client,
    method: Method,
    path: &str,
    content_type: &str,
    body: String,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .header("accept", "application/json")
        .body(Body::from(body.into_bytes()))
        .unwrap();
    let response = tokio::time::timeout(DEADLINE, client.send(request))
        .await
        .expect("an answer in time")
        .unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Sends a request with an empty or JSON body.
pub(crate) async fn ask(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Refusal> {
    let text = body.map(Value::to_string).unwrap_or_default();
    send(client, method, path, "application/json", text)
        .await
        .value()
}

/// Returns where the objects of a kind live: group, version, plural name, and whether in a namespace.
fn resource(kind: &str) -> (&'static str, &'static str, bool) {
    match kind {
        "ConfigMap" => ("api/v1", "configmaps", true),
        "Endpoints" => ("api/v1", "endpoints", true),
        "Event" => ("api/v1", "events", true),
        "Namespace" => ("api/v1", "namespaces", false),
        "Node" => ("api/v1", "nodes", false),
        "PersistentVolume" => ("api/v1", "persistentvolumes", false),
        "PersistentVolumeClaim" => ("api/v1", "persistentvolumeclaims", true),
        "Pod" => ("api/v1", "pods", true),
        "ResourceQuota" => ("api/v1", "resourcequotas", true),
        "Secret" => ("api/v1", "secrets", true),
        "Service" => ("api/v1", "services", true),
        "ServiceAccount" => ("api/v1", "serviceaccounts", true),
        "Deployment" => ("apis/apps/v1", "deployments", true),
        "DaemonSet" => ("apis/apps/v1", "daemonsets", true),
        "ReplicaSet" => ("apis/apps/v1", "replicasets", true),
        "Job" => ("apis/batch/v1", "jobs", true),
        "CronJob" => ("apis/batch/v1", "cronjobs", true),
        "StatefulSet" => ("apis/apps/v1", "statefulsets", true),
        "EndpointSlice" => ("apis/discovery.k8s.io/v1", "endpointslices", true),
        "Ingress" => ("apis/networking.k8s.io/v1", "ingresses", true),
        "PodDisruptionBudget" => ("apis/policy/v1", "poddisruptionbudgets", true),
        "HorizontalPodAutoscaler" => ("apis/autoscaling/v2", "horizontalpodautoscalers", true),
        "StorageClass" => ("apis/storage.k8s.io/v1", "storageclasses", false),
        "PriorityClass" => ("apis/scheduling.k8s.io/v1", "priorityclasses", false),
        "SelfSubjectAccessReview" => (
            "apis/authorization.k8s.io/v1",
            "selfsubjectaccessreviews",
            false,
        ),
        "SelfSubjectRulesReview" => (
            "apis/authorization.k8s.io/v1",
            "selfsubjectrulesreviews",
            false,
        ),
        _ => panic!("no case has asked for {kind} yet"),
    }
}

pub(crate) fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn kind_of(object: &Value) -> &str {
    object["kind"].as_str().unwrap()
}

/// Looks again and again until there is something, where no watch tells of it; `what` says what that is.
pub(crate) async fn until_found<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(PACE).await;
        }
    };
    let found = tokio::time::timeout(DEADLINE, looking).await;
    found.unwrap_or_else(|_| panic!("never found: {what}"))
}

impl Cluster {
    /// Creates the namespace, and returns when it has what every namespace is given: pods can be created in it then, and what is
    /// counted in it stays as it is.
    pub(crate) async fn create_namespace(&self) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}});
        self.create(&namespace).await.unwrap();
        for (kind, name) in [
            ("ServiceAccount", "default"),
            ("ConfigMap", "kube-root-ca.crt"),
        ] {
            self.until(kind, name, |object| !object.is_null()).await;
        }
    }

    /// Defines a kind, and returns once it is served and discovered: a server does each a moment after it took the definition.
    pub(crate) async fn define(&self, definition: &Value) {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        ask(&self.admin, Method::POST, path, Some(definition))
            .await
            .unwrap();
        let (group, names) = (&definition["spec"]["group"], &definition["spec"]["names"]);
        let (group, plural) = (group.as_str().unwrap(), names["plural"].as_str().unwrap());
        let version = definition["spec"]["versions"][0]["name"].as_str().unwrap();
        let all = format!("/apis/{group}/{version}/{plural}");
        until_found(&all, async || {
            let is_served = ask(&self.admin, Method::GET, &all, None).await.is_ok();
            let is_known = is_served && self.discovers(group, &names["kind"]).await;
            is_known.then_some(())
        })
        .await;
    }

    async fn discovers(&self, group: &str, kind: &Value) -> bool {
        let request = Request::get("/apis")
            .header("accept", DISCOVERY)
            .body(Vec::new())
            .unwrap();
        let root: Value = self.admin.request(request).await.unwrap();
        let groups = root["items"].as_array().into_iter().flatten();
        let of_group = groups.filter(|it| name_of(it) == group);
        let versions = of_group.flat_map(|it| it["versions"].as_array().into_iter().flatten());
        let mut kinds = versions.flat_map(|it| it["resources"].as_array().into_iter().flatten());
        kinds.any(|it| it["responseKind"]["kind"] == *kind)
    }

    /// Returns the path of all objects of a kind in the namespace of this case.
    pub(crate) fn path(&self, kind: &str) -> String {
        self.path_in(&self.namespace, kind)
    }

    pub(crate) fn path_in(&self, namespace: &str, kind: &str) -> String {
        match resource(kind) {
            (group, plural, true) => format!("/{group}/namespaces/{namespace}/{plural}"),
            (group, plural, false) => format!("/{group}/{plural}"),
        }
    }

    pub(crate) async fn create(&self, object: &Value) -> Result<Value, Refusal> {
        ask(
            &self.admin,
            Method::POST,
            &self.path(kind_of(object)),
            Some(object),
        )
        .await
    }

    pub(crate) async fn get(&self, kind: &str, name: &str) -> Result<Value, Refusal> {
        ask(
            &self.admin,
            Method::GET,
            &format!("{}/{name}", self.path(kind)),
            None,
        )
        .await
    }

    /// Returns the objects of a kind that bear a label; all for an empty selector.
    pub(crate) async fn list(&self, kind: &str, selector: &str) -> Vec<Value> {
        let selector = selector.replace('=', "%3D");
        let path = format!("{}?labelSelector={selector}", self.path(kind));
        let list = ask(&self.admin, Method::GET, &path, None).await.unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Applies an object, strictly and without force.
    pub(crate) async fn apply(&self, manager: &str, object: &Value) -> Result<Value, Refusal> {
        self.apply_with(&self.admin, manager, object, "")
            .await
            .value()
    }

    pub(crate) async fn force(&self, manager: &str, object: &Value) -> Result<Value, Refusal> {
        self.apply_with(&self.admin, manager, object, "&force=true")
            .await
            .value()
    }

    pub(crate) async fn apply_with(
        &self,
        client: &Client,
        manager: &str,
        object: &Value,
        query: &str,
    ) -> Answer {
        let manager = manager.replace('/', "%2F");
        let path = format!(
            "{}/{}?fieldManager={manager}&fieldValidation=Strict{query}",
            self.path(kind_of(object)),
            name_of(object)
        );
        send(
            client,
            Method::PATCH,
            &path,
            "application/apply-patch+yaml",
            object.to_string(),
        )
        .await
    }

    /// Sends a JSON merge patch.
    pub(crate) async fn merge(
        &self,
        kind: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, Refusal> {
        self.merge_as("tester", kind, name, patch).await
    }

    /// Sends a JSON merge patch as a field manager; `name` may end with a subresource.
    pub(crate) async fn merge_as(
        &self,
        manager: &str,
        kind: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, Refusal> {
        let path = format!(
            "{}/{name}?fieldManager={}",
            self.path(kind),
            manager.replace('/', "%2F")
        );
        send(
            &self.admin,
            Method::PATCH,
            &path,
            "application/merge-patch+json",
            patch.to_string(),
        )
        .await
        .value()
    }

    /// Sends a strategic merge patch as a field manager, as `kubectl edit` does.
    pub(crate) async fn strategic_as(
        &self,
        manager: &str,
        kind: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, Refusal> {
        let path = format!("{}/{name}?fieldManager={manager}", self.path(kind));
        send(
            &self.admin,
            Method::PATCH,
            &path,
            "application/strategic-merge-patch+json",
            patch.to_string(),
        )
        .await
        .value()
    }

    pub(crate) async fn json_patch(
        &self,
        kind: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, Refusal> {
        let path = format!("{}/{name}?fieldManager=tester", self.path(kind));
        send(
            &self.admin,
            Method::PATCH,
            &path,
            "application/json-patch+json",
            patch.to_string(),
        )
        .await
        .value()
    }

    /// Deletes an object with these delete options.
    pub(crate) async fn delete(
        &self,
        kind: &str,
        name: &str,
        options: Value,
    ) -> Result<Value, Refusal> {
        ask(
            &self.admin,
            Method::DELETE,
            &format!("{}/{name}", self.path(kind)),
            Some(&options),
        )
        .await
    }

    /// Waits until an object is as wanted, `Null` standing for one that is not there, and returns it.
    pub(crate) async fn until(
        &self,
        kind: &str,
        name: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let selector = format!("fieldSelector=metadata.name%3D{name}");
        let objects = self.until_all(kind, &selector, |objects| {
            is_wanted(objects.first().unwrap_or(&Value::Null))
        });
        objects.await.into_iter().next().unwrap_or(Value::Null)
    }

    pub(crate) async fn until_gone(&self, kind: &str, name: &str) {
        self.until(kind, name, Value::is_null).await;
    }

    /// Waits until the objects that a query selects are as wanted, and returns them in the order of their names.
    pub(crate) async fn until_all(
        &self,
        kind: &str,
        query: &str,
        is_wanted: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let mut objects = Vec::new();
        let waiting = self.follow(kind, query, &mut objects, is_wanted);
        let is_late = tokio::time::timeout(DEADLINE, waiting).await.is_err();
        assert!(
            !is_late,
            "{kind} {query} never became what was waited for; last seen: {objects:#?}"
        );
        objects
    }

    /// Lists, then applies what a watch tells, until the objects are as wanted. A watch that ends starts it anew.
    async fn follow(
        &self,
        kind: &str,
        query: &str,
        objects: &mut Vec<Value>,
        is_wanted: impl Fn(&[Value]) -> bool,
    ) {
        loop {
            let path = self.path(kind);
            let list = ask(&self.admin, Method::GET, &format!("{path}?{query}"), None)
                .await
                .unwrap();
            *objects = list["items"].as_array().cloned().unwrap_or_default();
            if is_wanted(objects) {
                return;
            }
            let version = list["metadata"]["resourceVersion"].as_str().unwrap();
            let mut watch = self
                .watch(kind, &format!("{query}&resourceVersion={version}"))
                .await;
            while let Some(event) = watch.next().await {
                if event["type"] == "ERROR" {
                    break;
                }
                let object = &event["object"];
                objects.retain(|known| name_of(known) != name_of(object));
                if event["type"] != "DELETED" {
                    objects.push(object.clone());
                    objects.sort_by(|a, b| name_of(a).cmp(name_of(b)));
                }
                if is_wanted(objects) {
                    return;
                }
            }
        }
    }

    /// Opens a watch of a kind in the namespace.
    pub(crate) async fn watch(&self, kind: &str, query: &str) -> Watch {
        self.watch_as(kind, query, "application/json").await
    }

    pub(crate) async fn watch_as(&self, kind: &str, query: &str, accept: &str) -> Watch {
        let request = Request::get(format!("{}?watch=1&{query}", self.path(kind)))
            .header("accept", accept)
            .body(Vec::new())
            .unwrap();
        let stream = self.admin.request_stream(request).await.unwrap();
        Watch {
            lines: Box::pin(stream.lines()),
        }
    }
}

/// The events of a watch.
pub(crate) struct Watch {
    lines: std::pin::Pin<Box<dyn futures::Stream<Item = std::io::Result<String>> + Send>>,
}

impl Watch {
    /// Returns the next event; `None` when the watch has ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        use futures::StreamExt;
        let line = tokio::time::timeout(DEADLINE, self.lines.next())
            .await
            .expect("an event in time")?;
        Some(serde_json::from_str(&line.unwrap()).unwrap())
    }

    /// Returns the next event that is no bookmark. A watch that asked for bookmarks may get one at any time; a server sends another
    /// within a second of the one that ends the initial events where anything of the kind was written meanwhile.
    pub(crate) async fn next_change(&mut self) -> Value {
        loop {
            let event = self.next().await.expect("the watch goes on");
            if event["type"] != "BOOKMARK" {
                return event;
            }
        }
    }
}
