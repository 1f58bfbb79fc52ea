//! Reading volumes.

use super::fault::Spot;
use super::grammar::{CONTAINER_OR_VOLUME_NAME, OBJECT_NAME, SIZE, meant_size};
use super::metadata::config_data;
use super::reader::{Fields, Keys, Reader, Value};
use super::resources::quantity;
use crate::definition::diagnostic::Severity;
use crate::definition::service::{AccessMode, ClaimSpec, Volume, VolumeSource};

const KEYS: Keys = &[
    &["name"],
    &["size"],
    &["storageClass"],
    &["accessMode", "type"],
    &["shared"],
    &["emptyDir"],
    &["existingClaim"],
    &["config"],
    &["secret"],
];
/// The keys of which a volume has exactly one.
const SOURCES: [&str; 5] = ["size", "emptyDir", "existingClaim", "config", "secret"];
/// The keys that only a volume with a size may have.
const CLAIM_KEYS: [&str; 3] = ["storageClass", "accessMode", "shared"];
const EMPTY_DIR_KEYS: Keys = &[&["sizeLimit"], &["medium"]];

pub(super) const ACCESS_MODES: [(&str, AccessMode); 4] = [
    ("ReadWriteOnce", AccessMode::ReadWriteOnce),
    ("ReadWriteMany", AccessMode::ReadWriteMany),
    ("ReadOnlyMany", AccessMode::ReadOnlyMany),
    ("ReadWriteOncePod", AccessMode::ReadWriteOncePod),
];

/// A volume with the places that later checks point to.
pub(super) struct ReadVolume {
    pub(super) volume: Volume,
    pub(super) name_spot: Spot,
    /// The access mode as written on the volume or on a mount of it.
    pub(super) given_mode: Option<AccessMode>,
    pub(super) is_mounted: bool,
}

impl ReadVolume {
    pub(super) fn claim_mut(&mut self) -> Option<&mut ClaimSpec> {
        match &mut self.volume.source {
            VolumeSource::Claim(claim) => Some(claim),
            _ => None,
        }
    }
}

/// Reads `volumes`.
pub(super) fn volumes(reader: &mut Reader<'_>, value: Value) -> Vec<ReadVolume> {
    let items = reader.items(
        value,
        "a list of volumes, such as `- {name: data, size: 1Gi}`",
    );
    items
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| volume(reader, item))
        .collect()
}

fn volume(reader: &mut Reader<'_>, item: Value) -> Option<ReadVolume> {
    let fields = reader.mapping(item, KEYS, "a volume, such as `{name: data, size: 1Gi}`")?;
    let Some(name) = fields.get("name") else {
        reader.missing(item, "a volume", "name", CONTAINER_OR_VOLUME_NAME.allowed);
        // The rest is still read for its faults.
        source(reader, &fields);
        return None;
    };
    let name_spot = reader.spot(name);
    let name = reader.ruled(name, &CONTAINER_OR_VOLUME_NAME);
    let given_mode = fields
        .get("accessMode")
        .and_then(|v| reader.choice(v, &ACCESS_MODES));
    let source = source(reader, &fields);
    Some(ReadVolume {
        volume: Volume {
            name: name?,
            // Without a source the definition is refused; any will do for the checks that follow.
            source: source.unwrap_or(VolumeSource::EmptyDir {
                size_limit: None,
                in_memory: false,
            }),
        },
        name_spot,
        given_mode,
        is_mounted: false,
    })
}

fn source(reader: &mut Reader<'_>, fields: &Fields) -> Option<VolumeSource> {
    let given: Vec<&str> = SOURCES
        .into_iter()
        .filter(|key| fields.get(key).is_some())
        .collect();
    match given.as_slice() {
        ["size"] => return claim(reader, fields).map(VolumeSource::Claim),
        [] => {
            if !reader.is_partial {
                let allowed = SOURCES.join(", ");
                reader.error(
                    fields.at,
                    format!("a volume needs one of {allowed}, such as `size: 1Gi`"),
                );
            }
        }
        [_] => {}
        [first, second, ..] => {
            let at = fields.get(second).unwrap_or(fields.at);
            let spot = reader.key_spot(at);
            reader.error_at(
                &spot,
                format!("a volume has either `{first}` or `{second}`, not both"),
            );
        }
    }
    for key in CLAIM_KEYS {
        if let Some(value) = fields.get(key).filter(|_| !given.is_empty()) {
            let spot = reader.key_spot(value);
            reader.error_at(
                &spot,
                format!("`{key}` is allowed only for a volume with `size`"),
            );
        }
    }
    match given.as_slice() {
        ["emptyDir"] => Some(empty_dir(reader, fields.get("emptyDir")?)),
        ["existingClaim"] => {
            let claim = reader.ruled(fields.get("existingClaim")?, &OBJECT_NAME);
            claim.map(VolumeSource::ExistingClaim)
        }
        ["config"] => Some(files(reader, fields.get("config")?)),
        ["secret"] => reader
            .ruled(fields.get("secret")?, &OBJECT_NAME)
            .map(VolumeSource::Secret),
        _ => None,
    }
}

fn claim(reader: &mut Reader<'_>, fields: &Fields) -> Option<ClaimSpec> {
    let size = fields.get("size").and_then(|v| size(reader, v));
    let storage_class = fields
        .get("storageClass")
        .and_then(|v| reader.ruled(v, &OBJECT_NAME));
    let shared = fields.get("shared").and_then(|v| reader.boolean(v));
    Some(ClaimSpec {
        size: size?,
        storage_class,
        access_mode: AccessMode::ReadWriteOnce,
        shared: shared.unwrap_or(false),
    })
}

fn size(reader: &mut Reader<'_>, value: Value) -> Option<String> {
    let wanted = SIZE.allowed;
    let scalar = reader.scalar(value, wanted)?;
    if (SIZE.holds)(&scalar.text) {
        return Some(scalar.text);
    }
    if reader.is_null(value) {
        reader.error(value, format!("`size` has no value; it must be {wanted}"));
        return None;
    }
    let message = reader.refusal(value, &scalar.text, wanted);
    match meant_size(&scalar.text) {
        Some(meant) => reader.report_with(Severity::Error, value, message, meant),
        None => reader.error(value, message),
    }
    None
}

fn empty_dir(reader: &mut Reader<'_>, value: Value) -> VolumeSource {
    let wanted = "a map, such as `{}` or `{sizeLimit: 1Gi, medium: Memory}`";
    let fields = reader.mapping(value, EMPTY_DIR_KEYS, wanted);
    let field = |key| fields.as_ref().and_then(|fields| fields.get(key));
    let size_limit = field("sizeLimit").and_then(|v| quantity(reader, v));
    let medium = field("medium").and_then(|v| reader.choice(v, &[("Memory", true)]));
    VolumeSource::EmptyDir {
        size_limit,
        in_memory: medium.unwrap_or(false),
    }
}

fn files(reader: &mut Reader<'_>, value: Value) -> VolumeSource {
    let files = config_data(reader, value, "a map from file names to their text");
    if files.is_empty() && (reader.is_mapping(value) || reader.is_null(value)) && !reader.is_partial
    {
        reader.error(
            value,
            "`config` must have at least one file, such as `{app.ini: \"text\"}`".to_owned(),
        );
    }
    VolumeSource::Files(files)
}
