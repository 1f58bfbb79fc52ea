use super::*;

fn at(text: &str) -> (Rope, usize) {
    let byte = text.find('|').unwrap();
    (Rope::from_str(&text.replacen('|', "", 1)), byte)
}

fn known() -> Known {
    Known {
        gpus: vec!["a100".to_owned()],
        names: [
            (
                Named::StorageClass,
                vec!["fast".to_owned(), "slow".to_owned()],
            ),
            (Named::Device, vec!["nvidia.com/gpu".to_owned()]),
            (Named::IngressClass, vec!["traefik".to_owned()]),
            (Named::PriorityClass, vec!["urgent".to_owned()]),
            (Named::RuntimeClass, vec!["gvisor".to_owned()]),
            (Named::ServiceAccount, vec!["builder".to_owned()]),
        ]
        .into(),
        ..Known::default()
    }
}

fn completed(text: &str) -> Vec<Item> {
    let (rope, byte) = at(text);
    complete(&rope, byte, &known(), 2).map_or_else(Vec::new, |found| found.items)
}

/// Checks the first labels of what is offered at `|`.
fn check(text: &str, expected: &[&str]) {
    let items = completed(text);
    let labels: Vec<&str> = items.iter().map(|item| item.label.as_str()).collect();
    let n = expected.len().min(labels.len());
    assert_eq!(&labels[..n], expected, "{text:?}: {labels:?}");
}

/// Checks the text after the first item was taken.
fn check_taken(text: &str, expected: &str) {
    let (mut rope, byte) = at(text);
    let found = complete(&rope, byte, &known(), 2).unwrap();
    let range = rope.byte_to_char(found.typed.start)..rope.byte_to_char(found.typed.end);
    rope.remove(range.clone());
    rope.insert(range.start, &found.items[0].insert);
    assert_eq!(rope.to_string(), expected);
}

#[test]
fn keys_of_a_service_come_with_their_text() {
    check("repl|", &["replicas"]);
    check("containers:\n  - na|", &["name"]);
    let items = completed("workl|");
    assert!(
        items[0].text.as_ref().unwrap().contains("StatefulSet"),
        "{items:?}"
    );
    assert_eq!(items[0].type_name, "string");
}

#[test]
fn document_between_brackets_is_known_by_its_kind() {
    let flow = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}";
    check(&format!("{flow}, spec: {{repl|"), &["replicas"]);
    let json = |word: &str| {
        let spec = format!("{{\n    {word}\n  }}");
        format!(
            "---\n{{\n  \"apiVersion\": \"v1\",\n  \"metadata\": {{\"kind\": \"x\"}},\n  \"kind\": \"Pod\",\n  \"spec\": {spec}\n}}\n"
        )
    };
    check(&json("restartP|"), &["restartPolicy"]);
    check_taken(&json("\"restartP|\""), &json("\"restartPolicy\": "));
    check_taken(
        &json("\"restartP|\": \"Never\""),
        &json("\"restartPolicy\": \"Never\""),
    );
    check_taken(
        &json("\"restartPolicy\": \"Ne|\""),
        &json("\"restartPolicy\": \"Never\""),
    );
    // The kind may stand behind the cursor, and the brackets may be open still.
    check(
        "{\n  spec: {clusterI|},\n  kind: Service, apiVersion: v1,\n---\nkind: Pod",
        &["clusterIP"],
    );
    let (rope, _) =
        at("{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}\n---\napiVersion: v1\n|");
    let versions = ["apps/v1", "v1"].map(str::to_owned);
    assert_eq!(api_versions(&rope), versions.into());
}

#[test]
fn what_is_nearly_written_comes_before_what_is_long() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\n";
    let container = "spec:\n  template:\n    spec:\n      containers:\n        - ";
    check(
        &format!("{deployment}{container}res|"),
        &["resources", "resizePolicy"],
    );
    check(
        &format!("{deployment}{container}im|"),
        &["image", "imagePullPolicy"],
    );
    check("containers:\n  - res|", &["resources"]);
}

#[test]
fn what_must_be_there_still_is_offered_as_one() {
    let port = "apiVersion: v1\nkind: Service\nspec:\n  ports:\n    - port: 80\n";
    let labels: Vec<String> = completed(&format!("{port}      |"))
        .into_iter()
        .map(|item| item.label)
        .collect();
    assert!(
        !labels.iter().any(|label| label.contains(", ")),
        "{labels:?}"
    );
    check_taken("containers: [{|}]", "containers: [{name: , image: }]");
    let item = &completed("containers: [{|}]")[0];
    assert_eq!(item.cursor, Some("name: ".len()));
    assert_eq!(item.blanks, ["name: , image: ".len()]);
}

#[test]
fn field_of_an_item_is_told_of_before_it_is_written() {
    let check = |text: &str, label: &str, expected: &str| {
        let (rope, byte) = at(text);
        let found = complete(&rope, byte, &known(), 2).unwrap().items;
        let item = found.iter().find(|item| item.label == label).unwrap();
        let help = help_of_item(&rope, byte, item, &known()).unwrap();
        assert_eq!(help.path, expected, "{text:?}");
    };
    check(
        "containers:\n  - res|",
        "resources",
        "containers[].resources",
    );
    check("containers:\n  |", "image", "containers[].image");
    check("containers: [{na|", "name", "containers[].name");
    check("service: {type: |", "NodePort", "service.type");
}

#[test]
fn what_is_there_is_not_offered_again() {
    let labels: Vec<String> = completed("containers:\n  - name: x\n    |\n    image: y\n")
        .into_iter()
        .map(|item| item.label)
        .collect();
    assert!(!labels.contains(&"name".to_owned()) && !labels.contains(&"image".to_owned()));
    assert!(labels.contains(&"ports".to_owned()));
    // Nor by its other name.
    let labels = completed("containers:\n  - name: x\n    environment: []\n    en|");
    assert!(labels.iter().all(|item| item.label != "env"), "{labels:?}");
}

#[test]
fn what_must_be_there_comes_first_and_as_one() {
    check("containers:\n  |", &["name, image"]);
    check_taken("containers:\n  |", "containers:\n  - name: \n    image: ");
    check_taken("containers:\n  - |", "containers:\n  - name: \n    image: ");
    check_taken("volumes: [{|", "volumes: [{name: ");
}

#[test]
fn keys_are_written_with_what_leads_to_their_value() {
    check_taken("repl|", "replicas: ");
    check_taken("serv|", "service:\n  ");
    check_taken("initC|", "initContainers:\n  - ");
    check_taken(
        "containers:\n  - name: x\n    por|",
        "containers:\n  - name: x\n    ports:\n      - ",
    );
    check_taken("repl|: 2", "replicas: 2");
    check_taken("rep|lica: 2", "replicas: 2");
}

#[test]
fn values_are_those_that_are_allowed() {
    check("workload: |", &["Deployment", "StatefulSet"]);
    check("workload: St|", &["StatefulSet"]);
    check("protected: |", &["true", "false"]);
    check(
        "service: {type: |",
        &["ClusterIP", "NodePort", "LoadBalancer"],
    );
    check_taken("protected:|", "protected: true");
}

#[test]
fn names_come_from_the_text() {
    let text = "containers:\n  - name: web\n    ports: [{name: http, port: 80}]\n    volumeMounts:\n      - name: |\n\
                volumes:\n  - {name: data, size: 1Gi}\n  - {name: conf, config: {a: b}}\nsecrets: {token: {env: T}}\n";
    check(text, &["data", "conf"]);
    let probe = "containers:\n  - name: web\n    ports: [{name: http, port: 80}]\n    probes:\n      ready: {http: /, port: |";
    check(probe, &["http"]);
    check(
        "secrets: {token: {env: T}}\ncontainers:\n  - env:\n      - {name: A, fromSecret: |",
        &["token"],
    );
    check("containers:\n  - name: web\nexposed_service: |", &["web"]);
    check(
        "containers:\n  - volumeMounts: [{name: data}]\nvolumes:\n  - name: |",
        &["data"],
    );
    // A service leads to the ports of pods that other documents tell of.
    let pods = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - ports: [{name: http}, {name: admin}]\n";
    let service = "---\napiVersion: v1\nkind: Service\nspec:\n  ports:\n    - targetPort: |";
    check(&format!("{pods}{service}"), &["http", "admin"]);
}

#[test]
fn names_come_from_the_cluster_and_the_settings() {
    check(
        "volumes:\n  - name: a\n    storageClass: |",
        &["fast", "slow"],
    );
    check("containers:\n  - gpu: |", &["a100", "nvidia.com/gpu"]);
    check("ingress:\n  className: |", &["traefik"]);
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nspec:\n  ingressClassName: |";
    check(ingress, &["traefik"]);
    let pod = |field: &str| format!("apiVersion: v1\nkind: Pod\nspec:\n  {field}: |");
    check(&pod("priorityClassName"), &["urgent"]);
    check(&pod("runtimeClassName"), &["gvisor"]);
    check(&pod("serviceAccountName"), &["builder"]);
}

#[test]
fn resources_are_those_that_nodes_count() {
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - resources:\n        limits:\n          cpu: 1\n          ";
    check(
        &format!("{pod}|"),
        &["memory", "ephemeral-storage", "nvidia.com/gpu"],
    );
    check(&format!("{pod}nv|"), &["nvidia.com/gpu"]);
    check_taken(
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{resources: {limits: {nv|}}}]}",
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{resources: {limits: {nvidia.com/gpu: }}}]}",
    );
    check(
        "containers:\n  - resources: {limits: {|",
        &["cpu", "memory"],
    );
    check(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nspec:\n  resources:\n    requests:\n      |",
        &["storage"],
    );
}

#[test]
fn manifests_are_completed_by_their_kind() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\n";
    check(&format!("{deployment}spec:\n  repl|"), &["replicas"]);
    check(
        &format!(
            "{deployment}spec:\n  template:\n    spec:\n      containers:\n        - imagePu|"
        ),
        &["imagePullPolicy"],
    );
    check(
        &format!(
            "{deployment}spec:\n  template:\n    spec:\n      containers:\n        - imagePullPolicy: |"
        ),
        &["Always", "IfNotPresent", "Never"],
    );
    check(
        "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: Service\nspec:\n  ty|",
        &["type"],
    );
    check(
        "apiVersion: apps/v1\nkind: |",
        &["ControllerRevision", "DaemonSet", "Deployment"],
    );
    check("kind: Ingress\napiVersion: |", &["networking.k8s.io/v1"]);
    let items = completed(&format!("{deployment}spec:\n  minRea|"));
    assert!(
        items[0].text.as_ref().unwrap().contains("seconds"),
        "{items:?}"
    );
}

#[test]
fn letters_in_order_find_what_is_meant() {
    check("containers:\n  - name: x\n    volM|", &["volumeMounts"]);
    check("zzz|", &[]);
}

#[test]
fn a_field_is_told_of_by_its_path() {
    let (rope, byte) = at("service:\n  ty|pe: NodePort\n");
    let help = help(&rope, byte, &known()).unwrap();
    assert_eq!(help.path, "service.type");
    assert_eq!(help.allowed, ["ClusterIP", "NodePort", "LoadBalancer"]);
    assert!(!help.text.is_empty());
    let (rope, byte) = at("containers:\n  - image: \"ngi|nx\"\n");
    assert_eq!(
        super::help(&rope, byte, &known()).unwrap().path,
        "containers[].image"
    );
}
