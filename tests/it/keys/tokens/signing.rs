//! Who signs, and what a signed token looks like.

use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, RSA_PKCS1_SHA256};
use ring::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use serde_json::{Value, json};

/// The key that RFC 7515 has printed in A.2, for everybody to try with: n, e, d, p, q, and what
/// speeds it up.
const PUBLISHED: [&str; 8] = [
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "AQAB",
    "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
    "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
    "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
    "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
    "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
    "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
];

/// Somebody who signs.
pub enum Signer {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// The one that was published: there is no other here, since none can be made.
    pub fn rsa() -> Signer {
        let [n, e, d, p, q, dp, dq, qi] =
            PUBLISHED.map(|it| BASE64URL_NOPAD.decode(it.as_bytes()).unwrap());
        let public_key = PublicKeyComponents { n, e };
        let parts = KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qi };
        Signer::Rsa(Box::new(RsaKeyPair::from_components(&parts).unwrap()))
    }

    /// A new one.
    pub fn p256() -> Signer {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Signer::P256(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap())
    }

    /// A new one.
    pub fn ed25519() -> Signer {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Signer::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Signer::Rsa(_) => "RS256",
            Signer::P256(_) => "ES256",
            Signer::Ed25519(_) => "EdDSA",
        }
    }

    /// Its public part.
    pub fn jwk(&self, name: &str) -> Value {
        let b64 = |it: &[u8]| BASE64URL_NOPAD.encode(it);
        match self {
            Signer::Rsa(_) => {
                json!({"kty": "RSA", "kid": name, "use": "sig", "n": PUBLISHED[0], "e": PUBLISHED[1]})
            }
            Signer::P256(it) => {
                let point = it.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": name, "alg": "ES256",
                    "x": b64(&point[1..33]), "y": b64(&point[33..])})
            }
            Signer::Ed25519(it) => {
                let x = b64(it.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": x})
            }
        }
    }

    /// The public part of the RSA key, as DER has it: an RSAPublicKey in a SubjectPublicKeyInfo.
    pub fn spki(&self) -> Vec<u8> {
        let Signer::Rsa(it) = self else { panic!("it has another form") };
        let mut der = data_encoding::HEXLOWER
            .decode(b"30820122300d06092a864886f70d01010105000382010f00")
            .unwrap();
        der.extend_from_slice(it.public().as_ref());
        der
    }

    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Signer::Rsa(it) => {
                let mut signature = vec![0; it.public().modulus_len()];
                it.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).unwrap();
                signature
            }
            Signer::P256(it) => it.sign(&random, bytes).unwrap().as_ref().to_vec(),
            Signer::Ed25519(it) => it.sign(bytes).as_ref().to_vec(),
        }
    }
}

/// A part of a token.
pub fn part(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

/// A token as it should be.
pub fn token(header: &Value, claims: &Value, by: &Signer) -> String {
    written(header.to_string(), claims.to_string(), by)
}

/// One with any header and claims at all.
pub fn written(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>, by: &Signer) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    format!("{signed}.{}", part(by.sign(signed.as_bytes())))
}

/// One that is signed with a secret, as HS256 and its kin have it.
pub fn with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", part(ring::hmac::sign(&secret, signed.as_bytes())))
}
