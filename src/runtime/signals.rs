//! Signals and the loss of the terminal, seen by threads of their own: they end the program even when the loop cannot.
//!
//! Changes of size come this way too. The source of events that the keyboard's thread reads tells of them as well, but listens
//! only from its first use on, and not while it waits for the rest of a sequence.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

use super::last_words::LastWords;
use super::{external, terminal};

/// How long the loop gets to end by itself.
const END_WITHIN: Duration = Duration::from_millis(1700);
/// How often it is looked whether the terminal is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To end, by the signal of this number.
    End(u8),
    /// To suspend.
    Suspend,
    /// The program goes on after having been stopped.
    Continued,
    /// To draw on a terminal of another size, in cells.
    Resized { columns: u16, rows: u16 },
}

/// Starts listening. No change of size is missed once this has returned.
///
/// # Errors
/// The system refuses a thread or a handler.
pub fn listen(last_words: Arc<LastWords>) -> io::Result<mpsc::UnboundedReceiver<Asked>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH])?;
    let (to_loop, words) = (sender.clone(), Arc::clone(&last_words));
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                match signal {
                    // Another program has the terminal: it is meant, and a stop is of both.
                    SIGINT | SIGQUIT | SIGCONT | SIGWINCH if terminal::is_lent() => {}
                    SIGTSTP if terminal::is_lent() => {
                        let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
                    }
                    SIGTSTP => {
                        let _ = to_loop.send(Asked::Suspend);
                    }
                    SIGCONT => {
                        let _ = to_loop.send(Asked::Continued);
                    }
                    SIGWINCH => {
                        if let Ok((columns, rows)) = crossterm::terminal::size() {
                            let _ = to_loop.send(Asked::Resized { columns, rows });
                        }
                    }
                    signal => end(signal, &to_loop, &words),
                }
            }
        })?;
    // A terminal that goes while SIGHUP is ignored (nohup) would leave the keyboard's thread spinning for ever.
    thread::Builder::new()
        .name("hang-up".to_owned())
        .spawn(move || {
            loop {
                thread::sleep(LOOK_EVERY);
                if terminal::is_ours() && terminal::is_gone() {
                    end(SIGHUP, &sender, &last_words);
                }
            }
        })?;
    Ok(receiver)
}

/// Keeps what is unsaved, asks the loop to end, and ends the program if that does not.
fn end(signal: i32, to_loop: &mpsc::UnboundedSender<Asked>, last_words: &LastWords) {
    let number = u8::try_from(signal).unwrap_or(0);
    last_words.write();
    external::hang_up();
    let _ = to_loop.send(Asked::End(number));
    let force = move || {
        thread::sleep(END_WITHIN);
        terminal::leave();
        std::process::exit(128 + i32::from(number));
    };
    drop(thread::Builder::new().name("end".to_owned()).spawn(force));
}
