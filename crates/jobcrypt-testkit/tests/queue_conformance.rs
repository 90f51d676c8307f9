//! A queue in memory passes the conformance functions, and each fault that an adapter might have is
//! found.

use std::error::Error as StdError;

use async_trait::async_trait;
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, JobContext, Purpose, SecretKey};
use jobcrypt_testkit::{
    Attempt, Behaviour, Outcome, Outcomes, QueueUnderTest, StoredJob, Worker, queue_conformance,
};

type BoxError = Box<dyn StdError + Send + Sync>;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    DeclaresWhatItCan,
    DropsWhatItCannotOpen,
    DumpsNothing,
    HandsOverNoDump,
    HandsOverWhatItCannotOpen,
    HasNoBatches,
    KeepsArgs(Form),
    KeepsParkedForEver,
    KeepsOutputsReadable,
    KeepsResultsInAnotherPlace,
    None,
    ParksWhatMayStillOpen,
    ParsesArgs,
    SealsBatchesOneByOne,
    SealsNothing,
    StoresKindsOneByOne,
    StoresPlaintextToRetry,
    StoresScheduledJobsReadable,
    TriesAtOnce,
}

/// How a queue writes down what it should not.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    AsItIs,
    Base64,
    Escaped,
    Hex,
}

impl Form {
    fn write(self, text: &str) -> String {
        match self {
            Self::AsItIs => text.to_owned(),
            Self::Base64 => base64_simd::STANDARD.encode_to_string(text),
            Self::Escaped => {
                let escaped = text.chars().map(|it| format!("\\u{:04x}", it as u32));
                escaped.collect::<Vec<_>>().concat()
            }
            Self::Hex => {
                let digits = text.bytes().map(|byte| format!("{byte:02x}"));
                digits.collect::<Vec<_>>().concat()
            }
        }
    }
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
    /// What else it keeps, such as a log.
    log: String,
    says_that_it_parses: bool,
}

struct Row {
    job: StoredJob,
    state: State,
    output: Option<String>,
}

impl Queue {
    fn seal(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let mut args = args.to_owned();
        if let Fault::KeepsArgs(form) = self.fault {
            self.log.push_str(&form.write(&args));
        }
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
        if self.fault == Fault::HasNoBatches {
            return Err("it has none".into());
        }
        if self.fault == Fault::SealsBatchesOneByOne {
            for (kind, args) in jobs {
                self.enqueue(kind, args).await?;
            }
            return Ok(());
        }
        if self.fault == Fault::StoresKindsOneByOne {
            for jobs in jobs.chunk_by(|(kind, _), (other, _)| kind == other) {
                let sealed: Result<Vec<_>, _> = jobs
                    .iter()
                    .map(|(kind, args)| self.seal(kind, args))
                    .collect();
                for ((kind, _), args) in jobs.iter().zip(sealed?) {
                    self.store(kind, args, State::Due);
                }
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
                if self.fault == Fault::KeepsResultsInAnotherPlace {
                    self.log.push_str(&output);
                }
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

    async fn put_back(&mut self) {
        for row in &mut self.rows {
            if row.state == State::Parked && self.fault != Fault::KeepsParkedForEver {
                row.state = State::Due;
            }
        }
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        let mut dump = self.log.clone();
        for row in &self.rows {
            dump.push_str(&row.job.args);
            dump.push_str(row.output.as_deref().unwrap_or_default());
        }
        match self.fault {
            Fault::DumpsNothing => dump.clear(),
            Fault::HandsOverNoDump => return None,
            _ => {}
        }
        Some(dump.into_bytes())
    }

    fn cannot(&self, behaviour: Behaviour) -> Option<&'static str> {
        use Behaviour::{AllOrNothing, Batch, ExactBytes, Scheduled};

        match (self.fault, behaviour) {
            (Fault::DeclaresWhatItCan, Scheduled) => Some("time is an illusion"),
            (Fault::HasNoBatches, Batch | AllOrNothing) => Some("it has no batches"),
            (Fault::ParsesArgs, ExactBytes) if self.says_that_it_parses => Some("it parses args"),
            _ => None,
        }
    }
}

fn new_key() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has random bytes"))
}

fn queue(hook: EncryptHook, fault: Fault) -> Queue {
    Queue {
        hook,
        fault,
        rows: Vec::new(),
        log: String::new(),
        says_that_it_parses: false,
    }
}

async fn check(fault: Fault) -> Outcomes {
    queue_conformance::queue(new_key, async |hook| queue(hook, fault)).await
}

async fn check_dump(fault: Fault) -> Outcome {
    let with_hook = async |hook| queue(hook, fault);
    queue_conformance::one(Behaviour::Dump, new_key, with_hook).await
}

#[tokio::test]
async fn a_sound_queue_passes() {
    let outcomes = check(Fault::None).await;
    for behaviour in Behaviour::ALL {
        assert_eq!(outcomes.of(behaviour), Some(Outcome::Passes), "{behaviour}");
    }
}

#[tokio::test]
async fn what_a_queue_says_that_it_cannot_is_not_asked_of_it() {
    let outcomes = check(Fault::HasNoBatches).await;
    let reason = Some(Outcome::NotPossible("it has no batches"));
    assert_eq!(outcomes.of(Behaviour::Batch), reason);
    assert_eq!(outcomes.of(Behaviour::AllOrNothing), reason);
    assert_eq!(outcomes.of(Behaviour::Dump), Some(Outcome::Passes));

    let with_hook = async |hook| Queue {
        says_that_it_parses: true,
        ..queue(hook, Fault::ParsesArgs)
    };
    let outcomes = queue_conformance::queue(new_key, with_hook).await;
    let reason = Some(Outcome::NotPossible("it parses args"));
    assert_eq!(outcomes.of(Behaviour::ExactBytes), reason);
    assert_eq!(outcomes.of(Behaviour::RoundTrip), Some(Outcome::Passes));
}

#[tokio::test]
async fn without_a_dump_nothing_is_claimed_of_it() {
    let outcome = check_dump(Fault::HandsOverNoDump).await;
    assert_eq!(outcome, Outcome::NotPossible("its test hands over no dump"));
}

macro_rules! finds {
    ($check:ident: $($test:ident: $fault:expr, $says:literal;)*) => {$(
        #[tokio::test]
        #[should_panic(expected = $says)]
        async fn $test() {
            $check($fault).await;
        }
    )*};
}

finds! { check:
    a_batch_that_is_stored_in_part: Fault::SealsBatchesOneByOne, "none may be stored";
    a_batch_that_is_stored_kind_by_kind: Fault::StoresKindsOneByOne, "none may be stored";
    a_job_that_cannot_be_put_back: Fault::KeepsParkedForEver, "is put back before its cause is mended";
    a_job_that_is_dropped: Fault::DropsWhatItCannotOpen, "must stay whole";
    a_key_that_is_not_waited_for: Fault::ParksWhatMayStillOpen, "under an unknown key waits";
    a_retry_without_a_pause: Fault::TriesAtOnce, "must not be due at once";
    args_in_a_log: Fault::KeepsArgs(Form::AsItIs), "holds the args of a job that failed, as it is";
    args_that_come_back_as_others: Fault::ParsesArgs, "the worker must get what was enqueued";
    args_that_are_not_sealed: Fault::SealsNothing, "args are readable";
    outputs_that_are_readable: Fault::KeepsOutputsReadable, "the output is stored readable";
    plaintext_that_is_stored_for_a_retry: Fault::StoresPlaintextToRetry, "args are readable";
    scheduled_jobs_that_are_readable: Fault::StoresScheduledJobsReadable, "args are readable";
    sealed_args_at_a_worker: Fault::HandsOverWhatItCannotOpen, "rejects plaintext must be parked";
    what_is_possible_after_all: Fault::DeclaresWhatItCan, "cannot, yet it does";
}

finds! { check_dump:
    a_dump_that_shows_nothing: Fault::DumpsNothing, "does not show what the store holds";
    args_as_base64: Fault::KeepsArgs(Form::Base64), "in base64 behind";
    args_as_hexadecimal_digits: Fault::KeepsArgs(Form::Hex), "in hexadecimal digits";
    args_escaped: Fault::KeepsArgs(Form::Escaped), "with the escapes of JSON";
    args_where_sealing_is_switched_off: Fault::SealsNothing, "holds the args of a job that failed";
    outputs_in_a_dump: Fault::KeepsOutputsReadable, "holds a result";
    results_in_another_place: Fault::KeepsResultsInAnotherPlace, "holds a result";
    retries_in_a_dump: Fault::StoresPlaintextToRetry, "holds the args of a job that failed";
    scheduled_jobs_in_a_dump: Fault::StoresScheduledJobsReadable, "holds the args of a scheduled job";
}
