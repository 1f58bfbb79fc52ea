//! What is told and kept of a panic: where it was, never what it said. Messages of panics quote values, and a value may be a
//! secret.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinError;

/// Lets every panic of this process be told by [`tell`], and keeps its memory, through which secrets pass, out of the file that the
/// system may write of a process that is killed. Called once, before anything is read.
pub fn install() {
    panic::set_hook(Box::new(tell));
    let limit = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    // A system that refuses to write less is none that there is.
    let _ = setrlimit(Resource::Core, limit);
}

/// Says on standard error that something broke down, and by which calls if `RUST_BACKTRACE` asks for that.
pub fn tell(info: &PanicHookInfo<'_>) {
    let mut stderr = io::stderr().lock();
    // Nobody is left to tell where this fails.
    let _ = writeln!(stderr, "error: {}", sentence(info));
    let backtrace = Backtrace::capture();
    let _ = match backtrace.status() {
        BacktraceStatus::Captured => writeln!(stderr, "{backtrace}"),
        _ => writeln!(stderr, "  RUST_BACKTRACE=1 shows by which calls"),
    };
}

/// Returns what may be told: the place, and the message where it is a text of the program's own, which holds no value.
pub fn sentence(info: &PanicHookInfo<'_>) -> String {
    let place = info
        .location()
        .map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    let said = info.payload().downcast_ref::<&'static str>();
    let said = said.map_or_else(String::new, |said| format!(": {said}"));
    format!("something broke down{place}{said}; what it was doing is not finished")
}

/// Returns what may be told of a task that did not come to its end. What the runtime itself says of it quotes the message.
pub fn of_task(error: &JoinError) -> &'static str {
    match error.is_panic() {
        true => "something broke down; what it was doing is not finished",
        false => "it was given up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_a_task_that_panics_the_message_is_not_told() {
        let secret = "c4n4ry".to_owned();
        let error = tokio::spawn(async move { assert!(secret.is_empty(), "{secret}") });
        let told = of_task(&error.await.unwrap_err());
        assert_eq!(
            told,
            "something broke down; what it was doing is not finished"
        );
    }
}
