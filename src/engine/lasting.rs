//! What claims that are there keep although their template says otherwise: a claim never becomes smaller, never changes its
//! class or its access modes, and grows only where its class lets it. Pure.
//!
//! A `StatefulSet` that is made anew takes the claims that are there as they are, silently; so they are compared here, for the
//! plan that brings it about and for the difference that stays.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use super::frozen::Resize;
use crate::definition::object::{Object, ObjectKey};
use crate::service::drift::{FieldChange, FieldPath, Step};
use crate::service::quantity;

const STORAGE: [&str; 4] = ["spec", "resources", "requests", "storage"];
const CAPACITY: [&str; 3] = ["status", "capacity", "storage"];
const CLASS: [&str; 2] = ["spec", "storageClassName"];
const MODES: [&str; 2] = ["spec", "accessModes"];

/// What a claim is otherwise than its template says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lasting {
    pub claim: ObjectKey,
    /// Name of the template.
    pub template: String,
    pub what: What,
    pub has: Value,
    pub wanted: Value,
    /// Whether it was never bound to a volume, so that nothing can be in it.
    pub is_empty: bool,
}

/// In what a claim differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// It is smaller.
    Size,
    /// It is of another class.
    Class,
    /// It can be mounted in other ways.
    Modes,
}

impl Lasting {
    /// Returns it as a field that is not as it was applied. Nobody set it: it was never changed.
    pub fn change(&self) -> FieldChange {
        let path: &[&str] = match self.what {
            What::Size => &STORAGE,
            What::Class => &CLASS,
            What::Modes => &MODES,
        };
        let steps = path.iter().map(|name| Step::Field((*name).to_owned()));
        FieldChange {
            path: FieldPath(steps.collect()),
            wanted: Some(self.wanted.clone()),
            live: Some(self.has.clone()),
            managers: Vec::new(),
        }
    }
}

/// Returns the name of the template of a set that a claim was made from.
pub(super) fn template_of<'s>(claim: &ObjectKey, set: &'s Object) -> Option<&'s str> {
    if claim.namespace != set.key.namespace {
        return None;
    }
    templates(set).filter_map(name_of).find(|template| {
        let stem = format!("{template}-{}-", set.key.name);
        let ordinal = claim.name.strip_prefix(&stem);
        ordinal.is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Tells whether all claims of a template of a set have at most a size: what can be made smaller is its template alone. Where
/// none of them is known nobody can say so.
pub(super) fn are_within(set: &Object, claims: &[Object], resize: &Resize) -> bool {
    let is_its = |claim: &&Object| template_of(&claim.key, set) == resize.template.as_deref();
    let is_within = |claim: &Object| {
        let has = [STORAGE.as_slice(), &CAPACITY].map(|place| at(&claim.json, place));
        has.into_iter().flatten().all(|size| {
            let order = quantity::compare(size, &resize.to);
            order.is_some_and(Ordering::is_le)
        })
    };
    let mut its = claims.iter().filter(is_its).peekable();
    resize.template.is_some() && its.peek().is_some() && its.all(is_within)
}

fn at<'v>(value: &'v Value, place: &[&str]) -> Option<&'v str> {
    let found = (place.iter()).try_fold(value, |value, key| value.get(key));
    found.and_then(Value::as_str)
}

/// Returns what claims of a set's templates keep.
pub(super) fn lasting(set: &Object, claims: &[Object]) -> Vec<Lasting> {
    let all = claims.iter().filter_map(|claim| {
        let name = template_of(&claim.key, set)?;
        let template = templates(set).find(|it| name_of(it) == Some(name))?;
        Some(differences(claim, name, &template["spec"]))
    });
    all.flatten().collect()
}

/// Returns the growths that would bring claims to the sizes of their templates.
pub(super) fn growths(lasting: &[Lasting]) -> Vec<Resize> {
    let mut growths: Vec<Resize> = Vec::new();
    for small in lasting.iter().filter(|it| it.what == What::Size) {
        let is_known = |it: &Resize| it.template.as_deref() == Some(&small.template);
        if !growths.iter().any(is_known) {
            growths.push(Resize {
                template: Some(small.template.clone()),
                from: text(&small.has).to_owned(),
                to: text(&small.wanted).to_owned(),
            });
        }
    }
    growths
}

/// Says what stays, one sentence for each template and field: `sizes` says what can be done about a size.
pub(super) fn sentences(lasting: &[Lasting], sizes: impl Fn(&Lasting) -> String) -> Vec<String> {
    let kinds: BTreeSet<(&str, What)> = lasting
        .iter()
        .map(|it| (it.template.as_str(), it.what))
        .collect();
    let sentence = |(template, what): (&str, What)| {
        let same: Vec<&Lasting> = lasting
            .iter()
            .filter(|it| it.template == template && it.what == what)
            .collect();
        let first = *same.first()?;
        let names: Vec<&str> = same.iter().map(|it| it.claim.name.as_str()).collect();
        let (claims, stay, are) = match names.as_slice() {
            [_] => ("claim", "stays", "it was"),
            _ => ("claims", "stay", "they were"),
        };
        let (has, wanted) = (shown(&first.has), shown(&first.wanted));
        let are_empty = same.iter().all(|it| it.is_empty);
        let other_name = |what| other_name(are, what, are_empty);
        let (keeps, instead) = match what {
            What::Size => (format!("at {has}"), sizes(first)),
            What::Class => (format!("of class {has}"), other_name("class")),
            What::Modes => (has, other_name("access modes")),
        };
        let names = names.join(", ");
        Some(format!(
            "{claims} {names} {stay} {keeps}, though the definition says {wanted}: {instead}"
        ))
    };
    kinds.into_iter().filter_map(sentence).collect()
}

fn other_name(are: &str, what: &str, are_empty: bool) -> String {
    let way = match are_empty {
        true => {
            "no volume was ever bound, so that nothing is lost by a teardown with --volumes delete, and a deploy makes what is wanted"
        }
        false => {
            "under another name the volume gets a new, empty claim, and these are kept with their data"
        }
    };
    format!("{are} made so, and the {what} of a claim can never be changed; {way}")
}

fn differences(claim: &Object, template: &str, wanted: &Value) -> Vec<Lasting> {
    let live = &claim.json["spec"];
    let differs = |what, has: &Value, wanted: &Value| Lasting {
        claim: claim.key.clone(),
        template: template.to_owned(),
        what,
        has: has.clone(),
        wanted: wanted.clone(),
        is_empty: text(&live["volumeName"]).is_empty(),
    };
    let mut found = Vec::new();
    let size = |spec: &Value| spec["resources"]["requests"]["storage"].clone();
    let (has, asked) = (size(live), size(wanted));
    if quantity::compare(text(&has), text(&asked)) == Some(Ordering::Less) {
        found.push(differs(What::Size, &has, &asked));
    }
    // Without a class the cluster's default one was meant, whichever that was.
    let (has, asked) = (&live["storageClassName"], &wanted["storageClassName"]);
    if asked.is_string() && has != asked {
        found.push(differs(What::Class, has, asked));
    }
    let (has, asked) = (&live["accessModes"], &wanted["accessModes"]);
    if asked.is_array() && modes(has) != modes(asked) {
        found.push(differs(What::Modes, has, asked));
    }
    found
}

fn modes(list: &Value) -> BTreeSet<&str> {
    let modes = list.as_array().into_iter().flatten();
    modes.filter_map(Value::as_str).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        Value::Array(_) => modes(value).into_iter().collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn templates(set: &Object) -> impl Iterator<Item = &Value> {
    let templates = set.json.pointer("/spec/volumeClaimTemplates");
    templates.and_then(Value::as_array).into_iter().flatten()
}

fn name_of(template: &Value) -> Option<&str> {
    template["metadata"]["name"].as_str()
}

/// Tells whether a set makes claims.
pub(super) fn has_templates(set: &Object) -> bool {
    set.key.kind == "StatefulSet" && templates(set).next().is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(spec: Value) -> Object {
        Object::from_json(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": "team-a"},
            "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": spec}]},
        }))
        .unwrap()
    }

    fn claim(name: &str, spec: Value) -> Object {
        Object::from_json(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "team-a"}, "spec": spec,
        }))
        .unwrap()
    }

    fn spec(size: &str, class: Option<&str>, mode: &str) -> Value {
        json!({"resources": {"requests": {"storage": size}}, "storageClassName": class, "accessModes": [mode]})
    }

    fn check(wanted: Value, live: Value, expected: &[(What, &str, &str)]) {
        let found = lasting(&set(wanted), &[claim("data-db-0", live)]);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.what, shown(&it.has), shown(&it.wanted)))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(what, has, wanted)| (*what, (*has).to_owned(), (*wanted).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_a_claim_keeps_is_found() {
        let small = || spec("1Gi", Some("slow"), "ReadWriteOnce");
        check(small(), small(), &[]);
        check(spec("1024Mi", None, "ReadWriteOnce"), small(), &[]);
        // It is larger already: it was grown, and a smaller size is refused elsewhere.
        check(spec("500Mi", None, "ReadWriteOnce"), small(), &[]);
        check(
            spec("2Gi", Some("fast"), "ReadWriteMany"),
            small(),
            &[
                (What::Size, "1Gi", "2Gi"),
                (What::Class, "slow", "fast"),
                (What::Modes, "ReadWriteOnce", "ReadWriteMany"),
            ],
        );
    }

    #[test]
    fn only_claims_of_the_template_are_compared() {
        let set = set(spec("2Gi", None, "ReadWriteOnce"));
        let small = |name: &str| claim(name, spec("1Gi", None, "ReadWriteOnce"));
        let names = [
            "data-db-0",
            "data-db-x",
            "data-db-",
            "log-db-0",
            "data-other-0",
            "data-db-12",
        ];
        let found = lasting(&set, &names.map(small));
        let found: Vec<&str> = found.iter().map(|it| it.claim.name.as_str()).collect();
        assert_eq!(found, ["data-db-0", "data-db-12"]);
    }

    #[test]
    fn what_stays_is_said_once_for_each_template() {
        let set = set(spec("2Gi", None, "ReadWriteOnce"));
        let small = |name: &str| claim(name, spec("1Gi", None, "ReadWriteOnce"));
        let found = lasting(&set, &["data-db-0", "data-db-1"].map(small));
        assert_eq!(
            sentences(&found, |_| "what can be done".to_owned()),
            [
                "claims data-db-0, data-db-1 stay at 1Gi, though the definition says 2Gi: what can be done"
            ]
        );
        let [growth] = growths(&found).try_into().unwrap();
        assert_eq!((growth.from.as_str(), growth.to.as_str()), ("1Gi", "2Gi"));
    }

    #[test]
    fn what_no_volume_was_bound_to_is_not_said_to_hold_data() {
        let set = set(spec("1Gi", Some("fast"), "ReadWriteOnce"));
        let check = |volume: Option<&str>, expected: &str| {
            let mut live = spec("1Gi", Some("slow"), "ReadWriteOnce");
            live["volumeName"] = json!(volume);
            let found = lasting(&set, &[claim("data-db-0", live)]);
            let told = sentences(&found, |_| String::new());
            assert!(told[0].contains(expected), "{told:?}");
        };
        check(Some("pv-1"), "these are kept with their data");
        check(None, "nothing is lost by a teardown with --volumes delete");
    }

    #[test]
    fn a_difference_names_its_field() {
        let found = lasting(
            &set(spec("2Gi", None, "ReadWriteOnce")),
            &[claim("data-db-0", spec("1Gi", None, "ReadWriteOnce"))],
        );
        let change = found[0].change();
        assert_eq!(change.path.to_string(), ".spec.resources.requests.storage");
        assert_eq!(
            (change.wanted, change.live),
            (Some(json!("2Gi")), Some(json!("1Gi")))
        );
    }
}
