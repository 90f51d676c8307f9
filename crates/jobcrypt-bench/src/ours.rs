use std::{borrow::Cow, hint::black_box, io, time::Duration};

use jobcrypt::{EncryptHook, Error, JobContext, Payload, SecretKey};

use crate::{
    candidate::{Candidate, Name, Who},
    cipher::{CIPHERS, Cipher},
    task::{Operation, Task, args_of},
    threads,
    timing::nanoseconds,
};

pub(crate) const JOB: JobContext<'static> = JobContext::new("send_invoice");
const BATCH: u32 = 100;
const IT_WORKED: &str = "it worked before the measurement";

/// jobcrypt itself, as an adapter uses it: args in, envelope out, bound to its context, nonce
/// included.
pub(crate) struct Ours {
    cipher: &'static Cipher,
}

impl Ours {
    pub(crate) fn new(cipher: &'static Cipher) -> Self {
        Self { cipher }
    }
}

impl Candidate for Ours {
    fn names(&self) -> Vec<Name> {
        vec![Name::new(Who::Jobcrypt, self.cipher.name)]
    }

    fn does(&self, operation: Operation) -> bool {
        operation != Operation::OpenPlaintext || self.cipher.name == CIPHERS[0].name
    }

    fn measure(&mut self, _: Name, task: Task, duration: Duration) -> io::Result<f64> {
        measure(self.cipher, task, duration).map_err(io::Error::other)
    }
}

fn measure(cipher: &Cipher, task: Task, duration: Duration) -> Result<f64, Error> {
    let key = SecretKey::generate()?;
    let the_same = SecretKey::from_bytes(key.expose())?;
    let hook = cipher.hook(vec![key])?;
    let args = args_of(task.size);
    let sealed = sealed(&hook, &args)?;
    assert_eq!(
        hook.open_bytes(&JOB, &sealed)?.as_ref(),
        Some(&args),
        "the args come back"
    );
    Ok(match task.operation {
        Operation::Seal => nanoseconds(duration, || {
            hook.seal_bytes(&JOB, black_box(&args)).expect(IT_WORKED)
        }),
        Operation::Open => nanoseconds(duration, || {
            hook.open_bytes(&JOB, black_box(&sealed)).expect(IT_WORKED)
        }),
        Operation::OpenTenthKey => {
            let mut keys = (0..9)
                .map(|_| SecretKey::generate())
                .collect::<Result<Vec<_>, Error>>()?;
            keys.push(the_same);
            let of_ten = cipher.hook(keys)?;
            nanoseconds(duration, || {
                of_ten
                    .open_bytes(&JOB, black_box(&sealed))
                    .expect(IT_WORKED)
            })
        }
        Operation::OpenPlaintext => nanoseconds(duration, || {
            hook.open_bytes(&JOB, black_box(&args)).expect(IT_WORKED)
        }),
        Operation::SealBatch => {
            let first = seal_batch(&hook, &args)?;
            // Where the heap ends with the batch, as in this program and in hardly another, glibc
            // hands its pages back after each batch and fetches them anew: up to twice the cost of
            // sealing, again. So there is something behind it.
            let behind = black_box(vec![0_u8; 100 << 10]);
            drop(first);
            let batch = nanoseconds(duration, || {
                seal_batch(&hook, black_box(&args)).expect(IT_WORKED)
            });
            drop(behind);
            batch / f64::from(BATCH)
        }
        Operation::RoundTrip { threads } => threads::nanoseconds(threads, duration, || {
            self::sealed(&hook, black_box(&args))
                .and_then(|sealed| hook.open_bytes(&JOB, &sealed))
                .expect(IT_WORKED)
        }),
    })
}

/// Seals args and returns the envelope.
pub(crate) fn sealed(hook: &EncryptHook, args: &[u8]) -> Result<Vec<u8>, Error> {
    hook.seal_bytes(&JOB, args)
        .map(|sealed| sealed.expect("the kind is sealed"))
}

fn seal_batch<'a>(hook: &EncryptHook, args: &'a [u8]) -> Result<Vec<Queued<'a>>, Error> {
    let mut jobs: Vec<Queued<'a>> = (0..BATCH).map(|_| Queued::Plain(args)).collect();
    hook.seal_batch(jobs.iter_mut().map(|job| (JOB, job)))?;
    Ok(jobs)
}

/// Args that need no copy before they can be sealed, so that none is measured.
enum Queued<'a> {
    Plain(&'a [u8]),
    Sealed(Vec<u8>),
}

impl Payload for Queued<'_> {
    fn as_json(&self) -> Result<Cow<'_, [u8]>, Error> {
        Ok(Cow::Borrowed(match self {
            Self::Plain(json) => json,
            Self::Sealed(json) => json,
        }))
    }

    fn from_json(json: Vec<u8>) -> Result<Self, Error> {
        Ok(Self::Sealed(json))
    }
}
