//! Whether two files say the same.

use std::fmt;

use events::wire::hex;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// SHA-256 over the rows of a read model; written in hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContentDigest(pub [u8; 32]);

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Every table by name, every row by primary key, every value with its type and length, so that no
/// two different contents are the same bytes.
pub(super) fn of(db: &Connection) -> Result<ContentDigest, Error> {
    let mut digest = Sha256::new();
    for table in names(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")? {
        let columns =
            format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk");
        let key = names(db, &columns)?.join(", ");
        feed(&mut digest, b't', table.as_bytes());
        // Every table has a primary key; without one this is an error and not a wrong digest.
        let mut statement = db.prepare(&format!("SELECT * FROM {table} ORDER BY {key}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            digest.update(b"r");
            for column in 0..columns {
                match row.get_ref(column)? {
                    ValueRef::Null => digest.update(b"n"),
                    ValueRef::Integer(it) => feed(&mut digest, b'i', &it.to_be_bytes()),
                    ValueRef::Real(it) => feed(&mut digest, b'f', &it.to_bits().to_be_bytes()),
                    ValueRef::Text(it) => feed(&mut digest, b's', it),
                    ValueRef::Blob(it) => feed(&mut digest, b'b', it),
                }
            }
        }
    }
    Ok(ContentDigest(digest.finalize().into()))
}

fn feed(digest: &mut Sha256, kind: u8, bytes: &[u8]) {
    digest.update([kind]);
    digest.update((bytes.len() as u64).to_be_bytes());
    digest.update(bytes);
}

fn names(db: &Connection, sql: &str) -> Result<Vec<String>, Error> {
    let mut statement = db.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}
