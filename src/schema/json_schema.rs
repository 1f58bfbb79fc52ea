//! A schema as JSON Schema (draft 7), for editors and language servers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::node::Node;
use super::view::{Schema, Shape};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Returns a schema that stands by itself: what it refers to is among its `definitions`.
pub fn json_schema(schema: Schema<'_>, title: &str) -> Value {
    let mut writer = Writer::default();
    let mut top = writer.inline(schema);
    writer.definitions_of_references();
    if let Some(map) = top.as_object_mut() {
        map.insert("$schema".to_owned(), DRAFT.into());
        map.insert("title".to_owned(), title.into());
        pin_kind(map, schema);
        map.insert("definitions".to_owned(), Value::Object(writer.definitions));
    }
    top
}

/// An object of a kind says so.
fn pin_kind(map: &mut Map<String, Value>, schema: Schema<'_>) {
    let [of] = schema.kinds() else { return };
    let api_version = match of.group.as_ref() {
        "" => of.version.to_string(),
        group => format!("{group}/{}", of.version),
    };
    let Some(properties) = map.get_mut("properties") else {
        return;
    };
    properties["apiVersion"]["enum"] = json!([api_version]);
    properties["kind"]["enum"] = json!([of.kind]);
    let required = map.entry("required").or_insert_with(|| json!([]));
    for key in ["apiVersion", "kind"] {
        if let Some(keys) = required.as_array_mut()
            && !keys.iter().any(|known| known == key)
        {
            keys.push(key.into());
        }
    }
}

#[derive(Default)]
struct Writer<'d> {
    definitions: Map<String, Value>,
    /// Definitions that were referred to, and not yet written.
    waiting: Vec<(&'d str, Schema<'d>)>,
    known: BTreeSet<&'d str>,
}

impl<'d> Writer<'d> {
    fn definitions_of_references(&mut self) {
        while let Some((name, schema)) = self.waiting.pop() {
            let definition = self.inline(schema);
            self.definitions.insert(name.to_owned(), definition);
        }
    }

    /// Writes a schema, by reference where it is a definition.
    fn write(&mut self, schema: Schema<'d>) -> Value {
        let Some(name) = schema.definition_name() else {
            return self.inline(schema);
        };
        if self.known.insert(name) {
            self.waiting.push((name, schema.as_definition()));
        }
        let reference = json!({"$ref": format!("#/definitions/{name}")});
        // Beside a reference nothing else is read.
        match schema.own_description() {
            Some(text) => json!({"description": text, "allOf": [reference]}),
            None => reference,
        }
    }

    fn inline(&mut self, schema: Schema<'d>) -> Value {
        let node = schema.node();
        let mut map = Map::new();
        if let Some(text) = schema.description() {
            map.insert("description".to_owned(), text.into());
        }
        if let Some(default) = schema.default() {
            map.insert("default".to_owned(), default.clone());
        }
        self.type_of(&mut map, schema);
        if !schema.allowed().is_empty() {
            map.insert("enum".to_owned(), schema.allowed().into());
        }
        rules(&mut map, node);
        if schema.is_nullable()
            && let Some(of) = map.get("type").cloned()
        {
            map.insert("type".to_owned(), json!([of, "null"]));
        }
        Value::Object(map)
    }

    fn type_of(&mut self, map: &mut Map<String, Value>, schema: Schema<'d>) {
        let mut set = |value: Value| {
            map.insert("type".to_owned(), value);
        };
        match schema.shape() {
            Shape::Text => set("string".into()),
            Shape::Integer => set("integer".into()),
            Shape::Number => set("number".into()),
            Shape::Boolean => set("boolean".into()),
            Shape::IntOrText => set(json!(["integer", "string"])),
            Shape::Quantity => set(json!(["number", "string"])),
            Shape::List(items) => {
                set("array".into());
                let items = self.write(items);
                map.insert("items".to_owned(), items);
            }
            Shape::Map(values) => {
                set("object".into());
                let values = self.write(values);
                map.insert("additionalProperties".to_owned(), values);
            }
            Shape::Object => {
                set("object".into());
                self.fields(map, schema);
            }
            Shape::Any => self.alternatives(map, schema),
        }
    }

    fn fields(&mut self, map: &mut Map<String, Value>, schema: Schema<'d>) {
        let mut properties = Map::new();
        for (name, field) in schema.properties() {
            let written = self.write(field);
            for alias in field.aliases() {
                properties.insert(alias.to_string(), written.clone());
            }
            properties.insert(name.to_owned(), written);
        }
        map.insert("properties".to_owned(), Value::Object(properties));
        let required: Vec<&str> = schema.required().collect();
        if !required.is_empty() {
            map.insert("required".to_owned(), json!(required));
        }
        if !schema.keeps_unknown() && !schema.is_embedded() {
            map.insert("additionalProperties".to_owned(), false.into());
        }
    }

    fn alternatives(&mut self, map: &mut Map<String, Value>, schema: Schema<'d>) {
        let alternatives: Vec<Value> = schema.alternatives().map(|one| self.write(one)).collect();
        if !alternatives.is_empty() {
            map.insert("anyOf".to_owned(), alternatives.into());
        } else if schema.is_some_map() {
            map.insert("type".to_owned(), "object".into());
        } else if schema.is_some_list() {
            map.insert("type".to_owned(), "array".into());
        }
    }
}

fn rules(map: &mut Map<String, Value>, node: &Node) {
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), value);
        }
    };
    let bound = |number: Option<f64>| number.map(number_of);
    match node.exclusive_minimum {
        true => set("exclusiveMinimum", bound(node.minimum)),
        false => set("minimum", bound(node.minimum)),
    }
    match node.exclusive_maximum {
        true => set("exclusiveMaximum", bound(node.maximum)),
        false => set("maximum", bound(node.maximum)),
    }
    set("minLength", node.min_length.map(Value::from));
    set("maxLength", node.max_length.map(Value::from));
    set("minItems", node.min_items.map(Value::from));
    set("maxItems", node.max_items.map(Value::from));
    set("pattern", node.pattern.as_deref().map(Value::from));
}

/// Writes a whole number without a fraction.
fn number_of(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
    match number.fract() == 0.0 && number.abs() < 1e15 {
        true => Value::from(number as i64),
        false => Value::from(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{built_in_with_texts, service_definition};

    /// Every reference leads to a definition that is there.
    #[track_caller]
    fn check_whole(schema: &Value) {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(map) => {
                    let reference = map.get("$ref").and_then(Value::as_str);
                    found.extend(reference.map(str::to_owned));
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let mut found = BTreeSet::new();
        references(schema, &mut found);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(schema.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_service_definition_is_a_json_schema() {
        let schema = json_schema(service_definition(), "bowline service definition");
        check_whole(&schema);
        assert_eq!(schema["$schema"], DRAFT);
        assert_eq!(schema["required"], json!(["containers"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["replicas"]["maximum"], json!(1000));
        let container = &schema["definitions"]["Container"];
        assert_eq!(
            container["properties"]["env"],
            container["properties"]["environment"]
        );
        assert_eq!(container["required"], json!(["name", "image"]));
        let from_secret = &schema["definitions"]["KeyOf"]["anyOf"];
        assert_eq!(from_secret[0], json!({"type": "string"}));
    }

    #[test]
    fn a_kind_that_contains_itself_is_a_finite_json_schema() {
        let document = built_in_with_texts();
        let crd = document
            .kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
            .unwrap();
        let schema = json_schema(crd, "CustomResourceDefinition");
        check_whole(&schema);
        assert_eq!(schema["required"], json!(["spec", "apiVersion", "kind"]));
        assert_eq!(
            schema["properties"]["kind"]["enum"],
            json!(["CustomResourceDefinition"])
        );
        assert_eq!(
            schema["properties"]["apiVersion"]["enum"],
            json!(["apiextensions.k8s.io/v1"])
        );
    }
}
