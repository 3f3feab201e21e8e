//! A client that sends what it is told to, and reads what comes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::PATIENCE;

pub(super) struct Client {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The problem document, checked to be one and to name its request.
    pub(super) fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(document["status"], self.status);
        assert_eq!(document["request_id"].as_str(), self.header("x-request-id"));
        assert_eq!(document["type"], format!("/problems/{}", document["code"].as_str().unwrap()));
        document
    }

    pub(super) fn code(&self) -> String {
        self.problem()["code"].as_str().unwrap().to_owned()
    }
}

impl Client {
    pub(super) async fn connect(to: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(to).await.unwrap(), buffer: Vec::new() }
    }

    /// Connects from another address of this machine.
    pub(super) async fn connect_from(from: &str, to: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        Self { stream: socket.connect(to).await.unwrap(), buffer: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends a byte at a time until the server refuses to take more; says when that was.
    pub(super) async fn drip_until_closed(&mut self, every: Duration) -> Duration {
        let start = Instant::now();
        let drip = async {
            while self.stream.write_all(b"x").await.is_ok() {
                sleep(every).await;
            }
        };
        timeout(PATIENCE, drip).await.unwrap();
        start.elapsed()
    }

    /// How long the server keeps the silent connection.
    pub(super) async fn until_closed(&mut self) -> Duration {
        let start = Instant::now();
        let mut scratch = [0; 1024];
        let read = async { while self.stream.read(&mut scratch).await.is_ok_and(|n| n > 0) {} };
        timeout(PATIENCE, read).await.unwrap();
        start.elapsed()
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        self.answer().await
    }

    pub(super) async fn post(&mut self, path: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.send(head).await;
        self.send(body).await;
        self.answer().await
    }

    pub(super) async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, self.read_answer(true)).await.unwrap()
    }

    /// An answer to HEAD.
    pub(super) async fn answer_without_body(&mut self) -> Answer {
        timeout(PATIENCE, self.read_answer(false)).await.unwrap()
    }

    async fn read_answer(&mut self, with_body: bool) -> Answer {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "closed before an answer: {:?}", self.buffer);
        };
        let head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        if with_body && answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                answer.body.extend(chunk);
            }
        } else if with_body {
            let length = answer.header("content-length").map_or(0, |n| n.parse().unwrap());
            while self.buffer.len() < length {
                assert!(self.more().await, "closed inside a body");
            }
            answer.body = self.buffer.drain(..length).collect();
        }
        answer
    }

    /// The next chunk of a chunked body; none at its regular end.
    pub(super) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line_end = self.until_line_end(0).await;
        let size = std::str::from_utf8(&self.buffer[..line_end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let start = line_end + 2;
        while self.buffer.len() < start + size + 2 {
            assert!(self.more().await, "closed inside a chunk");
        }
        let chunk = self.buffer[start..start + size].to_vec();
        self.buffer.drain(..start + size + 2);
        (size > 0).then_some(chunk)
    }

    async fn until_line_end(&mut self, from: usize) -> usize {
        loop {
            if let Some(at) = self.buffer[from..].windows(2).position(|two| two == b"\r\n") {
                return from + at;
            }
            assert!(self.more().await, "closed before a chunk");
        }
    }

    /// Reads the head of a streamed answer only.
    pub(super) async fn head(&mut self) -> Answer {
        self.answer_without_body().await
    }

    /// Bytes that were read and not looked at.
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    pub(super) async fn read(&mut self, into: &mut [u8]) -> usize {
        timeout(PATIENCE, self.stream.read(into)).await.unwrap().unwrap()
    }

    async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.buffer).await.unwrap() > 0
    }
}

/// One request on a connection of its own.
pub(super) async fn get(to: SocketAddr, path: &str) -> Answer {
    Client::connect(to).await.get(path).await
}
