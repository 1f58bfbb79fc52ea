//! Quantities as their texts.

use serde::Deserialize;
use serde_json::Value;

/// A quantity as it is written. Kubernetes' own server answers texts whatever it was sent, others may answer numbers; what is
/// neither is empty, so that it costs no object.
#[derive(Debug, Deserialize)]
#[serde(from = "Value")]
pub(in crate::cluster) struct Quantity(pub String);

impl From<Value> for Quantity {
    fn from(json: Value) -> Self {
        Self(match json {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        })
    }
}
