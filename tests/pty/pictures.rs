//! The pictures of the README: scenes of one session in the sandbox, each with a caption, as the program shows them.
//!
//! `BOWLINE_PICTURES=renew cargo test --test pty pictures` writes them anew. Without it they are compared with what the program
//! shows now, but for what differs from run to run: ages, times, and the letters that a cluster appends to names.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bowline::ui::picture;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::driver::{Home, Seen, Terminal, WITHIN};

const COLUMNS: u16 = 104;
const ROWS: u16 = 27;

/// A picture: what is pressed before it and what is waited for after each, its file, and what is said about it.
struct Scene {
    keys: &'static [(&'static str, &'static str)],
    file: &'static str,
    caption: &'static str,
}

/// The main job, as a person does it.
const SCENES: &[Scene] = &[
    Scene {
        keys: &[("", "▸ billing"), ("", "✖ Failing")],
        file: "services",
        caption: "What runs, what is wrong with it and why, and what is only saved",
    },
    Scene {
        keys: &[
            // The title is there before the text is.
            ("e", "containers:"),
            (
                "\x1b[1;5F\x1b[200~replica: 2\n\x1b[201~",
                "did you mean `replicas`?",
            ),
        ],
        file: "editor",
        caption: "Faults are told as they are typed, with what is meant",
    },
    Scene {
        keys: &[("\x15", "no problems"), ("\x1b", "┌ Services")],
        file: "",
        caption: "",
    },
    Scene {
        keys: &[
            ("/orders\r", "▸ orders-db"),
            ("x", "Teardown: orders-db"),
            ("", "data"),
        ],
        file: "teardown",
        caption: "A teardown shows the fate of every object and of all data before it is asked about",
    },
    Scene {
        keys: &[
            ("\x1b", "┌ Services"),
            ("\x1b", "ml-resnet"),
            ("/web\r", "▸ web"),
            ("5", "Deployment"),
        ],
        file: "objects",
        caption: "Pods, volumes, events, logs, objects, definition and history of what is selected",
    },
    Scene {
        keys: &[(":", "> "), ("logs", "logs")],
        file: "palette",
        caption: "Any action by its name, with its key",
    },
];

#[test]
fn pictures_are_what_the_program_shows() {
    let home = Home::new();
    let mut terminal = home.start_in_sandbox((COLUMNS, ROWS));
    terminal.until("● live");
    // First steps are for those who begin.
    terminal.press("jkg");
    let renews = std::env::var("BOWLINE_PICTURES").is_ok_and(|value| value == "renew");
    for scene in SCENES {
        for (keys, text) in scene.keys {
            terminal.press(keys);
            terminal.until(text);
        }
        if scene.file.is_empty() {
            continue;
        }
        let path = pictures().join(format!("{}.svg", scene.file));
        let caption = scene.caption;
        if renews {
            terminal.until_still();
            fs::create_dir_all(pictures()).unwrap();
            let seen = terminal.seen.0.lock().unwrap();
            fs::write(&path, shown(seen.parser.screen(), caption)).unwrap();
            continue;
        }
        let committed = told(&fs::read_to_string(&path).unwrap_or_default());
        let claim = format!(
            "what {} shows: BOWLINE_PICTURES=renew cargo test --test pty pictures writes it anew",
            path.display()
        );
        terminal.until_screen(&claim, |screen| told(&shown(screen, caption)) == committed);
    }
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures")
}

/// Draws what is on the terminal, with a caption below.
fn shown(screen: &vt100::Screen, caption: &str) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS + 2));
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let Some(cell) = screen.cell(row, column).filter(|cell| cell.has_contents()) else {
                continue;
            };
            let style = style_of(cell);
            buf[(column, row)]
                .set_symbol(cell.contents())
                .set_style(style);
        }
    }
    let style = Style::new().fg(Color::Gray).add_modifier(Modifier::ITALIC);
    buf.set_string(2, ROWS + 1, caption, style);
    picture::to_svg(&buf)
}

fn style_of(cell: &vt100::Cell) -> Style {
    let colour = |colour: vt100::Color| match colour {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(n) => Color::Indexed(n),
        vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
    };
    let mut style = Style::new()
        .fg(colour(cell.fgcolor()))
        .bg(colour(cell.bgcolor()));
    for (has, modifier) in [
        (cell.bold(), Modifier::BOLD),
        (cell.dim(), Modifier::DIM),
        (cell.italic(), Modifier::ITALIC),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ] {
        if has {
            style = style.add_modifier(modifier);
        }
    }
    style
}

/// Returns the words of a picture without what is another in each run.
fn told(svg: &str) -> Vec<String> {
    let texts = svg.split('>').filter_map(|part| part.split_once("</text"));
    let words = texts.flat_map(|(text, _)| text.split_whitespace());
    let frame: &[char] = &['─', '│', '┌', '┐', '└', '┘', '├', '┤'];
    let words = words.map(|word| word.trim_matches(frame));
    words
        .filter(|word| !word.is_empty())
        .map(without_chance)
        .collect()
}

fn without_chance(word: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let is_age = word.len() >= 2
        && word.starts_with(|c: char| c.is_ascii_digit())
        && word.ends_with(['s', 'm', 'h', 'd'])
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || "smhd".contains(c));
    if is_age {
        return "(age)".to_owned();
    }
    // How often something happened so far.
    if word.strip_prefix('(').is_some_and(is_number) {
        return "(number)".to_owned();
    }
    if word.starts_with("pvc-") {
        return "(volume)".to_owned();
    }
    let is_letter = |c: char| "bcdfghjklmnpqrstvwxz2456789".contains(c);
    let parts = word.trim_end_matches([':', ',', '…']).split('-');
    let parts: Vec<&str> = parts
        .map(|part| match part.len() {
            5 | 8.. if part.chars().all(is_letter) => "(chance)",
            _ => part,
        })
        .collect();
    parts.join("-")
}

impl Home {
    fn start_in_sandbox(&self, (columns, rows): (u16, u16)) -> Terminal {
        let program = Path::new(env!("CARGO_BIN_EXE_bowline"));
        Terminal::run_sized(self.command(program, &["--sandbox"]), (columns, rows))
    }
}

impl Terminal {
    /// Waits until the picture stays as it is for a moment: nobody says what the last of a new one is.
    fn until_still(&self) {
        let still = Duration::from_millis(700);
        let deadline = Instant::now() + WITHIN;
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let n_bytes = seen.bytes.len();
            let is_same = |seen: &mut Seen| seen.bytes.len() == n_bytes;
            let waited = self.seen.1.wait_timeout_while(seen, still, is_same);
            let (more, is_still) = waited.unwrap();
            if is_still.timed_out() {
                return;
            }
            assert!(Instant::now() < deadline, "the picture never stays");
            seen = more;
        }
    }
}
