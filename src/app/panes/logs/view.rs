//! What is shown of a log, and the command that prints the same.

use std::time::Duration;

use crate::app::values::quoted;
use crate::definition::id::InstanceId;

use super::{TAIL, Whose};

/// From how long ago on lines can be read, with what is said of it and how the command line writes it.
pub(in crate::app) const SPANS: [(Duration, &str, &str); 6] = [
    (Duration::from_secs(60), "the last minute", "1m"),
    (Duration::from_secs(5 * 60), "the last 5 minutes", "5m"),
    (Duration::from_secs(15 * 60), "the last 15 minutes", "15m"),
    (Duration::from_secs(3600), "the last hour", "1h"),
    (Duration::from_secs(6 * 3600), "the last 6 hours", "6h"),
    (Duration::from_secs(24 * 3600), "the last day", "24h"),
];

/// What is shown of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::app) struct LogView {
    /// Whether it is the runs before the present ones.
    pub is_previous: bool,
    /// From how long ago on.
    pub since: Option<Duration>,
    /// Whose lines.
    pub whose: Whose,
    /// The expression that they match, where the others are hidden.
    pub filter: Option<String>,
    /// Whether they begin with their time.
    pub has_timestamps: bool,
}

impl LogView {
    /// Returns the command that prints what is shown of the log of an instance.
    pub(in crate::app) fn command(&self, id: &InstanceId) -> String {
        let mut words = vec![format!("logs {id}")];
        words.push(if self.is_previous { "-p" } else { "-f" }.to_owned());
        let span = SPANS.iter().find(|(span, ..)| Some(*span) == self.since);
        words.push(match span {
            Some((_, _, word)) => format!("--since {word}"),
            None => format!("--tail {TAIL}"),
        });
        match &self.whose {
            Whose::All => {}
            Whose::Pod(pod) => words.push(format!("--pod {}", quoted(pod))),
            Whose::Container(name) => words.push(format!("-c {}", quoted(name))),
        }
        if let Some(filter) = &self.filter {
            words.push(format!("--grep {}", quoted(filter)));
        }
        if self.has_timestamps {
            words.push("--timestamps".to_owned());
        }
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_names_all_that_is_not_by_itself() {
        let check = |view: LogView, expected: &str| {
            assert_eq!(view.command(&"web".parse().unwrap()), expected);
        };
        check(LogView::default(), "logs web -f --tail 1000");
        check(
            LogView {
                is_previous: true,
                since: Some(Duration::from_secs(300)),
                whose: Whose::Container("main".to_owned()),
                filter: Some("it's (?i)err|-x".to_owned()),
                has_timestamps: true,
            },
            r"logs web -p --since 5m -c main --grep 'it'\''s (?i)err|-x' --timestamps",
        );
        let whose = Whose::Pod("other/web-0".to_owned());
        check(
            LogView {
                whose,
                ..LogView::default()
            },
            "logs web -f --tail 1000 --pod other/web-0",
        );
    }
}
