//! Three texts of one file made one: what a text was, what was typed since, and what somebody else made of it meanwhile.
//!
//! Lines that only one side changed are merged by themselves; where both changed the same lines a person chooses. Pure, like
//! all of the editor: nothing is written here, and nothing of either side is lost before it is chosen.

use similar::DiffOp;

use crate::line_diff;

/// Which of both sides is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What was typed here.
    Mine,
    /// What somebody else made of it.
    Theirs,
}

/// Who changed the lines of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One side alone.
    By(Side),
    /// Both, in the same way.
    Alike,
    /// Both, each in another way.
    Conflict,
}

/// What becomes of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The lines of one side are taken.
    Take(Side),
    /// Both are taken, mine first.
    Both,
    /// Both are put into the text between marks, to be edited there.
    ByHand,
}

/// Lines that are not the same in all three texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// As they were; empty where that is not known.
    pub base: Vec<String>,
    /// As they were typed.
    pub mine: Vec<String>,
    /// As somebody else made them.
    pub theirs: Vec<String>,
    /// Who changed them.
    pub change: Change,
    /// What becomes of them; none while a person has to choose.
    pub decision: Option<Decision>,
}

/// A part of the merged text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Lines that are the same in all texts.
    Same(Vec<String>),
    /// Lines that are not.
    Hunk(Hunk),
}

/// The parts of a text that is being merged, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merge {
    parts: Vec<Part>,
}

impl Merge {
    /// Merges three texts. Without a `base` every difference of the two is a conflict: nobody knows who made it.
    pub fn new(base: Option<&str>, mine: &str, theirs: &str) -> Self {
        let (mine, theirs) = (lines(mine), lines(theirs));
        let mut merge = Self::default();
        match base {
            Some(base) => merge.merge_three(&lines(base), &mine, &theirs),
            None => merge.compare_two(&mine, &theirs),
        }
        merge
    }

    /// Returns the parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the hunks.
    pub fn hunks(&self) -> impl Iterator<Item = &Hunk> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hunk(hunk) => Some(hunk),
            Part::Same(_) => None,
        })
    }

    /// Returns how many hunks a person still has to choose of.
    pub fn n_undecided(&self) -> usize {
        self.hunks().filter(|hunk| hunk.decision.is_none()).count()
    }

    /// Tells whether anything was merged by somebody else than the one who types: else there is nothing to show.
    pub fn has_theirs(&self) -> bool {
        self.hunks()
            .any(|hunk| matches!(hunk.change, Change::By(Side::Theirs) | Change::Conflict))
    }

    /// Decides on a hunk, counted from 0.
    pub fn decide(&mut self, nth: usize, decision: Decision) {
        let mut hunks = self.parts.iter_mut().filter_map(|part| match part {
            Part::Hunk(hunk) => Some(hunk),
            Part::Same(_) => None,
        });
        if let Some(hunk) = hunks.nth(nth) {
            hunk.decision = Some(decision);
        }
    }

    /// Returns the merged text; none while something is not decided.
    pub fn text(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Same(lines) => put(&mut text, lines),
                Part::Hunk(hunk) => hunk.write(&mut text)?,
            }
        }
        Some(text)
    }

    fn merge_three(&mut self, base: &[&str], mine: &[&str], theirs: &[&str]) {
        let (to_mine, to_theirs) = (shared(base, mine), shared(base, theirs));
        let (mut b, mut m, mut t) = (0, 0, 0);
        loop {
            while b < base.len() && to_mine[b] == Some(m) && to_theirs[b] == Some(t) {
                self.same(base[b]);
                (b, m, t) = (b + 1, m + 1, t + 1);
            }
            let next = (b..base.len()).find_map(|at| Some((at, to_mine[at]?, to_theirs[at]?)));
            let end = next.unwrap_or((base.len(), mine.len(), theirs.len()));
            if end == (b, m, t) {
                return;
            }
            self.hunk(&base[b..end.0], &mine[m..end.1], &theirs[t..end.2]);
            (b, m, t) = end;
        }
    }

    fn compare_two(&mut self, mine: &[&str], theirs: &[&str]) {
        let to_theirs = shared(mine, theirs);
        let (mut m, mut t) = (0, 0);
        loop {
            while m < mine.len() && to_theirs[m] == Some(t) {
                self.same(mine[m]);
                (m, t) = (m + 1, t + 1);
            }
            let next = (m..mine.len()).find_map(|at| Some((at, to_theirs[at]?)));
            let end = next.unwrap_or((mine.len(), theirs.len()));
            if end == (m, t) {
                return;
            }
            self.parts.push(Part::Hunk(Hunk {
                base: Vec::new(),
                mine: owned(&mine[m..end.0]),
                theirs: owned(&theirs[t..end.1]),
                change: Change::Conflict,
                decision: None,
            }));
            (m, t) = end;
        }
    }

    fn same(&mut self, line: &str) {
        match self.parts.last_mut() {
            Some(Part::Same(lines)) => lines.push(line.to_owned()),
            _ => self.parts.push(Part::Same(vec![line.to_owned()])),
        }
    }

    /// Adds lines that are not the same in all texts. Where each stands for one of before, those that follow each other need
    /// not be of one side: keys of YAML stand on lines of their own.
    fn hunk(&mut self, base: &[&str], mine: &[&str], theirs: &[&str]) {
        if base.len() != mine.len() || base.len() != theirs.len() {
            return self.hunk_of_one(base, mine, theirs);
        }
        let of_line = |at: usize| change_of(&base[at..=at], &mine[at..=at], &theirs[at..=at]);
        let mut from = 0;
        while from < base.len() {
            let change = of_line(from);
            let more = (from + 1..base.len()).take_while(|at| of_line(*at) == change);
            let to = from + 1 + more.count();
            self.hunk_of_one(&base[from..to], &mine[from..to], &theirs[from..to]);
            from = to;
        }
    }

    fn hunk_of_one(&mut self, base: &[&str], mine: &[&str], theirs: &[&str]) {
        let Some(change) = change_of(base, mine, theirs) else {
            return base.iter().for_each(|line| self.same(line));
        };
        let decision = match change {
            Change::By(side) => Some(Decision::Take(side)),
            Change::Alike => Some(Decision::Take(Side::Mine)),
            Change::Conflict => None,
        };
        self.parts.push(Part::Hunk(Hunk {
            base: owned(base),
            mine: owned(mine),
            theirs: owned(theirs),
            change,
            decision,
        }));
    }
}

impl Hunk {
    /// Writes what was decided; none where nothing was.
    fn write(&self, text: &mut String) -> Option<()> {
        match self.decision? {
            Decision::Take(Side::Mine) => put(text, &self.mine),
            Decision::Take(Side::Theirs) => put(text, &self.theirs),
            Decision::Both => {
                put(text, &self.mine);
                put(text, &self.theirs);
            }
            Decision::ByHand => {
                for (mark, lines) in [
                    (MARKS[0], &self.mine),
                    (MARKS[1], &self.base),
                    (MARKS[2], &self.theirs),
                ] {
                    put_line(text, mark);
                    put(text, lines);
                }
                put_line(text, MARKS[3]);
                text.push('\n');
            }
        }
        Some(())
    }
}

/// Returns who changed lines; none where nobody did.
fn change_of(base: &[&str], mine: &[&str], theirs: &[&str]) -> Option<Change> {
    match (mine == base, theirs == base) {
        (true, true) => None,
        (true, false) => Some(Change::By(Side::Theirs)),
        (false, true) => Some(Change::By(Side::Mine)),
        (false, false) if mine == theirs => Some(Change::Alike),
        (false, false) => Some(Change::Conflict),
    }
}

/// What stands around and between the sides that are edited by hand, as git writes it: no YAML, so that it cannot be
/// overlooked.
pub const MARKS: [&str; 4] = [
    "<<<<<<< mine",
    "||||||| before",
    "=======",
    ">>>>>>> theirs",
];

/// Writes lines; one without an end, as a text may have for its last, gets it where another follows.
fn put(text: &mut String, lines: &[String]) {
    lines.iter().for_each(|line| put_line(text, line));
}

fn put_line(text: &mut String, line: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Returns the lines of a text with their ends.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Returns for each line of a text where it is in another.
fn shared(from: &[&str], to: &[&str]) -> Vec<Option<usize>> {
    let mut places = vec![None; from.len()];
    for op in line_diff::steady(from, to) {
        if let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        {
            for n in 0..len {
                places[old_index + n] = Some(new_index + n);
            }
        }
    }
    places
}

#[cfg(test)]
mod tests;
