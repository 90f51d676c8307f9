//! Several who change something at once.

use std::{collections::BTreeSet, thread};

use crate::workbench::Workbench;

const CROWD: usize = 6;

#[test]
fn of_several_who_set_a_value_at_once_each_finds_his() {
    let bench = Workbench::with("{}");
    thread::scope(|scope| {
        for number in 0..CROWD {
            let bench = &bench;
            scope.spawn(move || {
                let path = format!("a{number}");
                bench.vault_with(&["set", "v", &path], &path).done();
            });
        }
    });
    for number in 0..CROWD {
        let path = format!("a{number}");
        assert_eq!(bench.vault(&["get", "v", &path]).done(), path);
    }
    assert_eq!(bench.names(), ["v", "vault.key"]);
}

#[test]
fn of_several_who_put_a_new_key_into_one_file_none_loses_it() {
    let bench = Workbench::new();
    let vaults: Vec<_> = (0..CROWD).map(|number| format!("v{number}")).collect();
    for vault in &vaults {
        bench.vault(&["create", vault]).done();
    }
    thread::scope(|scope| {
        for vault in &vaults {
            let bench = &bench;
            scope.spawn(move || bench.vault(&["rotate", vault, "--new-key"]).done());
        }
    });
    for vault in &vaults {
        bench.vault(&["verify", vault]).done();
    }
    let keys = bench.read("vault.key");
    let each: BTreeSet<_> = keys.lines().collect();
    assert_eq!(each.len(), keys.lines().count());
}
