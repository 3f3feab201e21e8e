//! What an account has, and how much of it is used.

use serde_json::{Value, json};

use super::model::{ACCOUNT, LICENSES, World};
use super::{all_pages, items};
use crate::Ledger;
use crate::ledger::encoded;

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_of_a_license_is_right_at_every_sequence() {
    let world = World::with_a_past().await;
    for at in 0..=world.last {
        for (place, (license, product, _)) in LICENSES.into_iter().enumerate() {
            let path = format!("{ACCOUNT}/licenses/{license}?at={at}");
            let answer = world.ledger.get_at_least(&path, world.last).await;
            if at <= place as u64 {
                assert_eq!(answer.status, 404, "{license} was not there at {at}");
                continue;
            }
            let (found, quantity, used) =
                (answer.json(), world.quantity(license, at), world.used(license, at));
            let live = world
                .seats(at)
                .iter()
                .filter(|it| it.license == license && it.until.is_none())
                .count();
            let changed =
                world.facts.iter().filter(|it| it.license == license && it.sequence <= at);
            let changed = changed.map(|it| it.sequence).next_back();
            for (member, wanted) in [
                ("license", json!(license)),
                ("product", json!(product)),
                ("quantity", json!(quantity)),
                ("used", json!(used)),
                ("available", json!(quantity - used)),
                ("assignments", json!(live)),
                ("changed_sequence", json!(changed)),
                ("sequence", json!(at)),
                ("state", json!("active")),
            ] {
                assert_eq!(found[member], wanted, "{member} of {license} at {at}");
            }
            assert_eq!(
                answer.headers["etag"].to_str().unwrap(),
                format!("\"{}\"", changed.unwrap())
            );
            assert_eq!(answer.sequence(), at);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_adds_up_its_licenses() {
    let world = World::with_a_past().await;
    for at in [4, world.last / 2, world.last] {
        let sum = |of: fn(&World, &str, u64) -> i64| -> i64 {
            LICENSES.iter().map(|it| of(&world, it.0, at)).sum()
        };
        let (quantity, used) = (sum(World::quantity), sum(World::used));
        let account = world.get(&format!("?at={at}")).await;
        let figures = ["account", "licenses", "quantity", "used"].map(|it| account[it].clone());
        assert_eq!(figures, [json!("acme"), json!(4), json!(quantity), json!(used)], "at {at}");
        let list = world.ledger.get(&format!("/v1/accounts?at={at}")).await.json();
        assert_eq!(items(&list).len(), 1);
        for member in ["account", "licenses", "quantity", "used", "since"] {
            assert_eq!(items(&list)[0][member], account[member], "{member} at {at}");
        }
    }
    let before = world.ledger.get("/v1/accounts?at=0").await.json();
    assert_eq!(before["items"], json!([]));
}

/// Licenses that differ in everything a list can be filtered by.
async fn shelves() -> (Ledger, u64) {
    let ledger = Ledger::start().await;
    let mut last = 0;
    for number in 0..12 {
        let product = format!("P{}", number % 3);
        let mut document = json!({"license": format!("l{number:02}"), "product": product,
            "quantity": number});
        if number % 2 == 0 {
            document["container"] = json!(format!("tenant-{}", number % 4));
            document["name"] = json!(format!("Shelf No. {number}"));
            document["external_id"] = json!(format!("x-{number}"));
        }
        last = ledger.accepted("acme", "AllocateLicense", &document).await;
    }
    for (command, license) in
        [("SuspendLicense", "l03"), ("SuspendLicense", "l04"), ("RetireLicense", "l05")]
    {
        last = ledger.accepted("acme", command, &json!({"license": license})).await;
    }
    (ledger, last)
}

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|it| it["license"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_licenses_is_filtered_by_everything_it_can_be() {
    let (ledger, last) = shelves().await;
    for (query, wanted) in [
        ("product=P1", vec!["l01", "l04", "l07", "l10"]),
        ("container=tenant-2", vec!["l02", "l06", "l10"]),
        ("state=suspended", vec!["l03", "l04"]),
        ("state=retired", vec!["l05"]),
        ("state=active&product=P2", vec!["l02", "l08", "l11"]),
        ("external_id=x-8", vec!["l08"]),
        ("external_id=X-8", vec![]),
        ("name=SHELF", vec!["l00", "l02", "l04", "l06", "l08", "l10"]),
        ("name=no.%201", vec!["l10"]),
        ("name=l1", vec!["l11"]),
        ("product=P1&state=suspended&container=tenant-0&name=4", vec!["l04"]),
        ("product=p1", vec![]),
        ("product=", vec![]),
    ] {
        let path = format!("{ACCOUNT}/licenses?{query}");
        let found = ledger.get_at_least(&path, last).await.json();
        assert_eq!(names(items(&found)), wanted, "{query}");
        assert_eq!(found["next"], Value::Null, "{query}");
        let paged = all_pages(&ledger, &path, 1).await;
        assert_eq!(names(&paged), wanted, "{query}, one by one");
    }
    // As of before the suspensions everything was in force.
    let past = ledger.get(&format!("{ACCOUNT}/licenses?state=active&at=12")).await.json();
    assert_eq!(items(&past).len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_licenses_ends_after_its_last_page_however_long_pages_are() {
    let (ledger, last) = shelves().await;
    let path = format!("{ACCOUNT}/licenses");
    let whole = ledger.get_at_least(&path, last).await.json();
    assert_eq!(items(&whole).len(), 12);
    for limit in [1, 2, 3, 5, 11, 12, 13, 1_000] {
        assert_eq!(all_pages(&ledger, &path, limit).await, items(&whole), "pages of {limit}");
    }
    let half = all_pages(&ledger, &format!("{path}?at=7"), 2).await;
    assert_eq!(names(&half), names(&items(&whole)[..7]));
    let accounts = all_pages(&ledger, "/v1/accounts", 1).await;
    assert_eq!(accounts.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_by_name_page_by_page() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    let mut names = ["globex", "acme", "Zeta", "a-1", "_", "song_one", "acme-2"];
    for name in names {
        ledger.accepted(name, "AllocateLicense", &license).await;
    }
    names.sort_unstable();
    let last = names.len() as u64;
    let whole = ledger.get_at_least("/v1/accounts", last).await.json();
    let named = |items: &[Value]| -> Vec<String> {
        items.iter().map(|it| it["account"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(named(items(&whole)), names);
    assert_eq!(named(&all_pages(&ledger, "/v1/accounts", 2).await), names);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_shows_what_it_was_given_and_what_was_taken_away() {
    let ledger = Ledger::start().await;
    // Bytes that a reader who parses numbers would not give back.
    let metadata = r#"{"z":1,"n":123456789012345678901234567890,"f":1.50,"e":1E+2,"s":"\u00e9"}"#;
    let document = format!(
        r#"{{"license":"a/b c?","product":"P","quantity":3,"container":"t-1","name":"Né",
        "external_id":"PO-1","source":"erp","starts_at":"2020-01-01T00:00:00+02:00",
        "ends_at":"2999-12-31T23:59:59.9999Z","metadata":{metadata}}}"#
    );
    let path = format!("{ACCOUNT}/commands/AllocateLicense");
    let sent = ledger.post_bytes(&path, document.as_bytes(), &[("idempotency-key", "c1")]).await;
    assert_eq!(sent.status, 200, "{}", sent.json());
    let one = format!("{ACCOUNT}/licenses/{}", encoded("a/b c?"));
    let answer = ledger.get_at_least(&one, 1).await;
    let found = answer.json();
    for (member, wanted) in [
        ("container", "t-1"),
        ("name", "Né"),
        ("external_id", "PO-1"),
        ("source", "erp"),
        ("starts_at", "2019-12-31T22:00:00.000Z"),
        ("ends_at", "2999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(found[member], json!(wanted), "{member}");
    }
    let outcome = ledger.get(&format!("{ACCOUNT}/commands/c1")).await;
    let history = ledger.get(&format!("{ACCOUNT}/history")).await;
    for (what, answer) in [
        ("the license", &answer),
        ("its outcome", &outcome),
        ("its history", &history),
        ("the receipt", &sent),
    ] {
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.contains(metadata), "{what} does not hold the metadata as it came: {text}");
    }
    let clear = json!({"license": "a/b c?", "container": null, "name": null});
    let refused = ledger.send("acme", "ChangeLicense", &clear).await;
    assert_eq!(refused.json()["code"], json!("unknown_field"), "a container never changes");
    let clear = json!({"license": "a/b c?", "name": null, "external_id": null, "source": null,
        "metadata": null, "starts_at": null, "ends_at": null});
    let last = ledger.accepted("acme", "ChangeLicense", &clear).await;
    let found = ledger.get_at_least(&one, last).await.json();
    for member in ["name", "external_id", "source", "metadata", "starts_at", "ends_at"] {
        assert!(found.get(member).is_none(), "{member} is still there: {found}");
    }
    assert_eq!(found["container"], json!("t-1"));
}
