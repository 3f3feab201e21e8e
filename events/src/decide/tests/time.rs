//! What comes to pass by itself.

use serde_json::{Value, json};

use super::story::{Story, members, users};

fn day(days: i64) -> Value {
    json!(super::day(days))
}

fn nothing() -> Vec<String> {
    vec![]
}

#[test]
fn a_window_begins_and_ends_once_when_it_is_due() {
    let mut story = Story::new();
    let license = json!({"license": "l", "product": "P", "quantity": 1,
        "starts_at": day(2), "ends_at": day(4), "grace_days": 3});
    story.does("AllocateLicense", license);
    assert_eq!(story.account.next_due(), Some(super::day(2)));
    assert_eq!(story.after_days(1), nothing());
    assert_eq!(story.after_days(1), ["LicenseStarted l"]);
    assert_eq!(story.passes_time(), nothing());
    assert_eq!(story.after_days(2), ["LicenseEnded l"]);
    assert_eq!(story.after_days(2), nothing());
    assert_eq!(story.after_days(1), ["GraceEnded l"]);
    assert_eq!(story.account.next_due(), None);
}

#[test]
fn what_was_due_while_nobody_looked_comes_in_order() {
    let mut story = Story::new();
    for (name, starts, ends) in [("late", 3, 9), ("early", 1, 4), ("long", 2, 90)] {
        let license = json!({"license": name, "product": "P", "quantity": 1,
            "starts_at": day(starts), "ends_at": day(ends)});
        story.does("AllocateLicense", license);
    }
    let expected = [
        "LicenseStarted early",
        "LicenseStarted long",
        "LicenseStarted late",
        "LicenseEnded early",
        "LicenseEnded late",
    ];
    assert_eq!(story.after_days(30), expected);
}

#[test]
fn a_window_that_moves_is_due_anew() {
    let mut story = Story::new();
    story.does(
        "AllocateLicense",
        json!({"license": "l", "product": "P", "quantity": 1, "ends_at": day(1)}),
    );
    assert_eq!(story.after_days(1), ["LicenseEnded l"]);
    story.does("ChangeLicense", json!({"license": "l", "ends_at": day(9)}));
    assert_eq!(story.passes_time(), nothing(), "renewed");
    assert_eq!(story.after_days(8), ["LicenseEnded l"]);
    story.does("ChangeLicense", json!({"license": "l", "grace_days": 1}));
    assert_eq!(story.after_days(1), ["GraceEnded l"]);
    story.does("RetireLicense", json!({"license": "l"}));
    assert_eq!(story.account.next_due(), None);
}

#[test]
fn whoever_waits_gets_a_seat_when_the_window_begins() {
    let mut story = Story::new();
    story.does(
        "AllocateLicense",
        json!({"license": "l", "product": "P", "quantity": 1, "starts_at": day(5)}),
    );
    story.does("AddMembers", members("g", &["a"]));
    let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "first_come"}]});
    story.does("SetGroupRule", rule);
    assert_eq!(story.queue(), ["a P group:g"]);
    let told = story.after_days(5);
    assert_eq!(
        told,
        ["LicenseStarted l", "WaitlistLeft a group:g served", "SeatAssigned l a group:g"]
    );
}

#[test]
fn members_go_on_with_another_license_when_one_ends() {
    let mut story = Story::new();
    for (license, starts, ends) in [("this-year", -30, 5), ("next-year", 5, 370)] {
        let license = json!({"license": license, "product": "P", "quantity": 2,
            "starts_at": day(starts), "ends_at": day(ends)});
        story.does("AllocateLicense", license);
    }
    story.passes_time();
    story.does("AddMembers", members("g", &["a", "b", "c"]));
    let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "first_come"}]});
    story.does("SetGroupRule", rule);
    let told = story.after_days(5);
    assert_eq!(
        told,
        [
            "LicenseEnded this-year",
            "GroupRuleSet g",
            "LicenseStarted next-year",
            "SeatAssigned next-year a group:g",
            "SeatAssigned next-year b group:g",
            "GroupRuleApplied",
        ]
    );
    assert_eq!(story.queue(), ["c P group:g"]);
}

#[test]
fn an_assignment_ends_at_its_date() {
    let mut story = Story::of_seats(1);
    let until = json!({"license": "creative", "holders": users(&["a"]), "ends_at": day(3)});
    story.does("AssignSeat", until);
    let wait = json!({"license": "creative", "holders": users(&["b"]), "wait": true});
    story.does("AssignSeat", wait);
    assert_eq!(story.after_days(2), nothing());
    let told = story.after_days(1);
    assert_eq!(
        told,
        [
            "AssignmentRevoked creative a",
            "WaitlistLeft creative b direct served",
            "SeatAssigned creative b direct",
        ]
    );
    // A date can be set and taken away later.
    let change = |at: Value| json!({"license": "creative", "holder": {"user": "b"}, "ends_at": at});
    assert_eq!(story.does("ChangeAssignment", change(day(9))), ["AssignmentEndSet creative b"]);
    assert_eq!(
        story.does("ChangeAssignment", change(Value::Null)),
        ["AssignmentEndSet creative b"]
    );
    assert_eq!(story.after_days(30), nothing());
}

#[test]
fn what_a_group_gives_as_well_goes_on_after_the_date() {
    let mut story = Story::of_seats(1);
    let until = json!({"license": "creative", "holders": users(&["a"]), "ends_at": day(3)});
    story.does("AssignSeat", until);
    story.does("AddMembers", members("g", &["a"]));
    let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "eager"}]});
    story.does("SetGroupRule", rule);
    let told = story.after_days(3);
    assert_eq!(told, ["GroundRemoved creative a direct", "AssignmentEndSet creative a"]);
    assert_eq!(story.seats(), ["a creative group:g"]);
}

fn later(days: i64, command: &str, document: Value) -> Value {
    json!({"at": day(days), "command": command, "document": document})
}

#[test]
fn a_command_is_judged_when_it_is_due() {
    let mut story = Story::of_seats(2);
    let assign = json!({"license": "creative", "holders": users(&["a", "b"])});
    let told = story.does("ScheduleCommand", later(2, "AssignSeat", assign));
    assert_eq!(told, ["CommandScheduled AssignSeat"]);
    let lower = json!({"license": "creative", "quantity": 1});
    story.does("ScheduleCommand", later(3, "ChangeLicense", lower));
    assert_eq!(story.after_days(1), nothing());
    let told = story.after_days(30);
    assert_eq!(
        told,
        [
            "SeatAssigned creative a direct",
            "SeatAssigned creative b direct",
            "ScheduleFired",
            // Nobody is there to be told: the refusal is a fact.
            "ScheduleFired quantity_below_use",
        ]
    );
    assert_eq!(story.passes_time(), nothing());
}

/// What comes to pass within so many days, looked at each day or after the last.
fn in_days(story: &Story, days: i64) -> (Vec<String>, Vec<String>) {
    let (mut each, mut last) = (story.clone(), story.clone());
    let daily: Vec<String> = (0..days).flat_map(|_| each.after_days(1)).collect();
    assert_eq!((each.seats(), each.queue()), {
        last.after_days(days);
        (last.seats(), last.queue())
    });
    (daily, last.seats())
}

#[test]
fn what_is_due_is_judged_at_its_moment_whenever_somebody_looks() {
    let mut story = Story::new();
    let license = json!({"license": "creative", "product": "P", "quantity": 2, "ends_at": day(10)});
    story.does("AllocateLicense", license);
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["ada"])}));
    let until = json!({"license": "creative", "holders": users(&["bo"]), "ends_at": day(1)});
    story.does("AssignSeat", until);
    let wait = json!({"license": "creative", "holders": users(&["cy"]), "wait": true});
    story.does("AssignSeat", wait);
    let raise = json!({"license": "creative", "quantity": 3});
    story.does("ScheduleCommand", later(2, "ChangeLicense", raise));
    let assign = json!({"license": "creative", "holders": users(&["dd"])});
    story.does("ScheduleCommand", later(5, "AssignSeat", assign));
    let (told, seats) = in_days(&story, 30);
    assert_eq!(
        told,
        [
            "AssignmentRevoked creative bo",
            "WaitlistLeft creative cy direct served",
            "SeatAssigned creative cy direct",
            "QuantityChanged creative 3",
            "ScheduleFired",
            "SeatAssigned creative dd direct",
            "ScheduleFired",
            "LicenseEnded creative",
        ]
    );
    assert_eq!(seats, ["ada creative direct", "cy creative direct", "dd creative direct"]);
}

#[test]
fn whoever_waits_gets_what_starts_before_others_come_from_what_ends() {
    let mut story = Story::new();
    let ends = json!({"license": "a", "product": "P", "quantity": 1, "ends_at": day(10)});
    story.does("AllocateLicense", ends);
    let starts = json!({"license": "b", "product": "P", "quantity": 1, "starts_at": day(5)});
    story.does("AllocateLicense", starts);
    story.does("AddMembers", members("g", &["ada", "bo"]));
    let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "first_come"}]});
    story.does("SetGroupRule", rule);
    assert_eq!(
        (story.seats(), story.queue()),
        (vec!["ada a group:g".into()], vec!["bo P group:g".into()])
    );
    let (_, seats) = in_days(&story, 20);
    assert_eq!(seats, ["ada a group:g", "bo b group:g"]);
}

#[test]
fn a_scheduled_command_overtakes_nobody_who_waits() {
    let mut story = Story::of_seats(1);
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["ada"])}));
    let wait = json!({"license": "creative", "holders": users(&["cy"]), "wait": true});
    story.does("AssignSeat", wait);
    let revoke = json!({"license": "creative", "holders": users(&["ada"])});
    story.does("ScheduleCommand", later(2, "RevokeAssignment", revoke));
    let assign = json!({"license": "creative", "holders": users(&["zed"])});
    story.does("ScheduleCommand", later(2, "AssignSeat", assign));
    let told = story.after_days(2);
    assert_eq!(
        told,
        [
            "AssignmentRevoked creative ada",
            "ScheduleFired",
            "WaitlistLeft creative cy direct served",
            "SeatAssigned creative cy direct",
            "ScheduleFired no_free_seat",
        ]
    );
}

#[test]
fn a_command_that_is_dropped_is_never_judged() {
    let mut story = Story::of_seats(2);
    let assign = json!({"license": "creative", "holders": users(&["a"])});
    let events = story.decide("ScheduleCommand", later(2, "AssignSeat", assign)).unwrap();
    let crate::Event::CommandScheduled(it) = &events[0] else { panic!("{events:?}") };
    let cancel = json!({"schedule": it.schedule});
    assert_eq!(story.does("CancelSchedule", cancel), ["ScheduleCancelled"]);
    assert_eq!(story.after_days(3), nothing());
    assert_eq!(story.refuses("CancelSchedule", json!({"schedule": 99})), "schedule_not_found");
}

#[test]
fn what_causes_more_than_a_commit_has_room_for_is_refused_when_it_is_due() {
    let mut story = Story::of_seats(2_000);
    let names: Vec<String> = (0..400).map(|it| format!("u{it}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let long = "x".repeat(256);
    let assign = json!({"license": "creative", "holders": users(&names),
        "redirect_to": long, "metadata": {"a": long, "b": long}});
    let document = assign.to_string();
    assert!(document.len() < 8 * 1024, "{}", document.len());
    story.does("ScheduleCommand", later(1, "AssignSeat", assign));
    assert_eq!(story.after_days(1), ["ScheduleFired commit_too_large"]);
    assert_eq!(story.seats().len(), 0);
}

#[test]
fn a_window_that_has_begun_already_has_with_its_command() {
    let mut story = Story::new();
    let license = json!({"license": "l", "product": "P", "quantity": 1,
        "starts_at": day(-9), "ends_at": day(-1)});
    let told = story.does("AllocateLicense", license);
    assert_eq!(told, ["LicenseAllocated l", "LicenseStarted l", "LicenseEnded l"]);
    assert_eq!(story.account.next_due(), None);
}

#[test]
fn a_command_for_a_time_that_has_passed_is_judged_as_of_now() {
    let mut story = Story::new();
    let old = json!({"license": "old", "product": "P", "quantity": 2, "ends_at": day(-9)});
    story.does("AllocateLicense", old);
    let new = json!({"license": "new", "product": "P", "quantity": 2, "starts_at": day(-5)});
    story.does("AllocateLicense", new);
    let seat = json!({"product": "P", "holders": users(&["ada"])});
    let kept = json!({"at": day(-20), "command": "AssignSeat", "document": seat});
    story.does("ScheduleCommand", kept);
    story.passes_time();
    assert_eq!(story.seats(), ["ada new direct"]);
}
