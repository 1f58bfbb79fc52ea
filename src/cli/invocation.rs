//! How the program was begun, so that the commands it names go to the same cluster and the same catalogue.

use std::path::PathBuf;

use super::args::Global;
use crate::app::Invocation;

/// Returns how the session of these arguments is begun, its context and its namespace aside.
pub(super) fn of(global: &Global) -> Invocation {
    Invocation {
        flags: flags(global),
    }
}

/// Returns how a command begins that goes where one with these arguments goes, but for the namespace.
pub(super) fn program(global: &Global) -> String {
    let program = of(global).program(global.context.as_deref());
    match global.sandbox {
        true => format!("{program} --sandbox"),
        false => program,
    }
}

/// Returns the flags that were given, or stand in the environment, as words. Commands may be copied to another directory.
fn flags(global: &Global) -> Vec<String> {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let file = |path: &Option<PathBuf>| {
        let path = path.as_ref().map(absolute);
        path.map(|path| path.to_string_lossy().into_owned())
    };
    let mut given = vec![
        ("--kubeconfig", file(&global.kubeconfig)),
        ("--server", global.server.clone()),
        (
            "--certificate-authority",
            file(&global.certificate_authority),
        ),
        ("--client-certificate", file(&global.client_certificate)),
        ("--client-key", file(&global.client_key)),
        ("--token-file", file(&global.token_file)),
        ("--as", global.as_user.clone()),
    ];
    given.extend(
        global
            .as_groups
            .iter()
            .map(|group| ("--as-group", Some(group.clone()))),
    );
    given.push(("--catalogue", file(&global.catalogue)));
    given.push(("--config", file(&global.config)));
    let given = given
        .into_iter()
        .filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
    given.flatten().collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        global: Global,
    }

    fn global(args: &[&str]) -> Global {
        Flags::parse_from([&["bowline"], args].concat()).global
    }

    #[test]
    fn commands_that_are_named_go_to_the_same_cluster() {
        let check = |args: &[&str], expected: &str| assert_eq!(program(&global(args)), expected);
        check(&[], "bowline");
        check(&["-n", "x", "--read-only"], "bowline");
        check(&["--context", "kind dev"], "bowline --context 'kind dev'");
        check(&["--sandbox"], "bowline --sandbox");
        check(&["--server", "https://x"], "bowline --server https://x");
    }

    #[test]
    fn commands_name_what_the_session_was_begun_with() {
        let check = |args: &[&str], expected: &[&str]| {
            assert_eq!(flags(&global(args)), expected);
        };
        let check_same = |args: &[&str]| check(args, args);
        check(&["-n", "x", "--context", "dev", "--read-only"], &[]);
        let here = std::env::current_dir().unwrap();
        let file = here.join("mine.yaml").to_string_lossy().into_owned();
        check(
            &[
                "--kubeconfig",
                "mine.yaml",
                "--as",
                "ann",
                "--as-group=a",
                "--as-group=b",
            ],
            &[
                "--kubeconfig",
                &file,
                "--as",
                "ann",
                "--as-group",
                "a",
                "--as-group",
                "b",
            ],
        );
        check_same(&[
            "--server",
            "https://x",
            "--token-file",
            "/t",
            "--catalogue",
            "/c",
        ]);
    }
}
