//! Containers, where each is and what it has of a license.

use serde_json::{Value, json};

use super::model::ACCOUNT;
use super::{all_pages, items, same_after_deleting};
use crate::Ledger;

/// 50 seats: 30 to north, 10 of those to robots in it, 5 to south; one seat of each part is held.
/// Then north is lowered under what it has, which is tolerated.
async fn shared(ledger: &Ledger) -> [u64; 5] {
    let part = |container: &str, within: Option<&str>, quantity: i64| {
        json!({"allocations": [{"container": container, "within": within,
            "quantities": [{"license": "suite", "quantity": quantity}]}]})
    };
    let without_null = |mut it: Value| {
        it["allocations"][0].as_object_mut().unwrap().retain(|_, value| !value.is_null());
        it
    };
    let seat = json!({"product": "SUITE", "container": "robots", "holders": [{"user": "r1"}]});
    let mut last = [0; 5];
    for (at, (command, document)) in [
        ("AllocateLicense", json!({"license": "suite", "product": "SUITE", "quantity": 50})),
        ("SetAllocations", part("north", None, 30)),
        ("SetAllocations", part("robots", Some("north"), 10)),
        ("AssignSeat", seat),
        ("SetAllocations", part("south", None, 5)),
    ]
    .into_iter()
    .enumerate()
    {
        let document = if command == "SetAllocations" { without_null(document) } else { document };
        last[at] = ledger.accepted("acme", command, &document).await;
    }
    last
}

/// Each container, where it is, and of what it holds: quantity, used, allocated, available.
fn told(items: &[Value]) -> Vec<Value> {
    let numbers = |it: &Value| {
        json!([
            it["license"],
            it["parent"],
            it["quantity"],
            it["used"],
            it["allocated"],
            it["available"]
        ])
    };
    items
        .iter()
        .map(|it| {
            let licenses = it["licenses"].as_array().unwrap();
            let held: Vec<Value> = licenses.iter().map(numbers).collect();
            json!([it["container"], it["within"], held])
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_are_a_tree_as_it_was_at_any_sequence() {
    let ledger = Ledger::start().await;
    let [begun, north, robots, seat, last] = shared(&ledger).await;
    let own =
        |allocated: i64| json!([null, null, [["suite", null, 50, 0, allocated, 50 - allocated]]]);
    let of_north = |allocated: i64| {
        json!(["north", null, [["suite@north", "suite", 30, 0, allocated, 30 - allocated]]])
    };
    let of_robots = |used: i64| {
        let part = json!(["suite@north@robots", "suite@north", 10, used, 0, 10 - used]);
        json!(["robots", "north", [part]])
    };
    let south = json!(["south", null, [["suite@south", "suite", 5, 0, 0, 5]]]);
    for (at, wanted) in [
        (begun, vec![own(0)]),
        (north, vec![own(30), of_north(0)]),
        (robots, vec![own(30), of_north(10), of_robots(0)]),
        (seat, vec![own(30), of_north(10), of_robots(1)]),
        (last, vec![own(35), of_north(10), of_robots(1), south]),
    ] {
        let path = format!("{ACCOUNT}/containers?at={at}");
        let found = ledger.get_at_least(&path, last).await;
        assert_eq!((found.status, found.sequence()), (200, at));
        let found = found.json();
        assert_eq!(told(items(&found)), wanted, "at {at}");
        assert_eq!(all_pages(&ledger, &path, 1).await, items(&found));
        for it in &items(&found)[1..] {
            let name = it["container"].as_str().unwrap();
            let one = ledger.get(&format!("{ACCOUNT}/containers/{name}?at={at}")).await;
            assert_eq!((one.status, one.sequence()), (200, at), "{name}");
            let mut one = one.json();
            one.as_object_mut().unwrap().remove("sequence");
            assert_eq!(one, *it);
        }
    }
    let before = ledger.get(&format!("{ACCOUNT}/containers/robots?at={north}")).await;
    assert_eq!((before.status, &before.json()["code"]), (404, &json!("container_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_lowered_under_its_seats_says_so_in_the_tree() {
    let ledger = Ledger::start().await;
    shared(&ledger).await;
    ledger.accepted("acme", "SetPolicy", &json!({"lowering": "tolerate"})).await;
    let taken = json!({"license": "suite", "within": "north",
        "moves": [{"from": "robots", "quantity": 10}], "reason": "switched off"});
    let last = ledger.accepted("acme", "MoveQuantity", &taken).await;
    let path = format!("{ACCOUNT}/containers/robots");
    let part = &ledger.get_at_least(&path, last).await.json()["licenses"][0];
    let said = |it: &str| &part[it];
    assert_eq!(
        [said("quantity"), said("used"), said("available"), said("over_allocated")],
        [&json!(0), &json!(1), &json!(0), &json!(true)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_come_back_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let [_, _, robots, _, last] = shared(&ledger).await;
    let paths = [
        "containers".to_owned(),
        format!("containers?at={robots}"),
        "containers/robots".to_owned(),
    ];
    same_after_deleting(ledger, dir.path(), "licenses", &paths, last).await;
}
