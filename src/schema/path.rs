//! Paths to fields, as people write them: `spec.containers[0].ports`, `spec.containers.ports`.

use std::fmt;
use std::str::FromStr;

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into a field of a map.
    Key(String),
    /// Into an item of a list; which one makes no difference to its schema.
    Item,
}

/// A path from the top of an object; empty for the object itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<Step>);

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path; write it as in spec.containers[0].ports or spec.containers.ports")]
pub struct PathError(String);

impl Path {
    /// Returns its keys, lists passed over.
    pub fn keys(&self) -> Vec<&str> {
        let keys = self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item => None,
        });
        keys.collect()
    }

    /// Returns the path one step further.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

impl FromStr for Path {
    type Err = PathError;

    /// Reads keys between dots, indices in brackets, and keys with dots in quotes: `labels["a.b/c"]`.
    fn from_str(text: &str) -> Result<Self, PathError> {
        let error = || PathError(text.chars().take(80).collect());
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('.').unwrap_or(text);
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('[') {
                let (step, after) = bracketed(after).ok_or_else(error)?;
                steps.push(step);
                rest = after;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if end == 0 {
                    return Err(error());
                }
                steps.push(Step::Key(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            if let Some(after) = rest.strip_prefix('.') {
                if after.is_empty() || after.starts_with('[') {
                    return Err(error());
                }
                rest = after;
            }
        }
        Ok(Self(steps))
    }
}

/// Reads what stands behind an opening bracket, and returns what follows the closing one.
fn bracketed(text: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (key, after) = quoted.split_once("\"]")?;
        return Some((Step::Key(key.to_owned()), after));
    }
    let (index, after) = text.split_once(']')?;
    let is_index = index == "*" || index.bytes().all(|b| b.is_ascii_digit());
    is_index.then_some((Step::Item, after))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Item => f.write_str("[]")?,
                Step::Key(key) if key.contains(['.', '[', '"']) => write!(f, "[{key:?}]")?,
                Step::Key(key) if n == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_people_write_them() {
        let check = |text: &str, shown: Option<&str>| {
            let path = text.parse::<Path>().ok();
            assert_eq!(path.map(|p| p.to_string()).as_deref(), shown, "{text}");
        };
        check("", Some(""));
        check(".spec", Some("spec"));
        check("spec.containers[0].ports", Some("spec.containers[].ports"));
        check("spec.containers[*]", Some("spec.containers[]"));
        check("labels[\"a.b/c\"].x", Some("labels[\"a.b/c\"].x"));
        check("[0][1].a", Some("[][].a"));
        check("a..b", None);
        check("a.", None);
        check("a[x]", None);
        check("a[", None);
        check("a.[0]", None);
    }
}
