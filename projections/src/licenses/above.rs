//! What a part has left to give out, which depends on the license that it is a part of.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::queries::{LICENSES, License, license};
use crate::as_of::AsOf;
use crate::error::Error;
use crate::rows::Query;

/// What licenses of an account have left to share out: each is looked up once.
pub(super) struct Above<'a> {
    db: &'a AsOf<'a>,
    account: i64,
    unshared: HashMap<String, i64>,
}

impl<'a> Above<'a> {
    pub(super) fn new(db: &'a AsOf<'a>, account: i64) -> Above<'a> {
        Above { db, account, unshared: HashMap::new() }
    }

    /// A license with what it has left, whatever it is a part of.
    pub(super) fn told(&mut self, row: &Row<'_>) -> Result<License, Error> {
        let it = license(row)?;
        let free = self.free(&it)?;
        Ok(License { available: (free < i64::MAX).then_some(free.max(0)), ..it })
    }

    /// Seats that it would give out; fewer than none while it is over-allocated, or what it is a part
    /// of is.
    fn free(&mut self, it: &License) -> Result<i64, Error> {
        let taken = it.used + it.allocated;
        let own = match it.limit.map_or(i64::MAX, |limit| limit - taken) {
            // Shared out is the quantity alone, whatever an overage adds.
            left if left >= 0 && it.allocated > it.quantity => it.quantity - it.allocated,
            left => left,
        };
        let Some(parent) = &it.parent else { return Ok(own) };
        let left = self.unshared(parent)?;
        let has = (it.quantity - it.used - it.allocated).max(0);
        Ok(own.min(if left < 0 { left } else { has.saturating_add(left) }))
    }

    fn unshared(&mut self, name: &str) -> Result<i64, Error> {
        if let Some(found) = self.unshared.get(name) {
            return Ok(*found);
        }
        let mut query = Query::new(LICENSES, [Value::from(self.db.at), self.account.into()]);
        query.and("it.license = ?", Some(name.to_owned()));
        let found = {
            let mut statement = self.db.prepare_cached(&query.sql)?;
            let mut rows = statement.query(params_from_iter(&query.values))?;
            rows.next()?.map(license).transpose()?
        };
        let left = match &found {
            Some(it) => self.free(it)?.min(it.quantity - it.allocated),
            None => 0,
        };
        self.unshared.insert(name.to_owned(), left);
        Ok(left)
    }
}
