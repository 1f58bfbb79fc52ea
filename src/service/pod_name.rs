//! Which workload a pod belongs to, told by its name: printed rows carry neither labels nor owner.

use super::summary::WorkloadKind;

/// Random characters at the end of a generated name.
const RANDOM_LEN: usize = 5;
/// Where the server cuts the base of a generated name, so that 63 characters are not exceeded.
const MAX_BASE_LEN: usize = 58;
/// Most digits of an ordinal: a definition has at most 1000 replicas, and the random part of a name has five characters.
const MAX_ORDINAL_DIGITS: usize = 4;
/// The alphabet of generated names and of the hashes in them.
const SAFE_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Returns kind and name of the workload that makes pods of such a name: `<name>-<hash>-<random>` for a Deployment,
/// `<name>-<ordinal>` for a StatefulSet.
pub fn owner(pod: &str) -> Option<(WorkloadKind, &str)> {
    of_stateful_set(pod)
        .map(|name| (WorkloadKind::StatefulSet, name))
        .or_else(|| of_deployment(pod).map(|name| (WorkloadKind::Deployment, name)))
}

fn of_stateful_set(pod: &str) -> Option<&str> {
    let (name, ordinal) = pod.rsplit_once('-')?;
    let is_ordinal = (1..=MAX_ORDINAL_DIGITS).contains(&ordinal.len())
        && ordinal.bytes().all(|b| b.is_ascii_digit());
    (is_ordinal && !name.is_empty()).then_some(name)
}

fn of_deployment(pod: &str) -> Option<&str> {
    let base_len = pod.len().checked_sub(RANDOM_LEN)?;
    let (base, random) = pod.split_at_checked(base_len)?;
    // A base that was cut has lost the dash before the random part, and perhaps some of the hash.
    let of_replica_set = match base.strip_suffix('-') {
        Some(whole) => whole,
        None if base.len() == MAX_BASE_LEN => base,
        None => return None,
    };
    let (name, hash) = of_replica_set.rsplit_once('-')?;
    (is_safe(random) && is_safe(hash) && !name.is_empty()).then_some(name)
}

/// Returns the name of the DaemonSet or Job that makes pods of such a name: `<name>-<random>`.
pub fn of_generated(pod: &str) -> Option<&str> {
    let base_len = pod.len().checked_sub(RANDOM_LEN)?;
    let (base, random) = pod.split_at_checked(base_len)?;
    let name = match base.strip_suffix('-') {
        Some(whole) => whole,
        None if base.len() == MAX_BASE_LEN => base,
        None => return None,
    };
    (is_safe(random) && !name.is_empty()).then_some(name)
}

/// Returns the name of the CronJob that makes Jobs of such a name: `<name>-<minutes since 1970>`.
pub fn of_scheduled(job: &str) -> Option<&str> {
    let (name, minutes) = job.rsplit_once('-')?;
    let is_number = minutes.len() >= 8 && minutes.bytes().all(|b| b.is_ascii_digit());
    (is_number && !name.is_empty()).then_some(name)
}

/// Tells whether a workload makes pods of such a name, where it is a Job or a CronJob.
pub fn is_run_of(pod: &str, kind: WorkloadKind, name: &str) -> bool {
    let job = of_generated(pod);
    // The pods of an indexed Job are numbered.
    let numbered = || {
        job.and_then(|job| job.rsplit_once('-'))
            .filter(|(_, n)| is_number(n))
    };
    match kind {
        WorkloadKind::Job => {
            job == Some(name) || numbered().is_some_and(|(numbered, _)| numbered == name)
        }
        WorkloadKind::CronJob => job.and_then(of_scheduled) == Some(name),
        _ => false,
    }
}

/// Tells whether a workload makes pods of such a name.
pub fn is_made_by(pod: &str, kind: WorkloadKind, name: &str) -> bool {
    match kind {
        WorkloadKind::Deployment | WorkloadKind::StatefulSet => owner(pod) == Some((kind, name)),
        WorkloadKind::DaemonSet => of_generated(pod) == Some(name),
        WorkloadKind::Job | WorkloadKind::CronJob => is_run_of(pod, kind, name),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns the name of the Deployment that makes `ReplicaSet`s of such a name: `<name>-<hash>`.
pub fn of_replica_set(replica_set: &str) -> Option<&str> {
    let (name, hash) = replica_set.rsplit_once('-')?;
    (is_safe(hash) && !hash.is_empty() && !name.is_empty()).then_some(name)
}

fn is_safe(text: &str) -> bool {
    text.bytes().all(|b| SAFE_ALPHABET.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pod: &str, expected: Option<(WorkloadKind, &str)>) {
        assert_eq!(owner(pod), expected, "{pod}");
    }

    #[test]
    fn owner_is_told_from_the_name() {
        check(
            "web-6d9c9c5b8-x2w4p",
            Some((WorkloadKind::Deployment, "web")),
        );
        check(
            "orders-db-6d9c9c5b8-24567",
            Some((WorkloadKind::Deployment, "orders-db")),
        );
        check("db-0", Some((WorkloadKind::StatefulSet, "db")));
        check("db-2-999", Some((WorkloadKind::StatefulSet, "db-2")));
        check("web", None);
        check("web-x2w4p", None);
        check("", None);
        check("-0", None);
        check("日本語-日本語", None);
    }

    #[test]
    fn deployment_is_told_from_the_name_of_its_replica_set() {
        assert_eq!(of_replica_set("web-6d9c9c5b8"), Some("web"));
        assert_eq!(of_replica_set("web-api-6d9c9c5b8"), Some("web-api"));
        for other in ["web-api", "web-", "-6d9c9c5b8", "web"] {
            assert_eq!(of_replica_set(other), None, "{other}");
        }
    }

    #[test]
    fn owner_is_told_when_the_server_cut_the_name() {
        let name = "a".repeat(50);
        let whole = format!("{name}-6d9c9c5b8d-");
        let cut = format!("{}x2w4p", &whole[..58]);
        assert_eq!(cut.len(), 63);
        check(&cut, Some((WorkloadKind::Deployment, &name)));
        let name = "a".repeat(46);
        let just_fits = format!("{name}-6d9c9c5b8d-x2w4p");
        assert_eq!(just_fits.len(), 63);
        check(&just_fits, Some((WorkloadKind::Deployment, &name)));
    }

    #[test]
    fn pods_of_daemons_and_runs_bear_the_name_of_what_makes_them() {
        assert_eq!(of_generated("agent-x2b4z"), Some("agent"));
        assert_eq!(of_generated("agent-0"), None);
        let check =
            |pod, kind, expected| assert_eq!(is_run_of(pod, kind, "load"), expected, "{pod}");
        check("load-x2b4z", WorkloadKind::Job, true);
        check("load-3-x2b4z", WorkloadKind::Job, true);
        check("loader-x2b4z", WorkloadKind::Job, false);
        check("load-29453760-x2b4z", WorkloadKind::CronJob, true);
        check("load-3-x2b4z", WorkloadKind::CronJob, false);
        check("load-x2b4z", WorkloadKind::DaemonSet, false);
    }

    #[test]
    fn each_kind_of_workload_makes_pods_of_names_of_its_own() {
        let check = |pod, expected| {
            let all = [
                WorkloadKind::Deployment,
                WorkloadKind::StatefulSet,
                WorkloadKind::DaemonSet,
                WorkloadKind::Job,
                WorkloadKind::CronJob,
            ];
            let made = all.into_iter().filter(|kind| is_made_by(pod, *kind, "web"));
            assert_eq!(made.collect::<Vec<_>>(), expected, "{pod}");
        };
        check("web-6d9c9c5b8-x2w4p", vec![WorkloadKind::Deployment]);
        check("web-0", vec![WorkloadKind::StatefulSet]);
        // Nothing tells what makes these but what there is.
        check(
            "web-x2b4z",
            vec![WorkloadKind::DaemonSet, WorkloadKind::Job],
        );
        check(
            "web-29453760-x2b4z",
            vec![WorkloadKind::Job, WorkloadKind::CronJob],
        );
        check("web-api-0", vec![]);
    }
}
