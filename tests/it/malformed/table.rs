//! The table of what is wrong with documents.

use serde_json::json;

use super::{Case, all_doors_say_the_same};
use crate::Ledger;
use crate::doors::{Door, Doors};

const ALLOCATE: &str = "AllocateLicense";
const ASSIGN: &str = "AssignSeat";
const CHANGE: &str = "ChangeAssignment";
const REVOKE: &str = "RevokeAssignment";

fn case(
    what: &'static str,
    command: &'static str,
    body: impl AsRef<[u8]>,
    code: &'static str,
    pointer: &'static str,
) -> Case {
    Case { what, command, body: body.as_ref().to_vec(), code, pointer }
}

/// An allocation with one member more, or another one, at the end.
fn allocate(more: &str) -> String {
    format!(r#"{{"license":"x","product":"P",{more}}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_json_object_is_malformed() {
    let ledger = Ledger::start().await;
    let bodies: [(&str, &[u8]); 22] = [
        ("nothing", b""),
        ("white space", b" \n\t "),
        ("NUL", b"\0"),
        ("a word", b"hello"),
        ("null", b"null"),
        ("a number", b"7"),
        ("a string", b"\"x\""),
        ("an array", b"[{\"license\":\"x\",\"product\":\"P\",\"quantity\":1}]"),
        ("an array of values", b"[\"x\",\"P\",1]"),
        ("half an object", b"{\"license\":\"x\""),
        ("half a string", b"{\"license\":\"x"),
        ("more behind it", b"{\"license\":\"x\",\"product\":\"P\",\"quantity\":1} {}"),
        ("a word behind it", b"{\"license\":\"x\",\"product\":\"P\",\"quantity\":1}x"),
        ("a comma at the end", b"{\"license\":\"x\",\"product\":\"P\",\"quantity\":1,}"),
        ("single quotes", b"{'license':'x','product':'P','quantity':1}"),
        ("no quotes", b"{license:\"x\",product:\"P\",quantity:1}"),
        ("a comment", b"{\"license\":\"x\",/* */\"product\":\"P\",\"quantity\":1}"),
        ("not a number", b"{\"license\":\"x\",\"product\":\"P\",\"quantity\":NaN}"),
        ("a leading zero", b"{\"license\":\"x\",\"product\":\"P\",\"quantity\":01}"),
        ("a byte order mark", b"\xef\xbb\xbf{\"license\":\"x\",\"product\":\"P\",\"quantity\":1}"),
        ("no UTF-8", b"{\"license\":\"x\xff\",\"product\":\"P\",\"quantity\":1}"),
        ("UTF-16", b"\xff\xfe{\0}\0"),
    ];
    let case = |(what, body)| case(what, ALLOCATE, body, "malformed_json", "");
    all_doors_say_the_same(&ledger, bodies.into_iter().map(case).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_is_told_what_it_should_be() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (key, body) in [("empty", &b""[..]), ("blank", b" \r\n\t ")] {
        for door in Door::ALL {
            let told = doors.send(door, ("acme", ASSIGN), Some(key), body).await;
            assert_eq!(told.document["detail"], json!("the body is empty"), "{door:?}: {told:?}");
            let hint = told.document["hint"].as_str().unwrap();
            let (_, example) = hint.split_at(hint.find('{').expect("an example"));
            let mut example: serde_json::Value = serde_json::from_str(example).unwrap();
            example["dry_run"] = json!(true);
            let tried = ledger.send("acme", ASSIGN, &example).await.json();
            assert_eq!(tried["outcome"], json!("refused"), "the example is a command: {tried}");
        }
        let checks = ledger.post_bytes("/v1/accounts/acme/checks", body, &[]).await.json();
        assert_eq!(checks["detail"], json!("the body is empty"), "{checks}");
        assert!(checks["hint"].is_string(), "{checks}");
    }
}

/// What is wrong, the command, its document, the code, and where.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const MISSING: &[Row] = &[
    ("a license", ALLOCATE, r#"{"product":"P","quantity":1}"#, "missing_field", "/license"),
    ("a product", ALLOCATE, r#"{"license":"x","quantity":1}"#, "missing_field", "/product"),
    ("a quantity", ALLOCATE, r#"{"license":"x","product":"P"}"#, "missing_field", "/quantity"),
    ("everything", ALLOCATE, "{}", "missing_field", "/license"),
    ("of what", ASSIGN, r#"{"holders":[{"user":"a"}]}"#, "missing_field", "/license"),
    ("holders", ASSIGN, r#"{"license":"x"}"#, "missing_field", "/holders"),
    ("a holder", ASSIGN, r#"{"license":"x","holders":[]}"#, "missing_field", "/holders"),
    ("a name", ASSIGN, r#"{"license":"x","holders":[{}]}"#, "missing_field", "/holders/0"),
    ("which assignment", CHANGE, r#"{"active":true}"#, "missing_field", "/assignment"),
    ("whose assignment", CHANGE, r#"{"license":"x"}"#, "missing_field", "/holder"),
    ("of which license", CHANGE, r#"{"holder":{"user":"a"}}"#, "missing_field", "/license"),
    ("which assignments", REVOKE, "{}", "missing_field", "/assignment"),
    ("whose assignments", REVOKE, r#"{"license":"x"}"#, "missing_field", "/holders"),
    ("of which license", REVOKE, r#"{"holders":[{"user":"a"}]}"#, "missing_field", "/license"),
];

const CONTRADICTING: &[Row] = &[
    (
        "a license and a product",
        ASSIGN,
        r#"{"license":"x","product":"P","holders":[{"user":"a"}]}"#,
        "contradiction",
        "/product",
    ),
    (
        "an id and a license",
        CHANGE,
        r#"{"assignment":"01990000-0000-7000-8000-000000000001","license":"x"}"#,
        "contradiction",
        "/assignment",
    ),
    (
        "an id and holders",
        REVOKE,
        r#"{"assignment":"01990000-0000-7000-8000-000000000001","license":"x",
            "holders":[{"user":"a"}]}"#,
        "contradiction",
        "/assignment",
    ),
    (
        "another account",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"account":"globex"}"#,
        "contradiction",
        "/account",
    ),
    (
        "another command",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"type":"AssignSeat"}"#,
        "contradiction",
        "/type",
    ),
    (
        "another id",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"id":"c1"}"#,
        "contradiction",
        "/id",
    ),
    (
        "two reasons",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"reason":"a","change":{"reason":"b"}}"#,
        "contradiction",
        "/reason",
    ),
];

const TWICE: &[Row] = &[
    (
        "a key",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"quantity":2}"#,
        "duplicate_key",
        "/quantity",
    ),
    (
        "a key, once escaped",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"quantit\u0079":1}"#,
        "duplicate_key",
        "/quantity",
    ),
    (
        "the same id",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"id":"a","id":"a"}"#,
        "duplicate_key",
        "/id",
    ),
    (
        "a key of a holder",
        ASSIGN,
        r#"{"license":"x","holders":[{"user":"a"},{"user":"b","user":"c"}]}"#,
        "duplicate_key",
        "/holders/1/user",
    ),
    (
        "a key of the change",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"change":{"type":"a","type":"b"}}"#,
        "duplicate_key",
        "/change/type",
    ),
    (
        "a key of metadata",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"metadata":{"a":1,"a":1}}"#,
        "invalid_metadata",
        "/metadata",
    ),
    (
        "a key deep in metadata",
        ALLOCATE,
        r#"{"license":"x","product":"P","quantity":1,"metadata":{"a":[{"b":{"c":1,"c":2}}]}}"#,
        "invalid_metadata",
        "/metadata",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_has_the_wrong_members_is_told_which_and_where() {
    let ledger = Ledger::start().await;
    let rows = MISSING.iter().chain(CONTRADICTING).chain(TWICE);
    let row = |it: &Row| case(it.0, it.1, it.2, it.3, it.4);
    all_doors_say_the_same(&ledger, rows.map(row).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_the_wrong_type_is_told_so() {
    let ledger = Ledger::start().await;
    let assign = |holders: &str| format!(r#"{{"license":"x","holders":{holders}}}"#);
    let quantity = |it: &str| allocate(&format!(r#""quantity":{it}"#));
    let mut cases = vec![];
    for wrong in [
        "\"5\"",
        "null",
        "true",
        "[]",
        "{}",
        "1.5",
        "1.0",
        "1e3",
        "-0.1",
        "9223372036854775808",
        "-9223372036854775809",
        "123456789012345678901234567890",
    ] {
        cases.push(case("a quantity", ALLOCATE, quantity(wrong), "wrong_type", "/quantity"));
    }
    for (what, body, pointer) in [
        (
            "a license that is a number",
            r#"{"license":5,"product":"P","quantity":1}"#.to_owned(),
            "/license",
        ),
        (
            "a license that is null",
            r#"{"license":null,"product":"P","quantity":1}"#.to_owned(),
            "/license",
        ),
        ("an id that is a number", allocate(r#""quantity":1,"id":7"#), "/id"),
        ("an id that is an object", allocate(r#""quantity":1,"id":{}"#), "/id"),
        ("an id that is null", allocate(r#""quantity":1,"id":null"#), "/id"),
        ("an actor that is null", allocate(r#""quantity":1,"actor":null"#), "/actor"),
        ("an actor that is a list", allocate(r#""quantity":1,"actor":["a"]"#), "/actor"),
        ("a change that is a list", allocate(r#""quantity":1,"change":["a"]"#), "/change"),
        ("a dry run that is a word", allocate(r#""quantity":1,"dry_run":"yes""#), "/dry_run"),
        ("a start that is a number", allocate(r#""quantity":1,"starts_at":0"#), "/starts_at"),
    ] {
        cases.push(case(what, ALLOCATE, body, "wrong_type", pointer));
    }
    for (what, holders, pointer) in [
        ("holders that are one", r#"{"user":"a"}"#, "/holders"),
        ("holders that are null", "null", "/holders"),
        ("a holder that is a name", r#"["ada"]"#, "/holders/0"),
        ("a holder that is a list", r#"[{"user":"a"},["b",null]]"#, "/holders/1"),
        ("a user that is a number", r#"[{"user":7}]"#, "/holders/0/user"),
        ("an address that is an object", r#"[{"email":{}}]"#, "/holders/0/email"),
    ] {
        cases.push(case(what, ASSIGN, assign(holders), "wrong_type", pointer));
    }
    let id = r#"{"assignment":"not-a-uuid"}"#;
    cases.push(case("an assignment that is no id", REVOKE, id, "wrong_type", "/assignment"));
    let id = r#"{"assignments":["01990000-0000-7000-8000-000000000001",7]}"#;
    cases.push(case("a number among ids", REVOKE, id, "wrong_type", "/assignments/1"));
    let active = r#"{"license":"x","holder":{"user":"a"},"active":1}"#;
    cases.push(case("a yes that is a number", CHANGE, active, "wrong_type", "/active"));
    all_doors_say_the_same(&ledger, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_an_unusable_value_is_told_so() {
    let ledger = Ledger::start().await;
    let license = |it: &str| format!(r#"{{"license":"{it}","product":"P","quantity":1}}"#);
    let long = "x".repeat(257);
    let mut cases = vec![];
    for text in ["", r"a\u0000b", r"\u0000", r"a\nb", r"a\u001bb", r"a\u007fb", r"a\u0085b", &long]
    {
        cases.push(case("a license", ALLOCATE, license(text), "invalid_text", "/license"));
        for member in ["name", "container", "external_id", "source", "actor", "reason"] {
            let pointer: &'static str = Box::leak(format!("/{member}").into_boxed_str());
            let body = allocate(&format!(r#""quantity":1,"{member}":"{text}""#));
            cases.push(case("a text", ALLOCATE, body, "invalid_text", pointer));
        }
    }
    for quantity in ["-1", "-9223372036854775808", "1000000001", "9223372036854775807"] {
        let body = allocate(&format!(r#""quantity":{quantity}"#));
        cases.push(case("a quantity", ALLOCATE, body, "invalid_quantity", "/quantity"));
    }
    for time in [
        "",
        "now",
        "2026-05-03",
        "2026-02-30T00:00:00Z",
        "2026-05-03T09:00:00",
        "0",
        "+12026-05-03T09:00:00Z",
    ] {
        let body = allocate(&format!(r#""quantity":1,"ends_at":"{time}""#));
        cases.push(case("a time", ALLOCATE, body, "invalid_time", "/ends_at"));
    }
    for (starts, ends) in [
        ("2026-05-03T09:00:00Z", "2026-05-03T08:59:59Z"),
        ("2026-05-03T09:00:00Z", "2026-05-03T11:00:00+02:00"),
    ] {
        let body = allocate(&format!(r#""quantity":1,"starts_at":"{starts}","ends_at":"{ends}""#));
        cases.push(case("a window", ALLOCATE, body, "invalid_window", "/ends_at"));
    }
    for email in ["", "bo", "@", "bo@", "@example.com", "a@b@c", "a b@c", r"a@b\n.c"] {
        let body = format!(r#"{{"license":"x","holders":[{{"email":"{email}"}}]}}"#);
        cases.push(case("an address", ASSIGN, body, "invalid_email", "/holders/0/email"));
    }
    for metadata in ["[]", "\"a\"", "7", "true", r#"{"a":1e999}"#, r#"{"a":"\ud800"}"#] {
        let body = allocate(&format!(r#""quantity":1,"metadata":{metadata}"#));
        cases.push(case("metadata", ALLOCATE, body, "invalid_metadata", "/metadata"));
    }
    all_doors_say_the_same(&ledger, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_there_is_not_is_told_so() {
    let ledger = Ledger::start().await;
    let case = |command| case("a command", command, "{}", "unknown_command_type", "");
    let cases = ["AssignSeats", "assignseat", "DropTable", "Account", "Nope", "é"];
    all_doors_say_the_same(&ledger, cases.map(case).into()).await;
}
