//! Looks at what others change between a look and the write: as many as there are in the time that a burst of theirs takes.
//! A rollout writes the status of a workload many times a second, and each time its version is another one.

use std::time::Duration;

use tokio::time::sleep;

const MAX_LOOKS: u32 = 7;
/// How long is waited before the second look; each time twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How often an object was looked at.
#[derive(Debug, Default)]
pub(super) struct Looks {
    n: u32,
}

impl Looks {
    /// Tells whether to look once more; waits before every look but the first.
    pub async fn again(&mut self) -> bool {
        if self.n == MAX_LOOKS {
            return false;
        }
        if let Some(n_pauses) = self.n.checked_sub(1) {
            sleep(FIRST_PAUSE * 2u32.pow(n_pauses)).await;
        }
        self.n += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn looks_are_ever_further_apart_and_come_to_an_end() {
        let (begun, mut looks, mut at) = (Instant::now(), Looks::default(), Vec::new());
        while looks.again().await {
            at.push(begun.elapsed().as_millis());
        }
        assert_eq!(at, [0, 50, 150, 350, 750, 1550, 3150]);
    }
}
