//! What the fuzz targets look for, held against random bytes and against their corpus.

use std::{fs, path::Path};

use proptest::prelude::*;

#[path = "fuzz/properties.rs"]
mod properties;

/// What holds for any bytes; panics where it does not.
type Property = fn(&[u8]);

proptest! {
    #[test]
    fn a_token_has_one_spelling(
        form in "(jc1|jc2|jc1f|jc)?", cipher in "[a-z0-9+-]{0,34}", id in "[A-Za-z0-9_-]{20,23}", body in "[A-Za-z0-9_=.-]{0,40}",
    ) {
        properties::token(format!("{form}.{cipher}.{id}.{body}").as_bytes());
    }

    #[test]
    fn any_text_may_be_given_for_a_token(text in ".{0,80}") {
        properties::token(text.as_bytes());
    }

    #[test]
    fn nothing_opens_but_what_was_sealed(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        properties::open(&bytes);
    }

    #[test]
    fn a_marker_is_found_wherever_serde_json_finds_it(
        bytes in r#"[ \t]{0,2}\{?"(river_encrypt|river\\u005fencrypt|a|\\\\)":[ ]?("jc1\.[a-z]{3}\.[A-Za-z]{22}\.QQ"|"x"|1|\{"river_encrypt":1\})(,"(b|river_encrypt)":\[\])?\}?"#,
    ) {
        properties::envelope(bytes.as_bytes());
    }

    #[test]
    fn fields_come_back_in_their_places(
        choice in any::<u8>(),
        args in r#"\{("password":("x"|1|\{\}|null)|"p\\u0061ssword":1)?(,? ?"(host|to|users|password|river_encrypt)": ?(1|"a"|\[\]|\[\{"pin":[12]\},\{"pin":1,"pin":2\}\]|\{"x":1.50\})){0,4} ?\}"#,
        edits in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        properties::fields(&[&[choice & 0xfe], args.as_bytes()].concat());
        properties::fields(&[&[choice | 1], &edits[..]].concat());
    }

    #[test]
    fn no_vault_opens_but_what_was_written(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        properties::vault(&bytes);
    }

    #[test]
    fn a_value_of_a_vault_comes_out_as_it_went_in(
        json in r#"[\x03\x07]\{"(a|b\.c|\\u00e9|)":("x\\n"|1\.0|\[[ ]?1,\{\}\]|\{"(a|\[0\])":[ ]?(null|\{\})\})(,"[ab]":(true|\{"c":"\\ud83d\\ude00"\}))?\}"#,
    ) {
        properties::vault(json.as_bytes());
    }
}

#[test]
fn the_corpus_holds() {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus"));
    let targets: [(&str, Property); 5] = [
        ("token", properties::token),
        ("open", properties::open),
        ("envelope", properties::envelope),
        ("fields", properties::fields),
        ("vault", properties::vault),
    ];
    for (name, property) in targets {
        let mut count = 0;
        for entry in fs::read_dir(corpus.join(name)).expect("each target has a corpus") {
            let path = entry.expect("the folder can be read").path();
            property(&fs::read(path).expect("the file can be read"));
            count += 1;
        }
        assert!(count > 0, "{name} has no corpus");
    }
}
