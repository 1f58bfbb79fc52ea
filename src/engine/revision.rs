//! Revisions: immutable snapshots of a definition as it was applied, one ConfigMap each, owned by the record.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use super::metadata::Metadata;
use super::record::Authorship;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::definition::yaml::MAX_TEXT_BYTES;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// How many revisions are kept.
pub(super) const KEPT: usize = 10;
/// Key under which the gzipped text lies in `binaryData`.
const TEXT: &str = "definition.yaml.gz";
/// Key under which parameters that were set by hand lie in `data`.
const PARAMETERS: &str = "parameters.json";
/// What the data of a ConfigMap may hold in all.
const MAX_BYTES: usize = 1024 * 1024;

/// What tells whether two revisions are the same: the same text with other parameters is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// SHA-256 of the text, in hex.
    text: String,
    /// The same of the parameters that were set by hand; none without any.
    parameters: Option<String>,
}

impl Identity {
    /// Reads the identity of a revision that is there; none if it names none.
    pub fn of(metadata: Metadata<'_>) -> Option<Self> {
        let annotation = |name| metadata.annotation(name).map(str::to_owned);
        Some(Self {
            text: annotation(naming::ANNOTATION_DEFINITION_HASH)?,
            parameters: annotation(naming::ANNOTATION_PARAMETERS_HASH),
        })
    }

    /// Tells whether parameters were set by hand, and not just those of another.
    pub fn has_other_parameters_than(&self, other: &Self) -> bool {
        self.parameters.is_some() && self.parameters != other.parameters
    }
}

/// A text made ready to be kept, known to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    identity: Identity,
    gzipped: Vec<u8>,
    parameters: String,
}

/// A revision that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub number: u32,
    pub identity: Option<Identity>,
    pub uid: String,
}

/// The last revisions that became the current one, as far as that was noted: numbers that rise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Finished(Vec<u32>);

impl Finished {
    /// Reads what a record notes; what is no number is left out.
    pub fn parse(text: &str) -> Self {
        let mut numbers: Vec<u32> = text.split(',').filter_map(|it| it.parse().ok()).collect();
        numbers.sort_unstable();
        Self(numbers)
    }

    /// Returns the same with one more, and without those that are too long ago for any of them to be kept.
    pub fn and(mut self, number: u32) -> Self {
        if let Err(place) = self.0.binary_search(&number) {
            self.0.insert(place, number);
        }
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
        self
    }

    /// Tells whether a revision became the current one. Of what was before the first that was noted, nobody knows otherwise.
    pub fn has(&self, number: u32) -> bool {
        self.0.first().is_none_or(|first| number < *first) || self.0.contains(&number)
    }

    /// Returns the one that was the current one before `current`; none where that was not noted.
    pub fn before(&self, current: u32) -> Option<u32> {
        self.0.iter().rfind(|number| **number < current).copied()
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

/// Returns SHA-256 of a text, in hex.
pub fn text_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Snapshot {
    /// Packs a text with the parameters that were set by hand.
    ///
    /// # Errors
    /// It is too large for a ConfigMap even when packed.
    pub fn pack(text: &str, parameters: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let gzipped = gzip(text.as_bytes());
        let has_parameters = !parameters.is_empty();
        let parameters = json!(parameters).to_string();
        let bytes = gzipped.len() + parameters.len() + TEXT.len() + PARAMETERS.len();
        if bytes > MAX_BYTES {
            let summary = format!(
                "the definition is too large to be kept as a revision: {bytes} bytes when compressed, at most {MAX_BYTES} are \
                 allowed"
            );
            return Err(Failure::new(FailureKind::Invalid, summary));
        }
        Ok(Self {
            identity: Identity {
                text: text_hash(text),
                parameters: has_parameters.then(|| text_hash(&parameters)),
            },
            gzipped,
            parameters,
        })
    }

    /// Returns the ConfigMap of revision `number`, owned by the record.
    pub fn object(
        &self,
        instance: &InstanceKey,
        definition: &str,
        number: u32,
        record_uid: &str,
        authorship: &Authorship,
    ) -> Object {
        let mut annotations = Map::from_iter([
            (
                naming::ANNOTATION_REVISION.to_owned(),
                json!(number.to_string()),
            ),
            (
                naming::ANNOTATION_DEFINITION_HASH.to_owned(),
                json!(self.identity.text),
            ),
            (
                naming::ANNOTATION_PARAMETERS_HASH.to_owned(),
                json!(self.identity.parameters),
            ),
        ]);
        annotations.extend(authorship.annotations());
        annotations.retain(|_, value| !value.is_null());
        let json = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": naming::revision(&instance.id, number.into()),
                "namespace": instance.namespace.as_str(),
                "labels": {
                    naming::LABEL_MANAGED_BY: naming::MANAGED_BY,
                    naming::LABEL_INSTANCE: instance.id.as_str(),
                    naming::LABEL_NAME: definition,
                },
                "annotations": annotations,
                "ownerReferences": [{
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "name": naming::record(&instance.id),
                    "uid": record_uid,
                }],
            },
            "immutable": true,
            "data": {PARAMETERS: self.parameters},
            "binaryData": {TEXT: STANDARD.encode(&self.gzipped)},
        });
        Object::from_json(json).expect("apiVersion, kind and name were just written")
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns SHA-256 of the text, in hex.
    pub fn text_hash(&self) -> &str {
        &self.identity.text
    }
}

/// Packs bytes; the same bytes give the same result at any time.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing to memory cannot fail")
}

/// Returns the revisions of an instance among ConfigMaps, the oldest first.
pub(super) fn among<'a>(
    config_maps: impl IntoIterator<Item = &'a Object>,
    instance: &InstanceKey,
) -> Vec<Known> {
    let prefix = format!("{}.r", naming::record(&instance.id));
    let mut known: Vec<Known> = config_maps
        .into_iter()
        .filter_map(|object| {
            let metadata = Metadata::of(object);
            let number = object.key.name.strip_prefix(&prefix)?.parse().ok()?;
            let is_ours = metadata.label(naming::LABEL_INSTANCE) == Some(instance.id.as_str())
                && metadata.label(naming::LABEL_MANAGED_BY) == Some(naming::MANAGED_BY);
            is_ours.then(|| Known {
                number,
                identity: Identity::of(metadata),
                uid: metadata.uid().to_owned(),
            })
        })
        .collect();
    known.sort_by_key(|known| known.number);
    known
}

/// Returns the number that a deploy gets: the one that an interrupted deploy of the same left, else the next.
pub(super) fn next_number(known: &[Known], current: Option<u32>, wanted: &Identity) -> u32 {
    let last = known.last();
    let is_left = |last: &&Known| {
        current.is_none_or(|current| last.number > current)
            && last.identity.as_ref() == Some(wanted)
    };
    if let Some(left) = last.filter(is_left) {
        return left.number;
    }
    let highest = last.map_or(0, |last| last.number).max(current.unwrap_or(0));
    // A number that somebody made up may be the highest there is: then the next is taken, which the server says.
    highest.saturating_add(1)
}

/// Returns the revisions that need not be kept once `current` is the current one: those first that were never finished, for
/// nobody can go back to them, and then the oldest.
pub(super) fn too_old<'a>(known: &'a [Known], current: u32, finished: &Finished) -> Vec<&'a Known> {
    let others = known.iter().filter(|one| one.number != current);
    let mut others: Vec<&Known> = others.collect();
    let surplus = (others.len() + 1).saturating_sub(KEPT);
    others.sort_by_key(|one| (finished.has(one.number), one.number));
    others.into_iter().take(surplus).collect()
}

/// What a revision keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub text: String,
    /// Parameters that were set by hand.
    pub parameters: BTreeMap<String, String>,
}

/// Returns what a revision keeps, proved by the digests that it bears.
///
/// # Errors
/// It is damaged: a sentence says how. Nothing is unpacked that is larger than a definition can be.
pub(super) fn unpack(object: &Object) -> Result<Content, String> {
    let packed = object.json["binaryData"][TEXT].as_str();
    let packed = packed.ok_or_else(|| format!("it has no {TEXT}"))?;
    let gzipped = STANDARD
        .decode(packed)
        .map_err(|_| format!("its {TEXT} is not base64"))?;
    let text = gunzip(&gzipped)?;
    let json = object.json["data"][PARAMETERS].as_str();
    let json = json.ok_or_else(|| format!("it has no {PARAMETERS}"))?;
    let parameters: BTreeMap<String, String> =
        serde_json::from_str(json).map_err(|_| format!("its {PARAMETERS} is no map of texts"))?;
    let found = Identity {
        text: text_hash(&text),
        parameters: (!parameters.is_empty()).then(|| text_hash(&json!(parameters).to_string())),
    };
    match Identity::of(Metadata::of(object)) {
        Some(wanted) if wanted == found => Ok(Content { text, parameters }),
        Some(_) => Err("its content is not what its digests say".to_owned()),
        None => Err("it bears no digest of its text".to_owned()),
    }
}

/// Unpacks a text, at most as much as a definition may have.
fn gunzip(gzipped: &[u8]) -> Result<String, String> {
    let mut bytes = Vec::new();
    GzDecoder::new(gzipped)
        .take(MAX_TEXT_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("its {TEXT} cannot be unpacked: {error}"))?;
    if bytes.len() > MAX_TEXT_BYTES {
        return Err(format!(
            "its text has more than the {MAX_TEXT_BYTES} bytes that a definition may have"
        ));
    }
    String::from_utf8(bytes).map_err(|_| "its text is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        }
    }

    fn authorship() -> Authorship {
        Authorship {
            cause: Some("first try".to_owned()),
            rollback_to: Some(1),
            holder: "ann@bastion 42".to_owned(),
            user: Some("ann".to_owned()),
            at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn identity(text: &str, parameters: Option<&str>) -> Identity {
        Identity {
            text: text.to_owned(),
            parameters: parameters.map(str::to_owned),
        }
    }

    fn known(number: u32, hash: &str) -> Known {
        Known {
            number,
            identity: Some(identity(hash, None)),
            uid: number.to_string(),
        }
    }

    #[test]
    fn a_revision_keeps_the_text_to_the_byte() {
        let text = "# my own layout\r\ncontainers: []   # ünïcode\n";
        let set = BTreeMap::from([("size".to_owned(), "large".to_owned())]);
        let snapshot = Snapshot::pack(text, &set).unwrap();
        let object = snapshot.object(&instance(), "web", 3, "record-uid", &authorship());
        let kept = Content {
            text: text.to_owned(),
            parameters: set,
        };
        assert_eq!(unpack(&object), Ok(kept));
        assert_eq!(object.key.name, "bowline-web.r3");
        assert_eq!(object.json["immutable"], json!(true));
        assert_eq!(
            object.json["metadata"]["ownerReferences"][0]["uid"],
            "record-uid"
        );
        assert_eq!(
            object.json["metadata"]["annotations"],
            json!({
                "bowline.dev/revision": "3",
                "bowline.dev/definition-sha256": text_hash(text),
                "bowline.dev/parameters-sha256": text_hash(r#"{"size":"large"}"#),
                "bowline.dev/applied-as": "ann",
                "bowline.dev/applied-by": "ann@bastion 42",
                "bowline.dev/applied-at": "1970-01-01T00:00:00Z",
                "bowline.dev/rollback-to": "1",
                "kubernetes.io/change-cause": "first try",
            })
        );
        assert_eq!(
            among([&object], &instance()),
            [Known {
                number: 3,
                identity: Some(snapshot.identity().clone()),
                uid: String::new()
            }]
        );
    }

    #[test]
    fn a_damaged_revision_says_how_it_is_damaged() {
        let set = BTreeMap::from([("size".to_owned(), "large".to_owned())]);
        let snapshot = Snapshot::pack("a: b\n", &set).unwrap();
        let whole = snapshot.object(&instance(), "web", 1, "record-uid", &authorship());
        assert!(unpack(&whole).is_ok());
        let packed = |bytes: &[u8]| json!(STANDARD.encode(gzip(bytes)));
        let check = |pointer: &str, value: serde_json::Value, expected: &str| {
            let mut object = whole.clone();
            *object.json.pointer_mut(pointer).unwrap() = value;
            let damage = unpack(&object).unwrap_err();
            assert!(damage.contains(expected), "{damage}");
        };
        let text = "/binaryData/definition.yaml.gz";
        check(text, json!(null), "has no definition.yaml.gz");
        check(text, json!("%"), "not base64");
        check(text, json!(STANDARD.encode("plain")), "cannot be unpacked");
        let cut = STANDARD.encode(&gzip(b"a: b\n")[..12]);
        check(text, json!(cut), "cannot be unpacked");
        check(text, packed(b"\xff"), "not UTF-8");
        check(text, packed(b"a: c\n"), "not what its digests say");
        // 64 MiB of nothing are a few kilobytes when packed.
        check(text, packed(&vec![b' '; 64 << 20]), "more than the");
        let parameters = "/data/parameters.json";
        check(parameters, json!("[1]"), "no map of texts");
        check(parameters, json!("{}"), "not what its digests say");
        check("/metadata/annotations", json!({}), "no digest");
    }

    #[test]
    fn what_does_not_compress_below_one_mebibyte_is_refused() {
        // A linear congruential generator: noise that no compression shortens much.
        let mut state = 1_u64;
        let noise: String = (0..2_000_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                char::from(b' ' + u8::try_from(state >> 58).unwrap())
            })
            .collect();
        let failure = Snapshot::pack(&noise, &BTreeMap::new()).unwrap_err();
        assert!(failure.summary.contains("at most 1048576 are allowed"));
        let plain = "a: b\n".repeat(500_000);
        assert!(Snapshot::pack(&plain, &BTreeMap::new()).is_ok());
    }

    #[test]
    fn numbers_go_on_and_an_interrupted_deploy_keeps_its_own() {
        let cases = [
            (vec![], None, 1),
            (vec![known(1, "a")], Some(1), 2),
            // Deployed twice, back to an older text: still a new revision.
            (vec![known(1, "new"), known(2, "b")], Some(2), 3),
            // Revision 2 was written and never became current.
            (vec![known(1, "a"), known(2, "new")], Some(1), 2),
            (vec![known(1, "a"), known(2, "b")], Some(1), 3),
            (vec![known(1, "new")], None, 1),
            // Somebody deleted revisions.
            (vec![], Some(7), 8),
        ];
        for (known, current, expected) in cases {
            let number = next_number(&known, current, &identity("new", None));
            assert_eq!(number, expected, "{known:?}");
        }
        // The same text with other parameters is another revision.
        let left = [known(1, "a"), known(2, "new")];
        let large = identity("new", Some("large"));
        assert_eq!(next_number(&left, Some(1), &large), 3);
        // Whoever made the highest number up gets a refusal, not a panic.
        assert_eq!(
            next_number(&[known(u32::MAX, "a")], Some(1), &large),
            u32::MAX
        );
    }

    #[test]
    fn the_last_ten_are_kept_and_the_current_one_always() {
        let all: Vec<_> = (1..=12).map(|number| known(number, "x")).collect();
        let numbers = |current| -> Vec<u32> {
            too_old(&all, current, &Finished::default())
                .iter()
                .map(|one| one.number)
                .collect()
        };
        assert_eq!(numbers(12), [1, 2]);
        assert_eq!(numbers(1), [2, 3]);
        assert!(too_old(&all[..10], 10, &Finished::default()).is_empty());
    }

    #[test]
    fn what_was_never_finished_goes_before_what_one_can_go_back_to() {
        let all: Vec<_> = (1..=12).map(|number| known(number, "x")).collect();
        let numbers = |finished: &str| -> Vec<u32> {
            let finished = Finished::parse(finished);
            let old = too_old(&all, 12, &finished);
            old.iter().map(|one| one.number).collect()
        };
        assert_eq!(numbers("1,12"), [2, 3]);
        assert_eq!(numbers("1,2,3,4,5,6,7,8,9,11,12"), [10, 1]);
        // What was before the first that was noted may have been finished.
        assert_eq!(numbers("9,12"), [10, 11]);
    }

    #[test]
    fn the_revisions_that_became_the_current_one_are_noted() {
        let finished = Finished::parse("3,x,1").and(7).and(7);
        assert_eq!(finished.to_string(), "1,3,7");
        assert_eq!((finished.before(7), finished.before(1)), (Some(3), None));
        assert_eq!(
            [1, 2, 3, 5].map(|it| finished.has(it)),
            [true, false, true, false]
        );
        let many = (1..=12).fold(Finished::default(), Finished::and);
        assert_eq!(many.to_string(), "3,4,5,6,7,8,9,10,11,12");
        // They were, as far as anybody knows.
        assert!(many.has(2) && Finished::default().has(5));
    }
}
