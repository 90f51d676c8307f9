use jobcrypt_core::KeyId;

/// Which jobs are meant; all unless narrowed.
///
/// ```
/// use jobcrypt_store::Selection;
///
/// let cards = Selection::all().kind("charge_card").up_to_id("1000");
/// # let _ = cards;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Selection {
    pub(crate) id: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) key_id: Option<KeyId>,
    pub(crate) up_to_id: Option<String>,
    pub(crate) only_parked: bool,
}

impl Selection {
    /// Every job.
    pub fn all() -> Self {
        Self::default()
    }

    /// The job of this id.
    pub fn job(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..Self::default()
        }
    }

    /// Jobs of this kind.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Jobs in this state.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Jobs whose args are under this key, as their text has it.
    pub fn key_id(mut self, id: KeyId) -> Self {
        self.key_id = Some(id);
        self
    }

    /// Jobs up to this id, by the order of the table's ids, with it.
    pub fn up_to_id(mut self, id: impl Into<String>) -> Self {
        self.up_to_id = Some(id.into());
        self
    }

    /// Parked jobs.
    pub fn parked(mut self) -> Self {
        self.only_parked = true;
        self
    }
}
