use std::{any::Any, fmt, sync::Arc};

use jobcrypt_core::{EncryptHook, Error, ErrorKind, JobContext, Payload};

use crate::{BoxError, Hook};

/// The hooks of a queue: for all jobs, or for those of one kind. Clones share them.
///
/// A job is enqueued and finished through them in the order in which they were installed, and dequeued
/// in reverse. So install an [`EncryptHook`] last: all others then see readable args on both ways.
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
/// use jobcrypt_tower::Hooks;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jobcrypt_tower::BoxError> {
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring).build()?;
/// let hooks = Hooks::<String>::builder().hook(hook).build()?;
///
/// let job = JobContext::new("send_letter");
/// let mut args = r#"{"to":"ada"}"#.to_owned();
/// hooks.enqueue(&job, &mut args).await?;
/// assert!(args.starts_with(r#"{"river_encrypt":"#));
/// hooks.dequeue(&job, &mut args).await?;
/// assert_eq!(args, r#"{"to":"ada"}"#);
/// # Ok(())
/// # }
/// ```
pub struct Hooks<A>(Arc<[Installed<A>]>);

/// Collects [`Hooks`]; made by [`Hooks::builder`].
#[must_use = "hooks are checked and made by `build`"]
pub struct HooksBuilder<A>(Vec<Installed<A>>);

struct Installed<A> {
    /// `None` is for all kinds.
    kind: Option<Box<str>>,
    hook: Box<dyn Hook<A>>,
}

impl<A: Payload + Send + 'static> Hooks<A> {
    /// Begins with no hooks.
    pub fn builder() -> HooksBuilder<A> {
        HooksBuilder(Vec::new())
    }

    /// Prepares a job to be stored.
    ///
    /// # Errors
    ///
    /// That of the first hook that fails. The job must not be stored, whatever the args are now.
    pub async fn enqueue(&self, context: &JobContext<'_>, args: &mut A) -> Result<(), BoxError> {
        for installed in self.of(context) {
            installed.hook.on_enqueue(context, args).await?;
        }
        Ok(())
    }

    /// Prepares a stored job to be worked.
    ///
    /// # Errors
    ///
    /// That of the first hook that fails. The job must not be worked, and what is stored must stay as
    /// it is; where the error is an [`Error`] that
    /// [`is_retryable`](Error::is_retryable), the job is to be tried again later.
    pub async fn dequeue(&self, context: &JobContext<'_>, args: &mut A) -> Result<(), BoxError> {
        for installed in self.of(context).rev() {
            installed.hook.on_dequeue(context, args).await?;
        }
        Ok(())
    }

    /// Tells that a job was worked, and prepares its output, if the queue keeps one, to be stored.
    ///
    /// # Errors
    ///
    /// That of the first hook that fails. The output must not be stored.
    pub async fn finish(
        &self,
        context: &JobContext<'_>,
        mut output: Option<&mut A>,
    ) -> Result<(), BoxError> {
        for installed in self.of(context) {
            let output = output.as_deref_mut();
            installed.hook.on_finish(context, output).await?;
        }
        Ok(())
    }

    fn of(&self, context: &JobContext<'_>) -> impl DoubleEndedIterator<Item = &Installed<A>> {
        let kind = context.kind();
        let fits =
            move |installed: &&Installed<A>| installed.kind.as_deref().is_none_or(|it| it == kind);
        self.0.iter().filter(fits)
    }
}

impl<A: Payload + Send + 'static> HooksBuilder<A> {
    /// Adds a hook for all jobs.
    pub fn hook(mut self, hook: impl Hook<A>) -> Self {
        let hook = Box::new(hook);
        self.0.push(Installed { kind: None, hook });
        self
    }

    /// Adds a hook for the jobs of one kind.
    pub fn hook_for(mut self, kind: impl Into<Box<str>>, hook: impl Hook<A>) -> Self {
        let kind = Some(kind.into());
        let hook = Box::new(hook);
        self.0.push(Installed { kind, hook });
        self
    }

    /// Makes the hooks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when the jobs of some kind would pass two
    /// [`EncryptHook`]s.
    pub fn build(self) -> Result<Hooks<A>, Error> {
        let encrypting = |installed: &&Installed<A>| installed.encrypts();
        for (at, one) in self.0.iter().enumerate().filter(|(_, it)| it.encrypts()) {
            let mut later = self.0[at + 1..].iter().filter(encrypting);
            if later.any(|other| one.meets(other)) {
                return Err(Error::new(
                    ErrorKind::InvalidConfiguration,
                    "two encrypt hooks are installed for the same jobs; install one",
                ));
            }
        }
        Ok(Hooks(self.0.into()))
    }
}

impl<A: Payload + Send + 'static> Installed<A> {
    fn encrypts(&self) -> bool {
        let hook: &dyn Any = &*self.hook;
        hook.is::<EncryptHook>()
    }

    /// Whether some job passes both.
    fn meets(&self, other: &Self) -> bool {
        self.kind.is_none() || other.kind.is_none() || self.kind == other.kind
    }
}

impl<A> Clone for Hooks<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> fmt::Debug for Hooks<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        kinds(&self.0, "Hooks", formatter)
    }
}

impl<A> fmt::Debug for HooksBuilder<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        kinds(&self.0, "HooksBuilder", formatter)
    }
}

/// Says for which kinds there are hooks. The hooks themselves may hold anything.
fn kinds<A>(
    installed: &[Installed<A>],
    name: &str,
    formatter: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let kinds: Vec<_> = installed.iter().map(|it| it.kind.as_deref()).collect();
    formatter
        .debug_struct(name)
        .field("kinds", &kinds)
        .finish_non_exhaustive()
}
