//! The SQLite read models of the license ledger.
//!
//! Each is one file, rebuilt from the log whenever it is missing, damaged or of another version.
//! A [`Store`] writes a file: commits in, rows and a [`Checkpoint`] out, in one transaction. A
//! [`Readers`] lends connections to the queries, which are functions of a connection: each takes
//! the sequence as of which it shall answer, `u64::MAX` meaning the newest.
//!
//! No async, no network, no clock: time is an argument. (How long a question takes is measured, and
//! is no part of its answer.) Nothing else names SQL.
//!
//! Reading order: [`store`] and [`readers`], then one module a read model, each with its schema,
//! what it makes of an event, and its queries.
#![warn(missing_docs)]

mod as_of;
pub mod assignments;
pub mod checks;
pub mod commands;
pub mod directory;
mod emails;
pub mod error;
mod grounds;
pub mod history;
pub mod keys;
mod known;
pub mod licenses;
pub mod page;
mod position;
pub mod readers;
pub mod refusals;
mod rows;
mod state;
pub mod store;
#[cfg(test)]
mod tests;
pub mod waitlists;

/// What a question is asked of; [`Readers`] lend it. Whoever asks names this and nothing of SQLite.
pub use rusqlite::Connection;

pub use error::Error;
pub use events::account::LicenseState;
pub use page::Page;
pub use readers::{Patience, Readers};
pub use store::{Checkpoint, ContentDigest, ReadModel, Store};

/// Every read model that is fed by the log.
pub const ALL: &[&ReadModel] = &[
    &licenses::MODEL,
    &assignments::MODEL,
    &checks::MODEL,
    &directory::MODEL,
    &waitlists::MODEL,
    &history::MODEL,
    &commands::MODEL,
    &keys::MODEL,
];
