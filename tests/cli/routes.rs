//! Where instances are reached, and `update-ingress`, on a cluster.

use serde_json::json;

use crate::imports::create;
use crate::program::WEB;
use crate::world::World;

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    let args = ["deploy", name, "-y", "--wait=false"];
    world.bowline(&args).end().code(0);
}

/// Exposed under the host of the settings, by a path of its own.
fn exposed() -> String {
    format!("{WEB}exposed_service: nginx\nexposed_port: 80\n")
}

pub(crate) fn addresses_are_told(world: &World) {
    let host = format!("{}.example.com", world.namespace);
    deploy(
        world,
        "web",
        &format!("{}exposed_hostname: {host}\n", exposed()),
    );
    deploy(
        world,
        "nodes",
        &format!("{WEB}service: {{type: NodePort}}\n"),
    );
    let url = format!("http://{host}");
    let page = world.bowline(&["status", "web"]).end().code(0);
    page.stdout_has(&[&format!("Addresses   {url}\n")]);
    let status = world
        .bowline(&["status", "web", "-o", "json"])
        .end()
        .code(0);
    assert_eq!(
        status.json()["addresses"],
        json!([{"kind": "Ingress", "object": "Ingress/web", "address": url, "pending": false}])
    );
    let nodes = world
        .bowline(&["status", "nodes", "-o", "json"])
        .end()
        .code(0);
    let nodes = nodes.json()["addresses"][0]["address"]
        .as_str()
        .unwrap()
        .to_owned();
    let (host, port) = nodes.rsplit_once(':').unwrap();
    assert!(host.parse::<std::net::IpAddr>().is_ok(), "{nodes}");
    assert!(
        port.parse::<u16>().is_ok_and(|port| port >= 30000),
        "{nodes}"
    );
    let wide = world.bowline(&["ls", "-o", "wide"]).end().code(0);
    wide.stdout_has(&["URL", &url, &nodes]);
}

fn set_host(world: &World, host: &str) {
    let settings = format!("[ingress]\nhost = \"{host}\"\n");
    world.home.write("config/bowline/config.toml", settings);
}

pub(crate) fn routes_are_computed_again(world: &World) {
    set_host(world, "old.example.com");
    deploy(world, "web", &exposed());
    deploy(world, "api", &exposed());
    deploy(world, "inside", WEB);
    set_host(world, "new.example.com");
    let shown = world
        .bowline(&["update-ingress", "--dry-run"])
        .end()
        .code(0);
    shown.stdout_has(&[
        "web in ",
        "~ update Ingress/web",
        "-   - host: old.example.com",
        "+   - host: new.example.com",
        "~ update Ingress/api",
    ]);
    // Nobody can be asked, who sees all the same what it would be about.
    let unasked = world.bowline(&["update-ingress", "web"]).end().code(2);
    unasked.stderr_has(&["~ update Ingress/web", "no terminal", "--yes"]);
    let url = |id: &str| {
        let status = world.bowline(&["status", id, "-o", "json"]).end().code(0);
        status.json()["addresses"][0]["address"].clone()
    };
    assert_eq!(url("web"), "http://old.example.com/web");
    let one = world
        .bowline(&["update_ingress", "web", "-y"])
        .end()
        .code(0);
    one.stdout("").stderr_has(&["✔ Ingress/web applied"]);
    assert_eq!(url("web"), "http://new.example.com/web");
    // There is nothing to ask where nothing would change.
    world.bowline(&["update-ingress", "web"]).end().code(0);
    assert_eq!(url("api"), "http://old.example.com/api");
    let all = world
        .bowline(&["update-ingress", "-y", "-o", "json"])
        .end()
        .code(0)
        .json();
    let told = all
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| json!([plan["id"], plan["unchanged"], plan["outcome"]["complete"]]));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            json!(["api", false, true]),
            json!(["inside", true, null]),
            json!(["web", true, null]),
        ]
    );
    assert_eq!(url("api"), "http://new.example.com/api");
    let again = world.bowline(&["update-ingress", "-y"]).end().code(0);
    again.stderr_has(&[
        "web in ",
        "its routes are as they should be",
        "nothing to change",
    ]);
    let missing = world
        .bowline(&["update-ingress", "shop", "-y"])
        .end()
        .code(1);
    missing.stderr_has(&["there is no instance shop"]);
}

pub(crate) fn one_that_is_refused_keeps_no_other_from_its_route(world: &World) {
    set_host(world, "old.example.com");
    deploy(world, "web", &exposed());
    deploy(world, "api", &format!("protected: true\n{}", exposed()));
    set_host(world, "new.example.com");
    let ids = ["update-ingress", "web", "api", "shop", "-y"];
    let partly = world.bowline(&ids).end().code(3);
    partly.stderr_has(&[
        "there is no instance shop",
        "api is protected",
        "--confirm api",
        "✔ Ingress/web applied",
        "1 of 3 done; left as they were: api, shop",
    ]);
    let partly = world
        .bowline(&[&ids[..], &["--confirm", "api"]].concat())
        .end()
        .code(3);
    partly.stderr_has(&[
        "error: there is no instance shop",
        "its routes are as they should be",
        "✔ Ingress/api applied",
        "2 of 3 done; left as they were: shop",
    ]);
    // What is there is as it should be, and the rest is not there.
    let again = world.bowline(&["update-ingress", "web", "shop", "-y"]);
    let again = again.end().code(3);
    assert!(
        !again.stderr.contains("nothing to change in"),
        "{}",
        again.stderr
    );
    again.stderr_has(&["1 of 2 done; left as they were: shop"]);
    let wanted = ["update-ingress", "web", "shop", "-y", "--ignore-not-found"];
    world.bowline(&wanted).end().code(0);
    // Where none is named, those without routes are none of them.
    deploy(world, "inside", WEB);
    set_host(world, "newer.example.com");
    let all = world.bowline(&["update-ingress", "-y"]).end().code(3);
    all.stderr_has(&["1 of 2 done; left as they were: api"]);
}

pub(crate) fn one_that_was_adopted_alone_keeps_no_other_from_its_route(world: &World) {
    set_host(world, "old.example.com");
    deploy(world, "web", &exposed());
    let settings =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
    create(world, settings.clone());
    world.home.save("found", &settings.to_string());
    world.bowline(&["adopt", "found", "-y"]).end().code(0);
    set_host(world, "new.example.com");
    let all = world.bowline(&["update-ingress", "-y"]).end().code(0);
    all.stderr_has(&[
        "found in ",
        "it was not deployed yet",
        "✔ Ingress/web applied",
    ]);
    let one = world.bowline(&["update-ingress", "found", "-y"]);
    one.end()
        .code(5)
        .stderr_has(&["no deploy of it came to its end yet"]);
}
