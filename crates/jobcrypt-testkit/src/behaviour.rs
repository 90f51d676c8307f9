use std::fmt;

/// One thing that a queue does with sealed jobs, as [`queue_conformance`](crate::queue_conformance) checks
/// it. Its text is a row of `docs/queues.md`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Behaviour {
    /// The worker gets what the app enqueued.
    RoundTrip,
    /// That down to the last byte, in args that a parser would change.
    ExactBytes,
    /// Args of 10 MiB come back like others.
    LargeArgs,
    /// Jobs that are enqueued together are sealed one by one.
    Batch,
    /// Jobs that are enqueued together are stored together, or not at all.
    AllOrNothing,
    /// Args that are sealed already are refused.
    AlreadySealed,
    /// Jobs that were there before are worked, unless their kind rejects plaintext.
    PlaintextBefore,
    /// Kinds that are not to be sealed are not.
    ReadableKinds,
    /// A job waits for its key.
    UnknownKey,
    /// What does not belong there is parked.
    Altered,
    /// What is parked comes back.
    PutBack,
    /// A job that cannot be opened stops no other.
    BadBesideGood,
    /// A job that failed is stored as it was.
    Retry,
    /// A job that is not due yet is sealed as well.
    Scheduled,
    /// What workers return is sealed where it is kept.
    Results,
    /// Nothing that was sealed stands readable anywhere in the store.
    Dump,
}

impl Behaviour {
    /// All of them, in the order in which they are checked.
    pub const ALL: [Self; 16] = [
        Self::RoundTrip,
        Self::ExactBytes,
        Self::LargeArgs,
        Self::Batch,
        Self::AllOrNothing,
        Self::AlreadySealed,
        Self::PlaintextBefore,
        Self::ReadableKinds,
        Self::UnknownKey,
        Self::Altered,
        Self::PutBack,
        Self::BadBesideGood,
        Self::Retry,
        Self::Scheduled,
        Self::Results,
        Self::Dump,
    ];
}

impl fmt::Display for Behaviour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RoundTrip => "args come back as they were enqueued, and are sealed meanwhile",
            Self::ExactBytes => "byte for byte, with long numbers and keys that stand twice",
            Self::LargeArgs => "args of 10 MiB come back",
            Self::Batch => "a batch is sealed job by job, beside readable kinds",
            Self::AllOrNothing => "of a batch with a job that cannot be sealed, nothing is stored",
            Self::AlreadySealed => "args that are an envelope already are refused",
            Self::PlaintextBefore => {
                "plaintext from before is worked; parked where its kind rejects it"
            }
            Self::ReadableKinds => "readable kinds stay readable",
            Self::UnknownKey => {
                "a job under an unknown key waits, whole, and is worked once the key is there"
            }
            Self::Altered => "what was altered, moved or malformed is parked, whole",
            Self::PutBack => {
                "a parked job is put back by the queue's own means, and worked once the cause is mended"
            }
            Self::BadBesideGood => "a job that cannot be opened stops no good one",
            Self::Retry => "a job that failed stays sealed, and is sealed once",
            Self::Scheduled => "a scheduled job is sealed until it is due",
            Self::Results => "results are sealed",
            Self::Dump => "a dump of the store holds no args and no results of sealed kinds",
        })
    }
}
