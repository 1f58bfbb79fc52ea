//! Any object by its metadata alone, as [`ObjectRow`]s, alone or beside the summary of its kind.

use serde::Deserialize;

use super::record::record;
use super::{Meta, Project};
use crate::cluster::kinds::Resource;
use crate::definition::naming;
use crate::definition::object::ObjectKey;
use crate::service::summary::{ObjectRow, Record};

/// The metadata of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct MetaObject {
    pub metadata: Meta,
}

impl Project for MetaObject {
    type Item = ObjectRow;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, resource: &Resource) -> Option<ObjectRow> {
        row(&self.metadata, resource)
    }
}

/// An object that is both a row and something more.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(in crate::cluster) struct Both<P>(P);

impl<P: Project> Project for Both<P> {
    type Item = (P::Item, ObjectRow);

    fn meta(&self) -> &Meta {
        self.0.meta()
    }

    fn into_item(self, resource: &Resource) -> Option<Self::Item> {
        let row = row(self.0.meta(), resource)?;
        Some((self.0.into_item(resource)?, row))
    }
}

/// An object as an overview takes it: not if it is of the set of an instance in another namespace, whose ID it bears.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(in crate::cluster) struct AtHome<P>(P);

impl<P: Project> Project for AtHome<P> {
    type Item = P::Item;

    fn meta(&self) -> &Meta {
        self.0.meta()
    }

    fn into_item(self, resource: &Resource) -> Option<P::Item> {
        let meta = self.0.meta();
        let instance = meta.instance()?;
        let is_of =
            |set: &str| set == naming::instance_applyset_id(&instance.id, &instance.namespace);
        let is_at_home = meta.labels.part_of.as_deref().is_none_or(is_of);
        is_at_home.then(|| self.0.into_item(resource)).flatten()
    }
}

/// An object that is a row, and may be something more.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(in crate::cluster) struct WithRow<P>(P);

impl<P: Project> Project for WithRow<P> {
    type Item = (Option<P::Item>, ObjectRow);

    fn meta(&self) -> &Meta {
        self.0.meta()
    }

    fn into_item(self, resource: &Resource) -> Option<Self::Item> {
        let row = row(self.0.meta(), resource)?;
        Some((self.0.into_item(resource), row))
    }
}

/// The metadata of a ConfigMap, which may be a record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct ConfigMapObject {
    metadata: Meta,
}

impl Project for ConfigMapObject {
    type Item = (Option<Record>, ObjectRow);

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, resource: &Resource) -> Option<Self::Item> {
        let row = row(&self.metadata, resource)?;
        Some((record(self.metadata), row))
    }
}

/// Returns the row of an object; none if it is not one of an instance.
fn row(metadata: &Meta, resource: &Resource) -> Option<ObjectRow> {
    let instance = metadata.instance()?;
    Some(ObjectRow {
        key: ObjectKey {
            group: resource.group.to_string(),
            version: resource.version.to_string(),
            kind: resource.kind.to_string(),
            namespace: Some(instance.namespace.to_string()),
            name: metadata.name.clone(),
        },
        has_foreign: metadata.managed_fields.has_foreign(&instance.id),
        instance,
        uid: metadata.uid.clone(),
        created: metadata.created(),
        deletion: metadata.deletion(),
        set: metadata.labels.part_of.clone(),
        owner: metadata.controller(),
        standing: None,
    })
}
