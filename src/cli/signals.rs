//! The signals that end the program: whoever waits for one ends in an orderly way, and wherever nobody waits they end the
//! program at once, at a question too.
//!
//! One that was ignored at the start stays ignored, as `nohup` and shells want it of what runs in their background.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::thread;

use futures::future::select_all;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::{flag, low_level};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Those that end this program.
static ENDING: LazyLock<Vec<i32>> = LazyLock::new(|| {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored(&status);
    let signals = [SIGHUP, SIGINT, SIGTERM].into_iter();
    signals.filter(|it| ignored >> (it - 1) & 1 == 0).collect()
});

/// Returns the mask of the signals that a process ignores, as its status in proc(5) tells it; none where there is no such
/// status.
fn ignored(status: &str) -> u64 {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// Waits for a signal that ends the program and returns its number. It is listened for from the call on, not only once the
/// future is polled: what is chosen from beside it may be ready before.
///
/// # Errors
/// Signals cannot be listened to.
pub(super) fn next_signal() -> impl Future<Output = io::Result<u8>> {
    let listening = listen();
    async move {
        let (_awaited, streams) = listening?;
        let coming = streams.into_iter().map(|(number, mut stream)| {
            Box::pin(async move {
                stream.recv().await;
                u8::try_from(number).unwrap_or(u8::MAX - 128)
            })
        });
        let coming: Vec<_> = coming.collect();
        match coming.is_empty() {
            true => std::future::pending().await,
            false => Ok(select_all(coming).await.0),
        }
    }
}

/// Begins to listen for those that end this program.
fn listen() -> io::Result<(Awaited, Vec<(i32, Signal)>)> {
    let awaited = Awaited::begin()?;
    let streams = ENDING.iter().map(|number| {
        let stream = signal(SignalKind::from_raw(*number))?;
        Ok((*number, stream))
    });
    Ok((awaited, streams.collect::<io::Result<_>>()?))
}

/// While one of these lives a signal is waited for. What listened once keeps signals from ending the program by themselves,
/// so that they are made to where none lives.
struct Awaited {
    ends_at_once: &'static AtomicBool,
}

/// How many of them live.
static N_AWAITED: AtomicUsize = AtomicUsize::new(0);

impl Awaited {
    fn begin() -> io::Result<Self> {
        static ENDS_AT_ONCE: OnceLock<Arc<AtomicBool>> = OnceLock::new();
        let is_first = ENDS_AT_ONCE.get().is_none();
        let ends_at_once = ENDS_AT_ONCE.get_or_init(Arc::default);
        if is_first {
            for signal in ENDING.iter() {
                flag::register_conditional_default(*signal, ends_at_once.clone())?;
            }
        }
        N_AWAITED.fetch_add(1, Ordering::SeqCst);
        ends_at_once.store(false, Ordering::SeqCst);
        Ok(Self { ends_at_once })
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let is_last = N_AWAITED.fetch_sub(1, Ordering::SeqCst) == 1;
        self.ends_at_once.store(is_last, Ordering::SeqCst);
    }
}

/// While it lives, the terminal on standard input shows nothing of what is typed and hands over each key, ^C too. A signal
/// that ends the program gives the terminal its modes back first.
pub(super) struct Unechoed {
    usual: Termios,
    /// Held by whoever sets modes. Who gives them back and ends the program keeps it.
    setting: Arc<Mutex<()>>,
    signals: Handle,
    _awaited: Awaited,
}

impl Unechoed {
    /// Hides what is typed from now on; what was typed before is dropped, as getpass(3) does it.
    ///
    /// # Errors
    /// Standard input is no terminal, or signals cannot be listened to.
    pub(super) fn begin() -> io::Result<Self> {
        let usual = tcgetattr(io::stdin())?;
        let setting = Arc::new(Mutex::new(()));
        let _awaited = Awaited::begin()?;
        let mut coming = Signals::new(ENDING.iter())?;
        let signals = coming.handle();
        thread::spawn({
            let (usual, setting) = (usual.clone(), setting.clone());
            move || {
                for signal in coming.forever() {
                    let _setting = setting.lock();
                    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &usual);
                    let _ = low_level::emulate_default_handler(signal);
                }
            }
        });
        let mut hidden = usual.clone();
        let shown = LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        hidden.local_modes.remove(shown);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        let held = setting.lock();
        let set = tcsetattr(io::stdin(), OptionalActions::Flush, &hidden);
        drop(held);
        set?;
        Ok(Self {
            usual,
            setting,
            signals,
            _awaited,
        })
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        let _setting = self.setting.lock();
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.usual);
        self.signals.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_ignores_is_read_from_its_status() {
        let status =
            "Name:\tbowline\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        let ignored_ones = |status| (1..64).filter(move |it| ignored(status) >> (it - 1) & 1 == 1);
        assert!(ignored_ones(status).eq([SIGHUP, 13]));
        for unknown in ["", "SigIgn:\tmany\n"] {
            assert_eq!(ignored(unknown), 0, "{unknown:?}");
        }
    }
}
