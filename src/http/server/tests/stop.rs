use super::wire::Client;
use super::*;

#[tokio::test]
async fn a_request_in_flight_is_finished_and_no_new_one_begun() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    server.until_slow(1).await;
    server.stop.cancel();
    sleep(ms(50)).await;
    let refused = tokio::net::TcpStream::connect(server.address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "at last"));
    assert_eq!(answer.header("connection"), Some("close"));
    let took = server.stop().await;
    assert!(took < LATE, "{took:?}");
}

#[tokio::test]
async fn a_streamed_answer_in_flight_is_finished() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /numbers HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(client.head().await.status, 200);
    let stopping = tokio::spawn(server.stop());
    for n in ["0", "1", "2", "3", "4", "5"] {
        assert_eq!(client.chunk().await.unwrap(), n.as_bytes());
    }
    assert_eq!(client.chunk().await, None);
    let took = stopping.await.unwrap();
    assert!(took < LATE, "{took:?}");
}

#[tokio::test]
async fn an_event_stream_ends_at_once_and_cleanly() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(client.head().await.status, 200);
    assert!(client.chunk().await.is_some());
    let took = server.stop().await;
    assert!(took < LATE, "{took:?}");
    while client.chunk().await.is_some() {}
    client.until_closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_outlasts_the_grace_is_dropped() {
    let server = Running::start(Limits { grace: ms(200), ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /slow-to-drop HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    server.until_slow(1).await;
    let running = Arc::clone(&server.slow);
    let took = server.stop().await;
    assert!((ms(200)..LATE).contains(&took), "{took:?}");
    assert_eq!(running.load(Ordering::SeqCst), 0, "the handler still runs");
    client.until_closed().await;
}

#[tokio::test]
async fn idle_and_silent_connections_do_not_delay_the_stop() {
    let server = Running::start(Limits::default()).await;
    let mut idle = Client::connect(server.address).await;
    assert_eq!(idle.get("/").await.status, 200);
    let _silent = Client::connect(server.address).await;
    sleep(ms(50)).await;
    let took = server.stop().await;
    assert!(took < LATE, "{took:?}");
}
