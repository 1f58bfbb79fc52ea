//! What a schema says to people: a field with its type and text, and the fields below it, as kubectl's `explain` lays it out.

use super::view::{Schema, Shape};

/// Columns that a text is wrapped at.
const WIDTH: usize = 80;
/// How deep fields are unfolded: some schemas contain themselves.
const MAX_DEPTH: usize = 16;
const TEXT_INDENT: usize = 4;

/// Whether the fields of fields are unfolded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The fields with their texts.
    Fields,
    /// All fields below, names and types alone.
    Recursive,
}

/// Returns what a schema is for, which values it allows, and its fields. `field` is the name of what is explained; none for
/// a whole object.
pub fn explain(schema: Schema<'_>, field: Option<&str>, depth: Depth) -> String {
    let mut out = String::new();
    if let Some(field) = field {
        out.push_str(&format!("FIELD: {field} <{}>\n", schema.type_names()));
        values(&mut out, schema, 0);
        out.push('\n');
    }
    out.push_str("DESCRIPTION:\n");
    let text = schema.description().unwrap_or("<empty>");
    paragraphs(&mut out, text, TEXT_INDENT);
    let definition = schema.inside().node().description.as_deref();
    if let Some(more) = definition.filter(|more| *more != text) {
        out.push('\n');
        paragraphs(&mut out, more, TEXT_INDENT);
    }
    let top = top_fields(schema);
    if top.properties().next().is_none() {
        return out;
    }
    out.push_str("\nFIELDS:\n");
    match depth {
        Depth::Fields => fields(&mut out, top),
        Depth::Recursive => recursive(&mut out, top, 1, &mut vec![top]),
    }
    out
}

/// Returns what declares the fields that are shown: the items of a list, the values of a map.
fn top_fields(schema: Schema<'_>) -> Schema<'_> {
    let inside = schema.inside();
    match inside.shape() {
        Shape::Map(values) => values.inside(),
        _ => inside,
    }
}

fn fields(out: &mut String, schema: Schema<'_>) {
    let required: Vec<&str> = schema.required().collect();
    for (n, (name, field)) in schema.properties().enumerate() {
        if n > 0 {
            out.push('\n');
        }
        heading(out, name, field, required.contains(&name), 1);
        values(out, field, 1);
        paragraphs(
            out,
            field.description().unwrap_or("<no description>"),
            TEXT_INDENT,
        );
    }
}

fn recursive<'d>(out: &mut String, schema: Schema<'d>, level: usize, above: &mut Vec<Schema<'d>>) {
    let required: Vec<&str> = schema.required().collect();
    for (name, field) in schema.properties() {
        heading(out, name, field, required.contains(&name), level);
        values(out, field, level);
        let inside = top_fields(field);
        let is_above = above.iter().any(|one| one.is_same(&inside));
        if level < MAX_DEPTH && !is_above {
            above.push(inside);
            recursive(out, inside, level + 1, above);
            above.pop();
        }
    }
}

fn heading(out: &mut String, name: &str, field: Schema<'_>, is_required: bool, level: usize) {
    let mark = if is_required { " -required-" } else { "" };
    let indent = "  ".repeat(level);
    out.push_str(&format!("{indent}{name}  <{}>{mark}\n", field.type_names()));
}

/// Says which values are allowed, which one holds without one, and which other names a field has.
fn values(out: &mut String, schema: Schema<'_>, level: usize) {
    let indent = "  ".repeat(level);
    let allowed = super::check::words(schema.allowed());
    if !allowed.is_empty() {
        out.push_str(&format!("{indent}enum: {}\n", allowed.join(", ")));
    }
    let node = schema.node();
    match (node.minimum, node.maximum) {
        (Some(min), Some(max)) => out.push_str(&format!("{indent}range: {min} to {max}\n")),
        (Some(min), None) => out.push_str(&format!("{indent}minimum: {min}\n")),
        (None, Some(max)) => out.push_str(&format!("{indent}maximum: {max}\n")),
        (None, None) => {}
    }
    if let Some(default) = schema.default() {
        let default = super::check::words(std::slice::from_ref(default));
        out.push_str(&format!("{indent}default: {}\n", default.join("")));
    }
    if !schema.aliases().is_empty() {
        out.push_str(&format!("{indent}also: {}\n", schema.aliases().join(", ")));
    }
}

/// Writes a text, wrapped, line breaks of its own kept.
fn paragraphs(out: &mut String, text: &str, indent: usize) {
    for line in text.lines() {
        wrapped(out, line, indent);
    }
}

fn wrapped(out: &mut String, line: &str, indent: usize) {
    let own = line.len() - line.trim_start().len();
    let margin = " ".repeat(indent + own.min(WIDTH / 2));
    let mut column = 0;
    for word in line.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && margin.len() + column + 1 + width > WIDTH {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            out.push_str(&margin);
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{built_in_with_texts, service_definition};

    fn of(api_version: &str, kind: &str, path: &str) -> Schema<'static> {
        let kind = built_in_with_texts().kind(api_version, kind).unwrap();
        kind.at(&path.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_field_is_explained_with_what_it_allows() {
        let protocol = of("v1", "Pod", "spec.containers.ports.protocol");
        assert_eq!(
            explain(protocol, Some("protocol"), Depth::Fields),
            "FIELD: protocol <string>\nenum: SCTP, TCP, UDP\ndefault: TCP\n\nDESCRIPTION:\n    Protocol for port. Must be UDP, TCP, or \
             SCTP. Defaults to \"TCP\".\n\n    Possible enum values:\n     - `\"SCTP\"` is the SCTP protocol.\n     - `\"TCP\"` is the \
             TCP protocol.\n     - `\"UDP\"` is the UDP protocol.\n"
        );
    }

    #[test]
    fn a_list_is_explained_with_the_fields_of_its_items() {
        let ports = explain(
            of("v1", "Pod", "spec.containers.ports"),
            Some("ports"),
            Depth::Fields,
        );
        assert!(
            ports.starts_with("FIELD: ports <[]ContainerPort>\n\nDESCRIPTION:\n    List of ports"),
            "{ports}"
        );
        assert!(
            ports
                .contains("\n    ContainerPort represents a network port in a single container.\n"),
            "{ports}"
        );
        assert!(
            ports.contains("\nFIELDS:\n  containerPort  <integer> -required-\n    Number of port"),
            "{ports}"
        );
        assert!(
            ports.lines().all(|line| line.chars().count() <= WIDTH),
            "{ports}"
        );
    }

    #[test]
    fn what_contains_itself_is_unfolded_once() {
        let schema = of("apiextensions.k8s.io/v1", "CustomResourceDefinition", "");
        let text = explain(schema, None, Depth::Recursive);
        let n_lines = text.lines().count();
        assert!((100..400).contains(&n_lines), "{n_lines}");
        assert!(
            text.contains("\n          properties  <map[string]JSONSchemaProps>\n"),
            "{text}"
        );
    }

    #[test]
    fn the_service_definition_is_explained_in_its_own_order() {
        let text = explain(service_definition(), None, Depth::Recursive);
        let order = [
            "  name  <string>",
            "  replicas  <integer>",
            "  containers  <[]Container> -required-",
            "    image  ",
            "also: environment",
            "pullSecret  <string or Object>",
            "parameters  <map[string](string or number or boolean)>",
        ];
        let mut from = 0;
        for part in order {
            let at = text[from..].find(part);
            from += at.unwrap_or_else(|| panic!("{part} is not there in order: {text}"));
        }
    }
}
