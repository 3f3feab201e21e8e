//! Random histories in a small world: few names, few seats and few days, so that commands meet.

mod groups;
mod keys;
mod parts;
mod transfers;

pub(super) use parts::part_walks;
pub(super) use transfers::transfer_walks;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::command::{
    AllocateLicense, AssignSeat, ChangeAssignment, ChangeLicense, Command, GraceDays, Patch,
    Quantity, ReinstateLicense, RetireLicense, RevokeAssignment, SuspendLicense,
};
use crate::text::{AssignmentId, ContainerId, ExternalId, Label, LicenseId, ProductId};
use crate::{Email, Holder, Metadata, Moment, Source, UserId};

/// Commits, one after the other.
pub(super) type Walk = Vec<Commit>;

#[derive(Debug, Clone)]
pub(super) struct Commit {
    /// Hours since the commit before.
    pub(super) later: i64,
    pub(super) asks: Vec<Ask>,
    /// Whether it gets onto the log.
    pub(super) lands: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) account: &'static str,
    pub(super) dry_run: bool,
    pub(super) what: What,
}

/// A command; ids of assignments are chosen once it is known which there are.
#[derive(Debug, Clone)]
pub(super) enum What {
    Said(Command),
    ChangeById(Index, ChangeAssignment),
    RevokeByIds(Option<Index>, Vec<Index>),
    /// The next step of a transfer, or the first one once more.
    Step(Index, bool),
}

impl What {
    pub(super) fn command(&self, ids: &[AssignmentId]) -> Command {
        // One id that nobody has, beside all that somebody has or had.
        let choose = |it: &Index| {
            let nobody = AssignmentId(uuid::Uuid::nil());
            ids.get(it.index(ids.len() + 1)).copied().unwrap_or(nobody)
        };
        match self {
            What::Said(command) => command.clone(),
            What::Step(..) => unreachable!("a step is of a transfer"),
            What::ChangeById(id, change) => Command::ChangeAssignment(ChangeAssignment {
                assignment: Some(choose(id)),
                ..change.clone()
            }),
            What::RevokeByIds(id, more) => Command::RevokeAssignment(RevokeAssignment {
                assignment: id.as_ref().map(choose),
                assignments: more.iter().map(choose).collect(),
                license: None,
                holders: vec![],
            }),
        }
    }
}

/// Days and hours around the moment when a walk begins.
pub(super) fn day(days: i64, hours: i64) -> Moment {
    let zero = Moment::parse("2026-05-03T09:00:00Z").unwrap();
    Moment::from_millis(zero.millis() + days * 86_400_000 + hours * 3_600_000)
}

pub(super) fn walks() -> impl Strategy<Value = Walk> {
    // Most walks begin with something to walk on.
    let first = option::weighted(0.9, (0..4_i64, 0..4_i64));
    (first, prop::collection::vec(commits(), 1..40)).prop_map(|(first, mut walk)| {
        if let Some((a, b)) = first {
            let asks = [("acme", "a", a), ("acme", "b", b), ("other", "a", a)];
            let asks = asks.map(|(account, license, quantity)| Ask {
                account,
                dry_run: false,
                what: What::Said(allocation(license, "P", quantity)),
            });
            let shared = Ask {
                account: "acme",
                dry_run: false,
                what: What::Said(groups::share("a", "x", a / 2)),
            };
            let asks = asks.into_iter().chain([shared]).collect();
            walk.insert(0, Commit { later: 0, asks, lands: true });
        }
        walk
    })
}

/// The same, with nothing in them but commands about keys: they meet no others.
pub(super) fn walks_of_keys() -> impl Strategy<Value = Walk> {
    let said = keys::commands().prop_map(What::Said);
    let ask = said.prop_map(|what| Ask { account: "acme", dry_run: false, what });
    let asks = prop::collection::vec(ask, 1..6);
    let commit = (0..12_i64, asks, prop::bool::weighted(0.7))
        .prop_map(|(later, asks, lands)| Commit { later, asks, lands });
    prop::collection::vec(commit, 1..20)
}

fn commits() -> impl Strategy<Value = Commit> {
    let asks = prop::collection::vec(asks(), 1..6);
    (0..12_i64, asks, prop::bool::weighted(0.7)).prop_map(|(later, asks, lands)| Commit {
        later,
        asks,
        lands,
    })
}

fn asks() -> impl Strategy<Value = Ask> {
    let account = prop_oneof![4 => Just("acme"), 1 => Just("other")];
    (account, prop::bool::weighted(0.1), whats()).prop_map(|(account, dry_run, what)| Ask {
        account,
        dry_run,
        what,
    })
}

pub(super) fn whats() -> impl Strategy<Value = What> {
    prop_oneof![
        3 => allocations().prop_map(What::Said),
        3 => license_changes().prop_map(What::Said),
        2 => endings().prop_map(What::Said),
        10 => seats().prop_map(What::Said),
        14 => groups::commands().prop_map(What::Said),
        2 => (any::<Index>(), seat_changes())
            .prop_map(|(id, change)| What::ChangeById(id, change)),
        2 => (license(), holder(), seat_changes()).prop_map(|(license, holder, change)| {
            What::Said(Command::ChangeAssignment(ChangeAssignment {
                license: Some(license),
                holder: Some(holder),
                ..change
            }))
        }),
        4 => (any::<Index>(), prop::bool::weighted(0.1))
            .prop_map(|(transfer, again)| What::Step(transfer, again)),
        3 => (license(), holders()).prop_map(|(license, holders)| {
            What::Said(Command::RevokeAssignment(RevokeAssignment {
                assignment: None,
                assignments: vec![],
                license: Some(license),
                holders,
            }))
        }),
        3 => (option::of(any::<Index>()), prop::collection::vec(any::<Index>(), 0..3))
            .prop_map(|(id, ids)| What::RevokeByIds(id, ids)),
    ]
}

fn license() -> impl Strategy<Value = LicenseId> {
    let all = prop_oneof![
        8 => Just("a"),
        4 => Just("b"),
        2 => Just("c d é\"\\"),
        2 => Just("a@x"),
        3 => Just("a@acme"),
    ];
    all.prop_map(|it| LicenseId::new(it).unwrap())
}

fn product() -> impl Strategy<Value = ProductId> {
    prop_oneof![12 => Just("P"), 3 => Just("Q"), 1 => Just("nobody's")]
        .prop_map(|it| ProductId::new(it).unwrap())
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (0..5_i64).prop_map(|it| Quantity::new(it).unwrap())
}

fn moment() -> impl Strategy<Value = Moment> {
    (-1..16_i64).prop_map(|days| day(days, 0))
}

fn label() -> impl Strategy<Value = Label> {
    select(vec!["one", "two"]).prop_map(|it| Label::new(it).unwrap())
}

fn external_id() -> impl Strategy<Value = ExternalId> {
    select(vec!["X", "Y"]).prop_map(|it| ExternalId::new(it).unwrap())
}

fn source() -> impl Strategy<Value = Source> {
    Just(Source::new("billing").unwrap())
}

fn metadata() -> impl Strategy<Value = Metadata> {
    select(vec!["{}", r#"{"a":[1.50,"\u00e9",null]}"#]).prop_map(|it| Metadata::new(it).unwrap())
}

fn holder() -> impl Strategy<Value = Holder> {
    let user = select(vec!["ada", "bo", "cy", "dee"]).prop_map(|it| UserId::new(it).unwrap());
    let email = || select(vec!["a@x.org", "b@x.org"]).prop_map(|it| Email::new(it).unwrap());
    prop_oneof![
        3 => (user, option::weighted(0.3, email()))
            .prop_map(|(user, email)| Holder { user: Some(user), email }),
        1 => email().prop_map(Holder::email),
    ]
}

fn holders() -> impl Strategy<Value = Vec<Holder>> {
    prop::collection::vec(holder(), 1..4)
}

fn patch<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Patch<T>> {
    (0..10_u8, value).prop_map(|(which, value)| match which {
        0 => Patch::Clear,
        1..=2 => Patch::Set(value),
        _ => Patch::Keep,
    })
}

/// A license without any more terms.
pub(super) fn allocation(license: &str, product: &str, quantity: i64) -> Command {
    Command::AllocateLicense(AllocateLicense {
        license: LicenseId::new(license).unwrap(),
        product: ProductId::new(product).unwrap(),
        quantity: Quantity::new(quantity).unwrap(),
        container: None,
        name: None,
        starts_at: None,
        ends_at: None,
        grace_days: None,
        external_id: None,
        source: None,
        metadata: None,
    })
}

fn allocations() -> impl Strategy<Value = Command> {
    let window = (option::weighted(0.2, moment()), option::weighted(0.3, moment()));
    let labels = (
        option::weighted(0.2, label()),
        option::weighted(0.3, external_id()),
        option::weighted(0.2, source()),
        option::weighted(0.2, metadata()),
    );
    (license(), product(), quantity(), window, labels).prop_filter_map(
        "a window ends after it starts",
        |(license, product, quantity, (starts_at, ends_at), labels)| {
            let (name, external_id, source, metadata) = labels;
            let command = Command::AllocateLicense(AllocateLicense {
                license,
                product,
                quantity,
                container: name.as_ref().map(|it: &Label| ContainerId::new(it.as_str()).unwrap()),
                name,
                starts_at,
                ends_at,
                grace_days: ends_at.and_then(|it| GraceDays::new(it.millis().rem_euclid(3) as u16)),
                external_id,
                source,
                metadata,
            });
            command.check().is_ok().then_some(command)
        },
    )
}

fn license_changes() -> impl Strategy<Value = Command> {
    let labels = (patch(label()), patch(external_id()), patch(source()), patch(metadata()));
    let grace = patch((1..4_u16).prop_map(|it| GraceDays::new(it).unwrap()));
    let window = (patch(moment()), patch(moment()), grace);
    (license(), option::of(quantity()), window, labels).prop_filter_map(
        "a window ends after it starts",
        |(
            license,
            quantity,
            (starts_at, ends_at, grace_days),
            (name, external_id, source, metadata),
        )| {
            let command = Command::ChangeLicense(ChangeLicense {
                license,
                quantity,
                name,
                starts_at,
                ends_at,
                grace_days,
                external_id,
                source,
                metadata,
            });
            command.check().is_ok().then_some(command)
        },
    )
}

fn endings() -> impl Strategy<Value = Command> {
    (license(), 0..16_u8).prop_map(|(license, which)| match which {
        0..5 => Command::SuspendLicense(SuspendLicense { license }),
        5..15 => Command::ReinstateLicense(ReinstateLicense { license }),
        _ => Command::RetireLicense(RetireLicense { license }),
    })
}

fn seats() -> impl Strategy<Value = Command> {
    let of = prop_oneof![
        3 => license().prop_map(|it| (Some(it), None)),
        2 => product().prop_map(|it| (None, Some(it))),
    ];
    let kept = (
        option::weighted(0.2, label()),
        option::weighted(0.2, metadata()),
        option::weighted(0.2, moment()),
    );
    let bits = (prop::bool::weighted(0.8), prop::bool::weighted(0.2), prop::bool::weighted(0.3));
    (of, holders(), bits, kept).prop_map(
        |(
            (license, product),
            holders,
            (active, fulfilled, wait),
            (redirect_to, metadata, ends_at),
        )| {
            Command::AssignSeat(AssignSeat {
                license,
                product,
                container: None,
                holders,
                active,
                fulfilled,
                redirect_to,
                metadata,
                wait,
                ends_at,
            })
        },
    )
}

fn seat_changes() -> impl Strategy<Value = ChangeAssignment> {
    let bits = (option::of(any::<bool>()), option::of(any::<bool>()));
    (bits, patch(label()), patch(metadata()), patch(moment())).prop_map(
        |((active, fulfilled), redirect_to, metadata, ends_at)| ChangeAssignment {
            assignment: None,
            license: None,
            holder: None,
            active,
            fulfilled,
            ends_at,
            redirect_to,
            metadata,
        },
    )
}
