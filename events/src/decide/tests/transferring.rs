//! Seats that one account gives to another: what the host asks, and the steps of the ledger.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::story::{told, users};
use super::{day, license};
use crate::account::{Account, Given, License};
use crate::event::Event;
use crate::limits::TRANSFERS_MAX;
use crate::refusal::Refusal;
use crate::request::{Address, Request, Via};
use crate::text::AccountId;
use crate::transfer::{Received, Transfer};
use crate::{By, CommandId, Ledger, Moment};

/// Some accounts of one ledger, and the transfers between them.
struct Accounts {
    ledger: Ledger,
    now: Moment,
    asked: u128,
    /// What receivers have said, by transfer.
    said: BTreeMap<u64, Received>,
}

impl Accounts {
    /// The account `host` with so many seats of `suite`, product `P`.
    fn of_host(quantity: i64) -> Accounts {
        let said = BTreeMap::new();
        let mut accounts = Accounts { ledger: Ledger::default(), now: day(0), asked: 0, said };
        let suite = json!({"license": "suite", "product": "P", "quantity": quantity});
        accounts.does("host", "AllocateLicense", suite);
        accounts
    }

    fn judge(&mut self, request: &Request) -> Result<Vec<Event>, Refusal> {
        self.asked += 1;
        self.ledger.begin();
        let judged = self.ledger.judge(request, self.now, self.asked << 32);
        assert_eq!(self.ledger.check(), Ok(()));
        self.ledger.settle();
        self.ledger.accounts().for_each(Account::audit);
        judged
    }

    fn decide(
        &mut self,
        account: &str,
        kind: &str,
        document: &Value,
    ) -> Result<Vec<Event>, Refusal> {
        let address = Address { account, kind, key: None, via: Via::Nats };
        let id = || CommandId::new("c").unwrap();
        let request = Request::read(&address, By::local(), document.to_string().as_bytes(), id);
        self.judge(&request.unwrap_or_else(|it| panic!("{kind} {document}: {it:?}")))
    }

    /// It is accepted; what it causes. Asked again, it causes nothing.
    #[track_caller]
    fn does(&mut self, account: &str, kind: &str, document: Value) -> Vec<String> {
        let events = self.decide(account, kind, &document);
        let events = events.unwrap_or_else(|it| panic!("{kind} {document}: {it}"));
        assert_eq!(self.decide(account, kind, &document), Ok(vec![]), "{kind} asked again");
        events.iter().map(told).collect()
    }

    #[track_caller]
    fn refuses(&mut self, account: &str, kind: &str, document: Value) -> &'static str {
        match self.decide(account, kind, &document) {
            Ok(events) => panic!("{kind} {document} causes {events:?}"),
            Err(refusal) => refusal.code(),
        }
    }

    fn gives(&mut self, receiver: &str, quantity: i64) -> Vec<String> {
        self.does("host", "AllocateToAccount", give(receiver, quantity))
    }

    fn first(&self) -> Transfer {
        self.ledger.transfers(1).remove(0)
    }

    /// The first step of the oldest transfer; asked again it causes nothing.
    #[track_caller]
    fn receives(&mut self) -> Vec<String> {
        let transfer = self.first();
        let request = transfer.to_receive().unwrap();
        assert_eq!(transfer.to_receive().unwrap(), request, "the same each time");
        let events = self.judge(&request).unwrap();
        let said = events.iter().find_map(Received::of).unwrap();
        self.said.insert(transfer.open.transfer, said);
        assert_eq!(self.judge(&request), Ok(vec![]), "received again");
        events.iter().map(told).collect()
    }

    /// The second step of the oldest transfer; asked again it causes nothing.
    #[track_caller]
    fn ends(&mut self) -> Vec<String> {
        let transfer = self.first();
        let said = self.said[&transfer.open.transfer].clone();
        let id = CommandId::new("end").unwrap();
        let request = transfer.to_end(id, &said).unwrap();
        let events = self.judge(&request).unwrap();
        assert_eq!(self.judge(&request), Ok(vec![]), "ended again");
        events.iter().map(told).collect()
    }

    /// Both steps of everything that is on its way, and of what follows.
    fn comes_to_rest(&mut self) {
        for pass in 0.. {
            assert!(pass < 1_000, "transfers without end");
            if !self.ledger.has_transfers() {
                return;
            }
            self.receives();
            self.ends();
        }
    }

    fn account(&self, name: &str) -> &Account {
        self.ledger.account(&AccountId::new(name).unwrap()).unwrap()
    }

    fn license(&self, account: &str, name: &str) -> &License {
        self.account(account).license(&license(name)).unwrap()
    }

    fn given(&self, receiver: &str) -> &Given {
        let receiver = AccountId::new(receiver).unwrap();
        self.account("host").given_to(&license("suite"), &receiver).unwrap()
    }

    /// What the receiver has, what it is to have, and what is kept for it.
    fn counts(&self, receiver: &str) -> (i64, i64, i64) {
        let it = self.given(receiver);
        (it.quantity, it.wanted, it.reserved())
    }

    fn assigns(&mut self, account: &str, name: &str, holders: &[&str]) {
        let seat = json!({"license": name, "holders": users(holders)});
        self.does(account, "AssignSeat", seat);
    }
}

fn give(receiver: &str, quantity: i64) -> Value {
    json!({"license": "suite", "receiver": receiver, "quantity": quantity})
}

fn suite() -> Value {
    json!({"license": "suite"})
}

/// What is refused of a license that another account gives.
pub(super) fn of_another_account() -> Refusal {
    let mut accounts = Accounts::of_host(5);
    accounts.gives("acme", 2);
    accounts.comes_to_rest();
    let suspend = json!({"license": "suite@host"});
    accounts.decide("acme", "SuspendLicense", &suspend).unwrap_err()
}

#[test]
fn seats_are_kept_back_at_once_and_are_the_receivers_two_steps_later() {
    let mut accounts = Accounts::of_host(10);
    let told = accounts.gives("acme", 4);
    assert_eq!(told, ["AccountAllocationSet suite acme 4", "TransferBegan suite acme 4"]);
    assert_eq!(
        (accounts.license("host", "suite").allocated, accounts.counts("acme")),
        (4, (0, 4, 4))
    );
    let told = accounts.receives();
    assert_eq!(told, ["LicenseAllocated suite@host", "TransferReceived suite@host 4"]);
    assert_eq!(accounts.counts("acme"), (0, 4, 4));
    assert_eq!(accounts.ends(), ["TransferEnded suite 4"]);
    assert_eq!(accounts.counts("acme"), (4, 4, 4));
    assert!(!accounts.ledger.has_transfers());
    let theirs = accounts.license("acme", "suite@host");
    let host =
        theirs.hosted.as_ref().map(|it| (it.host.account.as_str(), it.host.license.as_str()));
    assert_eq!((theirs.quantity, theirs.product.as_str(), host), (4, "P", Some(("host", "suite"))));
    accounts.assigns("acme", "suite@host", &["ada", "bo", "cy", "di"]);
}

#[test]
fn no_more_is_given_than_there_is_and_an_overage_is_not_given() {
    let mut accounts = Accounts::of_host(10);
    accounts.does("host", "SetPolicy", json!({"overage": "unlimited"}));
    accounts.assigns("host", "suite", &["ada"]);
    let part = json!({"allocations": [{"container": "north", "quantities": [
        {"license": "suite", "quantity": 2}]}]});
    accounts.does("host", "SetAllocations", part);
    accounts.gives("acme", 8);
    assert_eq!(accounts.refuses("host", "AllocateToAccount", give("other", 1)), "no_free_quantity");
    assert_eq!(accounts.refuses("host", "AllocateToAccount", give("acme", 9)), "no_free_quantity");
    accounts.comes_to_rest();
    accounts.does("host", "SetPolicy", json!({"overage": null, "lowering": "tolerate"}));
    // What is kept for others is as good as held.
    let seat = json!({"license": "suite", "holders": users(&["bo"])});
    assert_eq!(accounts.refuses("host", "AssignSeat", seat), "no_free_seat");
}

#[test]
fn less_is_kept_back_until_the_receiver_has_given_it_back() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 8);
    accounts.comes_to_rest();
    accounts.gives("acme", 3);
    assert_eq!(accounts.counts("acme"), (8, 3, 8));
    assert_eq!(accounts.refuses("host", "AllocateToAccount", give("other", 3)), "no_free_quantity");
    assert_eq!(
        accounts.receives(),
        ["QuantityChanged suite@host 3", "TransferReceived suite@host 3"]
    );
    assert_eq!(accounts.counts("acme"), (8, 3, 8));
    accounts.ends();
    assert_eq!(accounts.counts("acme"), (3, 3, 3));
    accounts.gives("other", 7);
    // Everything is taken back; the license stays, with no seat.
    accounts.gives("acme", 0);
    accounts.comes_to_rest();
    assert_eq!((accounts.counts("acme"), accounts.counts("other")), ((0, 0, 0), (7, 7, 7)));
    assert_eq!(accounts.license("acme", "suite@host").quantity, 0);
}

#[test]
fn a_receiver_refuses_to_give_back_what_is_in_use_whatever_its_policy() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 3);
    accounts.comes_to_rest();
    accounts.assigns("acme", "suite@host", &["ada", "bo"]);
    accounts.gives("acme", 1);
    assert_eq!(accounts.receives(), ["TransferReceived suite@host 3 quantity_below_use"]);
    assert_eq!(accounts.ends(), ["TransferEnded suite 3 quantity_below_use"]);
    assert_eq!(accounts.counts("acme"), (3, 3, 3));
    assert!(!accounts.ledger.has_transfers(), "it is not tried again by itself");
    accounts.does("acme", "SetPolicy", json!({"license": "suite@host", "lowering": "tolerate"}));
    for quantity in [1, 0] {
        accounts.gives("acme", quantity);
        assert_eq!(accounts.receives(), ["TransferReceived suite@host 3 quantity_below_use"]);
        assert_eq!(accounts.ends(), ["TransferEnded suite 3 quantity_below_use"]);
        assert_eq!(accounts.counts("acme"), (3, 3, 3));
    }
    assert!(!accounts.license("acme", "suite@host").over_allocated);
    // What it shares out is its own, and so is what is tolerated of that.
    let shared = |quantity: i64| {
        json!({"allocations": [{"container": "north", "quantities": [
            {"license": "suite@host", "quantity": quantity}]}]})
    };
    accounts.does("acme", "SetPolicy", json!({"lowering": "tolerate"}));
    accounts.does("acme", "SetAllocations", shared(1));
    accounts.assigns("acme", "suite@host@north", &["cy"]);
    accounts.does("acme", "SetAllocations", shared(0));
    accounts.gives("acme", 2);
    assert_eq!(accounts.receives(), ["TransferReceived suite@host 3 quantity_below_use"]);
    accounts.ends();
    let ada = json!({"license": "suite@host", "holders": users(&["ada", "bo"])});
    accounts.does("acme", "RevokeAssignment", ada);
    accounts.gives("acme", 1);
    accounts.comes_to_rest();
    assert_eq!(accounts.counts("acme"), (1, 1, 1));
    let seat = json!({"license": "suite", "holders": users(&["d", "e", "f", "g", "h", "i", "j", "k", "l", "m"])});
    assert_eq!(accounts.refuses("host", "AssignSeat", seat), "no_free_seat");
}

#[test]
fn a_newer_wish_waits_for_the_transfer_that_is_on_its_way() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 6);
    assert_eq!(accounts.gives("acme", 2), ["AccountAllocationSet suite acme 2"]);
    assert_eq!(accounts.gives("acme", 4), ["AccountAllocationSet suite acme 4"]);
    assert_eq!(accounts.counts("acme"), (0, 4, 6));
    assert_eq!(accounts.refuses("host", "AllocateToAccount", give("other", 5)), "no_free_quantity");
    accounts.receives();
    assert_eq!(accounts.ends(), ["TransferEnded suite 6", "TransferBegan suite acme 4"]);
    accounts.receives();
    assert_eq!(accounts.ends(), ["TransferEnded suite 4"]);
    assert_eq!(accounts.counts("acme"), (4, 4, 4));
}

#[test]
fn a_wish_that_came_after_the_refused_one_stands() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 3);
    accounts.comes_to_rest();
    accounts.assigns("acme", "suite@host", &["ada", "bo"]);
    accounts.gives("acme", 1);
    accounts.receives();
    accounts.gives("acme", 5);
    let told = accounts.ends();
    assert_eq!(told, ["TransferEnded suite 3 quantity_below_use", "TransferBegan suite acme 5"]);
    accounts.comes_to_rest();
    assert_eq!(accounts.counts("acme"), (5, 5, 5));
}

#[test]
fn window_and_state_of_the_host_are_those_of_the_receiver() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 4);
    accounts.comes_to_rest();
    let part = json!({"allocations": [{"container": "north", "quantities": [
        {"license": "suite@host", "quantity": 2}]}]});
    accounts.does("acme", "SetAllocations", part);
    let window = json!({"license": "suite", "ends_at": day(9), "grace_days": 3});
    let told = accounts.does("host", "ChangeLicense", window);
    assert_eq!(told, ["WindowChanged suite", "TransferBegan suite acme 4"]);
    // While that is on its way, it is suspended too; the one after it says so.
    assert_eq!(accounts.does("host", "SuspendLicense", suite()), ["LicenseSuspended suite"]);
    let told = accounts.receives();
    assert_eq!(
        told,
        [
            "WindowChanged suite@host@north",
            "WindowChanged suite@host",
            "TransferReceived suite@host 4"
        ]
    );
    assert_eq!(accounts.ends(), ["TransferEnded suite 4", "TransferBegan suite acme 4"]);
    let told = accounts.receives();
    assert_eq!(
        told,
        [
            "LicenseSuspended suite@host",
            "LicenseSuspended suite@host@north",
            "TransferReceived suite@host 4"
        ]
    );
    accounts.ends();
    accounts.does("host", "ReinstateLicense", suite());
    accounts.comes_to_rest();
    let (ours, theirs) =
        (accounts.license("host", "suite"), accounts.license("acme", "suite@host"));
    assert_eq!(ours.terms(), theirs.terms());
}

#[test]
fn a_suspension_reaches_a_receiver_who_refuses_a_quantity() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 2);
    accounts.comes_to_rest();
    accounts.assigns("acme", "suite@host", &["ada", "bo"]);
    accounts.gives("other", 1);
    accounts.gives("acme", 1);
    accounts.does("host", "SuspendLicense", suite());
    accounts.comes_to_rest();
    assert_eq!(accounts.counts("acme"), (2, 2, 2));
    let theirs = accounts.license("acme", "suite@host");
    assert_eq!(theirs.state, crate::account::LicenseState::Suspended);
    assert_eq!(accounts.refuses("host", "AllocateToAccount", give("acme", 3)), "license_suspended");
    accounts.gives("acme", 0);
}

#[test]
fn a_license_is_retired_once_it_is_taken_back_from_everybody() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 2);
    accounts.gives("other", 2);
    assert_eq!(accounts.refuses("host", "RetireLicense", suite()), "license_given");
    accounts.comes_to_rest();
    let idle = json!({"license": "suite@host", "holders": users(&["ada"]), "active": false});
    accounts.does("other", "AssignSeat", idle);
    accounts.gives("acme", 0);
    accounts.gives("other", 0);
    assert_eq!(accounts.refuses("host", "RetireLicense", suite()), "license_given");
    accounts.comes_to_rest();
    accounts.does("host", "RetireLicense", suite());
    accounts.comes_to_rest();
    let state = |account: &str| accounts.license(account, "suite@host").state.as_str();
    // Somebody still has an assignment of it there, which is worth nothing any more.
    assert_eq!((state("acme"), state("other")), ("retired", "suspended"));
    assert_eq!(accounts.refuses("host", "AllocateToAccount", give("acme", 1)), "license_retired");
    let ada = json!({"license": "suite@host", "holders": users(&["ada"])});
    accounts.does("other", "RevokeAssignment", ada);
    assert_eq!(accounts.license("other", "suite@host").state.as_str(), "suspended", "as it was");
    assert!(!accounts.ledger.has_transfers());
}

#[test]
fn what_the_host_decides_is_refused_to_the_receiver_and_the_rest_is_theirs() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 4);
    accounts.comes_to_rest();
    let theirs = json!({"license": "suite@host"});
    for kind in ["SuspendLicense", "ReinstateLicense", "RetireLicense"] {
        assert_eq!(accounts.refuses("acme", kind, theirs.clone()), "license_is_hosted", "{kind}");
    }
    let changes = [
        ("quantity", json!(9)),
        ("quantity", json!(1)),
        ("starts_at", json!(day(-3))),
        ("ends_at", json!(day(3))),
        ("grace_days", json!(3)),
    ];
    for (field, value) in changes {
        let mut change = theirs.clone();
        change[field] = value;
        assert_eq!(
            accounts.refuses("acme", "ChangeLicense", change),
            "license_is_hosted",
            "{field}"
        );
    }
    let mut on = give("other", 1);
    on["license"] = "suite@host".into();
    assert_eq!(accounts.refuses("acme", "AllocateToAccount", on), "license_is_hosted");
    let labels = json!({"license": "suite@host", "name": "Suite", "quantity": 4});
    assert_eq!(accounts.does("acme", "ChangeLicense", labels), ["LicenseDescribed suite@host"]);
    let seat = json!({"product": "P", "holders": users(&["ada"])});
    accounts.does("acme", "AssignSeat", seat);
}

#[test]
fn what_cannot_be_given_is_refused() {
    let mut accounts = Accounts::of_host(10);
    let asked = |accounts: &mut Accounts, license: &str, receiver: &str| {
        let it = json!({"license": license, "receiver": receiver, "quantity": 1});
        accounts.refuses("host", "AllocateToAccount", it)
    };
    assert_eq!(asked(&mut accounts, "office", "acme"), "license_not_found");
    assert_eq!(asked(&mut accounts, "suite", "host"), "same_account");
    let part = json!({"allocations": [{"container": "north", "quantities": [
        {"license": "suite", "quantity": 2}]}]});
    accounts.does("host", "SetAllocations", part);
    assert_eq!(asked(&mut accounts, "suite@north", "acme"), "license_is_part");
    let over = json!({"license": "suite", "ends_at": day(-1)});
    accounts.does("host", "ChangeLicense", over);
    assert_eq!(asked(&mut accounts, "suite", "acme"), "license_ended");
    assert_eq!(
        accounts.refuses("nobody", "AllocateToAccount", give("acme", 1)),
        "account_not_found"
    );
    assert_eq!(accounts.gives("acme", 0), [""; 0], "there is nothing to take back");
}

#[test]
fn a_name_that_is_taken_at_the_receiver_is_left_to_whoever_has_it() {
    let mut accounts = Accounts::of_host(10);
    let own = json!({"license": "suite@host", "product": "Q", "quantity": 1});
    accounts.does("acme", "AllocateLicense", own);
    accounts.gives("acme", 4);
    accounts.comes_to_rest();
    let licenses = accounts.account("acme").licenses();
    assert_eq!(licenses.len(), 2);
    assert_eq!((licenses[1].quantity, licenses[1].id.as_str().len()), (4, 36));
}

/// It is not theirs to say what the license is like, and it does not say so either way.
#[test]
fn a_license_that_another_account_gives_is_not_allocated_by_the_receiver() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 4);
    accounts.comes_to_rest();
    let same = json!({"license": "suite@host", "product": "P", "quantity": 4});
    assert_eq!(accounts.refuses("acme", "AllocateLicense", same), "license_exists");
}

#[test]
fn many_receivers_are_told_so_many_at_a_time_and_all_of_them() {
    let mut accounts = Accounts::of_host(1_000);
    let all: Vec<String> = (0..2 * TRANSFERS_MAX + 5).map(|it| format!("r-{it:03}")).collect();
    for it in &all {
        accounts.gives(it, 1);
    }
    assert_eq!(accounts.account("host").open_transfer_count(), TRANSFERS_MAX);
    accounts.comes_to_rest();
    let told = accounts.does("host", "SuspendLicense", suite());
    assert_eq!(told.len(), 1 + TRANSFERS_MAX);
    accounts.comes_to_rest();
    for it in &all {
        let theirs = accounts.license(it, "suite@host");
        assert_eq!((theirs.quantity, theirs.state.as_str()), (1, "suspended"), "{it}");
    }
}

#[test]
fn a_first_step_that_the_writer_refuses_ends_the_transfer() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 4);
    let transfer = accounts.first();
    let id = transfer.command_id().unwrap();
    let refusal = Refusal::CommandIdReused { id, sequence: 7 };
    accounts.said.insert(transfer.open.transfer, Received::refused(&refusal));
    assert_eq!(accounts.ends(), ["TransferEnded suite 0 command_id_reused"]);
    assert_eq!(accounts.counts("acme"), (0, 0, 0));
    assert!(!accounts.ledger.has_transfers());
}

/// A transfer that an earlier release has begun is known by this, for ever.
#[test]
fn a_first_step_has_one_id_and_one_hash_in_every_release() {
    let mut accounts = Accounts::of_host(10);
    accounts.gives("acme", 4);
    let request = accounts.first().to_receive().unwrap();
    assert_eq!(request.id.as_str(), "seatledger-b5f75da3863a9a19732cda1e1f655dfc");
    assert_eq!(request.hash.to_string(), "29f43a46330f5d43ca621910b9e02fce");
}
