use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::*;
use crate::cluster::mock::{self, Log, Piece, Reply};
use crate::failure::FailureKind;

fn instance() -> InstanceKey {
    InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: "web".parse().unwrap(),
    }
}

fn pod(name: &str, restarts: u32, state: Value) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "team-a", "uid": format!("uid-{name}"), "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web"}},
        "spec": {"containers": [{"name": "main", "image": "i"}]},
        "status": {"phase": "Running", "containerStatuses": [
            {"name": "main", "restartCount": restarts, "state": state}]},
    })
}

fn running() -> Value {
    json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}})
}

fn ended() -> Value {
    json!({"terminated": {"exitCode": 1, "reason": "Error"}})
}

fn list(pods: &[Value]) -> Reply {
    let items: Vec<_> = pods.to_vec();
    Reply::json(
        200,
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items}),
    )
}

fn change(kind: &str, object: &Value) -> Piece {
    let line = json!({"type": kind, "object": object});
    Piece::Bytes(format!("{line}\n").into_bytes())
}

/// What a watch begins with: these pods, and that there are no others.
fn streamed(pods: &[Value]) -> Vec<Piece> {
    let mut pieces: Vec<_> = pods.iter().map(|pod| change("ADDED", pod)).collect();
    let end = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": "8",
        "annotations": {"k8s.io/initial-events-end": "true"}}});
    pieces.push(change("BOOKMARK", &end));
    pieces
}

/// Lines of a log, each by the nanosecond in which it was said and its text.
fn said(lines: &[(u32, &str)]) -> Piece {
    let line = |(at, text): &(u32, &str)| format!("2026-01-01T00:00:05.{at:09}Z {text}\n");
    Piece::Bytes(lines.iter().map(line).collect::<String>().into_bytes())
}

/// Takes events until there were so many lines, and returns those; others are shown too.
async fn lines(stream: &mut LogStream, n_lines: usize) -> Vec<String> {
    let (mut shown, mut n_taken) = (Vec::new(), 0);
    while n_taken < n_lines {
        match stream.next().await {
            Some(LogEvent::Line(line)) => {
                n_taken += 1;
                shown.push(format!("{} {}", line.source.pod, line.text));
            }
            Some(LogEvent::Back { .. }) => {}
            other => shown.push(format!("{other:?}")),
        }
    }
    shown
}

/// Takes everything to the end.
async fn all(mut stream: LogStream) -> Vec<LogEvent> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    events
}

fn queries(log: &Log) -> Vec<String> {
    let seen = log.lock().unwrap();
    let logs = seen.iter().filter_map(|seen| seen.uri.split_once("/log?"));
    logs.map(|(_, query)| query.to_owned()).collect()
}

/// A server with pods, whose logs answer one after the other.
fn server(
    pods: Vec<Value>,
    watched: Vec<Piece>,
    answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
) -> (Cluster, Log) {
    let n_logs = AtomicUsize::new(0);
    mock::cluster(move |seen| {
        if seen.uri.contains("/log?") {
            return answer(n_logs.fetch_add(1, Ordering::Relaxed), &seen.uri);
        }
        if seen.is_watch() {
            return Reply::pieces(200, watched.clone());
        }
        list(&pods)
    })
}

fn pouring(pieces: Vec<Piece>) -> Reply {
    Reply::pieces(200, pieces)
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_goes_on_where_it_broke() {
    let past = [(1, "a"), (2, "b"), (2, "c")];
    let then = [&past[..], &[(2, "d"), (3, "e")]].concat();
    let last = [&then[..], &[(3, "e"), (4, "f")]].concat();
    let (cluster, log) = server(
        vec![pod("web-0", 0, running())],
        [
            streamed(&[pod("web-0", 0, running())]),
            vec![Piece::Silence],
        ]
        .concat(),
        move |nth, _| match nth {
            0 => pouring(vec![said(&past)]),
            // The beginning of a line does not count.
            1 => {
                let part = Piece::Bytes(b"2026-01-01T00:00:05.000000003Z e".to_vec());
                pouring(vec![said(&then), part, Piece::Break])
            }
            2 => Reply::Refused,
            _ => pouring(vec![said(&last), Piece::Silence]),
        },
    );
    let query = LogQuery {
        tail: Some(3),
        since: Some(std::time::Duration::from_millis(1500)),
        ..LogQuery::default()
    };
    let pods = cluster.pods(&instance()).await.unwrap();
    let mut stream = cluster.follow_logs(&instance(), pods, query, 9);
    let mut shown = lines(&mut stream, 7).await;
    // The second failure in a row is told.
    shown.retain(|line| !line.contains("Lost"));
    let expected = ["a", "b", "c", "d", "e", "e", "f"].map(|text| format!("web-0 {text}"));
    assert_eq!(shown, expected);
    let common = "container=main&timestamps=true";
    let again = format!("{common}&follow=true&sinceTime=2026-01-01T00%3A00%3A05Z");
    assert_eq!(
        queries(&log),
        [
            format!("{common}&sinceSeconds=2&tailLines=3"),
            again.clone(),
            again.clone(),
            again
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_there_is_comes_in_the_order_of_time() {
    let pods = vec![
        pod("web-0", 0, running()),
        pod("web-1", 0, running()),
        pod(
            "web-2",
            0,
            json!({"waiting": {"reason": "ContainerCreating"}}),
        ),
    ];
    let (cluster, _) = server(pods, Vec::new(), |_, uri| {
        let second = uri.contains("sinceTime");
        match (uri.contains("web-0"), second) {
            (true, _) => pouring(vec![said(&[(1, "a"), (4, "d")]), said(&[(5, "e")])]),
            (false, false) => pouring(vec![said(&[(2, "b")]), Piece::Break]),
            (false, true) => pouring(vec![said(&[(2, "b"), (3, "c"), (6, "f")])]),
        }
    });
    let pods = cluster.pods(&instance()).await.unwrap();
    let events = all(cluster.read_logs(&instance(), pods, LogQuery::default(), 9)).await;
    let shown: Vec<String> = events
        .into_iter()
        .map(|event| match event {
            LogEvent::Line(line) => format!("{} {}", line.source, line.text),
            LogEvent::Silent { source, why } => format!("{source} {why}"),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = [
        "web-2/main has not started: ContainerCreating",
        "web-0/main a",
        "web-1/main b",
        "web-1/main c",
        "web-0/main d",
        "web-0/main e",
        "web-1/main f",
    ];
    assert_eq!(shown, expected);
}

#[tokio::test(start_paused = true)]
async fn pods_that_come_are_joined_and_every_run_is_read_once() {
    let gate = Arc::new(Semaphore::new(0));
    let watched = [
        streamed(&[pod("web-0", 0, running())]),
        vec![
            Piece::Gate(gate.clone()),
            change("MODIFIED", &pod("web-0", 0, ended())),
            Piece::Pause(std::time::Duration::from_secs(1)),
            change("MODIFIED", &pod("web-0", 1, running())),
            change("ADDED", &pod("web-1", 0, running())),
            Piece::Silence,
        ],
    ]
    .concat();
    let runs = Arc::new(std::sync::Mutex::new(0));
    let (cluster, _) = server(vec![pod("web-0", 0, running())], watched, move |_, uri| {
        if uri.contains("web-1") {
            return pouring(vec![said(&[(50, "new pod")]), Piece::Silence]);
        }
        let mut runs = runs.lock().unwrap();
        *runs += 1;
        match *runs {
            1 => pouring(vec![said(&[(1, "past")])]),
            2 => pouring(vec![said(&[(1, "past"), (2, "first run")])]),
            // What was said between the end of the stream and the end of the run.
            3 => pouring(vec![said(&[(1, "past"), (2, "first run"), (3, "its end")])]),
            _ => pouring(vec![said(&[(9, "second run")]), Piece::Silence]),
        }
    });
    let pods = cluster.pods(&instance()).await.unwrap();
    let mut stream = cluster.follow_logs(&instance(), pods, LogQuery::default(), 9);
    assert_eq!(
        lines(&mut stream, 2).await,
        ["web-0 past", "web-0 first run"]
    );
    gate.add_permits(1);
    let mut rest = lines(&mut stream, 3).await;
    rest.sort();
    assert_eq!(rest, ["web-0 its end", "web-0 second run", "web-1 new pod"]);
}

#[tokio::test(start_paused = true)]
async fn one_pod_is_followed_alone_and_so_is_the_next_of_its_name() {
    let gate = Arc::new(Semaphore::new(0));
    let again = || {
        let mut again = pod("web-0", 0, running());
        again["metadata"]["uid"] = json!("uid-again");
        again
    };
    let both = || [pod("web-0", 0, running()), pod("web-1", 0, running())];
    let watched = [
        streamed(&both()),
        vec![
            Piece::Gate(gate.clone()),
            change("DELETED", &pod("web-0", 0, running())),
            change("ADDED", &again()),
            Piece::Silence,
        ],
    ]
    .concat();
    let (cluster, log) = server(both().to_vec(), watched, |nth, _| match nth {
        0 => pouring(vec![said(&[(1, "past")])]),
        1 => pouring(vec![said(&[(1, "past"), (2, "now")]), Piece::Silence]),
        _ => pouring(vec![said(&[(9, "again")]), Piece::Silence]),
    });
    let query = LogQuery {
        pod: Some("web-0".to_owned()),
        ..LogQuery::default()
    };
    let pods = cluster.pods(&instance()).await.unwrap();
    let mut stream = cluster.follow_logs(&instance(), pods, query, 9);
    assert_eq!(lines(&mut stream, 2).await, ["web-0 past", "web-0 now"]);
    gate.add_permits(1);
    assert_eq!(lines(&mut stream, 1).await, ["web-0 again"]);
    let seen = log.lock().unwrap();
    assert!(seen.iter().all(|seen| !seen.uri.contains("web-1/log")));
}

#[tokio::test(start_paused = true)]
async fn no_more_logs_are_read_at_once_than_may_be() {
    let pods = || ["web-2", "web-1", "web-0"].map(|name| pod(name, 0, running()));
    let gate = Arc::new(Semaphore::new(0));
    let watched = [
        streamed(&pods()),
        vec![
            Piece::Gate(gate.clone()),
            change("DELETED", &pods()[0]),
            change("MODIFIED", &pods()[1]),
            Piece::Pause(std::time::Duration::from_secs(10)),
            change("MODIFIED", &pods()[1]),
            Piece::Silence,
        ],
    ]
    .concat();
    let (cluster, log) = server(pods().to_vec(), watched, |_, uri| {
        let is_past = !uri.contains("follow=true");
        match (uri.contains("web-0"), is_past) {
            (true, true) => pouring(vec![said(&[(1, "last")])]),
            (false, true) => pouring(vec![said(&[(1, "past")])]),
            (_, false) => pouring(vec![Piece::Silence]),
        }
    });
    let query = || LogQuery {
        tail: Some(1),
        ..LogQuery::default()
    };
    let found = async || cluster.pods(&instance()).await.unwrap();
    let events = all(cluster.read_logs(&instance(), found().await, query(), 2)).await;
    let silent = |why: &str| LogEvent::Silent {
        source: Arc::new(LogSource {
            pod: "web-0".to_owned(),
            container: "main".to_owned(),
        }),
        why: why.to_owned(),
    };
    assert_eq!(events[0], silent("is not read, as 2 others are"));
    assert_eq!((events.len(), queries(&log).len()), (3, 2));

    let mut stream = cluster.follow_logs(&instance(), found().await, query(), 2);
    let mut shown = lines(&mut stream, 2).await;
    shown.sort();
    assert_eq!(shown, ["web-1 past", "web-2 past"]);
    // Those that were read are followed, and what was left is read when there is room for it, as far back as was wanted.
    let told = stream.next().await;
    assert_eq!(told, Some(silent("is not followed, as 2 others are")));
    gate.add_permits(1);
    assert_eq!(lines(&mut stream, 1).await, ["web-0 last"]);
    let seen = log.lock().unwrap();
    let first = seen.iter().find(|seen| seen.uri.contains("web-0/log"));
    assert!(first.is_some_and(|seen| seen.uri.contains("tailLines=1")));
}

#[tokio::test(start_paused = true)]
async fn pods_that_have_ended_make_room_for_others() {
    let done = |name: &str| {
        let mut pod = pod(name, 0, ended());
        pod["status"]["phase"] = json!("Succeeded");
        pod
    };
    let pods = || {
        [
            done("web-0"),
            done("web-1"),
            done("web-2"),
            pod("web-3", 0, running()),
        ]
    };
    let watched = [streamed(&pods()), vec![Piece::Silence]].concat();
    let (cluster, _) = server(pods().to_vec(), watched, |_, uri| {
        let last = match uri.contains("follow=true") {
            true => vec![Piece::Silence],
            false => Vec::new(),
        };
        pouring([vec![said(&[(1, "a")])], last].concat())
    });
    let found = cluster.pods(&instance()).await.unwrap();
    let events = all(cluster.read_logs(&instance(), found.clone(), LogQuery::default(), 1)).await;
    let silent = |pod: &str, why: &str| LogEvent::Silent {
        source: Arc::new(LogSource {
            pod: pod.to_owned(),
            container: "main".to_owned(),
        }),
        why: why.to_owned(),
    };
    let expected = "is not read, nor are 2 more, as another one is";
    assert_eq!(events[0], silent("web-1", expected));

    let mut stream = cluster.follow_logs(&instance(), found, LogQuery::default(), 1);
    assert_eq!(lines(&mut stream, 1).await, ["web-0 a"]);
    let told = stream.next().await;
    let expected = "is not followed, nor is 1 more, as another one is";
    assert_eq!(told, Some(silent("web-2", expected)));
    let shown = lines(&mut stream, 3).await;
    assert_eq!(shown, ["web-1 a", "web-2 a", "web-3 a"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_wanted_of_the_past_still_tells_from_where_to_go_on() {
    let (cluster, log) = server(
        vec![pod("web-0", 0, running())],
        [
            streamed(&[pod("web-0", 0, running())]),
            vec![Piece::Silence],
        ]
        .concat(),
        |nth, _| match nth {
            0 => pouring(vec![said(&[(1, "old")])]),
            _ => pouring(vec![said(&[(1, "old"), (2, "new")]), Piece::Silence]),
        },
    );
    let query = LogQuery {
        tail: Some(0),
        ..LogQuery::default()
    };
    let pods = cluster.pods(&instance()).await.unwrap();
    let mut stream = cluster.follow_logs(&instance(), pods, query, 9);
    assert_eq!(lines(&mut stream, 1).await, ["web-0 new"]);
    assert!(queries(&log)[0].ends_with("tailLines=1"));
}

#[tokio::test(start_paused = true)]
async fn a_moment_is_asked_for_by_its_second() {
    let (cluster, log) = server(vec![pod("web-0", 0, running())], Vec::new(), |_, _| {
        pouring(vec![said(&[(2, "new")])])
    });
    let query = LogQuery {
        since_time: "2026-01-01T00:00:01.9Z".parse().ok(),
        ..LogQuery::default()
    };
    let pods = cluster.pods(&instance()).await.unwrap();
    let mut stream = cluster.read_logs(&instance(), pods, query, 9);
    assert_eq!(lines(&mut stream, 1).await, ["web-0 new"]);
    let wanted = "container=main&timestamps=true&sinceTime=2026-01-01T00%3A00%3A01Z";
    assert_eq!(queries(&log), [wanted]);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_connection_is_made_anew_without_a_word() {
    let (cluster, log) = server(
        vec![pod("web-0", 0, running())],
        [
            streamed(&[pod("web-0", 0, running())]),
            vec![Piece::Silence],
        ]
        .concat(),
        |nth, _| match nth {
            0 => pouring(Vec::new()),
            1 => Reply::Silence,
            2 => pouring(vec![Piece::Silence]),
            _ => pouring(vec![said(&[(1, "at last")]), Piece::Silence]),
        },
    );
    let pods = cluster.pods(&instance()).await.unwrap();
    let mut stream = cluster.follow_logs(&instance(), pods, LogQuery::default(), 9);
    // The watch of the pods is quiet for longer than a watch may be; that is another matter.
    let shown = lines(&mut stream, 1).await;
    assert_eq!(shown.last().unwrap(), "web-0 at last");
    assert!(shown.iter().all(|it| !it.contains("main")), "{shown:?}");
    assert_eq!(queries(&log).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_to_be_heard_is_not_read_ahead() {
    let text = "x".repeat(1000);
    let pieces: Vec<_> = (0..1000).map(|_| said(&[(1, &text)])).collect();
    let gate = Arc::new(Semaphore::new(0));
    let pieces = [pieces, vec![Piece::Gate(gate.clone())]].concat();
    let (cluster, _) = server(vec![pod("web-0", 0, ended())], Vec::new(), move |_, _| {
        pouring(pieces.clone())
    });
    let pods = cluster.pods(&instance()).await.unwrap();
    let mut stream = cluster.read_logs(&instance(), pods, LogQuery::default(), 9);
    assert!(stream.next().await.is_some());
    // Whoever reads takes a step whenever it can.
    for _ in 0..5000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stream.events.len(), BUFFER);
    gate.add_permits(1);
    assert_eq!(all(stream).await.len(), 999);
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_and_what_fails_is_told() {
    let check = async |status: u16, expected: FailureKind, n_asked: usize| {
        let (cluster, log) = server(vec![pod("web-0", 0, running())], Vec::new(), move |_, _| {
            Reply::status(status, "no")
        });
        let pods = cluster.pods(&instance()).await.unwrap();
        let events = all(cluster.read_logs(&instance(), pods, LogQuery::default(), 9)).await;
        let kinds: Vec<_> = events
            .iter()
            .map(|event| match event {
                LogEvent::Failed { failure, .. } => Some((failure.kind, failure.summary.as_str())),
                _ => None,
            })
            .collect();
        let summary = "cannot read the log of web-0/main: no";
        assert_eq!(kinds, [Some((expected, summary))]);
        assert_eq!(queries(&log).len(), n_asked);
    };
    check(403, FailureKind::Forbidden, 1).await;
    check(400, FailureKind::Invalid, 1).await;
    check(500, FailureKind::Unreachable, 3).await;
}
