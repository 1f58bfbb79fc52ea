//! Substitution in string values: `$id`, `${id}`, `${namespace}`, `${parameter}` and `$$`; all else with a dollar stays.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::grammar::is_parameter_name;

/// Names that parameters may not take.
pub(crate) const RESERVED: [&str; 2] = ["id", "namespace"];

/// What is substituted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// Whether dollars mean nothing: the text is taken as it stands.
    pub(crate) is_verbatim: bool,
    /// Whether it is that of defaults of parameters, which know no other parameter.
    pub(crate) is_of_defaults: bool,
    pub(crate) id: String,
    pub(crate) namespace: String,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Scope {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "id" => Some(&self.id),
            "namespace" => Some(&self.namespace),
            _ => self.parameters.get(name).map(String::as_str),
        }
    }
}

/// Substitutes in one text, and calls `on_name` for each `${name}` with whether it is known. The result is never read again
/// for dollars. Stops growing beyond `max_len`, and then returns none.
pub(crate) fn substitute<'t>(
    text: &'t str,
    scope: &Scope,
    max_len: usize,
    mut on_name: impl FnMut(&'t str, bool),
) -> Option<Cow<'t, str>> {
    if scope.is_verbatim || !text.contains('$') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        let (replacement, len) = match reference(after) {
            Reference::Dollar => ("$", 1),
            Reference::Id => (scope.id.as_str(), 2),
            Reference::Braced(name) => {
                let known = scope.get(name);
                on_name(name, known.is_some());
                (
                    known.unwrap_or(&rest[dollar..dollar + name.len() + 3]),
                    name.len() + 2,
                )
            }
            Reference::None => ("$", 0),
        };
        out.push_str(replacement);
        if out.len() > max_len {
            return None;
        }
        rest = &after[len..];
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

enum Reference<'t> {
    /// `$$`.
    Dollar,
    /// `$id`.
    Id,
    /// `${name}`.
    Braced(&'t str),
    /// Nothing of ours.
    None,
}

/// Reads what stands behind a dollar.
fn reference(after: &str) -> Reference<'_> {
    if after.starts_with('$') {
        return Reference::Dollar;
    }
    if let Some(rest) = after.strip_prefix("id") {
        let goes_on = rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        return if goes_on {
            Reference::None
        } else {
            Reference::Id
        };
    }
    after
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .filter(|(name, _)| is_parameter_name(name))
        .map_or(Reference::None, |(name, _)| Reference::Braced(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str, unknown: &[&str]) {
        let scope = Scope {
            id: "web".to_owned(),
            namespace: "team-a".to_owned(),
            parameters: BTreeMap::from([("size".to_owned(), "$id".to_owned())]),
            ..Scope::default()
        };
        let mut missing = Vec::new();
        let out = substitute(text, &scope, 1 << 20, |name, is_known| {
            if !is_known {
                missing.push(name);
            }
        });
        assert_eq!(
            (out.as_deref(), missing.as_slice()),
            (Some(expected), unknown),
            "{text}"
        );
    }

    #[test]
    fn ours_is_substituted_and_all_else_is_left_alone() {
        check("$id", "web", &[]);
        check("${id}-x", "web-x", &[]);
        check("$id-x.$id", "web-x.web", &[]);
        check("$idle $ids $id_", "$idle $ids $id_", &[]);
        check("${namespace}", "team-a", &[]);
        check("$namespace", "$namespace", &[]);
        check(
            "$(VAR) $VAR ${VAR:-x} $ 5$",
            "$(VAR) $VAR ${VAR:-x} $ 5$",
            &[],
        );
        check("$$id $${id} $$(VAR)", "$id ${id} $(VAR)", &[]);
        check("$$$id", "$web", &[]);
        check("${} ${ id } ${", "${} ${ id } ${", &[]);
        check("a ${nope} b", "a ${nope} b", &["nope"]);
        // What was put in is never read again.
        check("${size}", "$id", &[]);
    }

    #[test]
    fn growth_is_bounded() {
        let scope = Scope {
            parameters: BTreeMap::from([("p".to_owned(), "x".repeat(1000))]),
            ..Scope::default()
        };
        assert_eq!(
            substitute(&"${p}".repeat(100), &scope, 10_000, |_, _| {}),
            None
        );
    }
}
