//! What the selected instance uses of processor, memory and claims: the latest figures, and how they went.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::app::msg::OpId;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;
use crate::service::usage::{ClaimUsage, PodUsage};

/// Figures of a pod that are kept.
const MAX_SAMPLES: usize = 60;

/// What is being looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageOf {
    /// Processor and memory of the pods.
    Pods(InstanceKey),
    /// The claims, as the kubelets of these nodes tell.
    Claims(InstanceKey, Vec<String>),
}

/// How the looking does.
#[derive(Debug, Clone, PartialEq)]
pub enum UsageState {
    /// Nothing was told yet.
    Asked,
    /// It is told.
    Known,
    /// It cannot be known here, and why.
    Absent(String),
    /// It is not told at the moment.
    Lost(Failure),
}

/// One figure of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When it was measured.
    pub at: Option<Timestamp>,
    /// Processor, in billionths of a core.
    pub cpu: u64,
    /// Memory, in bytes.
    pub memory: u64,
}

/// What is used.
#[derive(Debug, Clone)]
pub struct UsagePane {
    /// The looking: what earlier ones still report is stale.
    pub op: OpId,
    /// What is looked at.
    pub of: Option<UsageOf>,
    /// How that does.
    pub state: UsageState,
    pods: BTreeMap<String, VecDeque<Sample>>,
    claims: Vec<ClaimUsage>,
    /// Of which instance these are.
    kept_of: Option<InstanceKey>,
}

impl Default for UsagePane {
    fn default() -> Self {
        Self {
            op: OpId::default(),
            of: None,
            state: UsageState::Asked,
            pods: BTreeMap::new(),
            claims: Vec::new(),
            kept_of: None,
        }
    }
}

impl UsagePane {
    /// Begins to look at something else; the figures of an instance stay while it is the one that is looked at.
    pub(in crate::app) fn begin(&mut self, op: OpId, of: Option<UsageOf>) {
        let key = match &of {
            Some(UsageOf::Pods(key) | UsageOf::Claims(key, _)) => Some(key),
            None => self.kept_of.as_ref(),
        };
        if self.kept_of.as_ref() != key {
            self.kept_of = key.cloned();
            self.pods.clear();
            self.claims.clear();
        }
        (self.op, self.of, self.state) = (op, of, UsageState::Asked);
    }

    /// Forgets all figures: they are of another cluster, or of a part of it that is not shown any more. What is still told of it is
    /// stale.
    pub(in crate::app) fn forget(&mut self) {
        *self = Self {
            of: self.of.take(),
            ..Self::default()
        };
    }

    pub(in crate::app) fn on_pods(&mut self, result: Result<Vec<PodUsage>, Failure>) {
        let Some(usage) = self.take(result, "metrics.k8s.io is not served here") else {
            return;
        };
        self.pods
            .retain(|name, _| usage.iter().any(|pod| pod.pod == *name));
        for pod in usage {
            let samples = self.pods.entry(pod.pod).or_default();
            let sample = Sample {
                at: pod.at,
                cpu: pod.cpu,
                memory: pod.memory,
            };
            // Between two measurements the same one is told again.
            if samples.back().is_some_and(|last| last.at == sample.at) && sample.at.is_some() {
                continue;
            }
            if samples.len() == MAX_SAMPLES {
                samples.pop_front();
            }
            samples.push_back(sample);
        }
    }

    pub(in crate::app) fn on_claims(&mut self, result: Result<Vec<ClaimUsage>, Failure>) {
        if let Some(claims) = self.take(result, "the kubelets do not tell what is used") {
            self.claims = claims;
        }
    }

    fn take<T>(&mut self, result: Result<T, Failure>, absent: &str) -> Option<T> {
        let failure = match result {
            Ok(told) => {
                self.state = UsageState::Known;
                return Some(told);
            }
            Err(failure) => failure,
        };
        self.state = match failure.kind {
            FailureKind::NotFound => UsageState::Absent(absent.to_owned()),
            FailureKind::Forbidden | FailureKind::Refused => UsageState::Absent(failure.summary),
            _ => UsageState::Lost(failure),
        };
        None
    }

    /// Returns the figures of a pod, the latest last; none while they are not told: the latest would look like one of now.
    pub fn pod(&self, name: &str) -> Option<&VecDeque<Sample>> {
        self.pods.get(name).filter(|_| self.is_told())
    }

    /// Returns what is used of a claim; none while that is not told.
    pub fn claim(&self, name: &str) -> Option<&ClaimUsage> {
        let mut claims = self.claims.iter().filter(|_| self.is_told());
        claims.find(|usage| usage.claim == name)
    }

    fn is_told(&self) -> bool {
        match self.state {
            UsageState::Asked | UsageState::Known => true,
            UsageState::Absent(_) | UsageState::Lost(_) => false,
        }
    }
}
