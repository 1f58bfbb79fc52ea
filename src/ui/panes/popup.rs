//! Menus, prompts and help, over the middle of the screen.

use ratatui::layout::{Position, Rect};

use crate::app::hits::Hit;
use crate::app::panes::review::Held;
use crate::app::{Geometry, Menu, MenuItem, Model, Popup, Prompt, SecretPrompt};
use crate::text;
use crate::ui::canvas::{Canvas, wrap};
use crate::ui::table::first_row;

use super::help;

const MAX_WIDTH: u16 = 84;

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    popup: &Popup,
    geometry: &mut Geometry,
) {
    match popup {
        Popup::Menu(menu) => geometry.popup_height = draw_menu(canvas, area, menu),
        Popup::Prompt(prompt) => draw_prompt(canvas, area, prompt),
        Popup::Secret(prompt) => draw_secret(canvas, area, prompt),
        Popup::Help { top } => help::draw(canvas, area, model, *top, geometry),
    }
}

/// Returns the keys of a popup with a word each, for the footer.
pub fn hints(popup: &Popup) -> &'static [(&'static str, &'static str)] {
    match popup {
        Popup::Menu(Menu { query: Some(_), .. }) => &[
            ("enter", "choose"),
            ("up down", "move"),
            ("esc", "close"),
            ("a-z", "narrow"),
        ],
        Popup::Menu(menu) if menu.is_confirmation() => &[
            ("y", "go on"),
            ("n", "cancel"),
            ("enter", "choose"),
            ("j k", "move"),
            ("esc", "close"),
        ],
        Popup::Menu(_) => &[("enter", "choose"), ("j k", "move"), ("esc", "close")],
        Popup::Prompt(_) => &[("enter", "go on"), ("esc", "cancel"), ("^u", "clear")],
        Popup::Secret(_) => &[("enter", "go on"), ("esc", "not now"), ("^u", "clear")],
        Popup::Help { .. } => &[
            // In the narrowest terminal the last two have no room.
            ("j k", "scroll"),
            ("esc", "close"),
            ("pgdn pgup", "page"),
            ("g G", "ends"),
        ],
    }
}

/// Clears the middle of an area and draws a frame there; returns what is inside, margins aside.
pub(super) fn open(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (width, height): (u16, u16),
    title: &str,
) -> Rect {
    let width = width.min(area.width.saturating_sub(2));
    let height = height.min(area.height);
    let popup = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    canvas.clear(popup);
    let inside = canvas.frame(popup, &[(title, canvas.theme.strong)], true);
    Rect {
        x: inside.x + 1,
        width: inside.width.saturating_sub(2),
        ..inside
    }
}

pub(super) fn rows(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// How many rows sentences take in a box of a width.
fn height_of(sentences: &[String], width: u16) -> u16 {
    let room = usize::from(width.saturating_sub(4));
    let height = |sentence: &String| rows(wrap(&text::clean(sentence), room).len());
    sentences.iter().map(height).sum()
}

fn draw_text(canvas: &mut Canvas<'_>, inside: Rect, sentences: &[String]) -> u16 {
    let mut y = inside.y;
    for sentence in sentences {
        let room = Rect {
            y,
            height: inside.bottom().saturating_sub(y),
            ..inside
        };
        y += canvas.wrapped(room, sentence, canvas.theme.text);
    }
    y
}

/// Draws a menu; returns how many of its items there is room for.
fn draw_menu(canvas: &mut Canvas<'_>, area: Rect, menu: &Menu) -> usize {
    let theme = canvas.theme;
    let items = widest_of(menu, |item| &item.label) + widest_of(menu, |item| &item.detail) + 8;
    let title = text::cells(&menu.title) + 6;
    let sentences = menu
        .text
        .iter()
        .map(|sentence| text::cells(sentence) + 4)
        .max()
        .unwrap_or(0);
    let widest = MAX_WIDTH.min(area.width.saturating_sub(2));
    let width = rows(items.max(title).max(sentences).max(34)).min(widest);
    let text_height = height_of(&menu.text, width);
    let query_height = u16::from(menu.query.is_some());
    let label_width = label_width_of(menu, width);
    let told_height = told_height(menu, label_width, width);
    let lines: Vec<Vec<String>> = menu
        .items
        .iter()
        .map(|item| lines_of(menu, item, label_width))
        .collect();
    let n_lines = lines.iter().map(Vec::len).sum::<usize>().max(1);
    let height = rows(n_lines).saturating_add(2 + text_height + query_height + told_height);
    let inside = open(canvas, area, (width, height), &menu.title);
    let mut y = draw_text(canvas, inside, &menu.text);
    if let Some(query) = &menu.query {
        canvas.text(Position { x: inside.x, y }, 2, "> ", theme.key);
        canvas.input(
            Position { x: inside.x + 2, y },
            inside.width.saturating_sub(2),
            query,
        );
        y += 1;
    }
    let list = Rect {
        y,
        height: (inside.bottom().saturating_sub(y)).saturating_sub(told_height),
        ..inside
    };
    let room = usize::from(list.width);
    if let Some((told, is_refusal)) = menu
        .selected()
        .and_then(|it| told(menu, it, (label_width, room)))
    {
        let below = Rect {
            y: list.bottom(),
            height: told_height,
            ..inside
        };
        let style = if is_refusal { theme.partly } else { theme.text };
        canvas.wrapped(below, &told, style);
    }
    if menu.shown.is_empty() {
        let sentence = if menu.items.is_empty() {
            "Looking …"
        } else {
            "Nothing matches."
        };
        canvas.text(list.as_position(), list.width, sentence, theme.dim);
    }
    let heights: Vec<usize> = menu.shown.iter().map(|&idx| lines[idx].len()).collect();
    let (top, n_shown) = in_sight(&heights, menu.selected, list.height.into());
    let n_below = menu.shown.len() - top - n_shown;
    let key = if menu.query.is_some() { "down" } else { "j" };
    canvas.n_more(inside, n_below, Some(key));
    let mut y = list.y;
    for (at, &idx) in menu.shown.iter().enumerate().skip(top).take(n_shown) {
        let row = Rect {
            y,
            height: rows(lines[idx].len()).min(list.bottom() - y),
            ..list
        };
        draw_item(
            canvas,
            row,
            &menu.items[idx],
            (&lines[idx], label_width),
            at == menu.selected,
        );
        canvas.hit(row, Hit::Item(at));
        y += row.height;
    }
    n_shown.max(1)
}

/// Draws an item of a menu: its label in the lines it takes, and what is said beside it.
fn draw_item(
    canvas: &mut Canvas<'_>,
    row: Rect,
    item: &MenuItem,
    (lines, label_width): (&[String], usize),
    is_selected: bool,
) {
    let theme = canvas.theme;
    let style = match item.why_not {
        Some(_) => theme.dim,
        None => theme.text,
    };
    for (n, (y, label)) in (row.y..row.bottom()).zip(lines).enumerate() {
        let cursor = match is_selected && n == 0 {
            true => theme.symbols.cursor,
            false => " ",
        };
        let indent = " ".repeat(label_width.saturating_sub(text::cells(label)) + 2);
        let detail = if n == 0 { item.detail.as_str() } else { "" };
        canvas.line(
            Position { x: row.x, y },
            row.width,
            &[
                (cursor, theme.strong),
                (" ", style),
                (label, style),
                (&indent, style),
                (detail, theme.dim),
            ],
        );
    }
    if is_selected {
        canvas.paint(row, theme.selected);
    }
}

/// Returns which items there is room for, the first and how many: the selected one is among them, in the middle where there
/// are items enough on both sides.
fn in_sight(heights: &[usize], selected: usize, room: usize) -> (usize, usize) {
    let height = |from: usize, n: usize| heights[from..from + n].iter().sum::<usize>();
    let mut top = first_row(selected, heights.len(), room);
    let is_seen = |top: usize| heights.is_empty() || height(top, selected + 1 - top) <= room;
    while top < selected && !is_seen(top) {
        top += 1;
    }
    let n = (1..=heights.len() - top).take_while(|n| height(top, *n) <= room);
    (top, n.last().unwrap_or(heights.len().min(1)))
}

/// Returns the lines of an item's label: of sentences alone as many as each needs, beside details one.
fn lines_of(menu: &Menu, item: &MenuItem, label_width: usize) -> Vec<String> {
    match is_of_sentences(menu) {
        true => wrap(&text::clean(&item.label), label_width),
        false => vec![text::truncate_cells(&item.label, label_width).into_owned()],
    }
}

/// Tells whether the items of a menu are labels with nothing beside them.
fn is_of_sentences(menu: &Menu) -> bool {
    menu.query.is_none() && menu.items.iter().all(|item| item.detail.is_empty())
}

fn widest_of(menu: &Menu, part: fn(&MenuItem) -> &str) -> usize {
    let cells = menu.items.iter().map(|item| text::cells(part(item)));
    cells.max().unwrap_or(0)
}

/// Returns how wide labels are in a box of a width. Where what follows has no room as well, a label is cut first: that is
/// the key.
fn label_width_of(menu: &Menu, width: u16) -> usize {
    let room = usize::from(width.saturating_sub(6));
    let details = widest_of(menu, |item| &item.detail);
    // A sentence is told below; it takes no room from what is chosen.
    let least = if details > room / 2 { room } else { room / 2 };
    widest_of(menu, |item| &item.label).min(room.saturating_sub(details + 2).max(least))
}

/// Returns what is told of an item below the list, where it is selected: why it cannot be chosen, which is a refusal, or
/// what its row has no room for.
fn told(
    menu: &Menu,
    item: &MenuItem,
    (label_width, room): (usize, usize),
) -> Option<(String, bool)> {
    if let Some(why) = &item.why_not {
        return Some((format!("Not now: {why}."), true));
    }
    let is_cut = !is_of_sentences(menu)
        && (text::cells(&item.label) > label_width
            || label_width + text::cells(&item.detail) + 4 > room);
    is_cut.then(|| match item.detail.is_empty() {
        true => (item.label.clone(), false),
        false => (format!("{}: {}", item.label, item.detail), false),
    })
}

/// Returns the rows that are kept for what is told of the selected item: as many as the longest needs.
fn told_height(menu: &Menu, label_width: usize, width: u16) -> u16 {
    let room = usize::from(width.saturating_sub(4));
    let told = menu
        .items
        .iter()
        .filter_map(|it| told(menu, it, (label_width, room)));
    let heights = told.map(|(told, _)| rows(wrap(&text::clean(&told), room).len()));
    heights.max().unwrap_or(0)
}

fn draw_prompt(canvas: &mut Canvas<'_>, area: Rect, prompt: &Prompt) {
    let theme = canvas.theme;
    let width = MAX_WIDTH.min(area.width.saturating_sub(2));
    let error: Vec<String> = prompt.error.iter().cloned().collect();
    let height = 3 + height_of(&prompt.text, width) + height_of(&error, width);
    let inside = open(canvas, area, (width, height), &prompt.title);
    let y = draw_text(canvas, inside, &prompt.text);
    canvas.text(Position { x: inside.x, y }, 2, "> ", theme.key);
    canvas.input(
        Position { x: inside.x + 2, y },
        inside.width.saturating_sub(2),
        &prompt.input,
    );
    if let Some(error) = &prompt.error {
        let room = Rect {
            y: y + 1,
            height: inside.bottom().saturating_sub(y + 1),
            ..inside
        };
        canvas.wrapped(room, error, theme.bad);
    }
}

/// Draws a field whose content is only counted.
fn draw_secret(canvas: &mut Canvas<'_>, area: Rect, prompt: &SecretPrompt) {
    let theme = canvas.theme;
    let width = MAX_WIDTH.min(area.width.saturating_sub(2));
    let text = [
        prompt.question.text.clone(),
        match prompt.held {
            Held::Kept => "It is not shown. Nothing typed keeps the value that the cluster has.",
            Held::Nowhere => "It is not shown. The cluster has none yet.",
            Held::Answered => "It is not shown. Nothing typed keeps what was typed before.",
            Held::Unknown => {
                "It is not shown. Nothing typed keeps what the cluster has, if it has any."
            }
        }
        .to_owned(),
    ];
    let height = 3 + height_of(&text, width);
    let inside = open(canvas, area, (width, height), "Secret");
    let y = draw_text(canvas, inside, &text);
    canvas.text(Position { x: inside.x, y }, 2, "> ", theme.key);
    let room = inside.width.saturating_sub(3);
    let n = rows(prompt.input.n_chars()).min(room);
    let stars = "*".repeat(n.into());
    let at = Position { x: inside.x + 2, y };
    canvas.text(at, room, &stars, theme.text);
    canvas.cursor = Some(Position { x: at.x + n, y });
}
