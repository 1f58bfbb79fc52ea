//! What is said where no instance bears an ID: one sentence for every command, with what there is instead.

use super::output;
use super::session::Session;
use crate::cluster::Cluster;
use crate::definition::check::nearest;
use crate::engine::selection;
use crate::failure::{Failure, FailureKind};
use crate::service::detail::Detail;
use crate::service::summary::InstanceKey;
use crate::text;

/// Says that there is no such instance, as a fault: which one may be meant, what an earlier one left, how it is deployed.
pub(super) async fn say(
    session: &Session,
    cluster: &Cluster,
    key: &InstanceKey,
    found: Option<&Detail>,
) {
    let meant = match alike(cluster, key).await {
        Some(meant) => format!("; did you mean {meant}?"),
        None => String::new(),
    };
    output::say(text::clean(&format!("error: {}{meant}", key.not_there())));
    let id = &key.id;
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
    if is_saved(session, key) {
        output::say(format!("  it is saved: `bowline deploy {id}` deploys it"));
    }
}

/// Says of several that they are not there: as faults, unless that is wanted.
pub(super) async fn say_all(
    session: &Session,
    cluster: &Cluster,
    absent: &[InstanceKey],
    is_wanted: bool,
) {
    for key in absent {
        match is_wanted {
            true => output::say(key.not_there().to_string()),
            false => say(session, cluster, key, None).await,
        }
    }
}

/// Returns the instance of that namespace whose ID is nearest; none where nobody can say.
async fn alike(cluster: &Cluster, key: &InstanceKey) -> Option<String> {
    let all = selection::all(cluster, &key.namespace).await.ok()?;
    let ids = all.iter().map(|known| known.id.as_str());
    nearest(key.id.as_str(), ids).map(str::to_owned)
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
        say(session, cluster, key, found.as_ref()).await;
    }
    Ok(is_missing)
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
