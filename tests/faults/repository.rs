use std::{collections::BTreeMap, path::Path};

use jobcrypt::{ciphers, keys::KeyRepository};
use tempfile::TempDir;

use crate::command::{run, succeed};

/// A key repository in a folder of its own.
pub(crate) struct Repository {
    folder: TempDir,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    Keystone,
    Native,
}

impl Repository {
    pub(crate) const LAYOUTS: [Layout; 2] = [Layout::Keystone, Layout::Native];

    /// After a rotation, so that there are keys in every state.
    pub(crate) fn new(layout: Layout) -> Self {
        let repository = Self::none();
        succeed(&repository.setup(layout));
        repository.rotate();
        repository
    }

    /// The place for one, and nothing in it.
    pub(crate) fn none() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self { folder }
    }

    /// The command that makes it.
    pub(crate) fn setup(&self, layout: Layout) -> Vec<String> {
        let mut setup = vec!["keys".to_owned(), "setup".to_owned(), self.path()];
        if matches!(layout, Layout::Keystone) {
            setup.push("--keystone".to_owned());
        }
        setup
    }

    pub(crate) fn path(&self) -> String {
        let path = self.folder.path().join("keys");
        path.into_os_string().into_string().expect("it is text")
    }

    pub(crate) fn rotate(&self) {
        succeed(&self.rotation());
    }

    /// The command that rotates and retires what is not needed.
    pub(crate) fn rotation(&self) -> [String; 6] {
        let path = self.path();
        ["keys", "rotate", &path, "--unused", "--grace", "0s"].map(ToOwned::to_owned)
    }

    /// Its keys, each with its state, as the command shows them; the retired ones are in the archive.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        let status = succeed(&["keys", "status", &self.path()]);
        let keys = status["keys"].as_array().expect("there is a list");
        let text = |value: &serde_json::Value| value.as_str().expect("it is text").to_owned();
        let tombstones = status["tombstones"].as_array().expect("there is a list");
        let retired = tombstones
            .iter()
            .filter(|tombstone| tombstone["file"].is_string());
        keys.iter()
            .map(|key| (text(&key["id"]), text(&key["state"])))
            .chain(retired.map(|key| (text(&key["id"]), "retired".to_owned())))
            .collect()
    }

    /// One that is retired and in the archive.
    pub(crate) fn retired(&self) -> String {
        let states = self.states().into_iter();
        let mut retired = states.filter(|(_, state)| state == "retired");
        retired.next().expect("one is retired").0
    }

    /// Whether every key of `before` still opens what it sealed, and one of them seals.
    pub(crate) fn must_have_all_of(&self, before: &BTreeMap<String, String>) {
        let now = self.states();
        let missing: Vec<_> = before.keys().filter(|id| !now.contains_key(*id)).collect();
        assert!(missing.is_empty(), "{missing:?} are gone from {now:?}");
        let primaries = now.values().filter(|state| *state == "primary").count();
        assert_eq!(primaries, 1, "{now:?}");
        let repository = KeyRepository::open(Path::new(&self.path())).expect("it opens");
        let keyring = repository.keyring(ciphers::encryptor).expect("it is whole");
        let in_use = now.values().filter(|state| *state != "retired").count();
        assert_eq!(keyring.keys().len(), in_use);
    }

    /// Whether it is whole, and a rotation goes on from here.
    pub(crate) fn must_be_sound(&self) {
        let before = self.states();
        self.rotate();
        self.must_have_all_of(&before);
        let doctor = run(&["keys", "doctor", &self.path()]);
        assert_eq!(doctor.code, Some(0), "{doctor:?}");
    }
}
