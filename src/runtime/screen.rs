//! What is on the terminal: frames as differences to the one before, written by a thread of its own.
//!
//! While that thread is busy nothing new is drawn: a terminal that does not read costs frames, never the loop, and gets one
//! frame with everything when it reads again.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use crossterm::{clipboard::CopyToClipboard, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::sync::Notify;

use crate::app::{Geometry, Model};
use crate::ui::{self, Theme};

use super::terminal;

/// Frames larger than this are marked, so that a terminal that can shows them at once.
const SYNCHRONIZED_FROM: usize = 600;

/// The bytes of a frame while it is made.
#[derive(Debug, Clone, Default)]
struct Frame(Arc<Mutex<Vec<u8>>>);

impl Frame {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the writing thread shares with the loop.
#[derive(Debug, Default)]
struct Writing {
    is_busy: AtomicBool,
    has_failed: AtomicBool,
    done: Notify,
}

/// The picture on the terminal.
pub struct Screen {
    frame: Frame,
    backend: CrosstermBackend<Frame>,
    shown: Buffer,
    cursor: Option<Position>,
    is_blank: bool,
    frames: SyncSender<Vec<u8>>,
    writing: Arc<Writing>,
}

impl Screen {
    /// Returns a screen of which nothing is drawn yet, and starts the thread that writes.
    ///
    /// # Errors
    /// The system refuses a thread or a descriptor.
    pub fn new() -> io::Result<Self> {
        let (frames, queue) = sync_channel::<Vec<u8>>(1);
        let writing = Arc::new(Writing::default());
        let (shared, mut output) = (Arc::clone(&writing), terminal::output()?);
        thread::Builder::new()
            .name("screen".to_owned())
            .spawn(move || {
                while let Ok(bytes) = queue.recv() {
                    if output
                        .write_all(&bytes)
                        .and_then(|()| output.flush())
                        .is_err()
                    {
                        shared.has_failed.store(true, Ordering::SeqCst);
                    }
                    shared.is_busy.store(false, Ordering::SeqCst);
                    shared.done.notify_one();
                }
            })?;
        let frame = Frame::default();
        Ok(Self {
            backend: CrosstermBackend::new(frame.clone()),
            frame,
            shown: Buffer::empty(Rect::ZERO),
            cursor: None,
            is_blank: false,
            frames,
            writing,
        })
    }

    /// Tells whether the last frame is still being written.
    pub fn is_busy(&self) -> bool {
        self.writing.is_busy.load(Ordering::SeqCst)
    }

    /// Tells whether the terminal refused a frame.
    pub fn has_failed(&self) -> bool {
        self.writing.has_failed.load(Ordering::SeqCst)
    }

    /// Waits until a frame has been written.
    pub async fn written(&self) {
        self.writing.done.notified().await;
    }

    /// Forgets what is shown: the next frame has every cell.
    pub fn forget(&mut self) {
        self.is_blank = false;
    }

    /// Draws the model, unless the last frame is still being written: then it returns none.
    ///
    /// # Errors
    /// A frame could not be made.
    pub fn draw(&mut self, model: &Model, theme: &Theme) -> io::Result<Option<Geometry>> {
        if self.is_busy() {
            return Ok(None);
        }
        let area = Rect::new(0, 0, model.size.0, model.size.1);
        let mut next = Buffer::empty(area);
        let (geometry, cursor) = ui::draw_buffer(&mut next, area, model, theme);
        if !self.is_blank || self.shown.area != area {
            queue!(self.frame, Clear(ClearType::All))?;
            self.shown = Buffer::empty(area);
            self.is_blank = true;
        }
        let changes = self.shown.diff(&next);
        let has_changed = !changes.is_empty();
        if has_changed {
            self.backend.draw(changes.into_iter())?;
        }
        self.place_cursor(cursor, has_changed)?;
        self.shown = next;
        self.send()?;
        Ok(Some(geometry))
    }

    fn place_cursor(&mut self, cursor: Option<Position>, was_moved: bool) -> io::Result<()> {
        match cursor {
            Some(at) if was_moved || self.cursor != cursor => {
                queue!(self.frame, MoveTo(at.x, at.y))?;
                if self.cursor.is_none() {
                    queue!(self.frame, Show)?;
                }
            }
            None if self.cursor.is_some() => queue!(self.frame, Hide)?,
            Some(_) | None => {}
        }
        self.cursor = cursor;
        Ok(())
    }

    /// Puts a text on the terminal's clipboard with the next frame.
    ///
    /// # Errors
    /// It could not be encoded.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        queue!(self.frame, CopyToClipboard::to_clipboard_from(text))
    }

    fn send(&mut self) -> io::Result<()> {
        let mut bytes = self.frame.take();
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.len() > SYNCHRONIZED_FROM {
            let mut marked = Vec::with_capacity(bytes.len() + 16);
            queue!(marked, BeginSynchronizedUpdate)?;
            marked.append(&mut bytes);
            queue!(marked, EndSynchronizedUpdate)?;
            bytes = marked;
        }
        self.writing.is_busy.store(true, Ordering::SeqCst);
        // The thread only ends with the channel: it cannot be gone.
        self.frames
            .send(bytes)
            .map_err(|_| io::Error::other("the screen's thread is gone"))
    }
}
