//! What other accounts have of a license: a row from each sequence on at which it was something else.

use events::AccountId;
use events::event::{AccountAllocationSet, TransferBegan, TransferEnded};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::as_of::{AsOf, int, uint};
use crate::error::Error;
use crate::known;
use crate::page::{self, Page, rows_for};

/// `open` are the seats of the transfer that is on its way, `transfer` the number of the last one.
pub(super) const SCHEMA: &str = "
    CREATE TABLE given (
        license  INTEGER NOT NULL,
        receiver TEXT    NOT NULL,
        since    INTEGER NOT NULL,
        wanted   INTEGER NOT NULL CHECK (wanted >= 0),
        quantity INTEGER NOT NULL CHECK (quantity >= 0),
        open     INTEGER,
        transfer INTEGER,
        known_as TEXT,
        refused  TEXT,
        detail   TEXT,
        PRIMARY KEY (license, receiver, since)
    ) STRICT, WITHOUT ROWID;";

/// What an account has of another one's license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Given {
    /// Which account.
    pub receiver: String,
    /// Seats that it has, as far as it has said.
    pub quantity: i64,
    /// Seats that it is to have.
    pub wanted: i64,
    /// Seats that are kept for it: whatever becomes of a transfer, it has no more.
    pub reserved: i64,
    /// Whether it has what it is to have.
    pub state: GivenState,
    /// The number of the last transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<u64>,
    /// What the license is called there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_as: Option<String>,
    /// The code with which the receiver refused the last transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The sentence that goes with the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The last commit that changed it.
    pub changed_sequence: u64,
}

/// Whether a receiver has what it is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GivenState {
    /// It has.
    Settled,
    /// A transfer is on its way, or is to begin.
    Pending,
    /// It has refused the last transfer, and has what it had.
    Refused,
}

/// The columns of a row, but for its key.
#[derive(Default)]
struct Kept {
    wanted: i64,
    quantity: i64,
    open: Option<i64>,
    transfer: Option<i64>,
    known_as: Option<String>,
    refused: Option<String>,
    detail: Option<String>,
}

impl Kept {
    fn of(row: &Row<'_>) -> rusqlite::Result<Kept> {
        Ok(Kept {
            wanted: row.get(0)?,
            quantity: row.get(1)?,
            open: row.get(2)?,
            transfer: row.get(3)?,
            known_as: row.get(4)?,
            refused: row.get(5)?,
            detail: row.get(6)?,
        })
    }

    fn reserved(&self) -> i64 {
        self.wanted.max(self.quantity).max(self.open.unwrap_or_default())
    }

    fn state(&self) -> GivenState {
        match (self.open.is_some() || self.wanted != self.quantity, &self.refused) {
            (true, _) => GivenState::Pending,
            (false, Some(_)) => GivenState::Refused,
            (false, None) => GivenState::Settled,
        }
    }
}

pub(super) fn set(
    db: &Connection,
    license: i64,
    sequence: i64,
    it: &AccountAllocationSet,
) -> Result<i64, Error> {
    change(db, license, sequence, &it.receiver, |kept| {
        kept.wanted = it.to.get();
        (kept.refused, kept.detail) = (None, None);
    })
}

pub(super) fn begin(
    db: &Connection,
    license: i64,
    sequence: i64,
    it: &TransferBegan,
) -> Result<i64, Error> {
    change(db, license, sequence, &it.receiver, |kept| {
        kept.open = Some(it.quantity.get());
        kept.transfer = Some(int(it.transfer));
        (kept.refused, kept.detail) = (None, None);
    })
}

/// What was refused is wanted no more, unless something else is by now.
pub(super) fn end(
    db: &Connection,
    license: i64,
    sequence: i64,
    it: &TransferEnded,
) -> Result<i64, Error> {
    change(db, license, sequence, &it.receiver, |kept| {
        let told = kept.open.take();
        kept.quantity = it.quantity.get();
        if told == Some(kept.wanted) {
            kept.wanted = kept.quantity;
        }
        if let Some(known_as) = &it.known_as {
            kept.known_as = Some(known_as.as_str().to_owned());
        }
        kept.refused = it.refused.as_deref().map(str::to_owned);
        kept.detail = it.detail.as_deref().map(str::to_owned);
    })
}

const COLUMNS: &str = "wanted, quantity, open, transfer, known_as, refused, detail";

/// Writes what an account has from now on, and gives back how many more seats are kept for it.
fn change(
    db: &Connection,
    license: i64,
    sequence: i64,
    receiver: &AccountId,
    change: impl FnOnce(&mut Kept),
) -> Result<i64, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM given WHERE license = ?1 AND receiver = ?2
         ORDER BY since DESC LIMIT 1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query((license, receiver.as_str()))?;
    let mut kept = rows.next()?.map(Kept::of).transpose()?.unwrap_or_default();
    let before = kept.reserved();
    change(&mut kept);
    let sql = "INSERT OR REPLACE INTO given VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    db.prepare_cached(sql)?.execute(params![
        license,
        receiver.as_str(),
        sequence,
        kept.wanted,
        kept.quantity,
        kept.open,
        kept.transfer,
        kept.known_as,
        kept.refused,
        kept.detail
    ])?;
    Ok(kept.reserved() - before)
}

/// What other accounts have of a license, or had, by account.
pub fn given(
    db: &Connection,
    account: &str,
    license: &str,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Given>, Error> {
    let after = page::name_after(cursor)?;
    let db = AsOf::new(db, at)?;
    let mut items = vec![];
    if let Some(account) = known::find(&db, account)? {
        let sql = format!(
            "SELECT {COLUMNS}, receiver, since FROM given AS it
             WHERE license = (SELECT id FROM licenses WHERE account = ?2 AND license = ?3)
               AND receiver > ?4
               AND since = (SELECT max(since) FROM given
                            WHERE license = it.license AND receiver = it.receiver AND since <= ?1)
             ORDER BY receiver LIMIT ?5"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let rows_max = int(rows_for(limit) as u64);
        let mut rows = statement.query(params![db.at, account, license, after, rows_max])?;
        while let Some(row) = rows.next()? {
            let given = of_row(row)?;
            items.push((given.receiver.clone().into_bytes(), given));
        }
    }
    Ok(Page::of(items, limit, db.sequence()))
}

/// What one other account has of a license, if it was ever to have any.
pub fn given_to(
    db: &Connection,
    (account, license): (&str, &str),
    receiver: &str,
    at: u64,
) -> Result<Option<Given>, Error> {
    let db = AsOf::new(db, at)?;
    let sql = format!(
        "SELECT {COLUMNS}, receiver, since FROM given
         WHERE license = (SELECT licenses.id FROM accounts
                          CROSS JOIN licenses ON licenses.account = accounts.id
                          WHERE accounts.account = ?2 AND licenses.license = ?3)
           AND receiver = ?4 AND since <= ?1
         ORDER BY since DESC LIMIT 1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![db.at, account, license, receiver])?;
    rows.next()?.map(of_row).transpose()
}

fn of_row(row: &Row<'_>) -> Result<Given, Error> {
    let kept = Kept::of(row)?;
    Ok(Given {
        receiver: row.get(7)?,
        quantity: kept.quantity,
        wanted: kept.wanted,
        reserved: kept.reserved(),
        state: kept.state(),
        transfer: kept.transfer.map(uint),
        known_as: kept.known_as,
        code: kept.refused,
        detail: kept.detail,
        changed_sequence: uint(row.get(8)?),
    })
}
