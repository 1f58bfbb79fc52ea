//! Shells in containers: the container is chosen, the shell opened behind a question that can be given up, and then it has
//! the terminal until it ends.

use crate::app::availability::shells::places;
use crate::app::effect::{Effect, ShellPlace};
use crate::app::model::{Model, Shell};
use crate::app::msg::OpId;
use crate::app::popup::{Choice, Menu, MenuItem, Popup};
use crate::failure::Failure;

/// Exit codes of a command that is not there or cannot be run.
const NOT_RUN: [i32; 2] = [126, 127];

/// Opens a shell in the selected pod, else the one that does best; asks for the container where several run.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let mut places = places(model).unwrap_or_default();
    if places.len() < 2 {
        return begin(model, places.pop());
    }
    let items = places.into_iter().map(|place| {
        let (label, detail) = (place.container.clone(), place.pod.clone());
        MenuItem::new(label, detail, Choice::Shell(place))
    });
    let menu = Menu::new("Shell in", Vec::new(), items.collect());
    model.popup = Some(Popup::Menu(menu));
    Vec::new()
}

/// Opens a shell in the container that was chosen.
pub(super) fn open_at(model: &mut Model, place: ShellPlace) -> Vec<Effect> {
    begin(model, Some(place))
}

fn begin(model: &mut Model, place: Option<ShellPlace>) -> Vec<Effect> {
    // Another row may be selected by the time a container is chosen.
    let of_place = place.as_ref().map(|place| &place.key);
    let Some(key) = of_place.or(model.selected_instance()).cloned() else {
        return Vec::new();
    };
    let op = model.next_op();
    let what = match &place {
        Some(place) => format!("{}/{}", place.pod, place.container),
        None => key.id.to_string(),
    };
    // What is typed meanwhile is meant for the shell, and must not become keys of what is behind.
    let text = vec![format!("Opening a shell in {what} …")];
    let items = vec![MenuItem::new("give up", "", Choice::Cancel)];
    model.popup = Some(Popup::Menu(Menu::new("Shell", text, items)));
    model.shell = Some(Shell {
        op,
        key: key.clone(),
        place: None,
    });
    vec![Effect::OpenShell { op, key, place }]
}

/// Gives up a shell that is being opened.
pub(super) fn give_up(model: &mut Model) -> Vec<Effect> {
    match model.shell.take_if(|shell| shell.place.is_none()) {
        Some(shell) => vec![Effect::LeaveShell { op: shell.op }],
        None => Vec::new(),
    }
}

pub(super) fn on_opened(
    model: &mut Model,
    op: OpId,
    result: Result<ShellPlace, Failure>,
) -> Vec<Effect> {
    let Some(shell) = model.shell.as_mut().filter(|shell| shell.op == op) else {
        // It was given up, and must not go on unseen.
        return vec![Effect::LeaveShell { op }];
    };
    model.popup = None;
    let place = match result {
        Ok(place) => place,
        Err(failure) => {
            model.shell = None;
            model.complain(with_reason(failure));
            return Vec::new();
        }
    };
    shell.place = Some(place.clone());
    let key = shell.key.clone();
    let what = format!("exec {} --pod {} -c {}", key.id, place.pod, place.container);
    let command = model.command_line(&key.namespace, &what);
    model.record(command, Some(op));
    let ShellPlace { pod, container, .. } = &place;
    let told = format!("Shell in container {container} of pod {pod}; exit, or ^d, comes back.");
    let banner = format!("{}\r\n", crate::text::clean(&told));
    vec![Effect::EnterShell { op, banner }]
}

pub(super) fn on_ended(
    model: &mut Model,
    op: OpId,
    is_used: bool,
    result: Result<i32, Failure>,
) -> Vec<Effect> {
    let shell = model.shell.take_if(|shell| shell.op == op);
    let place = shell.and_then(|shell| shell.place);
    let what = place.map_or_else(String::new, |place| {
        format!(" in {}/{}", place.pod, place.container)
    });
    // The code of a shell that was used is that of its last command.
    let was_run = |code: &i32| is_used || !NOT_RUN.contains(code);
    if !result.as_ref().is_ok_and(was_run) {
        model.record_failure(op);
    }
    match result {
        Ok(code) if !was_run(&code) => model.complain(format!(
            "The shell{what} ended with exit code {code}: the image may have none."
        )),
        Ok(0) => model.tell(format!("The shell{what} has ended.")),
        Ok(code) => model.tell(format!("The shell{what} has ended with exit code {code}.")),
        Err(failure) => model.complain(with_reason(failure)),
    }
    vec![Effect::LeaveShell { op }]
}

/// Says what the words of a container runtime mean.
fn with_reason(failure: Failure) -> String {
    let is_missing = ["executable file not found", "no such file or directory"]
        .iter()
        .any(|words| failure.summary.contains(words));
    match is_missing {
        true => format!("The image has no shell: {}", failure.summary),
        false => failure.summary,
    }
}
