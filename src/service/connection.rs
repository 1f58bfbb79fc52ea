//! How the watches of a fleet or of one instance are doing, and what that means for what is shown: old data is believed for
//! a while, and what may not be read is not missing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::summary::{Record, Workload};
use super::watch::{LinkState, Topic};
use crate::failure::Failure;

/// How old data may be before states are no longer claimed. Until then it is shown, with its age.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// How the connection to the cluster is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// The first answers are awaited.
    Connecting,
    /// Everything shown is up to date.
    Live,
    /// Something shown is not: the worst of the watches.
    Retrying {
        /// What went wrong last.
        failure: Failure,
        /// When it is tried again.
        next_attempt: Timestamp,
        /// From when the oldest of the data is; none if there is none yet.
        data_from: Option<Timestamp>,
    },
}

/// A watch's state with points in time instead of durations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    state: LinkState,
    /// When it is tried again.
    next_attempt: Timestamp,
    /// From when the data is, if it grows old.
    data_from: Option<Timestamp>,
    /// Whether states stopped being claimed because of it.
    is_stale: bool,
}

impl Link {
    pub fn new(state: LinkState, now: Timestamp) -> Self {
        let (next_attempt, data_from) = match &state {
            LinkState::Retrying {
                next_attempt_in,
                data_age,
                ..
            } => (
                now.checked_add(*next_attempt_in).unwrap_or(now),
                data_age.and_then(|age| now.checked_sub(age).ok()),
            ),
            _ => (now, None),
        };
        let mut link = Self {
            state,
            next_attempt,
            data_from,
            is_stale: false,
        };
        link.is_stale = link.is_over(now);
        link
    }

    pub fn state(&self) -> &LinkState {
        &self.state
    }

    /// Returns when the data becomes stale, if it grows old and is not yet.
    pub fn stale_at(&self) -> Option<Timestamp> {
        let from = self.data_from.filter(|_| !self.is_stale)?;
        from.checked_add(STALE_AFTER).ok()
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let end = self
            .data_from
            .and_then(|from| from.checked_add(STALE_AFTER).ok());
        end.is_some_and(|end| end <= now)
    }

    pub fn forbidden(&self) -> Option<&Failure> {
        match &self.state {
            LinkState::Forbidden(failure) => Some(failure),
            _ => None,
        }
    }

    pub fn has_reported(&self) -> bool {
        match &self.state {
            LinkState::Live | LinkState::Forbidden(_) => true,
            LinkState::Retrying { data_age, .. } => data_age.is_some(),
            LinkState::Connecting => false,
        }
    }
}

/// Tells whether what changes is told as it does, so that silence means something.
pub(super) fn hears(link: Option<&Link>) -> bool {
    !matches!(link.map(Link::state), Some(LinkState::Retrying { .. }))
}

/// Takes all watches together.
pub(super) fn of<'a>(links: impl Iterator<Item = &'a Link>) -> Connection {
    let mut is_connecting = true;
    let mut worst: Option<&Link> = None;
    for link in links {
        match &link.state {
            LinkState::Connecting => return worst.map_or(Connection::Connecting, retrying),
            LinkState::Retrying { .. } => {
                // Without data is worse than with old data: `None` sorts first.
                let is_worse = worst.is_none_or(|worst| link.data_from < worst.data_from);
                worst = if is_worse { Some(link) } else { worst };
            }
            LinkState::Live | LinkState::Forbidden(_) => is_connecting = false,
        }
    }
    match worst {
        Some(link) => retrying(link),
        None if is_connecting => Connection::Connecting,
        None => Connection::Live,
    }
}

fn retrying(link: &Link) -> Connection {
    match &link.state {
        LinkState::Retrying { failure, .. } => Connection::Retrying {
            failure: failure.clone(),
            next_attempt: link.next_attempt,
            data_from: link.data_from,
        },
        _ => Connection::Connecting,
    }
}

/// Marks links whose data has just become stale. Returns whether there was one.
pub(super) fn crosses_staleness(links: &mut BTreeMap<Topic, Link>, now: Timestamp) -> bool {
    let mut crosses = false;
    for link in links.values_mut() {
        if !link.is_stale && link.is_over(now) {
            link.is_stale = true;
            crosses = true;
        }
    }
    crosses
}

/// Returns why no state can be claimed any more, if what states are computed from is stale.
pub(super) fn staleness<'a>(
    mut links: impl Iterator<Item = &'a Link>,
    now: Timestamp,
) -> Option<String> {
    let stale = links.find(|link| link.is_over(now))?;
    match &stale.state {
        LinkState::Retrying { failure, .. } => {
            Some(format!("no news from the cluster: {}", failure.summary))
        }
        _ => None,
    }
}

/// Tells whether everything there is of a topic was reported once.
pub(super) fn is_listed(links: &BTreeMap<Topic, Link>, topic: &Topic) -> bool {
    links
        .get(topic)
        .is_some_and(|link| link.has_reported() && link.forbidden().is_none())
}

/// Returns why the state of one instance cannot be told: its workload should be there and may not be read.
pub(super) fn hidden(
    record: Option<&Record>,
    workloads: &[Workload],
    links: &BTreeMap<Topic, Link>,
) -> Option<String> {
    let should_have =
        record.is_some_and(|record| record.has_workload && record.operation.is_none());
    if !should_have || !workloads.is_empty() {
        return None;
    }
    let links = || links.iter().filter(|(topic, _)| topic.is_of_workloads());
    // What only the record names is read after it.
    if links().any(|(_, link)| link.state == LinkState::Connecting) {
        return Some("its workloads are being read".to_owned());
    }
    let failure = links().find_map(|(_, link)| link.forbidden())?;
    Some(failure.summary.clone())
}
