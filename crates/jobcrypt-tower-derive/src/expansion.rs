use quote::{ToTokens, quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Result, spanned::Spanned};

use crate::attributes::{self, OfStruct};

const NO_KIND: &str = "no field holds the kind: name one `kind`, mark one by `#[job(kind)]`, or, where all jobs of this type are \
                       of one kind, write `#[job(kind = \"...\")]` at the struct";
const NO_ARGS: &str = "no field holds the args: name one `args`, or mark one by `#[job(args)]`";
const TWO_KINDS: &str =
    "two things say the kind of these jobs: leave one of the fields and attributes";
const TWO_ARGS: &str = "two fields are marked as the args: leave one";
const NOT_NAMED: &str = "`JobRequest` is derived for structs with named fields; implement it for this type, it has three \
                         methods";

/// Returns the implementation of the trait.
pub(crate) fn of(input: &DeriveInput) -> Result<impl ToTokens + use<>> {
    let of_struct = attributes::of_struct(&input.attrs)?;
    let fields = named_fields(input)?;
    let kind = kind(input, &of_struct, fields)?;
    let args = the_one(fields, "args", |it| it.is_args, TWO_ARGS)?;
    let args = args.ok_or_else(|| Error::new_spanned(&input.ident, NO_ARGS))?;
    let (args, args_type) = (&args.ident, &args.ty);
    let job = &input.ident;
    let path = attributes::path(&of_struct);
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #path::JobRequest for #job #type_generics #where_clause {
            type Args = #args_type;

            fn context(&self) -> #path::__JobContext<'_> {
                #path::__JobContext::new(#kind)
            }

            fn args(&self) -> &Self::Args {
                &self.#args
            }

            fn args_mut(&mut self) -> &mut Self::Args {
                &mut self.#args
            }
        }
    })
}

fn named_fields(input: &DeriveInput) -> Result<&Fields> {
    match &input.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => Ok(&data.fields),
        _ => Err(Error::new_spanned(&input.ident, NOT_NAMED)),
    }
}

/// Returns the expression for the kind.
fn kind(input: &DeriveInput, of_struct: &OfStruct, fields: &Fields) -> Result<Box<dyn ToTokens>> {
    let field = the_one(fields, "kind", |it| it.is_kind, TWO_KINDS)?;
    match (&of_struct.kind, field) {
        (Some(_), Some(field)) => Err(Error::new_spanned(field, TWO_KINDS)),
        (Some(kind), None) => Ok(Box::new(kind.clone())),
        (None, Some(field)) => {
            let ident = &field.ident;
            // Where it is no text, the error points at the field.
            Ok(Box::new(
                quote_spanned!(field.ty.span()=> ::core::convert::AsRef::<str>::as_ref(&self.#ident)),
            ))
        }
        (None, None) => Err(Error::new_spanned(&input.ident, NO_KIND)),
    }
}

/// Returns the field that is marked, or else the one of this name.
fn the_one<'a>(
    fields: &'a Fields,
    name: &str,
    is_marked: impl Fn(&attributes::OfField) -> bool,
    two: &str,
) -> Result<Option<&'a Field>> {
    let mut marked = None;
    for field in fields {
        if is_marked(&attributes::of_field(&field.attrs)?) && marked.replace(field).is_some() {
            return Err(Error::new_spanned(field, two));
        }
    }
    let is_named = |field: &&Field| {
        field
            .ident
            .as_ref()
            .is_some_and(|ident: &Ident| ident == name)
    };
    Ok(marked.or_else(|| fields.iter().find(is_named)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> String {
        let input = syn::parse_str(code).expect("it is a type");
        match of(&input) {
            Ok(expansion) => panic!("it expands: {}", expansion.into_token_stream()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_error_says_what_to_do() {
        for (code, expected) in [
            ("struct Job { args: String }", NO_KIND),
            ("struct Job { kind: String }", NO_ARGS),
            ("struct Job(String, String);", NOT_NAMED),
            ("enum Job { One }", NOT_NAMED),
            (
                "struct Job { #[job(kind)] a: String, #[job(kind)] b: String, args: String }",
                TWO_KINDS,
            ),
            (
                "#[job(kind = \"k\")] struct Job { kind: String, args: String }",
                TWO_KINDS,
            ),
            (
                "struct Job { kind: String, #[job(args)] a: String, #[job(args)] b: String }",
                TWO_ARGS,
            ),
            (
                "struct Job { #[job(name)] kind: String, args: String }",
                "at a field stands `#[job(kind)]` or `#[job(args)]`",
            ),
            (
                "#[job(args)] struct Job { kind: String, args: String }",
                "at a struct stands `#[job(kind = \"...\")]` or `#[job(crate = \"...\")]`",
            ),
        ] {
            assert_eq!(error(code), expected, "{code}");
        }
    }

    #[test]
    fn a_mark_goes_before_a_name() {
        let code = "struct Job { kind: String, args: u8, #[job(args)] body: Vec<u8> }";
        let input = syn::parse_str(code).expect("it is a type");
        let expansion = of(&input).map(|it| it.into_token_stream().to_string());
        let expansion = expansion.expect("it expands");
        assert!(expansion.contains("& self . body"), "{expansion}");
        assert!(!expansion.contains("& self . args"), "{expansion}");
    }
}
