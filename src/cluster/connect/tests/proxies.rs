//! Proxies: gone through as the kubeconfig says, and named where they do not work.

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::*;

/// How a proxy of these tests takes part in a connection.
#[derive(Debug, Clone, Copy)]
enum Proxy {
    /// By `CONNECT`.
    Http,
    Socks5,
    /// It wants a login.
    Locked,
}

impl Proxy {
    /// Runs it on loopback. Returns its address, and how many connections it passed on.
    async fn run(self) -> (String, Arc<Mutex<usize>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let n_passed = Arc::new(Mutex::new(0));
        let count = n_passed.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let count = count.clone();
                tokio::spawn(async move {
                    if let Some(mut server) = self.greet(&mut client).await {
                        *count.lock().unwrap() += 1;
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        (address, n_passed)
    }

    /// Does what comes first, and returns the connection that is wanted.
    async fn greet(self, client: &mut TcpStream) -> Option<TcpStream> {
        let mut asked = [0; 4096];
        let len = client.read(&mut asked).await.unwrap();
        match self {
            Self::Http => {
                let request = String::from_utf8_lossy(&asked[..len]).into_owned();
                let target = request.strip_prefix("CONNECT ")?.split(' ').next()?;
                let server = TcpStream::connect(target).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                Some(server)
            }
            Self::Socks5 => {
                assert_eq!(asked[0], 5);
                client.write_all(&[5, 0]).await.unwrap();
                let len = client.read(&mut asked).await.unwrap();
                let port = u16::from_be_bytes([asked[len - 2], asked[len - 1]]);
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let answer = [5, 0, 0, 1, 127, 0, 0, 1, 0, 0];
                client.write_all(&answer).await.unwrap();
                Some(server)
            }
            Self::Locked => {
                let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
                client.write_all(refusal).await.unwrap();
                None
            }
        }
    }
}

async fn connect_through(proxy: &str, server: &str) -> Cluster {
    let cluster = format!("'{server}', proxy-url: '{proxy}'");
    let text = CONFIG.replace("'https://10.0.0.1:6443'", &cluster);
    let files = Files::new();
    let options = ConnectOptions {
        kubeconfig: Some(files.write("config", &text)),
        ..ConnectOptions::default()
    };
    connect(&options).await.unwrap()
}

#[tokio::test]
async fn proxy_of_the_kubeconfig_is_gone_through() {
    let (server, _) = server(Arc::new(Mutex::new("hunter2".to_owned()))).await;
    for (proxy, scheme) in [(Proxy::Http, "http"), (Proxy::Socks5, "socks5")] {
        let (address, n_passed) = proxy.run().await;
        let proxy_url = format!("{scheme}://{address}");
        let cluster = connect_through(&proxy_url, &format!("http://{server}")).await;
        let found = cluster.get(&web()).await.unwrap();
        assert!(found.is_some(), "{proxy:?}");
        assert!(*n_passed.lock().unwrap() > 0, "{proxy:?}");
    }
}

#[tokio::test]
async fn proxy_that_does_not_work_is_named_without_its_password() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let (locked, _) = Proxy::Locked.run().await;
    let wants = "the proxy wants a login: user and password stand in its URL";
    for (scheme, address, why) in [
        ("http", &closed, "refused"),
        ("socks5", &closed, "the proxy does not answer"),
        ("http", &locked, wants),
    ] {
        let proxy = format!("{scheme}://ann:hunter3@{address}");
        let cluster = connect_through(&proxy, "https://cluster.invalid").await;
        let failure = cluster.get(&web()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unreachable);
        let told = format!("(through the proxy {scheme}://{address})");
        assert!(failure.summary.ends_with(&told), "{failure}");
        assert!(failure.summary.contains(why), "{failure}");
        assert!(!format!("{failure:?}").contains("hunter3"), "{failure:?}");
    }
}
