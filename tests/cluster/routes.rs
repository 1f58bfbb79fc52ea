//! Where instances are reached, and their routes computed again from what is there.

use bowline::engine::operation::Meeting;
use bowline::engine::plan::Change;
use bowline::engine::progress::{Outcome, Step};
use bowline::engine::remedy::Remedies;
use bowline::engine::routes::{RouteOptions, RoutePlan, Surroundings, plan_routes, run_routes};
use bowline::failure::FailureKind;
use bowline::service::address::AddressKind;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::engine::stage::{Fault, Stage, WEB};

/// Reached by a host of its own.
const EXPOSED: &str = "
containers:
  - name: web
    image: nginx:1.27
    ports: [{name: http, port: 80}]
exposed_service: web
exposed_port: 80
exposed_hostname: web.example.com
ingress: {path: /web, tlsSecret: web-tls}
";

/// Reached by the host of the settings.
const SHARED: &str = "
containers:
  - name: web
    image: nginx:1.27
    ports: [{name: http, port: 80}]
exposed_service: web
exposed_port: 80
";

fn service(kind: &str) -> String {
    format!("{WEB}service: {{type: {kind}}}\n")
}

impl Stage<'_> {
    /// Returns what a revision is rendered with.
    pub(crate) fn surroundings(&self, host: Option<&str>) -> Surroundings {
        Surroundings {
            ingress_host: host.map(str::to_owned),
            gpus: std::collections::BTreeMap::new(),
            yields: false,
            remedies: Remedies::default(),
            message: None,
            holder: "tester@here 4".to_owned(),
        }
    }

    async fn plan_routes(&self, ids: &[&str], host: Option<&str>) -> Vec<RoutePlan> {
        let surroundings = self.surroundings(host);
        let keys: Vec<_> = ids.iter().map(|id| self.key(id)).collect();
        plan_routes(self.engine(), &keys, &surroundings)
            .await
            .unwrap()
    }

    async fn plan_route(&self, id: &str, host: Option<&str>) -> RoutePlan {
        self.plan_routes(&[id], host).await.remove(0)
    }

    async fn run_routes(&self, plan: &RoutePlan, takes_conflicts: bool) -> Outcome {
        let options = RouteOptions {
            holder: "tester@here 4".to_owned(),
            takes_conflicts,
            meeting: Meeting::Judge,
        };
        run_routes(self.engine(), plan, &options, &|_| {}).await
    }

    /// Returns the addresses of an instance, each with what leads there.
    async fn addresses(&self, id: &str, node: Option<&str>) -> Vec<(AddressKind, String)> {
        let detail = self.engine().snapshot_instance(&self.key(id)).await;
        let detail = detail.unwrap().unwrap();
        let addresses = detail.addresses(node).into_iter();
        addresses.map(|it| (it.kind, it.address)).collect()
    }
}

async fn node_port(cluster: &Cluster, id: &str) -> Value {
    let service = cluster.get("Service", id).await.unwrap();
    service["spec"]["ports"][0]["nodePort"].clone()
}

fn balancer(service: &Value) -> String {
    let ip = &service["status"]["loadBalancer"]["ingress"][0]["ip"];
    ip.as_str().unwrap().to_owned()
}

pub(crate) async fn each_way_in_is_an_address(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("inside", WEB).await;
    let name = format!("inside.{}.svc:80", stage.engine().namespace());
    assert_eq!(
        stage.addresses("inside", None).await,
        [(AddressKind::ClusterIp, name)]
    );
    stage.deploy("nodes", &service("NodePort")).await;
    let port = node_port(&cluster, "nodes").await;
    assert_eq!(
        stage.addresses("nodes", None).await,
        [(AddressKind::NodePort, format!("<node>:{port}"))]
    );
    stage.deploy("balanced", &service("LoadBalancer")).await;
    let given = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.5"}]}}});
    let given = cluster.merge("Service", "balanced/status", &given).await;
    let mut ip = balancer(&given.unwrap());
    let told = loop {
        let told = stage.addresses("balanced", None).await;
        let now = balancer(&cluster.get("Service", "balanced").await.unwrap());
        // Who provides load balancers may give another one, before or after.
        if now == ip {
            break told;
        }
        ip = now;
    };
    assert_eq!(told, [(AddressKind::LoadBalancer, format!("{ip}:80"))]);
    stage.deploy("web", EXPOSED).await;
    let url = "https://web.example.com/web".to_owned();
    assert_eq!(
        stage.addresses("web", None).await,
        [(AddressKind::Ingress, url)]
    );
}

pub(crate) async fn all_routes_come_in_one_list_of_each_kind(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", EXPOSED).await;
    stage.deploy("api", WEB).await;
    let namespace = stage.engine().namespace();
    let routes = stage.engine().routes(Some(namespace)).await.unwrap();
    let mut of: Vec<&str> = routes.iter().map(|it| it.instance.id.as_str()).collect();
    of.sort_unstable();
    assert_eq!(of, ["api", "web", "web"]);
    let node = stage.engine().node_address().await.unwrap();
    assert!(node.is_some_and(|it| it.parse::<std::net::IpAddr>().is_ok()));
    // Who may not look at nodes is told of none, and nothing else.
    assert_eq!(stage.viewer().engine().node_address().await, Ok(None));
}

/// Returns what becomes of each route, with why.
fn changes(plan: &RoutePlan) -> Vec<(Change, String, Option<&str>)> {
    let objects = plan.routes.iter().map(|route| &route.object);
    objects
        .map(|it| (it.change, it.key.to_string(), it.note.as_deref()))
        .collect()
}

/// Returns the versions of what is written here: records and Ingresses.
async fn versions(cluster: &Cluster) -> Vec<Value> {
    let mut all = cluster.list("Ingress", "").await;
    all.extend(cluster.list("ConfigMap", "").await);
    let versions = all
        .iter()
        .map(|it| it["metadata"]["resourceVersion"].clone());
    versions.collect()
}

async fn host(cluster: &Cluster, id: &str) -> Value {
    let ingress = cluster.get("Ingress", id).await.unwrap();
    ingress["spec"]["rules"][0]["host"].clone()
}

async fn delete(cluster: &Cluster, kind: &str, name: &str) {
    cluster.delete(kind, name, json!({})).await.unwrap();
    cluster.until_gone(kind, name).await;
}

const GONE: &str = "it leads nowhere: Service/web is not there";

pub(crate) async fn another_host_of_the_settings_reaches_every_route(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", SHARED).await;
    stage
        .deploy("own", &EXPOSED.replace("web-tls", "own-tls"))
        .await;
    stage.deploy("inside", WEB).await;
    let ids = ["web", "own", "inside"];
    let plans = stage.plan_routes(&ids, Some("apps.example.com")).await;
    let found: Vec<_> = plans.iter().map(changes).collect();
    assert_eq!(
        found,
        [
            vec![(Change::Update, "Ingress/web".to_owned(), None)],
            vec![(Change::Unchanged, "Ingress/own".to_owned(), None)],
            vec![],
        ]
    );
    for plan in &plans {
        assert_eq!(plan.refusals, []);
        assert!(stage.run_routes(plan, false).await.is_complete());
    }
    assert_eq!(host(&cluster, "web").await, "apps.example.com");
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let annotations = &record["metadata"]["annotations"];
    assert_eq!(annotations["bowline.dev/revision"], "1");
    assert_eq!(annotations["bowline.dev/operation"], Value::Null);
    // Nothing is left to do, and nothing is done.
    let before = versions(&cluster).await;
    for plan in stage.plan_routes(&ids, Some("apps.example.com")).await {
        assert!(plan.is_noop(), "{plan:?}");
        assert_eq!(stage.run_routes(&plan, false).await, Outcome::default());
    }
    assert_eq!(versions(&cluster).await, before);
}

pub(crate) async fn a_lost_route_is_made_again_and_a_dangling_one_removed(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", EXPOSED).await;
    let made = cluster.get("Ingress", "web").await.unwrap();
    delete(&cluster, "Ingress", "web").await;
    let another = |name: &str| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": name, "labels": made["metadata"]["labels"]},
            "spec": made["spec"],
        })
    };
    // One that an earlier revision may have made, and one that only bears the labels.
    cluster.apply("bowline/web", &another("old")).await.unwrap();
    cluster.apply("tester", &another("theirs")).await.unwrap();
    let plan = stage.plan_route("web", None).await;
    assert_eq!(
        changes(&plan),
        [
            (Change::Create, "Ingress/web".to_owned(), None),
            (
                Change::Delete,
                "Ingress/old".to_owned(),
                Some("revision 1 does not make it")
            ),
        ]
    );
    assert_eq!(
        plan.warnings,
        ["Ingress/theirs is left: it bears the labels, but bowline did not write it"]
    );
    let outcome = stage.run_routes(&plan, false).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    cluster.until_gone("Ingress", "old").await;
    assert_eq!(host(&cluster, "web").await, "web.example.com");
    assert_eq!(host(&cluster, "theirs").await, "web.example.com");
}

pub(crate) async fn a_route_goes_only_while_it_leads_nowhere(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", EXPOSED).await;
    delete(&cluster, "Service", "web").await;
    let plan = stage.plan_route("web", None).await;
    let expected = [(Change::Delete, "Ingress/web".to_owned(), Some(GONE))];
    assert_eq!(changes(&plan), expected);
    // It comes back before the plan is carried out.
    let back = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 80}]},
    });
    cluster.apply("tester", &back).await.unwrap();
    let outcome = stage.run_routes(&plan, false).await;
    let [(Step::Delete(_), failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert_eq!(host(&cluster, "web").await, "web.example.com");
    delete(&cluster, "Service", "web").await;
    let plan = stage.plan_route("web", None).await;
    assert!(stage.run_routes(&plan, false).await.is_complete());
    cluster.until_gone("Ingress", "web").await;
    let plan = stage.plan_route("web", None).await;
    assert!(plan.is_noop(), "{plan:?}");
    let why = format!(
        "Ingress/web is not made, as Service/web is not there: `bowline deploy web -n {}` makes both again",
        cluster.namespace
    );
    assert_eq!(plan.warnings, [why]);
    stage.deploy("web", EXPOSED).await;
    assert_eq!(host(&cluster, "web").await, "web.example.com");
}

pub(crate) async fn who_works_on_an_instance_keeps_its_routes_alone(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", SHARED).await;
    stage.deploy("api", SHARED).await;
    let shown = stage.plan_route("web", Some("apps.example.com")).await;
    let noted = json!({"kind": "deploy", "step": "apply Service/web", "holder": "ann@bastion/7",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    let note =
        |noted: Value| json!({"metadata": {"annotations": {"bowline.dev/operation": noted}}});
    let busy = note(Value::from(noted.to_string()));
    cluster
        .merge("ConfigMap", "bowline-web", &busy)
        .await
        .unwrap();
    let plans = stage
        .plan_routes(&["web", "api"], Some("apps.example.com"))
        .await;
    let busy = format!(
        "{}/web is busy: ann@bastion/7 runs a deploy",
        cluster.namespace
    );
    assert!(plans[0].refusals[0].summary.starts_with(&busy), "{plans:?}");
    assert!(stage.run_routes(&plans[1], false).await.is_complete());
    let outcome = stage.run_routes(&shown, false).await;
    assert!(
        matches!(outcome.failed.as_slice(), [(Step::Claim, failure)] if failure.summary.starts_with(&busy)),
        "{outcome:?}"
    );
    assert_eq!(host(&cluster, "web").await, Value::Null);
    assert_eq!(host(&cluster, "api").await, "apps.example.com");
    // What was shown is of another revision by the time that it is carried out.
    let free = note(Value::Null);
    cluster
        .merge("ConfigMap", "bowline-web", &free)
        .await
        .unwrap();
    stage.deploy("web", EXPOSED).await;
    let outcome = stage.run_routes(&shown, false).await;
    let [(Step::Claim, failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert_eq!(host(&cluster, "web").await, "web.example.com");
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let annotations = &record["metadata"]["annotations"];
    assert_eq!(annotations["bowline.dev/operation"], Value::Null);
}

pub(crate) async fn what_others_own_of_a_route_is_taken_only_where_that_is_wanted(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", EXPOSED).await;
    let mut edited = cluster.get("Ingress", "web").await.unwrap()["spec"]["rules"].clone();
    edited[0]["host"] = json!("other.example.com");
    let patch = json!({"spec": {"rules": edited}});
    let edited = cluster
        .merge_as("kubectl-edit", "Ingress", "web", &patch)
        .await;
    edited.unwrap();
    let plan = stage.plan_route("web", None).await;
    assert_eq!(changes(&plan)[0].0, Change::Update);
    assert_eq!(plan.refusals, []);
    let conflicts: Vec<_> = plan.conflicts.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(conflicts, [".spec.rules"]);
    assert!(!stage.run_routes(&plan, false).await.is_complete());
    assert_eq!(host(&cluster, "web").await, "other.example.com");
    assert!(stage.run_routes(&plan, true).await.is_complete());
    assert_eq!(host(&cluster, "web").await, "web.example.com");
    assert!(stage.plan_route("web", None).await.is_noop());

    // A route beside it that works stays, and is asked for where something is to change.
    let mut rules = cluster.get("Ingress", "web").await.unwrap()["spec"]["rules"].clone();
    let mut more = rules[0].clone();
    more["host"] = json!("more.example.com");
    rules.as_array_mut().unwrap().push(more);
    let patch = json!({"spec": {"rules": rules}});
    let edited = cluster.merge_as("kubectl-edit", "Ingress", "web", &patch);
    edited.await.unwrap();
    let plan = stage.plan_route("web", None).await;
    assert!(plan.is_noop(), "{plan:?}");
    assert_eq!((plan.refusals, plan.conflicts), (vec![], vec![]));
    assert_eq!(
        plan.warnings,
        [
            "Ingress/web keeps more.example.com/web → Service/web, which somebody added: a deploy asks what becomes of it"
        ]
    );
    // What else is to change does, and whoever added it owns it still.
    let patch = json!({"spec": {"tls": [{"secretName": "theirs"}]}});
    let edited = cluster.merge_as("kubectl-edit", "Ingress", "web", &patch);
    edited.await.unwrap();
    let plan = stage.plan_route("web", None).await;
    let conflicts: Vec<_> = plan.conflicts.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(conflicts, [".spec.tls"]);
    assert!(stage.run_routes(&plan, true).await.is_complete());
    let live = cluster.get("Ingress", "web").await.unwrap();
    assert_eq!(live["spec"]["tls"][0]["secretName"], "web-tls");
    assert_eq!(live["spec"]["rules"], rules);
    let deploy = stage.plan("web", EXPOSED).await;
    let conflicts: Vec<_> = deploy
        .conflicts
        .iter()
        .map(|it| it.field.as_str())
        .collect();
    assert_eq!(conflicts, [".spec.rules"]);

    rules[0]["host"] = json!("other.example.com");
    let patch = json!({"spec": {"rules": rules}});
    let edited = cluster.merge_as("kubectl-edit", "Ingress", "web", &patch);
    edited.await.unwrap();
    let plan = stage.plan_route("web", None).await;
    let told: Vec<_> = plan.refusals.iter().map(|it| it.summary.as_str()).collect();
    assert_eq!(
        told,
        [
            "Ingress/web is not changed: somebody added more.example.com/web → Service/web, which leads somewhere and would go"
        ]
    );
    assert!(!stage.run_routes(&plan, true).await.is_complete());
    let live = cluster.get("Ingress", "web").await.unwrap();
    assert_eq!(live["spec"]["rules"], rules);
}

pub(crate) async fn a_route_without_an_answer_is_looked_for(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", SHARED).await;
    let late = |method| Fault::after(method, "/ingresses/web", StatusCode::GATEWAY_TIMEOUT);
    let faulty = stage.with(late(Method::PATCH));
    let plan = faulty.plan_route("web", Some("apps.example.com")).await;
    let outcome = faulty.run_routes(&plan, false).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(faulty.n_writes(), 1);
    assert_eq!(host(&cluster, "web").await, "apps.example.com");
    delete(&cluster, "Service", "web").await;
    let faulty = stage.with(late(Method::DELETE));
    let plan = faulty.plan_route("web", Some("apps.example.com")).await;
    let outcome = faulty.run_routes(&plan, false).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(faulty.n_writes(), 1);
    cluster.until_gone("Ingress", "web").await;
}

pub(crate) async fn a_viewer_is_shown_what_would_become_of_routes(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", SHARED).await;
    let viewer = stage.viewer();
    let plan = viewer.plan_route("web", Some("apps.example.com")).await;
    assert_eq!(changes(&plan)[0].0, Change::Update);
    let kinds: Vec<_> = plan.refusals.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [FailureKind::Forbidden]);
    let before = versions(&cluster).await;
    assert!(!viewer.run_routes(&plan, false).await.is_complete());
    assert_eq!(versions(&cluster).await, before);
}

pub(crate) async fn a_change_of_routes_that_was_cut_off_is_done_by_the_next(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", SHARED).await;
    let noted = json!({"kind": "update-ingress", "step": "apply Ingress/web", "holder": "ann@bastion/7",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    let patch = json!({"metadata": {"annotations": {"bowline.dev/operation": noted.to_string()}}});
    let noted = cluster.merge("ConfigMap", "bowline-web", &patch).await;
    noted.unwrap();
    let plan = stage.plan_route("web", Some("apps.example.com")).await;
    assert_eq!(plan.refusals, []);
    let [warning] = plan.warnings.as_slice() else {
        panic!("{plan:?}")
    };
    assert!(
        warning.starts_with("ann@bastion/7 has begun an update-ingress"),
        "{warning}"
    );
    let outcome = stage.run_routes(&plan, false).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(host(&cluster, "web").await, "apps.example.com");
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let annotations = &record["metadata"]["annotations"];
    assert_eq!(annotations["bowline.dev/operation"], Value::Null);
}
