//! NAAS on River: an HTTP API that takes commands for network devices with the caller's credentials, and a worker that
//! runs them. Only the credentials are sealed, and bound to the device and the commands that they were given for.
//!
//! `cargo run --example naas --features naas -- --try` starts it on SQLite with keys of its own; `README.md` has the rest.

mod access;
mod api;
mod audit;
mod breaker;
mod command;
mod credentials;
mod database;
mod device;
mod settings;
mod status;
mod worker;

use std::{process::ExitCode, sync::Arc};

use jobcrypt::river::EncryptPlugin;
use riverqueue::{BoxError, Client};
use tokio::net::TcpListener;

use crate::{
    access::Access,
    api::Api,
    audit::Audit,
    breaker::Breaker,
    credentials::Vault,
    database::Database,
    settings::{Role, Settings},
};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("naas cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    let is_trial = std::env::args().any(|argument| argument == "--try");
    // Fails before anything listens.
    let settings = Settings::from_environment(is_trial)?;
    let vault = Vault::new(&settings)?;
    let audit = Arc::new(Audit::new(settings.audit.as_deref())?);
    let access = Arc::new(Access::new(settings.hash_key, Arc::clone(&audit)));
    let breaker = Arc::new(Breaker::new(Arc::clone(&audit)));
    let database = Database::open(settings.database.as_deref()).await?;

    let mut builder = database.client();
    if let Some(hook) = vault.hook() {
        // A job whose key this worker does not have has failed, as NAAS decided; it is parked, and so not lost.
        let plugin = EncryptPlugin::new(hook.clone()).park_after(std::time::Duration::ZERO);
        builder = builder.plugin(plugin);
    }
    if settings.role != Role::Api {
        builder = worker::add_to(builder, &vault, &audit, &breaker)?;
        database.report_orphans(&audit).await?;
    }
    let client: Client = builder.build()?;
    let working = match settings.role {
        Role::Api => None,
        _ => Some(client.start()?),
    };
    if settings.role == Role::Worker {
        println!("working");
        stopped().await;
    } else {
        let listener = TcpListener::bind(settings.listen).await?;
        println!("listening on http://{}", listener.local_addr()?);
        let api = Api {
            access,
            audit,
            breaker,
            client,
            vault,
        };
        axum::serve(listener, api::routes(api))
            .with_graceful_shutdown(stopped())
            .await?;
    }
    if let Some(mut working) = working {
        working.stop().await?;
    }
    Ok(())
}

async fn stopped() {
    // Without a signal there is nothing to wait for but the end of the process.
    let _ = tokio::signal::ctrl_c().await;
}
