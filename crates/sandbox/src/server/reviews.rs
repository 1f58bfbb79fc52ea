//! What the one who asks may do, and who that is: SelfSubjectAccessReview, SelfSubjectRulesReview and SelfSubjectReview.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rbac::Rule;
use crate::status::Status;

use super::{Answer, Ask, json};

pub(super) fn answer(ask: &Ask, plural: &str) -> Result<Answer, Status> {
    if ask.method != Method::POST {
        return Err(Status::method_not_allowed());
    }
    let mut review = ask.object()?;
    review["status"] = match plural {
        "selfsubjectreviews" => json!({"userInfo": {"username": ask.user.name}}),
        "selfsubjectaccessreviews" => access(ask, &review["spec"]),
        _ => rules(
            ask,
            review["spec"]["namespace"].as_str().unwrap_or_default(),
        )?,
    };
    Ok(json(StatusCode::CREATED, &review))
}

fn access(ask: &Ask, spec: &Value) -> Value {
    let attributes = &spec["resourceAttributes"];
    if !attributes.is_object() {
        // Paths that are no resources: everybody may look at the API itself.
        return json!({"allowed": spec["nonResourceAttributes"]["verb"] == "get"});
    }
    let text = |key: &str| attributes[key].as_str().unwrap_or_default();
    let resource = match text("subresource") {
        "" => text("resource").to_owned(),
        subresource => format!("{}/{subresource}", text("resource")),
    };
    let namespace = Some(text("namespace")).filter(|namespace| !namespace.is_empty());
    json!({"allowed": ask.user.may(text("verb"), text("group"), &resource, namespace)})
}

fn rules(ask: &Ask, namespace: &str) -> Result<Value, Status> {
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let holds = |rule: &&Rule| {
        rule.namespaces
            .iter()
            .any(|entry| entry == "*" || entry == namespace)
    };
    let rules: Vec<Value> = ask
        .user
        .rules
        .iter()
        .filter(holds)
        .map(|rule| json!({"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources}))
        .collect();
    let open = json!([{"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/version", "/openapi/*"]}]);
    Ok(json!({"resourceRules": rules, "nonResourceRules": open, "incomplete": false}))
}
