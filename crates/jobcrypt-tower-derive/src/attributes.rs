use syn::{Attribute, LitStr, Path, Result, parse_quote};

/// What `#[job(...)]` says at a struct.
#[derive(Default)]
pub(crate) struct OfStruct {
    pub(crate) kind: Option<LitStr>,
    pub(crate) path: Option<Path>,
}

/// What `#[job(...)]` says at a field.
#[derive(Default)]
pub(crate) struct OfField {
    pub(crate) is_kind: bool,
    pub(crate) is_args: bool,
}

pub(crate) fn of_struct(attributes: &[Attribute]) -> Result<OfStruct> {
    let mut found = OfStruct::default();
    for attribute in of_ours(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("kind") {
                found.kind = Some(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("crate") {
                found.path = Some(meta.value()?.parse::<LitStr>()?.parse()?);
                Ok(())
            } else {
                Err(meta.error(
                    "at a struct stands `#[job(kind = \"...\")]` or `#[job(crate = \"...\")]`",
                ))
            }
        })?;
    }
    Ok(found)
}

pub(crate) fn of_field(attributes: &[Attribute]) -> Result<OfField> {
    let mut found = OfField::default();
    for attribute in of_ours(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("kind") {
                found.is_kind = true;
                Ok(())
            } else if meta.path.is_ident("args") {
                found.is_args = true;
                Ok(())
            } else {
                Err(meta.error("at a field stands `#[job(kind)]` or `#[job(args)]`"))
            }
        })?;
    }
    Ok(found)
}

/// Where the trait is.
pub(crate) fn path(found: &OfStruct) -> Path {
    let usual = || parse_quote!(::jobcrypt_tower);
    found.path.clone().unwrap_or_else(usual)
}

fn of_ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|it| it.path().is_ident("job"))
}
