//! How much of a license was used, over time.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use events::Moment;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::as_of::AsOf;
use crate::error::Error;
use crate::known;

/// How long a bucket is. All but [`Window::Whole`] follow the calendar in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first of a month to the first of the next.
    Month,
    /// One bucket for all the time asked for.
    Whole,
}

/// How much was used in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Bucket {
    /// From here, inclusive.
    pub from: Moment,
    /// Until here, exclusive.
    pub to: Moment,
    /// Seats held at its end.
    pub used: i64,
    /// Seats the license had at its end.
    pub quantity: i64,
    /// The most seats that were held in it at any time, even if only in the midst of a commit.
    pub peak: i64,
    /// The fewest seats that were held in it for any time, or after a commit that changed them.
    pub low: i64,
    /// Seats times days: one seat held for two days is two.
    pub seat_days: f64,
}

/// Buckets of one answer. A question that needs more is an error that says so.
pub const BUCKETS_MAX: usize = 1_000;

const DAY_MS: i128 = 86_400_000;

/// How much of a license was used from one moment to another, and the sequence as of which that is
/// told; `None` when there was no such license then.
///
/// The first and the last bucket are cut to the time asked for. After the last change the use goes
/// on as it is, so `to` should not be later than now.
pub fn usage(
    db: &Connection,
    account: &str,
    license: &str,
    (from, to): (Moment, Moment),
    window: Window,
    at: u64,
) -> Result<(Option<Vec<Bucket>>, u64), Error> {
    let edges = edges(from, to, window)?;
    let db = AsOf::new(db, at)?;
    let Some(license) = number(&db, account, license)? else { return Ok((None, db.sequence())) };
    let mut meter = Meter::before(&db, license, from)?;
    let sql = "SELECT at, quantity, used, peak FROM points
               WHERE license = ?1 AND sequence > ?2 AND sequence <= ?3 ORDER BY sequence";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![license, meter.sequence, db.at])?;
    let mut next = rows.next()?.map(Point::of).transpose()?;
    let mut buckets = Vec::with_capacity(edges.len());
    for pair in edges.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        meter.begin(from);
        while let Some(point) = next.filter(|it| it.at < to) {
            meter.pass(&point);
            next = rows.next()?.map(Point::of).transpose()?;
        }
        buckets.push(meter.end(from, to));
    }
    Ok((Some(buckets), db.sequence()))
}

fn number(db: &AsOf<'_>, account: &str, license: &str) -> Result<Option<i64>, Error> {
    let Some(account) = known::find(db, account)? else { return Ok(None) };
    let sql = "SELECT id FROM licenses WHERE account = ?1 AND license = ?2 AND since <= ?3";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![account, license, db.at], |row| row.get(0)).optional()?)
}

#[derive(Clone, Copy)]
struct Point {
    at: Moment,
    quantity: i64,
    used: i64,
    peak: i64,
}

impl Point {
    fn of(row: &Row<'_>) -> Result<Point, Error> {
        Ok(Point {
            at: Moment::from_millis(row.get(0)?),
            quantity: row.get(1)?,
            used: row.get(2)?,
            peak: row.get(3)?,
        })
    }
}

/// Walks over the points of a license and adds up what lies between them.
struct Meter {
    sequence: i64,
    quantity: i64,
    used: i64,
    since: Moment,
    peak: Option<i64>,
    low: Option<i64>,
    seat_ms: i128,
}

impl Meter {
    /// As it stands just before a moment.
    fn before(db: &AsOf<'_>, license: i64, from: Moment) -> Result<Meter, Error> {
        let sequence = last_before(db, license, from)?;
        let sql = "SELECT quantity, used FROM points WHERE license = ?1 AND sequence = ?2";
        let then = db
            .prepare_cached(sql)?
            .query_row([license, sequence], |row| Ok((row.get(0)?, row.get(1)?)));
        let (quantity, used) = then.optional()?.unwrap_or((0, 0));
        Ok(Meter { sequence, quantity, used, since: from, peak: None, low: None, seat_ms: 0 })
    }

    fn begin(&mut self, from: Moment) {
        (self.since, self.peak, self.low, self.seat_ms) = (from, None, None, 0);
    }

    /// Use goes on as it is until a moment.
    fn go_on(&mut self, until: Moment) {
        let ms = until.millis() - self.since.millis();
        if ms > 0 {
            // What lasted no time at all was not there, other than what a commit went through.
            self.seat_ms += i128::from(self.used) * i128::from(ms);
            self.peak = self.peak.max(Some(self.used));
            self.low = Some(self.low.map_or(self.used, |it| it.min(self.used)));
            self.since = until;
        }
    }

    fn pass(&mut self, point: &Point) {
        self.go_on(point.at);
        // Not every commit that has a point changes what is held.
        if (point.used, point.peak) != (self.used, self.used) {
            self.peak = self.peak.max(Some(point.peak));
            self.low = Some(self.low.map_or(point.used, |it| it.min(point.used)));
        }
        (self.quantity, self.used) = (point.quantity, point.used);
    }

    fn end(&mut self, from: Moment, to: Moment) -> Bucket {
        self.go_on(to);
        Bucket {
            from,
            to,
            used: self.used,
            quantity: self.quantity,
            peak: self.peak.unwrap_or(self.used),
            low: self.low.unwrap_or(self.used),
            seat_days: days(self.seat_ms),
        }
    }
}

/// Rounded to six decimals, half up, before it becomes a float.
fn days(seat_ms: i128) -> f64 {
    let millionths = (seat_ms * 1_000_000 + DAY_MS / 2).div_euclid(DAY_MS);
    millionths as f64 / 1e6
}

/// The sequence of the last point before a moment; 0 when there is none. Points are in the order
/// of time, so halving finds it without an index on time.
fn last_before(db: &AsOf<'_>, license: i64, moment: Moment) -> Result<i64, Error> {
    let sql = "SELECT sequence, at FROM points WHERE license = ?1 AND sequence <= ?2
               ORDER BY sequence DESC LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    // Up to `low` all points lie before the moment, beyond `high` none does.
    let (mut low, mut high) = (0, db.at);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let found = statement
            .query_row([license, middle], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        match found.optional()? {
            Some((sequence, at)) if at >= moment.millis() => high = sequence - 1,
            Some(_) | None => low = middle,
        }
    }
    let last = statement.query_row([license, low], |row| row.get(0));
    Ok(last.optional()?.unwrap_or(0))
}

/// Where buckets begin and end: `from`, every calendar edge in between, `to`. No time has no bucket.
fn edges(from: Moment, to: Moment, window: Window) -> Result<Vec<Moment>, Error> {
    let mut edges = vec![from];
    let mut edge = from;
    loop {
        edge = next_edge(edge, window).filter(|it| *it < to).unwrap_or(to);
        if edge <= from {
            return Ok(vec![from]);
        }
        edges.push(edge);
        if edge == to {
            return Ok(edges);
        }
        if edges.len() > BUCKETS_MAX {
            return Err(Error::Buckets { max: BUCKETS_MAX });
        }
    }
}

/// The first calendar edge after a moment.
fn next_edge(moment: Moment, window: Window) -> Option<Moment> {
    let time = DateTime::<Utc>::from_timestamp_millis(moment.millis())?;
    let day = time.date_naive();
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let edge = match window {
        Window::Hour => {
            let hour = moment.millis().div_euclid(3_600_000) + 1;
            return Some(Moment::from_millis(hour * 3_600_000));
        }
        Window::Day => midnight(day.checked_add_days(Days::new(1))?),
        Window::Week => {
            let past_monday = u64::from(day.weekday().num_days_from_monday());
            midnight(day.checked_add_days(Days::new(7 - past_monday))?)
        }
        Window::Month => midnight(day.with_day(1)?.checked_add_months(Months::new(1))?),
        Window::Whole => return None,
    };
    Some(Moment::from_millis(edge.timestamp_millis()))
}
