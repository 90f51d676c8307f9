//! Ctrl-C, and the signal by which service managers end a program.

use std::process;

use jobcrypt::store::Stop;
use tokio::signal::{
    self,
    unix::{SignalKind, signal as listen},
};

use crate::exit::Exit;

/// Asks for the end at the first signal, so that there is a report, and ends at once at the second.
pub(crate) async fn stop_at_signal(stop: Stop) {
    next().await;
    eprintln!("stopping, with a report; once more ends it at once");
    stop.now();
    next().await;
    process::exit(i32::from(Exit::Interrupted as u8));
}

async fn next() {
    let Ok(mut terminate) = listen(SignalKind::terminate()) else {
        // Without it there is Ctrl-C still.
        let _ = signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
