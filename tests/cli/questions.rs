//! Questions on a terminal, and what each answer does.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use bowline_control_plane::User;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::termios::{LocalModes, tcgetattr};

use crate::program::{DB, PROGRAM, WEB};
use crate::world::{AwaitIn, World};

/// A terminal that stays silent for so long hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// The program on a terminal.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    seen: String,
    pty: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn bowline(world: &World, args: &[&str]) -> Self {
        let pty = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = CommandBuilder::new(PROGRAM);
        command.env_clear();
        command.args(args);
        for (name, value) in world.home.environment() {
            command.env(name, value);
        }
        command.env("KUBECONFIG", world.kubeconfig(User::Admin));
        command.env("BOWLINE_NAMESPACE", &world.namespace);
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let (sender, output) = mpsc::channel();
        let mut reader = pty.master.try_clone_reader().unwrap();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                if sender.send(chunk[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard: pty.master.take_writer().unwrap(),
            output,
            seen: String::new(),
            pty: pty.master,
        }
    }

    /// Waits for a question and types an answer.
    fn answer(&mut self, question: &str, answer: &str) {
        self.press_at(question, &format!("{answer}\n"));
    }

    /// Waits for a question and presses keys.
    fn press_at(&mut self, question: &str, keys: &str) {
        self.wait_for(question);
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn wait_for(&mut self, question: &str) {
        while !self.seen.contains(question) {
            let chunk = self.output.recv_timeout(DEADLINE);
            let chunk = chunk.unwrap_or_else(|_| panic!("no {question:?} in:\n{}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    #[track_caller]
    fn end(mut self, code: u32) {
        let status = self.ended();
        assert_eq!(status.exit_code(), code, "{}", self.seen);
    }

    fn ended(&mut self) -> ExitStatus {
        while let Ok(chunk) = self.output.recv_timeout(DEADLINE) {
            self.seen.push_str(&String::from_utf8_lossy(&chunk));
        }
        self.child.wait().unwrap()
    }
}

pub(crate) fn a_question_is_answered_by_yes_alone(world: &World) {
    world.home.save("web", WEB);
    for answer in ["n", "", "ye", "web"] {
        let mut terminal = Terminal::bowline(world, &["deploy", "web"]);
        terminal.answer("[y/N]", answer);
        terminal.end(1);
        assert_eq!(world.all_names("web"), [""; 0], "{answer:?}");
    }
    // It says where: the context and the namespace.
    let place = format!("▸ {}?", world.namespace);
    let mut terminal = Terminal::bowline(world, &["deploy", "web"]);
    terminal.answer(&place, "y");
    terminal.end(0);
    let mut terminal = Terminal::bowline(world, &["delete", "web"]);
    terminal.answer("Take down web", "no");
    terminal.end(1);
    assert!(!world.all_names("web").is_empty());
    let mut terminal = Terminal::bowline(world, &["delete", "web"]);
    terminal.answer("Take down web", "yes");
    terminal.end(0);
    assert_eq!(world.all_names("web"), [""; 0]);
}

pub(crate) fn a_rollback_goes_nowhere_else_than_was_agreed_to(world: &World) {
    let deploy = |tag: &str| {
        let text = WEB.replace("nginx:1.27", tag);
        world.home.save("web", &text);
        world.bowline(&["deploy", "web", "-y"]).end().code(0);
    };
    for tag in ["nginx:1.25", "nginx:1.26", "nginx:1.27"] {
        deploy(tag);
    }
    let mut terminal = Terminal::bowline(world, &["rollback", "web", "--wait"]);
    terminal.wait_for("Roll web back to r2");
    deploy("nginx:1.28");
    terminal.answer("[y/N]", "y");
    let status = terminal.ended();
    let told = &terminal.seen;
    assert_eq!(status.exit_code(), 1, "{told}");
    assert!(
        told.contains("goes back to r2; by now it would go back to r3"),
        "{told}"
    );
    let listed = world.bowline(&["history", "web"]).end().code(0);
    assert!(!listed.stdout.contains("r5"), "{}", listed.stdout);
}

pub(crate) fn a_question_is_left_by_a_signal(world: &World) {
    world.home.save("web", WEB);
    let secret = format!("{WEB}secrets:\n  db: {{prompt: Password}}\n");
    world.home.save("secret", &secret);
    // What waits listens for signals itself, and has done so when it asks.
    let asked = [
        (&["deploy", "web"][..], "[y/N]"),
        (&["deploy", "web", "--wait"], "[y/N]"),
        (&["deploy", "secret", "-y", "--wait"], "Password: "),
    ];
    for (args, question) in asked {
        let mut terminal = Terminal::bowline(world, args);
        // No line ends behind it: it may be read as an answer before the signal is heard.
        terminal.press_at(question, "\x03");
        let status = terminal.ended();
        assert!(
            status.signal().is_some(),
            "{args:?} ended with {status:?}: {}",
            terminal.seen
        );
        assert_eq!(world.all_names(args[1]), [""; 0], "{args:?}");
        let end_of_program = File::open(terminal.pty.tty_name().unwrap()).unwrap();
        let modes = tcgetattr(end_of_program).unwrap().local_modes;
        let usual = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        assert!(modes.contains(usual), "{args:?}: {modes:?}");
    }
}

pub(crate) fn data_is_destroyed_only_by_typing_the_id(world: &World) {
    world.home.save("db", DB);
    world.bowline(&["deploy", "db", "-y"]).end().code(0);
    let delete = ["delete", "db", "--volumes", "delete"];
    for answer in ["y", "yes", "DB", ""] {
        let mut terminal = Terminal::bowline(world, &delete);
        terminal.answer("Type db to take it down:", answer);
        terminal.end(1);
        assert!(world.all_names("db").contains(&"StatefulSet/db".to_owned()));
    }
    let mut terminal = Terminal::bowline(world, &delete);
    terminal.answer("Type db to take it down:", "db");
    terminal.end(0);
    assert_eq!(world.all_names("db"), [""; 0]);
}

pub(crate) fn an_answer_becomes_the_value_that_was_asked_for_alone(world: &World) {
    let deploy = ["deploy", "web", "-y", "--wait=false"];
    let value = |key: &str| {
        let secrets = world.api("v1", "Secret");
        let live = secrets.get("web-secret").await_in(world).unwrap();
        let encoded = live.data["data"][key].as_str().unwrap().to_owned();
        String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
    };
    let first = format!("{WEB}secrets:\n  db: {{prompt: Password}}\n");
    world.home.save("web", &first);
    let mut terminal = Terminal::bowline(world, &deploy);
    terminal.answer("Password: ", "of-the-database");
    terminal.end(0);
    // Another that is asked for in the same words leaves the one that is there.
    let both = format!("{first}  admin: {{prompt: Password}}\n");
    world.home.save("web", &both);
    let mut terminal = Terminal::bowline(world, &deploy);
    terminal.answer("Password (admin): ", "of-the-admin");
    terminal.end(0);
    assert_eq!(
        [value("db"), value("admin")],
        ["of-the-database", "of-the-admin"]
    );
    // All are asked for where that is wished, and nothing keeps what is there.
    let mut terminal = Terminal::bowline(world, &[&deploy[..], &["--ask-secrets"]].concat());
    terminal.answer("Password (admin) (empty keeps what is there): ", "");
    terminal.answer("Password (db) (empty keeps what is there): ", "another");
    terminal.end(0);
    assert_eq!([value("db"), value("admin")], ["another", "of-the-admin"]);
    // Nobody is asked for what is refused anyway.
    let refused = format!("{both}  new: {{prompt: New}}\n  other: {{env: NOT_SET}}\n");
    world.home.save("web", &refused);
    Terminal::bowline(world, &deploy).end(5);
}

pub(crate) fn of_several_one_can_be_left(world: &World) {
    for (id, protected) in [("web", ""), ("safe", "protected: true\n")] {
        world.home.save(id, &format!("{protected}{WEB}"));
        world.bowline(&["deploy", id, "-y"]).end().code(0);
    }
    let delete = ["delete", "web", "safe"];
    // What is typed wrong is no way of leaving it.
    let mut terminal = Terminal::bowline(world, &delete);
    terminal.answer("Type safe to take it down", "save");
    terminal.end(1);
    assert!(!world.all_names("web").is_empty());
    let mut terminal = Terminal::bowline(world, &delete);
    terminal.answer("(nothing leaves it as it is)", "");
    terminal.answer("Take down web in", "y");
    terminal.end(3);
    assert_eq!(world.all_names("web"), [""; 0]);
    assert!(!world.all_names("safe").is_empty());
}
