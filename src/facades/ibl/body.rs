//! Bodies in the media types that the vendor documents.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

use super::failure::Failure;
use super::members::Members;
use super::reader::Reader;
use crate::intake::EMPTY;

/// Fields of a form. One with more is not read.
const FIELDS_MAX: usize = 100;

/// Reads a body as its media type says; JSON where it says nothing, or anything.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Reader, Failure> {
    let given = headers.get(CONTENT_TYPE).map(|it| it.to_str().unwrap_or_default());
    let given = given.unwrap_or("*/*");
    let (kind, parameters) = given.split_once(';').unwrap_or((given, ""));
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/json" | "application/scim+json" | "*/*" | "" => json(body),
        "application/x-www-form-urlencoded" => form(body),
        "multipart/form-data" => multipart(parameters, body),
        other => {
            let shown: String = other.chars().take(80).collect();
            let detail = format!("bodies of {shown:?} are not read: send application/json");
            Err(Failure::new(400, "unsupported_media_type", detail))
        }
    }
}

fn json(body: &[u8]) -> Result<Reader, Failure> {
    let wrong = |said: String| Failure::new(400, "parse_error", said);
    match body.trim_ascii() {
        [] => Err(wrong(EMPTY.to_owned())),
        [b'{', ..] => {
            let members: Members =
                serde_json::from_slice(body).map_err(|it| wrong(format!("JSON: {it}")))?;
            Ok(Reader::of_members(members))
        }
        _ => Err(wrong("the body must be a JSON object".to_owned())),
    }
}

fn form(body: &[u8]) -> Result<Reader, Failure> {
    if !is_encoded(body) {
        let said = "form: a percent sign stands before no byte, or the bytes are no UTF-8";
        return Err(Failure::new(400, "parse_error", said));
    }
    let pairs = form_urlencoded::parse(body).take(FIELDS_MAX + 1);
    fields(pairs.map(|(name, text)| (name.into_owned(), text.into_owned())).collect())
}

/// Whether every percent sign stands before two digits, and all of it is UTF-8 then.
fn is_encoded(body: &[u8]) -> bool {
    let digit = |it: Option<&u8>| it.and_then(|it| char::from(*it).to_digit(16));
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return false;
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    std::str::from_utf8(&bytes).is_ok()
}

/// The fields of a form: some, not too many, and none of them twice.
fn fields(pairs: Vec<(String, String)>) -> Result<Reader, Failure> {
    let wrong = |said: String| Failure::new(400, "parse_error", said);
    let mut names: Vec<&str> = pairs.iter().map(|it| it.0.as_str()).collect();
    if names.is_empty() {
        return Err(wrong(EMPTY.to_owned()));
    }
    if names.len() > FIELDS_MAX {
        return Err(wrong(format!("a form has at most {FIELDS_MAX} fields")));
    }
    names.sort_unstable();
    match names.windows(2).find(|it| it[0] == it[1]) {
        Some(twice) => Err(wrong(format!("{:?} stands twice", twice[0]))),
        None => Ok(Reader::of_pairs(pairs)),
    }
}

/// The fields of RFC 7578; files among them are read as text.
fn multipart(parameters: &str, body: &[u8]) -> Result<Reader, Failure> {
    let wrong = |said: &str| Failure::new(400, "parse_error", format!("multipart: {said}"));
    let boundary = parameter(parameters, "boundary").filter(|it| !it.is_empty());
    let boundary = boundary.ok_or_else(|| wrong("the boundary is missing"))?;
    let body = std::str::from_utf8(body).map_err(|_| wrong("it is not UTF-8"))?;
    // Every boundary stands at the beginning of a line, the first one with no line before it.
    let body = ["\r\n", body].concat();
    let boundary = ["\r\n--", &boundary].concat();
    let mut parts = body.split(boundary.as_str());
    parts.next();
    let mut pairs = vec![];
    for part in parts.take(FIELDS_MAX + 2) {
        if part.starts_with("--") {
            return fields(pairs);
        }
        let (head, text) = part.split_once("\r\n\r\n").ok_or_else(|| wrong("a part is cut"))?;
        let is_disposition = |it: &&str| it.to_ascii_lowercase().starts_with("content-disposition");
        let line = head.lines().find(is_disposition).unwrap_or_default();
        let name = parameter(line, "name").ok_or_else(|| wrong("a part has no name"))?;
        pairs.push((name, text.to_owned()));
    }
    Err(wrong("it does not end"))
}

/// The value of a parameter of a header, with quotes or without.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').find_map(|it| {
        let (key, value) = it.trim().split_once('=')?;
        let is_it = key.trim().eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn told(kind: &str, body: &str) -> Result<Vec<(String, String)>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
        let reader = read(&headers, body.as_bytes())?;
        Ok(reader.texts().map(|(name, text)| (name.to_owned(), text)).collect())
    }

    #[test]
    fn a_body_says_the_same_in_every_media_type() {
        let wanted = Ok(vec![
            ("name".to_owned(), "Spring & Co".to_owned()),
            ("count".to_owned(), "5".to_owned()),
        ]);
        let json = r#"{"name": "Spring & Co", "count": 5}"#;
        for kind in ["application/json", "application/scim+json", "*/*", "application/json; a=b"] {
            assert_eq!(told(kind, json), wanted, "{kind}");
        }
        let form = "name=Spring+%26+Co&count=5";
        assert_eq!(told("application/x-www-form-urlencoded", form), wanted);
        let parts = "--xyz\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nSpring & Co\r\n\
                     --xyz\r\ncontent-disposition: form-data; name=count\r\n\
                     Content-Type: text/plain\r\n\r\n5\r\n--xyz--\r\n";
        assert_eq!(told("multipart/form-data; boundary=\"xyz\"", parts), wanted);
    }

    #[test]
    fn what_is_no_such_body_is_said_so() {
        for (kind, body) in [
            ("application/json", " "),
            ("application/json", "[]"),
            ("application/json", "{"),
            ("application/json", r#"{"a": 1, "a": 1}"#),
            ("application/x-www-form-urlencoded", ""),
            ("application/x-www-form-urlencoded", "a=%4"),
            ("application/x-www-form-urlencoded", "a=%fe"),
            ("application/x-www-form-urlencoded", "a=1&%61=1"),
            ("application/x-www-form-urlencoded", &"a&".repeat(FIELDS_MAX + 1)),
            ("application/json", "5"),
            ("text/plain", "{}"),
            ("multipart/form-data", "--x--"),
            ("multipart/form-data; boundary=x", "--x--"),
            ("multipart/form-data; boundary=x", "--x\r\nfoo"),
            ("multipart/form-data; boundary=x", "--x\r\nA: b\r\n\r\nfoo\r\n--x--"),
            ("multipart/form-data; boundary=x", "nothing"),
        ] {
            assert!(told(kind, body).is_err(), "{kind}: {body}");
        }
    }
}
