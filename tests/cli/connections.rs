//! Connections without a kubeconfig: by settings, environment and flags, told without a secret.

use bowline_control_plane::User;
use kube::config::Kubeconfig;

use crate::program::{Home, Run};
use crate::world::{self, Backend, World};

/// What a kubeconfig says of its server, in files of their own.
struct Direct {
    server: String,
    authority: String,
    token: String,
    token_file: String,
}

fn direct(world: &World) -> Direct {
    use serde_json::{Value, to_value};
    let config = Kubeconfig::read_from(world.kubeconfig(User::Admin)).unwrap();
    let cluster = config.clusters[0].cluster.clone().unwrap();
    let user: Value = to_value(config.auth_infos[0].auth_info.clone().unwrap()).unwrap();
    let token = user["token"].as_str().unwrap().to_owned();
    let authority = match (
        cluster.certificate_authority_data,
        cluster.certificate_authority,
    ) {
        (Some(data), _) => {
            use base64::Engine as _;
            let pem = base64::engine::general_purpose::STANDARD
                .decode(data)
                .unwrap();
            world.home.write("ca.crt", pem).display().to_string()
        }
        (None, file) => file.unwrap(),
    };
    Direct {
        server: cluster.server.unwrap(),
        authority,
        token_file: world
            .home
            .write("token", format!("{token}\n"))
            .display()
            .to_string(),
        token,
    }
}

fn run(world: &World, args: &[&str]) -> Run {
    let run = world.home.bowline(args);
    run.env("BOWLINE_NAMESPACE", &world.namespace)
}

pub(crate) fn a_server_is_reached_by_flags_environment_and_settings(world: &World) {
    let direct = direct(world);
    let flags = [
        "ls",
        "--server",
        &direct.server,
        "--certificate-authority",
        &direct.authority,
        "--token-file",
        &direct.token_file,
    ];
    run(world, &flags).end().code(0);
    let environment = run(world, &["ls"])
        .env("BOWLINE_SERVER", &direct.server)
        .env("BOWLINE_CERTIFICATE_AUTHORITY", &direct.authority)
        .env("BOWLINE_TOKEN", &direct.token);
    environment.end().code(0);
    // A login of the environment belongs to the server that stands beside it.
    let by_hand = [&["ls"], &flags[1..5]].concat();
    let login = |server: &str| {
        let run = run(world, &by_hand).env("BOWLINE_SERVER", server);
        run.env("BOWLINE_TOKEN", &direct.token)
    };
    login(&format!("{}/", direct.server)).end().code(0);
    let elsewhere = login("https://a.example.com").end().code(5);
    elsewhere.stderr_has(&["note: BOWLINE_TOKEN of the environment is not for the server"]);
    let elsewhere = run(world, &by_hand).env("BOWLINE_SERVER", "https://a.example.com");
    let elsewhere = elsewhere
        .env("BOWLINE_TOKEN_FILE", &direct.token_file)
        .end();
    elsewhere
        .code(5)
        .stderr_has(&["note: BOWLINE_TOKEN_FILE of the environment"]);
    let both = run(world, &flags).env("BOWLINE_SERVER", "https://a.example.com");
    let both = both.env("BOWLINE_TOKEN", "guessed").end().code(0);
    assert!(!both.stderr.contains("note:"), "{}", both.stderr);
    // An authority is no secret.
    let authority = run(world, &[&flags[..3], &flags[5..]].concat())
        .env("BOWLINE_SERVER", "https://a.example.com")
        .env("BOWLINE_CERTIFICATE_AUTHORITY", &direct.authority);
    let authority = authority.end().code(0);
    assert!(!authority.stderr.contains("note:"), "{}", authority.stderr);
    // Nor is the token of the environment for another server than that of the settings, where it names none.
    let settings = "[cluster]\nserver = \"https://a.example.com\"\n";
    world.home.write("config/bowline/config.toml", settings);
    let elsewhere = run(world, &by_hand).env("BOWLINE_TOKEN", &direct.token);
    let elsewhere = elsewhere.end().code(5);
    elsewhere.stderr_has(&["note: BOWLINE_TOKEN of the environment is not for the server"]);
    // Paths of the settings are relative to their file.
    let settings = format!(
        "[cluster]\nserver = \"{}\"\ncertificate_authority = \"{}\"\ntoken_file = \"../../token\"\n",
        direct.server, direct.authority
    );
    world.home.write("config/bowline/config.toml", settings);
    run(world, &["ls"]).end().code(0);
    let page = run(world, &["doctor"]).end().code(0);
    assert!(!page.stdout.contains(&direct.token), "{}", page.stdout);
    page.stdout_has(&[
        "Context      direct",
        "Credentials  token file",
        &direct.server,
    ]);
    // What is given by hand is stronger, and what the file says of its own server is not shown to another.
    world.home.write("wrong", "guessed");
    let wrong = run(world, &["ls", "--token-file", "wrong"]).end();
    wrong.code(5).stderr_has(&["Unauthorized"]);
    let named = [
        "--server",
        &direct.server,
        "--certificate-authority",
        &direct.authority,
    ];
    let other = run(world, &[&["ls"], &named[..]].concat()).end();
    other.code(5).stdout("");
    // A kubeconfig that is asked for by hand counts.
    let kubeconfig = world.kubeconfig(User::Admin).display().to_string();
    run(world, &["ls", "--kubeconfig", &kubeconfig])
        .end()
        .code(0);
    let view = run(world, &["config", "view"]).end().code(0);
    assert!(!view.stdout.contains(&direct.token), "{}", view.stdout);
}

/// The sandbox asks nobody for a certificate.
#[test]
fn a_client_certificate_takes_the_place_of_a_token() {
    let Some(world) = world::begin(Backend::ControlPlane) else {
        return;
    };
    let control_plane = world::control_plane().unwrap();
    let [certificate, key] = control_plane
        .client_certificate()
        .map(|path| path.display().to_string());
    let direct = direct(&world);
    let server = [
        "--server",
        &direct.server,
        "--certificate-authority",
        &direct.authority,
    ];
    let nobody = run(&world, &[&["ls"], &server[..]].concat()).end();
    nobody.code(5).stdout("");
    let flags = ["--client-certificate", &certificate, "--client-key", &key];
    run(&world, &[&["ls"], &server[..], &flags].concat())
        .end()
        .code(0);
    let settings = format!(
        "[cluster]\nserver = \"{}\"\ncertificate_authority = \"{}\"\n\
         client_certificate = \"{certificate}\"\nclient_key = \"{key}\"\n",
        direct.server, direct.authority
    );
    world.home.write("config/bowline/config.toml", settings);
    let page = run(&world, &["doctor"]).end().code(0);
    page.stdout_has(&["Credentials  client certificate"]);
}

#[test]
fn faults_name_the_setting_or_the_flag_and_no_secret() {
    let home = Home::new();
    let check = |args: &[&str], settings: &str, code: i32, parts: &[&str]| {
        home.write("config/bowline/config.toml", settings);
        let args = [&["ls"], args].concat();
        let run = home.bowline(&args).env("BOWLINE_TOKEN", "hunter2");
        let ended = run.end().code(code).stderr_has(parts);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    };
    let server = "--server";
    check(
        &[server, "ftp://x"],
        "",
        1,
        &["--server is no URL of a server"],
    );
    let http = "http://k8s.example.com";
    check(
        &[server, http],
        "",
        5,
        &["--server is plain http", "credentials are not sent"],
    );
    let https = "https://127.0.0.1:1";
    check(
        &[server, https, "--certificate-authority", "nope"],
        "",
        1,
        &["--certificate-authority: cannot read ", "nope"],
    );
    check(
        &[server, https, "--client-key", "ca"],
        "",
        1,
        &["--client-key is of no use without its certificate"],
    );
    check(
        &["--token-file", "t"],
        "",
        2,
        &["--token-file belongs to a server"],
    );
    check(&[server, https, "--context", "dev"], "", 2, &["--context"]);
    check(&["--token", "x"], "", 2, &["--token"]);
    let settings =
        "[cluster]\nserver = \"https://127.0.0.1:1\"\ncertificate_authority = \"gone.crt\"\n";
    check(
        &[],
        settings,
        1,
        &[
            "config.toml: cluster.certificate_authority: cannot read",
            "gone.crt",
        ],
    );
    let settings = "[cluster]\nserver = \"http://k8s.example.com\"\n";
    check(
        &[],
        settings,
        5,
        &["config.toml: cluster.server is plain http"],
    );
    check(&[], "[cluster]\nserver = 3\n", 1, &["config.toml:2:"]);
    home.write("config/bowline/config.toml", "");
    let empty = home.write("empty", "\n").display().to_string();
    let token = home
        .bowline(&["ls", server, https, "--token-file", &empty])
        .end();
    token.code(1).stderr_has(&["--token-file: ", "is empty"]);
}
