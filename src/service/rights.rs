//! What a user may do with the pods of a namespace, beside looking at them.

/// The rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodRights {
    /// Whether commands may be run in them.
    pub may_exec: bool,
    /// Whether their ports may be forwarded.
    pub may_forward: bool,
}
