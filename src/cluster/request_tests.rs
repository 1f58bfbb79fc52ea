use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::mock::{self, Log, Piece, Reply};
use super::*;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::rights::PodRights;

fn key(kind: &str, namespace: &str, name: &str) -> ObjectKey {
    let group = match kind {
        "Deployment" => "apps",
        _ => "",
    };
    ObjectKey {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

fn config_map(name: &str) -> Object {
    Object::from_json(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "team-a", "uid": "u1"},
    }))
    .unwrap()
}

fn options() -> ApplyOptions {
    ApplyOptions {
        field_manager: "bowline/web".to_owned(),
        dry_run: false,
        force: false,
    }
}

fn n_requests(log: &Log) -> usize {
    log.lock().unwrap().len()
}

/// A proxy may answer with anything.
#[tokio::test]
async fn what_is_no_object_is_unreadable() {
    for body in [json!([]), json!("text"), json!(7), Value::Null, json!({})] {
        let answer = body.clone();
        let (cluster, _) = mock::cluster(move |_| Reply::json(200, answer.clone()));
        let found = cluster.get_metadata(&key("Pod", "team-a", "web")).await;
        let summary = found.unwrap_err().summary;
        assert!(
            summary.contains("no Kubernetes object"),
            "{body}: {summary}"
        );
    }
}

/// Whatever is asked, and also where it is refused.
#[tokio::test]
async fn every_answer_tells_the_servers_clock() {
    let ahead = jiff::SignedDuration::from_hours(2);
    let server = jiff::Timestamp::now() + ahead;
    let date = jiff::fmt::rfc2822::DateTimePrinter::new();
    let date = date.timestamp_to_rfc9110_string(&server).unwrap();
    let (cluster, _) =
        mock::cluster(move |_| Reply::status(403, "it is forbidden").with_header("date", &date));
    let is_told = |cluster: &Cluster| {
        let difference = cluster.now().duration_since(jiff::Timestamp::now()) - ahead;
        difference.abs() < jiff::SignedDuration::from_secs(60)
    };
    assert!(!is_told(&cluster));
    drop(cluster.get(&key("Pod", "team-a", "web")).await);
    // What is of the same connection knows it too.
    assert!(is_told(&cluster.for_one_look()));
}

#[tokio::test(start_paused = true)]
async fn write_is_never_sent_twice() {
    for reply in [
        Reply::status(503, "overloaded"),
        Reply::status(429, "too many").with_header("retry-after", "1"),
        Reply::status(504, "timed out"),
        Reply::status(500, "etcd"),
        Reply::Refused,
        Reply::Silence,
    ] {
        let (cluster, log) = mock::cluster(move |_| reply.clone());
        let object = config_map("web");
        let patch = json!({});
        let (apply, create, merge, delete) = (
            cluster.apply(&object, &options()).await.unwrap_err(),
            cluster.create(&object, "m", false).await.unwrap_err(),
            cluster
                .merge_patch(&object.key, &patch, "m", None)
                .await
                .unwrap_err(),
            cluster
                .delete(&object.key, "u1", Propagation::Foreground)
                .await
                .unwrap_err(),
        );
        let kinds = [apply, create, merge, delete].map(|failure| failure.kind);
        assert_eq!(kinds, [FailureKind::Unreachable; 4]);
        assert_eq!(n_requests(&log), 4);
    }
}

async fn read_timed(reply: Reply) -> (Result<Option<Object>, Failure>, usize, Duration) {
    let (cluster, log) = mock::cluster(move |_| reply.clone());
    let started = Instant::now();
    let result = cluster.get(&key("ConfigMap", "team-a", "web")).await;
    (result, n_requests(&log), started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn read_is_tried_three_times_where_that_can_help() {
    for (reply, n_tries) in [
        (Reply::status(503, "overloaded"), 3),
        (Reply::status(429, "too many"), 3),
        (Reply::status(500, "etcd"), 3),
        (Reply::status(504, "timed out"), 3),
        (Reply::Refused, 3),
        (Reply::status(403, "no"), 1),
        (Reply::status(422, "invalid"), 1),
        (Reply::Silence, 1),
    ] {
        let (result, n_requests, took) = read_timed(reply.clone()).await;
        assert!(result.is_err());
        assert_eq!(n_requests, n_tries, "{reply:?}");
        assert!(took <= Duration::from_secs(10), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn server_may_ask_for_a_wait_within_the_deadline_only() {
    let asked = |value: &str| Reply::status(429, "wait").with_header("retry-after", value);
    let (_, n_requests, took) = read_timed(asked("2")).await;
    assert_eq!((n_requests, took.as_secs()), (3, 4));
    for too_long in ["3600", "18446744073709551615"] {
        let (_, n_requests, took) = read_timed(asked(too_long)).await;
        assert_eq!((n_requests, took.as_secs()), (1, 0), "{too_long}");
    }
    for strange in [
        "soon",
        "-1",
        "",
        "1e9",
        "99999999999999999999999",
        "Sat, 01 Jan 2028 00:00:00 GMT",
    ] {
        let (_, n_requests, took) = read_timed(asked(strange)).await;
        assert_eq!((n_requests, took.as_secs()), (3, 0), "{strange}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_deadline() {
    let (result, _, took) = read_timed(Reply::Silence).await;
    let expected = "cannot read ConfigMap/web: no answer from the server within 10 s";
    assert_eq!(result.unwrap_err().summary, expected);
    assert_eq!(took.as_secs(), 10);
    let half = Reply::pieces(200, vec![Piece::Bytes(b"{".to_vec()), Piece::Silence]);
    let (result, _, took) = read_timed(half).await;
    assert_eq!(result.unwrap_err().summary, expected);
    assert_eq!(took.as_secs(), 10);
}

/// Reads while an outage is ridden out that is answered so for so long, and returns how that ended and when.
async fn read_riding(reply: Reply, outage: u64, then: Reply) -> (Option<String>, u64, usize) {
    let begun = Instant::now();
    let (cluster, log) = mock::cluster(move |_| match begun.elapsed().as_secs() < outage {
        true => reply.clone(),
        false => then.clone(),
    });
    let cluster = cluster.riding_out(Duration::from_secs(30));
    let result = cluster.get(&key("ConfigMap", "team-a", "web")).await;
    let failure = result.err().map(|failure| failure.summary);
    (failure, begun.elapsed().as_secs(), n_requests(&log))
}

#[tokio::test(start_paused = true)]
async fn an_outage_behind_a_gateway_is_ridden_out_as_any() {
    let there = || Reply::json(200, &config_map("web").json);
    let away = |status| Reply::status(status, "no upstream");
    for reply in [away(502), away(503), away(504), Reply::Refused] {
        let (failure, took, _) = read_riding(reply.clone(), 20, there()).await;
        assert_eq!((failure, took), (None, 20), "{reply:?}");
        let (failure, took, _) = read_riding(reply.clone(), 60, there()).await;
        assert!(failure.is_some(), "{reply:?}");
        assert_eq!(took, 30, "{reply:?}");
    }
    // Whatever the server says itself is no outage.
    let (failure, took, n_requests) = read_riding(away(500), 20, there()).await;
    assert!(failure.is_some());
    assert_eq!((took, n_requests), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_an_outage_is_tried_as_often_as_ever() {
    let busy = Reply::status(429, "too many").with_header("retry-after", "0");
    let (failure, took, n_requests) = read_riding(Reply::Refused, 8, busy).await;
    assert!(failure.is_some());
    // One try a second, and three more.
    assert_eq!((took, n_requests), (8, 8 + 3));
}

#[tokio::test(start_paused = true)]
async fn what_is_away_alone_is_not_ridden_out_for_ever() {
    let (cluster, _) = mock::cluster(|seen| match seen.uri.contains("/web") {
        true => Reply::status(503, "no endpoints"),
        false => Reply::json(200, &config_map("other").json),
    });
    let cluster = cluster.riding_out(Duration::from_secs(30));
    let begun = Instant::now();
    let beats = async {
        loop {
            tokio::time::sleep(Duration::from_secs(3)).await;
            let other = key("ConfigMap", "team-a", "other");
            cluster.get(&other).await.unwrap();
        }
    };
    let web = key("ConfigMap", "team-a", "web");
    tokio::select! {
        result = cluster.get(&web) => assert!(result.is_err()),
        () = beats => unreachable!(),
    }
    assert!(begun.elapsed() <= Duration::from_secs(31));
}

/// Figures of a node, say, are asked for by whoever looks on, as long as they look on.
#[tokio::test(start_paused = true)]
async fn what_is_away_alone_takes_no_time_from_who_rides_out_an_outage_later() {
    let begun = Instant::now();
    let (cluster, _) = mock::cluster(move |seen| match seen.uri.contains("/node") {
        true => Reply::status(503, "no endpoints"),
        false if begun.elapsed().as_secs() < 3610 => Reply::Refused,
        false => Reply::json(200, &config_map("web").json),
    });
    let node = cluster.get(&key("ConfigMap", "team-a", "node")).await;
    assert!(node.is_err());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let rider = cluster.riding_out(Duration::from_secs(30));
    let web = rider.get(&key("ConfigMap", "team-a", "web")).await;
    assert!(web.is_ok(), "{web:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_tells_for_how_long_nobody_answered() {
    let (failure, took, _) = read_riding(Reply::Silence, 60, Reply::Silence).await;
    let expected = "cannot read ConfigMap/web: no answer from the server within 30 s";
    assert_eq!((failure.as_deref(), took), (Some(expected), 30));
}

#[tokio::test(start_paused = true)]
async fn four_requests_are_in_flight_at_most() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (n_now, n_most) = (now.clone(), most.clone());
    let (cluster, log) = mock::cluster(move |_| {
        n_most.fetch_max(1 + n_now.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        Reply::pieces(
            200,
            vec![
                Piece::Pause(Duration::from_millis(100)),
                Piece::Bytes(config_map("web").json.to_string().into_bytes()),
            ],
        )
    });
    let key = key("ConfigMap", "team-a", "web");
    let reads = (0..20).map(|_| async {
        let read = cluster.get(&key).await;
        now.fetch_sub(1, Ordering::SeqCst);
        read
    });
    let reads = futures::future::join_all(reads).await;
    assert!(reads.into_iter().all(|read| read.is_ok()));
    assert_eq!((n_requests(&log), most.load(Ordering::SeqCst)), (20, 4));
}

#[tokio::test]
async fn hostile_names_are_refused_before_anything_is_sent() {
    let (cluster, log) = mock::cluster(|_| Reply::status(200, "reached"));
    let hostile = [
        "x?dryRun=All",
        "../secrets/x",
        "a/exec",
        "a#b",
        "a%2fb",
        "",
        ".",
        "..",
        "a b",
        "a\0b",
        "A",
        "é",
        "x\u{202e}y",
        &"a".repeat(254),
    ];
    for text in hostile {
        for key in [
            key("ConfigMap", "team-a", text),
            key("ConfigMap", text, "web"),
        ] {
            let failures = [
                cluster.get(&key).await.map(|_| ()).unwrap_err(),
                cluster
                    .delete(&key, "u", Propagation::Background)
                    .await
                    .map(|_| ())
                    .unwrap_err(),
                cluster
                    .merge_patch(&key, &json!({}), "m", None)
                    .await
                    .map(|_| ())
                    .unwrap_err(),
            ];
            for failure in failures {
                assert_eq!(failure.kind, FailureKind::Invalid, "{text:?}: {failure}");
                assert!(failure.summary.len() < 600, "{failure}");
            }
        }
        let versioned = ObjectKey {
            version: text.to_owned(),
            ..key("ConfigMap", "team-a", "web")
        };
        if text.len() < 254 {
            assert!(cluster.get(&versioned).await.is_err(), "{text:?}");
        }
    }
    assert_eq!(n_requests(&log), 0);
}

#[tokio::test(start_paused = true)]
async fn strange_answers_make_one_clean_failure() {
    let canary = "hunter2";
    let html = format!(
        "<html>\u{1b}[2J502 Bad Gateway{}</html>",
        "\n<br>".repeat(100)
    );
    for (reply, kind, summary) in [
        (
            Reply::json(502, html),
            FailureKind::Unreachable,
            "the server answered 502 Bad Gateway",
        ),
        (
            Reply::json(200, ""),
            FailureKind::Unreachable,
            "the server's answer is no Kubernetes object",
        ),
        (
            Reply::json(200, format!("{{\"data\": \"{canary}\"")),
            FailureKind::Unreachable,
            "the server's answer is no Kubernetes object",
        ),
        (
            Reply::json(200, format!("\"{canary}\"")),
            FailureKind::Unreachable,
            "the server's answer is no Kubernetes object",
        ),
    ] {
        let failure = read_timed(reply).await.0.unwrap_err();
        assert_eq!(failure.kind, kind);
        assert_eq!(
            failure.summary,
            format!("cannot read ConfigMap/web: {summary}")
        );
        let all = format!("{failure:?}");
        assert!(
            !all.contains(canary) && !all.contains('\u{1b}') && all.len() < 1000,
            "{all}"
        );
    }
}

fn page(names: &[&str], token: Option<&str>) -> Reply {
    let items: Vec<_> = names
        .iter()
        .map(|name| json!({"metadata": {"name": name, "namespace": "team-a"}}))
        .collect();
    Reply::json(
        200,
        json!({"kind": "ConfigMapList", "metadata": {"continue": token}, "items": items}),
    )
}

async fn names(cluster: &Cluster) -> Vec<String> {
    let kind = GroupKind::new("", "ConfigMap");
    let namespace = "team-a".parse().unwrap();
    let listed = cluster
        .list(&kind, Some(&namespace), &Selector::managed())
        .await
        .unwrap();
    listed.into_iter().map(|object| object.key.name).collect()
}

#[tokio::test]
async fn list_comes_in_pages() {
    let (cluster, log) = mock::cluster(|seen| match seen.uri.contains("continue=") {
        false => page(&["a", "b"], Some("next/1")),
        true => page(&["c"], None),
    });
    assert_eq!(names(&cluster).await, ["a", "b", "c"]);
    let base = "/api/v1/namespaces/team-a/configmaps?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dbowline&limit=500";
    let uris: Vec<_> = log
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen.uri.clone())
        .collect();
    assert_eq!(uris, [base.to_owned(), format!("{base}&continue=next%2F1")]);
}

#[tokio::test]
async fn list_whose_pages_expire_begins_again_and_ends_without_pages() {
    let (cluster, log) = mock::cluster(|seen| {
        if !seen.uri.contains("limit=") {
            page(&["a", "b"], None)
        } else if seen.uri.contains("continue=") {
            Reply::status(410, "expired")
        } else {
            page(&["a"], Some("next"))
        }
    });
    assert_eq!(names(&cluster).await, ["a", "b"]);
    assert_eq!(n_requests(&log), 7);
}

#[tokio::test]
async fn delete_is_bound_to_the_uid_and_tells_what_became_of_it() {
    let (cluster, log) = mock::cluster(|seen| match seen.uri.rsplit('/').next().unwrap() {
        "gone" => Reply::json(200, json!({"kind": "Status", "status": "Success"})),
        "held" => Reply::json(
            200,
            json!({"kind": "ConfigMap", "metadata": {"name": "held"}}),
        ),
        "missing" => Reply::status(404, "not found"),
        _ => Reply::status(409, "the UID in the precondition does not match"),
    });
    let delete = async |name: &str| {
        let key = key("ConfigMap", "team-a", name);
        cluster.delete(&key, "u1", Propagation::Foreground).await
    };
    assert_eq!(delete("gone").await, Ok(Deleted::Gone));
    assert_eq!(delete("held").await, Ok(Deleted::Accepted));
    assert_eq!(delete("missing").await, Ok(Deleted::Gone));
    assert_eq!(
        delete("other").await.unwrap_err().kind,
        FailureKind::Conflict
    );
    assert_eq!(log.lock().unwrap()[0].method, http::Method::DELETE);
    let body: serde_json::Value = serde_json::from_str(&log.lock().unwrap()[0].body).unwrap();
    assert_eq!(body["preconditions"], json!({"uid": "u1"}));
    assert_eq!(body["propagationPolicy"], "Foreground");
}

#[tokio::test]
async fn warnings_of_the_server_are_kept() {
    let (cluster, log) = mock::cluster(|_| {
        Reply::json(200, config_map("web").json)
            .with_header("warning", "299 - \"a \\\"b\\\" c\"")
            .with_header("warning", "299 - \"second\"")
    });
    let written = cluster.apply(&config_map("web"), &options()).await.unwrap();
    assert_eq!(written.warnings.len(), 2, "{:?}", written.warnings);
    assert_eq!(written.warnings[1], "second");
    let expected = "/api/v1/namespaces/team-a/configmaps/web?fieldManager=bowline%2Fweb&fieldValidation=Strict";
    assert_eq!(log.lock().unwrap()[0].uri, expected);
}

#[tokio::test]
async fn one_review_of_rules_answers_and_doubts_are_asked_singly() {
    let (cluster, log) = mock::cluster(|seen| {
        if seen.uri.ends_with("selfsubjectrulesreviews") {
            let rules = json!([
                {"verbs": ["get", "list", "patch"], "apiGroups": [""], "resources": ["configmaps"]},
                {"verbs": ["delete"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"]},
                {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]},
                {"verbs": ["*"], "apiGroups": [""], "resources": ["pods", "pods/log", "*/portforward"]},
            ]);
            return Reply::json(201, json!({"status": {"resourceRules": rules}}));
        }
        let allowed = seen.body.contains("\"create\"");
        Reply::json(201, json!({"status": {"allowed": allowed}}))
    });
    let access = |verb, group: &str, kind: &str| Access {
        verb,
        kind: GroupKind::new(group, kind),
        subresource: None,
        namespace: Some("team-a".to_owned()),
        name: None,
    };
    let part = |verb, subresource| Access {
        subresource: Some(subresource),
        ..access(verb, "", "Pod")
    };
    let accesses = [
        access("patch", "", "ConfigMap"),
        access("delete", "apps", "Deployment"),
        access("delete", "", "ConfigMap"),
        access("create", "", "Secret"),
        part("get", "log"),
        part("get", "portforward"),
        part("get", "exec"),
        part("create", "exec"),
    ];
    assert_eq!(
        cluster.can(&accesses).await,
        Ok(vec![true, true, false, true, true, true, false, true])
    );
    assert_eq!(n_requests(&log), 5);
    let asked = log.lock().unwrap().iter().any(|seen| {
        let words = ["\"resource\":\"pods\"", "\"subresource\":\"exec\""];
        words.iter().all(|word| seen.body.contains(word))
    });
    assert!(asked);
}

/// Which verbs are enough is the server's to say: older ones want `get` alone. A right may be to pods of certain names.
#[tokio::test]
async fn connections_are_refused_beforehand_only_where_no_verb_is_allowed() {
    let check = async |verbs: &'static [&str], pod: Option<&str>, expected: Result<(), &str>| {
        let (cluster, _) = mock::cluster(move |seen| {
            let attributes: Value = serde_json::from_str(&seen.body).unwrap();
            let attributes = &attributes["spec"]["resourceAttributes"];
            let is_allowed = verbs.iter().any(|verb| attributes["verb"] == **verb);
            let allowed = is_allowed && attributes["name"] == "db-0";
            Reply::json(201, json!({"status": {"allowed": allowed}}))
        });
        let namespace = "team-a".parse().unwrap();
        let may = cluster.check_may_connect("portforward", &namespace, pod);
        let may = may.await.map_err(|failure| failure.summary);
        assert_eq!(may, expected.map_err(str::to_owned), "{verbs:?} {pod:?}");
    };
    let refusal = "this user may not get and create pods/portforward in team-a";
    for verbs in [&["get", "create"][..], &["get"], &["create"]] {
        check(verbs, Some("db-0"), Ok(())).await;
        check(verbs, Some("web-0"), Err(refusal)).await;
        check(verbs, None, Err(refusal)).await;
    }
    check(&[], Some("db-0"), Err(refusal)).await;
}

/// What is dimmed for all pods must not be allowed to any: whether to the one that is meant, the server says when it is asked.
#[tokio::test]
async fn a_right_to_pods_of_certain_names_is_one() {
    let (cluster, _) = mock::cluster(|seen| {
        if seen.uri.ends_with("selfsubjectrulesreviews") {
            let rules = json!([
                {"verbs": ["get", "create"], "apiGroups": [""], "resources": ["pods/portforward"], "resourceNames": ["db-0"]},
                {"verbs": ["get", "create"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["db-0"]},
            ]);
            return Reply::json(201, json!({"status": {"resourceRules": rules}}));
        }
        Reply::json(201, json!({"status": {"allowed": false}}))
    });
    let rights = cluster.pod_rights(&"team-a".parse().unwrap()).await;
    let expected = PodRights {
        may_exec: false,
        may_forward: true,
    };
    assert_eq!(rights, Ok(expected));
}

/// An instance may be scaled by who may change its own objects alone.
#[tokio::test]
async fn a_right_to_objects_of_certain_names_is_one_to_those() {
    let (cluster, log) = mock::cluster(|seen| {
        if seen.uri.ends_with("selfsubjectrulesreviews") {
            let rules = json!([{"verbs": ["patch"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["bowline-web"]}]);
            return Reply::json(201, json!({"status": {"resourceRules": rules}}));
        }
        // Rules may be incomplete.
        let allowed = seen.body.contains("\"name\":\"also\"");
        Reply::json(201, json!({"status": {"allowed": allowed}}))
    });
    let named = |name: &str| Access {
        verb: "patch",
        kind: GroupKind::new("", "ConfigMap"),
        subresource: None,
        namespace: Some("team-a".to_owned()),
        name: Some(name.to_owned()),
    };
    let all = Access {
        name: None,
        ..named("")
    };
    let accesses = [named("bowline-web"), named("also"), named("other"), all];
    assert_eq!(
        cluster.can(&accesses).await,
        Ok(vec![true, true, false, false])
    );
    // The rules, the kind as a whole once, and two of three names.
    assert_eq!(n_requests(&log), 4);
}

/// A viewer's plan of many objects asks about their kind, not about each.
#[tokio::test]
async fn what_complete_rules_allow_by_no_name_is_asked_once_for_all_names() {
    let check = async |incomplete: bool, n_asked: usize| {
        let (cluster, log) = mock::cluster(move |seen| {
            if seen.uri.ends_with("selfsubjectrulesreviews") {
                let rules = json!([{"verbs": ["get"], "apiGroups": ["*"], "resources": ["*"]}]);
                let status = json!({"resourceRules": rules, "incomplete": incomplete});
                return Reply::json(201, json!({"status": status}));
            }
            Reply::json(201, json!({"status": {"allowed": false}}))
        });
        let named = |name: &str| Access {
            verb: "patch",
            kind: GroupKind::new("", "ConfigMap"),
            subresource: None,
            namespace: Some("team-a".to_owned()),
            name: Some(name.to_owned()),
        };
        let accesses = ["a", "b", "c"].map(named);
        assert_eq!(cluster.can(&accesses).await, Ok(vec![false; 3]));
        assert_eq!(n_requests(&log), n_asked, "{incomplete}");
    };
    check(false, 2).await;
    check(true, 5).await;
}

#[tokio::test]
async fn kinds_beyond_the_built_in_are_discovered_once() {
    let (cluster, log) = mock::cluster(|seen| match seen.uri.as_str() {
        "/api" => Reply::json(200, json!({"kind": "APIGroupDiscoveryList", "items": []})),
        "/apis" => Reply::json(
            200,
            json!({"kind": "APIGroupDiscoveryList", "items": [{
                "metadata": {"name": "example.com"},
                "versions": [
                    {"version": "v2", "resources": [{"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced"}]},
                    {"version": "v1", "resources": [{"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced"}]},
                    {"version": "v1", "resources": [{"resource": "../evil", "responseKind": {"kind": "Evil"}, "scope": "Cluster"}]},
                ],
            }]}),
        ),
        _ => Reply::status(404, "not found"),
    });
    let widget = |kind: &str| ObjectKey {
        group: "example.com".to_owned(),
        version: "v2".to_owned(),
        ..key(kind, "team-a", "w")
    };
    assert_eq!(cluster.get(&widget("Widget")).await, Ok(None));
    assert_eq!(cluster.get(&widget("Widget")).await, Ok(None));
    let failure = cluster.get(&widget("Evil")).await.unwrap_err();
    assert_eq!(
        failure.summary,
        "the server has no kind Evil in example.com"
    );
    let uris: Vec<_> = log
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen.uri.clone())
        .collect();
    let path = "/apis/example.com/v2/namespaces/team-a/widgets/w";
    assert_eq!(uris, ["/api", "/apis", path, path]);
}

/// An aggregated API whose server is away takes its own kinds with it, no other's.
#[tokio::test(start_paused = true)]
async fn group_that_does_not_answer_hides_no_other() {
    let new_form = |uri: &str| match uri {
        "/apis" => {
            let widget = json!({"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced"});
            let items = json!([
                {"metadata": {"name": "broken.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
                {"metadata": {"name": "example.com"}, "versions": [{"version": "v1", "resources": [widget]}]},
            ]);
            Reply::json(
                200,
                json!({"kind": "APIGroupDiscoveryList", "items": items}),
            )
        }
        _ => Reply::json(200, json!({"kind": "APIGroupDiscoveryList", "items": []})),
    };
    let old_form = |uri: &str| match uri {
        "/api" => Reply::json(200, json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/api/v1" => Reply::json(200, json!({"kind": "APIResourceList", "resources": []})),
        "/apis" => {
            let group = |name: &str| json!({"name": name, "preferredVersion": {"version": "v1"}});
            let groups = json!([group("broken.io"), group("example.com")]);
            Reply::json(200, json!({"kind": "APIGroupList", "groups": groups}))
        }
        "/apis/broken.io/v1" => Reply::status(503, "service unavailable"),
        _ => {
            let widget = json!({"name": "widgets", "kind": "Widget", "namespaced": true});
            Reply::json(
                200,
                json!({"kind": "APIResourceList", "resources": [widget]}),
            )
        }
    };
    let forms: [fn(&str) -> Reply; 2] = [new_form, old_form];
    for form in forms {
        let (cluster, _) = mock::cluster(move |seen| match seen.uri.contains("/namespaces/") {
            true => Reply::status(404, "not found"),
            false => form(&seen.uri),
        });
        let key = |group: &str, kind: &str| ObjectKey {
            group: group.to_owned(),
            ..key(kind, "team-a", "w")
        };
        assert_eq!(cluster.get(&key("example.com", "Widget")).await, Ok(None));
        let failure = cluster.get(&key("broken.io", "Gadget")).await.unwrap_err();
        assert_eq!(
            (failure.kind, failure.summary.as_str()),
            (
                FailureKind::Unreachable,
                "the API of broken.io does not answer"
            ),
            "nobody knows whether there is a Gadget"
        );
        let defined = cluster.defined("widgets", "example.com").await.unwrap();
        assert_eq!(defined, Some(GroupKind::new("example.com", "Widget")));
        assert_eq!(cluster.defined("others", "example.com").await, Ok(None));
        assert_eq!(cluster.defined("gadgets", "broken.io").await, Err(failure));
        // The built-in kinds need no discovery.
        assert_eq!(cluster.get(&key("", "ConfigMap")).await, Ok(None));
    }
}

/// Reads, reviews and rehearsals go on; no write leaves this machine.
#[tokio::test]
async fn a_read_only_context_refuses_every_write() {
    let (cluster, log) = mock::cluster(|_| Reply::json(200, config_map("web").json));
    let cluster = cluster.guarded(crate::guard::Guard {
        is_read_only: true,
        is_protected: false,
    });
    let object = config_map("web");
    let rehearsed = ApplyOptions {
        dry_run: true,
        ..options()
    };
    cluster.get(&object.key).await.unwrap();
    cluster.apply(&object, &rehearsed).await.unwrap();
    let n_before = log.lock().unwrap().len();
    let patch = json!({"data": {"k": "v"}});
    let failures = [
        cluster.apply(&object, &options()).await.err(),
        cluster.create(&object, "m", false).await.err(),
        cluster
            .merge_patch(&object.key, &patch, "m", None)
            .await
            .err(),
        cluster
            .delete(&object.key, "u1", Propagation::Background)
            .await
            .err(),
    ];
    for failure in failures {
        assert_eq!(failure.map(|it| it.kind), Some(FailureKind::Refused));
    }
    assert_eq!(log.lock().unwrap().len(), n_before);
}

/// The file of writes: what was sent, not what was only asked about.
#[tokio::test(start_paused = true)]
async fn every_write_is_noted_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Arc::new(crate::audit::Audit::of(
        dir.path(),
        "ann@bastion/7".to_owned(),
    ));
    let (cluster, _) = mock::cluster(|seen| match seen.uri.contains("unanswered") {
        true => Reply::Refused,
        false => Reply::json(200, config_map("web").json),
    });
    let cluster = cluster.audited(Some(audit));
    let object = config_map("web");
    let rehearsed = ApplyOptions {
        dry_run: true,
        ..options()
    };
    let access = Access {
        verb: "patch",
        kind: GroupKind::new("", "Pod"),
        subresource: None,
        namespace: None,
        name: None,
    };
    cluster.apply(&object, &rehearsed).await.unwrap();
    cluster.create(&object, "m", true).await.unwrap();
    cluster.get(&object.key).await.unwrap();
    drop(cluster.can(&[access]).await);
    cluster.apply(&object, &options()).await.unwrap();
    cluster.create(&object, "m", false).await.unwrap();
    cluster
        .merge_patch(&object.key, &json!({"data": {"k": "hunter2"}}), "m", None)
        .await
        .unwrap();
    cluster
        .delete(&object.key, "u1", Propagation::Background)
        .await
        .unwrap();
    cluster
        .apply(&config_map("unanswered"), &options())
        .await
        .unwrap_err();
    let lines = std::fs::read_to_string(dir.path().join("audit.log")).unwrap();
    let noted: Vec<String> = lines
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            format!(
                "{} {} {} {}",
                line["method"], line["path"], line["uid"], line["result"]
            )
            .replace('"', "")
        })
        .collect();
    let path = "/api/v1/namespaces/team-a/configmaps";
    let expected = [
        format!("PATCH {path}/web u1 200"),
        format!("POST {path} u1 200"),
        format!("PATCH {path}/web u1 200"),
        format!("DELETE {path}/web u1 200"),
        format!("PATCH {path}/unanswered null no answer"),
    ];
    assert_eq!(noted, expected);
    assert!(!lines.contains("hunter2"));
}

/// The canary stands where secrets are: in an answer that cannot be read, in a refusal, in what is sent.
#[tokio::test(start_paused = true)]
async fn secrets_never_reach_the_log() {
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("the log works");
    for reply in [
        Reply::json(200, "{\"data\": {\"k\": \"hunter2\"}, "),
        Reply::json(401, "hunter2"),
        Reply::json(200, "hunter2"),
    ] {
        let (cluster, _) = mock::cluster(move |_| reply.clone());
        let mut secret = config_map("web");
        secret.json["stringData"] = json!({"k": "hunter2"});
        let _ = cluster.apply(&secret, &options()).await;
        let _ = cluster.get(&secret.key).await;
    }
    let log = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the log works"));
    assert!(!log.contains("hunter2"), "{log}");
}
