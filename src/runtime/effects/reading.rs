//! What is only looked at when it is asked for: history, comparisons, what others changed, the trash; and lines of a log written to a file.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::app::{Epoch, LiveTexts, Msg, OpId, Question};
use crate::catalogue::trash::{Trash, TrashItem};
use crate::cluster::{Cluster, LabelSelector, SelectorError};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::object::GroupKind;
use crate::engine::drift::changes;
use crate::engine::history::{compare, history};
use crate::engine::printed::{PrintedObjects, printed_objects};
use crate::engine::protection::protection;
use crate::engine::pull::live_text;
use crate::engine::rights::rights;
use crate::engine::selection::select;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

use super::Runner;
use super::connection::until_answered;
use super::deploys::{Agreed, surroundings};

/// What a container says may be private.
const LOG_MODE: u32 = 0o600;

impl Runner {
    pub(super) fn read_history(&mut self, op: OpId, key: InstanceKey) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let history = async { history(&cluster?, &key).await };
            let result = history.await;
            drop(messages.send(Msg::HistoryRead { op, result }));
        });
    }

    pub(super) fn read_changes(&mut self, op: OpId, key: Option<InstanceKey>) {
        self.changes = None;
        let Some(key) = key else {
            return;
        };
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let surroundings = surroundings(&self.start, Agreed::default());
        let task = tokio::spawn(async move {
            let changes = async { changes(&cluster?, &key, &surroundings).await };
            let result = changes.await;
            drop(messages.send(Msg::ChangesRead { op, result }));
        });
        self.changes = Some(AbortOnDropHandle::new(task));
    }

    pub(super) fn read_live(&mut self, editor: OpId, name: InstanceId, key: InstanceKey) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let surroundings = surroundings(&self.start, Agreed::default());
        self.read(Question::Live(editor), async move {
            let live = async { live_text(&cluster?, &key, &name, &surroundings).await };
            let result = live.await.map(|live| LiveTexts {
                applied: live.applied,
                left: live.plan.left.iter().map(ToString::to_string).collect(),
                live: live.plan.text,
            });
            drop(messages.send(Msg::LiveRead { editor, result }));
        });
    }

    pub(super) fn ask_write_rights(&mut self, epoch: Epoch, namespace: Namespace) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let task = tokio::spawn(async move {
            let rights = async { rights(&cluster?, &namespace).await };
            // Who cannot be told beforehand is told by the plan.
            if let Ok(rights) = rights.await {
                drop(messages.send(Msg::WriteRightsTold { epoch, rights }));
            }
        });
        self.rights = Some(AbortOnDropHandle::new(task));
    }

    /// Asks where all that is shown is protected, until that is answered; each plan asks by itself.
    pub(super) fn ask_protection(&mut self, epoch: Epoch, cluster: Cluster, scope: Scope) {
        let messages = self.messages.clone();
        let task = tokio::spawn(async move {
            let protection = until_answered(|| protection(&cluster, &scope)).await;
            drop(messages.send(Msg::ProtectionTold { epoch, protection }));
        });
        self.protection = Some(AbortOnDropHandle::new(task));
    }

    pub(super) fn select_labels(
        &mut self,
        op: OpId,
        namespace: Option<Namespace>,
        selector: String,
    ) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let chosen = async {
                let selector: LabelSelector =
                    selector.parse().map_err(|error: SelectorError| {
                        Failure::new(FailureKind::Invalid, format!("label: {error}"))
                    })?;
                select(&cluster?, namespace.as_ref(), &selector).await
            };
            let result = chosen.await.map(|keys| keys.into_iter().collect());
            drop(messages.send(Msg::LabelsSelected { op, result }));
        });
    }

    pub(super) fn print_objects(&self, op: OpId, key: InstanceKey, kinds: BTreeSet<GroupKind>) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        tokio::spawn(async move {
            let printed = match cluster {
                Ok(cluster) => printed_objects(&cluster, &key, kinds).await,
                Err(failure) => PrintedObjects {
                    failures: vec![failure],
                    ..PrintedObjects::default()
                },
            };
            let remarks = printed.failures.iter().map(|it| it.summary.clone());
            drop(messages.send(Msg::ObjectsPrinted {
                op,
                objects: printed.objects(),
                remarks: remarks.collect(),
            }));
        });
    }

    pub(super) fn compare_revisions(&mut self, op: OpId, key: InstanceKey, (from, to): (u32, u32)) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let comparison = async { compare(&cluster?, &key, from, Some(to)).await };
            let result = comparison.await;
            drop(messages.send(Msg::RevisionsCompared { op, result }));
        });
    }

    pub(super) fn list_trash(&self, epoch: Epoch) {
        let (trash, messages) = (self.start.trash.clone(), self.messages.clone());
        let server = self
            .cluster()
            .map(|cluster| cluster.identity().server.clone());
        self.disk.run(move || {
            let items = server.map_or_else(|_| Vec::new(), |server| newest_of(&trash, &server));
            drop(messages.send(Msg::TrashListed { epoch, items }));
        });
    }

    pub(super) fn save_log(&self, path: PathBuf, text: String) {
        let messages = self.messages.clone();
        self.disk.run(move || {
            let path = whole_path(path);
            let result = write_new(&path, &text).map_err(|error| {
                let path = path.display();
                let summary = match error.kind() {
                    ErrorKind::AlreadyExists => {
                        format!("{path} exists already: choose another name")
                    }
                    _ => format!("writing {path}: {error}"),
                };
                Failure::new(FailureKind::Disk, summary)
            });
            drop(messages.send(Msg::LogSaved { path, result }));
        });
    }
}

/// Returns what was taken down last of each instance of a server, the newest first.
fn newest_of(trash: &Trash, server: &str) -> Vec<Arc<TrashItem>> {
    let mut seen = BTreeSet::new();
    let items = trash.list().items.into_iter();
    let newest = items
        .filter(|item| item.server == server)
        .filter(|item| seen.insert((item.namespace.clone(), item.id.clone())));
    // The objects are for people who look into the file; restoring needs the text alone.
    let without_objects = newest.map(|item| TrashItem {
        objects: Vec::new(),
        ..item
    });
    without_objects.map(Arc::new).collect()
}

/// Returns a path as the shell would read it, from the root on, so that a person finds what it names.
fn whole_path(path: PathBuf) -> PathBuf {
    let in_home = path.strip_prefix("~").ok();
    let path = match in_home.zip(std::env::home_dir()) {
        Some((rest, home)) => home.join(rest),
        None => path,
    };
    std::path::absolute(&path).unwrap_or(path)
}

/// Writes a new file, whole or not at all; what is there already stays.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    hidden.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(hidden);
    let written = write_beside(&temporary, text).and_then(|()| {
        // Unlike a rename, a link takes no file's place.
        std::fs::hard_link(&temporary, path).or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => Err(error),
            // Some file systems have no links.
            _ => write_beside(path, text),
        })
    });
    // Where it cannot be removed it was not made.
    let _ = std::fs::remove_file(&temporary);
    written
}

fn write_beside(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(LOG_MODE)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use std::os::unix::fs::PermissionsExt;

    use jiff::Timestamp;

    use super::*;

    fn item(id: &str, server: &str, at: i64) -> TrashItem {
        TrashItem {
            id: id.parse().unwrap(),
            namespace: "team-a".parse().unwrap(),
            server: server.to_owned(),
            context: "dev".to_owned(),
            taken_down: Timestamp::from_second(at).unwrap(),
            record_uid: format!("uid-{at}"),
            revision: Some(1),
            definition: None,
            parameters: BTreeMap::new(),
            text: String::new(),
            objects: vec![serde_json::json!({"kind": "Service"})],
        }
    }

    #[test]
    fn each_instance_of_this_server_is_offered_once() {
        let dir = tempfile::tempdir().unwrap();
        let trash = Trash::of(dir.path(), false);
        for one in [
            item("web", "here", 1),
            item("web", "here", 3),
            item("db", "here", 2),
            item("web", "there", 4),
        ] {
            trash.put(&one).unwrap();
        }
        let offered: Vec<_> = newest_of(&trash, "here")
            .iter()
            .map(|item| {
                (
                    item.id.to_string(),
                    item.taken_down.as_second(),
                    item.objects.len(),
                )
            })
            .collect();
        let expected = [("web".to_owned(), 3, 0), ("db".to_owned(), 2, 0)];
        assert_eq!(offered, expected);
    }

    #[test]
    fn log_never_takes_the_place_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web.log");
        write_new(&path, "one\n").unwrap();
        assert!(write_new(&path, "two\n").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
        let left = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 1, "a temporary file stays");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn path_that_is_told_leads_from_the_root() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(whole_path("web.log".into()), here.join("web.log"));
        assert_eq!(whole_path("/tmp/a".into()), PathBuf::from("/tmp/a"));
        let home = std::env::home_dir().unwrap();
        assert_eq!(whole_path("~/a/b".into()), home.join("a/b"));
    }
}
