//! A definition that is edited, and the files that its text began from.

use std::time::Duration;

use crate::app::msg::OpenedDefinition;
use crate::catalogue::drafts::Base;
use crate::editor::{Command, Editor};

use super::EditorPane;

/// A definition that was read.
#[derive(Debug, Clone)]
pub struct OpenText {
    /// The text.
    pub editor: Editor,
    /// The file that the edits began from, those of the last merge and after it.
    pub(super) base: Base,
    /// The files from before each merge, with the state of the editor since which the next one is begun from.
    former: Vec<(u64, Base)>,
}

impl OpenText {
    pub(super) fn new(editor: Editor, base: Base) -> Self {
        Self {
            editor,
            base,
            former: Vec::new(),
        }
    }

    /// Returns the file that the text as it stands began from. Undoing a merge leads back to the file from before it:
    /// what somebody else wrote since is not in the text then, and must not be written over.
    pub fn base(&self) -> &Base {
        let undone = self.former.get(self.n_held());
        undone.map_or(&self.base, |(_, before)| before)
    }

    /// Returns how many merges are in the text.
    pub(super) fn n_held(&self) -> usize {
        let held = self.former.iter();
        held.take_while(|(state, _)| self.editor.holds(*state))
            .count()
    }

    /// Takes that the text as it stands, and what becomes of it, begins from another file.
    fn begin_from(&mut self, base: Base) {
        let before = self.base().clone();
        self.former.truncate(self.n_held());
        self.former.push((self.editor.state(), before));
        self.base = base;
    }

    /// Takes that a text with so many merges in it is the file now.
    pub(super) fn on_saved(&mut self, base: Base, n_merges: usize) {
        self.former.truncate(n_merges);
        self.base = base;
    }
}

impl EditorPane {
    /// Takes a text that was merged, as one step; of the file it now began from, where it was merged with that. Tells
    /// whether there was room for it.
    pub(in crate::app) fn merge(
        &mut self,
        text: String,
        base: Option<Base>,
        now: Duration,
    ) -> bool {
        let Some(open) = self.open_mut() else {
            return false;
        };
        let is_theirs =
            base.as_ref().and_then(|base| base.text.as_ref()) == Some(&text.as_str().into());
        let outcome = open.editor.apply(Command::ReplaceAll(text), now);
        if outcome.notice.is_some() {
            return false;
        }
        if let Some(base) = base {
            open.begin_from(base);
            if is_theirs {
                let revision = open.editor.revision();
                open.editor.mark_saved(revision);
            } else {
                open.editor.mark_unsaved();
            }
            self.is_changed_on_disk = false;
        }
        self.drafted = None;
        self.touch(now);
        true
    }

    /// Takes a text from another editor as one step; tells whether there was room for it.
    pub(in crate::app) fn replace(&mut self, text: String, now: Duration) -> bool {
        self.merge(text, None, now)
    }

    /// Takes the file as it is now; what was typed comes back with undo.
    pub(in crate::app) fn take_theirs(&mut self, opened: OpenedDefinition, now: Duration) {
        if let Some(open) = self.open_mut() {
            let base = Base {
                text: Some(opened.text.as_str().into()),
                digest: opened.digest,
            };
            open.editor.apply(Command::ReplaceAll(opened.text), now);
            open.begin_from(base);
            let revision = open.editor.revision();
            open.editor.mark_saved(revision);
            self.is_changed_on_disk = false;
            self.touch(now);
        }
    }
}
