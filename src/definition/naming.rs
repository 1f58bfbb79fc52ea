//! Names, labels and annotations of everything that belongs to an instance, all derived from its ID.
//!
//! One home for them, so that what renders, selects, records and tears down can never disagree. Nothing here guesses that
//! an object belongs to an instance: a name is only where to look, the labels and the record say whose it is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::id::{InstanceId, Namespace};

/// Label: which program manages the object.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`LABEL_MANAGED_BY`] on every object of bowline's.
pub const MANAGED_BY: &str = "bowline";
/// Label: the ID of the instance.
pub const LABEL_INSTANCE: &str = "app.kubernetes.io/instance";
/// Label: the file name of the definition in the catalogue.
pub const LABEL_NAME: &str = "app.kubernetes.io/name";
/// Label: membership of an `ApplySet`; its value is the set's ID.
pub const LABEL_PART_OF: &str = "applyset.kubernetes.io/part-of";
/// Label of the record: the ID of the `ApplySet` whose parent it is.
pub const LABEL_APPLYSET_ID: &str = "applyset.kubernetes.io/id";
/// Label of a volume that was retained: the namespace of the claim that it was bound to.
pub const LABEL_VOLUME_NAMESPACE: &str = "bowline.dev/namespace";
/// Label of a volume that was retained: the claim that it was bound to, where that is a legal value.
pub const LABEL_VOLUME_CLAIM: &str = "bowline.dev/claim";
/// Says of a volume that was set to Retain what its reclaim policy was before.
pub const ANNOTATION_RECLAIM_POLICY: &str = "bowline.dev/reclaim-policy";
/// The reclaim policy under which the storage goes with the volume.
pub const RECLAIM_DELETE: &str = "Delete";

/// Annotation of the record: the tooling that owns the `ApplySet`.
pub const ANNOTATION_APPLYSET_TOOLING: &str = "applyset.kubernetes.io/tooling";
/// Value of [`ANNOTATION_APPLYSET_TOOLING`].
pub const APPLYSET_TOOLING: &str = "bowline/v1";
/// Annotation of the record: the kinds that the set may hold, `Kind.group`, separated by commas.
pub const ANNOTATION_APPLYSET_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// Annotation of the record: namespaces of members beside the record's own.
pub const ANNOTATION_APPLYSET_NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
/// Annotation: why the last change was made, as kubectl's `rollout history` shows it.
pub const ANNOTATION_CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// Prefix of bowline's own annotations; definitions may not set any under it.
pub const ANNOTATION_PREFIX: &str = "bowline.dev/";
/// Annotation: the display name of the definition.
pub const ANNOTATION_DISPLAY_NAME: &str = "bowline.dev/display-name";
/// Annotation: how long the instance lives, counted from the first apply, as the definition writes it (`8h`).
pub const ANNOTATION_EXPIRES: &str = "bowline.dev/expires";
/// Annotation: `"true"` where the teardown needs the typed ID.
pub const ANNOTATION_PROTECTED: &str = "bowline.dev/protected";
/// Annotation of the record: the operation that runs.
pub const ANNOTATION_OPERATION: &str = "bowline.dev/operation";
/// That a record was made for objects that were there already, before any deploy.
pub const ANNOTATION_ADOPTED: &str = "bowline.dev/adopted";
/// Annotation of the record: the number of the current revision.
pub const ANNOTATION_REVISION: &str = "bowline.dev/revision";
/// Annotation of the record: the numbers of the last revisions that became the current one, separated by commas.
pub const ANNOTATION_FINISHED_REVISIONS: &str = "bowline.dev/finished-revisions";
/// Annotation of the record and of revisions: the number of the revision that a rollback goes back to.
pub const ANNOTATION_ROLLBACK_TO: &str = "bowline.dev/rollback-to";
/// Annotation of the record: the keys of the definition's labels that the record bears, separated by commas.
pub const ANNOTATION_LABELS: &str = "bowline.dev/labels";
/// Annotation of the record: SHA-256 of the applied definition's text, in hex.
pub const ANNOTATION_DEFINITION_HASH: &str = "bowline.dev/definition-sha256";
/// Annotation of the record: what the last apply left of the workloads, so that what changes later is noticed.
pub const ANNOTATION_APPLIED_FIELDS: &str = "bowline.dev/applied-fields";
/// Annotation in which `kubectl apply` keeps what it wrote last, whole.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Labels and annotations by which other deployers know what is theirs, each with what it names.
pub const OWNER_MARKS: [(&str, &str); 8] = [
    ("meta.helm.sh/release-name", "Helm release"),
    ("argocd.argoproj.io/tracking-id", "Argo CD application"),
    ("argocd.argoproj.io/instance", "Argo CD application"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux kustomization"),
    ("helm.toolkit.fluxcd.io/name", "Flux Helm release"),
    (LABEL_KAPP, "kapp application"),
    ("olm.owner", "Operator Lifecycle Manager"),
    ("fleet.cattle.io/bundle-id", "Fleet"),
];
/// Managers of what Argo CD applies. Until its version 3 it marked what is its own with [`LABEL_INSTANCE`] alone, as many others do.
pub const ARGO_MANAGERS: [&str; 2] = ["argocd-controller", "argocd-application-controller"];
/// Label of kapp, which bears the application's number and not its name.
pub const LABEL_KAPP: &str = "kapp.k14s.io/app";
/// Annotation of the Secret of an instance, and of pod templates that use it: how often its values have changed.
pub const ANNOTATION_SECRET_REVISION: &str = "bowline.dev/secret-revision";
/// SHA-256 in hex of the parameters that were set by hand, on a revision that has any.
pub const ANNOTATION_PARAMETERS_HASH: &str = "bowline.dev/parameters-sha256";
/// Annotation of the record and of revisions: who applied, as user, host and process.
pub const ANNOTATION_APPLIED_BY: &str = "bowline.dev/applied-by";
/// Annotation of the record and of revisions: the user as whom the server knew who applied.
pub const ANNOTATION_APPLIED_AS: &str = "bowline.dev/applied-as";
/// Annotation of the record and of revisions: when it was applied, by the clock of the one who did.
pub const ANNOTATION_APPLIED_AT: &str = "bowline.dev/applied-at";
/// Annotation of the pod template: a digest of the `ConfigMaps` that the pods read, so that pods roll when they change.
pub const ANNOTATION_CONFIG_CHECKSUM: &str = "bowline.dev/config-checksum";

/// Longest name that is derived from an ID: an RFC 1123 label.
pub const MAX_DERIVED_NAME_LEN: usize = 63;

/// Returns the name of the workload, the Service and the Ingress: the ID itself.
pub fn workload(id: &InstanceId) -> String {
    id.to_string()
}

/// Returns the name of the headless Service of a `StatefulSet`.
pub fn headless(id: &InstanceId) -> String {
    format!("{id}-headless")
}

/// Returns the name of the `ConfigMap` that holds the definition's `config`.
pub fn config(id: &InstanceId) -> String {
    format!("{id}-config")
}

/// Returns the name of the Secret that holds the values of the definition's `secrets`.
pub fn secret(id: &InstanceId) -> String {
    format!("{id}-secret")
}

/// Returns the name of the image pull secret that is made from `pullSecret`.
pub fn pull_secret(id: &InstanceId) -> String {
    format!("{id}-pull")
}

/// Returns the name of the `ConfigMap` that holds the files of a volume.
pub fn files(id: &InstanceId, volume: &str) -> String {
    format!("{id}-files-{volume}")
}

/// Returns the name of the one claim that all replicas share.
pub fn shared_claim(id: &InstanceId, volume: &str) -> String {
    format!("{id}-data-{volume}")
}

/// Returns the name of the claim that a `StatefulSet` makes from a template for its pod number `ordinal`.
pub fn template_claim(volume: &str, id: &InstanceId, ordinal: u32) -> String {
    format!("{volume}-{id}-{ordinal}")
}

/// Returns the number of the pod whose claim it is, if the `StatefulSet` named `set` makes claims of that name.
pub fn claim_ordinal(name: &str, set: &str) -> Option<u32> {
    let (stem, ordinal) = name.rsplit_once('-')?;
    let volume = stem.strip_suffix(set)?.strip_suffix('-')?;
    let is_plain = ordinal == "0" || !ordinal.starts_with('0');
    let is_number = !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit());
    (is_plain && is_number && !volume.is_empty())
        .then(|| ordinal.parse().ok())
        .flatten()
}

/// Returns the name of the record, the `ApplySet` parent.
pub fn record(id: &InstanceId) -> String {
    format!("bowline-{id}")
}

/// Returns the name of revision `number`; it never meets a record's, for no ID holds a dot.
pub fn revision(id: &InstanceId, number: u64) -> String {
    format!("bowline-{id}.r{number}")
}

/// Returns the ID of an `ApplySet` by the name, namespace, kind and group of its parent, as kubectl computes it.
pub fn applyset_id(name: &str, namespace: &str, kind: &str, group: &str) -> String {
    let digest = Sha256::digest(format!("{name}.{namespace}.{kind}.{group}"));
    format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(digest))
}

/// Returns the ID of an instance's `ApplySet`: the value of [`LABEL_PART_OF`] on its objects.
pub fn instance_applyset_id(id: &InstanceId, namespace: &Namespace) -> String {
    applyset_id(&record(id), namespace.as_str(), "ConfigMap", "")
}

/// Returns the label selector of everything of one instance: only labels that never change.
pub fn instance_selector(id: &InstanceId) -> String {
    format!("{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_INSTANCE}={id}")
}

/// Returns the label selector of the volumes that were retained of an instance. They are in no namespace, so that their labels
/// name the one that they are from.
pub fn retained_selector(id: &InstanceId, namespace: &Namespace) -> String {
    format!(
        "{},{LABEL_VOLUME_NAMESPACE}={namespace}",
        instance_selector(id)
    )
}

/// Returns the label selector of everything that bowline manages.
pub fn managed_selector() -> String {
    format!("{LABEL_MANAGED_BY}={MANAGED_BY}")
}

/// Returns the field manager under which an instance's objects are applied; one for each ID, so that the server itself
/// refuses a write over another instance's fields.
pub fn field_manager(id: &InstanceId) -> String {
    format!("bowline/{id}")
}

/// Returns the field manager of `scale` where the definition leaves the number of replicas open.
pub fn scale_field_manager(id: &InstanceId) -> String {
    format!("bowline-scale/{id}")
}

/// Returns the field manager of `restart`.
pub fn restart_field_manager(id: &InstanceId) -> String {
    format!("bowline-restart/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> InstanceId {
        text.parse().unwrap()
    }

    #[test]
    fn applyset_id_is_what_kubectl_computes() {
        assert_eq!(
            applyset_id("my-set", "test", "Secret", ""),
            "applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1"
        );
    }

    #[test]
    fn derived_names_follow_the_id() {
        let web = id("web");
        let names = [
            workload(&web),
            headless(&web),
            config(&web),
            secret(&web),
            pull_secret(&web),
            files(&web, "conf"),
            shared_claim(&web, "data"),
            template_claim("data", &web, 2),
            record(&web),
            revision(&web, 7),
        ];
        let expected = [
            "web",
            "web-headless",
            "web-config",
            "web-secret",
            "web-pull",
            "web-files-conf",
            "web-data-data",
            "data-web-2",
            "bowline-web",
            "bowline-web.r7",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn applyset_id_is_a_legal_label_value() {
        let long = id(&"a".repeat(50));
        let namespace: Namespace = "n".repeat(63).parse().unwrap();
        assert!(instance_applyset_id(&long, &namespace).len() <= 63);
    }

    #[test]
    fn selector_names_only_labels_that_never_change() {
        assert_eq!(
            instance_selector(&id("web")),
            "app.kubernetes.io/managed-by=bowline,app.kubernetes.io/instance=web"
        );
    }

    #[test]
    fn claims_of_a_stateful_set_are_known_by_their_names() {
        let names = [
            "data-web-0",
            "my-data-web-12",
            "data-web-01",
            "data-web-",
            "web-0",
            "data-cobweb-0",
            "data-web",
        ];
        let found = names.map(|name| claim_ordinal(name, "web"));
        assert_eq!(found, [Some(0), Some(12), None, None, None, None, None]);
    }
}
