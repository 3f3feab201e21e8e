//! How the state of a license stands in tables.

use events::account::LicenseState;
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};

/// As it stands in a table.
pub(crate) fn number(it: LicenseState) -> i64 {
    match it {
        LicenseState::Active => 0,
        LicenseState::Suspended => 1,
        LicenseState::Retired => 2,
    }
}

/// What stands in a column.
pub(crate) fn of(row: &Row<'_>, column: usize) -> rusqlite::Result<LicenseState> {
    match row.get(column)? {
        0 => Ok(LicenseState::Active),
        1 => Ok(LicenseState::Suspended),
        2 => Ok(LicenseState::Retired),
        other => {
            let error = FromSqlError::OutOfRange(other);
            Err(rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, error.into()))
        }
    }
}
