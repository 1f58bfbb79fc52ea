mod handshakes;
mod proxies;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::definition::object::ObjectKey;

/// A directory with files in it.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }
}

const CONFIG: &str = "
current-context: dev
contexts:
- {name: dev, context: {cluster: c, user: u, namespace: team-a}}
- {name: other, context: {cluster: c, user: nobody}}
- {name: lost, context: {cluster: nowhere, user: u}}
clusters:
- {name: c, cluster: {server: 'https://10.0.0.1:6443'}}
- {name: bare, cluster: {}}
users:
- {name: u, user: {token: hunter2}}
";

fn choose(paths: &[PathBuf], context: Option<&str>) -> Result<Chosen, String> {
    let chosen = Kubeconfigs::read(paths, true).and_then(|all| all.choose(context));
    chosen.map_err(|failure| failure.summary)
}

/// Writes a kubeconfig and returns why its context cannot be chosen, the file called `FILE`.
fn refusal(text: &str, context: Option<&str>) -> String {
    let files = Files::new();
    let path = files.write("config", text);
    let refusal = choose(std::slice::from_ref(&path), context).unwrap_err();
    refusal.replace(&path.display().to_string(), "FILE")
}

#[test]
fn chosen_context_names_everything() {
    let files = Files::new();
    let chosen = choose(&[files.write("config", CONFIG)], None).unwrap();
    assert_eq!(chosen.context, "dev");
    assert_eq!(chosen.server.to_string(), "https://10.0.0.1:6443/");
    assert_eq!(chosen.namespace.unwrap().as_str(), "team-a");
    assert_eq!(chosen.user_name, "u");
    assert!(chosen.is_user_trusted);
}

#[test]
fn refusals_name_file_and_key() {
    let names = "there are: dev, other, lost";
    assert_eq!(
        refusal(CONFIG, Some("x")),
        format!("FILE: --context \"x\" is no context; {names}")
    );
    let dangling = CONFIG.replace("current-context: dev", "current-context: gone");
    assert_eq!(
        refusal(&dangling, None),
        format!("FILE: current-context \"gone\" is no context; {names}")
    );
    let unset = CONFIG.replace("current-context: dev", "");
    assert_eq!(
        refusal(&unset, None),
        "FILE: current-context is not set; choose one with --context (dev, other, lost)"
    );
    assert_eq!(
        refusal("", None),
        "FILE: current-context is not set; choose one with --context (none)"
    );
    assert_eq!(
        refusal(CONFIG, Some("other")),
        "FILE: contexts[other].context.user names \"nobody\", which is not under users"
    );
    assert_eq!(
        refusal(CONFIG, Some("lost")),
        "FILE: contexts[lost].context.cluster names \"nowhere\", which is not under clusters"
    );
    let bare = CONFIG.replace("{cluster: c, user: u,", "{cluster: bare, user: u,");
    assert_eq!(
        refusal(&bare, None),
        "FILE: clusters[bare].cluster.server is not set"
    );
    for server in ["ftp://x", "https://", "https:// x"] {
        let wrong = CONFIG.replace("https://10.0.0.1:6443", server);
        let expected =
            format!("FILE: clusters[c].cluster.server is no URL of a server: {server:?}");
        assert_eq!(refusal(&wrong, None), expected);
    }
    let namespace = CONFIG.replace("namespace: team-a", "namespace: ../x");
    let told = refusal(&namespace, None);
    assert!(
        told.starts_with(
            "FILE: contexts[dev].context.namespace: namespace \"../x\" is not allowed"
        ),
        "{told}"
    );
}

#[test]
fn a_server_without_scheme_is_encrypted_where_something_is_said_of_that() {
    let check = |cluster: &str, user: &str, expected: &str| {
        let config = CONFIG
            .replace("server: 'https://10.0.0.1:6443'", cluster)
            .replace("user: {token: ", &format!("user: {{{user}token: "));
        let files = Files::new();
        let chosen = choose(&[files.write("config", &config)], None).unwrap();
        assert_eq!(chosen.server.to_string(), expected, "{config}");
    };
    let plain = "server: '10.0.0.1:6443'";
    check(plain, "", "http://10.0.0.1:6443/");
    check(plain, "client-certificate: c, ", "https://10.0.0.1:6443/");
    for said in [
        "certificate-authority: ca.crt",
        "certificate-authority-data: eA==",
        "insecure-skip-tls-verify: true",
    ] {
        let cluster = format!("server: '10.0.0.1:6443', {said}");
        check(&cluster, "", "https://10.0.0.1:6443/");
    }
}

#[test]
fn malformed_kubeconfig_is_told_by_line_and_never_quoted() {
    for (text, line) in [
        ("users:\n- name: u\n  user: {token: [hunter2]}\n", 3),
        ("contexts: hunter2\n", 1),
        ("users:\n- name: u\n  user: {token: \"hunter2\n", 3),
        ("a: b: hunter2\n", 1),
        ("- hunter2\n", 1),
    ] {
        let told = refusal(text, None);
        assert!(
            told.starts_with("FILE:") && told.contains("malformed kubeconfig"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
        let place: Vec<_> = told.split(':').take(2).collect();
        assert!(
            place[1]
                .parse::<usize>()
                .is_ok_and(|at| at.abs_diff(line) <= 2),
            "{told}"
        );
    }
}

#[test]
fn unreadable_kubeconfigs_are_told_apart() {
    let files = Files::new();
    let missing = choose(&[files.path("missing")], None).unwrap_err();
    assert!(
        missing.contains("cannot read the kubeconfig") && missing.contains("missing"),
        "{missing}"
    );
    let directory = choose(&[files.0.path().to_owned()], None).unwrap_err();
    assert!(directory.ends_with("it is no regular file"), "{directory}");
    let open = files.write("open", CONFIG);
    fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
    let open = choose(&[open], None).unwrap_err();
    assert!(open.contains("can be written by everybody"), "{open}");
    let large = files.write("large", &"#".repeat(5 * 1024 * 1024));
    assert!(
        choose(&[large], None)
            .unwrap_err()
            .ends_with("is larger than 4 MiB")
    );
}

#[test]
fn first_file_wins_and_missing_ones_are_passed_over() {
    let files = Files::new();
    let first = files.write(
        "first",
        "
current-context: shared
contexts: [{name: shared, context: {cluster: c, user: u}}]
users: [{name: u, user: {tokenFile: tokens/one}}]
",
    );
    let second = files.write("second", CONFIG);
    let third = files.write(
        "third",
        "clusters: [{name: c, cluster: {server: 'https://never'}}]",
    );
    let paths = [files.path("none"), first, second, third];
    let all = Kubeconfigs::read(&paths, false).unwrap();
    let chosen = all.choose(None).unwrap();
    assert_eq!(
        (chosen.context.as_str(), chosen.server.host()),
        ("shared", Some("10.0.0.1"))
    );
    // A path is relative to the file that names it.
    assert_eq!(
        chosen.user.token_file.as_deref(),
        files.path("tokens/one").to_str()
    );
    let names: Vec<_> = all
        .summaries()
        .into_iter()
        .map(|context| (context.name, context.is_current))
        .collect();
    let expected = [
        ("shared", true),
        ("dev", false),
        ("other", false),
        ("lost", false),
    ];
    assert_eq!(
        names,
        expected.map(|(name, is_current)| (name.to_owned(), is_current))
    );
}

#[test]
fn credentials_do_not_travel_in_the_open() {
    let files = Files::new();
    let open = |server: &str, user: &str| {
        let text = CONFIG
            .replace("https://10.0.0.1:6443", server)
            .replace("{token: hunter2}", user);
        let chosen = choose(&[files.write("config", &text)], None).unwrap();
        refuse_open_credentials(&chosen, chosen.user.exec.is_some()).is_ok()
    };
    assert!(!open("http://10.0.0.1", "{token: hunter2}"));
    assert!(!open("10.0.0.1", "{token: hunter2}"));
    assert!(!open("http://10.0.0.1", "{tokenFile: t}"));
    assert!(!open(
        "http://localhost.evil.com",
        "{username: a, password: hunter2}"
    ));
    assert!(!open("http://10.0.0.1", "{exec: {command: login}}"));
    let provider = "{auth-provider: {name: oidc, config: {id-token: hunter2}}}";
    assert!(!open("http://10.0.0.1", provider));
    assert!(open("http://10.0.0.1", "{}"));
    assert!(open("http://127.0.0.1:8080", "{token: hunter2}"));
    assert!(open("http://[::1]:8080", "{token: hunter2}"));
    assert!(open("https://10.0.0.1", "{token: hunter2}"));
}

/// Connects with another entry in the place of one of the usual kubeconfig, and returns why that is refused.
async fn refused_connection(entry: &str, other: &str) -> Failure {
    let files = Files::new();
    let text = CONFIG.replace(entry, other);
    let options = ConnectOptions {
        kubeconfig: Some(files.write("config", &text)),
        ..ConnectOptions::default()
    };
    connect(&options).await.unwrap_err()
}

#[tokio::test]
async fn plain_http_is_refused_before_anything_is_sent() {
    let failure = refused_connection("https://10.0.0.1:6443", "http://10.0.0.1").await;
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(
        failure.summary.ends_with("credentials are not sent there"),
        "{failure}"
    );
}

#[tokio::test]
async fn authority_beside_a_server_that_is_not_verified_is_refused() {
    for authority in [
        "certificate-authority: ca.pem",
        "certificate-authority-data: aGVsbG8=",
    ] {
        let server = "server: 'https://10.0.0.1:6443'";
        let both = format!("{server}, insecure-skip-tls-verify: true, {authority}");
        let failure = refused_connection(server, &both).await;
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert!(
            failure
                .summary
                .contains("clusters[c].cluster has insecure-skip-tls-verify"),
            "{failure}"
        );
    }
}

/// The client runs such a command by itself, past the rules for plugins.
#[tokio::test]
async fn command_of_a_legacy_provider_is_not_run() {
    let files = Files::new();
    let ran = files.path("ran");
    let command = files.script("gcloud", &format!("touch {}", ran.display()));
    let provider = format!(
        "{{auth-provider: {{name: gcp, config: {{cmd-path: '{}', cmd-args: x}}}}}}",
        command.display()
    );
    let failure = refused_connection("{token: hunter2}", &provider).await;
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(
        failure
            .summary
            .contains("users[u].user.auth-provider names a command"),
        "{failure}"
    );
    assert!(!ran.exists());
}

#[tokio::test]
async fn plugin_of_a_file_that_somebody_else_owns_is_not_run() {
    let files = Files::new();
    files.script("plugin", "true");
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}}";
    let text = CONFIG.replace("{token: hunter2}", user);
    let mut chosen = choose(&[files.write("config", &text)], None).unwrap();
    chosen.is_user_trusted = false;
    let refusal = exec::Plugin::of(&mut chosen, &ExecPolicy::All, false)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refusal.kind, FailureKind::Refused);
    assert!(
        refusal
            .summary
            .ends_with("the file belongs to another user: it is not run"),
        "{refusal}"
    );
}

#[tokio::test]
async fn plugin_that_asks_behind_the_screen_finds_nobody() {
    let script = format!(
        "if read answer; then exit 7; fi; {}",
        credential(r#"{"token":"t"}"#)
    );
    let credential = login(&Files::new(), &script, "").await.unwrap();
    assert_eq!(credential.token.as_deref(), Some("t"));
}

#[test]
fn client_never_retries_by_itself() {
    let files = Files::new();
    let config = config(choose(&[files.write("config", CONFIG)], None).unwrap()).unwrap();
    assert!(!config.default_retry);
    assert_eq!(config.connect_timeout, Some(CONNECT_DEADLINE));
}

#[test]
fn unusable_certificates_are_told_by_key() {
    for (cluster, told) in [
        (
            "certificate-authority-data: '%%%'",
            "certificate-authority-data is no base64",
        ),
        (
            "certificate-authority-data: aGVsbG8=",
            "certificate-authority-data holds no certificate",
        ),
        (
            "certificate-authority: missing.pem",
            "certificate-authority: cannot read",
        ),
    ] {
        let files = Files::new();
        let text = CONFIG.replace(
            "server: 'https://10.0.0.1:6443'",
            &format!("server: 'https://x', {cluster}"),
        );
        let failure = config(choose(&[files.write("config", &text)], None).unwrap()).unwrap_err();
        assert!(
            failure
                .summary
                .contains(&format!("clusters[c].cluster.{told}")),
            "{failure}"
        );
    }
}

/// Runs a plugin that is a shell script.
async fn login(files: &Files, script: &str, more: &str) -> Result<exec::Credential, Failure> {
    files.script("plugin", script);
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: ./plugin, {more}}}}}"
    );
    let text = CONFIG.replace("{token: hunter2}", &user);
    let mut chosen = choose(&[files.write("config", &text)], None).unwrap();
    let plugin = exec::Plugin::of(&mut chosen, &ExecPolicy::All, false)?.unwrap();
    plugin.run(false).await
}

fn credential(status: &str) -> String {
    format!(
        r#"echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{status}}}'"#
    )
}

#[tokio::test]
async fn plugin_gives_a_token() {
    let files = Files::new();
    let script = format!(
        r#"[ "$1" = get ] && [ "$REGION" = eu ] || exit 9
case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*'"server":"https://10.0.0.1:6443/"'*|*'"server":"https://10.0.0.1:6443/"'*'"interactive":false'*) ;; *) exit 8;; esac
{}"#,
        credential(r#"{"token":"t1","expirationTimestamp":"2030-01-01T00:00:00Z"}"#)
    );
    let more = "args: [get], env: [{name: REGION, value: eu}], provideClusterInfo: true";
    let credential = login(&files, &script, more).await.unwrap();
    assert_eq!(credential.token.as_deref(), Some("t1"));
    assert!(!credential.ends_by("2029-12-31T23:59:59Z".parse().unwrap()));
    assert!(credential.ends_by("2030-01-01T00:00:00Z".parse().unwrap()));
}

/// Plugins know no files of the kubeconfig's: they are given what stands in them.
#[tokio::test]
async fn plugin_is_told_the_authority_wherever_it_stands() {
    let files = Files::new();
    files.write("ca.crt", "PEM");
    let script = format!(
        r#"case "$KUBERNETES_EXEC_INFO" in *'"certificate-authority-data":"UEVN"'*) ;; *) exit 8;; esac
{}"#,
        credential(r#"{"token":"t1"}"#)
    );
    files.script("plugin", &script);
    let open = |authority: &str| {
        let exec = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, provideClusterInfo: true}}";
        let server = "{server: 'https://10.0.0.1:6443'";
        let text = CONFIG
            .replace("{token: hunter2}", exec)
            .replace(server, &format!("{server}, {authority}"));
        let mut chosen = choose(&[files.write("config", &text)], None).unwrap();
        exec::Plugin::of(&mut chosen, &ExecPolicy::All, false)
    };
    for authority in [
        "certificate-authority: ca.crt",
        "certificate-authority-data: UEVN",
    ] {
        let plugin = open(authority).unwrap().unwrap();
        assert!(plugin.run(false).await.is_ok(), "{authority}");
    }
    let failure = open("certificate-authority: gone.crt").unwrap_err();
    assert_eq!(failure.kind, FailureKind::Disk, "{failure}");
}

async fn failed_login(script: &str) -> Failure {
    let files = Files::new();
    let mut failure = match login(&files, script, "").await {
        Ok(_) => panic!("the login worked: {script}"),
        Err(failure) => failure,
    };
    assert_eq!(failure.kind, FailureKind::Login, "{failure}");
    let path = files.path("plugin").display().to_string();
    let (_, told) = failure.summary.split_once("exec): ").unwrap();
    assert!(
        failure
            .summary
            .starts_with(&format!("login failed: {path} (")),
        "{failure}"
    );
    failure.summary = told.to_owned();
    failure
}

#[tokio::test]
async fn failed_plugin_is_quoted_harmlessly() {
    let failure =
        failed_login("printf 'expired \\033[2J\\033]0;x\\007session\\nlog in\\n' >&2; exit 1")
            .await;
    assert_eq!(failure.summary, "exit status: 1");
    assert_eq!(failure.detail, "expired ␛␛session\nlog in");
    let long = failed_login("head -c 10000000 /dev/zero | tr '\\0' x >&2; exit 1").await;
    assert!(long.detail.chars().count() <= 2001, "{}", long.detail.len());
}

#[tokio::test]
async fn output_that_is_no_credential_is_told_and_never_quoted() {
    for (script, told) in [
        (
            "echo hunter2".to_owned(),
            "its output is no ExecCredential in JSON",
        ),
        ("true".to_owned(), "its output is no ExecCredential in JSON"),
        (
            "head -c 10000000 /dev/zero | tr '\\0' x".to_owned(),
            "it wrote more than 1 MiB",
        ),
        (credential("{}"), "it gave neither token nor certificate"),
        (
            credential(r#"{"clientCertificateData":"hunter2"}"#),
            "it gave a certificate or a key without the other",
        ),
        (
            credential(r#"{"token":"hunter2"}"#).replace("/v1\"", "/v1beta1\""),
            "its output is not of apiVersion client.authentication.k8s.io/v1",
        ),
    ] {
        let failure = failed_login(&script).await;
        assert_eq!(failure.summary, told);
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn hanging_plugin_is_killed_with_its_children() {
    let files = Arc::new(Files::new());
    let script = format!(
        "cd {}; sleep 1000 & echo $! > child; echo $$ > part; mv part self; wait",
        files.0.path().display()
    );
    let kept = files.clone();
    let login = tokio::spawn(async move { login(&kept, &script, "").await.err() });
    while !files.path("self").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let started = Instant::now();
    let_time_pass(31).await;
    let failure = login.await.unwrap().unwrap();
    assert!(
        failure.summary.ends_with("it did not end within 30 s"),
        "{failure}"
    );
    assert!(
        started.elapsed().as_secs() < 20,
        "the deadline was waited for in earnest"
    );
    for name in ["child", "self"] {
        let pid = fs::read_to_string(files.path(name)).unwrap();
        assert!(is_gone(pid.trim()), "{name} {pid}");
    }
}

/// A killed process may stay as a zombie until somebody waits for it.
fn is_gone(pid: &str) -> bool {
    (0..200).any(|_| {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = status
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        let gone = state.is_empty() || state.starts_with('Z') || state.starts_with('X');
        if !gone {
            std::thread::sleep(Duration::from_millis(10));
        }
        gone
    })
}

#[tokio::test]
async fn child_that_a_plugin_leaves_behind_does_not_hold_it_up() {
    let files = Files::new();
    let script = format!(
        "sleep 1000 & echo $! > {}; {}",
        files.path("child").display(),
        credential(r#"{"token":"t"}"#)
    );
    let started = Instant::now();
    // The child holds the standard output open, so its end never comes.
    let failure = login(&files, &script, "").await.err();
    assert!(started.elapsed() < Duration::from_secs(15));
    assert!(failure.is_none(), "{failure:?}");
    assert!(is_gone(
        fs::read_to_string(files.path("child")).unwrap().trim()
    ));
}

#[tokio::test]
async fn plugin_that_must_ask_is_not_run_behind_the_screen() {
    let files = Files::new();
    let script = format!("touch {}", files.path("ran").display());
    let failure = login(&files, &script, "interactiveMode: Always")
        .await
        .err()
        .unwrap();
    assert!(
        failure.summary.contains("needs an answer at the terminal"),
        "{failure}"
    );
    assert!(!files.path("ran").exists());
}

#[tokio::test]
async fn policy_and_places_decide_what_is_run() {
    let files = Files::new();
    files.script("plugin", "true");
    let of = |command: &str, policy: &ExecPolicy| {
        let user = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{command}', installHint: get it}}}}"
        );
        let text = CONFIG.replace("{token: hunter2}", &user);
        let mut chosen = choose(&[files.write("config", &text)], None).unwrap();
        exec::Plugin::of(&mut chosen, policy, false)
            .map(|plugin| plugin.is_some())
            .map_err(|failure| failure.summary)
    };
    let absolute = files.path("plugin").display().to_string();
    assert_eq!(of("./plugin", &ExecPolicy::All), Ok(true));
    assert_eq!(
        of(&absolute, &ExecPolicy::Only(vec![absolute.clone()])),
        Ok(true)
    );
    assert_eq!(
        of("./plugin", &ExecPolicy::Only(vec![absolute.clone()])),
        Ok(true)
    );
    assert!(
        of("./plugin", &ExecPolicy::Only(Vec::new()))
            .unwrap_err()
            .ends_with("the settings do not allow it")
    );
    assert!(of("./plugin", &ExecPolicy::Only(vec!["aws".to_owned()])).is_err());
    // A bare name is looked for on PATH, never beside the kubeconfig or in the current directory.
    assert!(
        of("plugin", &ExecPolicy::All)
            .unwrap_err()
            .ends_with(".command \"plugin\" is not there; get it")
    );
    assert!(
        of("", &ExecPolicy::All)
            .unwrap_err()
            .ends_with("exec.command is not set")
    );
    assert_eq!(of("sh", &ExecPolicy::All), Ok(true));
    let nobody = Agreements {
        file: files.path("agreed"),
        ask: |_| panic!("asked"),
    };
    let ask = ExecPolicy::Ask(vec![absolute], nobody);
    assert_eq!(of("./plugin", &ask), Ok(true));
    let refusal = of("sh", &ask).unwrap_err();
    assert!(
        refusal.contains("nobody agreed to it here yet"),
        "{refusal}"
    );
}

#[tokio::test]
async fn command_of_a_kubeconfig_is_asked_about_at_first_sight() {
    let files = Files::new();
    files.script("plugin", &credential(r#"{"token":"t"}"#));
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}}";
    let text = CONFIG.replace("{token: hunter2}", user);
    let options = |ask, interactive_login| ConnectOptions {
        kubeconfig: Some(files.write("config", &text)),
        interactive_login,
        exec_policy: ExecPolicy::Ask(
            Vec::new(),
            Agreements {
                file: files.path("state/agreed"),
                ask,
            },
        ),
        ..ConnectOptions::default()
    };
    let refusal = connect(&options(|_| true, false)).await.unwrap_err();
    assert_eq!(refusal.kind, FailureKind::Refused);
    let refusal = connect(&options(|_| false, true)).await.unwrap_err();
    assert_eq!(refusal.kind, FailureKind::Refused);
    assert!(connect(&options(|_| true, true)).await.is_ok());
    assert!(
        connect(&options(|_| panic!("asked again"), true))
            .await
            .is_ok()
    );
    assert!(
        connect(&options(|_| panic!("asked again"), false))
            .await
            .is_ok()
    );
}

#[test]
fn credential_takes_the_place_of_the_plugin() {
    let user: AuthInfo = serde_json::from_value(json!({
        "exec": {"command": "x"}, "tokenFile": "t", "client-certificate": "c", "as": "jane",
    }))
    .unwrap();
    let credential = |value: serde_json::Value| serde_json::from_value(value).unwrap();
    let token = with_credential(user.clone(), &credential(json!({"token": "t1"})));
    let expected = json!({"token": "t1", "client-certificate": "c", "as": "jane"});
    assert_eq!(serde_json::to_value(token).unwrap(), expected);
    let pair = json!({"clientCertificateData": "C", "clientKeyData": "K"});
    let certificate = with_credential(user, &credential(pair));
    let expected = json!({"tokenFile": "t", "client-certificate-data": "Qw==", "client-key-data": "Sw==", "as": "jane"});
    assert_eq!(serde_json::to_value(certificate).unwrap(), expected);
}

/// A server on loopback that takes one token only. Returns its address and what it was asked.
async fn server(token: Arc<Mutex<String>>) -> (String, Arc<Mutex<Vec<String>>>) {
    server_at("127.0.0.1:0", token).await
}

async fn server_at(address: &str, token: Arc<Mutex<String>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (token, log) = (token.clone(), log.clone());
            tokio::spawn(async move {
                let mut request = vec![0; 16 * 1024];
                let len = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..len]).to_lowercase();
                let method = request.split(' ').next().unwrap_or_default().to_owned();
                let bearer = format!("authorization: bearer {}\r\n", token.lock().unwrap());
                let is_known = request.contains(&bearer);
                log.lock().unwrap().push(format!("{method} {is_known}"));
                let (status, body) = match is_known {
                    true => (
                        "200 OK",
                        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web"}}"#,
                    ),
                    false => (
                        "401 Unauthorized",
                        r#"{"kind":"Status","code":401,"message":"Unauthorized"}"#,
                    ),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n"
                );
                let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (address, asked)
}

fn web() -> ObjectKey {
    ObjectKey {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: Some("team-a".to_owned()),
        name: "web".to_owned(),
    }
}

/// Connects to a server by a plugin that counts its runs and gives `token-<n>`.
async fn connect_by_plugin(files: &Files, address: &str) -> Cluster {
    connect_by_plugin_giving(files, address, r#"{"token":"token-'$n'"}"#).await
}

async fn connect_by_plugin_giving(files: &Files, address: &str, status: &str) -> Cluster {
    let runs = files.path("runs");
    let script = format!(
        "echo x >> {0}\nn=$(wc -l < {0} | tr -d ' ')\n{1}",
        runs.display(),
        credential(status)
    );
    files.script("plugin", &script);
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}}";
    let text = CONFIG
        .replace("{token: hunter2}", user)
        .replace("https://10.0.0.1:6443", &format!("http://{address}"));
    let options = ConnectOptions {
        kubeconfig: Some(files.write("config", &text)),
        ..ConnectOptions::default()
    };
    connect(&options).await.unwrap()
}

fn n_runs(files: &Files) -> usize {
    fs::read_to_string(files.path("runs"))
        .unwrap()
        .lines()
        .count()
}

async fn let_time_pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn refused_login_is_renewed_once_for_all_and_reads_are_repeated() {
    let token = Arc::new(Mutex::new("token-1".to_owned()));
    let (address, asked) = server(token.clone()).await;
    let files = Files::new();
    let cluster = connect_by_plugin(&files, &address).await;
    assert_eq!(n_runs(&files), 1);
    assert!(cluster.get(&web()).await.is_ok_and(|found| found.is_some()));
    "token-2".clone_into(&mut token.lock().unwrap());
    let_time_pass(60).await;
    let key = web();
    let reads = futures::future::join_all((0..4).map(|_| cluster.get(&key))).await;
    assert!(
        reads.iter().all(|read| matches!(read, Ok(Some(_)))),
        "{reads:?}"
    );
    assert_eq!(n_runs(&files), 2, "one login for four calls");
    assert!(
        asked
            .lock()
            .unwrap()
            .iter()
            .filter(|asked| *asked == "get false")
            .count()
            <= 4
    );
}

#[tokio::test]
async fn refused_write_renews_the_login_and_is_not_repeated() {
    let token = Arc::new(Mutex::new("token-1".to_owned()));
    let (address, asked) = server(token.clone()).await;
    let files = Files::new();
    let cluster = connect_by_plugin(&files, &address).await;
    "token-2".clone_into(&mut token.lock().unwrap());
    let_time_pass(60).await;
    let failure = cluster
        .delete(&web(), "u1", crate::cluster::Propagation::Foreground)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Login);
    assert_eq!(*asked.lock().unwrap(), ["delete false"]);
    assert_eq!(n_runs(&files), 2, "the next call has the new login");
}

#[tokio::test]
async fn login_that_stays_refused_is_told_and_not_tried_for_ever() {
    let token = Arc::new(Mutex::new("never".to_owned()));
    let (address, _) = server(token).await;
    let files = Files::new();
    let cluster = connect_by_plugin(&files, &address).await;
    let_time_pass(60).await;
    for _ in 0..5 {
        let failure = cluster.get(&web()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Login);
        assert!(failure.summary.contains("Unauthorized"), "{failure}");
    }
    assert_eq!(n_runs(&files), 2);
}

#[tokio::test]
async fn login_that_fails_is_not_made_again_for_every_call() {
    let token = Arc::new(Mutex::new("token-1".to_owned()));
    let (address, _) = server(token.clone()).await;
    let files = Files::new();
    let cluster = connect_by_plugin(&files, &address).await;
    "token-2".clone_into(&mut token.lock().unwrap());
    let runs = files.path("runs");
    files.script("plugin", &format!("echo x >> {}\nexit 1", runs.display()));
    let_time_pass(60).await;
    for _ in 0..5 {
        let failure = cluster.get(&web()).await.unwrap_err();
        assert!(failure.summary.starts_with("login failed"), "{failure}");
    }
    assert_eq!(n_runs(&files), 2);
    let_time_pass(60).await;
    assert!(cluster.get(&web()).await.is_err());
    assert_eq!(n_runs(&files), 3);
    // Ever more seldom, unless somebody wants something done.
    for n_expected in [4, 5, 5] {
        let_time_pass(60).await;
        assert!(cluster.get(&web()).await.is_err());
        assert_eq!(n_runs(&files), n_expected);
    }
    // Whoever looks on asks what may be done, too.
    assert!(cluster.may_ask_kubelets().await.is_err());
    assert_eq!(n_runs(&files), 5);
    let key = web();
    let deletion = cluster.delete(&key, "u1", crate::cluster::Propagation::Foreground);
    assert!(deletion.await.is_err());
    assert_eq!(n_runs(&files), 6);
}

/// A clock that is hours ahead, or a plugin's that is behind: the end of a login is past when it is made.
#[tokio::test]
async fn login_that_is_over_by_our_clock_is_renewed_when_the_server_refuses_it() {
    let token = Arc::new(Mutex::new("token-1".to_owned()));
    let (address, _) = server(token.clone()).await;
    let files = Files::new();
    let status = r#"{"token":"token-'$n'","expirationTimestamp":"2020-01-01T00:00:00Z"}"#;
    let cluster = connect_by_plugin_giving(&files, &address, status).await;
    for _ in 0..3 {
        let_time_pass(60).await;
        assert!(cluster.get(&web()).await.is_ok_and(|found| found.is_some()));
    }
    assert_eq!(n_runs(&files), 1);
    "token-2".clone_into(&mut token.lock().unwrap());
    assert!(cluster.get(&web()).await.is_ok_and(|found| found.is_some()));
    assert_eq!(n_runs(&files), 2);
}

/// A plugin that keeps its token until the end gives one that has seconds left.
#[tokio::test]
async fn login_that_is_nearly_over_when_it_is_given_is_renewed_ahead_of_a_write() {
    let token = Arc::new(Mutex::new("token-1".to_owned()));
    let (address, asked) = server(token.clone()).await;
    let files = Files::new();
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(9);
    let status = format!(r#"{{"token":"token-'$n'","expirationTimestamp":"{end}"}}"#);
    let cluster = connect_by_plugin_giving(&files, &address, &status).await;
    "token-2".clone_into(&mut token.lock().unwrap());
    let_time_pass(60).await;
    let (key, how) = (web(), crate::cluster::Propagation::Foreground);
    cluster.delete(&key, "u1", how).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["delete true"]);
}

/// Writes a kubeconfig of a server on loopback, with a token.
fn write_token(files: &Files, address: &str, token: &str) -> PathBuf {
    let text = CONFIG
        .replace("hunter2", token)
        .replace("https://10.0.0.1:6443", &format!("http://{address}"));
    files.write("config", &text)
}

async fn connect_by_token(files: &Files, address: &str) -> Cluster {
    let options = ConnectOptions {
        kubeconfig: Some(write_token(files, address, "token-1")),
        ..ConnectOptions::default()
    };
    let cluster = connect(&options).await.unwrap();
    assert!(cluster.get(&web()).await.is_ok_and(|found| found.is_some()));
    let_time_pass(60).await;
    cluster
}

#[tokio::test]
async fn token_that_was_renewed_in_the_kubeconfig_is_taken() {
    let token = Arc::new(Mutex::new("token-1".to_owned()));
    let (address, _) = server(token.clone()).await;
    let files = Files::new();
    let cluster = connect_by_token(&files, &address).await;
    "token-2".clone_into(&mut token.lock().unwrap());
    let refused = cluster.get(&web()).await.unwrap_err();
    assert!(refused.summary.contains("Unauthorized"), "{refused}");
    let written = write_token(&files, &address, "token-2");
    assert!(cluster.get(&web()).await.is_ok_and(|found| found.is_some()));
    // A file that is just being written changes nothing.
    "token-3".clone_into(&mut token.lock().unwrap());
    let_time_pass(60).await;
    fs::write(&written, "contexts: [").unwrap();
    let refused = cluster.get(&web()).await.unwrap_err();
    assert!(refused.summary.contains("Unauthorized"), "{refused}");
    write_token(&files, &address, "token-3");
    assert!(cluster.get(&web()).await.is_ok_and(|found| found.is_some()));
}

#[tokio::test]
async fn kubeconfig_that_changes_never_leads_to_another_server() {
    let token = Arc::new(Mutex::new("token-1".to_owned()));
    let (address, _) = server(token.clone()).await;
    let (other, asked) = server(Arc::new(Mutex::new("token-2".to_owned()))).await;
    let files = Files::new();
    let cluster = connect_by_token(&files, &address).await;
    "token-2".clone_into(&mut token.lock().unwrap());
    write_token(&files, &other, "token-2");
    let refused = cluster.get(&web()).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused);
    assert!(
        refused
            .summary
            .ends_with("context dev changed and leads elsewhere now: choose it again to follow it"),
        "{refused}"
    );
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn kubeconfig_that_changes_never_runs_a_command() {
    let token = Arc::new(Mutex::new("token-1".to_owned()));
    let (address, _) = server(token.clone()).await;
    let files = Files::new();
    let cluster = connect_by_token(&files, &address).await;
    "token-2".clone_into(&mut token.lock().unwrap());
    let ran = files.path("ran");
    let command = files.script("login", &format!("touch {}", ran.display()));
    let command = command.display();
    for user in [
        format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{command}'}}}}"),
        format!("{{auth-provider: {{name: gcp, config: {{cmd-path: '{command}', cmd-args: x}}}}}}"),
    ] {
        let text = CONFIG
            .replace("{token: hunter2}", &user)
            .replace("https://10.0.0.1:6443", &format!("http://{address}"));
        files.write("config", &text);
        let refused = cluster.get(&web()).await.unwrap_err();
        assert!(refused.summary.contains("leads elsewhere now"), "{refused}");
        assert!(!ran.exists(), "{user}");
        let_time_pass(60).await;
    }
}

/// Behind the same URL another authority or name, or none that is verified, is another server as well.
#[test]
fn a_place_is_the_same_only_by_every_part_of_it() {
    type Change = fn(&mut kube::Config);
    let check = |change: Change, expected: bool| {
        let mut present = kube::Config::new("https://10.0.0.1:6443".parse().unwrap());
        present.root_cert = Some(vec![vec![1]]);
        present.tls_server_name = Some("k8s.example.com".to_owned());
        let mut config = present.clone();
        change(&mut config);
        assert_eq!(leads_to_the_same(&config, &present), expected, "{config:?}");
    };
    check(|_| (), true);
    check(
        |config| config.auth_info.token_file = Some("t".to_owned()),
        true,
    );
    check(
        |config| config.cluster_url = "https://10.0.0.2:6443".parse().unwrap(),
        false,
    );
    check(|config| config.root_cert = Some(vec![vec![2]]), false);
    check(|config| config.root_cert = None, false);
    check(|config| config.accept_invalid_certs = true, false);
    check(|config| config.tls_server_name = None, false);
}

#[tokio::test]
async fn identity_is_told_and_the_namespace_may_be_overruled() {
    let files = Files::new();
    let options = ConnectOptions {
        kubeconfig: Some(files.write(
            "config",
            &CONFIG.replace(
                "'https://10.0.0.1:6443'",
                "'https://10.0.0.1:6443', insecure-skip-tls-verify: true",
            ),
        )),
        namespace: Some("team-b".parse().unwrap()),
        as_user: Some("jane".to_owned()),
        ..ConnectOptions::default()
    };
    let cluster = connect(&options).await.unwrap();
    let expected = Identity {
        context: "dev".to_owned(),
        cluster: "c".to_owned(),
        server: "https://10.0.0.1:6443/".to_owned(),
        user: "jane".to_owned(),
        is_insecure: true,
        has_context: true,
    };
    assert_eq!(
        (cluster.identity(), cluster.namespace().as_str()),
        (&expected, "team-b")
    );
    assert!(!format!("{cluster:?}").contains("hunter2"));
    // A server that is named by itself is in no context.
    let server = Given {
        value: "https://10.0.0.1:6443".to_owned(),
        key: "--server".to_owned(),
    };
    let direct = DirectCluster {
        server,
        certificate_authority: None,
        certificate_authority_data: None,
        client_certificate: None,
        client_key: None,
        token_file: None,
        token: None,
    };
    let options = ConnectOptions {
        direct: Some(direct),
        ..ConnectOptions::default()
    };
    let cluster = connect(&options).await.unwrap();
    assert!(!cluster.identity().has_context);
}

/// Connects to a server, with a token.
async fn connect_to(files: &Files, server: &str) -> Cluster {
    let text = CONFIG.replace(
        "'https://10.0.0.1:6443'",
        &format!("'{server}', insecure-skip-tls-verify: true"),
    );
    let options = ConnectOptions {
        kubeconfig: Some(files.write("config", &text)),
        ..ConnectOptions::default()
    };
    connect(&options).await.unwrap()
}

#[tokio::test]
async fn peer_that_accepts_and_says_nothing_is_given_up_after_five_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let files = Files::new();
    let cluster = connect_to(&files, &format!("https://{address}")).await;
    let write = tokio::spawn(async move {
        cluster
            .delete(&web(), "u1", crate::cluster::Propagation::Foreground)
            .await
    });
    let _held = listener.accept().await.unwrap();
    let_time_pass(6).await;
    let failure = write.await.unwrap().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(!failure.summary.contains("within 10 s"), "{failure}");
}

#[tokio::test]
async fn name_with_several_addresses_is_reached_at_the_one_that_answers() {
    // `localhost` is ::1 first on most machines; nobody listens there.
    let (address, _) = server(Arc::new(Mutex::new("hunter2".to_owned()))).await;
    let port = address.rsplit(':').next().unwrap();
    let files = Files::new();
    let cluster = connect_to(&files, &format!("http://localhost:{port}")).await;
    assert!(cluster.get(&web()).await.is_ok_and(|found| found.is_some()));
}

/// Set for the process that the test below starts: the file that is its own `/etc/hosts`.
const HOSTS: &str = "BOWLINE_TEST_HOSTS";

/// Not a test by itself: a server whose name leads to another address from the second request on.
#[tokio::test]
async fn server_that_moves() {
    let Some(hosts) = std::env::var_os(HOSTS) else {
        return;
    };
    let token = Arc::new(Mutex::new("hunter2".to_owned()));
    let (address, of_first) = server(token.clone()).await;
    let port = address.rsplit(':').next().unwrap();
    let (_, of_second) = server_at(&format!("127.0.0.2:{port}"), token).await;
    let files = Files::new();
    let n_asked = || [&of_first, &of_second].map(|asked| asked.lock().unwrap().len());
    fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    let cluster = connect_to(&files, &format!("http://localhost:{port}")).await;
    cluster.get(&web()).await.unwrap();
    assert_eq!(n_asked(), [1, 0]);
    fs::write(&hosts, "127.0.0.2 localhost\n").unwrap();
    cluster.get(&web()).await.unwrap();
    assert_eq!(n_asked(), [1, 1]);
}

/// A load balancer that is replaced, a cluster that is restored elsewhere.
#[test]
fn name_is_resolved_anew_for_every_connection() {
    let in_namespace = |args: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--map-root-user", "--mount"]).args(args);
        command
    };
    if !in_namespace(&["true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        // Written past the capture of test output: a skip that nobody sees is a lie.
        let said = "\nSKIPPED: name_is_resolved_anew_for_every_connection: nobody may have an /etc/hosts of their own here\n";
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
        return;
    }
    let files = Files::new();
    let hosts = files.write("hosts", "");
    let script = "mount --bind \"$1\" /etc/hosts && exec \"$2\" --exact \"$3\"";
    let output = in_namespace(&["sh", "-c", script, "sh"])
        .arg(&hosts)
        .arg(std::env::current_exe().unwrap())
        .arg("cluster::connect::tests::server_that_moves")
        .env(HOSTS, &hosts)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn unreachable_servers_are_told_by_cause() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let files = Files::new();
    for (server, cause) in [
        (format!("https://{closed}"), "refused"),
        ("https://nowhere.invalid".to_owned(), "lookup"),
    ] {
        let cluster = connect_to(&files, &server).await;
        let failure = cluster.get(&web()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unreachable);
        let told = failure.summary.to_lowercase();
        assert!(told.starts_with("cannot read configmap/web: "), "{told}");
        assert!(
            told.contains(cause)
                || (cause == "lookup" && told.contains("resol"))
                || told.contains("name"),
            "{told}"
        );
        assert!(!told.contains("hunter2"));
    }
}

#[tokio::test]
async fn groups_without_user_are_refused() {
    let options = ConnectOptions {
        as_groups: vec!["admins".to_owned()],
        ..ConnectOptions::default()
    };
    let failure = connect(&options).await.unwrap_err();
    assert!(
        failure.summary.starts_with("--as-group needs --as"),
        "{failure}"
    );
}

#[tokio::test]
async fn names_of_a_kubeconfig_are_shown_harmlessly() {
    let files = Files::new();
    let evil = "d\\e[2Jv\\u202e";
    let text = CONFIG
        .replace(
            "current-context: dev",
            &format!("current-context: \"{evil}\""),
        )
        .replace("{name: dev,", &format!("{{name: \"{evil}\","));
    let options = ConnectOptions {
        kubeconfig: Some(files.write("config", &text)),
        ..ConnectOptions::default()
    };
    let cluster = connect(&options).await.unwrap();
    assert_eq!(cluster.identity().context, "d␛v\u{fffd}");
    assert_eq!(contexts(&options).unwrap()[0].name, "d␛v\u{fffd}");
    let dangling = files.write("config", &text.replace("user: u,", "user: gone,"));
    let failure = connect(&ConnectOptions {
        kubeconfig: Some(dangling),
        ..options
    })
    .await
    .unwrap_err();
    assert!(
        failure
            .summary
            .contains("contexts[d␛v\u{fffd}].context.user"),
        "{failure}"
    );
}

/// A kubeconfig is read when one connects: a login by another program, or another context, needs no new session.
#[tokio::test]
async fn kubeconfig_that_comes_later_is_found_without_a_restart() {
    let files = Files::new();
    let options = ConnectOptions {
        kubeconfig: Some(files.path("config")),
        ..ConnectOptions::default()
    };
    assert!(connect(&options).await.is_err());
    assert!(contexts(&options).is_err());
    files.write("config", CONFIG);
    let first = connect(&options).await.unwrap();
    assert_eq!(first.identity().context, "dev");
    let names = |text: &str| {
        files.write("config", text);
        contexts(&options)
            .unwrap()
            .into_iter()
            .map(|context| context.name)
            .collect::<Vec<_>>()
    };
    let renamed = CONFIG.replace("name: dev", "name: test");
    assert!(names(&renamed).contains(&"test".to_owned()));
}
