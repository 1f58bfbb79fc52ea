//! What goes on by itself while somebody looks: logs, shells, ports.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::driver::{Home, Terminal};

/// The sandbox with this definition deployed and selected in the list.
fn deployed(home: &Home, name: &str, text: &str) -> Terminal {
    fs::write(home.catalogue().join(format!("{name}.yaml")), text).unwrap();
    let mut terminal = home.start_with(&["--sandbox"]);
    terminal.until("● live");
    terminal.press(&format!("/{name}\r"));
    terminal.until(&format!("▸ {name}"));
    terminal.press("a");
    terminal.until(&format!("Plan: {name} r1"));
    terminal.until("create ");
    terminal.press("\r");
    terminal.until(&format!("Apply {name}?"));
    terminal.press("\r");
    terminal.until(&format!("Deploy of {name}: done."));
    terminal.press("\x1b");
    terminal.until(&format!("▸ {name}"));
    terminal
}

/// A container says thousands of lines a second, and the keys do what they do.
#[test]
fn flood_of_lines_leaves_the_keyboard_to_the_person() {
    let home = Home::new();
    let text = "containers:\n  - {name: main, image: 'app:chatty'}\n";
    let mut terminal = deployed(&home, "flood", text);
    terminal.press("l");
    terminal.until("before them dropped");
    terminal.press("f");
    terminal.until("stopped here, f follows");
    terminal.press("w");
    terminal.until("wrapped");
    terminal.press("w/jobs done in 7 ms\r");
    terminal.until("match /jobs done in 7 ms/");
    terminal.until_screen("only lines that match", |screen| {
        let text = screen.contents();
        text.contains("in 7 ms") && !text.contains("in 8 ms")
    });
    terminal.press("v");
    terminal.until("/jobs done in 7 ms/ marked");
    terminal.press("S");
    terminal.until("the last minute");
    terminal.press("j\r");
    terminal.until("since 60s");
    terminal.press("\x1b");
    terminal.until_screen("all lines again", |screen| {
        !screen.contents().contains("/jobs done")
    });
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn lines_of_a_pod_that_comes_later_join_and_one_can_be_heard_alone() {
    let home = Home::new();
    let text = "containers:\n  - {name: main, image: 'app:1.0'}\n";
    let mut terminal = deployed(&home, "duo", text);
    terminal.press("l");
    terminal.until("main: ready");
    terminal.scale_to_two("duo");
    terminal.until_times("main: ready", 2);
    terminal.press("o");
    terminal.until("Lines of");
    terminal.press("\x1b[B\r");
    terminal.until("only of duo-");
    terminal.until_times("main: ready", 1);
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

/// A sandbox that is served, and that the kubeconfig of a home leads to.
fn serve(home: &Home) -> Terminal {
    let program = Path::new(env!("CARGO_BIN_EXE_bowline"));
    // Wide enough for the path of its kubeconfig.
    let served = Terminal::run_sized(home.command(program, &["sandbox", "serve"]), (250, 24));
    served.until("export KUBECONFIG=");
    let text = served.text();
    let (_, path) = text.split_once("export KUBECONFIG=").unwrap();
    fs::copy(path.lines().next().unwrap().trim(), home.path("kubeconfig")).unwrap();
    served
}

/// Copies the newest line of the log of commands and runs it as it stands, in a shell.
fn run_copied(home: &Home, terminal: &mut Terminal) -> Terminal {
    terminal.press("@");
    terminal.until("┌ Commands");
    terminal.press("y");
    terminal.until("Copied: ");
    let bytes = terminal.seen.0.lock().unwrap().bytes.clone();
    let bytes = String::from_utf8_lossy(&bytes).into_owned();
    let (_, copied) = bytes.rsplit_once("]52;c;").unwrap();
    let copied = copied.split(['\u{7}', '\u{1b}']).next().unwrap();
    let line = BASE64_STANDARD.decode(copied).unwrap();
    terminal.press("\x1b");
    let line = String::from_utf8(line).unwrap();
    let mut command = home.command(Path::new("/bin/sh"), &["-c", &line]);
    let program = Path::new(env!("CARGO_BIN_EXE_bowline"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    command.env("PATH", path);
    Terminal::run_sized(command, (250, 24))
}

#[test]
fn copied_line_prints_what_a_log_came_to_show() {
    let home = Home::new();
    let _served = serve(&home);
    let mut terminal = home.start();
    terminal.until("● live");
    terminal.press("/orders\r");
    terminal.until("▸ orders-db");
    terminal.press("l");
    terminal.until("postgres: GET");
    terminal.press("/start|it's\r");
    terminal.until(" match /start|it's/");
    terminal.press("t");
    let printed = run_copied(&home, &mut terminal);
    printed.until("starting");
    let text = printed.text();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (source, rest) = line.split_once(' ').unwrap();
        assert!(source.starts_with("orders-db-0/"), "{text}");
        assert!(rest.starts_with("20") && rest.contains("start"), "{text}");
    }
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn shell_has_the_whole_terminal_and_gives_it_back() {
    let home = Home::new();
    let text =
        "containers:\n  - {name: main, image: 'app:1.0'}\n  - {name: helper, image: 'app:1.0'}\n";
    let mut terminal = deployed(&home, "duo", text);
    terminal.press("s");
    terminal.until("Shell in");
    terminal.press("j\r");
    terminal.until("Shell in container helper of pod duo-");
    terminal.until("simulated by the sandbox (container helper)");
    terminal.until_screen("the shell's screen", |screen| {
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    });
    terminal.press("stty size\r");
    terminal.until("24 80");
    terminal.resize(100, 30);
    // The signal that tells of it and what is typed go different ways.
    let n_answers =
        |text: &str, answer: &str| text.lines().filter(|it| it.trim() == answer).count();
    for n_before in 1.. {
        terminal.press("stty size\r");
        terminal.until_screen("an answer", |screen| {
            let text = screen.contents();
            n_answers(&text, "24 80") > n_before || n_answers(&text, "30 100") > 0
        });
        if n_answers(&terminal.text(), "30 100") > 0 {
            break;
        }
    }
    // Keys that mean something in the dashboard mean nothing of that here.
    terminal.press("q\x03");
    terminal.press("exit 3\r");
    terminal.until("has ended with exit code 3");
    terminal.until_screen("the dashboard again", |screen| {
        screen.alternate_screen() && screen.contents().contains("┌ Services")
    });
    // The keys are the dashboard's again, from the first one on.
    for (key, tab) in [("2", "[2 Volumes]"), ("3", "[3 Events]"), ("1", "[1 Pods]")] {
        terminal.press(key);
        terminal.until(tab);
    }
    // And once more.
    terminal.press("s\r");
    terminal.until("(container main)");
    terminal.press("\x04");
    terminal.until("has ended.");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn signal_ends_a_shell_and_the_terminal_is_as_it_was() {
    let home = Home::new();
    let text = "containers:\n  - {name: main, image: 'app:1.0'}\n";
    let mut terminal = deployed(&home, "duo", text);
    terminal.press("s");
    terminal.until("(container main)");
    terminal.signal("TERM");
    terminal.assert_ended(128 + 15);
}

#[test]
fn forwarded_port_leads_to_a_pod_until_it_is_stopped() {
    let home = Home::new();
    let text = "containers:\n  - {name: main, image: 'app:1.0', ports: [{name: http, port: 80}]}\n";
    let mut terminal = deployed(&home, "site", text);
    terminal.press("f");
    terminal.until("Forward a port of site");
    terminal.until("80  http");
    terminal.press("\r");
    terminal.until("It goes to whichever pod is ready.");
    // Any free port: others are at work on this machine.
    terminal.press("\x15:80\r");
    terminal.until(" leads to site.");
    terminal.press("F");
    terminal.until("┌ Forwards");
    terminal.until("ready");
    let text = terminal.text();
    let (_, rest) = text.split_once("http://127.0.0.1:").unwrap();
    let port: u16 = rest.split(' ').next().unwrap().parse().unwrap();
    let get = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        write!(stream, "GET /from-here HTTP/1.1\r\nHost: site\r\n\r\n")?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    let answer = get().unwrap();
    assert!(answer.contains("GET /from-here to port 80"), "{answer}");
    terminal.until_screen("one connection that was", |screen| {
        let text = screen.contents();
        let row = text.lines().find(|line| line.contains("http://127.0.0.1"));
        row.is_some_and(|row| row.split_whitespace().filter(|word| *word == "1").count() == 1)
    });
    // It goes on in other views.
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.until("1 forwarded");
    assert!(get().is_ok());
    terminal.press("F");
    terminal.until("┌ Forwards");
    terminal.press("y");
    terminal.until("Copied: http://127.0.0.1:");
    terminal.press("x");
    terminal.until("Nothing is forwarded.");
    assert!(get().is_err());
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn what_pods_and_claims_use_stands_beside_them() {
    let home = Home::new();
    let text = "containers:\n  - name: main\n    image: 'app:1.0'\n    \
                resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}\n    \
                volumeMounts: [{name: data, mountPath: /data}]\nvolumes: [{name: data, size: 1Gi}]\n";
    let mut terminal = deployed(&home, "vault", text);
    terminal.press("\r");
    terminal.until("┌ vault");
    terminal.until("CPU ");
    terminal.until("request 100m ");
    terminal.until("no limit");
    terminal.until("limit 128Mi ");
    // What was said of the pod last stands there, too.
    terminal.until("Started  Container started");
    terminal.press("2");
    terminal.until("USED");
    terminal.until_screen("a share", |screen| screen.contents().contains('%'));
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn events_lead_to_what_they_concern_and_are_told_whole() {
    let home = Home::new();
    let text = "containers:\n  - {name: main, image: 'app:1.0'}\n";
    let mut terminal = deployed(&home, "site", text);
    terminal.press("3\t");
    terminal.until("[3 Events]");
    // Those of the workload and of its pod stand together; ordered by their reasons, since all came at once.
    terminal.until("SuccessfulCreate");
    terminal.until("Started ");
    terminal.press("oo");
    terminal.until("REASON↑");
    // The rows have no room for the end of the message; below them it has.
    terminal.press("gjjj");
    terminal.until_screen("the event of the workload", |screen| {
        let text = screen.contents();
        let is_selected = text
            .lines()
            .any(|line| line.contains("▸") && line.contains("ScalingReplicaSet"));
        is_selected && text.contains(" from 0 to 1")
    });
    terminal.press("j");
    terminal.until(" to node-");
    terminal.press("v");
    terminal.until("[1 Pods]");
    terminal.until("▸ site-");
    // Back from the pod its own events alone are shown, until all are asked for.
    terminal.press("v");
    terminal.until("only of Pod/site-");
    terminal.until_screen("the pod's events alone", |screen| {
        let text = screen.contents();
        text.contains("Started") && !text.contains("ScalingReplicaSet")
    });
    terminal.press("3");
    terminal.until("ScalingReplicaSet");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn nodes_show_what_is_asked_for_of_them_and_are_read_anew() {
    let home = Home::new();
    let text = "containers:\n  - {name: main, image: 'app:1.0', gpu: nvidia/gpu}\n";
    let mut terminal = deployed(&home, "site", text);
    terminal.press("W");
    terminal.until("┌ Nodes · read ");
    // Of the two that there are another service has one.
    terminal.until("2/2 nvidia.com/gpu");
    terminal.until("/110");
    terminal.press("ooo");
    terminal.until("CPU↑");
    terminal.press("O");
    terminal.until("CPU↓");
    terminal.press("G");
    terminal.press("\x1b");
    terminal.until("▸ site ");
    terminal.press("=");
    terminal.until("Replicas of site");
    // What is typed stands in place of the number that is proposed.
    terminal.press("0");
    terminal.until("> 0 ");
    terminal.press("\r");
    terminal.until("1 to 0 replicas");
    terminal.press("\r");
    terminal.until("Scale site to 0?");
    terminal.press("y");
    terminal.until("Scale of site: done.");
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.until_screen("no pod of it any more", |screen| {
        !screen.contents().contains("site-")
    });
    terminal.press("W");
    terminal.until("1/2 nvidia.com/gpu");
    terminal.until_screen("an older reading", |screen| {
        !screen.contents().contains("read 0s ago")
    });
    terminal.press("r");
    terminal.until("┌ Nodes · read 0s ago");
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
}
