use jobcrypt::{
    EncryptHook, JobContext, Keyring, Policy, SecretKey,
    ciphers::{Fernet, XChaCha20Poly1305},
};
use riverqueue::BoxError;

use crate::{
    database::Database,
    ensure::ensure,
    job_file::FileJob,
    kinds, show,
    stage::{NOW, Stage},
};

/// Encrypts, rotates and stops encrypting, on an empty database.
pub(crate) async fn tell(database: &Database, jobs: &[FileJob]) -> Result<(), BoxError> {
    let mut jobs: Vec<&FileJob> = jobs.iter().collect();
    // What is enqueued once encryption has ended lies open, so it must hold no secrets.
    let last: Vec<&FileJob> = jobs
        .extract_if(jobs.len() * 3 / 4.., |job| job.kind == kinds::READABLE)
        .collect();
    let (first, second) = jobs.split_at(jobs.len() / 2);

    // An app reads its keys from where it keeps its secrets, with SecretKey::from_base64.
    let keyring = Keyring::new(Fernet::new(SecretKey::generate()?)).build()?;
    let hook = EncryptHook::builder(keyring)
        .namespace("quickstart")
        .kind(kinds::READABLE, Policy::readable())
        .build()?;
    let mut stage = Stage::new(database, hook)?;
    encrypt(&mut stage, first).await?;

    let new_key = XChaCha20Poly1305::new(SecretKey::generate()?);
    let keyring = stage.hook.keys().snapshot().with_primary(new_key).build()?;
    rotate(&mut stage, keyring, second).await?;

    let hook = stage.hook.to_decrypt_only()?;
    stop_encrypting(&mut stage, hook, &last).await?;
    stage.queue.stop().await
}

async fn encrypt<'a>(stage: &mut Stage<'a>, jobs: &[&'a FileJob]) -> Result<(), BoxError> {
    let readable = kinds::READABLE;
    show::act(
        1,
        format_args!("Encrypt: with Fernet, all kinds but {readable}"),
    );
    let (due, delayed) = stage.enqueue_with_delays(jobs).await?;
    stage.work(&due).await?;
    let tally = stage.audit().await?;

    stage.show_samples().await?;
    show::break_line();
    let sealed = stage.of_primary(&tally).stored();
    let readable = jobs.len() as u64 - sealed;
    let (due, delayed) = (due.len(), delayed.len());
    show::holds(format_args!(
        "{sealed} jobs are stored sealed, {readable} readable"
    ));
    show::holds(format_args!(
        "{due} are worked, {delayed} are for next week"
    ));
    show::holds("what was sealed reached its worker byte for byte");
    show::tally(&tally);
    Ok(())
}

async fn rotate<'a>(
    stage: &mut Stage<'a>,
    keyring: Keyring,
    jobs: &[&'a FileJob],
) -> Result<(), BoxError> {
    show::act(
        2,
        "Rotate: XChaCha20-Poly1305 in front, while the worker runs",
    );
    let mut old = stage.ledger.left();
    old.truncate(old.len() / 2);

    stage.hook.keys().swap(keyring);
    let (new, _) = stage.enqueue_with_delays(jobs).await?;
    stage.queue.make_due(&old).await?;
    stage.work(&[&new[..], &old[..]].concat()).await?;
    let tally = stage.audit().await?;

    let sealed = stage.of_primary(&tally).stored();
    let (new, old) = (new.len(), old.len());
    show::holds(format_args!(
        "{sealed} more jobs are stored sealed, with the new key"
    ));
    show::holds(format_args!(
        "{new} new jobs and {old} old ones are worked, by the same worker"
    ));
    show::tally(&tally);
    Ok(())
}

async fn stop_encrypting<'a>(
    stage: &mut Stage<'a>,
    hook: EncryptHook,
    jobs: &[&'a FileJob],
) -> Result<(), BoxError> {
    show::act(3, "Stop encrypting: decrypt-only");
    stage.restart(hook).await?;
    let old = stage.ledger.left();
    let new = stage.enqueue(jobs, NOW).await?;
    stage.queue.make_due(&old).await?;
    stage.work(&[&new[..], &old[..]].concat()).await?;
    let tally = stage.audit().await?;

    for kind in kinds::ALL {
        let mut args = br#"{"secret":false}"#.to_vec();
        let is_sealed = stage.hook.seal(&JobContext::new(kind), &mut args)?;
        ensure(!is_sealed, || {
            format!("a decrypt-only hook sealed a {kind}")
        })?;
    }
    ensure(tally.values().all(|count| count.left == 0), || {
        format!("jobs are left: {tally:?}")
    })?;
    show::holds("no kind is sealed any more");
    show::holds(format_args!(
        "all {} jobs that were left are worked",
        old.len()
    ));
    show::holds("no job is left under either key");
    show::tally(&tally);
    Ok(())
}
