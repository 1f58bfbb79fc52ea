//! Runs a control plane until it is interrupted: `tests/control-plane/start`.

use std::io::Write;

use bowline_control_plane::{ControlPlane, User};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let control_plane = tokio::task::spawn_blocking(ControlPlane::start).await??;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "export KUBECONFIG={}",
        control_plane.kubeconfig(User::Admin).display()
    )?;
    for user in [User::Viewer, User::Nobody] {
        writeln!(
            out,
            "# as {}: export KUBECONFIG={}",
            user.name(),
            control_plane.kubeconfig(user).display()
        )?;
    }
    writeln!(
        out,
        "# logs: {}; ^C ends it",
        control_plane.directory().display()
    )?;
    out.flush()?;

    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut hang_up = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
