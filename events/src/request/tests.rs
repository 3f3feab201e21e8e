//! Documents that are commands, and documents that are none.

mod documents;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use documents::DOCUMENTS;

fn read(kind: &str, document: &str) -> Result<Request, Malformed> {
    let address = Address { account: "acme", kind, key: None, via: Via::Nats };
    Request::read(&address, By::local(), document.as_bytes(), || CommandId::new("made").unwrap())
}

fn hash(kind: &str, document: &str) -> String {
    read(kind, document).unwrap().hash.to_string()
}

#[track_caller]
fn refused(kind: &str, document: &str, code: MalformedCode, pointer: &str) -> Malformed {
    let error = read(kind, document).unwrap_err();
    assert_eq!((error.code, error.pointer.as_str()), (code, pointer), "{error:?}");
    error
}

#[test]
fn a_document_is_known_by_its_hash_in_every_release() {
    for (kind, document, kept) in DOCUMENTS {
        assert_eq!(hash(kind, document), kept, "{kind} {document}");
    }
    let kinds: BTreeSet<_> = DOCUMENTS.iter().map(|it| it.0).collect();
    assert_eq!(kinds.len(), CommandType::ALL.len());
}

#[test]
fn a_document_is_read() {
    let it = read(
        "AssignSeat",
        r#"{"id":"c1","license":"creative","holders":[{"user":"ada"},{"email":" Bo@X.org"}],
            "reason":"joined","actor":"hr"}"#,
    )
    .unwrap();
    assert_eq!((it.id.as_str(), it.actor.as_str()), ("c1", "hr"));
    assert_eq!(it.change.reason.as_ref().unwrap().as_str(), "joined");
    let Command::AssignSeat(it) = it.command else { panic!("{it:?}") };
    assert_eq!(it.holders[1].email.as_ref().unwrap().as_str(), "bo@x.org");
    assert!(it.active && !it.fulfilled);
}

#[test]
fn what_may_stand_around_a_command_is_read() {
    let it = read(
        "SuspendLicense",
        r#"{"id":"c1","account":"acme","type":"SuspendLicense","actor":"hr","dry_run":true,
            "change":{"source":"s","type":"t","transaction_id":"x","reason":"r"},"reason":"r",
            "license":"creative"}"#,
    )
    .unwrap();
    assert!(it.dry_run && it.via == Via::Nats);
    assert_eq!(it.change.source.unwrap().as_str(), "s");
    assert_eq!(it.change.kind.unwrap().as_str(), "t");
    assert_eq!(it.change.transaction_id.unwrap().as_str(), "x");
    let bare = read("SuspendLicense", r#"{"license":"creative"}"#).unwrap();
    assert_eq!((bare.id.as_str(), bare.actor.as_str(), bare.dry_run), ("made", ANONYMOUS, false));
    assert!(bare.change.is_empty());
}

#[test]
fn the_hash_is_over_what_is_asked() {
    let suspend = |document: &str| hash("SuspendLicense", document);
    let first = suspend(r#"{"id":"a","license":"x"}"#);
    assert_eq!(first, suspend(r#" { "license" : "x", "dry_run":true, "actor":"b" } "#));
    assert_eq!(first, suspend(r#"{"license":"\u0078","account":"acme"}"#));
    assert_ne!(first, suspend(r#"{"id":"a","license":"y"}"#));
    assert_ne!(first, suspend(r#"{"id":"a","license":"x","reason":"z"}"#));
    assert_ne!(first, hash("RetireLicense", r#"{"license":"x"}"#));
    let other = Address { account: "other", kind: "SuspendLicense", key: None, via: Via::Nats };
    let other =
        Request::read(&other, By::local(), br#"{"id":"a","license":"x"}"#, || unreachable!());
    assert_ne!(first, other.unwrap().hash.to_string());
}

#[test]
fn two_ways_to_say_a_reason_are_one() {
    let suspend = |document: &str| hash("SuspendLicense", document);
    assert_eq!(
        suspend(r#"{"license":"x","reason":"r"}"#),
        suspend(r#"{"license":"x","change":{"reason":"r"}}"#)
    );
    refused(
        "SuspendLicense",
        r#"{"license":"x","reason":"r","change":{"reason":"s"}}"#,
        MalformedCode::Contradiction,
        "/reason",
    );
}

#[test]
fn null_takes_away_where_absent_keeps() {
    let change = |document: &str| hash("ChangeLicense", document);
    assert_ne!(change(r#"{"license":"x","name":null}"#), change(r#"{"license":"x"}"#));
}

#[test]
fn a_default_is_the_same_as_absent() {
    assert_eq!(
        hash("AssignSeat", r#"{"license":"x","holders":[{"user":"a"}]}"#),
        hash(
            "AssignSeat",
            r#"{"license":"x","product":null,"holders":[{"user":"a","email":null}],"active":true,
                "fulfilled":false,"redirect_to":null,"metadata":null}"#
        )
    );
}

#[test]
fn what_is_no_document_is_said_so() {
    use MalformedCode::*;
    refused("AssignSeat", "nonsense", MalformedJson, "");
    refused("AssignSeat", "", MalformedJson, "");
    refused("AssignSeat", "[]", MalformedJson, "");
    refused("AssignSeat", r#"{"license":"x"} {}"#, MalformedJson, "");
    refused("AssignSeat", r#"{"license":"x","license":"x"}"#, DuplicateKey, "/license");
    refused("AssignSeat", r#"{"id":"x","id":"y"}"#, DuplicateKey, "/id");
    let address = Address { account: "acme", kind: "SuspendLicense", key: None, via: Via::Nats };
    let error = Request::read(&address, By::local(), b"{\"license\":\"\xff\"}", || unreachable!())
        .unwrap_err();
    assert_eq!(error.code, MalformedJson);
}

#[test]
fn a_document_has_a_largest_size() {
    let document = r#"{"license":"x"}"#;
    let largest = format!("{document}{}", " ".repeat(COMMAND_BYTES_MAX - document.len()));
    assert!(read("SuspendLicense", &largest).is_ok());
    refused("SuspendLicense", &format!("{largest} "), MalformedCode::PayloadTooLarge, "");
}

#[test]
fn what_is_no_address_is_said_so() {
    use MalformedCode::*;
    let error = refused("AsignSeat", "{}", UnknownCommandType, "");
    assert!(error.hint.unwrap().starts_with("did you mean AssignSeat?"));
    for account in ["", "a.b", "a b", "*", "é", &"x".repeat(1000)] {
        let address = Address { account, kind: "AssignSeat", key: None, via: Via::Nats };
        let error = Request::read(&address, By::local(), b"{}", || unreachable!()).unwrap_err();
        assert_eq!(error.code, InvalidAccount);
        assert!(error.detail.len() < 200);
    }
}

#[test]
fn what_cannot_stand_around_a_command_is_said_so() {
    use MalformedCode::*;
    for (member, code, pointer) in [
        (r#""account":"other""#, Contradiction, "/account"),
        (r#""type":"Other""#, Contradiction, "/type"),
        (r#""id":"a b""#, InvalidCommandId, "/id"),
        (r#""id":"""#, InvalidCommandId, "/id"),
        (r#""id":"seatledger-1""#, InvalidCommandId, "/id"),
        (r#""id":7"#, WrongType, "/id"),
        (r#""actor":"""#, InvalidText, "/actor"),
        (r#""dry_run":"yes""#, WrongType, "/dry_run"),
        (r#""change":[]"#, WrongType, "/change"),
        (r#""change":{"typ":"t"}"#, UnknownField, "/change/typ"),
        (r#""change":{"reason":"a\nb"}"#, InvalidText, "/change/reason"),
    ] {
        refused("SuspendLicense", &format!(r#"{{{member},"license":"x"}}"#), code, pointer);
    }
}

#[test]
fn a_misspelt_member_is_known_wherever_it_belongs() {
    let hint = |key: &str| {
        let document = format!(r#"{{"{key}":1}}"#);
        let pointer = format!("/{key}");
        refused("AssignSeat", &document, MalformedCode::UnknownField, &pointer).hint.unwrap()
    };
    assert!(hint("holder").starts_with("did you mean `holders`?"));
    assert!(hint("dry-run").starts_with("did you mean `dry_run`?"));
    assert!(hint("zzzz").starts_with("known here: license, product, container, holders, active,"));
}

#[test]
fn what_is_no_holder_is_said_so() {
    use MalformedCode::*;
    let holders = |holders: &str| format!(r#"{{"license":"x","holders":{holders}}}"#);
    for (given, code, pointer) in [
        ("[]", MissingField, "/holders"),
        ("[{}]", MissingField, "/holders/0"),
        (r#"[{"user":null}]"#, MissingField, "/holders/0"),
        (r#"[{"usr":"a"}]"#, UnknownField, "/holders/0/usr"),
        (r#"[{"user":"a"},{"email":"a"}]"#, InvalidEmail, "/holders/1/email"),
        (r#"[{"user":""}]"#, InvalidText, "/holders/0/user"),
        (r#"[{"user":7}]"#, WrongType, "/holders/0/user"),
        (r#"["ada"]"#, WrongType, "/holders/0"),
        (r#"[["ada","a@x.org"]]"#, WrongType, "/holders/0"),
        ("null", WrongType, "/holders"),
        ("{}", WrongType, "/holders"),
    ] {
        refused("AssignSeat", &holders(given), code, pointer);
    }
    let many = |count| holders(&format!("[{}]", vec![r#"{"user":"a"}"#; count].join(",")));
    assert!(read("AssignSeat", &many(1_000)).is_ok());
    refused("AssignSeat", &many(1_001), TooManyItems, "/holders");
    refused("AssignSeat", r#"{"license":"x"}"#, MissingField, "/holders");
    refused("AssignSeat", r#"{"holders":[{"user":"a"}]}"#, MissingField, "/license");
    refused(
        "AssignSeat",
        r#"{"license":"x","product":"p","holders":[{"user":"a"}]}"#,
        Contradiction,
        "/product",
    );
}

#[test]
fn what_is_no_batch_is_said_so() {
    use MalformedCode::*;
    let batch = |commands: &str| format!(r#"{{"commands":{commands}}}"#);
    for (given, code, pointer) in [
        ("[]", MissingField, "/commands"),
        ("{}", WrongType, "/commands"),
        ("[7]", WrongType, "/commands/0"),
        (r#"[{"command":"SuspendLicense"}]"#, MissingField, "/commands/0/document"),
        (r#"[{"document":{"license":"x"}}]"#, MissingField, "/commands/0/command"),
        (r#"[{"command":"Suspend","document":{}}]"#, UnknownCommandType, "/commands/0/command"),
        (r#"[{"command":"PassTime","document":{}}]"#, UnknownCommandType, "/commands/0/command"),
        (r#"[{"command":"ApplyBatch","document":{}}]"#, InvalidValue, "/commands/0/command"),
        (r#"[{"command":"SuspendLicense","document":[]}]"#, MalformedJson, "/commands/0/document"),
        (
            r#"[{"command":"SuspendLicense","document":{"license":"x","id":"c"}}]"#,
            UnknownField,
            "/commands/0/document/id",
        ),
        (
            r#"[{"command":"SuspendLicense","document":{"license":"x"}},
                {"command":"AssignSeat","document":{"license":"x","holders":[{}]}}]"#,
            MissingField,
            "/commands/1/document/holders/0",
        ),
        (
            r#"[{"command":"SuspendLicense","document":{"license":"x"},"id":"c"}]"#,
            UnknownField,
            "/commands/0/id",
        ),
    ] {
        refused("ApplyBatch", &batch(given), code, pointer);
    }
    let one = r#"{"command":"SuspendLicense","document":{"license":"x"}}"#;
    let many = |count| batch(&format!("[{}]", vec![one; count].join(",")));
    assert!(read("ApplyBatch", &many(1_000)).is_ok());
    refused("ApplyBatch", &many(1_001), TooManyItems, "/commands");
    refused(
        "ScheduleCommand",
        r#"{"at":"2026-06-01T00:00:00Z","command":"ApplyBatch","document":{"commands":[
            {"command":"CancelSchedule","document":{"schedule":1}}]}}"#,
        InvalidValue,
        "/document/commands/0/command",
    );
}

#[test]
fn what_is_no_license_is_said_so() {
    use MalformedCode::*;
    for (more, code, pointer) in [
        (r#""quantity":-1"#, InvalidQuantity, "/quantity"),
        (r#""quantity":1000000001"#, InvalidQuantity, "/quantity"),
        (r#""quantity":1e99"#, WrongType, "/quantity"),
        (r#""quantity":1.0"#, WrongType, "/quantity"),
        (r#""quantity":"1""#, WrongType, "/quantity"),
        (r#""quantity":9223372036854775808"#, WrongType, "/quantity"),
        (r#""quantity":null"#, WrongType, "/quantity"),
        (r#""name":"x""#, MissingField, "/quantity"),
        (r#""quantity":1,"ends_at":"tomorrow""#, InvalidTime, "/ends_at"),
        (r#""quantity":1,"ends_at":7"#, WrongType, "/ends_at"),
        (r#""quantity":1,"container":"""#, InvalidText, "/container"),
        (r#""quantity":1,"name":"a\u0000""#, InvalidText, "/name"),
        (r#""quantity":1,"metadata":[]"#, InvalidMetadata, "/metadata"),
        (r#""quantity":1,"metadata":{"a":{"b":1,"b":1}}"#, InvalidMetadata, "/metadata"),
        (
            r#""quantity":1,"starts_at":"2026-01-02T00:00:00Z","ends_at":"2026-01-02T00:00:00Z""#,
            InvalidWindow,
            "/ends_at",
        ),
    ] {
        let document = format!(r#"{{"license":"x","product":"p",{more}}}"#);
        refused("AllocateLicense", &document, code, pointer);
    }
    refused(
        "ChangeLicense",
        r#"{"license":"x","starts_at":"2026-01-02T00:00:00Z","ends_at":"2026-01-01T00:00:00Z"}"#,
        InvalidWindow,
        "/ends_at",
    );
    refused("ChangeLicense", r#"{"license":"x","product":"p"}"#, UnknownField, "/product");
    refused("RetireLicense", r#"{"license":null}"#, WrongType, "/license");
}

#[test]
fn what_names_no_assignment_is_said_so() {
    use MalformedCode::*;
    const ID: &str = r#""019ded10-e280-7000-8000-000000000001""#;
    let ada = r#"{"user":"ada"}"#;
    for (kind, members, code, pointer) in [
        ("ChangeAssignment", String::new(), MissingField, "/assignment"),
        ("ChangeAssignment", r#""assignment":"7""#.to_owned(), WrongType, "/assignment"),
        ("ChangeAssignment", r#""license":"x""#.to_owned(), MissingField, "/holder"),
        ("ChangeAssignment", format!(r#""holder":{ada}"#), MissingField, "/license"),
        (
            "ChangeAssignment",
            format!(r#""assignment":{ID},"holder":{ada}"#),
            Contradiction,
            "/assignment",
        ),
        ("RevokeAssignment", String::new(), MissingField, "/assignment"),
        ("RevokeAssignment", r#""assignments":[]"#.to_owned(), MissingField, "/assignment"),
        ("RevokeAssignment", r#""license":"x""#.to_owned(), MissingField, "/holders"),
        ("RevokeAssignment", format!(r#""holders":[{ada}]"#), MissingField, "/license"),
        (
            "RevokeAssignment",
            format!(r#""assignments":[{ID}],"license":"x""#),
            Contradiction,
            "/assignment",
        ),
        (
            "RevokeAssignment",
            format!(r#""assignments":[{}]"#, vec![ID; 1_001].join(",")),
            TooManyItems,
            "/assignments",
        ),
        (
            "RevokeAssignment",
            format!(r#""assignment":{ID},"assignments":[{}]"#, vec![ID; 1_000].join(",")),
            TooManyItems,
            "/assignments",
        ),
    ] {
        refused(kind, &format!("{{{members}}}"), code, pointer);
    }
}

#[test]
fn the_key_beside_the_body_is_the_id() {
    let address = |key| Address { account: "acme", kind: "SuspendLicense", key, via: Via::Http };
    let read = |key, document: &str| {
        Request::read(&address(key), By::local(), document.as_bytes(), || {
            CommandId::new("made").unwrap()
        })
    };
    assert_eq!(read(Some("k1"), r#"{"license":"x"}"#).unwrap().id.as_str(), "k1");
    assert_eq!(read(Some("k1"), r#"{"id":"k1","license":"x"}"#).unwrap().id.as_str(), "k1");
    assert_eq!(read(None, r#"{"license":"x"}"#).unwrap().id.as_str(), "made");
    let error = read(Some("k1"), r#"{"id":"k2","license":"x"}"#).unwrap_err();
    assert_eq!(error.code, MalformedCode::Contradiction);
    for key in ["", "k 1", "é", "seatledger-1"] {
        let error = read(Some(key), r#"{"license":"x"}"#).unwrap_err();
        assert_eq!(error.code, MalformedCode::InvalidCommandId);
    }
}

/// What is put in place of a byte: things that JSON readers stumble over.
const EDITS: &str = r#"|\{|\}|\[|\]|"|,|:|\\|\\u|\\ud800|null|true|-|0|1e9|[a-z_]{1,9}|[^a]"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_arrives_is_read_or_refused_in_a_few_words(
        place in 0..DOCUMENTS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), EDITS), 1..6),
    ) {
        let (kind, document, _) = DOCUMENTS[place];
        let mut bytes = document.as_bytes().to_vec();
        for (place, edit) in edits {
            let at = place.index(bytes.len());
            bytes.splice(at..=at, edit.bytes());
        }
        let address = Address { account: "acme", kind, key: None, via: Via::Nats };
        if let Err(error) = Request::read(&address, By::local(), &bytes, || CommandId::new("made").unwrap()) {
            prop_assert!(error.to_string().len() < 2_000, "{error:?}");
        }
    }
}
