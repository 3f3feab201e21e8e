//! The users of docs/operating.md, on a real nats-server: what they may and what they may not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::nats_server::{JETSTREAM, NatsServer};
use super::refused;
use super::servers::works;
use crate::Ledger;
use crate::faults::replay::last_sequence;
use crate::ledger::{PATIENCE, eventually};

const USERS: [&str; 5] = ["ledger", "doors", "acme", "admin", "auditor"];

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md");
    std::fs::read_to_string(path).unwrap()
}

/// What stands under `### Users and permissions`.
fn section() -> String {
    let document = document();
    let (_, rest) = document.split_once("\n### Users and permissions\n").expect("the section");
    rest.split("\n### ").next().unwrap().to_owned()
}

/// A block of code of the page, by what its first line says in a comment; the others.
pub(super) fn block(name: &str) -> String {
    let (document, head) = (document(), format!("\n# {name}\n"));
    let (before, rest) = document.split_once(&head).unwrap_or_else(|| panic!("no block {name}"));
    assert!(before.lines().last().unwrap().starts_with("```"), "{name} begins no block");
    rest.split("\n```\n").next().unwrap().to_owned() + "\n"
}

/// The configuration, with the name of each user for its password.
fn configuration() -> String {
    let mut text = block("nats.conf: users of a ledger");
    for user in USERS {
        let variable = format!("${}_PASSWORD", user.to_uppercase());
        assert!(text.contains(&variable), "{user} has no password");
        text = text.replace(&variable, &format!("\"{user}-secret\""));
    }
    format!("{JETSTREAM}\n{text}")
}

/// The rows of the tables: first those of publishing, then those of subscribing.
fn tables() -> [Vec<(String, Vec<bool>)>; 2] {
    let section = section();
    let head = format!("| subject | {} |", USERS.join(" | "));
    let mut parts = section.split(&head);
    let _ = parts.next();
    let rows = |part: &str| {
        let lines = part.lines().skip(2).take_while(|it| it.starts_with('|'));
        lines
            .map(|line| {
                let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
                let may = |it: &&str| match *it {
                    "yes" => true,
                    "no" => false,
                    other => panic!("{other} in {line}"),
                };
                (cells[0].trim_matches('`').to_owned(), cells[1..].iter().map(may).collect())
            })
            .collect::<Vec<_>>()
    };
    let [publish, subscribe] = [parts.next().unwrap(), parts.next().unwrap()].map(rows);
    assert!(publish.len() > 15 && subscribe.len() > 5);
    [publish, subscribe]
}

/// A user on the wire: what the server says to each line is known when its answer to a ping is.
struct Wire(BufReader<TcpStream>);

impl Wire {
    fn of(server: &NatsServer, user: &str) -> Wire {
        let address = server.url().replace("nats://", "");
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut wire = Wire(BufReader::new(stream));
        let who = json!({"user": user, "pass": format!("{user}-secret"), "verbose": false,
            "headers": true, "no_responders": true, "lang": "test", "version": "1"});
        assert!(wire.denied(&format!("CONNECT {who}\r\n")).is_none(), "{user} is not let in");
        wire
    }

    /// Whether the server refuses it, and how.
    fn denied(&mut self, line: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{line}PING\r\n").as_bytes()).unwrap();
        let mut denied = None;
        loop {
            let mut said = String::new();
            assert!(self.0.read_line(&mut said).unwrap() > 0, "the server hangs up on {line}");
            match said.trim_end() {
                "PONG" => return denied,
                it if it.starts_with("-ERR") => denied = Some(it.to_owned()),
                _ => {}
            }
        }
    }
}

fn credentials(dir: &std::path::Path) -> Vec<String> {
    let file = |user: &str| {
        let path = dir.join(user);
        std::fs::write(&path, format!("{user}-secret\n")).unwrap();
        path.display().to_string()
    };
    let (ledger, doors) = (file("ledger"), file("doors"));
    ["--nats-user", "ledger", "--nats-password-file", &ledger, "--nats-doors-user", "doors"]
        .into_iter()
        .chain(["--nats-doors-password-file", &doors])
        .map(str::to_owned)
        .collect()
}

async fn client(server: &NatsServer, user: &str) -> async_nats::Client {
    let inbox = if user == "acme" { "_INBOX_acme" } else { "_INBOX" };
    async_nats::ConnectOptions::with_user_and_password(user.to_owned(), format!("{user}-secret"))
        .custom_inbox_prefix(inbox)
        .connect(server.url())
        .await
        .unwrap()
}

async fn serve(server: &NatsServer, dir: &std::path::Path) -> Ledger {
    let users = credentials(dir);
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    server.serve(dir, &users).await.unwrap_or_else(|it| panic!("{it}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_works_with_the_documented_users_and_so_do_they() {
    let server = NatsServer::start(&configuration()).await;
    let dir = tempfile::tempdir().unwrap();
    let ledger = serve(&server, dir.path()).await;
    works(&ledger).await;
    let acme = client(&server, "acme").await;
    let mut outcomes = acme.subscribe("seatledger.outcome.acme.>").await.unwrap();
    acme.flush().await.unwrap();
    let allocate = |id: &str, license: &str| {
        json!({"id": id, "license": license, "product": "P", "quantity": 1}).to_string()
    };
    let asked =
        acme.request("seatledger.command.acme.AllocateLicense", allocate("a", "asked").into());
    let reply = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
    let told: Value = serde_json::from_slice(&reply.payload).unwrap();
    assert_eq!(told["outcome"], json!("accepted"), "{told}");
    // Twice the same license under another id: one outcome that is accepted, one refusal.
    for id in ["p1", "p2"] {
        let jetstream = async_nats::jetstream::new(acme.clone());
        let subject = "seatledger.post.acme.AllocateLicense";
        let document =
            format!(r#"{{"id":"{id}","license":"posted","product":"{id}","quantity":1}}"#);
        jetstream.publish(subject, document.into()).await.unwrap().await.unwrap();
        use futures_util::StreamExt as _;
        let outcome = tokio::time::timeout(PATIENCE, outcomes.next()).await.unwrap().unwrap();
        assert_eq!(outcome.subject.as_str(), format!("seatledger.outcome.acme.{id}"));
    }
    assert_eq!(ledger.refusals("acme", 1).await[0]["command"], json!("p2"));
    let admin = client(&server, "admin").await;
    let asked = admin.request("$SRV.INFO.seatledger", "".into());
    assert!(tokio::time::timeout(PATIENCE, asked).await.unwrap().is_ok());
    let auditor = client(&server, "auditor").await;
    let sequence = ledger.get("/v1/status").await.json()["sequence"].as_u64().unwrap();
    assert_eq!(last_sequence(&auditor).await, sequence);
    let log = ledger.log();
    assert!(!log.to_lowercase().contains("violation") && !log.contains("own rights"), "{log}");
    assert!(!ledger.ready().to_string().contains("secret"), "{}", ledger.ready());
    // A second start finds streams and consumers there.
    assert!(ledger.stop().await.success());
    let ledger = serve(&server, dir.path()).await;
    let more = json!({"license": "more", "product": "P", "quantity": 1});
    assert_eq!(ledger.accepted("acme", "AllocateLicense", &more).await, sequence + 1);
    ledger.caught_up().await;
    let log = ledger.log();
    assert!(!log.to_lowercase().contains("violation"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_user_may_what_the_tables_say_and_nothing_else() {
    let server = NatsServer::start(&configuration()).await;
    let [publish, subscribe] = tables();
    let mut wrong = vec![];
    for (column, user) in USERS.into_iter().enumerate() {
        let mut wire = Wire::of(&server, user);
        for (subject, may) in &publish {
            let denied = wire.denied(&format!("PUB {subject} 0\r\n\r\n"));
            if denied.is_none() != may[column] {
                wrong.push(format!("{user} publishes {subject}: {denied:?}"));
            }
        }
        for (number, (subject, may)) in subscribe.iter().enumerate() {
            let denied = wire.denied(&format!("SUB {subject} {number}\r\nUNSUB {number}\r\n"));
            if denied.is_none() != may[column] {
                wrong.push(format!("{user} subscribes to {subject}: {denied:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_ends_a_start_by_name() {
    let whole = configuration();
    let cases = [
        ("\"$JS.API.INFO\",", "$JS.API.INFO", "the ledger's user"),
        (
            "\"$JS.API.STREAM.CREATE.SEATLEDGER\", ",
            "$JS.API.STREAM.CREATE.SEATLEDGER",
            "the ledger's user",
        ),
        ("\"seatledger.admin.>\", ", "seatledger.admin.>", "the user of the doors"),
    ];
    for (right, named, who) in cases {
        assert!(whole.contains(right), "{right}");
        let server = NatsServer::start(&whole.replacen(right, "", 1)).await;
        let dir = tempfile::tempdir().unwrap();
        let (url, users) = (server.url(), credentials(dir.path()));
        let own = [
            "serve",
            "--nats",
            &url,
            "--http",
            "127.0.0.1:0",
            "--max-bytes",
            "100000000",
            "--create",
        ];
        let own = own.into_iter().chain(users.iter().map(String::as_str)).collect::<Vec<_>>();
        let begin = std::time::Instant::now();
        let (code, said) = refused(dir.path(), &own).await;
        assert_eq!(code, 3, "{named}: {said}");
        assert!(said.contains(named) && said.contains(who), "{named}: {said}");
        assert!(said.contains("Users and permissions"), "{named}: {said}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{named}: it tries for long");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_said_once_and_so_is_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut nats = crate::faults::nats::Nats::start(dir.path()).await;
    let ledger = nats.ledger(&dir.path().join("ledger"), 100_000_000).await;
    nats.kill().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    nats.again().await;
    let said = |what: &str| ledger.log().lines().filter(|it| it.contains(what)).count();
    eventually("it says that it is back", async || said("connection to NATS is back") > 0).await;
    assert_eq!(said("connection to NATS is gone"), 1, "{}", ledger.log());
    assert_eq!(said("connection to NATS is back"), 1, "{}", ledger.log());
    assert_eq!(said("nats: error"), 0, "{}", ledger.log());
    let lines = ledger.log().lines().filter(|it| it.contains("nats")).count();
    assert!(lines < 40, "{lines} lines in four seconds: {}", ledger.log());
    eventually("commands are taken", async || ledger.get("/readyz").await.status == 200).await;
    works(&ledger).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_the_doors_no_user_and_a_password_in_arguments_is_told_so_once() {
    let users = "authorization { user: ada, password: \"s3cret-s3cret\" }";
    let server = NatsServer::start(&format!("{JETSTREAM}\n{users}")).await;
    let dir = tempfile::tempdir().unwrap();
    let own = ["--nats-user", "ada", "--nats-password", "s3cret-s3cret"];
    let ledger = server.serve(dir.path(), &own).await.unwrap_or_else(|it| panic!("{it}"));
    let said = |what: &str| ledger.log().lines().filter(|it| it.contains(what)).count();
    assert_eq!((said("own rights"), said("secret on a command line")), (1, 1), "{}", ledger.log());
    assert!(!ledger.log().contains("s3cret") && !ledger.ready().to_string().contains("s3cret"));
    let kept = std::fs::read_to_string(dir.path().join("ready.json")).unwrap();
    assert!(!kept.contains("s3cret"), "{kept}");
}
