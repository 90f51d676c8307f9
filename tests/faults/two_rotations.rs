use std::{fs::File, thread};

use crate::{
    command::run,
    fault::Fault,
    repository::{Layout, Repository},
};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        what: "two rotations at once",
        outcome: "one after the other, or the second is refused with exit code 7; no key is lost",
        happens: at_once,
    },
    Fault {
        what: "a rotation while another change of the repository holds the lock",
        outcome: "refused with exit code 7; nothing is written",
        happens: while_it_is_locked,
    },
];

fn at_once() {
    for layout in Repository::LAYOUTS {
        for _ in 0..20 {
            let repository = Repository::new(layout);
            let before = repository.states();
            let ended = thread::scope(|scope| {
                let rotations = [(); 2].map(|()| scope.spawn(|| run(&repository.rotation())));
                rotations.map(|rotation| rotation.join().expect("it does not panic"))
            });
            let codes = ended.each_ref().map(|ended| ended.code);
            assert!(codes.contains(&Some(0)), "{ended:?}");
            let is_expected = |code: &Option<i32>| matches!(code, Some(0 | 7));
            assert!(codes.iter().all(is_expected), "{ended:?}");
            repository.must_have_all_of(&before);
            repository.must_be_sound();
        }
    }
}

fn while_it_is_locked() {
    let repository = Repository::new(Layout::Native);
    let before = repository.states();
    let lock = File::open(format!("{}/.lock", repository.path())).expect("it is there");
    lock.lock().expect("nobody else has it");
    let ended = run(&repository.rotation());
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert_eq!(repository.states(), before);
    drop(lock);
    repository.must_be_sound();
}
