//! A start that waits: says for what, is bounded, and ends when it is asked to.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::refused;
use super::servers::works;
use crate::Ledger;
use crate::faults::nats::{Nats, TOKEN};
use crate::ledger::{PATIENCE, PROGRAM, eventually, signal};

/// An address that nobody listens at.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// `serve` on a server that may not be there, with what it logs in `stderr.log`.
fn serve(dir: &Path, nats: &str, http: SocketAddr) -> Child {
    let log = std::fs::File::create(dir.join("stderr.log")).unwrap();
    Command::new(PROGRAM)
        .args(["serve", "--nats", nats, "--nats-token", TOKEN, "--create", "--ready-json"])
        .args(["--max-bytes", "100000000", "--http", &http.to_string(), "--dir"])
        .arg(dir)
        .envs([("SEATLEDGER_KEYS", "optional"), ("RUST_LOG", "info")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// What is answered over plain HTTP, or nothing where nobody listens.
fn get(http: SocketAddr, path: &str) -> Option<(u16, String)> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(http).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1.to_owned();
    Some((status, body))
}

/// Ends what a test has started, whatever became of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_comes_before_its_server_waits_and_says_for_what() {
    let place = tempfile::tempdir().unwrap();
    let mut nats = Nats::start(place.path()).await;
    nats.stop().await;
    let dir = place.path().join("ledger");
    std::fs::create_dir_all(&dir).unwrap();
    let (http, url) = (free(), nats.url());
    let mut process = Running(serve(&dir, &url, http));
    eventually("it answers", async || get(http, "/healthz").is_some_and(|it| it.0 == 200)).await;
    let named = async || {
        let Some((status, body)) = get(http, "/readyz") else { return false };
        let ready: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &ready["code"]), (503, &json!("starting")), "{ready}");
        ready["detail"].as_str().unwrap().contains(&url)
    };
    eventually("it says what it waits for", named).await;
    let (status, body) = get(http, "/v1/accounts/acme").unwrap();
    assert!(status == 503 && body.contains("starting") && body.contains(&url), "{status}: {body}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(process.0.try_wait().unwrap().is_none(), "it goes on waiting");
    let log = std::fs::read_to_string(dir.join("stderr.log")).unwrap();
    assert_eq!(log.matches("the start waits").count(), 1, "it is said once: {log}");
    nats.again().await;
    let ready = async || get(http, "/readyz").is_some_and(|it| it.0 == 200);
    eventually("it serves once the server is there", ready).await;
    signal(process.0.id(), "TERM");
    assert_eq!(process.0.wait().unwrap().code(), Some(0));
    works(&nats.ledger(&dir, 100_000_000).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_as_long_as_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = format!("nats://{}", free());
    for (seconds, least) in [("0", 0), ("2", 2)] {
        let begin = Instant::now();
        let own = ["serve", "--nats", &nobody, "--wait", seconds, "--http", "127.0.0.1:0"];
        let (code, said) = refused(dir.path(), &own).await;
        let took = begin.elapsed();
        assert!(code == 3 && said.contains(&nobody), "{code}: {said}");
        assert!(took >= Duration::from_secs(least) && took < PATIENCE / 2, "{seconds}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_waits_ends_at_once_when_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let http = free();
    for name in ["TERM", "INT"] {
        let mut process = Running(serve(dir.path(), &format!("nats://{}", free()), http));
        eventually("it waits", async || get(http, "/healthz").is_some()).await;
        let begin = Instant::now();
        signal(process.0.id(), name);
        let status = process.0.wait().unwrap();
        assert_eq!(status.code(), Some(0), "after SIG{name}");
        assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    }
}

/// Flips one bit of the only file of that name below a folder.
fn flip(below: &Path, name: &str, place: usize) {
    let file = below.join(name);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[place] ^= 1;
    std::fs::write(&file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bit_in_what_can_be_made_anew_does_not_stop_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    works(&ledger).await;
    assert!(ledger.stop().await.success());
    let streams = dir.path().join("nats/js/jetstream/$G/streams");
    // What the server then does: it serves the whole stream no more; it forgets the consumer; it forgets the
    // stream.
    let bits = [
        ("SEATLEDGER_POSTS/obs/ledger/meta.inf", 3),
        ("SEATLEDGER_POSTS/obs/ledger/meta.inf", 60),
        ("SEATLEDGER_REFUSALS/meta.inf", 100),
    ];
    for (number, (name, place)) in bits.into_iter().enumerate() {
        flip(&streams, name, place);
        let begin = Instant::now();
        let ledger = Ledger::start_in(dir.path()).await;
        let took = begin.elapsed();
        assert!(took < PATIENCE / 2, "{name} {place}: {took:?}");
        assert!(ledger.log().contains("made anew"), "{name} {place}: {}", ledger.log());
        let jetstream = async_nats::jetstream::new(ledger.producer().await);
        let license = json!({"id": format!("p{number}"), "license": format!("p{number}"),
            "product": "P", "quantity": 1});
        let subject = "seatledger.post.acme.AllocateLicense";
        let posted = jetstream.publish(subject, license.to_string().into()).await.unwrap();
        posted.await.unwrap();
        let path = format!("/v1/accounts/acme/licenses/p{number}");
        eventually("a post is worked on", async || ledger.get(&path).await.status == 200).await;
        assert_eq!(
            ledger.get("/v1/accounts/acme/licenses/l").await.status,
            200,
            "the log is whole"
        );
        assert!(ledger.stop().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_the_server_does_not_serve_ends_a_start_by_name() {
    let place = tempfile::tempdir().unwrap();
    let mut nats = Nats::start(place.path()).await;
    let dir = place.path().join("ledger");
    let ledger = nats.ledger(&dir, 100_000_000).await;
    works(&ledger).await;
    assert!(ledger.stop().await.success());
    nats.stop().await;
    let streams = nats.store().join("jetstream/$G/streams");
    flip(&streams, "SEATLEDGER_POSTS/obs/ledger/meta.inf", 3);
    nats.again().await;
    let url = nats.url();
    let own = ["serve", "--nats", &url, "--nats-token", TOKEN, "--http", "127.0.0.1:0"];
    let begin = Instant::now();
    let (code, said) = refused(&dir, &own).await;
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("SEATLEDGER_POSTS") && said.contains("obs"), "{said}");
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    // What it says to do helps.
    nats.stop().await;
    std::fs::remove_dir_all(streams.join("SEATLEDGER_POSTS/obs")).unwrap();
    nats.again().await;
    let ledger = nats.ledger(&dir, 100_000_000).await;
    assert_eq!(ledger.get("/readyz").await.status, 200);
}
