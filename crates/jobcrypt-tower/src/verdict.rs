use std::time::Duration;

use jobcrypt_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// What becomes of a job that cannot be opened: the one rule for all queues.
///
/// A key that is unknown is waited for, from 10 seconds to an hour, and given up after a while; a source of
/// keys that cannot be asked is waited for without end, 5 minutes at most at a time; all else is parked at
/// once. Neither may cost the job an attempt. How a queue waits and parks is its adapter's.
///
/// ```
/// use jobcrypt_core::{Error, ErrorKind};
/// use jobcrypt_tower::Verdict;
///
/// let error = Error::new(ErrorKind::NoMatchingKey, "");
/// let first = Verdict::on(&error, None, 1_764_000_000, Verdict::PARK_AFTER);
/// let Verdict::Wait { waiting, delay } = first else {
///     panic!("the key may still arrive");
/// };
/// assert_eq!(delay.as_secs(), 10);
///
/// // The adapter keeps `waiting` with the job, and hands it over at the next attempt.
/// let second = Verdict::on(&error, Some(&waiting), 1_764_000_010, Verdict::PARK_AFTER);
/// assert!(matches!(second, Verdict::Wait { delay, .. } if delay.as_secs() == 20));
///
/// let altered = Error::new(ErrorKind::AuthenticationFailed, "");
/// assert_eq!(Verdict::on(&altered, Some(&waiting), 1_764_000_020, Verdict::PARK_AFTER), Verdict::Park);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is held aside, whole, until someone puts it back.
    Park,
    /// It is tried again after `delay`.
    Wait {
        /// To be kept with the job until its next attempt.
        waiting: Waiting,
        /// For how long it must not be due.
        delay: Duration,
    },
}

/// What a job that waits carries along from one attempt to the next. Times are seconds since 1970.
///
/// Once a job was opened, or is parked, it is to be forgotten, so that a later wait does not count from it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Waiting {
    /// For what it waits: the class of the error, as [`ErrorKind::as_str`] has it.
    pub class: String,
    /// When it waited first for this.
    pub since: u64,
    /// How often it has waited for this.
    pub times: u32,
    /// Since when its key is unknown, also while it waits for something else in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_unknown_since: Option<u64>,
}

const FIRST_DELAY: Duration = Duration::from_secs(10);
const LONGEST_DELAY_FOR_KEY: Duration = Duration::from_secs(3600);
const LONGEST_DELAY_FOR_SOURCE: Duration = Duration::from_secs(300);

impl Verdict {
    /// How long a job waits for a key that is unknown, unless an app says otherwise: 7 days.
    pub const PARK_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

    /// Decides on a job that met `error` at the time `now`, in seconds since 1970, given what an `earlier`
    /// attempt left with it. After `park_after` its key is no longer waited for.
    #[must_use]
    pub fn on(error: &Error, earlier: Option<&Waiting>, now: u64, park_after: Duration) -> Self {
        let longest_delay = match error.kind() {
            ErrorKind::NoMatchingKey => LONGEST_DELAY_FOR_KEY,
            // Neither is the job's fault, so neither ever costs the job its place.
            ErrorKind::KeySourceUnavailable | ErrorKind::InvalidConfiguration => {
                LONGEST_DELAY_FOR_SOURCE
            }
            _ => return Self::Park,
        };
        let class = error.kind().as_str();
        let (since, times) = match earlier {
            Some(earlier) if earlier.class == class => {
                (earlier.since, earlier.times.saturating_add(1))
            }
            _ => (now, 1),
        };
        // A source that fails now and then must not keep an unknown key waiting for ever.
        let mut key_unknown_since = earlier.and_then(|earlier| earlier.key_unknown_since);
        if error.kind() == ErrorKind::NoMatchingKey {
            let since = *key_unknown_since.get_or_insert(now);
            if now.saturating_sub(since) >= park_after.as_secs() {
                return Self::Park;
            }
        }
        let doublings = times.saturating_sub(1).min(16);
        Self::Wait {
            waiting: Waiting {
                class: class.to_owned(),
                since,
                times,
                key_unknown_since,
            },
            delay: (FIRST_DELAY * 2_u32.pow(doublings)).min(longest_delay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown_key() -> Error {
        Error::new(ErrorKind::NoMatchingKey, "")
    }

    /// Follows a job through its waits; returns the delays, in seconds, until it is parked or has
    /// waited `rounds` times.
    fn delays(error: &Error, rounds: usize) -> (Vec<u64>, bool) {
        let mut now = 0_u64;
        let mut earlier = None;
        let mut delays = Vec::new();
        for _ in 0..rounds {
            match Verdict::on(error, earlier.as_ref(), now, Verdict::PARK_AFTER) {
                Verdict::Wait { waiting, delay } => {
                    delays.push(delay.as_secs());
                    now += delay.as_secs();
                    earlier = Some(waiting);
                }
                Verdict::Park => return (delays, true),
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
        let week = Verdict::PARK_AFTER.as_secs();
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
        let Verdict::Wait { waiting, .. } = Verdict::on(&source, None, 0, Verdict::PARK_AFTER)
        else {
            panic!("an unreachable source parks no job");
        };
        let later = 10 * Verdict::PARK_AFTER.as_secs();
        let verdict = Verdict::on(&unknown_key(), Some(&waiting), later, Verdict::PARK_AFTER);
        assert!(matches!(verdict, Verdict::Wait { .. }), "{verdict:?}");
    }

    #[test]
    fn a_flaky_source_does_not_keep_an_unknown_key_waiting_for_ever() {
        let source = Error::key_source_unavailable("down");
        let (mut now, mut earlier) = (0_u64, None);
        for round in 0..1000 {
            let error = if round % 5 == 4 {
                &source
            } else {
                &unknown_key()
            };
            match Verdict::on(error, earlier.as_ref(), now, Verdict::PARK_AFTER) {
                Verdict::Wait { waiting, delay } => {
                    now += delay.as_secs().max(3600);
                    earlier = Some(waiting);
                }
                Verdict::Park => return,
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
            let verdict = Verdict::on(&Error::new(kind, ""), None, 0, Verdict::PARK_AFTER);
            assert_eq!(verdict, Verdict::Park, "{kind:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_parks_nothing() {
        let waiting = Waiting {
            class: "no_matching_key".to_owned(),
            since: 2_000_000_000,
            times: u32::MAX,
            key_unknown_since: Some(2_000_000_000),
        };
        let verdict = Verdict::on(&unknown_key(), Some(&waiting), 1_000, Verdict::PARK_AFTER);
        assert!(matches!(verdict, Verdict::Wait { .. }), "{verdict:?}");
    }

    #[test]
    fn what_it_carries_along_is_read_back_from_json() {
        let Verdict::Wait { waiting, .. } =
            Verdict::on(&unknown_key(), None, 7, Verdict::PARK_AFTER)
        else {
            panic!("the key may still arrive");
        };
        let json = serde_json::to_string(&waiting).expect("it is JSON");
        assert_eq!(
            json,
            r#"{"class":"no_matching_key","since":7,"times":1,"key_unknown_since":7}"#
        );
        assert_eq!(serde_json::from_str::<Waiting>(&json).ok(), Some(waiting));
    }
}
