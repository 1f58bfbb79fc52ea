//! Ports as they are written and found.

use serde_json::json;

use super::PortSpec;
use super::ports::resolve;
use crate::definition::object::Object;
use crate::service::forward::RemotePort;

#[test]
fn ports_are_written_as_kubectl_writes_them() {
    let check = |text: &str, expected: Option<(Option<u16>, RemotePort)>| {
        let spec = text.parse::<PortSpec>().ok();
        let found = spec.map(|spec| (spec.local, spec.remote));
        assert_eq!(found, expected, "{text}");
    };
    let http = || RemotePort::Name("http".to_owned());
    check("80", Some((None, RemotePort::Number(80))));
    check("8080:80", Some((Some(8080), RemotePort::Number(80))));
    check(":80", Some((Some(0), RemotePort::Number(80))));
    check("0:http", Some((Some(0), http())));
    check("http", Some((None, http())));
    check("0", None);
    check("80:0", None);
    check("70000:80", None);
    check("80:70000", None);
    check("a:80", None);
    check("8080:", None);
    check("", None);
    check("80:80:80", None);
}

#[test]
fn a_port_is_the_services_before_it_is_a_containers() {
    let object = |json| Object::from_json(json).unwrap();
    let service = object(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"ports": [
            {"name": "http", "port": 80, "targetPort": 8080},
            {"name": "admin", "port": 81, "targetPort": "adm"},
            {"name": "same", "port": 82},
        ]},
    }));
    let pod = object(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1"},
        "spec": {"containers": [{"name": "c", "ports": [{"name": "adm", "containerPort": 9000}]}]},
    }));
    let check = |remote: &str, service: Option<&Object>, expected: Result<u16, &str>| {
        let spec: PortSpec = remote.parse().unwrap();
        let found = resolve(&spec.remote, service, std::slice::from_ref(&pod));
        let found = found.map_err(|failure| failure.summary);
        assert_eq!(found, expected.map_err(str::to_owned), "{remote}");
    };
    check("80", Some(&service), Ok(8080));
    check("http", Some(&service), Ok(8080));
    check("81", Some(&service), Ok(9000));
    check("adm", Some(&service), Ok(9000));
    check("82", Some(&service), Ok(82));
    check("9000", Some(&service), Ok(9000));
    let hint = "with --pod any port of a pod can be named";
    let all = "there are: adm (9000), admin (81), http (80), same (82)";
    let refusal = format!("there is no port 9999; {all}; {hint}");
    check("9999", Some(&service), Err(&refusal));
    let refusal = format!("there is no port grpc; {all}");
    check("grpc", Some(&service), Err(&refusal));
    check("9000", None, Ok(9000));
    let refusal = format!("there is no port 80; there are: adm (9000); {hint}");
    check("80", None, Err(&refusal));
}

#[test]
fn of_containers_that_name_no_ports_any_may_be_meant() {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1"},
        "spec": {"containers": [{"name": "c"}]},
    });
    let pods = [Object::from_json(pod).unwrap()];
    assert_eq!(resolve(&RemotePort::Number(80), None, &pods), Ok(80));
}
