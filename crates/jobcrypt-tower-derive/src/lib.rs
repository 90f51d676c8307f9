#![doc = include_str!("../README.md")]

mod attributes;
mod expansion;

use proc_macro::TokenStream;
use quote::ToTokens;
use syn::{DeriveInput, parse_macro_input};

/// Derives `JobRequest` for a struct with named fields.
///
/// Its kind is what the field `kind` holds, which is whatever is `AsRef<str>`; its args are in the field
/// `args`, which is whatever is `Payload`. Fields of other names are marked:
///
/// ```
/// use jobcrypt_tower::JobRequest;
///
/// #[derive(JobRequest)]
/// struct Message {
///     #[job(kind)]
///     subject: String,
///     #[job(args)]
///     payload: Vec<u8>,
/// }
///
/// let message = Message { subject: "send_letter".to_owned(), payload: b"{}".to_vec() };
/// assert_eq!(message.context().kind(), "send_letter");
/// ```
///
/// A type whose jobs are all of one kind says it itself:
///
/// ```
/// use jobcrypt_tower::JobRequest;
///
/// #[derive(JobRequest)]
/// #[job(kind = "send_letter")]
/// struct Letter {
///     args: String,
/// }
///
/// assert_eq!(Letter { args: "{}".to_owned() }.context().kind(), "send_letter");
/// ```
///
/// Whoever depends on `jobcrypt` instead of `jobcrypt-tower` says where that is: `#[job(crate =
/// "jobcrypt::tower")]`.
///
/// Anything else is an error that says what to do. The kind never comes from the name of the type, which
/// changes when somebody renames it:
///
/// ```compile_fail
/// use jobcrypt_tower::JobRequest;
///
/// #[derive(JobRequest)]
/// struct Letter {
///     args: String,
/// }
/// ```
#[proc_macro_derive(JobRequest, attributes(job))]
pub fn job_request(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    match expansion::of(&input) {
        Ok(expansion) => expansion.into_token_stream().into(),
        Err(error) => error.into_compile_error().into(),
    }
}
