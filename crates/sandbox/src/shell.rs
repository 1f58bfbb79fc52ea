//! A simulated shell: no container runs in the sandbox, so that a few commands are carried out here, honestly told apart
//! from real ones.

mod input;
mod script;

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use input::{Input, Typed};
use script::{Join, Sink, Step, Word};

const NOT_FOUND: i32 = 127;
const INTERRUPTED: i32 = 130;
const USAGE: i32 = 2;
const KNOWN: &str =
    "cat, echo, env, exit, false, hostname, printenv, pwd, sh, sleep, stty size, true";

/// What a command finds where it runs.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) env: Vec<(String, String)>,
    pub(crate) host: String,
    pub(crate) container: String,
}

/// The size of a terminal in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    pub(crate) columns: u64,
    pub(crate) rows: u64,
}

/// A channel of a session and its way to the client.
pub(crate) type Output = (u8, mpsc::Sender<(u8, Bytes)>);

/// What a command reads from and writes to.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// Bytes of standard input; none after the last.
    pub(crate) stdin: mpsc::Receiver<Bytes>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) size: watch::Receiver<Size>,
    pub(crate) is_tty: bool,
}

/// The shell, with what runs in it.
#[derive(Debug)]
pub(crate) struct Shell {
    place: Place,
    stdout: Output,
    stderr: Output,
    size: watch::Receiver<Size>,
    is_tty: bool,
    input: Input,
    last: i32,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// With a code.
    Code(i32),
    /// And the shell with it.
    Exit(i32),
}

impl Shell {
    /// Returns a shell in a place.
    pub(crate) fn new(place: Place, terminal: Terminal) -> Self {
        let echo = terminal.is_tty.then(|| terminal.stdout.clone());
        Self {
            place,
            stdout: terminal.stdout,
            stderr: terminal.stderr,
            size: terminal.size,
            is_tty: terminal.is_tty,
            input: Input::new(terminal.stdin, echo),
            last: 0,
        }
    }

    /// Carries out a command and returns its exit code.
    pub(crate) async fn run(mut self, command: &[String]) -> i32 {
        match self.command(command, Sink::Stdout).await {
            Done::Code(code) | Done::Exit(code) => code,
        }
    }

    fn command<'a>(&'a mut self, words: &'a [String], sink: Sink) -> BoxFuture<'a, Done> {
        Box::pin(async move {
            let Some((name, args)) = words.split_first() else {
                return Done::Code(self.last);
            };
            let program = name.rsplit('/').next().unwrap_or(name);
            let code = match (program, args) {
                ("exit", args) => return self.exit(args).await,
                ("sh" | "bash" | "ash" | "dash", args) => self.shell(args).await,
                ("exec", [_, ..]) => return self.exec(args, sink).await,
                ("echo", args) => self.echo(args, sink).await,
                ("cat", args) => self.cat(args, sink).await,
                ("env", []) => self.env(sink).await,
                ("printenv", [name]) => self.printenv(name, sink).await,
                ("printenv", _) => self.env(sink).await,
                ("hostname", _) => {
                    let line = format!("{}\n", self.place.host);
                    self.write(&line, sink).await
                }
                ("pwd", _) => self.write("/\n", sink).await,
                ("command", [flag, name]) if flag == "-v" => self.find(name, sink).await,
                ("true" | ":", _) => 0,
                ("false", _) => 1,
                ("sleep", [seconds]) => self.sleep(seconds).await,
                ("stty", [size]) if size == "size" => self.stty_size(sink).await,
                ("help", _) => {
                    let line = format!("simulated by the sandbox: {KNOWN}\n");
                    self.write(&line, sink).await
                }
                (_, _) => self.not_found(name).await,
            };
            Done::Code(code)
        })
    }

    async fn not_found(&mut self, name: &str) -> i32 {
        let line =
            format!("{name}: not found (this shell is simulated by the sandbox: it knows {KNOWN})");
        self.complain(&line, NOT_FOUND).await
    }

    async fn find(&mut self, name: &str, sink: Sink) -> i32 {
        let is_known = name == "bash" || KNOWN.split(", ").any(|known| known == name);
        match is_known {
            true => self.write(&format!("/bin/{name}\n"), sink).await,
            false => NOT_FOUND,
        }
    }

    async fn exit(&mut self, args: &[String]) -> Done {
        let code = match args.first() {
            None => Some(self.last),
            Some(code) => code.parse::<u8>().ok().map(i32::from),
        };
        match code {
            Some(code) => Done::Exit(code),
            None => Done::Exit(
                self.complain("exit: numeric argument required", USAGE)
                    .await,
            ),
        }
    }

    async fn exec(&mut self, args: &[String], sink: Sink) -> Done {
        match self.command(args, sink).await {
            Done::Code(code) | Done::Exit(code) => Done::Exit(code),
        }
    }

    async fn shell(&mut self, args: &[String]) -> i32 {
        let mut args = args.iter();
        let mut next = args.next().map(String::as_str);
        while matches!(next, Some("-i" | "-l" | "-e" | "-il" | "--login")) {
            next = args.next().map(String::as_str);
        }
        match (next, args.next()) {
            (Some("-c" | "-ec" | "-lc"), Some(script)) => match self.script(script).await {
                Done::Code(code) | Done::Exit(code) => code,
            },
            (None, _) => self.interactive().await,
            (Some(other), _) => {
                let line = format!("sh: cannot open {other}: there are no files in the sandbox");
                self.complain(&line, NOT_FOUND).await
            }
        }
    }

    /// Carries out line after line of what is typed or piped in.
    async fn interactive(&mut self) -> i32 {
        if self.is_tty {
            let banner = format!(
                "This is a shell simulated by the sandbox (container {}). Try help.\n",
                self.place.container
            );
            self.write(&banner, Sink::Stdout).await;
        }
        loop {
            if self.is_tty {
                self.write("$ ", Sink::Stdout).await;
            }
            match self.input.line().await {
                Typed::Line(line) => match self.script(line.trim()).await {
                    Done::Code(code) => self.last = code,
                    Done::Exit(code) => return code,
                },
                Typed::Interrupt => self.last = INTERRUPTED,
                Typed::End => return self.last,
            }
        }
    }

    async fn script(&mut self, text: &str) -> Done {
        let steps = match script::parse(text) {
            Ok(steps) => steps,
            Err(why) => return Done::Code(self.complain(&format!("sh: {why}"), USAGE).await),
        };
        for step in &steps {
            let is_due = match step.join {
                Join::Always => true,
                Join::IfOk => self.last == 0,
                Join::IfFailed => self.last != 0,
            };
            if !is_due {
                continue;
            }
            let words = self.expanded(step);
            match self.command(&words, step.sink).await {
                Done::Code(code) => self.last = code,
                exit @ Done::Exit(_) => return exit,
            }
        }
        Done::Code(self.last)
    }

    fn expanded(&self, step: &Step) -> Vec<String> {
        let value = |name: &str| match name {
            "?" => self.last.to_string(),
            name => self.variable(name).unwrap_or_default().to_owned(),
        };
        let words = step.words.iter().map(|word: &Word| word.expanded(&value));
        words.flatten().collect()
    }

    /// The last of one name counts, as it does in a container.
    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.place.env.iter().rfind(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    async fn echo(&mut self, args: &[String], sink: Sink) -> i32 {
        let (words, end) = match args.split_first() {
            Some((first, rest)) if first == "-n" => (rest, ""),
            _ => (args, "\n"),
        };
        self.write(&(words.join(" ") + end), sink).await
    }

    async fn cat(&mut self, args: &[String], sink: Sink) -> i32 {
        if let Some(file) = args.iter().find(|arg| *arg != "-") {
            let line = format!("cat: {file}: No such file or directory (the sandbox has no files)");
            return self.complain(&line, 1).await;
        }
        if !self.is_tty {
            while let Some(bytes) = self.input.bytes().await {
                self.send(bytes, sink).await;
            }
            return 0;
        }
        loop {
            match self.input.line().await {
                Typed::Line(line) => drop(self.write(&(line + "\n"), sink).await),
                Typed::Interrupt => return INTERRUPTED,
                Typed::End => return 0,
            }
        }
    }

    async fn env(&mut self, sink: Sink) -> i32 {
        let lines = self.place.env.iter();
        let lines: String = lines
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        self.write(&lines, sink).await
    }

    async fn printenv(&mut self, name: &str, sink: Sink) -> i32 {
        match self.variable(name).map(|value| format!("{value}\n")) {
            Some(line) => self.write(&line, sink).await,
            None => 1,
        }
    }

    async fn sleep(&mut self, seconds: &str) -> i32 {
        let time = seconds.trim_end_matches('s').parse::<f64>().ok();
        let time = time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let Some(time) = time else {
            let line = format!("sleep: invalid time interval '{seconds}'");
            return self.complain(&line, 1).await;
        };
        tokio::select! {
            () = tokio::time::sleep(time) => 0,
            () = self.input.interrupt() => INTERRUPTED,
        }
    }

    async fn stty_size(&mut self, sink: Sink) -> i32 {
        if !self.is_tty {
            return self.complain("stty: standard input: Not a tty", 1).await;
        }
        let Size { columns, rows } = *self.size.borrow();
        self.write(&format!("{rows} {columns}\n"), sink).await
    }

    async fn complain(&mut self, line: &str, code: i32) -> i32 {
        self.write(&format!("{line}\n"), Sink::Stderr).await;
        code
    }

    async fn write(&mut self, text: &str, sink: Sink) -> i32 {
        let text = match self.is_tty {
            true => text.replace('\n', "\r\n"),
            false => text.to_owned(),
        };
        self.send(Bytes::from(text), sink).await;
        0
    }

    async fn send(&mut self, bytes: Bytes, sink: Sink) {
        let (channel, to) = match sink {
            Sink::Stdout => &self.stdout,
            Sink::Stderr => &self.stderr,
            Sink::Nowhere => return,
        };
        if !bytes.is_empty() {
            // A client that is gone ends the session elsewhere.
            drop(to.send((*channel, bytes)).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command says on both outputs, and its exit code.
    async fn check(command: &[&str], stdin: &str, is_tty: bool, expected: (i32, &str, &str)) {
        let (keys, stdin_end) = mpsc::channel(4);
        let (out, mut said) = mpsc::channel(64);
        let place = Place {
            env: vec![("MODE".to_owned(), "fast".to_owned())],
            host: "web-0".to_owned(),
            container: "web".to_owned(),
        };
        let size = Size {
            columns: 120,
            rows: 40,
        };
        let terminal = Terminal {
            stdin: stdin_end,
            stdout: (1, out.clone()),
            stderr: (if is_tty { 1 } else { 2 }, out),
            size: watch::channel(size).1,
            is_tty,
        };
        keys.send(Bytes::from(stdin.to_owned())).await.unwrap();
        drop(keys);
        let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let code = Shell::new(place, terminal).run(&words).await;
        let (mut stdout, mut stderr) = (String::new(), String::new());
        while let Some((channel, bytes)) = said.recv().await {
            let to = if channel == 1 {
                &mut stdout
            } else {
                &mut stderr
            };
            to.push_str(&String::from_utf8_lossy(&bytes));
        }
        assert_eq!(
            (code, stdout.as_str(), stderr.as_str()),
            expected,
            "{command:?}"
        );
    }

    #[tokio::test]
    async fn commands_do_what_their_namesakes_do() {
        check(&["echo", "a", "b"], "", false, (0, "a b\n", "")).await;
        check(&["cat"], "x\ny", false, (0, "x\ny", "")).await;
        check(&["/usr/bin/env"], "", false, (0, "MODE=fast\n", "")).await;
        check(&["printenv", "NO"], "", false, (1, "", "")).await;
        check(&["sh", "-c", "exit 7"], "", false, (7, "", "")).await;
        let script = "echo $MODE '$MODE' \"${MODE}er\" >&2; false || echo \"code $?\"; true && hostname; exec false";
        check(
            &["sh", "-c", script],
            "",
            false,
            (1, "code 1\nweb-0\n", "fast $MODE faster\n"),
        )
        .await;
        check(
            &["sh"],
            "echo one\nexit 3\necho two\n",
            false,
            (3, "one\n", ""),
        )
        .await;
        check(&["sleep", "0"], "", false, (0, "", "")).await;
        let best = "command -v bash >/dev/null && exec bash || exec sh";
        check(&["sh", "-c", best], "hostname\n", false, (0, "web-0\n", "")).await;
    }

    #[tokio::test]
    async fn what_is_not_simulated_says_so() {
        let said = format!(
            "nginx: not found (this shell is simulated by the sandbox: it knows {KNOWN})\n"
        );
        check(&["nginx", "-t"], "", false, (127, "", &said)).await;
        let pipe =
            "sh: pipes, files and other control operators are not simulated by the sandbox\n";
        check(&["sh", "-c", "echo a | cat"], "", false, (2, "", pipe)).await;
    }

    #[tokio::test]
    async fn a_terminal_echoes_edits_and_interrupts() {
        let typed = "echx\u{7f}o hi\rstty size\r\u{3}sleep 100\r\u{3}exit\r";
        let banner = "This is a shell simulated by the sandbox (container web). Try help.\r\n";
        let expected = format!(
            "{banner}$ echx\u{8} \u{8}o hi\r\nhi\r\n$ stty size\r\n40 120\r\n$ ^C\r\n$ sleep 100\r\n^C\r\n$ exit\r\n"
        );
        check(&["sh"], typed, true, (130, &expected, "")).await;
    }
}
