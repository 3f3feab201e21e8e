//! HTTP/2 in clear, with prior knowledge, written by hand: a few frames and indexed headers.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

pub(super) const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// `:method GET`, `:scheme http`, `:authority localhost` (without indexing).
const ASKED: &[u8] = b"\x82\x86\x01\x09localhost";

pub(super) struct Http2(TcpStream);

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    flags: u8,
    stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// The status, which is written by its place in the static table.
    fn status(&self) -> u16 {
        assert_eq!(self.kind, HEADERS, "{self:?}");
        match self.payload[0] {
            0x88 => 200,
            0x8d => 404,
            0x8e => 500,
            // A literal: name index 8, length 3, digits (Huffman coded or not).
            _ => 0,
        }
    }
}

impl Http2 {
    pub(super) async fn connect(to: SocketAddr) -> Self {
        Self::begin(TcpStream::connect(to).await.unwrap(), &[]).await
    }

    /// Begins with these settings.
    pub(super) async fn begin(mut stream: TcpStream, settings: &[u8]) -> Self {
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut connection = Self(stream);
        connection.write(SETTINGS, 0, 0, settings).await.unwrap();
        connection
    }

    async fn write(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await
    }

    pub(super) async fn get(&mut self, stream: u32, path: &str) -> std::io::Result<()> {
        // :path, without indexing.
        let mut block = [ASKED, &[0x04, u8::try_from(path.len()).unwrap()]].concat();
        block.extend(path.as_bytes());
        self.write(HEADERS, END_HEADERS | END_STREAM, stream, &block).await
    }

    /// The next frame that is not about the connection's settings, windows and pings; none at its
    /// end.
    pub(super) async fn read(&mut self) -> Option<Frame> {
        loop {
            let frame = timeout(PATIENCE, self.read_any()).await.unwrap()?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => {
                    self.write(SETTINGS, ACK, 0, &[]).await.ok()?;
                }
                PING if frame.flags & ACK == 0 => {
                    self.write(PING, ACK, 0, &frame.payload).await.ok()?;
                }
                DATA | HEADERS | RST_STREAM | GOAWAY => return Some(frame),
                _ => {}
            }
        }
    }

    /// The same, however long it takes.
    pub(super) async fn read_patiently(&mut self) -> Option<Frame> {
        let mut byte = [0];
        match self.0.peek(&mut byte).await.ok()? {
            0 => None,
            _ => self.read().await,
        }
    }

    pub(super) async fn ping(&mut self) -> std::io::Result<()> {
        self.write(PING, 0, 0, b"a ping!!").await
    }

    /// Lets the server send more, on a stream and on the connection.
    pub(super) async fn grant(&mut self, stream: u32, bytes: usize) {
        let more = u32::try_from(bytes).unwrap().to_be_bytes();
        self.write(WINDOW_UPDATE, 0, stream, &more).await.unwrap();
        self.write(WINDOW_UPDATE, 0, 0, &more).await.unwrap();
    }

    async fn read_any(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes([s0, s1, s2, s3]), payload })
    }

    /// The status and body of the answer on a stream.
    pub(super) async fn answer(&mut self, stream: u32) -> (u16, Vec<u8>) {
        let (mut status, mut body) = (None, Vec::new());
        loop {
            let frame = self.read().await.expect("closed before the answer");
            if frame.stream != stream {
                continue;
            }
            match frame.kind {
                HEADERS => status = Some(frame.status()),
                DATA => body.extend(&frame.payload),
                _ => panic!("{frame:?}"),
            }
            if frame.flags & END_STREAM != 0 {
                return (status.unwrap(), body);
            }
        }
    }
}

#[tokio::test]
async fn requests_are_answered() {
    let server = Running::start(Limits::default()).await;
    let mut client = Http2::connect(server.address).await;
    client.get(1, "/").await.unwrap();
    assert_eq!(client.answer(1).await, (200, b"hello".to_vec()));
    client.get(3, "/nowhere").await.unwrap();
    assert_eq!(client.answer(3).await.0, 404);
}

#[tokio::test]
async fn a_panic_costs_its_stream_only() {
    let server = Running::start(Limits::default()).await;
    let mut client = Http2::connect(server.address).await;
    client.get(1, "/slow").await.unwrap();
    client.get(3, "/panic").await.unwrap();
    let (status, body) = client.answer(3).await;
    assert_eq!(status, 500);
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["code"], "internal_error");
    assert_eq!(client.answer(1).await, (200, b"at last".to_vec()));
}

#[tokio::test]
async fn a_quiet_connection_is_kept_for_a_while() {
    let limits = Limits { head: ms(200), idle: PATIENCE, ..Limits::default() };
    let server = Running::start(limits).await;
    let mut client = Http2::connect(server.address).await;
    client.get(1, "/").await.unwrap();
    assert_eq!(client.answer(1).await.0, 200);
    sleep(ms(1_000)).await;
    client.get(3, "/").await.unwrap();
    assert_eq!(client.answer(3).await.0, 200);
}

#[tokio::test]
async fn streams_that_are_reset_as_fast_as_opened_end_the_connection() {
    let server = Running::start(Limits::default()).await;
    let mut client = Http2::connect(server.address).await;
    let cancel = 8u32.to_be_bytes();
    for n in 0..10_000u32 {
        if client.get(2 * n + 1, "/slow").await.is_err()
            || client.write(RST_STREAM, 0, 2 * n + 1, &cancel).await.is_err()
        {
            break;
        }
    }
    let end = async { while client.read().await.is_some() {} };
    timeout(PATIENCE, end).await.expect("the connection is kept");
    server.until_slow(0).await;
    assert_eq!(wire::get(server.address, "/").await.status, 200);
}

#[tokio::test]
async fn more_streams_than_allowed_are_refused() {
    let server = Running::start(Limits::default()).await;
    let mut client = Http2::connect(server.address).await;
    for n in 0..=crate::http::server::limits::h2::STREAMS {
        client.get(2 * n + 1, "/slow").await.unwrap();
    }
    let last = 2 * crate::http::server::limits::h2::STREAMS + 1;
    let frame = client.read().await.unwrap();
    assert_eq!((frame.kind, frame.stream), (RST_STREAM, last), "{frame:?}");
    assert_eq!(frame.payload, 7u32.to_be_bytes(), "REFUSED_STREAM: may be sent again");
    assert_eq!(client.answer(1).await.0, 200);
}

#[tokio::test]
async fn a_header_list_above_the_limit_is_not_served() {
    let server = Running::start(Limits::default()).await;
    let mut client = Http2::connect(server.address).await;
    // A header of 500 bytes (127 + 0x75 + 2 * 128) that is remembered, and then repeated by its
    // place.
    let mut block = [ASKED, &[0x84, 0x40, 1, b'y', 0x7f, 0xf5, 0x02]].concat();
    block.extend([b'z'; 500]);
    block.extend([0xbe; 40]);
    client.write(HEADERS, END_HEADERS | END_STREAM, 1, &block).await.unwrap();
    while let Some(frame) = client.read().await {
        if frame.kind == HEADERS {
            assert_ne!(frame.status(), 200);
            break;
        }
    }
    assert_eq!(wire::get(server.address, "/").await.status, 200);
}

#[tokio::test]
async fn at_stop_streams_are_finished() {
    let server = Running::start(Limits::default()).await;
    let mut client = Http2::connect(server.address).await;
    client.get(1, "/slow").await.unwrap();
    server.until_slow(1).await;
    let stopping = tokio::spawn(server.stop());
    assert_eq!(client.answer(1).await, (200, b"at last".to_vec()));
    while client.read().await.is_some() {}
    assert!(stopping.await.unwrap() < ms(1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_outlast_the_grace_are_dropped() {
    let server = Running::start(Limits { grace: ms(200), ..Limits::default() }).await;
    let mut client = Http2::connect(server.address).await;
    client.get(1, "/slow-to-drop").await.unwrap();
    server.until_slow(1).await;
    let running = Arc::clone(&server.slow);
    assert!(server.stop().await < ms(700));
    assert_eq!(running.load(Ordering::SeqCst), 0, "a handler still runs");
}
