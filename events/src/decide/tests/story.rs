//! A history told in documents as producers send them, and events told in one line each.

use serde_json::{Value, json};

use crate::account::Account;
use crate::command::Quantity;
use crate::decide;
use crate::event::Event;
use crate::mint::Mint;
use crate::refusal::Refusal;
use crate::request::{Address, Request, Via};
use crate::text::AccountId;
use crate::{By, CommandId, Moment};

/// An account to which one thing happens after the other.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) account: Account,
    pub(super) now: Moment,
    mint: Mint,
}

impl Story {
    pub(super) fn new() -> Story {
        let now = super::day(0);
        let account = Account::new(AccountId::new("acme").unwrap());
        Story { account, now, mint: Mint::new(now, 0, 0) }
    }

    /// With five seats of the license `creative`, product `P`.
    pub(super) fn of_five_seats() -> Story {
        Story::of_seats(5)
    }

    pub(super) fn of_seats(quantity: i64) -> Story {
        let mut story = Story::new();
        let license = json!({"license": "creative", "product": "P", "quantity": quantity});
        story.does("AllocateLicense", license);
        story
    }

    pub(super) fn decide(&mut self, kind: &str, document: Value) -> Result<Vec<Event>, Refusal> {
        let address = Address { account: "acme", kind, key: None, via: Via::Nats };
        let id = || CommandId::new("c").unwrap();
        let request = Request::read(&address, By::local(), document.to_string().as_bytes(), id);
        let command = request.unwrap_or_else(|it| panic!("{kind} {document}: {it:?}")).command;
        let before = self.account.contents();
        let outcome = decide(&mut self.account, &command, self.now, &mut self.mint);
        self.account.audit();
        assert_eq!(self.account.check(), Ok(()));
        match &outcome {
            Ok(_) => self.account.settle(),
            Err(_) => assert_eq!(self.account.contents(), before, "a refusal changes nothing"),
        }
        outcome
    }

    /// So many days go by; what the ledger does by itself then.
    pub(super) fn after_days(&mut self, days: i64) -> Vec<String> {
        self.now = Moment::from_millis(self.now.millis() + days * 86_400_000);
        self.passes_time()
    }

    /// What the ledger does by itself at this moment.
    pub(super) fn passes_time(&mut self) -> Vec<String> {
        let command = crate::Command::PassTime(crate::command::PassTime {});
        let events = decide(&mut self.account, &command, self.now, &mut self.mint).unwrap();
        self.account.settle();
        self.account.audit();
        events.iter().map(told).collect()
    }

    /// It is accepted; what it causes. Asked again, it causes nothing.
    #[track_caller]
    pub(super) fn does(&mut self, kind: &str, document: Value) -> Vec<String> {
        let events = self.decide(kind, document.clone());
        let events = events.unwrap_or_else(|it| panic!("{kind} {document}: {it}"));
        let again = self.decide(kind, document.clone());
        match again {
            // What was given by name is gone; what the group gives as well is not.
            Err(Refusal::HeldByGroup { .. }) => assert_eq!(kind, "RevokeAssignment"),
            again => assert_eq!(again, Ok(vec![]), "{kind} {document} asked again"),
        }
        events.iter().map(told).collect()
    }

    /// The code with which it is refused.
    #[track_caller]
    pub(super) fn refuses(&mut self, kind: &str, document: Value) -> &'static str {
        match self.decide(kind, document.clone()) {
            Ok(events) => panic!("{kind} {document} causes {events:?}"),
            Err(refusal) => refusal.code(),
        }
    }

    /// Who has what on which grounds, in no order that matters.
    pub(super) fn seats(&self) -> Vec<String> {
        let mut seats: Vec<_> = self
            .account
            .assignments()
            .map(|it| {
                let license = &self.account.license_of(it).id;
                let grounds = self.account.grounds_of(it).into_iter().map(|it| it.to_string());
                let grounds = grounds.collect::<Vec<_>>().join("+");
                let idle = if it.active { "" } else { " inactive" };
                format!("{} {license} {grounds}{idle}", self.account.holder_of(it))
            })
            .collect();
        seats.sort();
        seats
    }

    /// Who waits for what, the first one first.
    pub(super) fn queue(&self) -> Vec<String> {
        let of = |it: &crate::account::Wait| {
            let of = it.license.as_ref().map(|it| it.as_str());
            let of = of.or(it.product.as_ref().map(|it| it.as_str())).unwrap_or_default();
            format!("{} {of} {}", self.account.waiting(it), it.ground)
        };
        self.account.waits().map(of).collect()
    }
}

/// The users of these names.
pub(super) fn users(names: &[&str]) -> Value {
    names.iter().map(|it| json!({"user": it})).collect()
}

pub(super) fn members(group: &str, names: &[&str]) -> Value {
    json!({"group": group, "holders": users(names)})
}

/// An event in one line.
pub(super) fn told(event: &Event) -> String {
    let about = event.about();
    let kind = event.kind();
    let named = [
        about.license.map(ToString::to_string),
        about.holder.map(ToString::to_string),
        more(event),
    ];
    let named: Vec<String> = named.into_iter().flatten().collect();
    format!("{kind} {}", named.join(" ")).trim_end().to_owned()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most events say no more")]
fn more(event: &Event) -> Option<String> {
    match event {
        Event::SeatAssigned(it) => it.grounds.first().map(ToString::to_string),
        Event::GroundAdded(it) | Event::GroundRemoved(it) => Some(it.ground.to_string()),
        Event::AssignmentTransferred(it) => Some(format!("from {}", it.from)),
        Event::HolderLinked(it) => Some(format!("from {}", it.from)),
        Event::WaitlistJoined(it) => Some(it.ground.to_string()),
        Event::WaitlistLeft(it) => Some(format!("{} {}", it.ground, it.end.as_str())),
        Event::MemberAdded(it) => Some(it.group.to_string()),
        Event::MemberRemoved(it) => Some(it.group.to_string()),
        Event::GroupNamed(it) => Some(it.group.to_string()),
        Event::GroupRuleSet(it) => Some(it.group.to_string()),
        Event::CommandScheduled(it) => Some(it.command.to_string()),
        Event::ScheduleFired(it) => it.refused.as_ref().map(ToString::to_string),
        Event::QuantityChanged(it) => Some(it.to.get().to_string()),
        Event::OverallocationBegan(it) => Some(format!("{} of {}", it.held, it.limit)),
        Event::AccountAllocationSet(it) => Some(format!("{} {}", it.receiver, it.to.get())),
        Event::TransferBegan(it) => Some(format!("{} {}", it.receiver, it.quantity.get())),
        Event::TransferReceived(it) => Some(outcome(it.quantity, it.refused.as_deref())),
        Event::TransferEnded(it) => Some(outcome(it.quantity, it.refused.as_deref())),
        _ => None,
    }
}

fn outcome(quantity: Quantity, refused: Option<&str>) -> String {
    let refused = refused.map_or_else(String::new, |it| format!(" {it}"));
    format!("{}{refused}", quantity.get())
}
