use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

/// Args of a worker, read from the very bytes that were sealed.
///
/// rusty-sidekiq parses args into a [`serde_json::Value`] on their way to a worker, in which numbers of
/// more than 64 bits lose digits and a key that stands twice loses a value. A worker of `Exact<T>` reads
/// `T` from what the app wrote; a `T` of `Box<RawValue>` gets every byte. Jobs that were not sealed are
/// read as rusty-sidekiq has them.
///
/// ```
/// use async_trait::async_trait;
/// use jobcrypt_sidekiq::Exact;
/// use serde_json::value::RawValue;
/// use sidekiq::Worker;
///
/// struct SendLedger;
///
/// #[async_trait]
/// impl Worker<Exact<Box<RawValue>>> for SendLedger {
///     async fn perform(&self, Exact(args): Exact<Box<RawValue>>) -> sidekiq::Result<()> {
///         let _json: &str = args.get();
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Exact<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Exact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match crate::opened::read(|json| serde_json::from_slice::<T>(json)) {
            Some(read) => {
                serde::de::IgnoredAny::deserialize(deserializer)?;
                read.map(Self).map_err(serde::de::Error::custom)
            }
            None => T::deserialize(deserializer).map(Self),
        }
    }
}

impl<T: Serialize> Serialize for Exact<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
