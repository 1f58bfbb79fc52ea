//! The dashboard drawn once, without a terminal: the same model, fed by the same effects.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;

use crate::app::{Effect, Model, Msg, SessionLink, begin, update};
use crate::failure::{Failure, FailureKind};
use crate::service::fleet::Connection;
use crate::ui::picture;

use super::Start;
use super::effects::Runner;

/// How long the cluster gets to tell everything.
const WITHIN: Duration = Duration::from_secs(10);
/// How long a server that does not answer at all is tried.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Draws the dashboard once at a size, as soon as everything it shows is known, or after ten seconds as it is then.
///
/// # Errors
/// No connection could be made, or the cluster does not answer.
pub async fn snapshot(start: Start, size: (u16, u16)) -> Result<Buffer, Failure> {
    let (messages, mut data) = mpsc::unbounded_channel();
    let theme = start.theme.clone();
    let mut model = Model::new(Timestamp::now(), start.is_sandbox, start.context.clone());
    model.size = size;
    let open = start.open.clone();
    let mut runner = Runner::new(start, messages)
        .map_err(|error| Failure::new(FailureKind::Disk, format!("starting a thread: {error}")))?;
    let began = Instant::now();
    for effect in begin(&mut model, open) {
        runner.run(effect);
    }
    while !is_complete(&model) && began.elapsed() < WITHIN {
        let wait = model
            .next_wake()
            .unwrap_or(WITHIN)
            .min(WITHIN.saturating_sub(began.elapsed()));
        let msg = tokio::time::timeout(wait, data.recv()).await.ok().flatten();
        let tick = Msg::Tick {
            now: runner.now(),
            clock: began.elapsed(),
        };
        for msg in [Some(tick), msg].into_iter().flatten() {
            take(&mut model, msg, &mut runner);
        }
        model.settle();
        // The selection is made by the first rows, without a key: its detail is asked for as if it had been.
        for effect in crate::app::follow_selection(&mut model) {
            runner.run(effect);
        }
        if let SessionLink::Offline { failure, .. } = &model.session.link {
            return Err(failure.clone());
        }
        if let Connection::Retrying {
            failure,
            data_from: None,
            ..
        } = model.fleet.connection()
            && began.elapsed() > ANSWERS_WITHIN
        {
            return Err(failure);
        }
    }
    take(
        &mut model,
        Msg::Tick {
            now: runner.now(),
            clock: began.elapsed(),
        },
        &mut runner,
    );
    model.settle();
    Ok(picture::draw_alone(&model, size, &theme))
}

fn take(model: &mut Model, msg: Msg, runner: &mut Runner) {
    for effect in update(model, msg) {
        if !matches!(effect, Effect::Quit) {
            runner.run(effect);
        }
    }
}

fn is_complete(model: &Model) -> bool {
    let has_detail = model.selected_instance().is_none()
        || model
            .selected_detail()
            .is_some_and(crate::service::detail::Detail::is_complete);
    let is_edited = model
        .editor()
        .is_none_or(|pane| pane.editor().is_some_and(crate::editor::Editor::is_checked));
    let knows_protection = model.session.protection.is_some();
    model.fleet.is_complete() && has_detail && is_edited && knows_protection
}
