//! Claims that are to be gone: whose pods use them still, which is all that their finalizer waits for.

use std::time::Duration;

use tokio::time::Instant;

use super::Held;
use crate::cluster::Cluster;
use crate::definition::object::CLAIM;
use crate::engine::mounted;
use crate::service::claim_use::PodMounts;

/// The finalizer that claims in use have.
const PROTECTION: &str = "kubernetes.io/pvc-protection";
/// How long what was seen last is taken for what would be seen now.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What pods mount, as it was seen last.
#[derive(Debug, Default)]
pub(super) struct Users {
    mounts: Vec<PodMounts>,
    /// When that was.
    seen: Option<Instant>,
}

impl Users {
    /// Says of claims that are there still which pods use them, `at_last` by what is there now.
    pub(super) async fn explain(&mut self, cluster: &Cluster, held: &mut [Held], at_last: bool) {
        let is_in_use = |held: &&mut Held| {
            held.key.kind == CLAIM && held.finalizers.iter().any(|it| it == PROTECTION)
        };
        let claims: Vec<&mut Held> = held.iter_mut().filter(is_in_use).collect();
        if claims.is_empty() {
            return;
        }
        if at_last || self.seen.is_none_or(|seen| seen.elapsed() >= LOOK_AGAIN) {
            self.seen = Some(Instant::now());
            // Without an answer nobody is named.
            let mounts = mounted::look(cluster, claims.iter().map(|held| &held.key)).await;
            self.mounts = mounts.unwrap_or_default();
        }
        for held in claims {
            held.users = mounted::holders(&held.key, &self.mounts);
        }
    }
}
