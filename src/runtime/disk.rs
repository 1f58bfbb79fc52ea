//! The thread that does what goes to the disk, one after another: a draft never overtakes the save that makes it needless.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// The queue of the disk's thread.
#[derive(Debug, Clone)]
pub struct Disk {
    jobs: mpsc::Sender<Job>,
}

impl Disk {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system refuses one.
    pub fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || {
                for job in queue {
                    // The panic was told by its hook; the next draft must not be lost with this job.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            })?;
        Ok(Self { jobs })
    }

    /// Has something done after what was asked for before.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        // The thread lives as long as its queue.
        drop(self.jobs.send(Box::new(job)));
    }

    /// Waits until everything that was asked for is done, at most so long.
    pub fn drain(&self, within: Duration) {
        let (done, is_done) = mpsc::channel();
        self.run(move || {
            let _ = done.send(());
        });
        let _ = is_done.recv_timeout(within);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_that_breaks_down_takes_no_other_along() {
        let disk = Disk::start().unwrap();
        let (done, is_done) = mpsc::channel();
        disk.run(|| panic!("as a test wants it"));
        disk.run(move || done.send("kept").unwrap());
        assert_eq!(is_done.recv_timeout(Duration::from_secs(10)), Ok("kept"));
    }
}
