//! Whether a license can be used, as tables and answers say it.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a license can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LicenseState {
    /// It can, inside its window.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Retired,
}

impl LicenseState {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            LicenseState::Active => "active",
            LicenseState::Suspended => "suspended",
            LicenseState::Retired => "retired",
        }
    }

    /// As it stands in a table.
    pub(crate) fn number(self) -> i64 {
        match self {
            LicenseState::Active => 0,
            LicenseState::Suspended => 1,
            LicenseState::Retired => 2,
        }
    }
}

impl fmt::Display for LicenseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ToSql for LicenseState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.number().into())
    }
}

impl FromSql for LicenseState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(LicenseState::Active),
            1 => Ok(LicenseState::Suspended),
            2 => Ok(LicenseState::Retired),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}
