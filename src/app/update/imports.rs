//! A running set of objects becomes a definition: asked for in a few questions, looked at, then written and opened.

use std::sync::Arc;

use crate::app::effect::Effect;
use crate::app::input::Input;
use crate::app::model::Model;
use crate::app::msg::{ImportedDefinition, OpId};
use crate::app::popup::{Choice, ImportBy, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::app::values::quoted;
use crate::definition::id::InstanceId;
use crate::engine::import::{Origin, is_of_another};
use crate::failure::Failure;
use crate::text;

/// Most sentences about what is left that a question shows.
const MAX_LEFT: usize = 6;

impl ImportBy {
    fn question(self) -> (&'static str, &'static str) {
        match self {
            Self::Labels => (
                "Labels of the objects",
                "Such as app=shop, tier in (web,db).",
            ),
            Self::Helm => ("Name of the Helm release", "As `helm list` names it."),
            Self::Set => (
                "Name of the ApplySet",
                "NAME, configmap/NAME or secret/NAME.",
            ),
        }
    }

    fn origin(self, text: &str) -> Result<Origin, String> {
        match self {
            Self::Labels => {
                let labels = text.parse();
                labels
                    .map(Origin::Labels)
                    .map_err(|error| error.to_string())
            }
            Self::Helm if text.is_empty() => Err("a release has a name".to_owned()),
            Self::Helm => Ok(Origin::Helm(text.to_owned())),
            Self::Set => {
                let parent = text.parse();
                parent.map(Origin::Set).map_err(|error| error.to_string())
            }
        }
    }
}

/// Asks how the objects are named; first shows what was found before and not looked at yet.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    if let Some((name, imported)) = model.imported.take() {
        show(model, name, imported);
        return Vec::new();
    }
    let item = |label: &str, detail: &str, by| MenuItem::new(label, detail, Choice::ImportBy(by));
    let items = vec![
        item("by their labels", "a selector", ImportBy::Labels),
        item("a Helm release", "with Helm's objects", ImportBy::Helm),
        item("an ApplySet", "of kubectl or another tool", ImportBy::Set),
    ];
    let text = vec!["The cluster is only read.".to_owned()];
    model.popup = Some(Popup::Menu(Menu::new("Import", text, items)));
    Vec::new()
}

/// Asks for the name of what is imported.
pub(super) fn ask_origin(model: &mut Model, by: ImportBy) -> Vec<Effect> {
    let (title, text) = by.question();
    let prompt = Prompt::new(PromptKind::ImportOrigin(by), title, vec![text.to_owned()]);
    model.popup = Some(Popup::Prompt(prompt));
    Vec::new()
}

/// Takes the name of what is imported, and asks for that of the definition.
pub(super) fn take_origin(model: &mut Model, by: ImportBy, text: &str) -> Result<(), String> {
    let origin = by.origin(text)?;
    let proposed = proposed_name(by, text).filter(|name| {
        let mut entries = model.catalogue.entries.iter();
        !entries.any(|entry| entry.name == *name)
    });
    let mut prompt = Prompt::new(
        PromptKind::ImportName(origin),
        "Name of the definition",
        Vec::new(),
    );
    if let Some(name) = proposed {
        prompt.input = Input::proposing(name.as_str());
    }
    model.popup = Some(Popup::Prompt(prompt));
    Ok(())
}

/// Returns the name of what is imported, where a definition may be called so: that of the release or set, or the value of the
/// only label.
fn proposed_name(by: ImportBy, text: &str) -> Option<InstanceId> {
    let name = match by {
        ImportBy::Labels => {
            let (key, value) = text.split_once('=')?;
            let is_value = !key.ends_with('!');
            is_value.then(|| value.trim_start_matches('='))?
        }
        ImportBy::Helm => text,
        ImportBy::Set => text.rsplit('/').next()?,
    };
    name.trim().parse().ok()
}

/// Looks for the objects.
pub(super) fn look(model: &mut Model, origin: Origin, name: InstanceId) -> Vec<Effect> {
    model.popup = None;
    let Some(namespace) = model.session.namespace().cloned() else {
        return Vec::new();
    };
    let by = match &origin {
        Origin::Labels(selector) => format!("--selector {}", quoted(&selector.to_string())),
        Origin::Helm(release) => format!("--helm {}", quoted(release)),
        Origin::Set(parent) => format!("--set {}", quoted(&parent.to_string())),
    };
    let command = format!("import {name} {by} --secrets skip");
    model.record(model.command_line(&namespace, &command), None);
    model.tell(format!("Looking for the objects of {name} …"));
    let op = model.next_op();
    model.importing = Some(op);
    vec![Effect::Import {
        op,
        origin,
        namespace,
        name,
    }]
}

/// Shows what was found, unless that would take the keys from something else: then it is kept until it is asked for.
pub(super) fn on_imported(
    model: &mut Model,
    op: OpId,
    name: InstanceId,
    result: Result<Arc<ImportedDefinition>, Failure>,
) -> Vec<Effect> {
    if model.importing.take_if(|asked| *asked == op).is_none() {
        return Vec::new();
    }
    model.status = None;
    let imported = match result {
        Ok(imported) => imported,
        Err(failure) => {
            model.complain(failure.summary);
            return Vec::new();
        }
    };
    if is_busy(model) {
        model.tell(format!(
            "The objects of {name} are found: import once more shows them."
        ));
        model.imported = Some((name, imported));
    } else {
        show(model, name, imported);
    }
    Vec::new()
}

/// Tells whether keys go to a question or into a text.
fn is_busy(model: &Model) -> bool {
    model.popup.is_some() || model.editor().is_some() || model.is_typing()
}

/// Shows what was found, and asks whether it is to be written.
fn show(model: &mut Model, name: InstanceId, imported: Arc<ImportedDefinition>) {
    let deed = match imported.found.objects.len() {
        1 => format!("Take 1 object into {name}"),
        n => format!("Take {n} objects into {name}"),
    };
    let title = format!("{deed}?");
    let take = MenuItem::new(
        deed,
        "and open it in the editor",
        Choice::TakeImported(name, imported.clone()),
    );
    let menu = Menu::confirm(title, remarks(&imported), take);
    model.popup = Some(Popup::Menu(menu));
}

fn remarks(imported: &ImportedDefinition) -> Vec<String> {
    let found = &imported.found;
    let mut remarks: Vec<String> = Vec::new();
    if !found.secrets.is_empty() {
        let names: Vec<_> = found.secrets.iter().map(|key| key.name.as_str()).collect();
        remarks.push(format!(
            "Secrets stay where they are, outside of the instance: {}.",
            names.join(", ")
        ));
    }
    let left: Vec<_> = found
        .left
        .iter()
        .filter(|left| !is_of_another(left))
        .collect();
    let shown = left.iter().take(MAX_LEFT);
    remarks.extend(shown.map(|(key, why)| format!("Left: {key}, {why}.")));
    if left.len() > MAX_LEFT {
        remarks.push(format!("{} more are left.", left.len() - MAX_LEFT));
    }
    remarks.extend(found.warnings.iter().map(|it| format!("Warning: {it}.")));
    match imported.n_errors {
        0 => {}
        1 => remarks.push("The definition has 1 fault to be mended in the editor.".to_owned()),
        n => remarks.push(format!(
            "The definition has {n} faults to be mended in the editor."
        )),
    }
    let clean = |remark: String| text::clean(&remark).into_owned();
    remarks.into_iter().map(clean).collect()
}

/// Writes what was found into a new definition, which the editor opens.
pub(super) fn take(name: InstanceId, imported: &ImportedDefinition) -> Vec<Effect> {
    let text = imported.text.clone();
    vec![Effect::CreateDefinition { name, text }]
}
