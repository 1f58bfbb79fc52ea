//! What was applied last from this machine: the text of each instance as it went to its cluster, so that an edit can be
//! compared with it where the cluster cannot be asked. One private file each.
//!
//! It is bounded as the trash is, and holds what a revision holds: no value of a secret.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::file::{self, Digest};
use super::{Catalogue, CatalogueError};
use crate::definition::id::{InstanceId, Namespace};

const MODE: u32 = 0o600;
/// Digits of the digest that tells instances of one ID apart.
const NAME_DIGITS: usize = 16;
/// Most that are kept: the number of files, and the bytes that all of them may take.
const LIMITS: (usize, u64) = (200, 32 * 1024 * 1024);

/// A directory of what was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedTexts {
    dir: PathBuf,
}

/// What was applied last of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The ID of the instance.
    pub id: InstanceId,
    /// The namespace it is in.
    pub namespace: Namespace,
    /// URL of the API server it went to.
    pub server: String,
    /// Name of the definition in the catalogue.
    pub definition: InstanceId,
    /// The revision that it became.
    pub revision: u32,
    /// When, by the clock of this machine.
    pub at: Timestamp,
    /// Parameters that were set by hand.
    pub parameters: BTreeMap<String, String>,
    /// The definition's text.
    pub text: String,
}

impl AppliedTexts {
    /// Returns what was applied as the state directory has it. That of rehearsals is apart from that of real clusters.
    pub fn of(state_dir: &Path, is_rehearsal: bool) -> Self {
        let name = match is_rehearsal {
            true => "sandbox-applied",
            false => "applied",
        };
        Self {
            dir: state_dir.join(name),
        }
    }

    /// Keeps what was applied, in place of what was before.
    ///
    /// # Errors
    /// It cannot be written; then what was before is as it was.
    pub fn keep(&self, applied: &Applied) -> Result<(), CatalogueError> {
        let _lock = Catalogue::at(&self.dir).lock()?;
        let path = self.path_of(&applied.server, &applied.namespace, &applied.id);
        let bytes =
            serde_json::to_vec(applied).expect("texts and numbers can always be written as JSON");
        file::write_atomically(&path, &bytes, MODE)?;
        file::make_room(&self.dir, &path, LIMITS);
        Ok(())
    }

    /// Returns what was applied last of an instance; none where that is not known, or cannot be read.
    pub fn last(&self, server: &str, namespace: &Namespace, id: &InstanceId) -> Option<Applied> {
        let bytes = file::read(&self.path_of(server, namespace, id)).ok()??;
        let applied: Applied = serde_json::from_slice(&bytes).ok()?;
        let found = (&*applied.server, &applied.namespace, &applied.id);
        (found == (server, namespace, id)).then_some(applied)
    }

    /// Forgets what was applied of an instance: it was taken down.
    pub fn forget(&self, server: &str, namespace: &Namespace, id: &InstanceId) {
        // What stays is compared with, and told with its revision and its time.
        drop(fs::remove_file(self.path_of(server, namespace, id)));
    }

    fn path_of(&self, server: &str, namespace: &Namespace, id: &InstanceId) -> PathBuf {
        let digest = Digest::of(format!("{server}\n{namespace}").as_bytes());
        let digits = &digest.as_str()[..NAME_DIGITS];
        self.dir.join(format!("{id}@{digits}.json"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const SERVER: &str = "https://10.0.0.1";

    fn applied(id: &str, revision: u32) -> Applied {
        Applied {
            id: id.parse().unwrap(),
            namespace: "team-a".parse().unwrap(),
            server: SERVER.to_owned(),
            definition: "shop".parse().unwrap(),
            revision,
            at: Timestamp::from_second(revision.into()).unwrap(),
            parameters: BTreeMap::from([("size".to_owned(), "large".to_owned())]),
            text: "containers: []\n".to_owned(),
        }
    }

    fn last(texts: &AppliedTexts, server: &str, of: &Applied) -> Option<Applied> {
        texts.last(server, &of.namespace, &of.id)
    }

    #[test]
    fn what_was_applied_last_is_kept_for_its_user_alone_until_it_is_taken_down() {
        let dir = tempfile::tempdir().unwrap();
        let texts = AppliedTexts::of(dir.path(), false);
        let (one, newer, other) = (applied("web", 1), applied("web", 2), applied("shop", 1));
        assert_eq!(last(&texts, SERVER, &one), None);
        for it in [&one, &other, &newer] {
            texts.keep(it).unwrap();
        }
        assert_eq!(last(&texts, SERVER, &one), Some(newer));
        assert_eq!(last(&texts, "https://10.0.0.2", &one), None);
        let path_of = |it: &Applied| texts.path_of(SERVER, &it.namespace, &it.id);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path_of(&one)), mode(&texts.dir)), (0o600, 0o700));
        // A name alone says nothing of what is in the file.
        fs::copy(path_of(&one), path_of(&other)).unwrap();
        assert_eq!(last(&texts, SERVER, &other), None);
        texts.forget(SERVER, &one.namespace, &one.id);
        assert_eq!(last(&texts, SERVER, &one), None);
    }

    #[test]
    fn so_many_are_kept_and_the_newest_always() {
        let dir = tempfile::tempdir().unwrap();
        let texts = AppliedTexts::of(dir.path(), false);
        let all: Vec<_> = (0..LIMITS.0 + 3)
            .map(|number| applied(&format!("web-{number}"), 1))
            .collect();
        for it in &all {
            texts.keep(it).unwrap();
        }
        let is_kept = |it: &&Applied| last(&texts, SERVER, it).is_some();
        assert_eq!(all.iter().filter(is_kept).count(), LIMITS.0);
        assert!(is_kept(&all.last().unwrap()));
    }
}
