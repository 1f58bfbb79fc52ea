//! `bowline deploy`: check and plan; what follows is that of every command that deploys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::applying::{self, Planned, Wishes};
use super::args::{Deploy, Document, DryRun, Report, Source};
use super::session::Session;
use super::{Exit, UsageError, operate, output, render, source, turn};
use crate::cluster::Cluster;
use crate::definition::Definition;
use crate::definition::id::InstanceId;
use crate::engine::deploy::{DeployRequest, plan_deploy};
use crate::engine::remedy::Remedies;
use crate::failure::Failure;
use crate::secret::SecretValues;

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
    // Faults are told before anything is connected to.
    let prepared = Prepared::read(&args.source, session)?;
    let shown = prepared.shown.clone();
    let wishes = Wishes::of(&args.applying, args.dry_run.is_some()).about(&shown);
    wishes.require_answer()?;
    let secrets = prepared.secrets(args.dry_run.is_none())?;
    operate::on_cluster(session, async |cluster| {
        let message = args.applying.message.clone();
        let mut request = prepared.request(&cluster, session, message, secrets);
        request.yields = args.applying.yield_conflicts;
        request.remedies = args.applying.remedies();
        let instance = request.instance();
        let attempt = async || {
            let plan = plan_deploy(&cluster, &request).await?;
            let planned = Planned::Deploy(request.clone(), plan);
            applying::decide(wishes, session, cluster.clone(), planned).await
        };
        let waiting = &args.applying.waiting;
        turn::in_turn(waiting, session, &cluster, &[instance], attempt).await
    })
}

/// A definition that was checked, before it is known which cluster it goes to.
pub(super) struct Prepared {
    definition: Definition,
    /// What the text is called: its file.
    pub(super) shown: String,
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
        source::say_whose_it_is(source, session)?;
        let (name, id) = source::identity(source, &text)?;
        let definition = render::checked(&text, source, session)?;
        if let (Some(own), Some(asked)) = (definition.namespace(), &session.global.namespace)
            && own != *asked
        {
            let sentence = format!(
                "{} says namespace {own}, the command line {asked}: leave one of them out",
                text.shown
            );
            return Err(UsageError(sentence).into());
        }
        Ok(Self {
            definition,
            shown: text.shown,
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
        secrets(&self.definition, &self.beside, may_ask)
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

/// Reads the values of a definition's secrets, whose files are named from `beside`.
///
/// # Errors
/// A file is there and cannot be read, or the terminal cannot.
pub(super) fn secrets(
    definition: &Definition,
    beside: &Path,
    may_ask: bool,
) -> Result<SecretValues, Failure> {
    SecretValues::read(definition, beside, &mut |question| {
        if may_ask {
            output::ask_secret(question)
        } else {
            Ok(None)
        }
    })
}
