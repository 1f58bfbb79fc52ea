//! What running containers say now and then, worked out from the clock when somebody listens.
//!
//! Nobody writes these lines ahead of time: whoever reads a log asks for the next one after the last it has, and, following
//! it, sleeps until then. So a cluster that nobody listens to does nothing.

use jiff::Timestamp;
use serde_json::Value;

use super::kubelet::image::Image;
use super::object::{after, items, named, seconds, text, time, uid};
use super::pods::fnv1a_32;

/// The longest pause between two lines.
const LONGEST_PAUSE_MS: u32 = 9_000;
/// The shortest.
const SHORTEST_PAUSE_MS: u32 = 1_500;
/// How far back lines are worked out: nobody reads more of them.
const MEMORY_MS: i64 = 600_000;
/// Between two lines of an image whose tag says that it is chatty: 5,000 a second.
const CHATTY_PAUSE_US: i64 = 200;
/// How far back those are worked out.
const CHATTY_MEMORY_MS: i64 = 1_000;

/// Returns the first line that a container of `pod` says after `last`, and when; none if it does not run.
pub fn next_line(
    pod: &Value,
    container: &str,
    last: Timestamp,
    now: Timestamp,
) -> Option<(Timestamp, String)> {
    let status = named(items(pod, "/status/containerStatuses"), container)?;
    let started_at = time(status, "/state/running/startedAt")?;
    let spec = named(items(pod, "/spec/containers"), container)?;
    let is_chatty = Image::new(text(spec, "/image")).is_chatty();
    let memory = if is_chatty {
        CHATTY_MEMORY_MS
    } else {
        MEMORY_MS
    };
    let since = last.max(started_at).max(after(now, -memory));
    let at = match is_chatty {
        true => next_of_many(since),
        false => next_at(uid(pod), container, since),
    };
    Some((at, line(spec, container, at)))
}

fn next_of_many(since: Timestamp) -> Timestamp {
    let nth = since.as_microsecond().div_euclid(CHATTY_PAUSE_US) + 1;
    Timestamp::from_microsecond(nth * CHATTY_PAUSE_US).unwrap_or(Timestamp::MAX)
}

/// Each stretch of the longest pause has one line, at a place of its own, so that any line can be found from any instant.
fn next_at(pod: &str, container: &str, since: Timestamp) -> Timestamp {
    let stretch = i64::from(LONGEST_PAUSE_MS + SHORTEST_PAUSE_MS) / 2;
    let at_of = |nth: i64| {
        let spread = LONGEST_PAUSE_MS - SHORTEST_PAUSE_MS;
        let place = fnv1a_32(format!("{pod} {container} {nth}").as_bytes()) % (spread / 2);
        after(Timestamp::UNIX_EPOCH, nth * stretch + i64::from(place))
    };
    let nth = since.as_millisecond() / stretch;
    (nth..)
        .map(at_of)
        .find(|at| *at > since)
        .unwrap_or(Timestamp::MAX)
}

fn line(spec: &Value, container: &str, at: Timestamp) -> String {
    let stamp = seconds(at);
    let roll = fnv1a_32(format!("{container} {}", at.as_millisecond()).as_bytes());
    let milliseconds = 1 + roll % 23;
    if items(spec, "/ports").is_empty() {
        let jobs = 1 + roll % 7;
        return format!("{stamp} INFO  {container}: {jobs} jobs done in {milliseconds} ms");
    }
    let path = match text(spec, "/readinessProbe/httpGet/path") {
        "" => ["/", "/items", "/items/42", "/healthz"][roll as usize / 32 % 4],
        probed => probed,
    };
    format!("{stamp} INFO  {container}: GET {path} 200 {milliseconds}ms")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(state: Value) -> Value {
        json!({"metadata": {"uid": "u"}, "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 80}]}]},
            "status": {"containerStatuses": [{"name": "web", "state": state}]}})
    }

    #[test]
    fn lines_are_the_same_whenever_they_are_worked_out() {
        let running = pod(json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}));
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let now = after(start, 60_000);
        let mut last = start;
        let mut lines = Vec::new();
        while let Some((at, line)) =
            next_line(&running, "web", last, now).filter(|(at, _)| *at <= now)
        {
            assert!(
                at > last && at.duration_since(last).as_millis() <= 10_500,
                "{at} after {last}"
            );
            lines.push((at, line));
            last = at;
        }
        assert!((6..=20).contains(&lines.len()), "{lines:#?}");
        for (idx, (at, _)) in lines.iter().enumerate().skip(1) {
            let just_before = after(*at, -1);
            assert_eq!(
                next_line(&running, "web", just_before, now).as_ref(),
                Some(&lines[idx])
            );
        }
    }

    #[test]
    fn chatty_image_says_five_thousand_lines_a_second() {
        let mut chatty = pod(json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}));
        chatty["spec"]["containers"][0]["image"] = json!("app:chatty");
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let (mut last, mut n_lines) = (Timestamp::MIN, 0);
        while let Some((at, _)) = next_line(&chatty, "web", last, now).filter(|(at, _)| *at <= now)
        {
            (last, n_lines) = (at, n_lines + 1);
        }
        assert_eq!((last, n_lines), (now, 5000));
    }

    #[test]
    fn only_running_containers_speak_and_not_of_long_ago() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let long_ago: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            next_line(&pod(json!({"waiting": {}})), "web", long_ago, now),
            None
        );
        let running = pod(json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}));
        assert_eq!(next_line(&running, "other", long_ago, now), None);
        assert!(next_line(&running, "web", long_ago, now).unwrap().0 > after(now, -MEMORY_MS));
    }
}
