//! Values of arguments, read as kubectl reads its own.

use std::net::IpAddr;
use std::time::Duration;

use clap::builder::RangedI64ValueParser;
use clap::value_parser;
use jiff::Timestamp;
use regex::{Regex, RegexBuilder};

use crate::ui::MIN_SIZE;

/// Largest compiled regular expression, in bytes.
const MAX_REGEX: usize = 1024 * 1024;

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

/// Reads the number of a revision: they count from 1.
pub(super) fn revision() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(1..)
}

/// Reads `90s`, `5m`, `1h30m`, or plain seconds as kubectl does.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let allowed = || "write a time such as 90s, 5m or 1h30m".to_owned();
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration: jiff::SignedDuration = text.parse().map_err(|_| allowed())?;
    Duration::try_from(duration).map_err(|_| allowed())
}

/// Reads a moment as RFC 3339 writes it.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let allowed = "write a time such as 2026-01-01T12:00:00Z or 2026-01-01T12:00:00+02:00";
    text.parse().map_err(|_| allowed.to_owned())
}

/// Reads a regular expression, of a size that leaves its matching quick.
pub(super) fn regex(text: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(text).size_limit(MAX_REGEX).build();
    regex.map_err(|error| {
        let message = error.to_string();
        // The lines before it draw the place, which no single line can show.
        let last = message.lines().last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}

/// Reads an IP address; none for `localhost`, which is this machine only by whatever it has.
pub(super) fn address(text: &str) -> Result<Option<IpAddr>, String> {
    match text {
        "localhost" => Ok(None),
        text => match text.parse() {
            Ok(address) => Ok(Some(address)),
            Err(_) => Err("write localhost or an IP address".to_owned()),
        },
    }
}

/// Reads `120x40`, each side from 1 to 1000.
pub(super) fn size(text: &str) -> Result<(u16, u16), String> {
    let (columns, rows) = MIN_SIZE;
    let parsed = text
        .split_once('x')
        .and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    match parsed {
        Some(size @ (wide, high))
            if (columns..=1000).contains(&wide) && (rows..=1000).contains(&high) =>
        {
            Ok(size)
        }
        _ => Err(format!(
            "write it as COLUMNSxROWS, such as 120x40, from {columns}x{rows} to 1000x1000"
        )),
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_kubectl_reads_them() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(
                duration(text).ok(),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        };
        check("30", Some(30));
        check("90s", Some(90));
        check("1h30m", Some(5400));
        check("-5s", None);
        check("soon", None);
    }

    #[test]
    fn moments_need_a_date_a_time_and_an_offset() {
        let check = |text: &str, second: Option<i64>| {
            let read = moment(text).ok().map(Timestamp::as_second);
            assert_eq!(read, second, "{text}");
        };
        check("1970-01-01T00:01:00Z", Some(60));
        check("1970-01-01T02:00:00+02:00", Some(0));
        check("1970-01-01T00:00:00", None);
        check("1970-01-01", None);
        check("5m", None);
    }

    #[test]
    fn regular_expressions_are_bounded_and_their_faults_are_one_line() {
        assert!(regex(r"(?i)error|\bfailed\b").is_ok());
        assert_eq!(regex("a(b").unwrap_err(), "unclosed group");
        let fault = regex(r"(\pL{1000}){1000}").unwrap_err();
        assert!(fault.contains("size limit"), "{fault}");
    }

    #[test]
    fn sizes_out_of_range_are_refused() {
        let check = |text: &str, expected: Option<(u16, u16)>| {
            assert_eq!(size(text).ok(), expected, "{text}")
        };
        check("120x40", Some((120, 40)));
        check("40x10", Some((40, 10)));
        check("39x10", None);
        check("40x9", None);
        check("120", None);
        check("120x1001", None);
    }
}
