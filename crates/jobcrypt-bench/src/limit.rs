use std::{hint::black_box, io, time::Duration};

use aes::{
    Aes128,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit, block_padding::Pkcs7},
};
use aws_lc_rs::aead::{self, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use dryoc::classic::{
    crypto_aead_xchacha20poly1305_ietf::{
        crypto_aead_xchacha20poly1305_ietf_decrypt_detached as xchacha20poly1305_decrypt,
        crypto_aead_xchacha20poly1305_ietf_encrypt_detached as xchacha20poly1305_encrypt,
    },
    crypto_secretbox::{crypto_secretbox_easy, crypto_secretbox_open_easy},
};
use hmac::{Hmac, Mac};
use jobcrypt::SecretKey;
use sha2::Sha256;

use crate::{
    candidate::{Candidate, Name, Who},
    cipher::Cipher,
    ours::sealed,
    task::{Operation, Task, args_of},
    timing::nanoseconds,
};

const KEY: [u8; 32] = *b"a key for figures and for no job";
const TAG_LEN: usize = 16;

/// What cannot be gone below: the bare primitive into a warm buffer, one copy of the envelope, and
/// for a seal one nonce of the operating system.
pub(crate) struct Limit {
    cipher: &'static Cipher,
}

/// A measurement of a bare primitive.
pub(crate) struct Bare<'a> {
    operation: Operation,
    args: &'a [u8],
    /// As long as that of jobcrypt.
    envelope: &'a [u8],
    duration: Duration,
}

impl Limit {
    pub(crate) fn new(cipher: &'static Cipher) -> Self {
        Self { cipher }
    }
}

impl Candidate for Limit {
    fn names(&self) -> Vec<Name> {
        vec![Name::new(Who::Limit, self.cipher.name)]
    }

    fn does(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Seal | Operation::Open)
    }

    fn measure(&mut self, _: Name, task: Task, duration: Duration) -> io::Result<f64> {
        let args = args_of(task.size);
        let envelope = SecretKey::generate()
            .and_then(|key| sealed(&self.cipher.hook(vec![key])?, &args))
            .map_err(io::Error::other)?;
        Ok((self.cipher.limit)(&Bare {
            operation: task.operation,
            args: &args,
            envelope: &envelope,
            duration,
        }))
    }
}

impl Bare<'_> {
    fn measure<const NONCE_LEN: usize>(
        &self,
        mut seal: impl FnMut(&[u8; NONCE_LEN]),
        mut open: impl FnMut(),
    ) -> f64 {
        let mut copy = vec![0; self.envelope.len()];
        let mut copy_envelope = || {
            copy.copy_from_slice(black_box(self.envelope));
            black_box(&mut copy);
        };
        if self.operation == Operation::Seal {
            nanoseconds(self.duration, || {
                let mut nonce = [0; NONCE_LEN];
                getrandom::fill(&mut nonce).expect("the operating system has random bytes");
                seal(&nonce);
                copy_envelope();
            })
        } else {
            nanoseconds(self.duration, || {
                open();
                copy_envelope();
            })
        }
    }
}

pub(crate) fn xchacha20poly1305(bare: &Bare<'_>) -> f64 {
    let mut ciphertext = vec![0; bare.args.len()];
    let mut plaintext = vec![0; bare.args.len()];
    let mut tag = [0; TAG_LEN];
    xchacha20poly1305_encrypt(&mut ciphertext, &mut tag, bare.args, None, &[1; 24], &KEY)
        .expect("the args are not too long");
    let (stored, stored_tag) = (ciphertext.clone(), tag);
    bare.measure(
        |nonce: &[u8; 24]| {
            let args = black_box(bare.args);
            xchacha20poly1305_encrypt(&mut ciphertext, &mut tag, args, None, nonce, &KEY)
                .expect("the args are not too long");
        },
        || {
            let stored = black_box(&stored);
            xchacha20poly1305_decrypt(&mut plaintext, stored, &stored_tag, None, &[1; 24], &KEY)
                .expect("the key fits");
        },
    )
}

pub(crate) fn secretbox(bare: &Bare<'_>) -> f64 {
    let mut ciphertext = vec![0; bare.args.len() + TAG_LEN];
    let mut plaintext = vec![0; bare.args.len()];
    crypto_secretbox_easy(&mut ciphertext, bare.args, &[1; 24], &KEY)
        .expect("the args are not too long");
    let stored = ciphertext.clone();
    bare.measure(
        |nonce: &[u8; 24]| {
            crypto_secretbox_easy(&mut ciphertext, black_box(bare.args), nonce, &KEY)
                .expect("the args are not too long");
        },
        || {
            crypto_secretbox_open_easy(&mut plaintext, black_box(&stored), &[1; 24], &KEY)
                .expect("the key fits");
        },
    )
}

pub(crate) fn aes256gcm(bare: &Bare<'_>) -> f64 {
    aws_lc(&aead::AES_256_GCM, bare)
}

pub(crate) fn aes256gcmsiv(bare: &Bare<'_>) -> f64 {
    aws_lc(&aead::AES_256_GCM_SIV, bare)
}

pub(crate) fn chacha20poly1305(bare: &Bare<'_>) -> f64 {
    aws_lc(&aead::CHACHA20_POLY1305, bare)
}

fn aws_lc(algorithm: &'static Algorithm, bare: &Bare<'_>) -> f64 {
    let key = UnboundKey::new(algorithm, &KEY).expect("a key has 32 bytes");
    let key = LessSafeKey::new(key);
    let seal = |nonce: &[u8; 12], ciphertext: &mut [u8], tag: &mut [u8]| {
        let (nonce, args) = (Nonce::assume_unique_for_key(*nonce), black_box(bare.args));
        key.seal_out_of_place_scatter(nonce, Aad::empty(), args, ciphertext, &[], tag)
            .expect("the args are not too long");
    };
    let mut ciphertext = vec![0; bare.args.len()];
    let mut plaintext = vec![0; bare.args.len()];
    let mut tag = [0; TAG_LEN];
    seal(&[1; 12], &mut ciphertext, &mut tag);
    let (stored, stored_tag) = (ciphertext.clone(), tag);
    bare.measure(
        |nonce| seal(nonce, &mut ciphertext, &mut tag),
        || {
            let (nonce, stored) = (Nonce::assume_unique_for_key([1; 12]), black_box(&stored));
            key.open_separate_gather(nonce, Aad::empty(), stored, &stored_tag, &mut plaintext)
                .expect("the key fits");
        },
    )
}

/// AES-128-CBC and HMAC-SHA256 with prepared keys, over as many bytes as a token has.
pub(crate) fn fernet(bare: &Bare<'_>) -> f64 {
    let aes = Aes128::new(KEY[16..].try_into().expect("half a key has 16 bytes"));
    let hmac = Hmac::<Sha256>::new_from_slice(&KEY[..16]).expect("HMAC takes keys of any length");
    let seal = |iv: &[u8; 16], ciphertext: &mut [u8]| {
        cbc::Encryptor::inner_iv_init(aes.clone(), iv.into())
            .encrypt_padded_b2b::<Pkcs7>(black_box(bare.args), ciphertext)
            .expect("there is room for the padding");
        let header = hmac.clone().chain_update([0; 9]).chain_update(iv);
        header.chain_update(ciphertext).finalize().into_bytes()
    };
    let mut ciphertext = vec![0; (bare.args.len() / 16 + 1) * 16];
    let mut plaintext = vec![0; ciphertext.len()];
    let tag = seal(&[1; 16], &mut ciphertext);
    let stored = ciphertext.clone();
    bare.measure(
        |iv| {
            black_box(seal(iv, &mut ciphertext));
        },
        || {
            let stored = black_box(&stored);
            let header = hmac.clone().chain_update([0; 9]).chain_update([1; 16]);
            header
                .chain_update(stored)
                .verify(&tag)
                .expect("the key fits");
            cbc::Decryptor::inner_iv_init(aes.clone(), &[1; 16].into())
                .decrypt_padded_b2b::<Pkcs7>(stored, &mut plaintext)
                .expect("the padding is whole");
        },
    )
}
