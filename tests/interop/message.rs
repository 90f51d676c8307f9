use std::sync::Arc;

use jobcrypt::{EncryptHook, Encryptor, LegacyForm, Policy, SecretKey};
use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};
use serde_json::json;

use crate::named;

const PURPOSES: [&str; 6] = ["args", "error", "output", "value", "vault", "x-report"];

pub(crate) const REQUIRED: [&str; 1] = ["/password~1~0/*"];
pub(crate) const OPTIONAL: [&str; 2] = ["/users/*/ssn", "/note"];
pub(crate) const BOUND: [&str; 2] = ["/host", "/port/*"];

/// Args and the place they belong to, with the key they are sealed with.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) cipher: &'static str,
    pub(crate) key: [u8; 32],
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) purpose: &'static str,
    pub(crate) detail: String,
    /// To a multiple of how many bytes it is padded.
    pub(crate) pad: Option<u32>,
    pub(crate) args: Vec<u8>,
}

/// What came of opening: the args, `None` for plaintext, or the class of the error.
pub(crate) type Outcome = Result<Option<Vec<u8>>, String>;

impl Message {
    pub(crate) fn encryptor(&self) -> Arc<dyn Encryptor> {
        named::encryptor(self.cipher, &self.key)
    }

    pub(crate) fn key_id(&self) -> String {
        self.encryptor().key_id().to_string()
    }

    fn hook(&self, policy: Policy) -> EncryptHook {
        // A legacy form needs a key that could have written it; these have written nothing.
        let spare = |cipher| {
            let key = SecretKey::generate().expect("the system has random bytes");
            named::encryptor(cipher, key.expose())
        };
        let keys = [self.encryptor(), spare("secretbox"), spare("fernet")];
        EncryptHook::builder(named::keyring(keys))
            .namespace(&self.namespace)
            .default_policy(policy)
            .build()
            .expect("the hook is sound")
    }

    pub(crate) fn seal(&self) -> Vec<u8> {
        self.seal_with(Policy::sealed())
    }

    /// Seals the fields of [`Messages::with_fields`].
    pub(crate) fn seal_fields(&self) -> Vec<u8> {
        let fields = Policy::fields(REQUIRED).optional_fields(OPTIONAL);
        self.seal_with(fields.bind(BOUND))
    }

    fn seal_with(&self, policy: Policy) -> Vec<u8> {
        let policy = match self.pad {
            Some(bytes) => policy.pad_to(bytes),
            None => policy,
        };
        self.hook(policy)
            .seal_bytes(&self.context(), &self.args)
            .expect("random args can be sealed")
            .expect("every kind is sealed")
    }

    /// Opens what is stored as this message's place would.
    pub(crate) fn open(&self, stored: &[u8]) -> Outcome {
        self.open_with(Policy::sealed(), stored)
    }

    pub(crate) fn open_legacy(&self, form: LegacyForm, stored: &[u8]) -> Outcome {
        self.open_with(Policy::sealed().legacy(form), stored)
    }

    fn open_with(&self, policy: Policy, stored: &[u8]) -> Outcome {
        self.hook(policy)
            .open_bytes(&self.context(), stored)
            .map_err(|error| error.kind().as_str().to_owned())
    }

    fn context(&self) -> jobcrypt::JobContext<'_> {
        named::context(&self.kind, self.purpose, &self.detail)
    }

    /// The same message in places, and under keys, where its token must not open.
    pub(crate) fn strangers(&self) -> Vec<(Self, &'static str)> {
        let other = |change: fn(&mut Self)| {
            let mut message = self.clone();
            change(&mut message);
            message
        };
        let foreign = "authentication_failed";
        vec![
            (other(|message| message.kind.push('x')), foreign),
            (other(|message| message.namespace.push('x')), foreign),
            (other(|message| message.detail.push('x')), foreign),
            (
                other(|message| message.purpose = next_of(&PURPOSES, message.purpose)),
                foreign,
            ),
            (
                // The same letters, with the border between two parts moved by one.
                other(|message| {
                    let moved = message.kind.pop();
                    message.namespace.insert_str(0, &String::from_iter(moved));
                }),
                foreign,
            ),
            (other(|message| message.key[31] ^= 1), "no_matching_key"),
        ]
    }
}

fn next_of(all: &[&'static str], this: &str) -> &'static str {
    let at = all.iter().position(|name| *name == this);
    all[at.map_or(0, |at| (at + 1) % all.len())]
}

/// Draws the same messages in every run.
pub(crate) struct Messages(TestRng);

impl Messages {
    pub(crate) fn new() -> Self {
        Self(TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }

    /// Any bytes as args, or JSON: sealing does not ask what they are.
    pub(crate) fn any(&mut self, cipher: &'static str) -> Message {
        let mut message = self.json(cipher);
        if self.flip_a_coin() {
            let length = self.below(3000);
            message.args = self.bytes(length);
        }
        message
    }

    pub(crate) fn json(&mut self, cipher: &'static str) -> Message {
        let mut key = [0; 32];
        self.0.fill_bytes(&mut key);
        Message {
            cipher,
            key,
            kind: format!("k{}", self.text(24)),
            namespace: self.text(16),
            purpose: PURPOSES[self.below(PURPOSES.len())],
            detail: self.text(16),
            pad: self.flip_a_coin().then(|| 2 + self.0.next_u32() % 100),
            args: json!({"text": self.text(200)}).to_string().into_bytes(),
        }
    }

    /// Args with fields to seal and to bind, under names and with values of every sort.
    pub(crate) fn with_fields(&mut self, cipher: &'static str) -> Message {
        let users: Vec<_> = (0..self.below(3))
            .map(|_| json!({"ssn": self.text(8), "name": self.text(8)}))
            .collect();
        let name = self.text(6);
        let args = json!({
            "host": self.text(8),
            "port": [self.0.next_u32(), f64::from(self.0.next_u32()) / 1e9, {name.clone(): {}}],
            "password/~": {"*": self.text(20), name: 1},
            "users": users,
        });
        let mut message = self.json(cipher);
        message.purpose = "args";
        message.args = args.to_string().into_bytes();
        message
    }

    /// Characters of every plane and from the first one, with quotes, zero and line breaks.
    fn text(&mut self, most: usize) -> String {
        let length = self.below(most);
        (0..length)
            .filter_map(|_| {
                let all = if self.flip_a_coin() { 0x80 } else { 0x11_0000 };
                char::from_u32(self.0.next_u32() % all)
            })
            .collect()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn flip_a_coin(&mut self) -> bool {
        self.below(2) == 0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.next_u32() as usize % bound
    }
}
