//! A queue that is no service and calls hooks keeps what every queue must, its outputs included.

use async_trait::async_trait;
use jobcrypt_core::{Error, JobContext};
use jobcrypt_testkit::{Attempt, QueueUnderTest, StoredJob, Worker, queue_conformance};
use jobcrypt_tower::{BoxError, Hooks};

use crate::row::key;

struct HookedQueue {
    hooks: Hooks<String>,
    rows: Vec<Row>,
}

struct Row {
    job: StoredJob,
    state: State,
    output: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Done,
    Due,
    Later,
    Parked,
}

impl HookedQueue {
    async fn hooked(&self, kind: &str, args: &str) -> Result<String, BoxError> {
        let mut args = args.to_owned();
        let context = JobContext::new(kind);
        self.hooks.enqueue(&context, &mut args).await?;
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

/// What becomes of a job that a hook refuses.
fn state_after(error: &BoxError) -> (State, Attempt) {
    match error.downcast_ref::<Error>() {
        Some(error) if error.is_retryable() => (State::Later, Attempt::Waits),
        _ => (State::Parked, Attempt::Parked),
    }
}

#[async_trait]
impl QueueUnderTest for HookedQueue {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let args = self.hooked(kind, args).await?;
        Ok(self.store(kind, args, State::Due))
    }

    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxError> {
        let mut hooked = Vec::new();
        for (kind, args) in jobs {
            hooked.push((kind, self.hooked(kind, args).await?));
        }
        for (kind, args) in hooked {
            self.store(kind, args, State::Due);
        }
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let args = self.hooked(kind, args).await?;
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
        if let Err(error) = self.hooks.dequeue(&context, &mut args).await {
            let (state, attempt) = state_after(&error);
            row.state = state;
            return attempt;
        }
        row.state = match worker {
            Worker::Fails => State::Later,
            Worker::Returns(_) | Worker::Succeeds => State::Done,
        };
        if let Worker::Returns(output) = worker {
            let mut output = output.to_owned();
            let finished = self.hooks.finish(&context, Some(&mut output)).await;
            finished.expect("an output is sealed as args are");
            row.output = Some(output);
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
            if row.state == State::Parked {
                row.state = State::Due;
            }
        }
    }
}

#[tokio::test]
async fn it_keeps_what_jobcrypt_promises() {
    queue_conformance::queue(key, async |hook| HookedQueue {
        hooks: Hooks::builder().hook(hook).build().expect("it is one"),
        rows: Vec::new(),
    })
    .await;
}
