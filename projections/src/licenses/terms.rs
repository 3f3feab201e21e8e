//! What a license is, beside its counts: a version from each sequence on at which it was another.

use events::Moment;
use events::account::LicenseState;
use events::event::{LicenseDescribed, WindowChanged};
use events::policy::Policy;
use rusqlite::{Connection, params};

use crate::as_of::int;
use crate::error::Error;
use crate::rows::to_json;
use crate::state;

pub(super) fn describe(
    db: &Connection,
    license: i64,
    sequence: i64,
    it: &LicenseDescribed,
) -> Result<(), Error> {
    begin_version(db, license, sequence)?;
    let sql = "UPDATE versions SET name = ?3, external_id = ?4, source = ?5, metadata = ?6
               WHERE license = ?1 AND since = ?2";
    db.prepare_cached(sql)?.execute(params![
        license,
        sequence,
        it.name.as_ref().map(|it| it.as_str()),
        it.external_id.as_ref().map(|it| it.as_str()),
        it.source.as_ref().map(|it| it.as_str()),
        it.metadata.as_ref().map(|it| it.as_str())
    ])?;
    Ok(())
}

pub(super) fn move_window(
    db: &Connection,
    license: i64,
    sequence: i64,
    it: &WindowChanged,
) -> Result<(), Error> {
    begin_version(db, license, sequence)?;
    let sql = "UPDATE versions SET starts_at = ?3, ends_at = ?4, grace_days = ?5
               WHERE license = ?1 AND since = ?2";
    let (starts_at, ends_at) = (it.starts_at.map(Moment::millis), it.ends_at.map(Moment::millis));
    let grace_days = it.grace_days.map(|it| it.get());
    let row = params![license, sequence, starts_at, ends_at, grace_days];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn turn(
    db: &Connection,
    license: i64,
    sequence: i64,
    state: LicenseState,
) -> Result<(), Error> {
    begin_version(db, license, sequence)?;
    let sql = "UPDATE versions SET state = ?3 WHERE license = ?1 AND since = ?2";
    db.prepare_cached(sql)?.execute(params![license, sequence, state::number(state)])?;
    Ok(())
}

/// Copies the version that was, unless this commit has begun one already.
fn begin_version(db: &Connection, license: i64, sequence: i64) -> Result<(), Error> {
    let sql = "INSERT OR IGNORE INTO versions
               SELECT license, ?2, state, starts_at, ends_at, grace_days, name, external_id, source, metadata,
                      policy, over_allocated
               FROM versions WHERE license = ?1 ORDER BY since DESC LIMIT 1";
    db.prepare_cached(sql)?.execute(params![license, sequence])?;
    Ok(())
}

/// What is decided for a license from now on.
pub(super) fn decide(
    db: &Connection,
    license: i64,
    sequence: i64,
    policy: &Policy,
) -> Result<(), Error> {
    begin_version(db, license, sequence)?;
    let policy = (!policy.is_empty()).then(|| to_json(policy)).transpose()?;
    let sql = "UPDATE versions SET policy = ?3 WHERE license = ?1 AND since = ?2";
    db.prepare_cached(sql)?.execute(params![license, sequence, policy])?;
    Ok(())
}

/// What is decided for an account from now on; the last word of a commit counts.
pub(super) fn decide_account(
    db: &Connection,
    account: i64,
    sequence: u64,
    policy: &Policy,
) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO policies VALUES (?1, ?2, ?3)";
    db.prepare_cached(sql)?.execute(params![account, int(sequence), to_json(policy)?])?;
    Ok(())
}

/// Whether more is held or shared out than the license gives, from now on.
pub(super) fn over_allocate(
    db: &Connection,
    license: i64,
    sequence: i64,
    over: bool,
) -> Result<(), Error> {
    begin_version(db, license, sequence)?;
    let sql = "UPDATE versions SET over_allocated = ?3 WHERE license = ?1 AND since = ?2";
    db.prepare_cached(sql)?.execute(params![license, sequence, over])?;
    Ok(())
}
