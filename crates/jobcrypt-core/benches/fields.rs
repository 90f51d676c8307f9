//! What sealing two fields of 1 KiB of args costs beside sealing the args as a whole: `cargo bench -p
//! jobcrypt-core`. It prints nanoseconds a job and the ratio, and fails above the limits.

use std::{hint::black_box, time::Instant};

use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Error, JobContext, Keyring, Keys, Policy, SecretKey};

/// What fields may cost, as a multiple of the whole args.
const MOST_TO_SEAL: f64 = 1.3;
const MOST_TO_OPEN: f64 = 1.6;
const JOBS: u32 = 1_000;
const ROUNDS: usize = 301;
const JOB: JobContext<'static> = JobContext::new("send_command");

fn main() -> Result<(), Error> {
    let key = XChaCha20Poly1305::new(SecretKey::generate()?);
    let keys: Keys = Keyring::new(key).build()?.into();
    let hook = |policy| {
        let builder = EncryptHook::builder(keys.clone()).namespace("bench");
        builder.default_policy(policy).build()
    };
    let fields = || Policy::fields(["/credentials", "/token"]);
    let whole = hook(Policy::sealed())?;
    let mut is_within = true;
    for (name, other) in [
        ("two fields", hook(fields())?),
        (
            "two fields, two bound",
            hook(fields().bind(["/host", "/port"]))?,
        ),
    ] {
        let args = args();
        let seal = |hook: &EncryptHook| hook.seal_bytes(&JOB, black_box(args.as_bytes()));
        let (as_a_whole, by_fields) = (seal(&whole)?, seal(&other)?);
        let (as_a_whole, by_fields) = (
            as_a_whole.unwrap_or_default(),
            by_fields.unwrap_or_default(),
        );
        let open = |hook: &EncryptHook, stored: &[u8]| hook.open_bytes(&JOB, black_box(stored));
        let sealing = ratio(&format!("seal {name}"), || seal(&whole), || seal(&other))?;
        let opening = ratio(
            &format!("open {name}"),
            || open(&whole, &as_a_whole),
            || open(&other, &by_fields),
        )?;
        // The limits are for fields by themselves: a digest is a hash on top.
        is_within &= name.contains("bound") || sealing <= MOST_TO_SEAL && opening <= MOST_TO_OPEN;
    }
    assert!(
        is_within,
        "fields cost more than {MOST_TO_SEAL} and {MOST_TO_OPEN} times the whole"
    );
    Ok(())
}

/// 1 KiB, as a command for a device may look.
fn args() -> String {
    let begin = r#"{"host":"sw1.example.com","port":22,"platform":"cisco_ios","credentials":{"username":"ada","password":"correct horse battery staple"},"token":"0123456789abcdef0123456789abcdef","tags":["a","b"],"commands":["#;
    let mut args = begin.to_owned();
    while args.len() < 960 {
        args.push_str("\"show interface status\",");
    }
    args.push_str("\"exit\"]");
    args.push_str(&" ".repeat(1023 - args.len()));
    args.push('}');
    args
}

/// Measures both in turns, so that whatever slows the machine slows both; the median of the ratios.
fn ratio(
    name: &str,
    mut whole: impl FnMut() -> Result<Option<Vec<u8>>, Error>,
    mut fields: impl FnMut() -> Result<Option<Vec<u8>>, Error>,
) -> Result<f64, Error> {
    let (mut alone, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = time(&mut whole)?;
        let by_fields = time(&mut fields)?;
        let mean = f64::midpoint(before, time(&mut whole)?);
        alone.push(mean);
        ratios.push(by_fields / mean);
    }
    let (alone, ratio) = (median(alone), median(ratios));
    println!("{name:28} {alone:7.0} ns as a whole, {ratio:5.2} times that by fields");
    Ok(ratio)
}

fn time(job: &mut impl FnMut() -> Result<Option<Vec<u8>>, Error>) -> Result<f64, Error> {
    let begin = Instant::now();
    for _ in 0..JOBS {
        black_box(job()?);
    }
    Ok(begin.elapsed().as_secs_f64() * 1e9 / f64::from(JOBS))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
