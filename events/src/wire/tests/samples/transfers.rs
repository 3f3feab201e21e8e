//! Events about seats that one account gives to another.

use super::creative;
use crate::account::LicenseState;
use crate::command::{GraceDays, Quantity};
use crate::event::{
    AccountAllocationSet, Event, Host, LicenseTerms, TransferBegan, TransferEnded, TransferReceived,
};
use crate::text::{AccountId, LicenseId, ProductId};

pub(super) fn host() -> Host {
    let account = AccountId::new("reseller").unwrap();
    Host { account, license: creative() }
}

fn there() -> LicenseId {
    LicenseId::new("creative@reseller").unwrap()
}

fn seats(quantity: i64) -> Quantity {
    Quantity::new(quantity).unwrap()
}

fn terms() -> LicenseTerms {
    LicenseTerms {
        product: ProductId::new("CREATIVE").unwrap(),
        state: LicenseState::Active,
        starts_at: Some(super::moment("2026-05-01T00:00:00Z")),
        ends_at: Some(super::moment("2027-05-01T00:00:00Z")),
        grace_days: GraceDays::new(14),
    }
}

/// In the order of [`Event::TYPES`].
pub(super) fn samples() -> Vec<Event> {
    let receiver = AccountId::new("acme").unwrap();
    let refused = || Some("quantity_below_use".into());
    let detail = || Some("creative@reseller: 12 seats are held, 10 were asked for".into());
    vec![
        Event::AccountAllocationSet(AccountAllocationSet {
            license: creative(),
            receiver: receiver.clone(),
            from: seats(20),
            to: seats(10),
        }),
        Event::TransferBegan(TransferBegan {
            transfer: 8,
            license: creative(),
            receiver: receiver.clone(),
            quantity: seats(10),
            terms: terms(),
        }),
        Event::TransferReceived(TransferReceived {
            transfer: 8,
            host: host(),
            license: there(),
            quantity: seats(20),
            refused: refused(),
            detail: detail(),
        }),
        Event::TransferEnded(TransferEnded {
            transfer: 8,
            license: creative(),
            receiver,
            quantity: seats(20),
            known_as: Some(there()),
            refused: refused(),
            detail: detail(),
        }),
    ]
}

/// The same with nothing that can be left out.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others have nothing to leave out")]
pub(super) fn least(event: Event) -> Event {
    match event {
        Event::TransferBegan(it) => {
            let (starts_at, ends_at, grace_days) = (None, None, None);
            let terms = LicenseTerms { starts_at, ends_at, grace_days, ..it.terms };
            Event::TransferBegan(TransferBegan { terms, ..it })
        }
        Event::TransferReceived(it) => {
            Event::TransferReceived(TransferReceived { refused: None, detail: None, ..it })
        }
        Event::TransferEnded(it) => Event::TransferEnded(TransferEnded {
            known_as: None,
            refused: None,
            detail: None,
            ..it
        }),
        other => other,
    }
}
