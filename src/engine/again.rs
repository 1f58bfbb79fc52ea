//! A text that was deployed before, checked anew: rules and settings may have changed since.

use std::collections::BTreeMap;

use super::deploy::DeployRequest;
use super::preflight::refused;
use super::remedy::Remedies;
use crate::definition::Definition;
use crate::definition::check::{CheckContext, SchemaSource, check};
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::id::InstanceId;
use crate::definition::policy::Policy;
use crate::failure::{Failure, FailureKind};
use crate::secret::SecretValues;
use crate::service::summary::InstanceKey;

/// Reads the values of a definition's secrets from where it says that they are: nothing keeps them.
pub type ReadSecrets<'a> = &'a (dyn Fn(&Definition) -> Result<SecretValues, Failure> + Send + Sync);

/// Who deploys something again, and under which settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The host of Ingresses whose definition names none.
    pub ingress_host: Option<String>,
    /// Short names for GPU resources.
    pub gpus: BTreeMap<String, String>,
    /// Whether fields that others own are left to them.
    pub yields: bool,
    /// What was agreed to beyond a plain deploy.
    pub remedies: Remedies,
    /// Why, in the words of the one who deploys.
    pub message: Option<String>,
    /// Who deploys: user, host and process.
    pub holder: String,
}

/// What was deployed before.
pub(super) struct Former {
    /// What it is, for sentences about it.
    pub what: String,
    pub instance: InstanceKey,
    pub name: Option<InstanceId>,
    pub text: String,
    pub parameters: BTreeMap<String, String>,
}

/// Checks it and makes of it what is deployed; `cause` is why, where the person says nothing.
///
/// # Errors
/// It has faults, is for another namespace, or the values of its secrets cannot be read.
pub(super) fn request(
    former: Former,
    surroundings: &Surroundings,
    policy: &Policy,
    cause: String,
    read_secrets: ReadSecrets<'_>,
) -> Result<DeployRequest, Failure> {
    let Former {
        what,
        instance: InstanceKey { namespace, id },
        name,
        text,
        parameters,
    } = former;
    let context = CheckContext {
        gpus: surroundings.gpus.clone(),
        id: Some(id.clone()),
        namespace: Some(namespace.clone()),
        parameters: parameters.clone(),
        policy: policy.clone(),
        // A cluster took it: it alone says whether it still does.
        schemas: SchemaSource::None,
    };
    let checked = check(&text, &context);
    let Some(definition) = checked.definition else {
        return Err(faulty(&what, &checked.diagnostics));
    };
    if let Some(other) = definition.namespace().filter(|it| *it != namespace) {
        return Err(refused(format!("{what} is for the namespace {other}")));
    }
    Ok(DeployRequest {
        secrets: read_secrets(&definition)?,
        definition,
        text,
        name: name.unwrap_or_else(|| id.clone()),
        id,
        namespace,
        parameters,
        ingress_host: surroundings.ingress_host.clone(),
        gpus: surroundings.gpus.clone(),
        yields: surroundings.yields,
        // What is deployed again may be from before a claim grew.
        remedies: Remedies {
            hold_sizes: true,
            ..surroundings.remedies
        },
        message: Some(surroundings.message.clone().unwrap_or(cause)),
        holder: surroundings.holder.clone(),
    })
}

fn faulty(what: &str, faults: &[Diagnostic]) -> Failure {
    let errors = faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error);
    let lines: Vec<String> = errors
        .map(|fault| {
            let start = fault.span.start;
            format!("{}:{}: {}", start.line, start.column, fault.message)
        })
        .collect();
    Failure {
        detail: lines.join("\n"),
        ..Failure::new(
            FailureKind::Invalid,
            format!("{what} is no definition that could be deployed now"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Option<&str>, &str>) {
        let former = Former {
            what: "revision 2 of team-a/web".to_owned(),
            instance: InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "web".parse().unwrap(),
            },
            name: Some("shop".parse().unwrap()),
            text: text.to_owned(),
            parameters: BTreeMap::new(),
        };
        let surroundings = Surroundings {
            ingress_host: None,
            gpus: BTreeMap::new(),
            yields: false,
            remedies: Remedies::default(),
            message: None,
            holder: "ann@bastion 42".to_owned(),
        };
        let cause = "rollback to r2".to_owned();
        let made = request(former, &surroundings, &Policy::default(), cause, &|_| {
            Ok(SecretValues::default())
        });
        let made = made.map(|request| request.message);
        assert_eq!(
            made.map_err(|failure| failure.summary),
            expected
                .map(|cause| cause.map(str::to_owned))
                .map_err(str::to_owned)
        );
    }

    #[test]
    fn what_was_deployed_once_is_checked_anew() {
        let web = "containers: [{name: web, image: nginx}]\n";
        check(web, Ok(Some("rollback to r2")));
        check(
            &format!("namespace: team-a\n{web}"),
            Ok(Some("rollback to r2")),
        );
        check(
            &format!("namespace: team-b\n{web}"),
            Err("revision 2 of team-a/web is for the namespace team-b"),
        );
        check(
            "containers: []\n",
            Err("revision 2 of team-a/web is no definition that could be deployed now"),
        );
    }
}
