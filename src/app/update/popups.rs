//! Menus and prompts: opened, answered, closed.

use crossterm::event::KeyEvent;

use crate::app::action::Action;
use crate::app::availability::availability;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::panes::editor::{AfterSave, Reread};
use crate::app::popup::{Answer, Choice, Consequence, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::definition::id::{InstanceId, NameError, Namespace};
use crate::definition::template;
use crate::service::watch::Scope;

use super::{
    actions, adjustments, adoption, bulk, cluster, definitions, forwards, imports, listening, logs,
    merging, pulls, resuming, reviews, routes, secrets, shells, stopping, teardowns, wording,
};

pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(popup) = &mut model.popup else {
        return Vec::new();
    };
    match popup.on_key(key, model.geometry.popup_height) {
        Answer::Nothing => Vec::new(),
        Answer::Close => {
            let leaves_draft = definitions::asks_of_draft(popup);
            model.popup = None;
            let given_up = shells::give_up(model);
            if !given_up.is_empty() {
                return given_up;
            }
            // Unsaved edits that were not decided on would be overwritten by the next ones: nothing is typed beside them.
            if leaves_draft {
                definitions::leave(model);
            }
            Vec::new()
        }
        Answer::Refuse(why) => {
            model.complain(format!("Not now: {why}."));
            Vec::new()
        }
        Answer::Choose(choice) => {
            model.popup = None;
            choose(model, choice)
        }
        Answer::Typed(kind, text) => typed(model, kind, &text),
        Answer::Told {
            op,
            question,
            value,
        } => secrets::on_answer(model, op, question, value),
    }
}

fn choose(model: &mut Model, choice: Choice) -> Vec<Effect> {
    // The plan may have become one of another cluster while the question stood.
    if choice.consequence() == Consequence::CarriesOut
        && let Err(why) = availability(Action::Confirm, model)
    {
        model.decline(format!("Not possible: {why}."));
        return Vec::new();
    }
    match choice {
        Choice::Action(action) => actions::perform(model, action),
        Choice::Scope(scope) => cluster::show_scope(model, scope),
        Choice::OtherNamespace => {
            model.popup = Some(Popup::Prompt(Prompt::new(
                PromptKind::Namespace,
                "Namespace",
                Vec::new(),
            )));
            Vec::new()
        }
        Choice::Context(context) => cluster::connect(model, Some(context)),
        Choice::Template(name) => {
            let text = vec![format!(
                "From the template {name}. It is the ID too, unless another is given."
            )];
            model.popup = Some(Popup::Prompt(Prompt::new(
                PromptKind::NewName(name),
                "Name of the definition",
                text,
            )));
            Vec::new()
        }
        Choice::RunDeploy => reviews::run(model, false),
        Choice::RunDeployForced => reviews::run(model, true),
        Choice::Yield => reviews::yield_fields(model),
        Choice::Agree(remedy) => reviews::agree(model, remedy),
        Choice::RunTeardown => teardowns::run(model),
        Choice::Volumes(volumes) => teardowns::choose_volumes(model, volumes),
        Choice::RunAdjustments => adjustments::run(model, false),
        Choice::RunAdjustmentsForced => adjustments::run(model, true),
        Choice::YieldAdjustments => {
            adjustments::yield_to_others(model);
            Vec::new()
        }
        Choice::Workload(key, choice) => adjustments::choose(model, &key, choice),
        Choice::RunBulk => bulk::run(model),
        Choice::ConfirmRoutes(force_conflicts) => routes::confirm_with(model, force_conflicts),
        Choice::RunRoutes(force_conflicts) => routes::run(model, force_conflicts),
        Choice::RunClear(asked, plan, takes_over) => {
            resuming::clear(model, asked, plan, takes_over)
        }
        Choice::RunPull => pulls::run(model),
        Choice::ImportBy(by) => imports::ask_origin(model, by),
        Choice::TakeImported(name, imported) => imports::take(name, &imported),
        Choice::Restore(item) => reviews::review_restore(model, item),
        Choice::SaveAndLeave => {
            let effect = model
                .editor_mut()
                .and_then(|pane| pane.save(AfterSave::Leave));
            effect.into_iter().collect()
        }
        Choice::LeaveEditor => {
            definitions::leave(model);
            Vec::new()
        }
        Choice::DiscardAndLeave => {
            let name = model.editor().map(|pane| pane.name.clone());
            definitions::leave(model);
            name.map(|name| Effect::DiscardDraft { name })
                .into_iter()
                .collect()
        }
        Choice::RecoverDraft(editor) => recover_draft(model, editor),
        Choice::DiscardDraft(editor) => discard_draft(model, editor),
        Choice::TakeTheirs(editor) => merging::read_theirs(model, editor, Reread::Take),
        Choice::MergeTheirs(editor) => merging::read_theirs(model, editor, Reread::Merge),
        Choice::SaveAsNew(editor) => {
            let prompt = Prompt::new(
                PromptKind::SaveAs(editor),
                "Name of the new definition",
                Vec::new(),
            );
            model.popup = Some(Popup::Prompt(prompt));
            Vec::new()
        }
        Choice::LogSince(since) => logs::read_since(model, since),
        Choice::LogsOf(whose) => {
            model.detail_pane.logs.set_whose(whose);
            Vec::new()
        }
        Choice::ForwardPort(target, port) => {
            forwards::ask_local(model, target, port);
            Vec::new()
        }
        Choice::Shell(place) => shells::open_at(model, place),
        Choice::StopOperations(ops) => stopping::stop(model, ops),
        Choice::TakeOver(ops) => listening::take_over(model, ops),
        Choice::LeaveRunning => {
            model.screens.pop();
            Vec::new()
        }
        Choice::QuitAnyway => vec![Effect::Quit],
        Choice::Cancel => shells::give_up(model),
    }
}

fn recover_draft(model: &mut Model, editor: OpId) -> Vec<Effect> {
    let now = model.clock;
    if let Some(pane) = model.editor_mut().filter(|pane| pane.id == editor) {
        pane.recover_draft(now);
        if pane.is_changed_on_disk {
            let name = pane.name.clone();
            model.popup = Some(Popup::Menu(definitions::changed_menu(editor, &name)));
        }
    }
    Vec::new()
}

fn discard_draft(model: &mut Model, editor: OpId) -> Vec<Effect> {
    let Some(pane) = model.editor_mut().filter(|pane| pane.id == editor) else {
        return Vec::new();
    };
    pane.draft = None;
    vec![Effect::DiscardDraft {
        name: pane.name.clone(),
    }]
}

fn typed(model: &mut Model, kind: PromptKind, text: &str) -> Vec<Effect> {
    if kind.carries_out()
        && let Err(why) = availability(Action::Confirm, model)
    {
        model.popup = None;
        model.decline(format!("Not possible: {why}."));
        return Vec::new();
    }
    let taken = match kind {
        PromptKind::NewName(template) => create(model, text, template),
        PromptKind::SaveAs(editor) => {
            new_name(model, text).map(|name| save_as(model, editor, name))
        }
        PromptKind::Namespace => show_namespace(model, text),
        PromptKind::TypedIds(ids) => confirmed(model, &ids, text, teardowns::run),
        PromptKind::TypedAdjust {
            ids,
            takes_conflicts,
        } => confirmed(model, &ids, text, |model| {
            adjustments::run(model, takes_conflicts)
        }),
        PromptKind::TypedAdopt(id) => confirmed(model, &[id], text, adoption::run),
        PromptKind::TypedDeploy {
            id,
            force_conflicts,
        } => confirmed(model, &[id], text, |model| {
            reviews::run(model, force_conflicts)
        }),
        PromptKind::TypedBulk(ids) => confirmed(model, &ids, text, bulk::run),
        PromptKind::TypedRoutes {
            ids,
            force_conflicts,
        } => confirmed(model, &ids, text, |model| {
            routes::run(model, force_conflicts)
        }),
        PromptKind::DeployId(origin) => reviews::review_as(model, origin, text),
        PromptKind::Message => Ok(wording::take_message(model, text)),
        PromptKind::Values => wording::take_values(model, text),
        PromptKind::ImportOrigin(by) => imports::take_origin(model, by, text).map(|()| Vec::new()),
        PromptKind::ImportName(origin) => {
            new_name(model, text).map(|name| imports::look(model, origin, name))
        }
        PromptKind::Replicas(keys) => adjustments::scale_to(model, keys, text),
        PromptKind::Forward(target) => forwards::begin(model, target, text),
        PromptKind::SaveLog => logs::save(model, text),
    };
    taken.unwrap_or_else(|refused| {
        if let Some(Popup::Prompt(prompt)) = &mut model.popup {
            prompt.error = Some(refused);
        }
        Vec::new()
    })
}

/// Adds a definition of this name from a template.
fn create(model: &mut Model, text: &str, template: &str) -> Result<Vec<Effect>, String> {
    let name = new_name(model, text)?;
    model.popup = None;
    let text = template::template(template).unwrap_or_default().to_owned();
    let command = format!("new {name} --template {template}");
    model.record(model.catalogue_command(&command), None);
    Ok(vec![Effect::CreateDefinition { name, text }])
}

fn show_namespace(model: &mut Model, text: &str) -> Result<Vec<Effect>, String> {
    let namespace: Namespace = text.parse().map_err(|error: NameError| error.to_string())?;
    model.popup = None;
    let listed = model.session.namespaces.as_ref();
    let is_missing = listed.is_some_and(|listed| !listed.contains(&namespace));
    let effects = cluster::show_scope(model, Scope::Namespace(namespace.clone()));
    if is_missing {
        let context = &model.session.context;
        let way = model.hint(Action::Namespace, "chooses another");
        model.decline(format!(
            "There is no namespace {namespace} in {context}.{way}"
        ));
    }
    Ok(effects)
}

/// Carries the plan in front out where its IDs were typed in full.
fn confirmed(
    model: &mut Model,
    ids: &[InstanceId],
    text: &str,
    run: impl FnOnce(&mut Model) -> Vec<Effect>,
) -> Result<Vec<Effect>, String> {
    if !are_typed(ids, text) {
        return Err(not_typed(ids));
    }
    model.popup = None;
    Ok(run(model))
}

/// Tells whether IDs were typed in full, in their order.
fn are_typed(ids: &[InstanceId], text: &str) -> bool {
    let ids = ids.iter().map(InstanceId::as_str);
    text.split_whitespace().eq(ids)
}

fn not_typed(ids: &[InstanceId]) -> String {
    let ids: Vec<_> = ids.iter().map(InstanceId::as_str).collect();
    format!("that is not {}", ids.join(" "))
}

fn new_name(model: &Model, text: &str) -> Result<InstanceId, String> {
    let name: InstanceId = text.parse().map_err(|error: NameError| error.to_string())?;
    if model
        .catalogue
        .entries
        .iter()
        .any(|entry| entry.name == name)
    {
        return Err(format!("the catalogue already has a definition {name}"));
    }
    Ok(name)
}

/// Keeps what was typed as a definition of its own; the editor is left for it once it is on disk.
fn save_as(model: &mut Model, editor: OpId, name: InstanceId) -> Vec<Effect> {
    model.popup = None;
    let pane = model.editor_mut().filter(|pane| pane.id == editor);
    let text = pane.and_then(|pane| pane.save_as(name.clone()));
    text.map(|text| Effect::CreateDefinition { name, text })
        .into_iter()
        .collect()
}

pub(super) fn ask_template(model: &mut Model) -> Vec<Effect> {
    let items = template::TEMPLATES
        .iter()
        .map(|template| {
            MenuItem::new(
                template.name,
                template.summary,
                Choice::Template(template.name),
            )
        })
        .collect();
    model.popup = Some(Popup::Menu(Menu::new(
        "New definition from",
        Vec::new(),
        items,
    )));
    Vec::new()
}

pub(super) fn fill_menu(model: &mut Model, title: &str, items: Vec<MenuItem>) {
    if let Some(Popup::Menu(menu)) = &mut model.popup
        && menu.title == title
    {
        menu.set_items(items);
        model.hits.clear();
    }
}

pub(super) fn close_menu(model: &mut Model, title: &str) {
    if matches!(&model.popup, Some(Popup::Menu(menu)) if menu.title == title) {
        model.popup = None;
    }
}
