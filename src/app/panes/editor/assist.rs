//! What stands beside the cursor of the editor: a list of what could be written there, or what is known of a field.
//!
//! The list opens by itself while one types and by its key; what opened by itself has nothing selected, so that enter stays
//! a new line, unless it stands at a blank that is to be filled. Any move of the cursor closes it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::completion::{self, Completions, FieldHelp, Item, Known};
use crate::editor::{Command, Editor};

/// Longer texts are completed when that is asked for, and not at every key.
const MAX_BYTES_WHILE_TYPING: usize = 256 << 10;
/// Rows that a page key moves by.
const PAGE: isize = 8;

/// What stands beside the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assist {
    /// What could be written.
    List(List),
    /// What is known of a field.
    Field(Field),
}

/// What is known of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What is known.
    pub help: FieldHelp,
    /// The list that it was asked from, which comes back.
    pub list: Option<List>,
}

/// A list of what could be written at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// What there is.
    pub found: Completions,
    /// Which is selected; none while nothing was chosen yet.
    pub selected: Option<usize>,
}

/// What a key means to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) enum Answer {
    /// Nothing: it is the editor's.
    NotMine,
    /// It was moved in, or closed.
    Taken,
    /// An item was chosen.
    Write(Command),
}

impl List {
    /// Returns the item that the text is shown of.
    pub fn shown(&self) -> Option<&Item> {
        self.found.items.get(self.selected.unwrap_or(0))
    }

    fn move_by(&mut self, rows: isize) {
        let n = self.found.items.len();
        let next = match self.selected {
            None if rows > 0 => 0,
            None => n - 1,
            Some(at) if rows.abs() == 1 => (at + n).saturating_add_signed(rows) % n,
            Some(at) => at.saturating_add_signed(rows).min(n - 1),
        };
        self.selected = Some(next);
    }

    fn write(&self, item: usize) -> Answer {
        self.found.items.get(item).map_or(Answer::Taken, |item| {
            Answer::Write(Command::Complete {
                bytes: self.found.typed.clone(),
                text: item.insert.clone(),
                cursor: item.cursor.unwrap_or(item.insert.len()),
                blanks: item.blanks.clone(),
            })
        })
    }
}

/// Gives a key to what stands beside the cursor. The key that leads from blank to blank takes what is listed first, as tab does.
pub(in crate::app) fn on_key(assist: &mut Option<Assist>, key: KeyEvent, leads_on: bool) -> Answer {
    let list = match assist {
        None => return Answer::NotMine,
        Some(Assist::Field(field)) => {
            let list = field.list.take();
            let closes = key.code == KeyCode::Esc;
            *assist = list.filter(|_| closes).map(Assist::List);
            return if closes {
                Answer::Taken
            } else {
                Answer::NotMine
            };
        }
        Some(Assist::List(list)) => list,
    };
    let is_control = key.modifiers == KeyModifiers::CONTROL;
    let answer = match (key.code, is_control) {
        _ if leads_on => list.write(list.selected.unwrap_or(0)),
        (KeyCode::Down, false) | (KeyCode::Char('n'), true) => {
            list.move_by(1);
            return Answer::Taken;
        }
        (KeyCode::Up, false) | (KeyCode::Char('p'), true) => {
            list.move_by(-1);
            return Answer::Taken;
        }
        (KeyCode::PageDown, false) => {
            list.move_by(PAGE);
            return Answer::Taken;
        }
        (KeyCode::PageUp, false) => {
            list.move_by(-PAGE);
            return Answer::Taken;
        }
        (KeyCode::Tab, false) => list.write(list.selected.unwrap_or(0)),
        (KeyCode::Enter, false) => match list.selected {
            Some(item) => list.write(item),
            None => Answer::NotMine,
        },
        (KeyCode::Esc, _) => Answer::Taken,
        _ => return Answer::NotMine,
    };
    *assist = None;
    answer
}

/// Returns the list for the cursor, with its first item selected.
pub(in crate::app) fn asked(editor: &Editor, known: &Known) -> Option<Assist> {
    let found = complete(editor, known)?;
    Some(Assist::List(List {
        found,
        selected: Some(0),
    }))
}

/// Returns what is known of the field at the cursor, or with a list of the one that it shows.
pub(in crate::app) fn field(
    editor: &Editor,
    present: Option<&Assist>,
    known: &Known,
) -> Option<Assist> {
    let (rope, byte) = (editor.rope(), editor.cursor_byte());
    let (help, list) = match present {
        Some(Assist::List(list)) => {
            let help = completion::help_of_item(rope, byte, list.shown()?, known);
            (help, Some(list.clone()))
        }
        _ => (completion::help(rope, byte, known), None),
    };
    help.map(|help| Assist::Field(Field { help, list }))
}

/// Returns what stands beside the cursor after the text was typed in; what was not asked for only where that is wanted.
pub(in crate::app) fn after_typing(
    editor: &Editor,
    before: Option<Assist>,
    (typed, is_unasked): (Typed, bool),
    known: &Known,
) -> Option<Assist> {
    let was_open = matches!(before, Some(Assist::List(_)));
    let is_short = editor.rope().len_bytes() <= MAX_BYTES_WHILE_TYPING;
    if !(was_open || is_unasked && is_short && typed.wants_list(editor)) {
        return None;
    }
    let found = complete(editor, known)?;
    // What is written out already, with the colon of a key, needs no list.
    let word = editor.rope().byte_slice(found.typed.clone());
    let is_written = |item: &Item| word == item.insert.as_str();
    if let [only] = found.items.as_slice()
        && is_written(only)
    {
        return None;
    }
    // A blank that was led to is there to be filled: no new line is meant there.
    let is_led_to = matches!(typed, Typed::Item { .. }) && editor.is_filling();
    let selected = (is_led_to && found.typed.is_empty()).then_some(0);
    Some(Assist::List(List { found, selected }))
}

fn complete(editor: &Editor, known: &Known) -> Option<Completions> {
    if !editor.selection().is_empty() {
        return None;
    }
    completion::complete(
        editor.rope(),
        editor.cursor_byte(),
        known,
        editor.indent_unit(),
    )
}

/// What a command typed, as far as a list is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Typed {
    /// One character.
    Char(char),
    /// Back over one.
    Erased,
    /// An item of a list, and whether its value or its fields follow.
    Item {
        /// Whether something follows.
        is_open: bool,
    },
}

impl Typed {
    /// Returns what a command types; none where it does something else.
    pub(in crate::app) fn by(command: &Command) -> Option<Self> {
        match command {
            Command::Insert(text) => {
                let mut chars = text.chars();
                let only = chars.next().filter(|_| chars.next().is_none());
                only.map(Self::Char)
            }
            Command::Backspace => Some(Self::Erased),
            Command::Complete { text, cursor, .. } => Some(Self::Item {
                is_open: text.get(..*cursor).unwrap_or(text).ends_with([' ', '\n']),
            }),
            _ => None,
        }
    }

    /// Tells whether a list is wanted by itself, as the text stands now.
    fn wants_list(self, editor: &Editor) -> bool {
        match self {
            Self::Char(' ') => is_after_mark(editor),
            Self::Char(c) => c.is_alphanumeric(),
            Self::Erased => false,
            Self::Item { is_open } => is_open,
        }
    }
}

/// Tells whether the space before the cursor follows a mark behind which something begins.
fn is_after_mark(editor: &Editor) -> bool {
    let at = editor.selection().head;
    let before = at.checked_sub(2).and_then(|at| editor.rope().get_char(at));
    matches!(before, Some(':' | '-' | ',' | '{' | '['))
}
