//! What others changed in the objects of an instance, as `status`, `diff` and `pull` show it.

use jiff::Timestamp;
use serde_json::Value;

use super::session::Session;
use crate::cluster::Cluster;
use crate::engine::drift;
use crate::engine::remedy::Remedies;
use crate::engine::rollback::Surroundings;
use crate::failure::Failure;
use crate::service::age;
use crate::service::drift::{Changes, FieldChange, ObjectChange, Presence, short_value};
use crate::service::summary::InstanceKey;

/// What stands over the rows.
pub(super) const HEADINGS: [&str; 6] = ["OBJECT", "FIELD", "APPLIED", "LIVE", "BY", "SINCE"];

/// Reads what others changed; none where there is no instance, or nothing that says what was applied.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn read(
    cluster: &Cluster,
    session: &Session,
    instance: &InstanceKey,
) -> Result<Option<Changes>, Failure> {
    match drift::changes(cluster, instance, &surroundings(session)).await {
        Ok(changes) => Ok(Some(changes)),
        Err(failure) if failure.is_unanswered() => Err(failure),
        // The rest of what is shown says already that there is none, or that it may not be read.
        Err(_) => Ok(None),
    }
}

/// Reads the same of an instance that nobody works on, with the revision that it was compared with; none where somebody does.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn read_at_rest(
    cluster: &Cluster,
    session: &Session,
    instance: &InstanceKey,
) -> Result<Option<(Option<u32>, Changes)>, Failure> {
    match drift::changes_at_rest(cluster, instance, &surroundings(session)).await {
        Ok(found) => Ok(found),
        Err(failure) if failure.is_unanswered() => Err(failure),
        Err(_) => Ok(None),
    }
}

/// Returns the settings under which what was applied is rendered again.
pub(super) fn surroundings(session: &Session) -> Surroundings {
    Surroundings {
        ingress_host: session.settings.ingress.host.clone(),
        gpus: session.settings.gpus.clone(),
        yields: false,
        remedies: Remedies::default(),
        message: None,
        holder: session.holder(),
    }
}

/// Returns a row for each field.
pub(super) fn rows(objects: &[ObjectChange], now: Timestamp) -> Vec<Vec<String>> {
    objects
        .iter()
        .flat_map(|object| of_object(object, now))
        .collect()
}

fn of_object(object: &ObjectChange, now: Timestamp) -> Vec<Vec<String>> {
    let name = object.key.to_string();
    let whole = match object.presence {
        Presence::There => None,
        Presence::Missing => Some("deleted"),
        Presence::Terminating => Some("is being deleted"),
    };
    let whole = whole.map(|what| {
        let mut row = vec![String::new(); HEADINGS.len()];
        row[0].clone_from(&name);
        row[3] = what.to_owned();
        row
    });
    let fields = object
        .fields
        .iter()
        .map(|field| of_field(&name, field, now));
    whole.into_iter().chain(fields).collect()
}

fn of_field(object: &str, field: &FieldChange, now: Timestamp) -> Vec<String> {
    let (managers, at) = field.setters();
    vec![
        object.to_owned(),
        field.path.to_string(),
        value(field.wanted.as_ref()),
        value(field.live.as_ref()),
        managers,
        at.map(|at| age::show(age::since(at, now)))
            .unwrap_or_default(),
    ]
}

/// Writes a value on one short line, nothing for none.
pub(super) fn value(value: Option<&Value>) -> String {
    value.map(short_value).unwrap_or_default()
}
