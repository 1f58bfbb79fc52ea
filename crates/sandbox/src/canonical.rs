//! Quantities and bytes in the one form in which a server stores them, whichever way they were written.

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{DecodeError, Engine, alphabet};
use serde_json::Value;

use crate::quantity::Quantity;
use crate::schema::{Scalar, Type, Typed};

const NO_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Go's decoder asks for padding, but not that the bits left over are 0.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Rewrites the quantities (`1000m` is `1`, `1.3Gi` is `1395864371200m`) and the bytes of a value.
///
/// # Errors
///
/// What a real server says of the first that is none.
pub fn canonicalise(of: Typed<'_>, value: &mut Value) -> Result<(), String> {
    match (of.get(), &mut *value) {
        (Type::Scalar(Scalar::Quantity), _) => {
            let quantity = Quantity::of(value).ok_or(NO_QUANTITY)?;
            *value = quantity.to_string().into();
        }
        (Type::Scalar(Scalar::Bytes), Value::String(text)) => *text = encoded_again(text)?,
        (Type::Map { .. } | Type::Struct(_), Value::Object(map)) => {
            for (key, below) in map {
                if let Some(of) = of.key(key) {
                    canonicalise(of, below)?;
                }
            }
        }
        (Type::List { .. }, Value::Array(items)) => {
            for item in items {
                canonicalise(of.item(), item)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Texts may be broken into lines.
fn encoded_again(text: &str) -> Result<String, String> {
    let text = text.replace(['\r', '\n'], "");
    let bytes = LENIENT.decode(&text).map_err(|error| {
        let at = match error {
            DecodeError::InvalidByte(at, _) => at,
            _ => text.len() / 4 * 4,
        };
        format!("illegal base64 data at input byte {at}")
    })?;
    Ok(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    #[test]
    fn quantities_have_one_form_and_other_texts_stay() {
        let pod = Schema::built_in().kind("v1", "Pod").unwrap();
        let mut object = json!({"metadata": {"labels": {"size": "1000m"}}, "spec": {
            "containers": [{"name": "a", "args": ["1024Mi"], "resources": {
                "requests": {"cpu": 0.5, "memory": "0.1Gi"}, "limits": {"cpu": 1, "memory": "1024Mi", "a.com/gpu": "1000m"},
            }}],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1.3Gi"}}],
        }});
        canonicalise(pod, &mut object).unwrap();
        let expected = json!({"metadata": {"labels": {"size": "1000m"}}, "spec": {
            "containers": [{"name": "a", "args": ["1024Mi"], "resources": {
                "requests": {"cpu": "500m", "memory": "107374182400m"}, "limits": {"cpu": "1", "memory": "1Gi", "a.com/gpu": "1"},
            }}],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1395864371200m"}}],
        }});
        assert_eq!(object, expected);
        for wrong in [json!("1Gx"), json!(""), json!(true)] {
            object["spec"]["volumes"][0]["emptyDir"]["sizeLimit"] = wrong;
            assert_eq!(canonicalise(pod, &mut object), Err(NO_QUANTITY.to_owned()));
        }
    }

    #[test]
    fn bytes_are_those_of_the_text() {
        let secret = Schema::built_in().kind("v1", "Secret").unwrap();
        let check = |text: &str, expected: Result<&str, usize>| {
            let mut object = json!({"data": {"a": text}, "stringData": {"a": "%%"}});
            let result = canonicalise(secret, &mut object);
            let expected = expected.map_err(|at| format!("illegal base64 data at input byte {at}"));
            let stored = object["data"]["a"].as_str().unwrap();
            assert_eq!(result.map(|()| stored), expected, "{text:?}");
        };
        check("MQ==", Ok("MQ=="));
        check("M\nQ==\n", Ok("MQ=="));
        check("MR==", Ok("MQ=="));
        check("", Ok(""));
        check("%%", Err(0));
        check("MQ==MQ%=", Err(2));
        check("abc", Err(0));
        check("YWJjZ", Err(4));
    }
}
