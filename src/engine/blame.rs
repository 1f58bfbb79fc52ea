//! What a server refuses of an object, put down to the lines of the definition that made it. Pure.
//!
//! Webhooks and policies refuse in words alone: the fields that they name are looked for in the words, and where there are
//! none the line is the one that the whole object comes from.

use crate::definition::object::Object;
use crate::definition::places::{Place, place_of};
use crate::failure::{Cause, Failure, FailureKind};

/// How a server begins to refuse what its schema does not know: as text alone, without causes.
const NOT_IN_SCHEMA: &str = "failed to create typed patch object";
/// Words of a server that forbids what an object says, and not who sends it.
const DENIALS: [&str; 4] = ["denied", "violates", "exceeded quota", " usage per "];
/// What fields begin with that are named in words.
const TOPS: [&str; 4] = ["spec", "metadata", "data", "rules"];
const TEMPLATES: &str = "/spec/volumeClaimTemplates";

/// Returns the failure of writing an object with the place of each of its causes in the text that the object was made of.
pub(super) fn located(mut failure: Failure, text: &str, object: &Object) -> Failure {
    let is_about_object = match failure.kind {
        FailureKind::Invalid | FailureKind::Refused => true,
        FailureKind::Forbidden => DENIALS.iter().any(|words| failure.summary.contains(words)),
        _ => false,
    };
    if !is_about_object {
        return failure;
    }
    if failure.causes.is_empty() && failure.summary.contains(NOT_IN_SCHEMA) {
        failure.causes = causes_in(&failure.summary);
    }
    for cause in &mut failure.causes {
        cause.place = place_of(text, &object.json, &cause.field);
    }
    if failure.causes.iter().all(|cause| cause.place.is_none()) {
        let cause = in_words(&failure, text, object);
        failure.causes.extend(cause);
    }
    failure
}

/// Returns the place of a field in the text that an object was made of.
pub(super) fn place_of_field(text: &str, object: &Object, field: &str) -> Option<Place> {
    place_of(text, &object.json, field).or_else(|| place_of_object(text, object))
}

/// Returns the line that an object as a whole comes from.
fn place_of_object(text: &str, object: &Object) -> Option<Place> {
    let field = match object.key.kind.as_str() {
        "Deployment" | "StatefulSet" => "spec.template.spec.containers[0].name",
        "Service" => "spec.ports[0].port",
        "Ingress" => "spec.rules[0].host",
        "ConfigMap" | "Secret" => "data",
        "PersistentVolumeClaim" => "spec",
        _ => "",
    };
    let whole = place_of(text, &object.json, "");
    whole.or_else(|| place_of(text, &object.json, field))
}

/// Returns what a refusal says in its words alone, at the field that it names.
fn in_words(failure: &Failure, text: &str, object: &Object) -> Option<Cause> {
    let told = [failure.summary.as_str(), failure.detail.as_str()];
    let fields = told.iter().flat_map(|told| fields_in(told, object));
    let sizes = told.iter().filter_map(|told| size_in(told, object));
    let placed = fields.chain(sizes).find_map(|field| {
        let place = place_of(text, &object.json, &field)?;
        Some((field, place))
    });
    let (field, place) =
        placed.or_else(|| Some((String::new(), place_of_object(text, object)?)))?;
    Some(Cause {
        field,
        reason: String::new(),
        message: sentence(&failure.summary, object).to_owned(),
        place: Some(place),
    })
}

/// Returns a sentence without the words that say what was being done.
fn sentence<'f>(summary: &'f str, object: &Object) -> &'f str {
    let begun = format!("cannot apply {}: ", object.key);
    summary.strip_prefix(begun.as_str()).unwrap_or(summary)
}

/// Returns the fields that words name, as `spec.replicas` or as a JSON pointer; those of a pod as the workload's own.
fn fields_in(words: &str, object: &Object) -> Vec<String> {
    let is_end = |c: char| c.is_whitespace() || "'\"`(),;".contains(c);
    let words = words
        .split(is_end)
        .map(|word| word.trim_end_matches([':', '.', '/']));
    let fields = words.map(|word| match word.strip_prefix('/') {
        Some(pointer) => of_pointer(pointer),
        None => word.trim_start_matches('.').to_owned(),
    });
    let is_field = |field: &String| {
        let top = field.split(['.', '[']).next().unwrap_or_default();
        TOPS.contains(&top) && field.len() > top.len()
    };
    let of_pod = object.json.pointer("/spec/template/spec").is_some();
    let own = |field: String| {
        let in_pod = field.strip_prefix("spec.").filter(|rest| {
            let lists = ["containers", "initContainers", "volumes"];
            of_pod && lists.iter().any(|list| rest.starts_with(list))
        });
        match in_pod {
            Some(rest) => format!("spec.template.spec.{rest}"),
            None => field,
        }
    };
    fields.filter(is_field).map(own).collect()
}

/// Returns a JSON pointer without its first slash as the path of a field.
fn of_pointer(pointer: &str) -> String {
    let mut field = String::new();
    for step in pointer.split('/') {
        let step = step.replace("~1", "/").replace("~0", "~");
        match step.parse::<usize>() {
            Ok(idx) => field.push_str(&format!("[{idx}]")),
            Err(_) if field.is_empty() => field.push_str(&step),
            Err(_) => field.push_str(&format!(".{step}")),
        }
    }
    field
}

/// Returns the field of the size of the volume that words name: `volume data of …`, or one of its claims.
fn size_in(words: &str, object: &Object) -> Option<String> {
    const SIZE: &str = "spec.resources.requests.storage";
    let templates = object.json.pointer(TEMPLATES)?.as_array()?;
    let idx = templates.iter().position(|template| {
        let name = template["metadata"]["name"].as_str().unwrap_or_default();
        let claim = format!("/{name}-{}-", object.key.name);
        !name.is_empty() && (words.contains(&format!("volume {name} ")) || words.contains(&claim))
    })?;
    Some(format!("spec.volumeClaimTemplates[{idx}].{SIZE}"))
}

/// Returns what a sentence says of fields: `….spec.prts: field not declared in schema`.
fn causes_in(sentence: &str) -> Vec<Cause> {
    let is_field = |word: &str| word.starts_with('.') && word.len() > 2 && word.ends_with(':');
    let mut causes: Vec<Cause> = Vec::new();
    for word in sentence.split_whitespace() {
        match causes.last_mut() {
            _ if is_field(word) => causes.push(Cause {
                field: word.trim_end_matches(':').to_owned(),
                reason: String::new(),
                message: String::new(),
                place: None,
            }),
            Some(cause) => {
                let gap = if cause.message.is_empty() { "" } else { " " };
                cause.message.push_str(gap);
                cause.message.push_str(word);
            }
            None => {}
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str =
        "containers:\n- name: web\n  image: 'x y'\n  ports: [{name: http, port: 80}]\n";

    fn cause(field: &str) -> Cause {
        Cause {
            field: field.to_owned(),
            reason: "FieldValueInvalid".to_owned(),
            message: "no".to_owned(),
            place: None,
        }
    }

    fn deployment() -> Object {
        let container = json!({"name": "web", "image": "x y", "ports": [{"containerPort": 80}]});
        Object::from_json(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": [container]}}}}),
        )
        .unwrap()
    }

    fn places(failure: Failure) -> Vec<Option<(String, usize, usize)>> {
        let places = located(failure, TEXT, &deployment()).causes.into_iter();
        let shown = places.map(|cause| {
            let place = cause.place?;
            Some((place.path, place.span.start.line, place.span.start.column))
        });
        shown.collect()
    }

    #[test]
    fn every_cause_gets_its_own_line() {
        let failure = Failure {
            causes: vec![
                cause("spec.template.spec.containers[0].image"),
                cause("spec.template.spec.containers[0].ports[0].containerPort"),
                cause("spec.selector"),
                cause(""),
            ],
            ..Failure::new(FailureKind::Invalid, "Deployment.apps \"web\" is invalid")
        };
        let expected = [
            Some(("containers[0].image".to_owned(), 3, 10)),
            Some(("containers[0].ports[0].port".to_owned(), 4, 30)),
            None,
            None,
        ];
        assert_eq!(places(failure), expected);
    }

    #[test]
    fn what_the_schema_does_not_know_is_found_in_the_sentence() {
        let sentence = "cannot apply Deployment/web: failed to create typed patch object (team-a/web; apps/v1, Kind=Deployment): \
                        errors: .spec.prts: field not declared in schema \
                        .spec.template.spec.containers[name=\"web\"].imag: field not declared in schema";
        let failure = Failure::new(FailureKind::Invalid, sentence);
        let causes = located(failure.clone(), TEXT, &deployment()).causes;
        let told: Vec<_> = causes
            .iter()
            .map(|cause| (cause.field.as_str(), cause.message.as_str()))
            .collect();
        let message = "field not declared in schema";
        assert_eq!(
            told,
            [
                (".spec.prts", message),
                (".spec.template.spec.containers[name=\"web\"].imag", message)
            ]
        );
        assert_eq!(places(failure)[1], Some(("containers[0]".to_owned(), 2, 3)));
    }

    #[test]
    fn what_webhooks_say_in_words_is_put_down_to_the_field_that_they_name() {
        let check = |kind, words: &str, expected: Option<(&str, usize)>| {
            let summary = format!("cannot apply {}: {words}", deployment().key);
            let found = located(Failure::new(kind, summary), TEXT, &deployment());
            let found: Vec<_> = found
                .causes
                .iter()
                .map(|cause| {
                    let place = cause.place.as_ref().unwrap();
                    (
                        place.path.as_str(),
                        place.span.start.line,
                        cause.message.as_str(),
                    )
                })
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(path, line)| (*path, *line, words))
                .collect();
            assert_eq!(found, expected, "{words}");
        };
        let (invalid, forbidden) = (FailureKind::Invalid, FailureKind::Forbidden);
        let image = Some(("containers[0].image", 3));
        check(
            invalid,
            "admission webhook \"v.svc\" denied the request: rule tag failed at path /spec/template/spec/containers/0/image/",
            image,
        );
        check(
            forbidden,
            "admission webhook \"v.svc\" denied the request: spec.containers[0].image: no such registry",
            image,
        );
        // Nothing is named: it is about the whole.
        check(
            forbidden,
            "admission webhook \"v.svc\" denied the request: not on Fridays",
            Some(("containers[0].name", 2)),
        );
        check(forbidden, "User \"ann\" cannot patch resource", None);
    }

    #[test]
    fn size_that_is_refused_is_marked_at_its_volume() {
        let text = "containers:\n- {name: db, image: db}\nvolumes:\n- {name: a, size: 1Gi}\n- {name: data, size: 1Gi}\n";
        let template = |name: &str| json!({"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}});
        let set = Object::from_json(
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {"volumeClaimTemplates": [template("a"), template("data")]}}),
        )
        .unwrap();
        for words in [
            "claims never shrink: volume data of StatefulSet/db has 2Gi, and 1Gi is asked for",
            "StatefulSet/db cannot be changed in place: PersistentVolumeClaim/data-db-0 cannot grow to 3Gi",
        ] {
            let failure = Failure::new(FailureKind::Refused, words);
            let found = located(failure, text, &set);
            let place = found.causes[0].place.as_ref().unwrap();
            let found = (place.path.as_str(), place.span.start.line);
            assert_eq!(found, ("volumes[1].size", 5), "{words}");
        }
    }

    #[test]
    fn other_failures_stay_as_they_are() {
        let failure = Failure::new(FailureKind::Conflict, NOT_IN_SCHEMA);
        assert_eq!(located(failure.clone(), TEXT, &deployment()), failure);
    }
}
