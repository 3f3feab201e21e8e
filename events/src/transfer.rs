//! A transfer from one account to another: what the ledger itself asks for, step by step.
//!
//! The host has begun it. The receiver is asked first; what it has said, and durably, the host is
//! asked to take note of. Each step is a command of one account. Nothing is lost where it breaks off
//! in between: the host knows which transfers have not ended, and the first step asked again gives
//! the first outcome again.

use sha2::{Digest, Sha256};

use crate::account::OpenTransfer;
use crate::command::{Command, EndTransfer, Quantity, ReceiveTransfer};
use crate::event::{Event, Host};
use crate::malformed::{Malformed, MalformedCode};
use crate::refusal::Refusal;
use crate::request::{LEDGER_IDS, Request};
use crate::text::{AccountId, CommandId, LicenseId};
use crate::wire::hex;

/// A transfer that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Who gives, and what.
    pub host: Host,
    /// Who receives.
    pub receiver: AccountId,
    /// What is on its way.
    pub open: OpenTransfer,
}

/// What a receiver has said of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What the license is called there.
    known_as: Option<LicenseId>,
    /// Code and sentence with which it refused the quantity.
    refused: Option<(Box<str>, Box<str>)>,
}

/// Bytes of the hash that a command id is made of.
const ID_BYTES: usize = 16;

impl Transfer {
    /// The first step: what the receiver is asked. The same each time, so that it happens once.
    pub fn to_receive(&self) -> Result<Request, Malformed> {
        let command = Command::ReceiveTransfer(ReceiveTransfer {
            transfer: self.open.transfer,
            host: self.host.clone(),
            quantity: Quantity::new(self.open.quantity).unwrap_or(Quantity::ZERO),
            terms: self.open.terms.clone(),
        });
        Request::of_ledger(self.receiver.clone(), self.command_id()?, command)
    }

    /// The second step: what the host is asked once the receiver has said what it has to say.
    pub fn to_end(&self, id: CommandId, received: &Received) -> Result<Request, Malformed> {
        let (refused, detail) = received.refused.clone().unzip();
        let command = Command::EndTransfer(EndTransfer {
            transfer: self.open.transfer,
            known_as: received.known_as.clone(),
            refused,
            detail,
        });
        Request::of_ledger(self.host.account.clone(), id, command)
    }

    /// What the first step is known by, in the account of the receiver.
    pub fn command_id(&self) -> Result<CommandId, Malformed> {
        let named = format!("{} {}", self.host.account, self.open.transfer);
        let digest = Sha256::digest(named.as_bytes());
        let id = CommandId::new(format!("{LEDGER_IDS}{}", hex(&digest[..ID_BYTES])));
        id.map_err(|it| Malformed::whole(MalformedCode::InvalidCommandId, it.to_string()))
    }
}

impl Received {
    /// What the event says that the first step has caused; `None` for any other event.
    pub fn of(event: &Event) -> Option<Received> {
        let Event::TransferReceived(it) = event else { return None };
        let refused = it.refused.clone();
        let refused = refused.map(|code| (code, it.detail.clone().unwrap_or_default()));
        Some(Received { known_as: Some(it.license.clone()), refused })
    }

    /// The first step itself was refused, and will be again.
    pub fn refused(refusal: &Refusal) -> Received {
        let refused = Some((refusal.code().into(), refusal.to_string().into()));
        Received { known_as: None, refused }
    }
}
