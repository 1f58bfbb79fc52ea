//! How much is asked for: at most one list of a kind for each thing that is done, and never one request for each object.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::proxy::{Proxy, Read, Trick};
use crate::world::World;

/// What is done, with `ID` for the instance.
const COMMANDS: [&[&str]; 11] = [
    &["ls"],
    &["ls", "-o", "json"],
    &["ls", "--claims"],
    &["status", "ID"],
    &["status", "ID", "-o", "wide"],
    &["deploy", "ID", "--dry-run"],
    &["diff", "ID"],
    &["adopt", "ID", "--dry-run"],
    &["delete", "ID", "--dry-run"],
    &["doctor"],
    &["snapshot", "--size", "120x40"],
];

/// Returns manifests of so many objects of each kind. The claims stay unbound, which is explained by their events.
fn manifests(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n {
        write!(
            text,
            "---
apiVersion: v1
kind: ConfigMap
metadata: {{name: config-{i}}}
data: {{LEVEL: info}}
---
apiVersion: v1
kind: Service
metadata: {{name: service-{i}}}
spec: {{ports: [{{port: 80}}], selector: {{app: none}}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: claim-{i}}}
spec: {{storageClassName: none-such, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: workload-{i}}}
spec:
  selector: {{matchLabels: {{app: app-{i}}}}}
  template:
    metadata: {{labels: {{app: app-{i}}}}}
    spec: {{containers: [{{name: main, image: 'nginx:1.27'}}]}}
"
        )
        .unwrap();
    }
    text
}

/// Where a request leads: to the objects of a kind, or to one of them.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    List,
    One,
    /// What the server says of itself, and of what it serves.
    Server,
}

fn place(path: &str) -> Place {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let below = match parts.as_slice() {
        ["api", _, below @ ..] => below,
        ["apis", _, _, below @ ..] => below,
        _ => return Place::Server,
    };
    match below {
        [] => Place::Server,
        [_] | ["namespaces", _, _] => Place::List,
        _ => Place::One,
    }
}

/// Returns the kind of objects whose events are asked for: events bear no labels, and cannot be chosen otherwise.
fn concerned(query: &str) -> Option<&str> {
    let (_, kind) = query.split_once("involvedObject.kind%3D")?;
    kind.split(['%', '&']).next()
}

/// Returns the reads of a command, watches left out.
fn reads(world: &World, command: &[&str]) -> Vec<Read> {
    let proxy = Proxy::to(world, Trick::None);
    let ended = proxy.run(world, command);
    // A difference is no failure.
    assert!(
        ended.has_code(0) || ended.has_code(1),
        "{command:?}: {}",
        ended.stderr
    );
    let reads = proxy.reads().into_iter();
    reads
        .filter(|read| !read.query.contains("watch="))
        .collect()
}

fn of(reads: &[Read], wanted: Place) -> Vec<&Read> {
    reads
        .iter()
        .filter(|read| place(&read.path) == wanted)
        .collect()
}

pub(crate) fn nothing_is_asked_for_object_by_object(world: &World) {
    let few = "few";
    let many = "many";
    for (id, n) in [(few, 4), (many, 12)] {
        let text = manifests(n).replace("name: ", &format!("name: {id}-"));
        world
            .home
            .save(id, &text.replace(&format!("name: {id}-main"), "name: main"));
        let deploy = ["deploy", id, "-y", "--wait=false"];
        world.bowline(&deploy).end().code(0);
    }
    let mut faults = Vec::new();
    for command in COMMANDS {
        let of_id = |id: &'static str| -> Vec<&str> {
            let word = |word: &&'static str| if *word == "ID" { id } else { *word };
            command.iter().map(word).collect()
        };
        let (of_few, of_many) = (reads(world, &of_id(few)), reads(world, &of_id(many)));
        for (id, reads) in [(few, &of_few), (many, &of_many)] {
            let mut counts: BTreeMap<&Read, usize> = BTreeMap::new();
            for read in reads.iter().filter(|it| place(&it.path) != Place::Server) {
                *counts.entry(read).or_default() += 1;
            }
            let twice = counts.iter().filter(|(_, n)| **n > 1);
            faults
                .extend(twice.map(|(read, n)| format!("{command:?} of {id}: {n} times {read:?}")));
            // Of a kind its metadata may be listed, or what it is made of; neither twice.
            let mut lists: BTreeMap<_, usize> = BTreeMap::new();
            for read in of(reads, Place::List) {
                let list = (&read.path, &read.accept, concerned(&read.query));
                *lists.entry(list).or_default() += 1;
            }
            let twice = lists.iter().filter(|(_, n)| **n > 1);
            faults
                .extend(twice.map(|(list, n)| format!("{command:?} of {id}: {n} lists {list:?}")));
        }
        for single in of(&of_few, Place::One)
            .into_iter()
            .chain(of(&of_many, Place::One))
        {
            let parts: Vec<&str> = single.path.rsplit('/').take(2).collect();
            let is_known = match parts.as_slice() {
                // What tells of an instance: its record, and one revision.
                [name, "configmaps"] => name.starts_with("bowline-"),
                [_, "namespaces"] => true,
                // A few volumes are read one by one: a cluster may have thousands of others.
                [_, "persistentvolumes"] => true,
                _ => false,
            };
            if !is_known {
                faults.push(format!("{command:?} asks for one object: {}", single.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
