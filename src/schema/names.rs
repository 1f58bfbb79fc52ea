//! The names by which people call kinds: `deploy`, `deployments`, `Deployment`.

use super::document::KindName;

/// Short names of Kubernetes' own kinds, as `kubectl api-resources` lists them.
const SHORT: [(&str, &str); 27] = [
    ("cm", "ConfigMap"),
    ("ep", "Endpoints"),
    ("ev", "Event"),
    ("limits", "LimitRange"),
    ("ns", "Namespace"),
    ("no", "Node"),
    ("pvc", "PersistentVolumeClaim"),
    ("pv", "PersistentVolume"),
    ("po", "Pod"),
    ("rc", "ReplicationController"),
    ("quota", "ResourceQuota"),
    ("sa", "ServiceAccount"),
    ("svc", "Service"),
    ("crd", "CustomResourceDefinition"),
    ("crds", "CustomResourceDefinition"),
    ("ds", "DaemonSet"),
    ("deploy", "Deployment"),
    ("rs", "ReplicaSet"),
    ("sts", "StatefulSet"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("cj", "CronJob"),
    ("ing", "Ingress"),
    ("netpol", "NetworkPolicy"),
    ("pdb", "PodDisruptionBudget"),
    ("pc", "PriorityClass"),
    ("sc", "StorageClass"),
    ("vac", "VolumeAttributesClass"),
];

/// Tells whether a word is a name of a kind: itself, its plural, or its short name; case makes no difference.
pub fn names_kind(word: &str, kind: &str) -> bool {
    let word = word.to_lowercase();
    let lower = kind.to_lowercase();
    let is_short = SHORT
        .iter()
        .any(|(short, known)| *short == word && *known == kind);
    is_short || word == lower || word == plural(&lower)
}

/// Returns the plural as Kubernetes makes it.
fn plural(lower: &str) -> String {
    match lower.as_bytes() {
        [.., b's'] if lower == "endpoints" => lower.to_owned(),
        [.., b's' | b'x'] | [.., b'c' | b's', b'h'] => format!("{lower}es"),
        [start @ .., b'y'] if !start.ends_with(b"a") && !start.ends_with(b"e") => {
            format!("{}ies", &lower[..lower.len() - 1])
        }
        _ => format!("{lower}s"),
    }
}

/// Returns how a version ranks among those of its kind: released ones first, and of these the newest.
pub fn rank(name: &KindName) -> (bool, u32) {
    let version = name.api_version.rsplit('/').next().unwrap_or_default();
    let digits = version.trim_start_matches('v');
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    (end == digits.len(), digits[..end].parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::built_in;

    #[test]
    fn kinds_answer_to_all_their_names() {
        let check = |word: &str, expected: &[&str]| {
            let kinds = built_in().kinds();
            let found = kinds.filter(|name| names_kind(word, &name.kind));
            let mut found: Vec<&str> = found.map(|name| name.kind.as_str()).collect();
            found.dedup();
            assert_eq!(found, expected, "{word}");
        };
        check("deploy", &["Deployment"]);
        check("Deployments", &["Deployment"]);
        check("ingresses", &["Ingress"]);
        check("networkpolicies", &["NetworkPolicy"]);
        check("endpoints", &["Endpoints"]);
        check("pv", &["PersistentVolume"]);
        check("gateway", &[]);
    }

    #[test]
    fn short_names_are_of_kinds_that_are_built_in() {
        for (short, kind) in SHORT {
            assert!(built_in().kinds().any(|name| name.kind == kind), "{short}");
        }
    }

    #[test]
    fn the_newest_released_version_ranks_first() {
        let of = |api_version: &str| {
            rank(&KindName {
                api_version: api_version.to_owned(),
                kind: "X".to_owned(),
            })
        };
        assert!(of("autoscaling/v2") > of("autoscaling/v1"));
        assert!(of("x/v1") > of("x/v2beta1"));
        assert!(of("x/v10") > of("x/v9"));
    }
}
