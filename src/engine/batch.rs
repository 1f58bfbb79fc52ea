//! Batches: objects that do not depend on each other are written together, a few at once, under one claim of the operation.
//!
//! A batch is short, so that a holder that lost its operation stops soon; and what was sent is always awaited.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::{StreamExt, stream};

use crate::definition::object::{GroupKind, ObjectKey};

/// Most objects of a batch.
const MAX_OBJECTS: usize = 16;
/// Objects that are written at once.
const AT_ONCE: usize = 4;

/// Makes batches of objects in their order: neighbours of one kind, which need nothing of each other.
pub(super) fn batches<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &ObjectKey,
) -> Vec<Vec<T>> {
    let mut batches: Vec<Vec<T>> = Vec::new();
    for item in items {
        let kind = GroupKind::of(key(&item));
        match batches.last_mut() {
            Some(batch)
                if batch.len() < MAX_OBJECTS
                    && batch.first().map(|it| GroupKind::of(key(it))) == Some(kind) =>
            {
                batch.push(item);
            }
            _ => batches.push(vec![item]),
        }
    }
    batches
}

/// Says what is done to a batch: `apply ConfigMap/a and 11 more`.
pub(super) fn sentence<'k>(verb: &str, keys: impl IntoIterator<Item = &'k ObjectKey>) -> String {
    let mut keys = keys.into_iter();
    let first = keys.next().map_or_else(String::new, ToString::to_string);
    match keys.count() {
        0 => format!("{verb} {first}"),
        n => format!("{verb} {first} and {n} more"),
    }
}

/// Does the work of a batch and tells each result as soon as it is known, in order. After one with which everything `ends`
/// nothing more is begun: none is told for what was not.
pub(super) async fn run<T, R, F: Future<Output = R>>(
    items: Vec<T>,
    work: impl Fn(T) -> F,
    ends: impl Fn(&R) -> bool,
    mut tell: impl FnMut(Option<R>),
) {
    let has_ended = AtomicBool::new(false);
    let (has_ended, ends) = (&has_ended, &ends);
    let running = stream::iter(items)
        .map(|item| {
            let work = work(item);
            async move {
                if has_ended.load(Ordering::Relaxed) {
                    return None;
                }
                let result = work.await;
                if ends(&result) {
                    has_ended.store(true, Ordering::Relaxed);
                }
                Some(result)
            }
        })
        .buffered(AT_ONCE);
    let mut running = std::pin::pin!(running);
    while let Some(result) = running.next().await {
        tell(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::metadata::core_key;

    fn keys(names: &[&str]) -> Vec<ObjectKey> {
        let key = |name: &&str| {
            let (kind, name) = name.split_once('/').unwrap();
            core_key(kind, "team-a", name)
        };
        names.iter().map(key).collect()
    }

    #[test]
    fn neighbours_of_one_kind_are_written_together() {
        let keys = keys(&["ConfigMap/a", "ConfigMap/b", "Service/a", "ConfigMap/c"]);
        let batches = batches(&keys, |key| key);
        let told: Vec<String> = batches
            .iter()
            .map(|batch| sentence("apply", batch.iter().copied()))
            .collect();
        assert_eq!(
            told,
            [
                "apply ConfigMap/a and 1 more",
                "apply Service/a",
                "apply ConfigMap/c"
            ]
        );
    }

    #[test]
    fn a_batch_is_short() {
        let names: Vec<String> = (0..40).map(|n| format!("ConfigMap/c{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let keys = keys(&names);
        let lens: Vec<usize> = batches(&keys, |key| key).iter().map(Vec::len).collect();
        assert_eq!(lens, [16, 16, 8]);
    }

    #[tokio::test]
    async fn nothing_is_begun_after_the_end_and_what_was_begun_is_awaited() {
        let mut told = Vec::new();
        let work = |n: u32| async move {
            // The first is the slowest of those that begin together.
            for _ in 0..(10 / (n + 1)) {
                tokio::task::yield_now().await;
            }
            n
        };
        run(
            (0..8).collect(),
            work,
            |n| *n == 1,
            |result| told.push(result),
        )
        .await;
        assert_eq!(told[..4], [Some(0), Some(1), Some(2), Some(3)]);
        assert!(told[6..].iter().all(Option::is_none), "{told:?}");
        assert_eq!(told.len(), 8);
    }
}
