//! One event of every type, with every field filled.

mod later;
mod transfers;

use super::*;
use crate::command::{GraceDays, Quantity};
use crate::event::{
    Assigned, AssignmentDescribed, Ground, LicenseAllocated, LicenseDescribed, LicenseReinstated,
    LicenseRetired, LicenseSuspended, QuantityChanged, SeatAssigned, WindowChanged,
};
use crate::text::{AssignmentId, ContainerId, ExternalId, Label, LicenseId, ProductId, Source};
use crate::{Email, Holder, KeyId, Metadata, UserId};

fn uuid(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap()
}

fn label(text: &str) -> Option<Label> {
    Some(Label::new(text).unwrap())
}

fn moment(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

fn metadata() -> Option<Metadata> {
    Some(Metadata::new(r#"{"cost": 1.50, "tags": ["é", "\u00e9"], "none": null}"#).unwrap())
}

fn creative() -> LicenseId {
    LicenseId::new("creative").unwrap()
}

fn ada() -> Holder {
    let user = Some(UserId::new("ada").unwrap());
    Holder { user, email: Some(Email::new("ada@example.com").unwrap()) }
}

fn assigned() -> Assigned {
    Assigned {
        assignment: AssignmentId(uuid("019ded10-e280-7000-8000-000000000001")),
        license: creative(),
        holder: ada(),
    }
}

fn allocated() -> LicenseAllocated {
    LicenseAllocated {
        license: creative(),
        number: 1,
        product: ProductId::new("CREATIVE").unwrap(),
        quantity: Quantity::new(50).unwrap(),
        container: Some(ContainerId::new("tenant-1/service-2").unwrap()),
        parent: Some(LicenseId::new("suite").unwrap()),
        host: Some(transfers::host()),
        name: label("Creative \"suite\""),
        starts_at: Some(moment("2026-05-01T00:00:00Z")),
        ends_at: Some(moment("2027-05-01T00:00:00Z")),
        grace_days: GraceDays::new(14),
        external_id: Some(ExternalId::new("SUB-0042").unwrap()),
        source: Some(Source::new("billing").unwrap()),
        metadata: metadata(),
    }
}

fn seat() -> SeatAssigned {
    let Assigned { assignment, license, holder } = assigned();
    SeatAssigned {
        assignment,
        number: 2,
        license,
        holder,
        holder_number: Some(3),
        grounds: vec![Ground::Direct],
        active: false,
        fulfilled: true,
        redirect_to: label("https://example.com/start"),
        metadata: metadata(),
        ends_at: Some(moment("2026-12-31T00:00:00Z")),
    }
}

fn described() -> AssignmentDescribed {
    let Assigned { assignment, license, holder } = assigned();
    AssignmentDescribed {
        assignment,
        license,
        holder,
        redirect_to: label("https://example.com/start"),
        metadata: metadata(),
    }
}

/// In the order of [`Event::TYPES`].
pub(super) fn samples() -> Vec<Event> {
    let LicenseAllocated { license, name, external_id, source, metadata, .. } = allocated();
    vec![
        Event::LicenseAllocated(allocated()),
        Event::LicenseDescribed(LicenseDescribed { license, name, external_id, source, metadata }),
        Event::QuantityChanged(QuantityChanged {
            license: creative(),
            from: Quantity::new(50).unwrap(),
            to: Quantity::new(60).unwrap(),
        }),
        Event::WindowChanged(WindowChanged {
            license: creative(),
            starts_at: Some(moment("2026-05-01T00:00:00Z")),
            ends_at: Some(moment("2028-05-01T00:00:00Z")),
            grace_days: GraceDays::new(14),
        }),
        Event::LicenseSuspended(LicenseSuspended { license: creative() }),
        Event::LicenseReinstated(LicenseReinstated { license: creative() }),
        Event::LicenseRetired(LicenseRetired { license: creative() }),
        Event::SeatAssigned(seat()),
        Event::AssignmentDeactivated(assigned()),
        Event::AssignmentReactivated(assigned()),
        Event::AssignmentFulfilled(assigned()),
        Event::FulfilmentWithdrawn(assigned()),
        Event::AssignmentDescribed(described()),
        Event::AssignmentRevoked(assigned()),
    ]
    .into_iter()
    .chain(later::samples())
    .chain(transfers::samples())
    .chain(later::samples_of_keys())
    .collect()
}

/// The event with everything that can be known around it.
pub(super) fn full(event: Event) -> Record {
    Record {
        id: uuid("019ded10-e280-7000-8000-000080000001"),
        at: moment("2026-05-03T09:00:00.000Z"),
        account: AccountId::new("acme").unwrap(),
        command: CommandRef {
            id: CommandId::new("order-7").unwrap(),
            hash: ContentHash([
                0x5d, 0xbd, 0x90, 0x0e, 0x59, 0xd6, 0xbe, 0xd6, 0, 1, 2, 3, 4, 5, 6, 7,
            ]),
        },
        actor: Actor::new("hr@example.com").unwrap(),
        by: By::key(KeyId::parse("5d1f0c2ab7e94836").unwrap()),
        via: Via::Http,
        change: Change {
            source: Some(Source::new("workday").unwrap()),
            kind: label("joiner"),
            transaction_id: label("TX-1"),
            reason: label("joined the design team"),
        },
        event,
    }
}

/// The event with nothing that can be left out.
#[expect(clippy::wildcard_enum_match_arm, reason = "the later ones have a room of their own")]
pub(super) fn least(event: &Event) -> Record {
    let event = match event.clone() {
        Event::LicenseAllocated(it) => Event::LicenseAllocated(LicenseAllocated {
            container: None,
            parent: None,
            host: None,
            name: None,
            starts_at: None,
            ends_at: None,
            grace_days: None,
            external_id: None,
            source: None,
            metadata: None,
            ..it
        }),
        Event::LicenseDescribed(LicenseDescribed { license, .. }) => {
            let (name, external_id, source, metadata) = (None, None, None, None);
            Event::LicenseDescribed(LicenseDescribed {
                license,
                name,
                external_id,
                source,
                metadata,
            })
        }
        Event::WindowChanged(WindowChanged { license, .. }) => {
            Event::WindowChanged(WindowChanged {
                license,
                starts_at: None,
                ends_at: None,
                grace_days: None,
            })
        }
        Event::SeatAssigned(it) => Event::SeatAssigned(SeatAssigned {
            holder: known_by_user(it.holder),
            holder_number: None,
            active: true,
            fulfilled: false,
            redirect_to: None,
            metadata: None,
            ends_at: None,
            ..it
        }),
        Event::AssignmentDescribed(it) => Event::AssignmentDescribed(AssignmentDescribed {
            holder: known_by_user(it.holder),
            redirect_to: None,
            metadata: None,
            ..it
        }),
        Event::AssignmentDeactivated(it) => Event::AssignmentDeactivated(without_address(it)),
        Event::AssignmentReactivated(it) => Event::AssignmentReactivated(without_address(it)),
        Event::AssignmentFulfilled(it) => Event::AssignmentFulfilled(without_address(it)),
        Event::FulfilmentWithdrawn(it) => Event::FulfilmentWithdrawn(without_address(it)),
        Event::AssignmentRevoked(it) => Event::AssignmentRevoked(without_address(it)),
        it @ (Event::QuantityChanged(_)
        | Event::LicenseSuspended(_)
        | Event::LicenseReinstated(_)
        | Event::LicenseRetired(_)) => it,
        it => transfers::least(later::least(it)),
    };
    let (by, via, change) = (By::nats_command(), Via::Nats, Change::default());
    Record { by, via, change, ..full(event) }
}

fn known_by_user(holder: Holder) -> Holder {
    Holder { email: None, ..holder }
}

fn without_address(it: Assigned) -> Assigned {
    Assigned { holder: known_by_user(it.holder), ..it }
}

pub(super) fn header() -> Header {
    Header {
        format: FORMAT,
        commit: uuid("019ded10-e280-7000-8000-0000f0000001"),
        partition: 0,
        n: 7,
        prev: CommitHash::of(b"the commit before"),
        count: 4,
        at: moment("2026-05-03T09:00:00.000Z"),
        void: None,
    }
}

/// Three commands: a license, two holders, and one of them gone again.
pub(super) fn whole_commit() -> Vec<u8> {
    let bo = Holder::email(Email::new("bo@example.com").unwrap());
    let second = AssignmentId(uuid("019ded10-e280-7000-8000-000000000002"));
    let events = [
        (7, Event::LicenseAllocated(allocated())),
        (8, Event::SeatAssigned(SeatAssigned { active: true, ..seat() })),
        (
            8,
            Event::SeatAssigned(SeatAssigned {
                assignment: second,
                number: 3,
                holder: bo,
                active: true,
                ..seat()
            }),
        ),
        (9, Event::AssignmentRevoked(assigned())),
    ];
    let mut lines = vec![];
    for (place, (command, event)) in (0..).zip(events) {
        let id = CommandId::new(format!("order-{command}")).unwrap();
        let command = CommandRef { id, hash: ContentHash([command; 16]) };
        let id = Uuid::from_u128(full(event.clone()).id.as_u128() + place);
        Record { id, command, ..full(event) }.write(&mut lines);
    }
    encode(&header(), &lines)
}
