//! One allocation for each job, the one that is returned.
//!
//! A program of its own: its allocator counts.

use std::error::Error;

use allocation_counter::measure;
use jobcrypt::{CipherName, EncryptHook, JobContext, Keyring, SecretKey, ciphers};

const JOB: JobContext<'static> = JobContext::new("charge_card");

/// Beyond these, a thread keeps no scratch memory.
const SIZES: [usize; 5] = [64, 256, 1024, 4096, 65_536];

fn main() -> Result<(), Box<dyn Error>> {
    for cipher in CipherName::ALL {
        let key = ciphers::encryptor(cipher, SecretKey::generate()?)?;
        let hook = EncryptHook::builder(Keyring::new(key).build()?).build()?;
        for size in SIZES {
            let args = format!("\"{}\"", "a".repeat(size - 2)).into_bytes();
            // The first job of a thread makes its scratch memory.
            let sealed = hook
                .seal_bytes(&JOB, &args)?
                .ok_or("every kind is sealed")?;
            hook.open_bytes(&JOB, &sealed)?;

            let seal = measure(|| drop(hook.seal_bytes(&JOB, &args)));
            assert_eq!(seal.count_total, 1, "{cipher} seals {size} bytes");
            let open = measure(|| drop(hook.open_bytes(&JOB, &sealed)));
            assert_eq!(open.count_total, 1, "{cipher} opens {size} bytes");
            let plaintext = measure(|| drop(hook.open_bytes(&JOB, &args)));
            assert_eq!(plaintext.count_total, 0, "{size} bytes of plaintext");
        }
        println!("{cipher}: one allocation to seal, one to open");
    }
    Ok(())
}
