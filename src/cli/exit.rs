//! How a command ends: the exit codes that scripts rely on, and which of them a failure, a refusal or an outcome means.
//!
//! No other place decides it. README and `--help` have the same table.

use crate::engine::operation;
use crate::engine::progress::{Outcome, Step};
use crate::failure::{Failure, FailureKind};

/// What the exit codes mean; part of the contract with scripts.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0      done; also where a selector chooses nothing
  1      failed, or what was named is not there; `validate` found errors, `diff` found differences
  2      called wrongly, or it would have to ask and there is no terminal; `diff` failed
  3      partly done: what is left is named, and where the same command finishes it, that is said
  4      timed out, or accepted and not yet gone
  5      refused: ownership, protection, permissions
  128+n  ended by signal n
  `exec` ends as its command did.";

/// How a command ended; the numbers are the documented exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// Failed, or `validate` found errors, or `diff` found differences.
    Failed,
    /// Called wrongly, or a question had to be asked without a terminal.
    Usage,
    /// Some of it was done.
    Partly,
    /// Timed out, or accepted and not yet gone.
    Pending,
    /// Refused: ownership, protection, permissions.
    Refused,
    /// As the command that was run in a container ended.
    Command(u8),
    /// Ended by a signal.
    Signal(u8),
}

impl Exit {
    /// Returns the number that the process ends with.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partly => 3,
            Self::Pending => 4,
            Self::Refused => 5,
            Self::Command(code) => code,
            Self::Signal(number) => 128 + number,
        }
    }

    /// Returns how it ended where 1 has another meaning: `diff` found differences.
    pub(super) fn beside_differences(self) -> Self {
        match self {
            Self::Failed => Self::Usage,
            exit => exit,
        }
    }

    /// Returns how it ended where a signal came to it: what was left was left for that.
    pub(super) fn after(self, signal: Option<u8>) -> Self {
        match (self, signal) {
            (Self::Partly | Self::Pending, Some(number)) => Self::Signal(number),
            (exit, _) => exit,
        }
    }
}

/// A command that was called in a way that cannot work: the sentence says what to write instead.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Returns how a command ends that a failure ended.
pub(super) fn of_failure(kind: FailureKind) -> Exit {
    match kind {
        FailureKind::Forbidden | FailureKind::Login | FailureKind::Refused => Exit::Refused,
        FailureKind::Usage => Exit::Usage,
        FailureKind::NotFound
        | FailureKind::Conflict
        | FailureKind::Invalid
        | FailureKind::Unreachable
        | FailureKind::Disk => Exit::Failed,
    }
}

/// Returns how a command ends whose plan cannot run: by the gravest reason.
pub(super) fn of_refusals(refusals: &[Failure]) -> Exit {
    let has = |wanted: &[FailureKind]| refusals.iter().any(|one| wanted.contains(&one.kind));
    if has(&[
        FailureKind::Forbidden,
        FailureKind::Login,
        FailureKind::Refused,
        FailureKind::Conflict,
    ]) {
        Exit::Refused
    } else if has(&[FailureKind::Usage]) {
        Exit::Usage
    } else {
        Exit::Failed
    }
}

/// Returns how an operation ended.
pub(super) fn of_outcome(outcome: &Outcome) -> Exit {
    let first = outcome.failed.first();
    let is_written = outcome.failed.iter().all(|(step, _)| *step == Step::Ready);
    match first {
        // What waits for something pending was not tried either.
        None if !outcome.pending.is_empty() => Exit::Pending,
        None if !outcome.not_tried.is_empty() => Exit::Partly,
        None => Exit::Ok,
        // Everything was written; what was written does not work.
        Some(_) if is_written && outcome.not_tried.is_empty() => Exit::Failed,
        Some(_) if operation::is_timed_out(outcome) => Exit::Pending,
        Some((_, failure)) if outcome.done.is_empty() => of_failure(failure.kind),
        Some(_) => Exit::Partly,
    }
}

/// How one of several operations ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) exit: Exit,
    /// Whether it did not even begin before the time was up.
    came_too_late: bool,
}

impl Ending {
    pub(super) fn of(outcome: &Outcome, exit: Exit) -> Self {
        Self {
            exit,
            came_too_late: operation::is_timed_out(outcome),
        }
    }

    /// Tells whether it began, or was to, and came to no end.
    pub(super) fn is_half_way(&self) -> bool {
        self.exit != Exit::Ok && !self.came_too_late
    }

    /// What was as it should be.
    pub(super) fn settled() -> Self {
        Self {
            exit: Exit::Ok,
            came_too_late: false,
        }
    }
}

/// Says how many of all came to their end, how many only began to, and how many not even that.
pub(super) fn tally(endings: &[Ending], n_all: usize) -> String {
    let count = |exit, came_too_late| {
        let is_it = |it: &&Ending| it.exit == exit && it.came_too_late == came_too_late;
        endings.iter().filter(is_it).count()
    };
    let mut told = format!("{} of {n_all} done", count(Exit::Ok, false));
    for (n, what) in [
        (count(Exit::Pending, false), "not finished yet"),
        (count(Exit::Pending, true), "not begun"),
    ] {
        if n > 0 {
            told.push_str(&format!(", {n} {what}"));
        }
    }
    told
}

/// Returns how several operations ended: partly done if they ended differently.
pub(super) fn of_many(exits: &[Exit]) -> Exit {
    match exits {
        [] => Exit::Ok,
        [first, rest @ ..] if rest.iter().all(|exit| exit == first) => *first,
        _ if exits
            .iter()
            .all(|exit| matches!(exit, Exit::Ok | Exit::Pending)) =>
        {
            Exit::Pending
        }
        _ => Exit::Partly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_and_help_have_one_table() {
        let readme = include_str!("../../README.md");
        let rows = EXIT_CODES.lines().filter_map(|line| {
            let (code, meaning) = line.trim().split_once("  ")?;
            Some(format!("| {} | {} |", code.trim(), meaning.trim()))
        });
        let rows: Vec<String> = rows.collect();
        assert_eq!(rows.len(), 7);
        for row in rows {
            assert!(readme.contains(&row), "README.md lacks: {row}");
        }
    }

    #[test]
    fn several_operations_end_as_the_gravest_mixture() {
        let check = |exits: &[Exit], expected: Exit| assert_eq!(of_many(exits), expected);
        check(&[], Exit::Ok);
        check(&[Exit::Ok, Exit::Ok], Exit::Ok);
        check(&[Exit::Refused, Exit::Refused], Exit::Refused);
        check(&[Exit::Ok, Exit::Pending], Exit::Pending);
        check(&[Exit::Ok, Exit::Failed], Exit::Partly);
        check(&[Exit::Failed, Exit::Pending], Exit::Partly);
    }

    #[test]
    fn what_was_not_begun_is_counted_by_itself() {
        let done = Ending::settled();
        let ending = |exit, came_too_late| Ending {
            exit,
            came_too_late,
        };
        let (held, late) = (ending(Exit::Pending, false), ending(Exit::Pending, true));
        let check = |endings: &[Ending], n_all, expected: &str| {
            assert_eq!(tally(endings, n_all), expected);
        };
        check(&[done, done], 3, "2 of 3 done");
        check(&[done, held], 2, "1 of 2 done, 1 not finished yet");
        check(&[late, late], 2, "0 of 2 done, 2 not begun");
        let all = [done, held, late, ending(Exit::Failed, false)];
        check(&all, 4, "1 of 4 done, 1 not finished yet, 1 not begun");
    }

    #[test]
    fn what_a_signal_left_undone_ends_by_it() {
        assert_eq!(Exit::Partly.after(Some(2)), Exit::Signal(2));
        assert_eq!(Exit::Pending.after(Some(15)), Exit::Signal(15));
        assert_eq!(Exit::Partly.after(None), Exit::Partly);
        // It came to its end all the same.
        assert_eq!(Exit::Ok.after(Some(2)), Exit::Ok);
        assert_eq!(Exit::Refused.after(Some(2)), Exit::Refused);
    }

    #[test]
    fn the_gravest_refusal_decides() {
        let check = |kinds: &[FailureKind], expected: Exit| {
            let refusals = kinds.iter().map(|kind| Failure::new(*kind, "no"));
            assert_eq!(of_refusals(&refusals.collect::<Vec<_>>()), expected);
        };
        check(&[FailureKind::NotFound], Exit::Failed);
        check(&[FailureKind::Usage, FailureKind::Invalid], Exit::Usage);
        check(&[FailureKind::Usage, FailureKind::Forbidden], Exit::Refused);
        check(&[FailureKind::Conflict], Exit::Refused);
    }

    fn failed(step: Step, kind: FailureKind) -> (Step, Failure) {
        (step, Failure::new(kind, "no"))
    }

    fn check(outcome: Outcome, expected: Exit) {
        assert_eq!(of_outcome(&outcome), expected, "{outcome:?}");
    }

    #[test]
    fn the_exit_code_tells_how_far_it_came() {
        let done = || vec![Step::Claim];
        let not_tried = || vec![(Step::Record, "not everything is gone".to_owned())];
        let pending = || vec!["Service/web is held".to_owned()];
        check(Outcome::default(), Exit::Ok);
        check(
            Outcome {
                done: done(),
                pending: pending(),
                not_tried: not_tried(),
                ..Outcome::default()
            },
            Exit::Pending,
        );
        check(
            Outcome {
                done: done(),
                failed: vec![failed(Step::Record, FailureKind::Conflict)],
                pending: pending(),
                ..Outcome::default()
            },
            Exit::Partly,
        );
        check(
            Outcome {
                failed: vec![failed(Step::Claim, FailureKind::Forbidden)],
                not_tried: not_tried(),
                ..Outcome::default()
            },
            Exit::Refused,
        );
        check(
            Outcome {
                done: done(),
                failed: vec![failed(Step::Ready, FailureKind::Invalid)],
                ..Outcome::default()
            },
            Exit::Failed,
        );
        check(
            Outcome {
                done: done(),
                not_tried: not_tried(),
                ..Outcome::default()
            },
            Exit::Partly,
        );
    }
}
