use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use riverqueue::{BoxError, ClientBuilder, Job, QueueConfig, WorkContext, WorkOutcome, Workers};

use crate::{
    audit::{Audit, Event},
    breaker::Breaker,
    command::SendCommand,
    credentials::{Stored, Vault},
    device::Devices,
};

/// Adds the worker of commands to a client.
pub(crate) fn add_to(
    builder: ClientBuilder,
    vault: &Vault,
    audit: &Arc<Audit>,
    breaker: &Arc<Breaker>,
) -> Result<ClientBuilder, BoxError> {
    let worker = Arc::new(Worker {
        vault: vault.clone(),
        audit: Arc::clone(audit),
        breaker: Arc::clone(breaker),
        devices: Devices::default(),
    });
    let mut workers = Workers::new();
    workers.add_fn(move |context: WorkContext, job: Job<SendCommand>| {
        let worker = Arc::clone(&worker);
        async move { worker.work(&context, job.args) }
    })?;
    let often = QueueConfig::new(4)
        .with_fetch_cooldown(Duration::from_millis(20))
        .with_fetch_poll_interval(Duration::from_millis(100));
    Ok(builder.workers(workers).queue("default", often))
}

struct Worker {
    vault: Vault,
    audit: Arc<Audit>,
    breaker: Arc<Breaker>,
    devices: Devices,
}

impl Worker {
    fn work(
        &self,
        context: &WorkContext,
        mut command: SendCommand,
    ) -> Result<WorkOutcome, BoxError> {
        let began = Instant::now();
        let stored = std::mem::replace(&mut command.credentials, Stored::Token(String::new()));
        let result = self.run(context, &command, stored);
        self.audit.emit(&Event::JobCompleted {
            request_id: &command.request_id,
            status: if result.is_ok() { "finished" } else { "failed" },
            duration_ms: began.elapsed().as_millis(),
        });
        result.map(|()| WorkOutcome::Complete)
    }

    /// Errors say what failed and never with what.
    #[expect(
        clippy::disallowed_methods,
        reason = "the output is sealed, or encryption is disabled"
    )]
    fn run(
        &self,
        context: &WorkContext,
        command: &SendCommand,
        stored: Stored,
    ) -> Result<(), BoxError> {
        let credentials = self.vault.open(stored)?;
        let answer = self.devices.run(command, &credentials);
        self.breaker.note(&command.host, &answer);
        context.record_output(self.vault.seal_output(&answer?)?)?;
        Ok(())
    }
}
