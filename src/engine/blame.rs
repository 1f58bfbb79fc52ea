//! What a server refuses of an object, put down to the lines of the definition that made it. Pure.

use crate::definition::object::Object;
use crate::definition::places::place_of;
use crate::failure::{Cause, Failure, FailureKind};

/// How a server begins to refuse what its schema does not know: as text alone, without causes.
const NOT_IN_SCHEMA: &str = "failed to create typed patch object";

/// Returns the failure of writing an object with the place of each of its causes in the text that the object was made of.
pub(super) fn located(mut failure: Failure, text: &str, object: &Object) -> Failure {
    if failure.kind != FailureKind::Invalid {
        return failure;
    }
    if failure.causes.is_empty() && failure.summary.contains(NOT_IN_SCHEMA) {
        failure.causes = causes_in(&failure.summary);
    }
    for cause in &mut failure.causes {
        cause.place = place_of(text, &object.json, &cause.field);
    }
    failure
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
    fn other_failures_stay_as_they_are() {
        let failure = Failure::new(FailureKind::Conflict, NOT_IN_SCHEMA);
        assert_eq!(located(failure.clone(), TEXT, &deployment()), failure);
    }
}
