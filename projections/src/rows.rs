//! Values of rows as answers say them.

use events::{Email, Holder, Moment, UserId};
use rusqlite::Row;
use rusqlite::types::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::as_of::int;
use crate::error::Error;
use crate::page::PAGE_MAX;

/// A moment in milliseconds.
pub(crate) fn moment(row: &Row<'_>, column: usize) -> Result<Moment, Error> {
    Ok(Moment::from_millis(row.get(column)?))
}

/// A moment, if there is one.
pub(crate) fn maybe_moment(row: &Row<'_>, column: usize) -> Result<Option<Moment>, Error> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Moment::from_millis))
}

/// An id in 16 bytes.
pub(crate) fn id(row: &Row<'_>, column: usize) -> Result<Uuid, Error> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

/// JSON as it was given.
pub(crate) fn json(text: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(text).map_err(|it| Error::Damaged(it.to_string()))
}

/// JSON, if there is any.
pub(crate) fn maybe_json(row: &Row<'_>, column: usize) -> Result<Option<Box<RawValue>>, Error> {
    row.get::<_, Option<String>>(column)?.map(json).transpose()
}

/// As JSON in a column.
pub(crate) fn to_json(it: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(it).map_err(|it| Error::Damaged(it.to_string()))
}

/// What a column says in JSON; what it says when it says nothing, else.
pub(crate) fn from_json<T: serde::de::DeserializeOwned + Default>(
    row: &Row<'_>,
    column: usize,
) -> Result<T, Error> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let Some(text) = text else { return Ok(T::default()) };
    serde_json::from_str(text).map_err(|it| Error::Damaged(it.to_string()))
}

/// A holder by its key, see [`crate::emails::holder_key`], and the address a user was known by.
pub(crate) fn holder(key: &str, email: Option<&str>) -> Result<Holder, Error> {
    let damaged = || Error::Damaged(format!("{key:?} is nobody"));
    let address = |it: &str| Email::new(it).map_err(|_| damaged());
    if let Some(user) = key.strip_prefix('u') {
        let user = UserId::new(user).map_err(|_| damaged())?;
        return Ok(Holder { user: Some(user), email: email.map(address).transpose()? });
    }
    key.strip_prefix('e').ok_or_else(damaged).and_then(address).map(Holder::email)
}

/// A statement that grows with the filters that were given.
pub(crate) struct Query {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Query {
    /// Begins with a statement that uses `?1` to `?n` for its first values.
    pub(crate) fn new(sql: &str, values: impl IntoIterator<Item = Value>) -> Query {
        Query { sql: sql.to_owned(), values: values.into_iter().collect() }
    }

    /// Adds a condition with one `?`, if there is a value for it.
    pub(crate) fn and(&mut self, condition: &str, value: Option<impl Into<Value>>) -> &mut Query {
        if let Some(value) = value {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
            self.values.push(value.into());
        }
        self
    }

    /// Adds the end, with one `?` for the number of rows.
    pub(crate) fn limit(&mut self, end: &str, rows: usize) -> &mut Query {
        self.sql.push_str(end);
        self.values.push(Value::Integer(i64::try_from(rows).unwrap_or(i64::MAX)));
        self
    }

    /// Orders by one column, and by a second one where the first does not decide.
    pub(crate) fn order(&mut self, by: &str, then: &str, descending: bool) -> &mut Query {
        let way = if descending { " DESC" } else { "" };
        self.sql.push_str(&[" ORDER BY ", by, way, ", ", then, way].concat());
        self
    }

    /// Adds the end of a list that is gone through by counting.
    pub(crate) fn page(&mut self, skip: u64, limit: usize) -> &mut Query {
        self.limit(" LIMIT ?", limit.clamp(1, PAGE_MAX));
        self.sql.push_str(" OFFSET ?");
        self.values.push(Value::Integer(int(skip)));
        self
    }
}
