//! Plans, progress and outcomes as text: what is read before a question is answered, and while it is carried out.

use super::{Exit, exit, operate, output, refusal, turn};
use crate::definition::id::{InstanceId, Namespace};
use crate::engine::operation;
use crate::engine::plan::{
    Change, ClaimFate, DataFate, DeployPlan, DiffLine, DiffSide, Fate, FateRow, FieldConflict,
    PlannedObject, TeardownPlan, TeardownScope, sums,
};
use crate::engine::progress::{Outcome, Progress};
use crate::engine::remedy::Offer;
use crate::engine::rollback::HangingPod;
use crate::engine::routes::RoutePlan;
use crate::failure::Failure;
use crate::text;

/// How much of a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Objects that come or go are one line, those that change have their difference.
    Changes,
    /// Every object with its difference.
    Everything,
}

/// Returns a deploy's plan: each object with its change and its difference.
pub(super) fn deploy_plan(plan: &DeployPlan, depth: Depth) -> String {
    let mut out = String::new();
    for object in &plan.objects {
        push_object(&mut out, object, &plan.instance.namespace, depth);
    }
    out
}

fn push_object(out: &mut String, object: &PlannedObject, home: &Namespace, depth: Depth) {
    let note = object
        .note
        .as_ref()
        .map_or_else(String::new, |note| format!("  ({note})"));
    push(
        out,
        &format!(
            "{} {}{note}",
            sign(object.change),
            object.key.seen_from(home.as_str())
        ),
    );
    if depth == Depth::Changes && !matches!(object.change, Change::Update | Change::Recreate) {
        return;
    }
    for line in &object.difference {
        push(out, &format!("    {}", diff_line(line)));
    }
}

/// Returns what becomes of the routes of an instance: those that change, each with its difference, and those that stay.
pub(super) fn routes(plan: &RoutePlan) -> String {
    let mut out = String::new();
    for route in &plan.routes {
        push_object(
            &mut out,
            &route.object,
            &plan.instance.namespace,
            Depth::Changes,
        );
    }
    out
}

/// Returns the pods that hang and are deleted, a line each.
pub(super) fn hanging(pods: &[HangingPod]) -> String {
    let mut out = String::new();
    for pod in pods {
        let reason = pod.reason.as_deref().unwrap_or("not ready");
        let line = format!(
            "- delete {}  (it hangs on the revision that is left: {reason})",
            pod.key
        );
        push(&mut out, &line);
    }
    out
}

/// Says what a plan warns of, what conflicts or is taken over, and what it adds up to; `n_pods` are deleted beside its objects.
pub(super) fn say_remarks(plan: &DeployPlan, n_pods: usize, takes_conflicts: bool) {
    let say = |line: &str| output::say(text::clean(line));
    for warning in &plan.warnings {
        say(&format!("warning: {warning}"));
    }
    let what = conflict_word(takes_conflicts || plan.takes_conflicts);
    for conflict in &plan.conflicts {
        say_conflict(what, conflict);
    }
    if plan.takes_conflicts {
        say("the fields above are taken over, as was agreed to when it was begun");
    }
    for yielded in &plan.yielded {
        say_conflict("left to its owner", yielded);
    }
    // What a refusal names goes with it.
    let is_named = |offer: &&Offer| {
        let words = offer.to_string();
        let mut refusals = plan.refusals.iter();
        refusals.any(|refusal| refusal.detail.contains(&words))
    };
    for offer in plan.offers.iter().filter(|offer| !is_named(offer)) {
        say(&format!("option: {offer}"));
    }
    for bind in &plan.storage.binds {
        say(&format!(
            "{} ({}) is bound again to claim {}",
            bind.volume, bind.size, bind.claim
        ));
    }
    for growth in &plan.storage.growths {
        say(&format!(
            "{} grows from {} to {}, and never shrinks again",
            growth.claim, growth.from, growth.to
        ));
    }
    if !plan.objects.is_empty() {
        say(&format!(
            "plan for {} in {}: {}",
            plan.instance.id,
            plan.instance.namespace,
            sums(plan, n_pods)
        ));
    }
}

/// Returns what becomes of a field that another manager owns, and that the plan writes.
pub(super) fn conflict_word(is_taken: bool) -> &'static str {
    match is_taken {
        true => "taken over from its owner",
        false => "conflict",
    }
}

/// Says which field another manager owns, and what that means.
pub(super) fn say_conflict(what: &str, conflict: &FieldConflict) {
    let FieldConflict {
        key,
        field,
        message,
        ..
    } = conflict;
    output::say(text::clean(&format!("{what}: {key} {field}: {message}")));
}

fn sign(change: Change) -> &'static str {
    match change {
        Change::Create => "+ create",
        Change::Update => "~ update",
        Change::Unchanged | Change::Keep => "= keep  ",
        Change::Recreate => "! recreate",
        Change::Delete => "- delete",
    }
}

/// Returns a line of a difference with its sign.
pub(super) fn diff_line(line: &DiffLine) -> String {
    match line.side {
        DiffSide::Both => format!("  {}", line.text),
        DiffSide::Old => format!("- {}", line.text),
        DiffSide::New => format!("+ {}", line.text),
        DiffSide::Gap => "  …".to_owned(),
    }
}

/// Returns the fate table of a teardown.
pub(super) fn fate_table(plan: &TeardownPlan) -> String {
    let home = plan.instance.namespace.as_str();
    let rows: Vec<Vec<String>> = plan.rows.iter().map(|row| fate_row(row, home)).collect();
    let from = match plan.scope {
        TeardownScope::Instance | TeardownScope::KeptClaims => "VOLUME",
        TeardownScope::RetainedVolumes => "FROM CLAIM",
    };
    output::table(&["OBJECT", "FATE", "SIZE", from, "DATA"], &rows)
}

fn fate_row(row: &FateRow, home: &str) -> Vec<String> {
    let fate = match &row.fate {
        Fate::Deleted => "deleted".to_owned(),
        Fate::Kept(why) => format!("kept: {why}"),
        Fate::GarbageCollected(owner) => format!("goes with {owner}"),
        Fate::Left(why) => format!("left: {why}"),
    };
    let claim = row.claim.as_ref();
    vec![
        row.key.seen_from(home),
        fate,
        claim.map_or_else(String::new, |claim| claim.size.clone()),
        claim
            .and_then(|claim| claim.volume.clone().or(claim.retained_from.clone()))
            .unwrap_or_default(),
        match claim {
            // Nothing happens to the data of a claim that stays.
            Some(ClaimFate {
                data: DataFate::Retained,
                ..
            }) if matches!(row.fate, Fate::Kept(_)) => "kept".to_owned(),
            Some(claim) => data_fate(claim.data).to_owned(),
            None if row.destroys_values() => "values destroyed".to_owned(),
            None => String::new(),
        },
    ]
}

fn data_fate(data: DataFate) -> &'static str {
    match data {
        DataFate::Destroyed => "destroyed",
        DataFate::Retained => "retained",
        DataFate::Nothing => "none yet",
        DataFate::Unknown => "unknown: may not read volumes",
    }
}

/// Says a fact about a running operation.
pub(super) fn say_progress(progress: &Progress) {
    say_progress_of_text(None, progress);
}

/// As [`say_progress`], of a definition that stands in `file`.
pub(super) fn say_progress_of_text(file: Option<&str>, progress: &Progress) {
    if let Some(sentence) = progress_sentence(progress) {
        output::say(text::clean(&sentence));
    }
    if let (Progress::Failed(_, failure), Some(file)) = (progress, file) {
        super::say_detail_of(file, failure);
    }
}

/// Says a fact about one of several running operations.
pub(super) fn say_progress_of(id: &InstanceId, progress: &Progress) {
    if let Some(sentence) = progress_sentence(progress) {
        output::say(text::clean(&format!("{id}: {sentence}")));
    }
}

fn progress_sentence(progress: &Progress) -> Option<String> {
    let sentence = match progress {
        // Ends of steps follow within moments; their beginnings would only double the lines.
        Progress::Started(_) => return None,
        Progress::Done(step, None) => format!("✔ {}", step.done()),
        Progress::Done(step, Some(remark)) => format!("✔ {}: {remark}", step.done()),
        Progress::Failed(step, failure) => format!("✖ {step}: {failure}"),
        // Why it was not begun is said once.
        Progress::NotTried(_, why) if why == operation::NOT_BEGUN => return None,
        Progress::NotTried(step, why) => format!("– {step}: not tried, {why}"),
        Progress::Waiting(what) | Progress::Listening(what) => format!("… {what}"),
    };
    Some(sentence)
}

/// Says how an operation ended that a signal may have come to, and returns what its exit code were without.
pub(super) fn conclude(what: &str, outcome: &Outcome, signal: Option<u8>) -> Exit {
    conclude_or(what, outcome, signal, operate::SAME_COMMAND)
}

/// As [`conclude`], where `next` is what finishes what was not done.
pub(super) fn conclude_or(what: &str, outcome: &Outcome, signal: Option<u8>, next: &str) -> Exit {
    for pending in &outcome.pending {
        output::say(text::clean(&format!("{what}: not finished: {pending}")));
    }
    let exit = exit::of_outcome(outcome);
    if operation::is_timed_out(outcome) {
        output::say(format!("{what}: not begun"));
        return exit;
    }
    if exit == Exit::Pending && signal.is_some() {
        output::say(match outcome.not_tried.is_empty() {
            true => format!("{what}: everything is written, only the wait was interrupted"),
            false => format!("{next} finishes it"),
        });
    }
    if matches!(exit, Exit::Ok | Exit::Pending) {
        return exit;
    }
    let (done, failed, not_tried) = (
        outcome.done.len(),
        outcome.failed.len(),
        outcome.not_tried.len(),
    );
    output::say(format!(
        "{what}: {done} done, {failed} failed, {not_tried} not tried"
    ));
    match exit {
        Exit::Partly if operation::is_lost(outcome) => output::say(
            "somebody else went on with it: look at what is there now before the same is begun again",
        ),
        Exit::Partly => output::say(format!("{next} finishes it")),
        _ => turn::say_ways(outcome),
    }
    exit
}

/// Says why a plan cannot run, and returns the exit code of the gravest reason.
pub(super) fn refuse(refusals: &[Failure]) -> Exit {
    refuse_of(None, refusals)
}

/// As [`refuse`], of one of several instances.
pub(super) fn refuse_item(id: Option<&InstanceId>, refusals: &[Failure]) -> Exit {
    let Some(id) = id else {
        return refuse(refusals);
    };
    for refusal in refusals {
        output::say(text::clean(&format!("refused: {id}: {refusal}")));
        refusal::note(refusal);
        super::say_detail(refusal);
    }
    exit::of_refusals(refusals)
}

/// As [`refuse`], of a definition that stands in `file`.
pub(super) fn refuse_of(file: Option<&str>, refusals: &[Failure]) -> Exit {
    for refusal in refusals {
        // A fault of the text begins with its line.
        let told = match (file, refusal.summary.strip_prefix("line ")) {
            (Some(file), Some(rest)) => format!("{file}:{rest}"),
            _ => refusal.to_string(),
        };
        output::say(text::clean(&format!("refused: {told}")));
        refusal::note(refusal);
        match file {
            Some(file) => super::say_detail_of(file, refusal),
            None => super::say_detail(refusal),
        }
    }
    exit::of_refusals(refusals)
}

fn push(out: &mut String, line: &str) {
    out.push_str(&text::clean(line));
    out.push('\n');
}
