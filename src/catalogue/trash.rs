//! The trash: what was taken down, kept on this machine so that it can be put back. One private file each.
//!
//! It is bounded: the oldest go when there are too many or when they take too much room. It never holds a Secret; whoever
//! puts something in has left those out.

pub mod which;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::{self, Digest};
use super::{Catalogue, CatalogueError, MAX_BYTES};
use crate::definition::id::{InstanceId, Namespace};

const ITEM_MODE: u32 = 0o600;
/// Digits of the digest that tells items of one ID apart.
const NAME_DIGITS: usize = 16;
/// Most items that are kept, and most bytes that all of them may take.
const LIMITS: (usize, u64) = (50, 32 * 1024 * 1024);
/// The turn of the writers of this process, of which a teardown of several instances has many at once.
static TURN: Mutex<()> = Mutex::new(());

/// A directory of what was taken down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trash {
    dir: PathBuf,
}

/// An instance that was taken down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrashItem {
    /// The ID.
    pub id: InstanceId,
    /// The namespace it was in.
    pub namespace: Namespace,
    /// URL of the API server it was on.
    pub server: String,
    /// Name of the context that it was taken down with.
    pub context: String,
    /// When it was taken down, by the clock of this machine.
    pub taken_down: Timestamp,
    /// Uid of its record.
    pub record_uid: String,
    /// Number of the revision that was current; none of what was adopted and never deployed.
    pub revision: Option<u32>,
    /// Name of the definition in the catalogue.
    pub definition: Option<InstanceId>,
    /// Parameters that were set by hand.
    pub parameters: BTreeMap<String, String>,
    /// The definition's text.
    pub text: String,
    /// The live objects, to be read by people: restoring needs the text, and takes but numbers of replicas of them.
    pub objects: Vec<Value>,
}

/// What the trash holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrashListing {
    /// The newest first.
    pub items: Vec<TrashItem>,
    /// Files that cannot be read as items, with why.
    pub refused: Vec<super::Refused>,
}

impl TrashItem {
    /// Returns what of the instance is kept: its revision, or that it was only adopted.
    pub fn stand(&self) -> String {
        match self.revision {
            Some(revision) => format!("r{revision}"),
            None => "adopted".to_owned(),
        }
    }
}

impl Trash {
    /// Returns the trash below the state directory. That of rehearsals is another one than that of real clusters.
    pub fn of(state_dir: &Path, is_rehearsal: bool) -> Self {
        let name = if is_rehearsal {
            "sandbox-trash"
        } else {
            "trash"
        };
        Self {
            dir: state_dir.join(name),
        }
    }

    /// Keeps an item, in place of one of the same revision of the same instance: a teardown that is run again finds fewer
    /// objects than the first run did, so those of the first are kept too.
    ///
    /// # Errors
    /// It is too large, or cannot be written.
    pub fn put(&self, item: &TrashItem) -> Result<(), CatalogueError> {
        let _turn = turn();
        let _lock = Catalogue::at(&self.dir).lock()?;
        let path = self.path_of(item);
        let mut item = item.clone();
        if let Some(earlier) = file::read(&path)?.and_then(|bytes| parse(&bytes).ok()) {
            let is_new = |object: &Value| !item.objects.iter().any(|it| is_same(it, object));
            let missing: Vec<Value> = earlier.objects.into_iter().filter(is_new).collect();
            if item.revision.is_none() && !missing.is_empty() {
                // Its text was made of the objects, and more of them were there then.
                item.text = earlier.text;
            }
            item.objects.extend(missing);
        }
        let mut bytes = to_bytes(&item);
        if bytes.len() as u64 > MAX_BYTES {
            item.objects.clear();
            bytes = to_bytes(&item);
        }
        if bytes.len() as u64 > MAX_BYTES {
            let reason = file::too_large(bytes.len() as u64);
            return Err(CatalogueError::Refused { path, reason });
        }
        file::write_atomically(&path, &bytes, ITEM_MODE)?;
        file::make_room(&self.dir, &path, LIMITS);
        Ok(())
    }

    /// Lists what is there. A missing directory is an empty trash.
    pub fn list(&self) -> TrashListing {
        let mut listing = TrashListing::default();
        for path in file::items(&self.dir) {
            let refused = |reason: String| super::Refused {
                file_name: path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                reason,
            };
            match file::read(&path) {
                Ok(Some(bytes)) => match parse(&bytes) {
                    Ok(item) if self.path_of(&item) == path => listing.items.push(item),
                    Ok(_) => listing
                        .refused
                        .push(refused("its name is not that of what it holds".to_owned())),
                    Err(reason) => listing.refused.push(refused(reason)),
                },
                Ok(None) => {}
                Err(error) => listing.refused.push(refused(error.to_string())),
            }
        }
        listing
            .items
            .sort_by_key(|item| (std::cmp::Reverse(item.taken_down), item.id.clone()));
        listing
            .refused
            .sort_by(|a, b| a.file_name.cmp(&b.file_name));
        listing
    }

    /// Removes an item: it was put back.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn discard(&self, item: &TrashItem) -> Result<(), CatalogueError> {
        let _turn = turn();
        let _lock = Catalogue::at(&self.dir).lock()?;
        let path = self.path_of(item);
        match fs::remove_file(&path) {
            Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
                Err(CatalogueError::File {
                    action: "remove",
                    path,
                    reason,
                })
            }
            _ => Ok(()),
        }
    }

    fn path_of(&self, item: &TrashItem) -> PathBuf {
        let parts = [
            &item.server,
            item.namespace.as_str(),
            &item.record_uid,
            &item.revision.map_or_else(String::new, |it| it.to_string()),
        ];
        let digest = Digest::of(parts.join("\n").as_bytes());
        let digits = &digest.as_str()[..NAME_DIGITS];
        self.dir.join(format!("{}@{digits}.json", item.id))
    }
}

/// Waits for the other writers of this process, however slow the disk is: the lock of the directory, which other processes are
/// waited for with, is given up after a while.
fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_bytes(item: &TrashItem) -> Vec<u8> {
    serde_json::to_vec(item).expect("texts, numbers and JSON can always be written as JSON")
}

fn parse(bytes: &[u8]) -> Result<TrashItem, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("it is no item of the trash: {error}"))
}

/// Tells whether two live objects are one.
fn is_same(a: &Value, b: &Value) -> bool {
    let group = |object: &Value| {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        version.split_once('/').map(|(group, _)| group.to_owned())
    };
    group(a) == group(b)
        && a["kind"] == b["kind"]
        && ["namespace", "name"]
            .into_iter()
            .all(|key| a["metadata"][key] == b["metadata"][key])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn item(id: &str, revision: u32) -> TrashItem {
        TrashItem {
            id: id.parse().unwrap(),
            namespace: "team-a".parse().unwrap(),
            server: "https://10.0.0.1".to_owned(),
            context: "dev".to_owned(),
            taken_down: Timestamp::from_second(revision.into()).unwrap(),
            record_uid: "uid".to_owned(),
            revision: Some(revision),
            definition: Some("shop".parse().unwrap()),
            parameters: BTreeMap::from([("size".to_owned(), "large".to_owned())]),
            text: "# my own layout\r\ncontainers: []\n".to_owned(),
            objects: vec![json!({"kind": "Service", "metadata": {"name": id}})],
        }
    }

    fn trash() -> (tempfile::TempDir, Trash) {
        let dir = tempfile::tempdir().unwrap();
        let trash = Trash::of(dir.path(), false);
        (dir, trash)
    }

    #[test]
    fn what_is_put_in_comes_out_the_newest_first_until_it_is_discarded() {
        let (_dir, trash) = trash();
        assert_eq!(trash.list(), TrashListing::default());
        let (old, new) = (item("web", 1), item("db", 2));
        trash.put(&old).unwrap();
        trash.put(&new).unwrap();
        assert_eq!(trash.list().items, [new.clone(), old.clone()]);
        trash.discard(&new).unwrap();
        trash.discard(&new).unwrap();
        assert_eq!(trash.list().items, [old]);
    }

    #[test]
    fn writers_of_one_process_wait_for_each_other_on_the_slowest_disk() {
        let (_dir, trash) = trash();
        trash.put(&item("web", 1)).unwrap();
        let (writes, begun) = std::sync::mpsc::channel();
        let slow = || {
            let disk = move || {
                writes.send(()).unwrap();
                std::thread::sleep(file::LOCK_DEADLINE + Duration::from_millis(200));
            };
            file::faults::BETWEEN.set(Some(Box::new(disk)));
            trash.put(&item("web", 1))
        };
        std::thread::scope(|scope| {
            let first = scope.spawn(slow);
            begun.recv().unwrap();
            trash.put(&item("db", 2)).unwrap();
            first.join().unwrap().unwrap();
        });
        assert_eq!(trash.list().items.len(), 2);
    }

    #[test]
    fn objects_of_one_name_in_two_namespaces_or_groups_are_two() {
        let object = |version: &str, namespace: &str| json!({"apiVersion": version, "kind": "Thing", "metadata": {"name": "a", "namespace": namespace}});
        let one = object("a.example/v1", "x");
        assert!(is_same(&one, &object("a.example/v2", "x")));
        assert!(!is_same(&one, &object("b.example/v1", "x")));
        assert!(!is_same(&one, &object("a.example/v1", "y")));
    }

    #[test]
    fn nobody_else_may_read_it() {
        let (dir, trash) = trash();
        trash.put(&item("web", 1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir.path().join("trash")), 0o700);
        assert_eq!(
            file::items(&trash.dir).iter().map(|file| mode(file)).max(),
            Some(0o600)
        );
    }

    #[test]
    fn a_second_run_keeps_the_objects_that_the_first_one_saw() {
        let (_dir, trash) = trash();
        let mut first = item("web", 1);
        first
            .objects
            .push(json!({"kind": "Deployment", "metadata": {"name": "web"}}));
        trash.put(&first).unwrap();
        let second = item("web", 1);
        trash.put(&second).unwrap();
        let [kept] = trash.list().items.try_into().unwrap();
        assert_eq!(kept.objects, first.objects);
    }

    #[test]
    fn a_text_that_was_made_of_the_objects_is_of_the_most_that_were_there() {
        let (_dir, trash) = trash();
        let adopted = |text: &str, names: &[&str]| TrashItem {
            revision: None,
            text: text.to_owned(),
            objects: (names.iter())
                .map(|name| json!({"kind": "Service", "metadata": {"name": name}}))
                .collect(),
            ..item("web", 1)
        };
        let text = || trash.list().items[0].text.clone();
        for (seen, names, kept) in [
            ("all", vec!["a", "b"], "all"),
            // Half of it is gone by now.
            ("less", vec!["b"], "all"),
            // It was not taken down, and somebody changed it since.
            ("otherwise", vec!["a", "b"], "otherwise"),
        ] {
            trash.put(&adopted(seen, &names)).unwrap();
            assert_eq!((trash.list().items.len(), text().as_str()), (1, kept));
        }
        assert_eq!(trash.list().items[0].stand(), "adopted");
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let (_dir, trash) = trash();
        for revision in 1..=55 {
            trash.put(&item("web", revision)).unwrap();
        }
        let items = trash.list().items;
        let revisions: Vec<u32> = items.iter().filter_map(|it| it.revision).collect();
        assert_eq!(revisions.len(), LIMITS.0);
        assert_eq!(revisions[0], 55);
    }

    #[test]
    fn what_is_too_large_loses_its_objects_and_then_is_refused() {
        let (_dir, trash) = trash();
        let large = "x".repeat(usize::try_from(MAX_BYTES).unwrap());
        let mut of_objects = item("web", 1);
        of_objects.objects.push(json!(large));
        trash.put(&of_objects).unwrap();
        assert_eq!(trash.list().items[0].objects, Vec::<Value>::new());
        let of_text = TrashItem {
            text: large,
            ..item("db", 1)
        };
        assert!(matches!(
            trash.put(&of_text),
            Err(CatalogueError::Refused { .. })
        ));
        assert_eq!(trash.list().items.len(), 1);
    }

    #[test]
    fn files_of_others_are_named_and_hide_nothing() {
        let (dir, trash) = trash();
        trash.put(&item("web", 1)).unwrap();
        let dir = dir.path().join("trash");
        fs::write(dir.join("a.json"), "{").unwrap();
        fs::write(dir.join("b.json"), to_bytes(&item("web", 1))).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.join("c.json")).unwrap();
        let listing = trash.list();
        assert_eq!(listing.items, [item("web", 1)]);
        let names: Vec<_> = listing.refused.iter().map(|it| &*it.file_name).collect();
        assert_eq!(names, ["a.json", "b.json", "c.json"]);
    }
}
