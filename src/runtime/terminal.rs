//! The terminal's modes: taken once, given back on every way out.
//!
//! What is given back does not depend on what was reached: [`leave`] may be called from any thread, any number of times.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::style::{Print, ResetColor};
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{execute, queue};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::RuntimeError;

/// A terminal that does not read gets so long for what gives it back.
const LEAVE_WITHIN: Duration = Duration::from_millis(400);

/// Whether the modes are ours now.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// Whether another program has the terminal, and gives it back.
static IS_LENT: AtomicBool = AtomicBool::new(false);

/// The modes that another program got the terminal with: it may leave others.
static AT_LOAN: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether the mouse is wanted.
static HAS_MOUSE: AtomicBool = AtomicBool::new(false);

/// Presses and the wheel, in cells beyond 223 too; movements are not asked for, they are a flood on a slow link.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Has the mouse reported from the next [`enter`] on. The terminal's own selection then needs shift.
pub fn want_mouse() {
    HAS_MOUSE.store(true, Ordering::SeqCst);
}

/// Tells whether the mouse is wanted.
pub fn has_mouse() -> bool {
    HAS_MOUSE.load(Ordering::SeqCst)
}

/// Tells whether a dashboard can be shown at all.
///
/// # Errors
/// Why not.
pub fn require() -> Result<(), RuntimeError> {
    if !io::stdin().is_terminal() {
        return Err(RuntimeError::NoTerminal("standard input is none"));
    }
    if !io::stdout().is_terminal() {
        return Err(RuntimeError::NoTerminal("standard output is none"));
    }
    match std::env::var("TERM").as_deref() {
        Err(_) | Ok("") => Err(RuntimeError::NoTerminal("TERM is not set")),
        Ok("dumb") => Err(RuntimeError::NoTerminal("TERM is dumb")),
        Ok(_) => Ok(()),
    }
}

/// Returns a handle to the terminal of its own: whoever blocks on another does not hold it.
///
/// # Errors
/// The system refuses another descriptor.
pub fn output() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Takes the terminal: raw mode, alternate screen, pastes in brackets, no cursor.
///
/// # Errors
/// The terminal refuses.
pub fn enter() -> io::Result<()> {
    IS_OURS.store(true, Ordering::SeqCst);
    take_keys()?;
    take_screen()
}

/// Gives the screen and the cursor to somebody else, who is told of on it; keys stay as they are typed.
///
/// # Errors
/// The terminal refuses.
pub fn hand_over(banner: &str) -> io::Result<()> {
    let mut output = output()?;
    if has_mouse() {
        execute!(output, Print(MOUSE_OFF))?;
    }
    execute!(
        output,
        ResetColor,
        DisableBracketedPaste,
        Show,
        LeaveAlternateScreen
    )?;
    output.write_all(banner.as_bytes())
}

/// Takes the screen back from somebody who may have left it in any state.
///
/// # Errors
/// The terminal refuses.
pub fn take_back() -> io::Result<()> {
    reset()?;
    take_screen()
}

fn reset() -> io::Result<()> {
    // A soft reset: cursor keys, margins, character sets, colours. What else programs like to leave on is mice.
    let mut output = output()?;
    output.write_all(b"\x1b[!p\x1b(B\x0f\x1b[?1l\x1b>")?;
    execute!(output, DisableMouseCapture)
}

fn take_screen() -> io::Result<()> {
    let mut output = output()?;
    execute!(output, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    match has_mouse() {
        true => execute!(output, Print(MOUSE_ON)),
        false => Ok(()),
    }
}

/// Makes keys come as they are typed once more, whoever has the screen.
///
/// # Errors
/// The terminal refuses.
pub fn take_keys() -> io::Result<()> {
    // Does nothing where the modes were taken before, and remembers then what is given back at the end.
    terminal::enable_raw_mode()?;
    // A shell that had the terminal while we were stopped has set its own since.
    let mut modes = tcgetattr(io::stdin())?;
    modes.make_raw();
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &modes)?)
}

/// Tells whether the modes are ours now.
pub fn is_ours() -> bool {
    IS_OURS.load(Ordering::SeqCst)
}

/// Gives the terminal back as it was. A terminal that does not read, or is gone, cannot hold it up.
pub fn leave() {
    if !IS_OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let (done, is_done) = std::sync::mpsc::channel();
    let write = move || {
        // Nothing can be told where the terminal is gone.
        let _ = write_leave();
        let _ = done.send(());
    };
    if thread::Builder::new()
        .name("leave".to_owned())
        .spawn(write)
        .is_ok()
    {
        let _ = is_done.recv_timeout(LEAVE_WITHIN);
    }
    let _ = terminal::disable_raw_mode();
}

fn write_leave() -> io::Result<()> {
    let mut bytes = Vec::new();
    if has_mouse() {
        queue!(bytes, Print(MOUSE_OFF))?;
    }
    queue!(
        bytes,
        ResetColor,
        DisableBracketedPaste,
        Show,
        LeaveAlternateScreen
    )?;
    let mut output = output()?;
    output.write_all(&bytes)?;
    output.flush()
}

/// Gives the terminal back when it goes out of scope.
#[derive(Debug)]
pub struct Guard;

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// The terminal refuses; then it is as it was.
    pub fn enter() -> io::Result<Self> {
        let guard = Self;
        enter()?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leave();
    }
}

/// Stops the program as the shell's ^z does; returns when it is continued.
///
/// # Errors
/// The terminal refuses to be taken again.
pub fn suspend() -> io::Result<()> {
    leave();
    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
    enter()
}

/// Gives the terminal to another program, until [`end_loan`].
pub fn lend() {
    IS_LENT.store(true, Ordering::SeqCst);
    leave();
    *at_loan() = tcgetattr(io::stdin()).ok();
}

fn at_loan() -> std::sync::MutexGuard<'static, Option<Termios>> {
    AT_LOAN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the terminal back from another program that it was lent to, and that may have been killed with its modes set.
///
/// # Errors
/// The terminal refuses to be taken again.
pub fn end_loan() -> io::Result<()> {
    if let Some(modes) = at_loan().take() {
        // What is given back at the end is what was found at first. A terminal that refuses is told of below.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    }
    let entered = reset().and_then(|()| enter());
    IS_LENT.store(false, Ordering::SeqCst);
    entered
}

/// Tells whether another program has the terminal.
pub fn is_lent() -> bool {
    IS_LENT.load(Ordering::SeqCst)
}

/// Tells whether the terminal is gone: hung up, its other side closed.
pub fn is_gone() -> bool {
    rustix::termios::tcgetattr(io::stdin()).is_err()
}
