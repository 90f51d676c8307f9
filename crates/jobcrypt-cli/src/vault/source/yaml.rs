//! YAML 1.2 by its core schema: `no` is a text. A number is one where JSON spells it so, and keeps its spelling.

use jobcrypt::vault::{Value, VaultError};
use yaml_rust2::{
    parser::{Event, MarkedEventReceiver, Parser, Tag},
    scanner::{Marker, TScalarStyle},
};
use zeroize::Zeroize;

use super::wrong;

pub(super) fn read(text: &str) -> Result<Value, VaultError> {
    let mut reader = Reader::default();
    Parser::new_from_str(text)
        .load(&mut reader, true)
        // What the parser says could quote the text.
        .map_err(|error| wrong(error.marker().line(), "it is no YAML"))?;
    if let Some(error) = reader.error {
        return Err(error);
    }
    match (reader.documents, reader.done) {
        (0, _) => Value::object([("", Value::from(""))].into_iter().take(0)),
        (1, Some(value)) => Ok(value),
        _ => Err(wrong(1, "there is more than one document")),
    }
}

#[derive(Default)]
struct Reader {
    open: Vec<Collection>,
    done: Option<Value>,
    documents: usize,
    error: Option<VaultError>,
}

enum Collection {
    List(Vec<Value>),
    Mapping {
        members: Vec<(String, Value)>,
        name: Option<String>,
    },
}

const ALIAS: &str = "an alias is no value of its own: write it out";

impl MarkedEventReceiver for Reader {
    fn on_event(&mut self, event: Event, marker: Marker) {
        if self.error.is_none() {
            self.error = self.take(event, marker.line()).err();
        }
    }
}

impl Reader {
    fn take(&mut self, event: Event, line: usize) -> Result<(), VaultError> {
        match event {
            Event::DocumentStart => self.documents += 1,
            Event::Alias(_) => return Err(wrong(line, ALIAS)),
            Event::SequenceStart(..) => self.open.push(Collection::List(Vec::new())),
            Event::MappingStart(..) => self.open.push(Collection::Mapping {
                members: Vec::new(),
                name: None,
            }),
            Event::SequenceEnd | Event::MappingEnd => {
                let value = match self.open.pop() {
                    Some(Collection::List(values)) => Value::list(values),
                    Some(Collection::Mapping { members, .. }) => Value::object(members)
                        .map_err(|error| wrong(line, &format!("{error}; the mapping ends")))?,
                    None => return Ok(()),
                };
                self.add(value, line)?;
            }
            Event::Scalar(mut text, style, _, tag) => {
                if let Some(Collection::Mapping {
                    name: name @ None, ..
                }) = self.open.last_mut()
                {
                    *name = Some(text);
                    return Ok(());
                }
                let value = scalar(&text, style, tag.as_ref(), line);
                text.zeroize();
                self.add(value?, line)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn add(&mut self, value: Value, line: usize) -> Result<(), VaultError> {
        match self.open.last_mut() {
            Some(Collection::List(values)) => values.push(value),
            Some(Collection::Mapping { members, name }) => {
                let name = name
                    .take()
                    .ok_or_else(|| wrong(line, "a name is a list or a mapping"))?;
                members.push((name, value));
            }
            None => self.done = Some(value),
        }
        Ok(())
    }
}

fn scalar(
    text: &str,
    style: TScalarStyle,
    tag: Option<&Tag>,
    line: usize,
) -> Result<Value, VaultError> {
    match tag {
        Some(tag) if tag.suffix == "str" => return Ok(Value::from(text)),
        Some(_) => return Err(wrong(line, "there is a tag that is not !!str")),
        None => {}
    }
    if !matches!(style, TScalarStyle::Plain) {
        return Ok(Value::from(text));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::from_json("null"),
        "true" | "True" | "TRUE" => Ok(true.into()),
        "false" | "False" | "FALSE" => Ok(false.into()),
        _ => Ok(Value::number(text).unwrap_or_else(|_| Value::from(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        let text = "a: no\nb: true\nc: 5432\nd: 007\ne: '1'\nf:\ng: |\n  two\n  lines\nh: [x, {y: 1e3}]\n\"i.j\": !!str 1\n";
        assert_eq!(
            read(text).expect("it is YAML").as_json(),
            r#"{"a":"no","b":true,"c":5432,"d":"007","e":"1","f":null,"g":"two\nlines\n","h":["x",{"y":1e3}],"i.j":"1"}"#
        );
        assert_eq!(read("# nothing\n").expect("it is empty").as_json(), "{}");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line_and_never_quoted() {
        for (text, line) in [
            ("a: 1\nb: \"s3cret", 2),
            ("a: &x s3cret\nb: *x", 2),
            ("a: 1\nb: !!binary s3cret", 2),
        ] {
            let error = read(text).expect_err("it is wrong").to_string();
            assert!(error.contains(&format!("line {line}")), "{error}");
            assert!(!error.contains("s3"), "{error}");
        }
        assert!(read("a: 1\na: 2").is_err());
        assert!(read("a: 1\n---\nb: 2").is_err());
    }
}
