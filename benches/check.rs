//! Measures checking and rendering of definitions: `cargo bench --bench check`. The promise is a definition of 5,000 lines
//! checked in under 50 ms; hostile texts are refused in under 200 ms.

use bowline::definition::check::{CheckContext, check};
use bowline::definition::render::{RenderContext, render};

fn main() {
    divan::main();
}

/// A faultless definition of about this many lines.
fn definition(n_lines: usize) -> String {
    const LINES_PER_CONTAINER: usize = 20;
    let mut text = String::from("name: Large\nreplicas: 2\ncontainers:\n");
    for i in 0..n_lines / LINES_PER_CONTAINER {
        text.push_str(&format!(
            "  - name: c{i}
    image: registry.example.com/team/app:{i}
    command: [run, --fast]
    ports:
      - name: http
        port: {port}
    env:
      - name: MODE
        value: steady
      - name: SELF
        value: $id in ${{namespace}}
      - name: LEVEL
        fromConfig: LEVEL
    resources:
      requests: {{cpu: 100m, memory: 200Mi}}
      limits: {{cpu: 500m, memory: 500Mi}}
    volumeMounts:
      - {{name: scratch, mountPath: /scratch}}
    probes:
      ready: {{http: /ready, port: http, period: 10s}}
",
            port = 1000 + i
        ));
    }
    text.push_str("volumes:\n  - {name: scratch, emptyDir: {}}\nconfig:\n  LEVEL: info\n");
    text
}

#[divan::bench(args = [35, 500, 5_000])]
fn check_definition(bencher: divan::Bencher<'_, '_>, n_lines: usize) {
    let text = definition(n_lines);
    let context = CheckContext::default();
    assert_eq!(check(&text, &context).diagnostics, []);
    bencher.bench(|| check(&text, &context));
}

/// As while typing: a quote is open in the middle.
#[divan::bench(args = [35, 500, 5_000])]
fn check_half_typed(bencher: divan::Bencher<'_, '_>, n_lines: usize) {
    let text = definition(n_lines);
    let middle = text[..text.len() / 2].rfind("value: steady").unwrap_or(0);
    let text = format!(
        "{}value: \"{}",
        &text[..middle],
        &text[middle + "value: ".len()..]
    );
    let context = CheckContext::default();
    assert!(check(&text, &context).has_errors());
    bencher.bench(|| check(&text, &context));
}

/// Manifests of 1.5 MB: checked beside the loop, in under 300 ms.
#[divan::bench]
fn check_manifests_of_1_5_mb(bencher: divan::Bencher<'_, '_>) {
    let document = |n: usize| {
        let data: String = (0..250)
            .map(|i| format!("  key-{i}: value of {i} in document {n}\n"))
            .collect();
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}}}\ndata:\n{data}")
    };
    let text: String = (0..170).map(document).collect();
    assert!(text.len() > 1_500_000);
    let context = CheckContext::default();
    assert_eq!(check(&text, &context).diagnostics, []);
    bencher.bench(|| check(&text, &context));
}

#[divan::bench(args = [35, 5_000])]
fn render_definition(bencher: divan::Bencher<'_, '_>, n_lines: usize) {
    let checked = check(&definition(n_lines), &CheckContext::default());
    let definition = checked.definition.expect("the definition is faultless");
    let id = "large".parse().expect("a legal ID");
    let namespace = "default".parse().expect("a legal namespace");
    let context = RenderContext::new(id, namespace);
    bencher.bench(|| render(&definition, &context));
}

/// Texts that are meant to exhaust.
fn hostile(what: &str) -> String {
    match what {
        "alias bomb" => {
            let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
            for i in 1..12 {
                let aliases = vec![format!("*a{}", i - 1); 9].join(", ");
                text.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
            }
            format!("{text}containers: *a11\n")
        }
        "scalar x aliases" => format!(
            "name: &s \"{}\"\ncontainers: [{{name: a, image: b, args: [{}]}}]\n",
            "x".repeat(100_000),
            vec!["*s"; 20_000].join(", ")
        ),
        "brackets" => "[".repeat(100_000),
        "parameters" => format!(
            "containers: [{{name: a, image: b, args: [{}]}}]\nparameters: {{{}}}\nunknown: x\n",
            vec!["\"${nope}${nope}\""; 20_000].join(", "),
            (0..30_000)
                .map(|i| format!("noq{i}: x"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        "documents" => "--- a\n".repeat(100_000),
        "4 MiB of items" => "- a\n".repeat(1 << 20),
        "4 MiB of keys" => (0..380_000).map(|i| format!("k{i:06}: 1\n")).collect(),
        "4 MiB of text" => format!("a: \"{}\"\n", "x".repeat((4 << 20) - 16)),
        "4 MiB open quote" => format!("a: \"{}\n", "x\n".repeat((2 << 20) - 16)),
        "4 MiB of colons" => format!("a: {}\n", "x: ".repeat((4 << 18) - 16)),
        _ => "a: &a {<<: *a}\n".repeat(100_000),
    }
}

#[divan::bench(
    sample_count = 5,
    args = [
        "alias bomb",
        "scalar x aliases",
        "brackets",
        "documents",
        "parameters",
        "4 MiB of items",
        "4 MiB of keys",
        "4 MiB of text",
        "4 MiB open quote",
        "4 MiB of colons",
        "merge cycle",
    ]
)]
fn refuse_hostile(bencher: divan::Bencher<'_, '_>, what: &str) {
    let text = hostile(what);
    assert!(check(&text, &CheckContext::default()).has_errors());
    bencher.bench(|| check(&text, &CheckContext::default()));
}
