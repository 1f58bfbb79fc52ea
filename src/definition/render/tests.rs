//! Tests of rendering: a golden definition with every key, and one fact at a time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::definition::check::check;
use crate::definition::naming;
use crate::definition::template::TEMPLATES;
use crate::definition::yaml::to_yaml_documents;

const EVERY_KEY: &str = include_str!("../../../tests/fixtures/definition/every-key.yaml");
const GOLDEN: &str = "tests/fixtures/definition/every-key.rendered.yaml";

fn context(id: &str) -> RenderContext {
    RenderContext {
        definition_name: "every-key".parse().unwrap(),
        ingress_host: Some("apps.example.com".to_owned()),
        ..RenderContext::new(id.parse().unwrap(), "team-a".parse().unwrap())
    }
}

fn definition(text: &str) -> ServiceDefinition {
    let checked = check(text, &CheckContext::default());
    checked
        .definition
        .unwrap_or_else(|| panic!("{text}\n{:#?}", checked.diagnostics))
}

fn render_as(text: &str, context: &RenderContext) -> Rendered {
    render(&definition(text), context).unwrap_or_else(|faults| panic!("{text}\n{faults:#?}"))
}

/// Renders under the ID `web` in `team-a`.
fn rendered(text: &str) -> Rendered {
    render_as(text, &context("web"))
}

fn yaml(rendered: &Rendered) -> String {
    to_yaml_documents(rendered.objects.iter().map(|o| &o.json))
}

fn object<'r>(rendered: &'r Rendered, kind: &str, name: &str) -> &'r Value {
    let found = rendered
        .objects
        .iter()
        .find(|o| o.key.kind == kind && o.key.name == name);
    &found
        .unwrap_or_else(|| panic!("no {kind}/{name} in\n{}", yaml(rendered)))
        .json
}

fn names(rendered: &Rendered) -> Vec<String> {
    rendered.objects.iter().map(|o| o.key.to_string()).collect()
}

/// A web service of one container; `more` are further lines at the top.
fn web(more: &str) -> String {
    format!(
        "containers:\n  - {{name: nginx, image: nginx, ports: [{{name: http, port: 80}}]}}\n{more}"
    )
}

#[test]
fn every_key_renders_to_the_golden_objects() {
    let text = yaml(&rendered(EVERY_KEY));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    if std::env::var_os("BOWLINE_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(
        text == golden,
        "{GOLDEN} differs; if that is meant, run again with BOWLINE_UPDATE_GOLDEN=1\n{text}"
    );
}
