//! Wrong usage, as it is told: with the usage of the command that was meant.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory};

use super::args::Cli;

/// Says what is wrong with the arguments, or prints the help that was asked for, and ends the program.
pub(super) fn exit(mut error: clap::Error) -> ! {
    let usage = error.get(ContextKind::Usage).is_some();
    if usage {
        let usage = usage_of(std::env::args_os().skip(1));
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    }
    error.exit()
}

/// Returns the usage of the command that arguments name. The parser's own takes in what the environment gives, as if that
/// belonged to every call.
fn usage_of(mut args: impl Iterator<Item = OsString>) -> clap::builder::StyledStr {
    let mut root = Cli::command();
    root.build();
    let mut command: &mut Command = &mut root;
    while let Some(word) = args.next() {
        let Some(word) = word.to_str() else { continue };
        if takes_next(command, word) {
            args.next();
        } else if command.find_subcommand(word).is_some() {
            command = command
                .find_subcommand_mut(word)
                .expect("it was found just now");
        }
    }
    command.render_usage()
}

/// Tells whether a word is a flag whose value is the next one.
fn takes_next(command: &Command, word: &str) -> bool {
    let mut flags = command.get_arguments();
    let is_it = |flag: &&clap::Arg| {
        let long = flag.get_long().map(|long| format!("--{long}"));
        let short = flag.get_short().map(|short| format!("-{short}"));
        [long, short].into_iter().flatten().any(|it| it == word)
    };
    flags
        .find(is_it)
        .is_some_and(|flag| flag.get_action().takes_values() && !flag.is_require_equals_set())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str], expected: &str) {
        let args = args.iter().map(OsString::from);
        assert_eq!(usage_of(args).to_string(), format!("Usage: {expected}"));
    }

    #[test]
    fn the_usage_is_that_of_the_command() {
        check(&[], "bowline [OPTIONS] [COMMAND]");
        check(&["ls", "-o", "xml"], "bowline ls [OPTIONS]");
        check(
            &["-n", "team-a", "delete"],
            "bowline delete [OPTIONS] [ID]...",
        );
        check(&["--context", "sandbox", "ls"], "bowline ls [OPTIONS]");
        check(&["--sandbox", "ls", "x"], "bowline ls [OPTIONS]");
        check(
            &["sandbox", "serve", "--port", "x"],
            "bowline sandbox serve [OPTIONS]",
        );
        check(&["exec"], "bowline exec [OPTIONS] <ID> [-- <COMMAND>...]");
    }
}
