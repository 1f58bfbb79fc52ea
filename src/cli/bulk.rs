//! Several instances in one command: what cannot be changed is named with why and left, and the others go on where that is
//! wanted. One instance alone is refused as it always was.

use serde_json::Value;

use super::args::Report;
use super::exit::Ending;
use super::{Exit, confirm, exit, output, plan_json, refusal, review};
use crate::definition::id::InstanceId;
use crate::engine::adjust::{AdjustPlan, Adjustment};
use crate::engine::plan::TeardownPlan;
use crate::engine::progress::Outcome;
use crate::engine::routes::RoutePlan;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// A plan for one instance.
pub(super) trait Item {
    /// Returns the instance that it is of.
    fn instance(&self) -> &InstanceKey;
    /// Returns the reasons why it cannot run.
    fn refusals(&self) -> &[Failure];
    /// Takes in one more reason why it cannot run.
    fn refuse(&mut self, refusal: Failure);
    /// Has one reason alone why it cannot run.
    fn refused_with(&mut self, refusal: Failure);
    /// Returns it as data, with how it ended; none where it was not begun, or cut off.
    fn json(&self, outcome: Option<&Outcome>) -> Value;

    /// Tells whether the same command finishes what one of several began, and does nothing again to the others.
    fn is_repeatable(&self) -> bool;

    /// Tells whether there is no such instance.
    fn is_absent(&self) -> bool {
        let mut refusals = self.refusals().iter();
        refusals.any(|refusal| refusal.kind == FailureKind::NotFound)
    }
}

macro_rules! item {
    ($plan:ty, $json:path, $is_repeatable:expr) => {
        impl Item for $plan {
            fn instance(&self) -> &InstanceKey {
                &self.instance
            }

            fn refusals(&self) -> &[Failure] {
                &self.refusals
            }

            fn refuse(&mut self, refusal: Failure) {
                self.refusals.push(refusal);
            }

            fn refused_with(&mut self, refusal: Failure) {
                self.refusals = vec![refusal];
            }

            fn json(&self, outcome: Option<&Outcome>) -> Value {
                $json(self, outcome)
            }

            fn is_repeatable(&self) -> bool {
                $is_repeatable(self)
            }
        }
    };
}

item!(TeardownPlan, plan_json::teardown, |_| true);
item!(AdjustPlan, plan_json::adjustment, |plan: &Self| {
    matches!(plan.adjustment, Adjustment::Scale(_))
});
item!(RoutePlan, plan_json::routes, |_| true);

/// The plans of one command, sorted by whether they can be carried out.
pub(super) struct Bulk<P> {
    runnable: Vec<P>,
    /// What is left, with how it would have ended alone.
    left: Vec<(P, Exit)>,
    /// The plans of what is not there, which was said before.
    missing: Vec<P>,
    /// What is not there is no reason to ask before the others are dealt with.
    is_past_missing: bool,
}

/// What a plan needs before it is carried out.
pub(super) enum Need {
    /// Nothing: it changes nothing.
    Nothing,
    /// Nothing more: a flag said so, or naming it is enough.
    Given,
    /// The one question for all, unless a flag answers it.
    Question,
    /// The ID, typed in answer to this; where nobody can type it, it is refused so.
    Typed(String, Failure),
}

impl<P: Item + Clone> Bulk<P> {
    /// Sorts plans by what stands against them, and says what that is.
    pub(super) fn sort(
        plans: Vec<P>,
        missing: Vec<P>,
        obstacles: impl Fn(&P) -> Vec<Failure>,
    ) -> Self {
        let mut bulk = Self {
            runnable: Vec::new(),
            left: Vec::new(),
            missing,
            is_past_missing: false,
        };
        let is_one_of_many = plans.len() + bulk.missing.len() > 1;
        for plan in plans {
            match obstacles(&plan) {
                none if none.is_empty() => bulk.runnable.push(plan),
                obstacles => bulk.leave(plan, &obstacles, is_one_of_many),
            }
        }
        bulk
    }

    /// Goes on past what is not there without asking for that.
    pub(super) fn past_missing(mut self) -> Self {
        self.is_past_missing = true;
        self
    }

    fn leave(&mut self, plan: P, obstacles: &[Failure], is_one_of_many: bool) {
        let id = &plan.instance().id;
        let exit = review::refuse_item(is_one_of_many.then_some(id), obstacles);
        self.left.push((plan, exit));
    }

    /// Tells whether it is about one instance only.
    fn is_alone(&self) -> bool {
        self.runnable.len() + self.left.len() + self.missing.len() == 1
    }

    /// Returns what is carried out, and what is left.
    pub(super) fn into_parts(self) -> (Vec<P>, Left) {
        let exits = self.exits_of_left().collect();
        let left = self.left.iter().map(|(plan, _)| plan);
        let names = left
            .chain(&self.missing)
            .map(|plan| plan.instance().id.clone());
        let left = Left {
            names: names.collect(),
            exits,
            is_repeatable: self.runnable.iter().all(Item::is_repeatable),
        };
        (self.runnable, left)
    }

    /// Puts what was left in the place of the same plans as they were before: with why they cannot run.
    pub(super) fn put_left(&self, plans: &mut [P]) {
        for (left, _) in &self.left {
            let is_it = |plan: &&mut P| plan.instance() == left.instance();
            if let Some(plan) = plans.iter_mut().find(is_it) {
                plan.clone_from(left);
            }
        }
    }

    /// Returns how it ends where nothing is carried out: as the gravest reason says.
    pub(super) fn exit_of_left(&self) -> Exit {
        let exits: Vec<Exit> = self.exits_of_left().collect();
        match exits.contains(&Exit::Refused) {
            true => Exit::Refused,
            false => exits.first().copied().unwrap_or(Exit::Ok),
        }
    }

    fn exits_of_left(&self) -> impl Iterator<Item = Exit> {
        let left = self.left.iter().map(|(_, exit)| *exit);
        left.chain(self.missing.iter().map(|_| Exit::Failed))
    }

    /// Returns whether there is nothing that could be carried out.
    pub(super) fn is_stuck(&self) -> bool {
        self.runnable.is_empty() && !(self.left.is_empty() && self.missing.is_empty())
    }

    /// Asks what is to be asked: for IDs, and once for all that is left. Returns how the command ends where nothing is done.
    ///
    /// # Errors
    /// There is no terminal, or it cannot be read.
    pub(super) fn settle(
        &mut self,
        yes: bool,
        need: impl Fn(&P) -> Need,
        question: impl Fn(&str) -> String,
    ) -> anyhow::Result<Option<Exit>> {
        let is_alone = self.is_alone();
        let (mut all, mut open) = (Vec::new(), Vec::new());
        for mut plan in std::mem::take(&mut self.runnable) {
            let id = plan.instance().id.clone();
            match need(&plan) {
                Need::Nothing => {}
                Need::Given => all.push(id),
                Need::Question => {
                    open.push(id.clone());
                    all.push(id);
                }
                Need::Typed(_, refusal) if !output::can_ask() => {
                    plan.refuse(refusal.clone());
                    self.leave(plan, &[refusal], !is_alone);
                    continue;
                }
                Need::Typed(question, _) => match confirm::typed_of(&question, &id, is_alone)? {
                    confirm::Typed::Right => all.push(id),
                    confirm::Typed::Left => {
                        output::say(format!("{id} is left as it is"));
                        self.left.push((plan, Exit::Refused));
                        continue;
                    }
                    confirm::Typed::Wrong => return Ok(Some(unchanged(Exit::Failed))),
                },
            }
            self.runnable.push(plan);
        }
        if self.is_stuck() {
            return Ok(Some(unchanged(self.exit_of_left())));
        }
        // Without what is left it is another thing than what was asked for.
        let lacks_some = !self.missing.is_empty() && !self.is_past_missing;
        let is_less = !self.left.is_empty() || lacks_some;
        let asked = if is_less { all } else { open };
        if yes || asked.is_empty() {
            return Ok(None);
        }
        if is_less && !output::can_ask() {
            let ids = listed(&asked);
            output::say(format!(
                "nothing was changed: --yes goes on with {ids} alone"
            ));
            return Ok(Some(self.exit_of_left()));
        }
        match confirm::go_on(&question(&listed(&asked)))? {
            true => Ok(None),
            false => Ok(Some(unchanged(Exit::Failed))),
        }
    }
}

/// What of a command was not carried out.
pub(super) struct Left {
    names: Vec<InstanceId>,
    exits: Vec<Exit>,
    is_repeatable: bool,
}

impl Left {
    /// Says how the whole ended, and returns its exit code: partly done, where some was left and some was done.
    pub(super) fn conclude(&self, endings: &[Ending]) -> Exit {
        let begun = endings.iter().map(|ending| ending.exit);
        let exits: Vec<Exit> = begun.chain(self.exits.iter().copied()).collect();
        let exit = exit::of_many(&exits);
        let tally = exit::tally(endings, exits.len());
        if !self.names.is_empty() {
            let left = listed(&self.names);
            output::say(format!("{tally}; left as they were: {left}"));
        } else if matches!(exit, Exit::Partly | Exit::Pending) && exits.len() > 1 {
            let is_half_done = endings.iter().any(Ending::is_half_way);
            output::say(match self.is_repeatable && is_half_done {
                true => format!("{tally}: the same command finishes it"),
                false => tally,
            });
        }
        exit
    }
}

/// Returns the plans of what is not there with what was said of them in the place of why they cannot run: none where nothing
/// was, since that is wanted.
pub(super) fn with_faults<P: Item>(absent: Vec<P>, faults: Vec<Failure>) -> Vec<P> {
    let told = absent.into_iter().zip(faults).map(|(mut plan, fault)| {
        plan.refused_with(fault);
        plan
    });
    told.collect()
}

/// How those ended that were begun.
pub(super) type Outcomes = Vec<(InstanceKey, Outcome)>;

/// Ends with every plan, and how each ended, where somebody asked for JSON.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn end(
    report: Report,
    plans: &[impl Item],
    outcomes: &[(InstanceKey, Outcome)],
    exit: Exit,
) -> anyhow::Result<Exit> {
    let outcome_of = |instance: &InstanceKey| {
        let found = outcomes.iter().find(|(ended, _)| ended == instance);
        found.map(|(_, outcome)| outcome)
    };
    let all = plans
        .iter()
        .map(|plan| plan.json(outcome_of(plan.instance())));
    plan_json::end(report, &Value::Array(all.collect()), exit)
}

/// Ends with every plan where the one question for all could not be put to anybody.
///
/// # Errors
/// That one, or standard output cannot be written.
pub(super) fn end_unasked<P: Item>(
    error: anyhow::Error,
    report: Report,
    plans: Vec<P>,
) -> anyhow::Result<Exit> {
    let refuse = |plans: &mut Vec<P>, refusal: Failure| {
        let open = plans.iter_mut().filter(|plan| plan.refusals().is_empty());
        open.for_each(|plan| plan.refuse(refusal.clone()));
    };
    let print = |plans: &Vec<P>| end(report, plans, &[], Exit::Usage);
    refusal::end(error, plans, refuse, print)
}

fn unchanged(exit: Exit) -> Exit {
    output::say("nothing was changed");
    exit
}

fn listed(ids: &[InstanceId]) -> String {
    let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
    ids.join(", ")
}
