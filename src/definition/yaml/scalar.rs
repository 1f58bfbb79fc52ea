//! What YAML makes of a plain scalar: the guesses that kubectl's reader makes, older words for booleans and octals included.

/// The type and value of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// A boolean, `yes`, `on` and `y` included.
    Bool(bool),
    /// A whole number, octal (`0644`), hexadecimal and binary included.
    Int(i64),
    /// Any other number, those that fit no `i64` included.
    Float(f64),
    /// Text.
    Text,
}

impl Resolved {
    /// Returns how a sentence names the type.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text => "text",
        }
    }
}

/// Returns what a plain scalar means.
pub fn resolve(plain: &str) -> Resolved {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Resolved::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Resolved::Text;
    }
    let digits = plain.replace('_', "");
    match integer(&digits) {
        Some(number) => i64::try_from(number).map_or(Resolved::Float(number as f64), Resolved::Int),
        None => float(&digits).map_or(Resolved::Text, Resolved::Float),
    }
}

/// Reads an integer with the prefixes `0x`, `0o`, `0b` and the old octal `0`.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let number = if negative { -magnitude } else { magnitude };
    // NB: below the least that fits kubectl goes on as with any text; above the most it still counts without a sign.
    (number >= i128::from(i64::MIN)).then_some(number)
}

/// Reads a decimal number; `inf` and `nan` as words are text.
fn float(text: &str) -> Option<f64> {
    let legal = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if !text.chars().all(legal) || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Tells whether a text may stand in YAML without quotes and still be read as the same text.
pub fn is_plain_safe(text: &str) -> bool {
    let starts_well =
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.' | '$'));
    let legal = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.' | '-' | '$' | '+' | '=' | '@')
    };
    starts_well && text.chars().all(legal) && resolve(text) == Resolved::Text
}

/// Writes a text in double quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::yaml::documents;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn plain_scalars_are_read_as_kubectl_reads_them() {
        let cases = [
            ("yes", Resolved::Bool(true)),
            ("no", Resolved::Bool(false)),
            ("on", Resolved::Bool(true)),
            ("OFF", Resolved::Bool(false)),
            ("y", Resolved::Bool(true)),
            ("~", Resolved::Null),
            ("Null", Resolved::Null),
            ("0644", Resolved::Int(420)),
            ("0o644", Resolved::Int(420)),
            ("0777", Resolved::Int(511)),
            ("0x1F", Resolved::Int(31)),
            ("0b11", Resolved::Int(3)),
            ("1_000", Resolved::Int(1000)),
            ("-5", Resolved::Int(-5)),
            ("+5", Resolved::Int(5)),
            ("08", Resolved::Float(8.0)),
            ("1e3", Resolved::Float(1000.0)),
            ("1.", Resolved::Float(1.0)),
            (".5", Resolved::Float(0.5)),
            (".inf", Resolved::Float(f64::INFINITY)),
            (
                "9223372036854775808",
                Resolved::Float(9_223_372_036_854_775_808.0),
            ),
            (
                "0xFFFFFFFFFFFFFFFF",
                Resolved::Float(18_446_744_073_709_551_615.0),
            ),
            ("0xFFFFFFFFFFFFFFFFF", Resolved::Text),
            ("2001-01-01", Resolved::Text),
            ("12:30:45", Resolved::Text),
            ("1.27.3", Resolved::Text),
            ("10Gi", Resolved::Text),
            ("=", Resolved::Text),
            ("-", Resolved::Text),
            (".", Resolved::Text),
            ("inf", Resolved::Text),
            ("nan", Resolved::Text),
            ("1e", Resolved::Text),
            ("0x", Resolved::Text),
            ("nope", Resolved::Text),
        ];
        for (plain, expected) in cases {
            assert_eq!(resolve(plain), expected, "{plain}");
        }
    }

    /// The same scalar as the value reader sees it, whole floats as integers.
    fn as_value(plain: &str) -> Option<Value> {
        documents(&format!("k: {plain}\n"))
            .ok()?
            .first()?
            .get("k")
            .cloned()
    }

    proptest! {
        #[test]
        fn tree_and_value_reader_agree(plain in "[-+]?(0[xob]?)?[0-9]{0,6}[._eE]?[-+]?[0-9]{0,3}|[yYnN](es|o)?|[a-z0-9]{1,6}") {
            // `1_0.5` and its kind are the one known difference, and an error either way where they matter.
            prop_assume!(!plain.contains('_'));
            let Some(value) = as_value(&plain) else { return Ok(()) };
            let agrees = match resolve(&plain) {
                Resolved::Null => value.is_null(),
                Resolved::Bool(b) => value == Value::Bool(b),
                Resolved::Int(i) => value.as_i64() == Some(i),
                Resolved::Float(f) => value.as_f64() == Some(f) || !f.is_finite(),
                Resolved::Text => value.is_string(),
            };
            prop_assert!(agrees, "{plain:?}: {:?} against {value:?}", resolve(&plain));
        }

        #[test]
        fn quoted_text_reads_back(text in "\\PC{0,40}") {
            let yaml = format!("k: {}\n", quoted(&text));
            let read = documents(&yaml).unwrap()[0]["k"].clone();
            prop_assert_eq!(read, Value::String(text));
        }
    }
}
