//! A repository that is brought to another node.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use jobcrypt_core::{CipherName, SecretKey};
use jobcrypt_keys::{KeyRepository, Layout, RepositoryError, Transfer, Usage};
use tempfile::TempDir;

/// Two nodes, and the way between them.
struct Nodes {
    _folder: TempDir,
    here: KeyRepository,
    there: PathBuf,
    bundle: PathBuf,
}

impl Nodes {
    fn new(layout: Layout) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path().join("here");
        let here = if layout == Layout::Keystone {
            KeyRepository::setup_keystone(here)
        } else {
            KeyRepository::setup(here, CipherName::XCHACHA20_POLY1305)
        };
        Self {
            here: here.expect("it is set up"),
            there: folder.path().join("there"),
            bundle: folder.path().join("bundle"),
            _folder: folder,
        }
    }

    fn export(&self) -> Transfer {
        let _ = fs::remove_file(&self.bundle);
        self.here.export(&self.bundle).expect("it is exported")
    }

    fn import(&self) -> Result<Transfer, RepositoryError> {
        KeyRepository::import(&self.there, &self.bundle)
    }

    fn there(&self) -> KeyRepository {
        KeyRepository::open(&self.there).expect("it opens")
    }

    fn rotate(&self) {
        let rotation = self.here.begin_rotation().expect("the lock is free");
        let rotation = rotation.with_grace(Duration::ZERO);
        rotation.commit(&Usage::counted([], 0)).expect("it rotates");
    }
}

fn fingerprint(repository: &KeyRepository) -> String {
    repository.status().expect("it can be read").fingerprint
}

#[test]
fn a_node_follows_rotation_by_rotation() {
    for layout in [Layout::Keystone, Layout::Native] {
        let nodes = Nodes::new(layout);
        for _ in 0..4 {
            let exported = nodes.export();
            let imported = nodes.import().expect("it is imported");
            assert_eq!(imported.fingerprint, exported.fingerprint);
            assert_eq!(fingerprint(&nodes.there()), fingerprint(&nodes.here));
            let again = nodes.import().expect("it is there");
            assert!(imported.has_changed && !again.has_changed);
            nodes.rotate();
            assert_ne!(fingerprint(&nodes.there()), fingerprint(&nodes.here));
        }
        let graves = nodes.there().status().expect("it can be read").tombstones;
        // What was in use there went to the archive there.
        for grave in graves {
            assert!(grave.file.is_some(), "{layout:?}");
            nodes.there().restore(grave.id).expect("it is restored");
        }
    }
}

#[test]
fn a_bundle_is_one_file_of_its_owner_and_never_overwrites_another() {
    let nodes = Nodes::new(Layout::Native);
    nodes.export();
    let mode = fs::metadata(&nodes.bundle)
        .expect("it is there")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let error = nodes.here.export(&nodes.bundle).expect_err("it is there");
    assert!(error.to_string().contains("not overwritten"), "{error}");
    nodes.import().expect("it is whole still");
    fs::set_permissions(&nodes.bundle, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let error = nodes.import().expect_err("all may read it");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn an_older_bundle_or_one_that_lacks_a_key_is_refused() {
    let nodes = Nodes::new(Layout::Native);
    nodes.export();
    let old = fs::read(&nodes.bundle).expect("it can be read");
    nodes.rotate();
    nodes.export();
    nodes.import().expect("it is imported");
    fs::write(&nodes.bundle, old).expect("it can be written");
    let before = fingerprint(&nodes.there());
    assert!(matches!(nodes.import(), Err(RepositoryError::Older { .. })));
    assert_eq!(fingerprint(&nodes.there()), before);

    let strangers = Nodes::new(Layout::Native);
    strangers.rotate();
    strangers.export();
    fs::copy(&strangers.bundle, &nodes.bundle).expect("it can be copied");
    assert!(matches!(
        nodes.import(),
        Err(RepositoryError::Diverged { .. })
    ));
    let keystone = Nodes::new(Layout::Keystone);
    keystone.export();
    fs::copy(&keystone.bundle, &nodes.bundle).expect("it can be copied");
    assert!(matches!(
        nodes.import(),
        Err(RepositoryError::OtherLayout { .. })
    ));
    assert_eq!(fingerprint(&nodes.there()), before);
}

#[test]
fn a_bundle_that_was_changed_is_refused_and_shows_no_key() {
    let nodes = Nodes::new(Layout::Keystone);
    nodes.export();
    let text = fs::read_to_string(&nodes.bundle).expect("it can be read");
    let primary = nodes.here.path().join("1");
    let key = fs::read_to_string(primary).expect("it can be read");
    let other = nodes.here.path().join("0");
    let other = fs::read_to_string(other).expect("it can be read");
    for wrong in [
        text.replace(&key, &other),
        text.replace(&key, "c2hvcnQ="),
        text.replace("\"file\": \"1\"", "\"file\": \"../1\""),
        text.replace("\"file\": \"1\"", "\"file\": \"0\""),
        text.replace("primary", "secondary"),
        text.replace("fingerprint\": \"", "fingerprint\": \"x"),
        text.replace("jobcrypt-bundle/1", "jobcrypt-bundle/9"),
        text[..text.len() - 9].to_owned(),
    ] {
        assert_ne!(wrong, text);
        fs::write(&nodes.bundle, wrong).expect("it can be written");
        let error = nodes.import().expect_err("it was changed").to_string();
        assert!(
            !error.contains(&key[..8]) && !error.contains("c2hv"),
            "{error}"
        );
        assert!(KeyRepository::open(&nodes.there).is_err());
    }
}

#[test]
fn a_key_destroyed_on_one_node_is_destroyed_on_those_that_follow() {
    for layout in [Layout::Keystone, Layout::Native] {
        let nodes = Nodes::new(layout);
        for _ in 0..3 {
            nodes.rotate();
            nodes.export();
            nodes.import().expect("it is imported");
        }
        let graves = nodes.here.status().expect("it can be read").tombstones;
        let archived = graves[0].id;
        nodes.rotate();
        let after = nodes.here.status().expect("it can be read").tombstones;
        let is_new = |id| graves.iter().all(|it| it.id != id);
        let in_use = after.iter().map(|it| it.id).find(|id| is_new(*id));
        let in_use = in_use.expect("one was retired");
        // One is in the archive there already, the other is a secondary there.
        for id in [archived, in_use] {
            nodes.here.destroy(id).expect("it is retired");
        }
        nodes.export();
        nodes.import().expect("it is imported");
        let there = nodes.there();
        for id in [archived, in_use] {
            let error = there.restore(id).expect_err("it is gone");
            assert!(
                matches!(error, RepositoryError::Destroyed { .. }),
                "{error}"
            );
            let name = id.to_string();
            assert!(
                !names(there.path()).any(|it| it.contains(&name)),
                "{layout:?}"
            );
        }
        for repository in [&nodes.here, &there] {
            let graves = repository.status().expect("it can be read").tombstones;
            let gone = graves
                .iter()
                .filter(|it| it.destroyed.is_some() && it.file.is_none());
            assert_eq!(gone.count(), 2);
        }
        assert!(!nodes.import().expect("it is there").has_changed);
        assert_eq!(jobcrypt_keys::doctor(&nodes.there, &[]), []);
    }
}

#[test]
fn a_key_destroyed_here_comes_back_neither_by_hand_nor_in_a_bundle() {
    let nodes = Nodes::new(Layout::Native);
    nodes.rotate();
    nodes.export();
    nodes.import().expect("it is imported");
    let snapshot = nodes.here.snapshot().expect("it can be read");
    let old = snapshot.keys().nth(1).expect("there is a secondary");
    let file = nodes.here.path().join(&old.file);
    let text = fs::read_to_string(file).expect("it can be read");
    let key = || SecretKey::from_base64(&text).expect("it is a key");
    let there = nodes.there();
    let add = || there.add(CipherName::XCHACHA20_POLY1305, key(), None);

    let rotation = there.begin_rotation().expect("the lock is free");
    let rotation = rotation.with_grace(Duration::ZERO);
    rotation.commit(&Usage::counted([], 0)).expect("it rotates");
    let error = add().expect_err("it is restored, not added");
    assert!(matches!(error, RepositoryError::Retired { .. }), "{error}");
    there.destroy(old.id).expect("it is retired");
    let error = add().expect_err("it was destroyed");
    assert!(
        matches!(error, RepositoryError::Destroyed { .. }),
        "{error}"
    );

    // A newer bundle of a node that has gone another way.
    nodes.export();
    let bundle = fs::read_to_string(&nodes.bundle).expect("it can be read");
    let begun = bundle
        .find("\"generation\": 2")
        .expect("it was rotated once");
    let newer = bundle.replace("\"generation\": 2", "\"generation\": 9");
    assert!(begun > 0);
    fs::write(&nodes.bundle, newer).expect("it can be written");
    let before = fingerprint(&there);
    let error = nodes.import().expect_err("it has other keys");
    let is_refused = matches!(
        error,
        RepositoryError::Diverged { .. } | RepositoryError::Destroyed { .. }
    );
    assert!(is_refused, "{error}");
    assert_eq!(fingerprint(&there), before);
}

/// The names of all files of a repository.
fn names(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let folders = [folder.to_owned(), folder.join("archive")];
    let entries = folders.into_iter().filter_map(|it| fs::read_dir(it).ok());
    let names = entries.flatten().flatten().map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned())
}
