//! May this holder use this product?

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use events::Email;
use projections::checks::{self, Question, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, AsOfParams, Params, Segments};
use crate::auth::Access;
use crate::intake::EMPTY;

/// Checks in one request.
const CHECKS_MAX: usize = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CheckParams {
    /// Who, by user id
    user: Option<String>,
    /// Who, by e-mail address
    email: Option<String>,
    /// May they use this product
    product: Option<String>,
    /// May they use this license; any of the account when neither is given
    license: Option<String>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// A check: may this holder use this product, or this license?
#[utoipa::path(
    get, path = "/v1/accounts/{account}/checks",
    tag = "read", operation_id = "check",
    params(("account" = String, Path, description = "In which account"), CheckParams),
    responses(
        (status = 200, description = "The verdict, allowed or not", body = Verdict),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<CheckParams>,
) -> Result<Response, Problem> {
    let account = native::account(&caller, &account, Access::Read)?;
    let email = params.email.as_deref().map(query::email).transpose()?;
    if params.user.as_deref() == Some("") {
        return Err(query::invalid("user", "it is empty"));
    }
    let view = &app.views.checks;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let question = Question {
        user: params.user.as_deref(),
        email: email.as_ref().map(Email::as_str),
        product: params.product.as_deref(),
        license: params.license.as_deref(),
    };
    let verdict = query::ask(view, |db| {
        checks::check(db, account.as_str(), &question, as_of.sequence, as_of.moment)
    })?;
    query::answer(as_of, verdict.sequence, &verdict)
}

/// Many checks, all as of the same sequence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ManyChecks {
    /// 1 to 1,000
    #[schema(min_items = 1, max_items = 1000)]
    checks: Vec<AskedCheck>,
}

/// One of many checks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedCheck {
    /// Who, by user id
    user: Option<String>,
    /// Who, by e-mail address
    email: Option<String>,
    /// May they use this product
    product: Option<String>,
    /// May they use this license
    license: Option<String>,
}

/// The verdicts, in the order of the checks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Verdicts {
    /// One for each check
    items: Vec<Verdict>,
    /// The sequence as of which they hold
    sequence: u64,
}

/// Many checks in one request, all as of the same sequence
#[utoipa::path(
    post, path = "/v1/accounts/{account}/checks",
    tag = "read", operation_id = "check_many",
    params(("account" = String, Path, description = "In which account"), AsOfParams),
    request_body = ManyChecks,
    responses(
        (status = 200, description = "The verdicts, in order", body = Verdicts),
        (status = 400, description = "The document is not usable", body = super::ProblemDocument),
        (status = 413, description = "Too large", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn many(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<AsOfParams>,
    body: Bytes,
) -> Result<Response, Problem> {
    let account = native::account(&caller, &account, Access::Read)?;
    let asked: ManyChecks = serde_json::from_slice(&body).map_err(|it| {
        let detail = match body.trim_ascii().is_empty() {
            true => EMPTY.to_owned(),
            false => it.to_string(),
        };
        Problem::new(400, "malformed_json", "The document is not usable", detail)
            .hint(r#"{"checks":[{"user":"ada","product":"CREATIVE"}]}"#)
    })?;
    if !(1..=CHECKS_MAX).contains(&asked.checks.len()) {
        let reason =
            format!("it has {} checks, 1 to {CHECKS_MAX} are answered", asked.checks.len());
        return Err(query::invalid("checks", &reason));
    }
    let emails: Vec<Option<Email>> = asked
        .checks
        .iter()
        .map(|it| it.email.as_deref().map(query::email).transpose())
        .collect::<Result<_, _>>()?;
    let view = &app.views.checks;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let answered = query::ask_slowly(view, move |db| {
        let questions = asked.checks.iter().zip(&emails).map(|(it, email)| Question {
            user: it.user.as_deref(),
            email: email.as_ref().map(Email::as_str),
            product: it.product.as_deref(),
            license: it.license.as_deref(),
        });
        let questions: Vec<_> = questions.collect();
        checks::check_many(db, account.as_str(), &questions, as_of.sequence, as_of.moment)
    });
    let (items, sequence) = answered.await?;
    query::answer(as_of, sequence, &Verdicts { items, sequence })
}
