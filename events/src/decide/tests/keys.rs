//! Keys: who may call.

use serde_json::{Value, json};

use super::story::Story;
use crate::Moment;
use crate::command::{Command, NoteKeyUse};
use crate::decide;
use crate::key::KeyId;
use crate::mint::Mint;

pub(super) const ID: &str = "5d1f0c2ab7e94836";

/// A command that makes a key.
pub(super) fn document(role: &str) -> Value {
    json!({"key": ID, "hash": "ab".repeat(32), "role": role})
}

/// What the ledger keeps of a use at this moment.
fn use_at(story: &mut Story, now: Moment) -> Vec<String> {
    let command = Command::NoteKeyUse(NoteKeyUse { key: KeyId::parse(ID).unwrap() });
    let mut mint = Mint::new(now, 0, 0);
    let events = decide(&mut story.account, &command, now, &mut mint).unwrap();
    story.account.settle();
    let data = |it| serde_json::to_value(it).unwrap();
    events.iter().map(|it| format!("{} {}", it.kind(), data(it)["day"])).collect()
}

#[test]
fn an_account_may_begin_with_a_key() {
    let mut story = Story::new();
    assert_eq!(story.refuses("RevokeKey", json!({"key": ID})), "account_not_found");
    assert_eq!(story.does("CreateKey", document("admin")), ["KeyCreated"]);
    assert!(story.account.exists());
    assert!(!story.account.key(KeyId::parse(ID).unwrap()).unwrap().revoked);
}

#[test]
fn a_key_is_made_once_and_as_it_was_made() {
    let mut story = Story::of_five_seats();
    story.does("CreateKey", document("operator"));
    assert_eq!(story.refuses("CreateKey", document("admin")), "key_exists");
    let mut other = document("operator");
    other["hash"] = json!("cd".repeat(32));
    assert_eq!(story.refuses("CreateKey", other), "key_exists");
    let mut other = document("operator");
    other["facades"] = json!(["uipath"]);
    assert_eq!(story.refuses("CreateKey", other), "key_exists");
}

#[test]
fn a_revoked_key_stays_revoked() {
    let mut story = Story::of_five_seats();
    story.does("CreateKey", document("reader"));
    assert_eq!(story.does("RevokeKey", json!({"key": ID})), ["KeyRevoked"]);
    assert_eq!(story.refuses("CreateKey", document("reader")), "key_revoked");
    assert_eq!(story.refuses("CreateKey", document("admin")), "key_revoked");
    let unknown = json!({"key": "0000000000000000"});
    assert_eq!(story.refuses("RevokeKey", unknown), "key_not_found");
}

#[test]
fn a_key_is_not_made_to_be_over_already() {
    let mut story = Story::of_five_seats();
    let mut key = document("reader");
    key["expires_at"] = json!(story.now);
    assert_eq!(story.refuses("CreateKey", key.clone()), "already_over");
    key["expires_at"] = json!(super::day(1));
    story.does("CreateKey", key.clone());
    // It has expired, and is there all the same.
    story.after_days(2);
    assert_eq!(story.does("CreateKey", key), [""; 0]);
}

#[test]
fn that_a_key_was_used_is_kept_once_a_day() {
    let mut story = Story::of_five_seats();
    let at = |text: &str| Moment::parse(text).unwrap();
    assert_eq!(use_at(&mut story, at("2026-05-03T10:00:00Z")), [""; 0], "there is no such key");
    story.does("CreateKey", document("reader"));
    let first = use_at(&mut story, at("2026-05-03T10:00:00Z"));
    assert_eq!(first, ["KeyUsed \"2026-05-03\""]);
    assert_eq!(use_at(&mut story, at("2026-05-03T23:59:59Z")), [""; 0]);
    assert_eq!(use_at(&mut story, at("2026-05-04T00:00:00Z")), ["KeyUsed \"2026-05-04\""]);
    // A call that was under way when its key was revoked.
    story.does("RevokeKey", json!({"key": ID}));
    assert_eq!(use_at(&mut story, at("2026-05-05T00:00:00Z")), ["KeyUsed \"2026-05-05\""]);
}
