//! Texts carry marks: `ˇ` is the cursor and `«` the other end of the selection.

use proptest::prelude::*;

use super::habits::BYTE_ORDER_MARK;
use super::*;
use crate::definition::diagnostic::{Fix, Severity, Span};

const NOW: Duration = Duration::ZERO;

fn marked(text: &str) -> Editor {
    let place = |mark: char| {
        text.chars()
            .filter(|&c| c == mark || !is_mark(c))
            .position(|c| c == mark)
    };
    let head = place('ˇ').expect("the cursor is marked");
    let anchor = place('«').unwrap_or(head);
    let mut editor = Editor::from_text(&text.chars().filter(|&c| !is_mark(c)).collect::<String>());
    editor.selection = Selection { anchor, head };
    editor
}

fn is_mark(c: char) -> bool {
    matches!(c, 'ˇ' | '«')
}

fn show(editor: &Editor) -> String {
    let Selection { anchor, head } = editor.selection();
    let mut out = String::new();
    for (at, c) in editor.text().chars().map(Some).chain([None]).enumerate() {
        if at == anchor && anchor != head {
            out.push('«');
        }
        if at == head {
            out.push('ˇ');
        }
        out.extend(c);
    }
    out
}

fn go(motion: Motion) -> Command {
    Command::Move {
        motion,
        extend: false,
    }
}

fn extend(motion: Motion) -> Command {
    Command::Move {
        motion,
        extend: true,
    }
}

fn type_in(editor: &mut Editor, text: &str) {
    for c in text.chars() {
        editor.apply(Command::Insert(c.to_string()), NOW);
    }
}

#[track_caller]
fn check(before: &str, command: Command, after: &str) {
    let mut editor = marked(before);
    let shown = format!("{before:?} {command:?}");
    let was = editor.text();
    let outcome = editor.apply(command, NOW);
    assert_eq!(show(&editor), after, "{shown}");
    assert_eq!(outcome.changed, editor.text() != was, "{shown}");
    if outcome.changed {
        editor.apply(Command::Undo, NOW);
        assert_eq!(show(&editor), show(&marked(before)), "undo of {shown}");
        editor.apply(Command::Redo, NOW);
        assert_eq!(show(&editor), after, "redo of {shown}");
    }
}

#[test]
fn the_cursor_goes_by_graphemes() {
    check("aˇb", go(Motion::Right), "abˇ");
    check("ˇab", go(Motion::Left), "ˇab");
    check("ˇe\u{301}x", go(Motion::Right), "e\u{301}ˇx");
    check("👩\u{200d}💻ˇ", go(Motion::Left), "ˇ👩\u{200d}💻");
    check("🇩🇪🇫🇷ˇ", go(Motion::Left), "🇩🇪ˇ🇫🇷");
    check("aˇ\r\nb", go(Motion::Right), "a\r\nˇb");
    check("a\r\nˇb", go(Motion::Left), "aˇ\r\nb");
    check("\u{feff}ˇa", go(Motion::Left), "\u{feff}ˇa");
    check("\u{600}1ˇ", go(Motion::Left), "ˇ\u{600}1");
    check("ˇ\u{600}1", go(Motion::Right), "\u{600}1ˇ");
}

#[test]
fn graphemes_are_whole_across_the_chunks_of_a_long_text() {
    let n_flags = 300;
    let mut editor = Editor::from_text(&format!(
        "{}e{}",
        "🇩🇪".repeat(n_flags),
        "\u{301}".repeat(800)
    ));
    for motion in [Motion::Right, Motion::Left] {
        let mut n_steps = 0;
        loop {
            let before = editor.selection();
            editor.apply(go(motion), NOW);
            if editor.selection() == before {
                break;
            }
            n_steps += 1;
        }
        assert_eq!(n_steps, n_flags + 1, "{motion:?}");
    }
}

#[test]
fn the_cursor_goes_by_words() {
    check("ˇname: my-web", go(Motion::WordRight), "nameˇ: my-web");
    check("nameˇ: my-web", go(Motion::WordRight), "name:ˇ my-web");
    check("name:ˇ my-web", go(Motion::WordRight), "name: myˇ-web");
    check("name: my-webˇ", go(Motion::WordLeft), "name: my-ˇweb");
    check("a\n  ˇb", go(Motion::WordLeft), "ˇa\n  b");
    check("aˇ  \n", go(Motion::WordRight), "a  \nˇ");
    check("größeˇ", go(Motion::WordLeft), "ˇgröße");
}

#[test]
fn lines_keep_the_cell_of_the_cursor() {
    check("abcˇd\nx\nefgh", go(Motion::Down), "abcd\nxˇ\nefgh");
    check("日本ˇ\nabcdef", go(Motion::Down), "日本\nabcdˇef");
    check("aˇbc", go(Motion::Up), "ˇabc");
    check("aˇbc", go(Motion::Down), "abcˇ");

    let mut editor = marked("abcˇd\nx\nefgh");
    editor.apply(go(Motion::Down), NOW);
    editor.apply(go(Motion::Down), NOW);
    assert_eq!(show(&editor), "abcd\nx\nefgˇh");
}

#[test]
fn pages_are_as_high_as_the_screen() {
    let text = "x\n".repeat(100);
    let mut editor = Editor::from_text(&text);
    editor.ensure_visible(20, 80);
    editor.apply(go(Motion::PageDown), NOW);
    assert_eq!(
        editor.cursor(),
        Position {
            line: 20,
            column: 1
        }
    );
    editor.apply(go(Motion::PageUp), NOW);
    assert_eq!(editor.cursor(), Position { line: 1, column: 1 });
    editor.apply(go(Motion::HalfPageDown), NOW);
    editor.apply(go(Motion::HalfPageDown), NOW);
    editor.apply(go(Motion::HalfPageUp), NOW);
    assert_eq!(editor.cursor().line, 11);
}

#[test]
fn home_goes_to_the_first_word_then_to_the_margin() {
    check("  aˇb", go(Motion::LineStart), "  ˇab");
    check("  ˇab", go(Motion::LineStart), "ˇ  ab");
    check("ˇ  ab", go(Motion::LineStart), "  ˇab");
    check("ˇab\r\n", go(Motion::LineEnd), "abˇ\r\n");
}

#[test]
fn places_outside_the_text_are_its_ends() {
    check("ˇa\nb\n", go(Motion::Line(99)), "a\nb\nˇ");
    check("aˇ\nb\n", go(Motion::Line(0)), "ˇa\nb\n");
    check("ˇa\nb", go(Motion::Byte(99)), "a\nbˇ");
    check("ˇa\nb", go(Motion::TextEnd), "a\nbˇ");
    check("\u{feff}aˇ", go(Motion::TextStart), "\u{feff}ˇa");
    check("ˇée", go(Motion::Byte(1)), "ˇée");
}

#[test]
fn shift_selects_and_arrows_let_go() {
    check("aˇbc", extend(Motion::Right), "a«bˇc");
    check("a«bˇc", extend(Motion::Left), "aˇbc");
    check("a«bˇc", go(Motion::Left), "aˇbc");
    check("aˇb«c", go(Motion::Right), "abˇc");
    check("aˇbc", Command::SelectAll, "«abcˇ");
}

#[test]
fn typing_replaces_the_selection() {
    check("aˇc", Command::Insert("b".into()), "abˇc");
    check("a«bxˇc", Command::Insert("y".into()), "ayˇc");
    check("eˇ", Command::Insert("\u{301}".into()), "e\u{301}ˇ");
    check("ˇ\u{301}", Command::Insert("e".into()), "e\u{301}ˇ");
}

#[test]
fn a_new_line_is_indented_as_yaml_goes_on() {
    check("a:ˇ", Command::Newline, "a:\n  ˇ");
    check("  - a: 1ˇ\n", Command::Newline, "  - a: 1\n    ˇ\n");
    check("a: 1ˇ b: 2", Command::Newline, "a: 1\nˇb: 2");
    check("a: «xˇ", Command::Newline, "a: \n  ˇ");
    check("  ˇa: 1", Command::Newline, "\n  ˇa: 1");
    check("ˇa: 1", Command::Newline, "\nˇa: 1");
    check(
        "a:\r\n  b:ˇ\r\n",
        Command::Newline,
        "a:\r\n  b:\r\n    ˇ\r\n",
    );
    check("a:\n    b:ˇ", Command::Newline, "a:\n    b:\n        ˇ");
    check("\u{feff}a:ˇ", Command::Newline, "\u{feff}a:\n  ˇ");
}

#[test]
fn a_new_line_in_a_block_scalar_keeps_its_indentation() {
    check(
        "run: |\n  if x:ˇ\n",
        Command::Newline,
        "run: |\n  if x:\n  ˇ\n",
    );
}

#[test]
fn a_line_without_words_leaves_no_spaces_behind() {
    let mut editor = marked("a:ˇ");
    editor.apply(Command::Newline, NOW);
    editor.apply(Command::Newline, NOW);
    assert_eq!(show(&editor), "a:\n\n  ˇ");
}

#[test]
fn backspace_in_indentation_goes_to_the_stop_before() {
    check("    ˇa", Command::Backspace, "  ˇa");
    check("   ˇa", Command::Backspace, "  ˇa");
    check("a\nˇb", Command::Backspace, "aˇb");
    check("a\r\nˇb", Command::Backspace, "aˇb");
    check("  a ˇ", Command::Backspace, "  aˇ");
    check("xe\u{301}ˇ", Command::Backspace, "xˇ");
    check("a«bˇc", Command::Backspace, "aˇc");
    check("\u{feff}ˇa", Command::Backspace, "\u{feff}ˇa");
    check("ˇa", Command::Backspace, "ˇa");
}

#[test]
fn what_lies_ahead_can_be_deleted_too() {
    check("ˇe\u{301}x", Command::Delete, "ˇx");
    check("aˇ\r\nb", Command::Delete, "aˇb");
    check("aˇ", Command::Delete, "aˇ");
    check("name: webˇ", Command::DeleteWordBack, "name: ˇ");
    check("ˇname: web", Command::DeleteWordForward, "ˇ: web");
    check("\u{feff}aˇ", Command::DeleteWordBack, "\u{feff}ˇ");
}

#[test]
fn tab_goes_to_stops_or_indents_lines() {
    check("aˇ", Command::Indent, "a ˇ");
    check("x: «aˇ", Command::Indent, "x:  ˇ");
    // A line that is selected whole is indented, with its end or without.
    check("«# one\nˇ# two\n", Command::Indent, "  «# one\nˇ# two\n");
    check("ˇa: 1\n«b: 1\n", Command::Indent, "  ˇa: 1\n«b: 1\n");
    check("x:\n  «a: 1ˇ\n", Command::Indent, "x:\n    «a: 1ˇ\n");
    check("«\nˇa", Command::Indent, "«\nˇa");
    check("ˇa", Command::Indent, "  ˇa");
    check("«a\n\nbˇ\nc", Command::Indent, "  «a\n\n  bˇ\nc");
    check("a: 1\nb: «1\nˇc: 1", Command::Outdent, "a: 1\nb: «1\nˇc: 1");
    check("   aˇ", Command::Outdent, "  aˇ");
    check("    aˇ", Command::Outdent, "  aˇ");
    check("aˇ", Command::Outdent, "aˇ");
    check("\taˇ", Command::Outdent, "aˇ");
    check("  «a\n   b\n  ˇc", Command::Outdent, "«a\n  b\nˇc");
}

#[test]
fn comments_are_toggled_for_all_selected_lines() {
    check("  aˇ: 1", Command::ToggleComment, "  # aˇ: 1");
    check("  # aˇ: 1", Command::ToggleComment, "  aˇ: 1");
    check("#aˇ", Command::ToggleComment, "aˇ");
    check(
        "«a:\n\n  b: 1ˇ\n",
        Command::ToggleComment,
        "# «a:\n\n#   b: 1ˇ\n",
    );
    check(
        "«# a:\n  b: 1ˇ\n",
        Command::ToggleComment,
        "# «# a:\n#   b: 1ˇ\n",
    );
    check("ˇ\n", Command::ToggleComment, "ˇ\n");
}

#[test]
fn lines_move_with_the_cursor() {
    check("a\nbˇ\nc", Command::MoveLinesUp, "bˇ\na\nc");
    check("a\nbˇ\nc", Command::MoveLinesDown, "a\nc\nbˇ");
    check("a\n«b\nccˇ\n", Command::MoveLinesUp, "«b\nccˇ\na\n");
    check("a\n«b\nˇc\n", Command::MoveLinesUp, "«b\nˇa\nc\n");
    // Selected with its end it stays so, or it would go back with the next step.
    check("«a\nˇb\nc", Command::MoveLinesDown, "b\n«a\nˇc");
    check("b\nˇa\n«c", Command::MoveLinesDown, "b\nc\nˇa«");
    check("aˇ\n", Command::MoveLinesDown, "aˇ\n");
    check("a\nˇ", Command::MoveLinesUp, "a\nˇ");
    check("aˇ", Command::MoveLinesUp, "aˇ");
    check("\u{feff}a\r\nbˇ", Command::MoveLinesUp, "\u{feff}bˇ\r\na");
}

#[test]
fn a_paste_is_one_step_with_the_documents_line_ends() {
    check(
        "aˇz",
        Command::Paste("b\rc\r\nd\ne".into()),
        "ab\nc\nd\neˇz",
    );
    check("a\r\nˇz", Command::Paste("b\nc".into()), "a\r\nb\r\ncˇz");
    check("a«bˇc", Command::Paste(String::new()), "aˇc");
}

#[test]
fn a_paste_moves_to_the_place_of_the_cursor_and_is_taken_back_as_one_step() {
    let check = |before: &str, pasted: &str, expected: &str| {
        let mut editor = marked(before);
        editor.apply(Command::Paste(pasted.into()), NOW);
        assert_eq!(show(&editor), expected);
        editor.apply(Command::Undo, NOW);
        assert_eq!(show(&editor), before, "undo");
        assert!(editor.apply(Command::Undo, NOW).notice.is_some());
        editor.apply(Command::Redo, NOW);
        assert_eq!(show(&editor), expected, "redo");
    };
    let env = "env:\r\n- name: A\r\n  value: x\r\n";
    check(
        "containers:\n  - name: a\n    ˇ\nvolumes: []\n",
        env,
        "containers:\n  - name: a\n    env:\n    - name: A\n      value: x\nˇ\nvolumes: []\n",
    );
    check(
        "containers:\n  - name: a\n    «image: b\nˇvolumes: []\n",
        env,
        "containers:\n  - name: a\n    env:\n    - name: A\n      value: x\nˇvolumes: []\n",
    );
    // Below a comment the lines above say where it goes, not the comment.
    check(
        "containers:\n  - name: a\n      # more\nˇ",
        "    image: b\n    args: []\n",
        "containers:\n  - name: a\n      # more\n    image: b\n    args: []\nˇ",
    );
    // What is text is not moved.
    check(
        "config:\n  a: |\n    xˇ\n",
        "\n  y\n z",
        "config:\n  a: |\n    x\n  y\n zˇ\n",
    );
}

#[test]
fn what_is_cut_goes_to_both_clipboards() {
    let mut editor = marked("a: «webˇ\n");
    let outcome = editor.apply(Command::Cut, NOW);
    assert_eq!(
        outcome,
        Outcome {
            changed: true,
            clipboard: Some("web".into()),
            notice: None
        }
    );
    editor.apply(Command::PasteClipboard, NOW);
    editor.apply(Command::PasteClipboard, NOW);
    assert_eq!(show(&editor), "a: webwebˇ\n");
}

#[test]
fn without_a_selection_the_line_is_cut_and_pasted_whole() {
    let mut editor = marked("a\nbˇb\nc");
    assert_eq!(
        editor.apply(Command::Copy, NOW).clipboard,
        Some("bb\n".into())
    );
    assert_eq!(show(&editor), "a\nbˇb\nc");
    editor.apply(Command::Cut, NOW);
    assert_eq!(show(&editor), "a\nˇc");
    editor.apply(Command::PasteClipboard, NOW);
    assert_eq!(show(&editor), "a\nbb\nˇc");
    editor.apply(go(Motion::TextEnd), NOW);
    assert_eq!(
        editor.apply(Command::Cut, NOW).clipboard,
        Some("c\n".into())
    );
    assert_eq!(show(&editor), "a\nbb\nˇ");
}

#[test]
fn text_beyond_the_limit_is_refused() {
    let mut editor = marked("aˇ");
    let outcome = editor.apply(Command::Paste("x".repeat(MAX_BYTES)), NOW);
    assert_eq!(
        outcome,
        Outcome {
            notice: Some(Notice::TooLarge),
            ..Outcome::default()
        }
    );
    assert_eq!(show(&editor), "aˇ");
}

#[test]
fn another_text_is_taken_over_by_its_difference() {
    check(
        "a: 1\nb: 2\ncˇ: 3\n",
        Command::ReplaceAll("a: 1\nb: 99\nc: 3\n".into()),
        "a: 1\nb: 99\ncˇ: 3\n",
    );
    check("aaˇ", Command::ReplaceAll("aaaa".into()), "aaaaˇ");
    check("\u{feff}aˇ", Command::ReplaceAll("b".into()), "\u{feff}bˇ");
    check("aˇ", Command::ReplaceAll("a".into()), "aˇ");
}

#[test]
fn a_word_is_one_step() {
    let mut editor = marked("ˇ");
    type_in(&mut editor, "name: web");
    editor.apply(Command::Undo, NOW);
    assert_eq!(show(&editor), "name: ˇ");
    editor.apply(Command::Undo, NOW);
    assert_eq!(show(&editor), "ˇ");
    assert_eq!(
        editor.apply(Command::Undo, NOW).notice,
        Some(Notice::NothingToUndo)
    );
    editor.apply(Command::Redo, NOW);
    editor.apply(Command::Redo, NOW);
    assert_eq!(show(&editor), "name: webˇ");
    assert_eq!(
        editor.apply(Command::Redo, NOW).notice,
        Some(Notice::NothingToRedo)
    );
}

#[test]
fn a_pause_a_move_and_another_kind_of_edit_start_a_step() {
    let mut editor = marked("ˇ");
    type_in(&mut editor, "ab");
    editor.apply(Command::Insert("c".into()), Duration::from_secs(3));
    editor.apply(go(Motion::Left), Duration::from_secs(3));
    editor.apply(go(Motion::Right), Duration::from_secs(3));
    editor.apply(Command::Insert("d".into()), Duration::from_secs(3));
    editor.apply(Command::Backspace, Duration::from_secs(3));
    editor.apply(Command::Backspace, Duration::from_secs(3));
    let mut texts = vec![editor.text()];
    while editor.apply(Command::Undo, NOW).changed {
        texts.push(editor.text());
    }
    assert_eq!(texts, ["ab", "abcd", "abc", "ab", ""]);
}

#[test]
fn only_edited_lines_change() {
    let text = "\u{feff}a: 1\r\nb: 2\nc: 3\r\n\r\n# end\td";
    let mut editor = Editor::from_text(text);
    assert_eq!(editor.text(), text);
    editor.apply(go(Motion::Line(3)), NOW);
    editor.apply(go(Motion::LineEnd), NOW);
    type_in(&mut editor, "0");
    assert_eq!(editor.text(), text.replace("c: 3", "c: 30"));
}

#[test]
fn undoing_to_the_saved_text_makes_it_unmodified() {
    let mut editor = marked("ˇ");
    assert!(!editor.is_modified());
    type_in(&mut editor, "a");
    assert!(editor.is_modified());
    editor.mark_saved(editor.revision());
    assert!(!editor.is_modified());
    type_in(&mut editor, "b");
    assert!(editor.is_modified());
    editor.apply(Command::Undo, NOW);
    assert_eq!((editor.text().as_str(), editor.is_modified()), ("a", false));
    editor.apply(Command::Undo, NOW);
    assert!(editor.is_modified());
    type_in(&mut editor, "c");
    assert!(editor.is_modified());
}

#[test]
fn what_is_typed_during_a_save_stays_modified() {
    let mut editor = marked("ˇ");
    type_in(&mut editor, "a");
    let (rope, revision) = editor.begin_save();
    type_in(&mut editor, "b");
    editor.mark_saved(revision);
    assert_eq!(rope, "a");
    assert!(editor.is_modified());
    editor.apply(Command::Undo, NOW);
    assert_eq!((editor.text().as_str(), editor.is_modified()), ("a", false));
}

#[test]
fn an_answer_about_another_text_saves_nothing() {
    let mut editor = marked("ˇ");
    type_in(&mut editor, "a");
    let revision = editor.revision();
    type_in(&mut editor, "b");
    editor.mark_saved(revision);
    assert!(editor.is_modified());
}

#[test]
fn search_goes_with_the_typing_and_comes_back() {
    let mut editor = marked("web ˇx\nweb\nWeb\n");
    editor.apply(Command::SearchStart, NOW);
    editor.apply(Command::SearchQuery("we".into()), NOW);
    assert_eq!(show(&editor), "web x\n«weˇb\nWeb\n");
    assert_eq!(
        editor.search().map(Search::found),
        Some(Found { index: 2, count: 3 })
    );
    editor.apply(Command::SearchQuery("Web".into()), NOW);
    assert_eq!(show(&editor), "web x\nweb\n«Webˇ\n");
    let outcome = editor.apply(Command::SearchQuery("Webs".into()), NOW);
    assert_eq!(
        (show(&editor).as_str(), outcome.notice),
        ("web ˇx\nweb\nWeb\n", Some(Notice::NotFound))
    );
    editor.apply(Command::SearchCancel, NOW);
    assert_eq!(show(&editor), "web ˇx\nweb\nWeb\n");
    assert_eq!(editor.search(), None);
}

#[test]
fn an_accepted_search_goes_on_in_both_directions() {
    let mut editor = marked("ˇa b a\na\n");
    assert_eq!(
        editor.apply(Command::FindNext, NOW).notice,
        Some(Notice::NothingSearched)
    );
    editor.apply(Command::SearchStart, NOW);
    editor.apply(Command::SearchQuery("a".into()), NOW);
    editor.apply(Command::SearchAccept, NOW);
    assert_eq!(show(&editor), "«aˇ b a\na\n");
    for (command, expected) in [
        (Command::FindNext, "a b «aˇ\na\n"),
        (Command::FindNext, "a b a\n«aˇ\n"),
        (Command::FindNext, "«aˇ b a\na\n"),
        (Command::FindPrevious, "a b a\n«aˇ\n"),
    ] {
        editor.apply(command, NOW);
        assert_eq!(show(&editor), expected);
    }
}

#[test]
fn the_selected_word_is_searched() {
    let mut editor = marked("«webˇ web");
    editor.apply(Command::SearchStart, NOW);
    assert_eq!(editor.search().map(Search::query), Some("web"));
    editor.apply(Command::SearchAccept, NOW);
    editor.apply(Command::FindNext, NOW);
    assert_eq!(show(&editor), "web «webˇ");
}

/// A text with a search for something in it.
fn searching(text: &str, query: &str, is_expression: bool) -> Editor {
    let mut editor = marked(text);
    editor.apply(Command::SearchStart, NOW);
    editor.apply(Command::SearchQuery(query.into()), NOW);
    if is_expression {
        editor.apply(Command::SearchExpression(true), NOW);
    }
    editor
}

#[test]
fn matches_are_replaced_one_after_another() {
    let mut editor = searching("ˇx: a\ny: a\n", "a", false);
    assert_eq!(show(&editor), "x: «aˇ\ny: a\n");
    let replace = |editor: &mut Editor| editor.apply(Command::ReplaceMatch("bb".into()), NOW);
    replace(&mut editor);
    assert_eq!(show(&editor), "x: bb\ny: «aˇ\n");
    let outcome = replace(&mut editor);
    assert_eq!(editor.text(), "x: bb\ny: bb\n");
    assert_eq!(outcome.notice, Some(Notice::Replaced(1)));
    editor.apply(Command::Undo, NOW);
    assert_eq!(editor.text(), "x: bb\ny: a\n");
    // Away from a match nothing is replaced unseen: it is gone to first.
    editor.apply(
        Command::Move {
            motion: Motion::TextStart,
            extend: false,
        },
        NOW,
    );
    replace(&mut editor);
    assert_eq!(show(&editor), "x: bb\ny: «aˇ\n");
}

#[test]
fn match_within_a_grapheme_is_selected_with_it_and_replaced() {
    let text = "ˇx e\u{301} y e\u{301}";
    let replace = |editor: &mut Editor| editor.apply(Command::ReplaceMatch("a".into()), NOW);
    let mut editor = searching(text, "e", false);
    assert_eq!(show(&editor), "x «e\u{301}ˇ y e\u{301}");
    replace(&mut editor);
    assert_eq!(show(&editor), "x a\u{301} y «e\u{301}ˇ");
    replace(&mut editor);
    assert_eq!(editor.text(), "x a\u{301} y a\u{301}");
    // A mark alone is one that others are searched before and after.
    let mut editor = searching(text, "\u{301}", false);
    assert_eq!(show(&editor), "x «e\u{301}ˇ y e\u{301}");
    editor.apply(Command::FindPrevious, NOW);
    assert_eq!(show(&editor), "x e\u{301} y «e\u{301}ˇ");
    editor.apply(Command::FindPrevious, NOW);
    replace(&mut editor);
    assert_eq!(show(&editor), "x ea y «e\u{301}ˇ");
}

#[test]
fn all_matches_are_replaced_as_one_step() {
    let mut editor = searching("ˇa: web\nb: web\r\nc: x\n", "web", false);
    let all = Command::ReplaceMatches("w".into());
    assert_eq!(editor.apply(all, NOW).notice, Some(Notice::Replaced(2)));
    // Nothing is selected any more, for what is typed next to take its place.
    assert_eq!(show(&editor), "a: wˇ\nb: w\r\nc: x\n");
    editor.apply(Command::Undo, NOW);
    assert_eq!(editor.text(), "a: web\nb: web\r\nc: x\n");
    let none = editor.apply(Command::SearchQuery("zzz".into()), NOW);
    assert_eq!(none.notice, Some(Notice::NotFound));
    let none = editor.apply(Command::ReplaceMatches("w".into()), NOW);
    assert_eq!(none.notice, Some(Notice::NotFound));
}

#[test]
fn replacements_that_have_no_room_are_refused_before_they_are_made() {
    let text = "a".repeat(1 << 20);
    let mut editor = searching(&format!("ˇ{text}"), "a", false);
    let all = Command::ReplaceMatches("b".repeat(1000));
    assert_eq!(editor.apply(all, NOW).notice, Some(Notice::TooLarge));
    assert_eq!(editor.text(), text);
}

#[test]
fn many_matches_are_replaced_as_few_are() {
    let text: String = (0..2000).map(|n| format!("k{n}: a\n")).collect();
    let mut editor = searching(&format!("ˇ{text}"), ": a", false);
    let all = Command::ReplaceMatches(": bb".into());
    assert_eq!(editor.apply(all, NOW).notice, Some(Notice::Replaced(2000)));
    assert_eq!(editor.text(), text.replace(": a", ": bb"));
    editor.apply(Command::Undo, NOW);
    assert_eq!(editor.text(), text);
}

#[test]
fn expression_is_searched_and_its_groups_are_written() {
    let mut editor = searching(
        "ˇimage: nginx:1.27\nimage: redis:7\n",
        "image: (\\w+):.*$",
        true,
    );
    let found = editor.search().map(Search::found);
    assert_eq!(found, Some(Found { index: 1, count: 2 }));
    editor.apply(
        Command::ReplaceMatches("image: mirror/$1:latest".into()),
        NOW,
    );
    assert_eq!(
        editor.text(),
        "image: mirror/nginx:latest\nimage: mirror/redis:latest\n"
    );
    let broken = editor.apply(Command::SearchQuery("(".into()), NOW);
    assert_eq!(broken.notice, Some(Notice::BrokenExpression));
}

fn fault(severity: Severity, bytes: Range<usize>, fix: Option<(Range<usize>, &str)>) -> Diagnostic {
    let nowhere = Position { line: 1, column: 1 };
    Diagnostic {
        severity,
        path: String::new(),
        span: Span {
            start: nowhere,
            end: nowhere,
            bytes,
        },
        message: "wrong".into(),
        fix: fix.map(|(bytes, with)| Fix {
            title: String::new(),
            bytes,
            replacement: with.into(),
        }),
    }
}

fn with_faults(text: &str, faults: Vec<Diagnostic>) -> Editor {
    let mut editor = marked(text);
    assert!(editor.set_diagnostics(editor.revision(), faults));
    editor
}

#[test]
fn a_stale_check_is_dropped() {
    let mut editor = marked("ˇa");
    let revision = editor.revision();
    type_in(&mut editor, "x");
    assert!(!editor.set_diagnostics(revision, vec![fault(Severity::Error, 0..1, None)]));
    assert_eq!(editor.problems(), []);
}

#[test]
fn problems_follow_the_text_until_the_next_answer() {
    let faults = vec![
        fault(Severity::Error, 5..8, None),
        fault(Severity::Warning, 0..99, None),
    ];
    let mut editor = with_faults("ˇa: 1\nbcd", faults);
    type_in(&mut editor, "é");
    assert!(!editor.is_checked());
    let places: Vec<_> = editor
        .problems()
        .iter()
        .map(|problem| problem.bytes.clone())
        .collect();
    assert_eq!(places, [2..10, 7..10]);
    editor.apply(Command::Undo, NOW);
    let places: Vec<_> = editor
        .problems()
        .iter()
        .map(|problem| problem.bytes.clone())
        .collect();
    assert_eq!(places, [0..8, 5..8]);
}

#[test]
fn the_cursor_jumps_from_problem_to_problem() {
    let faults = vec![
        fault(Severity::Warning, 4..5, None),
        fault(Severity::Error, 2..3, None),
    ];
    let mut editor = with_faults("aˇbcdef", faults);
    for (command, expected) in [
        (Command::NextProblem, "abˇcdef"),
        (Command::NextProblem, "abcdˇef"),
        (Command::NextProblem, "abˇcdef"),
        (Command::PreviousProblem, "abcdˇef"),
    ] {
        editor.apply(command, NOW);
        assert_eq!(show(&editor), expected);
    }
    assert_eq!(
        marked("ˇ").apply(Command::NextProblem, NOW).notice,
        Some(Notice::NoProblem)
    );
}

#[test]
fn the_problem_here_is_the_innermost_and_worst() {
    let faults = vec![
        fault(Severity::Warning, 0..6, None),
        fault(Severity::Error, 2..4, None),
        fault(Severity::Error, 8..9, None),
    ];
    let here = |text: &str| {
        let editor = with_faults(text, faults.clone());
        editor.problem_here().map(|problem| problem.bytes.clone())
    };
    assert_eq!(here("abcˇdef\nghi"), Some(2..4));
    assert_eq!(here("abcdefˇ\nghi"), Some(0..6));
    assert_eq!(here("abcdef\nˇghi"), Some(8..9));
    assert_eq!(here("abcdef\nghi\nˇ"), None);
}

#[test]
fn a_problem_is_mended_as_the_checker_says() {
    let faults = vec![fault(Severity::Error, 0..7, Some((0..7, "replicas")))];
    let mut editor = with_faults("repˇlica: 2", faults);
    editor.apply(Command::Mend, NOW);
    assert_eq!(show(&editor), "replicasˇ: 2");
    // The offer was for the text as it was.
    assert_eq!(editor.apply(Command::Mend, NOW).notice, Some(Notice::NoFix));
}

fn any_motion() -> impl Strategy<Value = Motion> {
    prop_oneof![
        proptest::sample::select(vec![
            Motion::Left,
            Motion::Right,
            Motion::WordLeft,
            Motion::WordRight,
            Motion::Up,
            Motion::Down,
            Motion::PageUp,
            Motion::PageDown,
            Motion::HalfPageUp,
            Motion::HalfPageDown,
            Motion::LineStart,
            Motion::LineEnd,
            Motion::TextStart,
            Motion::TextEnd,
        ]),
        (0..9usize).prop_map(Motion::Line),
        (0..99usize).prop_map(Motion::Byte),
    ]
}

/// Pieces that meet in ways that are hard on graphemes, lines and indentation.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a", " ", "  ", "\n", "\r\n", "\r", "\t", ":", "- ", "# ", "\u{301}", "é", "日", "👩",
        "\u{200d}", "🇩", "\u{feff}", "|", "\"", "{", "x: y", "\u{202e}", "\u{600}",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..12)
        .prop_map(|pieces| pieces.concat())
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => any_text().prop_map(Command::Insert),
        2 => any_text().prop_map(Command::Paste),
        1 => any_text().prop_map(Command::ReplaceAll),
        1 => any_text().prop_map(Command::SearchQuery),
        8 => (any_motion(), any::<bool>()).prop_map(|(motion, extend)| Command::Move { motion, extend }),
        12 => proptest::sample::select(vec![
            Command::Newline,
            Command::PasteClipboard,
            Command::Indent,
            Command::Outdent,
            Command::ToggleComment,
            Command::MoveLinesUp,
            Command::MoveLinesDown,
            Command::Mend,
            Command::Backspace,
            Command::Delete,
            Command::DeleteWordBack,
            Command::DeleteWordForward,
            Command::Copy,
            Command::Cut,
            Command::SelectAll,
            Command::NextProblem,
            Command::PreviousProblem,
            Command::Undo,
            Command::Redo,
            Command::SearchStart,
            Command::SearchAccept,
            Command::SearchCancel,
            Command::FindNext,
            Command::FindPrevious,
        ]),
    ]
}

/// The borders of graphemes by the whole text, to check the walk over the rope's chunks.
fn is_grapheme_border(text: &str, place: usize) -> bool {
    use unicode_segmentation::UnicodeSegmentation;
    let byte = text
        .char_indices()
        .nth(place)
        .map_or(text.len(), |(byte, _)| byte);
    byte == text.len() || text.grapheme_indices(true).any(|(start, _)| start == byte)
}

proptest! {
    #[test]
    fn any_edits_keep_the_cursor_on_borders_and_can_all_be_undone(
        text in any_text(),
        commands in proptest::collection::vec(any_command(), 0..40),
    ) {
        let mut editor = Editor::from_text(&text);
        editor.ensure_visible(5, 20);
        for (n, command) in commands.into_iter().enumerate() {
            let (before, revision) = (editor.text(), editor.revision());
            let outcome = editor.apply(command, Duration::from_millis(300 * n as u64));
            let after = editor.text();
            prop_assert_eq!(outcome.changed, editor.revision() != revision);
            prop_assert!(outcome.changed || before == after);
            let Selection { anchor, head } = editor.selection();
            prop_assert!(is_grapheme_border(&after, head) && is_grapheme_border(&after, anchor), "{}", show(&editor));
            prop_assert!(!text.starts_with(BYTE_ORDER_MARK) || after.starts_with(BYTE_ORDER_MARK));
            let (line, cell) = editor.cursor_cell();
            let viewport = editor.viewport();
            prop_assert!((viewport.top..viewport.top + 5).contains(&line));
            prop_assert!((viewport.left..viewport.left + 20).contains(&cell));
            let cold = highlight::States::default().before(editor.rope(), viewport.top);
            prop_assert_eq!(editor.line_state(viewport.top), cold);
        }
        while editor.apply(Command::Undo, NOW).changed {}
        prop_assert_eq!(editor.text(), text);
    }

    #[test]
    fn going_right_and_left_visits_the_same_places(text in any_text()) {
        let mut editor = Editor::from_text(&text);
        let mut places = vec![];
        for motion in [Motion::Right, Motion::Left] {
            let mut visited = vec![editor.selection().head];
            loop {
                editor.apply(go(motion), NOW);
                if visited.last() == Some(&editor.selection().head) {
                    break;
                }
                visited.push(editor.selection().head);
            }
            places.push(visited);
        }
        places[1].reverse();
        prop_assert_eq!(&places[0], &places[1]);
    }
}

#[test]
fn stops_are_also_where_what_is_above_goes_on() {
    let at_four = "a:\n    - b: 1\n      c: 2\n";
    check(
        &format!("{at_four}      ˇ"),
        Command::Backspace,
        &format!("{at_four}    ˇ"),
    );
    check(
        &format!("{at_four}      ˇ"),
        Command::Outdent,
        &format!("{at_four}    ˇ"),
    );
    check(
        &format!("{at_four}    ˇ"),
        Command::Backspace,
        &format!("{at_four}ˇ"),
    );
    check(
        &format!("{at_four}    ˇ"),
        Command::Indent,
        &format!("{at_four}      ˇ"),
    );
    let list = "volumes:\n  - name: data\n    size: 1Gi";
    check(
        &format!("{list}ˇ"),
        Command::Newline,
        &format!("{list}\n    ˇ"),
    );
    check(
        &format!("{list}\n    ˇ"),
        Command::Backspace,
        &format!("{list}\n  ˇ"),
    );
    check(
        &format!("{list}\n    ˇ"),
        Command::Outdent,
        &format!("{list}\n  ˇ"),
    );
}

#[test]
fn dash_goes_to_the_list_that_goes_on() {
    let dash = || Command::Insert("-".to_owned());
    let list = "volumes:\n  - name: data\n    size: 1Gi\n";
    check(&format!("{list}    ˇ"), dash(), &format!("{list}  -ˇ"));
    let nested = "c:\n  - ports:\n      - 80\n";
    check(
        &format!("{nested}      ˇ"),
        dash(),
        &format!("{nested}      -ˇ"),
    );
    check(
        "c:\n  - ports:\n      ˇ",
        dash(),
        "c:\n  - ports:\n      -ˇ",
    );
    check("a: |\n  - x\n    ˇ", dash(), "a: |\n  - x\n    -ˇ");
    check("a: 1\n  ˇ", dash(), "a: 1\n  -ˇ");
    check(&format!("{list}    ˇb"), dash(), &format!("{list}    -ˇb"));
}

#[test]
fn next_stop_of_an_item_that_was_written_is_what_is_still_to_be_filled_in() {
    let mut editor = marked("  - ˇ");
    let text = "name: \n    image: \n    x: ";
    editor.apply(
        Command::Complete {
            bytes: 4..4,
            text: text.to_owned(),
            cursor: 6,
            blanks: vec![18, text.len()],
        },
        NOW,
    );
    editor.apply(Command::Insert("a".to_owned()), NOW);
    editor.apply(Command::Indent, NOW);
    assert_eq!(show(&editor), "  - name: a\n    image: ˇ\n    x: ");
    editor.apply(Command::Insert("b".to_owned()), NOW);
    let mut left = editor.clone();
    editor.apply(Command::Indent, NOW);
    assert_eq!(show(&editor), "  - name: a\n    image: b\n    x: ˇ");
    assert!(!editor.is_filling());
    // Whoever goes elsewhere has done with it.
    let (motion, extend) = (Motion::TextStart, false);
    left.apply(Command::Move { motion, extend }, NOW);
    assert!(!left.is_filling());
}
