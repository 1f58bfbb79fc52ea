//! The commands of the editor by name, with their keys by default: the key map, its settings and the help are made of this.
//!
//! Keys of the program around the editor (save, review, help, the search prompt, suspend) are actions and not here.

use super::command::{Command, Motion};

/// What is to be known of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// The command.
    pub command: Command,
    /// Its name, as key settings write it.
    pub id: &'static str,
    /// What it does; commands that belong together have one sentence.
    pub sentence: &'static str,
    /// Its keys by default.
    pub keys: &'static [&'static str],
    /// What else does it: what fingers know, and what terminals without the enhanced protocol send for these keys (^h for
    /// control with backspace, ^7 for ^/, F15 for shift with F3, which many send as the answer to a cursor query).
    pub aliases: &'static [&'static str],
}

const fn spec(
    command: Command,
    id: &'static str,
    sentence: &'static str,
    keys: &'static [&'static str],
) -> CommandSpec {
    known(command, id, sentence, keys, &[])
}

/// A command whose keys arrive under other names too.
const fn known(
    command: Command,
    id: &'static str,
    sentence: &'static str,
    keys: &'static [&'static str],
    aliases: &'static [&'static str],
) -> CommandSpec {
    CommandSpec {
        command,
        id,
        sentence,
        keys,
        aliases,
    }
}

const fn go(motion: Motion) -> Command {
    Command::Move {
        motion,
        extend: false,
    }
}

const MOVE: &str = "Move; with shift, select";
const LINE: &str = "Go to the start, to the end of the line";
const PAGE: &str = "Go a page up, down";
const HALF_PAGE: &str = "Go half a page up, down";
const MOVE_BY_WORDS: &str = "Move by words";
const ENDS: &str = "Go to the start, to the end of the text";
const CLIPBOARD: &str = "Cut, copy, paste the selection or the line";
const HISTORY: &str = "Undo, redo";
const INDENTATION: &str = "Indent, outdent; the selected lines too";
const ERASE: &str = "Delete the character before, after";
const ERASE_WORD: &str = "Delete the word before, after";
const MOVE_LINES: &str = "Move the lines up, down";
const FIND: &str = "Go to the next match, to the match before";

/// All commands with a key, in the order of the help.
pub const COMMANDS: &[CommandSpec] = &[
    spec(go(Motion::Left), "cursor-left", MOVE, &["left"]),
    spec(go(Motion::Right), "cursor-right", MOVE, &["right"]),
    spec(go(Motion::Up), "cursor-up", MOVE, &["up"]),
    spec(go(Motion::Down), "cursor-down", MOVE, &["down"]),
    spec(go(Motion::LineStart), "line-start", LINE, &["home"]),
    spec(go(Motion::LineEnd), "line-end", LINE, &["end"]),
    spec(go(Motion::PageUp), "page-up", PAGE, &["pgup"]),
    spec(go(Motion::PageDown), "page-down", PAGE, &["pgdn"]),
    spec(
        go(Motion::HalfPageUp),
        "cursor-half-page-up",
        HALF_PAGE,
        &["^up"],
    ),
    spec(
        go(Motion::HalfPageDown),
        "cursor-half-page-down",
        HALF_PAGE,
        &["^down"],
    ),
    known(
        go(Motion::WordLeft),
        "word-left",
        MOVE_BY_WORDS,
        &["^left"],
        &["alt-left", "alt-b"],
    ),
    known(
        go(Motion::WordRight),
        "word-right",
        MOVE_BY_WORDS,
        &["^right"],
        &["alt-right", "alt-f"],
    ),
    spec(go(Motion::TextStart), "text-start", ENDS, &["^home"]),
    spec(go(Motion::TextEnd), "text-end", ENDS, &["^end"]),
    spec(
        Command::SelectAll,
        "select-all",
        "Select everything",
        &["^a"],
    ),
    known(Command::Cut, "cut-text", CLIPBOARD, &["^x"], &["shift-del"]),
    known(Command::Copy, "copy-text", CLIPBOARD, &["^c"], &["^ins"]),
    known(
        Command::PasteClipboard,
        "paste-text",
        CLIPBOARD,
        &["^v"],
        &["shift-ins"],
    ),
    spec(Command::Undo, "undo", HISTORY, &["^u"]),
    spec(Command::Redo, "redo", HISTORY, &["^y"]),
    spec(
        Command::Newline,
        "new-line",
        "Start a new line, indented as it goes on",
        &["enter"],
    ),
    spec(Command::Indent, "indent", INDENTATION, &["tab"]),
    spec(Command::Outdent, "outdent", INDENTATION, &["shift-tab"]),
    spec(Command::Backspace, "delete-before", ERASE, &["backspace"]),
    spec(Command::Delete, "delete-after", ERASE, &["del"]),
    known(
        Command::DeleteWordBack,
        "delete-word-before",
        ERASE_WORD,
        &["^w"],
        &["^h", "^backspace", "alt-backspace"],
    ),
    known(
        Command::DeleteWordForward,
        "delete-word-after",
        ERASE_WORD,
        &["alt-d"],
        &["^del", "alt-del"],
    ),
    known(
        Command::ToggleComment,
        "comment",
        "Comment the lines, or take the comment off",
        &["^/"],
        &["^_", "^7"],
    ),
    spec(Command::MoveLinesUp, "lines-up", MOVE_LINES, &["alt-up"]),
    spec(
        Command::MoveLinesDown,
        "lines-down",
        MOVE_LINES,
        &["alt-down"],
    ),
    spec(Command::FindNext, "find-next", FIND, &["F3", "^n"]),
    known(
        Command::FindPrevious,
        "find-previous",
        FIND,
        &["^p"],
        &["shift-F3", "F15"],
    ),
    spec(
        Command::Mend,
        "mend",
        "Mend the problem at the cursor as the checker offers",
        &["alt-enter"],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_has_a_name_and_keys_of_its_own() {
        let ids: BTreeSet<&str> = COMMANDS.iter().map(|spec| spec.id).collect();
        assert_eq!(ids.len(), COMMANDS.len());
        let mut seen = BTreeSet::new();
        for spec in COMMANDS {
            assert!(
                !spec.keys.is_empty() && !spec.sentence.is_empty(),
                "{spec:?}"
            );
            for key in spec.keys.iter().chain(spec.aliases) {
                assert!(seen.insert(*key), "{key}");
            }
        }
    }
}
