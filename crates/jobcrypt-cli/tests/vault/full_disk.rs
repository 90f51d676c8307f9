//! A disk that is full while the command changes a vault on it.
#![cfg(target_os = "linux")]

use std::{fs, io, path::Path};

use jobcrypt_testkit::SmallDisk;

use crate::workbench::{JOBCRYPT, Run, Terminal, Workbench};

/// Longer than a page, so that each change needs some.
const VALUES: &str = r#"{"a":"old","long":"LONG"}"#;

#[test]
fn a_full_disk_leaves_the_old_vault_or_the_new_one() -> io::Result<()> {
    SmallDisk::run_test("full_disk::inside_a_full_disk")
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_full_disk() -> io::Result<()> {
    let disk = SmallDisk::of_this_test()?;
    let values = VALUES.replace("LONG", &"x".repeat(2 * SmallDisk::PAGE));
    for change in ["set", "edit", "rotate", "merge"] {
        let mut refusals = 0;
        for pages_left in 0..6 {
            let bench = Workbench::below(disk.path());
            bench.create(&values);
            fs::copy(bench.path().join("v"), bench.path().join("theirs"))?;
            bench.vault_with(&["set", "theirs", "a"], "new").done();
            let before = bench.read("v");
            disk.fill(pages_left)?;
            let (code, said) = match change {
                "edit" => edit(&bench),
                _ => changed(&bench, change),
            };
            disk.clear()?;
            if code != 0 {
                refusals += 1;
                assert_eq!(bench.read("v"), before, "{change}");
                let is_said = said.contains("No space left") || said.contains("interrupted");
                assert!(is_said, "{change} {said}");
            }
            let left = bench.vault(&["get", "v", "a"]).done();
            assert!(["old", "new"].contains(&&*left), "{change} {left}");
            bench.vault(&["verify", "v"]).done();
            // There is room again.
            assert_eq!(changed(&bench, change).0, 0, "{change}");
            bench.vault(&["verify", "v"]).done();
            assert_eq!(bench.names(), ["theirs", "v", "vault.key"], "{change}");
        }
        assert!(refusals >= 2, "{change} was refused {refusals} times only");
    }
    Ok(())
}

fn changed(bench: &Workbench, change: &str) -> (i32, String) {
    let run: Run = match change {
        "rotate" => bench.vault(&["rotate", "v", "--new-key"]),
        "merge" => bench.vault(&["merge", "v", "v", "theirs"]),
        _ => bench.vault_with(&["set", "v", "a"], "new"),
    };
    (run.code, run.err)
}

/// Edits the vault; what lies in memory meanwhile is elsewhere. Whoever is told that it cannot be saved gives up.
fn edit(bench: &Workbench) -> (i32, String) {
    let mut script = bench.command("script");
    script.env("EDITOR", "sed -i s/old/new/");
    script.env("XDG_RUNTIME_DIR", Path::new("/nowhere"));
    let mut terminal = Terminal::start(&mut script, &format!("'{JOBCRYPT}' vault edit v"));
    if terminal.wait_for_either("values changed", "Ctrl-C:") {
        terminal.type_in("\u{3}");
    }
    terminal.end()
}

#[test]
fn without_room_for_the_text_nothing_is_edited() -> io::Result<()> {
    SmallDisk::run_test("full_disk::inside_a_full_memory")
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_full_memory() -> io::Result<()> {
    let disk = SmallDisk::of_this_test()?;
    let bench = Workbench::with(r#"{"a":"old"}"#);
    let before = bench.read("v");
    disk.fill(0)?;
    let mut script = bench.command("script");
    script.env("EDITOR", "touch edited;");
    script.env("XDG_RUNTIME_DIR", disk.path());
    let (code, said) = Terminal::start(&mut script, &format!("'{JOBCRYPT}' vault edit v")).end();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("No space left"), "{said}");
    assert_eq!(bench.read("v"), before);
    disk.clear()?;
    assert_eq!(fs::read_dir(disk.path())?.count(), 0, "plaintext stays");
    Ok(())
}
