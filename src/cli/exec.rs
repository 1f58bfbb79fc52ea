//! `bowline exec`: a command in a container of an instance, with the terminal where there is one.
//!
//! What the command says goes out as it is where it has the terminal or the output is no terminal; what merely passes by on
//! a terminal is shown harmlessly.

use std::io::{self, IsTerminal, Read, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::args::Exec;
use super::session::Session;
use super::{Exit, UsageError, missing, operate, output, signals};
use crate::cluster::{Cluster, ExecInput, ExecOutput, ExecRequest, SHELL};
use crate::runtime::{RawMode, tell_size};
use crate::service::pod_choice;
use crate::text::StreamCleaner;

/// Pieces of input and output that wait.
const BUFFER: usize = 16;
/// Bytes of a piece of input.
const PIECE: usize = 16 * 1024;
/// How a session is held.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Manner {
    command: Vec<String>,
    has_stdin: bool,
    is_tty: bool,
}

pub fn run(args: &Exec, session: &Session) -> anyhow::Result<Exit> {
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let manner = manner(args, is_terminal)?;
    if args.tty && !manner.is_tty {
        output::say("warning: input and output are no terminal: the command gets none");
    }
    operate::on_cluster(session, async |cluster| {
        tokio::select! {
            exit = execute(args, &manner, session, &cluster) => exit,
            // A raw terminal gives ^C to the command, so that this is meant for us.
            number = signals::next_signal() => Ok(Exit::Signal(number?)),
        }
    })
}

/// Decides what is run and how. Without a command it is a shell, which needs somebody to type.
fn manner(args: &Exec, is_terminal: bool) -> anyhow::Result<Manner> {
    if !args.command.is_empty() {
        return Ok(Manner {
            command: args.command.clone(),
            has_stdin: args.stdin,
            is_tty: args.tty && is_terminal,
        });
    }
    if !is_terminal && !args.stdin {
        let sentence = "no command, and no terminal for a shell: write the command after --, or pipe a script with -i";
        return Err(UsageError(sentence.to_owned()).into());
    }
    Ok(Manner {
        command: SHELL.map(str::to_owned).into(),
        has_stdin: true,
        is_tty: is_terminal,
    })
}

async fn execute(
    args: &Exec,
    manner: &Manner,
    session: &Session,
    cluster: &Cluster,
) -> anyhow::Result<Exit> {
    let instance = session.instance(cluster, &args.id);
    let (pod, named) = (args.pod.as_deref(), args.container.as_deref());
    let (pod, container) = match cluster.exec_place(&instance, pod, named).await {
        Ok(place) => place,
        Err(failure) if missing::explains(session, cluster, &instance, &failure).await? => {
            return Ok(Exit::Failed);
        }
        Err(failure) => return Err(failure.into()),
    };
    let (namespace, pod) = pod_choice::place(&pod, &instance.namespace);
    let request = ExecRequest {
        namespace,
        pod: pod.to_owned(),
        container,
        command: manner.command.clone(),
        has_stdin: manner.has_stdin,
        is_tty: manner.is_tty,
    };
    let running = cluster.exec(&request).await?;
    let _raw = manner.is_tty.then(RawMode::enter).transpose()?;
    let (given, input) = mpsc::channel(BUFFER);
    let (said, heard) = mpsc::channel(BUFFER);
    let _resizing = manner
        .is_tty
        .then(|| tell_size(given.clone()))
        .transpose()?;
    if manner.has_stdin {
        read_stdin(given)?;
    }
    let mut printing = tokio::task::spawn_blocking({
        let is_tty = manner.is_tty;
        move || print(heard, is_tty)
    });
    let code = tokio::select! {
        code = running.run(input, said) => code,
        // Nobody reads any more what the command says.
        printed = &mut printing => return Ok(printed?.map(|()| Exit::Failed)?),
    };
    printing.await??;
    let code = code?;
    Ok(match u8::try_from(code) {
        Ok(code) => Exit::Command(code),
        Err(_) => Exit::Failed,
    })
}

/// Reads standard input by a thread of its own, which nothing has to wait for.
fn read_stdin(given: mpsc::Sender<ExecInput>) -> io::Result<()> {
    let read = move || {
        let mut piece = vec![0; PIECE];
        loop {
            match io::stdin().lock().read(&mut piece) {
                Ok(len @ 1..) => {
                    let bytes = Bytes::copy_from_slice(&piece[..len]);
                    if given.blocking_send(ExecInput::Bytes(bytes)).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    drop(given.blocking_send(ExecInput::End));
                    return;
                }
            }
        }
    };
    let thread = std::thread::Builder::new().name("stdin".to_owned());
    thread.spawn(read).map(drop)
}

/// Writes what the command says. A reader that is gone is an error of kind `BrokenPipe`.
fn print(mut heard: mpsc::Receiver<ExecOutput>, is_tty: bool) -> io::Result<()> {
    let (mut stdout, mut stderr) = (io::stdout(), io::stderr());
    let cleaner = |is_shown: bool| (is_shown && !is_tty).then(StreamCleaner::default);
    let mut clean_out = cleaner(stdout.is_terminal());
    let mut clean_err = cleaner(stderr.is_terminal());
    while let Some(said) = heard.blocking_recv() {
        match said {
            ExecOutput::Stdout(bytes) => write(&mut stdout, &mut clean_out, &bytes)?,
            ExecOutput::Stderr(bytes) => write(&mut stderr, &mut clean_err, &bytes)?,
        }
    }
    Ok(())
}

fn write(to: &mut impl Write, cleaner: &mut Option<StreamCleaner>, bytes: &[u8]) -> io::Result<()> {
    match cleaner {
        Some(cleaner) => to.write_all(cleaner.feed(bytes).as_bytes())?,
        None => to.write_all(bytes)?,
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `args` become: whether there is input, a terminal, and how many words the command has.
    fn check(
        command: &[&str],
        (stdin, tty, is_terminal): (bool, bool, bool),
        expected: Option<(bool, bool, usize)>,
    ) {
        let args = Exec {
            id: "web".parse().unwrap(),
            container: None,
            pod: None,
            stdin,
            tty,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
        };
        let manner = manner(&args, is_terminal).ok();
        let found = manner.map(|it| (it.has_stdin, it.is_tty, it.command.len()));
        assert_eq!(found, expected, "{command:?} {stdin} {tty} {is_terminal}");
    }

    #[test]
    fn a_terminal_without_a_command_gets_a_shell_and_nothing_else_gets_one_unasked() {
        check(&[], (false, false, true), Some((true, true, 3)));
        check(&[], (false, false, false), None);
        check(&[], (true, false, false), Some((true, false, 3)));
        check(&["ls"], (false, false, true), Some((false, false, 1)));
        check(&["ls"], (true, true, true), Some((true, true, 1)));
        check(&["ls"], (true, true, false), Some((true, false, 1)));
    }
}
