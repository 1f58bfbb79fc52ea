//! What can be asked of an editor, as values: keys, menus and tests all speak these.

use std::ops::Range;

/// One order to the editor. Those that change the text do nothing else to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    // Writing.
    /// Types a text at the cursor, in place of the selection.
    Insert(String),
    /// Starts a new line, indented as YAML goes on.
    Newline,
    /// Pastes a text as one step, with its line ends made those of the document.
    Paste(String),
    /// Pastes what was last cut or copied in this editor.
    PasteClipboard,
    /// Goes to the next indentation stop, or indents the selected lines.
    Indent,
    /// Takes one indentation stop off the selected lines.
    Outdent,
    /// Comments the selected lines, or takes the comment marks off when all have one.
    ToggleComment,
    /// Moves the selected lines up by one.
    MoveLinesUp,
    /// Moves the selected lines down by one.
    MoveLinesDown,
    /// Applies the change that the checker offers for the problem at the cursor.
    Mend,
    /// Puts a text in place of some bytes as one step, and the cursor into it, as an item of a list that was chosen.
    Complete {
        /// The bytes of the present text.
        bytes: Range<usize>,
        /// What is written there.
        text: String,
        /// The byte of it that the cursor comes to stand before.
        cursor: usize,
        /// The bytes of it behind that, to which the next stops lead until all were come to.
        blanks: Vec<usize>,
    },
    /// Replaces the whole text as one step, as after another program changed it; what is the same stays untouched.
    ReplaceAll(String),

    // Removing.
    /// Deletes the selection or the grapheme before the cursor; in indentation, back to the previous stop.
    Backspace,
    /// Deletes the selection or the grapheme after the cursor.
    Delete,
    /// Deletes back to the start of the word.
    DeleteWordBack,
    /// Deletes on to the end of the word.
    DeleteWordForward,
    /// Copies the selection, or the line without one, to the clipboard.
    Copy,
    /// Copies and deletes the selection, or the line without one.
    Cut,

    // Moving.
    /// Moves the cursor; with `extend` the selection grows to there.
    Move {
        /// Where to.
        motion: Motion,
        /// Whether the other end of the selection stays.
        extend: bool,
    },
    /// Selects the whole text.
    SelectAll,
    /// Moves to the next problem, round the end.
    NextProblem,
    /// Moves to the problem before, round the start.
    PreviousProblem,

    // History.
    /// Takes back the last step.
    Undo,
    /// Does again the step that was taken back.
    Redo,

    // Search.
    /// Starts a search: the place is remembered for [`Command::SearchCancel`].
    SearchStart,
    /// Sets what is searched, and moves to the first match from where the search was started.
    SearchQuery(String),
    /// Takes what is searched for a regular expression, or for a text again.
    SearchExpression(bool),
    /// Puts a text in place of the match at the cursor, and goes to the next; groups of an expression are `$1`.
    ReplaceMatch(String),
    /// Puts a text in place of every match, as one step.
    ReplaceMatches(String),
    /// Ends the search at the match that was found; its matches stay marked.
    SearchAccept,
    /// Ends the search and goes back to where it was started.
    SearchCancel,
    /// Moves to the next match, round the end.
    FindNext,
    /// Moves to the match before, round the start.
    FindPrevious,
}

/// Where a cursor can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// One grapheme back.
    Left,
    /// One grapheme on.
    Right,
    /// Back to the start of a word.
    WordLeft,
    /// On to the end of a word.
    WordRight,
    /// One line up, in the same cell if the line is long enough.
    Up,
    /// One line down.
    Down,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// Half a screen up.
    HalfPageUp,
    /// Half a screen down.
    HalfPageDown,
    /// To the first character that is no space; from there to the very start of the line.
    LineStart,
    /// To the end of the line.
    LineEnd,
    /// To the start of the text.
    TextStart,
    /// To the end of the text.
    TextEnd,
    /// To a line, counted from 1.
    Line(usize),
    /// To a place by byte, as diagnostics name it.
    Byte(usize),
}
