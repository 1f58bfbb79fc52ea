//! Walks: an operation is run undisturbed, then killed at each of its writes and finished by others.

use std::collections::BTreeSet;

use bowline::engine::adjust::{Adjustment, plan_adjustment, run_adjustment};
use bowline::engine::adopt::run_adopt;
use bowline::engine::claims::plan_release;
use bowline::engine::deploy::{DeployRequest, RunOptions, run_deploy};
use bowline::engine::plan::{DeployPlan, TeardownPlan, VolumeChoice};
use bowline::engine::progress::Outcome;
use bowline::engine::remedy::{Remedies, Remedy};
use bowline::engine::restore::{RestoreRequest, plan_restore, run_restore};
use bowline::engine::resume::Surroundings;
use bowline::engine::retained::plan_volume_release;
use bowline::engine::rollback::run_rollback;
use bowline::engine::routes::{plan_routes, run_routes};
use bowline::engine::teardown::run_teardown;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::cut::{Cut, Moment};
use super::resuming::{
    adjust_options, adopt_options, no_secrets, noted, plan_back, resume, revision, route_options,
    surroundings, teardown_options,
};
use super::state::settled;
use crate::cluster::{Cluster, name_of};
use crate::engine::stage::Stage;
use crate::objects::{config_map, service};

/// How many walks go at once.
const AT_ONCE: usize = 6;

/// A config, a claim and a Service, all of which are written.
pub(super) const FIRST: &str = "
workload: Deployment
replicas: 1
containers:
  - name: web
    image: nginx:1.27
    ports: [{name: http, port: 80}]
    env: [{name: LEVEL, fromConfig: LEVEL}]
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
config: {LEVEL: info}
";

/// The config leaves, and the claim; the rest changes.
pub(super) const SECOND: &str = "
workload: Deployment
replicas: 1
containers:
  - name: web
    image: nginx:1.28
    ports: [{name: http, port: 80}]
";

/// Its route is under the host of the settings.
const EXPOSED: &str = "
workload: Deployment
containers:
  - name: web
    image: nginx:1.28
    ports: [{name: http, port: 80}]
exposed_service: web
exposed_port: 80
";

/// One with a claim for each pod.
const DB: &str = "
replicas: 1
containers:
  - name: db
    image: postgres:16
    ports: [{name: sql, port: 5432}]
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
";

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    Create,
    Update,
    Rollback,
    Teardown(VolumeChoice),
    /// A deploy that grows claims and their template.
    Grow,
    /// A deploy that makes its workload anew.
    Recreate,
    /// A deploy that binds a retained volume again.
    BindAgain,
    /// Putting back what was taken down, with its retained volume.
    Restore,
    /// Deleting the claims that an update left.
    ReleaseClaims,
    /// Freeing the volumes that were retained of what runs again: all, or one that is named.
    Release {
        is_named: bool,
    },
    /// A deploy that takes a field from another manager.
    Force,
    Scale,
    Restart,
    Routes,
    /// Taking over what Helm made, where no instance was before.
    Adopt,
    /// Taking over what was edited of an instance.
    AdoptEdited,
}

/// Runs an operation undisturbed, then once for each moment at which it can be killed.
pub(super) async fn walk(cluster: &Cluster, walk: Walk) {
    let stage = Stage::new(cluster);
    walk.stock(cluster).await;
    let whole = Cut::at(cluster.admin.clone(), None);
    Box::pin(walk.prepare(&stage, "whole")).await;
    let outcome = Box::pin(walk.run(&whole, &stage, "whole")).await.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    let expected = settled(cluster, "whole").await;
    let n_writes = whole.n_writes();
    assert!(n_writes >= walk.least(), "{n_writes} writes are no walk");
    let walks = stream::iter(walk.moments(n_writes))
        .map(|moment| walk.survives(cluster, moment, &expected));
    walks.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// The same with the number of replicas left open.
fn open() -> String {
    DB.replace("replicas: 1\n", "")
}

impl Walk {
    /// The fewest writes that it consists of.
    fn least(self) -> usize {
        match self {
            // Claimed, stepped, written and cleared.
            Self::Scale
            | Self::Restart
            | Self::Routes
            | Self::AdoptEdited
            | Self::ReleaseClaims
            | Self::Release { .. } => 4,
            _ => 6,
        }
    }

    /// Returns the moments at which it is killed. What the server has is the same after a write and before the next one; that
    /// the program knows no more is walked where it is cheap.
    fn moments(self, n_writes: usize) -> Vec<Moment> {
        let mut all = Moment::all(n_writes);
        if matches!(
            self,
            Self::Grow
                | Self::Recreate
                | Self::BindAgain
                | Self::Restore
                | Self::Release { .. }
                | Self::Force
        ) {
            all.retain(|it| matches!(it, Moment::After(_)) || *it == Moment::Before(0));
        }
        all
    }

    /// Returns an ID for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Grow => "grow",
            Self::Recreate => "anew",
            Self::BindAgain => "bind",
            _ => "web",
        }
    }

    /// Makes what all walks of it need.
    pub(super) async fn stock(self, cluster: &Cluster) {
        if self == Self::Grow {
            let class = json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
                "metadata": {"name": growing(cluster)},
                "provisioner": "kubernetes.io/host-path", "allowVolumeExpansion": true,
            });
            cluster.create(&class).await.unwrap();
        }
    }

    /// Brings an instance to where the operation begins.
    pub(super) async fn prepare(self, stage: &Stage<'_>, id: &str) {
        let cluster = stage.case();
        let before: Vec<String> = match self {
            Self::Create | Self::Adopt => vec![],
            Self::Update | Self::Force | Self::AdoptEdited => vec![FIRST.to_owned()],
            Self::Rollback | Self::ReleaseClaims => vec![FIRST.to_owned(), SECOND.to_owned()],
            Self::Teardown(_) | Self::BindAgain | Self::Restore => vec![DB.to_owned()],
            Self::Recreate => vec![open()],
            Self::Grow => vec![sized(cluster, "1Gi")],
            Self::Release { .. } => vec![self.text(cluster)],
            Self::Scale | Self::Restart => vec![SECOND.to_owned()],
            Self::Routes => vec![EXPOSED.to_owned()],
        };
        for text in &before {
            let outcome = stage.deploy(id, text).await;
            assert!(outcome.is_complete(), "{outcome:?}");
        }
        let has_claims = before.iter().any(|text| text.contains("postgres"));
        if has_claims || matches!(self, Self::Scale | Self::Restart | Self::Routes) {
            // Its claim is there and bound, and nobody else changes it any more.
            assert!(stage.wait(id).await.is_complete());
        }
        match self {
            Self::BindAgain | Self::Restore => {
                let taken = stage.teardown(id, VolumeChoice::Retain).await;
                assert!(taken.is_complete(), "{taken:?}");
                until_volume(cluster, id, "Released").await;
            }
            Self::ReleaseClaims => {
                assert!(stage.wait(id).await.is_complete());
                let of_instance = format!("labelSelector=app.kubernetes.io/instance%3D{id}");
                // A pod of the revision before uses the claim until it is gone.
                let is_alone = |pods: &[Value]| pods.len() == 1;
                cluster.until_all("Pod", &of_instance, is_alone).await;
            }
            Self::Release { .. } => {
                let taken = stage.teardown(id, VolumeChoice::Retain).await;
                assert!(taken.is_complete(), "{taken:?}");
                until_phases(cluster, id, &["Released", "Released"]).await;
                let outcome = stage.deploy(id, &self.text(cluster)).await;
                assert!(outcome.is_complete(), "{outcome:?}");
                assert!(stage.wait(id).await.is_complete());
            }
            Self::Force => {
                let containers = json!([{"name": "web", "image": "nginx:1.29"}]);
                let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
                let edited = cluster.strategic_as("kubectl-edit", "Deployment", id, &patch);
                edited.await.unwrap();
            }
            Self::Recreate => {
                // Whoever goes on with it knows no more than what is noted, once the old one is gone.
                stage.adjust(id, Adjustment::Scale(0)).await;
                assert!(stage.wait(id).await.is_complete());
            }
            Self::Adopt => made_by_helm(cluster, id).await,
            Self::AdoptEdited => {
                let (name, more) = (format!("{id}-config"), json!({"data": {"EXTRA": "1"}}));
                let edited = cluster.merge_as("kubectl-edit", "ConfigMap", &name, &more);
                edited.await.unwrap();
            }
            _ => {}
        }
    }

    /// Plans as anybody does, and runs over a connection that may be cut; none if it was.
    pub(super) async fn run(self, cut: &Cut, stage: &Stage<'_>, id: &str) -> Option<Outcome> {
        let engine = &cut.engine(stage);
        match self {
            Self::Rollback => {
                let plan = plan_back(stage, id).await;
                let options = RunOptions::default();
                cut.run(run_rollback(engine, &plan, options, &|_| {})).await
            }
            Self::Teardown(volumes) => {
                let plan = stage.plan_teardown(id, volumes).await;
                let run = async { run_teardown(engine, &plan, &teardown_options(), &|_| {}).await };
                cut.run(run).await
            }
            Self::Release { .. } | Self::ReleaseClaims => {
                let plan = self.planned_release(stage, id).await;
                let run = async { run_teardown(engine, &plan, &teardown_options(), &|_| {}).await };
                cut.run(run).await
            }
            Self::Restore => {
                let wish = restore_of(stage, id);
                let plan = plan_restore(stage.engine(), &wish, &no_secrets)
                    .await
                    .unwrap();
                let options = RunOptions::default();
                cut.run(run_restore(engine, &plan, options, &|_| {})).await
            }
            Self::Scale | Self::Restart => {
                let (key, options) = (stage.key(id), adjust_options());
                let plan = plan_adjustment(stage.engine(), &key, self.adjustment(), None).await;
                let plan = plan.unwrap();
                cut.run(run_adjustment(engine, &plan, &options, &|_| {}))
                    .await
            }
            Self::Routes => {
                let hosted = Surroundings {
                    ingress_host: Some("apps.example.com".to_owned()),
                    ..surroundings()
                };
                let (keys, options) = ([stage.key(id)], route_options(false));
                let plans = plan_routes(stage.engine(), &keys, &hosted).await;
                let plan = plans.unwrap().remove(0);
                cut.run(run_routes(engine, &plan, &options, &|_| {})).await
            }
            Self::Adopt | Self::AdoptEdited => {
                let plan = stage.plan_adopt(id, FIRST).await;
                cut.run(run_adopt(engine, &plan, &adopt_options(), &|_| {}))
                    .await
            }
            _ => {
                let (request, plan) = self.planned(stage, id).await;
                let options = RunOptions {
                    force_conflicts: self == Self::Force,
                    ..RunOptions::default()
                };
                cut.run(run_deploy(engine, &request, &plan, options, &|_| {}))
                    .await
            }
        }
    }

    /// Plans the release of what was kept or retained; where one is named it is the one of the first claim.
    async fn planned_release(self, stage: &Stage<'_>, id: &str) -> TeardownPlan {
        let first = format!("data-{id}-0");
        let named = match self {
            Self::Release { is_named: true } => left_of(stage.case(), id, &first).await,
            _ => BTreeSet::new(),
        };
        let (key, choice) = (stage.key(id), VolumeChoice::Delete);
        if self == Self::ReleaseClaims {
            return plan_release(stage.engine(), &key, choice).await.unwrap();
        }
        plan_volume_release(stage.engine(), &key, choice, &named)
            .await
            .unwrap()
    }

    /// Plans a deploy, with what it needs agreed to.
    async fn planned(self, stage: &Stage<'_>, id: &str) -> (DeployRequest, DeployPlan) {
        let agreed = match self {
            Self::Grow => Some(Remedy::GrowVolumes),
            Self::Recreate => Some(Remedy::Recreate),
            Self::BindAgain => Some(Remedy::BindRetained),
            _ => None,
        };
        let remedies = agreed.map(|it| Remedies::default().with(it));
        let stage = stage.agreeing(remedies.unwrap_or_default());
        let text = self.text(stage.case());
        let plan = stage.plan(id, &text).await;
        assert_eq!(plan.refusals, [], "{id}");
        (stage.request(id, &text), plan)
    }

    fn adjustment(self) -> Adjustment {
        match self {
            Self::Restart => Adjustment::Restart,
            _ => Adjustment::Scale(3),
        }
    }

    /// Returns what is deployed in the end.
    pub(super) fn text(self, cluster: &Cluster) -> String {
        match self {
            Self::Create | Self::Rollback | Self::Adopt | Self::AdoptEdited => FIRST.to_owned(),
            Self::Grow => sized(cluster, "2Gi"),
            Self::BindAgain | Self::Restore => DB.to_owned(),
            Self::Release { .. } => DB.replace("replicas: 1", "replicas: 2"),
            Self::Recreate => open()
                .replace(
                    "mountPath: /data}",
                    "mountPath: /data}, {name: log, mountPath: /log}",
                )
                .replace("size: 1Gi}", "size: 1Gi}\n  - {name: log, size: 1Gi}"),
            Self::Routes => EXPOSED.to_owned(),
            _ => SECOND.to_owned(),
        }
    }

    /// Kills it at a moment, and lets another client finish.
    async fn survives(self, cluster: &Cluster, moment: Moment, whole: &str) {
        let (stage, id) = (Stage::new(cluster), &moment.name());
        Box::pin(self.prepare(&stage, id)).await;
        let cut = Cut::at(cluster.admin.clone(), Some(moment));
        let ended = Box::pin(self.run(&cut, &stage, id)).await;
        // A write that met with a change of a controller's is tried again, so that one run has more of them than another.
        let is_late = cut.n_writes() <= moment.number();
        let is_whole = ended.as_ref().is_some_and(Outcome::is_complete);
        assert_eq!(
            ended.is_some(),
            is_late && is_whole,
            "{moment:?}: {ended:?}"
        );

        let left = noted(&stage, id).await;
        let is_over = is_late || cut.is_over();
        let is_begun = moment != Moment::Before(0);
        if !is_over {
            assert_eq!(left.is_some(), is_begun, "{moment:?}: {left:?}");
        }
        if let Some(left) = left.filter(|_| !is_over) {
            assert_eq!((left.kind.as_str(), left.holder.as_str()), self.noted());
            assert!(left.number <= left.of, "{left:?}");
            resume(&stage, id).await;
        }
        // What was begun and resumed is done; what never began is begun by the same command again.
        self.again(&stage, id, is_begun).await;
        assert_eq!(settled(cluster, id).await, whole, "{moment:?}");
        assert_eq!(noted(&stage, id).await, None, "{moment:?}");
        self.is_finished(&stage, id).await;
    }

    /// What others see of it.
    fn noted(self) -> (&'static str, &'static str) {
        match self {
            Self::Rollback => ("rollback", "bob@bastion/8"),
            Self::Restore => ("restore", "bob@bastion/8"),
            Self::Teardown(_) => ("teardown", "ann@bastion/7"),
            Self::ReleaseClaims => ("release", "ann@bastion/7"),
            Self::Release { .. } => ("volume release", "ann@bastion/7"),
            Self::Scale => ("scale", "ann@bastion/7"),
            Self::Restart => ("restart", "ann@bastion/7"),
            Self::Routes => ("update-ingress", "ann@bastion/7"),
            Self::Adopt | Self::AdoptEdited => ("adoption", "ann@bastion/7"),
            _ => ("deploy", "tester@here 1"),
        }
    }

    /// Gives the same command again. What would be done twice is given again only where it was never begun.
    async fn again(self, stage: &Stage<'_>, id: &str, is_begun: bool) {
        let is_done = match self {
            Self::Rollback => revision(stage, id).await == Some(3),
            Self::Restart => is_begun,
            // Its name is nobody's any more.
            Self::Release { is_named } => is_named && is_begun,
            _ => false,
        };
        if is_done {
            return;
        }
        let outcome = match self {
            Self::Teardown(volumes) => stage.teardown(id, volumes).await,
            _ => {
                let whole = Cut::at(stage.case().admin.clone(), None);
                Box::pin(self.run(&whole, stage, id)).await.unwrap()
            }
        };
        assert!(outcome.is_complete(), "{id}: {outcome:?}");
    }

    /// Nothing is left to be done, and nothing lies about.
    async fn is_finished(self, stage: &Stage<'_>, id: &str) {
        let claim = format!("PersistentVolumeClaim/data-{id}-0");
        if matches!(self, Self::Adopt | Self::AdoptEdited) {
            // What was theirs can be changed and removed now.
            let outcome = stage.deploy(id, FIRST).await;
            assert!(outcome.is_complete(), "{id}: {outcome:?}");
            let config = stage.case().get("ConfigMap", &format!("{id}-config")).await;
            assert_eq!(config.unwrap()["data"], json!({"LEVEL": "info"}));
        }
        match self {
            Self::Teardown(VolumeChoice::Keep) => stage.until_nothing_is_left(id, &[&claim]).await,
            Self::Teardown(_) => stage.until_nothing_is_left(id, &[]).await,
            // They are no part of what was deployed.
            Self::Scale | Self::Restart | Self::Routes => {}
            _ => {
                let plan = stage.plan(id, &self.text(stage.case())).await;
                assert!(plan.is_noop(), "{id}: {plan:?}");
            }
        }
        match self {
            Self::BindAgain | Self::Restore => until_volume(stage.case(), id, "Bound").await,
            Self::ReleaseClaims => {
                let claims = format!("app.kubernetes.io/instance={id}");
                let claims = stage.case().list("PersistentVolumeClaim", &claims).await;
                assert_eq!(claims.len(), 0, "{id}: {claims:?}");
            }
            // What runs lost nothing, and what was not named is retained still.
            Self::Release { is_named: true } => {
                until_phases(stage.case(), id, &["Bound", "Bound", "Released"]).await;
                let first = format!("data-{id}-0");
                assert_eq!(left_of(stage.case(), id, &first).await.len(), 0, "{id}");
            }
            Self::Release { is_named: false } => {
                until_phases(stage.case(), id, &["Bound", "Bound"]).await;
            }
            _ => {}
        }
    }
}

/// Waits until the only volume that the claim of an instance ever had is in a phase.
async fn until_volume(cluster: &Cluster, id: &str, phase: &str) {
    until_phases(cluster, id, &[phase]).await;
}

/// Waits until the volumes that the claims of an instance ever had, as far as they are there, are in these phases.
pub(super) async fn until_phases(cluster: &Cluster, id: &str, expected: &[&str]) {
    let all = |volumes: &[Value]| {
        let of_claims = volumes.iter().filter(|it| is_of(it, cluster, id));
        let phases = of_claims.filter_map(|it| it["status"]["phase"].as_str());
        let mut phases: Vec<&str> = phases.collect();
        phases.sort_unstable();
        phases == expected
    };
    cluster.until_all("PersistentVolume", "", all).await;
}

/// Tells whether a volume was made for a claim of an instance.
fn is_of(volume: &Value, cluster: &Cluster, id: &str) -> bool {
    let claimed = &volume["spec"]["claimRef"];
    let name = claimed["name"].as_str().unwrap_or_default();
    claimed["namespace"] == cluster.namespace && name.starts_with(&format!("data-{id}-"))
}

/// Returns the volumes of a claim that it has no more.
async fn left_of(cluster: &Cluster, id: &str, claim: &str) -> BTreeSet<String> {
    let volumes = cluster.list("PersistentVolume", "").await;
    let left = volumes.iter().filter(|it| {
        let is_released = it["status"]["phase"] == "Released";
        is_released && is_of(it, cluster, id) && it["spec"]["claimRef"]["name"] == claim
    });
    left.map(|it| name_of(it).to_owned()).collect()
}

fn restore_of(stage: &Stage<'_>, id: &str) -> RestoreRequest {
    RestoreRequest {
        instance: stage.key(id),
        revision: Some(1),
        definition: Some(id.parse().unwrap()),
        text: DB.to_owned(),
        parameters: std::collections::BTreeMap::new(),
        objects: Vec::new(),
        surroundings: surroundings(),
    }
}

/// Makes a config and a Service as Helm does.
pub(super) async fn made_by_helm(cluster: &Cluster, id: &str) {
    let config = config_map(
        &format!("{id}-config"),
        json!({"LEVEL": "debug", "OLD": "1"}),
    );
    let service = service(id, json!([{"name": "http", "port": 80}]));
    for mut object in [config, service] {
        object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
        object["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "shop"});
        cluster.create(&object).await.unwrap();
    }
}

/// The name of a class whose claims may grow.
fn growing(cluster: &Cluster) -> String {
    format!("walking-{}", cluster.namespace)
}

/// A service of two replicas with a claim each, of a size.
fn sized(cluster: &Cluster, size: &str) -> String {
    let class = format!("size: {size}, storageClass: {}", growing(cluster));
    DB.replace("size: 1Gi", &class)
        .replace("replicas: 1", "replicas: 2")
}
