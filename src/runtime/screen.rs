//! What is on the terminal: frames as differences to the one before, written by a thread of its own.
//!
//! While that thread is busy nothing new is drawn: a terminal that does not read costs frames, never the loop, and gets one
//! frame with everything when it reads again.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossterm::cursor::{Hide, Show};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::sync::Notify;

use crate::app::hits::Hits;
use crate::app::{Geometry, Model, Traffic};
use crate::ui::{self, Theme};

use super::encoder::Encoder;
use super::multiplexer::Multiplexer;
use super::traffic::Meter;

/// Frames larger than this are marked, so that a terminal that can shows them at once.
const SYNCHRONIZED_FROM: usize = 600;

/// What the writing thread shares with the loop.
#[derive(Debug, Default)]
struct Writing {
    is_busy: AtomicBool,
    has_failed: AtomicBool,
    done: Notify,
}

/// The picture on the terminal.
pub struct Screen {
    /// The bytes of a frame while it is made.
    frame: Vec<u8>,
    encoder: Encoder,
    shown: Buffer,
    cursor: Option<Position>,
    is_blank: bool,
    frames: SyncSender<Vec<u8>>,
    writing: Arc<Writing>,
    meter: Meter,
    multiplexer: Multiplexer,
}

impl Screen {
    /// Returns a screen on an output of which nothing is drawn yet, and starts the thread that writes.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn on(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let (frames, queue) = sync_channel::<Vec<u8>>(1);
        let writing = Arc::new(Writing::default());
        let shared = Arc::clone(&writing);
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
        Ok(Self {
            frame: Vec::new(),
            encoder: Encoder::default(),
            shown: Buffer::empty(Rect::ZERO),
            cursor: None,
            is_blank: false,
            frames,
            writing,
            meter: Meter::new(0, Instant::now()),
            multiplexer: Multiplexer::None,
        })
    }

    /// Bounds the bytes that are written in a second, on the average; nothing bounds nothing.
    pub fn allow(&mut self, max_bytes_per_second: u32) {
        self.meter = Meter::new(max_bytes_per_second, Instant::now());
    }

    /// Takes what stands between this program and the terminal.
    pub fn within(&mut self, multiplexer: Multiplexer) {
        self.multiplexer = multiplexer;
    }

    /// Returns how long the next frame has to wait for its bytes.
    pub fn wait(&self) -> Duration {
        self.meter.wait(Instant::now())
    }

    /// Returns what was written.
    pub fn traffic(&self) -> Traffic {
        self.meter.traffic(Instant::now())
    }

    /// Tells whether the last frame is still being written.
    pub fn is_busy(&self) -> bool {
        self.writing.is_busy.load(Ordering::SeqCst)
    }

    /// Tells whether the terminal refused a frame.
    pub fn has_failed(&self) -> bool {
        self.writing.has_failed.load(Ordering::SeqCst)
    }

    /// Waits until nothing is being written, at most for a moment: what writes on the terminal next must not meet a frame.
    pub fn finish(&self) {
        for _ in 0..100 {
            if !self.is_busy() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a frame has been written.
    pub async fn written(&self) {
        self.writing.done.notified().await;
    }

    /// Forgets what is shown: the next frame has every cell.
    pub fn forget(&mut self) {
        self.is_blank = false;
        self.encoder.forget();
    }

    /// Draws the model, unless the last frame is still being written: then it returns none.
    ///
    /// # Errors
    /// A frame could not be made.
    pub fn draw(&mut self, model: &Model, theme: &Theme) -> io::Result<Option<(Geometry, Hits)>> {
        if self.is_busy() {
            return Ok(None);
        }
        let area = Rect::new(0, 0, model.size.0, model.size.1);
        let mut next = Buffer::empty(area);
        let mut hits = Hits::default();
        let (geometry, cursor) = ui::draw_with_hits(&mut next, area, (model, theme), &mut hits);
        if !self.is_blank || self.shown.area != area {
            // Whoever had the terminal meanwhile left the cursor shown or hidden.
            queue!(self.frame, Hide)?;
            self.cursor = None;
            self.encoder.clear(&mut self.frame);
            self.shown = Buffer::empty(area);
            self.is_blank = true;
        }
        self.encoder.change(&self.shown, &next, &mut self.frame);
        self.place_cursor(cursor)?;
        self.shown = next;
        self.send()?;
        Ok(Some((geometry, hits)))
    }

    fn place_cursor(&mut self, cursor: Option<Position>) -> io::Result<()> {
        if let Some(at) = cursor {
            self.encoder.go(at, &mut self.frame);
        }
        match (self.cursor, cursor) {
            (None, Some(_)) => queue!(self.frame, Show)?,
            (Some(_), None) => queue!(self.frame, Hide)?,
            _ => {}
        }
        self.cursor = cursor;
        Ok(())
    }

    /// Puts a text on the terminal's clipboard with the next frame.
    pub fn copy(&mut self, text: &str) {
        // NB: it ends with a bell and not with a string terminator, which would end what it is wrapped into too.
        let sequence = format!("\x1b]52;c;{}\x07", BASE64.encode(text));
        self.frame.extend_from_slice(sequence.as_bytes());
        let passing = self.multiplexer.passing(sequence.as_bytes());
        self.frame.extend(passing);
    }

    fn send(&mut self) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.frame);
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
        self.meter.count(bytes.len(), Instant::now());
        // The thread only ends with the channel: it cannot be gone.
        self.frames
            .send(bytes)
            .map_err(|_| io::Error::other("the screen's thread is gone"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::app::stage::{self, Stage};
    use crate::service::watch::{Delta, WatchEvent};

    /// Passes on what is written, and writes only as far as it is let.
    struct Output(Sender<Vec<u8>>, Receiver<()>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.recv().map_err(io::Error::other)?;
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A screen, what is written on it, and a way to let the terminal read.
    struct Terminal {
        screen: Screen,
        written: Receiver<Vec<u8>>,
        reads: Sender<()>,
    }

    impl Terminal {
        fn new() -> Self {
            let ((sender, written), (reads, allowed)) = (channel(), channel());
            let screen = Screen::on(Output(sender, allowed)).unwrap();
            Self {
                screen,
                written,
                reads,
            }
        }

        /// Draws, lets the terminal read, and returns the bytes that it read.
        fn draw(&mut self, stage: &mut Stage) -> Vec<u8> {
            stage.model.settle();
            self.screen.draw(&stage.model, &Theme::default()).unwrap();
            if !self.screen.is_busy() {
                return Vec::new();
            }
            self.read()
        }

        fn read(&mut self) -> Vec<u8> {
            self.reads.send(()).unwrap();
            let bytes = self.written.recv().unwrap();
            while self.screen.is_busy() {
                thread::yield_now();
            }
            bytes
        }
    }

    fn services() -> Stage {
        let mut stage = Stage::with_services();
        stage.rest();
        stage.model.size = (160, 50);
        stage
    }

    #[test]
    fn picture_that_did_not_change_costs_no_byte() {
        let (mut terminal, mut stage) = (Terminal::new(), services());
        assert!(terminal.draw(&mut stage).len() > 1000);
        assert_eq!(terminal.draw(&mut stage), b"");
    }

    #[test]
    fn changed_pod_costs_few_bytes() {
        let (mut terminal, mut stage) = (Terminal::new(), services());
        terminal.draw(&mut stage);
        let row = stage::pod_row("web-6d9c9c5b8-4bqzd", 1, "Running", 1);
        let namespace = stage::key("web").namespace;
        stage.overview(vec![WatchEvent::PodRows(
            namespace,
            vec![Delta::Applied(row)],
        )]);
        let n_bytes = terminal.draw(&mut stage).len();
        assert!((1..100).contains(&n_bytes), "{n_bytes}");
    }

    #[test]
    fn moved_selection_costs_fewer_bytes_than_a_frame() {
        let (mut terminal, mut stage) = (Terminal::new(), services());
        let whole = terminal.draw(&mut stage).len();
        stage.press("tab");
        let n_bytes = terminal.draw(&mut stage).len();
        assert!(n_bytes < whole, "{n_bytes} of {whole}");
    }

    #[test]
    fn forgotten_screen_is_drawn_whole() {
        let (mut terminal, mut stage) = (Terminal::new(), services());
        let whole = terminal.draw(&mut stage);
        terminal.screen.forget();
        assert_eq!(terminal.draw(&mut stage), whole);
        // And its cursor is shown, which whoever had the terminal may have hidden.
        let (mut terminal, mut stage) = (Terminal::new(), services());
        stage.press("/");
        let shows = |bytes: Vec<u8>| {
            let find = |what: &[u8]| bytes.windows(what.len()).rposition(|it| it == what);
            find(b"\x1b[?25h") > find(b"\x1b[?25l")
        };
        assert!(shows(terminal.draw(&mut stage)));
        terminal.screen.forget();
        assert!(shows(terminal.draw(&mut stage)));
        // And one of another size.
        stage.model.size = (80, 24);
        let bytes = terminal.draw(&mut stage);
        let clear = b"\x1b[2J";
        assert!(bytes.windows(clear.len()).any(|window| window == clear));
    }

    #[test]
    fn terminal_that_does_not_read_gets_one_frame_with_everything_later() {
        let (mut terminal, mut stage) = (Terminal::new(), services());
        let draw = |terminal: &mut Terminal, stage: &mut Stage| {
            stage.model.settle();
            let drawn = terminal.screen.draw(&stage.model, &Theme::default());
            drawn.unwrap().is_some()
        };
        assert!(draw(&mut terminal, &mut stage));
        // The first frame is stuck: others are not even made.
        for key in ["j", "2", "j", "3"] {
            stage.press(key);
            assert!(!draw(&mut terminal, &mut stage));
        }
        terminal.read();
        assert!(!terminal.draw(&mut stage).is_empty());
        assert_eq!(terminal.draw(&mut stage), b"");
    }

    #[test]
    fn cursor_is_shown_where_something_is_typed_and_hidden_elsewhere() {
        let has = |bytes: &[u8], sequence: &[u8]| {
            bytes
                .windows(sequence.len())
                .any(|window| window == sequence)
        };
        let (mut terminal, mut stage) = (Terminal::new(), services());
        assert!(!has(&terminal.draw(&mut stage), b"\x1b[?25h"));
        stage.press("/");
        assert!(has(&terminal.draw(&mut stage), b"\x1b[?25h"));
        stage.press("esc");
        assert!(has(&terminal.draw(&mut stage), b"\x1b[?25l"));
    }

    #[test]
    fn what_is_copied_goes_to_the_multiplexer_and_to_the_terminal_outside() {
        let copied = |multiplexer| {
            let (mut terminal, mut stage) = (Terminal::new(), services());
            terminal.draw(&mut stage);
            terminal.screen.within(multiplexer);
            terminal.screen.copy("hi");
            terminal.draw(&mut stage)
        };
        let plain = b"\x1b]52;c;aGk=\x07";
        assert_eq!(copied(Multiplexer::None), plain);
        let wrapped = b"\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\";
        assert_eq!(
            copied(Multiplexer::Tmux),
            [plain.as_slice(), wrapped].concat()
        );
        let wrapped = b"\x1bP\x1b]52;c;aGk=\x07\x1b\\";
        assert_eq!(
            copied(Multiplexer::Screen),
            [plain.as_slice(), wrapped].concat()
        );
    }

    #[test]
    fn frames_wait_for_the_budget_and_then_have_everything() {
        let (mut terminal, mut stage) = (Terminal::new(), services());
        terminal.screen.allow(1000);
        let n_bytes = terminal.draw(&mut stage).len();
        let wait = terminal.screen.wait();
        let owed = Duration::from_secs_f64((n_bytes as f64 - 1000.0) / 1000.0);
        assert!(
            wait <= owed && wait + Duration::from_secs(1) > owed,
            "{wait:?} {owed:?}"
        );
        let traffic = terminal.screen.traffic();
        assert_eq!(
            (traffic.total, traffic.budget),
            (n_bytes as u64, Some(1000))
        );
    }

    #[test]
    fn large_frames_are_shown_at_once() {
        let (mut terminal, mut stage) = (Terminal::new(), services());
        let bytes = terminal.draw(&mut stage);
        assert!(bytes.starts_with(b"\x1b[?2026h") && bytes.ends_with(b"\x1b[?2026l"));
        stage.press("j");
        stage.press("k");
        assert_eq!(terminal.draw(&mut stage), b"");
    }

    #[test]
    fn nothing_hostile_is_written() {
        let (mut terminal, mut stage) = (Terminal::new(), services());
        let failure = crate::failure::Failure::new(
            crate::failure::FailureKind::Unreachable,
            "\u{1b}]0;pwned\u{7}\u{9b}31m\u{202e}\r\n\u{8}evil",
        );
        let epoch = stage.epoch();
        stage.send(crate::app::Msg::ConnectFailed { epoch, failure });
        let text = String::from_utf8(terminal.draw(&mut stage)).unwrap();
        assert!(text.contains("evil"));
        assert!(!text.contains("\u{1b}]"));
        let is_hostile = |c: char| c.is_control() && c != '\u{1b}' || c == '\u{202e}';
        assert!(!text.chars().any(is_hostile));
    }
}
