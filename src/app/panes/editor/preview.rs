//! What applying the edited text would change, following the typing: when it is asked for, and what was answered last.
//!
//! At most one is asked for at a time, only of a text without errors, after a pause; one that the text outran is stopped.
//! The longer a cluster takes, the longer the pause. Nothing here moves the cursor, the scroll or the history of the text.

use std::time::Duration;

use crate::editor::Revision;
use crate::engine::plan::{Change, DiffLine, DiffSide, FieldConflict, PlannedObject};
use crate::engine::preview::Preview;
use crate::failure::{Failure, FailureKind};

/// A pause in typing after which it is asked for.
const AFTER: Duration = Duration::from_millis(400);
/// Between two questions so many times as long goes by as the last answer took.
const SLOWNESS: u32 = 3;
const LONGEST: Duration = Duration::from_secs(60);
/// How long a cluster that did not answer is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(15);
/// Texts from this size on take the machine and the cluster longer.
const LONG_BYTES: usize = 256 << 10;
/// The pause for those.
const AFTER_LONG: Duration = Duration::from_secs(2);
/// Lines of the difference above the one that is looked for.
const ABOVE: usize = 3;

/// What a text is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewOf {
    /// The cluster.
    Cluster,
    /// What this machine knows: what was applied last from it, else what is saved.
    Local,
}

/// What was found of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which state of the text.
    pub revision: Revision,
    /// What it would change, or why nobody can say.
    pub result: Result<Box<Preview>, Failure>,
}

/// What is being found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    revision: Revision,
    of: PreviewOf,
    at: Duration,
}

/// A row of what is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Row<'a> {
    /// It cannot be applied.
    Refusal(&'a str),
    /// Something that is to be known.
    Warning(&'a str),
    /// A field that others own.
    Conflict(&'a FieldConflict),
    /// Something that can be agreed to.
    Offer(&'a str),
    /// An object that would change.
    Object(&'a PlannedObject),
    /// A line of its difference.
    Line(&'a DiffLine),
    /// So many objects stay as they are.
    Kept(usize),
}

/// Most lines of a sentence.
pub const MAX_SENTENCE: usize = 4;

impl Row<'_> {
    /// Returns how many lines it takes at most.
    fn most_lines(self) -> usize {
        match self {
            Self::Refusal(_) | Self::Warning(_) | Self::Conflict(_) | Self::Offer(_) => {
                MAX_SENTENCE
            }
            Self::Object(object) if object.note.is_some() => 1 + MAX_SENTENCE,
            Self::Object(_) | Self::Line(_) | Self::Kept(_) => 1,
        }
    }
}

/// What applying the edited text would change.
#[derive(Debug, Clone, Default)]
pub struct PreviewPane {
    /// Whether it is to be seen; without a word of the person, where there is room beside the text.
    pub is_wanted: Option<bool>,
    /// What was found last.
    pub found: Option<Found>,
    /// The first row that is shown.
    pub scroll: usize,
    /// When it is asked for, if the text is without errors then.
    due: Option<Duration>,
    asked: Option<Asked>,
    /// How long it took last: the cluster, or with a long text this machine.
    took: Duration,
    /// Whether the text is long.
    is_long: bool,
    /// Until when the cluster is left alone.
    quiet_until: Option<Duration>,
}

impl PreviewPane {
    /// Returns the rows that are shown, from the top.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let result = self.found.as_ref().map(|found| &found.result);
        let failed = result.and_then(|result| result.as_ref().err());
        let found = result.and_then(|result| result.as_deref().ok());
        let told = failed.map(|failure| Row::Refusal(&failure.summary));
        told.into_iter().chain(found.into_iter().flat_map(rows_of))
    }

    /// Tells whether what was found is of another text than the present one.
    pub fn is_behind(&self, present: Revision) -> bool {
        self.found
            .as_ref()
            .is_none_or(|found| found.revision != present)
    }

    /// Tells whether something is being found.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// Shows it or hides it, given whether it is seen now.
    pub(in crate::app) fn toggle(&mut self, is_seen: bool) {
        self.is_wanted = Some(!is_seen);
    }

    /// Scrolls, where there are `height` lines for the rows.
    pub(in crate::app) fn scroll_by(&mut self, lines: isize, height: usize) {
        self.scroll = self.scroll.saturating_add_signed(lines);
        self.keep_within(height);
    }

    /// Scrolls no further than to where the last rows fill their part, as far as can be known before they are drawn.
    pub(in crate::app) fn keep_within(&mut self, height: usize) {
        if self.scroll == 0 {
            return;
        }
        let n_lines: usize = self.rows().map(Row::most_lines).sum();
        let last = self.rows().count().saturating_sub(1);
        let last = last.min(n_lines.saturating_sub(height));
        self.scroll = self.scroll.min(last);
    }

    /// Takes how long the text is: a long one is compared after a longer pause.
    pub(in crate::app) fn on_len(&mut self, n_bytes: usize) {
        self.is_long = n_bytes >= LONG_BYTES;
    }

    /// The text changed: asks anew after a pause. Tells whether something is being found that nobody wants any more.
    pub(in crate::app) fn on_typed(&mut self, now: Duration) -> bool {
        let least = if self.is_long { AFTER_LONG } else { AFTER };
        let pause = (self.took * SLOWNESS).clamp(least, LONGEST);
        self.due = Some(now + pause);
        self.asked.take().is_some()
    }

    /// What it is compared with may be another now: asks anew.
    pub(in crate::app) fn on_other_ground(&mut self, now: Duration) {
        self.quiet_until = None;
        // What is being found may never be answered, as when the connection is another now.
        self.asked = None;
        self.due = Some(self.due.map_or(now + AFTER, |due| due.min(now + AFTER)));
    }

    /// Returns when it is to be asked for, if the text is without errors then.
    pub fn due(&self) -> Option<Duration> {
        self.due.filter(|_| self.asked.is_none())
    }

    /// Asks for it, if that is due; returns what the text is to be compared with.
    pub(in crate::app) fn ask(
        &mut self,
        revision: Revision,
        is_connected: bool,
        now: Duration,
    ) -> Option<PreviewOf> {
        self.due().filter(|due| *due <= now)?;
        self.quiet_until.take_if(|until| *until <= now);
        let of = match is_connected && self.quiet_until.is_none() {
            true => PreviewOf::Cluster,
            false => PreviewOf::Local,
        };
        self.due = None;
        self.asked = Some(Asked {
            revision,
            of,
            at: now,
        });
        Some(of)
    }

    /// Takes an answer, unless it is about another text than the one that was asked for; tells whether it was taken.
    pub(in crate::app) fn on_answer(
        &mut self,
        revision: Revision,
        result: Result<Box<Preview>, Failure>,
        now: Duration,
    ) -> bool {
        let Some(asked) = self.asked.take_if(|asked| asked.revision == revision) else {
            return false;
        };
        if self.is_long || asked.of == PreviewOf::Cluster {
            self.took = now.saturating_sub(asked.at);
        }
        if asked.of == PreviewOf::Cluster {
            if let Err(failure) = &result
                && failure.kind == FailureKind::Unreachable
            {
                // Meanwhile what this machine knows says something.
                self.quiet_until = Some(now + RETRY_AFTER);
                self.due.get_or_insert(now);
                return false;
            }
        } else if let Some(until) = self.quiet_until {
            self.due.get_or_insert(until);
        }
        self.found = Some(Found { revision, result });
        true
    }

    /// Scrolls to what a line of the text became, where it is out of sight of the first rows.
    pub(in crate::app) fn follow(&mut self, line: &str) {
        let word = line.split('#').next().unwrap_or_default().trim();
        let value = word
            .rsplit(": ")
            .next()
            .unwrap_or(word)
            .trim_matches(['"', '\'', ' ', '-']);
        let says = |row: &Row<'_>| match row {
            Row::Line(line) => line.side == DiffSide::New && line.text.contains(value),
            _ => false,
        };
        let found = match value.len() {
            0 | 1 => None,
            _ => self.rows().position(|row| says(&row)),
        };
        let first = self
            .rows()
            .position(|row| matches!(row, Row::Line(line) if line.side != DiffSide::Both));
        let at = found.or(first).unwrap_or(0);
        self.scroll = at.saturating_sub(2 * ABOVE);
    }
}

fn rows_of(preview: &Preview) -> impl Iterator<Item = Row<'_>> {
    let refusals = preview.refusals.iter();
    let conflicts = preview.conflicts.iter();
    let is_changed =
        |object: &&PlannedObject| !matches!(object.change, Change::Unchanged | Change::Keep);
    let n_kept = preview.objects.len() - preview.objects.iter().filter(is_changed).count();
    refusals
        .map(|refusal| Row::Refusal(&refusal.summary))
        .chain(conflicts.map(Row::Conflict))
        .chain(
            preview
                .offers
                .iter()
                .map(|offer| Row::Offer(&offer.sentence)),
        )
        .chain(preview.warnings.iter().map(|warning| Row::Warning(warning)))
        .chain(
            preview
                .objects
                .iter()
                .filter(is_changed)
                .flat_map(|object| {
                    std::iter::once(Row::Object(object))
                        .chain(object.difference.iter().map(Row::Line))
                }),
        )
        .chain((n_kept > 0).then_some(Row::Kept(n_kept)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::preview::Against;

    const SECOND: Duration = Duration::from_secs(1);

    fn preview() -> Box<Preview> {
        Box::new(Preview {
            against: Against::DryRun,
            objects: Vec::new(),
            refusals: Vec::new(),
            conflicts: Vec::new(),
            offers: Vec::new(),
            warnings: vec!["one".to_owned()],
            faults: Vec::new(),
        })
    }

    fn unreachable() -> Result<Box<Preview>, Failure> {
        Err(Failure::new(FailureKind::Unreachable, "no route"))
    }

    #[test]
    fn one_is_asked_for_at_a_time_after_a_pause() {
        let mut pane = PreviewPane::default();
        assert!(!pane.on_typed(SECOND));
        assert_eq!(pane.ask(Revision(1), true, SECOND), None);
        assert_eq!(
            pane.ask(Revision(1), true, SECOND + AFTER),
            Some(PreviewOf::Cluster)
        );
        assert_eq!(pane.ask(Revision(1), true, 9 * SECOND), None);
        // What was being found of the text before is stopped by the next key.
        assert!(pane.on_typed(9 * SECOND));
        assert!(!pane.on_answer(Revision(1), Ok(preview()), 9 * SECOND));
        assert_eq!(pane.found, None);
    }

    #[test]
    fn what_is_not_answered_on_other_ground_is_asked_again() {
        let mut pane = PreviewPane::default();
        pane.on_typed(Duration::ZERO);
        pane.ask(Revision(1), true, SECOND);
        pane.on_other_ground(2 * SECOND);
        let later = 2 * SECOND + AFTER;
        assert_eq!(pane.ask(Revision(1), false, later), Some(PreviewOf::Local));
    }

    #[test]
    fn long_text_is_compared_after_a_longer_pause() {
        let mut pane = PreviewPane::default();
        pane.on_len(LONG_BYTES);
        pane.on_typed(SECOND);
        assert_eq!(pane.due(), Some(SECOND + AFTER_LONG));
        pane.on_len(LONG_BYTES - 1);
        pane.on_typed(SECOND);
        assert_eq!(pane.due(), Some(SECOND + AFTER));
    }

    #[test]
    fn slow_cluster_is_asked_seldom() {
        let mut pane = PreviewPane::default();
        pane.on_typed(Duration::ZERO);
        pane.ask(Revision(1), true, SECOND);
        assert!(pane.on_answer(Revision(1), Ok(preview()), 5 * SECOND));
        pane.on_typed(5 * SECOND);
        assert_eq!(pane.ask(Revision(2), true, 16 * SECOND), None);
        assert_eq!(
            pane.ask(Revision(2), true, 17 * SECOND),
            Some(PreviewOf::Cluster)
        );
    }

    #[test]
    fn cluster_that_does_not_answer_leaves_what_is_saved_to_compare_with() {
        let mut pane = PreviewPane::default();
        pane.on_typed(Duration::ZERO);
        pane.ask(Revision(1), true, SECOND);
        assert!(!pane.on_answer(Revision(1), unreachable(), SECOND));
        assert_eq!(pane.ask(Revision(1), true, SECOND), Some(PreviewOf::Local));
        assert!(pane.on_answer(Revision(1), Ok(preview()), SECOND));
        // Later it is asked once more, without a key.
        assert_eq!(pane.due(), Some(SECOND + RETRY_AFTER));
        let later = SECOND + RETRY_AFTER;
        assert_eq!(pane.ask(Revision(1), true, later), Some(PreviewOf::Cluster));
    }
}
