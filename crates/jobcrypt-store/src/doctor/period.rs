//! When a period began in which a job was unique, as River writes it into what it hashes.

use std::collections::BTreeMap;

/// Those that apps name, in seconds: from a second to a year.
const PERIODS: [u64; 29] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400,
    21_600, 28_800, 43_200, 86_400, 172_800, 259_200, 604_800, 1_209_600, 2_592_000, 31_536_000,
];

/// River counts periods from the year 1.
const FROM_YEAR_ONE: i64 = 62_135_596_800;
const DAY: i64 = 86_400;

/// Returns the beginnings of all periods in which one of these times lies, each with a period that begins so.
///
/// A job's times are written a moment after River has looked at its clock, so the second before counts as well.
pub(super) fn beginnings(times: &[i64]) -> Vec<(String, u64)> {
    let mut beginnings = BTreeMap::new();
    for period in PERIODS {
        for text in beginnings_of(period, times) {
            beginnings.entry(text).or_insert(period);
        }
    }
    beginnings.into_iter().collect()
}

/// Returns the beginnings of this period.
pub(super) fn beginnings_of(period: u64, times: &[i64]) -> Vec<String> {
    let Ok(period) = i64::try_from(period) else {
        return Vec::new();
    };
    let moments = times.iter().flat_map(|&time| [time, time - 1]);
    let begin = |time: i64| time - (time + FROM_YEAR_ONE).rem_euclid(period);
    let mut begins: Vec<i64> = moments.map(begin).collect();
    begins.sort_unstable();
    begins.dedup();
    begins.into_iter().map(written).collect()
}

/// Reads a time as PostgreSQL or SQLite write it, as seconds since 1970.
pub(super) fn seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut parts = date.split('-').map(str::parse);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (clock, zone) = match time.find(['+', '-', 'Z']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let clock = clock.split('.').next()?;
    let mut parts = clock.split(':').map(str::parse::<i64>);
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let local = days(year.ok()?, month.ok()?, day.ok()?) * DAY
        + hour.ok()? * 3600
        + minute.ok()? * 60
        + second.ok()?;
    Some(local - offset(zone)?)
}

/// `Z`, `+01`, `-05:30` or nothing.
fn offset(zone: &str) -> Option<i64> {
    let Some(ahead) = zone.strip_prefix(['+', '-']) else {
        return Some(0);
    };
    let mut parts = ahead.split(':').map(str::parse::<i64>);
    let hours = parts.next()?.ok()?;
    let minutes = parts.next().unwrap_or(Ok(0)).ok()?;
    let ahead = hours * 3600 + minutes * 60;
    Some(if zone.starts_with('-') { -ahead } else { ahead })
}

/// Days from 1970 to a date of the Gregorian calendar; years begin in March here.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn written(seconds: i64) -> String {
    let (day, clock) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let from_era = day + 719_468;
    let era = from_era.div_euclid(146_097);
    let of_era = from_era.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, expected) in [
            ("1970-01-01 00:00:00", "1970-01-01T00:00:00Z"),
            ("2024-02-29 23:59:59.999+00", "2024-02-29T23:59:59Z"),
            ("2026-11-28 02:45:38.123456+01", "2026-11-28T01:45:38Z"),
            ("2026-11-28T02:45:38-05:30", "2026-11-28T08:15:38Z"),
            ("2100-03-01T00:00:00Z", "2100-03-01T00:00:00Z"),
            ("2000-12-31 24:00:00", "2001-01-01T00:00:00Z"),
        ] {
            let seconds = seconds(text.as_bytes()).expect("it is a time");
            assert_eq!(written(seconds), expected, "{text}");
        }
        for text in ["", "now", "2026-11-28", "2026-11-28 x:00:00"] {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_period_begins_where_river_has_it() {
        let time = seconds(b"2026-11-28 02:45:38").expect("it is a time");
        assert_eq!(beginnings_of(3600, &[time]), ["2026-11-28T02:00:00Z"]);
        assert_eq!(beginnings_of(86_400, &[time]), ["2026-11-28T00:00:00Z"]);
        // Weeks begin on Mondays, as the year 1 did.
        assert_eq!(beginnings_of(604_800, &[time]), ["2026-11-23T00:00:00Z"]);
        let edge = seconds(b"2026-11-28 02:00:00").expect("it is a time");
        assert_eq!(
            beginnings_of(3600, &[edge]),
            ["2026-11-28T01:00:00Z", "2026-11-28T02:00:00Z"]
        );
        let all = beginnings(&[time]);
        assert!(all.iter().any(|(text, _)| text == "2026-11-28T02:45:00Z"));
    }
}
