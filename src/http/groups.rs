//! Groups: who is in them, and what they give.

use axum::extract::State;
use axum::response::Response;
use projections::Page;
use projections::directory::{self, Group, Member};

use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, AsOfParams, AsOfSequence, PageParams, Params, Segments};
use super::{App, accounts};
use crate::auth::Access;

/// Groups of an account, by name
#[utoipa::path(
    get, path = "/v1/accounts/{account}/groups",
    tag = "read", operation_id = "list_groups",
    params(("account" = String, Path, description = "Of which account"), PageParams),
    responses(
        (status = 200, description = "A page of groups", body = Page<Group>),
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
        directory::groups(db, wanted.as_str(), params.cursor.as_deref(), limit, as_of.sequence)
    });
    let page = asked.await?;
    accounts::answer_page(&app, &name, as_of, &page).await
}

/// One group, with what it gives
#[utoipa::path(
    get, path = "/v1/accounts/{account}/groups/{group}",
    tag = "read", operation_id = "get_group",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("group" = String, Path, description = "Which group"),
        AsOfParams
    ),
    responses(
        (status = 200, description = "The group", body = AsOfSequence<Group>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such group", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn one(
    caller: Caller,
    State(app): State<App>,
    Segments((account, group)): Segments<(String, String)>,
    Params(params): Params<AsOfParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.directory;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (found, sequence) =
        query::ask(view, |db| directory::group(db, name.as_str(), &group, as_of.sequence))?;
    let item = found.ok_or_else(|| unknown(&account, &group))?;
    query::answer(as_of, sequence, &AsOfSequence { item, sequence })
}

/// Members of a group, in the order in which they are served
#[utoipa::path(
    get, path = "/v1/accounts/{account}/groups/{group}/members",
    tag = "read", operation_id = "list_group_members",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("group" = String, Path, description = "Of which group"),
        PageParams
    ),
    responses(
        (status = 200, description = "A page of members", body = Page<Member>),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "There is no such group", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn members(
    caller: Caller,
    State(app): State<App>,
    Segments((account, group)): Segments<(String, String)>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let name = native::account(&caller, &account, Access::Read)?;
    let view = &app.views.directory;
    let as_of = query::as_of(&app, view, params.at.as_deref(), params.min_sequence).await?;
    let (limit, wanted) = (query::limit(params.limit)?, group.clone());
    let asked = query::ask_slowly(view, move |db| {
        let (account, cursor) = (name.as_str(), params.cursor.as_deref());
        let page = directory::members(db, account, &wanted, cursor, limit, as_of.sequence)?;
        // An empty list of a group that is not there is an answer to another question.
        let known = !page.items.is_empty()
            || directory::group(db, account, &wanted, page.sequence)?.0.is_some();
        Ok((page, known))
    });
    match asked.await? {
        (page, true) => query::answer(as_of, page.sequence, &page),
        (_, false) => Err(unknown(&account, &group)),
    }
}

/// There is no such group.
fn unknown(account: &str, group: &str) -> Problem {
    query::not_found(
        "group_not_found",
        "There is no such group",
        format!("there is no group {group} in {account}"),
    )
    .hint("a group exists from its first AddMembers or SetGroupRule on")
}
