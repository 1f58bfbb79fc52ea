//! What a report tells of the machine: the terminal, and where files are and whether they can be used.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use serde::Serialize;

use crate::cli::session::Session;
use crate::config::Ui;
use crate::log;
use crate::runtime::{self, LastSession};
use crate::text;
use crate::ui::ColorLevel;

/// What is known of the terminal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Terminal {
    /// Whether standard input, output and error are one.
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// What the dashboard draws with: `256`, `16` or `none`.
    pub colors: &'static str,
    /// Whether it draws in Unicode.
    pub is_unicode: bool,
    /// The variable that decides the locale, with its value.
    pub locale: Option<String>,
    pub columns: Option<u16>,
    pub rows: Option<u16>,
    /// `tmux`, `screen` or `zellij`.
    pub multiplexer: Option<&'static str>,
    /// Whether it is a session over SSH.
    pub is_ssh: bool,
}

/// A file or directory of bowline's.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub name: &'static str,
    pub path: String,
    pub exists: bool,
    pub readable: bool,
    /// Of what is not there: whether it can be made.
    pub writable: bool,
    /// Why bowline cannot do with it as it is.
    pub fault: Option<String>,
}

/// What the dashboard sends to the terminal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    /// Bytes a second that it may send, as the settings say; none is not bounded.
    pub max_bytes_per_second: Option<u32>,
    /// What the last session sent, where it was one on this machine.
    pub last_session: Option<LastSession>,
}

/// Looks at what went over the link.
pub(super) fn link(session: &Session) -> Link {
    let budget = session.settings.ui.max_bytes_per_second;
    Link {
        max_bytes_per_second: (budget > 0).then_some(budget),
        last_session: runtime::last_session(&session.paths.state),
    }
}

/// Looks at the terminal.
pub(super) fn terminal(ui: &Ui) -> Terminal {
    let (colors, is_ascii) = runtime::looks(ui);
    let is_terminal = std::io::stdout().is_terminal();
    let size = crossterm::terminal::size().ok().filter(|_| is_terminal);
    let multiplexers = [("TMUX", "tmux"), ("STY", "screen"), ("ZELLIJ", "zellij")];
    let found = multiplexers
        .iter()
        .find(|(name, _)| variable(name).is_some());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let mut locale = locale.filter_map(|name| Some(format!("{name}={}", variable(name)?)));
    Terminal {
        stdin: std::io::stdin().is_terminal(),
        stdout: is_terminal,
        stderr: std::io::stderr().is_terminal(),
        term: variable("TERM"),
        colors: match colors {
            ColorLevel::Full => "256",
            ColorLevel::Basic => "16",
            ColorLevel::None => "none",
        },
        is_unicode: !is_ascii,
        locale: locale.next(),
        columns: size.map(|(columns, _)| columns),
        rows: size.map(|(_, rows)| rows),
        multiplexer: found.map(|(_, name)| *name),
        is_ssh: variable("SSH_CONNECTION").or(variable("SSH_TTY")).is_some(),
    }
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(text::clean(&value).into_owned())
}

/// Looks at the files.
pub(super) fn places(session: &Session) -> Vec<Place> {
    let config = session.global.config.as_ref();
    let config = config.unwrap_or(&session.paths.config_file);
    let state = &session.paths.state;
    vec![
        // Whoever cannot write these can still use them.
        place("config", config, false),
        place("catalogue", session.catalogue.dir(), false),
        place("state", state, true),
        place("log", &log::directory(state), true),
    ]
}

fn place(name: &'static str, path: &Path, is_written: bool) -> Place {
    let may = |path: &Path, what: Access| access(path, what).is_ok();
    let exists = path.exists();
    let (readable, writable) = match exists {
        true => (may(path, Access::READ_OK), may(path, Access::WRITE_OK)),
        false => (
            false,
            nearest(path).is_some_and(|dir| may(&dir, Access::WRITE_OK)),
        ),
    };
    let shown = text::clean(&path.display().to_string()).into_owned();
    let fault = match (exists, readable, writable) {
        (true, false, _) => Some("cannot be read"),
        (true, _, false) if is_written => Some("cannot be written"),
        (false, _, false) if is_written => Some("cannot be made"),
        _ => None,
    };
    Place {
        name,
        fault: fault.map(|fault| format!("{name} {shown} {fault}")),
        path: shown,
        exists,
        readable,
        writable,
    }
}

/// Returns the directory in which the first missing one would be made.
fn nearest(path: &Path) -> Option<PathBuf> {
    let mut above = path.ancestors().skip(1);
    let found = above.find(|dir| dir.exists())?;
    found.is_dir().then(|| found.to_owned())
}
