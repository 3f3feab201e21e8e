use super::wire::{Client, get};
use super::*;
use uuid::Uuid;

#[tokio::test]
async fn a_panic_is_answered_500_and_the_connection_lives() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    for path in ["/panic", "/panic-early"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (500, "internal_error"));
        assert!(!answer.text().contains("on purpose"), "the cause is for the log only");
        assert_eq!(client.get("/").await.text(), "hello");
    }
}

#[tokio::test]
async fn a_panic_inside_a_response_costs_its_connection_only() {
    let server = Running::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /broken HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    client.until_closed().await;
    assert_eq!(get(server.address, "/").await.text(), "hello", "its place is free again");
}

#[tokio::test]
async fn a_sane_request_id_is_kept() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send("GET /who HTTP/1.1\r\nhost: localhost\r\nx-request-id: Order_7-b\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.text(), "Order_7-b");
    assert_eq!(answer.header("x-request-id"), Some("Order_7-b"));
}

#[tokio::test]
async fn an_unsafe_or_missing_request_id_is_replaced() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    for header in ["", "x-request-id: a\"b\r\n", "x-request-id: \r\n", "x-request-id: \x1b[2J\r\n"]
    {
        client.send(format!("GET /who HTTP/1.1\r\nhost: localhost\r\n{header}\r\n")).await;
        let answer = client.answer().await;
        if answer.status == 400 {
            assert!(header.contains('\x1b'), "the parser refuses only control characters");
            break;
        }
        assert_eq!(answer.header("x-request-id"), Some(answer.text()));
        assert_eq!(Uuid::parse_str(answer.text()).unwrap().get_version_num(), 7);
    }
}

#[tokio::test]
async fn a_handlers_problem_gets_the_request_id() {
    let server = Running::start(Limits::default()).await;
    let answer = get(server.address, "/refused").await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "no_free_seat"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    let answer = client.get("/nowhere").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    let answer = client.post("/", b"ignored").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let server = Running::start(Limits::default()).await;
    let length = get(server.address, "/nowhere").await.body.len() + "HEAD".len() - "GET".len();
    let mut client = Client::connect(server.address).await;
    client.send("HEAD /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answer = client.answer_without_body().await;
    assert_eq!(answer.header("content-length"), Some(length.to_string().as_str()));
    assert_eq!(client.get("/").await.text(), "hello", "nothing of the body was sent");
}

#[tokio::test]
async fn handlers_know_who_asks() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    let address = client.stream.local_addr().unwrap().ip().to_string();
    assert_eq!(client.get("/from").await.text(), address);
}

#[tokio::test]
async fn two_requests_at_once_are_answered_in_turn() {
    let server = Running::start(Limits::default()).await;
    let mut client = Client::connect(server.address).await;
    let one = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.send(format!("{one}{one}GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.answer().await.status, 404);
}

/// Neither reading of the lengths lets a second request through.
#[tokio::test]
async fn with_both_lengths_the_connection_ends_after_the_answer() {
    let server = Running::start(Limits::default()).await;
    let both = [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
    ];
    for lengths in both {
        let mut client = Client::connect(server.address).await;
        let head = format!("POST /length HTTP/1.1\r\nhost: localhost\r\n{lengths}\r\n\r\n");
        client
            .send(format!("{head}0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n"))
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (200, "0"), "chunked wins");
        assert_eq!(answer.header("connection"), Some("close"));
        client.until_closed().await;
        assert_eq!(client.buffered(), 0, "the second request was answered");
    }
}
