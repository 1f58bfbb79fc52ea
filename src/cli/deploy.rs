//! `bowline deploy`: check, plan, ask, apply, wait.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::args::{Deploy, Document, DryRun, Report, Source};
use super::operate::Ended;
use super::review::Depth;
use super::session::Session;
use super::{Exit, UsageError, confirm, operate, output, plan_json, render, review, source};
use crate::cluster::Cluster;
use crate::definition::id::InstanceId;
use crate::definition::service::ServiceDefinition;
use crate::engine::deploy::{DeployRequest, RunOptions, plan_deploy, run_deploy};
use crate::engine::plan::{DeployPlan, Outcome};
use crate::engine::wait::wait_ready;
use crate::failure::Failure;
use crate::secret::SecretValues;

pub fn run(args: &Deploy, session: &Session) -> anyhow::Result<Exit> {
    if args.dry_run == Some(DryRun::Client) {
        let rendered = render::render_source(&args.source, session)?;
        let format = match args.output {
            Report::Text => Document::Yaml,
            Report::Json => Document::Json,
        };
        render::print(&rendered.objects, format)?;
        return Ok(Exit::Ok);
    }
    // Faults are told before anything is connected to.
    let prepared = Prepared::read(&args.source, session)?;
    let is_answered = args.yes || args.confirm.is_some() || args.dry_run.is_some();
    confirm::require_answer(is_answered, "--yes")?;
    let secrets = prepared.secrets(args.dry_run.is_none())?;
    operate::on_cluster(session, async |cluster| {
        let request = prepared.request(&cluster, session, args.message.clone(), secrets);
        let plan = plan_deploy(&cluster, &request).await?;
        decide(args, session, cluster, request, plan).await
    })
}

/// A definition that was checked, before it is known which cluster it goes to.
pub(super) struct Prepared {
    definition: ServiceDefinition,
    text: String,
    name: InstanceId,
    id: InstanceId,
    parameters: BTreeMap<String, String>,
    /// Where files are named from.
    beside: PathBuf,
}

impl Prepared {
    /// Reads and checks the definition that the arguments name.
    pub(super) fn read(source: &Source, session: &Session) -> anyhow::Result<Self> {
        let text = source::read(source, session)?;
        let (name, id) = source::identity(source, &text)?;
        let definition = render::checked(&text, source, session)?;
        if let (Some(own), Some(asked)) = (&definition.namespace, &session.global.namespace)
            && own != asked
        {
            let sentence = format!(
                "{} says namespace {own}, the command line {asked}: leave one of them out",
                text.shown
            );
            return Err(UsageError(sentence).into());
        }
        Ok(Self {
            definition,
            text: text.text,
            name,
            id,
            parameters: source.set.iter().cloned().collect(),
            beside: source::beside(source, session),
        })
    }

    /// Reads the values of its secrets from where it says that they are, and asks for those that a person knows if it may.
    ///
    /// # Errors
    /// A file is there and cannot be read, or the terminal cannot.
    pub(super) fn secrets(&self, may_ask: bool) -> Result<SecretValues, Failure> {
        SecretValues::read(&self.definition, &self.beside, &mut |question| {
            if may_ask {
                output::ask_secret(question)
            } else {
                Ok(None)
            }
        })
    }

    /// Returns what the engine is asked for.
    pub(super) fn request(
        self,
        cluster: &Cluster,
        session: &Session,
        message: Option<String>,
        secrets: SecretValues,
    ) -> DeployRequest {
        let own = self.definition.namespace.clone();
        DeployRequest {
            namespace: own.unwrap_or_else(|| cluster.namespace().clone()),
            definition: self.definition,
            text: self.text,
            name: self.name,
            id: self.id,
            parameters: self.parameters,
            ingress_host: session.settings.ingress.host.clone(),
            gpus: session.settings.gpus.clone(),
            secrets,
            message,
            holder: session.holder(),
        }
    }
}

/// Shows the plan, and carries it out where that is wanted and possible.
async fn decide(
    args: &Deploy,
    session: &Session,
    cluster: Cluster,
    request: DeployRequest,
    plan: DeployPlan,
) -> anyhow::Result<Exit> {
    show(args, &plan)?;
    if !plan.refusals.is_empty() {
        return end(args, &plan, review::refuse(&plan.refusals));
    }
    if !plan.conflicts.is_empty() && !args.force_conflicts {
        output::say("refused: others own the fields above; take them over with --force-conflicts");
        return end(args, &plan, Exit::Refused);
    }
    if args.dry_run.is_some() {
        return Ok(Exit::Ok);
    }
    if !plan.is_noop() && !is_wanted(args, &cluster, &plan)? {
        output::say("nothing was changed");
        return end(args, &plan, Exit::Failed);
    }
    let (shown, id) = (plan.clone(), plan.instance.id.clone());
    let operation = carry_out(args, session, cluster, request, plan);
    let outcome = match operate::until_signal(operation).await? {
        Ended::Finished(outcome) | Ended::FinishedInterrupted(outcome, _) => outcome,
        Ended::Stopped(exit) => return Ok(exit),
    };
    if args.output == Report::Json {
        output::print(&output::json(&plan_json::deploy(&shown, Some(&outcome)))?)?;
    }
    Ok(review::conclude(&format!("deploy of {id}"), &outcome))
}

/// The plan is data where it is all that was asked for, and prose before a question.
fn show(args: &Deploy, plan: &DeployPlan) -> anyhow::Result<()> {
    match (args.dry_run.is_some(), args.output) {
        (true, Report::Text) => output::print(&review::deploy_plan(plan, Depth::Everything))?,
        (true, Report::Json) => output::print(&output::json(&plan_json::deploy(plan, None))?)?,
        (false, _) => output::prose(&review::deploy_plan(plan, Depth::Changes)),
    }
    review::say_remarks(plan);
    Ok(())
}

/// Ends before anything was done; whoever asked for JSON gets the plan nevertheless.
fn end(args: &Deploy, plan: &DeployPlan, exit: Exit) -> anyhow::Result<Exit> {
    if args.dry_run.is_none() && args.output == Report::Json {
        output::print(&output::json(&plan_json::deploy(plan, None))?)?;
    }
    Ok(exit)
}

fn carry_out(
    args: &Deploy,
    session: &Session,
    cluster: Cluster,
    request: DeployRequest,
    plan: DeployPlan,
) -> impl Future<Output = anyhow::Result<Outcome>> + Send + 'static {
    let options = RunOptions {
        force_conflicts: args.force_conflicts,
    };
    let timeout = args.waiting.timeout;
    let ready_within = timeout.unwrap_or(session.settings.wait.ready());
    let waits = args.waiting.wait;
    async move {
        let report = |progress| review::say_progress(&progress);
        let mut outcome = run_deploy(&cluster, &request, &plan, options, &report).await;
        if waits && outcome.is_complete() {
            outcome.absorb(wait_ready(&cluster, &plan.instance, ready_within, &report).await);
        }
        Ok(outcome)
    }
}

/// Asks whether to go on, unless that was answered. Where nobody knows who the server is the ID is typed.
fn is_wanted(args: &Deploy, cluster: &Cluster, plan: &DeployPlan) -> anyhow::Result<bool> {
    let id = &plan.instance.id;
    if let Some(confirmed) = &args.confirm {
        if confirmed == id {
            return Ok(true);
        }
        let sentence = format!("--confirm says {confirmed}, and it is {id} that would be applied");
        return Err(UsageError(sentence).into());
    }
    let question = question(cluster, plan);
    if cluster.identity().is_insecure {
        if !output::can_ask() {
            return Err(confirm::unverified(id.as_str()).into());
        }
        output::say("The server's certificate is not verified: it may be another server.");
        return confirm::typed(&format!("{question} Type {id}:"), id.as_str());
    }
    Ok(args.yes || confirm::go_on(&question)?)
}

fn question(cluster: &Cluster, plan: &DeployPlan) -> String {
    let (id, namespace) = (&plan.instance.id, &plan.instance.namespace);
    format!(
        "Apply {id} to {} ▸ {namespace}?",
        cluster.identity().context
    )
}
