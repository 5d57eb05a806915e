//! Instants. Everything that this program shows or writes is UTC, and the clock is a value that is handed in.

use std::fmt;

use jiff::{
    SignedDuration,
    civil::{DateTime, datetime},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant, to the second, in UTC. Shown and serialised as `2026-12-01T09:00:00Z`, the one form of time that every TUF
/// client reads (TUF 1.0.34, section 4.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utc(i64);

/// Seconds in a day; UTC days have no other length here.
pub const DAY_SECONDS: i64 = 86_400;

const EPOCH: DateTime = datetime(1970, 1, 1, 0, 0, 0, 0);

/// The last second of the year 9999: later instants have no four-digit year.
const LAST_SECOND: i64 = 253_402_300_799;

impl Utc {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Seconds since 1970-01-01T00:00:00Z; `None` before 1970 and after 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        (0..=LAST_SECOND).contains(&seconds).then_some(Self(seconds))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Reads exactly `YYYY-MM-DDTHH:MM:SSZ`.
    pub fn parse(text: &str) -> Option<Self> {
        let instant = Self::parse_rfc3339(text)?;
        (instant.to_string() == text).then_some(instant)
    }

    /// Reads any RFC 3339 instant, with a fraction or an offset, and drops the fraction. Old repositories hold such times.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        // Civil time plus our own offset, since instants of the library end a day before the year 9999 does.
        let (local, zone) = text.split_at_checked(text.get(19..)?.find(['Z', 'z', '+', '-'])? + 19)?;
        let offset = match zone.as_bytes() {
            b"Z" | b"z" => 0,
            [sign, h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|d| d.is_ascii_digit()) => {
                let two = |a: &u8, b: &u8| i64::from(a - b'0') * 10 + i64::from(b - b'0');
                let seconds = two(h1, h2) * 3600 + two(m1, m2) * 60;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        let local: DateTime = local.parse().ok()?;
        Self::from_seconds(local.duration_since(EPOCH).as_secs() - offset)
    }

    /// Midnight at the start of this instant's day.
    pub fn midnight(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY_SECONDS))
    }

    /// This instant and `days` more, held inside the years 1970 to 9999.
    pub fn plus_days(self, days: i64) -> Self {
        Self(days.saturating_mul(DAY_SECONDS).saturating_add(self.0).clamp(0, LAST_SECOND))
    }

    /// The same time of day `months` calendar months later, or earlier where negative. A day that the month lacks runs over into
    /// the next one, as in Go: the 31st of August and six months is the 3rd of March.
    pub fn plus_months(self, months: i32) -> Self {
        let civil = EPOCH.checked_add(SignedDuration::from_secs(self.0)).expect("every Utc lies between 1970 and 9999");
        let since = i32::from(civil.year()) * 12 + i32::from(civil.month()) - 1 + months;
        let (year, month) = (since.div_euclid(12), since.rem_euclid(12) + 1);
        let first = i16::try_from(year).ok().and_then(|year| DateTime::new(year, month as i8, 1, 0, 0, 0, 0).ok());
        let Some(first) = first else { return Self(if months < 0 { 0 } else { LAST_SECOND }) };
        let seconds = first.duration_since(EPOCH).as_secs() + i64::from(civil.day() - 1) * DAY_SECONDS;
        Self((seconds + self.0.rem_euclid(DAY_SECONDS)).clamp(0, LAST_SECOND))
    }

    /// Whole days from `self` until `later`, rounded down; negative once `later` has passed.
    pub fn days_until(self, later: Self) -> i64 {
        (later.0 - self.0).div_euclid(DAY_SECONDS)
    }

    /// `2026-12-01`.
    pub fn date(self) -> String {
        self.to_string()[..10].to_owned()
    }

    /// `09:00:00`.
    pub fn time_of_day(self) -> String {
        self.to_string()[11..19].to_owned()
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant =
            EPOCH.checked_add(SignedDuration::from_secs(self.0)).expect("every Utc lies between 1970 and 9999");
        write!(f, "{instant}Z")
    }
}

impl fmt::Debug for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Utc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected a UTC time like 2026-12-01T09:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_written_form_and_many_read_ones() {
        let nine = Utc::parse("2026-12-01T09:00:00Z").expect("a plain instant");
        assert_eq!(nine.to_string(), "2026-12-01T09:00:00Z");
        assert_eq!(nine.date(), "2026-12-01");
        assert_eq!(nine.time_of_day(), "09:00:00");
        for other in
            ["2026-12-01T09:00:00.000Z", "2026-12-01T10:00:00+01:00", "2026-12-01T09:00:00z", "2026-12-01 09:00:00Z"]
        {
            assert_eq!(Utc::parse(other), None, "{other}");
            assert_eq!(Utc::parse_rfc3339(other), Some(nine), "{other}");
        }
        for bad in ["", "2026-12-01", "2026-13-01T09:00:00Z", "2026-12-01T09:00:00", "soon"] {
            assert_eq!(Utc::parse_rfc3339(bad), None, "{bad}");
        }
        assert_eq!(
            Utc::parse_rfc3339("2021-12-18T13:28:12.99008-06:00").map(|t| t.to_string()).as_deref(),
            Some("2021-12-18T19:28:12Z")
        );
    }

    #[test]
    fn months_run_over_where_a_day_is_missing() {
        let plus = |text: &str, months| Utc::parse(text).expect("an instant").plus_months(months).to_string();
        assert_eq!(plus("2026-08-31T10:20:30Z", 6), "2027-03-03T10:20:30Z");
        assert_eq!(plus("2026-11-24T00:00:00Z", 6), "2027-05-24T00:00:00Z");
        assert_eq!(plus("2026-05-24T23:59:59Z", -6), "2025-11-24T23:59:59Z");
        assert_eq!(plus("9999-12-01T00:00:00Z", 6), "9999-12-31T23:59:59Z");
        assert_eq!(plus("1970-01-01T00:00:00Z", -1), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn days_are_counted_down_not_up() {
        let start = Utc::parse("2026-12-01T09:00:00Z").unwrap();
        assert_eq!(start.midnight().plus_days(400).to_string(), "2028-01-05T00:00:00Z");
        assert_eq!(start.days_until(start.plus_days(3)), 3);
        assert_eq!(start.days_until(start.midnight()), -1);
        assert_eq!(start.plus_days(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
    }
}
