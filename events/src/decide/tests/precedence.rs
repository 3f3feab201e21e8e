//! Every refusal in its order, and of two that apply the first.

use serde_json::{Value, json};

use super::keys;
use super::story::{Story, members};
use super::*;
use crate::command::Patch;

/// Why a command is refused, in an account with five seats of `creative` and this history.
fn stands_in_the_way(history: &[(&str, Value)], kind: &str, document: Value) -> Refusal {
    let mut story = Story::of_five_seats();
    for (kind, document) in history {
        story.does(kind, document.clone());
    }
    story.decide(kind, document).unwrap_err()
}

fn seat_for(user: &str) -> Value {
    json!({"license": CREATIVE, "holders": [{"user": user}]})
}

fn share(container: &str, within: Option<&str>, quantity: i64) -> Value {
    let quantities = json!([{"product": "P", "quantity": quantity}]);
    json!({"allocations": [
        {"container": container, "within": within, "quantities": quantities}]})
}

fn rule(group: &str, mode: &str, quota: Option<i64>) -> Value {
    json!({"group": group, "grants": [{"product": "P", "mode": mode, "quota": quota}]})
}

/// The refusals that the rules give, each with a command that earns it. The two that the rules
/// never give are made by the writer, who knows what was asked before and how large a commit is.
fn every_refusal() -> Vec<Refusal> {
    let mut all = refusals_of_what_is_not_there();
    all.extend(refusals_of_states());
    all.extend(refusals_of_shortages());
    all
}

fn refusals_of_what_is_not_there() -> Vec<Refusal> {
    let refusal = |it: Decided| it.outcome.unwrap_err();
    let one = || [allocated(CREATIVE, 1), seat(1, CREATIVE, ada())];
    vec![
        Refusal::CommandIdReused { id: crate::CommandId::new("c-1").unwrap(), sequence: 7 },
        refusal(given([]).when(suspend(CREATIVE))),
        refusal(given(one()).when(suspend(OFFICE))),
        refusal(given(one()).when(assign_product("Q", [ada()]))),
        stands_in_the_way(&[], "SetAllocations", share("north", Some("south"), 1)),
        refusal(given(one()).when(revoke_ids([7]))),
        refusal(given(one()).when(revoke(CREATIVE, [bo()]))),
        stands_in_the_way(
            &[],
            "RemoveMembers",
            json!({"group": "g", "holders": [{"user": "ada"}]}),
        ),
        stands_in_the_way(&[], "CancelSchedule", json!({"schedule": 7})),
        stands_in_the_way(&[], "RevokeKey", json!({"key": keys::ID})),
        stands_in_the_way(
            &[("CreateKey", keys::document("admin")), ("RevokeKey", json!({"key": keys::ID}))],
            "CreateKey",
            keys::document("reader"),
        ),
        stands_in_the_way(
            &[("CreateKey", keys::document("admin"))],
            "CreateKey",
            keys::document("reader"),
        ),
        refusal(given(one()).when(allocate(CREATIVE, 9))),
        refusal(
            given([allocated_as(CREATIVE, 1, |it| it.external_id = Some(external("X")))])
                .when(allocate_as(OFFICE, 1, |it| it.external_id = Some(external("X")))),
        ),
    ]
}

fn refusals_of_states() -> Vec<Refusal> {
    let refusal = |it: Decided| it.outcome.unwrap_err();
    vec![
        stands_in_the_way(
            &["north", "south"].map(|it| ("SetAllocations", share(it, None, 1))),
            "SetAllocations",
            share("north", Some("south"), 1),
        ),
        stands_in_the_way(
            &[("SetAllocations", share("north", None, 1))],
            "SuspendLicense",
            json!({"license": "creative@north"}),
        ),
        super::transferring::of_another_account(),
        stands_in_the_way(
            &[],
            "AllocateToAccount",
            json!({"license": CREATIVE, "receiver": "acme", "quantity": 1}),
        ),
        stands_in_the_way(
            &[("LinkHolder", json!({"email": "a@x.org", "user": "ada"}))],
            "LinkHolder",
            json!({"email": "a@x.org", "user": "bo"}),
        ),
        stands_in_the_way(
            &[
                ("RegisterHolder", json!({"holder": {"user": "ada"}})),
                ("RetireHolder", json!({"holder": {"user": "ada"}})),
            ],
            "AssignSeat",
            seat_for("ada"),
        ),
        stands_in_the_way(
            &[("SetPolicy", json!({"may_hold": "members"}))],
            "AssignSeat",
            seat_for("ada"),
        ),
        refusal(given([allocated(CREATIVE, 1), retired(CREATIVE)]).when(suspend(CREATIVE))),
        refusal(
            given([allocated(CREATIVE, 1), suspended(CREATIVE)]).when(assign(CREATIVE, [ada()])),
        ),
        refusal(
            given([allocated_as(CREATIVE, 1, |it| it.ends_at = Some(day(-1)))])
                .when(assign(CREATIVE, [ada()])),
        ),
        refusal(
            given([allocated(CREATIVE, 1), suspended(CREATIVE)]).when(assign_product("P", [ada()])),
        ),
        refusal(
            given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), revoked(1, CREATIVE, ada())])
                .when(change_seat(1, |_| {})),
        ),
        refusal(
            given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), allocated(OFFICE, 1)])
                .when(change_seat_of(OFFICE, ada(), |_| {})),
        ),
        stands_in_the_way(
            &[("AddMembers", members("g", &["ada"])), ("SetGroupRule", rule("g", "eager", None))],
            "RevokeAssignment",
            seat_for("ada"),
        ),
        refusal(given([allocated(CREATIVE, 1)]).when(assign_as(CREATIVE, [ada()], |it| {
            it.ends_at = Some(day(-1));
        }))),
        refusal(
            given([allocated_as(CREATIVE, 1, |it| it.ends_at = Some(day(1)))])
                .when(change(CREATIVE, |it| it.starts_at = Patch::Set(day(1)))),
        ),
    ]
}

fn refusals_of_shortages() -> Vec<Refusal> {
    let refusal = |it: Decided| it.outcome.unwrap_err();
    let one = || [allocated(CREATIVE, 1), seat(1, CREATIVE, ada())];
    vec![
        refusal(given(one()).when(change(CREATIVE, |it| it.quantity = Some(seats(0))))),
        refusal(given(one()).when(retire(CREATIVE))),
        stands_in_the_way(
            &[(
                "AllocateToAccount",
                json!({"license": CREATIVE, "receiver": "north", "quantity": 1}),
            )],
            "RetireLicense",
            json!({"license": CREATIVE}),
        ),
        stands_in_the_way(
            &[("SetGroupRule", rule("g", "eager", None))],
            "GrantToGroup",
            json!({"group": "g", "grant": {"license": CREATIVE, "mode": "eager"}}),
        ),
        stands_in_the_way(
            &[],
            "SetAllocations",
            json!({"allocations": [{"container": "north", "quantities": [
                {"product": "P", "quantity": 1}, {"license": CREATIVE, "quantity": 1}]}]}),
        ),
        stands_in_the_way(
            &[
                ("AddMembers", members("g", &["ada", "bo"])),
                ("SetGroupRule", rule("g", "eager", None)),
            ],
            "SetGroupRule",
            rule("g", "eager", Some(1)),
        ),
        stands_in_the_way(
            &[("AddMembers", members("g", &["ada", "bo"]))],
            "SetGroupRule",
            rule("g", "eager", Some(1)),
        ),
        stands_in_the_way(&[], "SetAllocations", share("north", None, 6)),
        stands_in_the_way(
            &[("SetAllocations", share("north", None, 1))],
            "MoveQuantity",
            json!({"product": "P", "moves": [{"from": "north", "quantity": 2}]}),
        ),
        refusal(given(one()).when(assign(CREATIVE, [bo()]))),
        Refusal::CommitTooLarge { bytes: 2_000_000, max: 1_000_000 },
        Refusal::Poison(crate::CommandType::AssignSeat),
    ]
}

#[test]
fn every_refusal_stands_in_the_table_at_its_place() {
    let codes: Vec<_> = every_refusal().iter().map(Refusal::code).collect();
    let table: Vec<_> = Refusal::TABLE.iter().map(|it| it.0).collect();
    assert_eq!(codes, table);
    let mut distinct = codes.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), codes.len(), "{codes:?}");
}

#[test]
fn every_refusal_says_a_status_a_title_and_what_to_do() {
    for it in every_refusal() {
        let status = match it.code() {
            "poison" => 422,
            code if code.ends_with("_not_found") => 404,
            _ => 409,
        };
        assert_eq!(it.status(), status);
        assert!(it.title().starts_with(|it: char| it.is_uppercase()), "{it:?}");
        assert!(!it.title().ends_with('.') && !it.hint().is_empty(), "{it:?}");
        assert!(!it.to_string().is_empty() && !it.to_string().contains('\n'), "{it:?}");
    }
}

#[test]
fn a_sentence_says_the_numbers_that_matter() {
    let all = every_refusal();
    for (code, said) in [
        ("command_id_reused", "c-1 was used before, for other content"),
        ("quantity_below_use", "creative: 1 seat is held, 0 were asked for"),
        ("no_free_seat", "creative: 1 of 1 seats are held, 1 more was asked for"),
        ("license_ended", "creative ended at 2026-05-02T09:00:00.000Z"),
    ] {
        let refusal = all.iter().find(|it| it.code() == code).unwrap();
        assert_eq!(refusal.to_string(), said);
    }
}

#[test]
fn nothing_but_a_first_license_is_judged_for_an_account_that_is_not_there() {
    for command in [
        change(CREATIVE, |_| {}),
        suspend(CREATIVE),
        reinstate(CREATIVE),
        retire(CREATIVE),
        assign(CREATIVE, [ada()]),
        assign_product("P", [ada()]),
        change_seat(1, |_| {}),
        revoke_ids([1]),
    ] {
        let nobody = AccountId::new("acme").unwrap();
        given([]).when(command).refused(Refusal::AccountNotFound(nobody));
    }
}

#[test]
fn an_unknown_license_comes_before_an_unknown_holder() {
    given([allocated(CREATIVE, 1)])
        .when(revoke(OFFICE, [ada()]))
        .refused(Refusal::LicenseNotFound(license(OFFICE)));
    given([allocated(CREATIVE, 1)])
        .when(change_seat_of(OFFICE, ada(), |_| {}))
        .refused(Refusal::LicenseNotFound(license(OFFICE)));
}

#[test]
fn an_unknown_product_comes_before_the_state_of_other_licenses() {
    given([allocated(CREATIVE, 1), suspended(CREATIVE)])
        .when(assign_product("Q", [ada()]))
        .refused(Refusal::ProductNotFound(product("Q")));
}

#[test]
fn an_unknown_holder_comes_before_a_missing_assignment() {
    given([allocated(CREATIVE, 1)])
        .when(change_seat_of(CREATIVE, ada(), |_| {}))
        .refused(Refusal::HolderNotFound(ada()));
}

#[test]
fn other_terms_come_before_a_taken_external_id_and_before_retirement() {
    let first = || allocated_as(CREATIVE, 1, |it| it.external_id = Some(external("X")));
    given([first(), allocated(OFFICE, 1), retired(OFFICE)])
        .when(allocate_as(OFFICE, 2, |it| it.external_id = Some(external("X"))))
        .refused(Refusal::LicenseExists {
            license: license(OFFICE),
            terms: vec!["quantity", "external_id"],
        });
}

#[test]
fn a_taken_external_id_comes_before_retirement_window_and_quantity() {
    let taken =
        || Refusal::ExternalIdTaken { external_id: external("X"), license: license(CREATIVE) };
    let first = || allocated_as(CREATIVE, 1, |it| it.external_id = Some(external("X")));
    let all = || {
        change(OFFICE, |it| {
            it.external_id = Patch::Set(external("X"));
            it.starts_at = Patch::Set(day(2));
            it.quantity = Some(seats(0));
        })
    };
    let second = || allocated_as(OFFICE, 1, |it| it.ends_at = Some(day(1)));
    given([first(), second(), retired(OFFICE)]).when(all()).refused(taken());
    given([first(), second(), seat(1, OFFICE, ada())]).when(all()).refused(taken());
}

#[test]
fn retirement_comes_before_an_empty_window() {
    given([allocated_as(CREATIVE, 1, |it| it.ends_at = Some(day(1))), retired(CREATIVE)])
        .when(change(CREATIVE, |it| it.starts_at = Patch::Set(day(2))))
        .refused(Refusal::LicenseRetired(license(CREATIVE)));
}

#[test]
fn whose_license_it_is_comes_before_retirement_and_an_empty_window() {
    let whole = json!({"license": CREATIVE, "ends_at": day(9)});
    let retired = [
        ("ChangeLicense", whole),
        ("SetAllocations", share("north", None, 1)),
        ("RetireLicense", json!({"license": CREATIVE})),
    ];
    let part = json!({"license": "creative@north"});
    let moved = json!({"license": "creative@north", "starts_at": day(9)});
    for (kind, document) in
        [("SuspendLicense", part.clone()), ("ReinstateLicense", part), ("ChangeLicense", moved)]
    {
        let refusal = stands_in_the_way(&retired, kind, document);
        assert_eq!(refusal.code(), "license_is_part", "{kind}");
    }
}

#[test]
fn retirement_and_suspension_come_before_the_end_of_the_window() {
    let over = || allocated_as(CREATIVE, 1, |it| it.ends_at = Some(day(-1)));
    given([over(), retired(CREATIVE)])
        .when(assign(CREATIVE, [ada()]))
        .refused(Refusal::LicenseRetired(license(CREATIVE)));
    given([over(), suspended(CREATIVE)])
        .when(assign(CREATIVE, [ada()]))
        .refused(Refusal::LicenseSuspended(license(CREATIVE)));
}

#[test]
fn suspension_and_the_end_of_the_window_come_before_a_lack_of_seats() {
    given([allocated(CREATIVE, 0), suspended(CREATIVE)])
        .when(assign(CREATIVE, [ada()]))
        .refused(Refusal::LicenseSuspended(license(CREATIVE)));
    given([allocated_as(CREATIVE, 0, |it| it.ends_at = Some(day(0)))])
        .when(assign(CREATIVE, [ada()]))
        .refused(Refusal::LicenseEnded { license: license(CREATIVE), ends_at: day(0) });
}

#[test]
fn no_license_in_force_comes_before_a_lack_of_seats() {
    given([allocated(CREATIVE, 0), suspended(CREATIVE)])
        .when(assign_product("P", [ada()]))
        .refused(Refusal::NoLicenseInForce { product: product("P"), container: None });
}

#[test]
fn an_empty_window_comes_before_a_quantity_below_use() {
    given([allocated_as(CREATIVE, 1, |it| it.ends_at = Some(day(1))), seat(1, CREATIVE, ada())])
        .when(change(CREATIVE, |it| {
            (it.starts_at, it.quantity) = (Patch::Set(day(2)), Some(seats(0)));
        }))
        .refused(Refusal::WindowEmpty {
            license: license(CREATIVE),
            starts_at: day(2),
            ends_at: day(1),
        });
}

#[test]
fn a_retired_holder_comes_before_one_who_is_no_member_and_before_the_states_of_licenses() {
    for by in ["license", "product"] {
        let mut story = Story::of_five_seats();
        for user in ["ada", "bo"] {
            story.does("RegisterHolder", json!({"holder": {"user": user}}));
        }
        story.does("RetireHolder", json!({"holder": {"user": "ada"}}));
        story.does("SetPolicy", json!({"may_hold": "members"}));
        let name = if by == "license" { CREATIVE } else { "P" };
        let asked = json!({by: name, "holders": [{"user": "cy"}, {"user": "ada"}]});
        assert_eq!(story.refuses("AssignSeat", asked.clone()), "holder_retired", "{by}");
        story.does("SuspendLicense", json!({"license": CREATIVE}));
        assert_eq!(story.refuses("AssignSeat", asked), "holder_retired", "{by}");
    }
}

#[test]
fn no_license_in_force_comes_before_a_lack_of_seats_of_another_product_of_a_set() {
    let mut story = Story::of_five_seats();
    story.does("AllocateLicense", json!({"license": OFFICE, "product": "O", "quantity": 0}));
    story.does("SuspendLicense", json!({"license": CREATIVE}));
    let set = json!({"holders": [{"user": "ada"}], "products": ["O", "P"]});
    assert_eq!(story.refuses("DeclareDirectSet", set), "no_license_in_force");
    story.does("ReinstateLicense", json!({"license": CREATIVE}));
    story.does("SetPolicy", json!({"license": CREATIVE, "may_hold": "members"}));
    let set = json!({"holders": [{"user": "ada"}], "products": ["O", "P"]});
    assert_eq!(story.refuses("DeclareDirectSet", set), "holder_not_member");
}
