//! Keys and pastes, read by a thread of its own into a bounded queue; or, while a container has the terminal, the
//! bytes as they are, for it.
//!
//! One thread reads at any time, so that no key is taken by the wrong one. The thread that waits for an event is woken by a
//! change of size that is none. While another program has the terminal it must not read a byte: [`Keyboard::pause`] holds it
//! up.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossterm::event::{self, Event, MouseButton, MouseEventKind};
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::SIGWINCH;
use tokio::sync::mpsc;

use crate::app::Msg;

use super::shell::Keys;
use super::terminal;

/// Keys that wait; a flood of more is held back at the terminal.
const MAX_WAITING: usize = 1024;
/// Bytes of a piece of input.
const PIECE: usize = 4096;

/// How long the thread may take to do what is wanted of it.
const TURN_WITHIN: Duration = Duration::from_secs(1);
/// How often it is woken meanwhile.
const WAKE_EVERY: Duration = Duration::from_millis(20);

/// Whether the thread is to stand still, and what it does.
#[derive(Debug, Default)]
struct Course {
    is_pause_wanted: bool,
    is_standing: bool,
    /// It passes bytes on.
    is_passing: bool,
}

/// What the thread shares with the loop.
#[derive(Debug, Default)]
struct Shared {
    course: Mutex<Course>,
    turned: Condvar,
    /// Where bytes go while a container has the terminal.
    session: Mutex<Option<Keys>>,
}

impl Shared {
    fn session(&self) -> Option<Keys> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.clone()
    }

    fn set(&self, session: Option<Keys>) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stand_while_paused(&self) {
        let mut course = self.course();
        while course.is_pause_wanted {
            course.is_standing = true;
            self.turned.notify_all();
            let waited = self.turned.wait(course);
            course = waited.unwrap_or_else(PoisonError::into_inner);
        }
        course.is_standing = false;
    }

    fn say_passing(&self, is_passing: bool) {
        self.course().is_passing = is_passing;
        self.turned.notify_all();
    }

    /// Wakes the thread until it does what is wanted of it; tells whether it does.
    fn await_turn(&self, is_done: fn(&Course) -> bool, mut meanwhile: impl FnMut()) -> bool {
        let deadline = Instant::now() + TURN_WITHIN;
        let mut course = self.course();
        while !is_done(&course) && Instant::now() < deadline {
            drop(course);
            // It waits for input, or for room in the queue: a change of size is input, and costs nothing.
            let _ = signal_hook::low_level::raise(SIGWINCH);
            meanwhile();
            let waited =
                (self.turned).wait_timeout_while(self.course(), WAKE_EVERY, |it| !is_done(it));
            course = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        is_done(&course)
    }
}

/// The hand on the keyboard.
#[derive(Debug)]
pub struct Keyboard {
    shared: Arc<Shared>,
    wake: UnixStream,
}

impl Keyboard {
    /// Starts reading; the queue ends when the terminal cannot be read any more.
    ///
    /// # Errors
    /// The system refuses a thread or a pair of sockets.
    pub fn read() -> io::Result<(Self, mpsc::Receiver<Msg>)> {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let (wake, woken) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        wake.set_nonblocking(true)?;
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || {
                while read_event(&of_thread, &sender) {
                    if let Some(keys) = of_thread.session() {
                        of_thread.say_passing(true);
                        let passed = pass_on(&of_thread, &keys, &woken);
                        of_thread.say_passing(false);
                        if passed.is_err() {
                            return;
                        }
                    }
                }
            })?;
        Ok((Self { shared, wake }, receiver))
    }

    /// Gives the keys to a session, from when this returns: what the thread took before is meant neither for the one nor the
    /// other.
    pub fn hand_over(&self, keys: Keys) {
        self.shared.set(Some(keys));
        self.shared.await_turn(|it| it.is_passing, || {});
    }

    /// Has nothing read of the terminal until [`Keyboard::go_on`]. What was typed and not taken yet is thrown away: it was
    /// meant for what is no more in front. Tells whether the thread stands still.
    pub fn pause(&self, keys: &mut mpsc::Receiver<Msg>) -> bool {
        let mut drop_all = || while keys.try_recv().is_ok() {};
        self.shared.course().is_pause_wanted = true;
        let is_standing = self.shared.await_turn(|it| it.is_standing, &mut drop_all);
        drop_all();
        is_standing
    }

    /// Reads again.
    pub fn go_on(&self) {
        self.shared.course().is_pause_wanted = false;
        self.shared.turned.notify_all();
    }

    /// Takes the keys back.
    pub fn take_back(&self) {
        self.shared.set(None);
        // A socket that is full wakes as well.
        let _ = (&self.wake).write(&[0]);
    }
}

/// Reads one event; tells whether there may be more.
fn read_event(shared: &Shared, sender: &mpsc::Sender<Msg>) -> bool {
    shared.stand_while_paused();
    let msg = match event::read() {
        Ok(Event::Key(key)) => Msg::Key(key),
        Ok(Event::Paste(text)) => Msg::Paste(text),
        Ok(Event::Mouse(event)) if is_wanted(event.kind) => Msg::Mouse(event),
        // A change of size is told by its signal.
        Ok(Event::FocusGained | Event::FocusLost | Event::Mouse(_) | Event::Resize(..)) => {
            return true;
        }
        Err(_) => return false,
    };
    // What was typed while the terminal was handed over is meant neither for the one nor, as a key, for the other.
    shared.session().is_some() || sender.blocking_send(msg).is_ok()
}

/// Tells whether anything follows from what a mouse did: reports that nobody asked for are another program's.
fn is_wanted(kind: MouseEventKind) -> bool {
    terminal::has_mouse()
        && matches!(
            kind,
            MouseEventKind::Down(MouseButton::Left)
                | MouseEventKind::ScrollUp
                | MouseEventKind::ScrollDown
        )
}

/// Passes bytes on until the session is over.
fn pass_on(shared: &Shared, keys: &Keys, mut woken: &UnixStream) -> io::Result<()> {
    let stdin = io::stdin();
    let mut piece = [0; PIECE];
    while shared.session().is_some() {
        let mut ready = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(woken, PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let [has_keys, is_woken] = ready.map(|it| !it.revents().is_empty());
        if is_woken {
            // How often it was woken does not matter.
            let _ = woken.read(&mut piece);
            continue;
        }
        if !has_keys {
            continue;
        }
        let len = match rustix::io::read(stdin.as_fd(), &mut piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(len) => len,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
            Err(error) => return Err(error.into()),
        };
        let bytes = Bytes::copy_from_slice(&piece[..len]);
        if !keys.give(bytes) {
            // The session is over, and the terminal is about to be taken back.
            return Ok(());
        }
    }
    Ok(())
}
