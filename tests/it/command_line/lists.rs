//! What is known to a ledger, as tables and as JSON.

use serde_json::{Value, json};

use super::{code, document, err, out, small};
use crate::Ledger;

/// A ledger with something of everything: a group that gives two of three members a seat, a license
/// that is shared out, an address that is known, a policy, somebody who waits, and a schedule.
async fn full() -> Ledger {
    let ledger = small().await;
    let users = |names: &[&str]| -> Value {
        names.iter().map(|it| json!({"user": it})).collect::<Vec<_>>().into()
    };
    let grants = json!([{"product": "OFFICE", "mode": "first_come", "quota": 2}]);
    let part = json!({"container": "north", "quantities": [{"license": "office", "quantity": 2}]});
    let later = json!({"at": "2099-01-01T00:00:00Z", "command": "SuspendLicense",
        "document": {"license": "office"}, "actor": "it"});
    for (command, document) in [
        ("SetPolicy", json!({"overage": "50%"})),
        ("AddMembers", json!({"group": "staff", "holders": users(&["cy", "di", "ed"])})),
        ("SetGroupRule", json!({"group": "staff", "grants": grants})),
        ("SetAllocations", json!({"allocations": [part]})),
        ("ScheduleCommand", later),
    ] {
        ledger.accepted("acme", command, &document).await;
    }
    ledger.caught_up().await;
    ledger
}

/// The lines of a run, each cut into its cells.
#[track_caller]
fn rows(ledger: &Ledger, arguments: &[&str]) -> Vec<Vec<String>> {
    let output = ledger.run(arguments);
    assert_eq!(code(&output), 0, "{arguments:?}: {}", err(&output));
    out(&output).lines().map(|it| it.split('\t').map(str::to_owned).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_holders_are_shown() {
    let ledger = full().await;
    let groups = rows(&ledger, &["groups", "acme"]);
    assert_eq!(groups[1], ["staff", "", "3", "any OFFICE"]);
    let group = rows(&ledger, &["group", "acme", "staff"]);
    assert_eq!(group[0], ["gives", "mode", "quota", "leases", "waiting"]);
    assert_eq!(group[1], ["any OFFICE", "first_come", "2", "2", "1"]);
    let members: Vec<&str> = group[3..].iter().map(|it| it[0].as_str()).collect();
    assert_eq!((group[2][0].as_str(), members), ("member", vec!["cy", "di", "ed"]));
    let holders = rows(&ledger, &["holders", "acme"]);
    let who: Vec<&str> = holders[1..].iter().map(|it| it[0].as_str()).collect();
    assert_eq!(who, ["ada", "bo@example.com", "cy", "di", "ed"]);
    let bo = rows(&ledger, &["holders", "acme", "--email", "BO@example.com"]);
    assert_eq!((bo.len(), bo[1][0].as_str()), (2, "bo@example.com"));
    let cy = rows(&ledger, &["holder", "acme", "cy"]);
    assert_eq!((cy[1][0].as_str(), cy[1][4].as_str()), ("cy", "staff"));
    assert_eq!(cy[3][..4], ["office", "OFFICE", "true", "group:staff"]);
    let seat = &ledger.get("/v1/accounts/acme/holders/cy/assignments").await.json()["items"][0];
    assert_eq!(json!(cy[3][4]), seat["assigned_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_waitlists_containers_and_schedules_are_shown() {
    let ledger = full().await;
    let policies = rows(&ledger, &["policies", "acme"]);
    assert_eq!(policies[1][..2], ["(account)", "overage=50%"]);
    assert_eq!(rows(&ledger, &["policies", "acme", "--history"]).len(), 2);
    for filter in [&[][..], &["--product", "OFFICE"], &["--user", "ed"]] {
        let waits = rows(&ledger, &[&["waitlist", "acme"], filter].concat());
        let [_, place] = &waits[..] else { panic!("{filter:?}: {waits:?}") };
        assert_eq!(place[1..5], ["1", "any OFFICE", "ed", "group:staff"]);
    }
    assert_eq!(rows(&ledger, &["waitlist", "acme", "office"]).len(), 1);
    let containers = rows(&ledger, &["containers", "acme"]);
    let wanted = [
        ["(account)", "creative", "2", "2", "0", "1", ""],
        ["(account)", "office", "5", "3", "2", "2", ""],
        ["north", "office@north", "2", "0", "0", "2", ""],
    ];
    assert_eq!(containers[1..], wanted);
    let schedules = rows(&ledger, &["schedules", "acme"]);
    let [_, schedule] = &schedules[..] else { panic!("{schedules:?}") };
    let due = "2099-01-01T00:00:00.000Z";
    assert_eq!(
        schedule[1..],
        ["pending", due, "SuspendLicense", r#"{"license":"office"}"#, "it", ""]
    );
    assert_eq!(rows(&ledger, &["schedules", "acme", "--state", "fired"]).len(), 1);
    assert_eq!(rows(&ledger, &["schedules", "acme", "--state", "all"]).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_list_is_told_as_of_the_past_and_as_http_tells_it() {
    let ledger = full().await;
    for (arguments, path, then) in [
        (&["groups", "acme"][..], "groups", 0),
        (&["holders", "acme"], "holders", 2),
        (&["policies", "acme"], "policies", 0),
        (&["waitlist", "acme"], "waitlists", 0),
        (&["containers", "acme"], "containers", 1),
        (&["schedules", "acme"], "schedules", 0),
    ] {
        let told = document(&ledger.run(&[arguments, &["--json"]].concat()));
        let asked = ledger.get(&format!("/v1/accounts/acme/{path}")).await.json();
        assert_eq!(told["items"], asked["items"], "{arguments:?}");
        let told = document(&ledger.run(&[arguments, &["--json", "--at", "4"]].concat()));
        assert_eq!(told["items"].as_array().unwrap().len(), then, "{arguments:?}: {told}");
        assert_eq!(told["sequence"], json!(4), "{arguments:?}");
    }
    for (name, path, member, count) in [
        (["group", "acme", "staff"], "groups/staff", "member_list", 3),
        (["holder", "acme", "cy"], "holders/cy", "assignments", 1),
    ] {
        let mut told = document(&ledger.run(&[&name[..], &["--json"]].concat()));
        let listed = told.as_object_mut().unwrap().remove(member).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), count);
        assert_eq!(told, ledger.get(&format!("/v1/accounts/acme/{path}")).await.json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_ends_with_1_and_what_makes_no_sense_with_2() {
    let ledger = small().await;
    for (wanted, arguments) in [
        (1, &["groups", "globex"][..]),
        (1, &["group", "acme", "nope"]),
        (1, &["holder", "acme", "nobody"]),
        (1, &["waitlist", "acme", "nope"]),
        (1, &["schedules", "globex"]),
        (2, &["containers", "a.b"]),
        (2, &["policies", "acme", "--at", "banana"]),
        (2, &["holders", "acme", "--email", "nonsense"]),
        (2, &["waitlist", "acme", "creative", "--product", "P"]),
        (2, &["schedules", "acme", "--state", "over"]),
    ] {
        let output = ledger.run(arguments);
        let told = (code(&output), out(&output), err(&output).is_empty());
        assert_eq!(told, (wanted, String::new(), false), "{arguments:?}: {}", err(&output));
    }
}
