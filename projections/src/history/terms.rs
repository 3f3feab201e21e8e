//! Types, licenses, groups, actors and who was let in, of an account, as numbers.

use std::collections::HashMap;

use events::wire::Commit;
use events::{AccountId, Actor, By, GroupId, LicenseId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Error;
use crate::known::Known;

/// Numbers are given in the order of the log, so that every rebuild gives the same ones.
pub(super) const SCHEMA: &str = "
    CREATE TABLE terms (
        id      INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        kind    INTEGER NOT NULL,
        name    TEXT    NOT NULL,
        UNIQUE (account, kind, name)
    ) STRICT;";

/// Terms a writer remembers between batches. Beyond that it forgets all of them and reads them from
/// the file again, one by one.
const TERMS_MAX: usize = 200_000;

/// What a term is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Type(&'a str),
    License(&'a LicenseId),
    Actor(&'a Actor),
    Group(&'a GroupId),
    By(&'a By),
}

impl<'a> Kind<'a> {
    fn row(self) -> (i64, &'a str) {
        match self {
            Kind::Type(name) => (TYPE, name),
            Kind::License(name) => (LICENSE, name.as_str()),
            Kind::Actor(name) => (ACTOR, name.as_str()),
            Kind::Group(name) => (GROUP, name.as_str()),
            Kind::By(name) => (BY, name.as_str()),
        }
    }
}

pub(super) const TYPE: i64 = 0;
pub(super) const LICENSE: i64 = 1;
pub(super) const ACTOR: i64 = 2;
pub(super) const GROUP: i64 = 3;
pub(super) const BY: i64 = 4;

/// What a writer remembers of terms.
#[derive(Default)]
pub(super) struct Terms {
    accounts: Known<()>,
    /// By account and kind, then by name.
    terms: HashMap<(i64, i64), HashMap<Box<str>, i64>>,
    size: usize,
}

impl Terms {
    /// The number of an account.
    pub(super) fn account(
        &mut self,
        db: &Connection,
        account: &AccountId,
        commit: &Commit,
    ) -> Result<i64, Error> {
        self.accounts.account(db, account, commit)
    }

    /// The number of a term, given if it has none.
    pub(super) fn term(
        &mut self,
        db: &Connection,
        account: &AccountId,
        term: Kind<'_>,
        commit: &Commit,
    ) -> Result<i64, Error> {
        let account = self.accounts.account(db, account, commit)?;
        let (kind, name) = term.row();
        let names = self.terms.entry((account, kind)).or_default();
        if let Some(id) = names.get(name) {
            return Ok(*id);
        }
        let id = match find(db, account, kind, name)? {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO terms (account, kind, name) VALUES (?1, ?2, ?3)";
                db.prepare_cached(sql)?.insert(params![account, kind, name])?
            }
        };
        names.insert(name.into(), id);
        self.size += 1;
        Ok(id)
    }

    /// Keeps within [`TERMS_MAX`]; called between batches.
    pub(super) fn trim(&mut self) {
        self.accounts.trim();
        if self.size > TERMS_MAX {
            self.terms.clear();
            self.size = 0;
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.accounts.forget();
        self.terms.clear();
        self.size = 0;
    }
}

/// The number of a term that has had an event.
pub(super) fn find(
    db: &Connection,
    account: i64,
    kind: i64,
    name: &str,
) -> Result<Option<i64>, Error> {
    let sql = "SELECT id FROM terms WHERE account = ?1 AND kind = ?2 AND name = ?3";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![account, kind, name], |row| row.get(0)).optional()?)
}

/// The numbers of all types of which an account has had an event.
pub(super) fn types(db: &Connection, account: i64) -> Result<Vec<i64>, Error> {
    let sql = "SELECT id FROM terms WHERE account = ?1 AND kind = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let ids = statement.query_map([account, TYPE], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ids)
}
