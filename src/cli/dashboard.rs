//! `bowline` and `bowline edit`: the dashboard.

use std::sync::{Arc, Mutex, PoisonError};

use super::args::Edit;
use super::invocation;
use super::session::Session;
use super::{Exit, missing, operate};
use crate::app::Keymap;
use crate::catalogue::CatalogueError;
use crate::cluster::Cluster;
use crate::definition::id::InstanceId;
use crate::log;
use crate::runtime::{self, Ended, RuntimeError, Start};

/// Shows the dashboard, with a definition open in the editor where one is named.
pub fn run(session: &Session, open: Option<InstanceId>) -> anyhow::Result<Exit> {
    session.target.check()?;
    let _log = log::start(&session.paths.state);
    let ended = operate::block_on(async {
        // A plugin may ask the person now, and never once the screen is the dashboard's. What fails is shown there.
        let first = session.target.log_in().await.and_then(Result::ok);
        Ok(runtime::run(start(session, open, first)).await)
    })?;
    match ended {
        Ok(Ended::Quit) => Ok(Exit::Ok),
        Ok(Ended::Signal(number)) => Ok(Exit::Signal(number)),
        Err(error @ RuntimeError::NoTerminal(_)) => {
            Err(super::UsageError(error.to_string()).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// `bowline edit NAME`.
pub fn edit(args: &Edit, session: &Session) -> anyhow::Result<Exit> {
    let name = &args.name;
    if session.catalogue.digest(name)?.is_none() {
        let fault = CatalogueError::NotFound {
            name: name.clone(),
            dir: session.catalogue.dir().to_owned(),
        };
        let told = missing::told(&fault.into(), session, name);
        return Err(anyhow::anyhow!("{told}; `bowline new {name}` begins it"));
    }
    run(session, Some(args.name.clone()))
}

/// Returns what a dashboard of this session begins with.
/// The first connection is made by then where it needed the person.
pub(super) fn start(session: &Session, open: Option<InstanceId>, first: Option<Cluster>) -> Start {
    let target = session.target.clone().without_questions();
    let of_contexts = target.clone();
    let first = Arc::new(Mutex::new(first));
    Start {
        settings: session.settings.clone(),
        catalogue: session.catalogue.clone(),
        drafts: session.drafts(),
        trash: session.trash(),
        applied: session.applied(),
        connect: Arc::new(move |context| {
            let target = target.clone();
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            Box::pin(async move {
                match first {
                    Some(cluster) => Ok(cluster),
                    None => target.connect_to(context).await,
                }
            })
        }),
        contexts: Arc::new(move || of_contexts.contexts()),
        context: session.wanted_context(),
        is_sandbox: session.global.sandbox,
        invocation: invocation::of(&session.global),
        open,
        holder: session.holder(),
        theme: runtime::theme(&session.settings),
        keymap: Keymap::new(&session.settings.keys),
        cache: session.paths.cache.clone(),
        faults: [session.faults.clone(), session.losses.clone()].concat(),
        namespace: session.wanted_namespace().cloned(),
        state: Some(session.paths.state.clone()),
    }
}
