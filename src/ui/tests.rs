//! Snapshots of the screens.
