//! One control plane for all tests of a process, started when the first asks, and an honest skip where none is built.

use std::io::Write;
use std::sync::OnceLock;

use crate::binaries::Binaries;
use crate::control_plane::ControlPlane;

/// Environment variable that makes a missing control plane a failure, with the value `1`.
pub const REQUIRE: &str = "BOWLINE_REQUIRE_CONTROL_PLANE";

/// Returns the control plane that all tests of this process share; `None`, said once on standard error, if its executables are not
/// built. `what` says what does not run then.
///
/// # Panics
/// It does not start, or it is not built although [`REQUIRE`] asks for it: a test cannot go on.
pub fn shared(what: &str) -> Option<&'static ControlPlane> {
    static SHARED: OnceLock<Option<ControlPlane>> = OnceLock::new();
    let start = || {
        let binaries = built(what)?;
        Some(ControlPlane::start_from(&binaries).expect("the control plane starts"))
    };
    SHARED.get_or_init(start).as_ref()
}

/// Returns the executables; `None`, said on standard error, if they are not built. `what` says what does not run then.
///
/// # Panics
/// They are not built although [`REQUIRE`] asks for them.
#[expect(clippy::panic, reason = "tests end here")]
pub fn built(what: &str) -> Option<Binaries> {
    match Binaries::find() {
        Ok(binaries) => Some(binaries),
        Err(not_built) if std::env::var_os(REQUIRE).is_some_and(|value| value == "1") => {
            panic!("{REQUIRE}=1, but {not_built}")
        }
        Err(not_built) => {
            // Written past the capture of test output: a skip that nobody sees is a lie.
            let sentence =
                format!("\nSKIPPED: {what} did not run on a real control plane: {not_built}\n");
            let _ = writeln!(std::io::stderr(), "{sentence}");
            None
        }
    }
}
