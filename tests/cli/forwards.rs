//! `port-forward`: real connections through listeners of the program to the ports of pods.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bowline_control_plane::User;
use rustix::process::Signal;

use crate::program::{Followed, WEB};
use crate::world::{AwaitIn, Backend, World, begin};

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    world.bowline(&["deploy", name, "-y"]).end().code(0);
}

fn sandbox() -> World {
    let world = begin(Backend::Sandbox).unwrap();
    let text = WEB
        .replace(
            "port: 80}",
            "port: 80, targetPort: 8080}, {name: admin, port: 81}",
        )
        .replace("replicas: 1", "replicas: 2");
    deploy(&world, "web", &text);
    world
}

/// Begins to forward and returns the addresses that are listened on.
fn forward(world: &World, args: &[&str], n_ports: usize) -> (Followed, Vec<String>) {
    let args = [&["port-forward", "web", "--address", "127.0.0.1"], args].concat();
    let mut running = world.bowline(&args).follow();
    let ports = (0..n_ports).map(|_| {
        let line = running.line_with("Forwarding from 127.0.0.1:");
        line.trim()["Forwarding from ".len()..].to_owned()
    });
    let ports = ports.collect();
    (running, ports)
}

fn connect(port: &str) -> TcpStream {
    let address = port.split(" -> ").next().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
}

/// The answer to a request that ends by saying all, as simple clients do.
fn get(port: &str, path: &str) -> String {
    let mut stream = connect(port);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: web\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The pod that answered.
fn pod_of(answer: &str) -> String {
    let (_, pod) = answer.trim().rsplit_once(' ').unwrap_or_default();
    pod.to_owned()
}

pub(crate) fn what_cannot_be_forwarded_is_told(world: &World) {
    deploy(world, "web", WEB);
    let forward = |args: &[&str]| {
        world
            .bowline(&[&["port-forward", "web"], args].concat())
            .end()
    };
    forward(&[":grpc"])
        .code(1)
        .stdout("")
        .stderr_has(&["there is no port grpc; there are: http (80)"]);
    forward(&[":99"])
        .code(1)
        .stdout("")
        .stderr_has(&["there is no port 99; there are: http (80)", "--pod"]);
    forward(&["8080:80:80"]).code(2);
    forward(&["--address", "example.com", ":80"]).code(2);
    forward(&["--pod", "nope", ":80"])
        .code(1)
        .stderr_has(&["web has no pod nope"]);
    let none = world.bowline(&["port-forward", "none", ":80"]).end();
    none.code(1)
        .stderr_has(&["error: there is no instance none in namespace"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("{}:80", taken.local_addr().unwrap().port());
    forward(&[&port])
        .code(1)
        .stderr_has(&["cannot listen on 127.0.0.1:", "a free one with :REMOTE"]);
    // Nothing listens for who may not.
    let refused = world.bowline_as(User::Viewer, &["port-forward", "web", ":80"]);
    let words = format!(
        "error: this user may not get and create pods/portforward in {}",
        world.namespace
    );
    refused.end().code(5).stdout("").stderr_has(&[&words]);
}

pub(crate) fn what_goes_in_comes_out_through_the_server(world: &World) {
    deploy(world, "web", WEB);
    let (running, ports) = forward(world, &[":http"], 1);
    let sent = vec![0xa5; 300_000];
    for _ in 0..2 {
        let mut stream = connect(&ports[0]);
        let mut writer = stream.try_clone().unwrap();
        let copy = sent.clone();
        let writing = std::thread::spawn(move || writer.write_all(&copy).unwrap());
        let mut received = vec![0; sent.len()];
        stream.read_exact(&mut received).unwrap();
        writing.join().unwrap();
        assert!(received == sent);
    }
    running.signal(Signal::INT);
    assert_eq!(running.end().0, Some(130));
}

#[test]
fn several_ports_lead_to_the_pods_by_number_and_name() {
    let world = sandbox();
    // Of a pod that is named any port can be meant.
    let pod = world.names("v1", "Pod", "web").remove(0);
    let args = ["--pod", &pod, ":80", ":admin", ":9"];
    let (mut running, ports) = forward(&world, &args, 3);
    assert!(
        ports[0].ends_with(" -> 8080") && ports[1].ends_with(" -> 81"),
        "{ports:?}"
    );
    let answer = get(&ports[0], "/a");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(
        answer.contains("GET /a to port 8080 of container nginx in pod web-"),
        "{answer}"
    );
    assert!(get(&ports[1], "/").contains("port 81 of container"));
    // What is no HTTP comes back as it went, whole.
    let sent = vec![0xa5; 3_000_000];
    let mut stream = connect(&ports[0]);
    let mut writer = stream.try_clone().unwrap();
    let copy = sent.clone();
    let writing = std::thread::spawn(move || writer.write_all(&copy).unwrap());
    let mut received = vec![0; sent.len()];
    stream.read_exact(&mut received).unwrap();
    writing.join().unwrap();
    assert!(received == sent);
    // Nothing listens on one of them, which ends that connection and no other.
    assert_eq!(get(&ports[2], "/"), "");
    running.prose_with("connection refused");
    stream.write_all(b"\xa5still").unwrap();
    stream.read_exact(&mut received[..6]).unwrap();
    assert_eq!(&received[..6], b"\xa5still");
    running.signal(Signal::INT);
    assert_eq!(running.end().0, Some(130));
}

#[test]
fn another_pod_is_taken_when_one_goes_and_the_listener_stays() {
    let world = sandbox();
    let (mut running, ports) = forward(&world, &[":80"], 1);
    let first = pod_of(&get(&ports[0], "/"));
    let params = kube::api::DeleteParams::default();
    let api = world.api("v1", "Pod");
    drop(api.delete(&first, &params).await_in(&world).unwrap());
    running.prose_with("connections go on to pod web-");
    let second = pod_of(&get(&ports[0], "/"));
    assert_ne!(first, second);
    // Without any pod a connection waits for the next one.
    world.bowline(&["scale", "web", "0", "-y"]).end().code(0);
    running.prose_with("no pod of web is ready");
    let waiting = std::thread::spawn({
        let port = ports[0].clone();
        move || get(&port, "/late")
    });
    world.bowline(&["scale", "web", "1", "-y"]).end().code(0);
    assert!(waiting.join().unwrap().contains("GET /late"));
    running.signal(Signal::INT);
    assert_eq!(running.end().0, Some(130));
}
