//! The program killed by SIGKILL at every write of what changes an instance: others see what it left, and finish it from the
//! cluster alone.

use kube::api::{Api, DynamicObject, PostParams};
use kube::discovery::ApiResource;
use serde_json::{Value, json};

use crate::operations::{noted, tricks};
use crate::program::WEB;
use crate::proxy::{Proxy, Trick};
use crate::world::{AwaitIn, World};

/// What is killed, with `ID` for the instance.
struct Walk {
    /// What it is called in the record.
    kind: &'static str,
    /// Brings an instance to where it begins.
    prepare: fn(&World, &Proxy, &str),
    command: &'static [&'static str],
    /// What it came to, to be compared with an undisturbed run.
    result: fn(&World, &str) -> Value,
}

impl Walk {
    fn command<'a>(&self, id: &'a str) -> Vec<&'a str> {
        let word = |word: &&'static str| if *word == "ID" { id } else { *word };
        self.command.iter().map(word).collect()
    }

    /// Returns what is there in the end, apart from pods, which come and go.
    fn end(&self, world: &World, id: &str) -> Value {
        let mut names = world.all_names(id);
        names.retain(|name| !name.starts_with("Pod/"));
        let names: Vec<String> = names.iter().map(|it| it.replace(id, "ID")).collect();
        json!([names, (self.result)(world, id)])
    }

    fn walk(&self, world: &World) {
        let proxy = Proxy::to(world, Trick::None);
        (self.prepare)(world, &proxy, "whole");
        proxy.play(Trick::None);
        proxy.run(world, &self.command("whole")).code(0);
        let n_writes = proxy.n_writes();
        let expected = self.end(world, "whole");
        assert!(n_writes >= 2, "{n_writes} writes are no walk");
        let mut n_resumed = 0;
        for (id, trick) in tricks(n_writes) {
            let id = id.as_str();
            proxy.play(Trick::None);
            (self.prepare)(world, &proxy, id);
            proxy.play(trick);
            proxy.kill(world, &self.command(id));
            proxy.play(Trick::None);
            let left = noted(world, id);
            if !left.is_null() {
                assert_eq!(left["kind"], self.kind, "{trick:?}");
                if n_resumed == 0 {
                    self.is_seen(world, id);
                }
                n_resumed += 1;
                resume(world, id);
            }
            let has_text = !matches!(trick, Trick::After(0) | Trick::Before(1));
            let has_deploy = matches!(self.kind, "deploy" | "restore");
            if left.is_null() || has_deploy && !has_text {
                // It was never begun, or is over, or not even its text was written: the same command again.
                proxy.run(world, &self.command(id)).code(0);
            }
            assert_eq!(noted(world, id), Value::Null, "{trick:?}");
            assert_eq!(self.end(world, id), expected, "{trick:?}");
        }
        assert!(n_resumed > 0);
    }

    /// What was left half done is seen in the list and in the status.
    fn is_seen(&self, world: &World, id: &str) {
        let kind = self.kind;
        let list = world.bowline(&["ls"]).end().code(0);
        list.stderr_has(&[id, kind, "last beat"]);
        let status = world.bowline(&["status", id]).end().code(0);
        status.stdout_has(&["Operation", kind, "last beat"]);
    }
}

/// Goes on with what is noted, as a client that has other settings, and neither the file nor the flags.
fn resume(world: &World, id: &str) {
    set_host(world, "other.example.com");
    let resume = [
        "resume",
        id,
        "-y",
        "--take-over",
        "--wait=false",
        "--catalogue",
        "none",
    ];
    let resumed = world.bowline(&resume).end();
    if !resumed.is_pending() {
        resumed.code(0);
        return;
    }
    // A server may take a while over a record that goes with the revisions that it owns.
    resumed.stderr_has(&["being deleted"]);
    let delete = ["delete", id, "-y", "--ignore-not-found"];
    world.bowline(&delete).end().code(0);
}

fn deploy(world: &World, id: &str, text: &str) {
    world.home.save(id, text);
    let deploy = ["deploy", id, "-y", "--wait=false"];
    world.bowline(&deploy).end().code(0);
}

/// Deploys and waits until it is ready: its controllers change it no more, and a write meets with no change of theirs.
fn deploy_ready(world: &World, id: &str, text: &str) {
    world.home.save(id, text);
    world.bowline(&["deploy", id, "-y"]).end().code(0);
}

fn set_host(world: &World, host: &str) {
    let text = format!("[ingress]\nhost = \"{host}\"\n");
    world.home.write("config/bowline/config.toml", text);
}

fn object(world: &World, api_version: &str, kind: &str, name: &str) -> Value {
    let found = world.api(api_version, kind).get(name).await_in(world);
    serde_json::to_value(found.unwrap()).unwrap()
}

fn history(world: &World, id: &str) -> Value {
    let history = world.bowline(&["history", id, "-o", "json"]).end().code(0);
    let history = history.json();
    let n_revisions = history["revisions"].as_array().unwrap().len();
    json!([history["current"], n_revisions])
}

fn is_unchanged(world: &World, id: &str) -> Value {
    world.bowline(&["diff", id]).end().code(0);
    history(world, id)
}

pub(crate) fn a_rollback_survives_being_killed(world: &World) {
    Walk {
        kind: "rollback",
        prepare: |world, _, id| {
            deploy(world, id, WEB);
            deploy(world, id, &WEB.replace("1.27", "1.28"));
        },
        command: &["rollback", "ID", "--to", "1", "-y", "--wait=false"],
        result: |world, id| {
            let workload = object(world, "apps/v1", "Deployment", id);
            let containers = &workload["spec"]["template"]["spec"]["containers"];
            json!([history(world, id), containers[0]["image"]])
        },
    }
    .walk(world);
}

/// With a claim of a class that lets claims grow.
const SIZED: &str = "\
containers:
  - name: postgres
    image: postgres:16
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi, storageClass: growing}
replicas: 1
";

/// Deploys what has a claim, which is there then.
fn deploy_sized(world: &World, id: &str) {
    deploy_ready(world, id, SIZED);
}

fn growing_class(world: &World) {
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "growing"},
                       "provisioner": "kubernetes.io/host-path", "allowVolumeExpansion": true});
    let object: DynamicObject = serde_json::from_value(class).unwrap();
    let gvk = kube::core::GroupVersionKind::gvk("storage.k8s.io", "v1", "StorageClass");
    let classes: Api<DynamicObject> =
        Api::all_with(world.admin.clone(), &ApiResource::from_gvk(&gvk));
    // Another case may have made it.
    drop(
        classes
            .create(&PostParams::default(), &object)
            .await_in(world),
    );
}

fn sizes(world: &World, id: &str) -> Value {
    let claim = object(
        world,
        "v1",
        "PersistentVolumeClaim",
        &format!("data-{id}-0"),
    );
    let set = object(world, "apps/v1", "StatefulSet", id);
    let template = &set["spec"]["volumeClaimTemplates"][0]["spec"];
    let size = |spec: &Value| spec["resources"]["requests"]["storage"].clone();
    json!([size(&claim["spec"]), size(template)])
}

pub(crate) fn a_growth_survives_being_killed(world: &World) {
    growing_class(world);
    Walk {
        kind: "deploy",
        prepare: |world, _, id| {
            deploy_sized(world, id);
            world.home.save(id, &SIZED.replace("1Gi", "2Gi"));
        },
        command: &["deploy", "ID", "--grow-volumes", "-y", "--wait=false"],
        result: |world, id| json!([is_unchanged(world, id), sizes(world, id)]),
    }
    .walk(world);
}

pub(crate) fn a_workload_that_is_made_anew_survives_being_killed(world: &World) {
    growing_class(world);
    Walk {
        kind: "deploy",
        prepare: |world, _, id| {
            deploy_sized(world, id);
            let text = SIZED
                .replace("/data}", "/data}, {name: log, mountPath: /log}")
                .replace("growing}", "growing}\n  - {name: log, size: 1Gi}");
            world.home.save(id, &text);
        },
        command: &["deploy", "ID", "--recreate", "-y", "--wait=false"],
        result: |world, id| json!([is_unchanged(world, id), sizes(world, id)]),
    }
    .walk(world);
}

/// Returns the phases of all volumes that the claim of an instance ever had.
fn phases(world: &World, id: &str) -> Value {
    // Its claim is bound once it is ready.
    let waited = ["deploy", id, "-y", "--timeout", "60s"];
    world.bowline(&waited).end().code(0);
    let volumes: Api<k8s_openapi::api::core::v1::PersistentVolume> = Api::all(world.admin.clone());
    let params = kube::api::ListParams::default();
    let listed = volumes.list(&params).await_in(world).unwrap();
    let listed = serde_json::to_value(listed.items).unwrap();
    let name = format!("data-{id}-0");
    let of_claim = listed.as_array().unwrap().iter().filter(|volume| {
        let claim = &volume["spec"]["claimRef"];
        claim["name"] == name && claim["namespace"] == world.namespace
    });
    of_claim
        .map(|volume| volume["status"]["phase"].clone())
        .collect()
}

/// Takes an instance down that leaves its volume behind.
fn retained(world: &World, proxy: &Proxy, id: &str) {
    deploy_sized(world, id);
    let delete = ["delete", id, "--volumes", "retain", "-y"];
    // What is kept of it on this machine is of the server that it was on.
    proxy.run(world, &delete).code(0);
}

pub(crate) fn volumes_that_are_bound_again_survive_being_killed(world: &World) {
    growing_class(world);
    Walk {
        kind: "deploy",
        prepare: retained,
        command: &["deploy", "ID", "--bind-retained", "-y", "--wait=false"],
        result: |world, id| json!([phases(world, id), is_unchanged(world, id)]),
    }
    .walk(world);
}

pub(crate) fn a_restore_survives_being_killed(world: &World) {
    growing_class(world);
    Walk {
        kind: "restore",
        prepare: retained,
        command: &["restore", "ID", "-y", "--wait=false"],
        result: |world, id| json!([phases(world, id), is_unchanged(world, id)]),
    }
    .walk(world);
}

pub(crate) fn a_scale_survives_being_killed(world: &World) {
    Walk {
        kind: "scale",
        prepare: |world, _, id| deploy_ready(world, id, &WEB.replace("replicas: 1\n", "")),
        command: &["scale", "ID", "3", "--wait=false"],
        result: |world, id| {
            let workload = object(world, "apps/v1", "Deployment", id);
            json!([history(world, id), workload["spec"]["replicas"]])
        },
    }
    .walk(world);
}

pub(crate) fn a_change_of_routes_survives_being_killed(world: &World) {
    Walk {
        kind: "update-ingress",
        prepare: |world, _, id| {
            set_host(world, "old.example.com");
            deploy_ready(
                world,
                id,
                &format!("{WEB}exposed_service: nginx\nexposed_port: 80\n"),
            );
            set_host(world, "new.example.com");
        },
        command: &["update-ingress", "ID", "-y"],
        result: |world, id| {
            let ingress = object(world, "networking.k8s.io/v1", "Ingress", id);
            json!([history(world, id), ingress["spec"]["rules"][0]["host"]])
        },
    }
    .walk(world);
}

pub(crate) fn an_adoption_survives_being_killed(world: &World) {
    Walk {
        kind: "adoption",
        prepare: |world, _, id| {
            world.home.save(id, &format!("{WEB}config: {{LEVEL: info}}\n"));
            let owned = |value: Value| serde_json::from_value::<DynamicObject>(value).unwrap();
            let helm = json!({"app.kubernetes.io/managed-by": "Helm"});
            let release = json!({"meta.helm.sh/release-name": "shop"});
            let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"LEVEL": "debug"},
                "metadata": {"name": format!("{id}-config"), "labels": helm, "annotations": release}});
            let service = json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]},
                "metadata": {"name": id, "labels": helm, "annotations": release}});
            for (kind, value) in [("ConfigMap", config), ("Service", service)] {
                let (api, params, object) = (world.api("v1", kind), PostParams::default(), owned(value));
                api.create(&params, &object).await_in(world).unwrap();
            }
        },
        command: &["adopt", "ID", "--confirm", "ID"],
        result: |world, id| {
            deploy(world, id, &format!("{WEB}config: {{LEVEL: info}}\n"));
            is_unchanged(world, id)
        },
    }
    .walk(world);
}
