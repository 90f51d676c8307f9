//! As `node --env-file` reads it: three quotes, no escapes, but `\n` in double quotes; carriage returns are taken away.

use zeroize::Zeroizing;

use super::Text;

pub(super) fn line(name: &str, value: &str) -> Result<Text, &'static str> {
    if value.contains('\r') {
        return Err("holds a carriage return, which node takes away");
    }
    let is_free =
        |quote: &char| !value.contains(*quote) && (*quote != '"' || !value.contains("\\n"));
    let quote = ['\'', '`', '"']
        .into_iter()
        .find(is_free)
        .ok_or("holds each of the quotes that node knows, and it has no escape")?;
    Ok(Zeroizing::new(format!("{name}={quote}{value}{quote}\n")))
}
