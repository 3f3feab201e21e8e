//! A stream that would let history be lost is refused by the name of what is wrong.

use std::time::Duration;

use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, RetentionPolicy, Source, StorageType,
};

use super::nats_server::{JETSTREAM, NatsServer};
use super::refused;

/// The stream as the ledger itself makes it, for some prefix.
fn sound(prefix: &str) -> Config {
    Config {
        name: prefix.to_uppercase(),
        subjects: vec![format!("{prefix}.commit.*")],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_bytes: 10_000_000,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        num_replicas: 1,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..Config::default()
    }
}

type Change = fn(&mut Config);

const WRONG: &[(&str, Change)] = &[
    ("max_age", |it| it.max_age = Duration::from_secs(3_600)),
    ("max_msgs", |it| it.max_messages = 1_000),
    ("max_msgs_per_subject", |it| it.max_messages_per_subject = 10),
    ("max_bytes", |it| it.max_bytes = -1),
    ("deny_delete", |it| it.deny_delete = false),
    ("deny_purge", |it| it.deny_purge = false),
    ("discard", |it| it.discard = DiscardPolicy::Old),
    ("storage", |it| it.storage = StorageType::Memory),
    ("retention", |it| it.retention = RetentionPolicy::WorkQueue),
    ("compression", |it| it.compression = Some(Compression::S2)),
    ("allow_rollup_hdrs", |it| {
        it.allow_rollup = true;
        it.deny_purge = false;
    }),
    ("allow_msg_ttl", |it| it.allow_message_ttl = true),
    ("no_ack", |it| it.no_ack = true),
    ("subjects", |it| it.subjects.push("elsewhere.>".to_owned())),
    ("first_seq", |it| it.first_sequence = Some(100)),
    ("sources", |it| {
        it.sources = Some(vec![Source { name: "OTHER".to_owned(), ..Source::default() }]);
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_that_could_lose_history_is_refused_by_name() {
    let server = NatsServer::start(JETSTREAM).await;
    let streams = async_nats::jetstream::new(server.client().await);
    let url = server.url();
    for (number, (name, change)) in WRONG.iter().enumerate() {
        let prefix = format!("wrong{number}");
        let mut config = sound(&prefix);
        change(&mut config);
        streams.create_stream(config).await.unwrap_or_else(|it| panic!("{name}: {it}"));
        let dir = tempfile::tempdir().unwrap();
        let own = ["serve", "--nats", &url, "--prefix", &prefix, "--http", "127.0.0.1:0"];
        let own = [&own[..], &["--max-bytes", "1000000"]].concat();
        let (code, said) = refused(dir.path(), &own).await;
        assert_eq!(code, 4, "{name}: {said}");
        let (stream, named) = (prefix.to_uppercase(), format!("{name} must be "));
        assert!(said.contains(&stream) && said.contains(&named), "{name}: {said}");
        let wrong = said.matches(" must be ").count();
        let both = usize::from(*name == "allow_rollup_hdrs");
        assert_eq!(wrong, 1 + both, "{name}: more is said to be wrong than is: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_stream_that_somebody_else_has_made_is_taken() {
    let server = NatsServer::start(JETSTREAM).await;
    let streams = async_nats::jetstream::new(server.client().await);
    streams.create_stream(sound("seatledger")).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ledger = server.serve(dir.path(), &[]).await.unwrap();
    assert_eq!(ledger.get("/readyz").await.status, 200);
    assert_eq!(ledger.get("/v1/status").await.json()["max_bytes"], serde_json::json!(10_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_written_on_the_stream_is_no_ledger() {
    let server = NatsServer::start(JETSTREAM).await;
    let nats = server.client().await;
    let streams = async_nats::jetstream::new(nats.clone());
    streams.create_stream(sound("seatledger")).await.unwrap();
    streams.publish("seatledger.commit.0", "hello".into()).await.unwrap().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    // It serves, so that what there is can be read, and takes no commands.
    let ledger = server.serve(dir.path(), &[]).await.unwrap();
    let ready = ledger.get("/readyz").await;
    assert_eq!((ready.status, ready.json()["writing"].clone()), (503, "foreign_message".into()));
    let license = serde_json::json!({"license": "l", "product": "P", "quantity": 1});
    let answer = ledger.send("acme", "AllocateLicense", &license).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, "foreign_message".into()));
    assert!(
        answer.json()["detail"].as_str().unwrap().contains("sequences 1 to 1"),
        "{}",
        answer.json()
    );
}
