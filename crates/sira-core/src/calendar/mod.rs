//! Dates and times as JSON carries them: ISO 8601, whatever a session's DateStyle says.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// After so many years the Gregorian calendar repeats itself,
const CYCLE_YEARS: i64 = 400;
/// that is, after so many days.
const CYCLE_DAYS: i64 = 146_097;

const DAY_MICROS: i128 = 86_400_000_000;

/// A timestamp in microseconds since the Unix epoch; a text without a zone is UTC, a date its midnight. PostgreSQL's
/// years go up to 294276, whose microseconds do not fit into 64 bits.
pub fn timestamp_micros(text: &str) -> Option<i128> {
    near_micros(text).map(i128::from).or_else(|| {
        let (text, cycles) = brought_near(text)?;
        Some(i128::from(near_micros(&text)?) + i128::from(cycles * CYCLE_DAYS) * DAY_MICROS)
    })
}

/// A date in days since 1970-01-01; of a timestamp the day that is written.
pub fn date_days(text: &str) -> Option<i32> {
    near_days(text).or_else(|| {
        let (text, cycles) = brought_near(text)?;
        i32::try_from(i64::from(near_days(&text)?) + cycles * CYCLE_DAYS).ok()
    })
}

fn near_micros(text: &str) -> Option<i64> {
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) if names_a_zone(text) => return None,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    Some(at.as_microsecond())
}

fn near_days(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    (date - jiff::civil::date(1970, 1, 1)).get_days().into()
}

/// A year of more than four digits, or one that PostgreSQL marks with BC, as the like year after 2000, and by how many
/// cycles of the calendar that is off.
fn brought_near(text: &str) -> Option<(String, i64)> {
    let (text, before_christ) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let (written, rest) = text.split_at_checked(text.find(|letter: char| !letter.is_ascii_digit())?)?;
    if !(4..=7).contains(&written.len()) || (written.len() == 4 && !before_christ) {
        return None;
    }
    let written: i64 = written.parse().ok()?;
    // There is no year nought: 1 BC comes before 1.
    let year = match (before_christ, written) {
        (_, 0) => return None,
        (true, _) => 1 - written,
        (false, _) => written,
    };
    let near = 2000 + year.rem_euclid(CYCLE_YEARS);
    Some((format!("{near}{rest}"), (year - near) / CYCLE_YEARS))
}

/// Whether an offset or a Z follows the time of day: then the text was meant to have one, and is not UTC by default.
fn names_a_zone(text: &str) -> bool {
    text.get(10..).is_some_and(|rest| rest.contains(['+', '-', 'Z', 'z', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_writes_to_json_is_read() {
        let noon = 1_522_584_000_000_000;
        for text in [
            "2018-04-01T12:00:00",
            "2018-04-01 12:00:00",
            "2018-04-01T12:00:00+00:00",
            "2018-04-01T14:00:00+02:00",
            "2018-04-01T12:00:00Z",
        ] {
            assert_eq!(timestamp_micros(text), Some(noon), "{text}");
        }
        assert_eq!(timestamp_micros("2018-04-01T12:00:00.000001"), Some(noon + 1));
        assert_eq!(timestamp_micros("2018-04-01"), Some(noon - 12 * 3_600_000_000));
        assert_eq!(date_days("1970-01-02"), Some(1));
        assert_eq!(date_days("1969-12-31"), Some(-1));
        assert_eq!(date_days("2018-04-01T23:59:59"), Some(17_622));
    }

    /// Of PostgreSQL: `extract(epoch FROM …)`, and differences of dates.
    #[test]
    fn years_beyond_four_digits_and_before_christ_are_read() {
        let seconds = |text: &str| timestamp_micros(text).map(|micros| micros as f64 / 1e6);
        assert_eq!(seconds("10000-01-01T00:00:00"), Some(253_402_300_800.0));
        assert_eq!(seconds("10000-01-01T02:00:00+02:00"), Some(253_402_300_800.0));
        assert_eq!(seconds("294276-12-31T23:59:59"), Some(9_224_318_015_999.0));
        assert_eq!(seconds("0001-01-01T00:00:00"), Some(-62_135_596_800.0));
        assert_eq!(seconds("0001-12-31T00:00:00 BC"), Some(-62_135_596_800.0 - 86_400.0));
        assert_eq!(seconds("4713-01-01T00:00:00+00:00 BC"), Some(-210_863_520_000.0));
        assert_eq!(date_days("0001-12-31 BC"), Some(-719_163));
        assert_eq!(date_days("5874897-12-31"), Some(2_145_042_905));
        for text in ["0000-01-01 BC", "10000-13-01", "99999999-01-01", "10000", "10001-02-29"] {
            assert_eq!((timestamp_micros(text), date_days(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn what_is_no_iso_text_is_refused() {
        for text in
            ["", "infinity", "03/09/2026", "9.3.2026", "tomorrow", "2018-04-01T12:00:00+99:00", "2018-13-01"]
        {
            assert_eq!(timestamp_micros(text), None, "{text}");
            assert_eq!(date_days(text).filter(|_| !text.contains('T')), None, "{text}");
        }
    }
}
