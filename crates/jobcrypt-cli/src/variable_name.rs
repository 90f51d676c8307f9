use crate::{exit::Exit, failure::Failure};

/// Whether what an option got is the name of a variable. If it is its value, a key or a URL with a
/// password, no error may repeat it.
pub(crate) fn check(option: &str, name: &str, exit: Exit) -> Result<(), Failure> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(is_letter) {
        return Ok(());
    }
    let message = format!("{option} takes the name of a variable, and not its value");
    Err(Failure::new(exit, message).next_step(format!(
        "put the value into a variable, and its name behind {option}"
    )))
}
