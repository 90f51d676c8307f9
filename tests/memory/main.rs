//! What is left in the memory of a process: no key once its keyring is dropped, no args once a call is
//! over and the caller has wiped his own. The stack is left out: what a cipher's library leaves there is out
//! of our reach, and later calls write over it.
//!
//! A program of its own that does one thing after the other, so that nothing else moves in its memory.

mod memory;
mod secret;
mod vault;

use std::error::Error;

use jobcrypt::{
    CipherName, EncryptHook, JobContext, Keyring, LegacyForm, Policy, SecretKey, ciphers,
};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

const JOB: JobContext<'static> = JobContext::new("charge_card");

fn main() -> Result<(), Box<dyn Error>> {
    finds_what_is_there()?;
    for cipher in CipherName::ALL {
        keys_are_gone(cipher)?;
        args_are_gone(cipher)?;
        vault::values_are_gone(cipher)?;
        println!("{cipher}: neither key nor args nor values of a vault are left");
    }
    Ok(())
}

/// The search finds a key that is in use; otherwise it would prove nothing.
fn finds_what_is_there() -> Result<(), Box<dyn Error>> {
    let key = SecretKey::generate()?;
    let secret = Secret::of(key.expose());
    let key = ciphers::encryptor(CipherName::XCHACHA20_POLY1305, key)?;
    assert!(secret.is_found()?, "a key in use was not found");
    drop(key);
    Ok(())
}

fn keys_are_gone(cipher: CipherName) -> Result<(), Box<dyn Error>> {
    let key = SecretKey::generate()?;
    let halves = [
        Secret::of(&key.expose()[..16]),
        Secret::of(&key.expose()[16..]),
    ];
    let hook = hook(cipher, key)?;
    for _ in 0..10 {
        seal_and_open(&hook, b"{}")?;
    }
    assert!(
        halves[1].is_found()?,
        "{cipher}: a key in use was not found"
    );
    drop(hook);
    for half in &halves {
        assert!(!half.is_found()?, "{cipher}: half of a key is left");
    }
    Ok(())
}

fn args_are_gone(cipher: CipherName) -> Result<(), Box<dyn Error>> {
    let hook = hook(cipher, SecretKey::generate()?)?;
    let args = random_args()?;
    let secret = Secret::of(&args[8..40]);
    seal_and_open(&hook, &args)?;
    drop(args);
    assert!(!secret.is_found()?, "{cipher}: args are left");
    Ok(())
}

/// Through every door of the hook. What comes out is wiped, as an app would that cares.
fn seal_and_open(hook: &EncryptHook, args: &[u8]) -> Result<(), Box<dyn Error>> {
    let sealed = hook.seal_bytes(&JOB, args)?.ok_or("every kind is sealed")?;
    let opened = hook.open_bytes(&JOB, &sealed)?.map(Zeroizing::new);
    assert_eq!(opened.as_deref().map(Vec::as_slice), Some(args));

    // Only the envelope takes the place of the args: they are moved out and wiped first.
    let mut batch = [args.to_vec(), args.to_vec()];
    let mut copies: Vec<Vec<u8>> = batch.to_vec();
    hook.seal_batch(batch.iter_mut().map(|args| (JOB, args)))?;
    copies.iter_mut().for_each(Zeroize::zeroize);

    let elsewhere = JobContext::new("refund_card");
    assert!(hook.open_bytes(&elsewhere, &sealed).is_err());
    Ok(())
}

fn hook(cipher: CipherName, key: SecretKey) -> Result<EncryptHook, jobcrypt::Error> {
    let form = match cipher {
        CipherName::FERNET => LegacyForm::PlainFernet,
        _ => LegacyForm::River,
    };
    EncryptHook::builder(Keyring::new(ciphers::encryptor(cipher, key)?).build()?)
        .default_policy(Policy::sealed().legacy(form))
        .build()
}

/// A JSON string that no other memory holds, wiped when it is dropped.
fn random_args() -> Result<Zeroizing<Vec<u8>>, Box<dyn Error>> {
    let key = SecretKey::generate()?;
    let mut args = Zeroizing::new(Vec::with_capacity(512));
    args.push(b'"');
    for round in 0..7_u8 {
        for byte in key.expose() {
            let letter = (byte ^ round.wrapping_mul(73)) % 26;
            args.push(b'a' + letter);
        }
    }
    args.push(b'"');
    Ok(args)
}
