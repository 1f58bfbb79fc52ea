//! `bowline sandbox serve`: what it prints, what other clients find there, and what is left when it ends.

use rustix::process::Signal;

use crate::program::{Followed, Home, WEB};

/// A served sandbox and the kubeconfig that it printed.
fn serve(home: &Home, args: &[&str]) -> (Followed, String) {
    let mut served = home
        .bowline(&[&["sandbox", "serve"], args].concat())
        .follow();
    let kubeconfig = served.line_with("kubeconfig").trim().to_owned();
    (served, kubeconfig)
}

fn ids(home: &Home, kubeconfig: &str) -> String {
    let run = home.bowline(&["ls", "-o", "name", "--kubeconfig", kubeconfig]);
    run.end().code(0).stdout
}

#[test]
fn other_clients_find_the_examples_until_it_is_interrupted() {
    let home = Home::new();
    let (served, kubeconfig) = serve(&home, &[]);
    assert_eq!(
        ids(&home, &kubeconfig),
        "billing\nml-resnet\norders-db\nweb\n"
    );
    served.signal(Signal::INT);
    let (code, stderr) = served.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains(&format!("export KUBECONFIG={kubeconfig}")),
        "{stderr}"
    );
    assert!(
        !std::path::Path::new(&kubeconfig).exists(),
        "its token is of no use any more"
    );
}

#[test]
fn a_signal_that_was_ignored_at_the_start_ends_nothing() {
    let home = Home::new();
    let run = home.bowline(&["sandbox", "serve", "--empty"]);
    let mut served = run.behind_nohup().follow();
    let kubeconfig = served.line_with("kubeconfig").trim().to_owned();
    served.signal(Signal::HUP);
    assert_eq!(ids(&home, &kubeconfig), "");
    served.signal(Signal::INT);
    let (code, stderr) = served.end();
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_token_is_needed() {
    let home = Home::new();
    let (_served, kubeconfig) = serve(&home, &["--empty"]);
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    config["users"][0]["user"]["token"] = "guessed".into();
    let wrong = home
        .write("wrong", config.to_string())
        .display()
        .to_string();
    let refused = home.bowline(&["ls", "--kubeconfig", &wrong]).end();
    assert!(
        refused.stderr.contains("Unauthorized") || refused.stderr.contains("login"),
        "{}",
        refused.stderr
    );
    refused.code(5);
}

#[test]
fn its_state_is_kept_in_a_file_where_that_is_asked() {
    let home = Home::new();
    let state = home.path().join("state.json").display().to_string();
    let args = ["--empty", "--state", &state];
    let (served, kubeconfig) = serve(&home, &args);
    home.save("shop", WEB);
    let deploy = ["deploy", "shop", "--yes", "--kubeconfig", &kubeconfig];
    home.bowline(&deploy).end().code(0);
    let another = home
        .bowline(&[&["sandbox", "serve"][..], &args].concat())
        .end();
    another
        .code(1)
        .stderr_has(&["another sandbox that runs keeps its state there"]);
    served.signal(Signal::TERM);
    assert_eq!(served.end().0, Some(128 + 15));

    let (_served, kubeconfig) = serve(&home, &args);
    assert_eq!(ids(&home, &kubeconfig), "shop\n");
    let diff = home
        .bowline(&["diff", "shop", "--kubeconfig", &kubeconfig])
        .end();
    diff.code(0);
}

#[test]
fn a_file_that_is_no_state_is_named_and_left_alone() {
    let home = Home::new();
    let state = home.write("state.json", "{\"mine\": 1}");
    let ended = home
        .bowline(&["sandbox", "serve", "--state", &state.display().to_string()])
        .end();
    ended
        .code(1)
        .stderr_has(&[&state.display().to_string(), "is not a sandbox' state"]);
    assert_eq!(std::fs::read_to_string(state).unwrap(), "{\"mine\": 1}");
}
