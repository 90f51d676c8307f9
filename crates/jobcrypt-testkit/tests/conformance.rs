//! The conformance functions find what is wrong with an encryptor.

use std::sync::Mutex;

use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{Batch, CipherName, Encryptor, Error, ErrorKind, KeyId, SecretKey};
use jobcrypt_testkit::conformance;

/// A sound cipher with one fault.
struct Faulty {
    inner: XChaCha20Poly1305,
    fault: Fault,
    written: Mutex<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    BindsTheStart,
    ClaimsToBind,
    LeavesSomethingBehind,
    NamesItselfAsOneOfOurs,
    ReplacesTheBuffer,
    RepeatsItself,
    RepeatsItselfInABatch,
    RepeatsItselfWhenItReplaces,
    ReplacesWithItself,
    SharesItsId,
    ShowsTheEnd,
    TakesAnyEnd,
}

impl Encryptor for Faulty {
    fn cipher(&self) -> CipherName {
        if self.fault == Fault::NamesItselfAsOneOfOurs {
            return CipherName::new("mine");
        }
        CipherName::new("x-faulty")
    }

    fn key_id(&self) -> KeyId {
        if self.fault == Fault::SharesItsId {
            return KeyId::from_bytes([1; 16]);
        }
        self.inner.key_id()
    }

    fn binds_associated_data(&self) -> bool {
        matches!(self.fault, Fault::BindsTheStart | Fault::ClaimsToBind)
    }

    fn encrypt(&self, bound: &[u8], plaintext: &[u8], body: &mut Vec<u8>) -> Result<(), Error> {
        match self.fault {
            Fault::BindsTheStart => return self.inner.encrypt(start(bound), plaintext, body),
            Fault::ReplacesTheBuffer => body.clear(),
            Fault::RepeatsItself => {
                body.extend_from_slice(plaintext);
                return Ok(());
            }
            Fault::ShowsTheEnd => {
                let (start, end) = plaintext.split_at(plaintext.len().saturating_sub(15));
                self.inner.encrypt(&[], start, body)?;
                body.extend_from_slice(end);
                body.push(u8::try_from(end.len()).expect("it is 15 at most"));
                return Ok(());
            }
            _ => {}
        }
        self.inner.encrypt(&[], plaintext, body)?;
        if self.fault == Fault::TakesAnyEnd {
            body.push(0);
        }
        Ok(())
    }

    fn batch(&self, _: usize) -> Result<Box<dyn Batch + '_>, Error> {
        match self.fault {
            Fault::RepeatsItselfInABatch => {
                let mut body = Vec::new();
                self.inner.encrypt(&[], b"the same args", &mut body)?;
                Ok(Box::new(Repeating(body)))
            }
            _ => Ok(Box::new(OneByOne(self))),
        }
    }

    fn re_encrypt(
        &self,
        replaced: &[u8],
        bound: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if self.fault == Fault::ReplacesWithItself {
            body.extend_from_slice(replaced);
            return Ok(());
        }
        if self.fault == Fault::RepeatsItselfWhenItReplaces {
            let mut written = self.written.lock().expect("nothing panics with it");
            if written.is_empty() {
                self.encrypt(bound, plaintext, &mut written)?;
            }
            body.extend_from_slice(&written);
            return Ok(());
        }
        self.encrypt(bound, plaintext, body)
    }

    fn decrypt(&self, bound: &[u8], body: &[u8], plaintext: &mut Vec<u8>) -> Result<(), Error> {
        let body = match self.fault {
            Fault::BindsTheStart => return self.inner.decrypt(start(bound), body, plaintext),
            Fault::RepeatsItself => {
                plaintext.extend_from_slice(body);
                return Ok(());
            }
            Fault::TakesAnyEnd => &body[..body.len().saturating_sub(1)],
            _ => body,
        };
        if self.fault == Fault::ShowsTheEnd {
            let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
            let (len, rest) = body.split_last().ok_or_else(refused)?;
            let start = rest
                .len()
                .checked_sub(usize::from(*len))
                .ok_or_else(refused)?;
            self.inner.decrypt(&[], &rest[..start], plaintext)?;
            plaintext.extend_from_slice(&rest[start..]);
            return Ok(());
        }
        self.inner.decrypt(&[], body, plaintext).inspect_err(|_| {
            if self.fault == Fault::LeavesSomethingBehind {
                plaintext.push(b'x');
            }
        })?;
        Ok(())
    }
}

/// As much as a key service may take.
fn start(bound: &[u8]) -> &[u8] {
    &bound[..bound.len().min(64)]
}

struct OneByOne<'a>(&'a Faulty);

impl Batch for OneByOne<'_> {
    fn encrypt(&mut self, bound: &[u8], plaintext: &[u8], body: &mut Vec<u8>) -> Result<(), Error> {
        self.0.encrypt(bound, plaintext, body)
    }
}

/// Writes what it wrote before.
struct Repeating(Vec<u8>);

impl Batch for Repeating {
    fn encrypt(&mut self, _: &[u8], _: &[u8], body: &mut Vec<u8>) -> Result<(), Error> {
        body.extend_from_slice(&self.0);
        Ok(())
    }
}

fn check(fault: Fault) {
    conformance::encryptor(|| Faulty {
        inner: XChaCha20Poly1305::new(SecretKey::generate().expect("there are random bytes")),
        fault,
        written: Mutex::default(),
    });
}

macro_rules! finds {
    ($($test:ident: $fault:ident, $says:literal;)*) => {$(
        #[test]
        #[should_panic(expected = $says)]
        fn $test() {
            check(Fault::$fault);
        }
    )*};
}

finds! {
    a_claim_to_bind_all: BindsTheStart, "claims to bind";
    a_claim_to_bind: ClaimsToBind, "claims to bind";
    a_remainder_of_a_failure: LeavesSomethingBehind, "left behind";
    a_name_that_is_not_its_own: NamesItselfAsOneOfOurs, "must begin with x-";
    a_buffer_that_is_not_appended_to: ReplacesTheBuffer, "must append to `body`";
    plaintext_that_is_not_encrypted: RepeatsItself, "as it is";
    a_batch_that_repeats_itself: RepeatsItselfInABatch, "written twice in batches";
    a_move_that_repeats_itself: RepeatsItselfWhenItReplaces, "wrote the same body twice";
    a_body_that_did_not_move: ReplacesWithItself, "`re_encrypt` writes what does not come back";
    two_keys_of_one_name: SharesItsId, "two keys must have two ids";
    an_end_that_is_not_encrypted: ShowsTheEnd, "as it is";
    an_end_that_is_not_checked: TakesAnyEnd, "must be refused";
}
