//! Found with `nats micro`, understood from what it says of itself.

use serde_json::{Value, json};

use super::{Door, Doors};
use crate::Ledger;
use crate::documents::schema;
use crate::ledger::{PATIENCE, eventually};

/// Every command, in an order in which the examples work one after the other.
const LIFE: [&str; 28] = [
    "AllocateLicense",
    "ChangeLicense",
    "SuspendLicense",
    "ReinstateLicense",
    "SetPolicy",
    "AssignSeat",
    "ChangeAssignment",
    "LeaveWaitlist",
    "RevokeAssignment",
    "CreateKey",
    "RevokeKey",
    "ApplyBatch",
    "RegisterHolder",
    "LinkHolder",
    "DeclareDirectSet",
    "ClearDirectSet",
    "AddMembers",
    "SetGroupRule",
    "RemoveGroupRule",
    "GrantToGroup",
    "RemoveMembers",
    "SetAllocations",
    "MoveQuantity",
    "ScheduleCommand",
    "CancelSchedule",
    "RetireHolder",
    "AllocateToAccount",
    "RetireLicense",
];

async fn service(doors: &Doors<'_>, verb: &str) -> Value {
    let asked = doors.nats.request(format!("$SRV.{verb}.seatledger"), "".into());
    let reply = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
    serde_json::from_slice(&reply.payload).unwrap()
}

fn endpoint<'a>(info: &'a Value, name: &str) -> &'a Value {
    let endpoints = info["endpoints"].as_array().unwrap();
    endpoints.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_lists_one_endpoint_a_command() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let info = service(&doors, "INFO").await;
    assert_eq!(info["type"], json!("io.nats.micro.v1.info_response"));
    let mut names: Vec<_> = info["endpoints"].as_array().unwrap().iter().collect();
    names.sort_by_key(|it| it["name"].as_str().unwrap());
    let names: Vec<_> =
        names.into_iter().map(|it| (it["name"].clone(), it["subject"].clone())).collect();
    let mut wanted = LIFE;
    wanted.sort_unstable();
    let wanted: Vec<_> =
        wanted.iter().map(|it| (json!(it), json!(format!("seatledger.command.*.{it}")))).collect();
    assert_eq!(names, wanted);
    let ping = service(&doors, "PING").await;
    assert_eq!((&ping["name"], &ping["id"]), (&info["name"], &info["id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_described_by_its_schema_and_works() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let info = service(&doors, "INFO").await;
    for command in LIFE {
        if command == "RetireLicense" {
            // Those whom the examples leave with a seat.
            let holders = json!([{"email": "bo@example.com"}, {"user": "cy"}]);
            let left = json!({"license": "creative", "holders": holders});
            ledger.accepted("acme", "RevokeAssignment", &left).await;
            take_back(&ledger).await;
        }
        let before = doors.sequence().await;
        let metadata = &endpoint(&info, command)["metadata"];
        let read = |name: &str| -> Value {
            serde_json::from_str(metadata[name].as_str().unwrap()).unwrap()
        };
        let (described, example) = (read("schema"), read("example"));
        schema::check(&described, &described, &example)
            .unwrap_or_else(|it| panic!("{command}: {it}"));
        let told = match command {
            "SetPolicy" | "CreateKey" | "RevokeKey" | "AllocateToAccount" => {
                doors.ask_as_admin("acme", command, &example).await
            }
            _ => doors.document(Door::Ask, ("acme", command), &example).await,
        };
        // Nobody waits, and nothing has the number of the example: it is understood all the same.
        match command {
            "LeaveWaitlist" => assert_eq!(told.sequence, Some(before), "{command}"),
            "CancelSchedule" => assert_eq!(told.status, 404, "{command}: {:?}", told.document),
            _ => {
                assert_eq!(told.status, 200, "{command}: {:?}", told.document);
                assert_eq!(told.sequence, Some(before + 1), "{command}");
            }
        }
    }
}

/// What the examples give to another account comes back.
async fn take_back(ledger: &Ledger) {
    let nothing = json!({"license": "creative", "receiver": "acme-labs", "quantity": 0});
    ledger.accepted("acme", "AllocateToAccount", &nothing).await;
    let ended = "/v1/accounts/acme/history?type=TransferEnded";
    eventually("the seats come back", async || {
        let ended = ledger.get(ended).await.json();
        let last = ended["items"].as_array().unwrap().last();
        last.is_some_and(|it| it["data"]["quantity"] == 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_knows_what_every_document_may_have_and_nothing_else() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let info = service(&doors, "INFO").await;
    for command in LIFE {
        let metadata = &endpoint(&info, command)["metadata"];
        let described: Value = serde_json::from_str(metadata["schema"].as_str().unwrap()).unwrap();
        let example: Value = serde_json::from_str(metadata["example"].as_str().unwrap()).unwrap();
        let mut around = example.clone();
        for (member, value) in [
            ("id", json!("c1")),
            ("account", json!("acme")),
            ("type", json!(command)),
            ("actor", json!("it")),
            ("dry_run", json!(true)),
            ("change", json!({"source": "s", "type": "t", "transaction_id": "x"})),
            ("reason", json!("because")),
        ] {
            around[member] = value;
        }
        schema::check(&described, &described, &around)
            .unwrap_or_else(|it| panic!("{command}: {it}"));
        let told = doors.document(Door::Ask, ("acme", command), &around).await;
        assert_ne!(told.status, 400, "{command}: {:?}", told.document);
        let mut unknown = example;
        unknown["surprise"] = json!(1);
        assert!(schema::check(&described, &described, &unknown).is_err(), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_done_is_counted_for_each_endpoint() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let document = json!({"id": "c1", "license": "l", "product": "P", "quantity": 1});
    for _ in 0..3 {
        doors.document(Door::Ask, ("acme", "AllocateLicense"), &document).await;
    }
    let stats = service(&doors, "STATS").await;
    assert_eq!(endpoint(&stats, "AllocateLicense")["num_requests"], json!(3));
    assert_eq!(endpoint(&stats, "AssignSeat")["num_requests"], json!(0));
}
