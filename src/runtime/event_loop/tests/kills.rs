//! Killed a thousand times while it types and saves: what is found then is what was typed, up to a moment ago.
//!
//! Each time a process of this very test types into the real loop, whose keys come from a seeded script and whose clock runs
//! fast, while the disk is the real one. It tells what it typed and what it was told to be on disk; the test kills it at some
//! moment, and looks at what the next start would find.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;
use crate::app::{Popup, SaveAnswer};
use crate::editor::Revision;

/// Set for the process that types: the directory, and the seed.
const TYPIST: &str = "BOWLINE_TEST_TYPIST";
const SEED: &str = "BOWLINE_TEST_SEED";
/// How often it is killed.
const KILLS: u64 = 1000;
const DEFINITION: &str = "containers:\n  - name: main\n    image: nginx:1.27\n";
/// How much time goes by with each key, for the loop.
const PER_KEY: Duration = Duration::from_millis(250);

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }
}

/// Everything that is ever typed: each text on the way is a beginning of it.
fn whole(len: usize) -> String {
    let mut text = DEFINITION.to_owned();
    for n in 1.. {
        if text.len() >= len {
            break;
        }
        text.push_str(&format!("# line {n}\n"));
    }
    text
}

fn is_beginning(text: &str) -> bool {
    text.len() >= DEFINITION.len() && whole(text.len()).starts_with(text)
}

/// The process that types.
struct Typist {
    event_loop: EventLoop,
    data: UnboundedReceiver<Msg>,
    /// How long the text was at each revision.
    lens: BTreeMap<Revision, usize>,
}

impl Typist {
    fn press(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        let (_none, mut no_keys) = mpsc::channel(1);
        self.event_loop.began -= PER_KEY;
        let key = Msg::Key(KeyEvent::new(code, modifiers));
        self.event_loop.on_input(key, &mut no_keys);
        self.event_loop.leave_last_words();
        if let Some(text) = self
            .event_loop
            .model
            .editor()
            .and_then(|pane| pane.editor())
        {
            self.lens.insert(text.revision(), text.rope().len_bytes());
        }
    }

    /// Answers a question as it is proposed, as somebody who sees it.
    fn answer(&mut self) {
        self.event_loop.question_in_sight = self.event_loop.question().map(str::to_owned);
        self.press(KeyCode::Enter, KeyModifiers::NONE);
    }

    /// Takes what the disk answered, and tells of it.
    fn take_answers(&mut self) {
        while let Ok(msg) = self.data.try_recv() {
            let told = match &msg {
                Msg::DraftKept {
                    revision,
                    result: Ok(_),
                    ..
                } => Some(("draft", *revision)),
                Msg::Saved {
                    revision,
                    answer: SaveAnswer::Saved(_),
                    ..
                } => Some(("saved", *revision)),
                Msg::Saved { answer, .. } => panic!("not saved: {answer:?}"),
                _ => None,
            };
            let (_none, mut no_data) = mpsc::unbounded_channel();
            self.event_loop.on_data(msg, &mut no_data);
            if let Some((what, revision)) = told {
                tell(what, self.lens[&revision]);
            }
        }
        self.event_loop.on_time();
    }

    fn until_open(&mut self) {
        while self
            .event_loop
            .model
            .editor()
            .is_none_or(|pane| pane.editor().is_none())
        {
            self.take_answers();
            std::thread::yield_now();
        }
        if let Some(Popup::Menu(menu)) = &self.event_loop.model.popup {
            assert_eq!(menu.title, "Unsaved edits");
            self.answer();
        }
        // It was kept while a save was under way that came about: both began from the file before.
        if let Some(Popup::Menu(menu)) = &self.event_loop.model.popup {
            assert_eq!(menu.title, "web was changed on disk");
            self.answer();
            while !self.has_merge() {
                self.take_answers();
                std::thread::yield_now();
            }
            self.press(KeyCode::Char('o'), KeyModifiers::NONE);
            self.press(KeyCode::Enter, KeyModifiers::NONE);
        }
        assert!(self.event_loop.model.popup.is_none() && !self.has_merge());
        self.press(KeyCode::End, KeyModifiers::CONTROL);
    }

    fn has_merge(&self) -> bool {
        let screens = &self.event_loop.model.screens;
        matches!(screens.last(), Some(AppScreen::Merge(_)))
    }

    fn len(&self) -> usize {
        let pane = self.event_loop.model.editor().unwrap();
        pane.editor().unwrap().rope().len_bytes()
    }
}

/// Tells the test beside what was done, and how long the text is.
fn tell(what: &str, len: usize) {
    writeln!(io::stdout(), "{what} {len}").unwrap();
}

/// Not a test by itself: types until it is killed.
#[test]
fn typist() {
    let Some(dir) = std::env::var_os(TYPIST).map(PathBuf::from) else {
        return;
    };
    let mut chance = Chance(std::env::var(SEED).unwrap().parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let never = Arc::new(|_| Box::pin(std::future::pending()) as _);
    let start = Start {
        open: Some("web".parse().unwrap()),
        ..Start::in_dir(&dir, never)
    };
    let (messages, data) = mpsc::unbounded_channel();
    let last_words = Arc::new(LastWords::new(start.drafts.clone()));
    let screen = (Screen::on(io::sink()).unwrap(), (80, 24));
    let event_loop = EventLoop::new(start, messages, screen, last_words).unwrap();
    let mut typist = Typist {
        event_loop,
        data,
        lens: BTreeMap::new(),
    };
    typist.until_open();
    loop {
        let len = typist.len();
        // How long the text is tells what comes next.
        let next = whole(len + 1)[len..].chars().next().unwrap();
        match next {
            '\n' => typist.press(KeyCode::Enter, KeyModifiers::NONE),
            c => typist.press(KeyCode::Char(c), KeyModifiers::NONE),
        }
        tell("typed", typist.len());
        if chance.below(15) == 0 {
            typist.press(KeyCode::Char('s'), KeyModifiers::CONTROL);
        }
        typist.take_answers();
        std::thread::sleep(Duration::from_micros(chance.below(400)));
    }
}

/// What a run of the typist told: how much was typed, kept and saved.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    typed: usize,
    draft: usize,
    saved: usize,
}

impl Told {
    fn take(&mut self, line: &str) -> bool {
        let Some((what, len)) = line.split_once(' ') else {
            return false;
        };
        let (Ok(len), Some(slot)) = (
            len.parse(),
            match what {
                "typed" => Some(&mut self.typed),
                "draft" => Some(&mut self.draft),
                "saved" => Some(&mut self.saved),
                _ => None,
            },
        ) else {
            return false;
        };
        *slot = len;
        true
    }
}

/// Lets the typist go on where it was, and kills it.
fn type_and_kill(dir: &Path, seed: u64, told: &mut Told) {
    let mut chance = Chance(seed.wrapping_mul(7919));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "runtime::event_loop::tests::kills::typist",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(TYPIST, dir)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (n_before, mut n_told) = (chance.below(60), 0);
    while n_told < n_before {
        let Some(Ok(line)) = lines.next() else { break };
        n_told += u64::from(told.take(&line));
    }
    std::thread::sleep(Duration::from_micros(chance.below(1500)));
    child.kill().unwrap();
    // What it told before it was killed is still in the pipe.
    for line in lines.map_while(Result::ok) {
        told.take(&line);
    }
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!said.contains("panicked"), "kill {seed}: {said}");
}

/// Looks at what the next start would find.
fn look(dir: &Path, seed: u64, told: Told) -> (String, Option<String>) {
    let name = "web".parse().unwrap();
    let never = Arc::new(|_| Box::pin(std::future::pending()) as _);
    let start = Start::in_dir(dir, never);
    let file = start.catalogue.read(&name).unwrap();
    let draft = start.drafts.find(&name, &file).unwrap();
    let draft = draft.map(|draft| draft.text);
    assert!(
        is_beginning(&file.text),
        "kill {seed}: mixed: {:?}",
        file.text
    );
    assert!(
        file.text.len() >= told.saved,
        "kill {seed}: {} of {told:?}",
        file.text.len()
    );
    if let Some(draft) = &draft {
        assert!(is_beginning(draft), "kill {seed}: mixed: {draft:?}");
        assert!(
            draft.len() > file.text.len(),
            "kill {seed}: what is offered is less than what is on disk"
        );
    }
    let found = draft.as_ref().unwrap_or(&file.text).len();
    assert!(
        found >= told.draft.max(told.saved),
        "kill {seed}: {found} of {told:?}"
    );
    (file.text, draft)
}

#[test]
fn killed_a_thousand_times_while_typing_and_saving_it_loses_nothing_that_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::at(dir.path().join("catalogue"));
    let digest = catalogue
        .create(&"web".parse().unwrap(), DEFINITION)
        .unwrap();
    let kills = std::env::var("BOWLINE_KILLS")
        .ok()
        .and_then(|n| n.parse().ok());
    let (mut n_drafts, mut n_saves, mut file) = (0, 0, DEFINITION.to_owned());
    for seed in 0..kills.unwrap_or(KILLS) {
        let mut told = Told::default();
        type_and_kill(dir.path(), seed, &mut told);
        let (now, draft) = look(dir.path(), seed, told);
        n_drafts += u64::from(draft.is_some());
        n_saves += u64::from(now != file);
        file = now;
        // Texts stay small, so that a thousand take a minute: now and then it begins anew.
        if file.len() > 4000 {
            let name = "web".parse().unwrap();
            fs::write(catalogue.path_of(&name), DEFINITION).unwrap();
            fs::remove_dir_all(dir.path().join("state")).unwrap();
            file = DEFINITION.to_owned();
        }
    }
    // Else it was killed at moments that show nothing.
    assert!(
        n_drafts > 0 && n_saves > 0,
        "{n_drafts} drafts, {n_saves} saves"
    );
    // What killed writers left is gone after the next write.
    let name = "web".parse().unwrap();
    let current = catalogue.digest(&name).unwrap().unwrap_or(digest);
    catalogue.save(&name, DEFINITION, &current).unwrap();
    let mut left: Vec<_> = fs::read_dir(catalogue.dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".bowline.lock", "web.yaml"]);
}
