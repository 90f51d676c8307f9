use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use jobcrypt_core::{Error, ErrorKind};

/// How long a job waits for its key before it is parked, unless set otherwise.
pub(crate) const PARK_AFTER: Duration = Duration::from_hours(7 * 24);

/// graphile_worker has no state for a job held aside, and deletes what has failed for good where an app
/// asks it to clean up. A job due this far ahead is neither fetched nor deleted.
const PARKED_FOR: Duration = Duration::from_hours(100 * 365 * 24);
const FIRST_DELAY: Duration = Duration::from_secs(10);
const LONGEST_DELAY_FOR_KEY: Duration = Duration::from_hours(1);
const LONGEST_DELAY_FOR_SOURCE: Duration = Duration::from_mins(5);

const WAITS: &str = "jobcrypt: waits, time ";
const KEY_UNKNOWN_SINCE: &str = ", key unknown since ";

/// What becomes of a job that cannot be opened.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    /// Stored as the job's `last_error`, and read again at its next attempt.
    pub(crate) note: String,
    pub(crate) delay: Duration,
    pub(crate) is_parked: bool,
}

impl Verdict {
    /// Decides, given what an `earlier` attempt left as the job's error.
    pub(crate) fn on(
        error: &Error,
        earlier: Option<&str>,
        now: DateTime<Utc>,
        park_after: Duration,
    ) -> Self {
        let longest_delay = match error.kind() {
            ErrorKind::NoMatchingKey => LONGEST_DELAY_FOR_KEY,
            // Neither is the job's fault, so neither ever costs the job its place.
            ErrorKind::KeySourceUnavailable | ErrorKind::InvalidConfiguration => {
                LONGEST_DELAY_FOR_SOURCE
            }
            _ => return Self::parked(error),
        };
        let (times, mut unknown_since) = earlier.and_then(read).unwrap_or((0, None));
        let times = times.saturating_add(1);
        if error.kind() == ErrorKind::NoMatchingKey {
            let since = *unknown_since.get_or_insert(now);
            if (now - since).to_std().unwrap_or_default() >= park_after {
                return Self::parked(error);
            }
        }
        let since = unknown_since.map(|since| {
            format!(
                "{KEY_UNKNOWN_SINCE}{}",
                since.to_rfc3339_opts(SecondsFormat::Secs, true)
            )
        });
        let doublings = times.saturating_sub(1).min(16);
        Self {
            note: format!("{WAITS}{times}{}; {error}", since.unwrap_or_default()),
            delay: (FIRST_DELAY * 2_u32.pow(doublings)).min(longest_delay),
            is_parked: false,
        }
    }

    fn parked(error: &Error) -> Self {
        Self {
            note: format!("jobcrypt: parked; {error}"),
            delay: PARKED_FOR,
            is_parked: true,
        }
    }
}

/// How often a job has waited, and since when its key is unknown.
fn read(note: &str) -> Option<(u32, Option<DateTime<Utc>>)> {
    let (head, _) = note.strip_prefix(WAITS)?.split_once("; ")?;
    let (times, since) = match head.split_once(KEY_UNKNOWN_SINCE) {
        Some((times, since)) => (times, Some(since.parse().ok()?)),
        None => (head, None),
    };
    Some((times.parse().ok()?, since))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a job through its waits; returns the delays, in seconds, and whether it was parked.
    fn delays(kind: ErrorKind, rounds: usize) -> (Vec<u64>, bool) {
        let error = Error::new(kind, "");
        let mut now = DateTime::UNIX_EPOCH;
        let mut earlier = None;
        let mut delays = Vec::new();
        for _ in 0..rounds {
            let verdict = Verdict::on(&error, earlier.as_deref(), now, PARK_AFTER);
            if verdict.is_parked {
                return (delays, true);
            }
            delays.push(verdict.delay.as_secs());
            now += verdict.delay;
            earlier = Some(verdict.note);
        }
        (delays, false)
    }

    #[test]
    fn an_unknown_key_is_waited_for_from_10_seconds_to_an_hour_and_parked_after_7_days() {
        let (delays, is_parked) = delays(ErrorKind::NoMatchingKey, 1000);
        assert_eq!(
            &delays[..11],
            [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
        );
        assert!(is_parked);
        let waited: u64 = delays.iter().sum();
        assert!(
            (7 * 86_400..7 * 86_400 + 3600).contains(&waited),
            "{waited}"
        );
    }

    #[test]
    fn a_source_is_waited_for_without_end() {
        let (delays, is_parked) = delays(ErrorKind::KeySourceUnavailable, 5000);
        assert_eq!(&delays[..7], [10, 20, 40, 80, 160, 300, 300]);
        assert!(!is_parked);
    }

    #[test]
    fn what_was_altered_is_parked_at_once() {
        assert_eq!(delays(ErrorKind::AuthenticationFailed, 1), (vec![], true));
    }
}
