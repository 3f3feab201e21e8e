//! The words and the rules of the license ledger.
//!
//! Everything here is pure: no I/O, no async, no clock. A [`Command`] is judged by [`decide()`]
//! against the state of one [`Account`]; what it causes is a list of [`Event`]s, which
//! [`Account::evolve`] takes note of. [`wire`] turns events into the bytes of a commit and back.
//!
//! Reading order: [`text`] and [`holder`] (what things are called), [`command`] (what may be
//! asked), [`event`] (what has happened), [`refusal`] (why not), [`account`] (the state),
//! [`mod@decide`] (the rules), [`ledger`] (all accounts of a partition), [`transfer`] (what two
//! accounts do one after the other), [`wire`] (the bytes).

#![warn(missing_docs)]

pub mod account;
pub mod by;
pub mod command;
pub mod decide;
pub mod event;
pub mod holder;
pub mod key;
pub mod ledger;
pub mod limits;
pub mod malformed;
pub mod metadata;
pub mod mint;
pub mod moment;
pub mod policy;
pub mod refusal;
pub mod refused;
pub mod request;
pub mod rule;
mod strict;
pub mod text;
pub mod transfer;
pub mod wire;

pub use account::Account;
pub use by::By;
pub use command::{Command, CommandType};
pub use decide::decide;
pub use event::Event;
pub use holder::{Email, Holder};
pub use key::KeyId;
pub use ledger::Ledger;
pub use malformed::Malformed;
pub use metadata::Metadata;
pub use mint::Mint;
pub use moment::Moment;
pub use refusal::Refusal;
pub use refused::Refused;
pub use request::{Change, Request, Via};
pub use strict::check as check_json;
pub use text::{
    AccountId, Actor, AssignmentId, CommandId, ContainerId, ExternalId, GroupId, LicenseId,
    ProductId, Source, UserId,
};
