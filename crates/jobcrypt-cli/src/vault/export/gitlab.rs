//! GitLab's dotenv reports: no quotes, no escapes, one line each. Everything that its documentation excludes is refused.

use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure};

use super::Text;

/// What GitLab takes, in bytes and in variables, unless its administrator has said otherwise.
const LONGEST: usize = 5 * 1024;
const MOST: usize = 150;

pub(super) fn line(name: &str, value: &str) -> Result<Text, &'static str> {
    if value.contains(char::is_whitespace) {
        return Err("holds a space or a line break, which a dotenv report of GitLab cannot carry");
    }
    if value.starts_with(['\'', '"', '`']) {
        return Err("begins with a quote, which a dotenv report of GitLab cannot carry");
    }
    if value.contains('$') {
        return Err("holds a $, which GitLab would take for a variable");
    }
    Ok(Zeroizing::new(format!("{name}={value}\n")))
}

pub(super) fn check(text: &str, variables: usize) -> Result<(), Failure> {
    if text.len() <= LONGEST && variables <= MOST {
        return Ok(());
    }
    let message = format!("GitLab takes reports of up to {LONGEST} bytes and {MOST} variables");
    Err(Failure::new(Exit::Refused, message).next_step("take fewer values, with --only"))
}
