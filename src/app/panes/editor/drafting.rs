//! Drafts: unsaved edits that are kept every two seconds, and taken up again.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::editor::Command;

use super::EditorPane;

/// How old unsaved edits get before they are kept.
pub(super) const AFTER: Duration = Duration::from_secs(2);

impl EditorPane {
    /// Takes the unsaved edits of an earlier session up again.
    pub(in crate::app) fn recover_draft(&mut self, now: Duration) {
        let Some((text, base)) = self.draft.take() else {
            return;
        };
        self.has_draft = true;
        if let Some(open) = self.open_mut() {
            open.editor.apply(Command::ReplaceAll(text), now);
            // The file may be another than the one the edits began from: saving notices that.
            let is_changed = open.base().digest != base.digest;
            open.base = base;
            self.is_changed_on_disk = is_changed;
            self.touch(now);
        }
    }

    /// Returns the effect that keeps what is not saved, unless it is kept already.
    pub(in crate::app) fn keep_draft(&mut self) -> Option<Effect> {
        // It would take the place of the one that was not decided on yet.
        if self.draft.is_some() {
            return None;
        }
        let (editor, base) = self.unsaved()?;
        let (text, revision) = editor.snapshot();
        let base = base.clone();
        if self.drafted == Some(revision) {
            return None;
        }
        (self.drafted, self.has_draft) = (Some(revision), true);
        Some(Effect::KeepDraft {
            editor: self.id,
            name: self.name.clone(),
            revision,
            text,
            base,
        })
    }

    /// Returns the effect that removes what was kept of edits that were all undone: nobody misses them.
    pub(in crate::app) fn drop_draft(&mut self) -> Option<Effect> {
        let is_stale = self.has_draft && self.unsaved().is_none();
        self.has_draft &= !is_stale;
        is_stale.then(|| Effect::DiscardDraft {
            name: self.name.clone(),
        })
    }

    /// Lets the draft be written again, as it could not be.
    pub(in crate::app) fn on_draft_failed(&mut self, now: Duration) {
        self.drafted = None;
        self.draft_at = Some(now + 5 * AFTER);
    }
}
