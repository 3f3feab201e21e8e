//! Names as numbers: what a writer remembers of accounts and their licenses.

use std::collections::HashMap;

use events::wire::Commit;
use events::{AccountId, LicenseId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::error::Error;

/// Accounts and licenses a writer remembers between batches. Beyond that it forgets all of them and
/// reads them from the file again, one by one.
const KNOWN_MAX: usize = 200_000;

/// An account exists from its first event. Numbers are given in the order of the log, so that every
/// rebuild gives the same ones.
pub(crate) const ACCOUNTS: &str = "
    CREATE TABLE accounts (
        id      INTEGER PRIMARY KEY,
        account TEXT    NOT NULL UNIQUE,
        since   INTEGER NOT NULL,
        at      INTEGER NOT NULL
    ) STRICT;";

/// Accounts and their licenses; `L` is what a model remembers of a license.
pub(crate) struct Known<L> {
    accounts: HashMap<AccountId, Account<L>>,
    size: usize,
}

struct Account<L> {
    id: i64,
    licenses: HashMap<LicenseId, L>,
}

impl<L> Default for Known<L> {
    fn default() -> Self {
        Known { accounts: HashMap::new(), size: 0 }
    }
}

impl<L> Known<L> {
    /// The number of an account, made if this is its first event.
    pub(crate) fn account(
        &mut self,
        db: &Connection,
        account: &AccountId,
        commit: &Commit,
    ) -> Result<i64, Error> {
        if let Some(known) = self.accounts.get(account) {
            return Ok(known.id);
        }
        let id = match find(db, account.as_str())? {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO accounts (account, since, at) VALUES (?1, ?2, ?3)";
                let row =
                    params![account.as_str(), int(commit.sequence), commit.header.at.millis()];
                db.prepare_cached(sql)?.insert(row)?
            }
        };
        self.size += 1;
        self.accounts.insert(account.clone(), Account { id, licenses: HashMap::new() });
        Ok(id)
    }

    /// Remembers a license that was just allocated.
    pub(crate) fn add(&mut self, account: &AccountId, license: &LicenseId, known: L) {
        if let Some(account) = self.accounts.get_mut(account) {
            account.licenses.insert(license.clone(), known);
            self.size += 1;
        }
    }

    /// A license and the number of its account. `load` reads it from the file when it is not
    /// remembered; nobody may have held back rows of it then.
    pub(crate) fn license(
        &mut self,
        db: &Connection,
        account: &AccountId,
        license: &LicenseId,
        commit: &Commit,
        load: impl FnOnce(i64) -> Result<Option<L>, Error>,
    ) -> Result<(i64, &mut L), Error> {
        let never = || {
            let reason = format!("license {license} of account {account} was never allocated");
            Error::inconsistent(commit.sequence, reason)
        };
        let id = self.account(db, account, commit)?;
        let account = self.accounts.get_mut(account).ok_or_else(never)?;
        if !account.licenses.contains_key(license) {
            let known = load(id)?.ok_or_else(never)?;
            account.licenses.insert(license.clone(), known);
            self.size += 1;
        }
        Ok((id, account.licenses.get_mut(license).ok_or_else(never)?))
    }

    /// Keeps within [`KNOWN_MAX`]; called between batches.
    pub(crate) fn trim(&mut self) {
        if self.size > KNOWN_MAX {
            self.forget();
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        self.accounts.clear();
        self.size = 0;
    }
}

/// The number of an account that has had an event.
pub(crate) fn find(db: &Connection, account: &str) -> Result<Option<i64>, Error> {
    let sql = "SELECT id FROM accounts WHERE account = ?1";
    Ok(db.prepare_cached(sql)?.query_row([account], |row| row.get(0)).optional()?)
}
