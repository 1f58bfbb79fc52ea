//! The editor of the user's own choice: a text and the terminal are handed to it, and both come back.
//!
//! Its command is split into words as a shell does it, and never given to one. Nothing of the loop waits for it but the
//! keyboard and the screen. A text that comes back is a message; its file stays until somebody has taken it. What an editor
//! that failed left stays too.

mod words;

use std::env;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread;

use ropey::Rope;
use rustix::process::{Pid, Signal};
use tokio::sync::oneshot;

use crate::app::{Msg, OpId, Returned};
use crate::catalogue::drafts::Drafts;
use crate::definition::id::InstanceId;
use crate::failure::{Failure, FailureKind};

use words::words;

/// Where the command is looked for, the first that says anything.
const VARIABLES: [&str; 3] = ["KUBE_EDITOR", "VISUAL", "EDITOR"];
/// What every system has.
const FALLBACK: &str = "vi";

/// A text that is handed out.
pub struct Order {
    /// Who asked.
    pub editor: OpId,
    /// The definition's name.
    pub name: InstanceId,
    /// The text.
    pub text: Rope,
}

/// Runs the editor on a thread of its own; the receiver tells when it is done. The terminal has to be given back before.
///
/// # Errors
/// The system refuses a thread.
pub fn run(order: Order, drafts: Drafts) -> io::Result<oneshot::Receiver<Msg>> {
    let (done, is_done) = oneshot::channel();
    thread::Builder::new()
        .name("editor".to_owned())
        .spawn(move || {
            let result = edit(&order, &drafts, |name| env::var(name).ok());
            let editor = order.editor;
            drop(done.send(Msg::EditedElsewhere { editor, result }));
        })?;
    Ok(is_done)
}

/// Has the text edited; none if it came back as it went.
fn edit(
    order: &Order,
    drafts: &Drafts,
    var: impl Fn(&str) -> Option<String>,
) -> Result<Option<Returned>, Failure> {
    let command = command(var)?;
    let text = order.text.to_string();
    let mut handout = drafts.hand_out(&order.name, &text)?;
    let status = start(&command, handout.path()).map_err(|error| {
        let what = "name another in $VISUAL or $EDITOR";
        failure(format!(
            "cannot run the editor {}: {error}; {what}",
            command.join(" ")
        ))
    })?;
    if !status.success() {
        let failed = failure(format!(
            "the editor {} ended with {}: the text is as it was",
            command.join(" "),
            told(status)
        ));
        return Err(match handout.rescue(&text) {
            Some(left) => kept(failed, left),
            None => failed,
        });
    }
    let path = handout.path().to_owned();
    let back = handout.read().map_err(|error| kept(error.into(), &path))?;
    let back = back.filter(|back| *back != text);
    Ok(back.map(|text| Returned {
        text,
        path: handout.keep(),
    }))
}

/// Says in a failure where something lies that is worth being looked at.
fn kept(failure: Failure, at: &Path) -> Failure {
    let detail = format!("What it left is kept for three days: {}", at.display());
    Failure {
        detail: crate::text::clean(&detail).into_owned(),
        ..failure
    }
}

fn failure(summary: String) -> Failure {
    Failure::new(FailureKind::Disk, crate::text::clean(&summary))
}

/// Returns the words of the command.
fn command(var: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, Failure> {
    let set = VARIABLES
        .into_iter()
        .filter_map(|name| Some((name, var(name)?)))
        .find(|(_, value)| !value.trim().is_empty());
    let (name, value) = set.unwrap_or(("the editor", FALLBACK.to_owned()));
    match words(&value) {
        Some(words) if !words.is_empty() => Ok(words),
        _ => Err(failure(format!(
            "{name} is no command: a quote or a backslash is without its end in {value:?}"
        ))),
    }
}

fn start(command: &[String], path: &Path) -> io::Result<ExitStatus> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program).args(arguments).arg(path).spawn()?;
    set_running(Some(&child));
    let status = child.wait();
    set_running(None);
    status
}

/// The editor that runs: it does not outlive the program.
static RUNNING: Mutex<Option<Pid>> = Mutex::new(None);

fn set_running(child: Option<&Child>) {
    let pid = child.and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?));
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = pid;
}

/// Ends the editor that runs, as a terminal that goes away does: editors keep what they have then.
pub fn hang_up() {
    let pid = *RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, Signal::HUP);
    }
}

fn told(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has a text edited by what a variable says; returns the answer and how many files are left.
    fn edited(value: &str) -> (Result<Option<String>, String>, usize) {
        let (_dir, result, n_left) = answered(value);
        let text = result.map(|back| back.map(|back| back.text));
        (text.map_err(|failure| failure.summary), n_left)
    }

    fn answered(value: &str) -> (tempfile::TempDir, Result<Option<Returned>, Failure>, usize) {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::of(dir.path(), dir.path());
        let order = Order {
            editor: OpId(1),
            name: "web".parse().unwrap(),
            text: Rope::from_str("a: 1\n"),
        };
        let result = edit(&order, &drafts, |name| {
            (name == "EDITOR").then(|| value.to_owned())
        });
        let folder = std::fs::read_dir(dir.path().join("drafts"));
        let folders = folder.into_iter().flatten().flatten();
        let n_left = folders
            .map(|entry| std::fs::read_dir(entry.path()).unwrap().count())
            .sum();
        (dir, result, n_left)
    }

    #[test]
    fn what_the_editor_left_comes_back_and_its_file_stays_until_it_is_taken() {
        // Words are split as by a shell, and the file is the last of them.
        let appends = r#"sh -c 'printf "%s\n" "$1" >> "$2"' sh "b: two words""#;
        assert_eq!(
            edited(appends),
            (Ok(Some("a: 1\nb: two words\n".to_owned())), 1)
        );
        let (_dir, result, _) = answered(appends);
        let back = result.unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(back.path).unwrap(), back.text);
        assert_eq!(edited("true"), (Ok(None), 0));
        assert_eq!(edited("rm"), (Ok(None), 0));
    }

    #[test]
    fn editor_that_fails_leaves_the_text_as_it_was() {
        let fails = "sh -c 'exit 3'";
        let (result, n_left) = edited(fails);
        assert!(
            result
                .unwrap_err()
                .contains("exit code 3: the text is as it was")
        );
        assert_eq!(n_left, 0);
        let (result, _) = edited("sh -c 'kill -9 $$'");
        assert!(result.unwrap_err().contains("signal 9"));
        let (result, _) = edited("/nonexistent/editor --wait");
        let why = result.unwrap_err();
        assert!(
            why.contains("/nonexistent/editor --wait") && why.contains("$EDITOR"),
            "{why}"
        );
        let (result, _) = edited("vi 'x");
        assert!(result.unwrap_err().contains("EDITOR is no command"));
        let (result, n_left) = edited("sh -c 'printf \"\\377\" > \"$0\"'");
        assert!(result.unwrap_err().contains("is not UTF-8"));
        assert_eq!(n_left, 1, "what cannot be taken is not thrown away");
    }

    #[test]
    fn what_an_editor_that_fails_saved_or_rescued_is_kept_and_it_is_told_where() {
        let check = |fails: &str, expected: &str| {
            let (_dir, result, n_left) = answered(fails);
            assert_eq!(n_left, 1, "{fails}");
            let detail = result.unwrap_err().detail;
            let (what, at) = detail.split_once(": ").unwrap();
            assert_eq!(what, "What it left is kept for three days");
            let left = std::fs::read_dir(at).unwrap().map(|entry| {
                let path = entry.unwrap().path();
                std::fs::read_to_string(path).unwrap()
            });
            let mut left: Vec<_> = left.collect();
            left.sort();
            assert_eq!(left.concat(), expected, "{fails}");
        };
        check("sh -c 'echo typed > \"$0\"; exit 3'", "typed\n");
        check("sh -c 'echo typed > \"$0\"; kill -9 $$'", "typed\n");
        // As editors do that are killed before anything was saved.
        let rescues = "sh -c 'echo typed > \"$0.save\"; exit 1'";
        check(rescues, "a: 1\ntyped\n");
    }

    #[test]
    fn nothing_of_the_command_is_evaluated() {
        let dir = tempfile::tempdir().unwrap();
        let evaluated = dir.path().join("evaluated");
        let (result, _) = edited(&format!("echo $(touch {}) ; false", evaluated.display()));
        assert_eq!(result, Ok(None));
        assert!(!evaluated.exists());
    }

    #[test]
    fn first_variable_that_says_anything_names_the_editor() {
        let check = |vars: &[(&str, &str)], expected: &[&str]| {
            let var = |name: &str| {
                let found = vars.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(command(var).unwrap(), expected);
        };
        check(&[], &["vi"]);
        check(&[("EDITOR", "nano")], &["nano"]);
        check(
            &[("VISUAL", "code --wait"), ("EDITOR", "nano")],
            &["code", "--wait"],
        );
        check(&[("KUBE_EDITOR", "hx"), ("VISUAL", "code")], &["hx"]);
        check(&[("VISUAL", " "), ("EDITOR", "nano")], &["nano"]);
    }
}
