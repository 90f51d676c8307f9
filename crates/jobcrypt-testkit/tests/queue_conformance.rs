//! A queue in memory passes the conformance functions, and each fault that an adapter might have is
//! found.

use std::error::Error as StdError;

use async_trait::async_trait;
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, JobContext, Purpose, SecretKey};
use jobcrypt_testkit::{Attempt, QueueUnderTest, StoredJob, Worker, queue_conformance};

type BoxError = Box<dyn StdError + Send + Sync>;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    DropsWhatItCannotOpen,
    HandsOverWhatItCannotOpen,
    KeepsOutputsReadable,
    None,
    ParksWhatMayStillOpen,
    ParsesArgs,
    SealsBatchesOneByOne,
    SealsNothing,
    StoresPlaintextToRetry,
    StoresScheduledJobsReadable,
    TriesAtOnce,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Done,
    Due,
    Later,
    Parked,
}

struct Queue {
    hook: EncryptHook,
    fault: Fault,
    rows: Vec<Row>,
}

struct Row {
    job: StoredJob,
    state: State,
    output: Option<String>,
}

impl Queue {
    fn seal(&self, kind: &str, args: &str) -> Result<String, BoxError> {
        let mut args = args.to_owned();
        match self.fault {
            Fault::SealsNothing => {}
            Fault::ParsesArgs => {
                // As a map does that keeps the last of two keys.
                args = args.replace(r#""b":1,"#, "");
                self.hook.seal(&JobContext::new(kind), &mut args)?;
            }
            _ => {
                self.hook.seal(&JobContext::new(kind), &mut args)?;
            }
        }
        Ok(args)
    }

    fn store(&mut self, kind: &str, args: String, state: State) -> String {
        let id = self.rows.len().to_string();
        let job = StoredJob {
            id: id.clone(),
            kind: kind.to_owned(),
            args,
        };
        let output = None;
        self.rows.push(Row { job, state, output });
        id
    }
}

#[async_trait]
impl QueueUnderTest for Queue {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let args = self.seal(kind, args)?;
        Ok(self.store(kind, args, State::Due))
    }

    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxError> {
        if self.fault == Fault::SealsBatchesOneByOne {
            for (kind, args) in jobs {
                self.enqueue(kind, args).await?;
            }
            return Ok(());
        }
        let sealed: Result<Vec<_>, _> = jobs
            .iter()
            .map(|(kind, args)| Ok::<_, BoxError>((kind, self.seal(kind, args)?)))
            .collect();
        for (kind, args) in sealed? {
            self.store(kind, args, State::Due);
        }
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let args = match self.fault {
            Fault::StoresScheduledJobsReadable => args.to_owned(),
            _ => self.seal(kind, args)?,
        };
        Ok(self.store(kind, args, State::Later))
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        self.store(kind, args.to_owned(), State::Due)
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let rows = self.rows.iter().filter(|row| row.state != State::Done);
        rows.map(|row| row.job.clone()).collect()
    }

    async fn stored_output(&mut self, id: &str) -> Option<String> {
        let row = self.rows.iter().find(|row| row.job.id == id)?;
        row.output.clone()
    }

    async fn work_one(&mut self, worker: Worker) -> Attempt {
        let Some(row) = self.rows.iter_mut().find(|row| row.state == State::Due) else {
            return Attempt::Idle;
        };
        let (kind, mut args) = (row.job.kind.clone(), row.job.args.clone());
        let context = JobContext::new(&kind);
        if let Err(error) = self.hook.open(&context, &mut args) {
            match self.fault {
                Fault::HandsOverWhatItCannotOpen => return Attempt::Worked { kind, args },
                Fault::DropsWhatItCannotOpen => row.state = State::Done,
                Fault::TriesAtOnce if error.is_retryable() => return Attempt::Waits,
                Fault::ParksWhatMayStillOpen => row.state = State::Parked,
                _ if error.is_retryable() => row.state = State::Later,
                _ => row.state = State::Parked,
            }
            return match row.state {
                State::Later => Attempt::Waits,
                _ => Attempt::Parked,
            };
        }
        match worker {
            Worker::Fails => row.state = State::Later,
            Worker::Returns(output) => {
                let mut output = output.to_owned();
                if self.fault != Fault::KeepsOutputsReadable {
                    let context = context.with_purpose(Purpose::OUTPUT);
                    let sealed = self.hook.seal(&context, &mut output);
                    sealed.expect("an output is sealed as args are");
                }
                row.output = Some(output);
                row.state = State::Done;
            }
            Worker::Succeeds => row.state = State::Done,
        }
        if self.fault == Fault::StoresPlaintextToRetry {
            row.job.args.clone_from(&args);
        }
        Attempt::Worked { kind, args }
    }

    async fn make_due(&mut self) {
        for row in &mut self.rows {
            if row.state == State::Later {
                row.state = State::Due;
            }
        }
    }
}

async fn check(fault: Fault) {
    let new_key =
        || XChaCha20Poly1305::new(SecretKey::generate().expect("the system has random bytes"));
    queue_conformance::queue(new_key, async |hook| Queue {
        hook,
        fault,
        rows: Vec::new(),
    })
    .await;
}

#[tokio::test]
async fn a_sound_queue_passes() {
    check(Fault::None).await;
}

macro_rules! finds {
    ($($test:ident: $fault:ident, $says:literal;)*) => {$(
        #[tokio::test]
        #[should_panic(expected = $says)]
        async fn $test() {
            check(Fault::$fault).await;
        }
    )*};
}

finds! {
    a_batch_that_is_stored_in_part: SealsBatchesOneByOne, "none may be stored";
    a_job_that_is_dropped: DropsWhatItCannotOpen, "must stay whole";
    a_key_that_is_not_waited_for: ParksWhatMayStillOpen, "under an unknown key waits";
    a_retry_without_a_pause: TriesAtOnce, "must not be due at once";
    args_that_come_back_as_others: ParsesArgs, "the worker must get what was enqueued";
    args_that_are_not_sealed: SealsNothing, "args are readable";
    outputs_that_are_readable: KeepsOutputsReadable, "the output is stored readable";
    plaintext_that_is_stored_for_a_retry: StoresPlaintextToRetry, "args are readable";
    scheduled_jobs_that_are_readable: StoresScheduledJobsReadable, "args are readable";
    sealed_args_at_a_worker: HandsOverWhatItCannotOpen, "rejects plaintext must be parked";
}
