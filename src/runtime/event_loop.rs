//! The event loop: one queue in, effects and frames out.

use std::panic;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use crate::app::{Effect, Hints, Model, Msg, OpId, Popup, Screen as AppScreen, update};
use crate::catalogue::drafts::Drafts;
use crate::config::CompletionMode;
use crate::failure::{Failure, FailureKind};
use crate::panics;

use super::effects::Runner;
use super::external::{self, Order};
use super::keyboard::Keyboard;
use super::last_words::LastWords;
use super::screen::Screen;
use super::signals::{self, Asked};
use super::{Ended, RuntimeError, Start, hints, looks, shell, terminal, traffic};

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
/// While a container has the terminal nothing is drawn, and what is due by the clock is looked at no more often.
const WHILE_HANDED_OVER: Duration = Duration::from_secs(1);
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
    messages: UnboundedSender<Msg>,
    drafts: Drafts,
    screen: Screen,
    theme: crate::ui::Theme,
    last_words: Arc<LastWords>,
    began: Instant,
    wanted: Wanted,
    /// The question in the last frame to which an answer carries something out.
    question_in_sight: Option<String>,
    last_frame: Option<Instant>,
    /// When the frames that data asked for would have been drawn at the pace of a flood.
    paced: Instant,
    ended: Option<Ended>,
    /// What another program that has the terminal is to do, and what it did.
    ordered: Option<Order>,
    lent: Option<oneshot::Receiver<Msg>>,
    keyboard: Option<Keyboard>,
    handed_over: HandedOver,
}

/// Who has the terminal.
#[derive(Debug)]
enum HandedOver {
    /// The dashboard.
    No,
    /// A shell will, once the last frame is written.
    Soon(OpId, String),
    /// A shell has, until its task ends.
    To {
        /// The shell.
        op: OpId,
        /// Dropping it ends the session.
        _task: AbortOnDropHandle<()>,
    },
}

/// Takes the terminal and runs until the end.
///
/// # Errors
/// The terminal cannot be set up.
pub async fn run(start: Start) -> Result<Ended, RuntimeError> {
    let (messages, mut data) = mpsc::unbounded_channel();
    let last_words = Arc::new(LastWords::new(start.drafts.clone()));
    if start.settings.ui.mouse {
        terminal::want_mouse();
    }
    let state = start.state.clone();
    let guard = terminal::Guard::enter().map_err(RuntimeError::Terminal)?;
    hook_panics(Arc::clone(&last_words), messages.clone());
    let mut asked = signals::listen(Arc::clone(&last_words)).map_err(RuntimeError::Terminal)?;
    let (keyboard, mut keys) = Keyboard::read().map_err(RuntimeError::Terminal)?;
    let size = crossterm::terminal::size().map_err(RuntimeError::Terminal)?;
    let screen = terminal::output().and_then(Screen::on);
    let mut screen = screen.map_err(RuntimeError::Terminal)?;
    screen.allow(start.settings.ui.max_bytes_per_second);
    screen.within(looks::multiplexer());
    let mut event_loop = EventLoop::new(start, messages, (screen, size), last_words)
        .map_err(RuntimeError::Terminal)?;
    event_loop.keyboard = Some(keyboard);
    let ended = event_loop
        .turn_until_the_end(&mut keys, &mut data, &mut asked)
        .await;
    let kept = state.as_deref();
    event_loop.finish(ended, FINISH_WITHIN, kept).await;
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
        model.session.invocation = start.invocation.clone();
        model.keymap = start.keymap.clone();
        model.completes_unasked = start.settings.editor.completion == CompletionMode::Auto;
        let state = start.state.as_deref().filter(|_| start.settings.ui.hints);
        if let Some(seen) = state.and_then(hints::seen) {
            model.hints = Hints::seen(seen);
        }
        model
            .knowledge
            .set_gpus(start.settings.gpus.keys().cloned().collect());
        let mut event_loop = Self {
            model,
            theme: start.theme.clone(),
            drafts: start.drafts.clone(),
            runner: Runner::new(start.clone(), messages.clone())?,
            messages,
            screen,
            last_words,
            began: Instant::now(),
            wanted: Wanted::ByUser,
            question_in_sight: None,
            last_frame: None,
            paced: Instant::now(),
            ended: None,
            keyboard: None,
            handed_over: HandedOver::No,
            ordered: None,
            lent: None,
        };
        event_loop.model.session.asked_namespace = start.namespace;
        let effects = crate::app::begin(&mut event_loop.model, start.open);
        event_loop.model.tell_faults(start.faults);
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
            let is_lent = self.lent.is_some();
            tokio::select! {
                biased;
                Some(asked) = asked.recv() => self.on_asked(asked),
                msg = returned(&mut self.lent), if is_lent => self.take_back(msg),
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
            self.hand_over_if_due();
            if let Some(order) = self.ordered.take() {
                self.lend(order, keys);
            }
            self.draw_if_due();
        }
    }

    /// Keeps what is unsaved, lets what was sent be finished, and keeps the figures of the session.
    async fn finish(&mut self, ended: Ended, within: Duration, state: Option<&Path>) {
        // A keyboard that is gone may be noticed before any signal is.
        if let Ended::Signal(_) = ended {
            self.last_words.write();
        }
        self.runner.finish(within).await;
        if let Some(state) = state {
            traffic::keep(state, self.screen.traffic());
        }
    }

    /// Gives the terminal to the editor of the user's own choice. The loop goes on, without keyboard and screen.
    fn lend(&mut self, order: Order, keys: &mut mpsc::Receiver<Msg>) {
        let editor = order.editor;
        let keyboard = self.keyboard.as_ref();
        let (is_paused, is_free) = (
            keyboard.is_some_and(|keyboard| keyboard.pause(keys)),
            !self.is_handed_over(),
        );
        if !is_paused || !is_free {
            keyboard.into_iter().for_each(Keyboard::go_on);
            self.model
                .complain("The keyboard could not be handed over: try again.");
            return;
        }
        self.screen.finish();
        terminal::lend();
        match external::run(order, self.drafts.clone()) {
            Ok(lent) => self.lent = Some(lent),
            Err(error) => {
                let failure =
                    Failure::new(FailureKind::Disk, format!("starting a thread: {error}"));
                let result = Err(failure);
                self.take_back(Msg::EditedElsewhere { editor, result });
            }
        }
    }

    /// Takes the terminal back, and what was done with it.
    fn take_back(&mut self, msg: Msg) {
        self.lent = None;
        let taken = terminal::end_loan();
        self.keyboard.iter().for_each(Keyboard::go_on);
        self.tick();
        self.take(msg);
        self.resume(taken);
    }

    /// Returns how long nothing is to be done unless a message comes.
    fn wait(&self) -> Duration {
        let frame = match self.wanted {
            Wanted::Nothing => None,
            // The screen's thread tells when it is done.
            _ if self.screen.is_busy() || self.is_handed_over() => None,
            _ => Some(self.until_frame()),
        };
        let elapsed = self.began.elapsed().saturating_sub(self.model.clock);
        let wake = self
            .model
            .next_wake()
            .map(|wake| wake.saturating_sub(elapsed));
        // What the last frame left due cannot be drawn while the terminal does not read, is not ours, or gets no more bytes
        // for now: it is not looked at all the time.
        let wake = wake.map(|wake| match (self.is_handed_over(), self.is_held()) {
            (true, _) => wake.max(WHILE_HANDED_OVER),
            (false, true) => wake.max(DATA_FRAME),
            (false, false) => wake,
        });
        // A clock that jumped is noticed after a minute at most.
        frame
            .into_iter()
            .chain(wake)
            .min()
            .unwrap_or(Duration::from_secs(60))
            .min(Duration::from_secs(60))
    }

    /// Tells whether nothing can be drawn for now, whatever is wanted.
    fn is_held(&self) -> bool {
        self.screen.is_busy() || !self.screen.wait().is_zero()
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
            .max(self.screen.wait())
    }

    fn tick(&mut self) {
        let msg = Msg::Tick {
            now: self.runner.now(),
            clock: self.began.elapsed(),
        };
        self.take(msg);
    }

    fn take(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg);
        if self.question().is_none() {
            self.question_in_sight = None;
        }
        self.carry_out(effects);
    }

    fn question(&self) -> Option<&str> {
        self.model.popup.as_ref()?.question()
    }

    /// Tells whether a key or a paste would answer a question that nobody has seen: it was typed before, perhaps as a part of a text.
    fn answers_unseen(&self, msg: &Msg) -> bool {
        let popup = self.model.popup.as_ref();
        let typing_answers = !popup.is_some_and(Popup::takes_typing_ahead);
        let is_answer = match msg {
            Msg::Key(key) => match key.code {
                KeyCode::Enter => true,
                KeyCode::Char(_) => {
                    typing_answers && !key.modifiers.contains(KeyModifiers::CONTROL)
                }
                _ => false,
            },
            Msg::Paste(_) => typing_answers,
            _ => false,
        };
        let question = self.question();
        is_answer && question.is_some() && question != self.question_in_sight.as_deref()
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
        // What was typed before a shell had the keys is not meant for what is behind it.
        if self.is_handed_over() && matches!(msg, Msg::Key(_) | Msg::Paste(_) | Msg::Mouse(_)) {
            return;
        }
        if self.answers_unseen(&msg) {
            return;
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
            // A shell has the keys, and the key for that is its.
            Asked::Suspend if self.is_handed_over() => {}
            Asked::Suspend => self.suspend(),
            Asked::Continued if self.is_handed_over() => {
                if terminal::take_keys().is_err() {
                    self.ended = Some(Ended::Signal(signal_hook::consts::SIGHUP as u8));
                }
            }
            // Stopped from outside: the shell may have set other modes meanwhile.
            Asked::Continued => self.resume(terminal::enter()),
            // Of many sizes only the last is the terminal's; the others are never drawn.
            Asked::Resized { columns, rows } => {
                self.tick();
                self.want(Wanted::ByUser);
                self.screen.forget();
                self.take(Msg::Resized { columns, rows });
            }
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
                // Begun between two turns, where the keyboard's queue is at hand.
                Effect::EditElsewhere { editor, name, text } => {
                    self.ordered = Some(Order { editor, name, text });
                }
                Effect::Redraw => {
                    self.screen.forget();
                    self.want(Wanted::ByUser);
                }
                Effect::Copy(text) => self.screen.copy(&text),
                Effect::EnterShell { op, banner } => {
                    self.handed_over = HandedOver::Soon(op, banner);
                    // A frame that is being written is waited for.
                    self.want(Wanted::ByUser);
                }
                Effect::LeaveShell { op } => self.leave_shell(op),
                effect => self.runner.run(effect),
            }
        }
    }

    fn is_handed_over(&self) -> bool {
        self.lent.is_some() || !matches!(self.handed_over, HandedOver::No)
    }

    /// Gives the terminal to the shell that was opened, once nothing is written on it any more.
    fn hand_over_if_due(&mut self) {
        if self.screen.is_busy() || !matches!(self.handed_over, HandedOver::Soon(..)) {
            return;
        }
        let HandedOver::Soon(op, banner) = std::mem::replace(&mut self.handed_over, HandedOver::No)
        else {
            return;
        };
        let Some((keyboard, session)) = self.keyboard.as_ref().zip(self.runner.take_shell(op))
        else {
            return;
        };
        let begun = terminal::output().and_then(|output| {
            let (keys, running) = shell::begin(session, output);
            terminal::hand_over(&banner)?;
            keyboard.hand_over(keys.clone());
            Ok((keys, running))
        });
        let messages = self.messages.clone();
        let task = match begun {
            Ok((keys, running)) => tokio::spawn(async move {
                let result = running.await;
                let is_used = keys.is_used();
                drop(messages.send(Msg::ShellEnded {
                    op,
                    is_used,
                    result,
                }));
            }),
            Err(error) => {
                let summary = format!("cannot give the terminal to the shell: {error}");
                let result = Err(Failure::new(FailureKind::Disk, summary));
                let ended = Msg::ShellEnded {
                    op,
                    is_used: false,
                    result,
                };
                tokio::spawn(async move { drop(messages.send(ended)) })
            }
        };
        let _task = AbortOnDropHandle::new(task);
        self.handed_over = HandedOver::To { op, _task };
    }

    /// Takes the terminal back from a shell; one that never had it is given up.
    fn leave_shell(&mut self, op: OpId) {
        match &self.handed_over {
            HandedOver::To { op: of, .. } if *of == op => {
                if let Some(keyboard) = &self.keyboard {
                    keyboard.take_back();
                }
                self.handed_over = HandedOver::No;
                self.resume(terminal::take_back());
            }
            HandedOver::Soon(of, _) if *of == op => self.handed_over = HandedOver::No,
            HandedOver::No | HandedOver::Soon(..) | HandedOver::To { .. } => {}
        }
        drop(self.runner.take_shell(op));
    }

    fn want(&mut self, wanted: Wanted) {
        self.wanted = self.wanted.max(wanted);
    }

    fn draw_if_due(&mut self) {
        if self.wanted == Wanted::Nothing || self.is_handed_over() || !self.until_frame().is_zero()
        {
            return;
        }
        // Rows may have come or gone below the selection, without a key.
        let effects = crate::app::follow_selection(&mut self.model);
        self.carry_out(effects);
        // A frame that cannot be made is made again with the next change; a terminal that is gone ends the loop.
        self.model.traffic = self.screen.traffic();
        match self.screen.draw(&self.model, &self.theme) {
            Ok(Some((geometry, hits))) => {
                self.model.hits = hits;
                self.model.set_geometry(geometry);
                self.question_in_sight = self.question().map(str::to_owned);
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

/// Waits for what another program did; for ever where none has the terminal.
async fn returned(lent: &mut Option<oneshot::Receiver<Msg>>) -> Msg {
    let broken = || Msg::TaskFailed("The editor broke down; the text is as it was.".to_owned());
    match lent {
        Some(lent) => lent.await.unwrap_or_else(|_| broken()),
        None => std::future::pending().await,
    }
}

/// Gives the terminal back before a panic of this thread is told; a panic elsewhere becomes a sentence on the screen.
fn hook_panics(last_words: Arc<LastWords>, messages: UnboundedSender<Msg>) {
    let here = thread::current().id();
    panic::set_hook(Box::new(move |info| {
        last_words.write();
        // While another program has the terminal its screen is not written on either.
        let is_shown_later = terminal::is_ours() || terminal::is_lent();
        if thread::current().id() == here || !is_shown_later {
            terminal::leave();
            panics::tell(info);
            return;
        }
        let sentence = panics::sentence(info);
        tracing::error!("{sentence}");
        drop(messages.send(Msg::TaskFailed(sentence)));
    }));
}

#[cfg(test)]
mod tests;
