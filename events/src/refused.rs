//! What is kept of a refused command: denied demand and denied attempts. Not part of the truth.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

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
    /// Who asked.
    pub actor: Actor,
    /// Through which door.
    pub via: Via,
    /// Why they asked.
    #[serde(default, skip_serializing_if = "Change::is_empty")]
    pub change: Change,
    /// The refusal's code.
    pub code: String,
    /// The sentence with the numbers that mattered.
    pub detail: String,
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
        let (license, product, holders) = named(&request.command);
        Refused {
            id,
            at,
            account: request.account.clone(),
            command: request.id.clone(),
            hash: request.hash,
            kind: request.command.kind().as_str().to_owned(),
            actor: request.actor.clone(),
            via: request.via,
            change: request.change.clone(),
            code: refusal.code().to_owned(),
            detail: refusal.to_string(),
            license,
            product,
            holders,
        }
    }
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
    }
}
