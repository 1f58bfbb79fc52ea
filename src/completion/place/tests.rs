use super::*;

/// Checks the place of `|` in a text: the path, what belongs there, the word before it and the keys beside it.
fn check(text: &str, path: &str, slot: Slot, word: &str, siblings: &[&str]) {
    let byte = text.find('|').unwrap();
    let text = text.replacen('|', "", 1);
    let found =
        place(&Rope::from_str(&text), byte).unwrap_or_else(|| panic!("no place in {text:?}"));
    let shown = (
        found.path.to_string(),
        found.slot,
        text[found.before.clone()].to_owned(),
        found
            .siblings
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    assert_eq!(
        shown,
        (path.to_owned(), slot, word.to_owned(), siblings.to_vec()),
        "{text:?}"
    );
}

fn check_none(text: &str) {
    let byte = text.find('~').unwrap();
    let text = text.replacen('~', "", 1);
    assert_eq!(place(&Rope::from_str(&text), byte), None, "{text:?}");
}

#[test]
fn keys_and_values_of_maps() {
    check("|", "", Slot::Key, "", &[]);
    check("re|", "", Slot::Key, "re", &[]);
    check(
        "name: web\nre|\nservice:\n  type: x\n",
        "",
        Slot::Key,
        "re",
        &["name", "service"],
    );
    check("workload: De|", "workload", Slot::Value, "De", &[]);
    check("workload: |", "workload", Slot::Value, "", &[]);
    check("service:\n  ty|", "service", Slot::Key, "ty", &[]);
    check(
        "service:\n  type: |\n",
        "service.type",
        Slot::Value,
        "",
        &[],
    );
    check("a:\n  b: 1\n  |\nc: 2\n", "a", Slot::Key, "", &["b"]);
    check("a:\n  b:\n    c: 1\n|", "", Slot::Key, "", &["a"]);
    check("\"a\": |", "a", Slot::Value, "", &[]);
}

#[test]
fn items_of_lists() {
    check("containers:\n  - na|", "containers[]", Slot::Key, "na", &[]);
    check(
        "containers:\n  - name: x\n    im|",
        "containers[]",
        Slot::Key,
        "im",
        &["name"],
    );
    check(
        "containers:\n- name: x\n  im|",
        "containers[]",
        Slot::Key,
        "im",
        &["name"],
    );
    check(
        "containers:\n- name: x\n- im|",
        "containers[]",
        Slot::Key,
        "im",
        &[],
    );
    check(
        "containers:\n  - name: x\n    ports:\n      - name: http\n        po|\n    image: y\n",
        "containers[].ports[]",
        Slot::Key,
        "po",
        &["name"],
    );
    check(
        "containers:\n  - name: x\n    image: y\n    |\n  - name: z\n",
        "containers[]",
        Slot::Key,
        "",
        &["image", "name"],
    );
    check("args:\n  - |", "args[]", Slot::Key, "", &[]);
    check("a:\n  - - b|", "a[][]", Slot::Key, "b", &[]);
    check("a:\n  -\n    b|", "a[]", Slot::Key, "b", &[]);
    check("containers:\n  |", "containers", Slot::Key, "", &[]);
}

#[test]
fn only_the_own_document_counts() {
    check("kind: A\n---\nki|", "", Slot::Key, "ki", &[]);
    check("a:\n---\n  b|", "", Slot::Key, "b", &[]);
}

#[test]
fn brackets_of_flow_style() {
    check("a: {|", "a", Slot::Key, "", &[]);
    check("a: {b: 1, c|", "a", Slot::Key, "c", &["b"]);
    check("a: {b: |}", "a.b", Slot::Value, "", &["b"]);
    check("a: [x, |", "a[]", Slot::Value, "", &[]);
    check("a: [{b: 1}, {c|", "a[]", Slot::Key, "c", &[]);
    check("- {b: {c: d|", "[].b.c", Slot::Value, "d", &["c"]);
    check(
        "x:\n  - a: [\n      {b: 1,\n       c|",
        "x[].a[]",
        Slot::Key,
        "c",
        &["b"],
    );
    check("{|", "", Slot::Key, "", &[]);
    check(
        r#"{"a": {"b": "x, \"y", "c|"#,
        "a",
        Slot::Key,
        "\"c",
        &["b"],
    );
    check(
        r#"{"a":{"b":1,"c":"d|"#,
        "a.c",
        Slot::Value,
        "\"d",
        &["b", "c"],
    );
    check("{\n  'a': {\n    |\n  }\n}", "a", Slot::Key, "", &[]);
    check("a: {b: [1, 2]}\nc|", "", Slot::Key, "c", &["a"]);
    check("a: x{y\nb|", "", Slot::Key, "b", &["a"]);
    // A bracket that was forgotten does not swallow what stands beside its line.
    check("args: [sh, -c\nna|", "", Slot::Key, "na", &["args"]);
}

#[test]
fn texts_and_comments_are_left_alone() {
    check_none("# na~");
    check_none("a: 1 # na~");
    check_none("a: |\n  na~");
    check_none("a: >-\n  x\n  na~");
    check_none("a: \"na~");
    check_none("a: {b: \"na me~");
    check_none("{\"a\"~");
    check_none("a: some words~");
}

#[test]
fn the_word_reaches_behind_the_cursor() {
    let text = "  rep|licas: 1";
    let byte = text.find('|').unwrap();
    let text = text.replacen('|', "", 1);
    let found = place(&Rope::from_str(&text), byte).unwrap();
    assert_eq!(&text[found.typed], "replicas");
}

proptest::proptest! {
    #[test]
    fn every_place_of_every_text_is_looked_at_safely(
        text in "([a-c]{0,2}[-:{}\\[\\], \n#|\"']{0,3}){0,30}",
        at in 0usize..200,
    ) {
        let byte = text.len().min(at);
        if text.is_char_boundary(byte)
            && let Some(found) = place(&Rope::from_str(&text), byte)
        {
            assert!(found.typed.end <= text.len());
            assert!(found.before.end == byte && found.typed.start == found.before.start);
        }
    }
}
