//! Two versions of a vault become one, by values.

use jobcrypt_vault::{Value, Vault, VaultError, VaultForm, VaultOptions};

use crate::bench::{json, key, keyring, options, path, text, whole};

const BASE: &str = r#"{"a":1,"b":2,"c":{"d":3}}"#;

/// Three versions: the base, and two that were made of it.
struct Versions {
    base: String,
    ours: Vault,
    theirs: Vault,
}

fn versions(options: &VaultOptions) -> Versions {
    let base = text(&options.make(&json(BASE)).expect("it is sealed"));
    let side = || options.parse(&base).expect("it is whole");
    Versions {
        ours: side(),
        theirs: side(),
        base,
    }
}

impl Versions {
    fn merge(&self, options: &VaultOptions) -> Result<(String, Vec<String>), VaultError> {
        let merged = options.merge(&self.base, text(&self.ours), text(&self.theirs))?;
        let again = options.parse(text(&merged.vault)).expect("it is whole");
        Ok((whole(&again), merged.taken))
    }
}

fn set(vault: &mut Vault, at: &str, value: &str) {
    assert!(vault.set(&path(at), &json(value)).expect("it is set"));
}

fn unset(vault: &mut Vault, at: &str) {
    vault.unset(&path(at)).expect("it is there");
}

#[test]
fn what_only_one_side_changed_is_as_that_side_has_it() {
    let options = options(&[1]);
    let mut it = versions(&options);
    set(&mut it.ours, "a", "10");
    set(&mut it.ours, "new.ours", "1");
    unset(&mut it.theirs, "b");
    set(&mut it.theirs, "c.d", "30");
    set(&mut it.theirs, "new.theirs", "1");
    let (merged, taken) = it.merge(&options).expect("they changed different values");
    assert_eq!(
        merged,
        r#"{"a":10,"c":{"d":30},"new":{"ours":1,"theirs":1}}"#
    );
    assert_eq!(taken, ["b", "c.d", "new.theirs"]);
}

#[test]
fn the_same_change_on_both_sides_is_no_conflict() {
    let options = options(&[1]);
    let mut it = versions(&options);
    for side in [&mut it.ours, &mut it.theirs] {
        set(side, "a", "10");
        unset(side, "b");
        set(side, "e", "\"new\"");
    }
    let (merged, taken) = it.merge(&options).expect("they agree");
    assert_eq!(merged, r#"{"a":10,"c":{"d":3},"e":"new"}"#);
    assert!(taken.is_empty());
}

#[test]
fn conflicts_are_named_and_no_value_is() {
    let options = options(&[1]);
    let mut it = versions(&options);
    set(&mut it.ours, "a", "\"hunter2\"");
    set(&mut it.theirs, "a", "\"hunter3\"");
    unset(&mut it.ours, "b");
    set(&mut it.theirs, "b", "20");
    set(&mut it.ours, "new", "1");
    set(&mut it.theirs, "new", "2");
    let error = it.merge(&options).expect_err("they disagree");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(matches!(error, VaultError::Conflict { paths } if paths == ["a", "b", "new"]));
}

#[test]
fn a_value_on_one_side_and_a_branch_on_the_other_conflict() {
    let options = options(&[1]);
    let mut it = versions(&options);
    set(&mut it.ours, "new", "1");
    set(&mut it.theirs, "new.inner", "1");
    let error = it.merge(&options).expect_err("it is no vault");
    assert!(matches!(error, VaultError::Conflict { paths } if paths == ["new"]));
}

#[test]
fn a_rotation_on_one_side_is_no_change_of_a_value() {
    let both = options(&[2, 1]);
    let mut it = versions(&options(&[1]));
    it.theirs = both.parse(text(&it.theirs)).expect("it is whole");
    it.theirs.rotate().expect("it rotates");
    set(&mut it.ours, "a", "10");
    let (merged, taken) = it.merge(&both).expect("only one value changed");
    assert_eq!(merged, r#"{"a":10,"b":2,"c":{"d":3}}"#);
    assert!(taken.is_empty());
    // All but what was set under the old key is under the new one.
    let text = text(
        &both
            .merge(&it.base, text(&it.ours), text(&it.theirs))
            .expect("the same")
            .vault,
    );
    let new_id = key("xchacha20poly1305", 2).key_id().to_string();
    let under_old: Vec<_> = text
        .lines()
        .filter(|line| line.contains(" = jc1.") && !line.contains(&new_id))
        .map(|line| line.split(' ').next().expect("a name"))
        .collect();
    assert_eq!(under_old, ["a"]);
    // The other way round.
    std::mem::swap(&mut it.ours, &mut it.theirs);
    let (merged, taken) = it.merge(&both).expect("only one value changed");
    assert_eq!(
        (&*merged, &*taken),
        (r#"{"a":10,"b":2,"c":{"d":3}}"#, &["a".to_owned()][..])
    );
}

#[test]
fn merging_needs_one_vault_and_its_keys() {
    let options = options(&[1]);
    let it = versions(&options);
    let foreign = text(&options.make(&json(BASE)).expect("it is sealed"));
    let refused = options
        .merge(&it.base, &it.base, &foreign)
        .expect_err("it is another vault");
    assert!(matches!(refused, VaultError::Foreign { .. }), "{refused}");
    let refused = crate::bench::options(&[2]).merge(&it.base, &it.base, &it.base);
    assert!(matches!(refused, Err(VaultError::WrongKey { .. })));
    // Git has no base where both sides added the file: what both have and do not agree about conflicts.
    let mut theirs = options.parse(&it.base).expect("it is whole");
    set(&mut theirs, "e", "1");
    let merged = options
        .merge("", &it.base, text(&theirs))
        .expect("one side has more");
    assert_eq!(merged.taken, ["e"]);
    set(&mut theirs, "a", "9");
    let refused = options
        .merge("", &it.base, text(&theirs))
        .expect_err("they disagree");
    assert!(matches!(refused, VaultError::Conflict { paths } if paths == ["a"]));
}

#[test]
fn documents_of_the_seeds_format_merge_as_well() {
    let options = Vault::options(keyring([key("fernet", 1)])).form(VaultForm::Fernet);
    let mut it = versions(&options);
    set(&mut it.ours, "a", "10");
    set(&mut it.theirs, "b", "20");
    let (merged, taken) = it.merge(&options).expect("they changed different values");
    assert_eq!(
        (&*merged, &*taken),
        (r#"{"a":10,"b":20,"c":{"d":3}}"#, &["b".to_owned()][..])
    );
    let own = text(
        &options
            .clone()
            .form(VaultForm::Jobcrypt)
            .make(&json("{}"))
            .expect("it is sealed"),
    );
    assert!(options.merge(&it.base, &it.base, own).is_err());
}

#[test]
fn the_merge_of_text_is_refused_with_the_advice_to_merge_values() {
    let options = options(&[1]);
    let mut it = versions(&options);
    it.ours
        .set(&path("a"), &Value::from("x"))
        .expect("it is set");
    it.theirs
        .set(&path("c.d"), &Value::from("y"))
        .expect("it is set");
    // What a merge of lines would make of it, were it not for the line of the MAC.
    let (ours, theirs) = (text(&it.ours), text(&it.theirs));
    let by_lines: Vec<_> = it
        .base
        .lines()
        .zip(ours.lines().zip(theirs.lines()))
        .map(|(base, (ours, theirs))| if ours == base { theirs } else { ours })
        .collect();
    let by_lines = by_lines.join("\n") + "\n";
    let error = options
        .parse(by_lines)
        .expect_err("its MAC is that of one side");
    assert!(
        error.to_string().contains("jobcrypt vault merge"),
        "{error}"
    );
}
