//! Forwarded ports: the port is chosen, the local one offered, and the forward goes on until it is stopped.

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::input::Input;
use crate::app::keymap::with_ways;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::place::Place;
use crate::app::popup::{Choice, ForwardTarget, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::app::screen::Screen;
use crate::app::session::SessionLink;
use crate::failure::Failure;
use crate::service::forward::{
    ForwardEvent, ForwardRequest, Forwarded, OF_A_POD, OfferedPort, PortSpec, Traffic,
};

use super::popups;

/// The title of the question which port.
const PORTS: &str = "Forward a port of";

fn target(model: &Model) -> Option<ForwardTarget> {
    let key = model.selected_instance()?.clone();
    let pod = model.chosen_pod();
    Some(ForwardTarget { key, pod })
}

fn title(target: &ForwardTarget) -> String {
    let of = target.pod.as_deref().unwrap_or(target.key.id.as_str());
    format!("{PORTS} {of}")
}

/// Asks which port of the selected pod, or else of the instance, is to be forwarded.
pub(super) fn ask_port(model: &mut Model) -> Vec<Effect> {
    let Some(target) = target(model) else {
        return Vec::new();
    };
    let op = model.next_op();
    model.forwards.asked = Some((op, target.clone()));
    let items = vec![other_port(target.clone())];
    model.popup = Some(Popup::Menu(Menu::new(title(&target), Vec::new(), items)));
    vec![Effect::ListPorts {
        op,
        key: target.key,
    }]
}

fn other_port(target: ForwardTarget) -> MenuItem {
    MenuItem::new("another port …", "typed", Choice::ForwardPort(target, None))
}

pub(super) fn on_listed(
    model: &mut Model,
    op: OpId,
    result: Result<Vec<OfferedPort>, Failure>,
) -> Vec<Effect> {
    // Another question may have been asked since.
    let asked = model.forwards.asked.take_if(|(asked, _)| *asked == op);
    let Some((_, target)) = asked else {
        return Vec::new();
    };
    let title = title(&target);
    match result {
        Ok(ports) => {
            let item = |port: OfferedPort| {
                let name = port.name.as_ref();
                let name = name.map_or_else(String::new, |name| format!("  {name}"));
                let of = match &port.container {
                    Some(container) => format!("container {container}"),
                    None => "service".to_owned(),
                };
                let label = format!("{}{name}", port.port);
                MenuItem::new(label, of, Choice::ForwardPort(target.clone(), Some(port)))
            };
            let mut items: Vec<_> = ports.into_iter().map(item).collect();
            items.push(other_port(target.clone()));
            popups::fill_menu(model, &title, items);
        }
        Err(failure) => {
            popups::close_menu(model, &title);
            model.complain(failure.summary);
        }
    }
    Vec::new()
}

/// Asks for the port of this machine, with a free one offered.
pub(super) fn ask_local(model: &mut Model, target: ForwardTarget, port: Option<OfferedPort>) {
    let goes_to = match &target.pod {
        Some(pod) => format!("It goes to pod {pod} alone, as long as that is there."),
        None => "It goes to whichever pod is ready.".to_owned(),
    };
    let text = vec![
        "LOCAL:REMOTE, the port of this machine and the port there; :REMOTE takes a free one, a number alone is both."
            .to_owned(),
        goes_to,
    ];
    let title = title(&target);
    let mut prompt = Prompt::new(PromptKind::Forward(target), title, text);
    if let Some(OfferedPort { port, local, .. }) = port {
        prompt.input = Input::with_text(&format!("{local}:{port}"));
    }
    model.popup = Some(Popup::Prompt(prompt));
}

/// Begins the forward that was typed, to what was asked about.
pub(super) fn begin(
    model: &mut Model,
    target: ForwardTarget,
    text: &str,
) -> Result<Vec<Effect>, String> {
    let spec: PortSpec = text.parse()?;
    let op = model.next_op();
    let pod = target.pod.as_ref();
    let pod = pod.map_or_else(String::new, |pod| format!(" --pod {pod}"));
    let what = format!("port-forward {}{pod} {text}", target.key.id);
    let command = model.command_line(&target.key.namespace, &what);
    model.record(command, Some(op));
    let request = ForwardRequest {
        instance: target.key,
        pod: target.pod,
        addresses: Vec::new(),
        ports: vec![spec],
    };
    let context = model.session.context.clone();
    model.forwards.add(op, context, request.clone());
    model.popup = None;
    Ok(vec![Effect::Forward { op, request }])
}

pub(super) fn on_began(
    model: &mut Model,
    op: OpId,
    result: Result<Vec<Forwarded>, Failure>,
) -> Vec<Effect> {
    match result {
        Ok(ports) => {
            if let Some(forward) = model.forwards.on_began(op, ports) {
                let url = forward.url().unwrap_or_default();
                let id = forward.request.instance.id.clone();
                let list = model.keymap.first_key(Place::Services, Action::Forwards);
                let copy = model.keymap.first_key(Place::Forwards, Action::Copy);
                let ways = [(list, "lists it"), (copy, "there copies it")];
                model.tell(with_ways(&format!("{url} leads to {id}."), " ", ways, "."));
            }
        }
        Err(failure) => {
            let forward = model.forwards.remove(op);
            model.record_failure(op);
            // Here both ports are typed, and a pod is chosen beforehand.
            let words =
                "; LOCAL:REMOTE names both ports, and of a pod that is chosen any can be meant";
            let why = failure.summary.replace(OF_A_POD, words);
            // Nobody is interrupted: by now keys may be meant for something else.
            let is_at_rest = model.popup.is_none()
                && matches!(
                    model.place(),
                    Place::Services | Place::Detail | Place::Forwards
                )
                && !model.is_typing();
            let is_asked_about = is_at_rest && model.session.link == SessionLink::Connected;
            match forward.filter(|it| is_asked_about && it.context == model.session.context) {
                // Other ports are what it mostly takes.
                Some(forward) => ask_again(model, forward.request, why),
                None => model.complain(why),
            }
        }
    }
    Vec::new()
}

/// Asks once more for the ports of a forward that came to nothing, and says why it did.
fn ask_again(model: &mut Model, request: ForwardRequest, why: String) {
    let typed = request.ports.first().map(PortSpec::to_string);
    let target = ForwardTarget {
        key: request.instance,
        pod: request.pod,
    };
    ask_local(model, target, None);
    if let Some(Popup::Prompt(prompt)) = &mut model.popup {
        prompt.input = Input::with_text(&typed.unwrap_or_default());
        prompt.error = Some(why);
    }
}

pub(super) fn on_event(
    model: &mut Model,
    op: OpId,
    event: Option<ForwardEvent>,
    traffic: Traffic,
) -> Vec<Effect> {
    model.forwards.on_event(op, event, traffic);
    Vec::new()
}

/// Shows all forwards.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    if !matches!(model.screens.last(), Some(Screen::Forwards)) {
        model.screens.push(Screen::Forwards);
    }
    Vec::new()
}

/// Stops the selected forward, with the connections that are open.
pub(super) fn stop(model: &mut Model) -> Vec<Effect> {
    let Some(op) = model.forwards.table.selected().copied() else {
        return Vec::new();
    };
    if let Some(forward) = model.forwards.remove(op) {
        let what = forward.url();
        let what = what.unwrap_or_else(|| forward.request.instance.id.to_string());
        model.tell(format!("{what} leads nowhere any more."));
    }
    vec![Effect::StopForward { op }]
}
