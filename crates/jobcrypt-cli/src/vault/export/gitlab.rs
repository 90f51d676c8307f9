//! GitLab's dotenv reports: no quotes, no escapes, one line each. Everything is refused that its documentation excludes or
//! has excluded: <https://docs.gitlab.com/ci/variables/dotenv_variables/#dotenv-file-requirements>.

use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure};

use super::Text;

/// A report must be shorter, in bytes, unless an administrator has said otherwise.
const TOO_LONG: usize = 5 * 1024;
/// So many variables each GitLab takes.
const FEW: usize = 20;
/// More than so many none does, unless an administrator has said otherwise.
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
    if text.len() < TOO_LONG && variables <= MOST {
        if variables > FEW {
            eprintln!(
                "warning: {variables} variables; a GitLab of one's own takes {FEW}, GitLab.com 50, 100 or {MOST} by its plan"
            );
        }
        return Ok(());
    }
    let message =
        format!("GitLab takes reports of less than {TOO_LONG} bytes and of up to {MOST} variables");
    Err(Failure::new(Exit::Refused, message).next_step("take fewer values, with --only"))
}
