use super::wire::{Client, get};
use super::*;
use crate::http::server::limits::REFUSAL;

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_body_of_the_limit_passes_and_one_more_byte_is_413() {
    let server = Running::start(Limits { body: 1_000, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.post("/length", &[b'x'; 1_000]).await.text(), "1000");
    let answer = client.post("/length", &[b'x'; 1_001]).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    assert_eq!(answer.header("connection"), Some("close"));
    let mut client = Client::connect(server.address).await;
    let answer = client.post("/ignore", &[b'x'; 1_001]).await;
    assert_eq!(answer.status, 413, "whether or not the handler reads it");
}

#[tokio::test]
async fn a_body_without_announced_length_is_counted() {
    let server = Running::start(Limits { body: 1_000, ..Limits::default() }).await;
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let mut client = Client::connect(server.address).await;
    let head = "POST /length HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(format!("{head}{chunk}{chunk}0\r\n\r\n")).await;
    assert_eq!(client.answer().await.text(), "1000");
    client.send(format!("{head}{chunk}{chunk}1\r\nx\r\n")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn the_limit_may_be_above_the_frameworks_own() {
    let server = Running::start(Limits { body: 4 * MIB, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.post("/length", &vec![b'x'; 3 * MIB]).await.text(), (3 * MIB).to_string());
}

/// A reset would overtake the answer, if the server closed without reading on.
#[tokio::test]
async fn who_sends_far_too_much_can_read_why() {
    let server = Running::start(Limits::default()).await;
    for _ in 0..20 {
        let mut client = Client::connect(server.address).await;
        assert_eq!(client.post("/length", &vec![b'x'; 4 * MIB]).await.code(), "body_too_large");
    }
}

#[tokio::test]
async fn who_never_stops_sending_is_not_read_for_ever() {
    let server = Running::start(Limits { body: 1_000, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    client.send("POST /length HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999999\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 413);
    let took = client.drip_until_closed(ms(50)).await;
    assert!((ms(800)..LATE).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_body_that_no_handler_wants_does_not_cost_the_connection() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.post("/ignore", b"a few bytes").await.text(), "ignored");
    assert_eq!(client.get("/").await.text(), "hello");
}

#[tokio::test]
async fn a_huge_head_is_431() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send(format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024))).await;
    assert_eq!(client.answer().await.status, 431);
}

#[tokio::test]
async fn a_small_head_limit_counts_as_the_least_there_is() {
    let server = Running::start(Limits { head_bytes: 1, ..Limits::default() }).await;
    assert_eq!(get(server.address, "/").await.text(), "hello");
}

#[tokio::test]
async fn too_many_headers_are_431() {
    let server = Running::start(Limits::default()).await;
    let with = |n: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(n));
    let mut client = Client::connect(server.address).await;
    client.send(with(64)).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(with(65)).await;
    assert_eq!(client.answer().await.code(), "too_many_headers");
    client.send(with(200)).await;
    assert_eq!(client.answer().await.status, 431);
}

#[tokio::test]
async fn above_the_connection_limit_is_503_until_one_leaves() {
    let server = Running::start(Limits { connections: 2, ..Limits::default() }).await;
    // Both work: idle ones would make room.
    let mut first = Client::connect(server.address).await;
    let mut second = Client::connect(server.address).await;
    for client in [&mut first, &mut second] {
        client.send("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
    }

    let mut quickest = PATIENCE;
    for _ in 0..5 {
        let asked = Instant::now();
        let mut third = Client::connect(server.address).await;
        let answer = third.get("/").await;
        quickest = quickest.min(asked.elapsed());
        assert_eq!((answer.status, answer.code().as_str()), (503, "too_many_connections"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        third.until_closed().await;
    }
    // Who has asked is not made to wait like who is silent: that would be in each of the five.
    assert!(quickest < REFUSAL / 4, "{quickest:?}");

    drop(first);
    // The server learns of it by itself.
    let room = async { while get(server.address, "/").await.status != 200 {} };
    timeout(PATIENCE, room).await.unwrap();
    assert!(second.chunk().await.is_some());
}

#[tokio::test]
async fn a_connection_above_the_limit_is_told_before_it_asks() {
    let server = Running::start(Limits { connections: 0, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.answer().await.status, 503);
    client.until_closed().await;
}

#[tokio::test]
async fn one_peer_cannot_take_all_connections() {
    let server = Running::start(Limits { connections_per_peer: 2, ..Limits::default() }).await;
    let mut mine = [Client::connect(server.address).await, Client::connect(server.address).await];
    for client in &mut mine {
        client.send("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
    }
    assert_eq!(get(server.address, "/").await.code(), "too_many_connections");
    let mut other = Client::connect_from("127.0.0.2", server.address).await;
    assert_eq!(other.get("/").await.status, 200);
}
