//! What is seen of a server that is not there, or says nothing.

use std::fs;
use std::sync::{Arc, Mutex};

use crate::driver::{Home, Terminal, modes};

#[test]
fn starts_without_a_server_shows_what_it_has_and_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let mut terminal = home.start();
    terminal.until("web");
    terminal.until("Connection refused");
    assert_ne!(modes(terminal.master.as_ref()), terminal.modes_before);
    terminal.press("q");
    terminal.assert_ended(0);
}

/// A server that takes connections and says nothing holds nobody up.
#[test]
fn silent_cluster_is_left_for_another_without_waiting() {
    let home = Home::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&accepted);
    std::thread::spawn(move || {
        for stream in silent.incoming().flatten() {
            kept.lock().unwrap().push(stream);
        }
    });
    let kubeconfig = format!(
        "{{apiVersion: v1, kind: Config, current-context: silent, \
          clusters: [{{name: silent, cluster: {{server: 'http://{at}'}}}}, \
                     {{name: other, cluster: {{server: 'http://{at}'}}}}], \
          users: [{{name: me, user: {{}}}}], \
          contexts: [{{name: silent, context: {{cluster: silent, user: me, namespace: team-a}}}}, \
                     {{name: other, context: {{cluster: other, user: me, namespace: team-b}}}}]}}"
    );
    fs::write(home.path("kubeconfig"), kubeconfig).unwrap();
    let mut terminal = home.start();
    // Keys are answered all the time: a deadline of the network that was waited for would be told.
    let at_once = |terminal: &Terminal, text: &str| {
        terminal.until_screen(text, |screen| {
            let shown = screen.contents();
            assert!(!shown.contains("no answer"), "{shown}");
            shown.contains(text)
        });
    };
    at_once(&terminal, "bowline  silent ▸ team-a");
    at_once(&terminal, "connecting");
    for (keys, text) in [
        ("c", "team-b"),
        ("other\r", "bowline  other ▸ team-b"),
        ("N", "another namespace"),
        ("all\r", "bowline  other ▸ all namespaces"),
        ("c", "team-a"),
        ("silent\r", "bowline  silent ▸ team-a"),
    ] {
        terminal.press(keys);
        at_once(&terminal, text);
    }
    assert!(!accepted.lock().unwrap().is_empty());
    terminal.press("q");
    terminal.assert_ended(0);
}
