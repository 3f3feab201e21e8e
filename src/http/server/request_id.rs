//! A name for each request, the same in its answer, in problems and in the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Carries the id in both directions.
pub static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A longer id from a client is replaced.
const LONGEST: usize = 64;

/// In the extensions of every request: the client's id if it was `[A-Za-z0-9_-]{1,64}`, else one of
/// ours (a UUIDv7). The request's own header is not changed, so read this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Makes ids that no other request has, for requests that bring none.
///
/// A UUIDv7 from the system's random numbers costs a call into the kernel, as much as the rest of
/// this module's work on a request. These count on from one random start instead: an id is not a
/// secret.
#[derive(Debug)]
pub(super) struct RequestIds {
    /// The time in `start`, and the same moment on the clock that goes on from it.
    start_millis: u64,
    started: Instant,
    random: [u8; 2],
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        let start = Uuid::now_v7();
        let [t0, t1, t2, t3, t4, t5, r0, r1, rest @ ..] = start.into_bytes();
        Self {
            start_millis: u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]),
            started: Instant::now(),
            random: [r0, r1],
            next: AtomicU64::new(u64::from_be_bytes(rest)),
        }
    }

    /// The id of a request, as the header value for its answer too.
    pub(super) fn of(&self, headers: &HeaderMap) -> (RequestId, HeaderValue) {
        if let Some(value) = headers.get(&X_REQUEST_ID)
            && let Ok(text) = value.to_str()
            && is_safe(text)
        {
            return (RequestId(text.to_owned()), value.clone());
        }
        let mut buffer = Uuid::encode_buffer();
        let text = self.make().hyphenated().encode_lower(&mut buffer);
        // Hexadecimal digits and hyphens always are a header value.
        let value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unknown"));
        (RequestId(text.to_owned()), value)
    }

    pub(super) fn make(&self) -> Uuid {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(0);
        let mut random = [0; 10];
        random[..2].copy_from_slice(&self.random);
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        random[2..].copy_from_slice(&count.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(self.start_millis + elapsed, &random).into_uuid()
    }
}

fn is_safe(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(id: &[u8]) -> (String, HeaderValue) {
        let mut headers = HeaderMap::new();
        headers.insert(&X_REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
        let (RequestId(id), value) = RequestIds::new().of(&headers);
        (id, value)
    }

    #[test]
    fn a_sane_id_is_kept() {
        let longest = "x".repeat(LONGEST);
        for id in ["a", "0199-abc_DEF", &longest] {
            assert_eq!(given(id.as_bytes()), (id.to_owned(), HeaderValue::from_str(id).unwrap()));
        }
    }

    #[test]
    fn any_other_id_is_replaced() {
        let too_long = "x".repeat(LONGEST + 1);
        for id in ["", "a b", "a\"b", "a;b", "<x>", "é", &too_long] {
            let (id, value) = given(id.as_bytes());
            assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 7);
            assert_eq!(value, id);
        }
    }

    #[test]
    fn without_one_two_requests_differ() {
        let ids = RequestIds::new();
        assert_ne!(ids.of(&HeaderMap::new()).0, ids.of(&HeaderMap::new()).0);
    }

    #[test]
    fn made_ids_carry_the_time_they_were_made() {
        let ids = RequestIds::new();
        let millis = |id: Uuid| id.as_u128() >> 80;
        let before = millis(Uuid::now_v7());
        std::thread::sleep(std::time::Duration::from_millis(20));
        let made = millis(ids.make());
        let after = millis(Uuid::now_v7());
        assert!((before + 19..=after).contains(&made), "{made}, from {before} to {after}");
    }
}
