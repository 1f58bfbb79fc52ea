//! Permissions: what this user may do, asked before the first write of an operation.
//!
//! One review of a namespace's rules answers most questions at once. What it does not plainly allow is asked singly: the
//! rules may be incomplete, and some authorizers answer single questions only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::kinds::Resource;
use super::{Cluster, MAX_IN_FLIGHT};
use crate::definition::object::GroupKind;
use crate::failure::Failure;
use crate::text;

const API: &str = "/apis/authorization.k8s.io/v1";
const DOING: &str = "ask for permissions";
const REVIEW_OF_SELF: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// Something that a user may or may not do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// `get`, `list`, `watch`, `create`, `patch`, `delete`.
    pub verb: &'static str,
    /// To which kind.
    pub kind: GroupKind,
    /// To which part of its objects (`log`, `exec`, `scale`); none for the objects themselves.
    pub subresource: Option<&'static str>,
    /// In which namespace; none for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// To the object of which name, as a right may be to certain objects; none where it must be to all.
    pub name: Option<String>,
}

/// Shows what is done to what: `create Pod/exec`.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.what())
    }
}

impl Access {
    /// Returns the kind, with the part of its objects where one is meant: `Pod/exec`.
    pub fn what(&self) -> String {
        match self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.kind.kind),
            None => self.kind.kind.clone(),
        }
    }

    /// Returns the same to all objects.
    fn to_all(&self) -> Self {
        Self {
            name: None,
            ..self.clone()
        }
    }
}

/// A rule of a `SelfSubjectRulesReview`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

/// The rules of a namespace.
struct Rules {
    list: Vec<Rule>,
    /// Whether they say all that is allowed.
    is_complete: bool,
}

impl Rules {
    /// Tells whether what is denied for all objects may be allowed for one by its name.
    fn may_allow_by_name(&self, access: &Access, resource: &Resource) -> bool {
        let mut rules = self.list.iter();
        !self.is_complete || rules.any(|rule| rule.allows_some(access, resource))
    }
}

/// Which rule is enough for an access.
type Enough = fn(&Rule, &Access, &Resource) -> bool;

impl Rule {
    /// Tells whether the rule allows it for every object, or for the one that is meant.
    fn allows(&self, access: &Access, resource: &Resource) -> bool {
        let is_named = |name: &String| self.resource_names.contains(name);
        let covers = self.resource_names.is_empty() || access.name.as_ref().is_some_and(is_named);
        covers && self.allows_some(access, resource)
    }

    /// Tells whether the rule allows it for objects of certain names at least.
    fn allows_some(&self, access: &Access, resource: &Resource) -> bool {
        let has = |all: &[String], one: &str| all.iter().any(|item| item == "*" || item == one);
        let of_resource = match access.subresource {
            None => has(&self.resources, &resource.plural),
            // NB: the right to objects is none to their parts.
            Some(part) => {
                has(&self.resources, &format!("{}/{part}", resource.plural))
                    || has(&self.resources, &format!("*/{part}"))
            }
        };
        has(&self.verbs, access.verb) && has(&self.api_groups, &resource.group) && of_resource
    }
}

impl Cluster {
    /// Tells for each access whether the server allows it, in the same order.
    ///
    /// # Errors
    /// The server refuses the reviews themselves, or has not answered after the deadline.
    pub async fn can(&self, accesses: &[Access]) -> Result<Vec<bool>, Failure> {
        self.can_by(accesses, Rule::allows).await
    }

    /// As [`Cluster::can`], where a right to objects of certain names counts too: whether one is of them is asked with its name.
    ///
    /// # Errors
    /// As [`Cluster::can`].
    pub async fn can_to_some(&self, accesses: &[Access]) -> Result<Vec<bool>, Failure> {
        self.can_by(accesses, Rule::allows_some).await
    }

    async fn can_by(&self, accesses: &[Access], is_enough: Enough) -> Result<Vec<bool>, Failure> {
        let namespaces: BTreeSet<&str> = accesses
            .iter()
            .filter_map(|access| access.namespace.as_deref())
            .collect();
        let mut rules: BTreeMap<&str, Rules> = BTreeMap::new();
        for namespace in namespaces {
            rules.insert(namespace, self.rules(namespace).await);
        }
        // Each with whether it may be allowed by its name alone.
        let mut doubtful: BTreeMap<Access, bool> = BTreeMap::new();
        for access in accesses {
            let resource = self.resource(&access.kind).await?;
            let namespace = access.namespace.as_deref().unwrap_or_default();
            let known = rules.get(namespace);
            let mut of_namespace = known.into_iter().flat_map(|it| &it.list);
            if !of_namespace.any(|rule| is_enough(rule, access, &resource)) {
                let may_by_name = known.is_none_or(|it| it.may_allow_by_name(access, &resource));
                doubtful.insert(access.clone(), access.name.is_some() && may_by_name);
            }
        }
        // What is allowed to all is not asked for one by one.
        let to_all = doubtful.keys().map(Access::to_all).collect();
        let not_to_all = self.denied(to_all).await?;
        doubtful.retain(|access, _| not_to_all.contains(&access.to_all()));
        let (by_name, mut denied): (BTreeSet<_>, BTreeSet<_>) =
            (doubtful.keys().cloned()).partition(|access| doubtful[access]);
        denied.extend(self.denied(by_name).await?);
        let is_allowed = |access: &Access| !denied.contains(access);
        Ok(accesses.iter().map(is_allowed).collect())
    }

    /// Returns as whom the server knows this user; none where it does not say, as servers before Kubernetes 1.28.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn known_as(&self) -> Result<Option<String>, Failure> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let doing = "ask who this user is";
        let answer = match self.ask_review(doing, REVIEW_OF_SELF, &review).await {
            Err(failure) if failure.is_unanswered() => return Err(failure),
            answer => answer.unwrap_or_default(),
        };
        let name = answer.pointer("/status/userInfo/username");
        let name = name.and_then(Value::as_str).filter(|name| !name.is_empty());
        Ok(name.map(|name| text::clean(name).into_owned()))
    }

    /// Asks singly, and returns what is not allowed.
    async fn denied(&self, accesses: BTreeSet<Access>) -> Result<BTreeSet<Access>, Failure> {
        // NB: owned, for a borrowed item in the closure would make the whole future impossible to spawn.
        let answers = stream::iter(accesses)
            .map(|access| async move {
                let may = self.may_one(&access).await?;
                Ok((!may).then_some(access))
            })
            .buffered(MAX_IN_FLIGHT);
        let answers: Vec<Result<Option<Access>, Failure>> = answers.collect().await;
        let denied: Result<Vec<_>, Failure> = answers.into_iter().collect();
        Ok(denied?.into_iter().flatten().collect())
    }

    /// Returns the rules of a namespace; none where that question is refused, for each is then asked singly.
    async fn rules(&self, namespace: &str) -> Rules {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        });
        let path = format!("{API}/selfsubjectrulesreviews");
        let answer = self.ask_review(DOING, &path, &review).await;
        let mut status = answer.map_or(Value::Null, |mut answer| answer["status"].take());
        let list: Option<Vec<Rule>> = serde_json::from_value(status["resourceRules"].take()).ok();
        Rules {
            is_complete: list.is_some() && status["incomplete"] != true,
            list: list.unwrap_or_default(),
        }
    }

    /// Tells whether the server allows it, in answer to a question of its own.
    ///
    /// # Errors
    /// The server refuses the review, or has not answered after the deadline.
    pub(super) async fn may_one(&self, access: &Access) -> Result<bool, Failure> {
        let resource = self.resource(&access.kind).await?;
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": access.verb,
                "group": resource.group,
                "resource": resource.plural,
                "subresource": access.subresource.unwrap_or_default(),
                "namespace": access.namespace.as_deref().unwrap_or_default(),
                "name": access.name.as_deref().unwrap_or_default(),
            }},
        });
        let path = format!("{API}/selfsubjectaccessreviews");
        let answer = self.ask_review(DOING, &path, &review).await?;
        let allowed = answer.pointer("/status/allowed").and_then(Value::as_bool);
        Ok(allowed.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::mock::{self, Reply};

    #[tokio::test]
    async fn a_user_is_known_as_the_server_says_where_it_does() {
        let known =
            json!({"status": {"userInfo": {"username": "system:serviceaccount:ci:deployer"}}});
        for (reply, expected) in [
            (
                Reply::json(201, &known),
                Some("system:serviceaccount:ci:deployer"),
            ),
            (Reply::json(201, json!({"status": {}})), None),
            (Reply::status(404, "the server could not find it"), None),
            (Reply::status(403, "it is forbidden"), None),
        ] {
            let (cluster, _) = mock::cluster(move |_| reply.clone());
            let found = cluster.known_as().await.unwrap();
            assert_eq!(found.as_deref(), expected);
        }
    }
}
