//! One question about all namespaces at once, or, for somebody who may not list in all of them, about each that is known.
//!
//! Every list of all namespaces falls back here, so that all say alike what they do not show.

use super::{Cluster, watch};
use crate::definition::id::Namespace;
use crate::failure::{Failure, FailureKind};

/// What was answered of all namespaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Across<T> {
    /// The answers: one of all namespaces, without a name, or one of each that could be asked about.
    pub answers: Vec<(Option<Namespace>, T)>,
    /// What is not shown, where not all namespaces could be asked about.
    pub unseen: Option<Failure>,
}

impl<T> Across<T> {
    /// Returns the answers alone.
    pub fn into_answers(self) -> impl Iterator<Item = T> {
        self.answers.into_iter().map(|(_, answer)| answer)
    }
}

impl Cluster {
    /// Asks about a namespace, or without one about all at once; where this user may not, about each that is known.
    ///
    /// # Errors
    /// The question fails, or that for the namespaces there are, or it is forbidden in every namespace that is known.
    pub async fn across<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        namespace: Option<&Namespace>,
        // NB: all owned, for a question that borrows would make the whole future impossible to spawn.
        ask: impl Fn(Self, Option<Namespace>) -> F,
    ) -> Result<Across<T>, Failure> {
        let refusal = match ask(self.clone(), namespace.cloned()).await {
            Ok(answer) => {
                return Ok(Across {
                    answers: vec![(namespace.cloned(), answer)],
                    unseen: None,
                });
            }
            Err(failure) if namespace.is_none() && failure.kind == FailureKind::Forbidden => {
                failure
            }
            Err(failure) => return Err(failure),
        };
        let known = watch::known_namespaces(self).await?;
        let mut answers = Vec::with_capacity(known.len());
        for namespace in &known {
            match ask(self.clone(), Some(namespace.clone())).await {
                Ok(answer) => answers.push((Some(namespace.clone()), answer)),
                Err(failure) if failure.kind == FailureKind::Forbidden => {}
                Err(failure) => return Err(failure),
            }
        }
        if answers.is_empty() {
            return Err(nowhere(&known, refusal));
        }
        let shown = answers
            .iter()
            .filter_map(|(namespace, _)| namespace.clone());
        let shown: Vec<Namespace> = shown.collect();
        Ok(Across {
            answers,
            unseen: Some(watch::elsewhere(&shown, &refusal)),
        })
    }
}

/// Few may look into every namespace, and the server's own sentence does not say what else was tried.
pub(super) fn nowhere(known: &[Namespace], failure: Failure) -> Failure {
    let known: Vec<&str> = known.iter().map(Namespace::as_str).collect();
    let summary = format!(
        "this user may list services neither in all namespaces nor in {}: choose one with -n",
        known.join(", ")
    );
    Failure {
        summary,
        detail: failure.summary,
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::mock::{self, Reply};

    #[tokio::test(start_paused = true)]
    async fn only_who_may_not_list_the_namespaces_is_asked_about_one() {
        let check = async |status: u16, expected: Result<usize, FailureKind>| {
            let (cluster, _) = mock::cluster(move |seen| {
                assert!(seen.uri.starts_with("/api/v1/namespaces?"), "{}", seen.uri);
                Reply::status(status, "no")
            });
            let refused = || Failure::new(FailureKind::Forbidden, "may not");
            let across = cluster
                .across(None, async |_, namespace| {
                    namespace.ok_or_else(refused).map(|_| ())
                })
                .await;
            let told = across.map(|it| it.answers.len());
            assert_eq!(told.map_err(|failure| failure.kind), expected);
        };
        check(403, Ok(1)).await;
        check(503, Err(FailureKind::Unreachable)).await;
    }
}
