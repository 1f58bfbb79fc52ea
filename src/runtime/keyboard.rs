//! Keys, pastes and sizes, read by a thread of its own into a bounded queue.

use std::io;
use std::thread;

use crossterm::event::{self, Event};
use tokio::sync::mpsc;

use crate::app::Msg;

/// Keys that wait; a flood of more is held back at the terminal.
const MAX_WAITING: usize = 1024;

/// Starts reading; the queue ends when the terminal cannot be read any more.
///
/// # Errors
/// The system refuses a thread.
pub fn read() -> io::Result<mpsc::Receiver<Msg>> {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            while let Ok(event) = event::read() {
                let msg = match event {
                    Event::Key(key) => Msg::Key(key),
                    Event::Paste(text) => Msg::Paste(text),
                    Event::Resize(columns, rows) => Msg::Resized { columns, rows },
                    Event::FocusGained | Event::FocusLost | Event::Mouse(_) => continue,
                };
                if sender.blocking_send(msg).is_err() {
                    return;
                }
            }
        })?;
    Ok(receiver)
}
