//! Label selectors, built from typed parts only, so that no text can widen what is selected.

use std::fmt;

use super::LabelSelector;
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::naming;

/// A label selector.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector(String);

impl Selector {
    /// Selects every object.
    pub fn everything() -> Self {
        Self(String::new())
    }

    /// Selects everything that bowline manages.
    pub fn managed() -> Self {
        Self(naming::managed_selector())
    }

    /// Selects everything of one instance.
    pub fn instance(id: &InstanceId) -> Self {
        Self(naming::instance_selector(id))
    }

    /// Selects the volumes that were retained of an instance.
    pub fn retained(id: &InstanceId, namespace: &Namespace) -> Self {
        Self(naming::retained_selector(id, namespace))
    }

    /// Selects the volumes that were retained of instances, of those of a namespace or of all.
    pub fn retained_of(namespace: Option<&Namespace>) -> Self {
        let managed = naming::managed_selector();
        let label = naming::LABEL_VOLUME_NAMESPACE;
        Self(match namespace {
            Some(namespace) => format!("{managed},{label}={namespace}"),
            None => format!("{managed},{label}"),
        })
    }

    /// Selects the records: the `ApplySet` parents among what bowline manages.
    pub fn records() -> Self {
        Self(format!(
            "{},{}",
            naming::managed_selector(),
            naming::LABEL_APPLYSET_ID
        ))
    }

    /// Selects the record of one instance.
    pub fn record(id: &InstanceId) -> Self {
        Self(format!(
            "{},{}",
            naming::instance_selector(id),
            naming::LABEL_APPLYSET_ID
        ))
    }

    /// Selects the records whose labels meet what somebody asks for.
    pub fn records_with(asked: &LabelSelector) -> Self {
        Self(format!("{},{asked}", Self::records()))
    }

    /// Selects what somebody asks for, whoever manages it.
    pub fn asked(asked: &LabelSelector) -> Self {
        Self(asked.to_string())
    }

    /// Selects everything that Helm manages.
    pub fn helm() -> Self {
        Self(format!("{}=Helm", naming::LABEL_MANAGED_BY))
    }

    /// Selects the parents of `ApplySets` of any tool.
    pub fn set_parents() -> Self {
        Self(naming::LABEL_APPLYSET_ID.to_owned())
    }

    /// Selects the definitions of kinds that may be parents of `ApplySets`.
    pub fn set_parent_kinds() -> Self {
        Self("applyset.kubernetes.io/is-parent-type=true".to_owned())
    }

    /// Selects the members of all `ApplySets`.
    pub fn set_members() -> Self {
        Self(naming::LABEL_PART_OF.to_owned())
    }

    /// Selects the members of one `ApplySet`, by an ID that was checked.
    pub(crate) fn of_set(id: &str) -> Self {
        Self(format!("{}={id}", naming::LABEL_PART_OF))
    }

    /// Returns the selector as the API takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn selectors_are_as_the_api_takes_them() {
        let id: InstanceId = "web".parse().unwrap();
        let shown = [
            Selector::everything(),
            Selector::managed(),
            Selector::instance(&id),
            Selector::retained(&id, &"team-a".parse().unwrap()),
            Selector::records(),
            Selector::record(&id),
            Selector::records_with(&"tier in (web,db)".parse().unwrap()),
        ]
        .map(|selector| selector.to_string());
        let expected = [
            "",
            "app.kubernetes.io/managed-by=bowline",
            "app.kubernetes.io/managed-by=bowline,app.kubernetes.io/instance=web",
            "app.kubernetes.io/managed-by=bowline,app.kubernetes.io/instance=web,bowline.dev/namespace=team-a",
            "app.kubernetes.io/managed-by=bowline,applyset.kubernetes.io/id",
            "app.kubernetes.io/managed-by=bowline,app.kubernetes.io/instance=web,applyset.kubernetes.io/id",
            "app.kubernetes.io/managed-by=bowline,applyset.kubernetes.io/id,tier in (web,db)",
        ];
        assert_eq!(shown, expected);
    }

    proptest! {
        /// Whatever is accepted as an ID makes a selector of exactly two equalities.
        #[test]
        fn instance_selector_selects_exactly_one_id(text in "[-a-z0-9A-Z,=!() ./_]{0,60}") {
            if let Ok(id) = text.parse::<InstanceId>() {
                let selector = Selector::instance(&id).to_string();
                let terms: Vec<_> = selector.split(',').map(|term| term.split_once('=')).collect();
                prop_assert_eq!(terms, [
                    Some(("app.kubernetes.io/managed-by", "bowline")),
                    Some(("app.kubernetes.io/instance", text.as_str())),
                ]);
            }
        }
    }
}
