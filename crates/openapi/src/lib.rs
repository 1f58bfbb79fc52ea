//! The OpenAPI v3 schemas of Kubernetes' own kinds, as an API server of [`RELEASE`] serves them, compressed.
//!
//! Both the sandbox, which serves them, and bowline, which checks and explains by them, unpack what they need; the texts are
//! apart because few ever need them. Where they come from is told in `assets/README.md`. Nothing is parsed here.

use std::io::Read;

use flate2::read::GzDecoder;

/// The release of Kubernetes that the schemas are of.
pub const RELEASE: &str = "v1.36";

const STRUCTURE: &[u8] = include_bytes!("../assets/schema.json.gz");
const DESCRIPTIONS: &[u8] = include_bytes!("../assets/descriptions.json.gz");

/// Returns `{"kinds": {"apps/v1/Deployment": NAME}, "definitions": {NAME: SCHEMA}}` as JSON, without texts.
pub fn structure() -> Vec<u8> {
    unpack(STRUCTURE)
}

/// Returns `{NAME: {FIELD: TEXT}}` as JSON; the text of the definition itself stands under the empty field.
pub fn descriptions() -> Vec<u8> {
    unpack(DESCRIPTIONS)
}

fn unpack(asset: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    GzDecoder::new(asset)
        .read_to_end(&mut text)
        .expect("the asset is compressed");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_stay_small() {
        let n_bytes = STRUCTURE.len() + DESCRIPTIONS.len();
        assert!(n_bytes < 200 * 1024, "{n_bytes} bytes in every binary");
        assert!(structure().starts_with(b"{\"definitions\":"));
        assert!(descriptions().starts_with(b"{\""));
    }
}
