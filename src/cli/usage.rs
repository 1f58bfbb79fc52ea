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
fn usage_of(args: impl Iterator<Item = OsString>) -> clap::builder::StyledStr {
    let mut root = Cli::command();
    root.build();
    let mut command: &mut Command = &mut root;
    for word in args {
        let Some(word) = word.to_str() else { continue };
        if command.find_subcommand(word).is_some() {
            command = command
                .find_subcommand_mut(word)
                .expect("it was found just now");
        }
    }
    command.render_usage()
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
        check(
            &["sandbox", "serve", "--port", "x"],
            "bowline sandbox serve [OPTIONS]",
        );
        check(&["exec"], "bowline exec [OPTIONS] <ID> [-- <COMMAND>...]");
    }
}
