//! `exec`: exit codes, streams, choice of pod and container. The nodes of the real control plane are simulated: what is run
//! in their containers runs on this machine, so that most of what concerns the place is shown against the sandbox.

use std::io::{Read, Write};

use bowline_control_plane::User;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::process::Signal;

use crate::program::{PROGRAM, WEB};
use crate::world::{AwaitIn, Backend, World, begin};

const PAIR: &str = "\
replicas: 2
containers:
  - {name: web, image: 'nginx:1.27', env: [{name: MODE, value: fast}]}
  - {name: helper, image: 'busybox:1'}
";

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    world.bowline(&["deploy", name, "-y"]).end().code(0);
}

fn sandbox_with_pair() -> World {
    let world = begin(Backend::Sandbox).unwrap();
    deploy(&world, "pair", PAIR);
    world
}

pub(crate) fn what_cannot_be_run_is_told(world: &World) {
    deploy(world, "web", WEB);
    let exec = |args: &[&str]| world.bowline(&[&["exec", "web"], args].concat()).end();
    exec(&["-c", "nope", "--", "true"])
        .code(1)
        .stdout("")
        .stderr_has(&["has no container nope; there are: nginx"]);
    exec(&["--pod", "nope", "--", "true"])
        .code(1)
        .stderr_has(&["web has no pod nope; there are: web-"]);
    let read_only = world.bowline(&["exec", "web", "--read-only", "--", "true"]);
    let refused = read_only.end().code(5).stdout("");
    refused.stderr_has(&["is read-only: --read-only or [contexts] of the settings says so"]);
    exec(&[]).code(2).stderr_has(&["no command", "after --"]);
    let refused = world.bowline_as(User::Viewer, &["exec", "web", "--", "true"]);
    refused.end().code(5).stdout("").stderr_has(&[&format!(
        "may not get and create pods/exec in {}",
        world.namespace
    )]);
    let none = world.bowline(&["exec", "none", "--", "true"]).end();
    none.code(1)
        .stderr_has(&["error: there is no instance none in namespace"]);
}

pub(crate) fn what_goes_in_and_out_passes_the_server(world: &World) {
    deploy(world, "web", WEB);
    let exec = |args: &[&str]| world.bowline(&[&["exec", "web"], args].concat());
    // NB: the simulated nodes tell no exit code but 0, nor a command the end of its input; kubectl fares no better there.
    let script = "echo out; echo err >&2";
    let said = exec(&["--", "sh", "-c", script]).end().code(0);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("out\n", "err\n")
    );
    exec(&["--", "true"]).end().code(0).stdout("");
    let mut running = exec(&["--", "sh", "-c", "echo begun; sleep 60"]).follow();
    running.line_with("begun");
    running.signal(Signal::INT);
    assert_eq!(running.end(), (Some(130), String::new()));
}

#[test]
fn commands_find_what_their_container_has() {
    let world = sandbox_with_pair();
    let exec = |command: &[&str]| {
        let args = [&["exec", "pair", "--"], command].concat();
        world.bowline(&args).end()
    };
    let said = exec(&["sh", "-c", "echo out; echo err >&2; exit 7"]).code(7);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("out\n", "err\n")
    );
    exec(&["printenv", "MODE"]).code(0).stdout("fast\n");
    exec(&["nginx", "-t"])
        .code(127)
        .stderr_has(&["nginx: not found"]);
    let script = world
        .bowline(&["exec", "pair", "-i"])
        .input("hostname\nexit 4\n");
    let said = script.end().code(4).stdout;
    assert!(
        world
            .names("v1", "Pod", "pair")
            .contains(&said.trim().to_owned()),
        "{said}"
    );
    // Without -i there is no input.
    let ended = world
        .bowline(&["exec", "pair", "--", "cat"])
        .input("x")
        .end();
    ended.code(0).stdout("");
}

#[test]
fn input_goes_in_whole_and_its_end_with_it() {
    let world = sandbox_with_pair();
    let exec = |args: &[&str]| world.bowline(&[&["exec", "pair"], args].concat());
    let long = "0123456789abcdef\n".repeat(60_000);
    let copied = exec(&["-i", "--", "cat"]).input(&long).end().code(0).stdout;
    assert!(copied == long, "{} of {} bytes", copied.len(), long.len());
}

#[test]
fn the_container_that_the_pod_names_is_meant_and_any_other_can_be() {
    let world = sandbox_with_pair();
    let mode = |args: &[&str]| {
        let args = [&["exec", "pair"], args, &["--", "env"]].concat();
        world
            .bowline(&args)
            .end()
            .code(0)
            .stdout
            .contains("MODE=fast")
    };
    assert!(mode(&[]));
    assert!(!mode(&["-c", "helper"]));
    let pods = world.names("v1", "Pod", "pair");
    for pod in &pods {
        let ended = world.bowline(&["exec", "pair", "--pod", pod, "--", "hostname"]);
        ended.end().code(0).stdout(&format!("{pod}\n"));
        let patch = serde_json::json!({"metadata": {"annotations":
            {"kubectl.kubernetes.io/default-container": "helper"}}});
        let patch = kube::api::Patch::Merge(patch);
        let params = kube::api::PatchParams::default();
        let api = world.api("v1", "Pod");
        api.patch(pod, &params, &patch).await_in(&world).unwrap();
    }
    assert!(!mode(&[]));
    assert!(mode(&["-c", "web"]));
}

#[test]
fn a_pod_that_goes_ends_its_commands_and_a_signal_ends_ours() {
    let world = sandbox_with_pair();
    let pod = &world.names("v1", "Pod", "pair")[0];
    let script = "echo begun; sleep 60";
    let args = ["exec", "pair", "--pod", pod, "--", "sh", "-c", script];
    let mut running = world.bowline(&args).follow();
    running.line_with("begun");
    let api = world.api("v1", "Pod");
    let params = kube::api::DeleteParams::default().grace_period(0);
    drop(api.delete(pod, &params).await_in(&world).unwrap());
    assert_eq!(running.end(), (Some(137), String::new()));
    let mut running = world
        .bowline(&["exec", "pair", "--", "sh", "-c", script])
        .follow();
    running.line_with("begun");
    running.signal(Signal::INT);
    assert_eq!(running.end(), (Some(130), String::new()));
    let unread = world
        .bowline(&["exec", "pair", "--", "sh", "-c", script])
        .end_unread();
    assert_eq!(unread, (Some(0), String::new()));
}

#[test]
fn a_terminal_is_the_shells_and_is_given_back() {
    let world = sandbox_with_pair();
    let size = |columns| PtySize {
        rows: 30,
        cols: columns,
        ..PtySize::default()
    };
    let pair = native_pty_system().openpty(size(100)).unwrap();
    let mut command = CommandBuilder::new(PROGRAM);
    command.args(["exec", "pair", "-c", "helper"]);
    command.env_clear();
    for (name, value) in world.home.environment() {
        command.env(name, value);
    }
    command.env("KUBECONFIG", world.kubeconfig(User::Admin));
    command.env("BOWLINE_NAMESPACE", &world.namespace);
    let before = modes(pair.master.as_ref());
    let mut child = pair.slave.spawn_command(command).unwrap();
    let mut writer = pair.master.take_writer().unwrap();
    let mut screen = Screen(pair.master.try_clone_reader().unwrap(), Vec::new());
    screen.until("simulated by the sandbox (container helper)");
    screen.until("$ ");
    assert_ne!(modes(pair.master.as_ref()), before, "the terminal is raw");
    writer.write_all(b"stty size\r").unwrap();
    screen.until("30 100\r\n");
    pair.master.resize(size(120)).unwrap();
    // The size follows by a way of its own.
    loop {
        writer.write_all(b"stty size\r").unwrap();
        if screen.until("\r\n$ ").contains("30 120") {
            break;
        }
    }
    // The command gets what would end us.
    writer.write_all(b"sleep 60\r").unwrap();
    screen.until("sleep 60\r\n");
    writer.write_all(b"\x03").unwrap();
    screen.until("^C");
    writer.write_all(b"exit 9\r").unwrap();
    assert_eq!(child.wait().unwrap().exit_code(), 9);
    assert_eq!(modes(pair.master.as_ref()), before);
}

/// The modes of a terminal, as far as a session changes them.
fn modes(master: &dyn portable_pty::MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

/// What a terminal was sent.
struct Screen(Box<dyn Read + Send>, Vec<u8>);

impl Screen {
    /// Reads until `part` has come, and returns all up to there.
    fn until(&mut self, part: &str) -> String {
        let mut byte = [0];
        loop {
            let text = String::from_utf8_lossy(&self.1).into_owned();
            if text.contains(part) {
                self.1.clear();
                return text;
            }
            assert_eq!(self.0.read(&mut byte).unwrap_or(0), 1, "{text}");
            self.1.push(byte[0]);
        }
    }
}
