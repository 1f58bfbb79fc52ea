//! `bowline completion SHELL`: the script that makes a shell ask bowline itself, so that live names complete.

use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use super::args::{Completion, Shell};
use super::{Exit, output};

pub fn run(args: &Completion) -> anyhow::Result<Exit> {
    let completer: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    completer.write_registration("COMPLETE", "bowline", "bowline", "bowline", &mut script)?;
    output::print(&String::from_utf8(script)?)?;
    Ok(Exit::Ok)
}
