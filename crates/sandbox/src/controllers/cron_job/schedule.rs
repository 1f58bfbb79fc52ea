//! Schedules as CronJobs write them: five fields, names of months and days, steps, and the words behind `@`.

use std::ops::RangeInclusive;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// How far ahead a time is looked for: leap days come within eight years.
const FARTHEST_DAYS: usize = 366 * 9;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Whenever the fields meet the time.
    Fields(Fields),
    /// Again and again after so long.
    Every(SignedDuration),
}

/// The five fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
}

/// The values that a field allows, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Whether it was written `*`: then the other of the two fields for days decides alone.
    is_any: bool,
}

impl Field {
    fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.bits & (1 << value) != 0)
    }
}

impl Schedule {
    /// Reads a schedule; what is wrong with it is said as the server says it.
    ///
    /// # Errors
    /// The text is no schedule.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let text = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            text => text,
        };
        if let Some(every) = text.strip_prefix("@every ") {
            let every: Result<SignedDuration, _> = every.parse();
            let every = every.map_err(|_| format!("failed to parse duration {text}"))?;
            let whole = SignedDuration::from_secs(every.as_secs().max(1));
            return Ok(Schedule::Every(whole));
        }
        if text.starts_with('@') {
            return Err(format!("unrecognized descriptor: {text}"));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            let n = fields.len();
            return Err(format!(
                "expected exactly 5 fields, found {n}: [{}]",
                fields.join(" ")
            ));
        };
        Ok(Schedule::Fields(Fields {
            minute: field(minute, 0..=59, &[])?,
            hour: field(hour, 0..=23, &[])?,
            day: field(day, 1..=31, &[])?,
            month: field(month, 1..=12, &MONTHS)?,
            weekday: field(weekday, 0..=6, &DAYS)?,
        }))
    }

    /// Returns the first time after an instant that the schedule means; none if there never is one.
    pub fn next_after(&self, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Schedule::Every(every) => {
                let whole = Timestamp::from_second(instant.as_second()).ok()?;
                whole.checked_add(*every).ok()
            }
            Schedule::Fields(fields) => fields.next_after(instant, zone),
        }
    }
}

impl Fields {
    fn next_after(&self, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = instant.to_zoned(zone.clone()).datetime();
        let mut date = local.date();
        for _ in 0..FARTHEST_DAYS {
            if self.month.has(date.month()) && self.meets_day(date) {
                let found = self.times().find_map(|time| {
                    let at = DateTime::from_parts(date, time);
                    let at = zone.to_ambiguous_timestamp(at).compatible().ok()?;
                    (at > instant).then_some(at)
                });
                if found.is_some() {
                    return found;
                }
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    /// Where both fields for days are limited one of them is enough.
    fn meets_day(&self, date: jiff::civil::Date) -> bool {
        let of_month = self.day.has(date.day());
        let of_week = self.weekday.has(date.weekday().to_sunday_zero_offset());
        match self.day.is_any || self.weekday.is_any {
            true => of_month && of_week,
            false => of_month || of_week,
        }
    }

    fn times(&self) -> impl Iterator<Item = Time> + '_ {
        let hours = (0..24).filter(|hour| self.hour.has(*hour));
        hours.flat_map(|hour| {
            let minutes = (0..60).filter(|minute| self.minute.has(*minute));
            minutes.map(move |minute| Time::constant(hour, minute, 0, 0))
        })
    }
}

/// Reads a field: parts with commas between them.
fn field(text: &str, range: RangeInclusive<u8>, names: &[&str]) -> Result<Field, String> {
    let mut field = Field {
        bits: 0,
        is_any: false,
    };
    for part in text.split(',') {
        let (bits, is_any) = part_of(part, &range, names)?;
        field.bits |= bits;
        field.is_any |= is_any;
    }
    Ok(field)
}

/// Reads `*`, `5`, `1-5`, `*/10`, `mon-fri`, `5/15`.
fn part_of(part: &str, range: &RangeInclusive<u8>, names: &[&str]) -> Result<(u64, bool), String> {
    let (span, step) = match part.split_once('/') {
        None => (part, None),
        Some((span, step)) => (span, Some(number(step, &[], 0)?)),
    };
    if step == Some(0) {
        return Err(format!("step of range should be a positive number: {part}"));
    }
    let base = *range.start();
    let is_any = matches!(span, "*" | "?");
    let (first, last) = match span.split_once('-') {
        _ if is_any => (*range.start(), *range.end()),
        Some((first, last)) => (number(first, names, base)?, number(last, names, base)?),
        None => {
            let first = number(span, names, base)?;
            // A step from a number on goes to the end.
            (first, step.map_or(first, |_| *range.end()))
        }
    };
    if first < *range.start() {
        let least = range.start();
        return Err(format!(
            "beginning of range ({first}) below minimum ({least}): {part}"
        ));
    }
    if last > *range.end() {
        let most = range.end();
        return Err(format!(
            "end of range ({last}) above maximum ({most}): {part}"
        ));
    }
    if first > last {
        return Err(format!(
            "beginning of range ({first}) beyond end of range ({last}): {part}"
        ));
    }
    let values = (first..=last).step_by(usize::from(step.unwrap_or(1)));
    let bits = values.fold(0, |bits, value| bits | 1_u64 << value);
    Ok((bits, is_any && step.is_none_or(|step| step == 1)))
}

fn number(text: &str, names: &[&str], base: u8) -> Result<u8, String> {
    let lower = text.to_ascii_lowercase();
    if let Some(idx) = names.iter().position(|name| *name == lower) {
        return Ok(base + u8::try_from(idx).unwrap_or_default());
    }
    text.parse().map_err(|_| {
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the next times after a Saturday noon, in a zone.
    fn check_in(zone: &str, text: &str, expected: &[&str]) {
        let schedule = Schedule::parse(text).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let mut at: Timestamp = "2026-02-28T12:00:00Z".parse().unwrap();
        let next = |_: &&str| {
            at = schedule.next_after(at, &zone).unwrap();
            at.to_string()
        };
        let found: Vec<String> = expected.iter().map(next).collect();
        assert_eq!(found, expected, "{text}");
    }

    fn check(text: &str, expected: &[&str]) {
        check_in("UTC", text, expected);
    }

    #[test]
    fn times_are_those_that_the_fields_allow() {
        check(
            "*/20 * * * *",
            &[
                "2026-02-28T12:20:00Z",
                "2026-02-28T12:40:00Z",
                "2026-02-28T13:00:00Z",
            ],
        );
        check(
            "30 9-17/4 * * mon-fri",
            &[
                "2026-03-02T09:30:00Z",
                "2026-03-02T13:30:00Z",
                "2026-03-02T17:30:00Z",
                "2026-03-03T09:30:00Z",
            ],
        );
        check("0 0 29 2 *", &["2028-02-29T00:00:00Z"]);
        check(
            "0 12 1 * *",
            &["2026-03-01T12:00:00Z", "2026-04-01T12:00:00Z"],
        );
        check(
            "55/2 12 28 FEB ?",
            &[
                "2026-02-28T12:55:00Z",
                "2026-02-28T12:57:00Z",
                "2026-02-28T12:59:00Z",
                "2027-02-28T12:55:00Z",
            ],
        );
        check("@daily", &["2026-03-01T00:00:00Z"]);
        check(
            "@every 90s",
            &["2026-02-28T12:01:30Z", "2026-02-28T12:03:00Z"],
        );
    }

    #[test]
    fn either_field_for_days_is_enough_where_both_are_limited() {
        check(
            "0 0 1 * sun",
            &["2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"],
        );
        check(
            "0 0 3 * sun",
            &["2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"],
        );
        // A star with a step limits as well.
        check(
            "0 0 */30 * sun",
            &["2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"],
        );
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        check_in("Europe/Berlin", "0 2 * * *", &["2026-03-01T01:00:00Z"]);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "* * * foo *",
            "@never",
            "@every soon",
            "* * * * 7",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
        let never = Schedule::parse("0 0 31 2 *").unwrap();
        assert_eq!(
            never.next_after(Timestamp::UNIX_EPOCH, &TimeZone::UTC),
            None
        );
    }
}
