//! A server in front of the cluster of a case: it passes everything on, but for what a test wants to go wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::program::Run;
use crate::world::{AwaitIn, World};

/// What goes wrong, and where: with the requests of a method whose path ends so.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    method: &'static str,
    path: &'static str,
    /// Whether dry runs are meant, instead of writes.
    of_rehearsals: bool,
    /// Whether it is carried out all the same.
    is_done: bool,
    status: u16,
    body: String,
}

impl Fault {
    /// A request is refused, and not carried out.
    pub(crate) fn refusal(
        method: &'static str,
        path: &'static str,
        status: u16,
        body: impl ToString,
    ) -> Self {
        Self {
            method,
            path,
            of_rehearsals: false,
            is_done: false,
            status,
            body: body.to_string(),
        }
    }

    pub(crate) fn of_rehearsals(self) -> Self {
        Self {
            of_rehearsals: true,
            ..self
        }
    }

    /// It is carried out, and answered as if it was not.
    pub(crate) fn though_done(self) -> Self {
        Self {
            is_done: true,
            ..self
        }
    }

    fn meets(&self, request: &Request<Incoming>) -> bool {
        let query = request.uri().query().unwrap_or_default();
        request.method() == self.method
            && request.uri().path().ends_with(self.path)
            && query.contains("dryRun") == self.of_rehearsals
    }
}

/// A refusal as a server writes it.
pub(crate) fn status(code: u16, message: &str, causes: Value) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code,
        "details": {"causes": causes},
    })
}

/// A server that passes on to the cluster of a case, as its administrator.
pub(crate) struct Front {
    address: SocketAddr,
    faults: Arc<Mutex<Vec<Fault>>>,
}

impl Front {
    pub(crate) fn of(world: &World) -> Self {
        let faults = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await_in(world)
            .unwrap();
        let address = listener.local_addr().unwrap();
        world.spawn(accept(listener, world.admin.clone(), faults.clone()));
        Self { address, faults }
    }

    /// Lets these go wrong from now on, and nothing else.
    pub(crate) fn goes_wrong(&self, faults: &[Fault]) {
        *self.faults.lock().unwrap() = faults.to_vec();
    }

    /// Returns the program as it runs through this server.
    pub(crate) fn bowline(&self, world: &World, args: &[&str]) -> Run {
        self.bowline_as("{}", world, args)
    }

    /// Returns the program as this user of a kubeconfig, which is made of JSON.
    pub(crate) fn bowline_as(&self, user: &str, world: &World, args: &[&str]) -> Run {
        let text = format!(
            "current-context: front\n\
             contexts: [{{name: front, context: {{cluster: front, user: front}}}}]\n\
             clusters: [{{name: front, cluster: {{server: \"http://{}\"}}}}]\n\
             users: [{{name: front, user: {user}}}]\n",
            self.address
        );
        let file = world.home.write("front.kubeconfig", text);
        world.bowline(args).env("KUBECONFIG", file)
    }
}

async fn accept(listener: TcpListener, client: Client, faults: Arc<Mutex<Vec<Fault>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (client, faults) = (client.clone(), faults.clone());
        let service = hyper::service::service_fn(move |request| {
            let (client, faults) = (client.clone(), faults.clone());
            async move { Ok::<_, std::convert::Infallible>(answer(client, &faults, request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

async fn answer(
    client: Client,
    faults: &Mutex<Vec<Fault>>,
    request: Request<Incoming>,
) -> Response<Body> {
    let fault = faults
        .lock()
        .unwrap()
        .iter()
        .find(|fault| fault.meets(&request))
        .cloned();
    match fault {
        Some(fault) if fault.is_done => {
            drop(pass_on(client, request).await);
            refuse(fault.status, fault.body)
        }
        Some(fault) => refuse(fault.status, fault.body),
        None => pass_on(client, request).await,
    }
}

fn refuse(status: u16, body: String) -> Response<Body> {
    let body = Body::from(body.into_bytes());
    Response::builder().status(status).body(body).unwrap()
}

async fn pass_on(client: Client, request: Request<Incoming>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    for name in [
        header::HOST,
        header::AUTHORIZATION,
        header::CONTENT_LENGTH,
        header::ACCEPT_ENCODING,
    ] {
        parts.headers.remove(name);
    }
    let body = body.collect().await.unwrap().to_bytes();
    match client
        .send(Request::from_parts(parts, Body::from(body.to_vec())))
        .await
    {
        Ok(mut response) => {
            response.headers_mut().remove(header::TRANSFER_ENCODING);
            response
        }
        Err(error) => refuse(502, error.to_string()),
    }
}
