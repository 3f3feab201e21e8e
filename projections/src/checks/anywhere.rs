//! May whoever has this e-mail address use something, in whichever account?

use events::Moment;
use rusqlite::Connection;

use super::queries::{Found, Live, Place, gather};
use crate::as_of::AsOf;
use crate::emails;
use crate::error::Error;

/// Whether a live, active assignment of a license in force stands for an e-mail address, in lower
/// case, in one account or in any; only of products that are `wanted`.
///
/// Every account is looked at, whatever was found before, so that the time it takes says nothing of
/// where.
pub fn anywhere(
    db: &Connection,
    account: Option<&str>,
    email: &str,
    wanted: impl Fn(&str) -> bool,
    now: Moment,
) -> Result<(bool, u64), Error> {
    let db = AsOf::new(db, u64::MAX)?;
    let sql = "SELECT id FROM accounts WHERE ?1 IS NULL OR account = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([account])?;
    let mut found = false;
    while let Some(row) = rows.next()? {
        let place = Place { account: row.get(0)?, product: None, license: None };
        let mut found_here = Found::default();
        for holder in emails::holders_of(&db, place.account, email, db.at)? {
            gather(&db, &place, &holder, now, &mut found_here)?;
        }
        for it in found_here.live {
            found |= is_allowed(&db, &place, &it, &wanted)?;
        }
    }
    Ok((found, db.sequence()))
}

fn is_allowed(
    db: &AsOf<'_>,
    place: &Place,
    (code, ground, _): &Live,
    wanted: impl Fn(&str) -> bool,
) -> Result<bool, Error> {
    let sql = "SELECT products.product FROM licenses
               CROSS JOIN products ON products.id = licenses.product
               WHERE licenses.account = ?1 AND licenses.license = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let row = (place.account, &ground.license);
    let product: String = statement.query_row(row, |row| row.get(0))?;
    Ok(code.is_allowed() && wanted(&product))
}
