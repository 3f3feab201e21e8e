//! What a field alone cannot say: that the right fields came together, and within limits.

use std::collections::BTreeSet;

use super::{
    Allocation, ChangeAssignment, Command, MoveQuantity, Part, Patch, Quantity, RevokeAssignment,
    SetAllocations,
};
use crate::holder::Holder;
use crate::limits::{ITEMS_MAX, PRODUCTS_MAX};
use crate::malformed::{Malformed, MalformedCode};
use crate::moment::Moment;
use crate::rule::Grant;
use crate::text::{LicenseId, ProductId};

impl Command {
    /// Checks what a field alone cannot say: that the right fields came together, and within limits.
    #[expect(clippy::too_many_lines, reason = "one arm a command, so that none is forgotten")]
    pub fn check(&self) -> Result<(), Malformed> {
        match self {
            Command::AllocateLicense(it) => check_window(it.starts_at, it.ends_at),
            Command::ChangeLicense(it) => match (&it.starts_at, &it.ends_at) {
                (Patch::Set(starts), Patch::Set(ends)) => check_window(Some(*starts), Some(*ends)),
                _ => Ok(()),
            },
            Command::SuspendLicense(_)
            | Command::ReinstateLicense(_)
            | Command::RetireLicense(_) => Ok(()),
            Command::AssignSeat(it) => {
                check_count("/holders", it.holders.len())?;
                if it.container.is_some() && it.wait {
                    return Err(both("/wait", "nobody waits for a seat of a container"));
                }
                if it.container.is_some() && it.product.is_none() {
                    return Err(missing("/product", "a container needs a product"));
                }
                match (&it.license, &it.product) {
                    (Some(_), None) | (None, Some(_)) if it.holders.is_empty() => {
                        Err(missing("/holders", "at least one holder is needed"))
                    }
                    (Some(_), None) | (None, Some(_)) => Ok(()),
                    (None, None) => Err(missing("/license", "a license or a product is needed")),
                    (Some(_), Some(_)) => {
                        Err(both("/product", "give a license or a product, not both"))
                    }
                }
            }
            Command::ChangeAssignment(it) => check_change(it),
            Command::RevokeAssignment(it) => check_revoke(it),
            Command::SetPolicy(it) => match (&it.license, it.direct_sets.is_keep()) {
                (Some(_), false) => {
                    Err(both("/direct_sets", "direct sets are a matter of the account alone"))
                }
                (Some(_), true) | (None, _) => Ok(()),
            },
            Command::CreateKey(it) => match it.facades.as_ref().is_some_and(BTreeSet::is_empty) {
                true => Err(missing("/facades", "at least one API is needed")),
                false => Ok(()),
            },
            Command::RegisterHolder(_)
            | Command::LinkHolder(_)
            | Command::RetireHolder(_)
            | Command::AllocateToAccount(_)
            | Command::RevokeKey(_)
            | Command::PassTime(_)
            | Command::ReceiveTransfer(_)
            | Command::EndTransfer(_)
            | Command::NoteKeyUse(_)
            // Each of its commands was checked where it was read.
            | Command::ApplyBatch(_) => Ok(()),
            Command::DeclareDirectSet(it) => {
                check_products("/products", it.products.len())?;
                check_holders(&it.holders)
            }
            Command::ClearDirectSet(it) => check_holders(&it.holders),
            Command::AddMembers(it) => check_holders(&it.holders),
            Command::RemoveMembers(it) => check_holders(&it.holders),
            Command::SetGroupRule(it) => check_grants(&it.grants),
            Command::GrantToGroup(it) => check_grant("/grant", &it.grant),
            Command::RemoveGroupRule(it) => match (&it.license, &it.product) {
                (Some(_), Some(_)) => check_one_of("", &it.license, &it.product),
                (None, _) | (_, None) => Ok(()),
            },
            Command::ScheduleCommand(it) => it.scheduled().map(drop),
            Command::CancelSchedule(_) => Ok(()),
            Command::SetAllocations(it) => check_allocations(it),
            Command::MoveQuantity(it) => check_moves(it),
            Command::LeaveWaitlist(it) => {
                check_one_of("", &it.license, &it.product)?;
                check_holders(&it.holders)
            }
        }
    }
}

fn check_allocations(it: &SetAllocations) -> Result<(), Malformed> {
    check_products("/allocations", it.allocations.len())?;
    if it.allocations.is_empty() {
        return Err(missing("/allocations", "at least one container is needed"));
    }
    for (place, allocation) in it.allocations.iter().enumerate() {
        let pointer = format!("/allocations/{place}");
        let same = |it: &Allocation| it.container == allocation.container;
        if it.allocations[..place].iter().any(same) {
            return Err(both(&pointer, &format!("{} stands twice", allocation.container)));
        }
        if allocation.within.as_ref() == Some(&allocation.container) {
            return Err(both(&format!("{pointer}/within"), "a container is not within itself"));
        }
        if allocation.through && allocation.within.is_none() {
            let detail = "nothing comes through a container that it is not within";
            return Err(both(&format!("{pointer}/through"), detail));
        }
        // What passes through a container changes what it has, and it was said what that is.
        let above =
            |it: &Allocation| allocation.through && allocation.within == Some(it.container.clone());
        if it.allocations.iter().any(above) {
            let detail = "what the container above has is said as well";
            return Err(both(&format!("{pointer}/through"), detail));
        }
        check_products(&format!("{pointer}/quantities"), allocation.quantities.len())?;
        for (place, part) in allocation.quantities.iter().enumerate() {
            let pointer = format!("{pointer}/quantities/{place}");
            check_one_of(&pointer, &part.license, &part.product)?;
            let same = |it: &Part| (&it.license, &it.product) == (&part.license, &part.product);
            if allocation.quantities[..place].iter().any(same) {
                return Err(both(&pointer, "it stands twice"));
            }
        }
    }
    Ok(())
}

fn check_moves(it: &MoveQuantity) -> Result<(), Malformed> {
    check_one_of("", &it.license, &it.product)?;
    check_products("/moves", it.moves.len())?;
    if it.moves.is_empty() {
        return Err(missing("/moves", "at least one move is needed"));
    }
    for (place, it) in it.moves.iter().enumerate() {
        let pointer = format!("/moves/{place}");
        if it.from == it.to {
            return Err(both(&pointer, "it goes from where it is to where it is"));
        }
        if it.quantity == Quantity::ZERO {
            let detail = "0 is less than 1";
            let pointer = format!("{pointer}/quantity");
            return Err(Malformed::at(MalformedCode::InvalidQuantity, &pointer, detail));
        }
    }
    Ok(())
}

fn check_holders(holders: &[Holder]) -> Result<(), Malformed> {
    match holders.is_empty() {
        true => Err(missing("/holders", "at least one holder is needed")),
        false => check_count("/holders", holders.len()),
    }
}

fn check_products(pointer: &str, count: usize) -> Result<(), Malformed> {
    match count {
        0..=PRODUCTS_MAX => Ok(()),
        _ => Err(Malformed::at(
            MalformedCode::TooManyItems,
            pointer,
            format!("{count} are named, at most {PRODUCTS_MAX} can be"),
        )),
    }
}

fn check_one_of(
    inside: &str,
    license: &Option<LicenseId>,
    product: &Option<ProductId>,
) -> Result<(), Malformed> {
    match (license, product) {
        (Some(_), None) | (None, Some(_)) => Ok(()),
        (None, None) => {
            Err(missing(&format!("{inside}/license"), "a license or a product is needed"))
        }
        (Some(_), Some(_)) => {
            Err(both(&format!("{inside}/product"), "give a license or a product, not both"))
        }
    }
}

fn check_grant(pointer: &str, grant: &Grant) -> Result<(), Malformed> {
    check_one_of(pointer, &grant.license, &grant.product)?;
    match grant.quota {
        Some(quota) if quota < 1 => Err(Malformed::at(
            MalformedCode::InvalidQuantity,
            &format!("{pointer}/quota"),
            format!("{quota} is less than 1"),
        )),
        Some(_) | None => Ok(()),
    }
}

fn check_grants(grants: &[Grant]) -> Result<(), Malformed> {
    check_products("/grants", grants.len())?;
    for (place, grant) in grants.iter().enumerate() {
        let pointer = format!("/grants/{place}");
        check_grant(&pointer, grant)?;
        if grants[..place].iter().any(|it| it.same_thing(grant)) {
            return Err(both(&pointer, &format!("{} is granted twice", grant.named())));
        }
    }
    Ok(())
}

fn check_change(it: &ChangeAssignment) -> Result<(), Malformed> {
    match (&it.assignment, &it.license, &it.holder) {
        (Some(_), None, None) | (None, Some(_), Some(_)) => Ok(()),
        (None, Some(_), None) => Err(missing("/holder", "a holder is needed too")),
        (None, None, Some(_)) => Err(missing("/license", "a license is needed too")),
        (None, None, None) => Err(missing("/assignment", "which assignment is not said")),
        (Some(_), _, _) => {
            Err(both("/assignment", "give an assignment, or license and holder, not both"))
        }
    }
}

fn check_revoke(it: &RevokeAssignment) -> Result<(), Malformed> {
    check_count("/holders", it.holders.len())?;
    let named = it.assignments.len() + usize::from(it.assignment.is_some());
    check_count("/assignments", named)?;
    let by_id = it.assignment.is_some() || !it.assignments.is_empty();
    let by_holder = it.license.is_some() || !it.holders.is_empty();
    match (by_id, by_holder) {
        (true, true) => {
            Err(both("/assignment", "give assignments, or license and holders, not both"))
        }
        (true, false) => Ok(()),
        (false, false) => Err(missing("/assignment", "which assignments is not said")),
        (false, true) if it.license.is_none() => {
            Err(missing("/license", "a license is needed too"))
        }
        (false, true) if it.holders.is_empty() => {
            Err(missing("/holders", "at least one holder is needed too"))
        }
        (false, true) => Ok(()),
    }
}

fn check_window(starts: Option<Moment>, ends: Option<Moment>) -> Result<(), Malformed> {
    match (starts, ends) {
        (Some(starts), Some(ends)) if ends <= starts => Err(Malformed::at(
            MalformedCode::InvalidWindow,
            "/ends_at",
            format!("it ends at {ends}, and starts at {starts}"),
        )),
        _ => Ok(()),
    }
}

pub(super) fn check_count(pointer: &str, count: usize) -> Result<(), Malformed> {
    match count {
        0..=ITEMS_MAX => Ok(()),
        _ => Err(Malformed::at(
            MalformedCode::TooManyItems,
            pointer,
            format!("{count} are named, one command takes at most {ITEMS_MAX}"),
        )
        .hint("send several commands, each with its own id")),
    }
}

pub(super) fn missing(pointer: &str, detail: &str) -> Malformed {
    Malformed::at(MalformedCode::MissingField, pointer, detail)
}

fn both(pointer: &str, detail: &str) -> Malformed {
    Malformed::at(MalformedCode::Contradiction, pointer, detail)
}
