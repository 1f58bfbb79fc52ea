//! What is built into bowline, held against `deny.toml`: licences, sources, crates that come twice, the lock file.
//!
//! The same lists as `cargo deny check` reads, without that tool. A network is needed only for crates of other platforms, as
//! long as nobody fetched them. Advisories need one: `.ci/run` asks for them where the tool is there.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The crates of the present tree, as cargo resolves the lock file.
fn packages() -> Vec<Value> {
    let metadata = Command::new(env!("CARGO"))
        // NB: not offline, for a build fetches what its own platform needs, and this names the crates of all.
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&metadata.stderr);
    assert!(
        metadata.status.success(),
        "the lock file does not fit: {errors}"
    );
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn rules() -> toml::Table {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    std::fs::read_to_string(file).unwrap().parse().unwrap()
}

fn strings(list: &toml::Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

/// Tells whether an SPDX expression can be satisfied by these licences; crates write an old form of OR too.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // No crate nests an OR within an AND within an OR: every part of an AND must hold by one of its alternatives.
    let holds = |part: &str| {
        part.split(" OR ")
            .any(|licence| allowed.contains(licence.trim()))
    };
    expression.split(" AND ").all(holds)
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let rules = rules();
    let licences = rules["licenses"].as_table().unwrap();
    let allowed = strings(&licences["allow"]);
    let exceptions: BTreeMap<String, BTreeSet<String>> = licences["exceptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|exception| {
            (
                exception["crate"].as_str().unwrap().to_owned(),
                strings(&exception["allow"]),
            )
        })
        .collect();
    let packages = packages();
    let mut met = BTreeSet::new();
    for package in &packages {
        let licence = package["license"].as_str().unwrap_or("none");
        let mut allowed = allowed.clone();
        if !is_allowed(licence, &allowed)
            && let Some(exception) = exceptions.get(name(package))
        {
            met.insert(name(package).to_owned());
            allowed.extend(exception.iter().cloned());
        }
        assert!(
            is_allowed(licence, &allowed),
            "{}: {licence}",
            name(package)
        );
    }
    let named: BTreeSet<String> = exceptions.into_keys().collect();
    assert_eq!(met, named, "exceptions that nobody needs any more");
}

#[test]
fn a_licence_that_is_not_allowed_is_noticed() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("none", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_crate_comes_from_the_registry_or_from_here() {
    let packages = packages();
    let sources: BTreeSet<&str> = packages
        .iter()
        .filter_map(|package| package["source"].as_str())
        .collect();
    assert!(sources.len() == 1, "more than one registry: {sources:?}");
    assert!(
        sources.iter().all(|source| source.starts_with("registry+")),
        "{sources:?}"
    );
    for package in packages
        .iter()
        .filter(|package| package["source"].is_null())
    {
        let manifest = package["manifest_path"].as_str().unwrap();
        assert!(
            manifest.starts_with(env!("CARGO_MANIFEST_DIR")),
            "{manifest}"
        );
        for dependency in package["dependencies"].as_array().unwrap() {
            let is_open = dependency["req"] == "*" && dependency["path"].is_null();
            assert!(
                !is_open,
                "{} takes any version of {}",
                name(package),
                dependency["name"]
            );
        }
    }
}

/// What counts as compatible: the first number that is not zero.
fn major(version: &str) -> String {
    let mut numbers = version.split('.');
    let (first, second) = (numbers.next().unwrap(), numbers.next().unwrap());
    match first {
        "0" => format!("0.{second}"),
        first => first.to_owned(),
    }
}

#[test]
fn no_crate_comes_twice_but_those_that_are_named() {
    let mut majors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let major = major(package["version"].as_str().unwrap());
        majors
            .entry(name(&package).to_owned())
            .or_default()
            .insert(major);
    }
    let rules = rules();
    let mut skipped: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for skip in rules["bans"]["skip"].as_array().unwrap() {
        let (name, major) = skip["crate"].as_str().unwrap().split_once('@').unwrap();
        skipped
            .entry(name.to_owned())
            .or_default()
            .insert(major.to_owned());
    }
    for (name, majors) in &majors {
        let none = BTreeSet::new();
        let left: Vec<_> = majors
            .difference(skipped.get(name).unwrap_or(&none))
            .collect();
        assert!(
            left.len() <= 1,
            "{name} comes as {left:?}: agree on one, or name the older ones in deny.toml"
        );
    }
    for (name, skipped) in &skipped {
        let known = majors
            .get(name)
            .is_some_and(|majors| majors.is_superset(skipped));
        assert!(
            known,
            "{name} does not come twice any more: take it out of deny.toml"
        );
    }
}

#[test]
fn the_checks_build_what_the_lock_file_says() {
    let checks = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/run")).unwrap();
    for command in ["cargo clippy", "cargo test"] {
        let lines: Vec<_> = checks
            .lines()
            .filter(|line| line.starts_with(command) && !line.contains("--version"))
            .collect();
        assert!(!lines.is_empty(), "{command}");
        assert!(
            lines.iter().all(|line| line.contains("--locked")),
            "{lines:?}"
        );
    }
}
