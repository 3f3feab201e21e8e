//! How the dialect says that a call was not done.

use std::collections::BTreeMap;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::auth::AuthError;
use crate::facades::body::of_the_call;
use crate::http::problem::Problem;

/// Seconds after which trying again makes sense, where the ledger is not ready.
const RETRY_SECONDS: u64 = 1;

/// Which member of a body means which part of a command.
const FIELDS: [(&str, &str); 16] = [
    ("quantity", "count"),
    ("starts_at", "started"),
    ("ends_at", "expired"),
    ("name", "name"),
    ("external_id", "external_id"),
    ("source", "source"),
    ("metadata", "metadata"),
    ("type", "change_type"),
    ("transaction_id", "transaction_id"),
    ("redirect_to", "redirect_to"),
    ("email", "email"),
    ("active", "active"),
    ("fulfilled", "fulfilled"),
    ("product", "course_id"),
    ("license", "license_id"),
    ("group", "group_id"),
];

/// Why a call was not done: `{"detail", "code"}`, and for what is wrong with what was sent a list of
/// sentences a member.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    status: u16,
    code: String,
    detail: String,
    fields: BTreeMap<String, Vec<String>>,
    retry_after: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: u16, code: &str, detail: impl Into<String>) -> Failure {
        Failure {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            fields: BTreeMap::new(),
            retry_after: None,
        }
    }

    /// Something that was sent is not usable.
    pub(super) fn invalid(fields: BTreeMap<String, Vec<String>>) -> Failure {
        let first = fields.iter().next();
        let detail = first.map(|(name, said)| format!("{name}: {}", said.join(" ")));
        let mut failure = Failure::new(400, "invalid", detail.unwrap_or_default());
        failure.fields = fields;
        failure
    }

    /// One member, or one parameter, is not usable.
    pub(super) fn of_field(name: &str, said: impl Into<String>) -> Failure {
        Failure::invalid(BTreeMap::from([(name.to_owned(), vec![said.into()])]))
    }

    /// Something that a call names is not there.
    pub(super) fn not_found(code: &str, field: &str, detail: impl Into<String>) -> Failure {
        let detail = detail.into();
        let mut failure = Failure::new(404, code, detail.clone());
        failure.fields.insert(field.to_owned(), vec![detail]);
        failure
    }

    /// The same for a call that is documented without 404.
    #[must_use]
    pub(super) fn never_404(mut self) -> Failure {
        if self.status == 404 {
            self.status = 400;
        }
        self
    }

    /// It was asked too often.
    pub(super) fn too_many(seconds: u64) -> Failure {
        AuthError::TooMany { retry_after: seconds }.into()
    }

    /// Its status.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// Its code.
    pub(super) fn code(&self) -> &str {
        &self.code
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Failure {
        let said = error.to_string();
        match error {
            AuthError::Missing => Failure::new(401, "not_authenticated", said),
            AuthError::NotAccepted => Failure::new(401, "authentication_failed", said),
            AuthError::Contradiction => Failure::new(400, "invalid", said),
            AuthError::RoleNotSufficient | AuthError::FacadeNotAllowed | AuthError::HomeMissing => {
                Failure::new(403, "permission_denied", said)
            }
            // Documented for no list: whoever may not see a platform may not see whether it is there.
            AuthError::AccountNotFound(_) => {
                Failure::new(403, "permission_denied", "the key does not reach this platform")
            }
            AuthError::TooMany { retry_after } => {
                let failure = Failure::new(429, "throttled", said);
                Failure { retry_after: Some(retry_after), ..failure }
            }
            AuthError::Starting | AuthError::Unavailable => {
                let failure = Failure::new(500, "unavailable", said);
                Failure { retry_after: Some(RETRY_SECONDS), ..failure }
            }
        }
    }
}

/// Our problems in the words and the statuses of the vendor: it documents 400, 401, 403, 404 and 500.
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        let problem = of_the_call(problem);
        let status = match problem.status {
            status @ (401 | 403 | 404 | 429) => status,
            500.. => 500,
            _ => 400,
        };
        let code = match problem.code.as_str() {
            "no_free_seat" | "quota_exceeded" => "no_seats_available",
            "invalid_parameter" => "invalid",
            other => other,
        };
        let detail = problem.detail.as_str();
        let mut failure = Failure::new(status, code, detail);
        let text = |name: &str| problem.extra.get(name).and_then(Value::as_str);
        failure.retry_after = problem.extra.get("retry_after").and_then(Value::as_u64);
        if status == 400
            && let Some(field) = text("parameter").or_else(|| field(&problem.code, text("pointer")))
        {
            let named = format!("{field}: ");
            let said = detail.strip_prefix(&named).unwrap_or(detail);
            failure.fields.insert(field.to_owned(), vec![said.to_owned()]);
        }
        failure
    }
}

/// Which member of the body is meant.
fn field(code: &str, pointer: Option<&str>) -> Option<&'static str> {
    match code {
        "no_free_seat" | "quota_exceeded" | "license_suspended" | "license_ended"
        | "license_retired" => Some("license_id"),
        "quantity_below_use" | "no_free_quantity" => Some("count"),
        "external_id_taken" => Some("external_id"),
        "window_empty" => Some("expired"),
        _ => {
            let named = |name: &str| FIELDS.iter().find(|it| it.0 == name).map(|it| it.1);
            pointer?.rsplit('/').find_map(named)
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("detail".to_owned(), self.detail.into());
        body.insert("code".to_owned(), self.code.into());
        for (name, said) in self.fields {
            // A parameter may be called as it likes; these two have their meaning.
            body.entry(name).or_insert_with(|| said.into());
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = [("content-type", "application/json")];
        let mut response = (status, json, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Api-Key"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
