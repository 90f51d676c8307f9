//! Why a job is not worked, as text: graphile_worker has no place for it but the job's `last_error`.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat};
use jobcrypt_core::Error;
use jobcrypt_tower::Waiting;

const WAITS: &str = "jobcrypt: waits, time ";
const KEY_UNKNOWN_SINCE: &str = "key unknown since ";
const FOR: &str = "for ";
const SINCE: &str = " since ";

/// Returns the note of a job that waits, which [`read`] reads at its next attempt.
pub(crate) fn waits(waiting: &Waiting, error: &Error) -> String {
    let mut note = format!("{WAITS}{}", waiting.times);
    let into_text = "text takes text";
    if let Some(since) = waiting.key_unknown_since {
        write!(note, ", {KEY_UNKNOWN_SINCE}{}", date(since)).expect(into_text);
    }
    let (class, since) = (&waiting.class, date(waiting.since));
    write!(note, ", {FOR}{class}{SINCE}{since}; {error}").expect(into_text);
    note
}

/// Returns the note of a job that is parked.
pub(crate) fn parked(error: &Error) -> String {
    format!("jobcrypt: parked; {error}")
}

/// Returns what a job that waits carries along, if its last error is such a note.
pub(crate) fn read(note: &str) -> Option<Waiting> {
    let (head, _) = note.strip_prefix(WAITS)?.split_once("; ")?;
    let mut parts = head.split(", ");
    let mut waiting = Waiting {
        class: String::new(),
        since: 0,
        times: parts.next()?.parse().ok()?,
        key_unknown_since: None,
    };
    for part in parts {
        if let Some(since) = part.strip_prefix(KEY_UNKNOWN_SINCE) {
            waiting.key_unknown_since = Some(seconds(since)?);
        } else {
            let (class, since) = part.strip_prefix(FOR)?.split_once(SINCE)?;
            class.clone_into(&mut waiting.class);
            waiting.since = seconds(since)?;
        }
    }
    Some(waiting)
}

fn date(seconds: u64) -> String {
    let date = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .unwrap_or_default();
    date.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn seconds(date: &str) -> Option<u64> {
    let date = DateTime::parse_from_rfc3339(date).ok()?;
    u64::try_from(date.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use jobcrypt_core::ErrorKind;
    use jobcrypt_tower::Verdict;

    use super::*;

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "")
    }

    #[test]
    fn what_a_job_carries_along_is_read_back() {
        for key_unknown_since in [None, Some(1_764_000_000)] {
            let waiting = Waiting {
                class: "no_matching_key".to_owned(),
                since: 1_764_000_007,
                times: 3,
                key_unknown_since,
            };
            let note = waits(&waiting, &error(ErrorKind::NoMatchingKey));
            assert_eq!(read(&note), Some(waiting), "{note}");
        }
    }

    #[test]
    fn other_errors_are_no_notes() {
        for text in [
            "declined",
            "jobcrypt: parked; x",
            "jobcrypt: waits, time x; y",
            "jobcrypt: waits, time 1, for long; y",
            "jobcrypt: waits, time 1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    /// The rules for the wait are the same for all queues; that they hold here as well depends on the note.
    #[test]
    fn a_flaky_source_does_not_keep_an_unknown_key_waiting_for_ever() {
        let (mut now, mut earlier) = (1_764_000_000, None::<String>);
        for round in 0..1000 {
            let error = error(match round % 5 {
                4 => ErrorKind::KeySourceUnavailable,
                _ => ErrorKind::NoMatchingKey,
            });
            let waiting = earlier.as_deref().and_then(read);
            match Verdict::on(&error, waiting.as_ref(), now, Verdict::PARK_AFTER) {
                Verdict::Wait { waiting, delay } => {
                    assert_eq!(waiting.times == 1, round % 5 == 4 || round % 5 == 0);
                    now += delay.as_secs().max(3600);
                    earlier = Some(waits(&waiting, &error));
                }
                Verdict::Park => return,
            }
        }
        panic!("it waits for ever");
    }
}
