//! The thread that does what goes to the disk, one after another: a draft never overtakes the save that makes it needless.

use std::io;
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
                    job();
                }
            })?;
        Ok(Self { jobs })
    }

    /// Has something done after what was asked for before.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        // The thread lives as long as its queue; a job that panicked took it along, and the panic was told.
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
