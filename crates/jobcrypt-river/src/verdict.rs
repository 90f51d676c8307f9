use std::time::Duration;

use jobcrypt_core::{Error, ErrorKind};
use riverqueue::jiff::Timestamp;

use crate::job_note::{Cause, JobNote};

/// What becomes of a job that cannot be opened.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Tried again after `delay`; the attempt does not count.
    Wait { note: JobNote, delay: Duration },
    /// Held aside, whole, until someone puts it back; the attempt does not count.
    Park { note: JobNote, delay: Duration },
    /// Left to River's own cancellation.
    Cancel,
}

/// The app's settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) park_after: Duration,
    pub(crate) refused: Refused,
    pub(crate) seals_errors: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    Cancel,
    Park,
}

/// River has no state for a job held aside: neither worked, nor retried, nor ever deleted. A job
/// scheduled this far ahead is all of that, and River's own retry puts it back.
const PARKED_FOR: Duration = Duration::from_hours(100 * 365 * 24);
const FIRST_DELAY: Duration = Duration::from_secs(10);
const LONGEST_DELAY_FOR_KEY: Duration = Duration::from_hours(1);
const LONGEST_DELAY_FOR_SOURCE: Duration = Duration::from_mins(5);

impl Verdict {
    /// Decides, given what an `earlier` attempt noted.
    pub(crate) fn on(
        error: &Error,
        earlier: Option<&JobNote>,
        now: Timestamp,
        terms: &Terms,
    ) -> Self {
        let cause = Cause::from(error);
        let longest_delay = match error.kind() {
            ErrorKind::NoMatchingKey => LONGEST_DELAY_FOR_KEY,
            // Neither is the job's fault, so neither ever costs the job its place.
            ErrorKind::KeySourceUnavailable | ErrorKind::InvalidConfiguration => {
                LONGEST_DELAY_FOR_SOURCE
            }
            _ => return Self::refused(cause, now, terms),
        };
        let is_key_unknown = error.kind() == ErrorKind::NoMatchingKey;
        let (since, times, mut key_unknown_since) = match earlier {
            Some(JobNote::Waiting {
                cause: earlier,
                since,
                times,
                key_unknown_since,
            }) if earlier.class == cause.class => {
                (*since, times.saturating_add(1), *key_unknown_since)
            }
            Some(JobNote::Waiting {
                key_unknown_since, ..
            }) => (now, 1, *key_unknown_since),
            _ => (now, 1, None),
        };
        if is_key_unknown {
            let since = *key_unknown_since.get_or_insert(now);
            let waited = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            if waited >= terms.park_after {
                return Self::refused(cause, now, terms);
            }
        }
        let doublings = times.saturating_sub(1).min(16);
        Self::Wait {
            delay: (FIRST_DELAY * 2_u32.pow(doublings)).min(longest_delay),
            note: JobNote::Waiting {
                cause,
                since,
                times,
                key_unknown_since,
            },
        }
    }

    fn refused(cause: Cause, now: Timestamp, terms: &Terms) -> Self {
        match terms.refused {
            Refused::Cancel => Self::Cancel,
            Refused::Park => Self::Park {
                note: JobNote::Parked { cause, at: now },
                delay: PARKED_FOR,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        park_after: Duration::from_hours(7 * 24),
        refused: Refused::Park,
        seals_errors: true,
    };

    fn unknown_key() -> Error {
        Error::new(ErrorKind::NoMatchingKey, "")
    }

    /// Follows a job through its waits; returns the delays, in seconds, until it is parked or has
    /// waited `rounds` times.
    fn delays(error: &Error, rounds: usize) -> (Vec<u64>, bool) {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut earlier = None;
        let mut delays = Vec::new();
        for _ in 0..rounds {
            match Verdict::on(error, earlier.as_ref(), now, &TERMS) {
                Verdict::Wait { note, delay } => {
                    delays.push(delay.as_secs());
                    now += delay;
                    earlier = Some(note);
                }
                Verdict::Park { .. } => return (delays, true),
                Verdict::Cancel => panic!("nothing asked for a cancellation"),
            }
        }
        (delays, false)
    }

    #[test]
    fn an_unknown_key_is_waited_for_from_10_seconds_to_an_hour_and_parked_after_7_days() {
        let (delays, is_parked) = delays(&unknown_key(), 1000);
        assert_eq!(
            &delays[..11],
            [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
        );
        assert!(is_parked);
        let waited: u64 = delays.iter().sum();
        let week = TERMS.park_after.as_secs();
        assert!((week..week + 3600).contains(&waited), "waited {waited} s");
    }

    #[test]
    fn an_unreachable_source_is_asked_without_end_every_5_minutes() {
        let error = Error::key_source_unavailable("no route to the key service");
        let (delays, is_parked) = delays(&error, 10_000);
        assert!(!is_parked);
        assert_eq!(&delays[..7], [10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(delays.last(), Some(&300));
    }

    #[test]
    fn time_spent_waiting_for_the_source_does_not_count_against_the_key() {
        let source = Error::key_source_unavailable("down");
        let start = Timestamp::UNIX_EPOCH;
        let Verdict::Wait { note, .. } = Verdict::on(&source, None, start, &TERMS) else {
            panic!("an unreachable source parks no job");
        };
        let later = start + 10 * TERMS.park_after;
        let verdict = Verdict::on(&unknown_key(), Some(&note), later, &TERMS);
        assert!(matches!(verdict, Verdict::Wait { .. }), "{verdict:?}");
    }

    #[test]
    fn a_flaky_source_does_not_keep_an_unknown_key_waiting_for_ever() {
        let source = Error::key_source_unavailable("down");
        let (mut now, mut earlier) = (Timestamp::UNIX_EPOCH, None);
        for round in 0..1000 {
            let error = if round % 5 == 4 {
                &source
            } else {
                &unknown_key()
            };
            match Verdict::on(error, earlier.as_ref(), now, &TERMS) {
                Verdict::Wait { note, delay } => {
                    now += delay.max(Duration::from_hours(1));
                    earlier = Some(note);
                }
                Verdict::Park { .. } => return,
                Verdict::Cancel => panic!("nothing asked for a cancellation"),
            }
        }
        panic!("it waits for ever");
    }

    #[test]
    fn every_other_error_parks_at_once() {
        for kind in [
            ErrorKind::AuthenticationFailed,
            ErrorKind::CipherNotAllowed,
            ErrorKind::KeyNotAllowed,
            ErrorKind::KeyRetired,
            ErrorKind::Malformed,
            ErrorKind::PlaintextRejected,
            ErrorKind::UnsupportedVersion,
        ] {
            let error = Error::new(kind, "");
            let verdict = Verdict::on(&error, None, Timestamp::UNIX_EPOCH, &TERMS);
            assert!(
                matches!(verdict, Verdict::Park { .. }),
                "{kind:?}: {verdict:?}"
            );
        }
    }
}
