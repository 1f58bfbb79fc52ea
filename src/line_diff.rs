//! Which lines two texts share. Pure.
//!
//! All comparisons of the program go through the two functions here, with lines as numbers: the library that does the work is
//! built anew for every type and every algorithm that it is asked for, a megabyte of it where it may choose itself.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Instant;

use similar::DiffOp;
use similar::algorithms::{Capture, Compact, Replace, histogram, myers};

/// Compares lines for somebody who looks at what changed: as few changes as may be. After the deadline it is coarser.
pub(crate) fn fewest_changes(old: &[&str], new: &[&str], deadline: Option<Instant>) -> Vec<DiffOp> {
    captured(old, new, |ops, old, new| {
        let (before, after) = (0..old.len(), 0..new.len());
        myers::diff_deadline(ops, old, before, new, after, deadline)
    })
}

/// Compares lines for what is to be merged: lines that are there once hold the others in place.
pub(crate) fn steady(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    captured(old, new, |ops, old, new| {
        histogram::diff(ops, old, 0..old.len(), new, 0..new.len())
    })
}

/// What takes the operations in, and makes as few of them as may be.
type Ops<'n> = Compact<'n, 'n, [u32], [u32], Replace<Capture>>;

fn captured(
    old: &[&str],
    new: &[&str],
    compare: impl for<'n> FnOnce(&mut Ops<'n>, &'n [u32], &'n [u32]) -> Result<(), Infallible>,
) -> Vec<DiffOp> {
    let mut known = HashMap::with_capacity(old.len());
    let [old, new] = [old, new].map(|lines| {
        let numbers = lines.iter().map(|line| {
            let next = known.len() as u32;
            *known.entry(*line).or_insert(next)
        });
        numbers.collect::<Vec<u32>>()
    });
    let mut ops = Compact::new(Replace::new(Capture::new()), &old[..], &new[..]);
    let Ok(()) = compare(&mut ops, &old, &new);
    ops.into_inner().into_inner().into_ops()
}

#[cfg(test)]
mod tests {
    use similar::{Algorithm, TextDiff, capture_diff_slices};

    use super::*;

    /// Texts of few different lines, so that they share many, in any order.
    fn texts() -> impl Iterator<Item = (String, String)> {
        let mut state = 7_u32;
        let mut roll = move |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % n
        };
        (0..300).map(move |round| {
            let [old, new] = [0, 1].map(|_| {
                let n_lines = roll(if round % 10 == 0 { 300 } else { 12 });
                (0..n_lines).map(|_| format!("{}\n", roll(9))).collect()
            });
            (old, new)
        })
    }

    #[test]
    fn operations_are_those_of_the_library_on_the_texts_themselves() {
        for (old, new) in texts() {
            let whole = TextDiff::from_lines(&old, &new);
            let [old, new] =
                [&old, &new].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
            assert_eq!(fewest_changes(&old, &new, None), whole.ops());
            let merged = capture_diff_slices(Algorithm::Histogram, &old, &new);
            assert_eq!(steady(&old, &new), merged);
        }
    }
}
