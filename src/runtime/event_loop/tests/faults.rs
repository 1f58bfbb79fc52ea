//! A server that refuses, stalls or disappears: the dashboard goes on with the last data, its age and the reason.

use std::num::NonZeroU16;
use std::sync::Mutex;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::*;
use crate::cluster::mock::{self, Log, Piece, Reply, Seen};

/// Most of it is time that is let pass at once.
const LIMIT: Duration = Duration::from_secs(180);
const DEFINITION: &str = "containers:\n- name: main\n  image: nginx:1.27\n";

/// How the server is doing.
#[derive(Debug, Clone)]
enum Health {
    /// It answers; its streams go on until the gate opens, and break then.
    Up(Arc<Semaphore>),
    /// It takes no connection.
    Refusing,
    /// It takes requests and says nothing.
    Silent,
    /// It answers lists and watches, and nothing else.
    Reading,
}

/// A server that a test makes ill and well again.
#[derive(Clone)]
struct Server(Arc<Mutex<Health>>);

impl Server {
    fn new(health: Health) -> Self {
        Self(Arc::new(Mutex::new(health)))
    }

    /// Becomes another server; the streams that were open break.
    fn becomes(&self, health: Health) {
        let before = std::mem::replace(&mut *self.0.lock().unwrap(), health);
        if let Health::Up(gate) = before {
            gate.add_permits(Semaphore::MAX_PERMITS / 2);
        }
    }

    /// Becomes another server; the streams that were open neither bring anything nor end.
    fn falls_silent(&self) -> Health {
        std::mem::replace(&mut *self.0.lock().unwrap(), Health::Silent)
    }

    fn answer(&self, seen: &Seen) -> Reply {
        match self.0.lock().unwrap().clone() {
            Health::Refusing => Reply::Refused,
            Health::Silent => Reply::Silence,
            Health::Reading if !seen.is_watch() => Reply::Silence,
            Health::Reading => stream(seen, Piece::Silence),
            Health::Up(gate) => stream(seen, Piece::Gate(gate)),
        }
    }
}

fn up() -> Health {
    Health::Up(Arc::new(Semaphore::new(0)))
}

fn stream(seen: &Seen, last: Piece) -> Reply {
    let mut lines = Vec::new();
    if seen.is_streamed_list() {
        if seen.uri.contains("/deployments") {
            lines.push(json!({"type": "ADDED", "object": deployment()}));
        }
        lines.push(json!({"type": "BOOKMARK", "object": end_of_list(seen)}));
    }
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Reply::pieces(
        200,
        vec![Piece::Bytes(lines.into_bytes()), last, Piece::Break],
    )
}

fn deployment() -> Value {
    let container = json!({"name": "main", "image": "nginx:1.27"});
    json!({
        "metadata": {
            "name": "web", "namespace": "default", "uid": "u1", "resourceVersion": "1", "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web"},
        },
        "spec": {"replicas": 3, "template": {"spec": {"containers": [container]}}},
        "status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3},
    })
}

fn end_of_list(seen: &Seen) -> Value {
    let metadata =
        json!({"resourceVersion": "10", "annotations": {"k8s.io/initial-events-end": "true"}});
    match seen.uri.contains("/pods?") {
        true => json!({
            "metadata": {"resourceVersion": "10"},
            "columnDefinitions": null,
            "rows": [{"cells": ["", "", "", "", "", "", ""], "object": {"metadata": metadata}}],
        }),
        false => json!({"metadata": metadata}),
    }
}

/// A dashboard with two definitions, in front of a server.
fn dashboard(server: &Server) -> (Rig, Log) {
    let answering = server.clone();
    let (cluster, log) = mock::cluster(move |seen| answering.answer(seen));
    let connect = Arc::new(move |_| {
        let cluster = cluster.clone();
        Box::pin(async move { Ok(cluster) }) as _
    });
    let definitions = [("notebook", DEFINITION), ("web", DEFINITION)];
    (Rig::connecting(&definitions, None, connect), log)
}

impl Frames {
    /// What the terminal shows.
    fn screen(&self) -> String {
        let size = |cells| NonZeroU16::new(cells).unwrap();
        let mut parser = vt100::Parser::new(size(24), size(80), 0);
        parser.process(&self.0.lock().unwrap().concat());
        parser.screen().contents()
    }
}

impl Hands {
    /// Waits until the screen is as it should be, and returns it.
    async fn shows(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let screen = self.frames.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(began.elapsed().as_secs() < 15, "never {what}:\n{screen}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The keyboard is heard, whatever the network does.
    async fn hears_keys(&self) {
        self.press(KeyCode::Char('?')).await;
        self.shows("help", |screen| screen.contains("Keys")).await;
        self.press(KeyCode::Esc).await;
        self.shows("the list again", |screen| !screen.contains("Keys"))
            .await;
    }
}

/// Lets time pass for the client without waiting for it.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

fn row<'a>(screen: &'a str, id: &str) -> &'a str {
    let mut rows = screen.lines().filter(|line| line.contains(id));
    rows.next().unwrap_or_default()
}

fn n_lists(log: &Log) -> usize {
    let log = log.lock().unwrap();
    log.iter()
        .filter(|seen| seen.is_streamed_list() && seen.uri.contains("/deployments"))
        .count()
}

#[tokio::test]
async fn server_that_refuses_from_the_start_leaves_what_is_known_here_and_is_tried_again() {
    let server = Server::new(Health::Refusing);
    let (mut rig, _) = dashboard(&server);
    let ended = rig
        .run_within(LIMIT, |hands| async move {
            let screen = hands
                .shows("refused", |screen| {
                    screen.contains("connection refused") && screen.contains("retrying")
                })
                .await;
            assert!(screen.contains("no data yet"), "{screen}");
            assert!(!row(&screen, "notebook").is_empty(), "{screen}");
            hands.hears_keys().await;
            server.becomes(up());
            pass(31).await;
            let screen = hands.shows("live", |screen| screen.contains("live")).await;
            assert!(row(&screen, "web ").contains("Ready"), "{screen}");
            hands.quit().await;
        })
        .await;
    assert_eq!(ended, Ended::Quit);
}

/// Our clock is months away from the server's, and what was made a moment ago is as old as the server says.
#[tokio::test]
async fn ages_are_told_by_the_servers_clock() {
    let (cluster, _) = mock::cluster(|seen| {
        stream(seen, Piece::Silence).with_header("date", "Thu, 01 Jan 2026 00:00:40 GMT")
    });
    let connect = Arc::new(move |_| {
        let cluster = cluster.clone();
        Box::pin(async move { Ok(cluster) }) as _
    });
    let mut rig = Rig::connecting(&[("web", DEFINITION)], None, connect);
    let ended = rig
        .run_within(LIMIT, |hands| async move {
            // Seconds or, on a machine that was busy meanwhile, minutes.
            let is_its_age = |word: &str| match word.split_once('m') {
                Some((minutes, _)) => minutes.parse::<u32>().is_ok(),
                None => {
                    let seconds = word.strip_suffix('s').map(str::parse::<u32>);
                    matches!(seconds, Some(Ok(40..)))
                }
            };
            hands
                .shows("its age", |screen| {
                    row(screen, "web ").split_whitespace().any(is_its_age)
                })
                .await;
            hands.quit().await;
        })
        .await;
    assert_eq!(ended, Ended::Quit);
}

#[tokio::test]
async fn server_that_disappears_leaves_the_rows_their_age_and_the_reason() {
    let server = Server::new(up());
    let (mut rig, log) = dashboard(&server);
    let ended = rig
        .run_within(LIMIT, |hands| async move {
            hands
                .shows("live", |screen| {
                    screen.contains("live") && row(screen, "web ").contains("3/3")
                })
                .await;
            server.becomes(Health::Refusing);
            let screen = hands
                .shows("the reason", |screen| {
                    screen.contains("connection refused") && screen.contains(" old")
                })
                .await;
            assert!(row(&screen, "web ").contains("3/3"), "{screen}");
            assert!(!screen.contains("live"), "{screen}");
            hands.hears_keys().await;
            server.becomes(up());
            pass(31).await;
            hands
                .shows("live again", |screen| screen.contains("live"))
                .await;
            hands.quit().await;
        })
        .await;
    assert_eq!((ended, n_lists(&log)), (Ended::Quit, 1));
}

#[tokio::test]
async fn server_that_falls_silent_is_noticed_and_leaves_the_rows_their_age_and_the_reason() {
    let server = Server::new(up());
    let (mut rig, log) = dashboard(&server);
    let asked = log.clone();
    let ended = rig
        .run_within(LIMIT, |hands| async move {
            hands
                .shows("live", |screen| {
                    screen.contains("live") && row(screen, "web ").contains("3/3")
                })
                .await;
            let open = server.falls_silent();
            hands.hears_keys().await;
            // The streams were open: their end is due by then, and what follows them is not answered either.
            let n_before = asked.lock().unwrap().len();
            pass(30).await;
            let is_asked = |_: &str| asked.lock().unwrap().len() > n_before;
            hands.shows("another attempt", is_asked).await;
            pass(11).await;
            let screen = hands
                .shows("the reason", |screen| {
                    screen.contains("no answer from the server") && screen.contains(" old")
                })
                .await;
            assert!(row(&screen, "web ").contains("3/3"), "{screen}");
            hands.hears_keys().await;
            server.becomes(open);
            pass(31).await;
            hands
                .shows("live again", |screen| screen.contains("live"))
                .await;
            hands.quit().await;
        })
        .await;
    assert_eq!(ended, Ended::Quit);
}

#[tokio::test]
async fn plan_that_is_not_answered_can_be_left_and_was_asked_for_once() {
    let server = Server::new(Health::Reading);
    let (mut rig, log) = dashboard(&server);
    let asked = log.clone();
    let ended = rig
        .run_within(LIMIT, |hands| async move {
            hands
                .shows("live", |screen| {
                    screen.contains("live") && row(screen, "web ").contains("3/3")
                })
                .await;
            let n_asked = || {
                let asked = asked.lock().unwrap();
                asked.iter().filter(|seen| !seen.is_watch()).count()
            };
            let n_before = n_asked();
            hands.press(KeyCode::Char('a')).await;
            hands
                .shows("the review", |screen| {
                    !screen.contains("Services") && n_asked() > n_before
                })
                .await;
            pass(9).await;
            hands.press(KeyCode::Esc).await;
            hands
                .shows("the list again", |screen| screen.contains("Services"))
                .await;
            hands.quit().await;
        })
        .await;
    assert_eq!(ended, Ended::Quit);
    let log = log.lock().unwrap();
    let mut asked: Vec<_> = log
        .iter()
        .filter(|seen| !seen.is_watch())
        .map(|seen| (&seen.method, &seen.uri, &seen.body))
        .collect();
    // Whether the namespace is protected was asked before, when the connection was made.
    let namespace = "/api/v1/namespaces/default";
    let first = asked.iter().position(|(_, uri, _)| *uri == namespace);
    asked.remove(first.unwrap());
    let n_asked = asked.len();
    asked.sort_by_key(|(method, uri, body)| (method.as_str(), *uri, *body));
    asked.dedup();
    assert_eq!(asked.len(), n_asked, "{asked:?}");
}

/// A dashboard that may go from one server to another, with what each of them was asked.
fn between(dev: &Server, prod: &Server) -> (Rig, [Log; 2]) {
    let cluster = |name: &str, server: &Server| {
        let answering = server.clone();
        mock::named(name, move |seen| answering.answer(seen))
    };
    let ((dev, of_dev), (prod, of_prod)) = (cluster("dev", dev), cluster("prod", prod));
    let connect = Arc::new(move |context: Option<String>| {
        let cluster = match context.as_deref() {
            Some("prod") => prod.clone(),
            _ => dev.clone(),
        };
        Box::pin(async move { Ok(cluster) }) as _
    });
    let rig = Rig::connecting(&[("web", DEFINITION)], None, connect);
    (rig, [of_dev, of_prod])
}

#[tokio::test]
async fn other_context_is_shown_at_once_whether_it_or_the_one_before_is_dead() {
    let (dev, prod) = (Server::new(up()), Server::new(Health::Silent));
    let (mut rig, [of_dev, _]) = between(&dev, &prod);
    let ended = rig
        .run_within(LIMIT, |hands| async move {
            hands
                .shows("dev", |screen| {
                    screen.contains("live") && row(screen, "web ").contains("3/3")
                })
                .await;
            hands.press(KeyCode::Char('c')).await;
            hands
                .shows("contexts", |screen| screen.contains("prod"))
                .await;
            for letter in "prod".chars() {
                hands.press(KeyCode::Char(letter)).await;
            }
            hands.press(KeyCode::Enter).await;
            // It does not answer, and nothing of the other one is shown under its name.
            let screen = hands
                .shows("prod", |screen| {
                    screen.contains("prod") && screen.contains("connecting")
                })
                .await;
            assert!(!row(&screen, "web ").contains("3/3"), "{screen}");
            hands.hears_keys().await;
            // Nobody asks the other one any more, whose streams would all have ended by now.
            let n_asked = of_dev.lock().unwrap().len();
            pass(60).await;
            hands
                .shows("the reason", |screen| screen.contains("no answer"))
                .await;
            assert_eq!(of_dev.lock().unwrap().len(), n_asked);
            dev.becomes(Health::Silent);
            prod.becomes(up());
            pass(31).await;
            let screen = hands.shows("prod", |screen| screen.contains("live")).await;
            assert!(
                screen.contains("prod") && row(&screen, "web ").contains("3/3"),
                "{screen}"
            );
            hands.quit().await;
        })
        .await;
    assert_eq!(ended, Ended::Quit);
}

#[tokio::test]
async fn definition_that_anybody_may_write_is_not_even_planned() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::new(up());
    let (mut rig, log) = dashboard(&server);
    let file = rig.dir.path().join("catalogue/notebook.yaml");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let ended = rig
        .run_within(LIMIT, |hands| async move {
            hands
                .shows("live", |screen| {
                    screen.contains("live") && row(screen, "web ").contains("3/3")
                })
                .await;
            hands.press(KeyCode::Char('a')).await;
            hands
                .shows("why", |screen| {
                    let lines = screen.replace('│', " ");
                    let words: Vec<_> = lines.split_whitespace().collect();
                    words
                        .join(" ")
                        .contains("anybody on this machine may write")
                })
                .await;
            hands.press(KeyCode::Esc).await;
            hands
                .shows("the list again", |screen| screen.contains("Services"))
                .await;
            hands.quit().await;
        })
        .await;
    assert_eq!(ended, Ended::Quit);
    // Which cluster it is and what may be done there was asked when the connection was made.
    let is_first = |seen: &Seen| {
        let known = ["/namespaces/kube-system", "authorization.k8s.io"];
        let is_known = known.iter().any(|part| seen.uri.contains(part));
        is_known || seen.uri == "/api/v1/namespaces/default"
    };
    let log = log.lock().unwrap();
    assert!(log.iter().all(|seen| seen.is_watch() || is_first(seen)));
}
