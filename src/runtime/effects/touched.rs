//! The catalogue as others change it: looked at now and then, and told only where a file is another one than before.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::task::AbortOnDropHandle;

use crate::app::Msg;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A file by what tells that it was written: its name, its time, its size.
type File = (OsString, Option<SystemTime>, u64);

/// Tells each time that the directory has changed, until dropped.
pub(super) fn watch(dir: &Path, messages: UnboundedSender<Msg>) -> AbortOnDropHandle<()> {
    let dir = dir.to_owned();
    let task = tokio::spawn(async move {
        let mut known = None;
        loop {
            let looked = dir.clone();
            // A network's directory may hang: that is no reason for anything else to.
            let Ok(files) = tokio::task::spawn_blocking(move || files(&looked)).await else {
                return;
            };
            let is_other = known.as_ref().is_some_and(|known| *known != files);
            known = Some(files);
            if is_other && messages.send(Msg::CatalogueChanged).is_err() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    AbortOnDropHandle::new(task)
}

fn files(dir: &Path) -> Vec<File> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<File> = entries
        .filter(|entry| {
            Path::new(&entry.file_name())
                .extension()
                .is_some_and(|it| it == "yaml")
        })
        .map(|entry| {
            // What a link leads to is what is read.
            let metadata = fs::metadata(entry.path()).ok();
            let modified = metadata.as_ref().and_then(|it| it.modified().ok());
            let size = metadata.map_or(0, |it| it.len());
            (entry.file_name(), modified, size)
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn definitions_are_told_apart_by_name_and_content_and_nothing_else_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        let empty = files(dir.path());
        write("web.yaml.tmp", "half");
        assert_eq!(files(dir.path()), empty);
        write("web.yaml", "one");
        let first = files(dir.path());
        assert_ne!(first, empty);
        write("web.yaml", "longer");
        assert_ne!(files(dir.path()), first);
        assert_eq!(files(&dir.path().join("missing")), empty);
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_write_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let (messages, mut told) = mpsc::unbounded_channel();
        let _watch = watch(dir.path(), messages);
        // What is there at first is no news; the file is written when that has been seen.
        tokio::time::sleep(LOOK / 2).await;
        fs::write(dir.path().join("web.yaml"), "one").unwrap();
        assert_eq!(told.recv().await, Some(Msg::CatalogueChanged));
        tokio::time::sleep(3 * LOOK).await;
        assert!(told.try_recv().is_err());
    }
}
