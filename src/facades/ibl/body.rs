//! Bodies in the media types that the vendor documents.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

use super::failure::Failure;
use super::given::Reader;
use super::members::Members;

/// Members of a form. More are not read.
const FIELDS_MAX: usize = 100;

/// Reads a body as its media type says; JSON where it says nothing, or anything.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Reader, Failure> {
    let given = headers.get(CONTENT_TYPE).map(|it| it.to_str().unwrap_or_default());
    let given = given.unwrap_or("*/*");
    let (kind, parameters) = given.split_once(';').unwrap_or((given, ""));
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/json" | "application/scim+json" | "*/*" | "" => json(body),
        "application/x-www-form-urlencoded" => Ok(form(body)),
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
        [] => Ok(Reader::default()),
        [b'{', ..] => {
            let members: Members =
                serde_json::from_slice(body).map_err(|it| wrong(format!("JSON: {it}")))?;
            Ok(Reader::of_members(members))
        }
        _ => Err(wrong("the body must be a JSON object".to_owned())),
    }
}

fn form(body: &[u8]) -> Reader {
    let pairs = form_urlencoded::parse(body).take(FIELDS_MAX);
    Reader::of_pairs(pairs.map(|(name, text)| (name.into_owned(), text.into_owned())))
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
    for part in parts.take(FIELDS_MAX) {
        if part.starts_with("--") {
            return Ok(Reader::of_pairs(pairs));
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
            ("application/json", "[]"),
            ("application/json", "{"),
            ("application/json", "5"),
            ("text/plain", "{}"),
            ("multipart/form-data", "--x--"),
            ("multipart/form-data; boundary=x", "--x\r\nfoo"),
            ("multipart/form-data; boundary=x", "--x\r\nA: b\r\n\r\nfoo\r\n--x--"),
            ("multipart/form-data; boundary=x", "nothing"),
        ] {
            assert!(told(kind, body).is_err(), "{kind}: {body}");
        }
        assert_eq!(told("application/json", " "), Ok(vec![]));
    }
}
