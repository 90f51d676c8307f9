//! What a service with `EncryptLayer` costs beside the sealing that it does: `cargo bench -p
//! jobcrypt-tower`. It prints nanoseconds a job, and fails above the limit.

use std::{
    hint::black_box,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Error, JobContext, Keyring, SecretKey};
use jobcrypt_tower::{DecryptLayer, EncryptLayer, JobRequest};
use tower::{Layer, Service, service_fn};

/// What the layer may add to a job, in nanoseconds.
const LIMIT: f64 = 60.0;
const JOBS: u32 = 2_000;
const ROUNDS: usize = 301;

struct Row {
    kind: &'static str,
    args: Vec<u8>,
}

impl JobRequest for Row {
    type Args = Vec<u8>;

    fn context(&self) -> JobContext<'_> {
        JobContext::new(self.kind)
    }

    fn args(&self) -> &Vec<u8> {
        &self.args
    }

    fn args_mut(&mut self) -> &mut Vec<u8> {
        &mut self.args
    }
}

fn main() -> Result<(), Error> {
    let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    let hook = EncryptHook::builder(keyring).namespace("bench").build()?;
    let plain = || Row {
        kind: "send_invoice",
        args: vec![b'7'; 256],
    };
    let mut sealed = plain();
    hook.seal(&JobContext::new(sealed.kind), &mut sealed.args)?;
    let sealed = || Row {
        kind: sealed.kind,
        args: sealed.args.clone(),
    };

    let store = || service_fn(|row: Row| std::future::ready(Ok::<_, Error>(row)));
    let mut encrypt = EncryptLayer::new(hook.clone()).layer(store());
    let mut decrypt = DecryptLayer::new(hook.clone()).layer(store());
    let mut or_reload = DecryptLayer::new(hook.clone()).or_reload().layer(store());

    let added = [
        added(
            "EncryptLayer",
            || {
                let mut row = plain();
                hook.seal(&JobContext::new(row.kind), &mut row.args)?;
                call(&mut store(), row)
            },
            || call(&mut encrypt, plain()),
        )?,
        added(
            "DecryptLayer",
            || {
                let mut row = sealed();
                hook.open(&JobContext::new(row.kind), &mut row.args)?;
                call(&mut store(), row)
            },
            || call(&mut decrypt, sealed()),
        )?,
        added(
            "DecryptLayer, or_reload",
            || {
                let mut row = sealed();
                hook.open(&JobContext::new(row.kind), &mut row.args)?;
                call(&mut store(), row)
            },
            || call(&mut or_reload, sealed()),
        )?,
    ];
    let is_within = added.iter().all(|added| *added <= LIMIT);
    assert!(is_within, "a layer adds more than {LIMIT} ns");
    Ok(())
}

/// Measures both in turns, so that whatever slows the machine slows both. Returns the median of the
/// differences, in nanoseconds a job.
fn added(
    name: &str,
    mut without: impl FnMut() -> Result<Row, Error>,
    mut with: impl FnMut() -> Result<Row, Error>,
) -> Result<f64, Error> {
    let (mut alone, mut differences) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = time(&mut without)?;
        let layered = time(&mut with)?;
        let after = time(&mut without)?;
        let mean = f64::midpoint(before, after);
        alone.push(mean);
        differences.push(layered - mean);
    }
    let (alone, added) = (median(alone), median(differences));
    println!("{name:24} {alone:7.1} ns without, {added:+6.1} ns for the layer");
    Ok(added)
}

fn time(job: &mut impl FnMut() -> Result<Row, Error>) -> Result<f64, Error> {
    let begin = Instant::now();
    for _ in 0..JOBS {
        black_box(job()?);
    }
    Ok(nanoseconds(begin.elapsed()) / f64::from(JOBS))
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Calls a service whose response is ready at once.
fn call<S: Service<Row, Response = Row, Error = Error>>(
    service: &mut S,
    row: Row,
) -> Result<Row, Error> {
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(ready) = service.poll_ready(&mut context) else {
        unreachable!("it is always ready")
    };
    ready?;
    let response = std::pin::pin!(service.call(black_box(row)));
    match response.poll(&mut context) {
        Poll::Ready(row) => row,
        Poll::Pending => unreachable!("it answers at once"),
    }
}
