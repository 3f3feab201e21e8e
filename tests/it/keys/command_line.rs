//! `seatledger keys`, and keys for the other subcommands.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::Keyed;
use crate::ledger::{PROGRAM, eventually};

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|it| panic!("{it}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_shown_once_listed_and_revoked() {
    let keyed = Keyed::start().await;
    let made = keyed.ledger.run(&[
        "keys",
        "create",
        "--account",
        "acme",
        "--role",
        "operator",
        "--facades",
        "native,uipath",
        "--expires",
        "2099-01-01",
        "--name",
        "provisioning",
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = text(&made).trim().to_owned();
    assert_eq!((key.len(), key.matches('_').count()), (94, 3), "{key}");
    assert_eq!(keyed.get("/v1/accounts/acme/licenses", &key).await.status, 200);
    let listed = json_of(&keyed.ledger.run(&["keys", "list", "--account", "acme", "--json"]));
    let item = &listed["items"][0];
    assert_eq!(item["key"], super::id_of(&key));
    assert_eq!((&item["name"], &item["role"]), (&json!("provisioning"), &json!("operator")));
    assert_eq!(item["facades"], json!(["native", "uipath"]));
    assert_eq!(item["expires_at"], "2099-01-01T00:00:00.000Z");
    assert_eq!(item["every_account"], false);
    assert_eq!((item.get("hash"), item.get("until")), (None, None));
    let table = text(&keyed.ledger.run(&["keys", "list", "--account", "acme"]));
    assert!(table.contains("provisioning") && !table.contains(&key), "{table}");
    // All of it does as well as its name.
    let revoked = keyed.ledger.run(&["keys", "revoke", &key, "--account", "acme"]);
    assert!(revoked.status.success() && text(&revoked).contains("is revoked"));
    let again = keyed.ledger.run(&["keys", "revoke", super::id_of(&key), "--account", "acme"]);
    assert!(again.status.success() && text(&again).contains("before"), "{}", text(&again));
    eventually("it is taken no more", async || {
        keyed.get("/v1/accounts/acme/licenses", &key).await.status == 401
    })
    .await;
    let listed = json_of(&keyed.ledger.run(&["keys", "list", "--account", "acme", "--json"]));
    assert!(listed["items"][0]["until"].is_string(), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_said_and_nothing_is_made() {
    let keyed = Keyed::start().await;
    let ended = |arguments: &[&str]| {
        let output = keyed.ledger.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (code, said) = ended(&["keys", "create", "--account", "acme", "--role", "boss"]);
    assert!(code == 2 && said.contains("admin, operator, auditor, reader"), "{code} {said}");
    let (code, _) = ended(&["keys", "create", "--account", "not.one", "--role", "reader"]);
    assert_eq!(code, 2);
    let past = ["keys", "create", "--account", "acme", "--role", "reader", "--expires"];
    let (code, said) = ended(&[&past[..], &["2001-01-01"]].concat());
    assert!(code == 1 && said.contains("already_over"), "{code} {said}");
    let (code, said) = ended(&["keys", "revoke", "00000000000000aa", "--account", "acme"]);
    assert!(code == 1 && said.contains("account_not_found"), "{code} {said}");
    assert_eq!(keyed.get("/v1/status", &keyed.admin()).await.json()["sequence"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_the_key_it_is_given() {
    let keyed = Keyed::start().await;
    let reader = keyed.key("acme", "reader", json!({})).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{reader}\n")).unwrap();
    let url = keyed.ledger.http_url();
    let elsewhere = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], key: Option<&str>| {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["--http", &url]).arg("--dir").arg(elsewhere.path());
        if let Some(key) = key {
            command.env("SEATLEDGER_KEY", key);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (code, said) = run(&["usage", "acme"], None);
    assert!(code == 1 && said.contains("key_missing"), "{code} {said}");
    assert_eq!(run(&["usage", "acme"], Some(&reader)).0, 0);
    let path = file.path().to_str().unwrap();
    assert_eq!(run(&["usage", "acme", "--key-file", path], None).0, 0);
    let document = r#"{"holder":{"user":"ada"}}"#;
    let (code, said) = run(&["send", "acme", "RegisterHolder", document], Some(&reader));
    assert!(code == 1 && said.contains("role_not_sufficient"), "{code} {said}");
    // That of dev is found in its folder.
    assert!(keyed.ledger.run(&["status"]).status.success());
}

#[test]
fn without_a_ledger_that_is_known_no_other_one_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    for ready in [None, Some("no JSON")] {
        if let Some(text) = ready {
            std::fs::write(dir.path().join("ready.json"), text).unwrap();
        }
        let create = ["keys", "create", "--account", "acme", "--role", "reader"];
        let revoke = ["keys", "revoke", "5d1f0c2ab7e94836", "--account", "acme"];
        for arguments in [&create[..], &revoke[..]] {
            let mut command = Command::new(PROGRAM);
            command.args(arguments).arg("--dir").arg(dir.path()).env_remove("NATS_URL");
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(said.contains("ready.json") && said.contains("--nats"), "{said}");
        }
    }
}
