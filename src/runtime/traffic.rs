//! How many bytes go to the terminal, and how many may: over a slow link fewer frames are drawn, each with everything that
//! changed since the last.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::app::Traffic;

use super::hints::make_private_dir;

/// Seconds that the present rate is told over.
const WINDOW: u64 = 60;
/// The file that the last session's figures are kept in.
const FILE: &str = "traffic.json";

/// Counts what is written, and says when the next frame may be.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    /// Bytes that may be written in a second.
    budget: Option<u32>,
    /// Bytes that may be written now; below zero where the last frame was larger.
    allowance: f64,
    allowed_at: Instant,
    total: u64,
    n_frames: u64,
    /// The bytes of the last seconds in which any were written.
    recent: VecDeque<(u64, u64)>,
    peak: u64,
}

impl Meter {
    /// Returns a meter that nothing was counted with. A budget of nothing is none.
    pub fn new(budget: u32, now: Instant) -> Self {
        Self {
            began: now,
            budget: (budget > 0).then_some(budget),
            allowance: f64::from(budget),
            allowed_at: now,
            total: 0,
            n_frames: 0,
            recent: VecDeque::new(),
            peak: 0,
        }
    }

    /// Counts a frame.
    pub fn count(&mut self, n_bytes: usize, now: Instant) {
        let n_bytes = n_bytes as u64;
        self.refill(now);
        self.allowance -= n_bytes as f64;
        self.total += n_bytes;
        self.n_frames += 1;
        let second = now.saturating_duration_since(self.began).as_secs();
        match self.recent.back_mut() {
            Some((at, sum)) if *at == second => *sum += n_bytes,
            _ => self.recent.push_back((second, n_bytes)),
        }
        let in_this = self.recent.back().map_or(0, |(_, sum)| *sum);
        self.peak = self.peak.max(in_this);
        self.forget_before(second);
    }

    /// Returns how long the next frame has to wait, so that on the average the budget holds.
    pub fn wait(&self, now: Instant) -> Duration {
        let Some(budget) = self.budget.map(f64::from) else {
            return Duration::ZERO;
        };
        let since = now.saturating_duration_since(self.allowed_at).as_secs_f64();
        let owed = -(self.allowance + since * budget);
        match owed > 0.0 {
            true => Duration::from_secs_f64(owed / budget),
            false => Duration::ZERO,
        }
    }

    fn refill(&mut self, now: Instant) {
        let budget = f64::from(self.budget.unwrap_or(0));
        let since = now.saturating_duration_since(self.allowed_at).as_secs_f64();
        // What was not used for a second is not saved up.
        self.allowance = (self.allowance + since * budget).min(budget);
        self.allowed_at = now;
    }

    fn forget_before(&mut self, second: u64) {
        while let Some((at, _)) = self.recent.front()
            && *at + WINDOW <= second
        {
            self.recent.pop_front();
        }
    }

    /// Returns what was counted.
    pub fn traffic(&self, now: Instant) -> Traffic {
        let second = now.saturating_duration_since(self.began).as_secs();
        let recent = self.recent.iter().filter(|(at, _)| *at + WINDOW > second);
        let in_window: u64 = recent.map(|(_, bytes)| bytes).sum();
        Traffic {
            total: self.total,
            n_frames: self.n_frames,
            seconds: second,
            recent: in_window / (second + 1).min(WINDOW),
            peak: self.peak,
            budget: self.budget,
        }
    }
}

/// What is kept of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastSession {
    /// Bytes that were sent to the terminal.
    pub bytes: u64,
    /// Seconds that it took.
    pub seconds: u64,
    /// Frames.
    pub frames: u64,
    /// Bytes of the busiest second.
    pub peak: u64,
    /// Bytes a second that were allowed.
    pub budget: Option<u32>,
}

/// Keeps the figures of a session for `bowline doctor`. Nothing depends on them: what cannot be written is left.
pub fn keep(state: &Path, traffic: Traffic) {
    let session = LastSession {
        bytes: traffic.total,
        seconds: traffic.seconds,
        frames: traffic.n_frames,
        peak: traffic.peak,
        budget: traffic.budget,
    };
    let written = || -> io::Result<()> {
        make_private_dir(state)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        serde_json::to_writer(options.open(state.join(FILE))?, &session)?;
        Ok(())
    };
    drop(written());
}

/// Reads the figures of the last session; none if there are none.
pub fn last_session(state: &Path) -> Option<LastSession> {
    serde_json::from_slice(&fs::read(state.join(FILE)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_holds_on_the_average_whatever_the_frames_are() {
        let start = Instant::now();
        let mut meter = Meter::new(1000, start);
        let (mut now, mut sent) = (start, 0);
        for n in 0..500_usize {
            now += meter.wait(now);
            assert_eq!(meter.wait(now), Duration::ZERO);
            let n_bytes = [40, 700, 3000, 1][n % 4];
            meter.count(n_bytes, now);
            sent += n_bytes;
            now += Duration::from_millis(n as u64 % 50);
        }
        let seconds = (now - start).as_secs_f64() + meter.wait(now).as_secs_f64();
        // A second's worth may be written at once in the beginning.
        assert!(
            sent as f64 <= 1000.0 * (seconds + 1.0) + 1.0,
            "{sent} in {seconds}"
        );
        assert!(sent as f64 >= 900.0 * seconds, "{sent} in {seconds}");
    }

    #[test]
    fn small_frames_go_at_once_after_a_silence() {
        let start = Instant::now();
        let mut meter = Meter::new(1000, start);
        meter.count(5000, start);
        assert_eq!(meter.wait(start), Duration::from_secs(4));
        let later = start + Duration::from_secs(60);
        assert_eq!(meter.wait(later), Duration::ZERO);
        meter.count(100, later);
        assert_eq!(meter.wait(later), Duration::ZERO);
        // What was not used in a minute is not there for one frame.
        meter.count(2900, later);
        assert_eq!(meter.wait(later), Duration::from_secs(2));
    }

    #[test]
    fn without_a_budget_nothing_waits_and_everything_is_counted() {
        let start = Instant::now();
        let mut meter = Meter::new(0, start);
        for n in 0..120 {
            let now = start + Duration::from_secs(n);
            meter.count(100, now);
            assert_eq!(meter.wait(now), Duration::ZERO);
        }
        let traffic = meter.traffic(start + Duration::from_secs(119));
        let expected = Traffic {
            total: 12_000,
            n_frames: 120,
            seconds: 119,
            recent: 100,
            peak: 100,
            budget: None,
        };
        assert_eq!(traffic, expected);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last_session(dir.path()), None);
        keep(&dir.path().join("state"), traffic);
        let kept = last_session(&dir.path().join("state")).unwrap();
        assert_eq!((kept.bytes, kept.seconds, kept.budget), (12_000, 119, None));
    }
}
