use std::{env, path::Path, process::Command};

use crate::{exit::Exit, failure::Failure};

use super::signals::Signals;

/// Has the text edited.
pub(super) async fn run(text: &Path, signals: &mut Signals) -> Result<(), Failure> {
    let words = words()?;
    let (program, arguments) = words.split_first().ok_or_else(none)?;
    let child = Command::new(program)
        .args(arguments)
        .arg(text)
        .spawn()
        .map_err(|error| {
            Failure::new(Exit::Failed, format!("the editor {program} cannot be run"))
                .because(error)
                .next_step("set VISUAL or EDITOR to one")
        })?;
    let status = signals.wait_for(child).await?;
    if status.success() {
        return Ok(());
    }
    let message = format!("the editor {program} failed ({status}); the vault is as it was");
    Err(Failure::new(Exit::Failed, message))
}

/// `VISUAL` or `EDITOR`, as words: `code --wait`.
fn words() -> Result<Vec<String>, Failure> {
    let is_set = |name| env::var(name).ok().filter(|it| !it.trim().is_empty());
    let editor = is_set("VISUAL")
        .or_else(|| is_set("EDITOR"))
        .unwrap_or_else(|| "vi".to_owned());
    split(&editor)
        .ok_or_else(|| Failure::new(Exit::Failed, "a quote in VISUAL or EDITOR is not closed"))
}

fn none() -> Failure {
    Failure::new(Exit::Failed, "VISUAL and EDITOR name no editor").next_step("set one of them")
}

/// Splits at spaces outside of quotes.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut signs = text.chars();
    let mut quote = None;
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (Some(open), _) if sign == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().push(signs.next()?),
            (None, _) if sign.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn an_editor_is_words_and_no_shell_reads_them() {
        let words = |text| split(text).expect("all quotes are closed");
        assert_eq!(words("code --wait"), ["code", "--wait"]);
        assert_eq!(
            words("'/opt/my ed' -a \"b \\\" c\" d\\ e ''"),
            ["/opt/my ed", "-a", "b \" c", "d e", ""]
        );
        assert_eq!(words("vi;$(x)"), ["vi;$(x)"]);
        assert_eq!(split("vi 'x"), None);
    }
}
