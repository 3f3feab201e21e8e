//! Accounts.

use axum::extract::State;
use axum::response::Response;
use events::AccountId;
use projections::Page;
use projections::licenses::{self, AccountSummary};
use serde::Deserialize;
use utoipa::IntoParams;

use super::App;
use super::problem::Problem;
use super::query::{self, AsOfSequence, Params, Segments};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Where to go on: `next` of the page before
    cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    limit: Option<usize>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// Accounts, by name
#[utoipa::path(
    get, path = "/v1/accounts",
    tag = "read", operation_id = "list_accounts", params(ListParams),
    responses(
        (status = 200, description = "A page of accounts", body = Page<AccountSummary>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let limit = query::limit(params.limit)?;
    let page = query::ask_slowly(view, move |db| {
        licenses::accounts(db, params.cursor.as_deref(), limit, as_of.sequence)
    });
    let page = page.await?;
    query::answer(as_of, page.sequence, &page)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OneParams {
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// One account
#[utoipa::path(
    get, path = "/v1/accounts/{account}",
    tag = "read", operation_id = "get_account",
    params(("account" = String, Path, description = "Which account"), OneParams),
    responses(
        (status = 200, description = "The account", body = AsOfSequence<AccountSummary>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Response, Problem> {
    let name = query::account(&account)?;
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let asked =
        query::ask_slowly(view, move |db| licenses::account(db, name.as_str(), as_of.sequence));
    let (found, sequence) = asked.await?;
    let item = found.ok_or_else(|| unknown(&account))?;
    query::answer(as_of, sequence, &AsOfSequence { item, sequence })
}

/// An empty list of an account that is not there is an answer to another question.
pub(super) async fn known(app: &App, account: &AccountId, sequence: u64) -> Result<(), Problem> {
    let view = &app.views.licenses;
    query::as_of(app, view, None, Some(sequence)).await?;
    let (found, _) = query::ask(view, |db| licenses::account(db, account.as_str(), sequence))?;
    match found {
        Some(_) => Ok(()),
        None => Err(unknown(account.as_str())),
    }
}

/// There is no such account.
pub(super) fn unknown(account: &str) -> Problem {
    query::not_found(
        "account_not_found",
        "There is no such account",
        format!("there is no account {account}"),
    )
    .hint("an account exists from the first command on that is accepted for it")
}
