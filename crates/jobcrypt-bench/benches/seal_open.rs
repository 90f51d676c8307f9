//! Sealing and opening the args of a job, for each cipher and size, bound to its context, nonce
//! included, from JSON bytes to the stored envelope and back.

use divan::{Bencher, black_box, counter::BytesCount};
use jobcrypt::{
    EncryptHook, Encryptor, JobContext, Keyring, SecretKey,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
};

const SIZES: [usize; 6] = [64, 256, 1024, 4096, 65_536, 1 << 20];
const CIPHERS: [&str; 3] = ["xchacha20poly1305", "secretbox", "fernet"];
const JOB: JobContext<'static> = JobContext::new("send_invoice");

fn main() {
    divan::main();
}

fn hook(cipher: &str) -> EncryptHook {
    let key = SecretKey::generate().expect("the system has random bytes");
    match cipher {
        "fernet" => hook_of(Fernet::new(key)),
        "secretbox" => hook_of(Secretbox::new(key)),
        _ => hook_of(XChaCha20Poly1305::new(key)),
    }
}

fn hook_of(key: impl Encryptor) -> EncryptHook {
    let keyring = Keyring::new(key).build().expect("a new key is sound");
    EncryptHook::builder(keyring)
        .namespace("prod")
        .build()
        .expect("the hook is sound")
}

/// JSON args of this size, in bytes.
fn args(size: usize) -> Vec<u8> {
    let mut args = br#"{"to":"ada@example.com","text":""#.to_vec();
    args.resize(size - 2, b'a');
    args.extend_from_slice(b"\"}");
    args
}

fn cases() -> impl Iterator<Item = (&'static str, usize)> {
    CIPHERS
        .iter()
        .flat_map(|cipher| SIZES.iter().map(move |size| (*cipher, *size)))
}

#[divan::bench(args = cases().map(|(cipher, size)| format!("{cipher} {size}")))]
fn seal(bencher: Bencher<'_, '_>, case: &str) {
    let (cipher, size) = parse(case);
    let (hook, args) = (hook(cipher), args(size));
    bencher
        .counter(BytesCount::new(size))
        .bench(|| hook.seal_bytes(&JOB, black_box(&args)).expect("it seals"));
}

#[divan::bench(args = cases().map(|(cipher, size)| format!("{cipher} {size}")))]
fn open(bencher: Bencher<'_, '_>, case: &str) {
    let (cipher, size) = parse(case);
    let hook = hook(cipher);
    let sealed = hook
        .seal_bytes(&JOB, &args(size))
        .expect("it seals")
        .expect("the kind is sealed");
    bencher
        .counter(BytesCount::new(size))
        .bench(|| hook.open_bytes(&JOB, black_box(&sealed)).expect("it opens"));
}

/// What every job pays that is stored in plaintext.
#[divan::bench(args = SIZES)]
fn open_plaintext(bencher: Bencher<'_, '_>, size: usize) {
    let hook = hook("xchacha20poly1305");
    let args = args(size);
    bencher.counter(BytesCount::new(size)).bench(|| {
        hook.open_bytes(&JOB, black_box(&args))
            .expect("it is accepted")
    });
}

fn parse(case: &str) -> (&str, usize) {
    let (cipher, size) = case.split_once(' ').expect("a case is a cipher and a size");
    (cipher, size.parse().expect("the size is a number"))
}
