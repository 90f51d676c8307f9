use std::{fmt, str::FromStr};

/// A line of a chain, kept elsewhere: the log must still hold it, or its end was cut off.
///
/// A log with a chain emits one through `tracing` every thousand lines and when it is closed, as the event
/// `audit.checkpoint` with the field `checkpoint`; keep them where whoever can change the log cannot.
///
/// ```
/// use jobcrypt_audit::Checkpoint;
///
/// let text = "q1c5N0yQm3b1Xv9mQm3b1A:999:9oXBVg0e1a3UOpB6K2j1a0eYbAqk4yJ5kF0lCq3bN5g";
/// let checkpoint: Checkpoint = text.parse()?;
/// assert_eq!(checkpoint.to_string(), text);
/// # Ok::<(), &'static str>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Checkpoint {
    pub(crate) chain: String,
    pub(crate) seq: u64,
    pub(crate) mac: String,
}

impl FromStr for Checkpoint {
    type Err = &'static str;

    /// # Errors
    ///
    /// A sentence, when the text is not `CHAIN:NUMBER:MAC`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let [chain, seq, mac] = parts[..] else {
            return Err("a checkpoint has three parts between colons");
        };
        Ok(Self {
            chain: chain.to_owned(),
            seq: seq
                .parse()
                .map_err(|_| "the second part of a checkpoint is a number")?,
            mac: mac.to_owned(),
        })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.chain, self.seq, self.mac)
    }
}
