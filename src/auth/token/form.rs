//! What a token looks like: three parts in base64url (RFC 7515, compact), the first a header.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::Denied;
use super::jwks::Algorithm;

/// Bytes of a token; a request's head has room for twice that.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What a token may say that it is (`typ`), in lower case. Others are for other purposes, such as to
/// tell of a logout.
const TYPES: [&str; 4] = ["jwt", "application/jwt", "at+jwt", "application/at+jwt"];

/// A token in its parts. Nothing of it is known to be true.
pub(super) struct Form<'a> {
    pub(super) header: Header,
    /// What stands in the second part, decoded.
    pub(super) claims: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// What is signed.
    pub(super) signed: &'a [u8],
}

/// What is taken from a header. Whatever else stands there is not followed: a key, or where one is
/// said to be, least of all.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    /// What the key is called.
    pub(super) key: Option<String>,
}

impl Form<'_> {
    pub(super) fn read(text: &str) -> Result<Form<'_>, Denied> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Denied::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Denied::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(Denied::Form)?;
        let header = Header::read(&object(&decoded(header)?)?)?;
        let (claims, signature) = (decoded(claims)?, decoded(signature)?);
        Ok(Form { header, claims, signature, signed: signed.as_bytes() })
    }
}

impl Header {
    fn read(header: &Map<String, Value>) -> Result<Header, Denied> {
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(it)) => Ok(Some(it.as_str())),
            Some(_) => Err(Denied::Header),
        };
        // Whatever must be understood is not: nothing of the kind is known here.
        if header.contains_key("crit") {
            return Err(Denied::Header);
        }
        if text("typ")?.is_some_and(|it| !TYPES.contains(&it.to_ascii_lowercase().as_str())) {
            return Err(Denied::Header);
        }
        let algorithm = text("alg")?.and_then(Algorithm::parse).ok_or(Denied::Algorithm)?;
        Ok(Header { algorithm, key: text("kid")?.map(str::to_owned) })
    }
}

/// Base64url without padding, which has one spelling for some bytes and no other. A dot is none of
/// its letters.
fn decoded(part: &str) -> Result<Vec<u8>, Denied> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Denied::Form)
}

/// A JSON object in which nothing stands twice, at any depth.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Denied> {
    let text = std::str::from_utf8(bytes).map_err(|_| Denied::Form)?;
    events::check_json(text).map_err(|_| Denied::Form)?;
    serde_json::from_str(text).map_err(|_| Denied::Form)
}
