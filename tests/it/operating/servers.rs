//! The operator's own NATS: let in, or refused by name.

use std::net::TcpListener;

use serde_json::json;

use super::nats_server::{JETSTREAM, NatsServer};
use super::refused;
use crate::Ledger;
use crate::doors::{Doors, outcome};
use crate::ledger::encoded;

pub(super) async fn works(ledger: &Ledger) {
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    assert_eq!(ledger.accepted("acme", "AllocateLicense", &license).await, 1);
    assert_eq!(ledger.get_at_least("/v1/accounts/acme/licenses/l", 1).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_jetstream_is_refused_with_the_reason() {
    let server = NatsServer::start("").await;
    let dir = tempfile::tempdir().unwrap();
    let url = server.url();
    let (code, said) =
        refused(dir.path(), &["serve", "--nats", &url, "--http", "127.0.0.1:0"]).await;
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("JetStream"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_old_is_refused_with_both_versions() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || old_server(&listener));
    let dir = tempfile::tempdir().unwrap();
    let (code, said) =
        refused(dir.path(), &["serve", "--nats", &url, "--http", "127.0.0.1:0"]).await;
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("2.9.10") && said.contains("2.12.0"), "{said}");
}

/// Says what an old server says, and answers pings.
fn old_server(listener: &TcpListener) {
    use std::io::{BufRead as _, Write as _};
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let info = json!({"server_id": "OLD", "server_name": "old", "version": "2.9.10", "proto": 1,
            "headers": true, "max_payload": 1_048_576, "go": "go1.19", "host": "127.0.0.1",
            "port": 4222, "client_id": 1, "client_ip": "127.0.0.1", "auth_required": false,
            "tls_required": false, "jetstream": true, "connect_urls": []});
        let _ = write!(stream, "INFO {info}\r\n");
        let lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if line.starts_with("PING") {
                let _ = write!(stream, "PONG\r\n");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("nats://{nobody}"), format!("nats://{nobody},nats://{nobody}")] {
        let (code, said) =
            refused(dir.path(), &["serve", "--nats", &url, "--wait", "0", "--http", "127.0.0.1:0"])
                .await;
        assert_eq!(code, 3, "{said}");
        assert!(said.contains(&nobody.to_string()), "{said}");
        assert!(said.contains("is a NATS server running there?"), "{said}");
        assert!(!said.contains("credentials"), "{said}");
    }
    let url = "nats://nobody.invalid:4222";
    let (code, said) =
        refused(dir.path(), &["serve", "--nats", url, "--wait", "0", "--http", "127.0.0.1:0"])
            .await;
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("is the name right?"), "{said}");
    let (code, said) = refused(
        dir.path(),
        &["serve", "--nats", "what is this", "--wait", "0", "--http", "127.0.0.1:0"],
    )
    .await;
    assert!(code == 2 || code == 3, "{code}: {said}");
    assert!(said.contains("what is this"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_acknowledges_before_it_writes_is_refused_unless_told_otherwise() {
    let lazy = "jetstream { store_dir: \"js\", max_mem: 16MB, max_file: 1GB }";
    let server = NatsServer::start(lazy).await;
    let dir = tempfile::tempdir().unwrap();
    let (url, monitor) = (server.url(), server.monitor());
    let own = [
        "serve",
        "--nats",
        &url,
        "--nats-monitor",
        &monitor,
        "--http",
        "127.0.0.1:0",
        "--max-bytes",
        "100000000",
    ];
    let (code, said) = refused(dir.path(), &own).await;
    assert_eq!(code, 4, "{said}");
    for word in ["sync_interval: always", "--accept-loss-on-power-cut"] {
        assert!(said.contains(word), "{said}");
    }
    let ledger = server.serve(dir.path(), &["--accept-loss-on-power-cut"]).await.unwrap();
    works(&ledger).await;
    assert_eq!(ledger.get("/v1/status").await.json()["durability"], json!("later"));
    assert!(ledger.log().contains("power cut"), "nobody is warned: {}", ledger.log());
    let doctor = ledger.run(&["doctor", "--json"]);
    assert_eq!(doctor.status.code(), Some(0), "it was accepted");
    let said: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let found = said["findings"].as_array().unwrap();
    let found = found.iter().find(|it| it["code"] == "not_durable").expect("doctor finds it too");
    assert_eq!(found["level"], json!("warn"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_asked_whether_it_writes_is_used_with_a_warning() {
    let server = NatsServer::start(JETSTREAM).await;
    let dir = tempfile::tempdir().unwrap();
    let url = server.url();
    let own = [
        "serve",
        "--nats",
        &url,
        "--http",
        "127.0.0.1:0",
        "--ready-json",
        "--create",
        "--max-bytes",
        "100000000",
    ];
    let ledger = Ledger::spawn(dir.path(), &own).await.unwrap();
    works(&ledger).await;
    assert_eq!(ledger.get("/v1/status").await.json()["durability"], json!("unknown"));
    assert!(ledger.log().contains("--nats-monitor"), "{}", ledger.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_while_no_ledger_runs_is_done_by_the_next_one() {
    let server = NatsServer::start(JETSTREAM).await;
    let dir = tempfile::tempdir().unwrap();
    let ledger = server.serve(dir.path(), &[]).await.unwrap();
    works(&ledger).await;
    let nats = server.client().await;
    ledger.kill().await;
    let mut outcomes = nats.subscribe("seatledger.outcome.>").await.unwrap();
    nats.flush().await.unwrap();
    let queue = async_nats::jetstream::new(nats);
    for number in 0..3 {
        let holders = json!([{"user": format!("u{number}")}]);
        let document = json!({"id": format!("p{number}"), "license": "l", "holders": holders});
        let put = queue.publish("seatledger.post.acme.AssignSeat", document.to_string().into());
        put.await.unwrap().await.unwrap();
    }
    let ledger = server.serve(dir.path(), &[]).await.unwrap();
    let mut told = vec![];
    for _ in 0..3 {
        told.push(outcome(&mut outcomes).await.status);
    }
    told.sort_unstable();
    assert_eq!(told, [200, 409, 409], "there is one seat");
    assert_eq!(
        ledger.get_at_least("/v1/accounts/acme/licenses/l", 2).await.json()["used"],
        json!(1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ledgers_with_prefixes_of_their_own_do_not_meet() {
    let server = NatsServer::start(JETSTREAM).await;
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = server.serve(one.path(), &["--prefix", "north"]).await.unwrap();
    let second = server.serve(two.path(), &["--prefix", "south"]).await.unwrap();
    works(&first).await;
    works(&second).await;
    let assign = json!({"license": "l", "holders": [{"user": "ada"}]});
    let nats = server.client().await;
    let reply =
        nats.request("south.command.acme.AssignSeat", assign.to_string().into()).await.unwrap();
    assert_eq!(reply.headers.unwrap().get("Seatledger-Sequence").unwrap().as_str(), "2");
    assert_eq!(
        second.get_at_least("/v1/accounts/acme/licenses/l", 2).await.json()["used"],
        json!(1)
    );
    assert_eq!(first.get("/v1/status").await.json()["sequence"], json!(1));
    assert_eq!(first.get("/v1/accounts/acme/licenses/l").await.json()["used"], json!(0));
}

/// A command of some kilobytes.
fn large(number: u64) -> serde_json::Value {
    json!({"id": format!("c{number}"), "license": "l", "metadata": {"a": "x".repeat(4_000)},
        "holders": [{"user": format!("u{number}")}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_refuses_and_forgets_nothing() {
    let server = NatsServer::start(JETSTREAM).await;
    let dir = tempfile::tempdir().unwrap();
    let url = server.url();
    let own = ["serve", "--nats", &url, "--http", "127.0.0.1:0", "--ready-json", "--create"];
    let own = [&own[..], &["--max-bytes", "40000"]].concat();
    let ledger = Ledger::spawn(dir.path(), &own).await.unwrap();
    let doors = Doors { ledger: &ledger, nats: server.client().await };
    doors.allocate("acme", "l", 1_000).await;
    let mut accepted = 0;
    let full = loop {
        let assign = large(accepted);
        let answer = ledger.send("acme", "AssignSeat", &assign).await;
        match answer.status {
            200 => accepted += 1,
            _ => break answer,
        }
        assert!(accepted < 100, "it is never full");
    };
    assert_eq!((full.status, full.json()["code"].clone()), (503, json!("log_full")));
    assert!(full.headers.contains_key("retry-after"));
    assert_eq!(full.json()["outcome"], json!("unavailable"));
    let license = ledger.get_at_least("/v1/accounts/acme/licenses/l", accepted + 1).await.json();
    assert_eq!(license["used"], json!(accepted), "what was accepted is there");
    assert_eq!(ledger.get("/v1/status").await.json()["sequence"], json!(accepted + 1));
    let first = ledger.get(&format!("/v1/accounts/acme/commands/{}", encoded("c0"))).await;
    assert_eq!(first.json()["outcome"], json!("accepted"), "nothing old has gone");
    // It goes on as soon as there is room.
    let stream =
        async_nats::jetstream::new(server.client().await).get_stream("SEATLEDGER").await.unwrap();
    let mut config = stream.cached_info().config.clone();
    config.max_bytes = 1_000_000;
    async_nats::jetstream::new(server.client().await).update_stream(config).await.unwrap();
    assert_eq!(ledger.accepted("acme", "AssignSeat", &large(accepted)).await, accepted + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_holds_the_log_and_was_not_asked_is_named() {
    let (holds, other) = (NatsServer::start(JETSTREAM).await, NatsServer::start(JETSTREAM).await);
    let dir = tempfile::tempdir().unwrap();
    let (url, wrong, right) = (holds.url(), other.monitor(), holds.monitor());
    let own = ["serve", "--nats", &url, "--http", "127.0.0.1:0", "--ready-json", "--create"];
    let own = [&own[..], &["--max-bytes", "100000000", "--nats-monitor"]].concat();
    let ledger = Ledger::spawn(dir.path(), &[&own[..], &[&wrong]].concat()).await.unwrap();
    let status = ledger.get("/v1/status").await.json();
    assert_eq!(status["durability"], json!("unknown"), "{status}");
    let found = status["findings"].as_array().unwrap();
    let found = found.iter().find(|it| it["code"] == "durability_unknown").expect("it is found");
    assert!(found["detail"].as_str().unwrap().contains("holds the log"), "{found}");
    assert!(ledger.stop().await.success());
    let both = format!("{wrong},{right}");
    let ledger = Ledger::spawn(dir.path(), &[&own[..], &[&both]].concat()).await.unwrap();
    assert_eq!(ledger.get("/v1/status").await.json()["durability"], json!("always"));
}
