//! What a key looks like: `slk_<its public id>_<its secret>_<a checksum>`, all of it hex.
//!
//! The checksum tells a typo from a key that is not known, and lets those who look for leaked keys
//! find one. What is kept of the secret is its SHA-256: it has 256 random bits, so a slow hash would
//! add nothing but work.

use std::fmt;

use events::KeyId;
use events::key::SecretHash;
use events::wire::{hex, unhex};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// What every key begins with.
pub const PREFIX: &str = "slk_";

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// A whole key, its secret included. Not written anywhere by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: KeyId,
    secret: [u8; SECRET_BYTES],
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// It does not look like one.
    #[error("it does not look like slk_<16 hex digits>_<64 hex digits>_<8 hex digits>")]
    Form,
    /// It looks like one and was mistyped.
    #[error("its checksum is wrong: it was mistyped or cut")]
    Checksum,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_…", self.id)
    }
}

impl Key {
    /// A new one, from random bytes of the system.
    pub fn make() -> Result<Key, getrandom::Error> {
        let (mut id, mut secret) = ([0; 8], [0; SECRET_BYTES]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut secret)?;
        Ok(Key { id: KeyId(id), secret })
    }

    /// Reads a key.
    pub fn parse(text: &str) -> Result<Key, NoKey> {
        let (body, checksum) = text.rsplit_once('_').ok_or(NoKey::Form)?;
        let rest = body.strip_prefix(PREFIX).ok_or(NoKey::Form)?;
        let (id, digits) = rest.split_once('_').ok_or(NoKey::Form)?;
        let id = KeyId::parse(id).ok_or(NoKey::Form)?;
        let (mut secret, mut sum) = ([0; SECRET_BYTES], [0; 4]);
        unhex(digits, &mut secret).ok_or(NoKey::Form)?;
        unhex(checksum, &mut sum).ok_or(NoKey::Form)?;
        match crc32fast::hash(body.as_bytes()) == u32::from_be_bytes(sum) {
            true => Ok(Key { id, secret }),
            false => Err(NoKey::Checksum),
        }
    }

    /// What it is called in public.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What is kept of its secret.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.secret).into())
    }

    /// The whole of it, secret included: to be shown once, to whoever has made it.
    pub fn reveal(&self) -> String {
        let body = format!("{PREFIX}{}_{}", self.id, hex(&self.secret));
        let sum = crc32fast::hash(body.as_bytes());
        format!("{body}_{sum:08x}")
    }
}

/// Whether they are the same, in a time that does not tell where they differ, or whether
/// (`benches/key_compare.rs`).
pub fn same(one: &SecretHash, other: &SecretHash) -> bool {
    one.0.ct_eq(&other.0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let key = Key::make().unwrap();
        let text = key.reveal();
        assert_eq!(text.len(), 4 + 16 + 1 + 64 + 1 + 8);
        assert_eq!(Key::parse(&text), Ok(key.clone()));
        assert_ne!(Key::make().unwrap(), key);
        assert!(!format!("{key:?}").contains(&hex(&key.secret)));
    }

    #[test]
    fn what_is_kept_of_a_key_is_the_hash_of_its_bytes() {
        let text = format!("slk_00112233445566ff_{}", "00".repeat(32));
        let sum = crc32fast::hash(text.as_bytes());
        let key = Key::parse(&format!("{text}_{sum:08x}")).unwrap();
        assert_eq!(key.id().to_string(), "00112233445566ff");
        // What `head -c 32 /dev/zero | sha256sum` says.
        let zeros = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
        assert_eq!(key.hash().to_string(), zeros);
    }

    #[test]
    fn a_typo_is_told_from_what_is_no_key() {
        let text = Key::make().unwrap().reveal();
        for place in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[place] = if wrong[place] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            let why = Key::parse(&wrong).unwrap_err();
            let in_its_form = |it: u8| it != b'_' && place > 3;
            match in_its_form(text.as_bytes()[place]) {
                true => assert_eq!(why, NoKey::Checksum, "{wrong}"),
                false => assert_eq!(why, NoKey::Form, "{wrong}"),
            }
        }
        for wrong in ["", "slk_", "slk", "slk___", &text[1..], &text[..90], &text.to_uppercase()] {
            assert_eq!(Key::parse(wrong), Err(NoKey::Form), "{wrong}");
        }
        assert_eq!(Key::parse(&format!("{text}0")), Err(NoKey::Form));
    }
}
