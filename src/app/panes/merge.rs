//! Two texts that became of one, on the way back into one: what a person sees of it and chooses.
//!
//! Nothing is written from here: the merged text goes into the editor as one step, and from there to disk when it is saved.

use crate::app::msg::OpId;
use crate::catalogue::drafts::Base;
use crate::definition::id::InstanceId;
use crate::editor::merge::{Change, Decision, Hunk, Merge, Part, Side};

/// Lines around a hunk that are shown though they are the same.
const CONTEXT: usize = 3;

/// What the text of the editor is merged with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeWith {
    /// The file as somebody else left it.
    File(Base),
    /// The live objects, with what a definition cannot say of them.
    Live(Vec<String>),
}

/// A text being merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergePane {
    /// The editor whose text it is.
    pub editor: OpId,
    /// The definition's name.
    pub name: InstanceId,
    /// What it is merged with.
    pub with: MergeWith,
    /// The parts.
    pub merge: Merge,
    /// Which hunk is selected, counted from 0 over all.
    pub selected: usize,
    /// The first line that is shown.
    pub scroll: usize,
}

/// A line of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeLine<'a> {
    /// A line that is the same in all texts.
    Same(&'a str),
    /// So many lines that are the same and not shown.
    Fold(usize),
    /// Says what a hunk is: its number among all, and the hunk.
    Head(usize, &'a Hunk),
    /// A line as it was before anybody changed it.
    Was(&'a str),
    /// A line of one side, and whether it is taken; none while that is to be chosen.
    Of(Side, &'a str, Option<bool>),
}

impl MergePane {
    /// Returns a pane with the first hunk selected that is to be looked at.
    pub fn new(editor: OpId, name: InstanceId, with: MergeWith, merge: Merge) -> Self {
        let mut pane = Self {
            editor,
            name,
            with,
            merge,
            selected: 0,
            scroll: 0,
        };
        let hunks = pane.choosable();
        let undecided = |nth: &&usize| pane.is_undecided(**nth);
        let first = hunks.iter().find(undecided).or(hunks.first()).copied();
        pane.selected = first.unwrap_or(0);
        pane
    }

    /// Returns the hunks that somebody else had a hand in.
    fn choosable(&self) -> Vec<usize> {
        let hunks = self.merge.hunks().enumerate();
        let theirs = hunks
            .filter(|(_, hunk)| matches!(hunk.change, Change::By(Side::Theirs) | Change::Conflict));
        theirs.map(|(nth, _)| nth).collect()
    }

    fn is_undecided(&self, nth: usize) -> bool {
        let hunk = self.merge.hunks().nth(nth);
        hunk.is_some_and(|hunk| hunk.decision.is_none())
    }

    /// Selects another hunk, so many on, and scrolls to it.
    pub(in crate::app) fn move_by(&mut self, hunks: isize, height: usize) {
        let choosable = self.choosable();
        let at = choosable
            .iter()
            .position(|nth| *nth == self.selected)
            .unwrap_or(0);
        let last = choosable.len().saturating_sub(1);
        if let Some(nth) = choosable.get(at.saturating_add_signed(hunks).min(last)) {
            self.selected = *nth;
        }
        self.show_selected(height);
    }

    /// Selects the hunk that was pointed at, if there is something to be chosen of it.
    pub(in crate::app) fn select(&mut self, nth: usize, height: usize) {
        if self.choosable().contains(&nth) {
            self.selected = nth;
            self.show_selected(height);
        }
    }

    /// Scrolls so that the selected hunk is in sight, from its head on.
    pub(in crate::app) fn show_selected(&mut self, height: usize) {
        let (head, n_lines) = {
            let lines = self.lines();
            let is_head = |line: &MergeLine<'_>| matches!(line, MergeLine::Head(nth, _) if *nth == self.selected);
            let head = lines.iter().position(is_head).unwrap_or(0);
            let rest = lines[head..].iter().skip(1);
            let of_hunk =
                rest.take_while(|line| matches!(line, MergeLine::Was(_) | MergeLine::Of(..)));
            (head, 1 + of_hunk.count())
        };
        let end = head + n_lines.min(height.saturating_sub(1).max(1));
        if head < self.scroll + CONTEXT.min(self.scroll) || end > self.scroll + height {
            self.scroll = head.saturating_sub(CONTEXT);
        }
    }

    pub(in crate::app) fn scroll_by(&mut self, lines: isize) {
        let last = self.lines().len().saturating_sub(1);
        self.scroll = self.scroll.saturating_add_signed(lines).min(last);
    }

    /// Decides on the selected hunk, and goes on to the next that is not decided.
    pub(in crate::app) fn decide(&mut self, decision: Decision, height: usize) {
        self.merge.decide(self.selected, decision);
        let n_hunks = self.merge.hunks().count();
        let after = (self.selected + 1..n_hunks).chain(0..self.selected);
        if let Some(next) = after.into_iter().find(|nth| self.is_undecided(*nth)) {
            self.selected = next;
        }
        self.show_selected(height);
    }

    /// Returns how many conflicts are left between marks, to be edited by hand.
    pub fn n_by_hand(&self) -> usize {
        let hunks = self.merge.hunks();
        hunks
            .filter(|hunk| hunk.decision == Some(Decision::ByHand))
            .count()
    }

    /// Returns the lines of the picture.
    pub fn lines(&self) -> Vec<MergeLine<'_>> {
        let mut lines = Vec::new();
        let parts = self.merge.parts();
        let mut nth = 0;
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Same(same) => {
                    let before = if at == 0 { 0 } else { CONTEXT };
                    let after = if at + 1 == parts.len() { 0 } else { CONTEXT };
                    fold(&mut lines, same, (before, after));
                }
                Part::Hunk(hunk) => {
                    lines.push(MergeLine::Head(nth, hunk));
                    of_hunk(&mut lines, hunk);
                    nth += 1;
                }
            }
        }
        lines
    }
}

/// Shows the first and last of some lines, and says how many are between them.
fn fold<'a>(lines: &mut Vec<MergeLine<'a>>, same: &'a [String], (before, after): (usize, usize)) {
    let n_folded = same.len().saturating_sub(before + after);
    // A line that says that one is missing takes as much room.
    if n_folded < 2 {
        return lines.extend(same.iter().map(|line| MergeLine::Same(line)));
    }
    lines.extend(same[..before].iter().map(|line| MergeLine::Same(line)));
    lines.push(MergeLine::Fold(n_folded));
    let rest = &same[same.len() - after..];
    lines.extend(rest.iter().map(|line| MergeLine::Same(line)));
}

fn of_hunk<'a>(lines: &mut Vec<MergeLine<'a>>, hunk: &'a Hunk) {
    let is_taken = |side: Side| match hunk.decision? {
        Decision::Take(taken) => Some(taken == side),
        Decision::Both | Decision::ByHand => Some(true),
    };
    let sides: &[Side] = match hunk.change {
        Change::By(Side::Mine) | Change::Alike => &[Side::Mine],
        Change::By(Side::Theirs) => &[Side::Theirs],
        Change::Conflict => &[Side::Mine, Side::Theirs],
    };
    lines.extend(hunk.base.iter().map(|line| MergeLine::Was(line)));
    for side in sides {
        let of_side = match side {
            Side::Mine => &hunk.mine,
            Side::Theirs => &hunk.theirs,
        };
        let taken = is_taken(*side);
        lines.extend(of_side.iter().map(|line| MergeLine::Of(*side, line, taken)));
    }
}
