//! Why a well-formed command was judged and not accepted.

use crate::holder::Holder;
use crate::text::{AccountId, AssignmentId, CommandId, ExternalId, LicenseId, ProductId};

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
    /// No assignment of the account ever had this id.
    #[error("there is no assignment {0}")]
    AssignmentNotFound(AssignmentId),
    /// Nobody in the account is known by this name.
    #[error("nobody is known as {0}")]
    HolderNotFound(Holder),
    /// The license exists, and not as the command says.
    #[error("{0} exists already, with other terms")]
    LicenseExists(LicenseId),
    /// Another license of the account has this external id.
    #[error("external id {external_id} belongs to {license}")]
    ExternalIdTaken {
        /// The id.
        external_id: ExternalId,
        /// Whose it is.
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
    /// Licenses of the product exist, but none is in force.
    #[error("no license of product {0} is in force")]
    NoLicenseInForce(ProductId),
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
    /// More seats are held than the license would have.
    #[error(
        "{license}: {} {} held, {quantity} {} asked for",
        counted(*.held, "seat"), one_or(*.held, "is", "are"), one_or(*.quantity, "was", "were")
    )]
    QuantityBelowUse {
        /// Which license.
        license: LicenseId,
        /// Seats held.
        held: i64,
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
    /// Not enough free seats for all that was asked.
    #[error(
        "{named}: {held} of {quantity} seats are held, {wanted} more {} asked for",
        one_or(*.wanted, "was", "were")
    )]
    NoFreeSeat {
        /// The license or the product that was named.
        named: Box<str>,
        /// Seats held.
        held: i64,
        /// Seats in all.
        quantity: i64,
        /// Seats asked for.
        wanted: i64,
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
    /// Code, HTTP status, title and hint of every refusal, in order of precedence.
    pub const TABLE: &'static [(&'static str, u16, &'static str, &'static str)] = &[
        (
            "command_id_reused",
            409,
            "The command id was used for something else",
            "give every new command its own id",
        ),
        (
            "account_not_found",
            404,
            "There is no such account",
            "an account exists from its first AllocateLicense on",
        ),
        (
            "license_not_found",
            404,
            "There is no such license",
            "list the licenses of the account, or allocate it first",
        ),
        (
            "product_not_found",
            404,
            "There is no license of this product",
            "list the licenses of the account, or allocate one first",
        ),
        (
            "assignment_not_found",
            404,
            "There is no such assignment",
            "list the assignments of the license or of the holder",
        ),
        (
            "holder_not_found",
            404,
            "Nobody is known by this name",
            "a holder is known from their first assignment on",
        ),
        (
            "license_exists",
            409,
            "The license exists with other terms",
            "use ChangeLicense, or another name",
        ),
        (
            "external_id_taken",
            409,
            "The external id belongs to another license",
            "external ids are unique in an account",
        ),
        (
            "license_retired",
            409,
            "The license is retired",
            "a retired license stays retired: allocate another one",
        ),
        (
            "license_suspended",
            409,
            "The license is suspended",
            "ReinstateLicense ends the suspension",
        ),
        ("license_ended", 409, "The license has ended", "ChangeLicense can set a later ends_at"),
        (
            "no_license_in_force",
            409,
            "No license of the product is in force",
            "look at the windows and states of its licenses",
        ),
        (
            "assignment_ended",
            409,
            "The assignment has ended",
            "an ended assignment stays ended: AssignSeat makes a new one",
        ),
        (
            "not_assigned",
            409,
            "The holder has no assignment of the license",
            "AssignSeat makes one",
        ),
        (
            "window_empty",
            409,
            "The window would end before it starts",
            "give starts_at and ends_at together",
        ),
        (
            "quantity_below_use",
            409,
            "More seats are held than that",
            "revoke assignments first, or ask for at least the seats held",
        ),
        (
            "license_in_use",
            409,
            "The license has live assignments",
            "revoke its assignments first, or suspend it",
        ),
        (
            "no_free_seat",
            409,
            "No free seat",
            "revoke an assignment, or raise the quantity with ChangeLicense",
        ),
        (
            "commit_too_large",
            409,
            "The command causes more than one commit can hold",
            "send several commands with fewer holders or smaller metadata",
        ),
    ];

    fn row(&self) -> usize {
        match self {
            Refusal::CommandIdReused { .. } => 0,
            Refusal::AccountNotFound(_) => 1,
            Refusal::LicenseNotFound(_) => 2,
            Refusal::ProductNotFound(_) => 3,
            Refusal::AssignmentNotFound(_) => 4,
            Refusal::HolderNotFound(_) => 5,
            Refusal::LicenseExists(_) => 6,
            Refusal::ExternalIdTaken { .. } => 7,
            Refusal::LicenseRetired(_) => 8,
            Refusal::LicenseSuspended(_) => 9,
            Refusal::LicenseEnded { .. } => 10,
            Refusal::NoLicenseInForce(_) => 11,
            Refusal::AssignmentEnded(_) => 12,
            Refusal::NotAssigned { .. } => 13,
            Refusal::WindowEmpty { .. } => 14,
            Refusal::QuantityBelowUse { .. } => 15,
            Refusal::LicenseInUse { .. } => 16,
            Refusal::NoFreeSeat { .. } => 17,
            Refusal::CommitTooLarge { .. } => 18,
        }
    }

    /// The stable name; part of the contract.
    pub fn code(&self) -> &'static str {
        Refusal::TABLE[self.row()].0
    }

    /// The HTTP status that says the same: 404 for what is unknown, else 409.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_counts_one_as_one() {
        let license = || LicenseId::new("suite").unwrap();
        let full =
            |wanted| Refusal::NoFreeSeat { named: "suite".into(), held: 2, quantity: 2, wanted };
        let below =
            |held, quantity| Refusal::QuantityBelowUse { license: license(), held, quantity };
        let used = |assignments| Refusal::LicenseInUse { license: license(), assignments };
        for (refusal, said) in [
            (full(1), "suite: 2 of 2 seats are held, 1 more was asked for"),
            (full(2), "suite: 2 of 2 seats are held, 2 more were asked for"),
            (below(2, 1), "suite: 2 seats are held, 1 was asked for"),
            (below(1, 0), "suite: 1 seat is held, 0 were asked for"),
            (used(1), "suite has 1 live assignment"),
            (used(2), "suite has 2 live assignments"),
        ] {
            assert_eq!(refusal.to_string(), said);
        }
    }
}
