//! `NAME=value` lines, as python-dotenv reads them, without putting variables in: `$` is a dollar sign.

use jobcrypt::vault::{Value, VaultError};
use zeroize::Zeroizing;

use super::wrong;

pub(super) fn read(text: &str) -> Result<Value, VaultError> {
    let mut members = Vec::new();
    let mut rest = text;
    let line_of = |rest: &str| text[..text.len() - rest.len()].matches('\n').count() + 1;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Value::object(members);
        }
        if rest.starts_with('#') {
            rest = behind_line(rest);
            continue;
        }
        let line = line_of(rest);
        let (name, behind) = rest
            .split_once('=')
            .filter(|(name, _)| !name.contains('\n'))
            .ok_or_else(|| wrong(line, "there is no NAME=value"))?;
        let name = name.trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        let behind = behind.trim_start_matches([' ', '\t']);
        let (value, behind) = match behind.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                quoted(&behind[1..], quote).ok_or_else(|| wrong(line, "a quote is not closed"))?
            }
            _ => plain(behind),
        };
        let tail = behind.split('\n').next().unwrap_or_default().trim();
        if !tail.is_empty() && !tail.starts_with('#') {
            return Err(wrong(line, "something stands behind the closing quote"));
        }
        members.push((name.to_owned(), Value::from(&**value)));
        rest = behind_line(behind);
    }
}

fn behind_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, behind)| behind)
}

/// Up to the end of the line, or a comment.
fn plain(text: &str) -> (Zeroizing<String>, &str) {
    let end = text.find('\n').unwrap_or(text.len());
    let (line, behind) = text.split_at(end);
    let value = match line.find(" #") {
        _ if line.starts_with('#') => "",
        Some(comment) => &line[..comment],
        None => line,
    };
    (Zeroizing::new(value.trim().to_owned()), behind)
}

/// Up to the closing quote. In single quotes only the quote and the backslash are escaped.
fn quoted(text: &str, quote: char) -> Option<(Zeroizing<String>, &str)> {
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        if sign == quote {
            return Some((value, &text[at + 1..]));
        }
        if sign != '\\' {
            value.push(sign);
            continue;
        }
        let (_, escaped) = signs.next()?;
        let is_double = quote == '"';
        match escaped {
            '\\' => value.push('\\'),
            _ if escaped == quote => value.push(quote),
            'n' if is_double => value.push('\n'),
            'r' if is_double => value.push('\r'),
            't' if is_double => value.push('\t'),
            '$' if is_double => value.push('$'),
            _ => {
                value.push('\\');
                value.push(escaped);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_others_write_them() {
        let text = "# all\n\nexport A=1 # one\nB = 'it\\'s \\n'\nC=\"two\nlines\\n\"\r\nD=\nE=a#b\nF='${A}'";
        let value = read(text).expect("it is dotenv");
        assert_eq!(
            value.as_json(),
            r#"{"A":"1","B":"it's \\n","C":"two\nlines\n","D":"","E":"a#b","F":"${A}"}"#
        );
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line_and_never_quoted() {
        for (text, line) in [
            ("A=1\ns3cret", 2),
            ("A='s3cret", 1),
            ("A=1\n\nB='s3'cret", 3),
        ] {
            let error = read(text).expect_err("it is wrong").to_string();
            assert!(error.contains(&format!("line {line}")), "{error}");
            assert!(!error.contains("s3"), "{error}");
        }
        assert!(read("A=1\nA=2").is_err());
    }
}
