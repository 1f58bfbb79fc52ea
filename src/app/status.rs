//! The sentence below the screen: what is told, what answers a key, which key it names.

use std::time::Duration;

use crate::service::health::State;
use crate::service::summary::InstanceKey;

use super::action::Action;
use super::keymap::{Key, with_ways};
use super::model::Model;
use super::operation::Operation;
use super::popup::{Choice, Menu, MenuItem, Popup};

/// A sentence below the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The sentence.
    pub text: String,
    /// Whether it tells of trouble.
    pub is_error: bool,
    /// Whether it answers a key, and is read by the next one.
    pub is_answer: bool,
    /// The instances, each with its context, whose operations or plans came to this.
    pub came_of: Vec<(String, InstanceKey)>,
    /// Until when it is shown, by the clock that never jumps.
    pub until: Duration,
}

impl Model {
    pub(super) fn tell(&mut self, text: impl Into<String>) {
        self.set_status(text.into(), false);
    }

    /// Tells of trouble; it stays until its time is over, or something else is told.
    pub fn complain(&mut self, text: impl Into<String>) {
        self.set_status(text.into(), true);
    }

    /// Answers a key that cannot do anything now, or tells of trouble that is told elsewhere too; the next key makes it old.
    pub(super) fn decline(&mut self, text: impl Into<String>) {
        self.set_status(text.into(), true);
        if let Some(status) = &mut self.status {
            status.is_answer = true;
        }
    }

    fn set_status(&mut self, text: String, is_error: bool) {
        let seconds = if is_error { 10 } else { 5 };
        let until = self.clock + Duration::from_secs(seconds);
        self.status = Some(Status {
            text,
            is_error,
            is_answer: !is_error,
            came_of: Vec::new(),
            until,
        });
    }

    /// Says what has failed since it was told that it is done; none where nothing has.
    pub fn failed_since(&self) -> Option<String> {
        let status = self.status.as_ref().filter(|status| !status.is_error)?;
        let lives_on = |(context, key): &&(String, InstanceKey)| {
            let mut newest_first = self.operations.values().rev();
            let last = newest_first.find(|it| it.is_of(context, key));
            // One that runs still replaces the very pods that fail.
            let is_over = |it: &Operation| it.kind.changes_pods() && !it.is_running();
            *context == self.session.context && last.is_some_and(is_over)
        };
        let instances = status.came_of.iter().filter(lives_on);
        let mut instances = instances.filter_map(|(_, key)| self.fleet.get(key));
        let failing = instances.find(|instance| instance.state() == State::Failing)?;
        let reason = failing.health().reason.as_deref();
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        Some(format!("{} fails by now{reason}", failing.key().id))
    }

    /// Returns the key that a sentence names for an action; none where the settings leave it none here.
    pub fn first_key(&self, action: Action) -> Option<Key> {
        self.keymap.first_key(self.place(), action)
    }

    /// Returns a sentence that follows and names the key of an action; nothing where it has none here.
    pub(super) fn hint(&self, action: Action, what: &str) -> String {
        self.with_ways("", " ", &[(action, what)], ".")
    }

    /// Returns a text that goes on with what keys do here, as far as the settings leave them a key; else as it is.
    pub fn with_ways(
        &self,
        text: &str,
        between: &str,
        ways: &[(Action, &str)],
        end: &str,
    ) -> String {
        let ways = ways.iter();
        let ways = ways.map(|(action, what)| (self.first_key(*action), *what));
        with_ways(text, between, ways, end)
    }

    /// Says what of the settings does not hold, until it is read: each fault whole.
    pub fn tell_faults(&mut self, faults: Vec<String>) {
        if faults.is_empty() {
            return;
        }
        let text = "Where a setting is faulty its default holds; the rest holds as it is written.";
        let items = faults
            .into_iter()
            .map(|fault| MenuItem::new(fault, "", Choice::Cancel));
        self.popup = Some(Popup::Menu(Menu::new(
            "Faults of the settings",
            vec![text.to_owned()],
            items.collect(),
        )));
    }
}
