//! Accounts.

use axum::extract::State;
use axum::response::Response;
use events::AccountId;
use projections::Page;
use projections::licenses::{self, AccountSummary};
use serde::Serialize;

use super::App;
use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, AsOf, AsOfParams, AsOfSequence, PageParams, Params, Segments};
use crate::auth::Access;

/// Accounts, by name
#[utoipa::path(
    get, path = "/v1/accounts",
    tag = "read", operation_id = "list_accounts", params(PageParams),
    responses(
        (status = 200, description = "A page of accounts", body = Page<AccountSummary>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    caller.may(Access::Read)?;
    let view = &app.views.licenses;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let limit = query::limit(params.limit)?;
    let home = caller.only().cloned();
    let page = query::ask_slowly(view, move |db| {
        let (cursor, at) = (params.cursor.as_deref(), as_of.sequence);
        licenses::accounts(db, home.as_ref().map(AccountId::as_str), cursor, limit, at)
    });
    let page = page.await?;
    query::answer(as_of, page.sequence, &page)
}

/// One account
#[utoipa::path(
    get, path = "/v1/accounts/{account}",
    tag = "read", operation_id = "get_account",
    params(("account" = String, Path, description = "Which account"), AsOfParams),
    responses(
        (status = 200, description = "The account", body = AsOfSequence<AccountSummary>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<AsOfParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
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
    match query::ask(view, |db| licenses::account_exists(db, account.as_str(), sequence))? {
        true => Ok(()),
        false => Err(unknown(account.as_str())),
    }
}

/// A page of something of an account.
pub(super) async fn answer_page<T: Serialize>(
    app: &App,
    account: &AccountId,
    as_of: AsOf,
    page: &Page<T>,
) -> Result<Response, Problem> {
    if page.items.is_empty() {
        known(app, account, page.sequence).await?;
    }
    query::answer(as_of, page.sequence, page)
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
