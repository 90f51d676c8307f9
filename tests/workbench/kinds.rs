//! The jobs of these tests: args that are whatever JSON a test says, byte for byte.

use riverqueue::JobArgs;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
        #[river(kind = $kind)]
        #[serde(transparent)]
        pub struct $name {
            json: Box<RawValue>,
        }

        impl $name {
            pub fn new(json: &str) -> Self {
                let json = RawValue::from_string(json.to_owned()).expect("the args are JSON");
                Self { json }
            }

            pub fn json(&self) -> &str {
                self.json.get()
            }
        }
    )*};
}

kinds! {
    ChargeCard = "charge_card";
    SendInvoice = "send_invoice";
    /// Readable in these tests.
    RebuildIndex = "rebuild_index";
}

/// A job with typed args, one of which it is unique by.
#[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
#[river(kind = "sync_mailbox")]
pub struct SyncMailbox {
    pub address: String,
    pub password: String,
    pub port: u16,
}
