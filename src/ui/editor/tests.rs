use std::time::Duration;

use proptest::prelude::*;
use ratatui::style::Modifier;

use super::*;
use crate::definition::diagnostic::{self, Diagnostic, Fix, Span};
use crate::editor::{Command, Motion};
use crate::ui::theme::{Base, ColorLevel, Inks};

const NOW: Duration = Duration::ZERO;

fn styles_in(level: ColorLevel) -> EditorStyles {
    EditorStyles::new(&Inks::of(Base::Dark, level), level)
}

fn mono() -> EditorStyles {
    styles_in(ColorLevel::None)
}

fn colour() -> EditorStyles {
    styles_in(ColorLevel::Full)
}

fn diagnostic(severity: Severity, bytes: Range<usize>, message: &str) -> Diagnostic {
    let nowhere = diagnostic::Position { line: 1, column: 1 };
    let span = Span {
        start: nowhere,
        end: nowhere,
        bytes,
    };
    Diagnostic {
        severity,
        path: String::new(),
        span,
        message: message.into(),
        fix: None,
    }
}

fn draw(
    editor: &Editor,
    (width, height): (u16, u16),
    styles: &EditorStyles,
) -> (Buffer, EditorDrawn) {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let area = buf.area;
    let drawn = draw_editor(&mut buf, area, editor, styles);
    (buf, drawn)
}

fn rows(buf: &Buffer) -> Vec<String> {
    let row = |rect: Rect| {
        rect.columns()
            .map(|cell| buf[(cell.x, cell.y)].symbol().to_owned())
            .collect::<String>()
    };
    buf.area
        .rows()
        .map(|rect| row(rect).trim_end().to_owned())
        .collect()
}

/// Checks the text of a screen, and the cursor on it, drawn in marks of ASCII.
fn check(editor: &Editor, size: (u16, u16), expected: &[&str], cursor: Option<(u16, u16)>) {
    let (buf, drawn) = draw(editor, size, &mono().in_ascii());
    assert_eq!(rows(&buf), expected);
    assert_eq!(drawn.cursor, cursor.map(Position::from));
}

/// Returns one letter a cell of a row: which of the mono styles it has.
fn styles_of(buf: &Buffer, y: u16) -> String {
    let letter = |x: u16| match buf[(x, y)].style().add_modifier {
        modifier if modifier.contains(Modifier::REVERSED.union(Modifier::DIM)) => 'm',
        modifier if modifier.contains(Modifier::REVERSED) => 'S',
        modifier if modifier.contains(Modifier::UNDERLINED.union(Modifier::BOLD)) => 'E',
        modifier if modifier.contains(Modifier::UNDERLINED) => 'W',
        modifier if modifier.contains(Modifier::BOLD) => 'k',
        modifier if modifier.contains(Modifier::DIM) => 'c',
        _ => '.',
    };
    (0..buf.area.width).map(letter).collect()
}

fn check_styles(editor: &Editor, y: u16, expected: &str) {
    let (buf, _) = draw(editor, (expected.len().try_into().unwrap(), 4), &mono());
    assert_eq!(styles_of(&buf, y), expected);
}

#[test]
fn lines_are_numbered_and_the_cursor_is_placed() {
    let mut editor = Editor::from_text("name: web\nreplicas: 2\n");
    editor.apply(
        Command::Move {
            motion: Motion::Byte(12),
            extend: false,
        },
        NOW,
    );
    check(
        &editor,
        (24, 4),
        &["   1 name: web", "   2 replicas: 2", "   3", ""],
        Some((7, 1)),
    );
}

#[test]
fn a_narrow_area_has_no_line_numbers() {
    check(
        &Editor::from_text("name: web\n"),
        (12, 2),
        &["name: web", ""],
        Some((0, 0)),
    );
}

#[test]
fn no_area_is_too_small() {
    let editor = Editor::from_text("name: web\n");
    for width in 0..8 {
        for height in 0..3 {
            draw(&editor, (width, height), &colour());
        }
    }
}

#[test]
fn long_lines_scroll_sideways() {
    let mut editor = Editor::from_text(&format!("{}end\nshort\n", "0123456789".repeat(4)));
    editor.ensure_visible(2, 20);
    editor.apply(
        Command::Move {
            motion: Motion::LineEnd,
            extend: false,
        },
        NOW,
    );
    check(
        &editor,
        (25, 2),
        &["   1<90123456789end", "   2<"],
        Some((19, 0)),
    );
}

#[test]
fn wide_and_combining_graphemes_take_their_cells() {
    let mut editor = Editor::from_text("日本: e\u{301}👩\u{200d}💻x\n");
    editor.apply(
        Command::Move {
            motion: Motion::LineEnd,
            extend: false,
        },
        NOW,
    );
    let (buf, drawn) = draw(&editor, (24, 1), &mono());
    assert_eq!(buf[(5, 0)].symbol(), "日");
    assert_eq!(buf[(7, 0)].symbol(), "本");
    assert_eq!(buf[(11, 0)].symbol(), "e\u{301}");
    assert_eq!(buf[(12, 0)].symbol(), "👩\u{200d}💻");
    assert_eq!(buf[(14, 0)].symbol(), "x");
    assert_eq!(drawn.cursor, Some(Position { x: 15, y: 0 }));
}

#[test]
fn what_has_no_picture_is_shown_as_a_mark() {
    check(
        &Editor::from_text("a\tb\u{1b}[31m\u{202e}\r\n"),
        (24, 2),
        &["   1 a→  b␛[31m\u{fffd}", "   2"],
        Some((5, 0)),
    );
}

#[test]
fn faults_are_marked_in_the_margin_and_underlined() {
    let mut editor = Editor::from_text("name: web\nreplica: 2\nx:\n");
    let revision = editor.revision();
    let faults = vec![
        diagnostic(Severity::Warning, 6..9, "a warning"),
        diagnostic(Severity::Error, 10..17, "unknown key"),
        diagnostic(Severity::Warning, 10..20, "another"),
        diagnostic(Severity::Error, 23..23, "value missing"),
    ];
    assert!(editor.set_diagnostics(revision, faults));
    let marks = ["!  1 name: web", "x  2 replica: 2", "x  3 x:", "   4"];
    check(&editor, (24, 4), &marks, Some((5, 0)));
    check_styles(&editor, 0, ".kkk.kkkk..WWW...........");
    check_styles(&editor, 1, "kccc.EEEEEEEWWW..........");
    check_styles(&editor, 2, "kccc.k.E.................");
}

#[test]
fn matches_and_selection_lie_over_the_colours() {
    let mut editor = Editor::from_text("name: aa # a\nb: a\n");
    editor.apply(Command::SearchStart, NOW);
    editor.apply(Command::SearchQuery("a".into()), NOW);
    check_styles(&editor, 0, ".kkk.kSkk..mm.ccm........");
    editor.apply(Command::SearchCancel, NOW);
    editor.apply(Command::SelectAll, NOW);
    check_styles(&editor, 0, ".ccc.SSSSSSSSSSSSS.......");
    check_styles(&editor, 1, ".ccc.SSSSS...............");
}

#[test]
fn a_block_scalar_keeps_its_colour_below_the_screens_top() {
    let text = format!("run: |\n{}key: 1\n", "  not: a key\n".repeat(100));
    let mut editor = Editor::from_text(&text);
    editor.ensure_visible(3, 20);
    editor.apply(
        Command::Move {
            motion: Motion::Line(90),
            extend: false,
        },
        NOW,
    );
    let styles = EditorStyles {
        quoted: Style::new().add_modifier(Modifier::UNDERLINED),
        ..mono()
    };
    let (buf, _) = draw(&editor, (25, 3), &styles);
    assert_eq!(styles_of(&buf, 0), ".ccc...WWWWWWWWWW........");
}

#[test]
fn problems_are_listed_with_their_places() {
    let mut editor = Editor::from_text("name: web\nreplica: 2\n");
    let revision = editor.revision();
    let faults = vec![
        diagnostic(
            Severity::Error,
            10..17,
            "unknown key \u{1b}[31mreplica; did you mean something else",
        ),
        diagnostic(Severity::Warning, 6..9, "a warning"),
    ];
    editor.set_diagnostics(revision, faults);
    editor.apply(
        Command::Move {
            motion: Motion::Line(2),
            extend: false,
        },
        NOW,
    );
    let mut buf = Buffer::empty(Rect::new(0, 0, 30, 3));
    let area = buf.area;
    draw_problems(&mut buf, area, &editor, &mono().in_ascii());
    assert_eq!(
        rows(&buf),
        [
            "! 1:7  a warning",
            "x 2:1  unknown key ␛replica;",
            "  did you mean something else"
        ]
    );
    assert_eq!(styles_of(&buf, 1), "S".repeat(30));
}

#[test]
fn long_word_of_the_problem_at_the_cursor_is_broken_without_a_loss() {
    let check = |word: &str, expected: [&str; 3]| {
        let mut editor = Editor::from_text("a\n");
        let revision = editor.revision();
        editor.set_diagnostics(revision, vec![diagnostic(Severity::Error, 0..1, word)]);
        let mut buf = Buffer::empty(Rect::new(0, 0, 12, 3));
        let area = buf.area;
        draw_problems(&mut buf, area, &editor, &mono());
        // A wide sign has a cell that it does not write.
        let shown = rows(&buf).into_iter().map(|row| row.replace("日 ", "日"));
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    };
    check(
        &"0123456789".repeat(4),
        ["✖ 1:1", "  0123456789", "  012345678…"],
    );
    check(&"日".repeat(40), ["✖ 1:1", "  日日日日日", "  日日日日…"]);
}

#[test]
fn mending_that_the_message_ends_in_is_not_told_twice() {
    let check = |message: &str, expected: &str| {
        let mut editor = Editor::from_text("nam: web\n");
        let revision = editor.revision();
        let mut fault = diagnostic(Severity::Error, 0..3, message);
        fault.fix = Some(Fix {
            title: "did you mean `name`?".to_owned(),
            bytes: 0..3,
            replacement: "name".to_owned(),
        });
        editor.set_diagnostics(revision, vec![fault]);
        let mut buf = Buffer::empty(Rect::new(0, 0, 60, 1));
        let area = buf.area;
        draw_problems(&mut buf, area, &editor, &mono().in_ascii());
        assert_eq!(rows(&buf), [expected]);
    };
    let expected = "x 1:1  `nam` is no key  did you mean `name`?";
    check("`nam` is no key", expected);
    check("`nam` is no key; did you mean `name`?", expected);
}

/// Pieces that are hard on cells, colours and edges.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\r",
        "\t",
        ": ",
        "- ",
        "# ",
        "\u{301}",
        "é",
        "日",
        "👩\u{200d}💻",
        "🇩",
        "\u{feff}",
        "|\n",
        "\"",
        "{",
        "1",
        "\u{202e}",
        "\u{1b}[2J",
        "\u{9b}",
        "\u{600}",
        "\u{200b}",
        "\u{115f}",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..40)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_drawn_safely_with_its_cursor(
        text in any_text(),
        size in (1..30u16, 1..6u16),
        place in 0..80usize,
        fault in (0..80usize, 0..9usize),
    ) {
        let mut editor = Editor::from_text(&text);
        editor.set_diagnostics(editor.revision(), vec![diagnostic(Severity::Error, fault.0..fault.0 + fault.1, "x")]);
        editor.apply(Command::Move { motion: Motion::Byte(place), extend: true }, NOW);
        editor.apply(Command::SearchQuery("a".into()), NOW);
        let (buf, drawn) = draw(&editor, size, &colour());
        prop_assert!(drawn.cursor.is_some_and(|cursor| buf.area.contains(cursor)));
        for cell in &buf.content {
            prop_assert_eq!(crate::text::clean(cell.symbol()), cell.symbol());
        }
    }
}
