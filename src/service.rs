//! Services as they run: what an instance is and how it is doing, computed from small summaries of live objects.
//!
//! Pure. `cluster` makes the summaries, `app` and `cli` show what is computed here.

pub mod summary;
