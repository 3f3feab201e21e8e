//! Who holds connections of HTTP/2 and does nothing with them but answer pings.

use tokio::task::JoinSet;

use super::http2::{GOAWAY, Http2};
use super::wire::{Client, get};
use super::*;
use crate::http::server::limits::LEAST_REST;

/// Connections of one address: each has been answered once, and answers every ping.
struct Attacker {
    held: JoinSet<bool>,
}

impl Attacker {
    async fn hold(count: usize, from: &str, to: SocketAddr) -> Self {
        let mut held = JoinSet::new();
        for _ in 0..count {
            let mut it = Http2::begin(Client::connect_from(from, to).await.stream, &[]).await;
            it.get(1, "/").await.unwrap();
            assert_eq!(it.answer(1).await.0, 200);
            held.spawn(async move { until_end(&mut it).await });
        }
        Self { held }
    }

    /// How many were told to go, and are closed.
    fn gone(&mut self) -> usize {
        std::iter::from_fn(|| self.held.try_join_next()).filter(|it| *it.as_ref().unwrap()).count()
    }
}

/// Answers pings until the connection is closed; says whether GOAWAY came before.
async fn until_end(held: &mut Http2) -> bool {
    let mut told = false;
    while let Some(frame) = held.read_patiently().await {
        told |= frame.kind == GOAWAY;
    }
    told
}

/// Asks from an address until it is answered; says how often that took.
async fn ask_from(address: &str, server: SocketAddr) -> u16 {
    Client::connect_from(address, server).await.get("/").await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_all_that_one_address_may_does_not_lock_out_others_nor_itself() {
    let server = Running::start(Limits::default()).await;
    let share = Limits::default().connections_per_peer;
    assert!(2 * share < Limits::default().connections, "others have room");
    let mut attacker = Attacker::hold(share, "127.0.0.2", server.address).await;
    assert_eq!(ask_from("127.0.0.3", server.address).await, 200, "of another address");
    sleep(LEAST_REST + ms(100)).await;
    for _ in 0..3 {
        assert_eq!(ask_from("127.0.0.2", server.address).await, 200, "of the same address");
    }
    let mut gone = 0;
    let closed = async {
        // The honest ones have left their places, so that not each of them needed one.
        while gone == 0 {
            gone += attacker.gone();
            sleep(ms(20)).await;
        }
    };
    timeout(PATIENCE, closed).await.unwrap();
    assert!(gone <= 3, "{gone} were closed for three");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_full_of_idle_connections_takes_a_new_one() {
    let limits = Limits { connections: 12, connections_per_peer: 6, ..Limits::default() };
    // Nobody is closed for want of room by themselves.
    let limits = Limits { head: PATIENCE, ..limits };
    let server = Running::start(limits).await;
    let mut working = Client::connect(server.address).await;
    working.send("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(working.head().await.status, 200);
    let _one = Attacker::hold(6, "127.0.0.2", server.address).await;
    let _other = Attacker::hold(5, "127.0.0.3", server.address).await;
    sleep(LEAST_REST + ms(100)).await;
    let mut honest = Client::connect_from("127.0.0.4", server.address).await;
    for _ in 0..5 {
        assert_eq!(honest.get("/").await.status, 200);
        assert_eq!(ask_from("127.0.0.5", server.address).await, 200);
    }
    assert_eq!(working.chunk().await.unwrap(), b"data: tick\n\n", "who works is not closed");
}

#[tokio::test]
async fn pings_do_not_keep_a_connection_without_requests() {
    let limits = Limits { head: ms(200), idle: ms(800), ..Limits::default() };
    let server = Running::start(limits).await;
    let mut client = Http2::connect(server.address).await;
    client.get(1, "/").await.unwrap();
    assert_eq!(client.answer(1).await.0, 200);
    let begin = Instant::now();
    let told = async {
        loop {
            let _ = client.ping().await;
            match timeout(ms(50), client.read()).await {
                Ok(Some(frame)) if frame.kind == GOAWAY => break until_end(&mut client).await,
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => break false,
            }
        }
    };
    timeout(PATIENCE, told).await.expect("it is kept");
    assert!((ms(700)..ms(800) + LATE).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_connection_whose_only_stream_waits_for_news_is_kept() {
    let limits = Limits { head: ms(100), idle: ms(150), write_stall: ms(150), ..Limits::default() };
    let server = Running::start(limits).await;
    let mut client = Http2::connect(server.address).await;
    client.get(1, "/events").await.unwrap();
    // An event every 400 ms: longer than a connection without streams would be kept.
    for _ in 0..4 {
        let frame = client.read().await.expect("it is closed");
        assert_ne!(frame.kind, GOAWAY, "{frame:?}");
    }
}

#[tokio::test]
async fn who_grants_no_window_for_an_answer_is_closed() {
    let limits = Limits { head: ms(100), write_stall: ms(600), ..Limits::default() };
    let server = Running::start(limits).await;
    let stream = Client::connect(server.address).await.stream;
    // SETTINGS_INITIAL_WINDOW_SIZE of nothing.
    let mut client = Http2::begin(stream, &[0, 4, 0, 0, 0, 0]).await;
    client.get(1, "/").await.unwrap();
    let begin = Instant::now();
    timeout(PATIENCE, until_end(&mut client)).await.expect("it is kept");
    assert!((ms(500)..ms(600) + LATE).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    assert_eq!(get(server.address, "/").await.status, 200);
}

#[tokio::test]
async fn who_takes_an_answer_bit_by_bit_gets_it_all() {
    let limits = Limits { head: ms(100), idle: ms(300), write_stall: ms(300), ..Limits::default() };
    let server = Running::start(limits).await;
    let stream = Client::connect(server.address).await.stream;
    let window = 8_192_u32;
    let settings = [&[0, 4][..], &window.to_be_bytes()].concat();
    let mut client = Http2::begin(stream, &settings).await;
    client.get(1, "/big").await.unwrap();
    let (begin, mut taken) = (Instant::now(), 0);
    while begin.elapsed() < ms(1_500) {
        let frame = client.read().await.expect("it is closed");
        if frame.kind == super::http2::DATA {
            taken += frame.payload.len();
            sleep(ms(50)).await;
            client.grant(1, frame.payload.len()).await;
        }
    }
    assert!(taken > 10 * window as usize, "{taken}");
}
