//! What a user may do in a namespace, as far as it is said beforehand. Plain data.

/// What a user may do with the pods of a namespace, beside looking at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodRights {
    /// Whether commands may be run in them.
    pub may_exec: bool,
    /// Whether their ports may be forwarded.
    pub may_forward: bool,
}

/// What a user may do in a namespace; all of it until something else is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Whether records can be changed, in which every operation notes itself.
    pub may_operate: bool,
    /// Whether records can be deleted, as the last of a teardown is.
    pub may_take_down: bool,
    /// Whether routes can be changed.
    pub may_route: bool,
}

impl Default for Rights {
    fn default() -> Self {
        Self {
            may_operate: true,
            may_take_down: true,
            may_route: true,
        }
    }
}
