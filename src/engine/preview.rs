//! What a text would change, found while it is typed: the plan of a deploy, what speaks against it put down to lines; or
//! without a cluster what its objects differ in from those of another text.
//!
//! Nothing is written, and no secret is read: those in the cluster stay, others are stood in for. What the server says
//! comes by its dry run, where this user may ask for one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::blame;
use super::deploy::{COMPUTED_HERE, DeployRequest, plan_preview};
use super::difference::difference;
use super::fields;
use super::plan::{Change, DeployPlan, FieldConflict, PlannedObject};
use super::remedy::Offer;
use super::rendering::rendered;
use crate::cluster::Cluster;
use crate::definition::check::{CheckContext, check};
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::object::{Object, ObjectKey};
use crate::definition::render::{RenderContext, render};
use crate::failure::{Failure, FailureKind};
use crate::secret::SecretValues;

/// Longest value of a field that is told of.
const MAX_VALUE: usize = 60;

/// What a text was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The live objects, by the server's dry run.
    DryRun,
    /// The live objects, without the server's verdict: this user may not ask for it.
    Live,
    /// What was applied last from this machine.
    Applied {
        /// As which revision.
        revision: u32,
        /// When, by the clock of this machine.
        at: Timestamp,
    },
    /// The definition as it is saved.
    Saved,
}

/// A text that another one is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// What it is.
    pub against: Against,
    /// The definition that it is of.
    pub definition: InstanceId,
    /// Parameters that it was applied with.
    pub parameters: BTreeMap<String, String>,
    /// The text.
    pub text: String,
}

/// What a text would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// What it was compared with.
    pub against: Against,
    /// The objects in the order of writing, those that leave last.
    pub objects: Vec<PlannedObject>,
    /// Why it cannot be applied as it is.
    pub refusals: Vec<Failure>,
    /// Fields that others own.
    pub conflicts: Vec<FieldConflict>,
    /// What could be agreed to when it is applied.
    pub offers: Vec<Offer>,
    /// What the person should know.
    pub warnings: Vec<String>,
    /// What of all this is about a line of the text.
    pub faults: Vec<Diagnostic>,
}

/// Finds what deploying a text would change; secrets of the request count for nothing.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be read.
pub async fn preview(cluster: &Cluster, request: DeployRequest) -> Result<Preview, Failure> {
    let request = DeployRequest {
        secrets: SecretValues::unread(),
        ..request
    };
    let cluster = &cluster.for_plans_only(true);
    let plan = plan_preview(cluster, &request).await?;
    let objects = match rendered(cluster, &request, Vec::new()).await? {
        Ok(rendered) => rendered.objects,
        Err(_) => Vec::new(),
    };
    let mut faults: Vec<Diagnostic> = plan.refusals.iter().flat_map(refused).collect();
    faults.extend(conflicting(cluster, &plan, &request.text, &objects).await?);
    let is_computed = plan.warnings.iter().any(|told| told == COMPUTED_HERE);
    Ok(Preview {
        against: match is_computed {
            true => Against::Live,
            false => Against::DryRun,
        },
        objects: plan.objects,
        refusals: plan.refusals,
        conflicts: plan.conflicts,
        offers: plan.offers,
        warnings: plan.warnings,
        faults,
    })
}

/// Returns what a refusal says of lines, with what could be agreed to.
fn refused(refusal: &Failure) -> Vec<Diagnostic> {
    let flags: Vec<&str> = (refusal.detail.lines())
        .filter_map(|line| line.split(' ').next())
        .filter(|word| word.starts_with("--"))
        .map(|flag| flag.trim_start_matches('-'))
        .collect();
    let options = match (flags.as_slice(), refusal.detail.is_empty()) {
        ([], true) => String::new(),
        ([], false) if refusal.kind == FailureKind::Refused => format!("; {}", refusal.detail),
        ([], false) => String::new(),
        (flags, _) => format!("; when it is applied, agree to: {}", flags.join(", ")),
    };
    let told = refusal.faults().map(|fault| Diagnostic {
        message: format!("{}{options}", fault.message),
        ..fault
    });
    told.collect()
}

/// Returns the fields that others own, each at its line with who set it to what.
async fn conflicting(
    cluster: &Cluster,
    plan: &DeployPlan,
    text: &str,
    objects: &[Object],
) -> Result<Vec<Diagnostic>, Failure> {
    let mut live: BTreeMap<&ObjectKey, Option<Object>> = BTreeMap::new();
    let mut faults = Vec::new();
    for conflict in &plan.conflicts {
        let key = &conflict.key;
        let Some(wanted) = objects.iter().find(|object| object.key == *key) else {
            continue;
        };
        let Some(place) = blame::place_of_field(text, wanted, &conflict.field) else {
            continue;
        };
        if !live.contains_key(key) {
            live.insert(key, cluster.get(key).await?);
        }
        let theirs = live.get(key).and_then(Option::as_ref);
        let value = theirs.and_then(|live| shown(live, &conflict.field));
        faults.push(Diagnostic {
            severity: Severity::Warning,
            path: place.path,
            span: place.span,
            message: sentence(conflict, value.as_deref()),
            fix: None,
        });
    }
    Ok(faults)
}

fn sentence(conflict: &FieldConflict, value: Option<&str>) -> String {
    let manager = conflict.message.split('"').nth(1);
    let manager = manager.map_or("somebody else".to_owned(), str::to_owned);
    let to = value.map_or_else(String::new, |value| format!(" to {value}"));
    format!(
        "{manager} set {} of {}{to}: when it is applied, take it over or leave it to its owner",
        conflict.field, conflict.key
    )
}

/// Returns the value of a field as it may be shown.
fn shown(live: &Object, field: &str) -> Option<String> {
    if live.key.kind == "Secret" && live.key.group.is_empty() {
        return None;
    }
    let value = fields::value(&live.json, field)?.to_string();
    match value.chars().nth(MAX_VALUE) {
        None => Some(value),
        Some(_) => Some(value.chars().take(MAX_VALUE).chain(['…']).collect()),
    }
}

/// Finds what the objects of a text differ in from those of the one that is known of its namespace; without one all are new.
pub fn compare_texts(
    text: &str,
    former: impl FnOnce(&Namespace) -> Option<Former>,
    checked: &CheckContext,
    context: &RenderContext,
) -> Preview {
    let mut preview = Preview {
        against: Against::Saved,
        objects: Vec::new(),
        refusals: Vec::new(),
        conflicts: Vec::new(),
        offers: Vec::new(),
        warnings: Vec::new(),
        faults: Vec::new(),
    };
    let (namespace, new) = match objects_of(text, checked, context) {
        Ok(found) => found,
        Err(faults) => {
            // Nothing is compared: without a reason it would look as though nothing changed.
            let reasons = faults.iter().filter(|it| it.severity == Severity::Error);
            let reasons = reasons.map(|it| Failure::new(FailureKind::Invalid, it.message.clone()));
            preview.refusals = reasons.collect();
            preview.faults = faults;
            return preview;
        }
    };
    let mut old = Vec::new();
    if let Some(former) = former(&namespace) {
        preview.against = former.against;
        match former.objects(checked, context) {
            Ok(objects) => old = objects,
            Err(_) => preview.warnings.push(former.told_as_broken()),
        }
    }
    preview.objects = compare(&old, &new);
    preview
}

impl Former {
    fn objects(
        &self,
        checked: &CheckContext,
        context: &RenderContext,
    ) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let checked = CheckContext {
            parameters: self.parameters.clone(),
            ..checked.clone()
        };
        let context = RenderContext {
            definition_name: self.definition.clone(),
            parameters: self.parameters.clone(),
            ..context.clone()
        };
        objects_of(&self.text, &checked, &context).map(|(_, objects)| objects)
    }

    fn told_as_broken(&self) -> String {
        let what = match self.against {
            Against::Applied { .. } => "what was applied cannot be rendered any more",
            Against::DryRun | Against::Live | Against::Saved => "what is saved has errors",
        };
        format!("{what}: all is shown as new")
    }
}

/// Returns the objects of a text, and the namespace that it is for.
fn objects_of(
    text: &str,
    checked: &CheckContext,
    context: &RenderContext,
) -> Result<(Namespace, Vec<Object>), Vec<Diagnostic>> {
    let checked = check(text, checked);
    let Some(definition) = checked.definition else {
        return Err(checked.diagnostics);
    };
    let namespace = definition.namespace().unwrap_or(context.namespace.clone());
    let context = RenderContext {
        namespace: namespace.clone(),
        ..context.clone()
    };
    render(&definition, &context).map(|rendered| (namespace, rendered.objects))
}

fn compare(old: &[Object], new: &[Object]) -> Vec<PlannedObject> {
    let planned = |key: &ObjectKey, old: Option<&Object>, new: Option<&Object>| {
        let difference = match (old, new) {
            (Some(old), Some(new)) if old.json == new.json => Vec::new(),
            _ => difference(old.map(|it| &it.json), new.map(|it| &it.json)),
        };
        PlannedObject {
            key: key.clone(),
            change: match (old, new) {
                (Some(_), Some(_)) if difference.is_empty() => Change::Unchanged,
                (Some(_), Some(_)) => Change::Update,
                (_, None) => Change::Delete,
                (None, _) => Change::Create,
            },
            live_uid: None,
            difference,
            note: None,
        }
    };
    let of = |objects: &[Object], key: &ObjectKey| -> Option<usize> {
        objects.iter().position(|object| object.key == *key)
    };
    let stay = new.iter().map(|object| {
        let before = of(old, &object.key).map(|at| &old[at]);
        planned(&object.key, before, Some(object))
    });
    let leave = old
        .iter()
        .filter(|object| of(new, &object.key).is_none())
        .map(|object| planned(&object.key, Some(object), None));
    stay.chain(leave).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::DiffSide;

    const TEXT: &str =
        "containers:\n- {name: web, image: nginx:1.27, ports: [{name: http, port: 80}]}\n";

    fn compared(text: &str, saved: Option<&str>) -> Preview {
        let context = RenderContext::new("web".parse().unwrap(), "team-a".parse().unwrap());
        let former = saved.map(|saved| Former {
            against: Against::Saved,
            definition: "web".parse().unwrap(),
            parameters: BTreeMap::new(),
            text: saved.to_owned(),
        });
        compare_texts(text, |_| former, &CheckContext::default(), &context)
    }

    #[test]
    fn what_was_applied_is_rendered_as_it_was_applied() {
        let sized = |default: &str| {
            format!(
                "parameters: {{size: {default}}}\ncontainers:\n- {{name: web, image: 'web:${{size}}'}}\n"
            )
        };
        let context = RenderContext::new("web".parse().unwrap(), "team-a".parse().unwrap());
        let against = Against::Applied {
            revision: 3,
            at: Timestamp::UNIX_EPOCH,
        };
        let applied = |namespace: &Namespace| {
            assert_eq!(namespace.as_str(), "team-a");
            Some(Former {
                against,
                definition: "web".parse().unwrap(),
                parameters: BTreeMap::from([("size".to_owned(), "large".to_owned())]),
                text: sized("small"),
            })
        };
        let compared =
            |text: &str| compare_texts(text, applied, &CheckContext::default(), &context);
        let same = compared(&sized("large"));
        assert_eq!(same.against, against);
        assert_eq!(
            changes(&same),
            [("Deployment".to_owned(), Change::Unchanged)]
        );
        // A deploy goes back to what the definition says of a parameter.
        let other = compared(&sized("small"));
        assert_eq!(changes(&other), [("Deployment".to_owned(), Change::Update)]);
    }

    fn changes(preview: &Preview) -> Vec<(String, Change)> {
        let objects = preview.objects.iter();
        objects
            .map(|object| (object.key.kind.clone(), object.change))
            .collect()
    }

    #[test]
    fn text_is_compared_with_what_is_saved_object_by_object() {
        let newer = TEXT.replace("1.27", "1.28");
        let preview = compared(&newer, Some(TEXT));
        let expected = [
            ("Service", Change::Unchanged),
            ("Deployment", Change::Update),
        ];
        let expected = expected.map(|(kind, change)| (kind.to_owned(), change));
        assert_eq!(changes(&preview), expected);
        let changed: Vec<&str> = (preview.objects[1].difference.iter())
            .filter(|line| matches!(line.side, DiffSide::Old | DiffSide::New))
            .map(|line| line.text.trim())
            .collect();
        assert_eq!(changed, ["- image: nginx:1.27", "- image: nginx:1.28"]);
        assert_eq!(preview.against, Against::Saved);
    }

    #[test]
    fn what_leaves_the_text_and_what_is_new_is_told() {
        let without_port = "containers:\n- {name: web, image: nginx:1.27}\n";
        let kinds = |preview: Preview| changes(&preview);
        let change = |kind: &str, change| (kind.to_owned(), change);
        assert_eq!(
            kinds(compared(without_port, Some(TEXT))),
            [
                change("Deployment", Change::Update),
                change("Service", Change::Delete)
            ]
        );
        assert_eq!(
            kinds(compared(without_port, None)),
            [change("Deployment", Change::Create)]
        );
        let preview = compared(without_port, Some("containers: 3\n"));
        assert_eq!(preview.warnings.len(), 1);
        assert_eq!(changes(&preview), [change("Deployment", Change::Create)]);
    }

    #[test]
    fn text_that_cannot_be_rendered_is_refused_and_never_looks_unchanged() {
        let preview = compared("containers: 3\n", Some(TEXT));
        let reasons: Vec<&str> = (preview.refusals.iter())
            .map(|refusal| refusal.summary.as_str())
            .collect();
        assert_eq!(reasons, [preview.faults[0].message.as_str()]);
        assert!(preview.objects.is_empty());
    }

    #[test]
    fn conflict_names_the_field_its_manager_and_value() {
        let key = ObjectKey {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("team-a".to_owned()),
            name: "web".to_owned(),
        };
        let conflict = FieldConflict {
            key,
            field: ".spec.replicas".to_owned(),
            message: "conflict with \"kubectl-edit\" using apps/v1".to_owned(),
            seen: None,
        };
        assert_eq!(
            sentence(&conflict, Some("3")),
            "kubectl-edit set .spec.replicas of Deployment/web to 3: when it is applied, take it over or leave it to its owner"
        );
    }
}
