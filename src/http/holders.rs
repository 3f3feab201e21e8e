//! Holders: who is known to an account.

use axum::extract::State;
use axum::response::Response;
use events::Email;
use projections::Page;
use projections::directory::{self, HolderFilter, KnownHolder};
use serde::Deserialize;
use utoipa::IntoParams;

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, AsOfParams, AsOfSequence, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only those of whom somebody said who they are, or only those who were just named
    registered: Option<bool>,
    /// Only those who get nothing any more, or only those who do
    retired: Option<bool>,
    /// Only everybody known by this e-mail address: users, and the address itself
    email: Option<String>,
    /// Only the one with this number
    number: Option<u64>,
    /// Where to go on: `next` of the page before
    cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    limit: Option<usize>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    at: Option<String>,
    /// Wait until this sequence is taken in
    min_sequence: Option<u64>,
}

/// Holders known to an account, in the order in which they were first named
#[utoipa::path(
    get, path = "/v1/accounts/{account}/holders",
    tag = "read", operation_id = "list_holders",
    params(("account" = String, Path, description = "Of which account"), ListParams),
    responses(
        (status = 200, description = "A page of holders", body = Page<KnownHolder>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such account", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(account): Segments<String>,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let email = params.email.as_deref().map(query::email).transpose()?;
    let view = &app.views.directory;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, name.clone());
    let asked = query::ask_slowly(view, move |db| {
        let filter = HolderFilter {
            registered: params.registered,
            retired: params.retired,
            email: email.as_ref().map(Email::as_str),
            number: params.number,
            user_name: None,
        };
        let cursor = params.cursor.as_deref();
        directory::holders(db, wanted.as_str(), &filter, cursor, limit, as_of.sequence)
    });
    let page = asked.await?;
    accounts::answer_page(&app, &name, as_of, &page).await
}

/// One user, with their groups and their direct set
#[utoipa::path(
    get, path = "/v1/accounts/{account}/holders/{holder}",
    tag = "read", operation_id = "get_holder",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("holder" = String, Path, description = "A user id"),
        AsOfParams
    ),
    responses(
        (status = 200, description = "The holder", body = AsOfSequence<KnownHolder>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such holder", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    caller: Caller,
    State(app): State<App>,
    Segments((account, holder)): Segments<(String, String)>,
    Params(params): Params<AsOfParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.directory;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (found, sequence) =
        query::ask(view, |db| directory::holder(db, name.as_str(), &holder, as_of.sequence))?;
    let unknown = || {
        let detail = format!("there is no user {holder} in {account}");
        query::not_found("holder_not_found", "Nobody is known by this name", detail)
            .hint("an address is asked for with /holders?email=")
    };
    let item = found.ok_or_else(unknown)?;
    query::answer(as_of, sequence, &AsOfSequence { item, sequence })
}
