/// Something that goes wrong.
pub(crate) struct Fault {
    /// What goes wrong.
    pub(crate) what: &'static str,
    /// What must come of it.
    pub(crate) outcome: &'static str,
    /// Lets it happen, and panics where something else comes of it.
    pub(crate) happens: fn(),
}
