//! `seatledger send`: one command, or many.

use serde_json::{Value, json};

use super::{code, document, documents, err, out, small};
use crate::Ledger;

const ASSIGN: &str = r#"{"id":"c1","license":"office","holders":[{"user":"eve"}]}"#;

async fn sequence(ledger: &Ledger) -> Value {
    ledger.get("/v1/status").await.json()["sequence"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_comes_from_an_argument_a_file_or_standard_input() {
    let ledger = small().await;
    let file = ledger.dir().join("command.json");
    std::fs::write(&file, ASSIGN).unwrap();
    let file = file.to_str().unwrap();
    let argument = ledger.run(&["send", "acme", "AssignSeat", ASSIGN, "--json"]);
    let told = document(&argument);
    assert_eq!(
        (code(&argument), &told["outcome"], &told["replayed"]),
        (0, &json!("accepted"), &json!(false))
    );
    assert_eq!(told["events"][0]["data"]["holder"], json!({"user": "eve"}));
    for again in [
        ledger.run(&["send", "acme", "AssignSeat", "--file", file, "--json"]),
        ledger.run_on(&["send", "acme", "AssignSeat", "--json"], ASSIGN),
        ledger.run_on(&["send", "acme", "AssignSeat", "-", "--json"], ASSIGN),
        ledger.run_on(&["--json", "send", "acme", "AssignSeat"], &format!("\n {ASSIGN}\n")),
    ] {
        let repeated = document(&again);
        assert_eq!((code(&again), &repeated["replayed"]), (0, &json!(true)), "{}", err(&again));
        assert_eq!(
            (&repeated["sequence"], &repeated["events"]),
            (&told["sequence"], &told["events"])
        );
    }
    let text = ledger.run(&["send", "acme", "AssignSeat", ASSIGN]);
    assert!(
        out(&text).starts_with("accepted, as before  sequence 5  command c1"),
        "{}",
        out(&text)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_called_something_is_done_once() {
    let ledger = small().await;
    let moves = r#"{"license":"office","moves":[{"to":"north","quantity":1}]}"#;
    for replayed in [false, true] {
        let told = ledger.run(&["send", "acme", "MoveQuantity", moves, "--key", "once", "--json"]);
        let told = document(&told);
        assert_eq!((&told["command"], &told["replayed"]), (&json!("once"), &json!(replayed)));
    }
    let part = ledger.get("/v1/accounts/acme/licenses/office@north").await.json();
    assert_eq!(part["quantity"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_is_the_exit_code() {
    let ledger = small().await;
    let before = sequence(&ledger).await;
    let full = r#"{"license":"creative","holders":[{"user":"eve"}]}"#;
    for (command, text, wanted, problem) in [
        ("AssignSeat", full, 1, "no_free_seat"),
        ("RetireLicense", r#"{"license":"nope"}"#, 1, "license_not_found"),
        ("AssignSeat", "{", 2, "malformed_json"),
        ("AssignSeat", r#"{"license":"office","holder":[]}"#, 2, "unknown_field"),
        ("AssignSeat", r#"{"license":"office","holders":[{"user":""}]}"#, 2, "invalid_text"),
        ("AssignSaet", "{}", 2, "unknown_command_type"),
    ] {
        let machine = ledger.run(&["send", "acme", command, text, "--json"]);
        assert_eq!(code(&machine), wanted, "{text}: {}", err(&machine));
        assert_eq!(document(&machine)["code"], json!(problem), "{text}");
        let person = ledger.run(&["send", "acme", command, text]);
        assert_eq!((code(&person), out(&person).as_str()), (wanted, ""), "{text}");
        assert!(err(&person).contains(&format!("error: {problem}: ")), "{}", err(&person));
    }
    let hint = err(&ledger.run(&["send", "acme", "AssignSeat", full]));
    assert!(hint.contains("hint: revoke an assignment"), "{hint}");
    let account = ledger.run(&["send", "not/an account", "AssignSeat", full, "--json"]);
    assert_eq!((code(&account), document(&account)["code"].clone()), (2, json!("invalid_account")));
    assert_eq!(sequence(&ledger).await, before, "something was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_and_writes_nothing() {
    let ledger = small().await;
    let before = sequence(&ledger).await;
    let output = ledger.run(&["send", "acme", "AssignSeat", ASSIGN, "--dry-run", "--json"]);
    assert_eq!((code(&output), document(&output)["dry_run"].clone()), (0, json!(true)));
    let output = ledger.run(&["send", "acme", "AssignSeat", ASSIGN, "--dry-run"]);
    assert!(out(&output).contains("dry run"), "{}", out(&output));
    assert_eq!(sequence(&ledger).await, before);
}

fn line(id: &str, user: &str, license: &str) -> String {
    let holders = json!([{"user": user}]);
    json!({"account": "acme", "type": "AssignSeat", "id": id, "license": license,
        "holders": holders})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_are_sent_line_by_line_and_the_code_says_how_many_went_wrong() {
    let ledger = small().await;
    let good = [line("c1", "u1", "office"), line("c2", "u2", "office")].join("\n");
    let mixed = [
        line("c3", "u3", "office"),
        String::new(),
        line("c4", "u4", "creative"),
        line("c1", "u1", "office"),
    ]
    .join("\r\n");
    let bad = [line("c5", "u5", "nope"), line("c6", "", "office")].join("\n");
    for (lines, wanted, outcomes) in [
        (&good, 0, vec!["accepted", "accepted"]),
        (&mixed, 5, vec!["accepted", "refused", "accepted"]),
        (&bad, 1, vec!["refused", "malformed"]),
        (&String::new(), 0, vec![]),
    ] {
        let output = ledger.run_on(&["send", "--lines", "-", "--json"], lines);
        let told: Vec<_> = documents(&output)
            .iter()
            .map(|it| it["outcome"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            (code(&output), told),
            (wanted, outcomes.iter().map(ToString::to_string).collect()),
            "{lines}"
        );
        let accepted = outcomes.iter().filter(|it| **it == "accepted").count();
        let summary = format!("{accepted} accepted, {} not", outcomes.len() - accepted);
        assert!(err(&output).contains(&summary), "{}", err(&output));
    }
    let file = ledger.dir().join("commands.jsonl");
    std::fs::write(&file, &mixed).unwrap();
    let again = ledger.run(&["send", "--lines", file.to_str().unwrap(), "--json"]);
    let replayed: Vec<_> = documents(&again).iter().map(|it| it["replayed"].clone()).collect();
    assert_eq!((code(&again), replayed), (5, vec![json!(true), Value::Null, json!(true)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_lines_are_sent_once_however_often() {
    let ledger = small().await;
    let mut lines: Vec<String> = super::hires(0..10_000).collect();
    // One of them would need a seat that nobody has.
    let full = json!({"account": "acme", "type": "AssignSeat", "license": "creative",
        "holders": [{"user": "eve"}]});
    lines[4_321] = format!("{full}\n");
    let file = ledger.dir().join("hires.jsonl");
    std::fs::write(&file, lines.concat()).unwrap();
    let arguments = ["send", "--lines", file.to_str().unwrap(), "--key", "hires", "--json"];
    let first = ledger.run(&arguments);
    assert_eq!(code(&first), 5, "{}", err(&first));
    assert_eq!(err(&first).trim(), "9999 accepted, 1 not");
    let told = documents(&first);
    let numbers: Vec<u64> = told.iter().map(|it| it["line"].as_u64().unwrap()).collect();
    assert!(numbers.into_iter().eq(1..=10_000), "each is answered, in order");
    assert_eq!(told[4_321]["code"], json!("no_free_seat"));
    assert_eq!(told[9_999]["command"], json!("hires-10000"));
    let before = sequence(&ledger).await;
    let again = ledger.run(&arguments);
    assert_eq!((code(&again), sequence(&ledger).await), (5, before));
    let replayed = documents(&again).iter().filter(|it| it["replayed"] == true).count();
    assert_eq!(replayed, 9_999);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_too_long_is_named_and_the_others_are_sent() {
    let ledger = small().await;
    let long =
        format!(r#"{{"account":"acme","type":"AssignSeat","license":"{}"}}"#, "x".repeat(300_000));
    let longer = format!(r#"{{"license":"{}"}}"#, "x".repeat(1_100_000));
    let lines = [line("c1", "u1", "office"), long, longer, line("c2", "u2", "office")].join("\n");
    let output = ledger.run_on(&["send", "--lines", "-", "--json"], &lines);
    let what = |it: &Value| (it["line"].clone(), it["outcome"].clone(), it["code"].clone());
    let told: Vec<_> = documents(&output).iter().map(what).collect();
    assert_eq!(code(&output), 5, "{}", err(&output));
    assert_eq!(told[0], (json!(1), json!("accepted"), Value::Null));
    assert_eq!(told[1], (json!(2), json!("malformed"), json!("payload_too_large")));
    assert_eq!((&told[2].0, &told[2].2), (&json!(3), &json!("body_too_large")));
    assert_eq!(told[3], (json!(4), json!("accepted"), Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_none_is_named_and_the_others_are_sent() {
    let ledger = small().await;
    for (number, broken) in
        ["{", "[]", r#"{"type":"AssignSeat"}"#, r#"{"account":"acme","type":7}"#]
            .into_iter()
            .enumerate()
    {
        let (first, last) = (format!("first-{number}"), format!("last-{number}"));
        let lines = [line(&first, "u1", "office"), broken.to_owned(), line(&last, "u1", "office")]
            .join("\n");
        let output = ledger.run_on(&["send", "--lines", "-", "--json"], &lines);
        assert_eq!(code(&output), 5, "{broken}: something went right: {}", err(&output));
        let told = &documents(&output)[1];
        assert_eq!((&told["outcome"], &told["line"]), (&json!("malformed"), &json!(2)), "{told}");
        assert!(!err(&output).contains("line 2"), "{broken}: twice: {}", err(&output));
        let person = ledger.run_on(&["send", "--lines", "-"], &lines);
        assert_eq!(out(&person).matches("line 2").count(), 1, "{broken}: {}", out(&person));
        assert!(!err(&person).contains("line 2"), "{broken}: twice: {}", err(&person));
        assert!(err(&output).contains("2 accepted, 1 not"), "{broken}: {}", err(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_a_mistake_of_usage() {
    let ledger = small().await;
    for wrong in [
        &["send"][..],
        &["send", "acme"],
        &["send", "acme", "AssignSeat", "--file", "/nowhere/at/all"],
        &["send", "--lines", "/nowhere/at/all"],
        &["send", "acme", "AssignSeat", "{}", "--file", "x"],
        &["send", "acme", "AssignSeat", "--lines", "-"],
        &["send", "acme", "AssignSeat", "{}", "--bogus"],
    ] {
        let output = ledger.run(wrong);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{wrong:?}: {}", err(&output));
        assert!(err(&output).contains("error"), "{wrong:?}");
    }
}
