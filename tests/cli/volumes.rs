//! Claims and volumes on a cluster: listed, retained, bound again, released, grown.

use k8s_openapi::api::core::v1::{Namespace, PersistentVolume};
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::program::DB;
use crate::world::{AwaitIn, World};

fn deploy(world: &World) {
    world.home.save("db", DB);
    world.bowline(&["deploy", "db", "-y"]).end().code(0);
}

fn volume(world: &World) -> String {
    let claims = world.bowline(&["ls", "--claims", "-o", "json"]);
    let claims = claims.end().code(0).json();
    claims[0]["volume"].as_str().unwrap().to_owned()
}

pub(crate) fn claims_are_listed_kept_and_released(world: &World) {
    deploy(world);
    let table = world.bowline(&["ls", "--claims"]).end().code(0);
    table.stdout_has(&[
        "CLAIM",
        "RECLAIM",
        "USED BY",
        "data-db-0",
        "InUse",
        "1Gi",
        "standard",
        "Delete",
        "db-0",
    ]);
    world
        .bowline(&["delete", "db", "--kept", "-y"])
        .end()
        .code(0)
        .stderr_has(&["left: pod db-0 uses it"]);
    world.bowline(&["delete", "db", "-y"]).end().code(0);
    let kept = world
        .bowline(&["ls", "--claims", "-o", "json"])
        .end()
        .code(0);
    let kept = kept.json();
    assert_eq!(
        json!([
            kept[0]["id"],
            kept[0]["name"],
            kept[0]["state"],
            kept[0]["usedBy"]
        ]),
        json!(["db", "data-db-0", "kept", []])
    );
    let names = world
        .bowline(&["ls", "--claims", "-o", "name"])
        .end()
        .code(0);
    names.stdout("data-db-0\n");
    // Kept claims cannot be kept once more.
    world
        .bowline(&["delete", "db", "--kept", "--volumes", "keep", "-y"])
        .end()
        .code(5);
    let table = world
        .bowline(&["delete", "db", "--kept", "--dry-run"])
        .end();
    table
        .code(0)
        .stdout_has(&["data-db-0", "deleted", "destroyed"]);
    assert_eq!(world.all_names("db"), ["PersistentVolumeClaim/data-db-0"]);
    let released = world.bowline(&["delete", "db", "--kept", "-y", "-o", "json"]);
    let released = released.end().code(0).json();
    assert_eq!(released[0]["scope"], "kept-claims");
    assert_eq!(released[0]["outcome"]["complete"], true);
    assert_eq!(world.all_names("db"), [""; 0]);
    world
        .bowline(&["delete", "db", "--kept", "-y"])
        .end()
        .code(0)
        .stderr_has(&["no claim of db"]);
}

pub(crate) fn retained_volumes_are_named_and_bound_again(world: &World) {
    deploy(world);
    let volume = volume(world);
    let ended = world
        .bowline(&["delete", "db", "-y", "--volumes", "retain"])
        .end();
    ended.code(0).stderr_has(&[
        "retained",
        "set to Retain",
        "PersistentVolumeClaim/data-db-0 deleted",
    ]);
    let claims = world.bowline(&["ls", "--claims"]).end().code(0);
    let place = &world.namespace;
    let claims = claims.stderr_has(&[
        &format!("`bowline deploy --bind-retained db -n {place}`"),
        &format!("`bowline delete --retained db -n {place}` releases"),
    ]);
    claims.stdout_has(&["data-db-0", "Retained", "Retain", &volume]);
    let listed = world.bowline(&["ls", "--claims", "-o", "json"]).end();
    let listed = listed.code(0).json();
    let of = |key: &str| listed[0][key].clone();
    assert_eq!(
        json!([of("id"), of("name"), of("state"), of("phase"), of("volume")]),
        json!(["db", "data-db-0", "retained", "Released", volume])
    );
    let plan = world.bowline(&["deploy", "db", "--dry-run"]).end().code(0);
    plan.stderr_has(&["option: --bind-retained binds", &volume]);
    let ended = world
        .bowline(&["deploy", "db", "-y", "--bind-retained"])
        .end();
    ended
        .code(0)
        .stderr_has(&["free for its claim", "is bound again to claim data-db-0"]);
    assert_eq!(self::volume(world), volume);
    // Nobody else would take it away.
    let volumes: Api<PersistentVolume> = Api::all(world.admin.clone());
    let live = volumes.get(&volume).await_in(world).unwrap();
    let policy = live.spec.unwrap().persistent_volume_reclaim_policy;
    assert_eq!(policy.as_deref(), Some("Retain"));
    let back = json!({"spec": {"persistentVolumeReclaimPolicy": "Delete"}});
    volumes
        .patch(&volume, &PatchParams::default(), &Patch::Merge(back))
        .await_in(world)
        .unwrap();
}

pub(crate) fn retained_volumes_are_released_with_their_data(world: &World) {
    deploy(world);
    let volume = volume(world);
    let teardown = ["delete", "db", "-y", "--volumes", "retain"];
    world.bowline(&teardown).end().code(0);
    // They are retained already.
    let keep = ["delete", "db", "--retained", "--volumes", "keep", "-y"];
    world.bowline(&keep).end().code(5);
    let table = world.bowline(&["delete", "db", "--retained", "--dry-run"]);
    table.end().code(0).stdout_has(&[
        "FROM CLAIM",
        &format!("PersistentVolume/{volume}"),
        "data-db-0",
        "destroyed",
    ]);
    let without = [
        "delete",
        "db",
        "--retained",
        "--volumes",
        "retain",
        "--dry-run",
    ];
    let without = world.bowline(&without).end().code(0);
    without
        .stdout_has(&["retained"])
        .stderr_has(&["its storage stays"]);
    // One that is none of its is refused, with those that are.
    let other = ["delete", "db", "--retained", "--volume", "pv-other", "-y"];
    world.bowline(&other).end().code(1).stderr_has(&[
        "no volume pv-other of db",
        &format!("retained are {volume}"),
    ]);
    let alone = ["delete", "db", "--volume", &volume, "-y"];
    world.bowline(&alone).end().code(2);
    let released = world.bowline(&[
        "delete",
        "db",
        "--retained",
        "--volume",
        &volume,
        "-y",
        "-o",
        "json",
    ]);
    let released = released.end().code(0).json();
    assert_eq!(
        json!([
            released[0]["scope"],
            released[0]["reclaims"],
            released[0]["outcome"]["complete"]
        ]),
        json!(["retained-volumes", [volume], true])
    );
    let volumes: Api<PersistentVolume> = Api::all(world.admin.clone());
    assert!(volumes.get_opt(&volume).await_in(world).unwrap().is_none());
    world
        .bowline(&["delete", "db", "--retained", "-y"])
        .end()
        .code(0)
        .stderr_has(&["no volume of db", "is retained"]);
    // Nothing was taken down by it, so that there is nothing to put back but the instance.
    let restore = world.bowline(&["restore", "-o", "json"]).end().code(0);
    assert_eq!(restore.json().as_array().unwrap().len(), 1);
}

pub(crate) fn a_change_that_cannot_be_made_names_the_flags_that_can(world: &World) {
    deploy(world);
    world.home.save("db", &DB.replace("1Gi", "2Gi"));
    let refused = world.bowline(&["deploy", "db", "-y"]).end().code(5);
    let refused = refused.stderr_has(&[
        "cannot be changed in place",
        "--recreate deletes StatefulSet/db",
    ]);
    // Each is told once.
    for words in ["does not allow claims to grow", "--recreate deletes"] {
        assert_eq!(
            refused.stderr.matches(words).count(),
            1,
            "{}",
            refused.stderr
        );
    }
    let refused = world
        .bowline(&["deploy", "db", "-y", "--grow-volumes"])
        .end();
    refused
        .code(5)
        .stderr_has(&["its class standard does not allow claims to grow"]);
    world.home.save("db", &DB.replace("1Gi", "500Mi"));
    let refused = world.bowline(&["deploy", "db", "-y", "--recreate"]).end();
    refused.code(5).stderr_has(&["claims never shrink"]);
    world.home.save("db", &DB.replace("1Gi", "2Gi"));
    let anew = world.bowline(&["deploy", "db", "-y", "--recreate", "-o", "json"]);
    let anew = anew.end().code(0).json();
    let mut objects = anew["objects"].as_array().unwrap().iter();
    let set = objects
        .find(|object| object["kind"] == "StatefulSet")
        .unwrap();
    assert_eq!(set["change"], "recreate");
    assert_eq!(anew["outcome"]["complete"], true);
}

pub(crate) fn kept_claims_of_a_protected_namespace_want_the_id(world: &World) {
    deploy(world);
    world.bowline(&["delete", "db", "-y"]).end().code(0);
    let protect = json!({"metadata": {"annotations": {"bowline.dev/protected": "true"}}});
    let namespaces: Api<Namespace> = Api::all(world.admin.clone());
    namespaces
        .patch(
            &world.namespace,
            &PatchParams::default(),
            &Patch::Merge(protect),
        )
        .await_in(world)
        .unwrap();
    world
        .bowline(&["delete", "db", "--kept", "-y"])
        .end()
        .code(5);
    assert_eq!(world.all_names("db"), ["PersistentVolumeClaim/data-db-0"]);
    world
        .bowline(&["delete", "db", "--kept", "--confirm", "db"])
        .end()
        .code(0);
    assert_eq!(world.all_names("db"), [""; 0]);
}
