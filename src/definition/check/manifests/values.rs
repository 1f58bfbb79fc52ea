//! Reading nodes as the values that kubectl would send, every fault of YAML reported with its place.

use serde_json::{Map, Number, Value as Json};

use super::super::reader::{Reader, Value, shortened};
use crate::definition::yaml::{MAX_DEPTH, Resolved};

/// Beyond this a float no longer tells neighbouring integers apart.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the value of a node; what cannot be read is reported and counts as null.
pub(super) fn json(reader: &mut Reader<'_>, value: Value) -> Json {
    nested(reader, value, 0)
}

fn nested(reader: &mut Reader<'_>, value: Value, depth: usize) -> Json {
    if depth > MAX_DEPTH {
        // NB: aliases of aliases nest deeper than any text does.
        reader.error(value, "this is nested too deeply".to_owned());
        return Json::Null;
    }
    if reader.is_mapping(value) {
        let pairs = reader.pairs(value, "a map").unwrap_or_default();
        let pairs = pairs.into_iter();
        return pairs
            .map(|(key, child)| (key, nested(reader, child, depth + 1)))
            .collect::<Map<String, Json>>()
            .into();
    }
    if reader.is_sequence(value) {
        let items = reader.items(value, "a list").unwrap_or_default();
        let items = items.into_iter();
        return items
            .map(|item| nested(reader, item, depth + 1))
            .collect::<Vec<Json>>()
            .into();
    }
    scalar(reader, value)
}

fn scalar(reader: &mut Reader<'_>, value: Value) -> Json {
    let Some((text, resolved)) = reader.plain_scalar(value) else {
        return Json::Null;
    };
    match resolved {
        Resolved::Text => Json::String(text),
        Resolved::Null => Json::Null,
        Resolved::Bool(flag) => Json::Bool(flag),
        Resolved::Int(number) => number.into(),
        Resolved::Float(number) => match number_of(number) {
            Some(number) => Json::Number(number),
            None => {
                let message = format!(
                    "`{}` is no number that JSON knows; put it in quotes if it is text",
                    shortened(&text)
                );
                reader.error(value, message);
                Json::Null
            }
        },
    }
}

/// Whole floats (`1e3`) become integers, as kubectl sends them.
fn number_of(float: f64) -> Option<Number> {
    if float.fract() == 0.0 && float.abs() <= EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within the exact range"
        )]
        return Some(Number::from(float as i64));
    }
    Number::from_f64(float)
}
