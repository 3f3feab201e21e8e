//! A point in time, to the millisecond.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use crate::text::Given;

/// Milliseconds since 1970-01-01T00:00:00Z; written as RFC 3339 in UTC with three decimals.
///
/// Finer parts of a second are cut off on reading. Years 0000 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Moment(i64);

/// Why a text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid_time: it must be an RFC 3339 time such as 2026-05-03T09:00:00Z")]
pub struct InvalidTime;

const YEAR_0000_MS: i64 = -62_167_219_200_000;
const YEAR_9999_MS: i64 = 253_402_300_799_999;

impl Moment {
    /// From milliseconds since the epoch, clamped to the years 0000 to 9999.
    pub fn from_millis(millis: i64) -> Moment {
        Moment(millis.clamp(YEAR_0000_MS, YEAR_9999_MS))
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Result<Moment, InvalidTime> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTime)?;
        match time.timestamp_millis() {
            millis @ YEAR_0000_MS..=YEAR_9999_MS => Ok(Moment(millis)),
            _ => Err(InvalidTime),
        }
    }

    /// The day that it is in.
    pub fn day(self) -> Day {
        Day(DateTime::<Utc>::from_timestamp_millis(self.0).unwrap_or_default().date_naive())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::<Utc>::from_timestamp_millis(self.0).unwrap_or_default();
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Moment::parse(&Given::deserialize(deserializer)?.0).map_err(de::Error::custom)
    }
}

/// A day in UTC; written as `2026-05-03`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Date)]
pub struct Day(NaiveDate);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_any_zone_and_written_in_utc() {
        let moment = Moment::parse("2026-05-03T11:00:00.1239+02:00").unwrap();
        assert_eq!(moment.to_string(), "2026-05-03T09:00:00.123Z");
        assert_eq!(Moment::parse(&moment.to_string()), Ok(moment));
    }

    #[test]
    fn moments_reach_from_the_year_0_to_the_year_9999() {
        for (given, kept) in [
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ] {
            let moment = Moment::parse(given).unwrap();
            assert_eq!(moment.to_string(), kept);
            assert_eq!(Moment::parse(kept), Ok(moment));
        }
        for beyond in ["0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"] {
            assert_eq!(Moment::parse(beyond), Err(InvalidTime), "{beyond}");
        }
        assert_eq!(Moment::from_millis(i64::MIN).to_string(), "0000-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        let day = |text: &str| Moment::parse(text).unwrap().day().to_string();
        assert_eq!(day("2026-05-03T23:59:59.999Z"), "2026-05-03");
        assert_eq!(day("2026-05-03T23:00:00-01:00"), "2026-05-04");
        assert_eq!(Moment::from_millis(i64::MIN).day().to_string(), "0000-01-01");
    }

    #[test]
    fn what_is_no_time_is_said_so() {
        for bad in ["", "2026-05-03", "2026-13-01T00:00:00Z", "now", "2026-05-03T09:00:00"] {
            assert_eq!(Moment::parse(bad), Err(InvalidTime), "{bad}");
        }
        assert_eq!(Moment::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
