//! Policies: what is decided for an account and its licenses.

use axum::extract::State;
use axum::response::Response;
use projections::Page;
use projections::directory::{self, Decided};
use serde::Deserialize;
use utoipa::IntoParams;

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, PageParams, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;

/// What is decided: for the account first, then for its licenses by name
#[utoipa::path(
    get, path = "/v1/accounts/{account}/policies",
    tag = "read", operation_id = "list_policies",
    params(("account" = String, Path, description = "Of which account"), PageParams),
    responses(
        (status = 200, description = "A page of policies in force", body = Page<Decided>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.directory;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, name.clone());
    let asked = query::ask_slowly(view, move |db| {
        directory::policies(db, wanted.as_str(), params.cursor.as_deref(), limit, as_of.sequence)
    });
    let page = asked.await?;
    accounts::answer_page(&app, &name, as_of, &page).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryParams {
    /// Only for this license
    license: Option<String>,
    /// Where to go on: `next` of the page before
    cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    limit: Option<usize>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// Everything that was decided, in the order in which it was
#[utoipa::path(
    get, path = "/v1/accounts/{account}/policies/history",
    tag = "read", operation_id = "list_policy_history",
    params(("account" = String, Path, description = "Of which account"), HistoryParams),
    responses(
        (status = 200, description = "A page of policies, each as it was decided", body = Page<Decided>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn history(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<HistoryParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.directory;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, name.clone());
    let asked = query::ask_slowly(view, move |db| {
        let (license, cursor) = (params.license.as_deref(), params.cursor.as_deref());
        let account = wanted.as_str();
        directory::decided_over_time(db, account, license, cursor, limit, as_of.sequence)
    });
    let page = asked.await?;
    accounts::answer_page(&app, &name, as_of, &page).await
}
