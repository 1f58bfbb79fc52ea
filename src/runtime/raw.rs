//! Raw mode for a session that owns the whole terminal: every key goes to the other side. Given back on every way out.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::terminal;

/// Whether the terminal is raw by us.
static IS_RAW: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back when it goes out of scope, and when the program panics.
#[derive(Debug)]
pub struct RawMode;

impl RawMode {
    /// Makes the terminal raw.
    ///
    /// # Errors
    /// The terminal refuses.
    pub fn enter() -> io::Result<Self> {
        let previous = std::panic::take_hook();
        // The message would come in steps down the screen.
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            previous(panic);
        }));
        IS_RAW.store(true, Ordering::SeqCst);
        let guard = Self;
        terminal::enable_raw_mode()?;
        Ok(guard)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        leave();
    }
}

fn leave() {
    if IS_RAW.swap(false, Ordering::SeqCst) {
        // Nobody can be told where the terminal is gone.
        let _ = terminal::disable_raw_mode();
    }
}
