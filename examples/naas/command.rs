use riverqueue::JobArgs;
use serde::{Deserialize, Serialize};

use crate::credentials::Stored;

pub(crate) const KIND: &str = "send_command";

/// A job: commands for a device. All but the credentials stays readable, for listing and for debugging.
#[derive(Deserialize, JobArgs, Serialize)]
#[river(kind = "send_command")]
pub(crate) struct SendCommand {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) platform: String,
    pub(crate) commands: Vec<String>,
    pub(crate) request_id: String,
    /// Who submitted it, by a keyed hash.
    pub(crate) user_hash: String,
    pub(crate) credentials: Stored,
}
