//! `fork` copies a process with everything in it: a generator of random numbers too, if there were one.
//! Parent and child seal on, and no nonce comes twice.
//!
//! A program of its own, without threads: only the thread that calls `fork` lives on in the child.

use std::{
    collections::HashSet,
    error::Error,
    fs::File,
    io::{Read, Write},
    ops::Range,
};

use fork::{Fork, fork, waitpid};
use jobcrypt::{CipherName, EncryptHook, JobContext, Keyring, SecretKey, ciphers};

const JOB: JobContext<'static> = JobContext::new("charge_card");
const SEALED_ALONE: usize = 2000;
const SEALED_IN_BATCHES: usize = 500;
const BATCH: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    for cipher in CipherName::ALL {
        let key = ciphers::encryptor(cipher, SecretKey::generate()?)?;
        let hook = EncryptHook::builder(Keyring::new(key).build()?).build()?;
        // Whatever is drawn or kept at the first use is there before the processes part.
        let mut before = Vec::new();
        seal_many(&hook, cipher, &mut before)?;
        let (child, parent) = seal_in_both(&hook, cipher)?;
        let all: HashSet<&[u8]> = [&before, &child, &parent]
            .into_iter()
            .flat_map(|nonces| nonces.chunks_exact(nonce_at(cipher).len()))
            .collect();
        let expected = 3 * (SEALED_ALONE + SEALED_IN_BATCHES);
        assert_eq!(all.len(), expected, "{cipher}: a nonce came twice");
        println!("{cipher}: {expected} nonces, none twice");
    }
    Ok(())
}

/// Returns the nonces of the child and those of the parent.
fn seal_in_both(
    hook: &EncryptHook,
    cipher: CipherName,
) -> Result<(Vec<u8>, Vec<u8>), Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    match fork().map_err(|error| format!("fork failed: {error}"))? {
        Fork::Child => {
            let mut nonces = Vec::new();
            let sealed = seal_many(hook, cipher, &mut nonces)
                .and_then(|()| Ok(File::create(file.path())?.write_all(&nonces)?));
            // Not back to `main`, which is the parent's.
            std::process::exit(i32::from(sealed.is_err()));
        }
        Fork::Parent(child) => {
            let mut here = Vec::new();
            seal_many(hook, cipher, &mut here)?;
            waitpid(child).map_err(|error| format!("waiting for the child failed: {error}"))?;
            let mut there = Vec::new();
            File::open(file.path())?.read_to_end(&mut there)?;
            assert_eq!(there.len(), here.len(), "the child has sealed as much");
            Ok((there, here))
        }
    }
}

/// Seals alone and in batches, and appends the nonces.
fn seal_many(
    hook: &EncryptHook,
    cipher: CipherName,
    nonces: &mut Vec<u8>,
) -> Result<(), Box<dyn Error>> {
    for _ in 0..SEALED_ALONE {
        let mut args = b"{}".to_vec();
        hook.seal(&JOB, &mut args)?;
        nonces.extend(nonce_of(&args, cipher)?);
    }
    for _ in 0..SEALED_IN_BATCHES / BATCH {
        let mut batch = vec![b"{}".to_vec(); BATCH];
        hook.seal_batch(batch.iter_mut().map(|args| (JOB, args)))?;
        for args in &batch {
            nonces.extend(nonce_of(args, cipher)?);
        }
    }
    Ok(())
}

fn nonce_of(envelope: &[u8], cipher: CipherName) -> Result<Vec<u8>, Box<dyn Error>> {
    let envelope: serde_json::Value = serde_json::from_slice(envelope)?;
    let token = envelope["river_encrypt"].as_str().ok_or("it is sealed")?;
    let (_, body) = token.rsplit_once('.').ok_or("a token has dots")?;
    let body = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(body)?;
    Ok(body[nonce_at(cipher)].to_vec())
}

/// Where in a body the nonce stands.
fn nonce_at(cipher: CipherName) -> Range<usize> {
    match cipher {
        CipherName::FERNET => 9..25,
        CipherName::SECRETBOX | CipherName::XCHACHA20_POLY1305 => 0..24,
        _ => 0..12,
    }
}
