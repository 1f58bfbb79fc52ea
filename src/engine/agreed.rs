//! What was agreed to when an operation was begun, noted in it: whoever goes on with it goes on so, and is not asked again.
//!
//! Flags and settings only. Of fields that are taken from others a digest of what was shown is noted, and no value ever is. Of
//! a Secret not even that: a short value can be guessed by its digest, so that its fields are asked about again.

use std::collections::BTreeSet;

use super::again::Surroundings;
use super::deploy::DeployRequest;
use super::plan::{DeployPlan, FieldConflict};
use super::remedy::{Remedies, Remedy};
use super::revision;
use crate::service::operation::Aim;

const YIELD: &str = "yield-conflicts";
const FORCE: &str = "force-conflicts";
/// How much of a digest is noted: enough to tell the fields of one instance apart.
const DIGITS: usize = 16;

/// Returns what is noted of the agreement to a plan that is carried out.
pub(super) fn noted(request: &DeployRequest, plan: &DeployPlan) -> Aim {
    let mut agreed = words(request.remedies);
    if request.yields {
        agreed.push(YIELD.to_owned());
    }
    let taken = digests(&plan.conflicts);
    if !taken.is_empty() {
        agreed.push(FORCE.to_owned());
    }
    Aim {
        agreed,
        taken,
        ingress_host: request.ingress_host.clone(),
        gpus: request.gpus.clone(),
        kept: plan.kept_replicas.clone(),
        ..Aim::default()
    }
}

/// Returns the fields of others that are taken, of those that were shown.
pub(super) fn taken(is_agreed: bool, shown: &[FieldConflict]) -> &[FieldConflict] {
    match is_agreed {
        true => shown,
        false => &[],
    }
}

/// Returns the digests of fields of others, as they are shown.
pub(super) fn digests(conflicts: &[FieldConflict]) -> Vec<String> {
    conflicts.iter().filter_map(digest).collect()
}

fn digest(conflict: &FieldConflict) -> Option<String> {
    let FieldConflict {
        key,
        field,
        message,
        seen,
    } = conflict;
    if key.kind == "Secret" && key.group.is_empty() {
        return None;
    }
    let seen = seen.as_deref().unwrap_or_default();
    let namespace = key.namespace.as_deref().unwrap_or_default();
    let shown = format!("{namespace}\n{key}\n{field}\n{message}\n{seen}");
    let mut digest = revision::text_hash(&shown);
    digest.truncate(DIGITS);
    Some(digest)
}

/// Tells whether all of these fields were shown and taken when it was begun; not so where there are none.
pub(super) fn is_taken(aim: &Aim, conflicts: &[FieldConflict]) -> bool {
    let taken: BTreeSet<&str> = aim.taken.iter().map(String::as_str).collect();
    let is_shown = |conflict: &FieldConflict| {
        digest(conflict).is_some_and(|digest| taken.contains(digest.as_str()))
    };
    !conflicts.is_empty() && conflicts.iter().all(is_shown)
}

/// Returns the surroundings under which it goes on: those of the one who began it, and what is agreed to now beside.
pub(super) fn surroundings(aim: &Aim, own: &Surroundings) -> Surroundings {
    let is_agreed = |remedy: &Remedy| aim.agreed.iter().any(|word| word == name(*remedy));
    let remedies = Remedy::ALL.into_iter().filter(is_agreed);
    let gpus = match aim.gpus.is_empty() {
        true => own.gpus.clone(),
        false => aim.gpus.clone(),
    };
    Surroundings {
        ingress_host: aim
            .ingress_host
            .clone()
            .or_else(|| own.ingress_host.clone()),
        gpus,
        yields: own.yields || aim.agreed.iter().any(|word| word == YIELD),
        remedies: Remedies {
            // What of it could not be bound is no reason to stand still half way.
            pass_over: is_agreed(&Remedy::BindRetained),
            ..remedies.fold(own.remedies, Remedies::with)
        },
        ..own.clone()
    }
}

/// Lets a plan go on as it was begun, and says so.
pub(super) fn go_on(aim: &Aim, plan: &mut DeployPlan) {
    plan.takes_conflicts = is_taken(aim, &plan.conflicts);
    plan.warnings.extend(sentence(aim));
}

/// Says with what it was begun; none if with nothing that matters.
pub(super) fn sentence(aim: &Aim) -> Option<String> {
    let known = |word: &&String| {
        let is_remedy = Remedy::ALL.into_iter().any(|remedy| name(remedy) == *word);
        is_remedy || [YIELD, FORCE].contains(&word.as_str())
    };
    let flags = aim.agreed.iter().filter(known);
    let flags: Vec<String> = flags.map(|word| format!("--{word}")).collect();
    let flags = flags.join(" ");
    (!flags.is_empty()).then(|| format!("it was begun with {flags}, and goes on so"))
}

fn words(remedies: Remedies) -> Vec<String> {
    let agreed = Remedy::ALL.into_iter().filter(|it| remedies.has(*it));
    agreed.map(|remedy| name(remedy).to_owned()).collect()
}

/// Returns the name of the flag of a remedy.
fn name(remedy: Remedy) -> &'static str {
    remedy.flag().trim_start_matches('-')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::metadata::core_key;

    fn own() -> Surroundings {
        Surroundings {
            ingress_host: Some("own.example.com".to_owned()),
            gpus: BTreeMap::new(),
            yields: false,
            remedies: Remedies::default().with(Remedy::BindRetained),
            message: None,
            holder: "bob@bastion 8".to_owned(),
        }
    }

    fn conflict(field: &str, manager: &str) -> FieldConflict {
        FieldConflict {
            key: core_key("Service", "team-a", "web"),
            field: field.to_owned(),
            message: format!("conflict with {manager:?}"),
            seen: Some("of 3".to_owned()),
        }
    }

    #[test]
    fn what_was_begun_goes_on_with_what_was_agreed_to() {
        let aim = Aim {
            agreed: [
                "bind-retained",
                "recreate",
                "yield-conflicts",
                "of-another-version",
            ]
            .map(str::to_owned)
            .into(),
            ingress_host: Some("first.example.com".to_owned()),
            ..Aim::default()
        };
        let expected = Surroundings {
            ingress_host: Some("first.example.com".to_owned()),
            yields: true,
            remedies: Remedies {
                pass_over: true,
                ..own().remedies.with(Remedy::Recreate)
            },
            ..own()
        };
        assert_eq!(surroundings(&aim, &own()), expected);
        assert_eq!(
            sentence(&aim).as_deref(),
            Some("it was begun with --bind-retained --recreate --yield-conflicts, and goes on so")
        );
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        assert_eq!(surroundings(&Aim::default(), &own()), own());
        assert_eq!(sentence(&Aim::default()), None);
    }

    #[test]
    fn only_the_fields_that_were_shown_are_taken() {
        let shown = [
            conflict(".spec.type", "kubectl-edit"),
            conflict(".spec.x", "helm"),
        ];
        let aim = Aim {
            taken: digests(&shown),
            ..Aim::default()
        };
        let check = |conflicts: &[FieldConflict], expected| {
            assert_eq!(is_taken(&aim, conflicts), expected, "{conflicts:?}");
        };
        check(&shown, true);
        check(&shown[1..], true);
        check(&[], false);
        check(&[conflict(".spec.type", "another")], false);
        check(&[shown[0].clone(), conflict(".spec.y", "helm")], false);
        let changed = FieldConflict {
            seen: Some("of 4".to_owned()),
            ..shown[0].clone()
        };
        check(&[changed], false);
    }

    #[test]
    fn of_a_secret_nothing_is_noted() {
        let of_secret = FieldConflict {
            key: core_key("Secret", "team-a", "web"),
            ..conflict(".data.token", "kubectl-edit")
        };
        assert_eq!(digests(std::slice::from_ref(&of_secret)), [""; 0]);
        assert!(!is_taken(&Aim::default(), &[of_secret]));
    }
}
