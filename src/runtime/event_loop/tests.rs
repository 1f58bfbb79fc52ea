//! The loop with the keyboard, the data, the signals and the terminal in a test's hands.

use std::io::{self, Write};
use std::sync::Mutex;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};

use super::*;
use crate::app::panes::review::Held;
use crate::app::stage;
use crate::app::{
    CatalogueListing, Choice, Epoch, Menu, MenuItem, OpId, Popup, Prompt, PromptKind, SecretPrompt,
};
use crate::catalogue::Catalogue;
use crate::runtime::Connector;
use crate::secret::SecretValue;
use crate::service::watch::{LinkState, Topic, WatchEvent};

mod faults;
mod kills;

/// What a terminal was sent: each write is a frame.
#[derive(Debug, Clone, Default)]
struct Frames(Arc<Mutex<Vec<Vec<u8>>>>);

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Frames {
    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn has(&self, text: &str) -> bool {
        let bytes = self.0.lock().unwrap().concat();
        String::from_utf8_lossy(&bytes).contains(text)
    }
}

/// A loop whose keyboard, data, signals and terminal are the test's, and whose cluster never answers.
struct Rig {
    event_loop: EventLoop,
    frames: Frames,
    keys: (mpsc::Sender<Msg>, mpsc::Receiver<Msg>),
    data: (UnboundedSender<Msg>, UnboundedReceiver<Msg>),
    asked: (UnboundedSender<Asked>, UnboundedReceiver<Asked>),
    dir: tempfile::TempDir,
}

/// The ends that a test holds.
struct Hands {
    keys: mpsc::Sender<Msg>,
    data: UnboundedSender<Msg>,
    asked: UnboundedSender<Asked>,
    frames: Frames,
}

impl Rig {
    fn new(definitions: &[(&str, &str)], open: Option<&str>) -> Self {
        let never = Arc::new(|_| Box::pin(std::future::pending()) as _);
        Self::connecting(definitions, open, never)
    }

    fn connecting(definitions: &[(&str, &str)], open: Option<&str>, connect: Connector) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::at(dir.path().join("catalogue"));
        for (name, text) in definitions {
            catalogue.create(&name.parse().unwrap(), text).unwrap();
        }
        let start = Start {
            open: open.map(|name| name.parse().unwrap()),
            ..Start::in_dir(dir.path(), connect)
        };
        let drafts = start.drafts.clone();
        let frames = Frames::default();
        let data = mpsc::unbounded_channel();
        let screen = Screen::on(frames.clone()).unwrap();
        let last_words = Arc::new(LastWords::new(drafts));
        let size = (80, 24);
        let event_loop = EventLoop::new(start, data.0.clone(), (screen, size), last_words).unwrap();
        Self {
            event_loop,
            frames,
            keys: mpsc::channel(4096),
            data,
            asked: mpsc::unbounded_channel(),
            dir,
        }
    }

    /// Runs the loop beside what a test does, until the loop ends.
    async fn run<F: Future<Output = ()>>(&mut self, test: impl FnOnce(Hands) -> F) -> Ended {
        self.run_within(Duration::from_secs(20), test).await
    }

    async fn run_within<F: Future<Output = ()>>(
        &mut self,
        limit: Duration,
        test: impl FnOnce(Hands) -> F,
    ) -> Ended {
        let hands = Hands {
            keys: self.keys.0.clone(),
            data: self.data.0.clone(),
            asked: self.asked.0.clone(),
            frames: self.frames.clone(),
        };
        // The keyboard's queue ends with the test's last hand on it.
        self.keys.0 = mpsc::channel(1).0;
        let turning = self.event_loop.turn_until_the_end(
            &mut self.keys.1,
            &mut self.data.1,
            &mut self.asked.1,
        );
        let both = async { tokio::join!(turning, test(hands)).0 };
        tokio::time::timeout(limit, both)
            .await
            .expect("the loop ends")
    }
}

impl Hands {
    async fn press(&self, code: KeyCode) {
        let key = KeyEvent::new(code, KeyModifiers::NONE);
        self.keys.send(Msg::Key(key)).await.unwrap();
    }

    async fn quit(&self) {
        self.press(KeyCode::Char('q')).await;
    }

    /// Waits until a text was drawn.
    async fn until(&self, text: &str) {
        while !self.frames.has(text) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn terminal_that_does_not_read_is_waited_for_and_not_looked_at_all_the_time() {
    /// Never takes a byte as long as the other end is held.
    struct Stuck(std::sync::mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut rig = Rig::new(&[], None);
    let (_held, stuck) = std::sync::mpsc::channel();
    rig.event_loop.screen = Screen::on(Stuck(stuck)).unwrap();
    rig.event_loop.last_frame = None;
    rig.event_loop.want(Wanted::ByUser);
    rig.event_loop.draw_if_due();
    assert!(rig.event_loop.screen.is_busy());
    // An age on the screen is another by now, and cannot be drawn.
    rig.event_loop.model.geometry.next_age = Some(rig.event_loop.model.now);
    rig.event_loop.want(Wanted::ByData);
    assert_eq!(rig.event_loop.wait(), DATA_FRAME);
}

/// A frame larger than what may be sent in a second, and one while another program has the terminal.
#[tokio::test]
async fn what_cannot_be_drawn_yet_is_not_looked_at_all_the_time() {
    let mut rig = Rig::new(&[], None);
    let due = |rig: &mut Rig| {
        rig.event_loop.want(Wanted::ByData);
        rig.event_loop.model.geometry.next_age = Some(rig.event_loop.model.now);
    };
    rig.event_loop.screen.finish();
    rig.event_loop.screen.allow(10);
    rig.event_loop.screen.forget();
    rig.event_loop.last_frame = None;
    rig.event_loop.want(Wanted::ByUser);
    rig.event_loop.draw_if_due();
    rig.event_loop.screen.finish();
    due(&mut rig);
    assert_eq!(rig.event_loop.wait(), DATA_FRAME);
    let n_frames = rig.frames.count();
    rig.event_loop.draw_if_due();
    assert_eq!(rig.frames.count(), n_frames);
    // And nothing is drawn over what another program shows.
    rig.event_loop.screen.allow(0);
    let (_editing, lent) = oneshot::channel();
    rig.event_loop.lent = Some(lent);
    due(&mut rig);
    rig.event_loop.paced = Instant::now();
    rig.event_loop.last_frame = None;
    assert_eq!(rig.event_loop.wait(), WHILE_HANDED_OVER);
    rig.event_loop.draw_if_due();
    assert_eq!(rig.frames.count(), n_frames);
}

/// What was pressed, pasted or clicked before another program had the terminal is not meant for what is behind it.
#[tokio::test]
async fn input_is_dropped_while_another_program_has_the_terminal() {
    let mut rig = Rig::new(&[], None);
    rig.event_loop.screen.finish();
    rig.event_loop.last_frame = None;
    rig.event_loop.want(Wanted::ByUser);
    rig.event_loop.draw_if_due();
    let (_editing, lent) = oneshot::channel();
    rig.event_loop.lent = Some(lent);
    let key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
    let click = |column, row| {
        Msg::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    let before = format!("{:?}", rig.event_loop.model);
    rig.event_loop.take_input(Msg::Key(key));
    rig.event_loop.take_input(Msg::Paste("q".to_owned()));
    for row in 0..24 {
        for column in 0..80 {
            rig.event_loop.take_input(click(column, row));
        }
    }
    assert_eq!(format!("{:?}", rig.event_loop.model), before);
    assert_eq!(rig.event_loop.ended, None);
}

/// A text that is pasted without brackets is a flood of keys: one of them opens a question, and none answers it.
#[tokio::test]
async fn question_is_not_answered_by_what_was_typed_before_it_was_shown() {
    let mut rig = Rig::new(&[], None);
    let event_loop = &mut rig.event_loop;
    let ask = || {
        let deed = MenuItem::new("Take down web", "", Choice::RunTeardown).on('y');
        Some(Popup::Menu(Menu::new(
            "Take down web?",
            Vec::new(),
            vec![deed],
        )))
    };
    let press = |event_loop: &mut EventLoop, code| {
        let key = KeyEvent::new(code, KeyModifiers::NONE);
        event_loop.take_input(Msg::Key(key));
    };
    let show = |event_loop: &mut EventLoop| {
        event_loop.screen.finish();
        event_loop.last_frame = None;
        event_loop.want(Wanted::ByUser);
        event_loop.draw_if_due();
    };
    event_loop.model.popup = ask();
    for code in [KeyCode::Char('y'), KeyCode::Enter] {
        press(event_loop, code);
        assert!(event_loop.model.popup.is_some(), "{code:?}");
    }
    // Whoever sees it answers it.
    show(event_loop);
    press(event_loop, KeyCode::Char('y'));
    assert!(event_loop.model.popup.is_none());
    // The same question once more was not seen yet; it can be closed unseen.
    event_loop.model.popup = ask();
    press(event_loop, KeyCode::Enter);
    assert!(event_loop.model.popup.is_some());
    press(event_loop, KeyCode::Esc);
    assert!(event_loop.model.popup.is_none());
    // A name may be typed ahead, but nothing is made of it unseen.
    let prompt = Prompt::new(PromptKind::Replicas(Vec::new()), "Replicas", Vec::new());
    event_loop.model.popup = Some(Popup::Prompt(prompt));
    for code in [KeyCode::Char('5'), KeyCode::Enter] {
        press(event_loop, code);
    }
    let Some(Popup::Prompt(prompt)) = &event_loop.model.popup else {
        panic!("{:?}", event_loop.model.popup);
    };
    assert_eq!((prompt.input.text(), &prompt.error), ("5", &None));
    show(event_loop);
    press(event_loop, KeyCode::Enter);
    let is_taken = |popup: &Popup| matches!(popup, Popup::Prompt(prompt) if prompt.error.is_none());
    assert!(!event_loop.model.popup.as_ref().is_some_and(is_taken));
    // Nor becomes a secret what was typed before it was asked for.
    let prompt = SecretPrompt::new(OpId(1), stage::secret_question("Token"), Held::Nowhere);
    event_loop.model.popup = Some(Popup::Secret(prompt));
    for code in [KeyCode::Char('y'), KeyCode::Enter] {
        press(event_loop, code);
    }
    event_loop.take_input(Msg::Paste("pasted".to_owned()));
    show(event_loop);
    // The next one is known to come.
    let next = SecretPrompt::new(OpId(1), stage::secret_question("Other"), Held::Nowhere);
    event_loop.model.popup = Some(Popup::Secret(next));
    press(event_loop, KeyCode::Char('t'));
    let Some(Popup::Secret(prompt)) = &event_loop.model.popup else {
        panic!("{:?}", event_loop.model.popup);
    };
    assert_eq!(prompt.input.value(), SecretValue::new("t"));
}

#[tokio::test]
async fn ends_as_it_is_asked_to() {
    let ended = Rig::new(&[], None)
        .run(|hands| async move { hands.quit().await })
        .await;
    assert_eq!(ended, Ended::Quit);
    let ended = Rig::new(&[], None)
        .run(|hands| async move {
            hands.asked.send(Asked::End(15)).unwrap();
            hands.until("bowline").await;
        })
        .await;
    assert_eq!(ended, Ended::Signal(15));
    // The keyboard only ends with the terminal.
    let ended = Rig::new(&[], None)
        .run(|hands| async move { drop(hands) })
        .await;
    assert_eq!(ended, Ended::Signal(1));
}

/// A save that another session's lock holds up when the signal comes is waited for, and what was typed since is a draft.
#[tokio::test]
async fn what_was_sent_is_awaited_at_the_end() {
    let mut rig = Rig::new(&[("web", "containers: []\n")], Some("web"));
    let dir = rig.dir.path().join("catalogue");
    let (name, catalogue, drafts) = (
        "web".parse().unwrap(),
        Catalogue::at(&dir),
        rig.event_loop.drafts.clone(),
    );
    let (held, holds) = std::sync::mpsc::channel();
    let type_in = async |hands: &Hands, text: &str| {
        let paste = Msg::Paste(format!("{text}\n"));
        hands.keys.send(paste).await.unwrap();
        hands.until(text).await;
    };
    let lock = dir.join(".bowline.lock");
    let ended = rig
        .run(|hands| async move {
            hands.until("containers").await;
            type_in(&hands, "# saved").await;
            let lock = std::fs::File::create(lock).unwrap();
            lock.lock().unwrap();
            held.send(lock).unwrap();
            let save = KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL);
            hands.keys.send(Msg::Key(save)).await.unwrap();
            type_in(&hands, "# typed since").await;
            hands.asked.send(Asked::End(15)).unwrap();
        })
        .await;
    // The end has begun once the draft is there.
    let before = catalogue.read(&name).unwrap();
    let (of_draft, of_name) = (drafts.clone(), name.clone());
    let (began, within) = (Instant::now(), Duration::from_secs(60));
    let release = std::thread::spawn(move || {
        let lock = holds.recv().unwrap();
        let is_kept = || {
            let draft = of_draft.find(&of_name, &before).unwrap();
            draft.is_some_and(|draft| draft.text.contains("# typed since"))
        };
        // One that is never kept is found out below.
        while !is_kept() && began.elapsed() < within {
            std::thread::yield_now();
        }
        drop(lock);
    });
    rig.event_loop.finish(ended, within, None).await;
    release.join().unwrap();
    let current = catalogue.read(&name).unwrap();
    assert_eq!(current.text, "# saved\ncontainers: []\n");
    let draft = drafts.find(&name, &current).unwrap().unwrap();
    assert_eq!(draft.text, "# saved\n# typed since\ncontainers: []\n");
}

#[tokio::test]
async fn data_that_changes_nothing_costs_no_byte() {
    let mut rig = Rig::new(&[], None);
    rig.run(|hands| async move {
        hands.until("Looking").await;
        for _ in 0..5000 {
            let event = WatchEvent::Link {
                topic: Topic::Records,
                state: LinkState::Connecting,
            };
            let stale = Epoch(0);
            hands
                .data
                .send(Msg::Overview {
                    epoch: stale,
                    event,
                })
                .unwrap();
        }
        // What changes something comes after all of them.
        hands
            .data
            .send(Msg::TaskFailed("#####".to_owned()))
            .unwrap();
        hands.until("#####").await;
        hands.quit().await;
    })
    .await;
    assert_eq!(rig.frames.count(), 2);
}

#[tokio::test]
async fn flood_of_keys_is_not_a_flood_of_frames() {
    let text = "containers: [{name: a, image: b:1}]\n";
    let names: Vec<String> = (0..40).map(|n| format!("service-{n}")).collect();
    let definitions: Vec<_> = names.iter().map(|name| (name.as_str(), text)).collect();
    let mut rig = Rig::new(&definitions, None);
    let before = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&before);
    rig.run(|hands| async move {
        hands.until("service-0").await;
        *seen.lock().unwrap() = hands.frames.count();
        for _ in 0..500 {
            hands.press(KeyCode::Char('j')).await;
            hands.press(KeyCode::Char('k')).await;
        }
        hands.press(KeyCode::Char('?')).await;
        hands.until("Open what is selected").await;
        hands.press(KeyCode::Esc).await;
        hands.quit().await;
    })
    .await;
    let n_frames = rig.frames.count() - *before.lock().unwrap();
    assert!((1..=10).contains(&n_frames), "{n_frames}");
}

/// Keys that come one by one are not folded, and yet no frames come faster than anybody sees.
#[tokio::test]
async fn keys_in_quick_succession_make_no_faster_frames() {
    const N_KEYS: u32 = 30;
    let mut rig = Rig::new(&[], None);
    let (mut began, mut n_before) = (Instant::now(), 0);
    let (since, before) = (&mut began, &mut n_before);
    rig.run(|hands| async move {
        hands.until("Looking").await;
        (*since, *before) = (Instant::now(), hands.frames.count());
        for n in 0..N_KEYS {
            let n_frames = hands.frames.count();
            let key = [KeyCode::Char('?'), KeyCode::Esc][n as usize % 2];
            hands.press(key).await;
            // One that something else asked for may have shown both keys already: then there is none for this one.
            let drawn = async {
                while hands.frames.count() == n_frames {
                    tokio::task::yield_now().await;
                }
            };
            let _ = tokio::time::timeout(Duration::from_millis(200), drawn).await;
        }
        hands.quit().await;
    })
    .await;
    let allowed = 2 + (began.elapsed().as_millis() / FRAME.as_millis()) as usize;
    let n_frames = rig.frames.count() - n_before;
    assert!((2..=allowed).contains(&n_frames), "{n_frames} of {allowed}");
}

#[tokio::test]
async fn flood_of_data_is_drawn_at_most_ten_times_a_second() {
    let mut rig = Rig::new(&[], None);
    let began = Instant::now();
    rig.run(|hands| async move {
        for n in 0..20_000 {
            let refused = vec![(format!("{n}.yaml"), "no".to_owned())];
            let listing = CatalogueListing {
                refused,
                ..Default::default()
            };
            hands.data.send(Msg::CatalogueListed(Ok(listing))).unwrap();
            let told = Msg::TaskFailed(format!("something {n}"));
            hands.data.send(told).unwrap();
            if n % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let last = Msg::TaskFailed("#####".to_owned());
        hands.data.send(last).unwrap();
        hands.until("#####").await;
        hands.quit().await;
    })
    .await;
    let paced = began.elapsed() + AHEAD;
    let allowed = 3 + paced.as_millis() as usize / DATA_FRAME.as_millis() as usize;
    let n_frames = rig.frames.count();
    assert!((2..=allowed).contains(&n_frames), "{n_frames} of {allowed}");
}

#[tokio::test]
async fn of_many_sizes_the_last_is_drawn() {
    let mut rig = Rig::new(&[], None);
    rig.run(|hands| async move {
        hands.until("Looking").await;
        for columns in 40..140 {
            let size = Asked::Resized { columns, rows: 30 };
            hands.asked.send(size).unwrap();
        }
        // The lower line of the frame.
        hands.until("\x1b[29;1H").await;
        hands.quit().await;
    })
    .await;
    assert_eq!(rig.event_loop.model.size, (139, 30));
    assert!(rig.frames.count() <= 10, "{}", rig.frames.count());
}

/// A terminal that was made smaller and large again has lost what was beyond, though its size is what it was.
#[tokio::test]
async fn size_that_comes_back_is_drawn_whole() {
    let mut rig = Rig::new(&[], None);
    let n_whole = |frames: &Frames| {
        let frames = frames.0.lock().unwrap().concat();
        let clear = b"\x1b[2J";
        frames.windows(clear.len()).filter(|it| it == clear).count()
    };
    let frames = rig.frames.clone();
    rig.run(|hands| async move {
        hands.until("Looking").await;
        assert_eq!(n_whole(&hands.frames), 1);
        for columns in [60, 80] {
            let size = Asked::Resized { columns, rows: 24 };
            hands.asked.send(size).unwrap();
        }
        while n_whole(&hands.frames) == 1 {
            tokio::task::yield_now().await;
        }
        hands.quit().await;
    })
    .await;
    assert_eq!(n_whole(&frames), 2);
}

#[tokio::test]
async fn what_was_typed_can_be_kept_at_any_moment() {
    let mut rig = Rig::new(&[("web", "containers: []\n")], Some("web"));
    let last_words = Arc::clone(&rig.event_loop.last_words);
    let ended = rig
        .run(|hands| async move {
            hands.until("containers").await;
            hands
                .keys
                .send(Msg::Paste("# mine\n".to_owned()))
                .await
                .unwrap();
            hands.until("mine").await;
            // As a signal would, from another thread.
            last_words.write();
            hands.asked.send(Asked::End(1)).unwrap();
        })
        .await;
    assert_eq!(ended, Ended::Signal(1));
    let catalogue = Catalogue::at(rig.dir.path().join("catalogue"));
    let name = "web".parse().unwrap();
    let current = catalogue.read(&name).unwrap();
    let drafts = &rig.event_loop.drafts;
    let draft = drafts.find(&name, &current).unwrap().unwrap();
    assert_eq!(draft.text, "# mine\ncontainers: []\n");
    assert_eq!(current.text, "containers: []\n");
}
