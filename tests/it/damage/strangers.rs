//! Somebody with the right to do so writes to the log, or changes its settings.

use async_nats::jetstream::stream::{Compression, Config, DiscardPolicy};
use async_nats::{Client, HeaderMap};
use serde_json::{Value, json};

use super::scene::{Cases, readiness};
use crate::faults::producer::{Doors, Order, Told};
use crate::faults::replay::{Replay, hash, last_sequence};
use crate::faults::say;
use crate::ledger::{Ledger, signal};

/// The commits of the ledger that is meddled with.
const COMMITS: u64 = 5;

pub(super) async fn fill(ledger: &Ledger) {
    let license = json!({"license": "l", "product": "P", "quantity": 10});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    for n in 2..=COMMITS {
        let sequence = ledger.accepted("acme", "AssignSeat", &assign(n)).await;
        assert_eq!(sequence, n);
    }
}

fn assign(n: u64) -> Value {
    json!({"id": format!("c{n}"), "license": "l", "holders": [{"user": format!("u{n}")}]})
}

/// The next commit of a log, with a header and events that the case spoils.
struct Forged {
    header: Value,
    events: Vec<Value>,
}

impl Forged {
    fn after(replay: &Replay) -> Forged {
        let header = json!({
            "format": 1, "commit": "01a20000-0000-7000-8000-000000000000", "partition": 0,
            "n": COMMITS + 1, "prev": hash(&replay.messages[COMMITS as usize - 1].payload), "count": 1,
            "at": "2099-01-01T00:00:00.000Z",
        });
        let (_, event) = replay.events.last().unwrap();
        let mut event = event.clone();
        event["id"] = json!("01a20000-0000-7000-8000-000000000001");
        event["at"] = header["at"].clone();
        event["command"]["id"] = json!("forged");
        event["data"]["assignment"] = json!("01a20000-0000-7000-8000-000000000002");
        event["data"]["number"] = json!(100);
        event["data"]["holder"]["user"] = json!("mallory");
        Forged { header, events: vec![event] }
    }

    fn bytes(&self) -> Vec<u8> {
        let lines = std::iter::once(&self.header).chain(&self.events);
        lines.map(|it| format!("{it}\n")).collect::<String>().into_bytes()
    }
}

/// Publishes where the next commit belongs, behind the same fence as the ledger does.
async fn publish(client: &Client, subject: &str, payload: Vec<u8>) {
    let mut headers = HeaderMap::new();
    // What the ledger itself writes says so.
    headers.insert("Seatledger", "1");
    headers.insert("Nats-Expected-Last-Sequence", COMMITS.to_string().as_str());
    let jetstream = async_nats::jetstream::new(client.clone());
    let sent = jetstream.publish_with_headers(subject.to_owned(), headers, payload.into()).await;
    assert_eq!(sent.unwrap().await.unwrap().sequence, COMMITS + 1);
}

/// A ledger, one message more on its log, and what the stop must say beside the sequence.
async fn stops(subject: &str, spoil: impl Fn(&mut Forged) -> Option<Vec<u8>>, word: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    fill(&ledger).await;
    let client = ledger.nats().await;
    let mut forged = Forged::after(&Replay::of(&client).await);
    let payload = spoil(&mut forged);
    publish(&client, subject, payload.unwrap_or_else(|| forged.bytes())).await;
    // Whoever is first, the writer with this command or the reader: nothing is written after it.
    let doors = Doors::of(&ledger).await;
    let order = Order::new("acme", "AssignSeat", assign(COMMITS + 1));
    assert_eq!(doors.ask(&order).await, Told::Unknown("log_damaged".to_owned()));
    is_stopped(&ledger, word).await;
    assert!(ledger.stop().await.success());
    let ledger = Ledger::start_in(dir.path()).await;
    is_stopped(&ledger, word).await;
}

/// What the rules say of events that cannot have happened. Some read models cannot tell.
const CONTRADICTIONS: [&str; 3] = ["is not live", "is made twice", "was never allocated"];

async fn is_stopped(ledger: &Ledger, word: &str) {
    readiness(ledger, &[("log_damaged", &(COMMITS + 1).to_string())]).await;
    let said = ledger.get("/readyz").await.json().to_string();
    assert!(said.contains(word), "it does not speak of {word}: {said}");
    let doors = Doors::of(ledger).await;
    let order = Order::new("acme", "AssignSeat", assign(COMMITS + 2));
    assert_eq!(doors.post(&order).await, Told::Unknown("log_damaged".to_owned()));
    let read = ledger.get_at_least("/v1/accounts/acme/licenses/l", COMMITS).await;
    assert_eq!(read.status, 200, "reads go on: {}", read.json());
    let contradicts = CONTRADICTIONS.contains(&word) && read.sequence() == COMMITS + 1;
    assert!(contradicts || read.sequence() == COMMITS, "nobody read past it: {}", read.sequence());
    assert_eq!(read.headers["seatledger-warning"], "log_damaged");
    assert_eq!(last_sequence(&ledger.nats().await).await, COMMITS + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_commit_stops_readers_and_writer_by_name() {
    type Spoil = fn(&mut Forged) -> Option<Vec<u8>>;
    let cases: [(&str, Spoil, &str); 9] = [
        ("noise", |_| Some(b"noise".to_vec()), "not a commit"),
        ("nothing", |_| Some(vec![]), "not a commit"),
        (
            "an unknown type",
            |it| spoil_event(it, "type", json!("SeatTeleported")),
            "SeatTeleported",
        ),
        ("an unknown version", |it| spoil_event(it, "v", json!(77)), "version 77"),
        ("a newer format", |it| spoil_header(it, "format", json!(2)), "format 2"),
        ("a broken chain", |it| spoil_header(it, "prev", json!("ab".repeat(32))), "before it"),
        ("a wrong number", |it| spoil_header(it, "n", json!(COMMITS + 2)), "commit 7"),
        ("a wrong count", |it| spoil_header(it, "count", json!(2)), "2"),
        (
            "a time that goes back",
            |it| spoil_header(it, "at", json!("2020-01-01T00:00:00.000Z")),
            "2020",
        ),
    ];
    let mut all = Cases::default();
    for (name, spoil, word) in cases {
        all.run(name, stops("seatledger.commit.0", spoil, word)).await;
    }
    // Another partition's subject; only one partition is in use.
    let partition: Spoil = |it| spoil_header(it, "partition", json!(7));
    all.run("a partition", stops("seatledger.commit.7", partition, "partition 7")).await;
    all.end();
}

fn spoil_header(forged: &mut Forged, member: &str, value: Value) -> Option<Vec<u8>> {
    forged.header[member] = value;
    None
}

fn spoil_event(forged: &mut Forged, member: &str, value: Value) -> Option<Vec<u8>> {
    forged.events[0][member] = value;
    None
}

/// It fits the chain, and it cannot have happened.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_contradicts_the_log_stops_readers_and_writer_by_name() {
    let revoked: fn(&mut Forged) -> Option<Vec<u8>> = |it| {
        it.events[0]["type"] = json!("AssignmentRevoked");
        it.events[0]["data"] = json!({
            "assignment": "01a20000-0000-7000-8000-000000000009", "license": "l",
            "holder": {"user": "nobody"},
        });
        None
    };
    let mut all = Cases::default();
    all.run(
        "nobody's assignment revoked",
        stops("seatledger.commit.0", revoked, CONTRADICTIONS[0]),
    )
    .await;
    let twice: fn(&mut Forged) -> Option<Vec<u8>> = |it| {
        it.events[0]["data"]["holder"]["user"] = json!("u2");
        None
    };
    all.run("a second seat for one holder", stops("seatledger.commit.0", twice, CONTRADICTIONS[1]))
        .await;
    let unknown: fn(&mut Forged) -> Option<Vec<u8>> = |it| {
        it.events[0]["data"]["license"] = json!("nothing");
        None
    };
    all.run("a seat of no license", stops("seatledger.commit.0", unknown, CONTRADICTIONS[2])).await;
    all.end();
}

/// The ledger itself could have written this; it is what a second process of it writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fits_is_taken_in() {
    let ledger = Ledger::start().await;
    fill(&ledger).await;
    let client = ledger.nats().await;
    let mut forged = Forged::after(&Replay::of(&client).await);
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::UNIX_EPOCH).to_rfc3339();
    assert!(!now.is_empty());
    let at = Replay::of(&client).await.events.last().unwrap().1["at"].clone();
    forged.header["at"] = at.clone();
    forged.events[0]["at"] = at;
    publish(&client, "seatledger.commit.0", forged.bytes()).await;
    let path = "/v1/accounts/acme/checks?user=mallory&license=l";
    assert_eq!(ledger.get_at_least(path, COMMITS + 1).await.json()["allowed"], true);
    let next = ledger.accepted("acme", "AssignSeat", &assign(COMMITS + 1)).await;
    assert_eq!(next, COMMITS + 2);
}

async fn change(client: &Client, change: fn(&mut Config)) -> bool {
    let jetstream = async_nats::jetstream::new(client.clone());
    let stream = jetstream.get_stream("SEATLEDGER").await.unwrap();
    let mut config = stream.cached_info().config.clone();
    change(&mut config);
    jetstream.update_stream(config).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_could_lose_history_is_refused_by_name_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut accepted = 0;
    let changes: [(&str, fn(&mut Config), fn(&mut Config)); 9] = [
        ("max_msgs", |it| it.max_messages = 1_000, |it| it.max_messages = -1),
        (
            "max_msgs_per_subject",
            |it| it.max_messages_per_subject = 900,
            |it| {
                it.max_messages_per_subject = -1;
            },
        ),
        (
            "max_age",
            |it| it.max_age = std::time::Duration::from_secs(9_000),
            |it| {
                it.max_age = std::time::Duration::ZERO;
            },
        ),
        ("max_bytes", |it| it.max_bytes = -1, |it| it.max_bytes = 1 << 30),
        ("discard", |it| it.discard = DiscardPolicy::Old, |it| it.discard = DiscardPolicy::New),
        (
            "compression",
            |it| it.compression = Some(Compression::S2),
            |it| {
                it.compression = Some(Compression::None);
            },
        ),
        ("deny_delete", |it| it.deny_delete = false, |it| it.deny_delete = true),
        ("deny_purge", |it| it.deny_purge = false, |it| it.deny_purge = true),
        (
            "subjects",
            |it| it.subjects.push("other".to_owned()),
            |it| {
                it.subjects.pop();
            },
        ),
    ];
    for (name, spoil, mend) in changes {
        let nats = crate::faults::nats::Nats::start(dir.path()).await;
        let ledger = nats.bare_ledger(&dir.path().join("ledger"), 1 << 30).await;
        assert_eq!(ledger.get("/readyz").await.status, 200);
        assert!(ledger.stop().await.success());
        let client = nats.client().await;
        if !change(&client, spoil).await {
            say(&format!("{name}: the server does not let anybody do that"));
            continue;
        }
        accepted += 1;
        let refused = nats.try_ledger(&dir.path().join("ledger"), 1 << 30, &[]).await;
        let said = refused.err().unwrap_or_else(|| panic!("{name} is not noticed"));
        assert!(said.contains(&format!("{name} must be")), "{name}: {said}");
        assert!(change(&client, mend).await, "{name} cannot be mended");
    }
    assert!(accepted >= 5, "the server took {accepted} of the changes");
}

/// After a reconnect it is looked at again, and every minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_could_lose_history_stops_a_running_ledger_after_a_reconnect() {
    let ledger = Ledger::start().await;
    fill(&ledger).await;
    assert!(change(&ledger.nats().await, |it| it.max_messages = 1_000).await);
    signal(ledger.nats_pid(), "KILL");
    readiness(&ledger, &[("log_settings", "msgs"), ("log_settings", "max_msgs")]).await;
    let said = ledger.get("/readyz").await.json().to_string();
    assert!(said.contains("max_msgs must be unlimited"), "{said}");
    let order = Order::new("acme", "AssignSeat", assign(COMMITS + 1));
    let told = Doors::of(&ledger).await.post(&order).await;
    assert_eq!(told, Told::Unknown("log_settings".to_owned()));
}
