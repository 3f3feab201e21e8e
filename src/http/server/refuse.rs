//! The answer to a connection that there is no room for.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

use super::limits::{LINGER, REFUSAL, RETRY_AFTER};
use super::slots::Full;
use crate::http::problem::{PROBLEM_JSON, Problem};

/// Bytes read at a time of a request that is not looked at.
const SCRATCH: usize = 1024;

/// Answers whatever comes with 503 and closes. A client of HTTP/2 sees that as a broken connection.
pub(super) async fn refuse(mut stream: TcpStream, full: Full, id: Uuid) {
    // The client gets over it: it is told to come back, or the connection just ends.
    let _ = timeout(REFUSAL + LINGER, tell(&mut stream, full, id)).await;
}

async fn tell(stream: &mut TcpStream, full: Full, id: Uuid) -> io::Result<()> {
    let mut scratch = [0; SCRATCH];
    // An answer that comes before the request confuses some clients; one that waits for nothing is
    // told anyway.
    if let Ok(read) = timeout(REFUSAL / 4, stream.read(&mut scratch)).await
        && read? == 0
    {
        return Ok(());
    }
    stream.write_all(&answer(full, id)).await?;
    stream.shutdown().await?;
    // As everywhere: no reset may overtake the answer.
    while stream.read(&mut scratch).await? > 0 {}
    Ok(())
}

fn answer(full: Full, id: Uuid) -> Vec<u8> {
    let detail = match full {
        Full::Server => "the server has as many connections as it may have",
        Full::Peer => "this address has as many connections as it may have",
    };
    let document = Problem::new(503, "too_many_connections", "Too many connections", detail)
        .hint("keep connections and use them again, or come back later")
        .request_id(id.to_string())
        .retry_after(RETRY_AFTER)
        .to_json();
    let mut answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\n\
         retry-after: {RETRY_AFTER}\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n",
        document.len()
    )
    .into_bytes();
    answer.extend(document);
    answer
}
