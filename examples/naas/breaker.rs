//! Devices that are left alone for a while: those that do not answer, and those that refused credentials too often.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    audit::{Audit, Event},
    device::DeviceError,
};

pub(crate) struct Breaker {
    hosts: Mutex<HashMap<String, Host>>,
    audit: Arc<Audit>,
}

#[derive(Default)]
struct Host {
    unreachable: u32,
    is_open: bool,
    refused: u32,
}

/// So many calls in a row without an answer open the circuit.
const OPENS_AT: u32 = 3;
/// So many refusals in a row lock a device out.
const LOCKS_AT: u32 = 3;

impl Breaker {
    pub(crate) fn new(audit: Arc<Audit>) -> Self {
        Self {
            hosts: Mutex::default(),
            audit,
        }
    }

    /// Whether commands for this device are not accepted.
    pub(crate) fn is_locked_out(&self, host: &str) -> bool {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(host).is_some_and(|it| it.refused >= LOCKS_AT)
    }

    /// Notes what a call came to.
    pub(crate) fn note<T>(&self, name: &str, result: &Result<T, DeviceError>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry(name.to_owned()).or_default();
        match result {
            Err(DeviceError::Unreachable) => {
                host.unreachable += 1;
                if host.unreachable >= OPENS_AT && !host.is_open {
                    host.is_open = true;
                    self.audit.emit(&Event::CircuitOpened { host: name });
                }
                return;
            }
            Err(DeviceError::Refused) => {
                host.refused += 1;
                if host.refused == LOCKS_AT {
                    self.audit.emit(&Event::DeviceLockedOut {
                        host: name,
                        failure_count: host.refused,
                    });
                }
            }
            Ok(_) => host.refused = 0,
        }
        host.unreachable = 0;
        if host.is_open {
            host.is_open = false;
            self.audit.emit(&Event::CircuitClosed { host: name });
        }
    }
}
