//! Pulling: what others changed in live objects comes back into the definition, whose comments and layout stay.
//!
//! Each change is tried alone, at the place where the definition says that field, and proved: the new text must render to
//! exactly the value that is there, and to nothing else that was not there before. So what a definition cannot say, or says by
//! a parameter or for several places at once, is left with a sentence why, and never pulled in some other way.

use std::fmt;

use serde_json::Value;

mod manifests;
mod prove;
mod service;

use super::again::{self, Former, Surroundings};
use super::difference;
use super::drift;
use super::history;
use super::plan::DiffLine;
use super::record;
use super::rendering;
use super::replicas;
use crate::cluster::Cluster;
use crate::definition::Definition;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::definition::render::RenderContext;
use crate::definition::yaml::edit::{Edit, edit};
use crate::failure::{Failure, FailureKind};
use crate::secret::SecretValues;
use crate::service::drift::{Changes, FieldChange, FieldPath, ObjectChange, Presence};
use crate::service::summary::InstanceKey;
use prove::Proof;

/// What a pull would do, as shown for confirmation.
#[derive(Debug, Clone, PartialEq)]
pub struct PullPlan {
    /// The instance.
    pub instance: InstanceKey,
    /// The definition of the catalogue.
    pub name: InstanceId,
    /// Its text with what is pulled.
    pub text: String,
    /// What of the text changes.
    pub difference: Vec<DiffLine>,
    /// The fields that are pulled.
    pub pulled: Vec<Pulled>,
    /// The fields that are not.
    pub left: Vec<Left>,
    /// What could not be compared, as sentences.
    pub remarks: Vec<String>,
    /// Whether a deploy of the text replaces pods, though what they read is there already: they are to read it anew.
    pub replaces_pods: bool,
    /// Whether it leaves a number of replicas open, so that no scaling is a change of what it says.
    pub leaves_replicas_open: bool,
}

/// A field that is pulled.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// The object.
    pub key: ObjectKey,
    /// The field.
    pub field: FieldChange,
}

/// A field that is not pulled.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// The object.
    pub key: ObjectKey,
    /// Path of the field; none where the object as a whole is meant.
    pub field: Option<FieldPath>,
    /// Why not: a sentence.
    pub why: String,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field.as_ref();
        let field = field.map_or_else(String::new, |field| format!(" {field}"));
        write!(f, "{}{field}: {}", self.key, self.why)
    }
}

impl PullPlan {
    /// Tells whether the definition stays as it is.
    pub fn is_noop(&self) -> bool {
        self.difference.is_empty()
    }

    /// Says that there is nothing to pull, where nothing is left either.
    pub fn nothing_to_pull(&self) -> String {
        let open = match self.leaves_replicas_open {
            true => {
                "; how many replicas there are it leaves open: each deploy keeps what they are scaled to, and `replicas` sets it"
            }
            false => "",
        };
        format!("{} says already what is in the cluster{open}", self.name)
    }
}

/// What a text is pulled into, and under what it is rendered.
struct Ground<'a> {
    instance: &'a InstanceKey,
    surroundings: &'a Surroundings,
    cluster: &'a Cluster,
    name: InstanceId,
    parameters: std::collections::BTreeMap<String, String>,
    context: RenderContext,
}

/// Returns the name of the definition that an instance was deployed from.
///
/// # Errors
/// There is no such instance, or it cannot be read.
pub async fn definition_of(
    cluster: &Cluster,
    instance: &InstanceKey,
) -> Result<InstanceId, Failure> {
    let Some(record) = record::read(cluster, instance).await? else {
        return Err(instance.not_there());
    };
    let name = record.definition().and_then(|name| name.parse().ok());
    Ok(name.unwrap_or_else(|| instance.id.clone()))
}

/// Plans the pull of what others changed into a text of the catalogue.
///
/// # Errors
/// There is no such instance, the text is no definition of it, or the cluster cannot be read.
pub async fn plan_pull(
    cluster: &Cluster,
    instance: &InstanceKey,
    name: &InstanceId,
    text: &str,
    surroundings: &Surroundings,
) -> Result<PullPlan, Failure> {
    let changes = drift::changes(cluster, instance, surroundings).await?;
    let parameters = match record::read(cluster, instance)
        .await?
        .and_then(|it| it.revision())
    {
        Some(number) => {
            history::kept_revision(cluster, instance, number)
                .await?
                .revision
                .parameters
        }
        None => std::collections::BTreeMap::new(),
    };
    let mut ground = Ground {
        instance,
        surroundings,
        cluster,
        name: name.clone(),
        parameters,
        context: RenderContext::new(instance.id.clone(), instance.namespace.clone()),
    };
    let request = ground.request(text)?;
    ground.context = match rendering::context(cluster, &request, Vec::new()).await? {
        Ok(context) => context,
        Err(faults) => {
            return Err(faults
                .into_iter()
                .next()
                .unwrap_or_else(|| no_definition(name)));
        }
    };
    Ok(ground.pull(text, changes))
}

/// What an instance was deployed from, and the same with what others changed since.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveText {
    /// The text that was applied last.
    pub applied: String,
    /// The pull of what others changed into that text.
    pub plan: PullPlan,
}

/// Plans the pull into the text that was applied last, for a text that was edited since to be merged with.
///
/// # Errors
/// There is no such instance, its revision is not kept, or the cluster cannot be read.
pub async fn live_text(
    cluster: &Cluster,
    instance: &InstanceKey,
    name: &InstanceId,
    surroundings: &Surroundings,
) -> Result<LiveText, Failure> {
    let current = record::read(cluster, instance).await?;
    let Some(number) = current.and_then(|record| record.revision()) else {
        let summary =
            format!("{instance} was never deployed to its end: there is nothing to merge with");
        return Err(Failure::new(FailureKind::NotFound, summary));
    };
    let applied = history::kept_revision(cluster, instance, number)
        .await?
        .text;
    let plan = plan_pull(cluster, instance, name, &applied, surroundings).await?;
    Ok(LiveText { applied, plan })
}

fn no_definition(name: &InstanceId) -> Failure {
    Failure::new(
        FailureKind::Invalid,
        format!("{name} has faults: mend them first"),
    )
}

impl Ground<'_> {
    /// Checks a text as it would be deployed.
    fn request(&self, text: &str) -> Result<super::deploy::DeployRequest, Failure> {
        let former = Former {
            what: format!("the definition {}", self.name),
            instance: self.instance.clone(),
            name: Some(self.name.clone()),
            text: text.to_owned(),
            parameters: self.parameters.clone(),
        };
        let without_values = |_: &_| Ok(SecretValues::default());
        let policy = self.cluster.policy();
        again::request(
            former,
            self.surroundings,
            policy,
            String::new(),
            &without_values,
        )
    }

    fn rendered(&self, text: &str) -> Option<(Definition, Vec<Object>)> {
        let definition = self.request(text).ok()?.definition;
        let rendered = crate::definition::render::render(&definition, &self.context).ok()?;
        Some((definition, rendered.objects))
    }

    fn leaves_replicas_open(&self, text: &str) -> bool {
        let objects = self.rendered(text).map(|(_, objects)| objects);
        objects.iter().flatten().any(replicas::is_open)
    }

    /// Returns the digests of what pods read, as their templates bear them.
    fn checksums(&self, text: &str) -> Vec<Value> {
        let objects = self.rendered(text).map(|(_, objects)| objects);
        let of = |object: Object| {
            let annotations = &object.json["spec"]["template"]["metadata"]["annotations"];
            annotations[naming::ANNOTATION_CONFIG_CHECKSUM].clone()
        };
        objects.into_iter().flatten().map(of).collect()
    }

    fn pull(&self, before: &str, changes: Changes) -> PullPlan {
        let (mut text, mut pulled, mut left) = (before.to_owned(), Vec::new(), Vec::new());
        for object in &changes.objects {
            let ObjectChange {
                key,
                presence,
                fields,
            } = object;
            if *presence != Presence::There {
                left.push(Left {
                    key: key.clone(),
                    field: None,
                    why: "somebody deleted it: a deploy makes it again".to_owned(),
                });
                continue;
            }
            for group in grouped(fields) {
                match self.one(&text, key, &group) {
                    Ok(Some(new)) => {
                        text = new;
                        pulled.extend(group.into_iter().map(|field| Pulled {
                            key: key.clone(),
                            field: field.clone(),
                        }));
                    }
                    // The definition says so already.
                    Ok(None) => {}
                    Err(why) => left.extend(group.into_iter().map(|field| Left {
                        key: key.clone(),
                        field: Some(field.path.clone()),
                        why: why.clone(),
                    })),
                }
            }
        }
        PullPlan {
            instance: self.instance.clone(),
            name: self.name.clone(),
            difference: difference::lines(before, &text),
            replaces_pods: self.checksums(before) != self.checksums(&text),
            leaves_replicas_open: self.leaves_replicas_open(&text),
            text,
            pulled,
            left,
            remarks: changes.remarks,
        }
    }

    /// Pulls fields that belong together into a text; none if it says so already.
    fn one(
        &self,
        text: &str,
        key: &ObjectKey,
        fields: &[&FieldChange],
    ) -> Result<Option<String>, String> {
        if key.group.is_empty() && key.kind == "Secret" {
            return Err("values of Secrets are never written into a definition".to_owned());
        }
        let faulty = || "the definition has faults".to_owned();
        let (definition, before) = self.rendered(text).ok_or_else(faulty)?;
        let proof = Proof { key, fields };
        if proof.is_reached(&before) {
            return Ok(None);
        }
        let edits: Vec<Edit> = match &definition {
            Definition::Service(definition) => {
                service::edits(definition, &self.instance.id, key, fields)?
            }
            Definition::Manifests(set) => manifests::edits(set, key, fields)?,
        };
        let document = match &definition {
            Definition::Service(_) => 0,
            Definition::Manifests(set) => manifests::document(set, key)?,
        };
        let new = edit(text, document, &edits).map_err(|error| error.to_string())?;
        let (_, after) = self
            .rendered(&new)
            .ok_or_else(|| "the definition would have faults with it".to_owned())?;
        proof.check(&before, &after)?;
        Ok(Some(new))
    }
}

/// Puts the fields together that a definition says in one place: those of one variable.
fn grouped(fields: &[FieldChange]) -> Vec<Vec<&FieldChange>> {
    let mut groups: Vec<(Option<FieldPath>, Vec<&FieldChange>)> = Vec::new();
    for field in fields {
        let variable = service::variable(&field.path);
        match groups
            .iter_mut()
            .find(|(of, _)| of.is_some() && *of == variable)
        {
            Some((_, group)) => group.push(field),
            None => groups.push((variable, vec![field])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
