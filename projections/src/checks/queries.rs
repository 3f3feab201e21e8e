//! The question, and how it is answered.

use events::Moment;
use events::account::LicenseState;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Status;
use super::verdict::{Code, Ended, Ground, Verdict};
use crate::as_of::{AsOf, int, uint};
use crate::emails::{self, user_key};
use crate::error::Error;
use crate::grounds;
use crate::rows::{id, maybe_moment, moment};
use crate::state;

/// May this holder use this product, or this license?
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// The user.
    pub user: Option<&'a str>,
    /// An e-mail address, in lower case. Without a user: everybody known by it, the user whom it
    /// names included. With a user: that user, and the holder who is nothing but this address.
    pub email: Option<&'a str>,
    /// Of which product.
    pub product: Option<&'a str>,
    /// Of which license. With neither product nor license: of any.
    pub license: Option<&'a str>,
}

/// Answers a check as of a sequence, at a moment. Windows of licenses and ends of assignments are held
/// against the moment, everything else against the sequence.
///
/// Allowed exactly when the holder has a live, active assignment of a license that is active and
/// whose window, with its days of grace, includes the moment. An assignment that no group gives is
/// live until its end, exclusive, also where the ledger has not written that it is over yet.
pub fn check(
    db: &Connection,
    account: &str,
    question: &Question<'_>,
    at: u64,
    now: Moment,
) -> Result<Verdict, Error> {
    if let Some(verdict) = at_once(db, account, question, at, now)? {
        return Ok(verdict);
    }
    in_full(&AsOf::new(db, at)?, account, question, now)
}

/// Answers many checks of one account, all as of the same sequence.
pub fn check_many(
    db: &Connection,
    account: &str,
    questions: &[Question<'_>],
    at: u64,
    now: Moment,
) -> Result<(Vec<Verdict>, u64), Error> {
    // Held for all of them: one state.
    let state = AsOf::new(db, at)?;
    let answer = |it| check(&state, account, it, state.sequence(), now);
    let verdicts = questions.iter().map(answer).collect::<Result<_, _>>()?;
    Ok((verdicts, state.sequence()))
}

const BY_PRODUCT: &str = "
    SELECT it.license, it.status, it.assignment, it.assigned, it.at,
           licenses.license, licenses.changed, licenses.state, licenses.starts_at, licenses.ends_at,
           licenses.grace_ends_at, (SELECT sequence FROM checkpoint), it.grounds,
           it.until
    FROM accounts CROSS JOIN products CROSS JOIN held_seats AS it CROSS JOIN licenses
    WHERE accounts.account = ?1
      AND products.account = accounts.id AND products.product = ?3
      AND it.account = accounts.id AND it.holder = ?2 AND it.product = products.id
      AND it.since <= ?4
      AND licenses.id = it.license
    ORDER BY it.license DESC, it.since DESC";

const BY_LICENSE: &str = "
    SELECT it.license, it.status, it.assignment, it.assigned, it.at,
           licenses.license, licenses.changed, licenses.state, licenses.starts_at, licenses.ends_at,
           licenses.grace_ends_at, (SELECT sequence FROM checkpoint), it.grounds,
           it.until
    FROM accounts CROSS JOIN licenses CROSS JOIN held_seats AS it
    WHERE accounts.account = ?1
      AND licenses.account = accounts.id AND licenses.license = ?3
      AND it.account = accounts.id AND it.holder = ?2 AND it.product = licenses.product
      AND it.license = licenses.id AND it.since <= ?4
    ORDER BY it.since DESC LIMIT 1";

/// Older rows of a license that are stepped over before the long way is taken, which seeks.
const STEPS_MAX: usize = 16;

/// The common case in one statement, which is one read transaction by itself: a user, a product or
/// a license, and the answer is yes. `None` means: take the long way.
fn at_once(
    db: &Connection,
    account: &str,
    question: &Question<'_>,
    at: u64,
    now: Moment,
) -> Result<Option<Verdict>, Error> {
    let (sql, of) = match *question {
        Question { user: Some(_), email: None, product: Some(of), license: None } => {
            (BY_PRODUCT, of)
        }
        Question { user: Some(_), email: None, product: None, license: Some(of) } => {
            (BY_LICENSE, of)
        }
        _ => return Ok(None),
    };
    let (user, at) = (user_key(question.user.unwrap_or_default()), int(at));
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![account, user, of, at])?;
    let (mut last, mut steps, mut sequence, mut live) = (None, 0, 0, vec![]);
    while let Some(row) = rows.next()? {
        let license: i64 = row.get(0)?;
        if last.replace(license) == Some(license) {
            steps += 1;
            if steps > STEPS_MAX {
                return Ok(None);
            }
            continue;
        }
        sequence = row.get(11)?;
        let standing = Standing::of(row, 5)?;
        if row.get::<_, i64>(6)? > at {
            return Ok(None);
        }
        let code = standing.code(now);
        if over(row, 12, now)?.is_some() {
            continue;
        }
        if row.get::<_, i64>(1)? == Status::Active as i64 && code.is_allowed() {
            live.push(lives(row, 12, standing, code)?);
        }
    }
    // In the order in which the long way finds them.
    live.reverse();
    let code = live.iter().map(|it| it.0).min();
    Ok(code.map(|code| allowed(code, live, uint(at.min(sequence)))))
}

/// The verdict on what somebody has, the best of which is allowed with this code.
fn allowed(code: Code, live: Vec<Live>, sequence: u64) -> Verdict {
    let mut detail = None;
    let mut told = |(_, ground, sentence): Live| {
        detail = detail.take().or(sentence);
        ground
    };
    let grounds = live.into_iter().filter(|it| it.0 == code).map(&mut told).collect();
    Verdict { allowed: true, code, grounds, ended: None, detail, sequence }
}

/// When it was over, of a row that has its grounds here and its end behind them; `None` before that,
/// and where a group gives it.
fn over(row: &Row<'_>, column: usize, now: Moment) -> Result<Option<Moment>, Error> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let until = maybe_moment(row, column + 1)?.filter(|it| *it <= now);
    Ok(until.filter(|_| !grounds::is_given(text)))
}

/// Of a row whose columns 2, 3 and 4 are the assignment, the commit that made it, and when; and that
/// has its grounds here and its end behind them.
fn ground(row: &Row<'_>, column: usize, standing: Standing) -> Result<Ground, Error> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let grounds = grounds::list(text);
    Ok(Ground {
        license: standing.license,
        assignment: id(row, 2)?,
        ground: grounds.first().cloned().unwrap_or_default(),
        grounds,
        since: moment(row, 4)?,
        since_sequence: uint(row.get(3)?),
        ends_at: standing.ends_at,
        grace_ends_at: standing.grace_ends_at,
        assignment_ends_at: maybe_moment(row, column + 1)?,
    })
}

/// How a license stands.
struct Standing {
    license: String,
    state: LicenseState,
    starts_at: Option<Moment>,
    ends_at: Option<Moment>,
    grace_ends_at: Option<Moment>,
}

impl Standing {
    /// Of a row that has the name here, and state and window two columns on.
    fn of(row: &Row<'_>, column: usize) -> Result<Standing, Error> {
        Ok(Standing {
            license: row.get(column)?,
            state: state::of(row, column + 2)?,
            starts_at: maybe_moment(row, column + 3)?,
            ends_at: maybe_moment(row, column + 4)?,
            grace_ends_at: maybe_moment(row, column + 5)?,
        })
    }

    /// What a license says to an active assignment of it. From the moment on at which the rules let
    /// a window or a grace end, it has ended.
    fn code(&self, now: Moment) -> Code {
        let over = |it: Option<Moment>| it.is_some_and(|it| it <= now);
        match self.state {
            LicenseState::Suspended => Code::LicenseSuspended,
            LicenseState::Active | LicenseState::Retired => match (self.starts_at, self.ends_at) {
                (Some(starts_at), _) if now < starts_at => Code::LicenseNotStarted,
                _ if over(self.grace_ends_at.or(self.ends_at)) => Code::LicenseEnded,
                _ if self.state == LicenseState::Retired => Code::LicenseRetired,
                _ if over(self.ends_at) => Code::InGrace,
                _ => Code::Allowed,
            },
        }
    }

    /// A sentence for people; that it can be used needs none.
    fn detail(&self, code: Code) -> Option<String> {
        let license = &self.license;
        let when = |it: Option<Moment>| it.map(|it| it.to_string()).unwrap_or_default();
        Some(match code {
            Code::InGrace => {
                let (ended, until) = (when(self.ends_at), when(self.grace_ends_at));
                format!("{license} ended at {ended} and can still be used until {until}")
            }
            Code::AssignmentInactive => format!("the assignment of {license} holds no seat"),
            Code::LicenseSuspended => format!("{license} is suspended"),
            Code::LicenseNotStarted => format!("{license} starts at {}", when(self.starts_at)),
            Code::LicenseEnded => match self.grace_ends_at {
                None => format!("{license} ended at {}", when(self.ends_at)),
                Some(it) => format!("{license} ended at {}, its grace at {it}", when(self.ends_at)),
            },
            Code::LicenseRetired => format!("{license} is retired"),
            Code::Allowed
            | Code::NoSuchAccount
            | Code::NoSuchLicense
            | Code::NoSuchProduct
            | Code::NotAssigned => return None,
        })
    }
}

/// What is asked about, as numbers; `None` stands for any.
pub(super) struct Place {
    pub(super) account: i64,
    pub(super) product: Option<i64>,
    pub(super) license: Option<i64>,
}

/// Why there is no such place, and the sentence for it.
type Nowhere = (Code, String);

/// The long way: any question, any answer.
fn in_full(
    db: &AsOf<'_>,
    account: &str,
    question: &Question<'_>,
    now: Moment,
) -> Result<Verdict, Error> {
    if question.user.is_none() && question.email.is_none() {
        return Err(Error::Nobody);
    }
    let place = match place(db, account, question)? {
        Ok(place) => place,
        Err((code, detail)) => return Ok(denied(db, code, vec![], None, detail)),
    };
    let mut found = Found::default();
    for holder in holders(db, &place, question)? {
        gather(db, &place, &holder, now, &mut found)?;
    }
    let Found { live, ended, since } = found;
    let Some(code) = live.iter().map(|it| it.0).min() else {
        let detail = match (question.license, question.product, place.product) {
            (Some(license), Some(product), Some(NO_PRODUCT)) => {
                format!("{license} is not a license of product {product}")
            }
            _ => missing(question, since),
        };
        return Ok(denied(db, Code::NotAssigned, vec![], ended, detail));
    };
    if code.is_allowed() {
        return Ok(allowed(code, live, db.sequence()));
    }
    let detail = live.iter().find(|it| it.0 == code).and_then(|it| it.2.clone());
    let grounds = live.into_iter().map(|it| it.1).collect();
    Ok(denied(db, code, grounds, None, detail.unwrap_or_default()))
}

fn denied(
    db: &AsOf<'_>,
    code: Code,
    grounds: Vec<Ground>,
    ended: Option<Ended>,
    detail: String,
) -> Verdict {
    let sequence = db.sequence();
    Verdict { allowed: false, code, grounds, ended, detail: Some(detail), sequence }
}

fn missing(question: &Question<'_>, since: Option<Moment>) -> String {
    let who = question.user.or(question.email).unwrap_or_default();
    let what = question.license.or(question.product);
    let of = what.map(|it| format!(" of {it}")).unwrap_or_default();
    match since {
        None => format!("{who} has no assignment{of}"),
        Some(it) => format!("{who} has no assignment{of} since {it}"),
    }
}

fn place(
    db: &AsOf<'_>,
    account: &str,
    question: &Question<'_>,
) -> Result<Result<Place, Nowhere>, Error> {
    let sql = "SELECT id FROM accounts WHERE account = ?1 AND since <= ?2";
    let found = db.prepare_cached(sql)?.query_row(params![account, db.at], |row| row.get(0));
    let Some(account) = found.optional()? else {
        return Ok(Err((Code::NoSuchAccount, format!("there is no account {account}"))));
    };
    let mut place = Place { account, product: None, license: None };
    if let Some(license) = question.license {
        let sql = "SELECT id, product FROM licenses
                   WHERE account = ?1 AND license = ?2 AND since <= ?3";
        let found = db
            .prepare_cached(sql)?
            .query_row(params![account, license, db.at], |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((license, product)) = found.optional()? else {
            return Ok(Err((Code::NoSuchLicense, format!("there is no license {license}"))));
        };
        (place.license, place.product) = (Some(license), Some(product));
    }
    if let Some(product) = question.product {
        let sql = "SELECT id FROM products WHERE account = ?1 AND product = ?2 AND since <= ?3";
        let found =
            db.prepare_cached(sql)?.query_row(params![account, product, db.at], |row| row.get(0));
        let Some(id) = found.optional()? else {
            let detail = format!("there is no license of product {product}");
            return Ok(Err((Code::NoSuchProduct, detail)));
        };
        if place.license.is_some() && place.product != Some(id) {
            // A license of another product: nobody has an assignment of both.
            place.license = None;
            place.product = Some(NO_PRODUCT);
        } else {
            place.product = Some(id);
        }
    }
    Ok(Ok(place))
}

/// No row has this number.
const NO_PRODUCT: i64 = -1;

fn holders(db: &AsOf<'_>, place: &Place, question: &Question<'_>) -> Result<Vec<String>, Error> {
    Ok(match (question.user, question.email) {
        (Some(user), None) => vec![user_key(user)],
        (Some(user), Some(email)) => vec![user_key(user), emails::email_key(email)],
        (None, Some(email)) => emails::holders_of(db, place.account, email, db.at)?,
        (None, None) => vec![],
    })
}

/// What a license says to an assignment, the assignment, and the sentence for it.
pub(super) type Live = (Code, Ground, Option<String>);

/// What somebody has.
#[derive(Default)]
pub(super) struct Found {
    /// License by license.
    pub(super) live: Vec<Live>,
    /// What the log has said last that it ended.
    ended: Option<Ended>,
    /// When the last thing ended that they have no more.
    since: Option<Moment>,
}

/// Of a row as [`ground`] takes it.
fn lives(row: &Row<'_>, column: usize, standing: Standing, code: Code) -> Result<Live, Error> {
    let detail = standing.detail(code);
    Ok((code, ground(row, column, standing)?, detail))
}

/// Gathers what a holder has, license by license, and what ended last.
pub(super) fn gather(
    db: &AsOf<'_>,
    place: &Place,
    holder: &str,
    now: Moment,
    found: &mut Found,
) -> Result<(), Error> {
    let (mut product, mut license) = (place.product.unwrap_or(0), place.license.unwrap_or(0) - 1);
    loop {
        let sql = "SELECT product, license FROM held_seats
                   WHERE account = ?1 AND holder = ?2 AND (product, license) > (?3, ?4)
                   ORDER BY product, license LIMIT 1";
        let next = db
            .prepare_cached(sql)?
            .query_row(params![place.account, holder, product, license], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            });
        let Some(next) = next.optional()? else { return Ok(()) };
        (product, license) = next;
        let other = |wanted: Option<i64>, found| wanted.is_some_and(|it| it != found);
        if other(place.product, product) || other(place.license, license) {
            return Ok(());
        }
        gather_one(db, (place.account, holder, product, license), now, found)?;
    }
}

fn gather_one(
    db: &AsOf<'_>,
    (account, holder, product, license): (i64, &str, i64, i64),
    now: Moment,
    found: &mut Found,
) -> Result<(), Error> {
    let sql = "SELECT since, status, assignment, assigned, at, grounds, until FROM held_seats
               WHERE account = ?1 AND holder = ?2 AND product = ?3 AND license = ?4
                 AND since <= ?5
               ORDER BY since DESC";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![account, holder, product, license, db.at])?;
    let Some(mut row) = rows.next()? else { return Ok(()) };
    let mut status: i64 = row.get(1)?;
    if status == Status::Elsewhere as i64 {
        // What passed to somebody else is theirs; what had ended before has ended here.
        while status != Status::Ended as i64 {
            let Some(earlier) = rows.next()? else { return Ok(()) };
            row = earlier;
            status = row.get(1)?;
        }
    }
    let standing = standing(db, license)?;
    if status == Status::Ended as i64 {
        let it = Ended {
            assignment: id(row, 2)?,
            license: standing.license,
            revoked_at: moment(row, 4)?,
            revoked_sequence: uint(row.get(0)?),
        };
        found.since = found.since.max(Some(it.revoked_at));
        let last = found.ended.as_ref();
        if last.is_none_or(|last| last.revoked_sequence <= it.revoked_sequence) {
            found.ended = Some(it);
        }
        return Ok(());
    }
    if let Some(until) = over(row, 5, now)? {
        found.since = found.since.max(Some(until));
        return Ok(());
    }
    let code = match status == Status::Active as i64 {
        true => standing.code(now),
        false => Code::AssignmentInactive,
    };
    found.live.push(lives(row, 5, standing, code)?);
    Ok(())
}

fn standing(db: &AsOf<'_>, license: i64) -> Result<Standing, Error> {
    let sql = "SELECT licenses.license, versions.since, versions.state, versions.starts_at,
                      versions.ends_at, versions.grace_ends_at
               FROM licenses CROSS JOIN versions
               WHERE licenses.id = ?1 AND versions.license = ?1 AND versions.since <= ?2
               ORDER BY versions.since DESC LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![license, db.at])?;
    match rows.next()? {
        Some(row) => Standing::of(row, 0),
        None => Err(Error::Damaged(format!("license {license} has no version"))),
    }
}
