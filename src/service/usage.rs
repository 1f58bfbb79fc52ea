//! What pods and claims use, beside what they asked for and what they may have; what nodes have left. Pure.

use jiff::Timestamp;

use super::summary::{Container, Pod};

/// Processor and memory; none where nothing is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Processor, in billionths of a core.
    pub cpu: Option<u64>,
    /// Memory, in bytes.
    pub memory: Option<u64>,
}

/// What a pod uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodUsage {
    /// The pod's name.
    pub pod: String,
    /// When it was measured.
    pub at: Option<Timestamp>,
    /// Processor, in billionths of a core.
    pub cpu: u64,
    /// Memory, in bytes.
    pub memory: u64,
}

/// What is used of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimUsage {
    /// The claim's name.
    pub claim: String,
    /// Bytes that are used.
    pub used: u64,
    /// Bytes that there are.
    pub capacity: u64,
}

impl Pod {
    /// Returns what its containers ask for together; containers that do not say count for nothing.
    pub fn requests(&self) -> Amounts {
        let sum = |part: fn(&Amounts) -> Option<u64>| {
            let said = self.own().filter_map(|it| part(&it.requests));
            said.reduce(u64::saturating_add)
        };
        Amounts {
            cpu: sum(|it| it.cpu),
            memory: sum(|it| it.memory),
        }
    }

    /// Returns what its containers may have together; one without a limit makes the pod one without.
    pub fn limits(&self) -> Amounts {
        let sum = |part: fn(&Amounts) -> Option<u64>| {
            let mut limits = self.own().map(|it| part(&it.limits));
            let first = limits.next()??;
            limits.try_fold(first, |sum, limit| Some(sum.saturating_add(limit?)))
        };
        Amounts {
            cpu: sum(|it| it.cpu),
            memory: sum(|it| it.memory),
        }
    }

    fn own(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(|container| !container.init)
    }
}

/// Returns how much of a whole is used, in percent; none of nothing.
pub fn percent(used: u64, whole: u64) -> Option<u64> {
    let percent = u128::from(used) * 100 / u128::from((whole > 0).then_some(whole)?);
    u64::try_from(percent).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::summary::{ContainerState, InstanceKey};

    fn container(init: bool, requests: Amounts, limits: Amounts) -> Container {
        Container {
            name: "main".to_owned(),
            init,
            image: "i".to_owned(),
            ready: true,
            started: true,
            restarts: 0,
            state: ContainerState::Running,
            last_end: None,
            requests,
            limits,
        }
    }

    fn pod(containers: Vec<Container>) -> Pod {
        Pod {
            instance: InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "web".parse().unwrap(),
            },
            name: "web-0".to_owned(),
            uid: "u".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            deletion: None,
            phase: "Running".to_owned(),
            reason: None,
            message: None,
            node: None,
            revision: None,
            unschedulable_since: None,
            ready_changed: None,
            containers,
        }
    }

    fn amounts(cpu: Option<u64>, memory: Option<u64>) -> Amounts {
        Amounts { cpu, memory }
    }

    #[test]
    fn requests_add_up_and_a_limit_is_one_of_all_containers() {
        let none = Amounts::default();
        let first = container(false, amounts(Some(1), None), amounts(Some(2), Some(10)));
        let second = container(false, amounts(Some(3), Some(7)), amounts(Some(4), None));
        let init = container(true, amounts(Some(100), Some(100)), none);
        let both = pod(vec![init, first.clone(), second]);
        assert_eq!(both.requests(), amounts(Some(4), Some(7)));
        assert_eq!(both.limits(), amounts(Some(6), None));
        let one = pod(vec![first]);
        assert_eq!(one.limits(), amounts(Some(2), Some(10)));
        let empty = pod(Vec::new());
        assert_eq!((empty.requests(), empty.limits()), (none, none));
    }

    #[test]
    fn shares_are_of_something() {
        assert_eq!(percent(1, 4), Some(25));
        assert_eq!(percent(u64::MAX, u64::MAX), Some(100));
        assert_eq!(percent(3, 0), None);
    }
}
