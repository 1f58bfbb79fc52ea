//! What is said with a deploy under review: why it is done, and which values its parameters have.

use std::collections::BTreeMap;

use crate::app::effect::{DeploySource, Effect};
use crate::app::input::Input;
use crate::app::model::Model;
use crate::app::popup::{Popup, Prompt, PromptKind};
use crate::app::screen::Screen;
use crate::app::values;

use super::reviews;

fn source(model: &mut Model) -> Option<&mut DeploySource> {
    match model.screens.last_mut() {
        Some(Screen::Review(pane)) => Some(&mut pane.source),
        _ => None,
    }
}

/// Asks why it is deployed.
pub(super) fn ask_message(model: &mut Model) {
    let Some(source) = source(model) else {
        return;
    };
    let present = source.message.clone().unwrap_or_default();
    let text = vec!["Kept with the revision, and shown in the history.".to_owned()];
    let title = format!("Why {}?", source.id());
    let mut prompt = Prompt::new(PromptKind::Message, title, text);
    prompt.input = Input::with_text(&present);
    model.popup = Some(Popup::Prompt(prompt));
}

/// Takes why it is deployed. What is made of a kept text has it in its plan already, and is planned anew.
pub(super) fn take_message(model: &mut Model, text: &str) -> Vec<Effect> {
    model.popup = None;
    let message = (!text.is_empty()).then(|| text.to_owned());
    let Some(source) = source(model) else {
        return Vec::new();
    };
    if source.message == message {
        return Vec::new();
    }
    source.message = message;
    match source.definition() {
        Some(_) => Vec::new(),
        None => reviews::replan(model),
    }
}

/// Asks for values of the parameters.
pub(super) fn ask_values(model: &mut Model) {
    let Some(source) = source(model) else {
        return;
    };
    let present = values::write(&source.parameters, "");
    let title = format!("Values for {}", source.id());
    let given = match defaults(model) {
        Some(defaults) => format!("the definition says: {}", values::write(defaults, "")),
        None => "the definition says.".to_owned(),
    };
    let text = vec![
        "KEY=VALUE for each, with spaces between; 'KEY=with spaces' in quotes.".to_owned(),
        format!("What is not set is as {given}"),
    ];
    let mut prompt = Prompt::new(PromptKind::Values, title, text);
    prompt.input = Input::with_text(&present);
    model.popup = Some(Popup::Prompt(prompt));
}

/// Returns the parameters of what is planned, with the values that its definition gives them; none while there is no plan.
fn defaults(model: &Model) -> Option<&BTreeMap<String, String>> {
    match model.screens.last() {
        Some(Screen::Review(pane)) => Some(&pane.plan()?.parameters),
        _ => None,
    }
}

/// Takes values of the parameters, and plans anew where they are others; the plan without them comes back if that fails.
pub(super) fn take_values(model: &mut Model, text: &str) -> Result<Vec<Effect>, String> {
    let parameters = values::read(text)?;
    if let Some(defaults) = defaults(model)
        && let Some(unknown) = parameters.keys().find(|key| !defaults.contains_key(*key))
    {
        return Err(format!("the definition has no parameter {unknown}"));
    }
    model.popup = None;
    let Some(source) = source(model) else {
        return Ok(Vec::new());
    };
    if source.parameters == parameters {
        return Ok(Vec::new());
    }
    let former = match model.screens.last_mut() {
        Some(Screen::Review(pane)) => {
            let former = match pane.plan() {
                Some(_) => Some(pane.clone()),
                None => pane.former.take(),
            };
            pane.source.parameters = parameters;
            former
        }
        _ => None,
    };
    let effects = reviews::replan(model);
    if let Some(Screen::Review(pane)) = model.screens.last_mut() {
        pane.former = former;
    }
    Ok(effects)
}

/// Returns the flags that say the same on the command line.
pub(super) fn flags(source: &DeploySource) -> String {
    let mut flags = String::new();
    if !source.parameters.is_empty() {
        flags.push(' ');
        flags.push_str(&values::write(&source.parameters, "--set "));
    }
    if let Some(message) = &source.message {
        flags.push_str(&format!(" --message {}", values::quoted(message)));
    }
    flags
}
