//! Which of the several times that an instance was taken down: by its number, the newest first, or by when it was.
//!
//! Numbers count what was taken down of one ID in one namespace of one cluster, as the list shows them.

use std::num::NonZeroUsize;
use std::str::FromStr;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use super::TrashItem;

/// Most times that a sentence names.
const MAX_NAMED: usize = 5;

/// How people name one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// By its number; 1 is the newest.
    Number(NonZeroUsize),
    /// By when it was taken down.
    Time(Timestamp),
}

/// A text that names none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write its number in the list, 1 for the newest, or a time such as 2026-01-31T12:00:00Z")]
pub struct WhichError;

impl FromStr for Which {
    type Err = WhichError;

    fn from_str(text: &str) -> Result<Self, WhichError> {
        let number = text.parse().map(Self::Number);
        number.or_else(|_| text.parse().map(Self::Time).map_err(|_| WhichError))
    }
}

/// Returns when an item was taken down, to the second: fractions only make it long to read and to type.
pub fn shown_time(item: &TrashItem) -> Timestamp {
    let whole = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Trunc);
    item.taken_down.round(whole).unwrap_or(item.taken_down)
}

/// Numbers the items of a list that has the newest first: each among those of its instance.
pub fn numbers(items: &[TrashItem]) -> Vec<usize> {
    let place = |item: &TrashItem| (item.id.clone(), item.namespace.clone(), item.server.clone());
    let mut seen = std::collections::BTreeMap::new();
    let number = |item: &TrashItem| {
        let n: &mut usize = seen.entry(place(item)).or_default();
        *n += 1;
        *n
    };
    items.iter().map(number).collect()
}

impl Which {
    /// Chooses among the items of one instance, the newest first. The error says what there is to choose from.
    ///
    /// # Errors
    /// None of them is meant, or several are.
    pub fn choose<'a>(self, items: &[&'a TrashItem]) -> Result<&'a TrashItem, String> {
        let found: Vec<&'a TrashItem> = match self {
            Self::Number(number) => items.get(number.get() - 1).copied().into_iter().collect(),
            Self::Time(at) => {
                let is_then = |item: &&&TrashItem| item.taken_down == at || shown_time(item) == at;
                items.iter().filter(is_then).copied().collect()
            }
        };
        match found.as_slice() {
            [item] => Ok(item),
            [] => Err(allowed(items)),
            _ => Err(format!(
                "several times within that second: {}",
                allowed(items)
            )),
        }
    }
}

/// Says what there is to choose from.
fn allowed(items: &[&TrashItem]) -> String {
    let times = items.iter().map(|item| shown_time(item).to_string());
    let mut times: Vec<String> = times.take(MAX_NAMED).collect();
    match items.len() {
        1 => format!("once, at {}: --at takes 1 or that time", times[0]),
        n_items => {
            if n_items > MAX_NAMED {
                times.push("…".to_owned());
            }
            let times = times.join(", ");
            format!("{n_items} times: --at takes 1, the newest, to {n_items}, or one of {times}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn item(id: &str, at: &str) -> TrashItem {
        TrashItem {
            id: id.parse().unwrap(),
            namespace: "team-a".parse().unwrap(),
            server: "here".to_owned(),
            context: "dev".to_owned(),
            taken_down: at.parse().unwrap(),
            record_uid: String::new(),
            revision: Some(1),
            definition: None,
            parameters: BTreeMap::new(),
            text: String::new(),
            objects: Vec::new(),
        }
    }

    fn check(items: &[TrashItem], which: &str, expected: Result<usize, &str>) {
        let all: Vec<&TrashItem> = items.iter().collect();
        let chosen = which.parse::<Which>().unwrap().choose(&all);
        let expected = expected.map(|idx| &items[idx]).map_err(str::to_owned);
        assert_eq!(chosen, expected, "{which}");
    }

    #[test]
    fn one_of_several_is_chosen_by_its_number_or_its_time() {
        let items = [
            item("web", "2026-01-03T10:00:00.9Z"),
            item("web", "2026-01-02T10:00:00.7Z"),
            item("web", "2026-01-02T10:00:00.1Z"),
        ];
        let times = "2026-01-03T10:00:00Z, 2026-01-02T10:00:00Z, 2026-01-02T10:00:00Z";
        let all = format!("3 times: --at takes 1, the newest, to 3, or one of {times}");
        check(&items, "1", Ok(0));
        check(&items, "3", Ok(2));
        check(&items, "4", Err(&all));
        check(&items, "2026-01-03T10:00:00Z", Ok(0));
        check(&items, "2026-01-03T12:00:00+02:00", Ok(0));
        check(&items, "2026-01-02T10:00:00.7Z", Ok(1));
        check(&items, "2026-01-04T10:00:00Z", Err(&all));
        let several = format!("several times within that second: {all}");
        check(&items, "2026-01-02T10:00:00Z", Err(&several));
        let once = "once, at 2026-01-03T10:00:00Z: --at takes 1 or that time";
        check(&items[..1], "2", Err(once));
        let many = vec![items[0].clone(); 6];
        let many: Vec<&TrashItem> = many.iter().collect();
        assert!(allowed(&many).ends_with("10:00:00Z, …"));
    }

    #[test]
    fn what_is_neither_a_number_nor_a_time_is_refused() {
        for text in ["0", "-1", "", "newest", "2026-01-02", "2026-01-02T10:00:00"] {
            assert_eq!(text.parse::<Which>(), Err(WhichError), "{text}");
        }
    }

    #[test]
    fn each_instance_is_numbered_by_itself() {
        let elsewhere = TrashItem {
            server: "there".to_owned(),
            ..item("web", "2026-01-03T10:00:00Z")
        };
        let items = [
            item("web", "2026-01-04T10:00:00Z"),
            elsewhere,
            item("db", "2026-01-02T10:00:00Z"),
            item("web", "2026-01-01T10:00:00Z"),
        ];
        assert_eq!(numbers(&items), [1, 1, 1, 2]);
    }
}
