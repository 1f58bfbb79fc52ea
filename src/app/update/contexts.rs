//! Where to work: the contexts and the namespaces to choose from.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::{ContextEntry, Epoch};
use crate::app::popup::{Choice, Menu, MenuItem, Popup};
use crate::definition::id::Namespace;
use crate::failure::Failure;
use crate::service::watch::Scope;

use super::popups::{close_menu, fill_menu};

pub(super) const NAMESPACES: &str = "Namespace";

pub(super) const CONTEXTS: &str = "Context";

pub(super) fn ask_context(model: &mut Model) -> Vec<Effect> {
    model.popup = Some(Popup::Menu(Menu::searchable(CONTEXTS, Vec::new())));
    vec![Effect::ListContexts]
}

pub(super) fn on_contexts(
    model: &mut Model,
    result: Result<Vec<ContextEntry>, Failure>,
) -> Vec<Effect> {
    let contexts = match result {
        Ok(contexts) => contexts,
        Err(failure) => {
            close_menu(model, CONTEXTS);
            model.complain(failure.summary);
            return Vec::new();
        }
    };
    let items = contexts
        .into_iter()
        .map(|context| {
            let namespace = context
                .namespace
                .map_or_else(String::new, |namespace| format!(" ▸ {namespace}"));
            let is_present = context.name == model.session.context;
            let present = if is_present { "  (present)" } else { "" };
            MenuItem::new(
                context.name.clone(),
                format!("{}{namespace}{present}", context.cluster),
                Choice::Context(context.name),
            )
        })
        .collect();
    fill_menu(model, CONTEXTS, items);
    Vec::new()
}

pub(super) fn ask_namespace(model: &mut Model) -> Vec<Effect> {
    // What an earlier list did not have may be there by now.
    model.session.namespaces = None;
    model.popup = Some(Popup::Menu(Menu::searchable(NAMESPACES, fixed_scopes())));
    vec![Effect::ListNamespaces {
        epoch: model.session.epoch,
    }]
}

fn fixed_scopes() -> Vec<MenuItem> {
    vec![
        MenuItem::new("all namespaces", "", Choice::Scope(Scope::All)),
        MenuItem::new(
            "another namespace …",
            "typed by its name",
            Choice::OtherNamespace,
        ),
    ]
}

pub(super) fn on_namespaces(
    model: &mut Model,
    epoch: Epoch,
    result: Result<Vec<Namespace>, Failure>,
) -> Vec<Effect> {
    if epoch != model.session.epoch {
        return Vec::new();
    }
    match result {
        Ok(namespaces) => {
            model.session.namespaces = Some(namespaces.iter().cloned().collect());
            let present = model.session.namespace();
            let item = |namespace: Namespace| {
                let detail = if Some(&namespace) == present {
                    "(present)"
                } else {
                    ""
                };
                MenuItem::new(
                    namespace.to_string(),
                    detail,
                    Choice::Scope(Scope::Namespace(namespace)),
                )
            };
            // What is there already stays where it is.
            let mut items = fixed_scopes();
            items.extend(namespaces.into_iter().map(item));
            fill_menu(model, NAMESPACES, items);
        }
        // Whoever may not list them may still name one.
        Err(failure) => model.complain(failure.summary),
    }
    Vec::new()
}
