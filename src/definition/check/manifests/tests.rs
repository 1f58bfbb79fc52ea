use crate::definition::check::{CheckContext, SchemaSource, check};
use crate::definition::policy::Policy;
use crate::schema::Document;

/// Checks a text; each fault as `line:column message`.
fn faults_under(text: &str, context: &CheckContext) -> Vec<String> {
    let checked = check(text, context);
    let faults = checked.diagnostics.iter();
    faults
        .map(|fault| {
            let start = fault.span.start;
            format!("{}:{} {}", start.line, start.column, fault.message)
        })
        .collect()
}

fn faults(text: &str) -> Vec<String> {
    faults_under(text, &CheckContext::default())
}

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '1'}\n";

#[test]
fn objects_are_read_in_order_and_lists_are_unfolded() {
    let text = format!(
        "{CONFIG}---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n  - {{apiVersion: v1, kind: Service, metadata: {{name: s}}}}\n  - {{apiVersion: example.com/v1, kind: Thing, metadata: {{name: t, namespace: x}}}}\n"
    );
    let checked = check(&text, &CheckContext::default());
    let definition = checked.definition.unwrap();
    let shown: Vec<String> = definition
        .manifests()
        .unwrap()
        .manifests
        .iter()
        .map(|it| {
            format!(
                "{} in document {} on line {}",
                it.object.key, it.document, it.span.start.line
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "ConfigMap/a in document 1 on line 1",
            "Service/s in document 3 on line 11",
            "Thing/t in document 3 on line 12",
        ]
    );
}

#[test]
fn more_replicas_than_can_be_scaled_to_are_warned_of() {
    let set = |replicas: u32| {
        let pods = "{metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: 'a:1'}]}}";
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: a}}}}\n  template: {pods}\n"
        )
    };
    assert_eq!(faults(&set(1000)), [""; 0]);
    assert_eq!(
        faults(&set(1001)),
        ["5:13 more than 1000 replicas: `scale` sets no more than that"]
    );
}

#[test]
fn items_of_a_typed_list_are_what_the_list_says() {
    let shown = |text: &str| -> Vec<String> {
        let checked = check(text, &CheckContext::default());
        let definition = checked.definition.expect("it is a definition");
        let manifests = &definition.manifests().unwrap().manifests;
        let line = |it: &super::Manifest| {
            let (key, line) = (&it.object.key, it.span.start.line);
            format!("{} {key} on line {line}", it.object.json["apiVersion"])
        };
        manifests.iter().map(line).collect()
    };
    let typed = "apiVersion: apps/v1
kind: DeploymentList
metadata: {resourceVersion: '7'}
items:
- metadata: {name: a}
- apiVersion: v1
  kind: Service
  metadata: {name: b}
- kind: List
  apiVersion: v1
  items: [{apiVersion: v1, kind: Pod, metadata: {name: c}}]
";
    assert_eq!(
        shown(typed),
        [
            "\"apps/v1\" Deployment/a on line 5",
            "\"v1\" Service/b on line 6",
            "\"v1\" Pod/c on line 11",
        ]
    );
    let faulty = |text: &str, expected: &[&str]| assert_eq!(faults(text), expected, "{text}");
    faulty(
        "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: A_b}\n",
        &[
            "4:20 `name` cannot be `A_b`; allowed is lower-case letters, digits, hyphens and dots, at most 253",
        ],
    );
    faulty(
        "apiVersion: v1\nkind: ConfigMapList\nitems:\n- {metadata: {name: a}, data: {x: [1]}}\n",
        &["4:35 `x` must be text, not a list"],
    );
    // As kubectl: what says half of what it is says it wholly.
    faulty(
        "apiVersion: v1\nkind: ConfigMapList\nitems:\n- kind: ConfigMap\n  metadata: {name: a}\n",
        &["4:3 an object needs `apiVersion`: such as `apps/v1`"],
    );
    // A plain list says nothing of its items.
    faulty(
        "apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n",
        &[
            "4:3 an object needs `kind`: such as `Deployment`",
            "4:3 an object needs `apiVersion`: such as `apps/v1`",
        ],
    );
    faulty(
        "apiVersion: v1/../x\nkind: PodList\nitems: [{metadata: {name: a}}, {metadata: {name: b}}]\n",
        &[
            "1:13 `apiVersion` cannot be `v1/../x`; allowed is a version such as `v1`, or a group and a version such as `apps/v1`",
            "3:9 no schema of Pod in v1/../x is known here, so this object is not checked",
            "3:32 no schema of Pod in v1/../x is known here, so this object is not checked",
        ],
    );
}

#[test]
fn every_fault_of_every_document_is_told_at_once() {
    let text = "apiVersion: v1
kind: ConfigMap
metadata: {name: A_b}
---
apiVersion: apps/v1
kind: Deployment
metdata: {name: web}
---
kind: Service
metadata: {name: s, labels: {on: yes}}
---
apiVersion: v1
kind: ConfigMap
metadata: {generateName: x-}
data:
  a: '1'
  a: '2'
";
    let found = faults(text);
    let has = |part: &str| {
        assert!(
            found.iter().any(|it| it.contains(part)),
            "{part}: {found:#?}"
        )
    };
    has("3:18 `name` cannot be `A_b`");
    has("7:1 `metdata` is not a key here; did you mean `metadata`?");
    has("9:1 an object needs `apiVersion`");
    has("10:34 `on` must be text, but YAML reads `yes` as the boolean true");
    has("14:26 `generateName` makes another object with every apply");
    has("17:3 `a` was given already on line 16");
}

#[test]
fn the_same_object_twice_is_told_with_both_places() {
    let found = faults(&format!("{CONFIG}---\n{CONFIG}"));
    assert_eq!(
        found,
        ["6:1 ConfigMap/a stands here a second time; it is on line 1 already"]
    );
}

#[test]
fn kinds_are_checked_by_their_schemas() {
    let text = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replica: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: i, ports: [{containerPort: '80'}]}]}
";
    let found = faults(text);
    let has = |part: &str| {
        assert!(
            found.iter().any(|it| it.contains(part)),
            "{part}: {found:#?}"
        )
    };
    has("5:3 `replica` is not a key here; did you mean `replicas`?");
    has("9:71 `containerPort` must be a whole number");
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn custom_objects_are_checked_by_the_definition_beside_them() {
    let text = "apiVersion: e.com/v1
kind: Widget
metadata: {name: w}
spec: {sise: 3}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.e.com}
spec:
  group: e.com
  scope: Cluster
  names: {plural: widgets, kind: Widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
";
    let policy = Policy {
        allow_cluster_scoped: true,
        ..Policy::default()
    };
    let context = CheckContext {
        policy,
        ..CheckContext::default()
    };
    assert_eq!(
        faults_under(text, &context),
        ["4:8 `sise` is not a key here; did you mean `size`?"]
    );
    let refused = faults(text);
    assert!(
        refused[0].contains("Widget/w is in no namespace"),
        "{refused:#?}"
    );
    assert!(refused[2].contains("CustomResourceDefinition/widgets.e.com is in no namespace"));
}

#[test]
fn namespaces_of_others_are_refused_where_the_own_is_known() {
    let there = "{apiVersion: v1, kind: ConfigMap, metadata: {name: t, namespace: kube-system}}\n";
    let text = format!("{CONFIG}---\n{there}");
    let own = CheckContext {
        namespace: Some("team-a".parse().unwrap()),
        ..CheckContext::default()
    };
    let found = faults_under(&text, &own);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(
        "6:66 ConfigMap/t is for namespace kube-system, and the instance is in team-a"
    ));
    // Where all are of one namespace, that is the instance's.
    let definition = check(there, &own).definition.unwrap();
    assert_eq!(definition.namespace().unwrap().as_str(), "kube-system");
}

#[test]
fn smuggled_and_secret_things_are_refused() {
    let check = |text: &str, expected: &str| {
        let found = faults(text);
        assert!(
            found.iter().any(|it| it.contains(expected)),
            "{expected}: {found:#?}"
        );
    };
    check(
        "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {token: hunter2}}",
        "the values of a Secret never stand in a definition",
    );
    check(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: s, ownerReferences: [{name: x, uid: u, kind: K, apiVersion: v1}]}}",
        "`ownerReferences` are not allowed",
    );
    check(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: s, labels: {applyset.kubernetes.io/part-of: x}}}",
        "says which set an object is in",
    );
    check(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: s, annotations: {bowline.dev/operation: x}}}",
        "is bowline's own",
    );
    check(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: s, namespace: 'a/../b'}}",
        "`namespace` cannot be",
    );
    check(
        "{apiVersion: 'v1/../x', kind: ConfigMap, metadata: {name: s}}",
        "`apiVersion` cannot be",
    );
    check(
        "{apiVersion: v1, kind: List, items: []}",
        "there is no object in this text",
    );
    let shown =
        faults("{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {token: hunter2}}");
    assert!(!shown.join("\n").contains("hunter2"));
}

#[test]
fn nothing_is_substituted_so_nothing_can_be_set() {
    let context = CheckContext {
        parameters: [("size".to_owned(), "1".to_owned())].into(),
        ..CheckContext::default()
    };
    let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a: '${size} $$'}}";
    let found = faults_under(text, &context);
    assert!(
        found[0].contains("manifests have no parameters"),
        "{found:#?}"
    );
    let definition = check(text, &CheckContext::default()).definition.unwrap();
    let object = &definition.manifests().unwrap().manifests[0].object;
    assert_eq!(object.json["data"]["a"], "${size} $$");
}

#[test]
fn what_a_server_answered_can_be_applied_again() {
    let text = "apiVersion: v1
kind: ConfigMap
metadata: {name: s, uid: 1-2, resourceVersion: '7', creationTimestamp: null}
";
    let checked = check(text, &CheckContext::default());
    assert_eq!(checked.diagnostics.len(), 1);
    assert!(
        checked.diagnostics[0]
            .message
            .contains("resourceVersion, uid are the server's")
    );
    let definition = checked.definition.unwrap();
    let object = &definition.manifests().unwrap().manifests[0].object;
    assert_eq!(object.json["metadata"], serde_json::json!({"name": "s"}));
}

#[test]
fn hostile_aliases_cost_little() {
    let mut text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\na0: &a0 [x]\n".to_owned();
    for n in 1..3000 {
        text.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
    }
    assert!(check(&text, &CheckContext::default()).definition.is_none());
    let mut bomb = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        bomb.push_str(&format!(
            "a{n}: &a{n} [{}]\n",
            vec![format!("*a{}", n - 1); 9].join(", ")
        ));
    }
    assert!(check(&bomb, &CheckContext::default()).definition.is_none());
}

/// A newer cluster knows more of a kind, and may have left another behind.
#[test]
fn a_clusters_own_schemas_take_the_place_of_the_built_in_ones() {
    let of_cluster = serde_json::json!({"components": {"schemas": {"Deployment": {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
            "spec": {"type": "object", "properties": {"tomorrow": {"type": "integer"}}},
        },
        "x-kubernetes-group-version-kind": [{"group": "apps", "version": "v1", "kind": "Deployment"}],
    }}}});
    let document = Document::from_open_api(of_cluster.to_string().as_bytes()).unwrap();
    let document = std::sync::Arc::new(document.whole("apps/v1"));
    let schemas = [("apps/v1".to_owned(), document)].into_iter().collect();
    let sources = [
        SchemaSource::BuiltIn,
        SchemaSource::Cluster(schemas),
        SchemaSource::None,
    ];
    let text = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {tomorrow: much}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: old}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, dat: {}}
";
    let said = sources.map(|schemas| {
        let context = CheckContext {
            schemas,
            ..CheckContext::default()
        };
        let checked = check(text, &context);
        assert_eq!(checked.api_versions.len(), 2);
        let lines = checked.diagnostics.iter();
        lines
            .map(|it| format!("{} {}", it.span.start.line, it.message))
            .collect::<Vec<_>>()
    });
    let built_in = [
        "5 `spec` needs `selector`: a map",
        "5 `spec` needs `template`: a map",
        "5 `tomorrow` is not a key here; allowed are minReadySeconds, paused, progressDeadlineSeconds, replicas, \
         revisionHistoryLimit, selector, strategy, template",
        "9 `dat` is not a key here; did you mean `data`?",
    ];
    let of_cluster = [
        "5 `tomorrow` must be a whole number, not text",
        "7 no schema of ReplicaSet in apps/v1 is known here, so this object is not checked",
        "9 `dat` is not a key here; did you mean `data`?",
    ];
    assert_eq!(said, [built_in.to_vec(), of_cluster.to_vec(), Vec::new()]);
}

#[test]
fn a_schema_that_is_half_typed_breaks_nothing_down() {
    for properties in ["sp", "[]", "{sp: }"] {
        let text = format!(
            "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: things.example.com}}
spec:
  group: example.com
  names: {{kind: Thing, plural: things}}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, properties: {properties}}}}}
"
        );
        assert!(!faults(&text).is_empty(), "{properties}");
    }
}

#[test]
fn what_other_deployers_mark_as_theirs_is_refused() {
    for metadata in [
        "{name: a, annotations: {meta.helm.sh/release-name: shop}}",
        "{name: a, labels: {argocd.argoproj.io/instance: shop}}",
    ] {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n");
        let [fault] = faults(&text).try_into().unwrap();
        assert!(
            fault.starts_with("3:") && fault.contains("belongs to a"),
            "{fault}"
        );
    }
}

#[test]
fn what_kubectl_wrote_of_a_secret_is_refused_with_the_secret() {
    let of = |kind: &str| {
        let mark = "kubectl.kubernetes.io/last-applied-configuration";
        let text = format!(
            "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: a\n  annotations:\n    {mark}: '{{}}'\n"
        );
        check(&text, &CheckContext::default()).definition.is_some()
    };
    assert!(!of("Secret"));
    assert!(of("ConfigMap"));
}

#[test]
fn what_a_merge_key_brings_in_says_what_an_object_is() {
    let text = "apiVersion: v1
kind: List
items:
  - &first {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
  - <<: *first
    metadata: {name: b}
";
    assert_eq!(faults(text), [""; 0]);
}
