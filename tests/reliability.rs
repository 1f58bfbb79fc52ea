//! The table of what is survived names tests that are there.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of all functions in the sources.
fn functions() -> BTreeSet<String> {
    let (root, mut files) = (Path::new(env!("CARGO_MANIFEST_DIR")), Vec::new());
    for dir in ["src", "tests", "crates"] {
        sources(&root.join(dir), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let begun = text.split("fn ").skip(1);
        let ends = |c: char| !c.is_alphanumeric() && c != '_';
        names.extend(
            begun
                .filter_map(|rest| rest.split(ends).next())
                .map(str::to_owned),
        );
    }
    names
}

#[test]
fn every_test_that_the_table_names_is_there() {
    let table =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability.md")).unwrap();
    let functions = functions();
    let rows = table.lines().filter(|line| {
        line.starts_with("| ") && !line.starts_with("| Fault") && !line.starts_with("| Risk")
    });
    let mut n_rows = 0;
    for row in rows {
        let [_, fault, _, tests, _] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("three columns: {row}");
        };
        let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test for: {fault}");
        for test in tests {
            assert!(
                functions.contains(test),
                "{test} of \"{}\" is not there",
                fault.trim()
            );
        }
        n_rows += 1;
    }
    assert!(n_rows >= 28, "{n_rows} rows");
}
