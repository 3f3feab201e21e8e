//! Several commands as one.

use serde_json::{Value, json};

use super::story::{Story, users};
use crate::refusal::Refusal;

fn batch(commands: &[(&str, Value)]) -> Value {
    let one =
        |(command, document): &(&str, Value)| json!({"command": command, "document": document});
    json!({"commands": commands.iter().map(one).collect::<Vec<_>>()})
}

fn assign(user: &str) -> (&'static str, Value) {
    ("AssignSeat", json!({"license": "creative", "holders": users(&[user])}))
}

fn revoke(user: &str) -> (&'static str, Value) {
    ("RevokeAssignment", json!({"license": "creative", "holders": users(&[user])}))
}

#[test]
fn each_command_sees_what_those_before_it_have_caused() {
    let mut story = Story::new();
    let license = json!({"license": "creative", "product": "P", "quantity": 1});
    let document = batch(&[("AllocateLicense", license), assign("a")]);
    let told = ["LicenseAllocated creative", "SeatAssigned creative a direct"];
    assert_eq!(story.does("ApplyBatch", document), told);
    let swap = batch(&[revoke("a"), assign("b")]);
    let told = ["AssignmentRevoked creative a", "SeatAssigned creative b direct"];
    assert_eq!(story.does("ApplyBatch", swap), told);
}

#[test]
fn none_happens_where_one_is_refused_and_the_refusal_says_which() {
    let mut story = Story::of_seats(1);
    let refusal = story.decide("ApplyBatch", batch(&[assign("a"), assign("a"), assign("b")]));
    let refusal = refusal.unwrap_err();
    assert_eq!((refusal.code(), refusal.status()), ("no_free_seat", 409));
    assert_eq!(refusal.pointer().as_deref(), Some("/commands/2"));
    let said = "command 3 of the batch, AssignSeat: \
                creative: 1 of 1 seats are held, 1 more was asked for";
    assert_eq!(refusal.to_string(), said);
    assert_eq!(story.seats(), [""; 0]);
}

#[test]
fn a_batch_overtakes_nobody_who_waits() {
    let mut story = Story::of_seats(1);
    story.does("AssignSeat", assign("a").1);
    let wait = json!({"license": "creative", "holders": users(&["w"]), "wait": true});
    story.does("AssignSeat", wait);
    // The seat of a goes to w before b is looked at, as if each had been sent alone.
    assert_eq!(story.refuses("ApplyBatch", batch(&[revoke("a"), assign("b")])), "no_free_seat");
    let told = story.does("ApplyBatch", batch(&[revoke("a"), revoke("w"), assign("b")]));
    assert_eq!(told.last().unwrap(), "SeatAssigned creative b direct");
}

#[test]
fn an_account_begins_with_a_batch_whose_first_command_it_can_begin_with() {
    let mut story = Story::new();
    let refusal = story.decide("ApplyBatch", batch(&[assign("a")])).unwrap_err();
    assert!(matches!(refusal, Refusal::AccountNotFound(_)), "{refusal}");
    let register = ("RegisterHolder", json!({"holder": {"user": "ada"}}));
    assert_eq!(story.does("ApplyBatch", batch(&[register])), ["HolderRegistered ada"]);
}

#[test]
fn a_batch_is_judged_when_it_is_due() {
    let mut story = Story::of_seats(2);
    let at = super::day(1);
    let document = batch(&[assign("a"), revoke("a"), assign("b")]);
    story.does("ScheduleCommand", json!({"at": at, "command": "ApplyBatch", "document": document}));
    let told = [
        "SeatAssigned creative a direct",
        "AssignmentRevoked creative a",
        "SeatAssigned creative b direct",
        "ScheduleFired",
    ];
    assert_eq!(story.after_days(1), told);
}
