//! Deploys, rollbacks, restores and adoptions: planned, and carried out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tokio::sync::mpsc::UnboundedSender;

use crate::app::{
    DefinitionOrigin, DeploySource, Msg, OpId, Origin, Question, ReviewedPlan, SecretAnswers,
};
use crate::catalogue::trust;
use crate::cluster::{Cluster, SchemaCache};
use crate::definition::Definition;
use crate::definition::check::CheckContext;
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::id::InstanceId;
use crate::engine::adopt::{AdoptOptions, AdoptPlan, plan_adopt, run_adopt};
use crate::engine::deploy::{DeployRequest, Report, RunOptions, plan_deploy, run_deploy};
use crate::engine::online::check_online;
use crate::engine::operation::Meeting;
use crate::engine::progress::Outcome;
use crate::engine::remedy::Remedies;
use crate::engine::restore::{RestorePlan, Surroundings, plan_restore, run_restore};
use crate::engine::resume::{ClearPlan, ResumePlan, ResumeRequest, plan_resume, run_clear};
use crate::engine::rollback::{RollbackRequest, plan_rollback, run_rollback};
use crate::engine::wait::wait_ready;
use crate::failure::{Failure, FailureKind};
use crate::runtime::Start;
use crate::runtime::applied::keep_applied;
use crate::runtime::trash::restore_request;
use crate::secret::{SecretQuestion, SecretValues};
use crate::service::summary::InstanceKey;

use super::Runner;

/// Reads the secrets of what is deployed: from where the definition says that they are, and from what a person answered.
struct SecretReader {
    answers: SecretAnswers,
    start: Start,
    /// Who is told what a person is still to be asked; none where it is too late for that.
    asker: Option<(OpId, UnboundedSender<Msg>)>,
}

impl SecretReader {
    fn read(&self, definition: &Definition) -> Result<SecretValues, Failure> {
        let mut open: Vec<SecretQuestion> = Vec::new();
        let mut answer = |question: &SecretQuestion| {
            let known = self.answers.get(question).cloned();
            if known.is_none() {
                open.push(question.clone());
            }
            Ok(known)
        };
        let values = SecretValues::read(definition, self.start.catalogue.dir(), &mut answer)?;
        if let Some((op, messages)) = self.asker.as_ref().filter(|_| !open.is_empty()) {
            let questions = open;
            drop(messages.send(Msg::SecretsWanted { op: *op, questions }));
        }
        Ok(values)
    }
}

/// What was agreed to and said beyond the definition itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Agreed {
    yields: bool,
    remedies: Remedies,
    parameters: BTreeMap<String, String>,
    message: Option<String>,
}

impl Agreed {
    fn of(source: &DeploySource) -> Self {
        Self {
            yields: source.yields,
            remedies: source.remedies,
            parameters: source.parameters.clone(),
            message: source.message.clone(),
        }
    }
}

/// What is asked of the engine, with what there is to say about how it was checked.
struct Requested {
    request: DeployRequest,
    remark: Option<String>,
}

/// Does what reads files apart from what may not wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let work = tokio::task::spawn_blocking(work);
    work.await.unwrap_or_else(|_| {
        Err(Failure::new(
            FailureKind::Invalid,
            "checking the definition broke down",
        ))
    })
}

impl Runner {
    /// Reads, checks and completes what a deploy of a definition is asked with.
    async fn request(
        cluster: Cluster,
        origin: DefinitionOrigin,
        agreed: Agreed,
        secrets: SecretReader,
    ) -> Result<Requested, Failure> {
        let (start, of) = (secrets.start.clone(), origin.clone());
        let text = blocking(move || text_of(&start, &of)).await?;
        let here = origin.namespace.as_ref();
        let context = CheckContext {
            id: Some(origin.id.clone()),
            namespace: Some(here.unwrap_or(cluster.namespace()).clone()),
            parameters: agreed.parameters.clone(),
            ..secrets.start.check_context()
        };
        let cache = SchemaCache::of(&secrets.start.cache);
        let online = check_online(&cluster, &text, context, Some(&cache)).await;
        let Some(definition) = online.checked.definition else {
            return Err(refused_by(&origin.name, &online.checked.diagnostics));
        };
        let request = move || {
            let values = secrets.read(&definition)?;
            let of = (text, definition, values);
            Ok(request_of(&cluster, &secrets.start, origin, of, agreed))
        };
        Ok(Requested {
            request: blocking(request).await?,
            remark: online.remark,
        })
    }

    pub(super) fn plan_deploy(&mut self, op: OpId, source: DeploySource) {
        let (start, cluster, messages) =
            (self.start.clone(), self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let agreed = Agreed::of(&source);
            let secrets = SecretReader {
                answers: source.answers,
                start: start.clone(),
                asker: Some((op, messages.clone())),
            };
            let plan = async {
                // What may not be carried out is shown all the same; it is barred where it would be.
                let cluster = cluster?.for_plans_only(true);
                let surroundings = surroundings(&start, agreed.clone());
                let read = |definition: &Definition| secrets.read(definition);
                match source.origin {
                    Origin::Revision { instance, to } => {
                        let wish = RollbackRequest {
                            instance,
                            to,
                            surroundings,
                        };
                        let plan = plan_rollback(&cluster, &wish, &read).await?;
                        Ok(Some(ReviewedPlan::Rollback(plan)))
                    }
                    Origin::Trash(item) => {
                        let wish = restore_request(&item, surroundings);
                        let plan = plan_restore(&cluster, &wish, &read).await?;
                        Ok(Some(ReviewedPlan::Restore(plan)))
                    }
                    Origin::Noted(instance) => {
                        let wish = ResumeRequest {
                            instance,
                            surroundings,
                        };
                        let key = wish.instance.clone();
                        match plan_resume(&cluster, &wish, &read).await? {
                            plan @ ResumePlan::Clear(_) => {
                                let result = Ok(Box::new(plan));
                                drop(messages.send(Msg::RestPlanned { op, key, result }));
                                Ok(None)
                            }
                            plan => noted(plan).map(Some),
                        }
                    }
                    Origin::Definition(origin) => {
                        let (begun, of) = (start.clone(), origin.clone());
                        let remarks = tokio::task::spawn_blocking(move || remarks_on(&begun, &of));
                        let asked = Self::request(cluster.clone(), origin, agreed, secrets);
                        let Requested { request, remark } = asked.await?;
                        let mut plan = plan_deploy(&cluster, &request).await?;
                        let remarks = remarks.await.unwrap_or_default();
                        plan.warnings
                            .splice(0..0, remarks.into_iter().chain(remark));
                        Ok(Some(ReviewedPlan::Deploy(plan)))
                    }
                }
            };
            let planned: Result<Option<ReviewedPlan>, Failure> = plan.await;
            if let Some(result) = planned.transpose() {
                let result = result.map(Box::new);
                drop(messages.send(Msg::DeployPlanned { op, result }));
            }
        });
    }

    pub(super) fn run_deploy(
        &mut self,
        op: OpId,
        source: DeploySource,
        plan: Box<ReviewedPlan>,
        force_conflicts: bool,
    ) {
        let start = self.start.clone();
        self.operate(op, move |cluster, report| async move {
            let options = RunOptions {
                force_conflicts,
                meeting: meeting(source.takes_over),
                gone_within: None,
            };
            let item = match &source.origin {
                Origin::Trash(item) => Some(item.clone()),
                Origin::Definition(_) | Origin::Revision { .. } | Origin::Noted(_) => None,
            };
            let mut outcome = write(&cluster, &start, source, &plan, (options, &report)).await?;
            if outcome.is_complete() {
                let within = start.settings.wait.ready();
                let instance = &plan.deploy().instance;
                outcome.absorb(wait_ready(&cluster, instance, within, &report).await);
            }
            if let Some(item) = item.filter(|_| outcome.is_complete()) {
                // One that stays is only offered again. It may have to wait for what is being put in.
                let discard = move || drop(start.trash.discard(&item));
                let _ = tokio::task::spawn_blocking(discard).await;
            }
            Ok(outcome)
        });
    }

    /// Plans what finishes an operation that deploys nothing.
    pub(super) fn plan_rest(&mut self, op: OpId, key: InstanceKey) {
        let (start, cluster, messages) =
            (self.start.clone(), self.cluster(), self.messages.clone());
        self.read(Question::Of(op, key.clone()), async move {
            let wish = ResumeRequest {
                instance: key.clone(),
                surroundings: surroundings(&start, Agreed::default()),
            };
            // What needs them is reviewed as a deploy.
            let no_secrets = |_: &Definition| Ok(SecretValues::default());
            let plan = async { plan_resume(&cluster?, &wish, &no_secrets).await };
            let result = plan.await.map(Box::new);
            drop(messages.send(Msg::RestPlanned { op, key, result }));
        });
    }

    pub(super) fn run_clear(&mut self, op: OpId, plan: Box<ClearPlan>, takes_over: bool) {
        let holder = self.start.holder.clone();
        self.operate(op, move |cluster, report| async move {
            let options = RunOptions {
                meeting: meeting(takes_over),
                ..RunOptions::default()
            };
            Ok(run_clear(&cluster, &plan, options, &holder, &report).await)
        });
    }

    pub(super) fn plan_adopt(&mut self, op: OpId, source: DeploySource) {
        let (start, cluster, messages) =
            (self.start.clone(), self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let plan = async {
                let cluster = cluster?;
                let request = adopting(&start, &cluster, source).await?;
                plan_adopt(&cluster, &request).await
            };
            let result = plan.await.map(Box::new);
            drop(messages.send(Msg::AdoptPlanned { op, result }));
        });
    }

    pub(super) fn run_adopt(&mut self, op: OpId, plan: Box<AdoptPlan>, takes_over: bool) {
        let holder = self.start.holder.clone();
        self.operate(op, move |cluster, report| async move {
            let options = AdoptOptions {
                holder,
                meeting: meeting(takes_over),
            };
            Ok(run_adopt(&cluster, &plan, &options, &report).await)
        });
    }
}

/// Returns what is done where somebody else is at it.
pub(super) fn meeting(takes_over: bool) -> Meeting {
    match takes_over {
        true => Meeting::TakeOver,
        false => Meeting::Judge,
    }
}

/// Returns what finishes a deploy or a rollback, for review.
fn noted(plan: ResumePlan) -> Result<ReviewedPlan, Failure> {
    match plan {
        ResumePlan::Deploy { request, plan } => Ok(ReviewedPlan::Restore(RestorePlan {
            request: *request,
            deploy: *plan,
        })),
        ResumePlan::Rollback(plan) => Ok(ReviewedPlan::Rollback(*plan)),
        ResumePlan::Teardown(_) => Err(Failure::new(
            FailureKind::Conflict,
            "nothing of it was deployed: take it down",
        )),
        ResumePlan::Adjust { .. } | ResumePlan::Routes { .. } | ResumePlan::Adopt(_) => {
            Err(Failure::new(
                FailureKind::Conflict,
                "another operation is noted by now: go back, and resume that one",
            ))
        }
        ResumePlan::Clear(clear) => Err(Failure::new(FailureKind::Conflict, clear.why)),
    }
}

/// Writes what was reviewed.
async fn write(
    cluster: &Cluster,
    start: &Start,
    source: DeploySource,
    plan: &ReviewedPlan,
    (options, report): (RunOptions, Report<'_>),
) -> Result<Outcome, Failure> {
    let agreed = Agreed::of(&source);
    let (request, outcome) = match (plan, source.origin) {
        (ReviewedPlan::Rollback(plan), _) => {
            let outcome = run_rollback(cluster, plan, options, report).await;
            (Cow::Borrowed(&plan.request), outcome)
        }
        (ReviewedPlan::Restore(plan), _) => {
            let outcome = run_restore(cluster, plan, options, report).await;
            (Cow::Borrowed(&plan.request), outcome)
        }
        (ReviewedPlan::Deploy(plan), Origin::Definition(origin)) => {
            let secrets = SecretReader {
                answers: source.answers,
                start: start.clone(),
                asker: None,
            };
            let asked = Runner::request(cluster.clone(), origin, agreed, secrets).await?;
            let outcome = run_deploy(cluster, &asked.request, plan, options, report).await;
            (Cow::Owned(asked.request), outcome)
        }
        (
            ReviewedPlan::Deploy(_),
            Origin::Revision { .. } | Origin::Trash(_) | Origin::Noted(_),
        ) => {
            return Err(Failure::new(
                FailureKind::Invalid,
                "the plan is not of what was to be deployed: plan anew",
            ));
        }
    };
    let written = (request.as_ref(), plan.deploy());
    keep_applied(cluster, &start.applied, written, &outcome).await;
    Ok(outcome)
}

/// Returns what an adoption is asked with: that of the definition, without any secret.
async fn adopting(
    start: &Start,
    cluster: &Cluster,
    source: DeploySource,
) -> Result<DeployRequest, Failure> {
    let agreed = Agreed {
        parameters: source.parameters.clone(),
        ..Agreed::default()
    };
    let Origin::Definition(origin) = source.origin else {
        let summary = "only a definition of the catalogue can adopt";
        return Err(Failure::new(FailureKind::Invalid, summary));
    };
    let secrets = SecretReader {
        answers: SecretAnswers::new(),
        start: start.clone(),
        asker: None,
    };
    let asked = Runner::request(cluster.clone(), origin, agreed, secrets).await?;
    Ok(asked.request)
}

pub(super) fn surroundings(start: &Start, agreed: Agreed) -> Surroundings {
    Surroundings {
        ingress_host: start.settings.ingress.host.clone(),
        gpus: start.settings.gpus.clone(),
        yields: agreed.yields,
        remedies: agreed.remedies,
        message: agreed.message,
        holder: start.holder.clone(),
    }
}

/// Returns who else may have written a definition that is deployed as it lies there. What nobody may deploy is refused where
/// it is read.
fn remarks_on(start: &Start, origin: &DefinitionOrigin) -> Vec<String> {
    let file = start.catalogue.path_of(&origin.name);
    let remarks = match &origin.text {
        Some(_) => Vec::new(),
        None => trust(&file).unwrap_or_default(),
    };
    let told = remarks
        .iter()
        .map(|remark| format!("{}: {remark}", file.display()));
    told.collect()
}

/// Returns the text that is deployed.
fn text_of(start: &Start, origin: &DefinitionOrigin) -> Result<String, Failure> {
    if let Some(text) = &origin.text {
        return Ok(text.to_string());
    }
    // What is edited was read by a person; what lies there may be anybody's.
    trust(&start.catalogue.path_of(&origin.name))?;
    Ok(start.catalogue.read(&origin.name)?.text)
}

pub(super) fn request_of(
    cluster: &Cluster,
    start: &Start,
    origin: DefinitionOrigin,
    (text, definition, secrets): (String, Definition, SecretValues),
    agreed: Agreed,
) -> DeployRequest {
    let namespace = origin
        .namespace
        .unwrap_or_else(|| cluster.namespace().clone());
    DeployRequest {
        namespace: definition.namespace().unwrap_or(namespace),
        secrets,
        definition,
        text,
        name: origin.name,
        id: origin.id,
        parameters: agreed.parameters,
        ingress_host: start.settings.ingress.host.clone(),
        gpus: start.settings.gpus.clone(),
        yields: agreed.yields,
        remedies: agreed.remedies,
        message: agreed.message,
        holder: start.holder.clone(),
    }
}

pub(super) fn refused_by(name: &InstanceId, diagnostics: &[Diagnostic]) -> Failure {
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    let lines: Vec<_> = errors
        .iter()
        .map(|error| {
            format!(
                "{}:{}  {}",
                error.span.start.line, error.span.start.column, error.message
            )
        })
        .collect();
    let plural = if errors.len() == 1 { "error" } else { "errors" };
    Failure {
        detail: lines.join("\n"),
        ..Failure::new(
            FailureKind::Invalid,
            format!("{name} has {} {plural}: edit it", errors.len()),
        )
    }
}
