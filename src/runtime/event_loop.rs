//! The event loop: one queue in, effects and frames out.

use std::panic;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::app::{Effect, Model, Msg, Screen as AppScreen, update};

use super::effects::Runner;
use super::last_words::LastWords;
use super::screen::Screen;
use super::signals::{self, Asked};
use super::{Ended, RuntimeError, Start, keyboard, terminal};

/// Between frames that only data asked for, while data floods in.
const DATA_FRAME: Duration = Duration::from_millis(100);
/// Between such frames after a silence: a change is shown at once, and so is what follows from it.
const FIRST_DATA_FRAME: Duration = Duration::from_millis(25);
/// How far such frames may be ahead of the pace of a flood.
const AHEAD: Duration = Duration::from_secs(1);
/// Between any two frames: a flood of keys does not become a flood of frames.
const FRAME: Duration = Duration::from_millis(16);
/// Messages that are folded into one turn.
const MAX_FOLDED: usize = 2048;
/// How long the end may take for what was sent.
const FINISH_WITHIN: Duration = Duration::from_millis(900);

/// Why the next frame is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Nothing,
    ByData,
    ByUser,
}

struct EventLoop {
    model: Model,
    runner: Runner,
    screen: Screen,
    theme: crate::ui::Theme,
    last_words: Arc<LastWords>,
    began: Instant,
    wanted: Wanted,
    last_frame: Option<Instant>,
    /// When the frames that data asked for would have been drawn at the pace of a flood.
    paced: Instant,
    ended: Option<Ended>,
}

/// Takes the terminal and runs until the end.
///
/// # Errors
/// The terminal cannot be set up.
pub async fn run(start: Start) -> Result<Ended, RuntimeError> {
    let (messages, mut data) = mpsc::unbounded_channel();
    let last_words = Arc::new(LastWords::new(start.drafts.clone()));
    let guard = terminal::Guard::enter().map_err(RuntimeError::Terminal)?;
    hook_panics(Arc::clone(&last_words), messages.clone());
    let mut asked = signals::listen(Arc::clone(&last_words)).map_err(RuntimeError::Terminal)?;
    let mut keys = keyboard::read().map_err(RuntimeError::Terminal)?;
    let size = crossterm::terminal::size().map_err(RuntimeError::Terminal)?;
    let screen = terminal::output().and_then(Screen::on);
    let screen = screen.map_err(RuntimeError::Terminal)?;
    let mut event_loop = EventLoop::new(start, messages, (screen, size), last_words)
        .map_err(RuntimeError::Terminal)?;
    let ended = event_loop
        .turn_until_the_end(&mut keys, &mut data, &mut asked)
        .await;
    // A keyboard that is gone may be noticed before any signal is.
    if let Ended::Signal(_) = ended {
        event_loop.last_words.write();
    }
    event_loop.runner.finish(FINISH_WITHIN).await;
    drop(guard);
    Ok(ended)
}

impl EventLoop {
    fn new(
        start: Start,
        messages: UnboundedSender<Msg>,
        (screen, size): (Screen, (u16, u16)),
        last_words: Arc<LastWords>,
    ) -> std::io::Result<Self> {
        let mut model = Model::new(Timestamp::now(), start.is_sandbox, start.context.clone());
        model.size = size;
        let mut event_loop = Self {
            model,
            theme: start.theme.clone(),
            runner: Runner::new(start.clone(), messages)?,
            screen,
            last_words,
            began: Instant::now(),
            wanted: Wanted::ByUser,
            last_frame: None,
            paced: Instant::now(),
            ended: None,
        };
        let effects = crate::app::begin(&mut event_loop.model, start.open);
        event_loop.carry_out(effects);
        event_loop.draw_if_due();
        Ok(event_loop)
    }

    async fn turn_until_the_end(
        &mut self,
        keys: &mut mpsc::Receiver<Msg>,
        data: &mut UnboundedReceiver<Msg>,
        asked: &mut UnboundedReceiver<Asked>,
    ) -> Ended {
        loop {
            let wait = self.wait();
            let is_waiting_for_screen = self.wanted != Wanted::Nothing && self.screen.is_busy();
            tokio::select! {
                biased;
                Some(asked) = asked.recv() => self.on_asked(asked),
                key = keys.recv() => match key {
                    Some(key) => self.on_input(key, keys),
                    // The keyboard's thread only ends with the terminal.
                    None => return Ended::Signal(signal_hook::consts::SIGHUP as u8),
                },
                Some(msg) = data.recv() => self.on_data(msg, data),
                () = self.screen.written(), if is_waiting_for_screen => {}
                () = tokio::time::sleep(wait) => self.on_time(),
            }
            if let Some(ended) = self.ended {
                return ended;
            }
            self.leave_last_words();
            self.draw_if_due();
        }
    }

    /// Returns how long nothing is to be done unless a message comes.
    fn wait(&self) -> Duration {
        let frame = match self.wanted {
            Wanted::Nothing => None,
            // The screen's thread tells when it is done.
            _ if self.screen.is_busy() => None,
            _ => Some(self.until_frame()),
        };
        let elapsed = self.began.elapsed().saturating_sub(self.model.clock);
        let wake = self
            .model
            .next_wake()
            .map(|wake| wake.saturating_sub(elapsed));
        // A clock that jumped is noticed after a minute at most.
        frame
            .into_iter()
            .chain(wake)
            .min()
            .unwrap_or(Duration::from_secs(60))
            .min(Duration::from_secs(60))
    }

    fn until_frame(&self) -> Duration {
        let (apart, ahead) = match self.wanted {
            Wanted::Nothing | Wanted::ByData => {
                let ahead = self.paced.saturating_duration_since(Instant::now());
                (FIRST_DATA_FRAME, ahead.saturating_sub(AHEAD))
            }
            Wanted::ByUser => (FRAME, Duration::ZERO),
        };
        let last = self.last_frame.map(|last| last.elapsed());
        last.map_or(Duration::ZERO, |last| apart.saturating_sub(last))
            .max(ahead)
    }

    fn tick(&mut self) {
        let msg = Msg::Tick {
            now: Timestamp::now(),
            clock: self.began.elapsed(),
        };
        self.take(msg);
    }

    fn take(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg);
        self.carry_out(effects);
    }

    fn on_time(&mut self) {
        let is_due = self.model.next_wake().is_some_and(|wake| {
            wake <= self.began.elapsed().saturating_sub(self.model.clock) + Duration::from_millis(1)
        });
        self.tick();
        if is_due {
            self.want(Wanted::ByData);
        }
    }

    fn on_input(&mut self, msg: Msg, keys: &mut mpsc::Receiver<Msg>) {
        self.tick();
        self.want(Wanted::ByUser);
        self.take_input(msg);
        for _ in 1..MAX_FOLDED {
            if self.ended.is_some() {
                return;
            }
            match keys.try_recv() {
                Ok(msg) => self.take_input(msg),
                Err(_) => return,
            }
        }
    }

    fn take_input(&mut self, msg: Msg) {
        // Of many sizes only the last is the terminal's; the others are never drawn.
        if let Msg::Resized { .. } = msg {
            self.screen.forget();
        }
        self.take(msg);
    }

    fn on_data(&mut self, msg: Msg, data: &mut UnboundedReceiver<Msg>) {
        self.tick();
        self.want(Wanted::ByData);
        self.take(msg);
        for _ in 1..MAX_FOLDED {
            match data.try_recv() {
                Ok(msg) => self.take(msg),
                Err(_) => return,
            }
        }
    }

    fn on_asked(&mut self, asked: Asked) {
        match asked {
            Asked::End(number) => self.ended = Some(Ended::Signal(number)),
            Asked::Suspend => self.suspend(),
            // Stopped from outside: the shell may have set other modes meanwhile.
            Asked::Continued => self.resume(terminal::enter()),
        }
    }

    fn suspend(&mut self) {
        self.leave_last_words();
        let resumed = terminal::suspend();
        self.resume(resumed);
    }

    fn resume(&mut self, resumed: std::io::Result<()>) {
        if resumed.is_err() {
            self.ended = Some(Ended::Signal(signal_hook::consts::SIGHUP as u8));
            return;
        }
        if let Ok((columns, rows)) = crossterm::terminal::size() {
            self.take(Msg::Resized { columns, rows });
        }
        self.take(Msg::Resumed);
        self.want(Wanted::ByUser);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Quit => self.ended = Some(Ended::Quit),
                Effect::Suspend => self.suspend(),
                Effect::Redraw => {
                    self.screen.forget();
                    self.want(Wanted::ByUser);
                }
                // What cannot be encoded is not copied; the terminal says nothing either way.
                Effect::Copy(text) => drop(self.screen.copy(&text)),
                effect => self.runner.run(effect),
            }
        }
    }

    fn want(&mut self, wanted: Wanted) {
        self.wanted = self.wanted.max(wanted);
    }

    fn draw_if_due(&mut self) {
        if self.wanted == Wanted::Nothing || !self.until_frame().is_zero() {
            return;
        }
        // Rows may have come or gone below the selection, without a key.
        let effects = crate::app::follow_selection(&mut self.model);
        self.carry_out(effects);
        // A frame that cannot be made is made again with the next change; a terminal that is gone ends the loop.
        match self.screen.draw(&self.model, &self.theme) {
            Ok(Some(geometry)) => {
                self.model.set_geometry(geometry);
                let now = Instant::now();
                if self.wanted == Wanted::ByData {
                    self.paced = self.paced.max(now) + DATA_FRAME;
                }
                self.wanted = Wanted::Nothing;
                self.last_frame = Some(now);
            }
            Ok(None) => {}
            Err(_) => self.wanted = Wanted::Nothing,
        }
        if self.screen.has_failed() && terminal::is_gone() {
            self.ended = Some(Ended::Signal(signal_hook::consts::SIGHUP as u8));
        }
    }

    fn leave_last_words(&self) {
        let unsaved = self.model.screens.iter().find_map(|screen| match screen {
            AppScreen::Editor(pane) => {
                let (editor, base) = pane.unsaved()?;
                Some((pane.name.clone(), editor.snapshot().0, base.clone()))
            }
            _ => None,
        });
        self.last_words.set(unsaved);
    }
}

/// Gives the terminal back before a panic of this thread is told; a panic elsewhere becomes a sentence on the screen.
fn hook_panics(last_words: Arc<LastWords>, messages: UnboundedSender<Msg>) {
    let before = panic::take_hook();
    let here = thread::current().id();
    panic::set_hook(Box::new(move |info| {
        last_words.write();
        if thread::current().id() == here || !terminal::is_ours() {
            terminal::leave();
            before(info);
            return;
        }
        tracing::error!("{info}");
        let place = info
            .location()
            .map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        drop(messages.send(Msg::TaskFailed(format!(
            "Something broke down{place}. What it was doing is not finished."
        ))));
    }));
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Mutex;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::app::{CatalogueListing, Epoch};
    use crate::catalogue::Catalogue;
    use crate::catalogue::drafts::Drafts;
    use crate::runtime::Connector;
    use crate::service::watch::{LinkState, Topic, WatchEvent};

    mod faults;

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

        fn connecting(
            definitions: &[(&str, &str)],
            open: Option<&str>,
            connect: Connector,
        ) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let catalogue = Catalogue::at(dir.path().join("catalogue"));
            for (name, text) in definitions {
                catalogue.create(&name.parse().unwrap(), text).unwrap();
            }
            let drafts = drafts_of(&dir);
            let start = Start {
                settings: Default::default(),
                catalogue,
                drafts: drafts.clone(),
                connect,
                contexts: Arc::new(|| Ok(Vec::new())),
                context: None,
                is_sandbox: false,
                open: open.map(|name| name.parse().unwrap()),
                holder: "ann@host/1".to_owned(),
                theme: crate::ui::Theme::default(),
            };
            let frames = Frames::default();
            let data = mpsc::unbounded_channel();
            let screen = Screen::on(frames.clone()).unwrap();
            let last_words = Arc::new(LastWords::new(drafts));
            let size = (80, 24);
            let event_loop =
                EventLoop::new(start, data.0.clone(), (screen, size), last_words).unwrap();
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

    fn drafts_of(dir: &tempfile::TempDir) -> Drafts {
        Drafts::of(&dir.path().join("state"), &dir.path().join("catalogue"))
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
            hands.until("Show all keys").await;
            hands.press(KeyCode::Esc).await;
            hands.quit().await;
        })
        .await;
        let n_frames = rig.frames.count() - *before.lock().unwrap();
        assert!((1..=10).contains(&n_frames), "{n_frames}");
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
                let size = Msg::Resized { columns, rows: 30 };
                hands.keys.send(size).await.unwrap();
            }
            // The lower line of the frame.
            hands.until("\x1b[29;1H").await;
            hands.quit().await;
        })
        .await;
        assert_eq!(rig.event_loop.model.size, (139, 30));
        assert!(rig.frames.count() <= 10, "{}", rig.frames.count());
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
        let draft = drafts_of(&rig.dir).find(&name, &current).unwrap().unwrap();
        assert_eq!(draft.text, "# mine\ncontainers: []\n");
        assert_eq!(current.text, "containers: []\n");
    }
}
