//! The encryption engine of Hammerwork, a job queue in Rust: JSON text in, the text of its encrypted payload
//! out, and back. It measures itself: for each line on standard input, `cipher operation size milliseconds`,
//! it answers with the median time per job in nanoseconds.

use std::{
    error::Error,
    hint::black_box,
    io::stdin,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hammerwork::encryption::{
    EncryptedPayload, EncryptionAlgorithm, EncryptionConfig, EncryptionEngine, KeySource,
};
use serde_json::Value;

/// Long enough that reading the clock does not count.
const SHORTEST_SAMPLE: Duration = Duration::from_micros(200);

fn main() -> Result<(), Box<dyn Error>> {
    println!("Hammerwork 3.0.0");
    let engine = engine()?;
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["aes256gcm", operation, size, milliseconds] = words[..] else {
            return Err(format!("this peer does not know {line}").into());
        };
        let args = args_of(size.parse()?);
        let sealed = seal(&engine, &args)?;
        if open(&engine, &sealed)? != args {
            return Err("the args do not come back".into());
        }
        let duration = Duration::from_millis(milliseconds.parse()?);
        let median = match operation {
            "seal" => median(duration, || seal(&engine, black_box(&args)).is_ok()),
            "open" => median(duration, || open(&engine, black_box(&sealed)).is_ok()),
            _ => return Err(format!("unknown operation {operation}").into()),
        };
        println!("{median}");
    }
    Ok(())
}

fn engine() -> Result<EncryptionEngine, Box<dyn Error>> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    let key = KeySource::Static(BASE64_STANDARD.encode(key));
    let config = EncryptionConfig::new(EncryptionAlgorithm::AES256GCM).with_key_source(key);
    Ok(ready(EncryptionEngine::new(config))?)
}

fn seal(engine: &EncryptionEngine, args: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let args: Value = serde_json::from_slice(args)?;
    let payload = ready(engine.encrypt_payload(&args, &[] as &[&str]))?;
    Ok(serde_json::to_vec(&payload)?)
}

fn open(engine: &EncryptionEngine, sealed: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let payload: EncryptedPayload = serde_json::from_slice(sealed)?;
    let args = ready(engine.decrypt_payload(&payload))?;
    Ok(serde_json::to_vec(&args)?)
}

/// With a key at hand, the engine waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the engine waits for something"),
    }
}

/// Keys in the order in which a `Value` writes them, so that the bytes can be compared.
fn args_of(size: usize) -> Vec<u8> {
    let (head, tail) = (r#"{"text":""#, r#"","to":"ada@example.com"}"#);
    let text = "a".repeat(size - head.len() - tail.len());
    format!("{head}{text}{tail}").into_bytes()
}

fn median(duration: Duration, mut call: impl FnMut() -> bool) -> f64 {
    let mut count = 1;
    while elapsed(count, &mut call) < SHORTEST_SAMPLE {
        count *= 2;
    }
    let (mut samples, start) = (Vec::new(), Instant::now());
    while samples.is_empty() || start.elapsed() < duration {
        samples.push(elapsed(count, &mut call).as_secs_f64() * 1e9 / f64::from(count));
    }
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    if samples.len() % 2 == 1 {
        samples[middle]
    } else {
        f64::midpoint(samples[middle - 1], samples[middle])
    }
}

fn elapsed(count: u32, call: &mut impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        assert!(call(), "it worked before");
    }
    start.elapsed()
}
