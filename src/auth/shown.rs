//! Where a request shows its key.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use super::AuthError;

/// The header in which the Aladia dialect shows its key.
const APIKEY: &str = "apikey";

/// What may stand before a key in `Authorization`, in any case.
const SCHEMES: [&str; 3] = ["bearer", "api-key", "api-token"];

/// The key that the headers show, garbled or not.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
    let authorization = headers.get_all(AUTHORIZATION).iter().map(|it| without_scheme(text(it)));
    let apikey = headers.get_all(APIKEY).iter().map(text);
    let mut shown = None;
    for key in authorization.chain(apikey) {
        match shown {
            Some(other) if other != key => return Err(AuthError::Contradiction),
            Some(_) | None => shown = Some(key),
        }
    }
    Ok(shown)
}

/// A value that is no text is a garbled key: an empty one.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default().trim()
}

fn without_scheme(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, key)) if SCHEMES.iter().any(|it| scheme.eq_ignore_ascii_case(it)) => {
            key.trim()
        }
        Some(_) | None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(headers: &[(&'static str, &'static str)]) -> Result<Option<String>, AuthError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        key(&map).map(|it| it.map(str::to_owned))
    }

    #[test]
    fn a_key_is_shown_in_any_of_the_usual_ways() {
        let key = Ok(Some("slk_1".to_owned()));
        for value in [
            "slk_1",
            "Bearer slk_1",
            "bearer  slk_1 ",
            "BEARER slk_1",
            "Api-Key slk_1",
            "API-TOKEN slk_1",
        ] {
            assert_eq!(shown(&[("authorization", value)]), key, "{value}");
        }
        assert_eq!(shown(&[("apikey", "slk_1")]), key);
        assert_eq!(shown(&[("apikey", "slk_1"), ("authorization", "Bearer slk_1")]), key);
        assert_eq!(shown(&[("accept", "slk_1")]), Ok(None));
    }

    #[test]
    fn two_keys_that_differ_are_a_contradiction() {
        let two = [("apikey", "slk_1"), ("authorization", "Bearer slk_2")];
        assert_eq!(shown(&two), Err(AuthError::Contradiction));
        let two = [("authorization", "slk_1"), ("authorization", "Bearer slk_2")];
        assert_eq!(shown(&two), Err(AuthError::Contradiction));
    }

    #[test]
    fn what_is_no_key_is_shown_as_it_is() {
        assert_eq!(shown(&[("authorization", "Basic eDp5")]), Ok(Some("Basic eDp5".to_owned())));
        assert_eq!(shown(&[("authorization", "")]), Ok(Some(String::new())));
        assert_eq!(shown(&[("authorization", "Bearer")]), Ok(Some("Bearer".to_owned())));
    }
}
