//! What is left in the memory of a process: no key once its keyring is dropped, no args once a call is
//! over and the caller has wiped his own.
//!
//! A program of its own that does one thing after the other, so that nothing else moves in its memory.

mod memory;
mod secret;

use std::{error::Error, hint};

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
        println!("{cipher}: neither key nor args are left");
    }
    Ok(())
}

/// The search finds a key that is in use, and args that nobody wiped; otherwise it would prove nothing.
fn finds_what_is_there() -> Result<(), Box<dyn Error>> {
    let key = SecretKey::generate()?;
    let secret = Secret::of(key.expose());
    let key = ciphers::encryptor(CipherName::XCHACHA20_POLY1305, key)?;
    assert!(secret.is_off_the_stack()?, "a key in use was not found");
    drop(key);
    let mut args = [0; 64];
    args.copy_from_slice(&random_args()?[..64]);
    hint::black_box(&mut args);
    let secret = Secret::of(&args[8..40]);
    assert!(
        secret.is_on_the_stack()?,
        "args on the stack were not found"
    );
    args.zeroize();
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
        halves[1].is_off_the_stack()?,
        "{cipher}: a key in use was not found"
    );
    drop(hook);
    for half in &halves {
        assert!(!half.is_off_the_stack()?, "{cipher}: half of a key is left");
    }
    work_with_another_key(cipher)?;
    for half in &halves {
        assert!(
            !half.is_on_the_stack()?,
            "{cipher}: half of a key is on the stack"
        );
    }
    Ok(())
}

fn args_are_gone(cipher: CipherName) -> Result<(), Box<dyn Error>> {
    let hook = hook(cipher, SecretKey::generate()?)?;
    let args = random_args()?;
    let secret = Secret::of(&args[8..40]);
    seal_and_open(&hook, &args)?;
    drop(args);
    assert!(!secret.is_off_the_stack()?, "{cipher}: args are left");
    work_with_another_key(cipher)?;
    assert!(
        !secret.is_on_the_stack()?,
        "{cipher}: args are on the stack"
    );
    Ok(())
}

/// What a cipher's library leaves on the stack is out of our reach; the next job writes over it.
fn work_with_another_key(cipher: CipherName) -> Result<(), Box<dyn Error>> {
    seal_and_open(&hook(cipher, SecretKey::generate()?)?, b"{}")
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
