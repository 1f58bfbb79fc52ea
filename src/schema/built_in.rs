//! The schemas that are there without a cluster: Kubernetes' own kinds, and the service definition.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::document::Document;
use super::node::Node;
use super::view::Schema;

const SERVICE: &str = include_str!("../../assets/schema/service.yaml");
const TOP: &str = "Service";

/// Returns the schemas of Kubernetes' own kinds, without texts: enough for checking.
pub fn built_in() -> &'static Document {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    DOCUMENT.get_or_init(|| Document::from_asset(&bowline_openapi::structure(), None))
}

/// Returns the schemas of Kubernetes' own kinds with their texts.
pub fn built_in_with_texts() -> &'static Document {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let texts = bowline_openapi::descriptions();
        Document::from_asset(&bowline_openapi::structure(), Some(&texts))
    })
}

/// Returns the schema of the service definition.
pub fn service_definition() -> Schema<'static> {
    #[derive(Deserialize)]
    struct File {
        definitions: HashMap<Box<str>, Node>,
    }
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| {
        let file: File = serde_yaml::from_str(SERVICE).expect("a test reads the file");
        Document::of(file.definitions)
    });
    document.definition(TOP).expect("a test reads the file")
}
