//! Menus, prompts and help, over the middle of the screen.

use ratatui::layout::{Position, Rect};

use crate::app::{Menu, MenuItem, Model, Place, Popup, Prompt, SPECS};
use crate::editor::KEY_HELP;
use crate::text;
use crate::ui::canvas::Canvas;
use crate::ui::table::first_row;

const MAX_WIDTH: u16 = 84;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, popup: &Popup) {
    match popup {
        Popup::Menu(menu) => draw_menu(canvas, area, menu),
        Popup::Prompt(prompt) => draw_prompt(canvas, area, prompt),
        Popup::Help { top } => draw_help(canvas, area, model, *top),
    }
}

/// Clears the middle of an area and draws a frame there; returns what is inside, margins aside.
fn open(canvas: &mut Canvas<'_>, area: Rect, (width, height): (u16, u16), title: &str) -> Rect {
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

fn rows(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// How many rows sentences take at a width.
fn height_of(sentences: &[String], width: u16) -> u16 {
    let height = |sentence: &String| {
        rows(text::cells(sentence))
            .div_ceil(width.max(8) - 4)
            .max(1)
    };
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

fn draw_menu(canvas: &mut Canvas<'_>, area: Rect, menu: &Menu) {
    let theme = canvas.theme;
    let widest_of = |part: fn(&MenuItem) -> &str| {
        let cells = menu.items.iter().map(|item| text::cells(part(item)));
        cells.max().unwrap_or(0)
    };
    let label_width = widest_of(|item| &item.label);
    let items = label_width + widest_of(|item| &item.detail) + 8;
    let title = text::cells(&menu.title) + 6;
    let sentences = menu
        .text
        .iter()
        .map(|sentence| text::cells(sentence) + 4)
        .max()
        .unwrap_or(0);
    let width = rows(items.max(title).max(sentences).max(34)).min(MAX_WIDTH);
    let text_height = height_of(&menu.text, width);
    let query_height = u16::from(menu.query.is_some());
    let height = rows(menu.items.len().max(1)).saturating_add(2 + text_height + query_height);
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
        height: inside.bottom().saturating_sub(y),
        ..inside
    };
    if menu.shown.is_empty() {
        let sentence = if menu.items.is_empty() {
            "Looking …"
        } else {
            "Nothing matches."
        };
        canvas.text(list.as_position(), list.width, sentence, theme.dim);
    }
    let top = first_row(menu.selected, menu.shown.len(), list.height.into());
    for (y, (at, &idx)) in (list.y..list.bottom()).zip(menu.shown.iter().enumerate().skip(top)) {
        let item = &menu.items[idx];
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
        let why = item
            .why_not
            .as_deref()
            .map_or_else(String::new, |why| format!("  ({why})"));
        let indent = " ".repeat(label_width - text::cells(&item.label) + 2);
        canvas.line(
            Position { x: list.x, y },
            list.width,
            &[
                (cursor, theme.strong),
                (" ", style),
                (&item.label, style),
                (&indent, style),
                (&item.detail, theme.dim),
                (&why, theme.dim),
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

/// Draws the keys of the place behind the help, made from the table of actions.
fn draw_help(canvas: &mut Canvas<'_>, area: Rect, model: &Model, top: usize) {
    let theme = canvas.theme;
    let place = model.place();
    let mut lines: Vec<(String, &str)> = SPECS
        .iter()
        .filter(|spec| spec.places.contains(&place))
        .map(|spec| {
            let keys: Vec<_> = model
                .keymap
                .keys(place, spec.action)
                .iter()
                .map(ToString::to_string)
                .collect();
            (keys.join(" "), spec.sentence)
        })
        .collect();
    if place == Place::Editor {
        lines.extend(KEY_HELP.iter().map(|&(keys, what)| (keys.to_owned(), what)));
    }
    let key_width = lines
        .iter()
        .map(|(keys, _)| text::cells(keys))
        .max()
        .unwrap_or(0);
    let widest = lines
        .iter()
        .map(|(_, what)| text::cells(what))
        .max()
        .unwrap_or(0);
    let size = (
        rows(key_width + widest + 6).min(MAX_WIDTH),
        rows(lines.len()).saturating_add(2),
    );
    let inside = open(canvas, area, size, "Keys");
    let top = top.min(lines.len().saturating_sub(inside.height.into()));
    for (y, (keys, what)) in (inside.y..inside.bottom()).zip(lines.iter().skip(top)) {
        let keys = format!("{keys:>key_width$}  ");
        canvas.line(
            Position { x: inside.x, y },
            inside.width,
            &[(&keys, theme.key), (what, theme.text)],
        );
    }
    let n_below = lines.len().saturating_sub(top + usize::from(inside.height));
    canvas.n_more(inside, n_below);
}
