//! The logs of the selected instance: all pods and containers in one stream, as a tab of the detail.
//!
//! Memory is bounded: the oldest lines go, and how many went is said. What is shown is chosen as lines come, never while
//! drawing.

mod escapes;
mod ring;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use regex::Regex;

use crate::app::input::Input;
use crate::app::msg::OpId;
use crate::failure::Failure;
use crate::service::log::{LogEvent, LogSource};
use crate::service::summary::InstanceKey;

pub use ring::{Line, Ring};

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
    /// How the reading does.
    pub state: LogState,
    /// The lines that are kept.
    pub ring: Ring,
    /// Numbers of the lines that pass the filter.
    shown: VecDeque<u64>,
    /// Number of the first line that is shown; none shows the newest.
    anchor: Option<u64>,
    /// Whether long lines go on below instead of being cut.
    pub wraps: bool,
    /// Whether lines begin with their time.
    pub has_timestamps: bool,
    /// The filter while it is typed.
    pub filter_input: Option<Input>,
    /// The filter that holds.
    pub filter: Option<Regex>,
    /// Why what is typed is no filter.
    pub filter_error: Option<String>,
    /// Pods in the order in which they were first heard, which is that of their colours.
    pods: Vec<String>,
    /// The container that was heard first, and whether there is another.
    containers: (Option<String>, bool),
}

impl Default for LogsPane {
    fn default() -> Self {
        Self {
            op: OpId::default(),
            of: None,
            is_previous: false,
            wants_previous: false,
            state: LogState::Reading,
            ring: Ring::default(),
            shown: VecDeque::new(),
            anchor: None,
            wraps: false,
            has_timestamps: false,
            filter_input: None,
            filter: None,
            filter_error: None,
            pods: Vec::new(),
            containers: (None, false),
        }
    }
}

impl LogsPane {
    /// Begins anew with another reading; how lines are shown stays.
    pub(in crate::app) fn begin(&mut self, op: OpId, of: Option<InstanceKey>) {
        if self.of != of {
            self.is_previous = std::mem::take(&mut self.wants_previous) && of.is_some();
            self.set_filter(None);
        }
        (self.op, self.of) = (op, of);
        self.state = LogState::Reading;
        self.ring = Ring::default();
        self.shown.clear();
        self.pods.clear();
        self.containers = (None, false);
        self.anchor = None;
    }

    /// Takes what reading brought.
    pub(in crate::app) fn on_events(&mut self, events: Vec<LogEvent>, is_over: bool) {
        for event in events {
            match event {
                LogEvent::Line(line) => {
                    let text = escapes::without(&line.text).into_owned();
                    self.push(line.source, line.at, text, false);
                }
                LogEvent::Silent { source, why } => self.push(source, None, why, true),
                LogEvent::Failed { source, failure } => {
                    let source = source.unwrap_or_else(nobody);
                    self.push(source, None, failure.to_string(), true);
                }
                LogEvent::Lost { failure, .. } => self.state = LogState::Lost(failure),
                LogEvent::Back { .. } => self.state = LogState::Reading,
            }
        }
        if is_over {
            self.state = LogState::Over;
        }
    }

    fn push(
        &mut self,
        source: Arc<LogSource>,
        at: Option<jiff::Timestamp>,
        text: String,
        is_notice: bool,
    ) {
        let colour = self.colour_of(&source);
        self.hear(&source.container);
        let line = Line {
            source,
            colour,
            at,
            text,
            is_notice,
        };
        let is_shown = self.passes(&line);
        let number = self.ring.push(line);
        if is_shown {
            self.shown.push_back(number);
        }
        let first = self.ring.first();
        while self.shown.front().is_some_and(|number| *number < first) {
            self.shown.pop_front();
        }
    }

    /// Tells whether more than one container is heard, so that lines have to say which.
    pub fn has_containers(&self) -> bool {
        self.containers.1
    }

    fn hear(&mut self, container: &str) {
        match &self.containers.0 {
            None => self.containers.0 = Some(container.to_owned()),
            Some(first) => self.containers.1 |= first != container,
        }
    }

    fn colour_of(&mut self, source: &LogSource) -> usize {
        let known = self.pods.iter().position(|pod| *pod == source.pod);
        known.unwrap_or_else(|| {
            self.pods.push(source.pod.clone());
            self.pods.len() - 1
        })
    }

    fn passes(&self, line: &Line) -> bool {
        let filter = self.filter.as_ref();
        line.is_notice || filter.is_none_or(|filter| filter.is_match(&line.text))
    }

    /// Shows only lines that match; all without a filter.
    pub(in crate::app) fn set_filter(&mut self, filter: Option<Regex>) {
        self.filter = filter;
        self.filter_error = None;
        let passing = self.ring.numbered().filter(|(_, line)| self.passes(line));
        self.shown = passing.map(|(number, _)| number).collect();
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

    /// Stays where the drawing is, or follows the newest lines again.
    pub(in crate::app) fn toggle_following(&mut self, (top, _): (usize, usize)) {
        self.anchor = match self.anchor {
            Some(_) => None,
            None => self.shown.get(top).copied(),
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

/// Stands for a source where the trouble is nobody's in particular.
fn nobody() -> Arc<LogSource> {
    Arc::new(LogSource {
        pod: String::new(),
        container: String::new(),
    })
}
