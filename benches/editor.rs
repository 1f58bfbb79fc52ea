//! What a key costs in the editor: the command and the drawn screen, in a long text and in a very long line.
//!
//! `cargo bench --bench editor` prints the times. A screen is 160×50; the long text has 47,000 lines and 1.5 MB. The promises:
//! a key and its screen in the program under 5 ms, a paste of 1 MB under 50 ms, a list under 30 ms.

use std::hint::black_box;
use std::time::Duration;

use bowline::app::{Model, Msg, OpId, OpenedDefinition, begin, update};
use bowline::catalogue::Digest;
use bowline::completion::{Known, complete};
use bowline::definition::diagnostic::{Diagnostic, Position, Severity, Span};
use bowline::editor::{Command, Editor, Motion};
use bowline::ui::editor::draw_editor;
use bowline::ui::{Theme, draw_buffer};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use divan::Bencher;
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const SCREEN: Rect = Rect {
    x: 0,
    y: 0,
    width: 160,
    height: 50,
};
const N_LINES: usize = 47_000;
const NOW: Duration = Duration::ZERO;

fn main() {
    divan::main();
}

fn long_text() -> String {
    (0..N_LINES)
        .map(|n| format!("  - name: \"item-{n}\" # {}\n", n % 7))
        .collect()
}

fn go(motion: Motion) -> Command {
    Command::Move {
        motion,
        extend: false,
    }
}

/// An editor with its cursor at a place, drawn once.
fn editor_at(text: &str, motion: Motion) -> Editor {
    let mut editor = Editor::from_text(text);
    editor.ensure_visible(50, 150);
    editor.apply(go(motion), NOW);
    editor
}

fn draw(editor: &Editor, buf: &mut Buffer) {
    black_box(draw_editor(buf, SCREEN, editor, &Theme::default().editor));
}

/// Types a character and takes it back, and draws the screen for each: two keys.
fn two_keys(bencher: Bencher<'_, '_>, mut editor: Editor) {
    let mut buf = Buffer::empty(SCREEN);
    bencher.bench_local(|| {
        editor.apply(Command::Insert("x".into()), NOW);
        draw(&editor, &mut buf);
        editor.apply(Command::Backspace, NOW);
        draw(&editor, &mut buf);
    });
}

#[divan::bench(args = [Motion::TextStart, Motion::Line(N_LINES / 2), Motion::TextEnd])]
fn two_keys_in_a_long_text(bencher: Bencher<'_, '_>, motion: &Motion) {
    two_keys(bencher, editor_at(&long_text(), *motion));
}

#[divan::bench]
fn two_keys_with_a_thousand_problems(bencher: Bencher<'_, '_>) {
    let mut editor = editor_at(&long_text(), Motion::TextEnd);
    let nowhere = Position { line: 1, column: 1 };
    let faults = (0..1_000).map(|n| Diagnostic {
        severity: Severity::Error,
        path: String::new(),
        span: Span {
            start: nowhere,
            end: nowhere,
            bytes: n * 1_400..n * 1_400 + 8,
        },
        message: "unknown key".into(),
        fix: None,
    });
    assert!(editor.set_diagnostics(editor.revision(), faults.collect()));
    two_keys(bencher, editor);
}

#[divan::bench]
fn two_keys_in_a_line_of_100_kb(bencher: Bencher<'_, '_>) {
    two_keys(
        bencher,
        editor_at(
            &format!("key: {}", "0123456789".repeat(10_000)),
            Motion::TextEnd,
        ),
    );
}

#[divan::bench]
fn two_keys_in_a_line_of_195_kb_of_wide_letters(bencher: Bencher<'_, '_>) {
    two_keys(
        bencher,
        editor_at(&format!("key: {}", "日".repeat(65_000)), Motion::TextEnd),
    );
}

#[divan::bench]
fn from_the_end_to_the_start_and_back(bencher: Bencher<'_, '_>) {
    let mut editor = editor_at(&long_text(), Motion::TextEnd);
    let mut buf = Buffer::empty(SCREEN);
    bencher.bench_local(|| {
        editor.apply(go(Motion::TextStart), NOW);
        // An edit at the start makes every colour below doubtful: the worst jump.
        editor.apply(Command::Insert("x".into()), NOW);
        draw(&editor, &mut buf);
        editor.apply(go(Motion::TextEnd), NOW);
        draw(&editor, &mut buf);
    });
}

#[divan::bench]
fn paste_of_1_mb_and_its_undo(bencher: Bencher<'_, '_>) {
    let text = "  - name: item # with a comment\n".repeat((1 << 20) / 32);
    let mut editor = editor_at(&long_text(), Motion::Line(N_LINES / 2));
    let mut buf = Buffer::empty(SCREEN);
    bencher.bench_local(|| {
        editor.apply(Command::Paste(text.clone()), NOW);
        draw(&editor, &mut buf);
        editor.apply(Command::Undo, NOW);
        draw(&editor, &mut buf);
    });
}

#[divan::bench(args = ["item-46999", "nowhere", "e"])]
fn a_search_from_the_start(bencher: Bencher<'_, '_>, query: &str) {
    let mut editor = editor_at(&long_text(), Motion::TextStart);
    let mut buf = Buffer::empty(SCREEN);
    bencher.bench_local(|| {
        editor.apply(Command::SearchStart, NOW);
        editor.apply(Command::SearchQuery(query.into()), NOW);
        draw(&editor, &mut buf);
        editor.apply(Command::SearchCancel, NOW);
    });
}

#[divan::bench]
fn all_of_47_000_matches_replaced_and_taken_back(bencher: Bencher<'_, '_>) {
    let mut editor = editor_at(&long_text(), Motion::TextStart);
    editor.apply(Command::SearchStart, NOW);
    editor.apply(Command::SearchQuery("item".into()), NOW);
    bencher.bench_local(|| {
        editor.apply(Command::ReplaceMatches("thing".into()), NOW);
        editor.apply(Command::Undo, NOW);
    });
}

/// A service definition of 1.5 MB in as many lines as are looked at for what is around a place, and the place in its last
/// container where a key is begun.
fn long_definition() -> String {
    let value = "x".repeat(220);
    let container = |n: usize| {
        format!(
            "  - name: c{n}\n    image: registry.example.com/team/app:{n}\n    env:\n      - {{name: A, value: {value}}}\n"
        )
    };
    let containers: String = (0..4_900).map(container).collect();
    format!("replicas: 1\ncontainers:\n{containers}    res")
}

#[divan::bench]
fn list_of_what_could_be_written_in_a_long_text(bencher: Bencher<'_, '_>) {
    Known::warm_up();
    let editor = editor_at(&long_definition(), Motion::TextEnd);
    let known = Known::default();
    assert!(complete(editor.rope(), editor.cursor_byte(), &known, 2).is_some());
    bencher.bench_local(|| complete(editor.rope(), editor.cursor_byte(), &known, 2));
}

/// The whole program with a text open in its editor.
fn program(text: &str) -> Model {
    let mut model = Model::new(Timestamp::UNIX_EPOCH, true, None);
    model.size = (SCREEN.width, SCREEN.height);
    begin(&mut model, Some("long".parse().expect("a legal name")));
    let opened = OpenedDefinition {
        text: text.to_owned(),
        digest: Digest::of(text.as_bytes()),
        draft: None,
    };
    update(
        &mut model,
        Msg::DefinitionOpened {
            editor: OpId(1),
            result: Ok(opened),
        },
    );
    assert!(model.editor().and_then(|pane| pane.editor()).is_some());
    model
}

fn press(model: &mut Model, buf: &mut Buffer, code: KeyCode, modifiers: KeyModifiers) {
    update(model, Msg::Key(KeyEvent::new(code, modifiers)));
    let (geometry, _) = draw_buffer(buf, SCREEN, model, &Theme::default());
    model.set_geometry(geometry);
}

#[divan::bench(args = ["start", "end"])]
fn two_keys_in_the_program_with_a_long_text(bencher: Bencher<'_, '_>, place: &str) {
    let mut model = program(&long_text());
    let mut buf = Buffer::empty(SCREEN);
    let edge = if place == "end" {
        KeyCode::End
    } else {
        KeyCode::Home
    };
    press(&mut model, &mut buf, edge, KeyModifiers::CONTROL);
    bencher.bench_local(|| {
        press(&mut model, &mut buf, KeyCode::Char('x'), KeyModifiers::NONE);
        press(&mut model, &mut buf, KeyCode::Backspace, KeyModifiers::NONE);
    });
}

#[divan::bench]
fn two_keys_in_the_program_with_a_list_open(bencher: Bencher<'_, '_>) {
    Known::warm_up();
    let text: String = long_definition();
    let mut model = program(&text);
    let mut buf = Buffer::empty(SCREEN);
    press(&mut model, &mut buf, KeyCode::End, KeyModifiers::CONTROL);
    press(
        &mut model,
        &mut buf,
        KeyCode::Char(' '),
        KeyModifiers::CONTROL,
    );
    bencher.bench_local(|| {
        press(&mut model, &mut buf, KeyCode::Char('o'), KeyModifiers::NONE);
        press(&mut model, &mut buf, KeyCode::Backspace, KeyModifiers::NONE);
    });
}

#[divan::bench]
fn paste_of_1_mb_in_the_program_and_its_undo(bencher: Bencher<'_, '_>) {
    let text = "  - name: item # with a comment\n".repeat((1 << 20) / 32);
    let mut model = program(&long_text());
    let mut buf = Buffer::empty(SCREEN);
    bencher.bench_local(|| {
        update(&mut model, Msg::Paste(text.clone()));
        press(
            &mut model,
            &mut buf,
            KeyCode::Char('u'),
            KeyModifiers::CONTROL,
        );
    });
}
