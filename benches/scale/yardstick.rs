//! The yardstick: how fast the same pods download as compact JSON, without being decoded.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::AsyncReadExt;
use kube::Client;

use crate::fleet;

pub(crate) struct Download {
    pub n_bytes: u64,
    pub took: Duration,
}

pub(crate) async fn download(client: &Client) -> Result<Download> {
    let path = format!("/api/v1/namespaces/{}/pods", fleet::NAMESPACE);
    // Compact is what everybody gets but curl and wget, whose answers are indented.
    let request = http::Request::get(path)
        .header("user-agent", "scale")
        .body(Vec::new())?;
    let start = Instant::now();
    let stream = client.request_stream(request).await?;
    futures::pin_mut!(stream);
    let mut buffer = vec![0; 1 << 16];
    let mut n_bytes = 0;
    loop {
        match stream.read(&mut buffer).await? {
            0 => break,
            n => n_bytes += n as u64,
        }
    }
    Ok(Download {
        n_bytes,
        took: start.elapsed(),
    })
}
