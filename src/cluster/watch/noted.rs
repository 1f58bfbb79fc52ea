//! What is watched from when something names it: kinds and namespaces that only what is there tells of.
//!
//! Each thing that is new has to be told of as awaited before anybody can begin to watch it. The other way round its watch
//! could say first that it is live, on a busy machine, and what is told then would make it look unread for ever.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What was named so far.
#[derive(Debug, Default)]
pub(super) struct Noted<T> {
    all: Mutex<Arc<T>>,
    /// Held by who changes it: several watches may name the same at once.
    turn: Mutex<()>,
    news: Notify,
}

impl<T> Noted<T> {
    /// Puts what `grown` makes of all in its place, unless that is nothing, once `tell` has been given the old and the new.
    pub fn note(&self, grown: impl FnOnce(&T) -> Option<T>, tell: impl FnOnce(&T, &T)) {
        let _turn = lock(&self.turn);
        let before = self.all();
        if let Some(after) = grown(&before) {
            tell(&before, &after);
            *lock(&self.all) = Arc::new(after);
            self.news.notify_one();
        }
    }

    /// Returns what was named so far and has been told of.
    pub fn all(&self) -> Arc<T> {
        Arc::clone(&lock(&self.all))
    }

    /// Waits until more was named since this was awaited last.
    pub async fn news(&self) {
        self.news.notified().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_told_before_it_can_be_watched() {
        let noted: Noted<Vec<u8>> = Noted::default();
        let mut told = Vec::new();
        let mut note = |n: u8| {
            let grown =
                |all: &Vec<u8>| (!all.contains(&n)).then(|| [all.as_slice(), &[n]].concat());
            noted.note(grown, |before, after| {
                assert_eq!((&*noted.all(), before.len() + 1), (before, after.len()));
                told.push(n);
            });
        };
        [1, 2, 1].into_iter().for_each(&mut note);
        assert_eq!((told, &*noted.all()), (vec![1, 2], &vec![1, 2]));
    }

    #[test]
    fn what_two_name_at_once_is_told_once() {
        let noted: Noted<bool> = Noted::default();
        let n_told = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let tell = |_: &bool, _: &bool| {
                        std::thread::yield_now();
                        *n_told.lock().unwrap() += 1;
                    };
                    noted.note(|is_named| (!is_named).then_some(true), tell);
                });
            }
        });
        assert_eq!(n_told.into_inner().unwrap(), 1);
    }
}
