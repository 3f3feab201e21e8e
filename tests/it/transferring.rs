//! One account gives seats to another: the steps of the ledger, and `kill -9` between them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Ledger;
use crate::faults::dice::Dice;
use crate::faults::{say, setting};
use crate::ledger::{PATIENCE, eventually};

const RECEIVERS: [&str; 5] = ["north", "south", "east", "west", "labs"];

/// More receivers than are told at once, and seats for all of them.
const MANY: u64 = 60;
const SEATS: u64 = 200;

fn give(receiver: &str, quantity: u64) -> Value {
    json!({"license": "suite", "receiver": receiver, "quantity": quantity})
}

async fn host(ledger: &Ledger, quantity: u64) {
    let suite = json!({"license": "suite", "product": "SUITE", "quantity": quantity});
    ledger.accepted("host", "AllocateLicense", &suite).await;
}

/// What the host says that others have, by account.
async fn given(ledger: &Ledger) -> Vec<Value> {
    let answer = ledger.get("/v1/accounts/host/licenses/suite/allocations").await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()["items"].as_array().unwrap().clone()
}

async fn at_rest(ledger: &Ledger) {
    eventually("transfers end", async || {
        ledger.caught_up().await;
        given(ledger).await.iter().all(|it| it["state"] != "pending")
    })
    .await;
}

async fn license(ledger: &Ledger, account: &str, name: &str) -> Value {
    ledger.get(&format!("/v1/accounts/{account}/licenses/{name}")).await.json()
}

/// Types of the events of an account, the oldest first.
async fn types(ledger: &Ledger, account: &str) -> Vec<String> {
    let answer = ledger.get(&format!("/v1/accounts/{account}/history?limit=1000")).await.json();
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|it| it["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_pass_to_another_account_and_back() {
    let ledger = Ledger::start().await;
    host(&ledger, 10).await;
    let nats = ledger.nats().await;
    let subject = "seatledger.admin.host.AllocateToAccount";
    let ask = async |document: Value| -> Value {
        let asked = nats.request(subject, document.to_string().into());
        let reply = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
        serde_json::from_slice(&reply.payload).unwrap()
    };
    let told = ask(give("north", 6)).await;
    assert_eq!(told["outcome"], "accepted", "{told}");
    at_rest(&ledger).await;
    let theirs = license(&ledger, "north", "suite@host").await;
    assert_eq!(theirs["host"], json!({"account": "host", "license": "suite"}));
    assert_eq!((&theirs["quantity"], &theirs["product"]), (&json!(6), &json!("SUITE")));
    let ours = license(&ledger, "host", "suite").await;
    assert_eq!((&ours["allocated"], &ours["available"]), (&json!(6), &json!(4)));
    // The receiver gives seats of it out, and does not give back what is held.
    let seats = json!({"product": "SUITE", "holders": [{"user": "ada"}, {"user": "bo"}]});
    ledger.accepted("north", "AssignSeat", &seats).await;
    assert_eq!(ask(give("north", 1)).await["outcome"], "accepted");
    at_rest(&ledger).await;
    let refused = given(&ledger).await.remove(0);
    assert_eq!((&refused["state"], &refused["quantity"]), (&json!("refused"), &json!(6)));
    assert_eq!(
        (&refused["code"], &refused["known_as"]),
        (&json!("quantity_below_use"), &json!("suite@host"))
    );
    assert_eq!(ask(give("north", 2)).await["outcome"], "accepted");
    at_rest(&ledger).await;
    let settled = given(&ledger).await.remove(0);
    assert_eq!((&settled["state"], &settled["reserved"]), (&json!("settled"), &json!(2)));
    assert_eq!(license(&ledger, "north", "suite@host").await["quantity"], 2);
    let told = ask(give("south", 9)).await;
    assert_eq!(told["code"], "no_free_quantity", "{told}");
    // The steps are the ledger's own, and nobody else's.
    let history = "/v1/accounts/north/history?type=TransferReceived";
    let received = ledger.get(history).await.json()["items"][0].clone();
    assert_eq!([&received["via"], &received["actor"], &received["by"]], ["clock"; 3]);
    for own in ["ReceiveTransfer", "EndTransfer"] {
        let answer = ledger.send("north", own, &json!({"transfer": 1})).await;
        assert_eq!(answer.json()["code"], "unknown_command_type");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_and_a_window_reach_whoever_has_seats() {
    let ledger = Ledger::start().await;
    host(&ledger, 10).await;
    ledger.accepted("host", "AllocateToAccount", &give("north", 2)).await;
    at_rest(&ledger).await;
    let seat = json!({"license": "suite@host", "holders": [{"user": "ada"}]});
    ledger.accepted("north", "AssignSeat", &seat).await;
    let check = "/v1/accounts/north/checks?user=ada&product=SUITE";
    let code = async || ledger.get(check).await.json()["code"].clone();
    ledger.caught_up().await;
    assert_eq!(code().await, "allowed");
    ledger.accepted("host", "SuspendLicense", &json!({"license": "suite"})).await;
    at_rest(&ledger).await;
    assert_eq!(code().await, "license_suspended");
    let change = json!({"license": "suite", "ends_at": "2099-01-01T00:00:00Z"});
    ledger.accepted("host", "ChangeLicense", &change).await;
    ledger.accepted("host", "ReinstateLicense", &json!({"license": "suite"})).await;
    at_rest(&ledger).await;
    assert_eq!(code().await, "allowed");
    let theirs = license(&ledger, "north", "suite@host").await;
    assert_eq!(theirs["ends_at"], "2099-01-01T00:00:00.000Z");
    for (kind, document) in [
        ("SuspendLicense", json!({"license": "suite@host"})),
        ("ChangeLicense", json!({"license": "suite@host", "quantity": 9})),
    ] {
        let answer = ledger.send("north", kind, &document).await;
        assert_eq!(answer.json()["code"], "license_is_hosted", "{kind}");
    }
}

/// Nobody can take the id of a first step beforehand, and be told nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_first_step_is_the_ledgers_own() {
    let ledger = Ledger::start().await;
    host(&ledger, 10).await;
    ledger.accepted("host", "AllocateToAccount", &give("labs", 1)).await;
    at_rest(&ledger).await;
    let history = "/v1/accounts/labs/history?type=TransferReceived";
    let id = ledger.get(history).await.json()["items"][0]["command"].clone();
    assert_eq!(id, "seatledger-b5f75da3863a9a19732cda1e1f655dfc", "of the host and the number 2");
    let ada = json!({"id": id, "holder": {"user": "ada"}});
    let answer = ledger.send("north", "RegisterHolder", &ada).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_command_id")));
}

/// Wishes without end, and `kill -9` at any moment: between a wish and the receiver, and between the
/// receiver and the host.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_goes_on_after_kill_9_and_both_accounts_agree() {
    let mut dice = Dice::of_test("transfers", 24);
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::start_in(dir.path()).await;
    host(&ledger, SEATS).await;
    // So often, and until a kill came in each of the two places: when that is, the machine says.
    let cycles = setting("SEATLEDGER_TRANSFER_CYCLES", 12);
    let mut straddled = (0, 0);
    for cycle in 0..10 * cycles {
        let work = dice.millis(5, 60);
        let _ = tokio::time::timeout(work, wishes(&ledger, &mut dice)).await;
        let many: Vec<Value> =
            (0..MANY).map(|it| give(&format!("r-{it}"), dice.below(3))).collect();
        at_once(&ledger, &many).await;
        let after = Duration::from_micros(dice.below(12_000));
        say(&format!("cycle {cycle}: kill -9 after {work:?} and {after:?}"));
        tokio::time::sleep(after).await;
        ledger.kill().await;
        ledger = Ledger::start_in(dir.path()).await;
        nobody_has_more_than_is_kept(&ledger).await;
        if cycle + 1 >= cycles {
            at_rest(&ledger).await;
            straddled = steps(&ledger).await;
            if straddled.0 > 0 && straddled.1 > 0 {
                break;
            }
        }
    }
    at_rest(&ledger).await;
    both_sides_agree(&ledger).await;
    say(&format!("transfers that were interrupted: {straddled:?}"));
    assert!(straddled.0 > 0 && straddled.1 > 0, "no kill came between two steps");
    let before = given(&ledger).await;
    ledger.kill().await;
    std::fs::remove_dir_all(dir.path().join("read")).unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    ledger.caught_up().await;
    assert_eq!(given(&ledger).await, before, "from the log alone");
}

/// Sends wishes without waiting for an answer to any.
async fn at_once(ledger: &Ledger, wishes: &[Value]) {
    let nats = ledger.nats().await;
    for wish in wishes {
        let (subject, inbox) = ("seatledger.admin.host.AllocateToAccount", nats.new_inbox());
        nats.publish_with_reply(subject, inbox, wish.to_string().into()).await.unwrap();
    }
    nats.flush().await.unwrap();
}

/// Until it is stopped: quantities for receivers, and seats in between.
async fn wishes(ledger: &Ledger, dice: &mut Dice) {
    loop {
        let receiver = RECEIVERS[usize::try_from(dice.below(5)).unwrap()];
        let (user, quantity) = (format!("u{}", dice.below(4)), dice.below(12));
        let seat = json!({"license": "suite@host", "holders": [{"user": user}]});
        let (account, kind, document) = match dice.below(4) {
            0 => (receiver, "AssignSeat", seat),
            1 => (receiver, "RevokeAssignment", seat),
            _ => ("host", "AllocateToAccount", give(receiver, quantity)),
        };
        let path = format!("/v1/accounts/{account}/commands/{kind}");
        let _ = ledger.try_request(hyper::Method::POST, &path, &document.to_string(), &[]).await;
    }
}

/// As of one moment, whichever it is.
async fn nobody_has_more_than_is_kept(ledger: &Ledger) {
    ledger.caught_up().await;
    let path = "/v1/accounts/host/licenses/suite/allocations?limit=1000";
    let answer = ledger.get(path).await;
    let at = answer.sequence();
    let mut kept = 0;
    for it in answer.json()["items"].as_array().unwrap() {
        let receiver = it["receiver"].as_str().unwrap();
        let path = format!("/v1/accounts/{receiver}/licenses/suite@host?at={at}");
        let theirs = ledger.get(&path).await;
        let has =
            if theirs.status == 200 { theirs.json()["quantity"].as_i64().unwrap() } else { 0 };
        assert!(has <= it["reserved"].as_i64().unwrap(), "{receiver} has {has} of {it}");
        kept += it["reserved"].as_i64().unwrap();
    }
    let ours = ledger.get(&format!("/v1/accounts/host/licenses/suite?at={at}")).await.json();
    assert!(ours["quantity"].as_i64().unwrap() >= kept, "{kept} of {ours}");
    assert_eq!(ours["allocated"], kept);
}

async fn both_sides_agree(ledger: &Ledger) {
    for it in given(ledger).await {
        let receiver = it["receiver"].as_str().unwrap();
        assert_eq!(it["wanted"], it["quantity"], "{it}");
        let theirs = ledger.get(&format!("/v1/accounts/{receiver}/licenses/suite@host")).await;
        let has = if theirs.status == 200 { theirs.json()["quantity"].clone() } else { json!(0) };
        assert_eq!(has, it["quantity"], "{receiver}");
    }
    nobody_has_more_than_is_kept(ledger).await;
}

/// Longer than any step takes, shorter than any start.
const PAUSE_MS: i64 = 100;

/// Each transfer that began was received once and ended once; how many were interrupted before the
/// one, and before the other.
async fn steps(ledger: &Ledger) -> (usize, usize) {
    let mut at: BTreeMap<(u64, &str), i64> = BTreeMap::new();
    let kinds = ["TransferBegan", "TransferReceived", "TransferEnded"];
    let given = given(ledger).await;
    let receivers = given.iter().map(|it| it["receiver"].as_str().unwrap());
    for account in receivers.chain(["host"]) {
        for kind in kinds {
            for it in events(ledger, account, kind).await {
                let number = it["data"]["transfer"].as_u64().unwrap();
                let when = chrono::DateTime::parse_from_rfc3339(it["at"].as_str().unwrap());
                let when = when.unwrap().timestamp_millis();
                assert_eq!(at.insert((number, kind), when), None, "{kind} {number} twice");
            }
        }
    }
    let (mut before, mut between) = (0, 0);
    for number in at.keys().map(|it| it.0).collect::<std::collections::BTreeSet<_>>() {
        let [began, received, ended] = kinds.map(|kind| at.get(&(number, kind)).copied());
        let all = began.zip(received).zip(ended);
        let ((began, received), ended) = all.unwrap_or_else(|| panic!("{number} is torn"));
        before += usize::from(received - began > PAUSE_MS);
        between += usize::from(ended - received > PAUSE_MS);
    }
    (before, between)
}

async fn events(ledger: &Ledger, account: &str, kind: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (vec![], String::new());
    loop {
        let path = format!("/v1/accounts/{account}/history?type={kind}&limit=1000{cursor}");
        let answer = ledger.get(&path).await;
        if answer.status == 404 {
            return all;
        }
        let page = answer.json();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

/// Two processes on one ledger ask for each step both, and it happens once.
#[tokio::test(flavor = "multi_thread")]
async fn two_writers_take_each_step_once() {
    let ledger = Ledger::start().await;
    let dir = tempfile::tempdir().unwrap();
    let other = Ledger::serve_beside(&ledger, Path::new(dir.path())).await;
    host(&ledger, 40).await;
    for round in 1..6 {
        for (place, receiver) in (0_u64..).zip(RECEIVERS) {
            let at = if place.is_multiple_of(2) { &ledger } else { &other };
            at.accepted("host", "AllocateToAccount", &give(receiver, (round * 3 + place) % 8))
                .await;
        }
    }
    at_rest(&ledger).await;
    both_sides_agree(&ledger).await;
    steps(&ledger).await;
    assert_eq!(types(&ledger, "labs").await[0], "LicenseAllocated");
    other.kill().await;
}
