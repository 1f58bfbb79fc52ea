//! The wish to stop what is under way. It is heeded between two steps: what was sent is never cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish that whoever carries something out looks at before each step; clones are the same wish.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether somebody asked to stop.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
