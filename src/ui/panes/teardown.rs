//! The fate table: every object with what happens to it, every claim with what is at stake.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use crate::app::panes::planned::Planned;
use crate::app::panes::teardown::{TeardownPane, destroys_data};
use crate::app::{Action, Geometry, Model};
use crate::engine::plan::{DataFate, Fate, FateRow, TeardownPlan, TeardownScope, VolumeChoice};
use crate::text;
use crate::ui::canvas::{Canvas, wrap};

use super::{Line, draw_lines, within_margins, wrapped, wrapped_pieces};

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &TeardownPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let ids: Vec<_> = pane
        .plans
        .iter()
        .map(|planned| planned.key.id.as_str())
        .collect();
    let verb = match pane.scope {
        TeardownScope::Instance => "Teardown",
        TeardownScope::KeptClaims => "Release of kept claims",
        TeardownScope::RetainedVolumes => "Release of retained volumes",
    };
    let name = format!("{verb}: {}", ids.join(", "));
    let namespaces: BTreeSet<&str> = pane
        .plans
        .iter()
        .map(|planned| planned.key.namespace.as_str())
        .collect();
    let namespaces: Vec<_> = namespaces.into_iter().collect();
    let place = format!(
        " {} {} {} {}",
        theme.symbols.dot,
        model.session.context,
        theme.symbols.into,
        namespaces.join(", ")
    );
    let (volumes, style) = match pane.volumes {
        _ if pane.scope == TeardownScope::RetainedVolumes => match pane.volumes {
            VolumeChoice::Keep | VolumeChoice::Delete => ("volumes go", theme.bad),
            VolumeChoice::Retain => ("volumes go, storage stays", theme.partly),
        },
        VolumeChoice::Keep => ("claims are kept", theme.good),
        VolumeChoice::Delete => ("claims are deleted", theme.bad),
        VolumeChoice::Retain => ("claims are deleted, volumes retained", theme.partly),
    };
    let key = model.first_key(Action::ChooseVolumes);
    let key = key.map_or_else(String::new, |key| format!(" ({key})"));
    let volumes = format!(" {} {volumes}{key}", theme.symbols.dot);
    let inside = canvas.frame(
        area,
        &[
            (&name, theme.strong),
            (&place, theme.text),
            (&volumes, style),
        ],
        true,
    );
    let inside = within_margins(inside);
    let lines: Vec<Line> = pane
        .plans
        .iter()
        .flat_map(|planned| {
            lines_of(
                canvas,
                planned,
                pane.plans.are_several(),
                inside.width.into(),
            )
        })
        .collect();
    draw_lines(canvas, inside, (model, &lines, pane.scroll), geometry);
}

fn lines_of(
    canvas: &Canvas<'_>,
    planned: &Planned<TeardownPlan>,
    is_one_of_many: bool,
    width: usize,
) -> Vec<Line> {
    let theme = canvas.theme;
    let mut lines = Vec::new();
    if is_one_of_many {
        lines.push(vec![(planned.key.to_string(), theme.strong)]);
    }
    match &planned.plan {
        None => lines.push(vec![(
            "Looking for everything it consists of …".to_owned(),
            theme.dim,
        )]),
        Some(Err(failure)) => {
            let sentence = format!("{} {}", theme.symbols.bad, failure.summary);
            lines.extend(wrapped(&sentence, width, theme.bad));
        }
        Some(Ok(plan)) => lines.extend(lines_of_plan(canvas, plan, width)),
    }
    lines
}

fn lines_of_plan(canvas: &Canvas<'_>, plan: &TeardownPlan, width: usize) -> Vec<Line> {
    let theme = canvas.theme;
    let symbols = &theme.symbols;
    let mut lines = Vec::new();
    for failure in &plan.refusals {
        let sentence = format!("{} refused: {}", symbols.bad, failure.summary);
        lines.extend(wrapped(&sentence, width, theme.bad));
    }
    for warning in &plan.warnings {
        let sentence = format!("{} {warning}", symbols.warning);
        lines.extend(wrapped(&sentence, width, theme.partly));
    }
    if let Some(why) = plan.caution.word() {
        lines.push(vec![(
            format!("{} {why}: its ID must be typed", symbols.warning),
            theme.partly,
        )]);
    }
    if plan.rows.is_empty() {
        lines.push(vec![("Nothing of it is there.".to_owned(), theme.dim)]);
        return lines;
    }
    let widest = |cells: &dyn Fn(&FateRow) -> String| {
        plan.rows
            .iter()
            .map(|row| text::cells(&cells(row)))
            .max()
            .unwrap_or(0)
    };
    let fate_width = widest(&|row| fate(row)).max(4);
    // An object whose name has no room beside its fate stands above it.
    let beside = width.saturating_sub(4 + fate_width.min(MIN_FATE));
    let home = plan.instance.namespace.as_str();
    let object_width = widest(&|row| row.key.seen_from(home)).clamp(6, beside.clamp(6, 48));
    let columns = Columns {
        object: object_width,
        fate: fate_width,
        width,
        home,
        // What happens to data is never cut off: where there is no room beside, it stands below.
        is_data_below: 6 + object_width + fate_width + widest(&data).max(DATA.len()) > width,
    };
    let data_title = if columns.is_data_below { "" } else { DATA };
    let title_width = if columns.is_data_below { 4 } else { fate_width };
    let title = format!(
        "  {:<object_width$}  {:<title_width$}  {data_title}",
        "OBJECT", "FATE"
    );
    lines.push(vec![(title, theme.title)]);
    lines.extend(
        plan.rows
            .iter()
            .flat_map(|row| lines_of_row(canvas, row, &columns)),
    );
    lines
}

/// The title of what becomes of data.
const DATA: &str = "DATA";

/// Room that fates have at least beside the objects.
const MIN_FATE: usize = 30;

/// Widths of the columns and of all, and where the last of them stands.
struct Columns<'a> {
    object: usize,
    fate: usize,
    width: usize,
    /// The namespace that needs no name.
    home: &'a str,
    is_data_below: bool,
}

fn lines_of_row(canvas: &Canvas<'_>, row: &FateRow, columns: &Columns<'_>) -> Vec<Line> {
    let theme = canvas.theme;
    let (sign, style) = match &row.fate {
        Fate::Deleted => ("-", theme.removed),
        Fate::GarbageCollected(_) => ("-", theme.dim),
        Fate::Kept(_) => ("=", theme.good),
        Fate::Left(_) => ("?", theme.partly),
    };
    let data_style = if destroys_data(row) {
        theme.bad
    } else {
        theme.good
    };
    let (fate, data) = (fate(row), data(row));
    let object = row.key.seen_from(columns.home);
    let mut lines = Vec::new();
    let mut sign = (format!("{sign} "), style);
    let mut beside = object.as_str();
    if text::cells(&object) > columns.object {
        for line in wrap(&text::clean(&object), columns.width.saturating_sub(2)) {
            let before = std::mem::replace(&mut sign, ("  ".to_owned(), theme.text));
            lines.push(vec![before, (line, theme.text)]);
        }
        beside = "";
    }
    let is_beside = !data.is_empty() && !columns.is_data_below;
    let room = columns.width.saturating_sub(columns.object + 4);
    let fates = match is_beside {
        true => vec![padded(&fate, columns.fate)],
        false => wrap(&text::clean(&fate), room.max(MIN_FATE)),
    };
    for fate in fates {
        let before = std::mem::replace(&mut sign, ("  ".to_owned(), theme.text));
        let object = padded(std::mem::take(&mut beside), columns.object);
        let gap = ("  ".to_owned(), theme.text);
        lines.push(vec![before, (object, theme.text), gap, (fate, style)]);
    }
    if is_beside && let Some(line) = lines.last_mut() {
        line.extend([("  ".to_owned(), theme.text), (data, data_style)]);
    } else if !data.is_empty() {
        let below = vec![(format!("    data {data}"), data_style)];
        lines.extend(wrapped_pieces(below, columns.width));
    }
    lines
}

fn padded(text: &str, width: usize) -> String {
    let cut = text::truncate_cells(text, width);
    let n_spaces = width.saturating_sub(text::cells(&cut));
    format!("{cut}{}", " ".repeat(n_spaces))
}

fn fate(row: &FateRow) -> String {
    match &row.fate {
        Fate::Deleted => "deleted".to_owned(),
        Fate::Kept(by) => format!("kept: {by}"),
        Fate::GarbageCollected(owner) => format!("goes with {owner}"),
        Fate::Left(why) => format!("left: {why}"),
    }
}

fn data(row: &FateRow) -> String {
    let Some(claim) = &row.claim else {
        return match row.destroys_values() {
            true => "values destroyed".to_owned(),
            false => String::new(),
        };
    };
    let fate = match claim.data {
        DataFate::Destroyed => "destroyed",
        DataFate::Retained if matches!(row.fate, Fate::Kept(_)) => "kept",
        DataFate::Retained => "retained",
        DataFate::Nothing => "none yet",
        DataFate::Unknown => "unknown: may not read volumes",
    };
    let policy = claim
        .reclaim_policy
        .as_deref()
        .map_or_else(String::new, |policy| format!(", reclaim {policy}"));
    let volume = match (&claim.volume, &claim.retained_from) {
        (Some(volume), _) => format!(", {volume}"),
        (None, Some(from)) => format!(", from claim {from}"),
        (None, None) => ", not bound".to_owned(),
    };
    format!("{fate}: {}{policy}{volume}", claim.size)
}
