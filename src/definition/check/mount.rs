//! Reading volume mounts, and matching them with the volumes.

use std::collections::HashMap;

use super::grammar::{MOUNT_PATH, SUB_PATH};
use super::reader::{Fields, Keys, Reader, Value, shortened};
use super::suggest::nearest;
use super::volume::{ACCESS_MODES, ReadVolume};
use crate::definition::diagnostic::Severity;
use crate::definition::service::{AccessMode, VolumeMount};

const KEYS: Keys = &[
    &["name"],
    &["mountPath"],
    &["readOnly"],
    &["subPath"],
    &["type", "accessMode"],
];

/// Reads `volumeMounts`, and notes on the volumes that they are mounted, and how.
pub(super) fn mounts(
    reader: &mut Reader<'_>,
    value: Value,
    volumes: &mut Volumes,
) -> Vec<VolumeMount> {
    let items = reader.items(
        value,
        "a list of mounts, such as `- {name: data, mountPath: /data}`",
    );
    let mut line_of: HashMap<String, usize> = HashMap::new();
    let mut mounts = Vec::new();
    for item in items.unwrap_or_default() {
        let Some(fields) = reader.mapping(
            item,
            KEYS,
            "a mount, such as `{name: data, mountPath: /data}`",
        ) else {
            continue;
        };
        let mount = mount(reader, &fields, volumes);
        if let (Some(mount), Some(path)) = (&mount, fields.get("mountPath")) {
            let line = reader.spot(path).span.start.line;
            if let Some(first) = line_of.insert(mount.mount_path.clone(), line) {
                let shown = shortened(&mount.mount_path);
                reader.error(
                    path,
                    format!("`{shown}` is mounted already on line {first}; paths must differ"),
                );
            }
        }
        mounts.extend(mount);
    }
    mounts
}

fn mount(reader: &mut Reader<'_>, fields: &Fields, volumes: &mut Volumes) -> Option<VolumeMount> {
    let name = match fields.get("name") {
        Some(value) => reader
            .text(value, "the name of a volume")
            .map(|name| (name, value)),
        None => {
            reader.missing(fields.at, "a mount", "name", "the name of a volume");
            None
        }
    };
    let mount_path = match fields.get("mountPath") {
        Some(value) => reader.ruled(value, &MOUNT_PATH),
        None => {
            reader.missing(fields.at, "a mount", "mountPath", MOUNT_PATH.allowed);
            None
        }
    };
    let read_only = fields.get("readOnly").and_then(|v| reader.boolean(v));
    let sub_path = fields
        .get("subPath")
        .and_then(|v| reader.ruled(v, &SUB_PATH));
    let mode = fields
        .get("type")
        .and_then(|v| Some((v, reader.choice(v, &ACCESS_MODES)?)));
    if let Some((name, at)) = &name {
        volumes.note_mount(reader, name, *at, mode);
    }
    Some(VolumeMount {
        name: name?.0,
        mount_path: mount_path?,
        read_only: read_only.unwrap_or(false),
        sub_path,
    })
}

/// The volumes of a definition by name, while its mounts are read.
pub(super) struct Volumes {
    pub(super) list: Vec<ReadVolume>,
    by_name: HashMap<String, usize>,
    /// Whether every volume could be read: only then is a name that is not there a fault.
    is_complete: bool,
}

impl Volumes {
    pub(super) fn new(list: Vec<ReadVolume>, is_complete: bool) -> Self {
        let by_name = list
            .iter()
            .enumerate()
            .map(|(i, v)| (v.volume.name.clone(), i))
            .collect();
        Self {
            list,
            by_name,
            is_complete,
        }
    }

    fn note_mount(
        &mut self,
        reader: &mut Reader<'_>,
        name: &str,
        at: Value,
        mode: Option<(Value, AccessMode)>,
    ) {
        let Some(index) = self.by_name.get(name).copied() else {
            if self.is_complete {
                self.unknown(reader, name, at);
            }
            return;
        };
        let volume = &mut self.list[index];
        volume.is_mounted = true;
        let Some((mode_at, mode)) = mode else { return };
        if volume.claim_mut().is_none() {
            reader.error(
                mode_at,
                format!(
                    "an access mode is allowed only for a volume with `size`, and `{name}` has none"
                ),
            );
            return;
        }
        match volume.given_mode {
            Some(other) if other != mode => reader.error(
                mode_at,
                format!(
                    "the volume `{name}` is {} elsewhere; one volume has one access mode",
                    other.as_str()
                ),
            ),
            _ => volume.given_mode = Some(mode),
        }
    }

    fn unknown(&self, reader: &mut Reader<'_>, name: &str, at: Value) {
        let shown = shortened(name);
        let names = self.list.iter().map(|v| v.volume.name.as_str());
        let message = format!(
            "no volume is named `{shown}`; add it under `volumes`, such as `- {{name: {shown}, size: 1Gi}}`"
        );
        match nearest(name, names) {
            Some(near) => reader.report_with(Severity::Error, at, message, near.to_owned()),
            None => reader.error(at, message),
        }
    }
}
