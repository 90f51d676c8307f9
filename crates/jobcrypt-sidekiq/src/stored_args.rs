//! How sealed args stand in a job of Sidekiq's: `"args": [{"river_encrypt": "jc1..."}]`.
//!
//! Sidekiq wants an array of args. rusty-sidekiq makes one of whatever an app hands over that is none; so
//! what is sealed are the args as the app handed them over, and the array holds the one envelope.

use std::borrow::Cow;

use jobcrypt_core::{EncryptHook, Error, ErrorKind, JobContext, Payload};
use serde_json::Value;

/// Makes the array that Sidekiq wants of args.
pub(crate) fn in_array(args: Value) -> Value {
    if args.is_array() {
        args
    } else {
        Value::Array(vec![args])
    }
}

/// Returns the JSON of what `hook` can open or find plaintext.
pub(crate) fn to_open(
    hook: &EncryptHook,
    context: &JobContext<'_>,
    args: &Value,
) -> Result<Vec<u8>, Error> {
    let of = |value: &Value| value.as_json().map(Cow::into_owned);
    let Value::Array(several) = args else {
        return of(args);
    };
    if let [only] = &several[..] {
        return of(only);
    }
    // No client of ours writes such a job, and no worker may get an envelope for args.
    for one in several.iter().filter(|one| one.is_object()) {
        if hook.is_sealed(context, &of(one)?) {
            return Err(Error::new(
                ErrorKind::Malformed,
                "an envelope stands beside other args",
            ));
        }
    }
    of(args)
}

/// Takes back the array that [`in_array`] made.
pub(crate) fn as_handed_over(args: Value) -> Value {
    match args {
        Value::Array(mut one) if one.len() == 1 && !one[0].is_array() => one.swap_remove(0),
        args => args,
    }
}
