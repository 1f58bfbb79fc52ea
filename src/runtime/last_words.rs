//! What must not be lost when the program ends without being asked: the unsaved text, kept as a draft.
//!
//! The loop leaves it here after every turn, which costs nothing; the signal thread and the panic hook write it.

use std::sync::Mutex;
use std::time::Duration;

use ropey::Rope;

use crate::catalogue::drafts::{Base, Drafts};
use crate::definition::id::InstanceId;

/// The unsaved text and where it is kept.
#[derive(Debug)]
pub struct LastWords {
    drafts: Drafts,
    unsaved: Mutex<Option<(InstanceId, Rope, Base)>>,
}

impl LastWords {
    /// Returns a place for them.
    pub fn new(drafts: Drafts) -> Self {
        Self {
            drafts,
            unsaved: Mutex::new(None),
        }
    }

    /// Takes what is unsaved now.
    pub fn set(&self, unsaved: Option<(InstanceId, Rope, Base)>) {
        if let Ok(mut slot) = self.unsaved.lock() {
            *slot = unsaved;
        }
    }

    /// Writes them, if there are any; a loop that holds them for good cannot hold this up.
    pub fn write(&self) {
        for _ in 0..20 {
            if let Ok(mut slot) = self.unsaved.try_lock() {
                if let Some((name, text, base)) = slot.take() {
                    // There is nobody left to tell.
                    let _ = self.drafts.keep(&name, &text.to_string(), &base);
                }
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
