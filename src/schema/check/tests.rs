//! Tests of checking against schemas: rows of a text and what is said of it.

use proptest::prelude::*;

use super::*;
use crate::definition::diagnostic::Diagnostic;
use crate::schema::{Document, Path, Schemas, built_in, service_definition};

fn schemas() -> Schemas<'static> {
    Schemas(vec![built_in()])
}

/// Shows a fault as `error 2:5 containers[0].image: message`.
fn show(d: &Diagnostic) -> String {
    let start = d.span.start;
    format!(
        "{} {}:{} {}: {}",
        d.severity, start.line, start.column, d.path, d.message
    )
}

#[track_caller]
fn check_all(text: &str, schemas: &Schemas<'_>, expected: &[&str]) {
    let faults = check_documents(text, schemas);
    let shown: Vec<String> = faults.iter().map(show).collect();
    assert_eq!(shown, expected, "{text}");
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_all(text, &schemas(), expected);
}

/// A Pod with these lines in its container.
fn pod(lines: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - name: web\n{lines}"
    )
}

#[test]
fn what_is_right_passes() {
    let right = [
        pod("      image: nginx:1.27\n      ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]\n"),
        pod("      resources: {limits: {cpu: 1, memory: 1.5Gi, nvidia.com/gpu: 1}}\n"),
        pod("      readinessProbe: {httpGet: {port: http, path: /}}\n      env: [{name: A, value: ~}]\n"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, creationTimestamp: null}\ndata:\n".to_owned(),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {k: aGk=}\nstringData: {l: hi}\n".to_owned(),
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n".to_owned(),
        "apiVersion: v1\nkind: NamespaceList\nitems:\n- {metadata: {name: a}}\n".to_owned(),
        "# nothing\n---\n---\n".to_owned(),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, labels: &l {app: a}}\nspec: {selector: \
         {matchLabels: *l}, template: {metadata: {labels: *l}, spec: {containers: [{name: a}], volumes: [{name: c, \
         configMap: {name: c, defaultMode: 0644}}]}}}\n"
            .to_owned(),
    ];
    for text in right {
        check(&text, &[]);
    }
}

#[test]
fn unknown_fields_are_named_with_what_was_meant() {
    check(
        "apiVersion: networking.k8s.io/v1\nkind: IngressClassList\nitems:\n- metadata: {name: a}\n  spec: {banana: 1}\n",
        &[
            "error 5:10 items[0].spec.banana: `banana` is not a key here; allowed are controller, parameters",
        ],
    );
    check(
        &pod("      imagePulPolicy: Always\n      volumeMount: []\n"),
        &[
            "error 7:7 spec.containers[0].imagePulPolicy: `imagePulPolicy` is not a key here; did you mean `imagePullPolicy`?",
            "error 8:7 spec.containers[0].volumeMount: `volumeMount` is not a key here; did you mean `volumeMounts`?",
        ],
    );
    check(
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: a}\nspec: {banana: 1}\n",
        &["error 4:8 spec.banana: `banana` is not a key here; allowed are controller, parameters"],
    );
}

#[test]
fn what_yaml_makes_of_a_value_is_explained() {
    check(
        &pod(
            "      image: 1.10\n      env: [{name: A, value: no}, {name: B, value: 0644}, {name: C, value: 1e3}]\n",
        ),
        &[
            "error 7:14 spec.containers[0].image: `image` must be text, but YAML reads `1.10` as the number 1.1; put it in quotes",
            "error 8:30 spec.containers[0].env[0].value: `value` must be text, but YAML reads `no` as the boolean false; put it in quotes",
            "error 8:52 spec.containers[0].env[1].value: `value` must be text, but YAML reads `0644` as the number 420; put it in quotes",
            "error 8:76 spec.containers[0].env[2].value: `value` must be text, but YAML reads `1e3` as the number 1000; put it in quotes",
        ],
    );
    check(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 010\n  paused: \"true\"\n  selector: {}\n  \
         template: {spec: {containers: [{name: a}]}}\n  minReadySeconds: \"5\"\n",
        &[
            "warning 5:13 spec.replicas: YAML reads `010` as the number 8; write 8",
            "error 6:11 spec.paused: `paused` must be true or false, without quotes",
            "error 9:20 spec.minReadySeconds: `minReadySeconds` must be a whole number, without quotes",
        ],
    );
    check(
        &pod("      livenessProbe: {tcpSocket: {port: \"80\"}}\n"),
        &[
            "warning 7:41 spec.containers[0].livenessProbe.tcpSocket.port: `port` is text here because of the quotes, and a \
           number is meant; write 80",
        ],
    );
}

#[test]
fn wrong_types_and_values_are_told_with_what_is_allowed() {
    check(
        &pod(
            "      command: sleep 60\n      ports: {containerPort: 80}\n      imagePullPolicy: always\n",
        ),
        &[
            "error 7:16 spec.containers[0].command: `command` must be a list, not text",
            "error 8:14 spec.containers[0].ports: `ports` must be a list, not a map",
            "error 9:24 spec.containers[0].imagePullPolicy: `imagePullPolicy` cannot be `always`; allowed are Always, IfNotPresent, Never",
        ],
    );
    check(
        &pod(
            "      ports: [{containerPort: 99999999999}, {containerPort: http}]\n      resources: {limits: {memory: 1GB}}\n",
        ),
        &[
            "error 7:31 spec.containers[0].ports[0].containerPort: `containerPort` must be a whole number, not 99999999999",
            "error 7:61 spec.containers[0].ports[1].containerPort: `containerPort` must be a whole number, not text",
            "error 8:36 spec.containers[0].resources.limits.memory: `memory` cannot be `1GB`; allowed is a quantity, such as \
             500m, 2, 200Mi or 4Gi",
        ],
    );
}

#[test]
fn what_is_missing_is_told_once() {
    check(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selctor: {}, template: {spec: {}}}\n",
        &[
            "error 4:8 spec.selctor: `selctor` is not a key here; did you mean `selector`?",
            "error 4:38 spec.template.spec: `spec` needs `containers`: a list",
        ],
    );
    check(
        "kind: Pod\n",
        &["error 1:1 : an object needs `apiVersion`: such as `apps/v1`"],
    );
}

#[test]
fn items_that_are_one_to_the_server_are_refused() {
    check(
        &pod(
            "      env:\n        - {name: A, value: a}\n        - {name: A, value: b}\n      ports: [{containerPort: 80}, {containerPort: 80, \
              protocol: TCP}]\n",
        ),
        &[
            "error 9:11 spec.containers[0].env[1]: an item with name A stands already on line 8; items must differ in that",
            "error 10:36 spec.containers[0].ports[1]: an item with containerPort 80 and protocol TCP stands already on line 10; \
             items must differ in that",
        ],
    );
    check(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, finalizers: [x/y, x/y]}\n",
        &["error 3:39 metadata.finalizers[1]: `x/y` stands already on line 3; items must differ"],
    );
}

#[test]
fn values_of_secrets_stand_in_no_sentence() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {k: hunter2!}\nstringData: {l: 424242}\n";
    check(
        text,
        &[
            "error 4:11 data.k: `k` must be base64; plain text goes under `stringData`",
            "error 5:17 stringData.l: `l` must be text, but YAML reads it as a number; put it in quotes",
        ],
    );
    let faults = check_documents(text, &schemas());
    assert!(!format!("{faults:?}").contains("424242"), "{faults:?}");
}

#[test]
fn kinds_without_a_schema_are_told() {
    check(
        "apiVersion: v1\nkind: Deployment\n---\napiVersion: apps/v1\nkind: Deploymnet\n---\napiVersion: cert-manager.io/v1\nkind: \
         Certificate\nspec: {x: 1}\n---\n- a\n",
        &[
            "warning 1:13 apiVersion: v1 has no kind Deployment; did you mean `apps/v1`?",
            "warning 5:7 kind: apps/v1 has no kind Deploymnet; did you mean `Deployment`?",
            "warning 8:7 kind: no schema of Certificate in cert-manager.io/v1 is known here, so this object is not checked",
            "error 11:1 : `the definition` must be an object with `apiVersion` and `kind`, not a list",
        ],
    );
}

#[test]
fn half_typed_text_is_checked_around_what_is_open() {
    check(
        &pod("      image: \"nginx\n      imagePulPolicy: Always\n"),
        &[
            "error 7:14 : this quoted text has no end; close it with the quote that opened it",
            "error 8:7 spec.containers[0].imagePulPolicy: `imagePulPolicy` is not a key here; did you mean `imagePullPolicy`?",
        ],
    );
}

/// A custom kind as a server publishes it.
const CUSTOM: &str = r##"{"components": {"schemas": {
    "com.example.v1.Backup": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Backup"}],
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"},
            "metadata": {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]},
            "spec": {"type": "object", "required": ["schedule", "keep"], "properties": {
                "schedule": {"type": "string", "pattern": "^[0-9*/ ]+$", "minLength": 1},
                "keep": {"type": "integer", "minimum": 1, "maximum": 30, "default": 7},
                "limit": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}],
                    "pattern": "^[0-9]+(Mi|Gi)?$"},
                "options": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    "properties": {"level": {"type": "number", "minimum": 0, "exclusiveMinimum": true}}},
                "template": {"type": "object", "x-kubernetes-embedded-resource": true,
                    "properties": {"spec": {"type": "object"}}},
                "tags": {"type": "array", "maxItems": 2, "minItems": 1, "items": {"type": "string", "maxLength": 3}}
            }}
        }
    },
    "com.example.Odd": {"type": ["string", "null"]},
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "properties": {"name": {"type": "string"}}}
}}}"##;

#[test]
fn custom_kinds_are_checked_by_their_own_schema() {
    let document = Document::from_open_api(CUSTOM.as_bytes()).unwrap();
    let schemas = Schemas(vec![&document, built_in()]);
    let head = "apiVersion: example.com/v1\nkind: Backup\nmetadata: {name: a}\n";
    check_all(
        &format!(
            "{head}spec: {{schedule: '0 3 * * *', limit: 5Gi, options: {{anything: 1, level: 0.1}}, template: {{kind: Pod, spec: {{x: 1}}}}}}\n"
        ),
        &schemas,
        &[],
    );
    check_all(
        &format!(
            "{head}spec:\n  schedule: nightly\n  keep: 31\n  limit: 5G\n  options: {{level: 0}}\n  template: {{data: 1}}\n  tags: [long, a, b]\n"
        ),
        &schemas,
        &[
            "error 5:13 spec.schedule: `schedule` cannot be `nightly`; allowed is what matches ^[0-9*/ ]+$",
            "error 6:9 spec.keep: `keep` must be a whole number from 1 to 30, not 31",
            "error 7:10 spec.limit: `limit` cannot be `5G`; allowed is what matches ^[0-9]+(Mi|Gi)?$",
            "error 8:20 spec.options.level: `level` must be a number, at least 0, not 0",
            "error 9:14 spec.template.data: `data` is not a key here; allowed are spec",
            "error 10:9 spec.tags: `tags` has 3 items, at most 2 are allowed",
            "error 10:10 spec.tags[0]: `tags[0]` has 4 characters, at most 3 are allowed",
        ],
    );
    check_all(
        &format!("{head}spec:\n"),
        &schemas,
        &["error 1:1 : `the definition` needs `spec`: a map"],
    );
}

#[test]
fn paths_find_their_schema() {
    let pod = built_in().kind("v1", "Pod").unwrap();
    let check = |path: &str, expected: Option<&str>| {
        let path: Path = path.parse().unwrap();
        let found = pod.at(&path).map(|schema| schema.type_name());
        assert_eq!(found.as_deref(), expected, "{path}");
    };
    check("", Some("Object"));
    check("spec.containers", Some("[]Container"));
    check("spec.containers[0]", Some("Container"));
    check("spec.containers[0].ports[].protocol", Some("string"));
    check("spec.containers.ports.protocol", Some("string"));
    check(
        "spec.containers.resources.limits",
        Some("map[string]Quantity"),
    );
    check("spec.containers.resources.limits.cpu", Some("Quantity"));
    check("metadata.labels[\"a.b/c\"]", Some("string"));
    check("spec.banana", None);
    check("spec[0]", None);
}

#[test]
fn the_service_definition_is_described_as_it_is_checked() {
    let every_key = include_str!("../../../tests/fixtures/definition/every-key.yaml");
    let templates = crate::definition::template::TEMPLATES.map(|template| template.text);
    for text in templates.into_iter().chain([every_key]) {
        let faults = super::check(text, service_definition());
        let shown: Vec<String> = faults.iter().map(show).collect();
        assert_eq!(shown, [""; 0], "{text}");
    }
}

/// Each place of a definition with keys of its own: a text with an unknown key there, and the path of its schema.
const PLACES: [(&str, &str); 15] = [
    ("zzzz: 1", ""),
    ("containers: [{zzzz: 1}]", "containers"),
    ("containers: [{ports: [{zzzz: 1}]}]", "containers.ports"),
    ("containers: [{env: [{zzzz: 1}]}]", "containers.env"),
    (
        "containers: [{env: [{name: A, fromSecret: {zzzz: 1}}]}]",
        "containers.env.fromSecret",
    ),
    (
        "containers: [{resources: {zzzz: 1}}]",
        "containers.resources",
    ),
    (
        "containers: [{volumeMounts: [{zzzz: 1}]}]",
        "containers.volumeMounts",
    ),
    ("containers: [{probes: {zzzz: 1}}]", "containers.probes"),
    (
        "containers: [{probes: {ready: {zzzz: 1}}}]",
        "containers.probes.ready",
    ),
    ("volumes: [{zzzz: 1}]", "volumes"),
    ("volumes: [{emptyDir: {zzzz: 1}}]", "volumes.emptyDir"),
    ("service: {zzzz: 1}", "service"),
    ("exposed_service: a\ningress: {zzzz: 1}", "ingress"),
    ("secrets: {a: {zzzz: 1}}", "secrets.a"),
    ("pullSecret: {zzzz: 1}", "pullSecret"),
];

#[test]
fn schema_and_checker_of_the_service_definition_know_the_same_keys() {
    use crate::definition::check::{CheckContext, check};
    for (text, path) in PLACES {
        let faults = check(text, &CheckContext::default()).diagnostics;
        let said = faults.iter().find_map(|fault| {
            let said = fault
                .message
                .strip_prefix("`zzzz` is not a key here; allowed are ")?;
            Some(said.split(", ").map(str::to_owned).collect::<Vec<_>>())
        });
        let mut said = said.unwrap_or_else(|| panic!("{text}: {faults:#?}"));
        let schema = service_definition().at(&path.parse().unwrap()).unwrap();
        let fields = schema.inside().properties();
        let mut known: Vec<String> = fields.map(|(name, _)| name.to_owned()).collect();
        said.sort();
        known.sort();
        assert_eq!(known, said, "{path}");
        for (name, field) in schema.inside().properties() {
            let text = field.description().unwrap_or_default();
            assert!(
                text.ends_with('.'),
                "{path}.{name} is not described: {text:?}"
            );
        }
    }
}

/// YAML that nests and repeats at will.
fn yaml() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "apiVersion",
        "kind",
        "v1",
        "Pod",
        "apps/v1",
        "Deployment",
        "List",
        "items",
        "metadata",
        "spec",
        "containers",
        "name",
        "ports",
        "containerPort",
        "env",
        "value",
        "data",
        "Secret",
        "stringData",
        "template",
        "selector",
        "a",
        "~",
        "no",
        "1e3",
        "0644",
        "\"80\"",
        "'",
        "|",
        "-",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "\n",
        "\n  ",
        "\n- ",
        "&a ",
        "*a",
        "<<: ",
        "---\n",
        "!!str ",
        "\t",
        "ä",
        "\u{202e}",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_text_gets_an_answer_within_it(text in yaml(), prefix in prop::bool::ANY) {
        let text = match prefix {
            true => format!("apiVersion: v1\nkind: Pod\nspec: {text}\n"),
            false => text,
        };
        let both = [check_documents(&text, &schemas()), super::check(&text, service_definition())];
        for fault in both.iter().flatten() {
            let is_inside = fault.span.bytes.end <= text.len() && text.is_char_boundary(fault.span.bytes.start);
            prop_assert!(is_inside, "{text:?}: {fault:?}");
        }
    }
}

#[test]
fn anchors_that_contain_themselves_end() {
    let text = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {versions: [{schema: \
                {openAPIV3Schema: &a {properties: {b: *a, c: *a, d: *a}}}}]}\n";
    let faults = check_documents(text, &schemas());
    assert!(!faults.is_empty());
    assert!(faults.len() <= 501, "{}", faults.len());
}
