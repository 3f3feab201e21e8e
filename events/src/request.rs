//! A command with everything around it: who asks, for which account, and under which id.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::by::By;
use crate::command::{self, Command, CommandType, NoteKeyUse, PassTime};
use crate::key::KeyId;
use crate::limits::COMMAND_BYTES_MAX;
use crate::malformed::{Malformed, MalformedCode, short};
use crate::strict::{self, Object};
use crate::text::{AccountId, Actor, CommandId, Given, Label, Source};
use crate::wire::{hex, unhex};

/// Through which door a command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// NATS, asked or posted.
    Nats,
    /// The ledger's own HTTP API.
    Http,
    /// The UiPath dialect.
    Uipath,
    /// The ibl.ai dialect.
    Ibl,
    /// The Aladia dialect.
    Aladia,
    /// The ledger's own clock.
    Clock,
}

/// Why somebody asked, in their own words. Recorded, never judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Which system the change came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What kind of change it is there.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Label>,
    /// What it is called there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<Label>,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
}

impl Change {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Change::default()
    }
}

/// SHA-256 over what a command asks, cut to 128 bits; written in hex.
///
/// Two documents have the same hash when they ask the same of the same account: white space, the
/// order of members, the actor, who was let in and `dry_run` do not count.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 16]);

impl ContentHash {
    /// That of what is written already.
    pub fn of(bytes: &[u8]) -> ContentHash {
        let digest = Sha256::digest(bytes);
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        ContentHash(hash)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ContentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; 16];
        unhex(&Given::deserialize(deserializer)?.0, &mut bytes)
            .ok_or_else(|| serde::de::Error::custom("a content hash is 32 hex digits"))?;
        Ok(ContentHash(bytes))
    }
}

/// A well-formed command, ready to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The idempotency key.
    pub id: CommandId,
    /// For which account.
    pub account: AccountId,
    /// Who asks, as the sender says.
    pub actor: Actor,
    /// Who was let in.
    pub by: By,
    /// Through which door it came.
    pub via: Via,
    /// Why.
    pub change: Change,
    /// Judge only: nothing is written.
    pub dry_run: bool,
    /// What is asked.
    pub command: Command,
    /// Over `account`, `change` and `command`.
    pub hash: ContentHash,
}

/// Where a document came in: what its address says about it.
#[derive(Debug, Clone)]
pub struct Address<'a> {
    /// The account named by the subject or path.
    pub account: &'a str,
    /// The command type named by the subject or path.
    pub kind: &'a str,
    /// The key given beside the body (`Nats-Msg-Id`, `Idempotency-Key`), if any.
    pub key: Option<&'a str>,
    /// Through which door.
    pub via: Via,
}

impl Address<'_> {
    /// The account that it names.
    pub fn account(&self) -> Result<AccountId, Malformed> {
        AccountId::new(self.account).map_err(|_| invalid_account(self))
    }
}

/// What the ledger's own clock is called where it asks.
pub const CLOCK: &str = "clock";

/// What the ids begin with of commands that the ledger asks for itself, and that have to have one id
/// whoever asks.
pub(crate) const LEDGER_IDS: &str = "seatledger-";

/// What an actor is called who did not say.
pub const ANONYMOUS: &str = "anonymous";

/// Members that every command document may have besides its own.
///
/// `account` and `type` may repeat what the address says, so that a document is complete when it
/// stands in a file.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Envelope {
    /// The idempotency key; made by the server when absent here and beside the body.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub id: Option<CommandId>,
    /// Repeats the address.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub account: Option<String>,
    /// Repeats the address.
    #[serde(default, rename = "type", deserialize_with = "given")]
    #[schema(nullable = false)]
    pub kind: Option<String>,
    /// Who asks; `anonymous` when absent.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub actor: Option<Actor>,
    /// Judge only: the events it would cause, nothing written.
    #[serde(default)]
    pub dry_run: bool,
    /// Why.
    #[serde(default)]
    pub change: Change,
    /// A sentence for people; short for `change.reason`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub reason: Option<Label>,
}

/// What is there is meant: an id that is `null` is a producer's mistake, and making one up for it
/// would take the idempotency away without a word.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(raw: D) -> Result<Option<T>, D::Error> {
    T::deserialize(raw).map(Some)
}

const ENVELOPE: &[&str] = &["id", "account", "type", "actor", "dry_run", "change", "reason"];

impl Request {
    /// Reads a command document of somebody who was let in. `new_id` is asked for an id only when the
    /// producer gave none.
    pub fn read(
        address: &Address<'_>,
        by: By,
        document: &[u8],
        new_id: impl FnOnce() -> CommandId,
    ) -> Result<Request, Malformed> {
        let account = address.account()?;
        let kind: CommandType = address.kind.parse()?;
        if document.len() > COMMAND_BYTES_MAX {
            let detail =
                format!("it has {} bytes, a command at most {COMMAND_BYTES_MAX}", document.len());
            return Err(Malformed::whole(MalformedCode::PayloadTooLarge, detail));
        }
        let members = strict::object(document)?.0;
        let (around, own) = members.into_iter().partition(|(key, _)| ENVELOPE.contains(&&**key));
        let envelope: Envelope = strict::members(Object(around), &[])?;
        agree("/account", envelope.account.as_deref(), address.account)?;
        agree("/type", envelope.kind.as_deref(), address.kind)?;
        let id = id(envelope.id, address.key)?.unwrap_or_else(new_id);
        let mut change = envelope.change;
        if let Some(reason) = envelope.reason {
            agree("/reason", change.reason.as_ref().map(Label::as_str), reason.as_str())?;
            change.reason = Some(reason);
        }
        let command = command::read(kind, Object(own), ENVELOPE)?;
        command.check()?;
        let actor = match envelope.actor {
            Some(actor) => actor,
            None => Actor::new(ANONYMOUS)
                .map_err(|it| Malformed::whole(MalformedCode::InvalidText, it.to_string()))?,
        };
        let hash = content_hash(&account, &change, &command);
        let (via, dry_run) = (address.via, envelope.dry_run);
        Ok(Request { id, account, actor, by, via, change, dry_run, command, hash })
    }
}

impl Request {
    /// What the ledger's own clock asks for an account.
    pub fn of_clock(account: AccountId, id: CommandId) -> Result<Request, Malformed> {
        Request::of_ledger(account, id, Command::PassTime(PassTime {}))
    }

    /// What the ledger asks when a key was used.
    pub fn of_key_use(account: AccountId, id: CommandId, key: KeyId) -> Result<Request, Malformed> {
        Request::of_ledger(account, id, Command::NoteKeyUse(NoteKeyUse { key }))
    }

    /// What the ledger itself asks for an account, when it is time.
    pub(crate) fn of_ledger(
        account: AccountId,
        id: CommandId,
        command: Command,
    ) -> Result<Request, Malformed> {
        let actor = Actor::new(CLOCK)
            .map_err(|it| Malformed::whole(MalformedCode::InvalidText, it.to_string()))?;
        let change = Change::default();
        let hash = content_hash(&account, &change, &command);
        let (by, via, dry_run) = (By::clock(), Via::Clock, false);
        Ok(Request { id, account, actor, by, via, change, dry_run, command, hash })
    }
}

fn id(given: Option<CommandId>, key: Option<&str>) -> Result<Option<CommandId>, Malformed> {
    let Some(key) = key else { return given.map(not_the_ledgers).transpose() };
    agree("/id", given.as_ref().map(CommandId::as_str), key)?;
    let id = CommandId::new(key).map_err(|_| {
        let detail = "the key beside the body must match [A-Za-z0-9_-]{1,64}";
        Malformed::whole(MalformedCode::InvalidCommandId, detail)
    })?;
    not_the_ledgers(id).map(Some)
}

/// Refuses an id that stands, or will, for something that the ledger asks for itself.
fn not_the_ledgers(id: CommandId) -> Result<CommandId, Malformed> {
    match id.as_str().starts_with(LEDGER_IDS) {
        false => Ok(id),
        true => Err(Malformed::at(
            MalformedCode::InvalidCommandId,
            "/id",
            format!("ids that begin with {LEDGER_IDS} are those of the ledger itself"),
        )),
    }
}

fn agree(pointer: &str, given: Option<&str>, address: &str) -> Result<(), Malformed> {
    match given {
        Some(given) if given != address => Err(Malformed::at(
            MalformedCode::Contradiction,
            pointer,
            format!(
                "the document says {:?}, what stands beside it {:?}",
                short(given),
                short(address)
            ),
        )),
        _ => Ok(()),
    }
}

fn invalid_account(address: &Address<'_>) -> Malformed {
    let shown = short(address.account);
    let detail = format!("{shown:?} cannot be an account: it must match [A-Za-z0-9_-]{{1,64}}");
    Malformed::whole(MalformedCode::InvalidAccount, detail)
}

fn content_hash(account: &AccountId, change: &Change, command: &Command) -> ContentHash {
    let content = (account, command.kind().as_str(), change, command);
    // Invariant: these types serialise without fail; an empty content would still be a hash.
    let bytes = serde_json::to_vec(&content).unwrap_or_default();
    ContentHash::of(&bytes)
}

#[cfg(test)]
mod tests;
