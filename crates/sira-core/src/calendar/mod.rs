//! Dates and times as JSON carries them: ISO 8601, whatever a session's DateStyle says.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A timestamp in microseconds since the Unix epoch; a text without a zone is UTC, a date its midnight.
pub fn timestamp_micros(text: &str) -> Option<i64> {
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) if names_a_zone(text) => return None,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    Some(at.as_microsecond())
}

/// A date in days since 1970-01-01; of a timestamp the day that is written.
pub fn date_days(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    (date - jiff::civil::date(1970, 1, 1)).get_days().into()
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
