//! Tests of checking: one table a subject, each row a text and the faults it must show.

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::definition::template::TEMPLATES;

const EVERY_KEY: &str = include_str!("../../../tests/fixtures/definition/every-key.yaml");

/// A definition that nothing is wrong with.
const GOOD: &str =
    "containers:\n  - {name: nginx, image: nginx, ports: [{name: http, port: 80}]}\n";

fn faults(text: &str) -> Vec<Diagnostic> {
    check(text, &CheckContext::default()).diagnostics
}

/// Shows a fault as `error 2:5-2:9 containers[0].image: message`.
fn show(d: &Diagnostic) -> String {
    let (start, end) = (d.span.start, d.span.end);
    let severity = d.severity;
    format!(
        "{severity} {}:{}-{}:{} {}: {}",
        start.line, start.column, end.line, end.column, d.path, d.message
    )
}

/// Applies the first fix there is.
fn fixed(text: &str, faults: &[Diagnostic]) -> Option<String> {
    let fix = faults.iter().find_map(|d| d.fix.as_ref())?;
    Some(format!(
        "{}{}{}",
        &text[..fix.bytes.start],
        fix.replacement,
        &text[fix.bytes.end..]
    ))
}

/// Checks a text with exactly one fault: its start, path, a part of its sentence, and what the fix leaves of the place.
#[track_caller]
fn one(text: &str, severity: Severity, path: &str, words: &str) -> Diagnostic {
    let faults = faults(text);
    let shown: Vec<_> = faults.iter().map(show).collect();
    let [fault] = faults.as_slice() else {
        panic!("{text}\nwanted one fault at {path}, found {shown:#?}");
    };
    assert_eq!(
        (fault.severity, fault.path.as_str()),
        (severity, path),
        "{text}\n{shown:#?}"
    );
    assert!(
        fault.message.contains(words),
        "{text}\nno {words:?} in {shown:#?}"
    );
    fault.clone()
}

#[track_caller]
fn error(text: &str, path: &str, words: &str) -> Diagnostic {
    one(text, Severity::Error, path, words)
}

#[track_caller]
fn warning(text: &str, path: &str, words: &str) -> Diagnostic {
    let fault = one(text, Severity::Warning, path, words);
    assert!(check(text, &CheckContext::default()).definition.is_some());
    fault
}

#[test]
fn unresolved_conflict_is_one_fault_and_the_rest_is_checked() {
    let text = "containers:\n<<<<<<< mine\n  - {name: web, image: nginx, prots: []}\n||||||| before\n  - {name: web}\n=======\n  - {name: web\n>>>>>>> theirs\nreplicas: -1\n";
    let faults: Vec<_> = faults(text).iter().map(show).collect();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(
        faults[0].starts_with("error 2:1-2:13 : a merge conflict is unresolved here"),
        "{faults:#?}"
    );
    assert!(
        faults[1].starts_with("error 3:") && faults[1].contains("ports"),
        "{faults:#?}"
    );
    assert!(faults[2].starts_with("error 9:"), "{faults:#?}");
    // Nothing is deployed of one whose sides both are whole.
    let text = "<<<<<<< a\ncontainers: [{name: web, image: a}]\n=======\ncontainers: [{name: web, image: b}]\n>>>>>>> b\n";
    let checked = check(text, &CheckContext::default());
    assert_eq!((checked.diagnostics.len(), checked.definition), (1, None));
}

#[test]
fn unresolved_conflict_is_told_however_many_other_faults_there_are() {
    let others: String = (0..600).map(|n| format!("odd{n}: 1\n")).collect();
    let text = format!("{others}<<<<<<< a\nreplicas: 1\n=======\nreplicas: 2\n>>>>>>> b\n");
    let faults: Vec<_> = faults(&text).iter().map(show).collect();
    let mut told = faults.iter();
    assert!(
        told.any(|it| it.contains("a merge conflict is unresolved here")),
        "{faults:#?}"
    );
}

/// An error whose fix makes the text faultless.
#[track_caller]
fn mended(text: &str, path: &str, words: &str) {
    let fault = error(text, path, words);
    let fixed = fixed(text, &[fault]).unwrap_or_else(|| panic!("{text}\nno fix"));
    let left: Vec<_> = faults(&fixed).iter().map(show).collect();
    assert_eq!(left, Vec::<String>::new(), "{fixed}");
}

/// A definition with more lines in its one container.
fn container(more: &str) -> String {
    format!(
        "containers:\n  - name: nginx\n    image: nginx\n    ports: [{{name: http, port: 80}}]\n    {more}\n"
    )
}

/// A definition with more lines at the top.
fn top(more: &str) -> String {
    format!("{GOOD}{more}\n")
}

#[test]
fn good_definitions_have_no_fault() {
    let texts = [
        GOOD,
        "# comment\n---\ncontainers: [{name: a, image: b}]\n...\n",
        "\u{feff}containers: [{name: a, image: b}]\n",
        "containers: [{name: a, image: b}]\r\nreplicas: 2\r\n",
        "containers: [{name: a, image: b}]\n---\n",
        "containers: [{name: a, image: b, env: }]\nvolumes:\ninitContainers:\n",
    ];
    for text in texts {
        let shown: Vec<_> = faults(text).iter().map(show).collect();
        assert_eq!(shown, Vec::<String>::new(), "{text:?}");
        assert!(
            check(text, &CheckContext::default()).definition.is_some(),
            "{text:?}"
        );
    }
    for template in TEMPLATES {
        let shown: Vec<_> = faults(template.text).iter().map(show).collect();
        assert_eq!(shown, Vec::<String>::new(), "{}", template.name);
    }
}

#[test]
fn definition_needs_containers() {
    error("", "", "is empty");
    error("# nothing\n", "", "is empty");
    error("name: x\n", "", "needs `containers`");
    error("containers: []\n", "containers", "at least one container");
    error("containers:\n", "containers", "at least one container");
    error("just text\n", "", "must be a map");
    error("- a\n", "", "must be a map");
    error(
        "apiVersion: v1\nkind: Pod\nspec: {containers: []}\n",
        "",
        "an object needs `metadata`",
    );
    error(&format!("{GOOD}---\n{GOOD}"), "", "one document");
    mended(
        "container: [{name: a, image: b}]\n",
        "container",
        "did you mean `containers`?",
    );
    error(
        "containers: [{name: a}]\n",
        "containers[0]",
        "needs `image`",
    );
    // One fault, which has a mend.
    mended(
        "containers: [{name: a, imag: b}]\n",
        "containers[0].imag",
        "did you mean `image`?",
    );
    error(
        "containers: [{image: a}]\n",
        "containers[0]",
        "needs `name`",
    );
}

#[test]
fn unknown_keys_are_named_with_what_was_meant() {
    mended(&top("replica: 3"), "replica", "did you mean `replicas`?");
    mended(
        &container("environmnet: [{name: A, value: b}]"),
        "containers[0].environmnet",
        "did you mean `environment`?",
    );
    mended(
        &container("comand: [a]"),
        "containers[0].comand",
        "did you mean `command`?",
    );
    error(
        &container("securityContext: {}"),
        "containers[0].securityContext",
        "allowed are name, image",
    );
    error(
        &container("readinessProbe: {}"),
        "containers[0].readinessProbe",
        "probes: {ready",
    );
    error(
        &top("ingress: {clasName: x}\nexposed_service: nginx"),
        "ingress.clasName",
        "did you mean `className`?",
    );
}

#[test]
fn faults_have_exact_places() {
    let text = "containers:\n  - name: größe\n    image: nginx\nvolumes:\n  - name: d\n    size: 10Gx # why\n";
    let shown: Vec<_> = faults(text).iter().map(show).collect();
    assert_eq!(
        shown,
        [
            "error 2:11-2:16 containers[0].name: `name` cannot be `größe`; allowed is lower-case letters, digits and `-`, \
             starting and ending with a letter or digit, at most 63 characters",
            "warning 5:11-5:12 volumes[0].name: no container mounts the volume `d`; add it to `volumeMounts`, or remove it",
            "error 6:11-6:15 volumes[0].size: `size` cannot be `10Gx`; allowed is 1 to 999 followed by Mi, Gi or Ti, such as \
             `10Gi`",
        ]
    );
    let size = faults(text).remove(2);
    assert_eq!(&text[size.span.bytes.clone()], "10Gx");
    assert_eq!(
        size.fix.map(|f| (f.title, f.replacement)),
        Some(("did you mean `10Gi`?".to_owned(), "10Gi".to_owned()))
    );
}

#[test]
fn duplicate_keys_are_errors_aliases_included() {
    error(&top("name: a\nname: b"), "name", "given already on line 3");
    error(
        &container("env: []\n    environment: []"),
        "containers[0].environment",
        "given already on line 5",
    );
    error(
        &top("exposed_service: nginx\nexposedService: nginx"),
        "exposedService",
        "given already on line 3",
    );
    error(&top("config: {a: x, a: y}"), "config.a", "given already");
}

#[test]
fn types_are_checked() {
    mended(
        "containers: [{name: a, image: b, ports: [{port: \"80\"}]}]\n",
        "containers[0].ports[0].port",
        "without quotes",
    );
    mended(
        &container("command: sleep 60"),
        "containers[0].command",
        "must be a list of texts",
    );
    mended(
        &container("args: \"echo $HOME && sleep 1\""),
        "containers[0].args",
        "must be a list of texts",
    );
    mended(
        &container("command: [sleep, 60]"),
        "containers[0].command[1]",
        "put it in quotes",
    );
    error(
        &top("replicas: many"),
        "replicas",
        "whole number from 0 to 1000, not text",
    );
    error(&top("replicas: 1.5"), "replicas", "not a number");
    error(&top("replicas:"), "replicas", "has no value");
    error(
        &top("labels: [a]"),
        "labels",
        "must be a map of labels, not a list",
    );
    error(
        &top("volumes: {name: d}"),
        "volumes",
        "must be a list of volumes",
    );
    error(
        &container("env: {A: b}"),
        "containers[0].env",
        "must be a list of variables",
    );
    error(
        &container("env: [A=b]"),
        "containers[0].env[0]",
        "must be a variable",
    );
    error(&top("service: ClusterIP"), "service", "must be a map");
    error(
        "containers: [{name: a, image: }]\n",
        "containers[0].image",
        "has no value",
    );
    mended(&top("protected: \"true\""), "protected", "without quotes");
    error(
        "containers: [{name: a, image: b, ? [x] : y}]\n",
        "",
        "a key must be text",
    );
    error("containers:\n  -\n", "containers[0]", "has no value");
}

#[test]
fn patterns_and_ranges_are_checked() {
    error(&top("replicas: 1001"), "replicas", "from 0 to 1000");
    error(&top("replicas: -1"), "replicas", "from 0 to 1000");
    error(&top("namespace: Team A"), "namespace", "lower-case");
    error(&top("expires: soon"), "expires", "8h");
    error(&top("expires: 0s"), "expires", "8h");
    error(&top("cluster: kind-dev"), "cluster", "8-4-4-4-12");
    error(
        &top("labels: {tier: \"a b\"}"),
        "labels.tier",
        "63 characters",
    );
    error(
        &top("labels: {\"a/b/c\": x}"),
        "labels[\"a/b/c\"]",
        "not allowed",
    );
    error(
        &top("labels: {app.kubernetes.io/instance: x}"),
        "labels[\"app.kubernetes.io/instance\"]",
        "set by bowline itself",
    );
    error(
        &top("annotations: {bowline.dev/x: z}"),
        "annotations[\"bowline.dev/x\"]",
        "set by bowline itself",
    );
    error(
        &top("annotations: {meta.helm.sh/release-name: shop}"),
        "annotations[\"meta.helm.sh/release-name\"]",
        "belongs to a Helm release",
    );
    error(
        &container("gpuCount: 2"),
        "containers[0].gpuCount",
        "needs `gpu`",
    );
    error(
        &container("gpu: nvidia/gpu\n    gpuCount: 17"),
        "containers[0].gpuCount",
        "from 1 to 16",
    );
    error(
        &container("gpu: nvidia"),
        "containers[0].gpu",
        "vendor/resource",
    );
    error(&container("cpu: 0"), "containers[0].cpu", "more than 0");
    mended(
        &container("memory: \"4\""),
        "containers[0].memory",
        "without quotes",
    );
    mended(&container("memory: 4GB"), "containers[0].memory", "512Mi");
    mended(
        &container("resources: {limits: {memory: 200mb}}"),
        "containers[0].resources.limits.memory",
        "quantity",
    );
    error(
        &container("resources: {limits: {memroy: 200Mi}}"),
        "containers[0].resources.limits.memroy",
        "did you mean `memory`?",
    );
    error(
        &container("resources: {requests: {cpu: 2}, limits: {cpu: 1}}"),
        "containers[0].resources",
        "at most the limit",
    );
    error(
        &container("cpu: 2\n    resources: {limits: {cpu: 1}}"),
        "containers[0].cpu",
        "keep one of them",
    );
    mended(
        &container("probes: {ready: {http: /, port: 80, period: 10}}"),
        "containers[0].probes.ready.period",
        "with its unit",
    );
    mended(
        &container("probes: {ready: {http: /, port: htp}}"),
        "containers[0].probes.ready.port",
        "no port of this container",
    );
    error(
        &container("probes: {ready: {http: ready}}"),
        "containers[0].probes.ready.http",
        "starts with `/`",
    );
    error(
        &container("probes: {ready: {}}"),
        "containers[0].probes.ready",
        "exactly one of",
    );
    error(
        &container("probes: {ready: {tcp: 80, exec: [a]}}"),
        "containers[0].probes.ready.exec",
        "exactly one of",
    );
    mended(
        &top("service: {type: Nodeport}"),
        "service.type",
        "ClusterIP, NodePort, LoadBalancer",
    );
    mended(
        &top("restartPolicy: Never"),
        "restartPolicy",
        "must be Always",
    );
    error(&top("workload: Job"), "workload", "Deployment, StatefulSet");
    error(
        "containers: [{name: a, image: b, ports: [{port: 80, protocol: tcp/ip}]}]\n",
        "containers[0].ports[0].protocol",
        "TCP, UDP, SCTP",
    );
    error(
        &top("initContainers: [{name: i, image: i, ports: []}]"),
        "initContainers[0].ports",
        "not allowed in `initContainers`",
    );
}

#[test]
fn volumes_and_mounts_must_meet() {
    let mount = |mount: &str, volumes: &str| {
        container(&format!("volumeMounts: [{mount}]\nvolumes: [{volumes}]"))
    };
    let volume = "{name: data, size: 1Gi}";
    let path = "containers[0].volumeMounts[0]";
    mended(
        &mount(
            "{name: data, mountPath: /a}, {name: dta, mountPath: /b}",
            volume,
        ),
        "containers[0].volumeMounts[1].name",
        "no volume is named `dta`",
    );
    warning(
        &top("volumes: [{name: d, size: 1Gi}]"),
        "volumes[0].name",
        "no container mounts",
    );
    error(
        &mount("{name: data, mountPath: data}", volume),
        &format!("{path}.mountPath"),
        "absolute path",
    );
    error(
        &mount("{name: data, mountPath: \"/a:b\"}", volume),
        &format!("{path}.mountPath"),
        "absolute path",
    );
    error(
        &mount("{name: data, mountPath: /a, subPath: ../b}", volume),
        &format!("{path}.subPath"),
        "without `..`",
    );
    error(
        &mount(
            "{name: data, mountPath: /a}, {name: data, mountPath: /a}",
            volume,
        ),
        "containers[0].volumeMounts[1].mountPath",
        "mounted already",
    );
    error(&mount("{name: data}", volume), path, "needs `mountPath`");
    error(
        &mount(
            "{name: data, mountPath: /a, type: ReadWriteMany}",
            "{name: data, size: 1Gi, type: ReadWriteOnce}",
        ),
        &format!("{path}.type"),
        "one access mode",
    );
    error(
        &mount("{name: data, mountPath: /a}", "{name: data}"),
        "volumes[0]",
        "needs one of size",
    );
    error(
        &mount(
            "{name: data, mountPath: /a}",
            "{name: data, size: 1Gi, emptyDir: {}}",
        ),
        "volumes[0].emptyDir",
        "not both",
    );
    error(
        &mount(
            "{name: data, mountPath: /a}",
            "{name: data, emptyDir: {}, shared: true}",
        ),
        "volumes[0].shared",
        "only for a volume with `size`",
    );
    error(
        &mount("{name: data, mountPath: /a}", "{name: data, size: 1000Gi}"),
        "volumes[0].size",
        "1 to 999",
    );
    mended(
        &mount("{name: data, mountPath: /a}", "{name: data, size: 10}"),
        "volumes[0].size",
        "1 to 999",
    );
    error(
        &mount(
            "{name: data, mountPath: /a}",
            "{name: data, config: {a/b: x}}",
        ),
        "volumes[0].config[\"a/b\"]",
        "not allowed",
    );
}

#[test]
fn names_are_unique() {
    error(
        "containers: [{name: a, image: i}]\ninitContainers: [{name: a, image: i}]\n",
        "initContainers[0].name",
        "another container",
    );
    error(&container("volumeMounts: [{name: d, mountPath: /d}]\nvolumes: [{name: d, size: 1Gi}, {name: d, size: 2Gi}]").replace("@", ""), "volumes[1].name", "another volume");
    error(
        "containers: [{name: a, image: i, ports: [{name: p, port: 1}, {name: p, port: 2}]}]\n",
        "containers[0].ports[1].name",
        "names must differ",
    );
    error(
        &container("env: [{name: A, value: a}, {name: A, value: b}]"),
        "containers[0].env[1].name",
        "set already on line 5",
    );
}

#[test]
fn ports_of_a_pod_do_not_meet() {
    let two = |a: &str, b: &str| {
        format!(
            "containers:\n  - {{name: a, image: i, ports: [{a}]}}\n  - {{name: b, image: i, ports: [{b}]}}\n"
        )
    };
    error(
        &two("{port: 80}", "{port: 80}"),
        "containers[1].ports[0].port",
        "taken already on line 2",
    );
    error(
        &two("{port: 80}", "{port: 81, targetPort: 80}"),
        "containers[1].ports[0].targetPort",
        "port 80 (TCP) of the pod",
    );
    error(
        &two("{port: 80}", "{port: 80, targetPort: 81}"),
        "containers[1].ports[0].port",
        "port 80 (TCP) of the Service",
    );
    assert_eq!(faults(&two("{port: 53}", "{port: 53, protocol: UDP}")), []);
    error(
        &two("{port: 80, nodePort: 30080}", "{port: 81}"),
        "containers[0].ports[0].nodePort",
        "only with `service",
    );
    let node = |a: &str| {
        format!(
            "{}service: {{type: NodePort}}\n",
            two("{port: 80, nodePort: 30080}", a)
        )
    };
    assert_eq!(faults(&node("{port: 81}")), []);
    error(
        &node("{port: 81, nodePort: 30080}"),
        "containers[1].ports[0].nodePort",
        "nodePort 30080 is taken",
    );
    warning(
        &node("{port: 81, nodePort: 80}"),
        "containers[1].ports[0].nodePort",
        "outside 30000 to 32767",
    );
}

#[test]
fn exposure_must_name_something() {
    mended(
        &top("exposed_service: ngnix\nexposed_port: 80"),
        "exposed_service",
        "no container is named `ngnix`",
    );
    mended(
        &top("exposed_service: nginx\nexposed_port: 8080"),
        "exposed_port",
        "has no port `8080`; it has 80 (http)",
    );
    mended(
        &top("exposed_service: nginx\nexposed_port: \"80\""),
        "exposed_port",
        "without quotes",
    );
    assert_eq!(
        faults(&top("exposed_service: nginx\nexposed_port: http")),
        []
    );
    assert_eq!(faults(&top("exposed_service: nginx")), []);
    error(
        &top("exposed_port: 80"),
        "exposed_port",
        "needs `exposed_service`",
    );
    error(
        &top("ingress: {path: /}"),
        "ingress",
        "needs `exposed_service`",
    );
    error(
        "containers: [{name: a, image: i}]\nexposed_service: a\n",
        "exposed_service",
        "needs `ports`",
    );
    error(
        &top("exposed_service: nginx\nexposed_hostname: HTTP://x"),
        "exposed_hostname",
        "host name",
    );
    error(
        &top("exposed_service: nginx\ningress: {path: a//b}"),
        "ingress.path",
        "starts with `/`",
    );
    warning(
        "containers: [{name: a, image: i}]\nservice: {type: ClusterIP}\n",
        "service",
        "no container has a port",
    );
}

#[test]
fn replicas_do_not_share_an_exclusive_claim() {
    let check = |more: &str| {
        container(&format!(
            "volumeMounts: [{{name: d, mountPath: /d}}]\nreplicas: 2\n{more}"
        ))
    };
    error(
        &check("volumes: [{name: d, size: 1Gi, shared: true}]"),
        "volumes[0].name",
        "2 replicas cannot share",
    );
    error(
        &check("workload: Deployment\nvolumes: [{name: d, size: 1Gi}]"),
        "volumes[0].name",
        "one node",
    );
    error(
        &check("volumes: [{name: d, size: 1Gi, shared: true, accessMode: ReadWriteOncePod}]"),
        "volumes[0].name",
        "one pod",
    );
    assert_eq!(faults(&check("volumes: [{name: d, size: 1Gi}]")), []);
    assert_eq!(
        faults(&check(
            "volumes: [{name: d, size: 1Gi, shared: true, accessMode: ReadWriteMany}]"
        )),
        []
    );
}

#[test]
fn derived_names_must_not_grow_over_63() {
    let check = |id: &str, text: &str| {
        let context = CheckContext {
            id: Some(id.parse().unwrap()),
            ..CheckContext::default()
        };
        super::check(text, &context)
            .diagnostics
            .iter()
            .map(show)
            .collect::<Vec<_>>()
    };
    let text = container(
        "volumeMounts: [{name: postgres-data, mountPath: /d}]\nvolumes: [{name: postgres-data, size: 1Gi}]",
    );
    assert_eq!(check("web", &text), Vec::<String>::new());
    let faults = check(&"a".repeat(50), &text);
    assert!(
        faults[0].contains("volumes[0].name: the claim would be named"),
        "{faults:#?}"
    );
    // The claim of a replica and a shared one must not be the same object.
    let text = container(
        "volumeMounts: [{name: a-0, mountPath: /a}, {name: a-data, mountPath: /b}]\nvolumes: [{name: a-0, size: 1Gi, shared: true}, {name: a-data, size: 1Gi}]",
    );
    assert!(
        check("a", &text)[0].contains("would also be that of a replica"),
        "{:#?}",
        check("a", &text)
    );
    let long = "x".repeat(60);
    let text = format!(
        "containers:\n  - {{name: {long}, image: i, ports: [{{name: http, port: 1}}]}}\n  - {{name: b, image: i, ports: [{{name: http, port: 2}}]}}\n"
    );
    error(
        &text,
        "containers[0].ports[0].name",
        "Service port would be named",
    );
}

#[test]
fn a_name_that_another_port_of_the_service_gets_is_refused_where_it_is_given_too() {
    let text =
        "containers:\n  - {name: web, image: i, ports: [{port: 80}, {name: port-80, port: 81}]}\n";
    error(
        text,
        "containers[0].ports[1].name",
        "would be named `port-80`",
    );
    let text = "containers:
  - {name: web, image: i, ports: [{name: http, port: 80}]}
  - {name: api, image: i, ports: [{name: http, port: 81}]}
  - {name: px, image: i, ports: [{name: web-http, port: 82}]}
";
    error(
        text,
        "containers[2].ports[0].name",
        "would be named `web-http`",
    );
}

#[test]
fn resources_of_vendors_are_whole() {
    let limits = |amount: &str| {
        container(&format!(
            "resources: {{limits: {{nvidia.com/gpu: {amount}}}}}"
        ))
    };
    error(
        &limits("0.5"),
        "containers[0].resources.limits[\"nvidia.com/gpu\"]",
        "must be a whole number",
    );
    assert_eq!(faults(&limits("2")), []);
}

#[test]
fn no_fix_takes_a_parameter_away() {
    let faults = faults(&top("protected: ${p}\nparameters: {p: 'yes'}"));
    let [fault] = faults.as_slice() else {
        panic!("{faults:#?}")
    };
    assert_eq!(fault.fix, None);
}

#[test]
fn references_to_own_secrets_and_config_must_exist() {
    mended(
        &container("env: [{name: A, fromConfig: LEVL}]\nconfig: {LEVEL: info}"),
        "containers[0].env[0].fromConfig",
        "is no key of `config`",
    );
    error(
        &container("env: [{name: A, fromSecret: token}]"),
        "containers[0].env[0].fromSecret",
        "is no key of `secrets`",
    );
    error(
        &container("env: [{name: A, fromSecret: {name: db}}]"),
        "containers[0].env[0].fromSecret",
        "needs `key`",
    );
    error(
        &container("env: [{name: A, value: x, fromSecret: {name: db, key: k}}]"),
        "containers[0].env[0].fromSecret",
        "not both",
    );
}

#[test]
fn values_of_secrets_are_refused_and_never_repeated() {
    for text in [
        top("secrets: {token: hunter2}"),
        top("secrets: {token: {value: hunter2}}"),
        top("pullSecret: {registry: r, username: u, password: hunter2}"),
    ] {
        let faults = faults(&text);
        assert!(
            faults.iter().any(|d| d.severity == Severity::Error),
            "{text}"
        );
        assert!(
            faults.iter().all(|d| !format!("{d:?}").contains("hunter2")),
            "{faults:#?}"
        );
    }
}

#[test]
fn yaml_traps_are_shown() {
    mended(
        &top("config: {COUNTRY: no}"),
        "config.COUNTRY",
        "YAML reads `no` as the boolean false",
    );
    mended(
        &top("config: {MODE: 0644}"),
        "config.MODE",
        "the number 420",
    );
    mended(&top("config: {BIG: 1e3}"), "config.BIG", "the number 1000");
    mended(
        &container("env: [{name: A, value: 80}]"),
        "containers[0].env[0].value",
        "the number 80",
    );
    warning(
        &top("config: {y: x}"),
        "config.y",
        "read the key `y` as the boolean true",
    );
    mended(
        "containers: [{name: a, image: y}]\n",
        "containers[0].image",
        "the boolean true",
    );
    let readable = [
        (top("replicas: 010"), "replicas", "as the number 8; write 8"),
        (top("replicas: 1e2"), "replicas", "as the number 100"),
        (top("replicas: 0x10"), "replicas", "as the number 16"),
        (top("protected: yes"), "protected", "write true"),
    ];
    for (text, path, words) in readable {
        let fault = warning(&text, path, words);
        assert_eq!(faults(&fixed(&text, &[fault]).unwrap()), []);
    }
    mended(
        "containers:\n\t- {name: a, image: b}\n",
        "",
        "tabs cannot indent",
    );
    mended(
        &top("name: !!str 5").replace("!!str 5", "!!str x"),
        "name",
        "tags",
    );
    warning(
        "containers:\n  - name: a\n    image: b\n    command: [a\n      b]\n",
        "containers[0].command[0]",
        "goes on over 2 lines",
    );
    let continued = faults("containers:\n  - name: a\n    image: b\n      ports\n");
    assert!(
        continued
            .iter()
            .any(|d| d.message.contains("indentation of the next line")),
        "{continued:#?}"
    );
    assert_eq!(
        faults(&top("config: {T: 12:30, D: 2001-01-01, V: 1.27.3}")),
        []
    );
}

#[test]
fn syntax_errors_are_said_in_our_words_and_what_follows_is_still_checked() {
    let text = "containers:\n  - name: a\n    image: \"open\nreplica: 3\nvolumes:\n  - {name: D, size: 1Gi}\n";
    let shown: Vec<_> = faults(text)
        .iter()
        .map(|d| (d.span.start.line, d.path.clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (3, String::new()),
            (4, "replica".to_owned()),
            (6, "volumes[0].name".to_owned())
        ]
    );
    let cases = [
        ("containers: [{name: a, image: b}\n", "has no end"),
        (
            "containers: [{name: a, image: b]]\n",
            "close brackets in the order",
        ),
        ("containers:\n  - name: a\n   image: b\n", "in one column"),
        (
            "containers: [{name: a, image: b, ports: [{port: 80},, {port: 81}]}]\n",
            "1:53 a comma too many",
        ),
        (
            "containers: [{name: c, image: nginx,, ports: []}]\n",
            "1:37 a comma too many",
        ),
        (
            "containers:\n  - name: a\n    args: [A, B\n    image: b\nreplicas: 2\n",
            "3:11 this list has no end",
        ),
        (
            "containers: [{name: a, image: b\nreplicas: 2\n",
            "1:13 this list has no end",
        ),
        ("replicas: [a]\n@x\n", "cannot start with `@`"),
        ("containers: [a]\n- b\n", "does not fit the lines above"),
        (
            "containers: [\n  {name: a, image: b}\n  {name: c, image: d}\n]\n",
            "separated by commas",
        ),
        (
            "containers: [\n{name: a, image: b}\n{name: c, image: d}\n]\n",
            "separated by commas",
        ),
        ("replicas: [\n@x\n]\n", "cannot start with `@`"),
        ("containers: [,]\n", "1:14 a comma too many"),
        ("containers: {, b: 1}\n", "1:14 a comma too many"),
        ("containers: [,,]\n", "1:14 a comma too many"),
        ("containers: a: b\n", "second `: `"),
        ("containers: @x\n", "cannot start with `@`"),
        ("containers:\n  - name: \"\\q\"\n", "escape is unknown"),
        ("name: x\ncontainers\nreplicas: 2\n", "key: value"),
        ("o\nname: Web\n", "1:1 a key is followed by a colon"),
        (
            "containers:\n  - imag\n    name: a\n",
            "2:5 a key is followed",
        ),
        ("ingress:\n  pa\n  className: a\n", "2:3 a key is followed"),
        ("name: x\n  y\n  z: b\n", "second `: `"),
    ];
    for (text, words) in cases {
        let found = faults(text);
        let syntax: Vec<_> = found
            .iter()
            .filter(|d| d.path.is_empty())
            .map(|d| {
                format!(
                    "{}:{} {}",
                    d.span.start.line, d.span.start.column, d.message
                )
            })
            .collect();
        assert!(
            syntax.iter().any(|m| m.contains(words)),
            "{text:?}: {syntax:#?}"
        );
        assert_eq!(check(text, &CheckContext::default()).definition, None);
    }
}

#[test]
fn substitution_is_made_in_values_and_never_in_keys() {
    let parameters = "parameters: {size: 5Gi, count: 2, port: 8080}";
    let text = format!(
        "containers: [{{name: $id, image: \"i:${{count}}\", ports: [{{port: \"${{port}}\"}}], volumeMounts: [{{name: d, mountPath: /$id}}]}}]\nvolumes: [{{name: d, size: \"${{size}}\"}}]\nreplicas: ${{count}}\nconfig: {{\"a\": \"$$ $(X) ${{namespace}}\"}}\n{parameters}\n"
    );
    let context = CheckContext {
        id: Some("web".parse().unwrap()),
        namespace: Some("team-a".parse().unwrap()),
        ..CheckContext::default()
    };
    let checked = check(&text, &context);
    let definition = checked
        .definition
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let definition = definition.service().unwrap();
    let container = &definition.containers[0];
    assert_eq!(
        (container.name.as_str(), container.image.as_str()),
        ("web", "i:2")
    );
    assert_eq!(
        (container.ports[0].port, definition.replicas),
        (8080, Some(2))
    );
    assert_eq!(container.volume_mounts[0].mount_path, "/web");
    assert_eq!(definition.config["a"], "$ $(X) team-a");

    warning(
        &container_with_arg("${nope}"),
        "containers[0].args[0]",
        "no parameter is named `nope`",
    );
    warning(
        &format!(
            "{}parameters: {{base: 1, tag: \"${{base}}.27\"}}\n",
            container_with_arg("${tag}")
        ),
        "parameters.tag",
        "a default knows `${id}` and `${namespace}` and no parameter",
    );
    let near = warning(
        &format!("{}{parameters}\n", container_with_arg("a ${sizes}")),
        "containers[0].args[0]",
        "did you mean `${size}`?",
    );
    assert_eq!((near.span.start.column, near.span.end.column), (15, 23));
    error(
        &top("config: {\"${id}\": x}"),
        "config[\"${id}\"]",
        "not allowed",
    );
    error(
        &top("parameters: {id: x}"),
        "parameters.id",
        "always defined",
    );
    error(
        &top("parameters: {\"a b\": x}"),
        "parameters[\"a b\"]",
        "no parameter name",
    );
}

fn container_with_arg(arg: &str) -> String {
    container(&format!("args: [\"{arg}\"]"))
}

#[test]
fn parameters_that_were_set_must_exist() {
    let context = CheckContext {
        parameters: [("sise", "x")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        ..CheckContext::default()
    };
    let faults = check(&top("parameters: {size: small}"), &context).diagnostics;
    assert!(
        faults[0].message.contains("did you mean `size`?"),
        "{faults:#?}"
    );
    assert!(
        check(&container_with_arg("${sise}"), &context)
            .definition
            .is_some()
    );
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let text = "containers:\n  - &base {name: a, image: i, cpu: 1}\n  - {<<: *base, name: b}\n";
    let definition = check(text, &CheckContext::default()).definition.unwrap();
    let definition = definition.service().unwrap();
    assert_eq!(
        (
            definition.containers[1].name.as_str(),
            definition.containers[1].image.as_str()
        ),
        ("b", "i")
    );
    error(
        "containers: [{name: a, image: *nowhere}]\n",
        "containers[0].image",
        "no anchor",
    );
}

/// Hostile texts are refused, and the work is bounded by counts, whatever the machine. The time is asserted loosely: only to
/// catch work without a bound, which would take minutes.
#[test]
fn hostile_text_is_refused_in_bounded_time() {
    let bomb = {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let aliases = vec![format!("*a{}", i - 1); 9].join(", ");
            text.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
        }
        format!("{text}containers: *a11\n")
    };
    let merges = {
        let mut text = "m0: &m0 {name: a}\n".to_owned();
        for i in 1..40 {
            text.push_str(&format!("m{i}: &m{i} {{<<: [*m{0}, *m{0}]}}\n", i - 1));
        }
        format!("{text}containers: [*m39]\n")
    };
    let scalar = format!(
        "name: &s \"{}\"\ncontainers: [{{name: a, image: b, args: [{}]}}]\n",
        "x".repeat(100_000),
        vec!["*s"; 20_000].join(", ")
    );
    let grown = format!(
        "containers: [{{name: a, image: b, args: [{}]}}]\nparameters: {{p: \"{}\"}}\n",
        vec!["\"${p}${p}${p}\""; 10_000].join(", "),
        "x".repeat(100_000)
    );
    let texts = [
        ("an alias bomb", bomb),
        ("merge keys", merges),
        ("a large scalar repeated", scalar),
        ("a large parameter repeated", grown),
        ("deep brackets", "[".repeat(100_000)),
        ("deep braces", "{a: ".repeat(50_000)),
        ("deep dashes", "- ".repeat(50_000)),
        ("many documents", "--- a\n".repeat(10_000)),
        ("too much text", "a: b\n".repeat(1_000_000)),
        (
            "unknown keys",
            (0..40_000).map(|i| format!("kez{i}: x\n")).collect(),
        ),
        ("one long line", format!("a: {}", "x: ".repeat(100_000))),
        (
            "anchors",
            (0..90_000).map(|i| format!("&a{i} x: y\n")).collect(),
        ),
        (
            "unknown parameters",
            format!(
                "containers: [{{name: a, image: b, args: [{}]}}]\nparameters: {{{}}}\nunknown: x\n",
                vec!["\"${nope}${nope}\""; 20_000].join(", "),
                (0..30_000)
                    .map(|i| format!("noq{i}: x"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
        (
            "volumes",
            format!(
                "volumes:\n{}",
                "- {name: data, size: 1Gi, shared: true}\n".repeat(9_000)
            ),
        ),
        ("controls", "\u{0}\u{1b}[2J".repeat(1000)),
        ("a cycle", "containers: &a [*a, {<<: *a}]\n".to_owned()),
    ];
    for (what, text) in texts {
        let start = Instant::now();
        let checked = check(&text, &CheckContext::default());
        assert!(
            checked.definition.is_none() && checked.has_errors(),
            "{what} was accepted"
        );
        assert!(
            checked.diagnostics.len() <= 502,
            "{what}: {} faults",
            checked.diagnostics.len()
        );
        let longest = checked
            .diagnostics
            .iter()
            .map(|d| d.message.len() + d.path.len())
            .max();
        assert!(
            longest < Some(2000),
            "{what}: a message of {longest:?} bytes"
        );
        assert!(
            start.elapsed().as_secs() < 20,
            "{what} took {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn an_error_behind_too_many_warnings_still_forbids() {
    let args = vec!["${nope}"; 600]
        .join(", ")
        .replace("${nope}", "\"${nope}\"");
    let warnings = format!("containers: [{{name: a, image: b, args: [{args}]}}]\n");
    assert!(
        check(&warnings, &CheckContext::default())
            .definition
            .is_some()
    );
    for error in [
        "replicas: many",
        "volumes: [{name: D, size: 1Gi}]",
        "initContainers: [{nam: x}]",
    ] {
        let checked = check(&format!("{warnings}{error}\n"), &CheckContext::default());
        assert!(
            checked.has_errors() && checked.definition.is_none(),
            "{error}"
        );
    }
}

/// Whatever the text, the answer is whole: places lie in the text, and a definition comes only without errors.
fn holds_for(text: &str) -> Result<(), TestCaseError> {
    let checked = check(text, &CheckContext::default());
    prop_assert!(!(checked.definition.is_some() && checked.has_errors()));
    prop_assert!(
        checked.definition.is_some() || checked.has_errors(),
        "refused without a reason"
    );
    for d in &checked.diagnostics {
        prop_assert!(text.get(d.span.bytes.clone()).is_some(), "{:?}", d);
        prop_assert!(
            d.span.start.line >= 1 && d.span.start.column >= 1,
            "{:?}",
            d
        );
        prop_assert!(d.span.start.line <= text.split('\n').count() + 1, "{:?}", d);
        if let Some(fix) = &d.fix {
            prop_assert!(text.get(fix.bytes.clone()).is_some(), "{:?}", d);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_gives_an_answer(text in "\\PC{0,200}") {
        holds_for(&text)?;
    }

    #[test]
    fn any_punctuation_gives_an_answer(text in "[-:{}\\[\\],#&*!|>'\"%@ \\t\\na-c0-9$~?<]{0,80}") {
        holds_for(&text)?;
        holds_for(&format!("containers:\n  - name: a\n    image: {text}\n"))?;
    }

    #[test]
    fn any_change_of_a_definition_gives_an_answer(
        at in 0..EVERY_KEY.len(),
        length in 0usize..40,
        insert in "[-:{}\\[\\],#&*!|>'\" \\t\\na-z0-9$é]{0,12}",
    ) {
        let mut start = at;
        while !EVERY_KEY.is_char_boundary(start) { start -= 1; }
        let mut end = (start + length).min(EVERY_KEY.len());
        while !EVERY_KEY.is_char_boundary(end) { end -= 1; }
        let end = end.max(start);
        holds_for(&format!("{}{insert}{}", &EVERY_KEY[..start], &EVERY_KEY[end..]))?;
    }
}

#[test]
fn key_of_a_container_at_the_top_is_told_where_it_belongs() {
    for key in ["image", "probes", "ports"] {
        let text = format!("containers: [{{name: a, image: b}}]\n{key}: x\n");
        let told = format!(
            "`{key}` is not a key here; it belongs to a container: `containers: [{{{key}: …}}]`"
        );
        assert_eq!(faults(&text)[0].message, told);
    }
}
