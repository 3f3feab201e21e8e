use super::wire::{Client, get};
use super::*;

fn quick() -> Limits {
    Limits {
        head: ms(300),
        idle: ms(10_000),
        request: ms(300),
        write_stall: ms(300),
        ..Limits::default()
    }
}

fn assert_about(took: Duration, expected: u64) {
    assert!(took >= ms(expected * 8 / 10), "{took:?}, too soon for {expected} ms");
    assert!(took < ms(expected) + LATE, "{took:?}, too late for {expected} ms");
}

#[tokio::test]
async fn a_dripped_head_is_closed_in_time() {
    let server = Running::start(quick()).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nx: ").await;
    assert_about(client.drip_until_closed(ms(30)).await, 300);
}

#[tokio::test]
async fn a_silent_connection_is_closed_in_time() {
    let server = Running::start(quick()).await;
    assert_about(Client::connect(server.address).await.until_closed().await, 300);
}

#[tokio::test]
async fn half_a_preface_of_http2_is_closed_in_time() {
    let server = Running::start(quick()).await;
    let mut client = Client::connect(server.address).await;
    client.send("PRI * HTTP/2.0\r\n").await;
    assert_about(client.until_closed().await, 300);
}

#[tokio::test]
async fn a_whole_preface_and_no_request_is_closed_in_time() {
    let server = Running::start(quick()).await;
    let mut client = Client::connect(server.address).await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.send([0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    assert_about(client.until_closed().await, 300);
}

#[tokio::test]
async fn a_later_head_may_be_waited_for_but_not_dripped() {
    let server = Running::start(quick()).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.get("/").await.status, 200);
    // Idle for longer than a head may take, and still there.
    sleep(ms(900)).await;
    assert_eq!(client.get("/").await.status, 200);
    client.send("GET / HTTP/1.1\r\nx: ").await;
    assert_about(client.drip_until_closed(ms(30)).await, 300);
}

#[tokio::test]
async fn an_idle_connection_is_closed_at_its_limit() {
    let server = Running::start(Limits { idle: ms(1_200), ..quick() }).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.get("/").await.status, 200);
    assert_about(client.until_closed().await, 1_200);
}

#[tokio::test]
async fn an_idle_connection_after_a_streamed_answer_is_closed_too() {
    let server = Running::start(Limits { idle: ms(600), ..quick() }).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.get("/numbers").await.text(), "012345");
    assert_about(client.until_closed().await, 600);
}

#[tokio::test]
async fn idleness_is_counted_from_the_last_answer() {
    let server = Running::start(Limits { idle: ms(600), ..quick() }).await;
    let mut client = Client::connect(server.address).await;
    let mut answered = Instant::now();
    for _ in 0..8 {
        assert_eq!(client.get("/").await.status, 200);
        answered = Instant::now();
        sleep(ms(200)).await;
    }
    client.until_closed().await;
    assert_about(answered.elapsed(), 600);
}

#[tokio::test]
async fn idle_connections_make_room_when_it_gets_crowded() {
    let server = Running::start(Limits { connections: 4, ..quick() }).await;
    let mut first = Client::connect(server.address).await;
    let mut second = Client::connect(server.address).await;
    assert_eq!(first.get("/").await.status, 200);
    assert_eq!(second.get("/").await.status, 200);
    sleep(ms(900)).await;
    assert_eq!(first.get("/").await.status, 200, "two of four are no crowd");
    let mut third = Client::connect(server.address).await;
    assert_eq!(third.get("/").await.status, 200);
    let took = tokio::select! {
        took = first.until_closed() => took,
        took = second.until_closed() => took,
        took = third.until_closed() => took,
    };
    assert_about(took, 0);
}

#[tokio::test]
async fn a_dripped_body_is_answered_408() {
    let server = Running::start(quick()).await;
    for framing in ["content-length: 1000", "transfer-encoding: chunked"] {
        let mut client = Client::connect(server.address).await;
        client
            .send(format!("POST /length HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n3\r\nxxx"))
            .await;
        let sent = Instant::now();
        let answer = client.answer().await;
        assert_about(sent.elapsed(), 300);
        assert_eq!((answer.status, answer.code().as_str()), (408, "body_too_slow"));
        assert_eq!(answer.header("connection"), Some("close"));
        client.until_closed().await;
    }
}

#[tokio::test]
async fn a_slow_handler_is_answered_503_and_dropped() {
    let server = Running::start(quick()).await;
    let mut client = Client::connect(server.address).await;
    for body in [None, Some("all of it")] {
        let asked = Instant::now();
        let answer = match body {
            None => client.get("/slow").await,
            Some(body) => client.post("/slow", body.as_bytes()).await,
        };
        assert_about(asked.elapsed(), 300);
        assert_eq!((answer.status, answer.code().as_str()), (503, "timeout"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        server.until_slow(0).await;
    }
    assert_eq!(client.get("/").await.status, 200, "the connection can be used again");
}

#[tokio::test]
async fn an_event_stream_outlives_the_request_deadline() {
    let server = Running::start(Limits { idle: ms(300), ..quick() }).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(client.head().await.status, 200);
    for _ in 0..3 {
        assert_eq!(client.chunk().await.unwrap(), b"data: tick\n\n");
    }
}

#[tokio::test]
async fn who_takes_no_bytes_of_a_response_is_closed() {
    let server = Running::start(Limits { connections: 1, ..quick() }).await;
    let mut greedy = Client::connect(server.address).await;
    greedy.send("GET /big HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    sleep(ms(100)).await;
    assert_eq!(get(server.address, "/").await.status, 503, "it has the only connection");
    sleep(ms(900)).await;
    assert_eq!(get(server.address, "/").await.status, 200, "it has lost it");
}

#[tokio::test]
async fn who_takes_bytes_slowly_gets_them_all() {
    let crowded = Limits { connections: 1, idle: ms(300), write_stall: ms(1_800), ..quick() };
    let server = Running::start(crowded).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /big HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let start = Instant::now();
    assert_eq!(client.head().await.status, 200);
    let mut taken = client.buffered();
    let mut piece = vec![0; BIG / 100];
    while taken < BIG {
        sleep(ms(30)).await;
        let read = client.read(&mut piece).await;
        assert!(read > 0, "cut after {taken} bytes");
        taken += read;
    }
    assert_eq!(taken, BIG);
    assert!(start.elapsed() > ms(2_500), "too fast to show anything: {:?}", start.elapsed());
}
