//! Every token in every place: what it is for, the field or the name of the value, kind, namespace, key, bound field.
//! It opens where it was sealed and nowhere else.

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    EncryptHook, Encryptor, Envelope, ErrorKind, JobContext, Keyring, Policy, Purpose, SecretKey,
};
use serde_json::{Value, json};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    Args,
    /// A field of args, beside a host that is bound to it.
    Field {
        path: &'static str,
        host: &'static str,
    },
    Output,
    Error,
    Value(&'static str),
}

const USES: [Use; 9] = [
    Use::Args,
    Use::Field {
        path: "/password",
        host: "sw1",
    },
    Use::Field {
        path: "/password",
        host: "sw2",
    },
    Use::Field {
        path: "/enable",
        host: "sw1",
    },
    Use::Field {
        path: "/enable",
        host: "sw2",
    },
    Use::Output,
    Use::Error,
    Use::Value("password"),
    Use::Value("enable"),
];
const KINDS: [&str; 2] = ["send_command", "reset"];
const NAMESPACES: [&str; 2] = ["prod", "staging"];

#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    used: Use,
    kind: &'static str,
    namespace: &'static str,
    key: usize,
    is_padded: bool,
}

fn places(is_padded: bool) -> Vec<Place> {
    let mut places = Vec::new();
    for used in USES {
        for kind in KINDS {
            for namespace in NAMESPACES {
                places.extend([0, 1].map(|key| Place {
                    used,
                    kind,
                    namespace,
                    key,
                    is_padded,
                }));
            }
        }
    }
    places
}

impl Place {
    fn context(self) -> JobContext<'static> {
        let job = JobContext::new(self.kind);
        match self.used {
            Use::Args | Use::Field { .. } => job,
            Use::Output => job.with_purpose(Purpose::OUTPUT),
            Use::Error => job.with_purpose(Purpose::ERROR),
            Use::Value(name) => job.with_purpose(Purpose::VALUE).with_detail(name),
        }
    }

    fn policy(self) -> Policy {
        let policy = match self.used {
            Use::Field { path, .. } => Policy::fields([path]).bind(["/host"]),
            _ => Policy::sealed(),
        };
        if self.is_padded {
            policy.pad_to(64)
        } else {
            policy
        }
    }

    fn plaintext(self) -> String {
        let host = match self.used {
            Use::Field { host, .. } => host,
            _ => "sw1",
        };
        json!({"host": host, "password": "swordfish", "enable": "swordfish"}).to_string()
    }

    /// What is stored at this place, sealed there.
    fn stored(self, hook: &EncryptHook) -> Value {
        let sealed = hook.seal_bytes(&self.context(), self.plaintext().as_bytes());
        let sealed = sealed.expect("it seals").expect("the kind is sealed");
        serde_json::from_slice(&sealed).expect("it is JSON")
    }
}

/// The two keys, and hooks that have one or both of them.
struct Hooks([SecretKey; 2]);

impl Hooks {
    fn new() -> Self {
        Self([0, 1].map(|_| SecretKey::generate().expect("the system has random bytes")))
    }

    fn of<E: Encryptor>(
        &self,
        place: Place,
        keys: &[usize],
        cipher: fn(SecretKey) -> E,
    ) -> EncryptHook {
        let key = |at: usize| cipher(SecretKey::from(*self.0[at].expose()));
        let ring = Keyring::new(key(keys[0]));
        let ring = keys[1..].iter().fold(ring, |ring, at| ring.and(key(*at)));
        EncryptHook::builder(ring.build().expect("a sound keyring"))
            .namespace(place.namespace)
            .default_policy(place.policy())
            .build()
            .expect("a sound hook")
    }
}

fn open(hook: &EncryptHook, place: Place, stored: &Value) -> Result<Vec<u8>, ErrorKind> {
    let opened = hook.open_bytes(&place.context(), stored.to_string().as_bytes());
    let opened = opened.map_err(|error| error.kind())?;
    opened.ok_or(ErrorKind::PlaintextRejected)
}

/// Tries all tokens at all places; returns how many were refused.
fn check<E: Encryptor>(cipher: fn(SecretKey) -> E, is_padded: bool) -> usize {
    let hooks = Hooks::new();
    let sealed: Vec<(Place, EncryptHook, Value)> = places(is_padded)
        .into_iter()
        .map(|place| {
            let hook = hooks.of(place, &[place.key], cipher);
            let stored = place.stored(&hook);
            (place, hook, stored)
        })
        .collect();
    let mut refused = 0;
    for (from, _, token) in &sealed {
        let token = &token["river_encrypt"];
        for (to, hook, stored) in &sealed {
            // The token goes to the other place; what stands beside it there stays.
            let mut swapped = stored.clone();
            swapped["river_encrypt"] = token.clone();
            if let Ok(opened) = open(hook, *to, &swapped) {
                assert_eq!(from, to, "a foreign token opens");
                let opened: Value = serde_json::from_slice(&opened).expect("it is JSON");
                let sealed: Value = serde_json::from_str(&to.plaintext()).expect("it is JSON");
                assert_eq!(opened, sealed);
            } else {
                assert_ne!(from, to, "a token does not open where it was sealed");
                refused += 1;
            }
        }
        relabelled(&hooks, *from, token, cipher, &sealed);
    }
    refused
}

/// A token that names the other key, where both are at hand.
fn relabelled<E: Encryptor>(
    hooks: &Hooks,
    from: Place,
    token: &Value,
    cipher: fn(SecretKey) -> E,
    sealed: &[(Place, EncryptHook, Value)],
) {
    let both = hooks.of(from, &[0, 1], cipher);
    let is_twin = |place: &Place| {
        Place {
            key: from.key,
            ..*place
        } == from
            && place.key != from.key
    };
    let twin = sealed.iter().find(|it| is_twin(&it.0));
    let (_, _, twin) = twin.expect("each place has one under the other key");
    let key_id = |token: &Value| {
        let token = token.as_str().expect("a token is text");
        Envelope::parse(token)
            .expect("it is sound")
            .key_id()
            .to_string()
    };
    let text = token.as_str().expect("a token is text");
    let other = text.replace(&key_id(token), &key_id(&twin["river_encrypt"]));
    let mut stored = twin.clone();
    stored["river_encrypt"] = token.clone();
    assert!(open(&both, from, &stored).is_ok(), "both keys are at hand");
    stored["river_encrypt"] = other.into();
    assert_eq!(
        open(&both, from, &stored),
        Err(ErrorKind::AuthenticationFailed),
        "{from:?}"
    );
}

#[test]
fn a_token_opens_where_it_was_sealed_and_nowhere_else() {
    let places = places(false).len();
    assert_eq!(places, 72);
    for is_padded in [false, true] {
        let all_but_one_each = places * places - places;
        assert_eq!(check(XChaCha20Poly1305::new, is_padded), all_but_one_each);
        assert_eq!(check(Secretbox::new, is_padded), all_but_one_each);
        assert_eq!(check(Fernet::new, is_padded), all_but_one_each);
    }
}
