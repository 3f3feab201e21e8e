//! Without keys whoever reaches the port is let in: only this machine may, and no web page.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use hyper::Method;
use serde_json::json;

use crate::Ledger;

const ALLOCATE: &str = "/v1/accounts/acme/commands/AllocateLicense";

/// Names that a browser may have been led to this machine by.
const FOREIGN: [&str; 16] = [
    "evil.example",
    "evil.example:8640",
    "localhost.evil.example",
    "evil-localhost",
    "localhostevil.example:80",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io:8640",
    "localhost@evil.example",
    "evil.example@localhost",
    "128.0.0.1",
    "0.0.0.0:8640",
    "192.168.0.7:8640",
    "[::]:8640",
    "[2001:db8::1]",
    "localhost:x",
    "",
];

/// Names of this machine itself.
const OWN: [&str; 9] = [
    "localhost",
    "LocalHost:8640",
    "ledger.localhost:1",
    "a.b.localhost",
    "localhost.",
    "127.0.0.1",
    "127.1.2.3:65535",
    "[::1]",
    "[::1]:8640",
];

async fn send(ledger: &Ledger, header: (&str, &str)) -> (u16, serde_json::Value) {
    let document = json!({"license": "l", "product": "P", "quantity": 1}).to_string();
    let answer = ledger.request(Method::POST, ALLOCATE, &document, &[header]).await;
    (answer.status, answer.json())
}

async fn is_refused(ledger: &Ledger, header: (&str, &str)) {
    let (status, told) = send(ledger, header).await;
    assert_eq!((status, &told["code"]), (403, &json!("cross_site")), "{header:?}: {told}");
    assert!(told["hint"].is_string() && told["request_id"].is_string(), "{told}");
    // A question is refused like a command: its answer is nobody else's business either.
    let answer = ledger.request(Method::GET, "/v1/accounts", "", &[header]).await;
    assert_eq!(answer.status, 403, "{header:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_this_machine_is_refused() {
    let ledger = Ledger::start().await;
    for host in FOREIGN {
        is_refused(&ledger, ("host", host)).await;
    }
    assert_eq!(ledger.get("/v1/status").await.json()["sequence"], json!(0));
    for host in OWN {
        let (status, told) = send(&ledger, ("host", host)).await;
        assert_eq!(status, 200, "{host}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_is_refused() {
    let ledger = Ledger::start().await;
    for host in FOREIGN {
        for scheme in ["http", "https"] {
            is_refused(&ledger, ("origin", &format!("{scheme}://{host}"))).await;
        }
    }
    for origin in ["null", "", "localhost", "file://", "ftp://localhost", "http:/localhost"] {
        is_refused(&ledger, ("origin", origin)).await;
    }
    is_refused(&ledger, ("sec-fetch-site", "cross-site")).await;
    assert_eq!(ledger.get("/v1/status").await.json()["sequence"], json!(0));
    for host in OWN {
        for scheme in ["http", "https"] {
            let (status, told) = send(&ledger, ("origin", &format!("{scheme}://{host}"))).await;
            assert_eq!(status, 200, "{host}: {told}");
        }
    }
    let (status, _) = send(&ledger, ("sec-fetch-site", "same-origin")).await;
    assert_eq!(status, 200);
}

/// The status line of an answer to bytes that no library writes.
fn raw(ledger: &Ledger, head: &str) -> String {
    let address = ledger.http_url();
    let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_no_host_is_let_in_and_who_names_two_must_mean_this_machine_by_both() {
    let ledger = Ledger::start().await;
    for (head, wanted) in [
        ("GET /v1/status HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"),
        ("GET /v1/status HTTP/1.0\r\nHost: evil.example\r\n\r\n", "HTTP/1.0 403 Forbidden"),
        (
            "GET /v1/status HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\
             Host: evil.example\r\n\r\n",
            "HTTP/1.1 403 Forbidden",
        ),
        (
            "GET http://evil.example/v1/status HTTP/1.1\r\nConnection: close\r\n\
             Host: localhost\r\n\r\n",
            "HTTP/1.1 403 Forbidden",
        ),
        (
            "GET http://localhost/v1/status HTTP/1.1\r\nConnection: close\r\n\
             Host: localhost\r\n\r\n",
            "HTTP/1.1 200 OK",
        ),
    ] {
        assert_eq!(raw(&ledger, head), wanted, "{head}");
    }
}
