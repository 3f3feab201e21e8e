//! A log that an older release has written is read, and gives the answers that it gave then.
//!
//! `tests/golden/release-0.1` holds commits of that release, and what its API answered. Who was let in, which
//! every line says by now, was added to them, and the chain made anew: nothing was released then. Answers may say more by now; what they said then they still say.

use async_nats::HeaderMap;
use serde_json::Value;

use crate::ledger::{Answer, Ledger, signal};

const LOG: &str = include_str!("../../golden/release-0.1/log.ndjson");
const ANSWERS: &str = include_str!("../../golden/release-0.1/answers.ndjson");

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|it| serde_json::from_str(it).unwrap())
}

/// Where an answer does not say any more what it said then.
fn missing(then: &Value, now: &Value, path: &str) -> Vec<String> {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            let of = |(name, then)| {
                missing(then, now.get(name).unwrap_or(&Value::Null), &format!("{path}/{name}"))
            };
            then.iter().flat_map(of).collect()
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let of = |(n, (then, now))| missing(then, now, &format!("{path}/{n}"));
            then.iter().zip(now).enumerate().flat_map(of).collect()
        }
        (then, now) if then == now => vec![],
        (then, now) => vec![format!("{path}: {then} then, {now} now")],
    }
}

/// The answer as of the end of that log: by now its windows have begun, which is a commit more.
async fn as_of_then(ledger: &Ledger, path: &str, last: u64) -> Answer {
    let joint = if path.contains('?') { '&' } else { '?' };
    if !path.contains("at=") {
        let asked = ledger.get_at_least(&format!("{path}{joint}at={last}"), last).await;
        if asked.status == 200 {
            return asked;
        }
    }
    ledger.get_at_least(path, last).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_release_0_1_gives_the_answers_of_release_0_1() {
    let ledger = Ledger::start().await;
    let jetstream = async_nats::jetstream::new(ledger.nats().await);
    // Windows in that log have begun by now: a ledger that runs meanwhile would say so in its midst.
    signal(ledger.pid(), "STOP");
    for (place, message) in lines(LOG).enumerate() {
        let mut headers = HeaderMap::new();
        headers.insert("Seatledger", "1");
        headers.insert("Nats-Expected-Last-Sequence", place.to_string().as_str());
        let subject = message["subject"].as_str().unwrap().to_owned();
        let payload = message["payload"].as_str().unwrap().to_owned();
        let sent = jetstream.publish_with_headers(subject, headers, payload.into()).await.unwrap();
        assert_eq!(sent.await.unwrap().sequence, place as u64 + 1);
    }
    signal(ledger.pid(), "CONT");
    let last = lines(LOG).count() as u64;
    let mut wrong = vec![];
    for then in lines(ANSWERS) {
        let path = then["path"].as_str().unwrap();
        let now = as_of_then(&ledger, path, last).await;
        if now.status != then["status"] {
            wrong.push(format!("{path}: {} then, {} now", then["status"], now.status));
        }
        wrong.extend(missing(&then["answer"], &now.json(), path));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What was not said of a holder or a license then can be said now: the ledger goes on.
    let seat = serde_json::json!({"license": "creative", "holders": [{"user": "ada"}]});
    ledger.accepted("acme", "RevokeAssignment", &seat).await;
    assert!(ledger.accepted("acme", "AssignSeat", &seat).await > last + 1);
}
