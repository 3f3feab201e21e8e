//! Every limit has two sides: at it, and one beyond.

use serde_json::json;

use super::{Case, all_doors_say_the_same};
use crate::Ledger;
use crate::doors::{Door, Doors};

const PAYLOAD_MAX: usize = 256 * 1024;
const TEXT_MAX: usize = 256;
const METADATA_MAX: usize = 8 * 1024;
const HOLDERS_MAX: usize = 1_000;
const DEPTH_MAX: usize = 32;

/// An allocation of exactly this many bytes, most of it white space.
fn of_size(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"license":"x","product":"P","quantity":1,"dry_run":true}"#.to_vec();
    body.resize(bytes, b' ');
    body
}

fn with(member: &str, value: &str) -> Vec<u8> {
    format!(r#"{{"license":"x","product":"P","quantity":1,"dry_run":true,"{member}":{value}}}"#)
        .into()
}

fn metadata(bytes: usize) -> String {
    format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8))
}

/// Metadata as deep in its document as this.
fn deep(levels: usize) -> String {
    // The document is one level, the metadata's own object another.
    let lists = levels - 2;
    format!(r#"{{"a":{}{}}}"#, "[".repeat(lists), "]".repeat(lists))
}

fn holders(count: usize) -> Vec<u8> {
    let holders: Vec<_> = (0..count).map(|it| json!({"user": format!("u{it}")})).collect();
    json!({"license": "x", "holders": holders, "dry_run": true}).to_string().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_beyond_a_limit_is_malformed_through_every_door() {
    let ledger = Ledger::start().await;
    let long = "\"".to_owned() + &"é".repeat(TEXT_MAX / 2) + "x\"";
    let email = format!(r#"{{"license":"x","holders":[{{"email":"{}@x"}}]}}"#, "a".repeat(253));
    let very_deep =
        format!(r#"{{"holders":{}{},"license":"x"}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        ("a payload", "AllocateLicense", of_size(PAYLOAD_MAX + 1), "payload_too_large", ""),
        (
            "a payload twice as large",
            "AllocateLicense",
            of_size(2 * PAYLOAD_MAX),
            "payload_too_large",
            "",
        ),
        ("a name", "AllocateLicense", with("name", &long), "invalid_text", "/name"),
        (
            "metadata",
            "AllocateLicense",
            with("metadata", &metadata(METADATA_MAX + 1)),
            "invalid_metadata",
            "/metadata",
        ),
        (
            "deep metadata",
            "AllocateLicense",
            with("metadata", &deep(200)),
            "invalid_metadata",
            "/metadata",
        ),
        (
            "a quantity",
            "ChangeLicense",
            br#"{"license":"x","quantity":1000000001}"#.to_vec(),
            "invalid_quantity",
            "/quantity",
        ),
        ("holders", "AssignSeat", holders(HOLDERS_MAX + 1), "too_many_items", "/holders"),
        ("ten thousand holders", "AssignSeat", holders(10_000), "too_many_items", "/holders"),
        ("an address", "AssignSeat", email.into(), "invalid_email", "/holders/0/email"),
        (
            "a command id",
            "AllocateLicense",
            with("id", &format!("\"{}\"", "c".repeat(65))),
            "invalid_command_id",
            "/id",
        ),
        ("a hundred thousand lists", "AssignSeat", very_deep.into(), "wrong_type", "/holders/0"),
    ];
    let case = |(what, command, body, code, pointer)| Case { what, command, body, code, pointer };
    all_doors_say_the_same(&ledger, cases.map(case).into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_limit_a_command_is_judged() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "many", 1_000_000_000).await;
    let most = String::from_utf8(holders(HOLDERS_MAX)).unwrap().replace("\"x\"", "\"many\"");
    let email = format!("{}@x", "a".repeat(252));
    let email =
        json!({"license": "many", "holders": [{"email": email}], "dry_run": true}).to_string();
    let allowed: [(&str, &str, Vec<u8>); 8] = [
        ("a payload", "AllocateLicense", of_size(PAYLOAD_MAX)),
        ("a name", "AllocateLicense", with("name", &format!("\"{}\"", "é".repeat(TEXT_MAX / 2)))),
        ("metadata", "AllocateLicense", with("metadata", &metadata(METADATA_MAX))),
        ("deep metadata", "AllocateLicense", with("metadata", &deep(DEPTH_MAX))),
        (
            "no seats",
            "AllocateLicense",
            br#"{"license":"x","product":"P","quantity":0,"dry_run":true}"#.to_vec(),
        ),
        ("holders", "AssignSeat", most.into()),
        ("an address", "AssignSeat", email.into()),
        (
            "spaces and emoji",
            "AllocateLicense",
            with("name", "\" \\ud83d\\ude00 \u{202e}abc\u{2028}\""),
        ),
    ];
    for (number, (what, command, body)) in allowed.iter().enumerate() {
        for door in Door::ALL {
            let key = format!("limit-{number}");
            let told = doors.send(door, ("acme", command), Some(&key), body).await;
            assert_eq!(told.status, 200, "{what} through {door:?}: {:?}", told.document);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_id_is_one_safe_token() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let to = ("acme", "AllocateLicense");
    let document = json!({"license": "x", "product": "P", "quantity": 1, "dry_run": true});
    let long = "c".repeat(65);
    for id in ["", " ", "a.b", "a b", "*", ">", "é", "a/b", "a\0b", "..", long.as_str()] {
        let mut document = document.clone();
        document["id"] = json!(id);
        for door in [Door::Ask, Door::Http] {
            let told = doors.document(door, to, &document).await;
            assert_eq!(told.code(), "invalid_command_id", "{id:?} through {door:?}");
            assert_eq!((told.status, &told.document["pointer"]), (400, &json!("/id")), "{id:?}");
        }
    }
    for key in ["a.b", "a b", "*", "{}", long.as_str()] {
        let body = document.to_string();
        for door in [Door::Ask, Door::Http] {
            let told = doors.send(door, to, Some(key), body.as_bytes()).await;
            assert_eq!(told.code(), "invalid_command_id", "{key:?} through {door:?}");
        }
    }
    let longest = "c".repeat(64);
    for id in ["c", "-", "_", "0199-AZ_az", longest.as_str()] {
        let mut document = document.clone();
        document["id"] = json!(id);
        let told = doors.document(Door::Http, to, &document).await;
        assert_eq!((told.status, &told.document["command"]), (200, &json!(id)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_one_safe_token() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let body = br#"{"license":"x","product":"P","quantity":1,"dry_run":true}"#;
    let long = "a".repeat(65);
    // Posts are told apart by their key for a while, whatever the account: each has its own here.
    let odd = [("k1", "a$b", "a$b"), ("k2", "é", "%C3%A9"), ("k3", "a,b", "a,b")];
    for (key, text, in_path) in odd.into_iter().chain([("k4", long.as_str(), long.as_str())]) {
        let mut told = vec![];
        for door in Door::ALL {
            let account = if door == Door::Http { in_path } else { text };
            // An outcome has the account in its subject: of what cannot be one nobody is told.
            if door == Door::Post {
                continue;
            }
            told.push(doors.send(door, (account, "AllocateLicense"), Some(key), body).await);
        }
        for said in &told {
            assert_eq!((said.status, said.code()), (400, "invalid_account"), "{text}: {said:?}");
            assert_eq!(said.document, told[0].document, "{text}");
        }
    }
    for in_path in ["a.b", "%20", "a%20b", "a%2Fb", "%00", "*", "%3E", ".."] {
        let told = doors.send(Door::Http, (in_path, "AllocateLicense"), Some("c1"), body).await;
        assert_eq!((told.status, told.code()), (400, "invalid_account"), "{in_path}: {told:?}");
    }
    let longest = "a".repeat(64);
    for door in Door::ALL {
        let told = doors.send(door, (&longest, "AllocateLicense"), Some("c2"), body).await;
        assert_eq!(told.status, 200, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_no_command_could_have_is_refused_before_it_is_read() {
    let ledger = Ledger::start().await;
    let path = "/v1/accounts/acme/commands/AllocateLicense";
    let answer = ledger.post_bytes(path, &of_size(8 * PAYLOAD_MAX), &[]).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (413, json!("body_too_large")));
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(ledger.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_name_is_offered() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (command, document, pointer, meant) in [
        (
            "AllocateLicense",
            json!({"license": "x", "product": "P", "quantitiy": 1}),
            "/quantitiy",
            "`quantity`",
        ),
        (
            "AllocateLicense",
            json!({"License": "x", "product": "P", "quantity": 1}),
            "/License",
            "`license`",
        ),
        (
            "AllocateLicense",
            json!({"license": "x", "product": "P", "quantity": 1, "endsAt": "x"}),
            "/endsAt",
            "`ends_at`",
        ),
        (
            "AllocateLicense",
            json!({"license": "x", "product": "P", "quantity": 1, "dryRun": true}),
            "/dryRun",
            "`dry_run`",
        ),
        (
            "AllocateLicense",
            json!({"license": "x", "product": "P", "quantity": 1, "change": {"raeson": "x"}}),
            "/change/raeson",
            "`reason`",
        ),
        (
            "AssignSeat",
            json!({"license": "x", "holders": [{"user": "a"}, {"emial": "b"}]}),
            "/holders/1/emial",
            "`email`",
        ),
        ("AssignSeat", json!({"license": "x", "holder": [{"user": "a"}]}), "/holder", "`holders`"),
        ("AssignSaet", json!({}), "", "AssignSeat"),
    ] {
        for door in [Door::Ask, Door::Http] {
            let told = doors.document(door, ("acme", command), &document).await;
            assert_eq!(told.document["pointer"], json!(pointer), "{told:?}");
            let hint = told.document["hint"].as_str().unwrap();
            assert!(hint.starts_with(&format!("did you mean {meant}?")), "{pointer}: {hint}");
        }
    }
}
