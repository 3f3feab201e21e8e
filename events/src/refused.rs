//! What is kept of a refused command: denied demand and denied attempts. Not part of the truth.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::by::By;
use crate::command::{AssignSeat, Command};
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::request::{Change, ContentHash, Request, Via};
use crate::text::{AccountId, Actor, CommandId, LicenseId, ProductId};

/// One refused command, as one line of a message of the refusals stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// The refusal, UUIDv7.
    pub id: Uuid,
    /// When it was judged.
    pub at: Moment,
    /// For which account.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The command.
    pub command: CommandId,
    /// What it asked.
    #[schema(value_type = String)]
    pub hash: ContentHash,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who asked, as the sender says.
    pub actor: Actor,
    /// Who was let in.
    pub by: By,
    /// Through which door.
    pub via: Via,
    /// Why they asked.
    #[serde(default, skip_serializing_if = "Change::is_empty")]
    pub change: Change,
    /// The refusal's code.
    pub code: String,
    /// The sentence with the numbers that mattered.
    pub detail: String,
    /// The member of the document that was refused, as a JSON pointer; the whole of it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The license that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// The product that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Holders that were named.
    #[serde(default)]
    pub holders: usize,
}

impl Refused {
    /// Of a command that was judged and refused.
    pub fn new(id: Uuid, at: Moment, request: &Request, refusal: &Refusal) -> Refused {
        let (license, product, holders) = named(refused_one(&request.command, refusal));
        Refused {
            id,
            at,
            account: request.account.clone(),
            command: request.id.clone(),
            hash: request.hash,
            kind: request.command.kind().as_str().to_owned(),
            actor: request.actor.clone(),
            by: request.by.clone(),
            via: request.via,
            change: request.change.clone(),
            code: refusal.code().to_owned(),
            detail: refusal.to_string(),
            pointer: refusal.pointer(),
            license,
            product,
            holders,
        }
    }
}

/// The command that was refused: of a batch the one of its commands.
fn refused_one<'a>(command: &'a Command, refusal: &Refusal) -> &'a Command {
    let (Command::ApplyBatch(batch), Refusal::InBatch { place, .. }) = (command, refusal) else {
        return command;
    };
    batch.commands.get(*place).unwrap_or(command)
}

fn named(command: &Command) -> (Option<LicenseId>, Option<ProductId>, usize) {
    match command {
        Command::AllocateLicense(it) => (Some(it.license.clone()), Some(it.product.clone()), 0),
        Command::ChangeLicense(it) => (Some(it.license.clone()), None, 0),
        Command::SuspendLicense(it) => (Some(it.license.clone()), None, 0),
        Command::ReinstateLicense(it) => (Some(it.license.clone()), None, 0),
        Command::RetireLicense(it) => (Some(it.license.clone()), None, 0),
        Command::AssignSeat(AssignSeat { license, product, holders, .. }) => {
            (license.clone(), product.clone(), holders.len())
        }
        Command::ChangeAssignment(it) => (it.license.clone(), None, 1),
        Command::RevokeAssignment(it) => {
            let ids = it.assignments.len() + usize::from(it.assignment.is_some());
            (it.license.clone(), None, it.holders.len() + ids)
        }
        Command::SetAllocations(it) => {
            let first = it.allocations.first().and_then(|it| it.quantities.first());
            let product = first.and_then(|it| it.product.clone());
            (first.and_then(|it| it.license.clone()), product, 0)
        }
        Command::MoveQuantity(it) => (it.license.clone(), it.product.clone(), 0),
        Command::AllocateToAccount(it) => (Some(it.license.clone()), None, 0),
        Command::PassTime(_)
        | Command::ScheduleCommand(_)
        | Command::CancelSchedule(_)
        | Command::CreateKey(_)
        | Command::RevokeKey(_)
        | Command::NoteKeyUse(_)
        | Command::ApplyBatch(_)
        | Command::ReceiveTransfer(_)
        | Command::EndTransfer(_) => (None, None, 0),
        Command::SetPolicy(it) => (it.license.clone(), None, 0),
        Command::RegisterHolder(_) | Command::LinkHolder(_) | Command::RetireHolder(_) => {
            (None, None, 1)
        }
        Command::DeclareDirectSet(it) => (None, it.products.first().cloned(), it.holders.len()),
        Command::ClearDirectSet(it) => (None, None, it.holders.len()),
        Command::AddMembers(it) => (None, None, it.holders.len()),
        Command::RemoveMembers(it) => (None, None, it.holders.len()),
        Command::SetGroupRule(it) => {
            let first = it.grants.first();
            let product = first.and_then(|it| it.product.clone());
            (first.and_then(|it| it.license.clone()), product, 0)
        }
        Command::GrantToGroup(it) => (it.grant.license.clone(), it.grant.product.clone(), 0),
        Command::RemoveGroupRule(it) => (it.license.clone(), it.product.clone(), 0),
        Command::LeaveWaitlist(it) => (it.license.clone(), it.product.clone(), it.holders.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Address;

    fn refused(kind: &str, document: &str) -> Refused {
        let address = Address { account: "acme", kind, key: None, via: Via::Http };
        let id = || CommandId::new("c-1").unwrap();
        let request = Request::read(&address, By::local(), document.as_bytes(), id).unwrap();
        let refusal = Refusal::AccountNotFound(request.account.clone());
        Refused::new(Uuid::nil(), Moment::from_millis(0), &request, &refusal)
    }

    #[test]
    fn a_refused_command_says_what_it_named() {
        let named = |kind, document| {
            let it = refused(kind, document);
            let text = |it: Option<String>| it.unwrap_or_default();
            let license = text(it.license.map(|it| it.to_string()));
            (license, text(it.product.map(|it| it.to_string())), it.holders)
        };
        let of = |license: &str, product: &str, holders| {
            (license.to_owned(), product.to_owned(), holders)
        };
        let allocate = r#"{"license":"a","product":"P","quantity":1}"#;
        assert_eq!(named("AllocateLicense", allocate), of("a", "P", 0));
        for kind in ["ChangeLicense", "SuspendLicense", "ReinstateLicense", "RetireLicense"] {
            assert_eq!(named(kind, r#"{"license":"a"}"#), of("a", "", 0));
        }
        let product = r#"{"product":"P","holders":[{"user":"ada"},{"user":"bo"}]}"#;
        assert_eq!(named("AssignSeat", product), of("", "P", 2));
        let license = r#"{"license":"a","holders":[{"user":"ada"}]}"#;
        assert_eq!(named("RevokeAssignment", license), of("a", "", 1));
        let id = Uuid::nil();
        let one = format!(r#"{{"assignment":"{id}"}}"#);
        assert_eq!(named("ChangeAssignment", &one), of("", "", 1));
        let two = format!(r#"{{"assignment":"{id}","assignments":["{id}"]}}"#);
        assert_eq!(named("RevokeAssignment", &two), of("", "", 2));
    }

    #[test]
    fn a_refused_command_is_read_back_as_it_was_written() {
        let it = refused("SuspendLicense", r#"{"license":"a","actor":"hr","reason":"r"}"#);
        assert_eq!((it.code.as_str(), it.kind.as_str()), ("account_not_found", "SuspendLicense"));
        assert_eq!(it.detail, "there is no account acme");
        let line = serde_json::to_string(&it).unwrap();
        assert_eq!(serde_json::from_str::<Refused>(&line).unwrap(), it);
    }
}
