//! Saves: one at a time, each of the text as it stood, and what follows them.

use std::time::Duration;

use ropey::Rope;

use crate::app::effect::Effect;
use crate::catalogue::Digest;
use crate::catalogue::drafts::Base;
use crate::definition::id::InstanceId;
use crate::editor::{Editor, Revision};

use super::EditorPane;

/// What follows a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterSave {
    /// Nothing.
    Stay,
    /// The editor is left.
    Leave,
    /// The deploy of what was saved is planned.
    Review,
}

/// A text that is being written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    revision: Revision,
    text: Rope,
    /// How many merges are in it.
    n_merges: usize,
}

impl EditorPane {
    /// Returns the effect that saves, and remembers what follows. While a save is under way the next one waits for it: both
    /// would begin from the same file, and the second would find it changed by the first.
    pub(in crate::app) fn save(&mut self, after: AfterSave) -> Option<Effect> {
        if self.saving.is_some() {
            self.save_again = Some(after);
            return None;
        }
        let (id, name) = (self.id, self.name.clone());
        let open = self.open_mut()?;
        let (text, revision) = open.editor.begin_save();
        let base = open.base().digest.clone();
        let n_merges = open.n_held();
        self.written = Some(Written {
            revision,
            text: text.clone(),
            n_merges,
        });
        self.saving = Some((revision, after));
        Some(Effect::SaveDefinition {
            editor: id,
            name,
            revision,
            text,
            base,
        })
    }

    /// Remembers that a copy is written under another name; returns its text.
    pub(in crate::app) fn save_as(&mut self, name: InstanceId) -> Option<String> {
        let editor = self.editor()?;
        let (text, revision) = (editor.text(), editor.revision());
        self.saving_as = Some((name, revision));
        Some(text)
    }

    /// Takes the answer about a new definition; tells whether it is the copy of the whole text that stands here.
    pub(in crate::app) fn on_created(&mut self, name: &InstanceId) -> bool {
        let copied = self.saving_as.take_if(|(copy, _)| copy == name);
        let revision = self.editor().map(Editor::revision);
        copied.is_some_and(|(_, copied)| Some(copied) == revision)
    }

    /// Takes that a save did not come about.
    pub(in crate::app) fn on_not_saved(&mut self) {
        (self.saving, self.save_again) = (None, None);
    }

    /// Returns the effect that saves once more, where that was asked for while a save was under way.
    pub(in crate::app) fn save_again(&mut self) -> Option<Effect> {
        let after = self.save_again.take()?;
        self.save(after)
    }

    /// Takes that a save is on disk; returns what follows.
    pub(in crate::app) fn on_saved(
        &mut self,
        revision: Revision,
        digest: Digest,
        now: Duration,
    ) -> AfterSave {
        let after = match self.saving.take_if(|(saving, _)| *saving == revision) {
            Some((_, after)) => after,
            None => AfterSave::Stay,
        };
        self.is_changed_on_disk = false;
        let written = self.written.take_if(|it| it.revision == revision);
        if let Some(open) = self.open_mut() {
            open.editor.mark_saved(revision);
            let n_merges = written.as_ref().map_or(0, |it| it.n_merges);
            let text = written.map(|it| it.text);
            open.on_saved(Base { digest, text }, n_merges);
        }
        // Where nothing was typed since, what was kept goes with the save.
        self.has_draft &= self.unsaved().is_some();
        self.preview.on_other_ground(now);
        after
    }
}
