//! `bowline sandbox serve`: the cluster of rehearsals on loopback, for kubectl and other clients.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::prelude::{BASE64_STANDARD, Engine};
use bowline_sandbox::Served;
use serde_json::json;

use super::args::{Sandbox, Serve};
use super::session::Session;
use super::{Exit, operate, output, signals};
use crate::guard::Guard;
use crate::rehearsal::{self, NAME, RehearsalOptions};

pub fn run(command: &Sandbox, session: &Session) -> anyhow::Result<Exit> {
    let Sandbox::Serve(args) = command;
    operate::block_on(serve(args, session))
}

async fn serve(args: &Serve, session: &Session) -> anyhow::Result<Exit> {
    let options = RehearsalOptions {
        settings: session.settings.clone(),
        namespace: session.global.namespace.clone(),
        holder: session.holder(),
        state_file: args.state.clone(),
        has_examples: !args.empty,
        guard: Guard::default(),
    };
    let rehearsal = rehearsal::start(&options).await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let served = rehearsal.sandbox().serve(address).await?;
    let token = rehearsal
        .sandbox()
        .users()
        .next()
        .map(|user| user.token.clone())
        .unwrap_or_default();
    let kubeconfig = Kubeconfig::write(
        session,
        &served,
        &token,
        rehearsal.cluster().namespace().as_str(),
    )?;
    output::print(&format!("{}\n", kubeconfig.path.display()))?;
    output::say(format!(
        "serving the sandbox on https://{}; in another shell:\n\n  export KUBECONFIG={}\n\nCtrl-C ends it.",
        served.address(),
        kubeconfig.path.display()
    ));
    let number = signals::next_signal().await?;
    rehearsal.sandbox().save()?;
    output::say("the sandbox ends");
    // An interrupt is how this command is meant to end.
    Ok(if number == INTERRUPT {
        Exit::Ok
    } else {
        Exit::Signal(number)
    })
}

const INTERRUPT: u8 = 2;

/// The kubeconfig of a served sandbox; it goes with it.
struct Kubeconfig {
    path: PathBuf,
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        // Its port is closed: whoever reads it later gets a refusal anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Kubeconfig {
    fn write(
        session: &Session,
        served: &Served,
        token: &str,
        namespace: &str,
    ) -> anyhow::Result<Self> {
        let address = served.address();
        let authority = BASE64_STANDARD.encode(served.certificate());
        let text = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": NAME,
            "clusters": [{"name": NAME, "cluster": {"server": format!("https://{address}"), "certificate-authority-data": authority}}],
            "users": [{"name": NAME, "user": {"token": token}}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": namespace}}],
        });
        let directory = session.paths.state.join("sandbox");
        let path = directory.join(format!("kubeconfig-{}", address.port()));
        write_private(&directory, &path, &serde_json::to_string_pretty(&text)?)
            .with_context(|| format!("writing the kubeconfig {}", path.display()))?;
        Ok(Self { path })
    }
}

/// The token in it lets whoever reads it do everything in the sandbox.
fn write_private(directory: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    // One that a killed sandbox left behind on this port goes, whatever it is.
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
