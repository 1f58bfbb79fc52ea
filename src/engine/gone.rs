//! Waiting until objects are gone, and saying what holds those that are not.

use std::fmt;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep_until};

use super::journal::Journal;
use super::live;
use super::metadata::Metadata;
use super::volumes;
use crate::cluster::{Cluster, Selector, Stop};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::text;

use reclaim::{Patience, Reasons, Unfreed};
use users::Users;

mod reclaim;
mod users;

/// First pause between two looks; it grows to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// Objects that are looked at at once.
const AT_ONCE: usize = 4;
/// For how long looks may fail before the wait is given up.
pub(super) const OUTAGE: Duration = Duration::from_secs(30);

/// An object that is not gone yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub key: ObjectKey,
    /// Finalizers that hold it.
    pub finalizers: Vec<String>,
    /// Names of the pods that use it, where it is a claim that stays for their sake.
    users: Vec<String>,
    /// Why its storage is not freed, where that has to come first and does not.
    unfreed: Option<Unfreed>,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unfreed {
            Some(Unfreed::Failed(why)) => {
                return write!(f, "{} cannot be freed: {why}", self.key);
            }
            Some(Unfreed::Tried(why)) => {
                return write!(f, "{} is not freed yet: {why}", self.key);
            }
            None => {}
        }
        match self.finalizers.as_slice() {
            [] => write!(f, "{} is being deleted", self.key),
            held => write!(f, "{} is held by {}", self.key, held.join(", ")),
        }?;
        match self.users.as_slice() {
            [] => Ok(()),
            [pod] => write!(f, ": pod {pod} uses it"),
            pods => write!(f, ": pods {} use it", pods.join(", ")),
        }
    }
}

/// Waits until objects are gone, each known by its uid, or the deadline, or somebody asks to stop, or what is left are volumes
/// that nobody will free; returns those that are not gone. Where all bear the labels `of` an instance, they are listed by these.
///
/// # Errors
/// They cannot be looked at.
pub(super) async fn wait(
    cluster: &Cluster,
    objects: &[(ObjectKey, String)],
    of: Option<&InstanceId>,
    (deadline, stop): (Instant, &Stop),
    journal: &mut Journal<'_>,
) -> Result<Vec<Held>, Failure> {
    // What is not answered is told at once, and heeds the deadline.
    let cluster = &cluster.without_patience();
    let mut left = objects.to_vec();
    let mut pause = FIRST_PAUSE;
    let mut last_answer = Instant::now();
    let (mut patience, mut reasons) = (Patience::default(), Reasons::default());
    let mut users = Users::default();
    loop {
        let mut held = match look(cluster, &left, of).await {
            Ok(held) => held,
            Err(failure)
                if failure.kind == FailureKind::Unreachable
                    && last_answer.elapsed() < OUTAGE
                    && Instant::now() < deadline
                    && !stop.is_asked() =>
            {
                journal.waiting(&failure.summary);
                pause_until(&mut pause, deadline).await;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        last_answer = Instant::now();
        left.retain(|(key, _)| held.iter().any(|held| held.key == *key));
        let is_hopeless = patience.is_over(&held, last_answer);
        let is_over = held.is_empty() || last_answer >= deadline || is_hopeless || stop.is_asked();
        if is_over || pause >= LAST_PAUSE {
            reasons.explain(cluster, &mut held, is_over).await;
            Box::pin(users.explain(cluster, &mut held, is_over)).await;
        }
        if is_over {
            return Ok(held);
        }
        journal.waiting(&sentence(&held));
        pause_until(&mut pause, deadline).await;
    }
}

async fn pause_until(pause: &mut Duration, deadline: Instant) {
    sleep_until(deadline.min(Instant::now() + *pause)).await;
    *pause = (*pause * 2).min(LAST_PAUSE);
}

/// Looks once at objects and returns those that are there still.
///
/// # Errors
/// They cannot be looked at.
pub(super) async fn look(
    cluster: &Cluster,
    objects: &[(ObjectKey, String)],
    of: Option<&InstanceId>,
) -> Result<Vec<Held>, Failure> {
    let mut held = Vec::new();
    let mut left = objects.to_vec();
    if let Some(id) = of {
        for (kind, namespace) in live::crowded(objects.iter().map(|(key, _)| key)) {
            let is_there =
                |key: &ObjectKey| GroupKind::of(key) == kind && key.namespace == namespace;
            let Some(found) = list(cluster, &kind, namespace.as_deref(), id).await? else {
                continue;
            };
            let listed = left.extract_if(.., |(key, _)| is_there(key));
            let listed = listed.filter_map(|(key, uid)| {
                let object = found.iter().find(|object| object.uid() == Some(&*uid))?;
                Some(of_object(&key, object))
            });
            held.extend(listed);
        }
    }
    // NB: owned, for a borrowed pair in the closure would make the whole future impossible to spawn.
    let looks = stream::iter(left)
        .map(|(key, uid)| async move { look_at(cluster, &key, &uid).await })
        .buffered(AT_ONCE);
    let looks: Vec<Result<Option<Held>, Failure>> = looks.collect().await;
    for look in looks {
        held.extend(look?);
    }
    Ok(held)
}

/// Lists an instance's objects of a kind, by their metadata where that says enough; none where this user may not.
async fn list(
    cluster: &Cluster,
    kind: &GroupKind,
    namespace: Option<&str>,
    id: &InstanceId,
) -> Result<Option<Vec<Object>>, Failure> {
    let Ok(namespace) = namespace.map(str::parse::<Namespace>).transpose() else {
        return Ok(None);
    };
    let selector = Selector::instance(id);
    let listed = match kind.kind.as_str() {
        // Their phase tells what becomes of them.
        volumes::VOLUME => cluster.list(kind, None, &selector).await,
        _ => {
            let namespace = namespace.as_ref();
            cluster.list_metadata(kind, namespace, &selector).await
        }
    };
    match listed {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.kind == FailureKind::Forbidden => Ok(None),
        // The kind went with its definition, and all of it.
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(Some(Vec::new())),
        Err(failure) => Err(failure),
    }
}

async fn look_at(cluster: &Cluster, key: &ObjectKey, uid: &str) -> Result<Option<Held>, Failure> {
    let object = cluster.get(key).await?;
    let object = object.filter(|object| Metadata::of(object).uid() == uid);
    Ok(object.map(|object| of_object(key, &object)))
}

fn of_object(key: &ObjectKey, object: &Object) -> Held {
    let finalizers = Metadata::of(object).holding_finalizers().into_iter();
    let finalizers = finalizers.map(|finalizer| text::clean(finalizer).into_owned());
    Held {
        key: key.clone(),
        finalizers: finalizers.collect(),
        users: Vec::new(),
        unfreed: reclaim::failure_of(object),
    }
}

/// Says for what one waits: the first that a finalizer holds, else the first.
fn sentence(held: &[Held]) -> String {
    let telling = held
        .iter()
        .find(|held| !held.finalizers.is_empty() || held.unfreed.is_some());
    let Some(first) = telling.or(held.first()) else {
        return String::new();
    };
    match held.len() {
        1 => first.to_string(),
        n => format!("{first}, and {} more to go", n - 1),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::mock::{self, Reply};
    use crate::engine::metadata::core_key;

    fn held(name: &str, finalizers: &[&str]) -> Held {
        Held {
            key: core_key("Pod", "team-a", name),
            finalizers: finalizers.iter().map(|&f| f.to_owned()).collect(),
            users: Vec::new(),
            unfreed: None,
        }
    }

    #[tokio::test]
    async fn what_was_made_again_under_its_name_is_gone() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web", "namespace": "team-a", "uid": "new-web"}});
        let (cluster, _) = mock::cluster(move |seen| match &seen.uri {
            uri if uri.contains("/pods/web") => Reply::json(200, &pod),
            uri if uri.contains("/pods/") => Reply::status(404, "not found"),
            _ => Reply::json(200, json!({"kind": "PodList", "items": [pod]})),
        });
        let id = "web".parse().unwrap();
        // One by one, and all by a list.
        for of in [None, Some(&id)] {
            for (age, expected) in [("old", 0), ("new", 1)] {
                let pods = ["web", "a", "b"]
                    .map(|name| (core_key("Pod", "team-a", name), format!("{age}-{name}")));
                let held = look(&cluster, &pods, of).await.unwrap();
                assert_eq!(held.len(), expected, "{age} {of:?}: {held:?}");
            }
        }
    }

    #[test]
    fn the_one_that_a_finalizer_holds_is_named_first() {
        let check = |held: &[Held], expected: &str| assert_eq!(sentence(held), expected);
        check(&[held("a", &[])], "Pod/a is being deleted");
        check(
            &[held("a", &[]), held("b", &["x.io/y"]), held("c", &[])],
            "Pod/b is held by x.io/y, and 2 more to go",
        );
    }
}
