//! The logs of the selected instance: all pods and containers in one stream, as a tab of the detail.
//!
//! Memory is bounded: the oldest lines go, and how many went is said. What is shown is chosen as lines come, never while
//! drawing.

mod escapes;
mod ring;
#[cfg(test)]
mod tests;
mod view;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;

use crate::app::input::Input;
use crate::app::msg::OpId;
use crate::failure::Failure;
use crate::service::log::{LogEvent, LogQuery, LogSource};
use crate::service::summary::InstanceKey;
use crate::text;

pub use escapes::{Colour, Ink, Run, seen};
pub use ring::{Line, Ring};
pub(in crate::app) use view::{LogView, SPANS};

/// Lines of each container that are read of what was said before.
const TAIL: u64 = 1000;
/// What a key moves sideways by, in cells.
pub(super) const SIDE_STEP: usize = 16;

/// How the reading does.
#[derive(Debug, Clone, PartialEq)]
pub enum LogState {
    /// It goes on.
    Reading,
    /// It broke off and goes on by itself.
    Lost(Failure),
    /// Nothing more comes.
    Over,
}

/// Whose lines are shown of those that are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Whose {
    /// Those of all.
    #[default]
    All,
    /// Those of a pod.
    Pod(String),
    /// Those of the containers of a name.
    Container(String),
}

impl Whose {
    /// Tells whether lines of a source are shown.
    fn includes(&self, source: &LogSource) -> bool {
        match self {
            Self::All => true,
            Self::Pod(pod) => source.pod == *pod,
            Self::Container(container) => source.container == *container,
        }
    }
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    is_shown: bool,
    is_match: bool,
}

/// The logs of an instance.
#[derive(Debug, Clone)]
pub struct LogsPane {
    /// The reading: what earlier ones still report is stale.
    pub op: OpId,
    /// Which instance is read.
    pub of: Option<InstanceKey>,
    /// Whether the runs before the present ones are read.
    pub is_previous: bool,
    /// Whether those are to be read of the instance that is read next.
    pub(in crate::app) wants_previous: bool,
    /// From how long ago on lines are read; none reads the last ones of each container.
    pub since: Option<Duration>,
    /// How the reading does.
    pub state: LogState,
    /// The lines that are kept.
    pub ring: Ring,
    /// Numbers of the lines that pass the filter.
    shown: VecDeque<u64>,
    /// Numbers of those among them that match the filter; none without one.
    matches: VecDeque<u64>,
    /// Number of the line that was gone to as one that matches.
    match_at: Option<u64>,
    /// Number of the first line that is shown; none shows the newest.
    anchor: Option<u64>,
    /// Whose lines are shown.
    pub whose: Whose,
    /// Whose are to be shown of the instance that is read next.
    pub(in crate::app) wants_whose: Whose,
    /// Whether long lines go on below instead of being cut.
    pub wraps: bool,
    /// How many cells of each line are out of sight on the left.
    pub shift: usize,
    /// Whether lines begin with their time.
    pub has_timestamps: bool,
    /// The filter while it is typed.
    pub filter_input: Option<Input>,
    /// The filter that holds.
    pub filter: Option<Regex>,
    /// Whether lines that do not match are shown too, and matches are only marked.
    pub shows_others: bool,
    /// Why what is typed is no filter.
    pub filter_error: Option<String>,
    /// What was shown when that was last looked at; none of a log that was just begun.
    pub(in crate::app) told: Option<LogView>,
    /// Pods in the order in which they were first heard, which is that of their colours.
    pods: Vec<String>,
    /// Names of containers in the order in which they were first heard.
    containers: Vec<String>,
}

impl Default for LogsPane {
    fn default() -> Self {
        Self {
            op: OpId::default(),
            of: None,
            is_previous: false,
            wants_previous: false,
            since: None,
            state: LogState::Reading,
            ring: Ring::default(),
            shown: VecDeque::new(),
            matches: VecDeque::new(),
            match_at: None,
            anchor: None,
            whose: Whose::All,
            wants_whose: Whose::All,
            wraps: false,
            shift: 0,
            has_timestamps: false,
            filter_input: None,
            filter: None,
            shows_others: false,
            filter_error: None,
            told: None,
            pods: Vec::new(),
            containers: Vec::new(),
        }
    }
}

impl LogsPane {
    /// Begins anew with another reading; how lines are shown stays.
    pub(in crate::app) fn begin(&mut self, op: OpId, of: Option<InstanceKey>) {
        if self.of != of {
            self.is_previous = std::mem::take(&mut self.wants_previous) && of.is_some();
            self.whose = std::mem::take(&mut self.wants_whose);
            self.shows_others = false;
            self.filter_input = None;
            self.set_filter(None);
            self.told = None;
        }
        (self.op, self.of) = (op, of);
        self.state = LogState::Reading;
        self.ring = Ring::default();
        self.shown.clear();
        self.matches.clear();
        self.match_at = None;
        self.pods.clear();
        self.containers.clear();
        self.anchor = None;
        self.shift = 0;
    }

    /// Returns what is shown.
    pub(in crate::app) fn view(&self) -> LogView {
        let filter = self.filter.as_ref().filter(|_| !self.shows_others);
        LogView {
            is_previous: self.is_previous,
            since: self.since,
            whose: self.whose.clone(),
            filter: filter.map(|filter| filter.as_str().to_owned()),
            has_timestamps: self.has_timestamps,
        }
    }

    /// Returns what is to be read.
    pub fn query(&self) -> LogQuery {
        let tail = match self.since {
            // More would be dropped at once.
            Some(_) => ring::MAX_LINES as u64,
            None => TAIL,
        };
        LogQuery {
            containers: Vec::new(),
            pod: None,
            previous: self.is_previous,
            since: self.since,
            since_time: None,
            tail: Some(tail),
        }
    }

    /// Takes what reading brought.
    pub(in crate::app) fn on_events(&mut self, events: Vec<LogEvent>, is_over: bool) {
        for event in events {
            match event {
                LogEvent::Line(line) => {
                    let (text, runs) = match escapes::read(&line.text) {
                        // Most lines are plain, and are not copied.
                        (Cow::Borrowed(_), runs) => (None, runs),
                        (Cow::Owned(text), runs) => (Some(text), runs),
                    };
                    let text = text.unwrap_or(line.text);
                    self.push(line.source, line.at, (text, runs), false);
                }
                LogEvent::Silent { source, why } => self.note(source, why),
                LogEvent::Failed { source, failure } => {
                    self.note(source.unwrap_or_else(nobody), failure.to_string());
                }
                LogEvent::Lost { failure, .. } => self.state = LogState::Lost(failure),
                LogEvent::Back { .. } => self.state = LogState::Reading,
            }
        }
        if is_over {
            self.state = LogState::Over;
        }
    }

    fn note(&mut self, source: Arc<LogSource>, text: String) {
        self.push(source, None, (text, Vec::new()), true);
    }

    fn push(
        &mut self,
        source: Arc<LogSource>,
        at: Option<jiff::Timestamp>,
        (text, runs): (String, Vec<Run>),
        is_notice: bool,
    ) {
        let colour = place_of(&mut self.pods, &source.pod);
        place_of(&mut self.containers, &source.container);
        let line = Line {
            source,
            colour,
            at,
            text,
            runs,
            is_notice,
        };
        let look = self.look(&line);
        let number = self.ring.push(line);
        if look.is_shown {
            self.shown.push_back(number);
        }
        if look.is_match {
            self.matches.push_back(number);
        }
        let first = self.ring.first();
        for numbers in [&mut self.shown, &mut self.matches] {
            while numbers.front().is_some_and(|number| *number < first) {
                numbers.pop_front();
            }
        }
    }

    /// Returns the pods that were heard, in the order of their colours.
    pub fn pods(&self) -> &[String] {
        &self.pods
    }

    /// Returns the names of the containers that were heard: where there are several, lines have to say which.
    pub fn containers(&self) -> &[String] {
        &self.containers
    }

    /// Judges a line. What nobody said is always shown, and matches nothing.
    fn look(&self, line: &Line) -> Look {
        if !self.whose.includes(&line.source) && !line.source.pod.is_empty() {
            return Look::default();
        }
        let filter = self.filter.as_ref().filter(|_| !line.is_notice);
        let is_match = filter.is_some_and(|filter| filter.is_match(&line.text));
        Look {
            is_shown: is_match || filter.is_none() || self.shows_others,
            is_match,
        }
    }

    /// Shows the lines of one pod or container only.
    pub(in crate::app) fn set_whose(&mut self, whose: Whose) {
        self.whose = whose;
        self.choose();
    }

    /// Shows the lines that do not match too, or hides them.
    pub(in crate::app) fn toggle_others(&mut self) {
        self.shows_others ^= true;
        self.choose();
    }

    /// Shows only lines that match; all without a filter.
    pub(in crate::app) fn set_filter(&mut self, filter: Option<Regex>) {
        self.filter = filter;
        self.filter_error = None;
        self.match_at = None;
        self.choose();
    }

    fn choose(&mut self) {
        let (mut shown, mut matches) = (VecDeque::new(), VecDeque::new());
        for (number, line) in self.ring.numbered() {
            let look = self.look(line);
            if look.is_shown {
                shown.push_back(number);
            }
            if look.is_match {
                matches.push_back(number);
            }
        }
        (self.shown, self.matches) = (shown, matches);
    }

    /// Returns how many of the lines that are shown match the filter.
    pub fn n_matches(&self) -> usize {
        self.matches.len()
    }

    /// Returns which of these, counted from 0, was gone to.
    pub fn match_at(&self) -> Option<usize> {
        self.matches.binary_search(&self.match_at?).ok()
    }

    /// Returns the place of that one among the lines that are shown.
    pub fn line_at(&self) -> Option<usize> {
        self.match_at()?;
        self.shown.binary_search(&self.match_at?).ok()
    }

    /// Returns how many lines are shown.
    pub fn n_shown(&self) -> usize {
        self.shown.len()
    }

    /// Returns a line that is shown, by its place among those.
    pub fn shown(&self, idx: usize) -> Option<&Line> {
        self.ring.get(*self.shown.get(idx)?)
    }

    /// Returns the place of the first line to be drawn; none where the newest are.
    pub fn top(&self) -> Option<usize> {
        let anchor = self.anchor?;
        Some(self.shown.partition_point(|number| *number < anchor))
    }

    /// Tells whether the newest lines are shown as they come.
    pub fn is_following(&self) -> bool {
        self.anchor.is_none()
    }

    /// Moves by so many lines; at the end the newest are followed again. `drawn` are the first line that was drawn last and
    /// how many there was room for.
    pub(in crate::app) fn move_by(&mut self, lines: isize, (top, n_drawn): (usize, usize)) {
        let top = self.top().unwrap_or(top).saturating_add_signed(lines);
        self.anchor = match lines > 0 && top.saturating_add(n_drawn) >= self.n_shown() {
            true => None,
            false => self.shown.get(top).copied(),
        };
    }

    /// Follows the newest lines.
    pub(in crate::app) fn follow(&mut self) {
        self.anchor = None;
    }

    /// Stays where the drawing is, or follows the newest lines again.
    pub(in crate::app) fn toggle_following(&mut self, (top, _): (usize, usize)) {
        self.anchor = match self.anchor {
            Some(_) => None,
            None => self.shown.get(top).copied(),
        };
    }

    /// Goes to the next line that matches or to the one before, round the ends: from the one that was gone to last while that is
    /// in sight, else from the lines in sight. `drawn` as in `move_by`; `room` is how many cells of each line are in sight.
    /// Tells whether there is one.
    pub(in crate::app) fn go_to_match(
        &mut self,
        is_forward: bool,
        (top, n_drawn): (usize, usize),
        room: usize,
    ) -> bool {
        let top = self.top().unwrap_or(top);
        let bottom = top.saturating_add(n_drawn).min(self.n_shown());
        let from = self.line_at().filter(|at| (top..bottom).contains(at));
        let line = from.unwrap_or(if is_forward { top } else { bottom });
        let number = self.shown.get(line).copied().unwrap_or(u64::MAX);
        let before = |it: &u64| *it < number || is_forward && from.is_some() && *it == number;
        let next = self.matches.partition_point(before);
        let next = match is_forward {
            true => self.matches.get(next).or(self.matches.front()),
            false => next.checked_sub(1).and_then(|at| self.matches.get(at)),
        };
        let Some(number) = next.or(self.matches.back()).copied() else {
            return false;
        };
        self.match_at = Some(number);
        let at = self.line_at().unwrap_or_default();
        let top = match (top..bottom).contains(&at) {
            true => top,
            // Nobody knows how many rows the lines above it would take.
            false if self.wraps => at,
            false => at.saturating_sub(n_drawn / 2),
        };
        let top = match self.wraps {
            true => top,
            false => top.min(self.n_shown().saturating_sub(n_drawn)),
        };
        self.anchor = self.shown.get(top).copied();
        self.shift_to_match(room);
        true
    }

    /// Moves sideways as far as it takes to see what matches in the line that was gone to.
    fn shift_to_match(&mut self, room: usize) {
        let line = self.match_at.and_then(|number| self.ring.get(number));
        let found = line.zip(self.filter.as_ref()).and_then(|(line, filter)| {
            let found = filter.find(&line.text)?;
            let column = |byte: usize| text::cells(&text::clean_multiline(&line.text[..byte]));
            Some((column(found.start()), column(found.end())))
        });
        let Some((start, end)) = found.filter(|_| !self.wraps) else {
            return;
        };
        let needed = (end + SIDE_STEP).saturating_sub(room).min(start);
        if start < self.shift || end > self.shift + room {
            self.shift = needed;
        }
    }

    /// Moves sideways. `overhang` is how many cells of the longest line in sight are beyond the right border.
    pub(in crate::app) fn shift_by(&mut self, is_right: bool, overhang: usize) {
        self.shift = match is_right {
            true => self.shift + overhang.min(SIDE_STEP),
            false => self.shift.saturating_sub(SIDE_STEP),
        };
    }

    /// Returns the lines that are shown, as they are written to a file.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for line in (0..self.n_shown()).filter_map(|idx| self.shown(idx)) {
            text.push_str(&line.source.to_string());
            text.push(' ');
            if let Some(at) = line.at.filter(|_| self.has_timestamps) {
                text.push_str(&format!("{at} "));
            }
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }
}

/// Returns where a name stands among those that were heard, the newest last.
fn place_of(names: &mut Vec<String>, name: &str) -> usize {
    let known = names.iter().position(|known| known == name);
    known.unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

/// Stands for a source where the trouble is nobody's in particular.
fn nobody() -> Arc<LogSource> {
    Arc::new(LogSource {
        pod: String::new(),
        container: String::new(),
    })
}
