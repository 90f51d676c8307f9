/// What is done to one job.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Operation {
    Seal,
    Open,
    /// One job of a batch of 100.
    SealBatch,
    /// Opened by a keyring of ten whose last key fits.
    OpenTenthKey,
    /// Told to be plaintext.
    OpenPlaintext,
    /// Sealed and opened on so many threads at once; the time is that between two finished jobs.
    RoundTrip {
        threads: u32,
    },
}

/// An operation on args of one size.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Task {
    pub(crate) operation: Operation,
    pub(crate) size: usize,
}

pub(crate) const SIZES: [usize; 6] = [64, 256, 1024, 4096, 65_536, 1 << 20];

impl Operation {
    /// All of them; those of a group are compared with each other most closely.
    pub(crate) const GROUPS: [&[Self]; 3] = [
        &[Self::Seal, Self::SealBatch],
        &[Self::Open, Self::OpenTenthKey, Self::OpenPlaintext],
        &[
            Self::RoundTrip { threads: 1 },
            Self::RoundTrip { threads: 2 },
        ],
    ];

    /// Whether this is worth the time at this size.
    pub(crate) fn is_measured_at(self, size: usize) -> bool {
        match self {
            Self::Seal | Self::Open | Self::OpenPlaintext => true,
            Self::SealBatch | Self::OpenTenthKey => size <= 65_536,
            Self::RoundTrip { .. } => (256..=4096).contains(&size),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Open => "open",
            Self::SealBatch => "seal-batch",
            Self::OpenTenthKey => "open-tenth-key",
            Self::OpenPlaintext => "open-plaintext",
            Self::RoundTrip { .. } => "round-trip",
        }
    }
}

/// JSON args of this size, in bytes. The peers make the same.
pub(crate) fn args_of(size: usize) -> Vec<u8> {
    let mut args = br#"{"to":"ada@example.com","text":""#.to_vec();
    args.resize(size - 2, b'a');
    args.extend_from_slice(b"\"}");
    args
}
