//! A chain of MACs over the lines of one log: what was changed, taken out, put in or moved shows.

use std::{fmt::Write as _, io};

use hmac::{Hmac, KeyInit, Mac};
use jobcrypt_core::SecretKey;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The state of a chain between two lines.
///
/// Each line has a key of its own, made of the key before it, which is then wiped: whoever gets hold of the process
/// can write lines from now on, and change none that stands already.
#[derive(Clone)]
pub(crate) struct Links {
    id: String,
    next: u64,
    key: Zeroizing<[u8; 32]>,
    is_keyed: bool,
}

/// How a MAC under a secret key is named in a line, and one that anybody can make.
const KEYED: &str = "mac";
const UNKEYED: &str = "sum";

impl Links {
    /// Begins a chain with an id of its own.
    pub(crate) fn begin(master: Option<&SecretKey>) -> io::Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)
            .map_err(|_| io::Error::other("the system gave no random bytes"))?;
        let id = base64_simd::URL_SAFE_NO_PAD.encode_to_string(id);
        Ok(Self::of(id, master))
    }

    /// Returns the beginning of the chain of this id, to follow it.
    pub(crate) fn of(id: String, master: Option<&SecretKey>) -> Self {
        // Without a key the chain is one that anybody can make: it shows accidents only.
        let master_bytes = master.map_or(&[0; 32], SecretKey::expose);
        Self {
            key: mac(master_bytes, &["jobcrypt/audit/chain/v1", &id]),
            id,
            next: 0,
            is_keyed: master.is_some(),
        }
    }

    /// Returns the number of the next line.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Ends a line that was begun, and returns its MAC.
    pub(crate) fn close(&mut self, line: &mut String) -> String {
        let field = field(self.is_keyed);
        // Writing to a `String` cannot fail.
        let _ = write!(line, r#","chain":"{}","seq":{}"#, self.id, self.next);
        let mac = self.pass(line);
        let _ = write!(line, r#","{field}":"{mac}"}}"#);
        mac
    }

    /// Returns the MAC of the next line, given all that stands before it, and goes on.
    pub(crate) fn pass(&mut self, line: &str) -> String {
        let mac = mac(&self.key, &["line", line]);
        self.skip();
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(*mac)
    }

    /// Goes on to the line after the next.
    pub(crate) fn skip(&mut self) {
        self.key = mac(&self.key, &["next"]);
        self.next += 1;
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// Takes a line apart: what its MAC covers, and the MAC.
pub(crate) fn split(line: &str, is_keyed: bool) -> Option<(&str, &str)> {
    let (covered, rest) = line.rsplit_once(&format!(r#","{}":""#, field(is_keyed)))?;
    let mac = rest.strip_suffix("\"}")?;
    Some((covered, mac))
}

const fn field(is_keyed: bool) -> &'static str {
    if is_keyed { KEYED } else { UNKEYED }
}

/// HMAC-SHA256 over parts, each behind its length, so that no two lists of parts are the same bytes.
fn mac(key: &[u8; 32], parts: &[&str]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}
