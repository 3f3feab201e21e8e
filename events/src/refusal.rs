//! Why a well-formed command was judged and not accepted.

mod table;

use crate::command::CommandType;
use crate::holder::Email;
use crate::holder::Holder;
use crate::key::KeyId;
use crate::text::{
    AccountId, AssignmentId, CommandId, ContainerId, ExternalId, GroupId, LicenseId, ProductId,
    UserId,
};

/// A refusal: the state of the world that stands in the way. Nothing was recorded.
///
/// Variants are in order of precedence: when several apply, the first one is given, so a producer
/// that mends what it was told always makes progress. `docs/refusals.md` lists the same order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The command id was used before, for something else.
    #[error("{id} was used before, for other content")]
    CommandIdReused {
        /// The id.
        id: CommandId,
        /// The sequence of the commit that used it.
        sequence: u64,
    },
    /// No command was ever accepted for this account.
    #[error("there is no account {0}")]
    AccountNotFound(AccountId),
    /// No license of the account has this name.
    #[error("there is no license {0}")]
    LicenseNotFound(LicenseId),
    /// No license of the account is of this product.
    #[error("there is no license of product {0}")]
    ProductNotFound(ProductId),
    /// Nothing is placed in the account, or allocated, under this name.
    #[error("there is no container {0}")]
    ContainerNotFound(ContainerId),
    /// No assignment of the account ever had this id.
    #[error("there is no assignment {0}")]
    AssignmentNotFound(AssignmentId),
    /// Nobody in the account is known by this name.
    #[error("nobody is known as {0}")]
    HolderNotFound(Holder),
    /// No group of the account has this name.
    #[error("there is no group {0}")]
    GroupNotFound(GroupId),
    /// No command of the account is scheduled under this number.
    #[error("there is no schedule {0}")]
    ScheduleNotFound(u64),
    /// No key of the account has this name.
    #[error("there is no key {0}")]
    KeyNotFound(KeyId),
    /// The key was revoked: what it was called is not given out again.
    #[error("key {0} is revoked")]
    KeyRevoked(KeyId),
    /// The key exists, and not as the command says.
    #[error("key {0} exists already, with other terms")]
    KeyExists(KeyId),
    /// The license exists, and not as the command says.
    #[error("{license} exists already, with another {}", terms.join(", "))]
    LicenseExists {
        /// The license.
        license: LicenseId,
        /// What differs, by its name in the command; `host` where another account gives it.
        terms: Vec<&'static str>,
    },
    /// Another license of the account has this external id.
    #[error("external id {external_id} belongs to {license}")]
    ExternalIdTaken {
        /// The id.
        external_id: ExternalId,
        /// Whose it is.
        license: LicenseId,
    },
    /// The container is somewhere else.
    #[error("{container} is {}, and was said to be {}",
        place(.placed.as_ref()), place(.within.as_ref()))]
    ContainerElsewhere {
        /// Which container.
        container: ContainerId,
        /// What it is within, if it is within another one.
        placed: Option<ContainerId>,
        /// What it was said to be within.
        within: Option<ContainerId>,
    },
    /// The container would be within one that is itself within another one.
    #[error("{container} cannot be within {within}, which is itself within another container")]
    ContainerTooDeep {
        /// Which container.
        container: ContainerId,
        /// Where it was said to be.
        within: ContainerId,
    },
    /// The license is part of another one, which decides this.
    #[error("{license} is a part of {parent}")]
    LicenseIsPart {
        /// Which license.
        license: LicenseId,
        /// Of which one.
        parent: LicenseId,
    },
    /// The license is given by another account, which decides this.
    #[error("{license} is given by {host}")]
    LicenseIsHosted {
        /// Which license.
        license: LicenseId,
        /// By which account.
        host: AccountId,
    },
    /// An account gives nothing to itself.
    #[error("{0} is the account that gives")]
    SameAccount(AccountId),
    /// The address names another user already.
    #[error("{email} names {user} already")]
    AlreadyLinked {
        /// The address.
        email: Email,
        /// Whose it is.
        user: UserId,
    },
    /// The holder gets nothing any more.
    #[error("{0} is retired")]
    HolderRetired(Holder),
    /// Only members may hold a seat, and the holder is none.
    #[error("{holder} is no member, and only members may hold a seat of {license}")]
    HolderNotMember {
        /// Who.
        holder: Holder,
        /// Of which license.
        license: LicenseId,
    },
    /// The license is over for good.
    #[error("{0} is retired")]
    LicenseRetired(LicenseId),
    /// The license is suspended.
    #[error("{0} is suspended")]
    LicenseSuspended(LicenseId),
    /// The window of the license is over.
    #[error("{license} ended at {ends_at}")]
    LicenseEnded {
        /// Which license.
        license: LicenseId,
        /// When it ended.
        ends_at: crate::Moment,
    },
    /// Licenses of the product exist, but none is in force, or none of those of the container.
    #[error("no license of product {product}{} is in force", in_container(.container.as_ref()))]
    NoLicenseInForce {
        /// Which product.
        product: ProductId,
        /// Whose licenses, if a container was named.
        container: Option<ContainerId>,
    },
    /// The assignment has ended, so it cannot change.
    #[error("assignment {0} has ended")]
    AssignmentEnded(AssignmentId),
    /// The holder has no live assignment of the license, so nothing can change.
    #[error("{holder} has no assignment of {license}")]
    NotAssigned {
        /// Which license.
        license: LicenseId,
        /// Who.
        holder: Holder,
    },
    /// The assignment stands on what a group gives, and on nothing else.
    #[error("the group {group} gives {license} to {holder}")]
    HeldByGroup {
        /// Of which license.
        license: LicenseId,
        /// Who.
        holder: Holder,
        /// Which group.
        group: GroupId,
    },
    /// What was asked for would be over already.
    #[error("it would have ended at {ends_at}")]
    AlreadyOver {
        /// When it would have ended.
        ends_at: crate::Moment,
    },
    /// The change would leave a window that ends before it starts.
    #[error("{license} would start at {starts_at} and end at {ends_at}")]
    WindowEmpty {
        /// Which license.
        license: LicenseId,
        /// The start it would have.
        starts_at: crate::Moment,
        /// The end it would have.
        ends_at: crate::Moment,
    },
    /// More seats are held and shared out than the license would have.
    #[error(
        "{license}: {} {} held{}, {quantity} {} asked for",
        counted(*.held, "seat"), one_or(*.held, "is", "are"), shared_out(*.shared),
        one_or(*.quantity, "was", "were")
    )]
    QuantityBelowUse {
        /// Which license.
        license: LicenseId,
        /// Seats held.
        held: i64,
        /// Seats that parts take of it, or that are kept for other accounts.
        shared: i64,
        /// Seats asked for.
        quantity: i64,
    },
    /// The license still has live assignments, so it cannot be retired.
    #[error("{license} has {}", counted(*.assignments, "live assignment"))]
    LicenseInUse {
        /// Which license.
        license: LicenseId,
        /// Live assignments, inactive ones included.
        assignments: i64,
    },
    /// Other accounts have seats of the license, so it cannot be retired.
    #[error("{license}: {} {} kept for other accounts", counted(*.quantity, "seat"),
        one_or(*.quantity, "is", "are"))]
    LicenseGiven {
        /// Which license.
        license: LicenseId,
        /// Seats that are kept for them.
        quantity: i64,
    },
    /// The group would give a license, and the product of that license, both.
    #[error("{group} would give {license} and its product {product}")]
    GrantsOverlap {
        /// Which group.
        group: GroupId,
        /// Which license.
        license: LicenseId,
        /// Its product.
        product: ProductId,
    },
    /// A container would have two quantities of one license: as such and as of its product.
    #[error("{container} would have one quantity of {license} and one of its product {product}")]
    QuantitiesOverlap {
        /// Which container.
        container: ContainerId,
        /// Which license.
        license: LicenseId,
        /// Its product.
        product: ProductId,
    },
    /// The group has more of it than the quota would be.
    #[error("{group}: {} of {named} {} given, a quota of {quota} was asked for",
        counted(*.leases, "seat"), one_or(*.leases, "is", "are"))]
    QuotaBelowUse {
        /// Which group.
        group: GroupId,
        /// The license or the product.
        named: Box<str>,
        /// Seats the group has of it.
        leases: i64,
        /// The quota asked for.
        quota: i64,
    },
    /// The group may not have so many of it.
    #[error("{group}: {leases} of {quota} seats of {named} are given, {wanted} more {} asked for",
        one_or(*.wanted, "was", "were"))]
    QuotaExceeded {
        /// Which group.
        group: GroupId,
        /// The license or the product.
        named: Box<str>,
        /// Seats the group has of it.
        leases: i64,
        /// Its quota.
        quota: i64,
        /// Seats asked for.
        wanted: i64,
    },
    /// The license has not so much quantity left to share out.
    #[error(
        "{license}: {taken} of {quantity} seats are held or allocated, {wanted} more {} asked for",
        one_or(*.wanted, "was", "were")
    )]
    NoFreeQuantity {
        /// Which license.
        license: LicenseId,
        /// Seats that are held, or parts of it.
        taken: i64,
        /// Seats in all.
        quantity: i64,
        /// Seats asked for.
        wanted: i64,
    },
    /// More was to be taken from a container than it has.
    #[error("{container} has {} of {license}, {wanted} {} to be taken from it",
        counted(*.quantity, "seat"), one_or(*.wanted, "was", "were"))]
    ContainerHasLess {
        /// Which container.
        container: ContainerId,
        /// Of which license.
        license: LicenseId,
        /// Seats that it has.
        quantity: i64,
        /// Seats asked for.
        wanted: i64,
    },
    /// Not enough free seats for all that was asked.
    #[error(
        "{named}: {held} of {quantity} seats are held{}, {wanted} more {} asked for",
        shared_out(*.shared), one_or(*.wanted, "was", "were")
    )]
    NoFreeSeat {
        /// The license or the product that was named, or the license above that has none left.
        named: Box<str>,
        /// Seats held.
        held: i64,
        /// Seats that parts take, or that are kept for other accounts.
        shared: i64,
        /// Seats in all.
        quantity: i64,
        /// Seats asked for.
        wanted: i64,
    },
    /// The rules have failed on it: a fault of theirs. Whatever else applies is not known.
    #[error("{0} cannot be judged: the rules of this release fail on it")]
    Poison(CommandType),
    /// A command of a batch is refused, and the batch with it. Has no row of its own.
    #[error("command {} of the batch, {kind}: {refusal}", .place + 1)]
    InBatch {
        /// Which of its commands, the first one being 0.
        place: usize,
        /// Of which type it is.
        kind: CommandType,
        /// Why it is refused.
        refusal: Box<Refusal>,
    },
    /// The events would not fit into one commit.
    #[error("what it causes has {bytes} bytes, one commit holds at most {max}")]
    CommitTooLarge {
        /// Bytes of all events of the command.
        bytes: usize,
        /// Bytes that fit.
        max: usize,
    },
}

impl Refusal {
    fn row(&self) -> usize {
        match self {
            Refusal::CommandIdReused { .. } => 0,
            Refusal::AccountNotFound(_) => 1,
            Refusal::LicenseNotFound(_) => 2,
            Refusal::ProductNotFound(_) => 3,
            Refusal::ContainerNotFound(_) => 4,
            Refusal::AssignmentNotFound(_) => 5,
            Refusal::HolderNotFound(_) => 6,
            Refusal::GroupNotFound(_) => 7,
            Refusal::ScheduleNotFound(_) => 8,
            Refusal::KeyNotFound(_) => 9,
            Refusal::KeyRevoked(_) => 10,
            Refusal::KeyExists(_) => 11,
            Refusal::LicenseExists { .. } => 12,
            Refusal::ExternalIdTaken { .. } => 13,
            Refusal::ContainerElsewhere { .. } | Refusal::ContainerTooDeep { .. } => 14,
            Refusal::LicenseIsPart { .. } => 15,
            Refusal::LicenseIsHosted { .. } => 16,
            Refusal::SameAccount(_) => 17,
            Refusal::AlreadyLinked { .. } => 18,
            Refusal::HolderRetired(_) => 19,
            Refusal::HolderNotMember { .. } => 20,
            Refusal::LicenseRetired(_) => 21,
            Refusal::LicenseSuspended(_) => 22,
            Refusal::LicenseEnded { .. } => 23,
            Refusal::NoLicenseInForce { .. } => 24,
            Refusal::AssignmentEnded(_) => 25,
            Refusal::NotAssigned { .. } => 26,
            Refusal::HeldByGroup { .. } => 27,
            Refusal::AlreadyOver { .. } => 28,
            Refusal::WindowEmpty { .. } => 29,
            Refusal::QuantityBelowUse { .. } => 30,
            Refusal::LicenseInUse { .. } => 31,
            Refusal::LicenseGiven { .. } => 32,
            Refusal::GrantsOverlap { .. } => 33,
            Refusal::QuantitiesOverlap { .. } => 34,
            Refusal::QuotaBelowUse { .. } => 35,
            Refusal::QuotaExceeded { .. } => 36,
            Refusal::NoFreeQuantity { .. } => 37,
            Refusal::ContainerHasLess { .. } => 38,
            Refusal::NoFreeSeat { .. } => 39,
            Refusal::CommitTooLarge { .. } => 40,
            Refusal::Poison(_) => 41,
            Refusal::InBatch { refusal, .. } => refusal.row(),
        }
    }

    /// The member of the document that is refused, as a JSON pointer; the whole of it is none.
    pub fn pointer(&self) -> Option<String> {
        let Refusal::InBatch { place, .. } = self else { return None };
        Some(format!("/commands/{place}"))
    }

    /// The stable name; part of the contract.
    pub fn code(&self) -> &'static str {
        Refusal::TABLE[self.row()].0
    }

    /// The HTTP status that says the same: 404 for what is unknown, 422 for what the rules fail on,
    /// else 409.
    pub fn status(&self) -> u16 {
        Refusal::TABLE[self.row()].1
    }

    /// A short sentence, the same for every occurrence.
    pub fn title(&self) -> &'static str {
        Refusal::TABLE[self.row()].2
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        Refusal::TABLE[self.row()].3
    }
}

/// The word that goes with one, or the one that goes with any other number.
fn one_or(count: i64, one: &'static str, other: &'static str) -> &'static str {
    match count {
        1 => one,
        _ => other,
    }
}

/// A number of things that are more than one by an `s`.
fn counted(count: i64, thing: &str) -> String {
    format!("{count} {thing}{}", one_or(count, "", "s"))
}

/// What is taken beside the seats that are held, where there is something.
fn shared_out(count: i64) -> String {
    match count {
        0 => String::new(),
        count => format!(" and {count} shared out"),
    }
}

fn place(within: Option<&ContainerId>) -> String {
    within.map_or_else(|| "in the account itself".to_owned(), |it| format!("within {it}"))
}

fn in_container(container: Option<&ContainerId>) -> String {
    container.map_or_else(String::new, |it| format!(" in container {it}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_counts_one_as_one() {
        let license = || LicenseId::new("suite").unwrap();
        let taken = |held, shared, wanted| Refusal::NoFreeSeat {
            named: "suite".into(),
            held,
            shared,
            quantity: 2,
            wanted,
        };
        let full = |wanted| taken(2, 0, wanted);
        let under = |held, shared, quantity| Refusal::QuantityBelowUse {
            license: license(),
            held,
            shared,
            quantity,
        };
        let below = |held, quantity| under(held, 0, quantity);
        let none = |container: Option<&str>| Refusal::NoLicenseInForce {
            product: ProductId::new("P").unwrap(),
            container: container.map(|it| ContainerId::new(it).unwrap()),
        };
        let used = |assignments| Refusal::LicenseInUse { license: license(), assignments };
        for (refusal, said) in [
            (full(1), "suite: 2 of 2 seats are held, 1 more was asked for"),
            (full(2), "suite: 2 of 2 seats are held, 2 more were asked for"),
            (taken(0, 2, 1), "suite: 0 of 2 seats are held and 2 shared out, 1 more was asked for"),
            (under(1, 3, 2), "suite: 1 seat is held and 3 shared out, 2 were asked for"),
            (none(None), "no license of product P is in force"),
            (none(Some("north")), "no license of product P in container north is in force"),
            (below(2, 1), "suite: 2 seats are held, 1 was asked for"),
            (below(1, 0), "suite: 1 seat is held, 0 were asked for"),
            (used(1), "suite has 1 live assignment"),
            (used(2), "suite has 2 live assignments"),
        ] {
            assert_eq!(refusal.to_string(), said);
        }
    }
}
