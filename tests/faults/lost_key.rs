//! Keys that are lost without having been meant to, and one that was meant to be.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    command::{run, succeed},
    fault::Fault,
    repository::{Layout, Repository},
};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        what: "the file of the primary is lost, in both layouts",
        outcome: "no older key encrypts in its place: every command ends with exit code 5 and names the file; once it is put back, all is as before",
        happens: primary,
    },
    Fault {
        what: "a key is destroyed on one node and still in the archive of another",
        outcome: "the other removes it too when the repository is brought there; `keys restore` is refused with exit code 3 on both",
        happens: destroyed_elsewhere,
    },
];

fn primary() {
    for layout in Repository::LAYOUTS {
        let repository = Repository::new(layout);
        let before = repository.states();
        let path = repository.path();
        let shown = succeed(&["keys", "status", &path]);
        let name = shown["keys"][0]["file"].as_str().expect("it has a file");
        let file = Path::new(&path).join(name);
        let contents = fs::read(&file).expect("it can be read");
        let elsewhere = Path::new(&path).with_file_name("elsewhere");
        fs::rename(&file, &elsewhere).expect("it can be moved");
        let rotation = repository.rotation();
        for arguments in [
            &["keys".to_owned(), "status".to_owned(), path.clone()][..],
            &rotation,
        ] {
            let ended = run(arguments);
            assert_eq!(ended.code, Some(5), "{ended:?}");
            assert!(ended.errors.contains(name), "{ended:?}");
        }
        let doctor = run(&["keys", "doctor", &path]);
        let is_fault = doctor.printed[0]["is_fault"] == true;
        assert!(is_fault && doctor.code == Some(4), "{doctor:?}");
        fs::rename(&elsewhere, &file).expect("it can be moved");
        assert_eq!(fs::read(&file).expect("it can be read"), contents);
        assert_eq!(repository.states(), before);
        repository.must_be_sound();
    }
}

fn destroyed_elsewhere() {
    let here = Repository::new(Layout::Native);
    let there = format!("{}-there", here.path());
    let parcel = format!("{}-parcel", here.path());
    let bring = || {
        succeed(&["keys", "export", &here.path(), "--to", &parcel]);
        succeed(&["keys", "import", &there, "--from", &parcel]);
        fs::remove_file(&parcel).expect("it was exported");
    };
    bring();
    here.rotate();
    bring();
    let id = first_tombstone(&succeed(&["keys", "status", &there]));
    succeed(&["keys", "destroy", &here.path(), &id, "--yes"]);
    bring();
    let archive = fs::read_dir(format!("{there}/archive")).expect("it is there");
    assert_eq!(archive.count(), 0, "the bytes are there still");
    for node in [&here.path(), &there] {
        let ended = run(&["keys", "restore", node, &id]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let doctor = run(&["keys", "doctor", node]);
        assert_eq!(doctor.code, Some(0), "{doctor:?}");
    }
}

fn first_tombstone(status: &Value) -> String {
    let id = status["tombstones"][0]["id"].as_str();
    id.expect("a key was retired").to_owned()
}
