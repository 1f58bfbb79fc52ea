use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::*;
use crate::cluster::mock::{self, Log, Piece, Reply, Seen};
use crate::service::fleet::Fleet;
use crate::service::watch::LinkState;

const STREAMED: &str = "sendInitialEvents=true";

fn deployment(name: &str, version: &str, generation: i64, ready: u32) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "team-a", "uid": format!("uid-{name}"), "resourceVersion": version,
            "generation": generation, "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": name},
        },
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"image": "nginx"}]}}},
        "status": {"observedGeneration": generation, "replicas": 3, "readyReplicas": ready, "updatedReplicas": 3,
            "availableReplicas": ready},
    })
}

fn line(kind: &str, object: Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

fn bookmark(version: &str, ends_initial: bool) -> String {
    let annotations = if ends_initial {
        json!({"k8s.io/initial-events-end": "true"})
    } else {
        json!({})
    };
    let metadata = json!({"resourceVersion": version, "annotations": annotations});
    line(
        "BOOKMARK",
        json!({"kind": "Deployment", "metadata": metadata, "spec": {"template": {"spec": {"containers": null}}}}),
    )
}

fn error(code: u16) -> String {
    line(
        "ERROR",
        json!({"kind": "Status", "status": "Failure", "message": "too old", "reason": "Expired", "code": code}),
    )
}

fn stream(lines: &[String], end: Option<Piece>) -> Reply {
    let lines = lines
        .iter()
        .map(|line| Piece::Bytes(line.clone().into_bytes()));
    Reply::pieces(200, lines.chain(end).collect())
}

/// What a watch reported, and when.
type Reported = Arc<Mutex<Vec<(Instant, WatchEvent)>>>;

/// Watches Deployments of one namespace for so long, on a paused clock.
async fn watch(
    seconds: u64,
    answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Vec<(Instant, WatchEvent)>, Log) {
    let (cluster, log) = mock::cluster(answer);
    let reported = Reported::default();
    let sink = reported.clone();
    let sink: Sink = Arc::new(move |event| sink.lock().unwrap().push((Instant::now(), event)));
    let namespace = "team-a".parse().unwrap();
    let place = Place::new(Some(&namespace), &Selector::managed());
    let watch = cluster.follow(workloads_of(&place, WorkloadKind::Deployment), &sink);
    let _ = tokio::time::timeout(Duration::from_secs(seconds), watch).await;
    let reported = reported.lock().unwrap().clone();
    (reported, log)
}

/// The fleet that the events make, as ready counts by ID.
fn ready_counts(reported: &[(Instant, WatchEvent)]) -> BTreeMap<String, u32> {
    let mut fleet = Fleet::new();
    for (_, event) in reported {
        fleet.apply(event.clone(), Timestamp::UNIX_EPOCH);
    }
    fleet
        .instances()
        .map(|instance| (instance.key().id.to_string(), instance.ready()))
        .collect()
}

/// The changes that were reported, told shortly: `+web` for applied, `-web` for removed, `=[web db]` for a whole list.
fn told(reported: &[(Instant, WatchEvent)]) -> Vec<String> {
    let name = |workload: &crate::service::summary::Workload| workload.name.clone();
    let deltas = reported.iter().filter_map(|(_, event)| match event {
        WatchEvent::Workloads(_, deltas) => Some(deltas),
        _ => None,
    });
    let told = deltas.flatten().map(|delta| match delta {
        Delta::Reset(all) => format!("={:?}", all.iter().map(name).collect::<Vec<_>>()),
        Delta::Applied(workload) => format!("+{}", workload.name),
        Delta::Removed(key) => format!("-{}", key.name),
    });
    told.collect()
}

fn links(reported: &[(Instant, WatchEvent)]) -> Vec<LinkState> {
    let links = reported.iter().filter_map(|(_, event)| match event {
        WatchEvent::Link { state, .. } => Some(state.clone()),
        _ => None,
    });
    links.collect()
}

fn kinds_of_links(reported: &[(Instant, WatchEvent)]) -> Vec<&'static str> {
    let kind = |state: &LinkState| match state {
        LinkState::Connecting => "connecting",
        LinkState::Live => "live",
        LinkState::Retrying { .. } => "retrying",
        LinkState::Forbidden(_) => "forbidden",
    };
    links(reported).iter().map(kind).collect()
}

fn uris(log: &Log) -> Vec<String> {
    log.lock()
        .unwrap()
        .iter()
        .map(|seen| seen.uri.clone())
        .collect()
}

fn n_streamed_lists(log: &Log) -> usize {
    log.lock()
        .unwrap()
        .iter()
        .filter(|seen| seen.is_streamed_list())
        .count()
}

fn first_list() -> Reply {
    let lines = [
        line("ADDED", deployment("web", "1", 1, 3)),
        bookmark("10", true),
    ];
    stream(&lines, Some(Piece::Pause(Duration::from_secs(20))))
}

#[tokio::test(start_paused = true)]
async fn streamed_list_becomes_live_and_the_watch_resumes_from_it() {
    let (reported, log) = watch(50, |seen| match seen.resumes_from() {
        None => first_list(),
        Some("10") => {
            let lines = [
                line("MODIFIED", deployment("web", "11", 1, 2)),
                bookmark("20", false),
            ];
            stream(&lines, Some(Piece::Pause(Duration::from_secs(20))))
        }
        Some(_) => stream(&[], Some(Piece::Pause(Duration::from_secs(20)))),
    })
    .await;
    assert_eq!(told(&reported), ["+web", "+web"]);
    assert_eq!(
        ready_counts(&reported),
        BTreeMap::from([("web".to_owned(), 2)])
    );
    assert_eq!(kinds_of_links(&reported), ["connecting", "live"]);
    let versions: Vec<_> = log
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen.resumes_from().map(str::to_owned))
        .collect();
    assert_eq!(
        versions,
        [None, Some("10".to_owned()), Some("20".to_owned())]
    );
    let first = &uris(&log)[0];
    let expected = "/apis/apps/v1/namespaces/team-a/deployments?watch=1&allowWatchBookmarks=true&timeoutSeconds=290&\
                    sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=app.kubernetes.io%2Fmanaged-by%3Dbowline";
    assert_eq!(first, expected);
}

/// The client's own watcher would repeat the version that is gone for ever where the server answers 410 as a status.
#[tokio::test(start_paused = true)]
async fn expired_version_is_listed_anew_once_whether_told_by_status_or_event() {
    for gone in [stream(&[error(410)], None), Reply::status(410, "too old")] {
        let n_resumed = AtomicUsize::new(0);
        let (reported, log) = watch(60, move |seen| match seen.resumes_from() {
            Some(_) if n_resumed.fetch_add(1, Ordering::SeqCst) == 0 => gone.clone(),
            Some(_) => stream(&[], Some(Piece::Silence)),
            None => first_list(),
        })
        .await;
        let kinds: Vec<_> = log
            .lock()
            .unwrap()
            .iter()
            .map(Seen::is_streamed_list)
            .collect();
        assert_eq!(kinds, [true, false, true, false]);
        assert_eq!(told(&reported), ["+web", "=[\"web\"]"]);
        assert_eq!(kinds_of_links(&reported), ["connecting", "live"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_after_a_version_is_got_over_by_another_list() {
    for unreadable in [error(0), "no object\n".to_owned()] {
        let n_lists = AtomicUsize::new(0);
        let (reported, log) = watch(120, move |seen| match seen.resumes_from() {
            Some(_) if n_lists.load(Ordering::SeqCst) == 1 => {
                stream(std::slice::from_ref(&unreadable), None)
            }
            Some(_) => stream(&[], Some(Piece::Silence)),
            None => {
                n_lists.fetch_add(1, Ordering::SeqCst);
                first_list()
            }
        })
        .await;
        let seen = log.lock().unwrap();
        let kinds: Vec<_> = seen.iter().map(Seen::is_streamed_list).collect();
        let expected = [true, false, false, false, true, false];
        assert_eq!(kinds[..expected.len()], expected);
        assert!(!kinds[expected.len()..].contains(&true), "{kinds:?}");
        assert_eq!(kinds_of_links(&reported).last(), Some(&"live"));
    }
}

#[tokio::test(start_paused = true)]
async fn server_that_forgets_every_version_is_asked_ever_more_seldom() {
    let (reported, log) = watch(120, |seen| match seen.resumes_from() {
        Some(_) => Reply::status(410, "too old"),
        None if seen.is_watch() => stream(
            &[
                line("ADDED", deployment("web", "1", 1, 3)),
                bookmark("10", true),
            ],
            None,
        ),
        None => Reply::json(
            200,
            json!({"metadata": {"resourceVersion": "10"}, "items": [deployment("web", "1", 1, 3)]}),
        ),
    })
    .await;
    assert!(
        log.lock().unwrap().len() < 30,
        "{}",
        log.lock().unwrap().len()
    );
    assert!(
        uris(&log).iter().any(|uri| uri.contains("limit=500")),
        "pages are tried in the end"
    );
    assert!(
        told(&reported)[1..]
            .iter()
            .all(|change| change == "=[\"web\"]")
    );
}

#[tokio::test(start_paused = true)]
async fn list_whose_pages_expire_is_told_and_then_read_whole() {
    let (reported, log) = watch(10, |seen| {
        if seen.is_streamed_list() {
            return Reply::status(422, "sendInitialEvents is forbidden");
        }
        if seen.is_watch() {
            return stream(&[], Some(Piece::Silence));
        }
        if seen.uri.contains("continue=") {
            return Reply::status(410, "the provided continue parameter is too old");
        }
        let (names, token) = match seen.uri.contains("limit=") {
            true => (&["web"][..], "next"),
            false => (&["web", "db"][..], ""),
        };
        let items: Vec<_> = names
            .iter()
            .map(|name| deployment(name, "3", 1, 3))
            .collect();
        let metadata = json!({"resourceVersion": "30", "continue": token});
        Reply::json(
            200,
            json!({"kind": "DeploymentList", "metadata": metadata, "items": items}),
        )
    })
    .await;
    assert_eq!(told(&reported), ["=[\"web\", \"db\"]"], "{:?}", uris(&log));
    assert_eq!(
        kinds_of_links(&reported),
        ["connecting", "retrying", "live"]
    );
    let LinkState::Retrying { failure, .. } = &links(&reported)[1] else {
        panic!("{reported:?}");
    };
    assert_eq!(
        failure.summary,
        "cannot watch deployments: the server says again and again that what it gave has expired"
    );
}

#[tokio::test(start_paused = true)]
async fn rows_grow_old_while_every_list_expires() {
    for gone in [stream(&[error(410)], None), Reply::status(410, "too old")] {
        let n_lists = AtomicUsize::new(0);
        let (reported, _) = watch(200, move |seen| match seen.resumes_from() {
            None if n_lists.fetch_add(1, Ordering::SeqCst) == 0 => first_list(),
            _ if seen.is_watch() => gone.clone(),
            _ => Reply::status(410, "too old"),
        })
        .await;
        let ages = links(&reported).into_iter().filter_map(|link| match link {
            LinkState::Retrying { data_age, .. } => data_age,
            _ => None,
        });
        let ages: Vec<_> = ages.collect();
        assert!(ages.is_sorted() && ages.len() > 3, "{ages:?}");
        assert!(ages[ages.len() - 1] > Duration::from_secs(100), "{ages:?}");
        assert_eq!(
            kinds_of_links(&reported)[..3],
            ["connecting", "live", "retrying"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rows_stay_until_a_later_list_is_complete() {
    let (reported, _) = watch(40, |seen| match seen.resumes_from() {
        Some("10") => stream(&[error(410)], None),
        Some(_) => stream(&[], Some(Piece::Silence)),
        None => first_list(),
    })
    .await;
    let changes = told(&reported);
    assert_eq!(
        changes[..2],
        ["+web".to_owned(), "=[\"web\"]".to_owned()],
        "{changes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn watch_that_ends_at_once_is_not_repeated_at_once() {
    let (reported, log) = watch(60, |seen| match seen.resumes_from() {
        None => stream(&[bookmark("10", true)], None),
        Some(_) => stream(&[], None),
    })
    .await;
    let starts: Vec<_> = log.lock().unwrap().iter().map(|seen| seen.at).collect();
    for pair in starts.windows(2) {
        assert!(
            pair[1] - pair[0] >= Duration::from_millis(999),
            "{:?}",
            pair[1] - pair[0]
        );
    }
    assert!(starts.len() <= 10, "{} starts in a minute", starts.len());
    assert!(kinds_of_links(&reported).contains(&"retrying"));
}

#[tokio::test(start_paused = true)]
async fn silence_is_noticed_within_thirty_seconds() {
    let started = Instant::now();
    let (reported, _) = watch(60, |seen| match seen.resumes_from() {
        None => stream(
            &[bookmark("10", true)],
            Some(Piece::Pause(Duration::from_secs(1))),
        ),
        // The peer is gone without a word: the stream neither brings anything nor ends.
        Some(_) => stream(&[], Some(Piece::Silence)),
    })
    .await;
    let first = reported.iter().find_map(|(at, event)| match event {
        WatchEvent::Link {
            state: LinkState::Retrying {
                failure, data_age, ..
            },
            ..
        } => Some((*at, failure.clone(), *data_age)),
        _ => None,
    });
    let (at, failure, data_age) = first.unwrap();
    assert!(
        at - started <= Duration::from_secs(31),
        "{:?}",
        at - started
    );
    assert!(
        failure.summary.contains("no answer from the server"),
        "{failure}"
    );
    assert!(data_age.unwrap() >= Duration::from_secs(20), "{data_age:?}");
}

#[tokio::test(start_paused = true)]
async fn watch_that_is_not_answered_is_given_up_after_ten_seconds() {
    let began = Instant::now();
    let (reported, _) = watch(15, |_| Reply::Silence).await;
    let (at, _) = reported.last().unwrap();
    assert_eq!((*at - began).as_secs(), 10);
    let LinkState::Retrying {
        failure, data_age, ..
    } = links(&reported)[1].clone()
    else {
        panic!("{reported:?}");
    };
    let expected = "cannot watch deployments: no answer from the server within 10 s";
    assert_eq!((failure.summary.as_str(), data_age), (expected, None));
}

#[tokio::test(start_paused = true)]
async fn wait_that_a_server_asks_for_is_bounded() {
    for (asked, least, most) in [
        ("12", 12, 12),
        ("3600", 30, 30),
        ("18446744073709551615", 30, 30),
        ("never", 0, 1),
    ] {
        let (reported, _) = watch(1, move |_| {
            Reply::status(429, "too many").with_header("retry-after", asked)
        })
        .await;
        let LinkState::Retrying {
            next_attempt_in, ..
        } = links(&reported)[1]
        else {
            panic!("{reported:?}");
        };
        let seconds = next_attempt_in.as_secs();
        assert!(
            (least..=most).contains(&seconds),
            "{asked}: {next_attempt_in:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_text_are_resumed_after_from_the_last_whole_line() {
    let (reported, log) = watch(30, |seen| match seen.resumes_from() {
        None => first_list(),
        Some("10") => {
            let whole = line("MODIFIED", deployment("web", "11", 1, 1));
            let mut bad = line("ADDED", deployment("db", "12", 1, 3)).into_bytes();
            let at = bad.windows(2).position(|pair| pair == b"db").unwrap();
            bad[at] = 0xff;
            Reply::pieces(
                200,
                vec![Piece::Bytes(whole.into_bytes()), Piece::Bytes(bad)],
            )
        }
        Some("11") => stream(
            &[line("ADDED", deployment("db", "12", 1, 3))],
            Some(Piece::Silence),
        ),
        Some(other) => panic!("resumed from {other}"),
    })
    .await;
    assert_eq!(told(&reported), ["+web", "+web", "+db"]);
    assert_eq!(n_streamed_lists(&log), 1);
}

#[tokio::test(start_paused = true)]
async fn quiet_watch_is_no_alarm() {
    let (reported, log) = watch(300, |seen| match seen.resumes_from() {
        None => stream(
            &[bookmark("10", true)],
            Some(Piece::Pause(Duration::from_secs(22))),
        ),
        // A real server ends a watch when it was asked to.
        Some(_) => stream(&[], Some(Piece::Pause(Duration::from_secs(22)))),
    })
    .await;
    assert_eq!(kinds_of_links(&reported), ["connecting", "live"]);
    assert!(log.lock().unwrap().len() <= 15);
}

#[tokio::test(start_paused = true)]
async fn outage_keeps_rows_and_tells_age_and_next_attempt() {
    let began = Instant::now();
    let (reported, log) = watch(200, move |seen| match seen.resumes_from() {
        None => first_list(),
        Some(_) if began.elapsed() < Duration::from_secs(100) => Reply::Refused,
        Some(_) => stream(
            &[bookmark("12", false)],
            Some(Piece::Pause(Duration::from_secs(22))),
        ),
    })
    .await;
    assert_eq!(told(&reported), ["+web"]);
    let waits: Vec<_> = links(&reported)
        .into_iter()
        .filter_map(|state| match state {
            LinkState::Retrying {
                next_attempt_in,
                data_age,
                failure,
            } => {
                assert!(
                    failure.summary.starts_with("cannot watch deployments: "),
                    "{failure}"
                );
                Some((next_attempt_in, data_age.unwrap()))
            }
            _ => None,
        })
        .collect();
    assert!((4..=10).contains(&waits.len()), "{waits:?}");
    assert!(
        waits.windows(2).all(|pair| pair[0].1 < pair[1].1),
        "ages grow: {waits:?}"
    );
    assert!(
        waits[0].0 < Duration::from_secs(2) && waits.last().unwrap().0 > Duration::from_secs(15),
        "{waits:?}"
    );
    assert_eq!(kinds_of_links(&reported).last(), Some(&"live"));
    // It goes on from where it was: no list is needed after an outage.
    assert_eq!(n_streamed_lists(&log), 1);
}

/// Whatever else is answered tells that the server is back, and so may a person: no watch waits to the end then.
#[tokio::test(start_paused = true)]
async fn outage_ends_for_a_watch_when_something_else_is_answered_or_somebody_asks() {
    for is_asked in [false, true] {
        let is_back = Arc::new(AtomicBool::new(false));
        let served = is_back.clone();
        let (cluster, log) = mock::cluster(move |seen| {
            match (served.load(Ordering::Relaxed), seen.resumes_from()) {
                (false, Some(_)) => Reply::Refused,
                (true, Some(_)) => stream(&[], Some(Piece::Silence)),
                _ if seen.is_streamed_list() => first_list(),
                _ => Reply::json(200, json!({})),
            }
        });
        let sink: Sink = Arc::new(|_| {});
        let namespace = "team-a".parse().unwrap();
        let place = Place::new(Some(&namespace), &Selector::managed());
        let watch = cluster.follow(workloads_of(&place, WorkloadKind::Deployment), &sink);
        let story = async {
            // By now it waits for more than ten seconds between two tries.
            sleep(Duration::from_secs(90)).await;
            let n_tries = || {
                log.lock()
                    .unwrap()
                    .iter()
                    .filter(|seen| seen.resumes_from().is_some())
                    .count()
            };
            // Just behind a try.
            let before = n_tries();
            while n_tries() == before {
                sleep(Duration::from_millis(100)).await;
            }
            let before = n_tries();
            is_back.store(true, Ordering::Relaxed);
            match is_asked {
                true => cluster.try_watches(),
                false => drop(cluster.server_version().await),
            }
            sleep(Duration::from_secs(4)).await;
            assert_eq!(n_tries(), before + 1);
        };
        tokio::select! {
            _ = watch => {}
            () = story => {}
        }
    }
}

/// What is shown was true up to the moment in which the connection was closed, however long nothing had changed before.
#[tokio::test(start_paused = true)]
async fn data_is_as_old_as_the_outage_where_the_end_was_seen() {
    let (reported, _) = watch(40, |seen| match seen.resumes_from() {
        None => stream(
            &[
                line("ADDED", deployment("web", "1", 1, 3)),
                bookmark("10", true),
            ],
            Some(Piece::Pause(Duration::from_secs(20))),
        ),
        Some(_) => Reply::Refused,
    })
    .await;
    let ages = links(&reported)
        .into_iter()
        .filter_map(|state| match state {
            LinkState::Retrying { data_age, .. } => data_age,
            _ => None,
        });
    let first = ages.min().unwrap();
    assert!(first < Duration::from_secs(2), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn truncated_line_is_resumed_after_from_the_last_whole_one() {
    let (reported, log) = watch(30, |seen| match seen.resumes_from() {
        None => first_list(),
        Some("10") => {
            let whole = line("MODIFIED", deployment("web", "11", 1, 1));
            let cut = line("ADDED", deployment("db", "12", 1, 3));
            stream(&[whole, cut[..cut.len() / 2].to_owned()], None)
        }
        Some("11") => stream(
            &[line("ADDED", deployment("db", "12", 1, 3))],
            Some(Piece::Silence),
        ),
        Some(other) => panic!("resumed from {other}"),
    })
    .await;
    assert_eq!(told(&reported), ["+web", "+web", "+db"]);
    assert_eq!(n_streamed_lists(&log), 1);
}

#[tokio::test(start_paused = true)]
async fn broken_connection_is_resumed_without_a_list() {
    let (reported, log) = watch(60, |seen| match seen.resumes_from() {
        None => first_list(),
        Some("10") => stream(
            &[line("MODIFIED", deployment("web", "11", 1, 1))],
            Some(Piece::Break),
        ),
        Some(_) => stream(&[], Some(Piece::Silence)),
    })
    .await;
    assert_eq!(told(&reported), ["+web", "+web"]);
    assert_eq!(
        kinds_of_links(&reported)[..4],
        ["connecting", "live", "retrying", "live"]
    );
    assert_eq!(n_streamed_lists(&log), 1);
}

#[tokio::test(start_paused = true)]
async fn line_may_come_in_any_pieces() {
    let (reported, _) = watch(5, |_| {
        let all = [
            line("ADDED", deployment("wéb", "1", 1, 3)),
            line("ADDED", deployment("web", "1", 1, 3)),
            bookmark("10", true),
        ]
        .concat();
        let mut pieces = Vec::new();
        for byte in all.bytes() {
            pieces.extend([
                Piece::Bytes(vec![byte]),
                Piece::Pause(Duration::from_micros(1)),
            ]);
        }
        pieces.push(Piece::Silence);
        Reply::pieces(200, pieces)
    })
    .await;
    // What bears an illegal ID is no instance.
    assert_eq!(told(&reported), ["-wéb", "+web"]);
    assert_eq!(kinds_of_links(&reported), ["connecting", "live"]);
}

#[tokio::test(start_paused = true)]
async fn garbage_makes_one_failure_and_quotes_nothing() {
    let html = format!("<html>\n{}</html>", "<br>hunter2\n".repeat(50));
    let (reported, _) = watch(3, move |seen| match seen.resumes_from() {
        None => stream(&[bookmark("10", true)], None),
        Some(_) => Reply::json(200, &html),
    })
    .await;
    let states = links(&reported);
    assert_eq!(
        kinds_of_links(&reported),
        ["connecting", "live", "retrying", "live", "retrying"][..states.len()]
    );
    let LinkState::Retrying { failure, .. } = &states[2] else {
        panic!("{states:?}");
    };
    assert_eq!(
        failure.summary,
        "cannot watch deployments: the server's answer is no Kubernetes object"
    );
    assert!(!format!("{states:?}").contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn html_of_a_gateway_is_told_by_its_status() {
    let (reported, _) = watch(1, |_| Reply::json(502, "<html>\u{1b}[2Jhunter2</html>")).await;
    let states = links(&reported);
    let LinkState::Retrying {
        failure, data_age, ..
    } = &states[1]
    else {
        panic!("{states:?}");
    };
    assert_eq!(
        failure.summary,
        "cannot watch deployments: the server answered 502 Bad Gateway"
    );
    assert_eq!(failure.detail, "");
    assert_eq!(*data_age, None);
}

#[tokio::test(start_paused = true)]
async fn line_without_end_is_cut_off_and_all_is_listed_anew() {
    let (reported, log) = watch(20, |seen| match seen.resumes_from() {
        None => stream(
            &[
                line("ADDED", deployment("web", "1", 1, 3)),
                bookmark("10", true),
            ],
            None,
        ),
        Some(_) => Reply::pieces(200, vec![Piece::Bytes(vec![b'x'; 1 << 20]); 64]),
    })
    .await;
    let failures: Vec<_> = links(&reported)
        .into_iter()
        .filter_map(|state| match state {
            LinkState::Retrying { failure, .. } => Some(failure.summary),
            _ => None,
        })
        .collect();
    assert_eq!(
        failures[0],
        "cannot watch deployments: the server sends a line without end"
    );
    assert!(n_streamed_lists(&log) >= 2);
    assert!(!told(&reported).contains(&"=[]".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn huge_objects_pass_through_and_leave_nothing_behind() {
    let (reported, _) = watch(10, |_| {
        let mut huge = deployment("web", "1", 1, 3);
        huge["metadata"]["annotations"] = json!({"note": "x".repeat(256 * 1024)});
        huge["spec"]["template"]["spec"]["containers"][0]["env"] =
            json!([{"name": "A", "value": "y".repeat(1 << 20)}]);
        let lines: Vec<_> = (0..10).map(|_| line("ADDED", huge.clone())).collect();
        stream(
            &[lines, vec![bookmark("10", true)]].concat(),
            Some(Piece::Silence),
        )
    })
    .await;
    assert_eq!(kinds_of_links(&reported), ["connecting", "live"]);
    assert_eq!(told(&reported).len(), 10);
    assert!(format!("{reported:?}").len() < 10 * 1000);
}

#[tokio::test(start_paused = true)]
async fn older_state_of_a_lagging_replica_is_not_believed() {
    for older in [deployment("web", "1", 1, 0), deployment("web", "5", 0, 0)] {
        let (reported, log) = watch(20, move |seen| match seen.resumes_from() {
            None => {
                let lines = [
                    line("ADDED", deployment("web", "1", 1, 1)),
                    bookmark("10", true),
                ];
                stream(&lines, None)
            }
            Some("10") => stream(&[line("MODIFIED", deployment("web", "2", 1, 3))], None),
            Some(_) => stream(&[line("MODIFIED", older.clone())], None),
        })
        .await;
        let shown = reported.iter().filter_map(|(_, event)| match event {
            WatchEvent::Workloads(_, deltas) => Some(deltas),
            _ => None,
        });
        let was_shown = shown
            .flatten()
            .any(|delta| matches!(delta, Delta::Applied(w) if w.ready == 0));
        assert!(!was_shown);
        assert!(kinds_of_links(&reported).contains(&"retrying"));
        assert!(
            n_streamed_lists(&log) >= 2,
            "a consistent list is asked for: {:?}",
            uris(&log)
        );
    }
}

/// A namespace goes with all that is in it, and comes again with objects of the same names: other objects.
#[tokio::test(start_paused = true)]
async fn object_that_was_made_again_is_another_one_and_no_older_state() {
    let (reported, log) = watch(15, |seen| match seen.resumes_from() {
        None => {
            let lines = [
                line("ADDED", deployment("web", "9", 7, 3)),
                bookmark("10", true),
            ];
            stream(&lines, None)
        }
        Some("10") => {
            let mut again = deployment("web", "12", 1, 0);
            again["metadata"]["uid"] = json!("another");
            let lines = [
                line("DELETED", deployment("web", "11", 7, 3)),
                line("ADDED", again),
            ];
            stream(&lines, Some(Piece::Silence))
        }
        Some(other) => panic!("resumed from {other}"),
    })
    .await;
    assert_eq!(told(&reported), ["+web", "-web", "+web"]);
    assert_eq!(
        ready_counts(&reported),
        BTreeMap::from([("web".to_owned(), 0)])
    );
    assert_eq!(kinds_of_links(&reported), ["connecting", "live"]);
    assert_eq!(n_streamed_lists(&log), 1);
}

#[tokio::test(start_paused = true)]
async fn server_that_cannot_stream_lists_is_asked_for_pages() {
    let refusals = [
        (
            422,
            "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
        ),
        (400, "unknown parameter"),
        (403, "sendInitialEvents: Forbidden"),
    ];
    for (code, message) in refusals {
        let (reported, log) = watch(10, move |seen| {
            if seen.is_streamed_list() {
                return Reply::status(code, message);
            }
            if seen.is_watch() {
                assert_eq!(seen.resumes_from(), Some("30"));
                return stream(&[line("DELETED", deployment("db", "31", 1, 3))], Some(Piece::Silence));
            }
            let (name, token) = match seen.uri.contains("continue=") {
                true => ("db", ""),
                false => ("web", "next"),
            };
            let metadata = json!({"resourceVersion": "30", "continue": token});
            Reply::json(200, json!({"kind": "DeploymentList", "metadata": metadata, "items": [deployment(name, "3", 1, 3)]}))
        })
        .await;
        assert_eq!(told(&reported), ["=[\"web\", \"db\"]", "-db"], "{code}");
        assert_eq!(kinds_of_links(&reported), ["connecting", "live"], "{code}");
        assert_eq!(log.lock().unwrap().len(), 4, "{code}: {:?}", uris(&log));
    }
}

#[tokio::test(start_paused = true)]
async fn forbidden_is_told_asked_again_after_a_minute_and_clears_rows_the_second_time() {
    // The role is taken away two seconds after the start.
    let role_goes = || {
        let began = Instant::now();
        move |seen: &Seen| match seen.resumes_from() {
            None if seen.at - began > Duration::from_secs(2) => {
                Reply::status(403, "deployments is forbidden")
            }
            None => stream(
                &[
                    line("ADDED", deployment("web", "1", 1, 3)),
                    bookmark("10", true),
                ],
                None,
            ),
            Some(_) => Reply::status(403, "deployments is forbidden"),
        }
    };
    // The first refusal may be a mistake that is mended soon.
    let (reported, _) = watch(40, role_goes()).await;
    assert_eq!(told(&reported), ["+web"]);
    assert_eq!(
        kinds_of_links(&reported),
        ["connecting", "live", "forbidden"]
    );
    let (reported, log) = watch(220, role_goes()).await;
    let starts: Vec<_> = log.lock().unwrap().iter().map(|seen| seen.at).collect();
    assert!((4..=5).contains(&starts.len()), "{:?}", uris(&log));
    assert!(starts[2] - starts[1] >= Duration::from_secs(60));
    assert_eq!(told(&reported), ["+web", "=[]"]);
    assert_eq!(
        kinds_of_links(&reported),
        ["connecting", "live", "forbidden"]
    );
}

#[tokio::test(start_paused = true)]
async fn events_of_unknown_types_are_passed_over() {
    let (reported, log) = watch(15, |_| {
        stream(
            &[
                line("ADDED", deployment("web", "1", 1, 3)),
                bookmark("10", true),
                line("SURPRISE", json!({"metadata": {"name": "x"}})),
                line("ADDED", deployment("api", "11", 1, 3)),
            ],
            Some(Piece::Silence),
        )
    })
    .await;
    assert_eq!(told(&reported), ["+web", "+api"]);
    assert_eq!(log.lock().unwrap().len(), 1, "{:?}", uris(&log));
}

#[tokio::test(start_paused = true)]
async fn event_without_a_version_is_shown_and_the_last_one_is_gone_on_from() {
    let (reported, log) = watch(15, |seen| match seen.resumes_from() {
        None => stream(
            &[
                line("ADDED", deployment("web", "1", 1, 3)),
                bookmark("10", true),
                line("ADDED", deployment("api", "", 1, 3)),
                bookmark("", false),
            ],
            None,
        ),
        Some(_) => stream(&[], Some(Piece::Silence)),
    })
    .await;
    assert_eq!(told(&reported), ["+web", "+api"]);
    let log = log.lock().unwrap();
    let from: Vec<_> = log.iter().map(Seen::resumes_from).collect();
    assert_eq!(from, [None, Some("10")]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_ends_every_watch() {
    let (cluster, log) = mock::cluster(|_| {
        stream(
            &[bookmark("10", true)],
            Some(Piece::Pause(Duration::from_secs(1))),
        )
    });
    let handle = cluster.watch_overview(Scope::All, |_| {});
    tokio::time::sleep(Duration::from_secs(30)).await;
    drop(handle);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = log.lock().unwrap().len();
    assert!(before > 4);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(log.lock().unwrap().len(), before);
}

/// Whoever only watches is told the server's clock too.
#[tokio::test(start_paused = true)]
async fn watch_tells_the_servers_clock() {
    let (cluster, _) =
        mock::cluster(|_| first_list().with_header("date", "Thu, 01 Jan 2026 00:00:40 GMT"));
    let handle = cluster.watch_overview(Scope::Namespace("team-a".parse().unwrap()), |_| {});
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(handle);
    let told: Timestamp = "2026-01-01T00:00:40Z".parse().unwrap();
    let since = cluster.now().duration_since(told);
    assert!(since.abs().as_secs() < 60, "{since:?}");
}

#[tokio::test(start_paused = true)]
async fn one_refused_kind_leaves_the_others_alone() {
    let (cluster, _) = mock::cluster(|seen| match seen.uri.contains("/statefulsets") {
        true => Reply::status(403, "statefulsets is forbidden"),
        false => first_list_for(seen),
    });
    let fleet = Arc::new(Mutex::new(Fleet::new()));
    let shown = fleet.clone();
    let handle =
        cluster.watch_overview(Scope::Namespace("team-a".parse().unwrap()), move |event| {
            shown.lock().unwrap().apply(event, Timestamp::UNIX_EPOCH);
        });
    tokio::time::sleep(Duration::from_secs(5)).await;
    drop(handle);
    let fleet = fleet.lock().unwrap();
    let forbidden: Vec<_> = fleet
        .forbidden()
        .map(|(topic, failure)| format!("{topic}: {failure}"))
        .collect();
    assert_eq!(
        forbidden,
        ["statefulsets: cannot watch statefulsets: statefulsets is forbidden"]
    );
    let pods: Vec<_> = fleet
        .instances()
        .map(|instance| instance.pods().clone())
        .collect();
    let expected = crate::service::instance::PodCounts {
        total: 1,
        ready: 1,
        restarts: 0,
        worst: None,
    };
    assert_eq!(pods, [expected]);
    assert!(fleet.is_complete());
}

fn first_list_for(seen: &Seen) -> Reply {
    if seen.uri.contains("/deployments") {
        let lines = [
            line("ADDED", deployment("web", "1", 1, 3)),
            bookmark("10", true),
        ];
        return stream(&lines, Some(Piece::Silence));
    }
    if seen.uri.contains("/pods?") {
        let row = |name: &str, meta: Value| {
            let cells = json!([name, "1/1", "Running", "0", "5s", "10.0.0.1", "node-1"]);
            json!({"metadata": {"resourceVersion": "10"}, "columnDefinitions": null, "rows": [{"cells": cells, "object": meta}]})
        };
        let end = json!({"metadata": {"annotations": {"k8s.io/initial-events-end": "true"}}});
        let lines = [
            line("ADDED", row("web-6d9c9c5b8-x2w4p", Value::Null)),
            line("BOOKMARK", row("", end)),
        ];
        return stream(&lines, Some(Piece::Silence));
    }
    stream(&[bookmark("10", true)], Some(Piece::Silence))
}

/// A server reads all events of a namespace from its store for that, and the namespaces of others are large.
#[tokio::test(start_paused = true)]
async fn events_of_an_instance_that_is_passed_by_are_not_asked_for() {
    let after = Duration::from_millis(600);
    let key = InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: "web".parse().unwrap(),
    };
    let asked_within = async |time: Duration| {
        let (cluster, log) = mock::cluster(first_list_for);
        let links = Arc::new(Mutex::new(Vec::new()));
        let told = links.clone();
        let handle = cluster.watch_instance(&key, after, move |event| {
            if let WatchEvent::Link {
                topic: Topic::Events,
                state,
            } = event
            {
                told.lock().unwrap().push(state);
            }
        });
        tokio::time::sleep(time).await;
        drop(handle);
        // That they are to come is told at once: nothing is taken for none.
        let first = links.lock().unwrap().first().cloned();
        assert_eq!(first, Some(LinkState::Connecting));
        let uris = uris(&log);
        let n_of = |what: &str| uris.iter().filter(|uri| uri.contains(what)).count();
        (n_of("/pods?"), n_of("/events?"))
    };
    assert_eq!(asked_within(Duration::from_millis(500)).await, (1, 0));
    assert_eq!(asked_within(Duration::from_secs(5)).await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn pods_of_all_namespaces_are_watched_where_instances_are() {
    let (cluster, log) = mock::cluster(first_list_for);
    let handle = cluster.watch_overview(Scope::All, |_| {});
    tokio::time::sleep(Duration::from_secs(5)).await;
    drop(handle);
    let pods: BTreeSet<_> = uris(&log)
        .into_iter()
        .filter(|uri| uri.contains("/pods?"))
        .map(|uri| uri.split('?').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        pods,
        BTreeSet::from(["/api/v1/namespaces/team-a/pods".to_owned()])
    );
    assert!(uris(&log).iter().any(|uri| uri.contains("/pods?")
        && uri.contains("includeObject=None")
        && uri.contains(STREAMED)));
}

#[tokio::test(start_paused = true)]
async fn unbound_claim_is_explained_by_its_events() {
    let claim = json!({
        "metadata": {"name": "data-db-0", "namespace": "team-a", "uid": "c1", "resourceVersion": "1",
            "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "db"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Pending"},
    });
    let event = json!({
        "metadata": {"name": "e1", "namespace": "team-a"},
        "involvedObject": {"kind": "PersistentVolumeClaim", "name": "data-db-0", "uid": "c1"},
        "type": "Warning", "reason": "ProvisioningFailed", "message": "storageclass \"fast\" not found\u{1b}[2J",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    });
    let (cluster, log) = mock::cluster(move |seen| {
        if seen.uri.contains("/events?") {
            Reply::json(
                200,
                json!({"kind": "EventList", "metadata": {}, "items": [event]}),
            )
        } else if seen.uri.contains("/persistentvolumeclaims") {
            stream(
                &[line("ADDED", claim.clone()), bookmark("10", true)],
                Some(Piece::Silence),
            )
        } else {
            stream(&[bookmark("10", true)], Some(Piece::Silence))
        }
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let handle =
        cluster.watch_overview(Scope::Namespace("team-a".parse().unwrap()), move |event| {
            if let WatchEvent::Events(deltas) = event {
                sink.lock().unwrap().extend(deltas);
            }
        });
    tokio::time::sleep(Duration::from_secs(9)).await;
    drop(handle);
    let told = told.lock().unwrap();
    let [Delta::Applied(event)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(event.message, "storageclass \"fast\" not found␛");
    let asked: Vec<_> = uris(&log)
        .into_iter()
        .filter(|uri| uri.contains("/events?"))
        .collect();
    let expected = "/api/v1/namespaces/team-a/events?fieldSelector=involvedObject.kind%3DPersistentVolumeClaim%2C\
                    involvedObject.name%3Ddata-db-0&limit=500";
    assert_eq!(asked, [expected]);
}

/// Whoever may not list everywhere sees what may be seen, and is told that it is not all.
#[tokio::test(start_paused = true)]
async fn who_may_not_list_in_all_namespaces_is_shown_those_that_may_be() {
    for may_list_namespaces in [true, false] {
        let (cluster, log) = mock::cluster(move |seen| {
            let path = seen.uri.split('?').next().unwrap();
            match path {
                "/api/v1/namespaces" if may_list_namespaces => {
                    let name = |name: &str| json!({"metadata": {"name": name}});
                    let items = json!([name("team-a"), name("team-b"), name("hidden")]);
                    Reply::json(200, json!({"metadata": {}, "items": items}))
                }
                "/api/v1/namespaces" => Reply::status(403, "namespaces is forbidden"),
                path if !path.contains("/namespaces/") => Reply::status(403, "it is forbidden"),
                path if path.contains("/hidden/") => Reply::status(403, "it is forbidden"),
                path if path.contains("/team-b/deployments") => {
                    let mut other = deployment("db", "1", 1, 2);
                    other["metadata"]["namespace"] = json!("team-b");
                    stream(
                        &[line("ADDED", other), bookmark("10", true)],
                        Some(Piece::Silence),
                    )
                }
                _ => first_list_for(seen),
            }
        });
        let cluster = cluster.with_namespace("team-a".parse().unwrap());
        let fleet = Arc::new(Mutex::new(Fleet::new()));
        let shown = fleet.clone();
        let handle = cluster.watch_overview(Scope::All, move |event| {
            shown.lock().unwrap().apply(event, Timestamp::UNIX_EPOCH);
        });
        tokio::time::sleep(Duration::from_secs(9)).await;
        let fleet = fleet.lock().unwrap().clone();
        let ids: Vec<_> = fleet
            .instances()
            .map(|instance| instance.key().id.to_string())
            .collect();
        let forbidden: Vec<_> = fleet
            .forbidden()
            .map(|(topic, failure)| format!("{topic}: {failure}"))
            .collect();
        let (expected, others) = match may_list_namespaces {
            true => (vec!["web", "db"], "team-a, team-b, hidden"),
            false => (vec!["web"], "team-a"),
        };
        assert_eq!(ids, expected);
        let sentence = format!(
            "other namespaces: no permission to list in all namespaces, so that no others are shown than {others}"
        );
        assert_eq!(forbidden, [sentence]);
        assert!(fleet.is_complete());
        let n_everywhere = || {
            let uris = uris(&log);
            uris.iter()
                .filter(|uri| uri.starts_with("/apis/apps/v1/deployments?"))
                .count()
        };
        assert_eq!(
            n_everywhere(),
            1,
            "what is forbidden is not asked for again and again"
        );
        tokio::time::sleep(Duration::from_secs(80)).await;
        assert_eq!(n_everywhere(), 2);
        drop(handle);
    }
}

/// That the namespaces could not be listed once does not mean that they may not be.
#[tokio::test(start_paused = true)]
async fn namespaces_that_could_not_be_listed_are_asked_for_again() {
    let n_failures = AtomicUsize::new(0);
    let (cluster, _) = mock::cluster(move |seen| {
        let path = seen.uri.split('?').next().unwrap();
        match path {
            "/api/v1/namespaces" if n_failures.fetch_add(1, Ordering::SeqCst) < 5 => {
                Reply::status(503, "apiserver is shutting down")
            }
            "/api/v1/namespaces" => {
                let name = |name: &str| json!({"metadata": {"name": name}});
                let items = json!([name("team-a"), name("team-b")]);
                Reply::json(200, json!({"metadata": {}, "items": items}))
            }
            path if !path.contains("/namespaces/") => Reply::status(403, "it is forbidden"),
            _ => first_list_for(seen),
        }
    });
    let cluster = cluster.with_namespace("team-a".parse().unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let states = told.clone();
    let handle = cluster.watch_overview(Scope::All, move |event| {
        if let WatchEvent::Link {
            topic: Topic::Elsewhere,
            state,
        } = event
        {
            states.lock().unwrap().push(state);
        }
    });
    tokio::time::sleep(Duration::from_secs(50)).await;
    let told = told.lock().unwrap();
    let Some((LinkState::Forbidden(last), before)) = told.split_last() else {
        panic!("{told:?}");
    };
    assert!(last.summary.ends_with("than team-a, team-b"), "{last}");
    let is_retried = |state: &LinkState| match state {
        LinkState::Retrying { failure, .. } => failure.summary.contains("shutting down"),
        _ => false,
    };
    assert!(
        !before.is_empty() && before.iter().all(is_retried),
        "{before:?}"
    );
    drop(handle);
}

/// A role that is taken away clears what was seen by it, and what is left of it stays.
#[tokio::test(start_paused = true)]
async fn who_may_not_list_in_all_namespaces_any_more_keeps_the_one_that_is_left() {
    let began = Instant::now();
    let (cluster, _) = mock::cluster(move |seen| {
        let path = seen.uri.split('?').next().unwrap();
        let is_over = began.elapsed() > Duration::from_secs(10);
        let is_everywhere = !path.contains("/namespaces/");
        if path.ends_with("/namespaces") || is_everywhere && is_over {
            return Reply::status(403, "it is forbidden");
        }
        if is_everywhere && path.ends_with("/deployments") {
            let mut other = deployment("db", "1", 1, 2);
            other["metadata"]["namespace"] = json!("team-b");
            let both = [
                line("ADDED", deployment("web", "1", 1, 3)),
                line("ADDED", other),
                bookmark("10", true),
            ];
            return stream(&both, Some(Piece::Pause(Duration::from_secs(20))));
        }
        match seen.resumes_from() {
            Some(_) => stream(&[], Some(Piece::Silence)),
            None => first_list_for(seen),
        }
    });
    let cluster = cluster.with_namespace("team-a".parse().unwrap());
    let fleet = Arc::new(Mutex::new(Fleet::new()));
    let shown = fleet.clone();
    let handle = cluster.watch_overview(Scope::All, move |event| {
        shown.lock().unwrap().apply(event, Timestamp::UNIX_EPOCH);
    });
    let ids = || -> Vec<String> {
        let fleet = fleet.lock().unwrap();
        fleet
            .instances()
            .map(|instance| instance.key().id.to_string())
            .collect()
    };
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(ids(), ["web", "db"]);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(ids(), ["web"]);
    let is_told = fleet
        .lock()
        .unwrap()
        .forbidden()
        .any(|(topic, _)| *topic == Topic::Elsewhere);
    assert!(is_told);
    drop(handle);
}

/// Eight hours later the server has forgotten everything, and every timer is due at the same moment.
#[tokio::test(start_paused = true)]
async fn machine_that_slept_lists_anew_without_a_burst() {
    const ANSWER: Duration = Duration::from_millis(50);
    let woken = Arc::new(Mutex::new(None::<Instant>));
    let (since, n_gone) = (woken.clone(), AtomicUsize::new(0));
    let (cluster, log) = mock::cluster(move |seen| {
        let is_later = since.lock().unwrap().is_some();
        let reply = match seen.resumes_from() {
            // What was known before is forgotten, once a kind.
            Some(_) if is_later && n_gone.fetch_add(1, Ordering::SeqCst) < 5 => {
                Reply::status(410, "too old")
            }
            Some(_) => stream(&[], Some(Piece::Silence)),
            None => first_list_for(seen),
        };
        Reply::Late(ANSWER, Box::new(reply))
    });
    let fleet = Arc::new(Mutex::new(Fleet::new()));
    let shown = fleet.clone();
    let handle =
        cluster.watch_overview(Scope::Namespace("team-a".parse().unwrap()), move |event| {
            shown.lock().unwrap().apply(event, Timestamp::now());
        });
    tokio::time::sleep(Duration::from_secs(15)).await;
    *woken.lock().unwrap() = Some(Instant::now());
    tokio::time::advance(Duration::from_secs(8 * 3600)).await;
    let n_before = log.lock().unwrap().len();
    let resumed = Instant::now();
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(handle);
    let log = log.lock().unwrap();
    let starts: Vec<Instant> = log[n_before..].iter().map(|seen| seen.at).collect();
    for five in starts.windows(5) {
        let within = five[4] - five[0];
        assert!(within >= ANSWER, "5 requests within {within:?}");
    }
    let lists: Vec<_> = log[n_before..]
        .iter()
        .filter(|seen| seen.is_streamed_list())
        .collect();
    let kinds: BTreeSet<_> = lists
        .iter()
        .map(|seen| seen.uri.split('?').next().unwrap())
        .collect();
    assert_eq!(
        (lists.len(), kinds.len()),
        (5, 5),
        "one list a kind: {kinds:?}"
    );
    let last = lists.iter().map(|seen| seen.at).max().unwrap();
    assert!(
        last - resumed < Duration::from_secs(5),
        "{:?}",
        last - resumed
    );
    let fleet = fleet.lock().unwrap();
    assert_eq!(fleet.connection(), crate::service::fleet::Connection::Live);
    assert_eq!(fleet.instances().count(), 1);
}

/// A server comes back after a minute, and everybody's history is too old.
#[tokio::test(start_paused = true)]
async fn many_sessions_do_not_come_back_at_the_same_moment() {
    const N_SESSIONS: usize = 500;
    const LIST: Duration = Duration::from_secs(2);
    let began = Instant::now();
    let (down, up) = (Duration::from_secs(10), Duration::from_secs(70));
    let lists: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let mut sessions = Vec::new();
    for _ in 0..N_SESSIONS {
        let listed = lists.clone();
        let (cluster, _) = mock::cluster(move |seen| {
            let at = seen.at - began;
            match seen.resumes_from() {
                _ if at >= down && at < up => Reply::Refused,
                Some("10") if at >= up => Reply::status(410, "too old"),
                // All streams break at once.
                Some(_) => stream(
                    &[],
                    Some(Piece::Pause(
                        down.saturating_sub(at).max(Duration::from_secs(20)),
                    )),
                ),
                None if at < down => stream(&[bookmark("10", true)], Some(Piece::Pause(down - at))),
                None => {
                    listed.lock().unwrap().push(seen.at);
                    let end = Piece::Bytes(bookmark("20", true).into_bytes());
                    Reply::pieces(200, vec![Piece::Pause(LIST), end, Piece::Silence])
                }
            }
        });
        let namespace = "team-a".parse().unwrap();
        let place = Place::new(Some(&namespace), &Selector::managed());
        let sink: Sink = Arc::new(|_| {});
        let watch = cluster.follow(workloads_of(&place, WorkloadKind::Deployment), &sink);
        sessions.push(tokio::spawn(watch));
    }
    tokio::time::sleep(Duration::from_secs(120)).await;
    sessions.iter().for_each(tokio::task::JoinHandle::abort);
    let mut lists = lists.lock().unwrap().clone();
    lists.sort();
    assert_eq!(lists.len(), N_SESSIONS);
    let spread = lists[N_SESSIONS - 1] - lists[0];
    assert!(spread >= Duration::from_secs(10), "{spread:?}");
    let at_once = |at: &Instant| {
        lists
            .iter()
            .filter(|other| **other <= *at && *at - **other < LIST)
            .count()
    };
    let peak = lists.iter().map(at_once).max().unwrap();
    assert!(peak <= 120, "{peak} lists at once");
}

/// A server with a history: what is asked from a version on is replayed, cut off where the test says.
struct History {
    /// Name and ready count, none for deleted; the version is the index and one more.
    changes: Vec<(&'static str, Option<u32>)>,
    /// How each stream is maimed, in turn.
    faults: Vec<Fault>,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    /// The stream ends after so many bytes.
    Cut(usize),
    /// 410, whatever was asked.
    Gone,
    /// 410 as a status.
    GoneStatus,
    Refused,
    ServerError,
    /// Every line comes twice.
    Twice,
    /// An object is deleted that never was.
    UnknownDeletion,
    /// An event of a type that is not known, and one without a version.
    Strange,
    /// What comes, comes in the wrong order.
    Disordered,
}

impl History {
    fn state(&self) -> BTreeMap<String, u32> {
        let mut state = BTreeMap::new();
        for (name, ready) in &self.changes {
            match ready {
                Some(ready) => state.insert((*name).to_owned(), *ready),
                None => state.remove(*name),
            };
        }
        state
    }

    /// The last change of each object that is there.
    fn latest(&self) -> impl Iterator<Item = usize> {
        let mut latest: BTreeMap<&str, usize> = BTreeMap::new();
        for (idx, (name, ready)) in self.changes.iter().enumerate() {
            match ready {
                Some(_) => latest.insert(name, idx),
                None => latest.remove(name),
            };
        }
        latest.into_values()
    }

    fn object(&self, idx: usize) -> Value {
        let (name, ready) = self.changes[idx];
        deployment(name, &(idx + 1).to_string(), 1, ready.unwrap_or(0))
    }

    fn answer(&self, seen: &Seen, n_seen: usize) -> Reply {
        let fault = self.faults.get(n_seen).copied().unwrap_or(Fault::None);
        match fault {
            Fault::Gone if seen.resumes_from().is_some() => return stream(&[error(410)], None),
            Fault::GoneStatus if seen.resumes_from().is_some() => {
                return Reply::status(410, "too old");
            }
            Fault::Refused => return Reply::Refused,
            Fault::ServerError => return Reply::status(500, "etcd"),
            _ => {}
        }
        if !seen.is_watch() {
            let version = self.changes.len().to_string();
            let items: Vec<_> = self.latest().map(|idx| self.object(idx)).collect();
            let list = json!({"metadata": {"resourceVersion": version}, "items": items});
            return Reply::json(200, list);
        }
        let mut lines = Vec::new();
        match seen.resumes_from() {
            Some(version) => {
                for idx in version.parse::<usize>().unwrap()..self.changes.len() {
                    let (name, ready) = self.changes[idx];
                    let existed = self.changes[..idx]
                        .iter()
                        .rev()
                        .find(|(known, _)| *known == name);
                    let existed = existed.is_some_and(|(_, ready)| ready.is_some());
                    let kind = match (ready, existed) {
                        (None, _) => "DELETED",
                        (Some(_), false) => "ADDED",
                        (Some(_), true) => "MODIFIED",
                    };
                    lines.push(line(kind, self.object(idx)));
                }
            }
            None => {
                lines.extend(self.latest().map(|idx| line("ADDED", self.object(idx))));
                lines.push(bookmark(&self.changes.len().to_string(), true));
            }
        }
        match fault {
            Fault::Twice => {
                lines = lines
                    .iter()
                    .flat_map(|line| [line.clone(), line.clone()])
                    .collect()
            }
            // The end of a list stays its end.
            Fault::Disordered => {
                let n_events = lines.len() - usize::from(seen.is_streamed_list());
                lines[..n_events].reverse();
            }
            Fault::UnknownDeletion => {
                let mut ghost = deployment("ghost", "", 1, 0);
                ghost["metadata"]["resourceVersion"] = json!("");
                lines.push(line("DELETED", ghost));
            }
            Fault::Strange => {
                lines.insert(0, line("SURPRISE", json!({"metadata": {"name": "x"}})));
                lines.push(line(
                    "ADDED",
                    json!({"metadata": {"namespace": "team-a", "name": "plain"}}),
                ));
            }
            _ => {}
        }
        let all = lines.concat().into_bytes();
        let (all, end) = match fault {
            Fault::Cut(len) => (all[..len.min(all.len())].to_vec(), None),
            _ => (all, Some(Piece::Pause(Duration::from_secs(21)))),
        };
        Reply::pieces(200, [Piece::Bytes(all)].into_iter().chain(end).collect())
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::None),
        4 => (0..4000usize).prop_map(Fault::Cut),
        1 => Just(Fault::Gone),
        1 => Just(Fault::GoneStatus),
        1 => Just(Fault::Refused),
        1 => Just(Fault::ServerError),
        1 => Just(Fault::Twice),
        1 => Just(Fault::UnknownDeletion),
        1 => Just(Fault::Strange),
        1 => Just(Fault::Disordered),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to the streams, what is shown ends as what the server has.
    #[test]
    fn store_converges_to_the_servers_state(
        changes in proptest::collection::vec(
            (proptest::sample::select(vec!["a", "b", "c", "d"]), proptest::option::weighted(0.7, 0..4u32)), 0..12),
        later in proptest::collection::vec(
            (proptest::sample::select(vec!["a", "b", "c", "d"]), proptest::option::weighted(0.7, 0..4u32)), 0..8),
        faults in proptest::collection::vec(fault(), 0..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (reported, expected) = runtime.block_on(async {
            let history = Arc::new(Mutex::new(History { changes, faults }));
            let (served, n_seen) = (history.clone(), Mutex::new(0));
            let late = Mutex::new(Some(later));
            let (reported, _) = watch(900, move |seen| {
                let mut history = served.lock().unwrap();
                let mut n_seen = n_seen.lock().unwrap();
                if *n_seen == 3 && let Some(later) = late.lock().unwrap().take() {
                    history.changes.extend(later);
                }
                *n_seen += 1;
                history.answer(seen, *n_seen - 1)
            })
            .await;
            let expected = history.lock().unwrap().state();
            (reported, expected)
        });
        prop_assert_eq!(ready_counts(&reported), expected);
        let links = kinds_of_links(&reported);
        prop_assert_eq!(links.last(), Some(&"live"));
    }
}
