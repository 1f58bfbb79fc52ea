//! What an action is about: the row, the instance, the definition that is selected, or all that are marked.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::definition::id::InstanceId;
use crate::service::detail::Detail;
use crate::service::summary::{Claim, InstanceKey, Record};

use super::model::Model;
use super::panes::detail::Tab;
use super::panes::services::RowKey;
use super::place::Place;
use super::screen::Screen;

impl Model {
    /// Returns the definition that the selected row stands for.
    ///
    /// # Errors
    /// There is none, with the reason.
    pub fn definition_of_selection(&self) -> Result<InstanceId, &'static str> {
        let row = self.services.table.selected();
        self.definition_of(row.ok_or("nothing is selected")?)
    }

    /// Returns the definition that a row stands for.
    ///
    /// # Errors
    /// It is not in the catalogue.
    pub fn definition_of(&self, row: &RowKey) -> Result<InstanceId, &'static str> {
        let name = match row {
            RowKey::Saved(name) => name,
            RowKey::Kept(key) => &key.id,
            RowKey::Instance(key) => self
                .fleet
                .get(key)
                .and_then(|instance| instance.record())
                .map_or(&key.id, |record| &record.definition),
        };
        let entry = self.catalogue.entry(name);
        let entry = entry.ok_or("its definition is not in this catalogue")?;
        Ok(entry.name.clone())
    }

    /// Returns the selected instance, if it is one that runs.
    pub fn selected_instance(&self) -> Option<&InstanceKey> {
        match self.services.table.selected()? {
            RowKey::Instance(key) => Some(key),
            RowKey::Saved(_) | RowKey::Kept(_) => None,
        }
    }

    /// Returns what is known in full of the selected instance; none until it is watched.
    pub fn selected_detail(&self) -> Option<&Detail> {
        let key = self.selected_instance()?;
        self.detail.as_ref().filter(|detail| detail.key() == key)
    }

    /// Returns the instance that an action is about: that of the operation in front, or the selected one.
    pub fn instance_in_front(&self) -> Option<&InstanceKey> {
        match self.screens.last() {
            Some(Screen::Operations) => self
                .operations_pane
                .selected_instance(&self.operations, &self.session.context),
            _ => self.selected_instance(),
        }
    }

    /// Returns the pod that was chosen in its tab or among the objects, where the keys go there.
    pub fn chosen_pod(&self) -> Option<String> {
        if self.place() != Place::Detail {
            return None;
        }
        match self.detail_pane.tab {
            Tab::Pods => self.detail_pane.pods.selected().cloned(),
            Tab::Objects => {
                let (_, pod) = self.chosen_object().filter(|(kind, _)| *kind == "Pod")?;
                Some(pod.to_owned())
            }
            Tab::Volumes | Tab::Events | Tab::Logs | Tab::Definition | Tab::History => None,
        }
    }

    /// Returns the kind of what is selected among the objects, where it is one, and what it is called: its name, and its
    /// namespace before that where it is another one than the instance's.
    pub(super) fn chosen_object(&self) -> Option<(&str, &str)> {
        let key = self.detail_pane.objects.table.selected()?;
        let (_group, kind_and_label) = key.split_once('/')?;
        kind_and_label.split_once('/')
    }

    /// Returns the rows that an action on several is about: the marked ones, or else the selected one.
    pub(super) fn target_rows(&self) -> Vec<&RowKey> {
        let marks = self.services.table.marks();
        match marks.is_empty() {
            true => self.services.table.selected().into_iter().collect(),
            false => marks.iter().collect(),
        }
    }

    /// Returns the row that an action on one is about: the marked one, or else the selected one. Where something of the selected
    /// one is in front, it is about that.
    ///
    /// # Errors
    /// Nothing is selected, or several rows are marked.
    pub(super) fn one_target(&self) -> Result<&RowKey, &'static str> {
        let marks = self.services.table.marks();
        if marks.len() > 1 {
            return Err("several rows are marked: plans are reviewed one at a time");
        }
        let is_of_selected = matches!(
            self.place(),
            Place::History | Place::Changes | Place::Progress
        );
        let mark = marks.first().filter(|_| !is_of_selected);
        let row = mark.or(self.services.table.selected());
        row.ok_or("nothing is selected")
    }

    /// Returns the instance that an action on one is about, where that runs.
    pub(super) fn deployed_target(&self) -> Option<&InstanceKey> {
        match self.one_target() {
            Ok(RowKey::Instance(key)) if self.is_deployed(key) => Some(key),
            _ => None,
        }
    }

    /// Returns the instances that an action on several is about: the marked ones that run, or else the selected one.
    pub fn deployed_targets(&self) -> Vec<InstanceKey> {
        let keys = self.target_rows().into_iter().filter_map(|row| match row {
            RowKey::Instance(key) if self.is_deployed(key) => Some(key.clone()),
            RowKey::Instance(_) | RowKey::Saved(_) | RowKey::Kept(_) => None,
        });
        keys.collect()
    }

    /// Returns what a teardown would be of, of the marked rows or else the selected one: what runs, and claims kept.
    pub fn teardown_targets(&self) -> Vec<InstanceKey> {
        let of_rows = self.target_rows();
        let mut targets: BTreeSet<InstanceKey> = BTreeSet::new();
        for row in of_rows {
            match row {
                RowKey::Instance(key) if self.is_deployed(key) => {
                    targets.insert(key.clone());
                }
                row => targets.extend(self.kept_claims(row).map(|claim| claim.instance.clone())),
            }
        }
        targets.into_iter().collect()
    }

    /// Returns the claims that teardowns kept, of what a row stands for; none of one that runs.
    pub fn kept_claims<'m>(&'m self, row: &'m RowKey) -> impl Iterator<Item = &'m Claim> {
        self.fleet.kept_claims().filter(move |claim| match row {
            RowKey::Instance(_) => false,
            RowKey::Saved(name) => claim.instance.id == *name,
            RowKey::Kept(key) => claim.instance == *key,
        })
    }

    /// Tells whether an instance is protected, by its record or by where it is.
    pub fn protects(&self, record: &Record) -> bool {
        let namespace = record.instance.namespace.as_str();
        let protection = self.session.protection.as_ref();
        record.is_protected || protection.is_some_and(|it| it.covers(namespace))
    }

    /// Returns the instances whose time is over, but those that are protected.
    pub fn expired(&self) -> Vec<InstanceKey> {
        let instances = self.fleet.instances();
        let records = instances.filter_map(|instance| instance.record());
        let is_over = |at: Timestamp| at <= self.now;
        records
            .filter(|record| record.expires.is_some_and(is_over) && !self.protects(record))
            .map(|record| record.instance.clone())
            .collect()
    }
}
