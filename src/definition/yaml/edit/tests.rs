use proptest::prelude::*;
use serde_json::json;

use super::*;

fn path(path: &str) -> Vec<PathStep> {
    let steps = path.split('/').filter(|step| !step.is_empty());
    let step = |step: &str| match step.parse() {
        Ok(idx) => PathStep::Index(idx),
        Err(_) => PathStep::Key(step.to_owned()),
    };
    steps.map(step).collect()
}

fn edited(text: &str, at: &str, value: Option<Value>) -> Result<String, EditError> {
    let edits = [Edit {
        path: path(at),
        value,
    }];
    edit(text, 0, &edits)
}

fn check(text: &str, at: &str, value: Value, expected: &str) {
    assert_eq!(
        edited(text, at, Some(value)).as_deref(),
        Ok(expected),
        "{text}"
    );
}

fn check_removed(text: &str, at: &str, expected: &str) {
    assert_eq!(edited(text, at, None).as_deref(), Ok(expected), "{text}");
}

#[test]
fn a_scalar_is_replaced_in_its_own_style() {
    check(
        "a: nginx:1 # why\n",
        "a",
        json!("nginx:2"),
        "a: nginx:2 # why\n",
    );
    check(
        "a:  'x'   # why\nb: 1\n",
        "a",
        json!("it's"),
        "a:  'it''s'   # why\nb: 1\n",
    );
    check("a: \"x\"\n", "a", json!("y\n"), "a: \"y\\n\"\n");
    check("a: x\n", "a", json!("yes"), "a: \"yes\"\n");
    check("a: x\n", "a", json!("a: b"), "a: \"a: b\"\n");
    check("a: 'x'\n", "a", json!(3), "a: 3\n");
    check(
        "{a: x, b: [1, 2]}\n",
        "b/1",
        json!(3),
        "{a: x, b: [1, 3]}\n",
    );
    check("a: [x]\n", "a/0", json!("y, z"), "a: [\"y, z\"]\n");
    check(
        "a:   # nothing yet\nb: 1\n",
        "a",
        json!(2),
        "a: 2   # nothing yet\nb: 1\n",
    );
    check("a: ~\n", "a", json!("x"), "a: x\n");
    check("a: x", "a", json!("w"), "a: w");
    check(
        "- plain\n  over lines\n- b\n",
        "0",
        json!("short"),
        "- short\n- b\n",
    );
}

#[test]
fn a_block_of_text_stays_one() {
    let text = "a: |   # why\n    one\n    two\n\nb: 1\n";
    check(
        text,
        "a",
        json!("one\n\nthree\n"),
        "a: |   # why\n    one\n\n    three\nb: 1\n",
    );
    check(
        "a: |-\n  x\nb: 1\n",
        "a",
        json!("y\nz"),
        "a: |-\n  y\n  z\nb: 1\n",
    );
    // What such a block cannot say is put in quotes.
    check("a: |\n  x\nb: 1\n", "a", json!("w"), "a: w\nb: 1\n");
    check(
        "a: >\n  x\n  y\nb: 1\n",
        "a",
        json!("1\n"),
        "a: \"1\\n\"\nb: 1\n",
    );
    check("- |\n  x\n- b\n", "0", json!("w\n"), "- |\n  w\n- b\n");
}

#[test]
fn a_new_key_stands_behind_its_neighbours() {
    check("a: 1\n\n# end\n", "b", json!("x"), "a: 1\nb: x\n\n# end\n");
    check("a: 1", "b", json!(2), "a: 1\nb: 2");
    check(
        "a: 1\r\nc: 2\r\n",
        "b",
        json!(2),
        "a: 1\r\nc: 2\r\nb: 2\r\n",
    );
    check(
        "a:\n    x: 1 # one\n    # more\nb: 2\n",
        "a/w",
        json!(2),
        "a:\n    x: 1 # one\n    w: 2\n    # more\nb: 2\n",
    );
    check("a: {x: 1}\n", "a/w", json!("z"), "a: {x: 1, w: z}\n");
    check("a: {}\n", "a/w", json!(1), "a: {w: 1}\n");
    check("a:\nb: 1\n", "a/x/w", json!(1), "a: {x: {w: 1}}\nb: 1\n");
    check(
        "l:\n  - name: x\n    v: 1\n  - name: w\n",
        "l/0/w",
        json!(2),
        "l:\n  - name: x\n    v: 1\n    w: 2\n  - name: w\n",
    );
    check(
        "a: 1\n",
        "b/c",
        json!([{"d": "e"}]),
        "a: 1\nb: {c: [{d: e}]}\n",
    );
    check(
        "a: |\n  x\n\nc: 1\n",
        "b",
        json!(2),
        "a: |\n  x\n\nc: 1\nb: 2\n",
    );
    check(
        "a:\n  b: |+\n    x\n\nc: 1\n",
        "a/d",
        json!(2),
        "a:\n  b: |+\n    x\n\n  d: 2\nc: 1\n",
    );
    let long = json!({"limits": {"cpu": "500m", "memory": "200Mi"}, "requests": {"cpu": "100m", "memory": "100Mi", "x/w": "1"}});
    let expected = "a:\n    b: 1\nr:\n    limits: {cpu: 500m, memory: 200Mi}\n    requests: {cpu: 100m, memory: 100Mi, x/w: \"1\"}\n";
    check("a:\n    b: 1\n", "r", long, expected);
}

#[test]
fn a_new_item_is_written_as_its_neighbours_are() {
    check("a: [x]\n", "a/1", json!("w"), "a: [x, w]\n");
    check("a: [ ]\n", "a/0", json!("w"), "a: [w ]\n");
    check(
        "a:\n- x # one\n# end\n",
        "a/1",
        json!("w"),
        "a:\n- x # one\n- w\n# end\n",
    );
    let env = "env:\n  - {name: A, value: 1} # a\n  - {name: B}\nz: 1\n";
    let expected =
        "env:\n  - {name: A, value: 1} # a\n  - {name: B}\n  - {name: C, value: \"2\"}\nz: 1\n";
    check(env, "env/2", json!({"name": "C", "value": "2"}), expected);
    let env = "env:\n  -   name: A\n      value: x\nz: 1\n";
    let expected = "env:\n  -   name: A\n      value: x\n  -   name: C\n      value: w\nz: 1\n";
    check(env, "env/1", json!({"name": "C", "value": "w"}), expected);
}

#[test]
fn what_goes_takes_its_own_lines_along() {
    check_removed(
        "a: 1 # one\nb: 2\n# two\nc: 3\n",
        "b",
        "a: 1 # one\n# two\nc: 3\n",
    );
    check_removed("a: 1\nb:\n  c: 2\n  d:\n", "b/d", "a: 1\nb:\n  c: 2\n");
    check_removed("a: {x: 1, w: 2, z: 3}\n", "a/w", "a: {x: 1, z: 3}\n");
    check_removed("a: {x: 1, w: 2}\n", "a/w", "a: {x: 1}\n");
    check_removed("a: {x: 1}\n", "a/x", "a: {}\n");
    check_removed(
        "a:\n  - x\n  - w # why\n  - z\n",
        "a/1",
        "a:\n  - x\n  - z\n",
    );
    check_removed("a:\n  - name: x\n    v: 1\nb: 1\n", "a/0", "a: []\nb: 1\n");
    check_removed(
        "a:\n  - name: x\n    v: 1\nb: 1\n",
        "a/0/name",
        "a:\n  - v: 1\nb: 1\n",
    );
    check_removed("a: |\n  x\n  y\nb: 1\n", "a", "b: 1\n");
    check_removed("a: 1\nb: 2", "b", "a: 1\n");
}

#[test]
fn of_a_list_only_what_differs_is_touched() {
    let text = "args:\n  - -a # first\n  # then\n  - -b\n  - -c # last\n";
    check(
        text,
        "args",
        json!(["-a", "-x", "-c"]),
        "args:\n  - -a # first\n  # then\n  - \"-x\"\n  - -c # last\n",
    );
    check(
        text,
        "args",
        json!(["-a", "-c"]),
        "args:\n  - -a # first\n  # then\n  - -c # last\n",
    );
    let added = "args:\n  - -a # first\n  # then\n  - -b\n  - \"-n\"\n  - -c # last\n";
    check(text, "args", json!(["-a", "-b", "-n", "-c"]), added);
    check(
        "a: {x: 1, y: 2}\n",
        "a",
        json!({"x": 1, "z": 3}),
        "a: {x: 1, z: 3}\n",
    );
}

#[test]
fn what_stands_for_several_places_is_refused() {
    let entangled = |at: &str| Err(EditError::Entangled(at.to_owned()));
    let text = "a: &x {k: 1}\nb: *x\nc: &n nginx\nd: *n\n";
    assert_eq!(edited(text, "a/k", Some(json!(2))), entangled("a.k"));
    assert_eq!(edited(text, "b/k", Some(json!(2))), entangled("b.k"));
    assert_eq!(edited(text, "c", Some(json!("httpd"))), entangled("c"));
    // Of a merged map one key can be given another value where it is merged.
    check(
        "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n",
        "b/l",
        json!(3),
        "a: &x {k: 1}\nb:\n  <<: *x\n  l: 3\n",
    );
    assert_eq!(
        edited("a: 1\n", "a/b", Some(json!(1))),
        Err(EditError::Nowhere("a.b".to_owned()))
    );
    assert_eq!(
        edited("a: 1\n", "b", None),
        Err(EditError::Nowhere("b".to_owned()))
    );
    assert_eq!(
        edited("a: [1]\n", "a/2", Some(json!(1))),
        Err(EditError::Nowhere("a[2]".to_owned()))
    );
    assert!(matches!(
        edited("a: [\n", "a", None),
        Err(EditError::Read(_))
    ));
}

#[test]
fn other_documents_stay_as_they_are() {
    let text = "# one\na: 1\n---\n# nothing\n---\na: 2 # two\n";
    let edits = [Edit {
        path: path("a"),
        value: Some(json!(3)),
    }];
    let expected = "# one\na: 1\n---\n# nothing\n---\na: 3 # two\n";
    assert_eq!(edit(text, 1, &edits).as_deref(), Ok(expected));
}

/// A value as a person may have written it: in blocks or between brackets, with comments, each of them another.
#[derive(Debug, Clone)]
enum Written {
    Scalar(Value, Quotes),
    Map(Vec<(String, Written)>, bool),
    List(Vec<Written>, bool),
}

#[derive(Debug, Clone, Copy)]
enum Quotes {
    Plain,
    Single,
    Double,
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-z]{1,4}(:[0-9.]{1,3})?".prop_map(Value::from),
        prop::sample::select(vec![
            "yes",
            "012",
            "a: b",
            "#x",
            "it's",
            "",
            "-x",
            "two words",
            "ä\"ö",
            "null",
            "a\nb",
            "[x"
        ])
        .prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ]
}

fn quotes() -> impl Strategy<Value = Quotes> {
    prop::sample::select(vec![Quotes::Plain, Quotes::Single, Quotes::Double])
}

fn written() -> impl Strategy<Value = Written> {
    let leaf = (scalar(), quotes()).prop_map(|(value, quotes)| Written::Scalar(value, quotes));
    leaf.prop_recursive(3, 24, 4, |inner| {
        let entries = prop::collection::btree_map("[a-z]{1,3}", inner.clone(), 1..4);
        prop_oneof![
            (entries, any::<bool>())
                .prop_map(|(map, flow)| Written::Map(map.into_iter().collect(), flow)),
            (prop::collection::vec(inner, 1..4), any::<bool>())
                .prop_map(|(items, flow)| Written::List(items, flow)),
        ]
    })
}

fn document() -> impl Strategy<Value = Written> {
    prop::collection::btree_map("[a-z]{1,3}", written(), 1..4)
        .prop_map(|map| Written::Map(map.into_iter().collect(), false))
}

/// Writes lines, and counts the comments on the way.
struct Pen {
    n_comments: usize,
}

impl Pen {
    fn comment(&mut self) -> String {
        self.n_comments += 1;
        format!("# c{};", self.n_comments)
    }

    fn scalar(value: &Value, quotes: Quotes) -> String {
        let quotes = match quotes {
            Quotes::Plain => words::Quotes::Plain,
            Quotes::Single => words::Quotes::Single,
            Quotes::Double => words::Quotes::Double,
        };
        words::scalar(value, quotes)
    }

    fn flow(&mut self, written: &Written) -> String {
        match written {
            Written::Scalar(value, quotes) => Self::scalar(value, *quotes),
            Written::Map(map, _) => {
                let entries: Vec<String> = map
                    .iter()
                    .map(|(key, value)| words::entry(key, &self.flow(value)))
                    .collect();
                format!("{{ {} }}", entries.join(",  "))
            }
            Written::List(items, _) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    /// Returns the lines of a block, or one that begins with what comes between brackets.
    fn block(&mut self, written: &Written) -> Result<Vec<String>, String> {
        match written {
            Written::Map(map, false) => {
                let mut lines = Vec::new();
                for (key, value) in map {
                    lines.push(self.comment());
                    let lead = words::entry(key, "").trim_end().to_owned();
                    match self.block(value) {
                        Ok(below) => {
                            lines.push(format!("{lead} {}", self.comment()));
                            lines.extend(below.into_iter().map(|line| format!("  {line}")));
                        }
                        Err(inline) => lines.push(format!("{lead} {inline} {}", self.comment())),
                    }
                }
                Ok(lines)
            }
            Written::List(items, false) => {
                let mut lines = Vec::new();
                for item in items {
                    lines.push(self.comment());
                    match self.block(item) {
                        Ok(below) => {
                            // The first line with words stands behind the dash.
                            let mut is_first = true;
                            for line in below {
                                if is_first && line.starts_with('#') {
                                    continue;
                                }
                                let lead = if is_first { "- " } else { "  " };
                                is_first = false;
                                lines.push(format!("{lead}{line}"));
                            }
                        }
                        Err(inline) => lines.push(format!("- {inline} {}", self.comment())),
                    }
                }
                Ok(lines)
            }
            other => Err(self.flow(other)),
        }
    }
}

/// Returns the paths of all values.
fn paths(value: &Value, at: &[PathStep], out: &mut Vec<Vec<PathStep>>) {
    if !at.is_empty() {
        out.push(at.to_owned());
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                paths(value, &[at, &[PathStep::Key(key.clone())]].concat(), out);
            }
        }
        Value::Array(items) => {
            for (idx, value) in items.iter().enumerate() {
                paths(value, &[at, &[PathStep::Index(idx)]].concat(), out);
            }
        }
        _ => {}
    }
}

fn comments(text: &str) -> Vec<&str> {
    let pieces = text.match_indices("# c").map(|(at, _)| &text[at..]);
    pieces
        .map(|rest| &rest[..=rest.find(';').unwrap()])
        .collect()
}

/// Returns the lines of the old text that are not in the new one, in order.
fn lost(old: &str, new: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(old, new);
    let changes = diff.iter_all_changes();
    let lost = changes.filter(|change| change.tag() == similar::ChangeTag::Delete);
    lost.map(|change| change.value().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_value_is_changed_and_nothing_else(
        document in document(), value in scalar(), pick in any::<prop::sample::Index>(), what in 0..3,
    ) {
        let lines = Pen { n_comments: 0 }.block(&document).unwrap();
        let text = format!("{}\n", lines.join("\n"));
        let Ok(values) = documents(&text) else { return Ok(()) };
        let mut all = Vec::new();
        paths(&values[0], &[], &mut all);
        let mut path = pick.get(&all).clone();
        let mut wanted = values[0].clone();
        let value = match what {
            0 => Some(value),
            1 => {
                // A key or an item that is not there yet.
                let parent = &path[..path.len() - 1];
                let at = parent.iter().fold(&wanted, |at, step| match step {
                    PathStep::Key(key) => &at[key],
                    PathStep::Index(idx) => &at[idx],
                });
                let last = match at.as_array() {
                    Some(items) => PathStep::Index(items.len()),
                    None => PathStep::Key("newly".to_owned()),
                };
                path = [parent, &[last]].concat();
                Some(json!({"made": value, "of": ["x", 1]}))
            }
            _ if path.len() == 1 && values[0].as_object().unwrap().len() == 1 => return Ok(()),
            _ => None,
        };
        let deed = match (&value, what) {
            (Some(value), 0) => Deed::Replace(value.clone()),
            (Some(value), _) => Deed::Insert(value.clone()),
            (None, _) => Deed::Remove,
        };
        steps::carry_out(&mut wanted, &path, &deed).unwrap();
        let edit_of = Edit { path: path.clone(), value };
        let new = edit(&text, 0, &[edit_of]).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&documents(&new).unwrap()[0], &wanted, "{}", new);
        let (old_comments, new_comments) = (comments(&text), comments(&new));
        let lost = lost(&text, &new);
        if what == 1 {
            // What is only added changes at most the one line that it is added to.
            prop_assert_eq!(&old_comments, &new_comments);
            prop_assert!(lost.len() <= 1, "{:?}\n{}\n{}", lost, text, new);
        }
        // What stays is in its old order, and no comment is made up.
        let mut rest = old_comments.iter();
        prop_assert!(new_comments.iter().all(|comment| rest.any(|old| old == comment)));
    }

    #[test]
    fn a_scalar_is_changed_on_its_own_line_alone(document in document(), value in scalar(), pick in any::<prop::sample::Index>()) {
        let lines = Pen { n_comments: 0 }.block(&document).unwrap();
        let text = format!("{}\n", lines.join("\n"));
        let Ok(values) = documents(&text) else { return Ok(()) };
        let mut all = Vec::new();
        paths(&values[0], &[], &mut all);
        let is_scalar = |path: &&Vec<PathStep>| {
            let at = path.iter().fold(&values[0], |at, step| match step {
                PathStep::Key(key) => &at[key],
                PathStep::Index(idx) => &at[idx],
            });
            !at.is_object() && !at.is_array()
        };
        let all: Vec<_> = all.iter().filter(is_scalar).collect();
        let path = (*pick.get(&all)).clone();
        let edits = [Edit { path, value: Some(value) }];
        let new = edit(&text, 0, &edits).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(comments(&text), comments(&new));
        prop_assert_eq!(text.lines().count(), new.lines().count());
        prop_assert!(lost(&text, &new).len() <= 1, "{}\n{}", text, new);
    }

    #[test]
    fn no_text_breaks_it(text in "[a-c:{}\\[\\], \n\t'\"#&*|>~-]{0,60}", at in "[a-c](/[a-c0-2]){0,2}") {
        let _ = edited(&text, &at, Some(json!("x")));
        let _ = edited(&text, &at, None);
    }
}
