//! Ctrl-C, and the signal by which service managers end a program.

use std::process;

use jobcrypt::store::Stop;
use tokio::{
    signal::unix::{Signal, SignalKind, signal as listen},
    task::JoinHandle,
};

use crate::exit::Exit;

/// From now on, asks for the end at the first signal, so that there is a report, and ends at once at the second.
pub(crate) fn stop_at_signal(stop: Stop) -> JoinHandle<()> {
    // Before the task runs: a signal that nobody listens to ends the program without a report.
    let signals = (
        listen(SignalKind::interrupt()),
        listen(SignalKind::terminate()),
    );
    tokio::spawn(async move {
        // Where the system lets nobody listen, signals do what they do by themselves.
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            return;
        };
        next(&mut interrupt, &mut terminate).await;
        eprintln!("stopping, with a report; once more ends it at once");
        stop.now();
        next(&mut interrupt, &mut terminate).await;
        process::exit(i32::from(Exit::Interrupted as u8));
    })
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
