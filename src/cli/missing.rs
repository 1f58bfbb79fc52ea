//! What is said where no instance bears an ID: one sentence for every command, with what there is instead.

use std::time::Duration;

use super::args::Source;
use super::session::Session;
use super::{operate, output, refusal};
use crate::catalogue::CatalogueError;
use crate::cluster::Cluster;
use crate::definition::check::nearest;
use crate::definition::id::InstanceId;
use crate::engine::pull::definition_of;
use crate::engine::selection;
use crate::engine::sets::ForeignSets;
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::detail::Detail;
use crate::service::summary::InstanceKey;
use crate::text;

/// How long a cluster may take to say what a name that no definition bears is the ID of.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// Says that there is no such instance, as a fault, and returns that: which one may be meant, what an earlier one left, how it
/// is deployed.
pub(super) async fn say(
    session: &Session,
    cluster: &Cluster,
    sets: &mut ForeignSets<'_>,
    key: &InstanceKey,
    found: Option<&Detail>,
) -> Failure {
    let meant = match alike(key, selection::all(cluster, &key.namespace)).await {
        Some(meant) => format!("; did you mean {meant}?"),
        None => String::new(),
    };
    let failure = key.not_there();
    let summary = format!("{}{meant}", failure.summary);
    let failure = Failure { summary, ..failure };
    output::say(text::clean(&format!("error: {failure}")));
    refusal::note(&failure);
    let claims: Vec<_> = found
        .map(Detail::claims)
        .unwrap_or_default()
        .iter()
        .map(|claim| claim.name.as_str())
        .collect();
    if !claims.is_empty() {
        let sentence = format!("  claims of an earlier one are kept: {}", claims.join(", "));
        output::say(text::clean(&sentence));
    }
    if let Some(refusal) = sets.refusal(key).await {
        output::say(text::clean(&format!("  {refusal}")));
    }
    if is_saved(session, key) {
        let place = InstanceKey {
            // One that it names itself may not be another.
            namespace: session
                .own_namespace(&key.id)
                .unwrap_or(key.namespace.clone()),
            id: key.id.clone(),
        };
        let way = advice::command("deploy", &place);
        output::say(format!("  it is saved: {way} deploys it"));
    }
    failure
}

/// Says of several that they are not there: as faults, which are returned in the same order, unless that is wanted.
pub(super) async fn say_all(
    session: &Session,
    cluster: &Cluster,
    sets: &mut ForeignSets<'_>,
    absent: &[InstanceKey],
    is_wanted: bool,
) -> Vec<Failure> {
    let mut faults = Vec::new();
    for key in absent {
        match is_wanted {
            true => output::say(key.not_there().to_string()),
            false => faults.push(say(session, cluster, sets, key, None).await),
        }
    }
    faults
}

/// Adds to the fault that something of an instance is not there the instance that may be meant.
///
/// # Errors
/// The result's own.
pub(super) async fn explained<T>(
    cluster: &Cluster,
    key: &InstanceKey,
    result: Result<T, impl Into<anyhow::Error>>,
) -> anyhow::Result<T> {
    let known = selection::all(cluster, &key.namespace);
    explained_by(key, result, known).await
}

/// As [`explained`], where only those may be meant on which an operation is noted.
///
/// # Errors
/// The result's own.
pub(super) async fn explained_of_work<T>(
    cluster: &Cluster,
    key: &InstanceKey,
    result: Result<T, impl Into<anyhow::Error>>,
) -> anyhow::Result<T> {
    let known = selection::under_way(cluster, &key.namespace);
    explained_by(key, result, known).await
}

async fn explained_by<T>(
    key: &InstanceKey,
    result: Result<T, impl Into<anyhow::Error>>,
    known: impl Future<Output = Result<Vec<InstanceKey>, Failure>>,
) -> anyhow::Result<T> {
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error.into(),
    };
    let failure = match error.downcast::<Failure>()? {
        failure if failure.kind == FailureKind::NotFound => failure,
        failure => return Err(failure.into()),
    };
    let summary = match alike(key, known).await {
        Some(meant) => format!("{}; did you mean {meant}?", failure.summary),
        None => failure.summary,
    };
    Err(Failure { summary, ..failure }.into())
}

/// Returns the one of those that are known whose ID is nearest; none where that one is there, or nobody can say.
async fn alike(
    key: &InstanceKey,
    known: impl Future<Output = Result<Vec<InstanceKey>, Failure>>,
) -> Option<String> {
    let all = known.await.ok()?;
    let ids = all.iter().map(|known| known.id.as_str());
    let near = nearest(key.id.as_str(), ids)?;
    (near != key.id.as_str()).then(|| near.to_owned())
}

/// Says that there is no such instance where that is why something of it was not found, and tells whether it is.
///
/// # Errors
/// The cluster cannot be reached, or does not let anybody look.
pub(super) async fn explains(
    session: &Session,
    cluster: &Cluster,
    key: &InstanceKey,
    failure: &Failure,
) -> Result<bool, Failure> {
    if failure.kind != FailureKind::NotFound {
        return Ok(false);
    }
    let found = cluster.snapshot_instance(key).await?;
    let is_missing = found.as_ref().is_none_or(Detail::is_gone);
    if is_missing {
        let mut sets = ForeignSets::of(cluster);
        say(session, cluster, &mut sets, key, found.as_ref()).await;
    }
    Ok(is_missing)
}

/// Says of a definition that is not in the catalogue that its name is the ID of an instance of another one, and how that one is
/// named; `command` is what was called. Returns the fault of anything else as it is, and that where the cluster is slow to say:
/// a name that was mistyped waits for nobody, and nobody is asked to log in for it.
pub(super) fn of_definition(
    error: anyhow::Error,
    command: &str,
    source: &Source,
    session: &Session,
) -> anyhow::Error {
    let Some(id) = lacking(&error, source) else {
        return error;
    };
    let target = session.target.clone().without_questions();
    let look = async {
        let cluster = target.connect().await?;
        let instance = session.instance(&cluster, id);
        let name = definition_of(&cluster, &instance).await?;
        Ok::<_, Failure>((name, instance))
    };
    let found = operate::block_on(async { Ok(tokio::time::timeout(LOOK_WITHIN, look).await?) });
    match found {
        Ok(Ok((name, instance))) if name != *id => {
            let way = advice::command_of(command, &name, &instance);
            not_found(format!("{error:#}: {id} is an instance of {name}: {way}"))
        }
        _ => told(&error, session, id),
    }
}

/// As [`of_definition`] where no cluster is asked: the way is named whatever there is.
pub(super) fn of_definition_here(
    error: anyhow::Error,
    command: &str,
    source: &Source,
    session: &Session,
) -> anyhow::Error {
    match lacking(&error, source) {
        Some(id) => {
            let told = told(&error, session, id);
            not_found(format!(
                "{told}; if {id} is an instance of another definition: `bowline {command} DEFINITION --id {id}`"
            ))
        }
        None => error,
    }
}

/// As [`of_definition_here`], where only names of definitions are taken.
pub(super) fn of_name(error: anyhow::Error, name: &InstanceId, session: &Session) -> anyhow::Error {
    match is_no_definition(&error) {
        true => {
            let told = told(&error, session, name);
            not_found(format!(
                "{told}; if {name} is an instance of another definition: `bowline status {name}` tells of which"
            ))
        }
        false => error,
    }
}

/// Adds to the fault of a definition that is not there the one whose name is nearest.
pub(super) fn told(error: &anyhow::Error, session: &Session, name: &InstanceId) -> anyhow::Error {
    let listing = session.catalogue.list().unwrap_or_default();
    let names = listing.entries.iter().map(|entry| entry.name.as_str());
    let meant = match nearest(name.as_str(), names) {
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    };
    not_found(format!("{error:#}{meant}"))
}

fn not_found(summary: String) -> anyhow::Error {
    Failure::new(FailureKind::NotFound, summary).into()
}

/// Returns the name that was given, where no definition bears it.
fn lacking<'a>(error: &anyhow::Error, source: &'a Source) -> Option<&'a InstanceId> {
    let name = source.name.as_ref().filter(|_| source.filename.is_none());
    name.filter(|_| source.id.is_none() && is_no_definition(error))
}

fn is_no_definition(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<CatalogueError>(),
        Some(CatalogueError::NotFound { .. })
    )
}

/// Tells whether an ID of which nothing is there is no mistake: this machine saved a definition of that name, or took such an
/// instance down before.
pub(super) fn is_known(session: &Session, cluster: &Cluster, key: &InstanceKey) -> bool {
    let server = &cluster.identity().server;
    let was_taken_down = || {
        let trash = session.trash().list();
        let mut items = trash.items.iter();
        items.any(|it| it.id == key.id && it.namespace == key.namespace && it.server == *server)
    };
    is_saved(session, key) || was_taken_down()
}

fn is_saved(session: &Session, key: &InstanceKey) -> bool {
    session
        .catalogue
        .digest(&key.id)
        .is_ok_and(|it| it.is_some())
}
