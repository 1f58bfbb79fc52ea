//! The first line: cluster, namespace, connection, counts.

use std::time::Duration;

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::{Geometry, Model, SessionLink};
use crate::service::age;
use crate::service::fleet::Connection;
use crate::service::watch::Scope;
use crate::text;
use crate::ui::canvas::Canvas;

use super::note_change;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, geometry: &mut Geometry) {
    let theme = canvas.theme;
    let (sign, connection, style) = connection(canvas, model, geometry);
    let counts = counts(model, theme.symbols.dot);
    let n_running = model.n_running();
    let mut running = match model.forwards.all().len() {
        0 => String::new(),
        n => format!("{n} forwarded  "),
    };
    if n_running > 0 {
        running.push_str(&format!("{n_running} running  "));
    }
    let guards = guards(model);
    let insecure = guards.as_str();
    let place = place(model);
    let named = theme.contexts.get(&model.session.context);
    let context = named.copied().unwrap_or(theme.text);
    let into = format!(" {} ", theme.symbols.into);
    let left = 11 + text::cells(&place.0) + 3 + text::cells(&place.1) + 2;
    let fixed = text::cells(&connection) + 2 + text::cells(&running) + text::cells(insecure);
    // The counts are the first to go where there is no room, in whole words.
    let room = usize::from(area.width).saturating_sub(left + fixed + 4);
    let counts = fit(&counts, room);
    // Where it begins depends on how many services there are, not on how they are doing: what is before the counts stays in
    // its place when one of them changes.
    let reserved = text::cells(&counts).max(usual_width(model).min(room));
    let right = fixed + if counts.is_empty() { 0 } else { 3 + reserved };
    let x = area
        .right()
        .saturating_sub(u16::try_from(right).unwrap_or(u16::MAX) + 1)
        .max(area.x);
    canvas.line(
        area.as_position(),
        x - area.x,
        &[
            (" bowline  ", theme.strong),
            (&place.0, context),
            (&into, theme.dim),
            (&place.1, theme.text),
        ],
    );
    let gap = if counts.is_empty() { "" } else { "   " };
    canvas.line(
        Position { x, y: area.y },
        area.right() - x,
        &[
            (insecure, theme.bad),
            (&running, theme.partly),
            (sign, style),
            (" ", theme.text),
            (&connection, style),
            (gap, theme.text),
            (&counts, theme.text),
        ],
    );
}

/// Returns what a person should never forget of the cluster.
fn guards(model: &Model) -> String {
    let session = &model.session;
    let words = [
        (session.is_insecure, "TLS not verified"),
        (session.guard.is_read_only, "read-only"),
        (session.guard.is_protected, "protected"),
    ];
    let words = words.into_iter().filter(|(holds, _)| *holds);
    words.map(|(_, word)| format!("{word}  ")).collect()
}

fn place(model: &Model) -> (String, String) {
    let session = &model.session;
    let context = match (session.context.as_str(), session.is_sandbox) {
        (_, true) => "sandbox".to_owned(),
        ("", false) => "current context".to_owned(),
        (context, false) => context.to_owned(),
    };
    let namespace = match &session.scope {
        Some(Scope::Namespace(namespace)) => namespace.to_string(),
        Some(Scope::All) => "all namespaces".to_owned(),
        None => "…".to_owned(),
    };
    (context, namespace)
}

/// Returns the sign, the words and the style of how the connection is doing.
fn connection(
    canvas: &Canvas<'_>,
    model: &Model,
    geometry: &mut Geometry,
) -> (&'static str, String, Style) {
    let (theme, now) = (canvas.theme, model.now);
    let symbols = &theme.symbols;
    match (&model.session.link, model.fleet.connection()) {
        (SessionLink::Connecting, _) | (SessionLink::Connected, Connection::Connecting) => {
            (symbols.empty, "connecting".to_owned(), theme.partly)
        }
        (SessionLink::Offline { retry_at, .. }, _) => {
            note_change(geometry, now.checked_add(Duration::from_secs(1)).ok());
            let left = age::show(age::since(now, *retry_at));
            (
                symbols.bad,
                format!("offline {} again in {left}", symbols.dot),
                theme.bad,
            )
        }
        (SessionLink::Connected, Connection::Live) => (symbols.good, "live".to_owned(), theme.good),
        (
            SessionLink::Connected,
            Connection::Retrying {
                next_attempt,
                data_from,
                ..
            },
        ) => {
            note_change(geometry, now.checked_add(Duration::from_secs(1)).ok());
            let left = age::since(now, next_attempt);
            let retrying = if left.is_zero() {
                "retrying".to_owned()
            } else {
                format!("retrying in {}", age::show(left))
            };
            let data = data_from.map_or_else(
                || "no data yet".to_owned(),
                |from| format!("data {} old", age::show(age::since(from, now))),
            );
            (
                symbols.partly,
                format!("{retrying} {} {data}", symbols.dot),
                theme.bad,
            )
        }
    }
}

/// Returns the counts in words, the most telling first.
fn counts(model: &Model, dot: &str) -> Vec<String> {
    let counts = model.fleet.counts();
    let services = if counts.total == 1 {
        "service"
    } else {
        "services"
    };
    let mut words = vec![format!("{} {services}", counts.total)];
    let others = [
        (counts.ready, "ready"),
        (counts.rolling, "rolling"),
        (counts.failing, "failing"),
        (counts.interrupted, "interrupted"),
        (counts.stopped, "stopped"),
        (counts.terminating, "terminating"),
        (counts.unknown, "unknown"),
    ];
    words.extend(
        others
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!(" {dot} {n} {word}")),
    );
    words
}

/// Returns the cells that the counts take while some services are ready, some are rolling and some failing.
fn usual_width(model: &Model) -> usize {
    let n = model.fleet.counts().total;
    text::cells(&format!(
        "{n} services · {n} ready · {n} rolling · {n} failing"
    ))
}

/// Returns the words that there is room for: how many there are, then what fails first, and what is well last.
fn fit(words: &[String], room: usize) -> String {
    let Some((total, others)) = words.split_first() else {
        return String::new();
    };
    let Some(mut left) = room.checked_sub(text::cells(total)) else {
        return String::new();
    };
    let mut kept: Vec<&String> = Vec::new();
    for telling in [
        "failing",
        "interrupted",
        "rolling",
        "unknown",
        "terminating",
        "stopped",
        "ready",
    ] {
        let word = others.iter().find(|word| word.ends_with(telling));
        let fitting = word.and_then(|word| Some((word, left.checked_sub(text::cells(word))?)));
        if let Some((word, rest)) = fitting {
            kept.push(word);
            left = rest;
        }
    }
    let others = others.iter().filter(|word| kept.contains(word));
    [total]
        .into_iter()
        .chain(others)
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_has_room_first_and_what_is_well_what_is_left() {
        let words = [
            "5 services",
            " · 2 ready",
            " · 1 failing",
            " · 1 terminating",
        ];
        let words = words.map(str::to_owned);
        let check = |room, expected: &str| assert_eq!(fit(&words, room), expected, "{room}");
        check(48, "5 services · 2 ready · 1 failing · 1 terminating");
        check(47, "5 services · 1 failing · 1 terminating");
        check(37, "5 services · 2 ready · 1 failing");
        check(31, "5 services · 1 failing");
        check(21, "5 services · 2 ready");
        check(10, "5 services");
        check(9, "");
    }
}
