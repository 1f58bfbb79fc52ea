//! `restore` on a cluster, and what `delete` leaves for it on this machine.

use std::os::unix::fs::PermissionsExt;

use crate::program::{DB, WEB};
use crate::world::{AwaitIn, World};

const SIZED: &str = "\
parameters: {tag: '16'}
containers:
  - name: postgres
    image: postgres:${tag}
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
replicas: 1
";

pub(crate) fn what_was_taken_down_is_listed_and_put_back(world: &World) {
    let path = world.home.save("db", SIZED);
    let deploy = ["deploy", "db", "-y", "--set", "tag=17"];
    world.bowline(&deploy).end().code(0);
    let empty = world.bowline(&["restore"]).end().code(0).stdout("");
    empty.stderr_has(&["the trash is empty"]);
    let taken = world.bowline(&["delete", "db", "-y"]).end().code(0);
    taken.stderr_has(&["bowline restore db"]);
    // The definition of the catalogue is not needed.
    std::fs::remove_file(path).unwrap();

    let listed = world.bowline(&["restore"]).end().code(0);
    let cells: Vec<Vec<&str>> = listed
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(cells[0][..2], ["ID", "NAMESPACE"]);
    assert_eq!(cells[1][..2], ["db", world.namespace.as_str()]);
    assert_eq!((cells.len(), cells[1][4]), (2, "r1"));
    let told = world
        .bowline(&["restore", "-o", "json"])
        .end()
        .code(0)
        .json();
    assert_eq!(
        (&told[0]["id"], &told[0]["text"]),
        (&"db".into(), &SIZED.into())
    );
    let private = |mode: u32| mode & 0o077 == 0;
    let trash = world.home.path().join("state/bowline/trash");
    for entry in std::fs::read_dir(&trash).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert!(private(mode), "{mode:o}");
    }

    let shown = world.bowline(&["restore", "db", "--dry-run"]).end().code(0);
    shown.stdout_has(&["+ create StatefulSet/db", "image: postgres:17"]);
    let ended = world.bowline(&["restore", "db", "-y"]).end().code(0);
    ended.stderr_has(&["claim data-db-0 is there already", "ready"]);
    let live = world
        .api("apps/v1", "StatefulSet")
        .get("db")
        .await_in(world);
    let containers = &live.unwrap().data["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["image"], "postgres:17");
    let history = world.bowline(&["history", "db", "-o", "json"]).end();
    let history = history.code(0).json();
    assert_eq!(history["revisions"][0]["cause"], "restore of r1");
    assert_eq!(history["revisions"][0]["parameters"]["tag"], "17");

    // It is not in the trash any more.
    let again = world.bowline(&["restore", "db", "-y"]).end().code(1);
    again.stderr_has(&["no db", "bowline restore"]);
}

pub(crate) fn what_is_deployed_again_is_not_written_over(world: &World) {
    world.home.save("web", WEB);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    world.bowline(&["delete", "web", "-y"]).end().code(0);
    world.home.save("web", &WEB.replace("1.27", "1.28"));
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let refused = world.bowline(&["restore", "web", "-y"]).end().code(5);
    refused.stderr_has(&["refused", "another definition by now", "r1"]);
    let told = world
        .bowline(&["restore", "-o", "json"])
        .end()
        .code(0)
        .json();
    assert_eq!(told.as_array().unwrap().len(), 1);
}

pub(crate) fn nothing_is_deleted_without_a_copy_unless_that_is_wanted(world: &World) {
    world.home.save("db", DB);
    world.bowline(&["deploy", "db", "-y"]).end().code(0);
    // Where the trash should be is something else.
    world.home.write("state/bowline/trash", "");
    let before = world.all_names("db");
    let failed = world.bowline(&["delete", "db", "-y"]).end().code(1);
    failed.stderr_has(&["nothing is deleted", "trash", "--no-trash"]);
    assert_eq!(world.all_names("db"), before);
    let delete = ["delete", "db", "-y", "--no-trash"];
    world.bowline(&delete).end().code(0);
    assert_eq!(world.all_names("db"), ["PersistentVolumeClaim/data-db-0"]);
}
