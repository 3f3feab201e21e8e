//! The keys of an issuer, as a JWKS has them (RFC 7517), and what is signed with one.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Denied;
use super::form::Header;

/// Keys that a JWKS may have. One with more is not taken.
const KEYS_MAX: usize = 100;

/// Bytes of the modulus of an RSA key: 2,048 to 8,192 bits. Others are left out.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Bytes of a coordinate of P-256, and of a key of Ed25519.
const POINT_BYTES: usize = 32;

/// How a token may be signed. There is no other way: none that needs a secret which is known here,
/// and not without a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

/// Why a document is no JWKS that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoKeys {
    #[error("it is no JWKS: an object with a list `keys`")]
    Form,
    #[error("it has more than {KEYS_MAX} keys")]
    TooMany,
    #[error("none of its keys is one to verify RS256, ES256 or EdDSA with")]
    None,
}

/// The keys of an issuer that can be used here.
#[derive(Debug, Clone)]
pub(super) struct Jwks(Vec<Arc<PublicKey>>);

/// One of them.
#[derive(Debug)]
pub(super) struct PublicKey {
    name: Option<String>,
    material: Material,
    fingerprint: [u8; 32],
}

/// What kind of key it is says what it is for.
#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Jwks {
    /// Reads a JWKS. Keys that are for something else are left out, as the RFC wants it.
    pub(super) fn read(document: &[u8]) -> Result<Jwks, NoKeys> {
        let document: Value = serde_json::from_slice(document).map_err(|_| NoKeys::Form)?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or(NoKeys::Form)?;
        if keys.len() > KEYS_MAX {
            return Err(NoKeys::TooMany);
        }
        let usable = keys.iter().filter_map(Value::as_object).filter_map(PublicKey::read);
        let usable: Vec<_> = usable.map(Arc::new).collect();
        match usable.is_empty() {
            true => Err(NoKeys::None),
            false => Ok(Jwks(usable)),
        }
    }

    /// The key that a token means: the one that it names, or the only one that fits. `None` when
    /// none is called so.
    pub(super) fn find(&self, header: &Header) -> Option<Result<Arc<PublicKey>, Denied>> {
        let fits = |it: &&Arc<PublicKey>| it.material.algorithm() == header.algorithm;
        let Some(name) = &header.key else {
            let mut fitting = self.0.iter().filter(fits);
            return match (fitting.next(), fitting.next()) {
                (None, _) => None,
                (Some(key), None) => Some(Ok(key.clone())),
                (Some(_), Some(_)) => Some(Err(Denied::Key)),
            };
        };
        // Keys of two kinds may have one name.
        let called: Vec<_> = self.0.iter().filter(|it| it.name.as_ref() == Some(name)).collect();
        if called.is_empty() {
            return None;
        }
        let fitting = called.into_iter().find(fits);
        Some(fitting.cloned().ok_or(Denied::Algorithm))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a key is among them.
    pub(super) fn has(&self, fingerprint: [u8; 32]) -> bool {
        self.0.iter().any(|it| it.fingerprint == fingerprint)
    }
}

impl PublicKey {
    fn read(jwk: &Map<String, Value>) -> Option<PublicKey> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| BASE64URL_NOPAD.decode(text(name)?.as_bytes()).ok();
        let point = |name: &str| bytes(name).filter(|it| it.len() == POINT_BYTES);
        // Whoever can read the private part can sign with it.
        let verifies = match jwk.get("key_ops") {
            Some(Value::Array(all)) => all.iter().any(|it| it == "verify"),
            Some(_) => false,
            None => true,
        };
        let for_signatures = jwk.get("use").is_none_or(|it| it == "sig");
        if jwk.contains_key("d") || !verifies || !for_signatures {
            return None;
        }
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa { n: modulus(&bytes("n")?)?, e: bytes("e")? },
            ("EC", Some("P-256")) => Material::P256([vec![4], point("x")?, point("y")?].concat()),
            ("OKP", Some("Ed25519")) => Material::Ed25519(point("x")?),
            _ => return None,
        };
        // One that is marked for another algorithm is not for ours.
        let marked = jwk.get("alg").map(|it| it.as_str().and_then(Algorithm::parse));
        if marked.is_some_and(|it| it != Some(material.algorithm())) {
            return None;
        }
        let fingerprint = material.fingerprint();
        Some(PublicKey { name: text("kid").map(str::to_owned), material, fingerprint })
    }

    /// SHA-256 over it.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Whether it has signed these bytes.
    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), Denied> {
        let verified = match &self.material {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                signed,
                signature,
            ),
            Material::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(signed, signature)
            }
            Material::Ed25519(point) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(signed, signature)
            }
        };
        verified.map_err(|_| Denied::Signature)
    }
}

impl Material {
    fn algorithm(&self) -> Algorithm {
        match self {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The kinds differ in their lengths, or in their first byte.
    fn fingerprint(&self) -> [u8; 32] {
        match self {
            Material::Rsa { n, e } => Sha256::new().chain_update(n).chain_update(e).finalize(),
            Material::P256(point) | Material::Ed25519(point) => Sha256::digest(point),
        }
        .into()
    }
}

/// The modulus of a key that is neither too weak nor so long that it costs too much; without the
/// zeros before it that some write.
fn modulus(n: &[u8]) -> Option<Vec<u8>> {
    let zeros = n.iter().take_while(|it| **it == 0).count();
    n.get(zeros..).filter(|it| RSA_BYTES.contains(&it.len())).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests;
