//! What to write instead of keys that people know from Kubernetes manifests or other tools.

const HINTS: [(&str, &str); 22] = [
    ("readinessProbe", "write `probes: {ready: …}`"),
    ("livenessProbe", "write `probes: {live: …}`"),
    ("startupProbe", "write `probes: {startup: …}`"),
    (
        "containerPort",
        "write `port`, or `targetPort` where the container listens on another one",
    ),
    ("periodSeconds", "write `period: 10s`"),
    ("initialDelaySeconds", "write `initialDelay: 5s`"),
    ("timeoutSeconds", "write `timeout: 1s`"),
    ("failureThreshold", "write `failures: 3`"),
    ("httpGet", "write `http: /path` and `port: NAME`"),
    ("tcpSocket", "write `tcp: PORT`"),
    ("valueFrom", "write `fromSecret` or `fromConfig`"),
    ("secretKeyRef", "write `fromSecret: {name: …, key: …}`"),
    ("configMapKeyRef", "write `fromConfig: {name: …, key: …}`"),
    (
        "persistentVolumeClaim",
        "write `existingClaim: NAME`, or `size` for a claim of its own",
    ),
    ("claimName", "write `existingClaim: NAME`"),
    ("configMap", "write `config: {FILE: TEXT}`"),
    ("storageClassName", "write `storageClass`"),
    ("volumeClaimTemplates", "write `volumes` with a `size`"),
    ("imagePullSecrets", "write `pullSecret`"),
    ("ingressClassName", "write `className` under `ingress`"),
    ("spec", "a service definition has its keys at the top"),
    (
        "metadata",
        "a service definition has `name`, `labels` and `annotations` at the top",
    ),
];

/// Returns what to write instead of a key, for a sentence that says that it is unknown.
pub(super) fn instead_of(key: &str) -> Option<&'static str> {
    HINTS
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, hint)| *hint)
}
