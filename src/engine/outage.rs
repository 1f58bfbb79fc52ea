//! Outages that the connection of an operation rides out: told where its progress is told, whatever step they begin in.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::deploy::Report;
use super::progress::Progress;
use crate::cluster::{self, Cluster};

/// Told once an outage is over that was told.
const OVER: &str = "the server answers again";

/// Tells of the outages of a connection between what the operation itself tells.
pub(super) struct Outages<'a> {
    report: Report<'a>,
    told: Mutex<Told>,
}

struct Told {
    /// Until when an outage is ridden out; none where there is none.
    ridden: cluster::Outages,
    /// Whether one was told that is not over.
    is_told: bool,
    /// What is waited for beside the server, which is told again once that is back.
    wait: Option<Progress>,
}

impl<'a> Outages<'a> {
    pub fn of(cluster: &Cluster, report: Report<'a>) -> Self {
        let told = Told {
            ridden: cluster.outages(),
            is_told: false,
            wait: None,
        };
        Self {
            report,
            told: Mutex::new(told),
        }
    }

    /// Passes on what the operation tells, after what is known of an outage by then.
    pub fn pass_on(&self, progress: Progress) {
        let mut told = self.told();
        told.tell_change(self.report);
        told.wait = match &progress {
            Progress::Waiting(_) | Progress::Listening(_) => Some(progress.clone()),
            _ => None,
        };
        (self.report)(progress);
    }

    /// Tells of outages as they begin and end while something is done.
    pub async fn told_during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut ridden = self.told().ridden.clone();
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = ridden.changed() => self.told().tell_change(self.report),
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn tell_change(&mut self, report: Report<'_>) {
        let Some(until) = self.ridden.news() else {
            return;
        };
        if !mem::replace(&mut self.is_told, until.is_some()) && until.is_none() {
            return;
        }
        report(Progress::Waiting(sentence(until)));
        if until.is_none()
            && let Some(wait) = self.wait.clone()
        {
            report(wait);
        }
    }
}

fn sentence(until: Option<Timestamp>) -> String {
    let Some(until) = until else {
        return OVER.to_owned();
    };
    let until = until.strftime("%H:%M:%SZ");
    format!("no answer from the server; trying again until {until}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::cluster::mock::{self, Reply};
    use crate::engine::metadata::core_key;
    use crate::engine::progress::Step;

    /// Returns what is told of a step whose reads meet an outage of so long, and after how many seconds each was.
    async fn told_of_an_outage_of(seconds: u64) -> Vec<(u64, String)> {
        let begun = Instant::now();
        let (cluster, _) = mock::cluster(move |_| match begun.elapsed().as_secs() < seconds {
            true => Reply::Refused,
            false => Reply::status(404, "not found"),
        });
        let cluster = cluster.riding_out(Duration::from_secs(30));
        let told = Mutex::new(Vec::new());
        let report = |progress: Progress| {
            let sentence = match progress {
                Progress::Waiting(sentence) => match sentence.split_once(" until ") {
                    Some((sentence, time)) => format!("{sentence} until {}", time.len()),
                    None => sentence,
                },
                Progress::Done(step, _) => step.done(),
                _ => String::new(),
            };
            told.lock()
                .unwrap()
                .push((begun.elapsed().as_secs(), sentence));
        };
        let outages = Outages::of(&cluster, &report);
        outages.pass_on(Progress::Waiting("pods start".to_owned()));
        let work = async {
            let key = core_key("ConfigMap", "team-a", "web");
            // As the beats of an operation do beside its steps.
            let (one, other) = tokio::join!(cluster.get(&key), cluster.get(&key));
            outages.pass_on(Progress::Done(Step::Claim, None));
            assert_eq!((one.is_ok(), other.is_ok()), (seconds < 30, seconds < 30));
        };
        outages.told_during(work).await;
        told.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_once_it_lasts_and_once_when_it_is_over() {
        let of = |told: &[(u64, &str)]| -> Vec<(u64, String)> {
            let told = told.iter();
            told.map(|(second, it)| (*second, (*it).to_owned()))
                .collect()
        };
        let lost = "no answer from the server; trying again until 9";
        let expected = of(&[
            (0, "pods start"),
            (4, lost),
            (12, OVER),
            (12, "pods start"),
            (12, "operation claimed"),
        ]);
        assert_eq!(told_of_an_outage_of(12).await, expected);
        let expected = of(&[(0, "pods start"), (4, lost), (30, "operation claimed")]);
        assert_eq!(told_of_an_outage_of(60).await, expected);
        for short in [0, 3] {
            let expected = of(&[(0, "pods start"), (short, "operation claimed")]);
            assert_eq!(told_of_an_outage_of(short).await, expected);
        }
    }
}
