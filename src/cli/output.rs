//! Data on standard output: tables, JSON, YAML. A reader that went away (`| head`) ends the program quietly.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rpassword::ConfigBuilder;
use serde::Serialize;
use serde_json::Value;
use signal_hook::consts::SIGINT;
use signal_hook::low_level;

use super::signals::Unechoed;
use crate::definition::yaml;
use crate::failure::Failure;
use crate::secret::SecretValue;
use crate::service::watch::Topic;
use crate::text;

/// Spaces between columns, as kubectl leaves them.
const GAP: &str = "   ";

/// Writes lines to standard output.
///
/// # Errors
/// Standard output cannot be written; a closed pipe is an error of kind `BrokenPipe`, which `cli` turns into a quiet end.
pub fn print(data: &str) -> io::Result<()> {
    HAS_PRINTED.store(true, Ordering::Relaxed);
    let mut stdout = io::stdout().lock();
    stdout.write_all(data.as_bytes())?;
    stdout.flush()
}

static HAS_PRINTED: AtomicBool = AtomicBool::new(false);

/// Writes what a command ends with: a reader that went away changes nothing of how it ended.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print_last(data: &str) -> io::Result<()> {
    match print(data) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Tells whether anything was written to standard output.
pub(super) fn has_printed() -> bool {
    HAS_PRINTED.load(Ordering::Relaxed)
}

/// How a command begins that goes where this one goes.
static PROGRAM: OnceLock<String> = OnceLock::new();

/// Has the commands that sentences name begin in a way of their own: `bowline --context dev`.
pub(super) fn name_commands_as(program: String) {
    PROGRAM.get_or_init(|| program);
}

/// Writes a sentence for the person to standard error. Nobody listening is no failure. Sentences name commands bare, as the
/// engine knows of no flags; those of this session are put in, so that what is copied does not go to another cluster.
pub fn say(sentence: impl AsRef<str>) {
    let program = PROGRAM.get().map_or("bowline", String::as_str);
    let told = begun_with(program, sentence.as_ref());
    drop(writeln!(io::stderr().lock(), "{told}"));
}

/// Returns a sentence with the commands that it names begun as a session was.
fn begun_with(program: &str, sentence: &str) -> String {
    sentence.replace("`bowline ", &format!("`{program} "))
}

/// Says which namespaces a list of all does not show, where not all may be looked into.
pub fn say_unseen(unseen: Option<&Failure>) {
    if let Some(failure) = unseen {
        let topic = Topic::Elsewhere;
        say(text::clean(&format!(
            "warning: {topic} are not shown: {failure}"
        )));
    }
}

/// Writes lines for the person to standard error; none is written for no lines.
pub fn prose(lines: &str) {
    if !lines.is_empty() {
        say(lines.trim_end());
    }
}

/// Tells whether a question can be asked and its answer read.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a secret on the terminal, without showing what is typed; none where nobody can be asked. A hint may follow the
/// question.
///
/// # Errors
/// The terminal cannot be written or read.
pub fn ask_secret(question: &str, hint: &str) -> io::Result<Option<SecretValue>> {
    if !can_ask() {
        return Ok(None);
    }
    let question = text::clean(question);
    // The question is asked once nothing is shown. Modes are set in one place: where a library sets them too, a signal that
    // comes meanwhile leaves the terminal with what was set last.
    let unechoed = Unechoed::begin()?;
    write!(io::stderr(), "{question}{hint}: ")?;
    let keys = ConfigBuilder::new().input_reader(io::stdin());
    let answer = rpassword::read_password_with_config(keys.output_discard().build());
    drop(unechoed);
    writeln!(io::stderr())?;
    match answer {
        Ok(answer) => Ok(Some(SecretValue::new(answer))),
        // ^C came as a key.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            low_level::emulate_default_handler(SIGINT)?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// Asks for a line on the terminal; none at the end of input.
///
/// # Errors
/// The terminal cannot be written or read.
pub fn ask(question: &str) -> io::Result<Option<String>> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} ")?;
    stderr.flush()?;
    let mut answer = String::new();
    let len = io::stdin().read_line(&mut answer)?;
    Ok((len > 0).then(|| answer.trim().to_owned()))
}

/// Returns a value as indented JSON with a final newline.
///
/// # Errors
/// The value cannot be written as JSON: a map with keys that are no strings.
pub fn json(value: &(impl Serialize + ?Sized)) -> anyhow::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?) + "\n")
}

/// Returns a value as JSON on a line of its own.
///
/// # Errors
/// As [`json`].
pub fn json_line(value: &(impl Serialize + ?Sized)) -> anyhow::Result<String> {
    Ok(escaped(&serde_json::to_string(value)?) + "\n")
}

/// Escapes in JSON what its own rules leave alone and a terminal would not.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' || text::mark_for(c).is_none() {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    escaped
}

/// Returns a value as YAML, which escapes what could drive a terminal.
pub fn yaml(value: &Value) -> String {
    yaml::to_yaml(value)
}

/// Returns a text of somebody's own: a file gets every character, a terminal none that could drive it.
pub(super) fn for_reader(text: &str) -> Cow<'_, str> {
    match io::stdout().is_terminal() {
        true => text::clean_multiline(text),
        false => Cow::Borrowed(text),
    }
}

/// Returns rows under headings as aligned columns, as kubectl prints them. Cells are sanitised; an empty one is `—`.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths = widths(headings, rows);
    let mut lines = row(headings, &widths);
    for cells in rows {
        lines.push_str(&row(cells, &widths));
    }
    lines
}

/// Returns how wide the columns of a table are, in cells of the terminal.
pub fn widths(headings: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(text::cells(&text::clean(cell)));
        }
    }
    widths
}

/// Returns the line of one row. What is wider than its column moves the rest.
pub fn row(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = text::clean(cell.as_ref());
        let cell = if cell.is_empty() {
            "—"
        } else {
            cell.as_ref()
        };
        line.push_str(cell);
        let padding = width.saturating_sub(text::cells(cell));
        line.extend(std::iter::repeat_n(' ', padding));
        line.push_str(GAP);
    }
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn commands_in_sentences_begin_as_the_session_was_begun() {
        let said = "busy: `bowline resume web -n x` goes on, or `bowline ls`";
        assert_eq!(begun_with("bowline", said), said);
        assert_eq!(
            begun_with("bowline --context dev", said),
            "busy: `bowline --context dev resume web -n x` goes on, or `bowline --context dev ls`"
        );
    }

    #[test]
    fn columns_align_by_cells_and_cells_are_sanitised() {
        let rows = vec![
            vec!["web".to_owned(), "3/3".to_owned(), String::new()],
            vec!["日本".to_owned(), "0/1\u{1b}[2J".to_owned(), "x".to_owned()],
        ];
        let table = table(&["ID", "READY", "NOTE"], &rows);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0].find("READY"), lines[1].find("3/3"));
        assert!(lines[1].ends_with('—'));
        assert!(!table.contains('\u{1b}'));
        assert!(lines.iter().all(|line| !line.ends_with(' ')));
    }

    #[test]
    fn json_keeps_every_character_and_shows_none_that_does_harm() {
        let text = "\u{1b}[2J\u{7f}\u{9b}\u{202e}é日\u{e0041}";
        let document = json_line(&json!({ "message": text })).unwrap();
        assert!(document.contains("é日"), "{document}");
        assert!(
            document
                .trim_end()
                .chars()
                .all(|c| text::mark_for(c).is_none()),
            "{document:?}"
        );
        let read: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(read["message"], text);
    }
}
