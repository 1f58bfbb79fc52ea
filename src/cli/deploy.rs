//! `bowline deploy`: check and plan; what follows is that of every command that deploys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::applying::{self, Planned, Wishes};
use super::args::{Deploy, Document, DryRun, Report, Source};
use super::asking::Asker;
use super::session::Session;
use super::source::{self, SourceText};
use super::{Exit, missing, operate, output, render, turn};
use crate::cluster::{Cluster, SchemaCache};
use crate::definition::Definition;
use crate::definition::check::{CheckContext, SchemaSource, check};
use crate::definition::id::InstanceId;
use crate::engine::deploy::{DeployRequest, plan_deploy};
use crate::engine::online::check_online;
use crate::engine::remedy::Remedies;
use crate::failure::Failure;
use crate::secret::SecretValues;
use crate::text;

pub fn run(args: &Deploy, session: &Session) -> anyhow::Result<Exit> {
    if args.dry_run == Some(DryRun::Client) {
        let rendered = render::render_source(&args.source, session)?;
        let format = match args.applying.output {
            Report::Text => Document::Yaml,
            Report::Json => Document::Json,
        };
        render::print(&rendered.objects, format)?;
        return Ok(Exit::Ok);
    }
    // Faults of a definition are told before anything is connected to.
    let prepared = Prepared::read_for("deploy", &args.source, session)?;
    let shown = prepared.shown.clone();
    let wishes = Wishes::of(&args.applying, args.dry_run.is_some()).about(&shown);
    let beside = prepared.beside.clone();
    let asker = Asker::of(&args.applying, args.dry_run.is_some(), beside)?;
    let secrets = prepared.secrets(&asker)?;
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run.is_some());
        prepared.check_online(&cluster, session).await?;
        let message = args.applying.message.clone();
        let mut request = prepared.request(&cluster, session, message, secrets);
        request.yields = args.applying.yield_conflicts;
        request.remedies = args.applying.remedies();
        let instance = request.instance();
        let attempt = async || {
            let plan = async || {
                let secrets = asker.read(&request.definition)?;
                let request = DeployRequest {
                    secrets,
                    ..request.clone()
                };
                let plan = plan_deploy(&cluster, &request).await?;
                Ok(Planned::Deploy(request, plan))
            };
            let planned = asker.plan(plan, |planned| Some(planned.plan())).await?;
            applying::decide(wishes, session, cluster.clone(), planned).await
        };
        let waiting = &args.applying.waiting;
        turn::in_turn(waiting, session, &cluster, &[instance], attempt).await
    })
}

/// A definition that was checked, before it is known which cluster it goes to.
pub(super) struct Prepared {
    definition: Definition,
    context: CheckContext,
    /// What the text is called: its file.
    pub(super) shown: String,
    text: String,
    name: InstanceId,
    id: InstanceId,
    parameters: BTreeMap<String, String>,
    /// Where files are named from.
    pub(super) beside: PathBuf,
}

impl Prepared {
    /// As [`Prepared::read`]; where there is no such definition, an instance of that ID is looked for, which `command` may mean.
    pub(super) fn read_for(
        command: &str,
        source: &Source,
        session: &Session,
    ) -> anyhow::Result<Self> {
        let explained = |error| missing::of_definition(error, command, source, session);
        Self::read(source, session).map_err(explained)
    }

    /// Reads and checks the definition that the arguments name.
    fn read(source: &Source, session: &Session) -> anyhow::Result<Self> {
        let text = source::read(source, session)?;
        source::say_whose_it_is(source, session)?;
        let (name, id) = source::identity(source, &text)?;
        let context = session.check_context(Some(id.clone()), &source.set);
        let definition = checked_offline(&text, &context)?;
        session.check_namespace(&definition, &text.shown)?;
        Ok(Self {
            definition,
            context,
            shown: text.shown,
            text: text.text,
            name,
            id,
            parameters: source.set.iter().cloned().collect(),
            beside: source::beside(source, session),
        })
    }

    /// Checks manifests by the schemas of the cluster, as far as they can be read, before anything is planned.
    ///
    /// # Errors
    /// They have faults; each was said with its place.
    pub(super) async fn check_online(
        &self,
        cluster: &Cluster,
        session: &Session,
    ) -> anyhow::Result<()> {
        if matches!(self.definition, Definition::Service(_)) {
            return Ok(());
        }
        let cache = SchemaCache::of(&session.paths.cache);
        let context = self.context.clone();
        let online = check_online(cluster, &self.text, context, Some(&cache)).await;
        if let Some(remark) = online.remark {
            output::say(text::clean(&format!("warning: {remark}")));
        }
        render::accepted(&self.shown, online.checked).map(drop)
    }

    /// Reads the values of its secrets from where it says that they are, and from whom may be asked.
    ///
    /// # Errors
    /// A file is there and cannot be read, or the terminal cannot.
    pub(super) fn secrets(&self, asker: &Asker) -> Result<SecretValues, Failure> {
        asker.read(&self.definition)
    }

    /// Returns what the engine is asked for.
    pub(super) fn request(
        self,
        cluster: &Cluster,
        session: &Session,
        message: Option<String>,
        secrets: SecretValues,
    ) -> DeployRequest {
        let own = self.definition.namespace();
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
            yields: false,
            remedies: Remedies::default(),
            message,
            holder: session.holder(),
        }
    }
}

/// Checks a text without a cluster. What manifests hold beside what every object has is left to the check with one: schemas
/// that are built in may know less than the cluster's.
fn checked_offline(text: &SourceText, context: &CheckContext) -> anyhow::Result<Definition> {
    let checked = check(&text.text, context);
    if checked.api_versions.is_empty() {
        return render::accepted(&text.shown, checked);
    }
    let without = CheckContext {
        schemas: SchemaSource::None,
        ..context.clone()
    };
    match check(&text.text, &without).definition {
        Some(definition) => Ok(definition),
        None => render::accepted(&text.shown, checked),
    }
}
