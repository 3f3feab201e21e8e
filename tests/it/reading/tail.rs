//! Events as they happen, and from wherever one was.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::items;
use super::model::{ACCOUNT, World};
use crate::Ledger;
use crate::ledger::PATIENCE;

/// One event of a stream: its id, its type and its data.
type Said = (String, String, Value);

/// A stream of server-sent events, read event by event.
struct Stream {
    body: Incoming,
    text: String,
}

impl Stream {
    async fn of(ledger: &Ledger, path: &str, last: Option<&str>) -> Stream {
        let headers: Vec<_> = last.map(|it| ("last-event-id", it)).into_iter().collect();
        Stream { body: ledger.stream(path, &headers).await, text: String::new() }
    }

    async fn next(&mut self) -> Said {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("an event comes")
            .expect("it goes on")
    }

    /// The next event; `None` when the stream has ended.
    async fn read(&mut self) -> Option<Said> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if !event.starts_with(':') {
                    return Some(said(&event));
                }
            } else {
                let frame = self.body.frame().await?.unwrap();
                self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Said> {
        let mut all = vec![];
        while all.len() < count {
            all.push(self.next().await);
        }
        all
    }

    /// Whether nothing is there to be read that was not asked for.
    async fn is_silent(&mut self) -> bool {
        self.text.is_empty()
            && tokio::time::timeout(Duration::from_millis(50), self.body.frame()).await.is_err()
    }
}

fn said(event: &str) -> Said {
    let field =
        |name: &str| event.lines().find_map(|it| it.strip_prefix(name)).unwrap().trim().to_owned();
    (field("id:"), field("event:"), serde_json::from_str(&field("data:")).unwrap())
}

fn ids(all: &[Said]) -> Vec<&str> {
    all.iter().map(|it| it.0.as_str()).collect()
}

async fn allocate(ledger: &Ledger, account: &str, license: &str) -> u64 {
    let document = json!({"license": license, "product": "P", "quantity": 100});
    ledger.accepted(account, "AllocateLicense", &document).await
}

async fn assign(ledger: &Ledger, account: &str, users: &[&str]) -> u64 {
    let holders: Vec<_> = users.iter().map(|it| json!({"user": it})).collect();
    ledger.accepted(account, "AssignSeat", &json!({"license": "l", "holders": holders})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_from_the_beginning_is_the_history() {
    let world = World::with_a_past().await;
    let history = world.get("/history?limit=1000").await;
    for path in ["/v1/events?after=0".to_owned(), format!("{ACCOUNT}/events?after=0")] {
        let all = Stream::of(&world.ledger, &path, None).await.take(world.facts.len()).await;
        for ((id, kind, data), it) in all.iter().zip(items(&history)) {
            assert_eq!(data, it, "{path}");
            assert_eq!(*id, format!("{}/{}", it["sequence"], it["index"]));
            assert_eq!(it["type"], json!(kind));
        }
    }
    let half = world.last / 2;
    let after = world.facts.iter().filter(|it| it.sequence > half).count();
    let path = format!("/v1/events?after={half}");
    let rest = Stream::of(&world.ledger, &path, None).await.take(after).await;
    assert_eq!(rest[0].0, format!("{}/0", half + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_without_a_place_begins_now_and_is_live() {
    let ledger = Ledger::start().await;
    let first = allocate(&ledger, "acme", "l").await;
    ledger.get_at_least("/v1/accounts/acme/history", first).await;
    let mut all = Stream::of(&ledger, "/v1/events", None).await;
    let mut acme = Stream::of(&ledger, "/v1/accounts/acme/events", None).await;
    assign(&ledger, "acme", &["ada", "bo"]).await;
    allocate(&ledger, "globex", "l").await;
    assign(&ledger, "acme", &["eve"]).await;
    assert_eq!(ids(&all.take(4).await), ["2/0", "2/1", "3/0", "4/0"]);
    let mine = acme.take(3).await;
    assert_eq!(ids(&mine), ["2/0", "2/1", "4/0"]);
    assert!(mine.iter().all(|it| it.2["account"] == "acme"), "{mine:?}");
    assert!(all.is_silent().await && acme.is_silent().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_goes_on_in_the_midst_of_a_commit_without_loss_or_repeat() {
    let ledger = Ledger::start().await;
    allocate(&ledger, "acme", "l").await;
    assign(&ledger, "acme", &["a", "b", "c", "d", "e"]).await;
    allocate(&ledger, "globex", "l").await;
    let last = assign(&ledger, "acme", &["f"]).await;
    ledger.get_at_least("/v1/accounts/acme/history", last).await;
    let whole = ["1/0", "2/0", "2/1", "2/2", "2/3", "2/4", "3/0", "4/0"];
    for (seen, id) in whole.iter().enumerate() {
        let mut all = Stream::of(&ledger, "/v1/events", Some(id)).await;
        assert_eq!(ids(&all.take(whole.len() - seen - 1).await), whole[seen + 1..], "after {id}");
        let mine: Vec<_> = whole[seen + 1..].iter().filter(|it| **it != "3/0").copied().collect();
        let mut acme = Stream::of(&ledger, "/v1/accounts/acme/events", Some(id)).await;
        assert_eq!(ids(&acme.take(mine.len()).await), mine, "after {id}");
    }
    // A sequence alone, and places that are beyond their commit, are the whole commit.
    for id in ["2", "2/4", "2/5", "2/65535", "2/4294967295"] {
        let mut all = Stream::of(&ledger, "/v1/events", Some(id)).await;
        assert_eq!(ids(&all.take(2).await), ["3/0", "4/0"], "after {id}");
    }
    for id in ["", "x", "1/", "/1", "1/x", "-1/0", "1/0/0", "99999999999999999999/0", "1/-1"] {
        let answer =
            ledger.request(hyper::Method::GET, "/v1/events", "", &[("last-event-id", id)]).await;
        let code = answer.json()["code"].clone();
        assert_eq!((answer.status, code), (400, json!("invalid_parameter")), "{id:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_comes_back_again_and_again_sees_everything_once() {
    let ledger = Ledger::start().await;
    allocate(&ledger, "acme", "l").await;
    let writing = async {
        for number in 0..25 {
            let users: Vec<String> = (0..3).map(|it| format!("u{number}-{it}")).collect();
            let users: Vec<&str> = users.iter().map(String::as_str).collect();
            assign(&ledger, "acme", &users).await;
        }
    };
    let reading = async {
        let mut seen: Vec<Said> = vec![];
        let mut last = "1/0".to_owned();
        // Each time a few events, and then gone, wherever that is in a commit.
        while seen.len() < 75 {
            let few = (75 - seen.len()).min(4);
            let mut stream = Stream::of(&ledger, "/v1/accounts/acme/events", Some(&last)).await;
            seen.extend(stream.take(few).await);
            last = seen.last().unwrap().0.clone();
        }
        seen
    };
    let ((), seen) = tokio::join!(writing, reading);
    let wanted: Vec<String> =
        (2..27).flat_map(|it| (0..3).map(move |index| format!("{it}/{index}"))).collect();
    assert_eq!(ids(&seen), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_ends_when_the_ledger_stops_and_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    allocate(&ledger, "acme", "l").await;
    let mut stream = Stream::of(&ledger, "/v1/events?after=0", None).await;
    let (last, ..) = stream.next().await;
    let stopping = ledger.stop();
    let ended = tokio::time::timeout(PATIENCE, stream.read());
    let (status, ended) = tokio::join!(stopping, ended);
    assert!(status.success());
    assert_eq!(ended.expect("the stream ends"), None);
    let ledger = Ledger::start_in(dir.path()).await;
    let mut stream = Stream::of(&ledger, "/v1/events", Some(&last)).await;
    assign(&ledger, "acme", &["ada"]).await;
    assert_eq!(stream.next().await.0, "2/0");
}
