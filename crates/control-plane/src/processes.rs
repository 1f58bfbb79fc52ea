//! Processes that end with their owner, whether it returns, panics or is killed.
//!
//! Everything runs in one process group that belongs to a watchdog, a shell that holds the reading end of a pipe from us.
//! The group exists before its first process, so there is no moment at which a process could be left behind.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A process group and the directory it works in; both go when this is dropped or its process ends.
#[derive(Debug)]
pub struct ProcessGroup {
    watchdog: Child,
    group: i32,
    members: Vec<(String, Child)>,
}

impl ProcessGroup {
    /// Starts an empty group. `directory` is removed when the group goes.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let mut watchdog = Command::new("bash")
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0) // ^C in the terminal is for us; the watchdog outlives us.
            .spawn()?;
        let stdout = watchdog.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let group = line.trim().parse().map_err(|_| {
            io::Error::other(format!("bash named no process group but {:?}", line.trim()))
        })?;
        Ok(ProcessGroup {
            watchdog,
            group,
            members: Vec::new(),
        })
    }

    /// Starts a process in the group.
    pub fn spawn(&mut self, name: &str, command: &mut Command) -> io::Result<()> {
        let child = command
            .stdin(Stdio::null())
            .process_group(self.group)
            .spawn()?;
        self.members.push((name.to_owned(), child));
        Ok(())
    }

    /// Returns the first process that has ended, if any has.
    pub fn ended(&mut self) -> Option<(&str, ExitStatus)> {
        self.members
            .iter_mut()
            .find_map(|(name, child)| Some((name.as_str(), child.try_wait().ok()??)))
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        for (_, child) in &mut self.members {
            // The watchdog does it; this is for the case that somebody killed the watchdog.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = self.watchdog.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const OWNER: &str = "BOWLINE_TEST_OWNS_PROCESSES_IN";

    fn sleeper() -> Command {
        let mut command = Command::new("tail");
        command.args(["-f", "/dev/null"]);
        command
    }

    /// The part of the next test that is to be killed: it never returns.
    fn own_processes_for_ever(directory: &Path) {
        let mut group = ProcessGroup::new(directory).unwrap();
        group.spawn("one", &mut sleeper()).unwrap();
        group.spawn("two", &mut sleeper()).unwrap();
        std::fs::write(directory.join("started"), "").unwrap();
        std::thread::park_timeout(Duration::from_secs(600));
    }

    #[test]
    fn processes_go_when_their_owner_is_killed() {
        if let Some(directory) = std::env::var_os(OWNER) {
            return own_processes_for_ever(Path::new(&directory));
        }
        let directory = tempfile::tempdir().unwrap().keep();
        // Everything started below holds the writing end of this pipe, so its end is the end of all of them.
        let (mut reader, writer) = io::pipe().unwrap();
        let mut owner = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "processes::tests::processes_go_when_their_owner_is_killed",
                "--nocapture",
            ])
            .env(OWNER, &directory)
            .stdout(writer)
            .spawn()
            .unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while !directory.join("started").exists() {
            assert!(
                std::time::Instant::now() < deadline,
                "the owner started nothing"
            );
            std::thread::yield_now();
        }

        owner.kill().unwrap(); // SIGKILL: no destructor runs.
        owner.wait().unwrap();

        let (all_gone, gone) = mpsc::channel();
        std::thread::spawn(move || {
            let _ = reader.read_to_end(&mut Vec::new());
            let _ = all_gone.send(());
        });
        gone.recv_timeout(Duration::from_secs(30))
            .expect("the processes outlived their owner");
    }

    #[test]
    fn dropping_ends_the_processes_and_removes_the_directory() {
        let directory = tempfile::tempdir().unwrap().keep();
        let mut group = ProcessGroup::new(&directory).unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut command = sleeper();
        group.spawn("one", command.stdout(writer)).unwrap();
        drop(command); // It holds the writing end as well.
        assert!(group.ended().is_none());
        drop(group);
        assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap(), 0);
        assert!(!directory.exists());
    }

    #[test]
    fn a_process_that_ended_is_named() {
        let directory = tempfile::tempdir().unwrap().keep();
        let mut group = ProcessGroup::new(&directory).unwrap();
        group.spawn("brief", &mut Command::new("false")).unwrap();
        let ended = loop {
            if let Some((name, status)) = group.ended() {
                break (name.to_owned(), status.code());
            }
        };
        assert_eq!(ended, ("brief".to_owned(), Some(1)));
    }
}
