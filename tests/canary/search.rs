use std::fmt::Write as _;

/// The forms in which a secret could slip out.
fn forms(secret: &[u8]) -> Vec<String> {
    let hex = secret.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let list = format!("{secret:?}");
    let mut forms = vec![
        hex.clone(),
        hex.to_uppercase(),
        list[1..list.len() - 1].to_owned(),
    ];
    // Base64 of a text that holds the secret at any of three alignments, less the edges.
    for before in 0..3 {
        let shifted = [&b"xx"[..before], secret].concat();
        for alphabet in [base64_simd::STANDARD_NO_PAD, base64_simd::URL_SAFE_NO_PAD] {
            let text = alphabet.encode_to_string(&shifted);
            forms.push(text[4..text.len() - 4].to_owned());
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(text.to_owned());
        // As JSON escapes it, and as what escapes all that is no letter or digit.
        let quoted = serde_json::Value::from(text).to_string();
        forms.push(quoted[1..quoted.len() - 1].to_owned());
        let escape = |char: char| match char {
            char if char.is_ascii_alphanumeric() => char.to_string(),
            char => format!("\\u{:04x}", u32::from(char)),
        };
        forms.push(text.chars().map(escape).collect());
    }
    forms
}

/// Says where a secret stands in a text, if it does, however often what is around it was quoted.
pub(crate) fn find(place: &str, text: &str, secrets: &[Vec<u8>]) -> Option<String> {
    let unquoted = text.replace('\\', "");
    let mut forms = secrets.iter().flat_map(|secret| forms(secret));
    forms.find_map(|form| {
        let find = |text: &str| Some((text.find(&form)?, text.to_owned()));
        let (at, text) = find(text).or_else(|| find(&unquoted))?;
        let around = text.get(at.saturating_sub(150)..(at + 150).min(text.len()));
        Some(format!("{place} holds a canary as {form}: {around:?}"))
    })
}
