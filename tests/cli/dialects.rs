//! What YAML means: whatever is accepted means the same to bowline as to kubectl, and what would not is refused or said.
//!
//! kubectl reads without a cluster here, with `annotate --local`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use bowline::definition::check::{CheckContext, check};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

/// What stands before each text: an object of a kind that has no schema.
const HEAD: &str = "apiVersion: example.com/v1\nkind: T\nmetadata: {name: t}\n";

/// What bowline makes of a text: what stands beside the head, and what it warns of; none if it refuses it.
fn ours(text: &str) -> Option<(Value, Vec<String>)> {
    let checked = check(&format!("{HEAD}{text}\n"), &CheckContext::default());
    let definition = checked.definition?;
    let object = &definition.manifests()?.manifests[0].object;
    let warnings = checked.diagnostics.into_iter().map(|fault| fault.message);
    Some((without_head(object.json.clone()), warnings.collect()))
}

/// Tells whether two values are the same. Of numbers that are not whole, or too large to be exact, the last digits depend on who
/// writes them down.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) if a.unsigned_abs() < 1 << 53 => a == b,
            _ => {
                let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
                (a - b).abs() <= 1e-14 * a.abs()
            }
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let in_b =
                |(key, value): (&String, &Value)| b.get(key).is_some_and(|it| is_same(value, it));
            a.len() == b.len() && a.iter().all(in_b)
        }
        _ => a == b,
    }
}

#[track_caller]
fn assert_same(text: &str, found: Option<&Value>, expected: &Value) {
    let found = found.unwrap_or_else(|| panic!("{text:?} was refused"));
    assert!(
        is_same(found, expected),
        "{text:?}: {found} is not {expected}"
    );
}

fn without_head(mut object: Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    fields.retain(|key, _| !["apiVersion", "kind", "metadata"].contains(&key.as_str()));
    object
}

/// What kubectl makes of texts: an object for each; none if it refuses any of them, or where there is no kubectl.
struct Kubectl(std::path::PathBuf);

impl Kubectl {
    fn find() -> Option<Self> {
        let kubectl = bowline_control_plane::built("kubectl's reading of YAML")?.kubectl();
        assert!(kubectl.is_file(), "{} is not built", kubectl.display());
        Some(Self(kubectl))
    }

    fn read(&self, texts: &[&str]) -> Option<Vec<Value>> {
        let documents = texts.iter().map(|text| format!("---\n{HEAD}{text}\n"));
        let input: String = documents.collect();
        let mut child = Command::new(&self.0)
            .args(["annotate", "--local", "-f", "-", "a=b", "-o", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        if !output.status.success() {
            return None;
        }
        let objects = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        let objects: Vec<Value> = objects
            .map(|object| without_head(object.unwrap()))
            .collect();
        assert_eq!(objects.len(), texts.len());
        Some(objects)
    }
}

/// The value of each scalar as kubectl 1.36 reads it.
const SCALARS: &[(&str, &str)] = &[
    ("yes", "true"),
    ("no", "false"),
    ("on", "true"),
    ("off", "false"),
    ("y", "true"),
    ("n", "false"),
    ("Yes", "true"),
    ("TRUE", "true"),
    ("True", "true"),
    ("false", "false"),
    ("~", "null"),
    ("null", "null"),
    ("Null", "null"),
    ("0644", "420"),
    ("0o644", "420"),
    ("0O17", "15"),
    ("0777", "511"),
    ("08", "8"),
    ("09", "9"),
    ("0x1F", "31"),
    ("0X1f", "31"),
    ("0b11", "3"),
    ("1e3", "1000"),
    ("1E3", "1000"),
    ("1e-3", "0.001"),
    ("1.5e3", "1500"),
    ("1.", "1"),
    (".5", "0.5"),
    ("-0", "0"),
    ("-5", "-5"),
    ("+5", "5"),
    ("+0644", "420"),
    ("-0644", "-420"),
    ("0.0", "0"),
    ("1_000", "1000"),
    ("1_0.5", "10.5"),
    ("0x_1F", "31"),
    ("12:30", "\"12:30\""),
    ("12:30:45", "\"12:30:45\""),
    ("1:30", "\"1:30\""),
    ("190:20:30", "\"190:20:30\""),
    ("2001-01-01", "\"2001-01-01\""),
    (
        "2001-12-14t21:59:43.10-05:00",
        "\"2001-12-14t21:59:43.10-05:00\"",
    ),
    ("9223372036854775807", "9223372036854775807"),
    ("9223372036854775808", "9223372036854776000"),
    ("18446744073709551615", "18446744073709552000"),
    ("18446744073709551616", "18446744073709552000"),
    ("9007199254740993", "9007199254740993"),
    ("1.27.3", "\"1.27.3\""),
    ("10Gi", "\"10Gi\""),
    ("=", "\"=\""),
    (".", "\".\""),
    ("inf", "\"inf\""),
    ("nan", "\"nan\""),
    ("1e", "\"1e\""),
    ("0x", "\"0x\""),
    ("<<", "\"<<\""),
    ("1.0", "1"),
    ("8.0", "8"),
    ("1e2", "100"),
    ("123456789012", "123456789012"),
    ("1e21", "1e+21"),
    ("1e20", "100000000000000000000"),
    ("0.1", "0.1"),
    ("100000000000000000000000", "1e+23"),
    ("0b2", "\"0b2\""),
    ("0b", "\"0b\""),
    ("0o8", "\"0o8\""),
    ("0o", "\"0o\""),
    ("nope", "\"nope\""),
    ("+", "\"+\""),
    ("0_7", "7"),
    ("0o_7", "7"),
    ("_1", "\"_1\""),
    ("1__0", "10"),
    ("1_", "1"),
    ("0x1_F", "31"),
    ("0b1_1", "3"),
    ("-0x1F", "-31"),
    ("-0b11", "-3"),
    ("-0o17", "-15"),
    ("00", "0"),
    ("007", "7"),
    ("0e0", "0"),
    ("1e+3", "1000"),
    ("--1", "\"--1\""),
    ("1e3.5", "\"1e3.5\""),
    ("1E+3", "1000"),
    ("TrUe", "\"TrUe\""),
    ("NULL", "null"),
    ("nULL", "\"nULL\""),
    ("YES", "true"),
    ("yEs", "\"yEs\""),
    ("off", "false"),
    ("OFF", "false"),
    ("On", "true"),
    ("0xFFFFFFFFFFFFFFFF", "18446744073709552000"),
    ("0xFFFFFFFFFFFFFFFFF", "\"0xFFFFFFFFFFFFFFFFF\""),
    ("0777777777777777777777777", "7.777777777777778e+23"),
    ("-9223372036854775808", "-9223372036854775808"),
    ("-9223372036854775809", "-9223372036854776000"),
];

/// Texts that both read, and what they make of them.
const TEXTS: &[(&str, &str)] = &[
    ("v: \"no\"", "{\"v\": \"no\"}"),
    ("v: '0644'", "{\"v\": \"0644\"}"),
    ("v: \"\\x41\\u00e9\\n\"", "{\"v\": \"Aé\\n\"}"),
    ("v: |\n  a\n  b", "{\"v\": \"a\\nb\\n\"}"),
    ("v: >\n  a\n  b", "{\"v\": \"a b\\n\"}"),
    ("v: |-\n  a\n", "{\"v\": \"a\"}"),
    (
        "a: &x {b: 1}\nv: *x",
        "{\"a\": {\"b\": 1}, \"v\": {\"b\": 1}}",
    ),
    (
        "a: &x {b: 1, c: 2}\nv: {<<: *x, c: 3}",
        "{\"a\": {\"b\": 1, \"c\": 2}, \"v\": {\"b\": 1, \"c\": 3}}",
    ),
    (
        "a: &x {b: 1}\nc: &y {d: 2}\nv: {<<: [*x, *y], e: 1}",
        "{\"a\": {\"b\": 1}, \"c\": {\"d\": 2}, \"v\": {\"b\": 1, \"d\": 2, \"e\": 1}}",
    ),
    ("v: a\tb", "{\"v\": \"a\\tb\"}"),
    ("v:\t5", "{\"v\": 5}"),
    ("v: 1\r\nw: no\r\n", "{\"v\": 1, \"w\": false}"),
    ("1: a", "{\"1\": \"a\"}"),
    ("? a\n: 1", "{\"a\": 1}"),
    ("v: 1\n...\n", "{\"v\": 1}"),
    ("v: [1, 2,]", "{\"v\": [1, 2]}"),
    ("v: {a, b}", "{\"v\": {\"a\": null, \"b\": null}}"),
    ("v: [a: 1]", "{\"v\": [{\"a\": 1}]}"),
    ("v: \"a\\\n  b\"", "{\"v\": \"ab\"}"),
    ("v: 'it''s'", "{\"v\": \"it's\"}"),
    ("v: a #b", "{\"v\": \"a\"}"),
    ("v: a#b", "{\"v\": \"a#b\"}"),
    ("v: \"\"", "{\"v\": \"\"}"),
    ("v:", "{\"v\": null}"),
    ("v: {}", "{\"v\": {}}"),
    ("v: []", "{\"v\": []}"),
    ("\"v\": 1", "{\"v\": 1}"),
    ("v: é", "{\"v\": \"é\"}"),
    ("v: >-\n  a\n\n  b\n   c", "{\"v\": \"a\\nb\\n c\"}"),
    ("v: |2\n    a", "{\"v\": \"  a\\n\"}"),
    ("a: &x 1\nb: &x 2\nv: *x", "{\"a\": 1, \"b\": 2, \"v\": 2}"),
    ("12:30: a", "{\"12:30\": \"a\"}"),
    ("v: 2001-01-01", "{\"v\": \"2001-01-01\"}"),
    ("2001-01-01: v", "{\"2001-01-01\": \"v\"}"),
    (
        "v: 0777777777777777777777777",
        "{\"v\": 7.777777777777778e+23}",
    ),
    ("v: 0xFFFFFFFFFFFFFFFF", "{\"v\": 18446744073709552000}"),
    ("v: 0xFFFFFFFFFFFFFFFFF", "{\"v\": \"0xFFFFFFFFFFFFFFFFF\"}"),
    ("v: -9223372036854775808", "{\"v\": -9223372036854775808}"),
    ("v: -9223372036854775809", "{\"v\": -9223372036854776000}"),
    ("<<: {v: 1}", "{\"v\": 1}"),
    ("v: {<<: {a: 1}}", "{\"v\": {\"a\": 1}}"),
    ("v: |+\n  a", "{\"v\": \"a\\n\"}"),
    ("true: 1", "{\"true\": 1}"),
    ("1.5: a", "{\"1.5\": \"a\"}"),
];

/// Texts that kubectl reads and bowline refuses: what they mean is another thing than most take them for.
const REFUSED: &[&str] = &[
    // Tags.
    "v: !!str 5",
    "v: !!int \"5\"",
    "v: !!binary aGk=",
    "v: !custom 5",
    "v: ! 5",
    "v: !!float 1",
    "v: !!bool \"yes\"",
    "v: !!map {}",
    // The last of two wins with kubectl.
    "v: 1\nv: 2",
    "v: {a: 1, a: 2}",
    "\"1\": a\n1: b",
    // What follows the end of a document is dropped by kubectl.
    "v: 1\n...\nw: 2",
    // Numbers that no computer holds are text to kubectl, and a mark of the byte order within a text is part of a key.
    "v: 1e400",
    "v: 1e1000000",
    "\u{feff}v: 1",
];

/// Texts with keys that kubectl reads as something else, or refuses: bowline takes them as they stand, and says so.
const KEYS: &[&str] = &[
    "y: 1",
    "no: 1",
    "on: 1",
    "0644: x",
    "0x1F: a",
    "1e3: a",
    ".5: a",
    "1_0: a",
    "y: 1\ntrue: 2",
    "~: 1",
    "null: 2",
    "? \n: 1",
];

/// Texts that neither reads.
const ILLEGAL: &[&str] = &[
    "v: .inf",
    "v: -.inf",
    "v: +.inf",
    "v: .nan",
    "v: .NaN",
    "v: -",
    "v:\n\t- 1",
    "? [a]\n: 1",
    "v: a: b",
    "v: @a",
    "v: `a",
    "v: %a",
    "v: [}",
    "v: *nope",
    "v: - a",
    "v: \"\\q\"",
    " v: 1",
    "v: &x [*x]",
    "v: {<<: 1}",
    "v: \"a\u{7}b\"",
    "v: a\u{7}b",
    "v: !!null x",
];

#[test]
fn scalars_mean_what_they_mean_to_kubectl() {
    for (plain, expected) in SCALARS {
        let expected: Value = serde_json::from_str(expected).unwrap();
        let found = ours(&format!("v: {plain}\n")).map(|(found, _)| found["v"].clone());
        assert_same(plain, found.as_ref(), &expected);
    }
}

#[test]
fn texts_mean_what_they_mean_to_kubectl_or_are_refused() {
    for (text, expected) in TEXTS {
        let expected: Value = serde_json::from_str(expected).unwrap();
        let found = ours(text).map(|(found, _)| found);
        assert_same(text, found.as_ref(), &expected);
    }
    for text in KEYS {
        let (_, warnings) = ours(text).unwrap();
        let is_said = |it: &String| it.starts_with("other tools read the key");
        assert!(warnings.iter().any(is_said), "{text:?}: {warnings:?}");
    }
    for text in REFUSED.iter().chain(ILLEGAL) {
        assert_eq!(ours(text), None, "{text:?} was accepted");
    }
}

/// The tables say what kubectl does, as long as kubectl does it.
#[test]
fn kubectl_reads_what_the_tables_say() {
    let Some(kubectl) = Kubectl::find() else {
        return;
    };
    let scalars = SCALARS.iter().map(|(plain, expected)| {
        let expected: Value = serde_json::from_str(expected).unwrap();
        (format!("v: {plain}"), serde_json::json!({ "v": expected }))
    });
    let texts = TEXTS
        .iter()
        .map(|(text, expected)| ((*text).to_owned(), serde_json::from_str(expected).unwrap()));
    let (texts, expected): (Vec<String>, Vec<Value>) = scalars.chain(texts).unzip();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let found = kubectl.read(&texts).unwrap();
    for ((text, found), expected) in texts.iter().zip(found).zip(expected) {
        assert_same(text, Some(&found), &expected);
    }
    for text in KEYS {
        let theirs = kubectl.read(&[text]).map(|mut read| read.remove(0));
        assert_ne!(theirs, ours(text).map(|(found, _)| found), "{text:?}");
    }
    for text in REFUSED {
        assert!(kubectl.read(&[text]).is_some(), "{text:?}");
    }
    for text in ILLEGAL {
        assert_eq!(kubectl.read(&[text]), None, "{text:?}");
    }
}

/// Scalars as people write them, and as nobody would.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?(0[xobXOB]?)?[0-9a-fA-F_]{0,8}[._eE:]?[-+]?[0-9_]{0,4}",
        "[-+]?[0-9]{0,22}([.][0-9]{0,4})?([eE][-+]?[0-9]{1,3})?",
        "[yYnN](e|o|E|O)?[sSnN]?|[oO](n|N|ff|FF)|[tTfF](rue|RUE|alse|ALSE)|[nN](ull|ULL)|~",
        "[.][iInN](nf|NF|an|AN)|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}(:[0-9]{2}){1,2}",
        "\"[a-z0-9 .:#-]{0,8}\"|'[a-z0-9 .:#-]{0,8}'",
        "[a-zA-Z0-9][-a-zA-Z0-9._/:#=@ ]{0,8}",
    ]
}

#[test]
fn any_scalar_that_is_accepted_means_what_it_means_to_kubectl() {
    let Some(kubectl) = Kubectl::find() else {
        return;
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut accepted: BTreeMap<String, Value> = BTreeMap::new();
    for _ in 0..3000 {
        let plain = scalar().new_tree(&mut runner).unwrap().current();
        let text = format!("v: {plain}");
        if let Some((value, _)) = ours(&text) {
            accepted.insert(text, value);
        }
    }
    assert!(accepted.len() > 1500, "{}", accepted.len());
    let texts: Vec<&str> = accepted.keys().map(String::as_str).collect();
    let Some(found) = kubectl.read(&texts) else {
        let refused = texts.iter().filter(|text| kubectl.read(&[text]).is_none());
        panic!("kubectl refuses: {:?}", refused.take(5).collect::<Vec<_>>());
    };
    let differences: Vec<_> = accepted
        .iter()
        .zip(found)
        .filter(|((_, ours), theirs)| !is_same(ours, theirs))
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
}
