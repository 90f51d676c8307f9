//! Devices that are not there: what the real ones answer, by their names.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{command::SendCommand, credentials::Credentials};

/// The devices that this example plays.
#[derive(Default)]
pub(crate) struct Devices {
    calls: Mutex<HashMap<String, u32>>,
}

#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum DeviceError {
    #[error("the device refuses the credentials")]
    Refused,
    #[error("the device does not answer")]
    Unreachable,
}

/// How often a host whose name begins with `flaky` does not answer.
const FLAKY: u32 = 3;

impl Devices {
    /// Runs the commands. A password `wrong` is refused, and hosts that begin with `flaky` answer after a while.
    pub(crate) fn run(
        &self,
        command: &SendCommand,
        credentials: &Credentials,
    ) -> Result<String, DeviceError> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = calls.entry(command.host.clone()).or_default();
        *calls += 1;
        if command.host.starts_with("flaky") && *calls <= FLAKY {
            return Err(DeviceError::Unreachable);
        }
        if credentials.password == "wrong" {
            return Err(DeviceError::Refused);
        }
        // A device greets, and answers each command in a line.
        let enable = credentials.enable.as_ref();
        let mode = if enable.is_some_and(|it| *it != credentials.password) {
            "enable"
        } else {
            "user"
        };
        let answers = command.commands.iter().map(|it| format!("{it}: done"));
        let greeting = format!("{} {} as {}", command.host, mode, credentials.username);
        Ok(std::iter::once(greeting)
            .chain(answers)
            .collect::<Vec<_>>()
            .join("\n"))
    }
}
