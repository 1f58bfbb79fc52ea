//! Plans as values: what an operation would do to each object, as it is shown and agreed to.

mod deploy;
mod teardown;

pub use deploy::{Change, DeployPlan, DiffLine, DiffSide, FieldConflict, PlannedObject, sums};
pub(super) use deploy::{unshown, untaken};
pub use teardown::{
    ClaimFate, DataFate, Fate, FateRow, PlannedRelease, PlannedRetention, TeardownPlan,
    TeardownScope, VolumeChoice, loss,
};
