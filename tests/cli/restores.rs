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
    assert_eq!(cells[0][..3], ["ID", "N", "NAMESPACE"]);
    assert_eq!(cells[1][..3], ["db", "1", world.namespace.as_str()]);
    assert_eq!((cells.len(), cells[1][5]), (2, "r1"));
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

pub(crate) fn of_several_that_were_taken_down_one_is_chosen(world: &World) {
    for image in ["nginx:1.26", "nginx:1.27", "nginx:1.28"] {
        world.home.save("web", &WEB.replace("nginx:1.27", image));
        let deploy = ["deploy", "web", "-y", "--wait=false"];
        world.bowline(&deploy).end().code(0);
        world.bowline(&["delete", "web", "-y"]).end().code(0);
    }
    let listed = || {
        let listed = world.bowline(&["restore", "-o", "json"]).end().code(0);
        let listed = listed.json();
        let items = listed.as_array().unwrap().clone();
        items
            .iter()
            .map(|it| (it["number"].as_u64().unwrap(), it["takenDown"].clone()))
            .collect::<Vec<_>>()
    };
    let all = listed();
    assert_eq!([all[0].0, all[1].0, all[2].0], [1, 2, 3]);
    let oldest = all[2].1.as_str().unwrap().to_owned();
    let shown = |at: &[&str]| {
        let restore = [&["restore", "web", "--dry-run"], at].concat();
        world.bowline(&restore).end().code(0)
    };
    let newest = shown(&[]).stderr_has(&["taken down 3 times", "--at 2"]);
    newest.stdout_has(&["image: nginx:1.28"]);
    shown(&["--at", "1"]).stdout_has(&["image: nginx:1.28"]);
    shown(&["--at", "2"]).stdout_has(&["image: nginx:1.27"]);
    shown(&["--at", &oldest]).stdout_has(&["image: nginx:1.26"]);
    for at in ["4", "1999-12-31T00:00:00Z"] {
        let missing = world.bowline(&["restore", "web", "--at", at, "-y"]).end();
        let missing = missing.code(2);
        missing.stderr_has(&["taken down 3 times", "--at takes 1, the newest, to 3"]);
    }
    let offered = world.bowline(&["--", "bowline", "restore", "web", "--at", ""]);
    let offered = offered
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "4");
    let offered = offered.env("_CLAP_IFS", "\n").end().code(0);
    assert_eq!(offered.stdout.lines().count(), 3, "{}", offered.stdout);

    let restore = ["restore", "web", "--at", "3", "-y", "--wait=false"];
    world.bowline(&restore).end().code(0);
    let live = world
        .api("apps/v1", "Deployment")
        .get("web")
        .await_in(world);
    let containers = &live.unwrap().data["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["image"], "nginx:1.26");
    // That one alone is not in the trash any more.
    assert_eq!(listed(), all[..2]);
}
