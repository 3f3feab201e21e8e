//! Questions to a running ledger, and what is told where none runs.

use serde_json::{Value, json};

use super::{code, document, documents, err, out, small};
use crate::ledger::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_check_ends_with_0_or_1() {
    let ledger = small().await;
    for (question, wanted, verdict) in [
        (&["--user", "ada", "--product", "CREATIVE"][..], 0, "allowed"),
        (&["--user", "ada", "--license", "office"], 0, "allowed"),
        (&["--email", "BO@example.com", "--product", "CREATIVE"], 0, "allowed"),
        (&["--user", "eve", "--product", "CREATIVE"], 1, "not_assigned"),
        (&["--user", "ada", "--product", "nope"], 1, "no_such_product"),
        (&["--user", "ada", "--license", "creative", "--at", "2"], 1, "not_assigned"),
        (&["--user", "ada", "--license", "creative", "--at", "3"], 0, "allowed"),
    ] {
        let machine = ledger.run(&[&["check", "acme", "--json"], question].concat());
        assert_eq!(
            (code(&machine), document(&machine)["code"].clone()),
            (wanted, json!(verdict)),
            "{question:?}"
        );
        let person = ledger.run(&[&["check", "acme"], question].concat());
        let word = if wanted == 0 { "allowed  allowed" } else { "denied  " };
        assert_eq!(code(&person), wanted);
        assert!(
            out(&person).starts_with(word) && out(&person).contains(verdict),
            "{}",
            out(&person)
        );
    }
    let nobody = ledger.run(&["check", "globex", "--user", "ada", "--json"]);
    assert_eq!((code(&nobody), document(&nobody)["code"].clone()), (1, json!("no_such_account")));
    for wrong in
        [&["--product", "P"][..], &["--email", "nonsense"], &["--user", "ada", "--at", "banana"]]
    {
        let output = ledger.run(&[&["check", "acme"], wrong].concat());
        assert_eq!(code(&output), 2, "{wrong:?}: {}", err(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_check_says_why_and_since_when() {
    let ledger = small().await;
    let revoke = json!({"license": "creative", "holders": [{"user": "ada"}]});
    let sequence = ledger.accepted("acme", "RevokeAssignment", &revoke).await;
    ledger.caught_up().await;
    let question = ["check", "acme", "--user", "ada", "--product", "CREATIVE"];
    let verdict = document(&ledger.run(&[&question[..], &["--json"]].concat()));
    let person = out(&ledger.run(&question));
    let ended = &verdict["ended"];
    let said = |it: &Value| it.as_str().unwrap().to_owned();
    let lines: Vec<&str> = person.lines().collect();
    assert_eq!(
        lines,
        [
            format!("denied  not_assigned  sequence {sequence}"),
            format!("  {}", said(&verdict["detail"])),
            format!(
                "  creative  ended {}  sequence {sequence}  assignment {}",
                said(&ended["revoked_at"]),
                said(&ended["assignment"])
            ),
        ]
    );
    let allowed = out(&ledger.run(&["check", "acme", "--user", "ada", "--license", "office"]));
    assert_eq!(allowed.lines().count(), 2, "{allowed}");
    let never = out(&ledger.run(&["check", "acme", "--user", "nobody"]));
    assert_eq!(never.lines().count(), 2, "why, and nothing that was: {never}");
}

#[test]
fn a_check_of_nobody_is_told_both_ways_to_name_somebody() {
    let output = std::process::Command::new(crate::ledger::PROGRAM)
        .args(["check", "acme", "--product", "P"])
        .output()
        .unwrap();
    assert_eq!((code(&output), out(&output).as_str()), (2, ""));
    let said = err(&output);
    assert!(said.contains("--user <USER>") && said.contains("--email <EMAIL>"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_a_url_or_a_host_and_a_port() {
    let ledger = small().await;
    let url = ledger.http_url();
    let bare = url.strip_prefix("http://").unwrap();
    let port = bare.rsplit_once(':').unwrap().1;
    for own in [url.clone(), format!("{url}/"), bare.to_owned(), format!("localhost:{port}")] {
        let output = ledger.run(&["status", "--http", &own]);
        assert_eq!(code(&output), 0, "{own}: {}", err(&output));
    }
    for wrong in [
        "ftp://x",
        "https://127.0.0.1:8640",
        "nats://127.0.0.1:4222",
        "8640",
        "localhost",
        "127.0.0.1",
        ":8640",
        "127.0.0.1:x",
        "127.0.0.1:99999",
        "http://",
        "http://127.0.0.1:8640?a=b",
        "what is this",
        "",
    ] {
        let output = ledger.run(&["status", "--http", wrong]);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{wrong}: {}", err(&output));
        assert!(err(&output).contains("http://127.0.0.1:8640"), "{wrong}: {}", err(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_shown_now_and_over_time() {
    let ledger = small().await;
    let all = document(&ledger.run(&["usage", "acme", "--json"]));
    let used: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|it| (&it["license"], &it["used"])).collect();
    assert_eq!(used, [(&json!("creative"), &json!(2)), (&json!("office"), &json!(1))]);
    let one = document(&ledger.run(&["usage", "acme", "creative", "--json", "--at", "2"]));
    assert_eq!((&one["quantity"], &one["used"]), (&json!(2), &json!(0)));
    let hours =
        document(&ledger.run(&["usage", "acme", "creative", "--window", "whole", "--json"]));
    assert_eq!((&hours["items"][0]["used"], &hours["items"][0]["peak"]), (&json!(2), &json!(2)));
    let table = ledger.run(&["usage", "acme"]);
    let lines: Vec<_> = out(&table).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "license\tproduct\tstate\tquantity\tused\tavailable");
    assert_eq!(lines[1], "creative\tCREATIVE\tactive\t2\t2\t0");
    assert_eq!(lines.len(), 3);
    for (wrong, wanted) in [
        (&["nope"][..], 1),
        (&["creative", "--window", "fortnight"], 2),
        (&["creative", "--from", "2999-01-01"], 2),
        (&["--from", "2020-01-01"], 2),
    ] {
        let output = ledger.run(&[&["usage", "acme"], wrong].concat());
        assert_eq!(
            (code(&output), out(&output).as_str()),
            (wanted, ""),
            "{wrong:?}: {}",
            err(&output)
        );
    }
    assert_eq!(code(&ledger.run(&["usage", "globex"])), 1, "there is no such account");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_shown_newest_first() {
    let ledger = small().await;
    let all = document(&ledger.run(&["history", "acme", "--json"]));
    let items = all["items"].as_array().unwrap();
    let kinds: Vec<_> = items.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["SeatAssigned", "SeatAssigned", "SeatAssigned", "LicenseAllocated", "LicenseAllocated"]
    );
    for (filter, wanted) in [
        (&["--license", "office"][..], 2),
        (&["--user", "ada"], 2),
        (&["--email", "bo@example.com"], 1),
        (&["--type", "LicenseAllocated"], 2),
        (&["--actor", "it"], 2),
        (&["--limit", "3"], 3),
        (&["--at", "2"], 2),
        (&["--from", "2999-01-01"], 0),
        (&["--to", "2020-01-01"], 0),
    ] {
        let found = document(&ledger.run(&[&["history", "acme", "--json"], filter].concat()));
        assert_eq!(found["items"].as_array().unwrap().len(), wanted, "{filter:?}");
    }
    let staff = json!({"group": "staff", "holders": [{"user": "zoe"}]});
    let last = ledger.accepted("acme", "AddMembers", &staff).await.to_string();
    ledger.caught_up().await;
    for (group, wanted) in [("staff", 2), ("others", 0)] {
        let asked = ["history", "acme", "--json", "--group", group, "--at", &last];
        let found = document(&ledger.run(&asked));
        assert_eq!(found["items"].as_array().unwrap().len(), wanted, "{group}");
    }
    let table = out(&ledger.run(&["history", "acme", "--actor", "it"]));
    let lines: Vec<Vec<&str>> = table.lines().map(|it| it.split('\t').collect()).collect();
    assert_eq!(lines[0], ["sequence", "at", "type", "license", "holder", "actor", "by", "reason"]);
    assert_eq!((lines[1][0], lines[1][4], lines[1][7]), ("3/1", "bo@example.com", "new"));
    assert_eq!((lines[1][5], lines[1][6]), ("it", "local"));
    assert_eq!((lines[2][0], lines[2][4]), ("3/0", "ada"));
    assert_eq!(code(&ledger.run(&["history", "acme", "--limit", "0"])), 2);
    assert_eq!(code(&ledger.run(&["history", "globex"])), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_ends_after_as_many_as_asked_for() {
    let ledger = small().await;
    let tail = ledger.run(&["tail", "acme", "--after", "0", "--count", "5", "--json"]);
    let places: Vec<_> =
        documents(&tail).iter().map(|it| json!([it["sequence"], it["index"]])).collect();
    assert_eq!(
        (code(&tail), places),
        (0, vec![json!([1, 0]), json!([2, 0]), json!([3, 0]), json!([3, 1]), json!([4, 0])])
    );
    let tail = ledger.run(&["tail", "--after", "2", "--count", "1"]);
    assert!(out(&tail).starts_with("3/0  "), "{}", out(&tail));
    assert_eq!(
        code(&ledger.run(&["tail", "globex", "--count", "1"])),
        1,
        "there is no such account"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn how_it_is_can_be_asked() {
    let ledger = small().await;
    let status = ledger.run(&["status", "--json"]);
    let told = document(&status);
    assert_eq!(
        (code(&status), &told["condition"], &told["sequence"]),
        (0, &json!("ready"), &json!(4))
    );
    let person = out(&ledger.run(&["status"]));
    assert!(person.contains("ready") && person.contains("log sequence 4"), "{person}");
    let doctor = ledger.run(&["doctor", "--json"]);
    let told = document(&doctor);
    assert_eq!((code(&doctor), &told["sound"]), (0, &json!(true)), "{told}");
    let levels: Vec<_> =
        told["findings"].as_array().unwrap().iter().map(|it| it["level"].clone()).collect();
    assert!(levels.len() >= 5 && levels.iter().all(|it| it == "ok"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_are_rebuilt_and_found_the_same() {
    let ledger = small().await;
    let all = ledger.run(&["rebuild", "--json"]);
    let rebuilt = documents(&all);
    let names: Vec<_> = rebuilt.iter().map(|it| it["model"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "licenses",
            "assignments",
            "checks",
            "directory",
            "waitlists",
            "history",
            "commands",
            "keys"
        ]
    );
    assert_eq!(code(&all), 0, "{}", err(&all));
    for it in &rebuilt {
        assert_eq!(
            (&it["same"], &it["sequence"], &it["events"]),
            (&json!(true), &json!(4), &json!(5)),
            "{it}"
        );
    }
    let one = ledger.run(&["rebuild", "checks"]);
    assert_eq!(code(&one), 0);
    assert!(
        out(&one).contains("checks: 5 events in") && out(&one).contains("the same as before"),
        "{}",
        out(&one)
    );
    for wrong in ["refusals", "nope"] {
        let none = ledger.run(&["rebuild", wrong]);
        assert_eq!(code(&none), 2, "{wrong}: {}", err(&none));
        assert!(err(&none).contains("known: licenses"), "{}", err(&none));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_answers_the_code_is_3() {
    let ledger = small().await;
    let every: [&[&str]; 8] = [
        &["status"],
        &["doctor"],
        &["check", "acme", "--user", "ada"],
        &["usage", "acme"],
        &["history", "acme"],
        &["tail", "acme"],
        &["rebuild"],
        &["send", "acme", "SuspendLicense", r#"{"license":"office"}"#],
    ];
    for arguments in every {
        let output = ledger.run(&[arguments, &["--http", "http://127.0.0.1:1"]].concat());
        assert_eq!(
            (code(&output), out(&output).as_str()),
            (3, ""),
            "{arguments:?}: {}",
            err(&output)
        );
        assert!(err(&output).contains("127.0.0.1:1"), "{arguments:?}: {}", err(&output));
    }
    // Nothing is known in a directory where none ever ran.
    let empty = tempfile::tempdir().unwrap();
    for arguments in every {
        let output = std::process::Command::new(crate::ledger::PROGRAM)
            .args(arguments)
            .arg("--dir")
            .arg(empty.path())
            .output()
            .unwrap();
        assert_eq!(code(&output), 3, "{arguments:?}: {}", err(&output));
        assert!(
            err(&output).contains("seatledger dev"),
            "the next step is named: {}",
            err(&output)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_has_stopped_is_not_found_any_more() {
    let mut ledger = small().await;
    assert!(ledger.stop_in_place().await.success());
    let output = ledger.run(&["status", "--json"]);
    assert_eq!((code(&output), out(&output).as_str()), (3, ""));
    assert!(err(&output).contains("is the ledger running?"), "{}", err(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_of_a_ledger_that_stops_ends_with_3() {
    let mut ledger = small().await;
    let child = std::process::Command::new(crate::ledger::PROGRAM)
        .args(["tail", "--after", "0", "--json", "--dir"])
        .arg(ledger.dir())
        .stdout(std::fs::File::create(ledger.dir().join("tail.out")).unwrap())
        .stderr(std::process::Stdio::null())
        .spawn();
    let mut child = child.unwrap();
    let said = || std::fs::read_to_string(ledger.dir().join("tail.out")).unwrap();
    eventually("the tail has said five events", async || said().lines().count() == 5).await;
    let ended = said().lines().all(|it| serde_json::from_str::<Value>(it).is_ok());
    assert!(ended, "{}", said());
    assert!(ledger.stop_in_place().await.success());
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(3));
}
