//! The one document that says what went wrong: RFC 9457 over HTTP, the same bytes in a NATS reply.

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The media type of a [`Problem`] over HTTP.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Characters of a request's path that an answer repeats; the rest becomes `…`.
const PATH_SHOWN: usize = 200;

/// The extension member that becomes the `Retry-After` header.
const RETRY_AFTER_MEMBER: &str = "retry_after";

/// Members that stand for a field; an extension member of that name is left out.
const RESERVED: [&str; 7] = ["type", "title", "status", "code", "detail", "hint", "request_id"];

/// Why a request or a command was not done.
///
/// Serialising needs no HTTP: [`Problem::to_json`] is also the body of a NATS error reply. As an
/// HTTP response it takes `status` for its status and `retry_after` for its `Retry-After` header; a
/// missing `request_id` is filled in by the server around the router, so handlers need not know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Stable and machine-readable; `type` is `/problems/<code>`.
    pub code: String,
    /// The HTTP status, which NATS replies carry too.
    pub status: u16,
    /// The same words for every problem of this code.
    pub title: String,
    /// What happened this time, with the numbers that matter.
    pub detail: String,
    /// What the caller can do about it.
    pub hint: Option<String>,
    pub request_id: Option<String>,
    /// Extension members (`outcome`, `command`, `pointer`), written after the others.
    pub extra: Map<String, Value>,
}

impl Problem {
    pub fn new(
        status: u16,
        code: impl Into<String>,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            status,
            title: title.into(),
            detail: detail.into(),
            hint: None,
            request_id: None,
            extra: Map::new(),
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Adds an extension member; a name that stands for a field has no effect on the document.
    #[must_use]
    pub fn with(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(member.into(), value.into());
        self
    }

    /// Whether it is about a document that is no command, so that nothing was judged.
    pub fn is_malformed(&self) -> bool {
        self.extra.get("outcome").is_some_and(|it| it == "malformed")
    }

    /// Says when trying again makes sense: a member of the document, and the header over HTTP.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with(RETRY_AFTER_MEMBER, seconds)
    }

    /// The document as bytes.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and `Value`s with string keys: nothing here can fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("type", &format_args!("/problems/{}", self.code))?;
        members.serialize_entry("title", &self.title)?;
        members.serialize_entry("status", &self.status)?;
        members.serialize_entry("code", &self.code)?;
        members.serialize_entry("detail", &self.detail)?;
        if let Some(hint) = &self.hint {
            members.serialize_entry("hint", hint)?;
        }
        if let Some(id) = &self.request_id {
            members.serialize_entry("request_id", id)?;
        }
        for (member, value) in &self.extra {
            if !RESERVED.contains(&member.as_str()) {
                members.serialize_entry(member, value)?;
            }
        }
        members.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.extra.get(RETRY_AFTER_MEMBER).and_then(Value::as_u64) {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.request_id.is_none() {
            // The server knows the id and writes the document again with it.
            response.extensions_mut().insert(self);
        }
        response
    }
}

/// For `Router::fallback`: 404, nothing is served at this path.
pub async fn not_found(method: Method, uri: Uri) -> Problem {
    Problem::new(
        404,
        "not_found",
        "Not found",
        format!("nothing is served at {method} {}", shown(uri.path())),
    )
    .hint("GET /openapi.json lists every path")
}

/// For `Router::method_not_allowed_fallback`: 405, the path is served, but not with this method.
/// The router adds the `Allow` header.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        405,
        "method_not_allowed",
        "Method not allowed",
        format!("{} is not served with {method}", shown(uri.path())),
    )
    .hint(format!("the {ALLOW} header lists the methods of this path"))
}

/// A request's path as answers repeat it.
pub(crate) fn shown(path: &str) -> String {
    let mut shown: String = path.chars().take(PATH_SHOWN).collect();
    if shown.len() < path.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
