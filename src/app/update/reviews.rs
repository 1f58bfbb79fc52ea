//! Reviews: of deploys, rollbacks and restores, from the wish to the run.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::effect::{DefinitionOrigin, DeploySource, Effect, Origin, ReviewedPlan};
use crate::app::input::Input;
use crate::app::model::Model;
use crate::app::msg::{Epoch, OpId};
use crate::app::operation::OperationKind;
use crate::app::panes::editor::EditorPane;
use crate::app::panes::review::ReviewPane;
use crate::app::panes::services::RowKey;
use crate::app::popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::app::screen::Screen;
use crate::app::values;
use crate::catalogue::trash::TrashItem;
use crate::catalogue::trash::which::shown_time;
use crate::definition::id::{InstanceId, NameError};
use crate::engine::plan::sums;
use crate::engine::remedy::{Offer, Remedy};
use crate::failure::Failure;
use crate::service::advice;
use crate::service::summary::InstanceKey;

use super::operations::{begin, place_of, push_progress};
use super::{bulk, popups, secrets, wording};

pub(super) const TRASH: &str = "Put back";

/// Plans the deploy of the row that is marked or selected for review, or shows only what it would change.
pub(super) fn review_target(model: &mut Model, is_difference: bool) -> Vec<Effect> {
    let Ok(source) = source_of_target(model) else {
        return Vec::new();
    };
    match is_difference {
        true => show_difference(model, source),
        false => review(model, source),
    }
}

/// Plans the deploy of a definition to show only what it would change.
pub(super) fn show_difference(model: &mut Model, source: DeploySource) -> Vec<Effect> {
    if let Some(origin) = source.definition() {
        let what = format!("diff {}", advice::named(&origin.name, &origin.id));
        let command = model.command_of(origin.namespace.as_ref(), &what);
        model.record(command, None);
    }
    let effects = review(model, source);
    if let Some(Screen::Review(pane)) = model.screens.last_mut() {
        pane.is_difference = true;
    }
    effects
}

/// Returns the definition of the row that is marked or selected as it would be deployed there.
pub(super) fn source_of_target(model: &Model) -> Result<DeploySource, &'static str> {
    source_of(model, model.one_target()?)
}

fn source_of(model: &Model, row: &RowKey) -> Result<DeploySource, &'static str> {
    let origin = origin_of(model, row)?;
    Ok(DeploySource::of(Origin::Definition(origin)))
}

fn origin_of(model: &Model, row: &RowKey) -> Result<DefinitionOrigin, &'static str> {
    let name = model.definition_of(row)?;
    let (id, namespace) = match row {
        RowKey::Instance(key) | RowKey::Kept(key) => (key.id.clone(), Some(key.namespace.clone())),
        RowKey::Saved(_) => (name.clone(), model.session.namespace().cloned()),
    };
    Ok(DefinitionOrigin {
        name,
        id,
        namespace,
        text: None,
    })
}

/// Returns the definitions of the marked rows, each as it would be deployed there; rows without one are left out.
pub(super) fn sources_of_marks(model: &Model) -> Vec<DeploySource> {
    let rows = model.target_rows();
    let sources = rows.into_iter().map(|row| source_of(model, row));
    sources.filter_map(Result::ok).collect()
}

/// Plans the deploy of the text that is edited, as it is.
pub(super) fn review_edited(model: &mut Model) -> Vec<Effect> {
    let namespace = model.session.namespace().cloned();
    let Some(pane) = model.editor() else {
        return Vec::new();
    };
    let Some(origin) = pane.origin(namespace.as_ref()) else {
        return Vec::new();
    };
    if let Some(pane) = model.editor_mut() {
        pane.on_planning();
    }
    review(model, DeploySource::of(Origin::Definition(origin)))
}

/// Plans the rollback of the instance that is marked or selected, to the revision that is selected in its history or the one
/// before.
pub(super) fn review_rollback(model: &mut Model, to: Option<u32>) -> Vec<Effect> {
    let Some(instance) = model.deployed_target().cloned() else {
        return Vec::new();
    };
    review(model, DeploySource::of(Origin::Revision { instance, to }))
}

/// Asks what was taken down from this cluster and can be put back.
pub(super) fn ask_what_to_restore(model: &mut Model) -> Vec<Effect> {
    model.popup = Some(Popup::Menu(Menu::searchable(TRASH, Vec::new())));
    vec![Effect::ListTrash {
        epoch: model.session.epoch,
    }]
}

pub(super) fn on_trash(model: &mut Model, epoch: Epoch, items: Vec<Arc<TrashItem>>) -> Vec<Effect> {
    if epoch != model.session.epoch {
        return Vec::new();
    }
    let wanted = std::mem::take(&mut model.returning);
    if !wanted.is_empty() {
        model.status = None;
        return review_return(model, wanted, &items);
    }
    if items.is_empty() {
        popups::close_menu(model, TRASH);
        model.decline("Nothing of this cluster is in the trash of this machine.");
        return Vec::new();
    }
    let item = |item: Arc<TrashItem>| {
        let at = shown_time(&item);
        MenuItem::new(
            item.id.to_string(),
            format!("{} {}, taken down {at}", item.namespace, item.stand()),
            Choice::Restore(item),
        )
    };
    let items = items.into_iter().map(item).collect();
    popups::fill_menu(model, TRASH, items);
    Vec::new()
}

/// Plans putting back what one deed took down, as far as it is in the trash.
fn review_return(
    model: &mut Model,
    wanted: Vec<InstanceKey>,
    items: &[Arc<TrashItem>],
) -> Vec<Effect> {
    let item_of = |key: &InstanceKey| {
        let is_it = |item: &&Arc<TrashItem>| item.id == key.id && item.namespace == key.namespace;
        items.iter().find(is_it).cloned()
    };
    let namespaces: BTreeSet<_> = wanted.iter().map(|key| key.namespace.clone()).collect();
    let (there, gone): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|key| item_of(key).is_some());
    if !gone.is_empty() {
        let name = |key: &InstanceKey| match namespaces.len() > 1 {
            true => key.to_string(),
            false => key.id.to_string(),
        };
        let names: Vec<_> = gone.iter().map(name).collect();
        model.decline(format!("Nothing of {} is in the trash.", names.join(", ")));
    }
    for key in &gone {
        forget_teardown(model, key);
    }
    let there: Vec<_> = there.iter().filter_map(item_of).collect();
    match there[..] {
        [] => Vec::new(),
        [ref item] => review_restore(model, item.clone()),
        _ => {
            let source = |item: Arc<TrashItem>| DeploySource::of(Origin::Trash(item));
            bulk::show(model, there.into_iter().map(source).collect())
        }
    }
}

/// Forgets the teardown of an instance, which is put back or cannot be: `undo` goes on to the deed before.
fn forget_teardown(model: &mut Model, instance: &InstanceKey) {
    model.undo.forget_teardown(&model.session.context, instance);
}

/// Plans putting back what was taken down.
pub(super) fn review_restore(model: &mut Model, item: Arc<TrashItem>) -> Vec<Effect> {
    review(model, DeploySource::of(Origin::Trash(item)))
}

pub(super) fn review(model: &mut Model, source: DeploySource) -> Vec<Effect> {
    let op = model.next_op();
    let pane = ReviewPane::new(op, source.clone());
    model.screens.push(Screen::Review(Box::new(pane)));
    vec![Effect::PlanDeploy { op, source }]
}

/// Asks for the plan of the review in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    let Some(Screen::Review(pane)) = model.screens.last_mut() else {
        return Vec::new();
    };
    let (source, is_difference) = (pane.source.clone(), pane.is_difference);
    **pane = ReviewPane::new(op, source.clone());
    pane.is_difference = is_difference;
    vec![Effect::PlanDeploy { op, source }]
}

/// Asks for the plan in front once more, with the fields that others own left to them.
pub(super) fn yield_fields(model: &mut Model) -> Vec<Effect> {
    if let Some(Screen::Review(pane)) = model.screens.last_mut() {
        pane.source.yields = true;
    }
    replan(model)
}

/// Asks which of what the plan in front offers is wanted.
pub(super) fn ask_to_agree(model: &mut Model) {
    let Some(Screen::Review(pane)) = model.screens.last() else {
        return;
    };
    let item = |offer: &Offer| {
        let label = offer.remedy.word();
        MenuItem::new(label, offer.sentence.clone(), Choice::Agree(offer.remedy))
    };
    let items = pane.open_offers().into_iter().map(item).collect();
    let menu = Menu::new("Agree to", Vec::new(), items);
    model.popup = Some(Popup::Menu(menu));
}

/// Asks for the plan in front once more, with one thing more agreed to.
pub(super) fn agree(model: &mut Model, remedy: Remedy) -> Vec<Effect> {
    if let Some(Screen::Review(pane)) = model.screens.last_mut() {
        pane.source.remedies = pane.source.remedies.with(remedy);
    }
    replan(model)
}

/// Returns the review that asked with a number, wherever it stands.
pub(super) fn pane_of(model: &mut Model, op: OpId) -> Option<&mut ReviewPane> {
    model.screens.iter_mut().find_map(|screen| match screen {
        Screen::Review(pane) if pane.op == op => Some(pane.as_mut()),
        _ => None,
    })
}

pub(super) fn on_planned(
    model: &mut Model,
    op: OpId,
    result: Result<Box<ReviewedPlan>, Failure>,
) -> Vec<Effect> {
    // Where it could not be planned nobody knows.
    let refused = result.as_ref().ok().map(|plan| {
        let plan = plan.deploy();
        (plan.instance.clone(), plan.refusals.clone())
    });
    let Some(pane) = pane_of(model, op) else {
        if let Some(item) = bulk::item_of(model, op) {
            item.plan = Some(result);
        }
        return Vec::new();
    };
    let former = pane.former.take();
    if let (Err(failure), Some(former)) = (&result, former) {
        let why = first_fault(failure);
        let instance = former.plan().map(|plan| plan.instance.clone());
        *pane = *former;
        model.complain(format!("Not possible: {why}."));
        if let (Some(instance), Some(status)) = (instance, &mut model.status) {
            status.came_of = vec![(model.session.context.clone(), instance)];
        }
        return Vec::new();
    }
    pane.on_planned(result);
    let is_of_definition = pane.source.definition().is_some();
    if let Some((instance, refusals)) = refused
        && is_of_definition
        && model.session.has_asked(op)
    {
        mark_refused(model, &instance, &refusals);
    }
    secrets::on_planned(model, op);
    Vec::new()
}

/// Returns what is wrong, without the place in a text that was not touched.
fn first_fault(failure: &Failure) -> String {
    let fault = failure.detail.lines().next();
    let fault = fault.and_then(|line| line.split_once("  "));
    fault.map_or_else(|| failure.summary.clone(), |(_, fault)| fault.to_owned())
}

/// Marks what the server refuses of an instance in the text that is edited, if it is that one's text.
pub(super) fn mark_refused(model: &mut Model, instance: &InstanceKey, refusals: &[Failure]) {
    let now = model.clock;
    if let Some(pane) = edited_as(model, instance) {
        pane.on_refused(refusals, now);
    }
}

/// Returns the editor whose text is deployed as an instance of the context that is worked in, as far as it is known where to.
pub(super) fn edited_as<'m>(
    model: &'m mut Model,
    instance: &InstanceKey,
) -> Option<&'m mut EditorPane> {
    let pane = model.editor()?;
    let entry = model.catalogue.entry(&pane.name);
    let named = entry.and_then(|entry| entry.namespace.as_ref());
    let namespace = named.or(pane.namespace(model.session.namespace()));
    let is_there = namespace.is_none_or(|it| *it == instance.namespace);
    let is_it = is_there && *pane.deployed_id() == instance.id;
    model.editor_mut().filter(|_| is_it)
}

/// Asks once more before the review in front is carried out; for secrets first that only a person knows.
pub(super) fn confirm(model: &mut Model) {
    if secrets::ask_missing(model) {
        return;
    }
    let popup = match model.screens.last() {
        Some(Screen::Review(pane)) => pane
            .reviewed()
            .map(|reviewed| question(model, &pane.source, reviewed)),
        _ => None,
    };
    model.popup = popup;
}

/// What carrying out a plan does to an instance, as the parts of a question.
struct Asked {
    title: String,
    /// The deed, from which the item and the typed question are made.
    deed: String,
    /// The words between the deed and the place.
    into: &'static str,
}

impl Asked {
    fn of(source: &DeploySource, reviewed: &ReviewedPlan) -> Self {
        let id = &reviewed.deploy().instance.id;
        let (deed, into) = match (&source.origin, reviewed) {
            (_, ReviewedPlan::Rollback(rollback)) => {
                (format!("Roll {id} back to r{}", rollback.target), "in")
            }
            (Origin::Trash(_), _) => (format!("Put {id} back"), "to"),
            (Origin::Noted(_), _) => (format!("Finish the deploy of {id}"), "to"),
            _ => (format!("Apply {id}"), "to"),
        };
        Self {
            title: format!("{deed}?"),
            deed,
            into,
        }
    }
}

/// Of what is protected, and where one is to be sure of the place, the ID is typed; else a menu.
fn question(model: &Model, source: &DeploySource, reviewed: &ReviewedPlan) -> Popup {
    let (asked, plan) = (Asked::of(source, reviewed), reviewed.deploy());
    let menu = menu(model, &asked, reviewed);
    let of_place = model.session.asks_for_ids();
    if of_place.is_none() && !reviewed.is_protected() {
        return Popup::Menu(menu);
    }
    let id = plan.instance.id.clone();
    let mut text = menu.text;
    if reviewed.is_protected() {
        text.push("It is protected.".to_owned());
    }
    text.extend(of_place);
    text.push(format!(
        "{} {}.",
        upper_first(asked.into),
        place_of(model, &plan.instance)
    ));
    let taking = if plan.conflicts.is_empty() {
        String::new()
    } else {
        " and take these fields over".to_owned()
    };
    let deed = lower_first(&asked.deed);
    text.push(format!("Type {id} to {deed}{taking}:"));
    let kind = PromptKind::TypedDeploy {
        id,
        force_conflicts: !plan.conflicts.is_empty(),
    };
    Popup::Prompt(Prompt::new(kind, menu.title, text))
}

fn menu(model: &Model, asked: &Asked, reviewed: &ReviewedPlan) -> Menu {
    let plan = reviewed.deploy();
    let place = format!("{} {}", asked.into, place_of(model, &plan.instance));
    let mut text = vec![sums(plan, reviewed.hanging().len())];
    match reviewed.hanging().len() {
        0 => {}
        1 => text.push("1 pod hangs on the present revision and is deleted.".to_owned()),
        n => text.push(format!(
            "{n} pods hang on the present revision and are deleted."
        )),
    }
    let cancel = MenuItem::cancel();
    let (belong, these, leave) = match plan.conflicts.len() {
        1 => (
            "1 field belongs".to_owned(),
            "this field".to_owned(),
            "Leave it to its owner",
        ),
        n => (
            format!("{n} fields belong"),
            format!("these {n} fields"),
            "Leave them to their owners",
        ),
    };
    if plan.takes_conflicts {
        text.push(format!(
            "{belong} to others, and taking {these} was agreed to when it was begun."
        ));
    }
    if !plan.has_open_conflicts() {
        let run = MenuItem::new(asked.deed.clone(), place, Choice::RunDeploy);
        return Menu::confirm(asked.title.clone(), text, run);
    }
    text.push(format!("{belong} to others, as shown."));
    let deed = lower_first(&asked.deed);
    let force = MenuItem::new(
        format!("Take {these} over and {deed}"),
        place,
        Choice::RunDeployForced,
    );
    let yielding = MenuItem::new(leave, "and plan again", Choice::Yield);
    Menu::new(asked.title.clone(), text, vec![cancel, force, yielding])
}

pub(super) fn lower_first(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_lowercase(), chars.as_str())
    })
}

fn upper_first(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_uppercase(), chars.as_str())
    })
}

/// Starts what is reviewed.
pub(super) fn run(model: &mut Model, force_conflicts: bool) -> Vec<Effect> {
    let Some(Screen::Review(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let (source, Some(reviewed)) = (pane.source.clone(), pane.reviewed().cloned()) else {
        return Vec::new();
    };
    model.screens.pop();
    let (op, effect) = start(model, source, reviewed, force_conflicts);
    push_progress(model, vec![op]);
    vec![effect]
}

/// Begins what was reviewed; returns what carries it out.
pub(super) fn start(
    model: &mut Model,
    source: DeploySource,
    reviewed: ReviewedPlan,
    force_conflicts: bool,
) -> (OpId, Effect) {
    let instance = reviewed.deploy().instance.clone();
    let (kind, what) = match &reviewed {
        ReviewedPlan::Restore(_) if matches!(source.origin, Origin::Noted(_)) => {
            (OperationKind::Deploy, format!("resume {}", instance.id))
        }
        ReviewedPlan::Deploy(_) => (OperationKind::Deploy, deploy_command(&source, &instance)),
        ReviewedPlan::Rollback(rollback) => {
            let confirm = match rollback.caution.wants_id() {
                true => format!(" --confirm {}", instance.id),
                false => String::new(),
            };
            let what = format!("rollback {} --to {}{confirm}", instance.id, rollback.target);
            (OperationKind::Rollback, what)
        }
        ReviewedPlan::Restore(_) => (OperationKind::Restore, format!("restore {}", instance.id)),
    };
    let agreed: String = Remedy::ALL
        .iter()
        .filter(|remedy| source.remedies.has(**remedy))
        .map(|remedy| format!(" {}", remedy.flag()))
        .collect();
    let flag = match (force_conflicts, source.yields) {
        (true, _) => " --force-conflicts",
        (false, true) => " --yield-conflicts",
        (false, false) => "",
    };
    let over = match source.takes_over {
        true => " --take-over",
        false => "",
    };
    let said = wording::flags(&source);
    let words = format!("{what}{said}{flag}{agreed}{over}");
    if let Origin::Trash(_) = &source.origin {
        forget_teardown(model, &instance);
    }
    let op = begin(model, kind, instance, &words);
    let plan = Box::new(reviewed);
    let effect = Effect::RunDeploy {
        op,
        source,
        plan,
        force_conflicts,
    };
    (op, effect)
}

/// Asks for the ID that a definition is deployed under, with the first free one filled in.
pub(super) fn ask_id(model: &mut Model) -> Vec<Effect> {
    let row = model.one_target();
    let Ok(origin) = row.and_then(|row| origin_of(model, row)) else {
        return Vec::new();
    };
    let name = &origin.name;
    let is_free = |id: &InstanceId| {
        let mut known = model.fleet.instances();
        known.all(|instance| instance.key().id != *id)
    };
    let numbered = (2..1000).filter_map(|n| format!("{name}-{n}").parse().ok());
    let free = numbered.into_iter().find(is_free);
    let text = vec![
        format!("A second instance of {name}: the names of its objects come from it."),
        "Values of its parameters may follow: ID KEY=VALUE …".to_owned(),
    ];
    let mut prompt = Prompt::new(PromptKind::DeployId(origin), "ID to deploy under", text);
    if let Some(free) = free {
        prompt.input = Input::with_text(free.as_str());
    }
    model.popup = Some(Popup::Prompt(prompt));
    Vec::new()
}

/// Plans the deploy of a definition under the ID that was typed.
pub(super) fn review_as(
    model: &mut Model,
    origin: DefinitionOrigin,
    text: &str,
) -> Result<Vec<Effect>, String> {
    let (id, said) = text.split_once(' ').unwrap_or((text, ""));
    let id: InstanceId = id.parse().map_err(|error: NameError| error.to_string())?;
    let mut source = DeploySource::of(Origin::Definition(DefinitionOrigin { id, ..origin }));
    source.parameters = values::read(said)?;
    model.popup = None;
    Ok(review(model, source))
}

fn deploy_command(source: &DeploySource, instance: &InstanceKey) -> String {
    let name: &InstanceId = source
        .definition()
        .map_or(&instance.id, |definition| &definition.name);
    format!("deploy {}", advice::named(name, &instance.id))
}
