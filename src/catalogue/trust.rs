//! Whose a definition is: on a machine that several people share, whoever may write to the file or to its directory decides
//! what is deployed in the name of the one who deploys.

use std::fs;
use std::iter;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::CatalogueError;

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;
/// Nobody but its owner removes or replaces a file of such a directory.
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// An owner and a mode.
#[derive(Debug, Clone, Copy)]
struct Access {
    owner: u32,
    mode: u32,
}

impl Access {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            owner: metadata.uid(),
            mode: metadata.permissions().mode(),
        })
    }
}

/// Judges who may have written a definition, before it is deployed; returns what the person should know.
///
/// # Errors
/// Anybody on this machine may write to it, or put another file in its place.
pub fn trust(file: &Path) -> Result<Vec<String>, CatalogueError> {
    let Some(of_file) = Access::of(file) else {
        return Ok(Vec::new());
    };
    let me = rustix::process::geteuid().as_raw();
    let judged_at = |path: &Path| {
        let Some(dir) = path.parent() else {
            return Ok(Vec::new());
        };
        let dir = match dir.as_os_str().is_empty() {
            true => Path::new("."),
            false => dir,
        };
        judge(of_file, Access::of(dir), me).map_err(|reason| CatalogueError::Refused {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    };
    // Behind a link, whoever may write to either directory decides.
    let real = fs::canonicalize(file).ok();
    let mut warnings = Vec::new();
    for path in iter::once(file).chain(real.as_deref()) {
        for warning in judged_at(path)? {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    Ok(warnings)
}

fn judge(file: Access, dir: Option<Access>, me: u32) -> Result<Vec<String>, &'static str> {
    if file.mode & OTHERS_WRITE != 0 {
        return Err(
            "anybody on this machine may write to it: chmod o-w it, and look at what it says",
        );
    }
    let has = |mode: u32| dir.is_some_and(|dir| dir.mode & mode != 0);
    if has(OTHERS_WRITE) && !has(STICKY) {
        return Err(
            "anybody on this machine may replace it: chmod o-w its directory, and look at what it says",
        );
    }
    let mut warnings = Vec::new();
    let is_foreign = |owner: u32| owner != me && owner != ROOT;
    if is_foreign(file.owner) {
        warnings.push(format!("it belongs to another user (uid {})", file.owner));
    } else if let Some(dir) = dir.filter(|dir| is_foreign(dir.owner)) {
        warnings.push(format!(
            "its directory belongs to another user (uid {})",
            dir.owner
        ));
    }
    if file.mode & GROUP_WRITES != 0 {
        warnings.push("its group may write to it".to_owned());
    } else if has(GROUP_WRITES) && !has(STICKY) {
        warnings.push("the group of its directory may replace it".to_owned());
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: u32 = 1000;

    fn check(file: (u32, u32), dir: (u32, u32), expected: Result<&[&str], &str>) {
        let access = |(owner, mode)| Access { owner, mode };
        let judged = judge(access(file), Some(access(dir)), ME);
        match (judged, expected) {
            (Ok(warnings), Ok(expected)) => assert_eq!(warnings, expected, "{file:?} {dir:?}"),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{reason}"),
            (judged, _) => panic!("{file:?} {dir:?}: {judged:?}"),
        }
    }

    #[test]
    fn what_others_may_write_is_refused_or_told() {
        let mine = (ME, 0o100_600);
        let private = (ME, 0o40_700);
        check(mine, private, Ok(&[]));
        check((ROOT, 0o100_644), (ROOT, 0o40_755), Ok(&[]));
        check((ME, 0o100_602), private, Err("may write to it"));
        check(mine, (ME, 0o40_777), Err("may replace it"));
        // As /tmp: what is mine there stays mine.
        check(mine, (ROOT, 0o41_777), Ok(&[]));
        check(
            (7, 0o100_644),
            private,
            Ok(&["it belongs to another user (uid 7)"]),
        );
        check(
            mine,
            (7, 0o40_755),
            Ok(&["its directory belongs to another user (uid 7)"]),
        );
        check((ME, 0o100_660), private, Ok(&["its group may write to it"]));
        check(
            mine,
            (ME, 0o40_770),
            Ok(&["the group of its directory may replace it"]),
        );
        let both = [
            "it belongs to another user (uid 7)",
            "its group may write to it",
        ];
        check((7, 0o100_664), (7, 0o40_775), Ok(&both));
    }

    #[test]
    fn files_are_looked_at_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("web.yaml");
        assert!(trust(&file).unwrap().is_empty());
        fs::write(&file, "containers: []").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        let refusal = trust(&file).unwrap_err().to_string();
        assert!(
            refusal.contains("web.yaml") && refusal.contains("chmod o-w"),
            "{refusal}"
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(trust(&file).is_err());
    }

    #[test]
    fn what_is_behind_a_link_is_looked_at_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let [shared, private] = ["shared", "private"].map(|name| dir.path().join(name));
        for (dir, mode) in [(&shared, 0o777), (&private, 0o700)] {
            fs::create_dir(dir).unwrap();
            fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
        }
        let file = shared.join("web.yaml");
        fs::write(&file, "containers: []").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let link = private.join("web.yaml");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(trust(&link).is_err());
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(trust(&link).unwrap(), [""; 0]);
    }
}
