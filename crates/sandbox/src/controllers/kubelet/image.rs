//! Images by name alone: how one is written in full, how it fares by its tag, what a pull of it says.

use sha2::{Digest, Sha256};

use crate::controllers::pods::fnv1a_32;

/// An image as a container names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The name as written.
    pub name: String,
}

impl Image {
    /// Returns the image of that name.
    pub fn new(name: &str) -> Image {
        Image {
            name: name.to_owned(),
        }
    }

    /// Returns what comes after the name's last colon, if that is a tag and no port.
    fn tag(&self) -> &str {
        let name = self
            .name
            .split_once('@')
            .map_or(self.name.as_str(), |(name, _)| name);
        let last = name.rsplit('/').next().unwrap_or(name);
        last.split_once(':').map_or("", |(_, tag)| tag)
    }

    /// Returns whether the registry does not have it.
    pub fn is_missing(&self) -> bool {
        self.tag().contains("missing")
    }

    /// Returns whether it ends with an error soon after it started.
    pub fn is_crashing(&self) -> bool {
        self.tag().contains("crash")
    }

    /// Returns whether its pull, its start and its stop take long.
    pub fn is_slow(&self) -> bool {
        self.tag().contains("slow")
    }

    /// Returns whether it says more than anybody can read.
    pub fn is_chatty(&self) -> bool {
        self.tag().contains("chatty")
    }

    /// Returns whether it is pulled even where the node has it, unless the container says otherwise.
    pub fn is_latest(&self) -> bool {
        matches!(self.tag(), "" | "latest") && !self.name.contains('@')
    }

    /// Returns the name with registry, repository and tag written out.
    pub fn full_name(&self) -> String {
        let (first, rest) = self.name.split_once('/').unwrap_or(("", &self.name));
        let has_registry = first.contains(['.', ':']) || first == "localhost";
        let mut full = match (has_registry, first) {
            (true, _) => self.name.clone(),
            (false, "") => format!("docker.io/library/{rest}"),
            (false, _) => format!("docker.io/{}", self.name),
        };
        if self.tag().is_empty() && !self.name.contains('@') {
            full.push_str(":latest");
        }
        full
    }

    /// Returns the identity of its content, as a container's status gives it.
    pub fn id(&self) -> String {
        let full = self.full_name();
        let repository = full.split_once('@').map_or(full.as_str(), |(name, _)| name);
        let repository = repository
            .strip_suffix(&format!(":{}", self.tag()))
            .unwrap_or(repository);
        let repository = repository.strip_suffix(":latest").unwrap_or(repository);
        format!("{repository}@sha256:{}", hex_of(&full))
    }

    /// Returns how many milliseconds a pull takes on one pod's behalf.
    pub fn pull_ms(&self, seed: &str) -> i64 {
        let spread = i64::from(fnv1a_32(format!("{seed}{}", self.name).as_bytes()) % 1000);
        if self.is_slow() {
            3_500 + spread * 2
        } else {
            180 + spread / 4
        }
    }

    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        20_000_000 + u64::from(fnv1a_32(self.name.as_bytes()) % 180_000_000)
    }

    /// Returns what the runtime says when the registry does not have it.
    pub fn pull_error(&self) -> String {
        let full = self.full_name();
        format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{full}\": failed to resolve reference \
             \"{full}\": {full}: not found"
        )
    }
}

/// Returns the SHA-256 of `text` in hexadecimal.
pub fn hex_of(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_full() {
        let check = |name: &str, expected: &str| assert_eq!(Image::new(name).full_name(), expected);
        check("nginx", "docker.io/library/nginx:latest");
        check("nginx:1.27", "docker.io/library/nginx:1.27");
        check("team/app:1", "docker.io/team/app:1");
        check("ghcr.io/team/app", "ghcr.io/team/app:latest");
        check("localhost:5000/app:2", "localhost:5000/app:2");
        assert!(
            Image::new("nginx:1.27")
                .id()
                .starts_with("docker.io/library/nginx@sha256:")
        );
        assert!(
            Image::new("localhost:5000/app")
                .id()
                .starts_with("localhost:5000/app@sha256:")
        );
    }

    #[test]
    fn only_the_tag_decides_how_an_image_fares() {
        assert!(Image::new("web:missing").is_missing() && Image::new("web:2-crash").is_crashing());
        assert!(Image::new("host:80/slow-web:slow").is_slow());
        assert!(Image::new("app:1-chatty").is_chatty() && !Image::new("chatty:1").is_chatty());
        assert!(
            !Image::new("missing/crash:1").is_missing() && !Image::new("slow.io:443/web").is_slow()
        );
        assert!(Image::new("web").is_latest() && !Image::new("web:1").is_latest());
    }
}
