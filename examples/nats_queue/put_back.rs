use async_nats::{HeaderMap, jetstream::stream::RawMessageErrorKind};
use tower::BoxError;

use crate::queue::{JOBS, PARKED, Queue};

impl Queue {
    /// Puts back the jobs that are held aside, once somebody has mended why. Returns how many.
    ///
    /// A job leaves the stream of parked ones only after it is in the other, and its id keeps a second copy
    /// out, should this be interrupted and called again.
    pub(crate) async fn put_back(&self) -> Result<usize, BoxError> {
        let parked = self.context.get_stream(PARKED).await?;
        let state = parked.get_info().await?.state;
        let mut count = 0;
        for sequence in state.first_sequence..=state.last_sequence {
            let message = match parked.get_raw_message(sequence).await {
                Ok(message) => message,
                // It was put back before.
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => continue,
                Err(error) => return Err(error.into()),
            };
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{PARKED}-{sequence}"));
            let subject = message.subject.replacen(PARKED, JOBS, 1);
            let published = self
                .context
                .publish_with_headers(subject, headers, message.payload)
                .await?;
            published.await?;
            parked.delete_message(sequence).await?;
            count += 1;
        }
        Ok(count)
    }
}
