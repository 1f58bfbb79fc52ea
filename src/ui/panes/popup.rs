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
            ("j k", "scroll"),
            ("pgdn pgup", "page"),
            ("g G", "ends"),
            ("esc", "close"),
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
    let height =
        rows(menu.items.len().max(1)).saturating_add(2 + text_height + query_height + told_height);
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
    if let Some((told, is_refusal)) = menu.selected().and_then(|it| told(it, label_width, room)) {
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
    let top = first_row(menu.selected, menu.shown.len(), list.height.into());
    let n_below = menu.shown.len() - top;
    let key = if menu.query.is_some() { "down" } else { "j" };
    canvas.n_more(
        inside,
        n_below.saturating_sub(list.height.into()),
        Some(key),
    );
    for (y, (at, &idx)) in (list.y..list.bottom()).zip(menu.shown.iter().enumerate().skip(top)) {
        let item = &menu.items[idx];
        let row = Rect {
            y,
            height: 1,
            ..list
        };
        canvas.hit(row, Hit::Item(at));
        let style = if item.why_not.is_some() {
            theme.dim
        } else {
            theme.text
        };
        let cursor = if at == menu.selected {
            theme.symbols.cursor
        } else {
            " "
        };
        let label = text::truncate_cells(&item.label, label_width);
        let indent = " ".repeat(label_width.saturating_sub(text::cells(&label)) + 2);
        canvas.line(
            Position { x: list.x, y },
            list.width,
            &[
                (cursor, theme.strong),
                (" ", style),
                (&label, style),
                (&indent, style),
                (&item.detail, theme.dim),
            ],
        );
        if at == menu.selected {
            canvas.paint(
                Rect {
                    y,
                    height: 1,
                    ..list
                },
                theme.selected,
            );
        }
    }
    list.height.into()
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
fn told(item: &MenuItem, label_width: usize, room: usize) -> Option<(String, bool)> {
    if let Some(why) = &item.why_not {
        return Some((format!("Not now: {why}."), true));
    }
    let is_cut = text::cells(&item.label) > label_width
        || label_width + text::cells(&item.detail) + 4 > room;
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
        .filter_map(|it| told(it, label_width, room));
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
