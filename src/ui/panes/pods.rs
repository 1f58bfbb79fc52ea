//! What stands below the pods, of the one that is selected: what it uses of what it asked for and may have, with how that
//! went, and what was said of it last.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::panes::detail::Tab;
use crate::app::panes::usage::{Sample, UsageState};
use crate::app::{Geometry, Model};
use crate::service::age;
use crate::service::detail::Detail;
use crate::service::pod_choice;
use crate::service::quantity;
use crate::service::summary::{Event, Pod};
use crate::service::usage;
use crate::ui::canvas::{Canvas, Piece};

use super::{Line, note_change};

/// Most events that are shown.
const MAX_EVENTS: usize = 3;
/// Cells of a plot.
const PLOT: usize = 24;
/// Rows that the table keeps at least, its titles included.
const MIN_TABLE: u16 = 3;

/// Draws it at the bottom of an area, where that leaves the table above what it needs; returns the rows that it took.
pub fn draw_below(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    geometry: &mut Geometry,
) -> u16 {
    if model.detail_pane.tab != Tab::Pods {
        return 0;
    }
    let Some((detail, pod)) = selected(model) else {
        return 0;
    };
    let n_rows = model.detail_pane.pods.rows().len();
    let table = u16::try_from(n_rows).unwrap_or(u16::MAX).saturating_add(1);
    let lines = lines(canvas, model, detail, pod, geometry);
    // Long lists of pods keep half of the room.
    let room = area.height
        - table.clamp(
            MIN_TABLE.min(area.height),
            (area.height / 2).max(MIN_TABLE.min(area.height)),
        );
    // A line without the blank one above it would look like a row.
    let n_lines = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .min(room.saturating_sub(1));
    if n_lines == 0 {
        return 0;
    }
    for (y, line) in (area.bottom() - n_lines..area.bottom()).zip(&lines) {
        let at = Position { x: area.x + 2, y };
        let pieces: Vec<Piece<'_>> = line
            .iter()
            .map(|(text, style)| (text.as_str(), *style))
            .collect();
        canvas.line(at, area.width.saturating_sub(3), &pieces);
    }
    n_lines + 1
}

fn selected(model: &Model) -> Option<(&Detail, &Pod)> {
    let detail = model.selected_detail()?;
    let name = model.detail_pane.pods.selected()?;
    let own = &detail.key().namespace;
    let is_it = |pod: &&Pod| pod_choice::label(pod, own) == *name;
    let pod = detail.pods().iter().find(is_it)?;
    Some((detail, pod))
}

fn lines(
    canvas: &Canvas<'_>,
    model: &Model,
    detail: &Detail,
    pod: &Pod,
    geometry: &mut Geometry,
) -> Vec<Line> {
    let theme = canvas.theme;
    let mut lines = Vec::new();
    let usage = &model.detail_pane.usage;
    match (usage.pod(&pod.name), &usage.state) {
        (Some(samples), _) => {
            let (requests, limits) = (pod.requests(), pod.limits());
            let cpu: Vec<u64> = samples.iter().map(|it: &Sample| it.cpu).collect();
            let memory: Vec<u64> = samples.iter().map(|it| it.memory).collect();
            let bytes = |bytes: u64| quantity::show_bytes(bytes.into());
            let cores = quantity::show_nanocores;
            lines.push(figures(
                canvas,
                "CPU",
                &cpu,
                (requests.cpu, limits.cpu),
                cores,
            ));
            lines.push(figures(
                canvas,
                "MEM",
                &memory,
                (requests.memory, limits.memory),
                bytes,
            ));
        }
        (None, UsageState::Absent(why)) => {
            lines.push(vec![(format!("CPU and memory: {why}."), theme.dim)]);
        }
        (None, UsageState::Lost(failure)) => {
            lines.push(vec![(format!("CPU and memory: {failure}"), theme.partly)]);
        }
        (None, UsageState::Asked | UsageState::Known) => {}
    }
    let of_pod = |event: &&Event| {
        event.object_kind == "Pod"
            && event.object_name == pod.name
            && (event.object_uid.is_empty() || event.object_uid == pod.uid)
    };
    for event in detail.events().iter().rev().filter(of_pod).take(MAX_EVENTS) {
        let seen = age::since(event.last_seen, model.now);
        note_change(
            geometry,
            model.now.checked_add(age::until_change(seen)).ok(),
        );
        let style = if event.is_warning {
            theme.bad
        } else {
            theme.text
        };
        let count = match event.count {
            0 | 1 => String::new(),
            n => format!(" ({n} times)"),
        };
        lines.push(vec![
            (format!("{:>6}  ", age::show(seen)), theme.dim),
            (event.reason.clone(), style),
            (format!("{count}  {}", event.message), theme.text),
        ]);
    }
    lines
}

/// Returns a line with the latest figure, what it is measured by, and how it went.
fn figures(
    canvas: &Canvas<'_>,
    what: &str,
    samples: &[u64],
    (request, limit): (Option<u64>, Option<u64>),
    show: impl Fn(u64) -> String,
) -> Line {
    let theme = canvas.theme;
    let latest = samples.last().copied().unwrap_or_default();
    let share = |of: Option<u64>| of.and_then(|of| usage::percent(latest, of));
    let of = |word: &str, amount: Option<u64>| match amount {
        Some(amount) => {
            let share = share(Some(amount)).map_or_else(String::new, |it| format!(" {it}%"));
            format!("{word} {}{share}", show(amount))
        }
        None => format!("no {word}"),
    };
    // Near its limit a pod is throttled, or ended.
    let style: Style = match share(limit) {
        Some(90..) => theme.bad,
        Some(75..) => theme.partly,
        _ => theme.good,
    };
    let highest = samples.iter().copied().max().unwrap_or_default();
    let scale = limit.or(request).unwrap_or_default().max(highest);
    let plot = plot(samples, scale, theme.symbols.bars);
    vec![
        (format!("{what} {:>7}  ", show(latest)), theme.strong),
        (format!("{plot:<PLOT$}  "), style),
        (
            format!("{}  {}", of("request", request), of("limit", limit)),
            theme.text,
        ),
    ]
}

/// Returns figures as bars, the latest last, each as high as its share of the whole.
fn plot(samples: &[u64], whole: u64, bars: [&str; 8]) -> String {
    let first = samples.len().saturating_sub(PLOT);
    let bar = |sample: &u64| {
        let share = u128::from(*sample) * bars.len() as u128 / u128::from(whole.max(1));
        bars[usize::try_from(share)
            .unwrap_or(usize::MAX)
            .min(bars.len() - 1)]
    };
    samples[first..].iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Theme;

    #[test]
    fn figures_are_as_high_as_their_share() {
        let bars = Theme::default().symbols.bars;
        let check = |samples: &[u64], whole, expected: &str| {
            assert_eq!(plot(samples, whole, bars), expected);
        };
        check(&[], 10, "");
        check(&[0, 1, 5, 9, 10], 10, "▁▁▅██");
        check(&[3], 0, "█");
        check(&[u64::MAX], u64::MAX, "█");
        assert_eq!(plot(&[1; 100], 1, bars).chars().count(), PLOT);
    }
}
